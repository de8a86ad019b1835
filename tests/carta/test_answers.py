"""Carta's answers are read strictly, and nothing that is half understood grants anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartaguard.carta.calls import permissions, users
from cartaguard.carta.reading import record, sound
from cartaguard.carta.records import Person, Record
from cartaguard.errors import CartaError
from cartaguard.http.exchange import HttpResponse
from cartaguard.model.permission import Permission


def read_permission(body: bytes) -> Permission:
    return permissions.held("p1", "olga").read(HttpResponse(200, {}, body))


def read_item(body: bytes, id: str) -> Record:
    return permissions.get("Project", id).read(HttpResponse(200, {}, body))


def read_items(body: bytes) -> tuple[list[Record], bool]:
    return sound(record("Project"))(HttpResponse(200, {}, body))


def read_user(body: bytes) -> Person:
    return users.current().read(HttpResponse(200, {}, body))


def read_users(body: bytes) -> tuple[Person, ...]:
    return users.search("olga").read(HttpResponse(200, {}, body))


def item(id: str, permission: Permission = Permission.NONE) -> Record:
    return Record(id, "Project", permission=permission)


READ, WRITE, ALL_WORDS = Permission.READ, Permission.WRITE, Permission.of("read", "write", "execute", "clone", "admin")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Permission.NONE),
        (" \r\n", Permission.NONE),
        ("Read", READ),
        ("Read, Write", READ | WRITE),
        ("read,WRITE ", READ | WRITE),
        ("Read\n", READ),
        ("Execute, Write, Read, Clone, Admin", ALL_WORDS),
        ("Owner", Permission.NONE),
        ("Read, Owner", READ),
        ("Read Write", Permission.NONE),
        ("Read; Write", Permission.NONE),
        ("Read, Fly", READ),
        (",,Read,,", READ),
        ("null", Permission.NONE),
        ("Reader", Permission.NONE),
        ("Re\u0430d", Permission.NONE),
        ("\ufeffRead, Write", None),
    ],
)
def test_bare_text_is_words_out_of_five_and_other_words_are_dropped(text: str, expected: Permission | None) -> None:
    if expected is None:
        with pytest.raises(CartaError):
            read_permission(text.encode())
    else:
        assert read_permission(text.encode()) == expected


@pytest.mark.parametrize(
    "body",
    [
        b'"Read, Write, Execute"',
        b"'Read, Write'",
        b'["Read", "Write"]',
        b"<p>x, Read, y</p>",
        b'{"permission": "Read"}',
        b"\xff",
        b"a\0, Read",
    ],
)
def test_quoted_text_json_and_pages_are_no_permission_text(body: bytes) -> None:
    with pytest.raises(CartaError) as caught:
        read_permission(body)
    assert caught.value.code == "carta_malformed"


def _body(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"id": "p1", "permission": "Read"}, READ),
        ({"permission": "Read"}, READ),
        ({"id": "p1"}, Permission.NONE),
        ({"id": "p1", "permission": None}, Permission.NONE),
        ({"id": "p1", "permission": ""}, Permission.NONE),
        ({"id": "p1", "permission": "Owner"}, Permission.NONE),
        ({"id": "p1", "permission": "Read", "name": None}, READ),
    ],
)
def test_an_item_says_what_is_held_and_nothing_is_held_where_it_does_not(value: object, expected: Permission) -> None:
    assert read_item(_body(value), "p1") == item("p1", expected)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Read",
        b"null",
        b"[]",
        b'"Read"',
        b'{"id": "p2", "permission": "Read"}',
        b'{"id": 1, "permission": "Read"}',
        b'{"id": null, "permission": "Read"}',
        b'{"id": "p1", "permission": ["Read"]}',
        b'{"id": "p1", "permission": {"read": true}}',
        b'{"id": "p1", "permission": true}',
        b'{"id": "p1", "permission": 1}',
        b'{"id": "p1", "permission": "\\"Read\\", Write"}',
        b'{"id": "p1", "permission": "None", "permission": "Read"}',
        b'{"id": "p1", "permission": "Read", "x": NaN}',
        b'{"id": "p1", "permission": "Read"',
        b'{"id": "p1", "permission": "Read"} {}',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b"<html>",
    ],
)
def test_what_is_no_item_or_another_one_is_malformed(body: bytes) -> None:
    with pytest.raises(CartaError) as caught:
        read_item(body, "p1")
    assert caught.value.code == "carta_malformed"


def test_items_come_in_the_order_of_their_ids_with_what_is_held() -> None:
    items, sound = read_items(_body([{"id": "b", "permission": "Read"}, {"id": "a"}, {"id": "B", "permission": "Write"}]))
    assert items == [item("B", WRITE), item("a"), item("b", READ)]
    assert sound


@pytest.mark.parametrize("entry", [None, 1, "a", [], {}, {"id": ""}, {"id": 1}, {"id": "a", "permission": 7}])
def test_a_malformed_entry_is_left_out_and_told(entry: object) -> None:
    items, sound = read_items(_body([entry, {"id": "b", "permission": "Read"}]))
    assert (items, sound) == ([item("b", READ)], False)


def test_of_an_item_that_is_there_twice_only_what_both_say_is_held() -> None:
    items, sound = read_items(_body([{"id": "a", "permission": "Read, Write"}, {"id": "a", "permission": "Read, Clone"}]))
    assert (items, sound) == ([item("a", READ)], False)


@pytest.mark.parametrize("value", [None, {}, "a", 1])
def test_what_is_no_list_is_malformed(value: object) -> None:
    for read in (read_items, read_users):
        with pytest.raises(CartaError):
            read(_body(value))


def test_a_user_is_read_with_groups_and_organization() -> None:
    value = {"name": "olga", "id": "s1", "email": "o@example.org", "organization": "OrgA", "groups": ["OrgA:Team", "X"]}
    assert read_user(_body(value)) == Person("olga", "s1", "o@example.org", organization="OrgA", groups=("OrgA:Team", "X"))
    assert read_users(_body([value, {"name": "adam"}]))[1] == Person("adam")


def test_fields_of_a_user_that_are_null_or_absent_are_empty() -> None:
    assert read_user(b'{"name": "olga", "id": null, "organization": null, "groups": null}') == Person("olga")


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"name": None},
        {"name": ""},
        {"name": 1},
        {"name": "olga", "groups": "OrgA:Team"},
        {"name": "olga", "groups": ["OrgA:Team", None]},
        {"name": "olga", "groups": [""]},
        {"name": "olga", "groups": {"OrgA:Team": True}},
        {"name": "olga", "organization": ["OrgA"]},
        {"name": "olga", "id": 7},
        [],
        True,
    ],
)
def test_what_is_no_user_is_malformed(value: object) -> None:
    with pytest.raises(CartaError) as caught:
        read_user(_body(value))
    assert caught.value.code == "carta_malformed"


@pytest.mark.parametrize("read", [read_permission, lambda body: read_item(body, "p1"), read_items, read_user, read_users])
def test_no_text_of_an_answer_is_in_the_error(read: Callable[[bytes], object]) -> None:
    with pytest.raises(CartaError) as caught:
        read(b'{"name": 1, "id": "hunter2", "permission": ["hunter2"]')
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_are_a_carta_error(body: bytes) -> None:
    readers: list[Callable[[bytes], object]] = [read_permission, lambda body: read_item(body, "p"), read_items, read_user, read_users]
    for read in readers:
        with suppress(CartaError):
            read(body)
