"""Any WSGI application, with a guard that is put together by hand: Carta verifies callers, facts are in a file here."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from wsgiref.simple_server import make_server

from cartaguard import Guard, Issuer, LocalDirectory, Policy, TokenVerifier
from cartaguard.wsgi import GuardMiddleware, principal

HERE = Path(__file__).parent


def projects(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    told = {"caller": principal(environ).username}
    _, below, project = environ["PATH_INFO"].partition("/projects/")
    if below:
        told["project"] = project
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told).encode()]


guard = Guard(
    verifier=TokenVerifier([Issuer.carta(os.environ.get("CARTA_HOST", "http://127.0.0.1:8765"))]),
    directory=LocalDirectory.from_file(HERE / "facts.toml"),
    policy=Policy.from_file(HERE / "policy.toml"),
)
app = GuardMiddleware(projects, guard=guard)

if __name__ == "__main__":
    with make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), app) as server:
        print(f"Running on http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
