"""Permissions are explicit flags: an owner holds all of them, an admin none of the data permissions."""

from __future__ import annotations

import pytest

from cartaguard import Permission, Role, errors
from cartaguard.model.permission import ACTIONS, action_flag, holds

FLAGS = dict(zip(ACTIONS, (1, 2, 4, 8, 16, 32), strict=True))


@pytest.mark.parametrize("held", range(64))
@pytest.mark.parametrize("action", ACTIONS)
def test_every_way_to_ask_for_a_flag_gives_the_same_answer(held: int, action: str) -> None:
    expected = bool(held & FLAGS[action]) or bool(held & 32)
    permission = Permission(held)
    assert (action in permission) is expected
    assert getattr(permission, action) is expected
    assert (Permission(FLAGS[action]) in permission) is expected
    assert holds(permission, action_flag(action)) is expected
    assert bool(permission.effective & FLAGS[action]) is expected


@pytest.mark.parametrize("nothing", ["", "Read", "sudo", 0, Permission.NONE, None, 1.5])
def test_nothing_is_held_vacuously(nothing: object) -> None:
    assert nothing not in Permission.ALL


def test_an_admin_holds_no_data_permission() -> None:
    assert Permission.of("admin").words == ("admin",)


def test_words_become_flags_and_an_owner_brings_all() -> None:
    assert Permission.of("read", "clone") == Permission.READ | Permission.CLONE
    assert Permission.of("owner") == Permission.ALL
    assert Permission.of() == Permission.NONE


@pytest.mark.parametrize("word", ["Read", "reads", "", None, 1])
def test_a_word_that_is_no_permission_is_an_error(word: str) -> None:
    with pytest.raises(errors.RequirementError, match="is not a permission") as caught:
        Permission.of(word)
    assert caught.value.code == "unknown_permission"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Read, Write", Permission.READ | Permission.WRITE),
        (" read ,EXECUTE,sudo,", Permission.READ | Permission.EXECUTE),
        ("Owner", Permission.ALL),
        ("", Permission.NONE),
        ("None", Permission.NONE),
    ],
)
def test_cartas_text_is_read_and_unknown_words_grant_nothing(text: str, expected: Permission) -> None:
    assert Permission.parse(text) == expected


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("None", ()),
        ("Guest", ("read",)),
        ("User", ("read", "execute")),
        ("Editor", ("read", "write", "execute")),
        ("Owner", ACTIONS),
    ],
)
def test_a_role_is_a_set_of_permissions(role: str, words: tuple[str, ...]) -> None:
    assert Role(role).permission.words == words


def test_an_unknown_role_is_no_role() -> None:
    assert list(Role.names()) == ["None", "Guest", "User", "Editor", "Owner"]
    with pytest.raises(ValueError, match="Admin"):
        Role("Admin")


def test_a_permission_prints_as_its_words() -> None:
    assert str(Permission.READ | Permission.ADMIN) == "read, admin"
    assert str(Permission.NONE) == "none"
