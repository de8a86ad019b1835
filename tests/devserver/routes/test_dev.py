"""Tokens for a name and a password, for scripts and for OAuth2 clients such as a documentation page."""

from __future__ import annotations

from typing import Any

import httpx
import jwt
import pytest

from cartaguard.testing import EmbeddedCarta


def use_of(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False})["token_use"])


@pytest.mark.parametrize("kind", ["data", "json"])
def test_a_name_and_a_password_give_both_tokens(seeded: EmbeddedCarta, kind: str) -> None:
    fields: dict[str, Any] = {kind: {"username": "olga", "password": "olga-develops-1"}}
    answer = httpx.post(f"{seeded.url}/dev/token", **fields)
    assert answer.headers["cache-control"] == "no-store"
    issued = answer.json()
    assert (use_of(issued["id_token"]), use_of(issued["access_token"])) == ("id", "access")
    assert (issued["token_type"], issued["expires_in"]) == ("Bearer", 3600)
    assert httpx.get(f"{seeded.url}/user", headers={"Authorization": f"Bearer {issued['id_token']}"}).json()["name"] == "olga"
    assert httpx.get(f"{seeded.url}/user", headers={"Authorization": f"Bearer {issued['access_token']}"}).status_code == 401


def test_an_oauth2_client_gets_the_token_that_carta_takes(seeded: EmbeddedCarta) -> None:
    fields = {"grant_type": "password", "username": "olga", "password": "olga-develops-1", "scope": ""}
    issued = httpx.post(f"{seeded.url}/dev/token", data=fields).json()
    assert use_of(issued["access_token"]) == "id"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, "invalid_grant"),
        ({"username": "olga"}, "invalid_grant"),
        ({"username": "olga", "password": ""}, "invalid_grant"),
        ({"username": "olga", "password": "otto-develops-1"}, "invalid_grant"),
        ({"username": "nobody", "password": "olga-develops-1"}, "invalid_grant"),
        ({"username": "olga", "password": "olga-develops-1", "grant_type": "implicit"}, "unsupported_grant_type"),
    ],
)
def test_anything_else_gives_nothing(seeded: EmbeddedCarta, fields: dict[str, str], error: str) -> None:
    answer = httpx.post(f"{seeded.url}/dev/token", data=fields)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"username": 1}', b"\xff", b"[" * 10_000, b'{"username": ["olga"], "password": "x"}'])
def test_a_body_that_is_no_object_of_texts_is_refused(seeded: EmbeddedCarta, body: bytes) -> None:
    answer = httpx.post(f"{seeded.url}/dev/token", content=body, headers={"Content-Type": "application/json; charset=utf-8"})
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


def test_a_form_that_is_no_text_is_refused(seeded: EmbeddedCarta) -> None:
    answer = httpx.post(f"{seeded.url}/dev/token", content=b"\xff=1")
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


def test_a_body_is_read_up_to_16_kib(seeded: EmbeddedCarta) -> None:
    assert httpx.post(f"{seeded.url}/dev/token", content=b"a" * 16 * 1024).status_code == 400
    assert httpx.post(f"{seeded.url}/dev/token", content=b"a" * (16 * 1024 + 1)).status_code == 413


def test_the_first_page_says_how_to_use_it(seeded: EmbeddedCarta) -> None:
    page = httpx.get(seeded.url).text
    for told in (seeded.url, seeded.issuer, seeded.client_id, "olga-develops-1", "development only", "curl"):
        assert told in page


def test_the_page_of_an_empty_carta_names_no_users(empty: EmbeddedCarta) -> None:
    page = httpx.get(empty.url).text
    assert "curl" not in page
    assert "olga" not in page
