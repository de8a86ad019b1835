"""Every answer that is no success is Carta's own error, without a trace of how it came about."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest

from cartaguard.devserver.app import create_app
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.store import Store
from cartaguard.testing import EmbeddedCarta
from support.tokens import token_for


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/absent", 404, "not found"),
        ("GET", "/user/", 404, "not found"),
        ("PUT", "/user", 405, "method not allowed"),
        ("GET", "/user", 401, "unauthorized"),
    ],
)
def test_errors_are_cartas(seeded: EmbeddedCarta, method: str, path: str, status: int, error: str) -> None:
    answer = httpx.request(method, seeded.url + path)
    assert (answer.status_code, answer.json()) == (status, {"error": error})
    assert ("www-authenticate" in answer.headers) is (status == 401)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer x",
        "Bearer a.b.c",
        "Basic x",
        "bearer {expired}",
        "Bearer {access}",
        "Bearer {foreign}",
        "Bearer {good},x",
    ],
)
def test_a_token_that_is_not_good_is_401_and_why_is_not_told(seeded: EmbeddedCarta, header: str) -> None:
    tokens = {
        "expired": seeded.token("olga", lifetime=-120),
        "access": seeded.token("olga", use="access"),
        "foreign": token_for("olga", iss=seeded.issuer, aud=seeded.client_id),
        "good": seeded.token("olga"),
    }
    answer = httpx.get(f"{seeded.url}/user", headers={"Authorization": header.format(**tokens)})
    assert (answer.status_code, answer.json()) == (401, {"error": "unauthorized"})


def test_a_user_who_is_not_there_any_more_is_401(seeded: EmbeddedCarta) -> None:
    token = seeded.token("olga", claims={"sub": "somebody-else"})
    assert httpx.get(f"{seeded.url}/user", headers={"Authorization": f"Bearer {token}"}).status_code == 401


@pytest.mark.parametrize(
    ("origin", "allowed"), [("http://localhost:8000", True), ("http://127.0.0.1:8000", True), ("https://evil.example", False)]
)
def test_pages_of_this_machine_and_no_others_may_read_answers(seeded: EmbeddedCarta, origin: str, allowed: bool) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    answer = httpx.options(f"{seeded.url}/user", headers=headers)
    assert (answer.headers.get("access-control-allow-origin") == origin) is allowed


def test_a_fault_of_its_own_is_500_without_a_trace(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    carta = DevCarta(store, "http://127.0.0.1:1")

    def fail() -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(carta, "jwks", fail)
    transport = httpx.ASGITransport(create_app(carta), raise_app_exceptions=False)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url=carta.url) as client:
            return await client.get(f"{carta.issuer}/.well-known/jwks.json")

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.json()) == (500, {"error": "internal error"})


def test_no_password_or_token_is_logged(empty: EmbeddedCarta, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    empty.add_user("olga", password="canary-password")
    fields = {"username": "olga", "password": "canary-password"}
    good = httpx.post(f"{empty.url}/dev/token", data=fields).json()["id_token"]
    for token in (good, "canary-token"):
        httpx.get(f"{empty.url}/user", headers={"Authorization": f"Bearer {token}"})
    httpx.post(f"{empty.url}/dev/token", data={**fields, "username": "canary"})
    secrets = ("canary-password", "canary-token", good.rpartition(".")[2])
    told = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert not [line for line in told if any(secret in line for secret in secrets)]
