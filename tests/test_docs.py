"""The code in docs/ does what the text beside it says."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cartaguard import Guard, Policy, Principal, authorize, errors, groups
from cartaguard.guard.guard import Guard as GuardClass
from support.tokens import bearer, token_for, verifier_for

DOCS = Path(__file__).parents[1] / "docs"

Page = Callable[[str], dict[str, Any]]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Page:
    """Run all Python blocks of a page, one after the other, as one module, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def execute(name: str) -> dict[str, Any]:
        blocks = re.findall(r"^```python\n(.*?)^```$", (DOCS / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        assert blocks
        module = ModuleType(f"docs_{name.removesuffix('.md')}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        for block in blocks:
            exec(compile(block, f"docs/{name}", "exec", dont_inherit=True), module.__dict__)
        return module.__dict__

    return execute


@pytest.fixture
def staff(page: Page) -> GuardClass:
    """A guard on the directory that docs/directories.md writes."""
    names = page("directories.md")
    connection = sqlite3.connect("staff.sqlite")
    connection.execute("CREATE TABLE staff (username TEXT, team TEXT)")
    connection.execute("INSERT INTO staff VALUES ('olga', 'Lab')")
    connection.commit()
    connection.close()
    return Guard(directory=names["StaffTable"]("staff.sqlite"))


def somebody(name: str) -> Principal:
    return Principal(issuer="https://issuer.example.org", subject=f"sub-{name}", username=name)


@pytest.mark.parametrize(("name", "permitted"), [("olga", True), ("otto", False)])
def test_the_directory_of_the_page_knows_its_table(staff: GuardClass, name: str, permitted: bool) -> None:
    """Who is in the table is in the group, and nobody else is."""
    assert staff.check(somebody(name), groups("Staff:Lab")).permitted is permitted


def test_the_directory_of_the_page_has_a_doubt_where_the_table_does_not_answer(staff: GuardClass) -> None:
    """A table that cannot be read is no denial: nobody can tell."""
    Path("staff.sqlite").unlink()
    decision = staff.check(somebody("olga"), groups("Staff:Lab"))
    assert decision.indeterminate
    assert "staff unavailable" in decision.detail.replace("_", " ")


POLICY = Policy.from_dict(
    {
        "routes": [
            {"path": "/open", "require": {"public": "test"}},
            {"path": "/lab", "methods": ["GET"], "require": {"groups": ["Org:Lab"]}},
        ]
    }
)


@pytest.mark.parametrize(
    ("method", "path", "values", "status", "reason"),
    [
        ("GET", "/open", [], 200, "anonymous"),
        ("GET", "/lab", [], 401, "unauthenticated"),
        ("GET", "/lab", bearer(token_for("otto")), 403, "not_group_member"),
        ("GET", "/lab", bearer(token_for("olga", ["Org:Lab"])), 200, "olga"),
        ("GET", "/lab", bearer(token_for("olga", ["Org:Lab"])) * 2, 400, "repeated_authorization"),
        ("GET", "/lab", [b"Bearer x.y.z"], 401, "bad_base64"),
        ("GET", "/open/../lab", [], 400, "ambiguous_path"),
        ("GET", "/elsewhere", [], 401, "unauthenticated"),
    ],
)
def test_the_adapter_of_the_page_keeps_the_contract(
    page: Page, method: str, path: str, values: list[bytes], status: int, reason: str
) -> None:
    """Each request gets the status and the reason that every door gives; a yes knows its caller."""
    names = page("adapters.md")

    def application(request: Any) -> Any:
        name = request.caller.username if request.caller.authenticated else "anonymous"
        return names["Response"](200, [], json.dumps({"reason": name}).encode())

    door = names["guarded"](application, Guard(verifier=verifier_for(), policy=POLICY))
    response = door(names["Request"](method, path, [("Authorization", value) for value in values]))
    assert (response.status, json.loads(response.body)["reason"]) == (status, reason)


def test_the_adapter_of_the_page_answers_head_without_a_body(page: Page) -> None:
    """A refusal of HEAD has the headers of a refused GET and no body."""
    names = page("adapters.md")
    door = names["guarded"](lambda _: names["Response"](200), Guard(verifier=verifier_for(), policy=POLICY))
    response = door(names["Request"]("HEAD", "/lab"))
    assert (response.status, response.body) == (401, b"")
    assert dict(response.headers)["WWW-Authenticate"] == 'Bearer realm="carta"'


def test_the_adapter_of_the_page_binds_the_caller_for_functions(page: Page) -> None:
    """A function under `authorize` judges the request's caller, and its refusal becomes a response."""
    names = page("adapters.md")

    @authorize(users=["olga"])
    def work() -> bytes:
        return b"done"

    door = names["guarded"](lambda _: names["Response"](200, [], work()), Guard(verifier=verifier_for(), policy=POLICY))

    def ask(user: str) -> Any:
        return door(names["Request"]("GET", "/open", [("authorization", bearer(token_for(user))[0])]))

    assert (ask("olga").status, ask("olga").body) == (200, b"done")
    assert ask("otto").status == 403
    with pytest.raises(errors.NoPrincipal):
        work()


@pytest.mark.parametrize("name", ["threats.md", "rules.md"])
def test_every_test_that_the_page_names_exists(name: str) -> None:
    """No row rests on a test or a conformance case that is not there."""
    page = (DOCS / name).read_text(encoding="utf-8")
    cases = {case["why"] for case in json.loads((DOCS.parent / "tests/vectors/conformance.json").read_text(encoding="utf-8"))["cases"]}
    named = [double or single for double, single in re.findall(r"``C: (.+?)``|(?<!`)`C: ([^`]+)`", page)]
    assert named
    assert not set(named) - cases
    functions = re.findall(r"`(tests/[\w/]+\.py)::(?:(\w+)::)?(\w+)`", page)
    assert functions
    for file, kind, function in functions:
        text = (DOCS.parent / file).read_text(encoding="utf-8")
        assert re.search(rf"^( *)(async )?def {function}\(", text, re.MULTILINE), f"{file}::{function}"
        assert not kind or f"class {kind}" in text, f"{file}::{kind}"


#: What the rules are about, each in one or two words that only its own line has.
RULES = (
    *("scheme is compared", "one space", "another scheme", "16 KiB", "stable code", "403", "concealed", "503 with", "no-store"),
    *("raw prefix", "ASGI path", "WSGI path", "empty segments", "dot segments", "`;`", "control characters", "residual `%`", "U+FFFD"),
    *("three non-empty", "base64url", "is UTF-8", "member twice", "NaN", "lone surrogate", "16 levels", "`alg`", "HS*", "exact `kid`"),
    *(
        "`jku`",
        "`crit`",
        "`typ`",
        "Wycheproof",
        "has a row",
        "`nbf` is optional",
        "253402300799",
        "`exp` is after",
        "at most 30 s",
        "`sub`",
    ),
    *("`iss`", "`token_use`", "never a list", "`azp`", "groups", "e-mail", "client ids", "strict JSON reader", "neighbours", "two keys"),
    *("address is https", "header memo", "set changes", "200 cold", "cancellation", "unknown `kid`", "negative cache", "300 s", "an hour"),
    *(
        "stale key verifies",
        "rotation",
        "2 MB",
        "redirect",
        "10 s overall",
        "breaker",
        "clock that jumps",
        "after a fork",
        "second reading",
    ),
)


def test_every_rule_has_a_line_with_a_test() -> None:
    """docs/rules.md has one line for each rule that we know of, no other, and each names at least one test."""
    page = (DOCS / "rules.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith(("| rule |", "| --- "))]
    about = {rule: [line for line in lines if rule in line.split(" | ")[0]] for rule in RULES}
    assert {rule: len(found) for rule, found in about.items() if not found} == {}
    assert {line for found in about.values() for line in found} == set(lines)
    assert all("`tests/" in line or "C: " in line for line in lines)
