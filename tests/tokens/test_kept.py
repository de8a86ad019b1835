"""Key sets that outlive a process: a service that restarts verifies tokens while its keys cannot be fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cartaguard import Issuer, RemoteKeys, StaticKeys, TokenVerifier
from cartaguard.drivers import blocking
from cartaguard.errors import InvalidToken, KeysUnavailable
from cartaguard.tokens.jwk import SECRET
from cartaguard.tokens.kept import KeptKeys, public_members
from cartaguard.tokens.keys import STALE_IF_ERROR, TTL
from support.canary import CANARY
from support.heard import hearing
from support.keys import jwks, rsa_key
from support.served import Answer, Served, serving
from support.tokens import CLIENT, ISSUER, NOW, Clock, token_for

FIRST, SECOND = rsa_key("first"), rsa_key("second")


class World:
    """A server with keys and a login page, and services that come and go."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.clock = Clock()
        self.up()

    def up(self, *keys: Any, client: str = CLIENT) -> None:
        self.served.answers["/keys"] = Answer.of(jwks(*(keys or (FIRST,))))
        login = {"issuer": ISSUER, "jwksUri": f"{self.served.url}/keys", "userPoolWebClientId": client, "more": CANARY}
        self.served.answers["/auth"] = Answer.of(login)

    def down(self, *paths: str) -> None:
        for path in paths or ("/keys", "/auth"):
            self.served.answers[path] = Answer(500)

    def service(self, *, carta: bool = False) -> TokenVerifier:
        """A service that has just started."""
        issuer = Issuer.carta(self.served.url) if carta else Issuer(ISSUER, client_ids=[CLIENT], keys=RemoteKeys(f"{self.served.url}/keys"))
        return TokenVerifier([issuer], clock=self.clock)

    def verify(self, verifier: TokenVerifier, key: Any = FIRST) -> str:
        try:
            verifier.verify(token_for(key=key, now=self.clock.now))
        except (InvalidToken, KeysUnavailable) as fault:
            return fault.code
        return "ok"

    def kept(self, *, carta: bool = False) -> tuple[KeptKeys, ...]:
        """What a service keeps that has verified a token."""
        verifier = self.service(carta=carta)
        assert self.verify(verifier) == "ok"
        return verifier.keep_keys(self.clock.now)


@pytest.fixture
def world() -> Iterator[World]:
    with serving() as served:
        yield World(served)


@pytest.mark.parametrize("carta", [False, True], ids=["key set", "carta"])
def test_a_service_starts_with_kept_keys_while_its_issuer_is_down(world: World, carta: bool) -> None:
    """For an hour from their fetch, and no longer."""
    kept = world.kept(carta=carta)
    world.down()
    world.clock.now += TTL + 60
    verifier = world.service(carta=carta)
    assert world.verify(verifier) == "keys_unavailable"
    verifier = world.service(carta=carta)
    assert verifier.seed_keys(kept, world.clock.now) == verifier.issuers
    assert world.verify(verifier) == "ok"
    assert world.verify(verifier, SECOND) != "ok"
    world.clock.now = NOW + STALE_IF_ERROR
    assert world.verify(verifier) == "ok"
    world.clock.now += 1
    assert world.verify(verifier) == "keys_unavailable"


@pytest.mark.parametrize("carta", [False, True], ids=["key set", "carta"])
def test_kept_keys_give_way_to_those_that_are_published(world: World, carta: bool) -> None:
    """As soon as they can be fetched: a key that was taken back is of no use any more."""
    kept = world.kept(carta=carta)
    world.down()
    world.clock.now += TTL + 1
    verifier = world.service(carta=carta)
    verifier.seed_keys(kept, world.clock.now)
    assert world.verify(verifier) == "ok"
    world.up(SECOND)
    world.clock.now += 120
    assert world.verify(verifier) == "unknown_key"
    assert world.verify(verifier, SECOND) == "ok"
    assert verifier.seed_keys(kept, world.clock.now) == ()


