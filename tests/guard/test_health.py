"""A guard's health: of each issuer, each directory and whatever else tells of itself; asked for only with `probe`."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import pytest

from cartaguard import Guard, Issuer, LocalDirectory, Principal, RemoteKeys, Resource, StaticKeys, TokenVerifier, permission
from cartaguard.directories import carta_asking
from cartaguard.directories.base import Directory
from cartaguard.directories.carta import CartaDirectory
from cartaguard.directories.caution import Caution
from cartaguard.directories.chain import ChainDirectory
from cartaguard.errors import CartaGuardError, FactsUnavailable, WouldBlock
from cartaguard.guard import health as module
from cartaguard.guard.health import Monitor, parts_up
from cartaguard.model.facts import Fact, Granted, Need, PermissionNeed
from cartaguard.model.health import Condition, Health
from cartaguard.model.principal import Credential
from cartaguard.tokens.keys import Keys
from support.canary import CANARY
from support.colours import COLOURS
from support.keys import jwks, rsa_key
from support.served import Answer, Served, serving
from support.tokens import CLIENT, ISSUER, Clock, token_for

KEY = rsa_key()
OLGA = Principal(issuer="i", subject="s1", username="olga", credential=Credential(CANARY))
ITEM = "/permissions/resources/Project/p1"

Probe: TypeAlias = Callable[[Guard], Health]


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as served:
        served.answers["/keys"] = Answer.of(jwks(KEY))
        yield served


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of verifiers, guards and of the directories of Carta."""
    clock = Clock()
    monkeypatch.setattr(carta_asking, "Caution", lambda source: Caution(source, clock))
    return clock


@pytest.fixture(params=["blocking", "asyncio"])
def probe(request: pytest.FixtureRequest) -> Probe:
    """Ask the sources, in either colour."""
    run = COLOURS[request.param]
    return lambda guard: run(guard.monitor.probe())


def guard_of(clock: Clock, *issuers: Issuer, directory: Directory | None = None) -> Guard:
    verifier = TokenVerifier(issuers, clock=clock) if issuers else None
    guard = Guard(verifier=verifier, directory=directory, clock=clock)
    guard.monitor = Monitor(verifier, guard.directory, clock=clock)
    return guard


def issuer_at(served: Served) -> Issuer:
    return Issuer(ISSUER, client_ids=[CLIENT], keys=RemoteKeys(f"{served.url}/keys"))


def verify(guard: Guard, clock: Clock) -> None:
    """Bring a token, whatever comes of it."""
    assert guard.verifier is not None
    try:
        guard.verifier.verify(token_for(key=KEY, now=clock.now))
    except CartaGuardError:
        pass


# -- keys


def test_keys_are_told_from_their_first_fetch_to_the_end_of_an_outage(served: Served, clock: Clock) -> None:
    """Not fetched, fresh with their age, stale while the issuer does not answer, unavailable after an hour, fresh again."""
    guard = guard_of(clock, issuer_at(served))
    assert guard.health().of("keys") == (Condition("keys", ISSUER, "not_fetched"),)
    assert served.requests == []
    verify(guard, clock)
    clock.now += 20
    assert guard.health().of("keys") == (Condition("keys", ISSUER, "fresh", age=20.0),)
    served.answers["/keys"] = Answer(500)
    clock.now += 400
    verify(guard, clock)
    assert guard.health().of("keys") == (Condition("keys", ISSUER, "stale", "degraded", 420.0, 1.0),)
    clock.now += 3600
    assert guard.health().of("keys") == (Condition("keys", ISSUER, "unavailable", "down", 4020.0, 0.0),)
    verify(guard, clock)
    assert guard.health().of("keys") == (Condition("keys", ISSUER, "unavailable", "down", 4020.0, 2.0),)
    assert guard.health().status == "down"
    clock.now += 2
    served.answers["/keys"] = Answer.of(jwks(KEY))
    verify(guard, clock)
    assert guard.health().of("keys") == (Condition("keys", ISSUER, "fresh", age=0.0),)


def test_keys_that_nobody_needed_for_a_while_are_not_stale(served: Served, clock: Clock) -> None:
    """A night without requests is no trouble: the next token has them fetched."""
    guard = guard_of(clock, issuer_at(served))
    verify(guard, clock)
    clock.now += 30_000
    assert guard.health().of("keys") == (Condition("keys", ISSUER, "idle", age=30_000.0),)
    assert guard.health().status == "ok"


def test_keys_that_were_never_had_are_unavailable(served: Served, clock: Clock) -> None:
    """With the seconds for which their address is left alone."""
    served.answers["/keys"] = Answer(500)
    guard = guard_of(clock, issuer_at(served))
    verify(guard, clock)
    assert guard.health().of("keys") == (Condition("keys", ISSUER, "unavailable", "down", retry_after=1.0),)


