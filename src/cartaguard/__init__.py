"""cartaguard: authorization in front of Python web applications on the Carta data platform.

Names are loaded at first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cartaguard import errors as errors
    from cartaguard.directories.local import LocalDirectory as LocalDirectory
    from cartaguard.functions import authorize as authorize
    from cartaguard.functions import current_principal as current_principal
    from cartaguard.guard.guard import Guard as Guard
    from cartaguard.model.decision import Decision as Decision
    from cartaguard.model.names import Group as Group
    from cartaguard.model.names import Resource as Resource
    from cartaguard.model.permission import Permission as Permission
    from cartaguard.model.policy import Policy as Policy
    from cartaguard.model.principal import Principal as Principal
    from cartaguard.model.requirement import Requirement as Requirement
    from cartaguard.model.requirement import all_of as all_of
    from cartaguard.model.requirement import any_of as any_of
    from cartaguard.model.requirement import authenticated as authenticated
    from cartaguard.model.requirement import claim as claim
    from cartaguard.model.requirement import groups as groups
    from cartaguard.model.requirement import permission as permission
    from cartaguard.model.requirement import public as public
    from cartaguard.model.requirement import restricted as restricted
    from cartaguard.model.requirement import scopes as scopes
    from cartaguard.model.requirement import users as users
    from cartaguard.model.role import Role as Role
    from cartaguard.settings import Settings as Settings
    from cartaguard.tokens.issuer import Issuer as Issuer
    from cartaguard.tokens.keys import RemoteKeys as RemoteKeys
    from cartaguard.tokens.keys import StaticKeys as StaticKeys
    from cartaguard.tokens.verifier import TokenVerifier as TokenVerifier

__version__ = "0.1.0"

_HOMES = {
    "Decision": "model.decision",
    "Group": "model.names",
    "Guard": "guard.guard",
    "Issuer": "tokens.issuer",
    "LocalDirectory": "directories.local",
    "Permission": "model.permission",
    "Policy": "model.policy",
    "Principal": "model.principal",
    "RemoteKeys": "tokens.keys",
    "Requirement": "model.requirement",
    "Resource": "model.names",
    "Role": "model.role",
    "Settings": "settings",
    "StaticKeys": "tokens.keys",
    "TokenVerifier": "tokens.verifier",
    "all_of": "model.requirement",
    "any_of": "model.requirement",
    "authenticated": "model.requirement",
    "authorize": "functions",
    "claim": "model.requirement",
    "current_principal": "functions",
    "groups": "model.requirement",
    "permission": "model.requirement",
    "public": "model.requirement",
    "restricted": "model.requirement",
    "scopes": "model.requirement",
    "users": "model.requirement",
}

__all__ = [*sorted(_HOMES), "errors"]  # noqa: PLE0604 (the names are in _HOMES)


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "errors":
        return import_module("cartaguard.errors")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'cartaguard' has no attribute '{name}'")
    value = getattr(import_module(f"cartaguard.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
