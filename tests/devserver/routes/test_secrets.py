"""Secrets: a user's own, encrypted where they are kept, under a name that has no case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cartaguard.devserver.vault import VARIABLE
from cartaguard.testing import EmbeddedCarta

Call = Callable[..., httpx.Response]
KEY = "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database has no place for a key beside it."""
    monkeypatch.setenv(VARIABLE, KEY)


def put(carta: EmbeddedCarta, user: str, path: str = "secret", **headers: str) -> httpx.Response:
    sent = {"Authorization": f"Bearer {carta.token(user)}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx.put(f"{carta.url}/{path}", headers=sent)


@pytest.mark.parametrize(("written", "read"), [("secret", "secret"), ("secrets", "secrets"), ("secret", "secrets")])
def test_a_secret_comes_back_as_it_was_under_both_paths(seeded: EmbeddedCarta, call: Call, written: str, read: str) -> None:
    assert put(seeded, "olga", written, secret_Lab_Key="a b, c=d").json() is True
    for name in ("Lab-Key", "lab-key", "LAB_KEY"):
        answer = call("GET", f"/{read}?name={name}", "olga")
        assert (answer.text, answer.headers["cache-control"]) == ("a b, c=d", "no-store")
        assert answer.headers["content-type"].startswith("text/plain")


def test_a_secret_is_nobody_elses(seeded: EmbeddedCarta, call: Call) -> None:
    assert put(seeded, "olga", secret_Own="mine").status_code == 200
    for other in ("otto", "vera"):
        assert call("GET", "/secret?name=own", other).status_code == 404
    assert put(seeded, "otto", secret_Own="his").status_code == 200
    assert call("GET", "/secret?name=own", "olga").text == "mine"


def test_a_secret_takes_the_place_of_the_one_before(seeded: EmbeddedCarta, call: Call) -> None:
    for value in ("one", "two"):
        assert put(seeded, "olga", secret_Twice=value).status_code == 200
    assert call("GET", "/secret?name=twice", "olga").text == "two"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"secret_A": "x", "secret_B": "y"},
        {"secret_Long": "x" * 1025},
        {"secret_": "x"},
        {"secret_" + "n" * 129: "x"},
    ],
)
def test_what_is_no_secret_is_refused(seeded: EmbeddedCarta, headers: dict[str, str]) -> None:
    answer = put(seeded, "olga", **headers)
    assert answer.status_code == 400
    assert "x" * 20 not in answer.text


@pytest.mark.parametrize("name", ["", "%C3%A9", "n" * 129, "%00", "a%0Ab"])
def test_a_name_that_is_none_is_refused(call: Call, name: str) -> None:
    assert call("GET", f"/secret?name={name}", "olga").status_code == 400


def test_what_is_stored_tells_nothing_of_a_secret_and_the_key_lies_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    file = tmp_path / "carta.sqlite"
    with EmbeddedCarta(store=file) as carta:
        carta.add_user("olga")
        assert put(carta, "olga", secret_Lab="canary-in-the-mine").status_code == 200
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("carta.sqlite*") if path.suffix != ".key")
    kept = tmp_path / "carta.sqlite.key"
    assert b"canary-in-the-mine" not in stored
    assert kept.read_bytes() not in stored
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.unlink()
    with EmbeddedCarta(store=file) as carta:
        headers = {"Authorization": f"Bearer {carta.token('olga')}"}
        answer = httpx.get(f"{carta.url}/secret?name=lab", headers=headers)
    assert (answer.status_code, answer.json()) == (400, {"error": "the secret was sealed with another key; put it again"})


def test_without_a_key_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "short")
    with EmbeddedCarta(store=tmp_path / "carta.sqlite") as carta:
        carta.add_user("olga")
        answer = put(carta, "olga", secret_Lab="x")
    assert answer.status_code == 400
    assert VARIABLE in answer.json()["error"]
