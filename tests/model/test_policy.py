"""A policy: entries in order, none repeated, none unreachable, every fault named with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cartaguard import Policy, authenticated, errors, groups, public
from cartaguard.model.pattern import PathPattern
from cartaguard.model.policy import PolicyEntry, read_methods


def routes(*lines: dict[str, Any]) -> dict[str, Any]:
    return {"routes": [{"require": {"authenticated": True}, **line} for line in lines]}


def test_entries_are_read_in_order() -> None:
    policy = Policy.from_dict(
        {
            "routes": [
                {"path": "/health", "methods": ["GET", "HEAD"], "protocols": ["http"], "require": {"public": "probes"}},
                {"path": "/*", "require": {"groups": ["OrgA:Team"]}},
            ]
        }
    )
    first, second = policy.entries
    assert (first.pattern.text, first.requirement, first.methods) == ("/health", public("probes"), frozenset({"GET"}))
    assert (second.requirement, second.methods) == (groups("OrgA:Team"), None)
    assert [entry.protocols for entry in policy.entries] == [frozenset({"http"}), frozenset({"http", "websocket"})]
    assert repr(policy) == "<Policy of 2 entries>"
    assert Policy().entries == Policy.from_dict({"routes": []}).entries == ()


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (None, "bad_policy"),
        ([], "bad_policy"),
        ({}, "bad_policy"),
        ({"routes": {}}, "bad_policy"),
        ({"routes": [], "extra": 1}, "unknown_key"),
        ({"routes": ["/a"]}, "bad_policy"),
        ({"routes": [{"path": "/a"}]}, "missing_key"),
        ({"routes": [{"require": {"authenticated": True}}]}, "missing_key"),
        (routes({"path": "/a", "method": ["GET"]}), "unknown_key"),
        (routes({"path": "a"}), "bad_pattern"),
        (routes({"path": None}), "bad_pattern"),
        (routes({"path": "/a", "require": {}}), "empty"),
        (routes({"path": "/a", "methods": []}), "bad_methods"),
        (routes({"path": "/a", "methods": "GET"}), "bad_methods"),
        (routes({"path": "/a", "methods": ["get"]}), "bad_methods"),
        (routes({"path": "/a", "methods": [""]}), "bad_methods"),
        (routes({"path": "/a", "methods": [1]}), "bad_methods"),
        (routes({"path": "/a", "methods": ["HEAD"]}), "bad_methods"),
        (routes({"path": "/a", "protocols": []}), "bad_protocols"),
        (routes({"path": "/a", "protocols": "http"}), "bad_protocols"),
        (routes({"path": "/a", "protocols": ["https"]}), "bad_protocols"),
        (routes({"path": "/a", "protocols": [["http"]]}), "bad_protocols"),
        (routes({"path": "/p/{id}", "require": {"permission": "read", "on": "Project:{pid}"}}), "unknown_parameter"),
    ],
)
def test_a_malformed_policy_is_an_error_with_a_stable_code(table: Any, code: str) -> None:
    with pytest.raises((errors.PolicyError, errors.RequirementError)) as caught:
        Policy.from_dict(table)
    assert caught.value.code == code


def test_a_fault_names_entry_and_path() -> None:
    with pytest.raises(errors.RequirementError, match=r"`routes\[1\]` \(`/b`\): unknown key `grops`"):
        Policy.from_dict(routes({"path": "/a"}, {"path": "/b", "require": {"grops": ["x"]}}))


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([{"path": "/a"}, {"path": "/a"}], "repeated"),
        ([{"path": "/{x}"}, {"path": "/{y}"}], "repeated"),
        ([{"path": "/a", "methods": ["GET", "HEAD"]}, {"path": "/a", "methods": ["GET"]}], "repeated"),
        ([{"path": "/*"}, {"path": "/a"}], "unreachable"),
        ([{"path": "/a"}, {"path": "/a", "methods": ["GET"]}], "unreachable"),
        ([{"path": "/a/*"}, {"path": "/a/{b}/*", "protocols": ["websocket"]}], "unreachable"),
        ([{"path": "/a", "methods": ["GET"]}, {"path": "/a", "protocols": ["websocket"]}], "unreachable"),
        (
            [{"path": "/a", "methods": ["GET"]}, {"path": "/*", "methods": ["PUT"]}, {"path": "/a", "methods": ["GET", "PUT"]}],
            "unreachable",
        ),
        ([{"path": "/a", "protocols": ["http"]}, {"path": "/{x}", "protocols": ["websocket"]}, {"path": "/a"}], "unreachable"),
        ([{"path": "/a"}, {"path": "/*"}], None),
        ([{"path": "/a"}, {"path": "/a/"}], None),
        ([{"path": "/a", "methods": ["GET"]}, {"path": "/a"}], None),
        ([{"path": "/a", "methods": ["GET"]}, {"path": "/a", "methods": ["GET", "PUT"], "protocols": ["http"]}], None),
        ([{"path": "/a", "protocols": ["http"]}, {"path": "/a"}], None),
    ],
)
def test_an_entry_that_earlier_ones_leave_nothing_for_is_an_error(lines: list[dict[str, Any]], code: str | None) -> None:
    if code is None:
        assert len(Policy.from_dict(routes(*lines)).entries) == len(lines)
        return
    with pytest.raises(errors.PolicyError) as caught:
        Policy.from_dict(routes(*lines))
    assert caught.value.code == code


def test_methods_may_be_any_collection_and_head_goes_with_get() -> None:
    assert read_methods(("GET", "HEAD")) == read_methods({"GET"}) == frozenset({"GET"})


def test_an_entry_covers_what_leaves_it_nothing() -> None:
    everything = PolicyEntry(PathPattern("/*"), authenticated)
    one = PolicyEntry(PathPattern("/a"), authenticated, frozenset({"GET"}), frozenset({"http"}))
    assert everything.covers(one)
    assert not one.covers(everything)


def test_a_policy_is_read_from_toml_and_from_json(tmp_path: Path) -> None:
    toml, json = tmp_path / "p.toml", tmp_path / "p.json"
    toml.write_text('[[routes]]\npath = "/a"\nrequire = { authenticated = true }\n', encoding="utf-8")
    json.write_text('{"routes": [{"path": "/a", "require": {"authenticated": true}}]}', encoding="utf-8")
    assert Policy.from_file(toml).entries[0].requirement == Policy.from_file(str(json)).entries[0].requirement == authenticated


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("p.toml", b"[[routes", "malformed"),
        ("p.json", b"{", "malformed"),
        ("p.json", b'{"routes": [], "routes": []}', "malformed"),
        ("p.json", b"[" * 100_000, "malformed"),
        ("p.toml", b"\xff", "unreadable"),
        ("p.toml", None, "unreadable"),
        ("p.toml", b"extra = 1", "unknown_key"),
        ("p.toml", b'[[routes]]\npath = "/a"\nrequire = {}\n', "empty"),
    ],
)
def test_a_fault_in_a_file_names_the_file(tmp_path: Path, name: str, content: bytes | None, code: str) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises((errors.PolicyError, errors.RequirementError)) as caught:
        Policy.from_file(file)
    assert caught.value.code == code
    assert str(file) in str(caught.value)
