"""API tokens: limited by endpoint, uses and time, stored as digests, told once."""

from __future__ import annotations

import pytest

from cartaguard.devserver.apitokens import ApiToken
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.pool import POOL
from cartaguard.devserver.store import Store, Tables
from support.stored import everything_in

NOW = 1_800_000_000.0


@pytest.fixture
def filled(store: Store) -> Store:
    with store.begin() as tables:
        for name in ("olga", "otto"):
            tables.people.add(name, "secret", pool_id=POOL.id)
    return store


def made(tables: Tables, name: str = "ci", *, expires: float | None = None, uses: int | None = None, auto_remove: bool = False) -> ApiToken:
    return tables.apitokens.add("olga", name, ["GET /user"], expires=expires, uses=uses, auto_remove=auto_remove)


def used(tables: Tables, key: str, *, path: str = "/user", now: float = NOW) -> bool:
    subject = tables.apitokens.use(key, "GET", path, now=now)
    olga = tables.people.named("olga")
    assert olga is not None
    assert subject in (None, olga.id)
    return subject is not None


def test_a_key_is_told_once_and_obscured_ever_after(filled: Store) -> None:
    with filled.begin() as tables:
        token = made(tables)
        (listed,) = tables.apitokens.of("olga")
        assert used(tables, token.key)
    assert len(token.key) > 40
    assert listed.key == f"********{token.key[-4:]}"
    assert token.key not in repr(token)
    assert token.key.encode() not in everything_in(filled)


def test_a_token_is_its_users_and_good_until_it_is_revoked(filled: Store) -> None:
    with filled.begin() as tables:
        key = made(tables).key
        assert used(tables, key)
        assert tables.apitokens.of("olga")[0].last_used == NOW
        assert tables.apitokens.of("otto") == []
        for wrong in (key[:-1], key.lower(), "", "********", "\ud800"):
            assert not used(tables, wrong)
        tables.apitokens.revoke("olga", "ci")
        assert not used(tables, key)
        assert tables.apitokens.of("olga")[0].revoked


def test_a_token_is_good_until_it_expires(filled: Store) -> None:
    with filled.begin() as tables:
        key = made(tables, expires=NOW).key
        assert used(tables, key, now=NOW - 1)
        assert not used(tables, key, now=NOW)


def test_uses_are_counted_and_a_refused_request_is_none(filled: Store) -> None:
    with filled.begin() as tables:
        key = made(tables, uses=2).key
        with pytest.raises(ApiError) as caught:
            used(tables, key, path="/user/authenticated")
        assert caught.value.status == 403
        assert [used(tables, key) for _ in range(3)] == [True, True, False]
        assert tables.apitokens.of("olga")[0].uses == 0


def test_a_token_that_removes_itself_is_gone_when_revoked_or_used_up(filled: Store) -> None:
    with filled.begin() as tables:
        once, unlimited = made(tables, "once", uses=1, auto_remove=True), made(tables, "unlimited", auto_remove=True)
        assert used(tables, once.key)
        assert used(tables, unlimited.key)
        assert [token.name for token in tables.apitokens.of("olga")] == ["unlimited"]
        tables.apitokens.revoke("olga", "unlimited")
        assert tables.apitokens.of("olga") == []
        assert not used(tables, unlimited.key)


def test_a_name_is_unique_among_one_users_tokens(filled: Store) -> None:
    with filled.begin() as tables:
        made(tables)
        with pytest.raises(ApiError, match="duplicate"):
            made(tables)
        tables.apitokens.add("otto", "ci", ["ANY /**"], expires=None, uses=None)


@pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "ä", "a" * 129, "a\n"])
def test_a_name_is_letters_digits_and_four_signs(filled: Store, name: str) -> None:
    with filled.begin() as tables, pytest.raises(ApiError, match="name"):
        made(tables, name)


@pytest.mark.parametrize("endpoints", [[], ["GET"], ["GET /user", "x"], ["ANY /**"] * 101, ["GET /" + "a" * 1024]])
def test_a_token_needs_endpoints_and_not_too_many(filled: Store, endpoints: list[str]) -> None:
    with filled.begin() as tables, pytest.raises(ApiError, match="allowedEndpoints"):
        tables.apitokens.add("olga", "ci", endpoints, expires=None, uses=None)


def test_what_is_not_there_is_neither_removed_nor_revoked(filled: Store) -> None:
    with filled.begin() as tables:
        made(tables)
        for change in (tables.apitokens.remove, tables.apitokens.revoke):
            with pytest.raises(ApiError) as caught:
                change("otto", "ci")
            assert caught.value.status == 404
        tables.apitokens.remove("olga", "ci")
        assert tables.apitokens.of("olga") == []
