"""`cartaguard namespace` and `cartaguard service`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.served import Answer, Served, serving
from support.shell import Shell


@pytest.fixture
def served() -> Iterator[Served]:
    """A service on this machine."""
    with serving() as served:
        served.answers["/runs/7?full=yes"] = Answer.of({"run": 7})
        served.answers["/note"] = Answer(body="ready \x1b[2J€".encode(), headers={"Content-Type": "text/plain"})
        yield served


def test_a_namespace_is_reserved_shown_listed_and_removed_by_its_owner(shell: Shell) -> None:
    assert shell.json("namespace", "reserve", "forge", by="edda") == {"namespace": "forge"}
    again = shell("namespace", "reserve", "forge", by="otto")
    assert (again.code, again.out) == (1, "")
    assert "duplicate record" in again.err
    shown = shell.json("namespace", "show", "forge", by="edda")
    assert (shown["type"], shown["name"]) == ("Namespace", "forge")
    assert shell("namespace", "show", "forge", by="otto").code == 1
    assert shell("namespace", "show", "moon", by="otto").code == 4
    assert "forge" in [row["name"] for row in shell.json("namespace", "list", by="edda")]
    assert shell("namespace", "list", by="edda").out.splitlines()[0].split() == ["id", "name", "permission"]
    assert shell("namespace", "remove", "forge", by="edda").code == 2
    assert shell("namespace", "remove", "forge", "--yes", by="otto").code == 1
    assert shell("namespace", "remove", "forge", "--yes", by="edda").out == "removed the namespace forge\n"
    assert shell("namespace", "show", "forge", by="edda").code == 4


def test_a_service_is_registered_renamed_called_and_unregistered(shell: Shell, served: Served) -> None:
    shell.json("namespace", "reserve", "press", by="edda")
    made = shell.json("service", "register", "press/fit", served.url, by="edda")
    assert (made["type"], made["name"], made["fields"]["baseUrl"]) == ("Service", "fit", served.url)
    assert served.url in shell("service", "list", by="edda").out
    assert shell.json("service", "rename", "press/fit", "fits", by="edda") == {"service": "press/fits"}
    assert shell("service", "show", "press/fit", by="edda").code == 4
    assert shell.json("service", "show", "press/fits", by="edda")["name"] == "fits"
    ran = shell("service", "call", "press/fits", "runs/7", "--query", "full=yes", "--header", "X-Note: hello", by="edda")
    assert (ran.code, ran.out) == (0, '{"run": 7}\n')
    assert served.requests[-1][1]["x-note"] == "hello"
    answer = shell.json("service", "call", "press/fits", "runs/7", "--query", "full=yes", by="edda")
    assert (answer["status"], answer["body"]) == (200, {"run": 7})
    assert answer["content_type"].startswith("application/json")
    assert shell.json("service", "call", "press/fits", "note", by="edda")["body"] == "ready \x1b[2J€"
    assert shell("service", "call", "press/fits", "nothing", by="edda").code == 4
    assert shell("service", "call", "press/fits", "note", by="otto").code == 1
    assert shell("service", "unregister", "press/fits", by="edda").code == 2
    assert shell("service", "unregister", "press/fits", "--yes", by="otto").code == 1
    assert shell.json("service", "unregister", "press/fits", "--yes", by="edda") == {"service": "press/fits"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["show", "press"], "`press` is not a service; use `NAMESPACE/NAME`"),
        (["register", "/fit", "http://127.0.0.1:1"], "`/fit` is not a service"),
        (["unregister", "press/", "--yes"], "`press/` is not a service"),
        (["call", "press/fit", "--data", "{"], "what `--data` says is no JSON"),
        (["call", "press/fit", "--data", "-"], "the body is empty"),
        (["call", "press/fit", "--query", "full"], "each of these options is `KEY=VALUE`"),
        (["call", "press/fit", "--header", "full"], "each of these options is `KEY:VALUE`"),
    ],
)
def test_bad_input_is_told_before_anything_is_asked(shell: Shell, arguments: list[str], told: str) -> None:
    ran = shell("service", *arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert told in ran.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["-X", "BREW"], "`BREW` is not a method"),
        (["--header", "Authorization: Bearer x"], "the header `Authorization` is the client's own"),
    ],
)
def test_a_call_is_no_way_around_the_login(shell: Shell, options: list[str], told: str) -> None:
    ran = shell("service", "call", "aurora/phase-fit", *options, by="olga")
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
