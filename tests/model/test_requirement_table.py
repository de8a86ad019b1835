"""A requirement as a table in a policy file: one word, its options, nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from cartaguard import Requirement, all_of, any_of, authenticated, claim, errors, groups, permission, public, restricted, scopes, users
from cartaguard.model.requirement import deny
from cartaguard.model.requirement_table import read_requirement

GOOD: list[tuple[dict[str, Any], Requirement]] = [
    ({"public": "health check"}, public("health check")),
    ({"authenticated": True}, authenticated),
    ({"deny": True}, deny),
    ({"users": ["olga"]}, users("olga")),
    ({"users": ["olga"], "issuer": "i", "conceal": True}, users("olga", issuer="i", conceal=True)),
    ({"groups": ["OrgA:Team"], "conceal": False}, groups("OrgA:Team")),
    ({"groups": ["OrgA:Team"], "max_age": 0}, groups("OrgA:Team", max_age=0)),
    (
        {"permission": "read", "on": "Project:p", "max_age": 2.5, "max_stale": 60},
        permission("read", "Project:p", max_age=2.5, max_stale=60),
    ),
    ({"restricted": "DataSet:d", "max_stale": 30}, restricted("DataSet:d", max_stale=30)),
    ({"scopes": ["a", "b"]}, scopes("a", "b")),
    ({"claim": {"department": "physics"}}, claim("department", "physics")),
    ({"claim": {"level": [1, 2]}, "conceal": True}, claim("level", 1, 2, conceal=True)),
    ({"permission": "read", "on": "Project:{id}"}, permission("read", "Project:{id}")),
    ({"permission": "read", "on": "Project:{id}", "conceal": True}, permission("read", "Project:{id}", conceal=True)),
    ({"restricted": "DataSet:{id}"}, restricted("DataSet:{id}")),
    ({"any": [{"groups": ["a"]}, {"users": ["b"]}]}, any_of(groups("a"), users("b"))),
    ({"all": [{"groups": ["a"]}, {"any": [{"users": ["b"]}, {"deny": True}]}]}, all_of(groups("a"), any_of(users("b"), deny))),
]


@pytest.mark.parametrize(("table", "expected"), GOOD)
def test_a_table_says_a_requirement(table: dict[str, Any], expected: Requirement) -> None:
    assert read_requirement(table) == expected


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({}, "empty"),
        (None, "bad_table"),
        ([], "bad_table"),
        ("authenticated", "bad_table"),
        ({"grops": ["a"]}, "unknown_key"),
        ({"conceal": True}, "unknown_key"),
        ({"groups": ["a"], "users": ["b"]}, "two_words"),
        ({"groups": ["a"], "issuer": "i"}, "unknown_key"),
        ({"groups": ["a"], "colour": 1}, "unknown_key"),
        ({"groups": ["a"], "conceal": 1}, "bad_table"),
        ({"groups": ["a"], "max_age": "1"}, "bad_freshness"),
        ({"users": ["a"], "max_age": 1}, "unknown_key"),
        ({"authenticated": False}, "bad_table"),
        ({"authenticated": 1}, "bad_table"),
        ({"deny": False}, "bad_table"),
        ({"public": True}, "public_without_reason"),
        ({"groups": []}, "empty"),
        ({"groups": "OrgA:Team"}, "bad_table"),
        ({"groups": [5]}, "bad_name"),
        ({"users": {"olga": 1}}, "bad_table"),
        ({"scopes": ["a b"]}, "bad_scope"),
        ({"claim": "department"}, "bad_table"),
        ({"claim": {}}, "bad_table"),
        ({"claim": {"a": 1, "b": 2}}, "bad_table"),
        ({"claim": {"a": []}}, "empty"),
        ({"claim": {"a": {"b": 1}}}, "bad_claim"),
        ({"permission": "read"}, "bad_table"),
        ({"permission": "reed", "on": "Project:p"}, "unknown_permission"),
        ({"permission": ["read"], "on": "Project:p"}, "unknown_permission"),
        ({"permission": "read", "on": 5}, "bad_template"),
        ({"restricted": ""}, "bad_template"),
        ({"any": []}, "empty"),
        ({"all": {}}, "bad_table"),
        ({"any": [{"groups": ["a"]}, {}]}, "empty"),
        ({"any": [{"groups": ["a"]}], "conceal": True}, "unknown_key"),
    ],
)
def test_anything_else_is_an_error_with_a_stable_code(table: object, code: str) -> None:
    with pytest.raises(errors.RequirementError) as caught:
        read_requirement(table)
    assert caught.value.code == code