def test_a_carta_that_answers_again_is_known_with_the_keys_that_are_there(world: World) -> None:
    """Its login page is back before its keys are: the kept ones go on serving."""
    kept = world.kept(carta=True)
    world.down()
    world.clock.now += TTL + 1
    verifier = world.service(carta=True)
    verifier.seed_keys(kept, world.clock.now)
    assert world.verify(verifier) == "ok"
    world.up()
    world.down("/keys")
    world.clock.now += 120
    assert world.verify(verifier) == "ok"
    assert verifier.issuers == (world.served.url,)
    other = world.service(carta=True)
    assert world.verify(other) == "keys_unavailable"
    assert other.seed_keys(kept, world.clock.now) == ()


@pytest.mark.remembers
@pytest.mark.parametrize(("keys", "outcome"), [(True, "wrong_audience"), (False, "keys_unavailable")])
def test_a_carta_that_has_another_client_by_now_is_believed(world: World, keys: bool, outcome: str) -> None:
    """What was verified for the one that was kept is forgotten, whether or not its keys are there as well."""
    kept = world.kept(carta=True)
    world.down()
    verifier = world.service(carta=True)
    verifier.seed_keys(kept, world.clock.now)
    value = b"Bearer " + token_for(key=FIRST, now=world.clock.now).encode()
    assert blocking.run(verifier.authenticate_steps([value]), twin="-").authenticated
    assert verifier.cached(value) is not None
    world.up(client="another")
    if not keys:
        world.down("/keys")
    world.clock.now += 120
    assert world.verify(verifier) == outcome
    assert verifier.cached(value) is None


def test_a_carta_that_has_its_keys_elsewhere_by_now_is_believed(world: World) -> None:
    """With the same name and client."""
    kept = world.kept(carta=True)
    world.down()
    verifier = world.service(carta=True)
    verifier.seed_keys(kept, world.clock.now)
    assert world.verify(verifier) == "ok"
    world.served.answers["/elsewhere"] = Answer.of(jwks(SECOND))
    world.served.answers["/auth"] = Answer.of({"issuer": ISSUER, "jwksUri": f"{world.served.url}/elsewhere", "userPoolWebClientId": CLIENT})
    world.clock.now += 120
    assert world.verify(verifier) == "unknown_key"
    assert world.verify(verifier, SECOND) == "ok"


def test_an_issuer_that_two_verifiers_share_is_seeded_for_both(world: World) -> None:
    """Also for the one that comes later."""
    kept = world.kept(carta=True)
    world.down()
    issuer = Issuer.carta(world.served.url)
    first = TokenVerifier([issuer], clock=world.clock)
    first.seed_keys(kept, world.clock.now)
    second = TokenVerifier([issuer], clock=world.clock)
    assert [world.verify(verifier) for verifier in (first, second)] == ["ok", "ok"]


@pytest.mark.parametrize(
    "changes",
    [
        {"fetched_at": NOW - STALE_IF_ERROR - 1},
        {"fetched_at": NOW + 1},
        {"fetched_at": float("nan")},
        {"document": b"no JSON"},
        {"document": b'{"keys": []}'},
        {"issuer": "https://another.example"},
    ],
)
@pytest.mark.parametrize("carta", [False, True], ids=["key set", "carta"])
def test_kept_keys_that_are_too_old_or_none_are_not_used(world: World, carta: bool, changes: dict[str, Any]) -> None:
    """It is as if there were none."""
    [kept] = world.kept(carta=carta)
    world.down()
    verifier = world.service(carta=carta)
    assert verifier.seed_keys([kept._replace(**changes)], world.clock.now) == ()
    assert world.verify(verifier) == "keys_unavailable"


@pytest.mark.parametrize("carta", [False, True], ids=["key set", "carta"])
def test_kept_keys_of_just_an_hour_ago_are_used(world: World, carta: bool) -> None:
    """The last instant that they would have served where they were kept."""
    [kept] = world.kept(carta=carta)
    world.down()
    verifier = world.service(carta=carta)
    assert verifier.seed_keys([kept._replace(fetched_at=NOW - STALE_IF_ERROR)], world.clock.now) == verifier.issuers
    assert world.verify(verifier) == "ok"