def test_each_issuer_is_told_and_one_of_two_that_is_down_degrades(served: Served, clock: Clock) -> None:
    """Given keys are fresh for ever; keys of somebody's own kind are not known."""
    other = Issuer("https://b.example", client_ids=[CLIENT], keys=StaticKeys(jwks(KEY)))
    own = Issuer("https://c.example", client_ids=[CLIENT], keys=Keys())
    served.answers["/keys"] = Answer(500)
    guard = guard_of(clock, issuer_at(served), other, own, directory=LocalDirectory.from_dict({}))
    verify(guard, clock)
    assert [(told.source, told.state) for told in guard.health().of("keys")] == [
        (ISSUER, "unavailable"),
        ("https://b.example", "fresh"),
        ("https://c.example", "unknown"),
    ]
    assert guard.health().status == "degraded"


def carta_answer(served: Served) -> Answer:
    return Answer.of({"issuer": ISSUER, "jwksUri": f"{served.url}/keys", "userPoolWebClientId": CLIENT})


def test_the_issuer_behind_a_carta_is_told_by_carta_until_it_is_known(served: Served, clock: Clock, probe: Probe) -> None:
    """Its `/auth` that does not answer means that there are no keys; once it has, the keys themselves are told."""
    guard = guard_of(clock, Issuer.carta(served.url))
    assert guard.health().of("keys") == (Condition("keys", served.url, "not_fetched"),)
    assert probe(guard).of("keys") == (Condition("keys", served.url, "unavailable", "down", retry_after=1.0),)
    served.answers["/auth"] = carta_answer(served)
    clock.now += module.PAUSE
    assert probe(guard).of("keys") == (Condition("keys", ISSUER, "fresh", age=0.0),)
    assert (served.count("/auth"), served.count("/keys")) == (2, 1)
    clock.now += module.PAUSE
    probe(guard)
    assert (served.count("/auth"), served.count("/keys")) == (2, 2)


# -- directories


def test_a_carta_is_told_from_its_first_answer_to_the_end_of_an_outage(served: Served, clock: Clock) -> None:
    """Unknown before it was asked, ok, left alone with the seconds that are left, and ok again."""
    guard = guard_of(clock, directory=CartaDirectory(served.url))

    def ask(status: int) -> tuple[Condition, ...]:
        served.answers[ITEM] = Answer(status, b'{"permission": "None"}')
        guard.check(OLGA, permission("read", "Project:p1"))
        clock.now += 0.25
        return guard.health().of("directory")

    assert guard.health().of("directory") == (Condition("directory", served.url, "unknown"),)
    assert ask(200) == (Condition("directory", served.url, "ok"),)
    clock.now += 60
    assert ask(503) == (Condition("directory", served.url, "left_alone", "down", retry_after=0.75),)
    assert guard.health().status == "down"
    clock.now += 0.75
    assert guard.health().of("directory") == (Condition("directory", served.url, "left_alone", "down", retry_after=0.0),)
    # Only a request would find out, and a balancer sends none to what is down.
    assert (guard.health().status, guard.health().http_status) == ("degraded", 200)
    assert ask(200) == (Condition("directory", served.url, "ok"),)


class Staff(Directory):
    """A directory of somebody's own, which tells nothing of itself."""

    remote = True

    def __init__(self) -> None:
        #: What it answers; ``None`` while it is down.
        self.told: Mapping[Need, Fact] | None = None

    def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
        if self.told is None:
            raise FactsUnavailable("down", code="staff_unavailable")
        return self.told


def test_a_remote_directory_that_tells_nothing_is_judged_by_its_answers(clock: Clock) -> None:
    """Three doubts in a row degrade it, and an answer mends it."""
    source = Staff()
    guard = guard_of(clock, directory=source)
    need = PermissionNeed(OLGA, Resource("Project", "p1"))

    def ask(answer: Mapping[Need, Fact] | None) -> Condition:
        source.told = answer
        guard.check(OLGA, permission("read", "Project:p1"))
        clock.now += 60
        return guard.health().of("directory")[0]

    assert guard.health().of("directory") == (Condition("directory", "Staff", "unknown"),)
    assert ask(None).state == "unknown"
    assert ask({need: Granted()}) == Condition("directory", "Staff", "ok")
    assert [ask(None).state for _ in range(3)] == ["unknown", "unknown", "in_doubt"]
    assert guard.health().status == "degraded"
    assert ask({need: Granted()}) == Condition("directory", "Staff", "ok")


