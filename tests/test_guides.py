"""The applications in docs/guides/ do what the text beside them says."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from support.doors import Answer, AsgiDoor, Headers, WsgiDoor
from support.keys import jwks, rsa_key
from support.tokens import CLIENT, ISSUER, token_for

GUIDES = Path(__file__).parents[1] / "docs" / "guides"

SETTINGS = f"""
[[issuers]]
kind = "jwks"
issuer = "{ISSUER}"
client_ids = ["{CLIENT}"]
jwks_file = "keys.json"

[[directories]]
kind = "local"
path = "facts.json"
"""

FACTS = {"users": {"olga": {}}, "groups": {"MyOrg:MyGroup": {"users": ["olga"]}}, "resources": {"Project:p1": {"owner": "olga"}}}


def block(name: str, language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", (GUIDES / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A working directory with settings, keys and facts."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keys.json").write_text(json.dumps(jwks(rsa_key())))
    (tmp_path / "facts.json").write_text(json.dumps(FACTS))
    (tmp_path / "cartaguard.toml").write_text(SETTINGS)
    return tmp_path


def run(name: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "guide"}
    exec(compile(block(name, "python"), name, "exec", dont_inherit=True), names)
    return names


def bearer(user: str) -> Headers:
    return [("Authorization", f"Bearer {token_for(user, now=time.time())}".encode())]


@pytest.mark.usefixtures("folder")
def test_the_flask_guide_runs() -> None:
    door = WsgiDoor(run("flask.md")["app"])
    assert door.request("GET", "/projects/p1").status == 401
    assert door.request("GET", "/projects/p1", bearer("otto")).status == 403
    assert door.request("GET", "/projects/p1", bearer("olga")).body == b"p1, for olga"
    assert door.request("GET", "/static/none.css").status == 404


def test_the_wsgi_guide_runs(folder: Path) -> None:
    (folder / "cartaguard.toml").write_text(SETTINGS + block("wsgi.md", "toml"))
    door = WsgiDoor(run("wsgi.md")["app"])
    assert door.request("GET", "/health").body == b"hello "
    assert door.request("GET", "/projects/p1", bearer("olga")).body == b"hello olga"
    for target, status in (("/projects/p1", 403), ("/admin", 403), ("/admin/x", 403), ("/else", 404), ("/a//b", 400), ("/%252e", 400)):
        assert door.request("GET", target, bearer("otto")).status == status
    assert door.request("GET", "/else").status == 401


def asked(app: Any, target: str, user: str = "", *, method: str = "GET") -> Answer:
    door = AsgiDoor(app)
    try:
        return door.request(method, target, bearer(user) if user else ())
    finally:
        door.close()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["fastapi.md", "starlette.md"])
def test_the_fastapi_and_starlette_guides_run(name: str) -> None:
    app = run(name)["app"]
    told = [asked(app, "/projects/p1", user) for user in ("", "otto", "olga")]
    assert [answer.status for answer in told] == [401, 403, 200]
    assert told[-1].body.strip(b'"') == b"p1, for olga"
    assert [asked(app, "/team/minutes", user).status for user in ("", "otto", "olga")] == [401, 403, 200]
    assert asked(app, "/else", "olga").status == 404


def test_the_asgi_guide_runs(folder: Path) -> None:
    (folder / "cartaguard.toml").write_text(SETTINGS + block("asgi.md", "toml"))
    app = run("asgi.md")["app"]
    assert asked(app, "/projects/p1", "olga").body == b"/projects/p1, for olga"
    for target, status in (("/projects/p1", 403), ("/team", 403), ("/team/x", 403), ("/else", 404), ("/a//b", 400)):
        assert asked(app, target, "otto").status == status
    assert asked(app, "/projects/p1", "olga", method="PUT").status == 403
    assert asked(app, "/else").status == 401
