"""Keys that change while somebody verifies: each order of events that could go wrong, made to happen.

Nothing here depends on luck: whoever has to wait for another is held until the other has done its part.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from cartaguard import Issuer, RemoteKeys, TokenVerifier
from cartaguard.drivers import blocking
from cartaguard.drivers.effects import Shared
from cartaguard.errors import InvalidToken
from cartaguard.http.exchange import HttpResponse
from cartaguard.tokens.carta import CartaIssuer
from cartaguard.tokens.jwk import Jwk
from support.key_world import PATH, World
from support.keys import SigningKey, rsa_key
from support.served import Answer, Served, serving
from support.tokens import CLIENT, ISSUER, Clock, bearer, token_for

FIRST, SECOND = rsa_key("first"), rsa_key("second")
IMPOSTOR = SigningKey("first", "RS256", rsa_key("impostor").private)


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as server:
        yield server


@pytest.fixture(params=["blocking", "asyncio"])
def world(served: Served, request: pytest.FixtureRequest) -> World:
    return World(served, request.param)


class _Slow:
    """Holds every signature check until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.go = threading.Event(), threading.Event()
        real = Jwk.check

        def check(jwk: Jwk, alg: str) -> Any:
            verify = real(jwk, alg)

            def held(signature: bytes, message: bytes) -> bool:
                if not self.reached.is_set():
                    self.reached.set()
                    assert self.go.wait(20)
                return verify(signature, message)

            return held

        monkeypatch.setattr(Jwk, "check", check)


def test_what_is_being_verified_when_the_keys_change_is_not_remembered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread had its key before the change and its outcome after it: the outcome is its own and nobody else's."""
    slow = _Slow(monkeypatch)
    blocking.run(world.keys.refresh("first", "RS256"))
    values = bearer(world.token())
    outcome: list[Any] = []
    thread = threading.Thread(target=lambda: outcome.append(world.verifier.at_hand(values)))
    thread.start()
    assert slow.reached.wait(20)
    world.publish(SECOND)
    assert world.verify(world.token(SECOND)) == "ok"
    slow.go.set()
    thread.join()
    assert outcome[0].username == "olga", "it was good when it was looked at"
    assert world.verifier.cached(values[0]) is None
    with pytest.raises(InvalidToken) as caught:
        world.verifier.at_hand(values)
    assert caught.value.code == "unknown_key"


def test_a_key_that_is_replaced_under_its_name_verifies_nothing_any_more(world: World) -> None:
    """The same `kid`, and so the same header in every token: neither is what was read before taken for granted."""
    values = bearer(world.token())
    assert world.verify(world.token()) == "ok"
    assert world.verifier.at_hand(values) is not None
    world.publish(IMPOSTOR)
    world.clock.now += 300
    assert world.verify(world.token(IMPOSTOR)) == "ok"
    assert world.verifier.cached(values[0]) is None
    assert world.verify(world.token()) == "bad_signature"


@pytest.mark.parametrize(("kid", "ttl"), [("first", 300), ("first", 1), ("unknown", 300)])
def test_whoever_was_about_to_fetch_when_another_fetch_landed_makes_no_second_one(world: World, kid: str, ttl: float) -> None:
    """Between finding a key missing and asking for it lies time in which others may have asked."""
    world.verifier = world.new_verifier(ttl=ttl)
    if kid == "unknown":
        assert world.verify(world.token()) == "ok"
    assert world.keys.find(kid, "RS256") is None
    assert world.verify(world.token(FIRST if kid == "first" else SECOND)) in ("ok", "unknown_key")
    fetches = world.fetches
    if kid == "first":
        assert blocking.run(world.keys.refresh(kid, "RS256")).fresh > 0
    else:
        with pytest.raises(InvalidToken) as caught:
            blocking.run(world.keys.refresh(kid, "RS256"))
        assert caught.value.code == "unknown_key"
    assert world.fetches == fetches
    if kid == "unknown":
        # Nobody has asked for it yet, and so it is not held to be missing.
        world.publish(FIRST, rsa_key(kid))
        world.clock.now += 30
        assert world.verify(world.token(rsa_key(kid))) == "ok"


def test_whoever_was_about_to_fetch_what_another_fetch_found_missing_is_refused_and_in_no_doubt(world: World) -> None:
    """However long it took to come to it: that fetch was for the same key."""
    assert world.verify(world.token()) == "ok"
    assert world.keys.find("second", "RS256") is None
    assert world.verify(world.token(SECOND)) == "unknown_key"
    world.clock.now += 30
    with pytest.raises(InvalidToken) as caught:
        blocking.run(world.keys.refresh("second", "RS256"))
    assert caught.value.code == "unknown_key"
    assert world.fetches == 2