def test_a_carta_that_answers_every_question_with_401_is_in_doubt(served: Served, clock: Clock) -> None:
    """It is there, and yet no use: a service token that has expired looks like this."""
    served.answers["/permissions/p1/olga?userType=User"] = Answer(401)
    guard = guard_of(clock, directory=CartaDirectory(served.url, credential=CANARY))
    for _ in range(3):
        guard.check(OLGA, permission("read", "Project:p1"))
    assert guard.health().of("directory") == (Condition("directory", served.url, "in_doubt", "degraded"),)


def test_each_member_of_a_chain_is_told(served: Served, clock: Clock, probe: Probe) -> None:
    """Local facts are ok; one member of several that is left alone degrades."""
    guard = guard_of(clock, directory=ChainDirectory([LocalDirectory.from_dict({}), CartaDirectory(served.url)]))
    assert [(told.source, told.state) for told in guard.health().of("directory")] == [("LocalDirectory", "ok"), (served.url, "unknown")]
    served.answers["/auth"] = Answer(503)
    health = probe(guard)
    assert [(told.source, told.state) for told in health.of("directory")] == [("LocalDirectory", "ok"), (served.url, "left_alone")]
    assert health.status == "degraded"


def test_what_cannot_be_asked_stays_as_it_is(clock: Clock, probe: Probe) -> None:
    """Keys and directories of somebody's own kind that know no way to be asked are unknown also after a probe."""
    health = probe(guard_of(clock, Issuer(ISSUER, client_ids=[CLIENT], keys=Keys()), directory=Staff()))
    assert [told.state for told in health.conditions] == ["unknown", "unknown"]


def test_without_a_verifier_and_a_directory_there_is_nothing_to_be_ill(clock: Clock) -> None:
    """A guard that only decides is ok."""
    assert guard_of(clock).health().status == "ok"


# -- whatever else


class Bus:
    def health(self) -> list[Condition]:
        return [Condition("bus", "redis://cache:6379", "down", "down")]


def test_whatever_else_tells_of_itself_is_told_too(clock: Clock) -> None:
    """A bus that is down degrades."""
    guard = guard_of(clock)
    guard.monitor.add(Bus())
    assert guard.health().of("bus")[0].state == "down"
    assert guard.health().status == "degraded"


class Doubtful(Directory):
    """One that is degraded."""

    def health(self) -> Sequence[Condition]:
        return (Condition("directory", "doubtful", "in_doubt", "degraded"),)


class Cache:
    """Something that can be asked."""

    def __init__(self) -> None:
        self.asked = False

    def health(self) -> list[Condition]:
        return [Condition("cache", "redis://cache:6379", "ok" if self.asked else "unknown")]

    def probe(self) -> Any:
        self.asked = True
        yield from ()


def test_whatever_else_can_be_asked_is_asked_by_a_probe(clock: Clock, probe: Probe) -> None:
    """And what cannot be is told as it is."""
    guard = guard_of(clock)
    guard.monitor.add(Cache())
    guard.monitor.add(Bus())
    assert [told.state for told in guard.health().of("cache")] == ["unknown"]
    assert [told.state for told in probe(guard).conditions] == ["ok", "ok", "down"]


def test_what_else_tells_of_itself_is_told_beside_the_keys(served: Served, clock: Clock) -> None:
    guard = guard_of(clock, issuer_at(served))
    guard.monitor.add(Bus())
    guard.monitor.add(Bus())
    assert [told.part for told in guard.health().conditions] == ["keys", "directory", "bus", "bus"]


def test_probing_inside_a_loop_names_the_call_that_does_not_block(served: Served, clock: Clock) -> None:
    async def main() -> None:
        with pytest.raises(WouldBlock, match=r"await `guard\.ahealth\("):
            guard_of(clock, issuer_at(served)).health(probe=True)

    asyncio.run(main())


# -- probing


def test_probing_asks_keys_and_directory_at_most_once_in_10_seconds(served: Served, clock: Clock, probe: Probe) -> None:
    """Nothing is asked without it, and whoever finds the health check cannot make it a burden for others."""
    served.answers["/auth"] = Answer.of({})
    guard = guard_of(clock, issuer_at(served), directory=CartaDirectory(served.url, credential=CANARY))
    guard.health()
    assert served.requests == []
    for _ in range(3):
        assert probe(guard).status == "ok"
    assert [told.state for told in guard.health().conditions] == ["fresh", "ok"]
    assert sorted(path for path, _ in served.requests) == ["/auth", "/keys"]
    assert all("authorization" not in headers for _, headers in served.requests)
    clock.now += module.PAUSE
    probe(guard)
    assert len(served.requests) == 4


