"""The description of the API is made of its routes, and nothing that is sent by it makes the server fail."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from cartaguard.testing import EmbeddedCarta
from support.sockets import serving_asgi

#: What is there to be asked for, by the name of the parameter: with random names alone everything would be a 404.
KNOWN = {
    "group": ["Aurora:Research", "Basalt:All"],
    "id": ["alloys", "ceramics", "aurora", "desk"],
    "label": ["Project", "User", "UserGroup"],
    "name": ["adam", "desk", "token"],
    "namespace": ["lab", "aurora"],
    "node": ["self", "alloys"],
    "principal": ["adam", "Aurora:Research", "alloys"],
    "service": ["echo"],
    "source": ["self", "alloys", "Carta"],
    "target": ["alloys", "ceramics"],
    "type": ["Project", "Service", "Namespace", "Workspace"],
    "user": ["adam", "olga"],
    "role": ["None", "Guest", "User", "Editor", "Owner"],
    "userType": ["User", "UserGroup", "ProjectItem", "WorkspaceItem"],
    "attributeName": ["UserName", "Email", "1"],
    "attributeFilter": ["=", "^=", " = "],
}


@pytest.fixture(scope="module")
def document(seeded: EmbeddedCarta) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{seeded.url}/openapi.json").json()
    return found


def test_every_call_is_described_with_its_parameters(document: dict[str, Any]) -> None:
    rename = document["paths"]["/service/rename/{namespace}/{service}/{new}"]
    assert list(rename) == ["patch"]
    assert [(parameter["in"], parameter["name"]) for parameter in rename["patch"]["parameters"]] == [
        ("path", "namespace"),
        ("path", "service"),
        ("path", "new"),
    ]
    grant = document["paths"]["/permissions/{id}/{principal}"]["put"]["parameters"]
    assert [parameter["name"] for parameter in grant if parameter["in"] == "query"] == ["userType", "role"]
    assert document["paths"]["/service/{namespace}/{service}/{endpoint}"].keys() >= {"get", "post", "delete", "options"}
    body = document["paths"]["/project"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["name", "bucketName"]


def test_every_operation_says_what_it_does_and_who_may(document: dict[str, Any]) -> None:
    operations = {f"{method} {path}": operation for path, methods in document["paths"].items() for method, operation in methods.items()}
    assert len(operations) > 60
    assert not [name for name, operation in operations.items() if not operation["summary"]]
    open_to_all = {name for name, operation in operations.items() if operation["security"] == []}
    assert open_to_all == {
        "get /",
        "get /auth",
        "get /cognito/{pool}/.well-known/jwks.json",
        "get /cognito/{pool}/.well-known/openid-configuration",
    }


def test_nobody_calls_what_is_not_open_to_all_without_a_token(seeded: EmbeddedCarta, document: dict[str, Any]) -> None:
    """Whatever the description says of a call is so."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            answer = httpx.request(method, seeded.url + path.replace("{", "").replace("}", ""), json={})
            assert (answer.status_code == 401) is (operation["security"] != []), f"{method} {path}"


@pytest.mark.server
def test_schemathesis_makes_nothing_fail(tmp_path: Path) -> None:
    """Whatever is made of the description, with good names and bad ones, is answered, and never with a 5xx."""
    echo = Starlette(routes=[Route("/{path:path}", _echo, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])])
    with EmbeddedCarta(seed=True) as carta, serving_asgi(echo) as port:
        carta.add_resource("Service:lab/echo", owner="vera", baseUrl=f"http://127.0.0.1:{port}")
        carta.add_resource("Workspace:desk", owner="vera")
        found = httpx.get(f"{carta.url}/openapi.json").json()
        described = tmp_path / "openapi.json"
        described.write_text(json.dumps(_with_known(found)))
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", str(described), "--url", carta.url),
            *("--header", f"Authorization: Bearer {carta.token('vera')}"),
            *("--checks", "not_a_server_error", "--phases", "coverage,fuzzing", "--max-examples", "4", "--suppress-health-check", "all"),
            *("--seed", "20261122", "--generation-database", "none", "--no-color", "--warnings", "off"),
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=550, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _with_known(document: dict[str, Any]) -> dict[str, Any]:
    """The description with names that there are."""
    changed = copy.deepcopy(document)
    for methods in changed["paths"].values():
        for operation in methods.values():
            for parameter in operation["parameters"]:
                if parameter["name"] in KNOWN:
                    parameter["schema"] = {"anyOf": [{"enum": KNOWN[parameter["name"]]}, parameter["schema"]]}
    return changed


async def _echo(_: object) -> JSONResponse:
    return JSONResponse({})
