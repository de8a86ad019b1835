"""Signing keys: one for each kind of token, and rotated without breaking what is still good."""

from __future__ import annotations

from cartaguard.devserver.store import Store


def test_id_and_access_tokens_have_different_keys(store: Store) -> None:
    with store.begin() as tables:
        kids = {tables.keys.signing(use, until=0).kid for use in ("id", "access")}
        assert len(kids) == 2
        assert {key.kid for key in tables.keys.published(now=0)} == kids


def test_after_a_rotation_a_key_is_published_until_what_it_signed_has_expired(store: Store) -> None:
    with store.begin() as tables:
        old = tables.keys.signing("id", until=1000)
        tables.keys.signing("id", until=500)
        unused = tables.keys.signing("access", until=0)
        tables.keys.rotate()
        new = {tables.keys.signing(use, until=0).kid for use in ("id", "access")}
        assert old.kid not in new
        assert {key.kid for key in tables.keys.published(now=999)} == {*new, old.kid}
        assert {key.kid for key in tables.keys.published(now=1000)} == new
        assert unused.kid not in new


def test_a_public_key_says_what_it_is_for_and_nothing_private(store: Store) -> None:
    with store.begin() as tables:
        key = tables.keys.published(now=0)[0]
        assert set(key.jwk()) == {"alg", "e", "kid", "kty", "n", "use"}
        assert key.private.key_size == 2048
        assert repr(key) == f"SigningKey(kid={key.kid!r})"