def test_probing_leaves_alone_what_is_left_alone(served: Served, clock: Clock, probe: Probe) -> None:
    """A source that failed is not asked before its wait is over."""
    guard = guard_of(clock, issuer_at(served), directory=CartaDirectory(served.url))
    served.answers["/keys"] = served.answers["/auth"] = Answer(503)
    for _ in range(6):
        assert probe(guard).status == "down"
        clock.now += module.PAUSE
    before = len(served.requests)
    clock.now += 1
    assert probe(guard).status == "down"
    assert len(served.requests) == before
    clock.now += 30
    served.answers["/keys"], served.answers["/auth"] = Answer.of(jwks(KEY)), Answer.of({})
    assert probe(guard).status == "ok"


def test_after_a_probe_it_stays_down_until_the_next_one(served: Served, clock: Clock, probe: Probe) -> None:
    """Whoever does not ask is sent requests again once the wait is over: they are what would find out."""
    served.answers["/keys"] = Answer(503)
    guard = guard_of(clock, issuer_at(served))
    assert probe(guard).status == "down"
    clock.now += module.PAUSE / 2
    assert (probe(guard).status, guard.health().status) == ("down", "degraded")


def test_probing_what_cannot_be_reached_raises_nothing(clock: Clock, probe: Probe) -> None:
    """An outage is what a health check is for."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        guard = guard_of(clock, Issuer.carta(url), directory=CartaDirectory(url))
        assert probe(guard).status == "down"


class Slow(Keys):
    """Keys that take their time."""

    def __init__(self, clock: Clock, asked: list[Any]) -> None:
        self._clock, self._asked = clock, asked

    def probe(self) -> Any:
        self._asked.append(self)
        self._clock.now += module.BUDGET
        yield from ()


def test_once_the_time_is_over_no_further_source_is_asked(clock: Clock, probe: Probe) -> None:
    """Many sources that time out one after the other would keep a thread for minutes."""
    asked: list[Any] = []
    issuers = [Issuer(f"https://{name}.example", client_ids=[CLIENT], keys=Slow(clock, asked)) for name in "abc"]
    directory = LocalDirectory.from_dict({})
    assert [told.state for told in probe(guard_of(clock, *issuers, directory=directory)).of("keys")] == ["unknown"] * 3
    assert len(asked) == 1


def test_the_guards_own_methods_ask_only_with_probe(served: Served, clock: Clock) -> None:
    """`health()` and `ahealth()` are the same in either colour."""
    guard = guard_of(clock, issuer_at(served))
    assert guard.health().of("keys")[0].state == "not_fetched"
    assert asyncio.run(guard.ahealth()).of("keys")[0].state == "not_fetched"
    assert guard.health(probe=True).of("keys")[0].state == "fresh"
    clock.now += module.PAUSE
    assert asyncio.run(guard.ahealth(probe=True)).of("keys")[0].age == 0.0
    assert served.count("/keys") == 2


def test_a_guard_tells_of_the_issuers_and_the_directory_that_it_was_made_of() -> None:
    verifier = TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=StaticKeys(jwks(KEY)))])
    guard = Guard(verifier=verifier, directory=LocalDirectory.from_dict({}))
    assert [(told.part, told.source) for told in guard.health().conditions] == [("keys", ISSUER), ("directory", "LocalDirectory")]


def test_for_metrics_a_part_is_up_while_none_of_its_sources_in_any_guard_is_down(served: Served, clock: Clock) -> None:
    """A part that no guard has is not told, and one that is degraded is up."""
    well, ill = guard_of(clock, directory=LocalDirectory.from_dict({})), guard_of(clock, issuer_at(served))
    served.answers["/keys"] = Answer(500)
    assert list(parts_up([])) == []
    assert list(parts_up([well])) == [("directory", True)]
    verify(ill, clock)
    assert list(parts_up([well, ill])) == [("keys", False), ("directory", True)]
    ill.monitor.add(Bus())
    well.monitor.add(Cache())
    assert list(parts_up(iter([well, ill]))) == [("keys", False), ("directory", True), ("cache", True), ("bus", False)]
    assert list(parts_up([guard_of(clock, directory=Doubtful())])) == [("directory", True)]


def test_no_secret_is_in_what_is_told(served: Served, clock: Clock, probe: Probe) -> None:
    """Neither a service's token nor a caller's."""
    guard = guard_of(clock, issuer_at(served), directory=CartaDirectory(served.url, credential=CANARY))
    guard.check(OLGA, permission("read", "Project:p1"))
    assert CANARY not in repr(probe(guard).as_dict())
