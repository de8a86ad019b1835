"""What is reported of keys: that they cannot be had, are stale, are back, have changed, and which are not used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cartaguard import Issuer, RemoteKeys, StaticKeys, TokenVerifier
from cartaguard.errors import InvalidToken, KeysUnavailable
from cartaguard.events import counters
from support.canary import CANARY
from support.heard import Heard, hearing
from support.keys import SigningKey, jwks, rsa_key
from support.served import Answer, Served, serving
from support.tokens import CLIENT, ISSUER, Clock, bearer, token_for

FIRST, SECOND = rsa_key("first"), rsa_key("second")


class World:
    """A server with a key set, a verifier that uses it, a clock for both, and what is reported."""

    def __init__(self, served: Served, heard: Heard) -> None:
        self.served = served
        self.heard = heard
        self.clock = Clock()
        self.url = f"{served.url}/keys"
        self.publish(FIRST)
        self.verifier = TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=RemoteKeys(self.url))], clock=self.clock)

    def publish(self, *keys: SigningKey | dict[str, Any]) -> None:
        self.served.answers["/keys"] = Answer.of(jwks(*keys))

    def fail(self) -> None:
        self.served.answers["/keys"] = Answer(500)

    def verify(self, key: SigningKey = FIRST) -> str:
        try:
            self.verifier.verify(token_for(key=key, now=self.clock.now))
        except (InvalidToken, KeysUnavailable) as fault:
            return fault.code
        return "ok"

    def told(self) -> Heard:
        """What was reported since the last call."""
        told = [*self.heard]
        self.heard.clear()
        return told


@pytest.fixture
def world() -> Iterator[World]:
    with serving() as served, hearing() as heard:
        yield World(served, heard)


def test_keys_that_are_as_they_should_be_are_no_event(world: World) -> None:
    """Neither the first fetch, nor the next one, nor a request that finds its token in memory is reported."""
    assert world.verify() == "ok"
    world.clock.now += 300
    assert world.verify() == "ok"
    world.verifier.at_hand(bearer(token_for(key=FIRST, now=world.clock.now)))
    assert world.told() == []
    assert set(counters().values()) == {0}


def test_an_outage_of_keys_is_told_from_its_first_failure_to_its_end(world: World) -> None:
    """While a former set serves it is stale; once that is too old, or where there was none, keys are unavailable."""
    assert world.verify() == "ok"
    world.fail()
    world.clock.now += 300
    assert world.verify() == "ok"
    assert world.told() == [("keys_stale", {"source": world.url, "reason": "status 500"})]
    world.clock.now += 3301
    assert world.verify() == "keys_unavailable"
    assert world.told() == [("keys_unavailable", {"source": world.url, "reason": "status 500"})]
    world.publish(FIRST)
    world.clock.now += 30
    assert world.verify() == "ok"
    assert world.told() == [("keys_back", {"source": world.url})]


def test_why_a_set_is_not_taken_is_told_in_words_of_our_own(world: World) -> None:
    world.served.answers["/keys"] = Answer.of({"keys": {}})
    assert world.verify() == "keys_unavailable"
    assert world.told() == [("keys_unavailable", {"source": world.url, "reason": "it is no JWK set in strict JSON"})]


def test_the_fifth_failure_in_a_row_and_the_success_after_it_are_the_breakers(world: World) -> None:
    """The breaker of a key set is reported by its address."""
    world.fail()
    for wait in (1, 2, 4, 8):
        assert world.verify() == "keys_unavailable"
        world.clock.now += wait
    assert {event for event, _ in world.told()} == {"keys_unavailable"}
    world.verify()
    assert world.told()[-1] == ("breaker_opened", {"source": world.url})
    world.publish(FIRST)
    world.clock.now += 30
    assert world.verify() == "ok"
    assert world.told() == [("keys_back", {"source": world.url}), ("breaker_closed", {"source": world.url})]


def test_other_keys_are_told_and_the_same_ones_are_not(world: World) -> None:
    """A rotation is seen, with how many keys there are now."""
    assert world.verify() == "ok"
    world.publish(FIRST, SECOND)
    assert world.verify(SECOND) == "ok"
    assert world.told() == [("keys_changed", {"source": world.url, "keys": "2"})]


def test_an_unknown_key_that_causes_no_fetch_is_told(world: World) -> None:
    """The first one asks the issuer; those that come too soon after it do not, and are reported without their names."""
    assert world.verify() == "ok"
    assert world.verify(SECOND) == "unknown_key"
    assert world.told() == []
    assert world.verify(SigningKey(CANARY, "RS256", SECOND.private)) == "unknown_key"
    assert world.told() == [("unknown_key_suppressed", {"source": world.url})]


def test_a_key_that_is_not_used_is_told_with_its_place_and_its_rule(world: World) -> None:
    """Once for each set that is read."""
    world.publish(FIRST.jwk(use="enc"), SECOND)
    assert world.verify(SECOND) == "ok"
    assert world.verify(SECOND) == "ok"
    assert world.told() == [("key_skipped", {"source": world.url, "place": "0", "reason": "its `use` is not `sig`"})]
    StaticKeys(jwks(FIRST.jwk(kid="")))
    assert [fields["source"] for _, fields in world.told()] == ["static keys"]


def test_an_issuer_that_cannot_be_asked_for_is_told() -> None:
    """Carta's `/auth` is reported as keys are: without it there are none."""
    with serving() as served, hearing() as heard:
        served.answers["/auth"] = Answer.of([])
        verifier = TokenVerifier([Issuer.carta(served.url)], clock=Clock())
        with pytest.raises(KeysUnavailable):
            verifier.verify(token_for(key=FIRST))
    assert heard == [("keys_unavailable", {"source": f"{served.url}/auth", "reason": "it is no JSON object"})]
