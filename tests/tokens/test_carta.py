"""The issuer behind a Carta server: asked for when a token first comes, once, and believed no more than needed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from cartaguard import Issuer, StaticKeys, TokenVerifier
from cartaguard.drivers import blocking
from cartaguard.errors import CartaGuardError, ConfigurationError, InvalidToken, KeysUnavailable
from cartaguard.events import on_event
from support.canary import CANARY
from support.keys import jwks, rsa_key
from support.served import Answer, Served, serving
from support.tokens import CLIENT, ISSUER, Clock, access_claims, bearer, mint, token_for

POOL = {"region": "us-east-2", "userPoolId": "us-east-2_Abc123xyz", "userPoolWebClientId": CLIENT}
OWN = "http://127.0.0.1:9/embedded"
OWN_POOL = {"issuer": OWN, "jwksUri": "https://keys.example/"}


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as server:
        server.answers["/auth"] = Answer.of({**POOL, "issuer": OWN, "jwksUri": f"{server.url}/keys"})
        server.answers["/keys"] = Answer.of(jwks(rsa_key()))
        yield server


class Outside:
    """A client of the caller's own, in front of a Carta server and AWS that are not on this machine."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def get(self, url: str, **options: Any) -> httpx.Response:
        self.asked.append(url)
        assert not {name.lower() for name in options["headers"]} & {"authorization", "cookie"}
        if url == "https://carta.example/api/auth":
            return httpx.Response(200, json=self.answer)
        if url == ISSUER + "/.well-known/jwks.json":
            return httpx.Response(200, json=jwks(rsa_key()))
        return httpx.Response(404)


def outside(answer: Any, **options: Any) -> tuple[TokenVerifier, Outside]:
    client = Outside(answer)
    return TokenVerifier([Issuer.carta("https://carta.example/api/", http=client, **options)], clock=Clock()), client


def own_token(**changes: Any) -> str:
    return token_for(iss=OWN, **changes)


def test_the_issuer_follows_from_region_and_pool() -> None:
    verifier, client = outside(POOL)
    assert verifier.verify(token_for()).issuer == ISSUER
    assert client.asked == ["https://carta.example/api/auth", ISSUER + "/.well-known/jwks.json"]
    verifier.verify(token_for("adam"))
    assert len(client.asked) == 2


def test_only_the_client_that_the_server_names_is_accepted_unless_clients_are_given() -> None:
    verifier, _ = outside({**POOL, "userPoolWebClientId": "another"})
    with pytest.raises(InvalidToken) as caught:
        verifier.verify(token_for())
    assert caught.value.code == "wrong_audience"
    verifier, _ = outside({**POOL, "userPoolWebClientId": "another"}, client_ids=[CLIENT])
    assert verifier.verify(token_for())


def test_kinds_and_algorithms_are_those_that_were_given() -> None:
    verifier, _ = outside(POOL, token_use={"access"}, algorithms=["RS256", "PS256"])
    assert verifier.verify(mint(access_claims()))
    with pytest.raises(InvalidToken) as caught:
        verifier.verify(token_for())
    assert caught.value.code == "wrong_token_use"


def test_an_algorithm_that_was_not_given_is_refused_also_once_the_issuer_is_known() -> None:
    verifier, _ = outside(POOL, algorithms=["PS256"])
    for _ in range(2):
        with pytest.raises(InvalidToken) as caught:
            verifier.verify(token_for())
        assert caught.value.code == "alg_not_allowed"


def test_the_address_is_the_one_that_was_given_without_a_slash_at_its_end() -> None:
    assert Issuer.carta("https://carta.example/X/").name == "https://carta.example/X"


def test_an_issuer_that_was_found_before_any_verifier_uses_the_clock_of_the_first_one(served: Served) -> None:
    issuer: Any = Issuer.carta(served.url)
    blocking.run(issuer.resolve())
    clock = Clock()
    verifier = TokenVerifier([issuer], clock=clock)
    assert verifier.verify(own_token())
    clock.now += 300
    assert verifier.verify(own_token(now=clock.now))
    assert served.count("/keys") == 2


def test_an_issuer_that_two_verifiers_share_uses_the_clock_of_the_first_one(served: Served) -> None:
    issuer = Issuer.carta(served.url)
    clock = Clock()
    first, second = TokenVerifier([issuer], clock=clock), TokenVerifier([issuer], clock=Clock())
    assert first.verify(own_token())
    clock.now += 300
    assert second.verify(own_token())
    assert served.count("/keys") == 2


