"""The gate, apart from any door: what it lets through, on which entry, and with which answer it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cartaguard import (
    Guard,
    Issuer,
    Permission,
    Policy,
    Principal,
    Requirement,
    Resource,
    TokenVerifier,
    authenticated,
    errors,
    groups,
    permission,
    public,
    users,
)
from cartaguard.drivers import aio, blocking
from cartaguard.drivers.effects import Call
from cartaguard.guard.gate import Gate, Pass, Refused
from cartaguard.guard.plan import Plan
from cartaguard.http.routes import Entry
from cartaguard.model.decision import Decision, Outcome
from cartaguard.model.facts import Granted, Memberships
from cartaguard.model.pattern import PathPattern
from cartaguard.tokens.keys import Found, Keys, StaticKeys
from support.facts import OLGA, FactTable
from support.keys import jwks, rsa_key
from support.matched import admit_matched, admit_matched_steps
from support.tokens import CLIENT, ISSUER, Clock, bearer, token_for, verifier_for

HTTP, WEBSOCKET = frozenset({"http"}), frozenset({"websocket"})
FACTS: dict[Any, Any] = {
    Resource("Project", "p1"): Granted(Permission.READ),
    Resource("Project", "p2"): Granted(),
    Resource("Project", "p3"): Granted(doubt="slow"),
    Resource("Project", "8"): Granted(Permission.READ),
    "Team": Memberships(),
}
READ = permission("read", "Project:{id}")


def route(pattern: str, requirement: Requirement | None = authenticated, *methods: str, **options: Any) -> Entry:
    read = PathPattern(pattern)
    return Entry(
        pattern,
        read.segments,
        tail=read.tail,
        requirement=requirement,
        methods=frozenset(methods) or None,
        **{"protocols": HTTP, "matcher": lambda segments, path: read.match(segments), **options},
    )


def line(path: str, require: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"path": path, "require": require, **more}


ANYBODY, NOBODY, MEMBERS = {"public": "x"}, {"deny": True}, {"groups": ["Team"]}


def gate(*routes: Entry, policy: tuple[dict[str, Any], ...] = (), later: Any = (), opaque: bool = False, **options: Any) -> Gate:
    guard = Guard(
        verifier=verifier_for(clock=Clock()), directory=FactTable(FACTS, later=later), policy=Policy.from_dict({"routes": list(policy)})
    )
    return Gate(guard, None if opaque else routes, **options)


def ask(made: Gate, path: str, method: str = "GET", who: str | None = "olga", protocol: str = "http") -> Pass | tuple[int, str]:
    """What the gate says, which has to be the same at once, in steps, and in both colours."""
    values = [] if who is None else bearer(token_for(who))
    said: list[Pass | tuple[int, str]] = []

    def note(call: Any) -> None:
        try:
            held = call()
        except Refused as refused:
            said.append((refused.refusal.status, refused.code))
        else:
            if held is not None:
                said.append(held)

    note(lambda: made.admit(protocol, method, path, values))
    note(lambda: blocking.run(made.admit_steps(protocol, method, path, values)))
    note(lambda: asyncio.run(aio.run(made.admit_steps(protocol, method, path, values))))
    assert len({str(one) for one in said}) == 1
    return said[-1]


def let_in(made: Gate, path: str, method: str = "GET", who: str | None = "olga", protocol: str = "http") -> Pass:
    held = ask(made, path, method, who, protocol)
    assert isinstance(held, Pass), held
    return held


# -- in front of an application that cannot be looked into -------------------------------------------------


@pytest.mark.parametrize("later", [(), True])
@pytest.mark.parametrize(
    ("path", "method", "who", "status"),
    [
        ("/", "GET", None, 200),
        ("", "GET", None, 200),
        ("/p/p1", "GET", "olga", 200),
        ("/p/p1", "HEAD", "olga", 200),
        ("/p/p1", "GET", None, 401),
        ("/p/p2", "GET", "olga", 403),
        ("/p/p3", "GET", "olga", 503),
        ("/p/p1", "PUT", "olga", 403),
        ("/p/p1", "PUT", None, 401),
        ("/p/p1/", "GET", "olga", 404),
        ("/elsewhere", "GET", "olga", 404),
        ("/elsewhere", "GET", None, 401),
        ("//", "GET", "olga", 400),
        ("/a/../b", "GET", None, 400),
        ("/any", "delete", "olga", 400),
        ("/any", "DELETE", "olga", 200),
        ("/any", "M-SEARCH", "olga", 200),
    ],
)
def test_the_policy_is_all_there_is(path: str, method: str, who: str | None, status: int, later: Any) -> None:
    lines = (
        line("/", ANYBODY),
        line("/p/{id}", {"permission": "read", "on": "Project:{id}"}, methods=["GET"]),
        line("/any", {"authenticated": True}),
    )
    said = ask(gate(policy=lines, opaque=True, later=later), path, method, who)
    assert (200 if isinstance(said, Pass) else said[0]) == status


def test_a_pass_says_what_was_decided() -> None:
    made = gate(policy=(line("/p/{id}", {"permission": "read", "on": "Project:{id}"}),), opaque=True)
    held = let_in(made, "/p/p1")
    assert (held.principal.username, held.params, held.path, held.method) == ("olga", {"id": "p1"}, "/p/p1", "GET")
    assert held.entry is not None
    assert held.entry.path == "/p/{id}"
    assert "/p/p1" in repr(held)
    assert token_for("olga") not in repr(held)


@pytest.mark.remembers
def test_paths_with_parameters_are_remembered_only_for_those_who_may() -> None:
    made = gate(route("/p/{id}", READ))
    for _ in range(2):
        ask(made, "/p/p2")
        ask(made, "/p/p2", who=None)
        let_in(made, "/p/p1")
    assert set(made.plans.kept) == {("http", "GET", "/p/p1")}


@pytest.mark.parametrize(
    ("values", "status"),
    [([b"Bearer x"], 401), ([b"Bearer a", b"Bearer b"], 400), ([b"Basic eA=="], 401), (bearer(token_for("olga", exp=5)), 401)],
)
def test_a_bad_credential_is_refused_on_every_path(values: list[bytes], status: int) -> None:
    made = gate(route("/", public("x")) if status == 400 or values[0].startswith(b"Bearer") else route("/"))
    for path in ("/", "/elsewhere"):
        with pytest.raises(Refused) as caught:
            made.admit("http", "GET", path, values)
        assert caught.value.refusal.status == status
        with pytest.raises(Refused) as again:
            blocking.run(made.admit_steps("http", "GET", path, values))
        assert again.value.code == caught.value.code


class Distant(Keys):
    """Keys that have to be fetched, or cannot be had."""

    def __init__(self, down: bool) -> None:
        self.down = down

    def find(self, kid: str, alg: str) -> Found | None:
        return None

    def refresh(self, kid: str, alg: str) -> Any:
        yield Call(lambda: None)
        if self.down:
            raise errors.KeysUnavailable
        return StaticKeys(jwks(rsa_key())).find(kid, alg)


@pytest.mark.parametrize("down", [False, True])
def test_keys_are_fetched_first_where_they_are_not_at_hand(down: bool) -> None:
    verifier = TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=Distant(down))], clock=Clock(), max_tokens=0)
    entry = route("/a")
    made = Gate(Guard(verifier=verifier), [entry])
    values = bearer(token_for("olga"))
    assert made.admit("http", "GET", "/a", values) is None
    assert admit_matched(made, entry, {}, "GET", "/a", values) is None
    for steps in (made.admit_steps("http", "GET", "/a", values), admit_matched_steps(made, entry, {}, "GET", "/a", values)):
        if down:
            with pytest.raises(Refused) as caught:
                blocking.run(steps)
            assert caught.value.refusal.status == 503
        else:
            assert blocking.run(steps).principal.username == "olga"


# -- in front of a framework's own routes -----------------------------------------------------------------


def test_the_first_route_that_fits_decides_and_hidden_ones_are_as_none() -> None:
    made = gate(route("/a", public("x"), "GET"), route("/{id}", READ), route("/ws", authenticated, protocols=WEBSOCKET))
    assert let_in(made, "/a", who=None).entry is made.plans.table.entries[0]
    assert ask(made, "/p2") == (403, "lacks_permission")
    assert ask(gate(route("/ws", protocols=WEBSOCKET)), "/ws") == (404, "no_route")
    assert ask(gate(route("/a", None)), "/a") == (403, "no_requirement")
    assert ask(gate(route("/a", None)), "/a", who=None) == (401, "unauthenticated")


def test_a_method_that_no_route_takes_is_decided_on_the_first_that_fits_the_path() -> None:
    made = gate(route("/p/{id}", READ, "GET"), route("/p/{id}", users("ada"), "PUT"))
    held = let_in(made, "/p/p1", "DELETE")
    assert (held.entry, held.allow) == (made.plans.table.entries[0], frozenset({"GET", "PUT"}))
    assert ask(made, "/p/p2", "DELETE") == (403, "lacks_permission")
    assert ask(made, "/p/p1", "PUT") == (403, "not_listed_user")
    assert let_in(made, "/p/p1").allow is None


def test_a_path_with_another_slash_is_decided_where_the_framework_will_redirect_to() -> None:
    routes = route("/a", authenticated), route("/b/", users("ada")), route("/", public("x"))
    made = gate(*routes, slashes=True)
    held = let_in(made, "/a/")
    assert (held.other_slash, held.path, held.entry) == ("/a", "/a/", made.plans.table.entries[0])
    assert ask(made, "/b") == (403, "not_listed_user")
    assert ask(made, "/c") == (404, "no_route")
    assert ask(gate(*routes), "/a/") == (404, "no_route")
    assert ask(gate(route("/a"), slashes=True), "/") == (404, "no_route")
    policed = gate(*routes, slashes=True, policy=(line("/a", NOBODY),))
    assert ask(policed, "/a/") == (403, "denied")


@pytest.mark.parametrize(
    ("lines", "path", "method", "said"),
    [
        ((), "/a", "GET", 200),
        ((line("/*", MEMBERS),), "/a", "GET", (403, "not_group_member")),
        ((line("/b", NOBODY),), "/a", "GET", 200),
        ((line("/a", NOBODY, methods=["PUT"]),), "/a", "GET", 200),
        ((line("/a", NOBODY, methods=["PUT"]), line("/*", MEMBERS)), "/a", "GET", (403, "not_group_member")),
        ((line("/a", NOBODY, protocols=["websocket"]),), "/a", "GET", 200),
        ((line("/{id}", {"permission": "read", "on": "Project:{id}"}),), "/p1", "GET", 200),
        ((line("/{id}", {"permission": "read", "on": "Project:{id}"}),), "/p2", "GET", (403, "lacks_permission")),
        ((), "/undeclared", "GET", (403, "no_requirement")),
        ((line("/undeclared", ANYBODY),), "/undeclared", "GET", 200),
        ((line("/undeclared", ANYBODY, methods=["PUT"]),), "/undeclared", "GET", (403, "no_requirement")),
    ],
)
def test_what_the_policy_demands_of_a_path_holds_together_with_the_route(lines: Any, path: str, method: str, said: Any) -> None:
    made = gate(route("/undeclared", None), route("/{id}", authenticated), policy=lines)
    answer = ask(made, path, method)
    assert (200 if isinstance(answer, Pass) else answer) == said


@pytest.mark.parametrize("methods", [{}, {"methods": ["POST"]}])
def test_a_websocket_has_no_method_and_falls_under_every_line_of_its_path(methods: dict[str, Any]) -> None:
    socket = route("/ws", authenticated, protocols=WEBSOCKET)
    assert ask(gate(socket, policy=(line("/ws", NOBODY, **methods),)), "/ws", "", protocol="websocket") == (403, "denied")
    assert ask(gate(policy=(line("/ws", NOBODY, **methods),), opaque=True), "/ws", "", protocol="websocket") == (403, "denied")
    assert isinstance(ask(gate(socket), "/ws", "", protocol="websocket"), Pass)
    assert ask(gate(route("/ws")), "/ws", "", protocol="websocket") == (404, "no_route")


def test_a_gate_does_not_open_for_users_that_do_not_say_whose_they_are() -> None:
    issuers = [Issuer(name, client_ids=[CLIENT], keys=StaticKeys(jwks(rsa_key()))) for name in (ISSUER, "https://b.example")]
    with pytest.raises(errors.ConfigurationError, match="does not say whose users"):
        Gate(Guard(verifier=TokenVerifier(issuers, clock=Clock())), [route("/a", users("olga"))])


def test_a_preflight_passes_undecided_on_a_path_with_one_reading() -> None:
    made = gate(route("/a"))
    held = made.preflight("/a")
    assert (held.principal, held.entry, held.method) == (Principal.anonymous, None, "OPTIONS")
    with pytest.raises(Refused) as caught:
        made.preflight("/a//b")
    assert caught.value.refusal.status == 400


# -- where the framework has matched already ---------------------------------------------------------------


@pytest.mark.parametrize("later", [(), True])
@pytest.mark.parametrize(
    ("known", "params", "path", "who", "said"),
    [
        (True, {"id": "p1"}, "/p/p1", "olga", 200),
        (True, {"id": 8}, "/p/8", "olga", 200),
        (True, {"id": "p2"}, "/p/p2", "olga", (403, "lacks_permission")),
        (True, {"id": "p1"}, "/p/p1", None, (401, "unauthenticated")),
        (True, {"id": "p1"}, "//p/p1", "olga", (400, "ambiguous_path")),
        (False, {}, "/p/p1", "olga", (404, "no_route")),
        (False, {}, "/p/p1", None, (401, "unauthenticated")),
    ],
)
def test_a_matched_route_is_decided_at_once(later: Any, known: bool, params: Any, path: str, who: str | None, said: Any) -> None:
    entry = route("/p/{id}", READ)
    made = gate(entry, later=later)
    values = [] if who is None else bearer(token_for(who))
    answers: list[Any] = []
    calls: list[Callable[[], Pass | None]] = [
        lambda: admit_matched(made, entry if known else None, params, "GET", path, values),
        lambda: blocking.run(admit_matched_steps(made, entry if known else None, params, "GET", path, values)),
    ]
    for call in calls:
        try:
            held = call()
        except Refused as refused:
            answers.append((refused.refusal.status, refused.code))
        else:
            answers.append(200 if held is not None else None)
    assert answers[1] == said
    assert answers[0] in ((said, None) if later else (said,))


# -- at dispatch --------------------------------------------------------------------------------------------


def confirm(made: Gate, held: Pass, entries: list[Entry], params: Mapping[str, Any]) -> Any:
    """What the check at dispatch says, at once and in steps."""

    def answer(call: Any) -> Any:
        try:
            return call()
        except Refused as refused:
            return refused.refusal.status, refused.code

    at_once = answer(lambda: made.confirm(held, entries, params))
    in_steps = answer(lambda: blocking.run(made.confirm_steps(held, entries, params)))
    assert at_once is False or (at_once, in_steps) == (True, None) or at_once == in_steps
    return True if in_steps is None else in_steps


@pytest.mark.parametrize("later", [(), True])
def test_the_matched_route_is_decided_again_where_it_is_another_or_has_other_parameters(later: Any) -> None:
    first, second, none = route("/p/{id}", READ), route("/{any}/{id}", users("ada")), route("/{x}/{y}", None)
    made = gate(first, second, none, later=later)
    held = let_in(made, "/p/p1")
    assert confirm(made, held, [first], {"id": "p1"}) is True
    assert confirm(made, held, [first], {"id": 8}) is True
    assert confirm(made, held, [first], {"id": "p2"}) == (403, "lacks_permission")
    assert confirm(made, held, [first], {"id": "p1", "more": 1}) is True
    assert confirm(made, held, [second], {"any": "p", "id": "p1"}) == (403, "not_listed_user")
    assert confirm(made, held, [first, second], {"id": "p1"}) == (403, "not_listed_user")
    assert confirm(made, held, [], {}) == (403, "no_requirement")
    assert confirm(made, held, [none], {}) == (403, "no_requirement")
    assert confirm(made, held, [route("/p/{id}", READ), none], {"id": "p1"}) == (403, "no_requirement")


def test_the_same_parameters_on_the_same_route_are_not_decided_twice() -> None:
    directory = FactTable(FACTS, later=True)
    entry = route("/p/{id}", READ)
    made = Gate(Guard(verifier=verifier_for(clock=Clock()), directory=directory), [entry])
    held = blocking.run(made.admit_steps("http", "GET", "/p/p1", bearer(token_for("olga"))))
    assert len(directory.fetched) == 1
    assert made.confirm(held, [entry], {"id": "p1"})
    assert len(directory.fetched) == 1
    assert made.confirm(held, [entry], {"id": "p3"}) is False


@pytest.mark.parametrize(
    ("rebuilt", "said"),
    [("/p/8", (403, "denied")), ("/p/08", True), (None, (403, "ambiguous_resource")), ("/p//8", (400, "ambiguous_path"))],
)
def test_converted_parameters_fall_under_the_policys_line_for_their_own_path(rebuilt: str | None, said: Any) -> None:
    entry = route("/p/{id}", READ, rebuild=lambda path, params: rebuilt)
    made = gate(entry, policy=(line("/p/8", NOBODY),))
    held = Pass(made, OLGA, Plan(entry, method="GET"), "/p/08", {"id": "08"})
    assert confirm(made, held, [entry], {"id": 8}) == said


def test_a_websocket_is_confirmed_as_one() -> None:
    entry = route("/p/{id}", READ, protocols=WEBSOCKET)
    made = gate(entry, policy=(line("/p/{id}", NOBODY, protocols=["http"]),))
    held = let_in(made, "/p/p1", "", protocol="websocket")
    assert confirm(made, held, [entry], {"id": 8}) is True


# -- faults of an application -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (errors.NotAuthorized(decision=groups("Team").refuse), 403, "not_group_member"),
        (errors.NotAuthorized(decision=Decision(Outcome.INDETERMINATE, "facts_unavailable")), 503, "facts_unavailable"),
        (errors.NotAuthorized("no", code="owner_is_safe"), 403, "owner_is_safe"),
        (errors.FactsUnavailable(), 503, "facts_unavailable"),
        (errors.InvalidToken(code="expired"), 401, "expired"),
        (errors.ConfigurationError("x"), 500, "configuration"),
    ],
)
def test_a_fault_that_left_the_application_has_an_answer(fault: Any, status: int, code: str) -> None:
    refused = gate(route("/a")).answer(fault, OLGA)
    assert (refused.refusal.status, refused.refusal.reason) == (status, code)


def test_a_refusal_stays_what_it_is() -> None:
    made = gate(route("/a"))
    refused = made.denied(groups("Team").refuse, OLGA)
    assert made.answer(refused, OLGA) is made.refused(refused) is refused
    assert refused.principal is OLGA
    assert str(refused) == "refused: not group member"
