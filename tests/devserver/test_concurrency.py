"""Fifty callers at once, over sockets: nothing that was accepted is lost, and what only one may have, one gets."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias, TypeVar

import httpx
import pytest

from cartaguard.devserver.cognito import Cognito, CognitoError
from cartaguard.devserver.pool import POOL
from cartaguard.testing import EmbeddedCarta
from support.canary import CANARY
from support.srp import SrpClient

# Python 3.12 warns of what pycognito makes its timestamps with.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

CALLERS = 50

Call: TypeAlias = Callable[..., httpx.Response]

T = TypeVar("T")


def at_once(call: Callable[[int], T]) -> list[T]:
    """What fifty threads get, all of which begin together."""
    ready = threading.Barrier(CALLERS)

    def begin(number: int) -> T:
        ready.wait()
        return call(number)

    with ThreadPoolExecutor(CALLERS) as threads:
        return list(threads.map(begin, range(CALLERS)))


@pytest.fixture
def carta(empty: EmbeddedCarta) -> EmbeddedCarta:
    empty.add_user("olga", password=CANARY, organization="Aurora")
    empty.add_resource("Project:alloys", owner="olga")
    return empty


@pytest.fixture
def call(carta: EmbeddedCarta) -> Iterator[Call]:
    """A call that olga makes. All share one client, but no connection."""
    headers = {"Authorization": f"Bearer {carta.token('olga')}"}
    with httpx.Client(base_url=carta.url, headers=headers, timeout=60, limits=httpx.Limits(max_connections=CALLERS)) as client:
        yield client.request


def test_nothing_of_what_fifty_write_is_lost(carta: EmbeddedCarta, call: Call) -> None:

    def write(number: int) -> list[int]:
        name = f"user{number}"
        answers = [
            call("POST", "/user", json={"name": name, "organization": "Aurora"}),
            call("POST", f"/user/group/Aurora:Team{number}"),
            call("POST", f"/user/group/Aurora:Team{number}/{name}"),
            call("PUT", f"/permissions/alloys/{name}?userType=User&role=Guest"),
            call("PUT", f"/permissions/alloys/Aurora:Team{number}?userType=UserGroup&role=Editor"),
        ]
        return [answer.status_code for answer in answers]

    carta.add_member("Administrators", "olga")
    assert at_once(write) == [[200] * 5] * CALLERS
    granted = call("GET", "/permissions/alloys/users").json()
    assert Counter(grant["userType"] for grant in granted) == {"User": CALLERS + 1, "UserGroup": CALLERS}
    people = call("GET", "/user/users?attributeName=UserName&attributeValue=user&attributeFilter=^=").json()
    assert sorted(person["groups"] for person in people) == sorted([f"Aurora:Team{number}"] for number in range(CALLERS))


def test_one_of_fifty_who_make_the_same_thing_makes_it(call: Call) -> None:
    answers = at_once(lambda _: call("POST", "/user/group/Aurora:Team"))
    assert Counter((answer.status_code, answer.text) for answer in answers if answer.status_code != 200) == {
        (400, '{"error":"duplicate record"}'): CALLERS - 1
    }


def test_of_fifty_who_set_the_same_grant_the_last_one_holds(carta: EmbeddedCarta, call: Call) -> None:
    carta.add_user("adam")
    roles = ("Guest", "User", "Editor", "None")
    answers = at_once(lambda number: call("PUT", f"/permissions/alloys/adam?userType=User&role={roles[number % 4]}"))
    assert [answer.status_code for answer in answers] == [200] * CALLERS
    assert call("GET", "/permissions/alloys/adam").text in ("Read", "Read, Execute", "Read, Write, Execute", "")


def test_a_token_for_twenty_uses_is_used_twenty_times(call: Call) -> None:
    made = call("POST", "/v2/auth/apitoken/self", json={"name": "twenty", "allowedEndpoints": ["GET /user"], "uses": 20})
    answers = at_once(lambda _: call("GET", "/user", auth=("__token__", made.json()["token"])))
    assert Counter(answer.status_code for answer in answers) == {200: 20, 401: 30}
    assert call("GET", "/v2/auth/apitoken/self").json()[0]["uses"] == 0


def test_a_login_is_finished_once_however_many_try(carta: EmbeddedCarta) -> None:
    cognito = Cognito(carta._carta)
    client = SrpClient("olga", CANARY, pool_id=POOL.id, client_id=POOL.client_id)
    closing = client.closing(cognito.answer("InitiateAuth", client.opening()))

    def outcome(call: str, sent: dict[str, object]) -> str:
        try:
            answer: dict[str, str] = cognito.answer(call, sent)["AuthenticationResult"]
        except CognitoError as fault:
            return fault.kind
        return answer["RefreshToken"]

    ended = Counter(at_once(lambda _: outcome("RespondToAuthChallenge", closing)))
    assert ended.pop("NotAuthorizedException") == CALLERS - 1
    (token,) = ended
    rotated = Counter(at_once(lambda _: outcome("GetTokensFromRefreshToken", {"ClientId": POOL.client_id, "RefreshToken": token})))
    assert rotated["RefreshTokenReuseException"] == CALLERS - 1
