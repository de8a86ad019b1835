"""What cartaguard's own subjects have in common: a guard on the tokens and the facts of the kit."""

from __future__ import annotations

from typing import Any

from benchmarks.subject import Kit
from benchmarks.subjects.routes import PROJECTS, Route, routes
from cartaguard import Guard, Issuer, LocalDirectory, Policy, Requirement, StaticKeys, TokenVerifier, groups, permission

__all__ = ["guard_for", "policy_for", "requirement", "verifier_for"]


def verifier_for(kit: Kit) -> TokenVerifier:
    """With everything that is checked by default."""
    issuer = Issuer(kit["issuers"]["cognito"], client_ids=[kit["client"]], token_use={"id"}, keys=StaticKeys(kit["jwks"]))
    return TokenVerifier([issuer])


def guard_for(kit: Kit, *, policy: Policy | None = None, projects: int = PROJECTS) -> Guard:
    """A guard that knows projects on which the group of the kit may read."""
    facts: dict[str, Any] = {
        "users": {"olga": {}, "otto": {}},
        "resources": {f"Project:p{number}": {"grants": [{"to": f"group:{kit['group']}", "role": "Guest"}]} for number in range(projects)},
    }
    return Guard(verifier=verifier_for(kit), directory=LocalDirectory.from_dict(facts), policy=policy)


def requirement(kit: Kit, route: Route) -> Requirement:
    return permission("read", "Project:{project_id}") if route.demands == "project" else groups(kit["group"])


def policy_for(kit: Kit, count: int) -> Policy:
    """The same demands as a policy, for applications that cannot be looked into."""

    def demand(route: Route) -> dict[str, Any]:
        return {"permission": "read", "on": "Project:{project_id}"} if route.demands == "project" else {"groups": [kit["group"]]}

    return Policy.from_dict({"routes": [{"path": route.path, "methods": ["GET"], "require": demand(route)} for route in routes(count)]})
