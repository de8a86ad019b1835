"""The examples of docs/client.md, run against an embedded Carta as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backends.null import Keyring as Null

from cartaguard.carta.sections import Sections
from cartaguard.testing import EmbeddedCarta
from support.canary import CANARY
from support.sockets import serving_asgi

PAGE = (Path(__file__).parents[2] / "docs" / "client.md").read_text(encoding="utf-8")


async def service(scope: Any, receive: Any, send: Any) -> None:
    """A service that answers everything."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b'{"path": "%s"}' % scope["path"].encode()})


def test_the_examples_do_what_they_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other, as a reader would type them, with a login from the environment."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(keyring, "get_keyring", Null)
    for variable in ("CARTA_API_TOKEN", "CARTA_PROFILE", "CARTA_ENV", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"):
        monkeypatch.delenv(variable, raising=False)
    with EmbeddedCarta() as embedded, serving_asgi(service) as port:
        embedded.add_user("olga", password=CANARY, groups=["Administrators"])
        monkeypatch.setenv("CARTA_HOST", embedded.url)
        monkeypatch.setenv("CARTA_USERNAME", "olga")
        monkeypatch.setenv("CARTA_PASSWORD", CANARY)
        names: dict[str, Any] = {"__name__": "page"}
        for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
            text = block.replace("127.0.0.1:9000", f"127.0.0.1:{port}")
            exec(compile(text, "docs/client.md", "exec", dont_inherit=True), names)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "olga"
    assert "no system keyring works here" in printed[1]
    assert "200 {'path': '/runs/7'}" in printed
    assert any(line.startswith("400 ") and "duplicate" in line for line in printed)
    assert CANARY not in "\n".join(printed)


def test_every_section_of_the_client_has_an_example() -> None:
    for name in vars(Sections):
        if not name.startswith("_"):
            assert f"carta.{name}." in PAGE
