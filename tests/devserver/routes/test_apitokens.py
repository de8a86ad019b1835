"""API tokens over HTTP: made by users for themselves, used by HTTP Basic, and within their limits."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from cartaguard.testing import EmbeddedCarta

Call = Callable[..., httpx.Response]

PATH = "/v2/auth/apitoken/self"
ANY = ["ANY /**"]


@pytest.fixture(autouse=True)
def no_tokens(call: Call) -> None:
    for token in call("GET", PATH, "olga").json():
        call("DELETE", f"{PATH}/{token['name']}", "olga")


def make(call: Call, **body: Any) -> httpx.Response:
    return call("POST", PATH, "olga", json={"name": "ci", "allowedEndpoints": ANY, **body})


def use(carta: EmbeddedCarta, key: str, path: str = "/user", method: str = "GET", user: str = "__token__", **more: Any) -> httpx.Response:
    return httpx.request(method, carta.url + path, auth=(user, key), **more)


def test_a_token_stands_for_its_user_where_it_is_allowed(call: Call, seeded: EmbeddedCarta) -> None:
    key = make(call, allowedEndpoints=["GET /user", "GET /permissions/**"]).json()["token"]
    assert use(seeded, key).json()["name"] == "olga"
    assert use(seeded, key, "/permissions/resources/Project/alloys").status_code == 200
    assert use(seeded, key, "/permissions/alloys/otto?userType=User&role=Editor", "PUT").status_code == 403
    assert use(seeded, key, "/user/authenticated").status_code == 403
    assert call("GET", "/permissions/alloys/otto", "otto").text == ""


@pytest.mark.parametrize(
    ("user", "change"),
    [("__token__", "x{}"), ("__token__", "{}x"), ("__token__", ""), ("olga", "{}"), ("", "{}"), ("__token__:", "{}"), ("__token__", "ci")],
)
def test_a_wrong_key_is_401(call: Call, seeded: EmbeddedCarta, user: str, change: str) -> None:
    key = make(call).json()["token"]
    answer = use(seeded, change.format(key), user=user)
    assert (answer.status_code, answer.json()) == (401, {"error": "unauthorized"})


@pytest.mark.parametrize("form", ["Basic {}x!", "Basic  {}", "Basic", "Basic {0},Basic {0}", "Bearer {}", "Token {}", "Basic é"])
def test_a_credential_that_is_none_is_401(call: Call, seeded: EmbeddedCarta, form: str) -> None:
    encoded = base64.b64encode(f"__token__:{make(call).json()['token']}".encode()).decode()
    headers = {"Authorization": form.format(encoded).encode("latin-1")}
    assert httpx.get(f"{seeded.url}/user", headers=headers).status_code == 401  # type: ignore[arg-type]
    both = [("Authorization", f"Basic {encoded}"), ("Authorization", f"Basic {encoded}")]
    assert httpx.get(f"{seeded.url}/user", headers=both).status_code == 401


def test_a_key_is_whole_once_and_obscured_in_lists(call: Call) -> None:
    later = datetime(2100, 1, 2, 3, 4, 5, tzinfo=UTC)
    answer = make(call, uses=3, expires="2100-01-02T03:04:05Z", autoRemove=True)
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert datetime.fromisoformat(made["expires"]) == later
    listed = call("GET", PATH, "olga").json()
    assert listed == [{**made, "token": f"********{made['token'][-4:]}"}]
    assert {key: value for key, value in made.items() if key not in ("token", "expires")} == {
        "name": "ci",
        "allowedEndpoints": ANY,
        "uses": 3,
        "revoked": False,
        "autoRemove": True,
        "lastUsed": None,
    }


def test_a_token_is_good_for_its_uses_and_its_time(call: Call, seeded: EmbeddedCarta) -> None:
    twice = make(call, uses=2).json()["token"]
    assert [use(seeded, twice).status_code for _ in range(3)] == [200, 200, 401]
    past = datetime.now(UTC) - timedelta(minutes=1)
    late = make(call, name="late", expires=past.isoformat()).json()["token"]
    assert use(seeded, late).status_code == 401
    naive = make(call, name="naive", expires=past.replace(tzinfo=None).isoformat()).json()["token"]
    assert use(seeded, naive).status_code == 401


def test_a_revoked_token_is_shown_so_and_useless(call: Call, seeded: EmbeddedCarta) -> None:
    key = make(call).json()["token"]
    assert use(seeded, key).status_code == 200
    assert call("POST", f"{PATH}/ci/revoke", "olga").status_code == 200
    assert use(seeded, key).status_code == 401
    (listed,) = call("GET", PATH, "olga").json()
    assert (listed["revoked"], listed["lastUsed"] is None) == (True, False)
    make(call, name="gone", autoRemove=True)
    assert call("POST", f"{PATH}/gone/revoke", "olga").status_code == 200
    assert [token["name"] for token in call("GET", PATH, "olga").json()] == ["ci"]


def test_a_name_that_is_taken_is_a_duplicate(call: Call) -> None:
    make(call)
    answer = make(call)
    assert answer.status_code == 400
    assert "duplicate" in answer.json()["error"]


def test_a_token_makes_no_token_however_much_it_is_allowed(call: Call, seeded: EmbeddedCarta) -> None:
    key = make(call).json()["token"]
    answer = use(seeded, key, PATH, "POST", json={"name": "more", "allowedEndpoints": ANY})
    assert answer.status_code == 403
    assert use(seeded, key, PATH).status_code == 200


def test_tokens_are_their_users_own(call: Call, seeded: EmbeddedCarta) -> None:
    make(call)
    olga = call("GET", "/user", "olga").json()["id"]
    path = f"/v2/auth/apitoken/{olga}"
    sent = {"name": "x", "allowedEndpoints": ANY}
    for name in ("otto", "vera"):
        assert call("POST", path, name, json=sent).status_code == 403
    for method, more in (("GET", ""), ("DELETE", "/ci"), ("POST", "/ci/revoke")):
        assert call(method, path + more, "otto").status_code == 403
    assert call("GET", path, "olga").json() == call("GET", path, "vera").json() != []
    assert call("POST", f"{path}/ci/revoke", "vera").status_code == 200
    for node in ("absent", "alloys"):
        assert call("GET", f"/v2/auth/apitoken/{node}", "vera").status_code == 404


def test_what_is_not_there_is_404(call: Call) -> None:
    assert call("DELETE", f"{PATH}/absent", "olga").status_code == 404
    assert call("POST", f"{PATH}/absent/revoke", "olga").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a b"},
        {"name": 1},
        {"name": None},
        {"allowedEndpoints": []},
        {"allowedEndpoints": "GET /user"},
        {"allowedEndpoints": ["GET user"]},
        {"allowedEndpoints": [1]},
        {"uses": 0},
        {"uses": -1},
        {"uses": True},
        {"uses": 1.5},
        {"uses": 2**31},
        {"expires": "tomorrow"},
        {"expires": 1},
        {"expires": "0001-01-01T00:00:00+14:00"},
        {"expires": "9999-12-31T23:59:59-14:00"},
        {"autoRemove": "yes"},
    ],
)
def test_what_cannot_be_is_refused(call: Call, body: dict[str, Any]) -> None:
    answer = make(call, **body)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert call("GET", PATH, "olga").json() == []


def test_the_pool_and_its_policy_are_told_to_who_is_logged_in(call: Call) -> None:
    assert call("GET", "/v2/auth/cognito/user-pool", "otto").json() == call("GET", "/auth").json()
    policy = call("GET", "/v2/auth/cognito/password-policy", "otto").json()
    assert policy["minimumLength"] == 16
    assert {key for key, value in policy.items() if value is True} == {
        f"require{kind}" for kind in ("Lowercase", "Uppercase", "Numbers", "Symbols")
    }
    for path in ("user-pool", "password-policy"):
        assert call("GET", f"/v2/auth/cognito/{path}").status_code == 401