def test_a_service_that_starts_again_and_again_keeps_its_keys_as_old_as_they_are(world: World) -> None:
    """However often they are handed on, an hour after their fetch they are of no use."""
    kept = world.kept()
    world.down()
    for _ in range(3):
        world.clock.now += 100
        verifier = world.service()
        verifier.seed_keys(kept, world.clock.now)
        assert verifier.keep_keys(world.clock.now) == kept


def test_a_kept_key_that_is_not_used_is_told_as_one_of_its_set(world: World) -> None:
    """Whoever kept it may have known fewer rules."""
    [kept] = world.kept()
    bad = kept._replace(document=json.dumps(jwks(FIRST, SECOND.jwk(use="enc"))).encode())
    with hearing() as heard:
        assert world.service().seed_keys([bad], world.clock.now) == (ISSUER,)
    assert heard == [("key_skipped", {"source": f"{world.served.url}/keys", "place": "1", "reason": "its `use` is not `sig`"})]


@pytest.mark.parametrize("document", [None, [], {}, "text", {"keys": None}, {"keys": {}}, {"keys": "text"}])
def test_of_what_is_no_key_set_nothing_is_kept(document: Any) -> None:
    assert public_members(document, SECRET) == b'{"keys": []}'


def test_a_login_page_that_names_no_pool_is_not_used(world: World) -> None:
    """A kept one has to be as good as one that is asked for."""
    [kept] = world.kept(carta=True)
    world.down()
    for login in (b"", b"[]", b'{"region": "nowhere"}'):
        assert world.service(carta=True).seed_keys([kept._replace(login=login)], world.clock.now) == ()


def test_nothing_is_kept_before_it_was_fetched_or_when_it_is_too_old(world: World) -> None:
    """And never of keys that are given."""
    assert world.service().keep_keys(NOW) == ()
    assert world.service(carta=True).keep_keys(NOW) == ()
    given = TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=StaticKeys(jwks(FIRST)))])
    assert (given.keep_keys(NOW), given.seed_keys(world.kept(), NOW)) == ((), ())
    verifier = world.service()
    assert world.verify(verifier) == "ok"
    world.clock.now += STALE_IF_ERROR
    assert verifier.keep_keys(world.clock.now) == ()


def test_only_public_members_are_kept(world: World) -> None:
    """A key that was published with its secret is left out, as it is when it is used; unknown members are not spread."""
    secret = {**SECOND.jwk(), "d": CANARY}
    world.served.answers["/keys"] = Answer.of({"keys": [{**FIRST.jwk(), "note": CANARY}, secret, "no key"], "note": CANARY})
    for carta in (False, True):
        [kept] = world.kept(carta=carta)
        assert CANARY.encode() not in b"".join((kept.document, kept.login))
        assert [key["kid"] for key in json.loads(kept.document)["keys"]] == ["first"]
        assert kept.fetched_at == NOW
    assert json.loads(kept.login) == {"issuer": ISSUER, "jwksUri": f"{world.served.url}/keys", "userPoolWebClientId": CLIENT}


def test_a_carta_that_is_known_from_kept_keys_alone_is_degraded(world: World) -> None:
    """Until it answers, or the keys are too old."""
    kept = world.kept(carta=True)
    world.down()
    world.clock.now += TTL + 1
    verifier = world.service(carta=True)
    verifier.seed_keys(kept, world.clock.now)
    assert world.verify(verifier) == "ok"
    [condition] = verifier.health()
    assert (condition.source, condition.state, condition.level, condition.age) == (world.served.url, "stale", "degraded", TTL + 1)
    world.clock.now = NOW + STALE_IF_ERROR + 1
    assert world.verify(verifier) == "keys_unavailable"
    assert [condition.level for condition in verifier.health()] == ["down"]
    world.up()
    world.clock.now += 120
    assert world.verify(verifier) == "ok"
    assert [condition.level for condition in verifier.health()] == ["ok"]