@pytest.mark.remembers
def test_a_carta_that_is_found_makes_nobody_forget_what_another_issuer_signed(served: Served) -> None:
    """Only other keys would, and these cannot be had."""
    served.answers["/keys"] = Answer(404)
    other = Issuer("https://other.example", client_ids=[CLIENT], keys=StaticKeys(jwks(rsa_key())))
    verifier = TokenVerifier([other, Issuer.carta(served.url)], clock=Clock())
    values = bearer(token_for(iss="https://other.example"))
    principal = verifier.at_hand(values)
    with pytest.raises(KeysUnavailable):
        verifier.verify(own_token())
    assert served.count("/auth") == 1
    assert principal is verifier.cached(values[0]) is not None


def test_what_may_be_set_back_is_no_clock_for_pauses() -> None:
    issuer: Any = Issuer.carta("https://carta.example")
    TokenVerifier([issuer])
    assert issuer._clock is time.monotonic
    other: Any = Issuer.carta("https://carta.example")
    clock = Clock()
    TokenVerifier([other], clock=clock)
    assert other._clock is clock


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(body=b"no json"), "it is no JSON object"),
        (Answer.of([POOL]), "it is no JSON object"),
        (Answer.of({**POOL, "region": "nowhere"}), "it names no issuer that can be used (bad_region)"),
        (Answer.of({**POOL, "userPoolId": "us-east-1_Abc123xyz"}), "it names no issuer that can be used (bad_pool_id)"),
        (Answer(404), "status 404"),
    ],
)
def test_why_an_answer_is_of_no_use_is_said_in_words_of_our_own(answer: Answer, said: str, served: Served) -> None:
    told: list[Any] = []
    served.answers["/auth"] = answer
    end = on_event(lambda event, fields: told.append((event, fields["reason"])))
    with pytest.raises(KeysUnavailable):
        TokenVerifier([Issuer.carta(served.url)], clock=Clock()).verify(own_token())
    end()
    assert told == [("keys_unavailable", said)]


def test_a_server_elsewhere_cannot_name_an_issuer_of_its_own() -> None:
    verifier, client = outside({**POOL, "issuer": OWN, "jwksUri": "https://carta.example/keys"})
    with pytest.raises(InvalidToken) as caught:
        verifier.verify(own_token())
    assert caught.value.code == "wrong_issuer"
    assert verifier.verify(token_for()).issuer == ISSUER
    assert "https://carta.example/keys" not in client.asked


def test_an_embedded_carta_names_its_own(served: Served) -> None:
    verifier = TokenVerifier([Issuer.carta(served.url)], clock=Clock())
    assert verifier.issuers == (served.url,)
    assert verifier.verify(own_token()).issuer == OWN
    with pytest.raises(InvalidToken) as caught:
        verifier.verify(token_for())
    assert caught.value.code == "wrong_issuer"
    assert "authorization" not in served.requests[0][1]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404),
        Answer(body=b"no json"),
        Answer.of([POOL]),
        Answer.of({}),
        Answer.of({**POOL, "region": "us-east-2.attacker.example/"}),
        Answer.of({**POOL, "region": ["us-east-2"]}),
        Answer.of({**POOL, "userPoolId": "us-east-1_Abc123xyz"}),
        Answer.of({**POOL, "userPoolId": "us-east-2_a/../../b"}),
        Answer.of({**POOL, "userPoolWebClientId": ""}),
        Answer.of({**OWN_POOL}),
        Answer.of({**POOL, "userPoolWebClientId": None}),
        Answer.of({**POOL, "userPoolWebClientId": [CLIENT]}),
        Answer.of({**POOL, "issuer": OWN}),
        Answer.of({**POOL, "jwksUri": "https://keys.example/"}),
        Answer.of({**POOL, "issuer": OWN, "jwksUri": "http://keys.example/"}),
        Answer.of({**POOL, "issuer": ["x"], "jwksUri": "https://keys.example/"}),
        Answer(302, headers={"Location": "https://elsewhere.example/auth"}),
    ],
)
def test_an_answer_that_is_not_what_it_should_be_is_503_and_asked_for_again_later(answer: Answer, served: Served) -> None:
    good = served.answers["/auth"]
    served.answers["/auth"] = answer
    clock = Clock()
    verifier = TokenVerifier([Issuer.carta(served.url)], clock=clock)
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            verifier.verify(own_token())
    assert served.count("/auth") == 1
    served.answers["/auth"] = good
    clock.now += 1
    assert verifier.verify(own_token())


