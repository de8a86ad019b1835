"""A requirement written as a table in a policy file (TOML or JSON)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cartaguard.errors import RequirementError
from cartaguard.model.requirement import (
    Requirement,
    all_of,
    any_of,
    authenticated,
    claim,
    deny,
    groups,
    permission,
    public,
    restricted,
    scopes,
    users,
)

__all__ = ["read_requirement"]


def read_requirement(table: object) -> Requirement:
    """Build the requirement that a table states.

    One word of ``public``, ``authenticated``, ``users``, ``groups``, ``permission`` (with ``on``), ``scopes``,
    ``claim``, ``restricted``, ``deny``, ``any``, ``all``; beside it only the options of that word.

    Raises :class:`~cartaguard.errors.RequirementError` for anything else, naming the key.
    """
    if not isinstance(table, Mapping):
        raise RequirementError(
            f'`{table!r}` is not a requirement: a table such as {{ groups = ["Org:Name"] }} is expected', code="bad_table"
        )
    words = [key for key in table if key in _WORDS]
    if not words:
        unknown = next(iter(table), None)
        if unknown is None:
            raise RequirementError("an empty requirement says nothing", code="empty")
        raise RequirementError(f"unknown key `{unknown}` in a requirement; use one of {', '.join(_WORDS)}", code="unknown_key")
    if len(words) > 1:
        raise RequirementError(
            f"a requirement says one thing, and this one says `{words[0]}` and `{words[1]}`; combine with `all` or `any`", code="two_words"
        )
    word = words[0]
    build, options = _WORDS[word]
    for key in table:
        if key != word and key not in options:
            raise RequirementError(f"unknown key `{key}` beside `{word}` in a requirement", code="unknown_key")
    rest = {key: value for key, value in table.items() if key != word}
    if not isinstance(rest.get("conceal", False), bool):
        raise RequirementError("`conceal` is true or false", code="bad_table")
    return build(table[word], rest)


def _flag(word: str, requirement: Requirement) -> Callable[[Any, dict[str, Any]], Requirement]:
    def build(value: Any, rest: dict[str, Any]) -> Requirement:
        if value is not True:
            raise RequirementError(f"`{word} = true` is all that can be said with `{word}`", code="bad_table")
        return requirement

    return build


def _list(word: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise RequirementError(f'`{word}` takes a list, such as {word} = ["…"]', code="bad_table")
    return value


def _permission(value: Any, rest: dict[str, Any]) -> Requirement:
    if "on" not in rest:
        raise RequirementError(f'`permission = "{value}"` needs `on`, such as on = "Project:{{project_id}}"', code="bad_table")
    return permission(value, rest.pop("on"), **rest)


def _claim(value: Any, rest: dict[str, Any]) -> Requirement:
    if not isinstance(value, Mapping) or len(value) != 1:
        raise RequirementError(
            '`claim` takes one claim and its value or values, such as claim = { department = "physics" }', code="bad_table"
        )
    [(name, values)] = value.items()
    return claim(name, *(values if isinstance(values, list) else (values,)), **rest)


def _parts(word: str, combine: Callable[..., Requirement]) -> Callable[[Any, dict[str, Any]], Requirement]:
    def build(value: Any, rest: dict[str, Any]) -> Requirement:
        return combine(*map(read_requirement, _list(word, value)))

    return build


_WORDS: dict[str, tuple[Callable[[Any, dict[str, Any]], Requirement], tuple[str, ...]]] = {
    "public": (lambda value, rest: public(value), ()),
    "authenticated": (_flag("authenticated", authenticated), ()),
    "deny": (_flag("deny", deny), ()),
    "users": (lambda value, rest: users(*_list("users", value), **rest), ("issuer", "conceal")),
    "groups": (lambda value, rest: groups(*_list("groups", value), **rest), ("max_age", "max_stale", "conceal")),
    "scopes": (lambda value, rest: scopes(*_list("scopes", value), **rest), ("conceal",)),
    "claim": (_claim, ("conceal",)),
    "permission": (_permission, ("on", "max_age", "max_stale", "conceal")),
    "restricted": (lambda value, rest: restricted(value, **rest), ("max_age", "max_stale", "conceal")),
    "any": (_parts("any", any_of), ()),
    "all": (_parts("all", all_of), ()),
}
