"""Remote keys: fetched once for everybody, kept for five minutes, used for an hour when they cannot be had.

Every behaviour is shown in both colours, against a real server on this machine whose requests are counted.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from cartaguard import Issuer, RemoteKeys, StaticKeys, TokenVerifier
from cartaguard.drivers import aio, blocking
from cartaguard.drivers.effects import Shared
from cartaguard.errors import ConfigurationError, InvalidToken, KeysUnavailable, Unavailable, WouldBlock
from cartaguard.tokens.document import Document
from cartaguard.tokens.keys import Keys
from support.key_world import PATH, World
from support.keys import SigningKey, jwks, rsa_key
from support.served import Answer, Served, serving
from support.tokens import CLIENT, ISSUER, Clock, bearer, token_for
from support.worded import worded

FIRST, SECOND, FOREIGN = rsa_key("first"), rsa_key("second"), rsa_key("foreign")


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as server:
        yield server


@pytest.fixture(params=["blocking", "asyncio"])
def world(served: Served, request: pytest.FixtureRequest) -> World:
    return World(served, request.param)


def test_nothing_is_fetched_before_a_token_comes_and_once_for_many_tokens(world: World) -> None:
    assert world.fetches == 0
    assert [world.verify(world.token()) for _ in range(3)] == ["ok"] * 3
    assert world.fetches == 1
    path, headers = world.served.requests[0]
    assert path == PATH
    assert "authorization" not in headers


def test_200_at_once_make_one_fetch(world: World) -> None:
    assert world.many([world.token()] * 200) == ["ok"] * 200
    assert world.fetches == 1


def test_a_refused_token_of_a_foreign_issuer_or_algorithm_fetches_nothing(world: World) -> None:
    assert world.verify(token_for(key=FIRST, iss="https://other.example")) == "wrong_issuer"
    assert world.verify(token_for(key=rsa_key("first", "PS256"))) == "alg_not_allowed"
    assert world.verify("a.b") == "malformed"
    assert world.fetches == 0


def test_a_set_is_fetched_anew_after_300_seconds_and_not_before(world: World) -> None:
    world.verify(world.token())
    world.clock.now += 299
    assert world.verify(world.token()) == "ok"
    assert world.fetches == 1
    world.clock.now += 1
    assert world.verify(world.token()) == "ok"
    assert world.fetches == 2
    assert world.verify(world.token()) == "ok"
    assert world.fetches == 2


def test_a_rotated_key_is_found_at_once(world: World) -> None:
    assert world.verify(world.token(FIRST)) == "ok"
    world.publish(FIRST, SECOND)
    assert world.verify(world.token(SECOND)) == "ok"
    assert world.verify(world.token(FIRST)) == "ok"
    assert world.fetches == 2


def test_a_withdrawn_key_is_refused_once_the_set_is_fetched_anew(world: World) -> None:
    assert world.verify(world.token(FIRST)) == "ok"
    world.publish(SECOND)
    world.clock.now += 300
    assert world.verify(world.token(FIRST)) == "unknown_key"
    assert world.verify(world.token(SECOND)) == "ok"


def test_a_flood_of_unknown_kids_makes_one_fetch_in_30_seconds_and_evicts_no_key(world: World) -> None:
    world.verify(world.token())
    flood = [token_for(key=SigningKey(f"unknown-{number}", "RS256", FOREIGN.private)) for number in range(40)]
    assert [world.verify(token) for token in flood] == ["unknown_key"] * 40
    assert world.fetches == 2
    world.clock.now += 29
    assert world.verify(flood[20]) == "unknown_key"
    assert world.fetches == 2
    world.clock.now += 1
    assert world.verify(flood[20]) == "unknown_key"
    assert world.fetches == 3
    assert world.verify(world.token()) == "ok"
    assert world.fetches == 3


def test_unknown_kids_at_once_share_one_fetch(world: World) -> None:
    world.verify(world.token())
    world.served.arrived.clear()
    tokens = [token_for(key=SigningKey(f"unknown-{number}", "RS256", FOREIGN.private)) for number in range(60)]
    assert world.many(tokens) == ["unknown_key"] * 60
    assert world.fetches == 2


def test_a_kid_that_was_missing_lately_does_not_use_up_the_fetch_of_a_new_one(world: World) -> None:
    world.verify(world.token())
    assert world.verify(world.token(FOREIGN)) == "unknown_key"
    world.clock.now += 30
    assert world.verify(world.token(FOREIGN)) == "unknown_key"
    assert world.fetches == 2
    world.publish(FIRST, SECOND)
    assert world.verify(world.token(SECOND)) == "ok"
    assert world.fetches == 3


def test_an_unknown_kid_for_which_the_set_is_fetched_anyway_causes_no_fetch_of_its_own(world: World) -> None:
    """Neither the first token of all nor one that comes when the set has grown old, nor the same one again."""
    for fetches in (1, 2):
        assert [world.verify(world.token(FOREIGN)) for _ in range(3)] == ["unknown_key"] * 3
        assert world.fetches == fetches
        world.clock.now += 300


def test_the_memory_of_unknown_kids_is_bounded(served: Served) -> None:
    """All of them wait for one fetch, and each is then noted as missing."""
    keys = World(served, "blocking").keys
    waiting = [keys.refresh(f"unknown-{number}", "RS256") for number in range(600)]
    shared, *_ = [next(steps) for steps in waiting]
    assert isinstance(shared, Shared)
    blocking.run(shared.steps())
    noted = []
    for steps in waiting:
        with pytest.raises(InvalidToken):
            steps.send(None)
        noted.append(len(keys._unknown))
    assert noted[:256] == [*range(1, 257)]
    assert max(noted) == 256


def test_a_stale_set_serves_for_an_hour_when_it_cannot_be_fetched(world: World) -> None:
    world.verify(world.token())
    world.fail()
    for age in (300, 1800, 3600):
        world.clock.now = Clock().now + age
        assert world.verify(world.token()) == "ok"
    world.clock.now += 1
    assert world.verify(world.token()) == "keys_unavailable"
    world.publish(FIRST)
    world.clock.now += 30
    assert world.verify(world.token()) == "ok"


def test_failures_back_off_and_the_fifth_opens_the_breaker(world: World) -> None:
    world.fail(503)
    waits: list[int] = []
    for fetches in range(1, 8):
        assert world.verify(world.token()) == "keys_unavailable"
        assert world.verify(world.token()) == "keys_unavailable"
        assert world.fetches == fetches
        with pytest.raises(KeysUnavailable) as caught:
            world.verifier.at_hand(bearer(world.token()))
        waits.append(caught.value.retry_after)
        world.clock.now += waits[-1]
    assert waits == [1, 2, 4, 8, 30, 30, 30]
    world.publish(FIRST)
    assert world.verify(world.token()) == "ok"


def test_an_unknown_kid_is_in_doubt_while_the_last_fetch_failed(world: World) -> None:
    world.verify(world.token())
    world.fail()
    assert world.verify(world.token(SECOND)) == "keys_unavailable"
    assert world.verify(world.token(SECOND)) == "keys_unavailable"
    assert world.verify(world.token()) == "ok"
    assert world.fetches == 2
    world.publish(FIRST, SECOND)
    world.clock.now += 30
    assert world.verify(world.token(SECOND)) == "ok"


def _bomb() -> Answer:
    body = gzip.compress(json.dumps(jwks(FIRST)).encode() + b" " * (2 * 1024 * 1024))
    assert len(body) < 100_000
    return Answer(body=body, headers={"Content-Encoding": "gzip"})


UNREADABLE: dict[str, Callable[[], Answer]] = {
    "another status": lambda: Answer(204),
    "an error page": lambda: Answer(200, b"<html>"),
    "no key set": lambda: Answer.of({"keys": {}}),
    "a list": lambda: Answer.of([]),
    "a repeated member": lambda: Answer(body=b'{"keys": [], "keys": []}'),
    "no JSON": lambda: Answer(body=b'{"keys": [NaN]}'),
    "not UTF-8": lambda: Answer(body=b'{"keys": ["\xff"]}'),
    "over 2 MB": lambda: Answer(body=json.dumps(jwks(FIRST)).encode() + b" " * (2 * 1024 * 1024)),
    "over 2 MB once decompressed": _bomb,
    "a redirect without target": lambda: Answer(302),
    "a redirect to another host": lambda: Answer(302, headers={"Location": "http://localhost:1/keys"}),
    "a redirect that never ends": lambda: Answer(302, headers={"Location": PATH}),
    "not gzip": lambda: Answer(body=b"{}", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_an_unreadable_set_is_503_and_does_not_replace_a_good_one(what: str, world: World) -> None:
    good = world.served.answers[PATH]
    world.served.answers[PATH] = UNREADABLE[what]()
    assert world.verify(world.token()) == "keys_unavailable"
    world.clock.now += 1
    world.served.answers[PATH] = good
    assert world.verify(world.token()) == "ok"
    world.clock.now += 300
    world.served.answers[PATH] = UNREADABLE[what]()
    assert world.verify(world.token()) == "ok"


def test_a_redirect_within_the_host_is_followed(world: World) -> None:
    world.served.answers["/elsewhere"] = world.served.answers[PATH]
    world.served.answers[PATH] = Answer(307, headers={"Location": "/elsewhere"})
    assert world.verify(world.token()) == "ok"


def test_a_server_that_is_not_there_is_503(world: World) -> None:
    world.verifier = world.new_verifier(RemoteKeys("http://127.0.0.1:1/keys"))
    assert world.verify(world.token()) == "keys_unavailable"


def test_a_set_whose_keys_are_all_unusable_refuses_every_token(world: World) -> None:
    world.publish(FIRST.jwk(use="enc"))
    assert world.verify(world.token()) == "unknown_key"


@pytest.mark.remembers
def test_a_changed_set_empties_the_token_cache_and_an_unchanged_one_does_not(world: World) -> None:
    values = bearer(token_for(key=FIRST, life=7200))
    assert world.verify(world.token()) == "ok"
    assert world.verifier.at_hand(values) is world.verifier.cached(values[0]) is not None
    assert world.verify(world.token(FOREIGN)) == "unknown_key"
    assert world.fetches == 2
    assert world.verifier.cached(values[0]) is not None
    world.clock.now += 30
    world.publish(SECOND)
    assert world.verify(world.token(SECOND)) == "ok"
    assert world.verifier.cached(values[0]) is None
    with pytest.raises(InvalidToken):
        world.verifier.at_hand(values)


@pytest.mark.remembers
def test_a_cached_token_is_not_at_hand_once_its_keys_grow_stale(world: World) -> None:
    values = bearer(token_for(key=FIRST, life=7200))
    world.verify(world.token())
    world.clock.now += 100
    assert world.verifier.at_hand(values) is not None
    world.clock.now += 199
    assert world.verifier.cached(values[0]) is not None
    world.clock.now += 1
    assert world.verifier.cached(values[0]) is None
    assert world.verifier.at_hand(values) is None


@pytest.mark.remembers
def test_what_a_key_verifies_is_cached_for_as_long_as_the_key_is_fresh_be_it_half_a_second(world: World) -> None:
    values = bearer(token_for(key=FIRST, life=7200))
    world.verify(world.token())
    world.clock.now += 299.5
    principal = world.verifier.at_hand(values)
    assert principal is not None
    assert world.verifier.cached(values[0]) is principal
    world.clock.now += 0.5
    assert world.verifier.cached(values[0]) is None


def test_health_tells_fresh_idle_stale_and_unavailable_keys_apart_to_the_second(world: World) -> None:
    world.verify(world.token())
    start = world.clock.now

    def told(after: float) -> tuple[str, str]:
        world.clock.now = start + after
        health = world.keys.health("x")
        return health.state, health.level

    assert [told(after)[0] for after in (0.0, 299.0, 300.0, 3600.0)] == ["fresh", "fresh", "idle", "idle"]
    world.fail()
    world.clock.now = start + 300.0
    world.verify(world.token())
    assert [told(after) for after in (299.0, 300.0, 3600.0, 3601.0)] == [
        ("fresh", "ok"),
        ("stale", "degraded"),
        ("stale", "degraded"),
        ("unavailable", "down"),
    ]


def test_keys_that_are_fresh_for_less_than_a_second_are_stale_and_not_gone_after_it(world: World) -> None:
    world.verifier = world.new_verifier(ttl=0.25)
    world.verify(world.token())
    world.fail()
    world.clock.now += 0.5
    assert world.verify(world.token()) == "ok"
    assert [(health.state, health.level) for health in world.verifier.health()] == [("stale", "degraded")]


def test_a_kid_that_was_missing_is_asked_for_again_once_the_set_could_have_changed(world: World) -> None:
    """After the lifetime of a set, to the second."""
    world.verify(world.token())
    start = world.clock.now
    assert world.verify(world.token(FOREIGN)) == "unknown_key"
    fetches = []
    for after in (299.0, 300.0):
        # A set that was just fetched for a known key says nothing of this one any more.
        world.clock.now = start + after
        world.verify(world.token())
        world.verify(world.token(FOREIGN))
        fetches.append(world.fetches)
    assert fetches == [2, 4]


def test_what_a_stale_key_verifies_is_not_cached(world: World) -> None:
    values = bearer(token_for(key=FIRST, life=7200))
    world.verify(world.token())
    world.clock.now += 300
    world.fail()
    assert world.verify(world.token()) == "ok"
    assert world.verifier.at_hand(values) is not None
    assert world.verifier.cached(values[0]) is None


def test_a_clock_that_runs_backwards_leaves_nothing_in_the_cache_that_was_not_verified_by_then(world: World) -> None:
    values = bearer(world.token())
    world.verify(world.token())
    world.verifier.at_hand(values)
    world.clock.now -= 10
    assert world.verifier.cached(values[0]) is None
    assert world.verifier.at_hand(values) is None, "how old the keys are is not known any more"
    assert world.verify(world.token()) == "ok"
    assert world.fetches == 2


def test_keys_with_a_clock_of_their_own_keep_it(world: World) -> None:
    own = Clock(0.0)
    world.verifier = world.new_verifier(clock=own, ttl=60)
    world.verify(world.token())
    world.clock.now += 1000
    assert world.verify(world.token()) == "ok"
    assert world.fetches == 1
    own.now += 60
    assert world.verify(world.token()) == "ok"
    assert world.fetches == 2


def test_two_verifiers_share_one_set_and_both_hear_of_a_change(world: World) -> None:
    other = TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=world.keys)], clock=world.clock)
    values = bearer(world.token())
    world.verify(world.token())
    assert other.at_hand(values) is not None
    assert world.fetches == 1
    world.publish(SECOND)
    world.verify(world.token(SECOND))
    assert other.cached(values[0]) is None


# -- what only one colour has


def test_the_flight_survives_the_cancellation_of_the_task_that_leads_it(served: Served) -> None:
    world = World(served, "asyncio")
    served.gate.clear()

    async def story() -> list[str]:
        leader = asyncio.create_task(world.verifier.averify(world.token()))
        await asyncio.to_thread(served.arrived.wait, 10)
        followers = [asyncio.create_task(world.verifier.averify(world.token())) for _ in range(20)]
        await asyncio.sleep(0)
        leader.cancel()
        await asyncio.gather(leader, return_exceptions=True)
        served.gate.set()
        return [claims.subject for claims in await asyncio.gather(*followers)]

    assert asyncio.run(story()) == ["sub-olga"] * 20
    assert world.fetches == 1


def test_whoever_comes_too_late_for_a_flight_does_not_fetch_again(served: Served) -> None:
    world = World(served, "blocking")
    late = world.keys.refresh("first", "RS256")
    first_effect = next(late)
    assert world.verify(world.token()) == "ok"

    def again() -> Any:
        result = yield first_effect
        return result

    blocking.run(again())
    with pytest.raises(StopIteration) as stop:
        late.send(None)
    assert stop.value.value.fresh > 0
    assert world.fetches == 1


def test_a_follower_of_an_interrupted_flight_is_in_doubt_and_nothing_is_remembered(served: Served) -> None:
    world = World(served, "blocking")
    world.verify(world.token())
    follower = world.keys.refresh("second", "RS256")
    next(follower)
    with pytest.raises(KeysUnavailable):
        follower.throw(Unavailable("the fetch was interrupted"))
    world.publish(FIRST, SECOND)
    assert world.verify(world.token(SECOND)) == "ok"


def always() -> bool:
    return True


def test_while_another_attempt_is_under_way_after_a_failure_nobody_else_tries(served: Served) -> None:
    clock = Clock()
    document = Document(served.url + PATH, http=None, clock=clock, take=lambda body: None)
    served.answers[PATH] = Answer(500)
    assert not blocking.run(document.fetch(always))
    clock.now += 1
    interrupted = document._fly(always, None)
    next(interrupted)
    assert not blocking.run(document.fetch(always))
    assert served.count(PATH) == 1
    assert document.pause() == 10
    clock.now += 10
    served.answers[PATH] = Answer(200)
    assert blocking.run(document.fetch(always))


def test_a_blocking_call_inside_an_event_loop_names_its_twin_unless_the_keys_are_at_hand(served: Served) -> None:
    world = World(served, "asyncio")

    async def story() -> str:
        with pytest.raises(WouldBlock, match="await `averify` instead"):
            world.verifier.verify(world.token())
        await world.verifier.averify(world.token())
        return world.verifier.verify(world.token()).subject

    assert asyncio.run(story()) == "sub-olga"


@pytest.mark.remembers
def test_a_request_that_needs_keys_is_authenticated_by_the_same_steps_in_both_colours(world: World) -> None:
    values = bearer(world.token())
    assert world.verifier.at_hand(values) is None
    steps = world.verifier.authenticate_steps(values)

    async def fetch() -> Any:
        return await aio.run(steps)

    principal = blocking.run(steps) if world.colour == "blocking" else asyncio.run(fetch())
    assert principal.subject == "sub-olga"
    again = world.verifier.at_hand(values)
    assert again == principal
    assert world.verifier.cached(values[0]) is again
    with pytest.raises(StopIteration) as stop:
        next(world.verifier.authenticate_steps(values))
    assert stop.value.value is again


@pytest.mark.remembers
def test_what_was_verified_by_the_steps_with_keys_that_did_not_change_is_remembered(world: World) -> None:
    world.verify(world.token())
    world.clock.now += 300
    values = bearer(world.token())
    assert world.verifier.at_hand(values) is None
    principal = blocking.run(world.verifier.authenticate_steps(values))
    assert world.fetches == 2
    assert world.verifier.cached(values[0]) is principal


class _Client:
    """The least that a client of the caller's own can be: it has ``get``."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get(self, url: str, **options: Any) -> httpx.Response:
        self.asked.append(url)
        return httpx.Response(200, json=jwks(FIRST))


