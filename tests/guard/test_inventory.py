"""The inventory: a route without a requirement of its own must be covered whole by the policy."""

from __future__ import annotations

from typing import Any

import pytest

from cartaguard import Policy, Requirement, authenticated, errors
from cartaguard.guard.inventory import require_declared, undeclared
from cartaguard.http.routes import Entry

HTTP, WEBSOCKET = frozenset({"http"}), frozenset({"websocket"})


def route(path: str, methods: set[str] | None = None, requirement: Requirement | None = None, protocols: Any = HTTP) -> Entry:
    tail = path.endswith("/*")
    segments = tuple(None if part.startswith("{") else part for part in path.removesuffix("/*")[1:].split("/") if not tail or part)
    return Entry(
        path,
        segments,
        tail=tail,
        requirement=requirement,
        methods=None if methods is None else frozenset(methods),
        protocols=protocols,
        matcher=lambda segments, path: {},
    )


def policy(*lines: dict[str, Any]) -> Policy:
    return Policy.from_dict({"routes": [{"require": {"authenticated": True}, **line} for line in lines]})


GET, PUT = {"path": "/a", "methods": ["GET"]}, {"path": "/*", "methods": ["PUT"]}


@pytest.mark.parametrize(
    ("entry", "lines", "declared"),
    [
        (route("/a", {"GET"}, authenticated), [], True),
        (route("/a", {"GET"}), [], False),
        (route("/a", {"GET"}), [{"path": "/*"}], True),
        (route("/a", None), [{"path": "/*"}], True),
        (route("/a", {"GET", "HEAD"}), [GET], True),
        (route("/a", {"HEAD"}), [GET], True),
        (route("/a", {"HEAD"}), [], False),
        (route("/a", {"HEAD"}), [PUT], False),
        (route("/a", set()), [], False),
        (route("/a", {"GET", "PUT"}), [GET], False),
        (route("/a", {"GET", "PUT"}), [GET, PUT], True),
        (route("/a", None), [GET, PUT], False),
        (route("/{x}", {"GET"}), [{"path": "/{y}"}], True),
        (route("/{x}", {"GET"}), [GET], False),
        (route("/a/*", None), [{"path": "/a/{b}/*"}], False),
        (route("/a/*", None), [{"path": "/a/*"}], True),
        (route("/ws", None, protocols=WEBSOCKET), [{"path": "/ws", "protocols": ["websocket"]}], True),
        (route("/ws", None, protocols=WEBSOCKET), [{"path": "/ws", "methods": ["GET"]}], True),
        (route("/ws", None, protocols=WEBSOCKET), [{"path": "/ws", "protocols": ["http"]}], False),
        (route("/ws", {"GET"}, protocols=HTTP | WEBSOCKET), [{"path": "/ws", "protocols": ["websocket"]}], False),
        (
            route("/ws", {"GET"}, protocols=HTTP | WEBSOCKET),
            [{"path": "/ws", "protocols": ["websocket"]}, {"path": "/ws", "protocols": ["http"]}],
            True,
        ),
    ],
)
def test_a_route_is_declared_by_itself_or_by_the_policy(entry: Entry, lines: list[dict[str, Any]], declared: bool) -> None:
    assert undeclared([entry], policy(*lines)) == ([] if declared else [entry])


def test_every_undeclared_route_is_named_with_what_to_write() -> None:
    entries = [route("/a", {"GET", "PUT"}), route("/b", None), route("/c", None, authenticated)]
    said = r"2 routes have no requirement: `GET,PUT /a`; `\* /b`\. Say who may use each: say so here, or an entry in the guard's policy$"
    with pytest.raises(errors.UndeclaredRoutes, match=said) as caught:
        require_declared(entries, Policy(), how="say so here")
    assert caught.value.routes == ("GET,PUT /a", "* /b")
    with pytest.raises(errors.UndeclaredRoutes, match=r"1 route has no requirement: `\* /b`"):
        require_declared(entries[1:], Policy(), how="x")
    require_declared(entries[2:], Policy(), how="x")
