"""Casbin: its decision, fastapi-casbin-auth behind Starlette's authentication with PyJWT, and flask-authz, which reads tokens itself."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.drive import AsgiDriver, WsgiDriver, fresh_text
from benchmarks.subject import Cells, Kit, Outcomes, all_refusals, door_cell, nothing_bare
from benchmarks.subjects.applications import fastapi_app, flask_app
from benchmarks.subjects.routes import paths_for

__all__ = ["enforcer_files", "make"]

_MODEL = """
[request_definition]
r = sub, obj, act

[policy_definition]
p = sub, obj, act

[role_definition]
g = _, _

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = g(r.sub, p.sub) && keyMatch2(r.obj, p.obj) && r.act == p.act
"""

_POLICY = """
p, researchers, /reports, GET
p, researchers, /projects/:project_id, GET
p, researchers, /things/:thing_id, GET
g, olga, researchers
"""


def enforcer_files(model: str = _MODEL, policy: str = _POLICY) -> tuple[str, str]:
    """A model and a policy as files, which is how Casbin takes them."""
    folder = Path(tempfile.mkdtemp(prefix="benchmarks-casbin-"))
    (folder / "model.conf").write_text(model, encoding="utf-8")
    (folder / "policy.csv").write_text(policy, encoding="utf-8")
    return str(folder / "model.conf"), str(folder / "policy.csv")


def make(kit: Kit, *, what: str, counts: Sequence[int] = ()) -> Cells:
    match what:
        case "decision":
            return _decision()
        case "fastapi":
            driver = AsgiDriver()
            return {
                f"{count} routes, exact path": door_cell(
                    driver, fastapi_app(count), _fastapi(kit, count), paths_for("exact path"), kit["tokens"]["cognito"], all_refusals()
                )
                for count in counts
            }
        case "flask":
            flask = WsgiDriver()
            return {
                f"{count} routes, exact path": door_cell(
                    flask,
                    flask_app(count).wsgi_app,
                    _flask(kit, count),
                    paths_for("exact path"),
                    kit["tokens"]["identity"],
                    # Whoever lacks the right is told to log in.
                    all_refusals(missing_right=401),
                )
                for count in counts
            }
        case _:
            raise ValueError(what)


def _decision() -> Cells:
    import casbin

    enforcer = casbin.Enforcer(*enforcer_files())

    def ask(path: str) -> Any:
        return enforcer.enforce("olga", path, "GET")

    def outcomes() -> Outcomes:
        return {
            "missing right": "permitted" if enforcer.enforce("otto", "/reports", "GET") else "refused",
            "good": "permitted" if ask("/reports") else "refused",
        }

    claimed = {"missing right": "refused", "good": "permitted"}
    return {"a role on a path": nothing_bare(ask, lambda: fresh_text("/reports"), outcomes=outcomes, claimed=claimed)}


def _fastapi(kit: Kit, count: int) -> Any:
    import casbin
    from fastapi_casbin_auth import CasbinMiddleware
    from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, SimpleUser
    from starlette.middleware.authentication import AuthenticationMiddleware
    from starlette.responses import JSONResponse

    from benchmarks.subjects.peer_tokens import verify_with

    verify, refused = verify_with("pyjwt", kit)

    class Backend(AuthenticationBackend):
        async def authenticate(self, conn: Any) -> Any:
            scheme, _, token = conn.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer":
                raise AuthenticationError("no token")
            try:
                claims = verify(token)
            except refused:
                raise AuthenticationError("not accepted") from None
            return AuthCredentials(["authenticated"]), SimpleUser(claims["cognito:username"])

    def on_error(conn: Any, fault: Exception) -> Any:
        return JSONResponse({"detail": str(fault)}, status_code=401)

    app = fastapi_app(count)
    app.add_middleware(CasbinMiddleware, enforcer=casbin.Enforcer(*enforcer_files()))
    app.add_middleware(AuthenticationMiddleware, backend=Backend(), on_error=on_error)
    return app


def _flask(kit: Kit, count: int) -> Any:
    import casbin
    from flask_authz import CasbinEnforcer

    enforcers: list[Any] = []
    model, policy = enforcer_files()

    def configure(app: Any) -> None:
        app.config.update(
            CASBIN_MODEL=model,
            CASBIN_OWNER_HEADERS={"authorization"},
            JWT_SECRET_KEY=kit["pem"],
            JWT_HASH=["RS256"],
        )
        enforcers.append(CasbinEnforcer(app, casbin.persist.adapters.FileAdapter(policy)))

    return flask_app(count, wrap=lambda route, view: enforcers[0].enforcer(view), before=configure).wsgi_app