class _AsyncClient(_Client):
    async def get(self, url: str, **options: Any) -> httpx.Response:  # type: ignore[override]
        return super().get(url, **options)


@pytest.mark.parametrize("kind", [_Client, _AsyncClient])
def test_a_client_of_the_callers_own_is_used(kind: type[_Client]) -> None:
    client, clock = kind(), Clock()
    keys = RemoteKeys("https://keys.example/set", http=client)
    verifier = TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=keys)], clock=clock)

    async def story() -> str:
        return (await verifier.averify(token_for(key=FIRST))).subject

    assert asyncio.run(story()) == "sub-olga"
    assert client.asked == ["https://keys.example/set"]


def test_an_asynchronous_client_in_a_blocking_call_is_a_configuration_error() -> None:
    keys = RemoteKeys("https://keys.example/set", http=_AsyncClient())
    verifier = TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=keys)], clock=Clock())
    with pytest.raises(ConfigurationError):
        verifier.verify(token_for(key=FIRST))


# -- set-up


@pytest.mark.parametrize(
    "url",
    [
        "http://keys.example/set",
        "ftp://127.0.0.1/set",
        "file:///etc/keys",
        "/keys",
        "",
        "https://",
        "https://user@keys.example/set",
        None,
        7,
    ],
)
def test_an_address_that_is_neither_https_nor_on_this_machine_is_a_configuration_error(url: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^`jwks_uri` "):
        RemoteKeys(url)


@pytest.mark.parametrize("url", ["https://keys.example/set", "http://127.0.0.1:8000/set", "http://[::1]/set", "http://localhost/set"])
def test_https_and_this_machine_are_allowed(url: str) -> None:
    assert repr(RemoteKeys(url)) == f"RemoteKeys({url!r})"


@pytest.mark.parametrize("ttl", [0, -1, 3601, float("nan"), float("inf")])
def test_a_lifetime_out_of_range_is_a_configuration_error(ttl: float) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RemoteKeys("https://keys.example/set", ttl=ttl)
    assert caught.value.code == "bad_ttl"
    assert f"`ttl` is {ttl}" in worded(caught.value)


@pytest.mark.parametrize("ttl", [0.001, 1, 3600])
def test_a_lifetime_is_anything_up_to_an_hour(ttl: float) -> None:
    assert RemoteKeys("https://keys.example/set", ttl=ttl).url


def test_keys_that_may_be_set_back_are_measured_by_a_clock_that_is_not() -> None:
    keys = RemoteKeys("https://keys.example/set")
    TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=keys)])
    assert keys._clock is time.monotonic
    assert RemoteKeys("https://keys.example/set").find("a", "RS256") is None


@pytest.mark.parametrize("jwks_", [{}, {"keys": {}}, "no json", b"\xff", '{"keys": ["\ud800"]}', '{"keys": [], "keys": []}', [], None])
def test_static_keys_that_are_no_key_set_are_a_configuration_error(jwks_: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        StaticKeys(jwks_)
    assert caught.value.code == "bad_key_set"
    assert "no JWK set" in worded(caught.value)


@pytest.mark.parametrize("form", [dict, json.dumps, lambda document: json.dumps(document).encode()])
def test_static_keys_are_a_mapping_or_its_text(form: Callable[[Any], Any]) -> None:
    keys = StaticKeys(form(jwks(FIRST)))
    found = keys.find("first", "RS256")
    assert keys.find("first", "RS256") is found
    with pytest.raises(InvalidToken):
        keys.find("second", "RS256")


def test_a_source_of_keys_knows_none_out_of_the_box() -> None:
    keys = Keys()
    keys.attach(Clock(), TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=keys)]))
    with pytest.raises(InvalidToken):
        keys.find("first", "RS256")
    with pytest.raises(InvalidToken):
        keys.refresh("first", "RS256")
