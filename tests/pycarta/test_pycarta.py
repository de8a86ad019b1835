"""The real pycarta, unpatched, against the embedded Carta: right results, right exceptions, right refusals.

Each script in ``drivers`` runs in an environment with one generation of the client and tells what it did, call by
call; its users log in with their passwords, by SRP.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from cartaguard.testing import EmbeddedCarta
from support.postgres import Cluster, cluster
from support.pycarta import run_in_pycarta
from support.pycarta_expected import DRIVERS, Refusal, told
from support.sockets import serving_asgi

pytestmark = pytest.mark.server

#: Runs a driver as a file, with the recorder beside it.
_RUN = "import os, runpy, sys; sys.path.insert(0, os.path.dirname(sys.argv[1])); runpy.run_path(sys.argv[1])"

_FOLDER = Path(__file__).parent / "drivers"


async def _seen(request: Request) -> JSONResponse:
    """What the service got; or, below `/status`, that status."""
    path = request.url.path
    if path.startswith("/status/"):
        return JSONResponse({}, int(path.rpartition("/")[2]))
    body = await request.body()
    tokens = {"authorization": request.headers["authorization"], "x_carta_token": request.headers.get("x_carta_token")}
    # A service that the client hosts is sent a `null` for no body.
    sent = json.loads(body) if body else None
    return JSONResponse({"method": request.method, "path": path, "query": dict(request.query_params), "json": sent, **tokens})


SERVICE = Starlette(routes=[Route("/{path:path}", _seen, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])])


@pytest.fixture(scope="module")
def postgres() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str | None]:
    """Where the embedded Carta keeps what the client stores; ``None`` is a file of its own."""
    if request.param == "sqlite":
        yield None
        return
    # There is no file of its own beside a database to keep the key of the secrets in.
    monkeypatch.setenv("CARTAGUARD_SECRET_KEY", "7" * 64)
    running: Cluster = request.getfixturevalue("postgres")
    with running.database() as url:
        yield url


@pytest.mark.parametrize(("driver", "version"), DRIVERS)
def test_the_real_client_gets_what_it_gets_from_carta(driver: str, version: str, store: str | None, tmp_path: Path) -> None:
    """Every call of a driver comes back with what the table says."""
    with EmbeddedCarta(seed=True, store=store) as carta, serving_asgi(SERVICE) as port:
        environment = {"CARTA_HOST": carta.url, "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": carta.cognito_url}
        if version == "0.3.12":
            environment |= {"CARTA_USERNAME": "olga", "CARTA_PASSWORD": "olga-develops-1"}
        script, service = str(_FOLDER / f"{driver}.py"), f"http://127.0.0.1:{port}"
        printed = run_in_pycarta(version, _RUN, script, service, home=tmp_path, environment=environment)
    outcomes = {name: told(outcome, version) for name, outcome in json.loads(printed).items()}
    expected = DRIVERS[driver, version]
    if version == "0.2.4":
        # The older generation keeps nothing of what Carta says to a bad request.
        expected = {name: Refusal("invalid") if getattr(wanted, "kind", "") == "invalid" else wanted for name, wanted in expected.items()}
    assert outcomes == expected