def test_what_a_server_says_of_its_pool_is_not_repeated_in_the_log(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    served.answers["/auth"] = Answer.of({**POOL, "region": "us-east-2\nforged=line " + CANARY})
    with pytest.raises(KeysUnavailable):
        TokenVerifier([Issuer.carta(served.url)], clock=Clock()).verify(own_token())
    assert "bad_region" in caplog.text
    assert "forged" not in caplog.text


def test_200_tasks_ask_once_and_fetch_the_keys_once(served: Served) -> None:
    verifier = TokenVerifier([Issuer.carta(served.url)], clock=Clock())

    async def story() -> list[str]:
        return [claims.subject for claims in await asyncio.gather(*(verifier.averify(own_token()) for _ in range(200)))]

    assert asyncio.run(story()) == ["sub-olga"] * 200
    assert (served.count("/auth"), served.count("/keys")) == (1, 1)


def test_a_server_that_is_out_of_order_hides_no_other_issuer(served: Served) -> None:
    other = token_for(iss="https://other.example")
    keys = StaticKeys(jwks(rsa_key()))
    broken = Issuer.carta("http://127.0.0.1:1")
    verifier = TokenVerifier(
        [broken, Issuer("https://other.example", client_ids=[CLIENT], keys=keys), Issuer.carta(served.url)], clock=Clock()
    )
    assert verifier.issuers == ("http://127.0.0.1:1", "https://other.example", served.url)
    assert verifier.verify(other).issuer == "https://other.example"
    assert served.requests == []
    assert verifier.verify(own_token()).issuer == OWN
    assert verifier.at_hand(bearer(own_token())) is not None
    assert verifier.at_hand(bearer(token_for(iss="https://nobodys.example"))) is None, "only the steps may ask the broken one"
    with pytest.raises(KeysUnavailable):
        verifier.verify(token_for(iss="https://nobodys.example"))


def test_once_every_server_was_asked_a_foreign_token_is_refused_at_once(served: Served) -> None:
    verifier = TokenVerifier([Issuer.carta(served.url)], clock=Clock())
    with pytest.raises(InvalidToken) as caught:
        verifier.verify(token_for(iss="https://nobodys.example"))
    assert caught.value.code == "wrong_issuer"
    with pytest.raises(InvalidToken):
        verifier.at_hand(bearer(token_for(iss="https://nobodys.example")))
    assert served.count("/auth") == 1


def test_two_verifiers_share_what_was_found(served: Served) -> None:
    issuer = Issuer.carta(served.url)
    first = TokenVerifier([issuer], clock=Clock())
    assert first.verify(own_token())
    second = TokenVerifier([issuer], clock=Clock())
    assert second.at_hand(bearer(own_token())) is not None
    assert (served.count("/auth"), served.count("/keys")) == (1, 1)


def test_the_address_itself_is_no_issuer(served: Served) -> None:
    verifier = TokenVerifier([Issuer.carta(served.url)], clock=Clock())
    with pytest.raises(InvalidToken) as caught:
        verifier.verify(token_for(iss=served.url))
    assert caught.value.code == "wrong_issuer"


@pytest.mark.parametrize(
    "host", ["http://carta.example", "carta.example", "", "https://u:p@carta.example", "https://carta.example?a", None]
)
def test_an_address_that_is_neither_https_nor_on_this_machine_is_a_configuration_error(host: Any) -> None:
    with pytest.raises(ConfigurationError, match="`host`") as caught:
        Issuer.carta(host)
    assert "u:p" not in str(caught.value)


@pytest.mark.parametrize("options", [{"client_ids": []}, {"token_use": []}, {"algorithms": ["none"]}])
def test_wrong_options_are_found_when_it_is_built(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Issuer.carta("https://carta.example", **options)


def test_time_of_the_real_clock_is_measured_by_one_that_cannot_be_set_back() -> None:
    issuer = Issuer.carta("http://127.0.0.1:1")
    with pytest.raises(CartaGuardError):
        TokenVerifier([issuer]).verify(token_for())