def test_a_key_that_is_published_while_an_older_answer_is_on_its_way_is_asked_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A good token must not be refused because its key was a moment younger than the fetch it waited for."""
    assert world.verify(world.token()) == "ok"
    older = HttpResponse(200, {}, world.served.answers[PATH].body)
    world.clock.now += 300
    leader = world.keys.refresh("first", "RS256")
    shared = next(leader)
    assert isinstance(shared, Shared)
    flight, leads = shared.flights.join(shared.key)
    assert leads
    fly = shared.steps()
    next(fly)  # the request is sent

    joined = threading.Event()
    join = shared.flights.join

    def joining(key: Hashable, within: float | None) -> tuple[Future[Any], bool]:
        result = join(key, within)
        joined.set()
        return result

    monkeypatch.setattr(shared.flights, "join", joining)
    world.publish(FIRST, SECOND)
    outcome: list[str] = []
    follower = threading.Thread(target=lambda: outcome.append(world.verify(world.token(SECOND))))
    follower.start()
    assert joined.wait(20)
    with pytest.raises(StopIteration):
        fly.send(older)
    shared.flights.land(shared.key, flight)
    follower.join()
    leader.close()
    assert outcome == ["ok"]
    assert world.fetches == 2
    assert world.verify(world.token(rsa_key("third"))) == "unknown_key"
    assert world.fetches == 2, "that was the fetch of these 30 seconds"


class _Attaches:
    """Somebody who begins to use a key set just while it tells of a change."""

    def __init__(self, keys: RemoteKeys) -> None:
        self.keys = keys
        self.others: list[_Attaches] = []
        self.forgot = 0

    def forget(self) -> None:
        self.forgot += 1
        self.others += [_Attaches(self.keys) for _ in range(100)]
        for other in self.others:
            self.keys.attach(Clock(), other)


def test_verifiers_that_come_while_a_change_is_told_stop_nobody_from_hearing_of_it(world: World) -> None:
    watchers = [_Attaches(world.keys) for _ in range(3)]
    for watcher in watchers:
        world.keys.attach(world.clock, watcher)
    assert world.verify(world.token()) == "ok"
    world.publish(SECOND)
    assert world.verify(world.token(SECOND)) == "ok"
    assert all(watcher.forgot for watcher in watchers)


def test_a_verifier_that_is_gone_is_told_nothing(world: World) -> None:
    world.keys.attach(world.clock, _Attaches(world.keys))
    assert world.verify(world.token()) == "ok"
    assert len(world.keys._watchers) == 1


@pytest.mark.remembers
def test_a_verifier_that_comes_while_a_carta_names_its_issuer_hears_of_later_changes(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "http://127.0.0.1/own"
    served.answers[PATH] = Answer.of({"keys": [FIRST.jwk()]})
    served.answers["/auth"] = Answer.of({"userPoolWebClientId": CLIENT, "issuer": own, "jwksUri": served.url + PATH})
    carta = Issuer.carta(served.url)
    assert isinstance(carta, CartaIssuer)
    clock = Clock()
    first = TokenVerifier([carta], clock=clock)
    late: list[TokenVerifier] = []
    attach = Issuer.attach

    def attaching(issuer: Issuer, clock_: Any, watcher: Any) -> None:
        attach(issuer, clock_, watcher)
        if not late:
            late.append(TokenVerifier([carta], clock=clock))

    monkeypatch.setattr(Issuer, "attach", attaching)
    values = bearer(token_for(key=FIRST, iss=own))
    assert first.verify(token_for(key=FIRST, iss=own))
    [second] = late
    assert second.at_hand(values) is second.cached(values[0]) is not None
    served.answers[PATH] = Answer.of({"keys": [SECOND.jwk()]})
    assert first.verify(token_for(key=SECOND, iss=own))
    assert second.cached(values[0]) is None


def test_a_verifier_that_comes_just_after_a_carta_named_its_issuer_hears_of_later_changes(served: Served) -> None:
    """Another thread finds the issuer after this one has looked for it and before it could be told."""
    carta = Issuer.carta("https://carta.example")
    assert isinstance(carta, CartaIssuer)
    named: CartaIssuer = carta
    keys = RemoteKeys(served.url + PATH)
    watcher = _Attaches(keys)

    class Meanwhile(list[Any]):
        def append(self, item: Any) -> None:
            super().append(item)
            named.found = Issuer(ISSUER, client_ids=[CLIENT], keys=keys)

    named._attached = Meanwhile()
    named.attach(Clock(), watcher)
    assert list(keys._watchers.values()) == [watcher]
