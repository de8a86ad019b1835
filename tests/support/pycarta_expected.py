"""What each script in tests/pycarta/drivers is to come back with, whichever generation of the client runs it.

A refusal is a :class:`Refusal`; the generations raise different exceptions for the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["ANY", "DRIVERS", "Refusal", "told"]


@dataclass(frozen=True)
class Refusal:
    """Something was raised: ``kind`` is ``denied`` (403), ``invalid`` (400, with Carta's text), a status, or an exception's name."""

    kind: str
    text: str = ""


class _AnId:
    """Equal to any id that Carta gives."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and len(other) == 36

    __hash__ = None  # type: ignore[assignment]


#: Any id that Carta gives.
ANY = _AnId()

DENIED, MISSING = Refusal("denied"), Refusal("404")
#: The newer generation's exception for any other status, and the older one's.
_STATUS = {"HTTPStatusError": "0.3.12", "HTTPError": "0.2.4"}
EVERYTHING = "Execute, Write, Read, Clone, Admin"


def invalid(text: str) -> Refusal:
    return Refusal("invalid", f'{{"error":"{text}"}}')


def told(outcome: Any, version: str) -> Any:
    """What a driver printed for one call, as the tables here have it."""
    if not isinstance(outcome, dict) or "raised" not in outcome:
        return outcome
    name, text = outcome["raised"], outcome["text"]
    if name == "PermissionDeniedException":
        return DENIED
    if name == "InvalidParameterException":
        return Refusal("invalid", text)
    if _STATUS.get(name) == version:
        return Refusal(text[:3])
    return Refusal(name)


LOGIN: dict[str, Any] = {
    "by password": "otto",
    "with a token": "adam",
    "authenticated": True,
    "wrong password": Refusal("BadCredentialsException"),
    "another's password": Refusal("BadCredentialsException"),
    "unknown user": Refusal("BadCredentialsException"),
    "the same user after that": "otto",
    "a bad token's user": Refusal("401"),
}

IDENTITY: dict[str, Any] = {
    "current user": {
        "name": "olga",
        "email": "olga@example.org",
        "organization": "Aurora",
        "lastName": "Owner",
        "firstName": "Olga",
        "groups": ["AllUsers", "Aurora:All", "Aurora:Research"],
    },
    "by name": "adam",
    "by e-mail": "adam",
    "by first and last name": "adam",
    "by the beginning": ["olga", "otto"],
    "by what does not fit together": None,
    "a user by an administrator": "nora",
    "a user who exists": invalid("user already exists"),
    "a user who exists and may": "nora",
    "a new user's groups": ["AllUsers", "Aurora:All"],
    "a user by somebody else": DENIED,
    "a group": None,
    "a group that exists": invalid("duplicate record"),
    "a group that exists and may": None,
    "a group of another organization": DENIED,
    "adding": None,
    "adding to what is not there": invalid("not found"),
    "adding nobody": invalid("not found"),
    "adding to another's group": DENIED,
    "members": ["greta"],
    "members by text": ["greta"],
    "members of what is hidden": DENIED,
    "members of what is not there": MISSING,
}

RESOURCES: dict[str, Any] = {
    "types": ["Connection", "File", "Namespace", "Project", "Service", "Workspace"],
    "a project": ANY,
    "the project": {"permission": EVERYTHING, "name": "Cast", "bucketName": "aurora-cast"},
    "a project without a name": invalid("name is missing, empty or no text"),
    "projects": ["Archive", "Cast", "Light alloys"],
    "projects of another, not asked by an administrator": DENIED,
    "the project, by another": DENIED,
    "a project of another type": MISSING,
    "a project that is not there": MISSING,
    "granting Guest": "Read",
    "held as Guest": ["read"],
    "granting User": "Read, Execute",
    "held as User": ["execute", "read"],
    "granting Editor": "Read, Write, Execute",
    "held as Editor": ["execute", "read", "write"],
    "granting to a group": "Read",
    "held by the group": ["read"],
    "held through the group": ["read"],
    "users": [["adam", "User", ["execute", "read", "write"]], ["olga", "User", ["admin", "clone", "execute", "read", "write"]]],
    "groups": [["Basalt:All", "UserGroup", ["read"]]],
    "granting a second owner": invalid("a resource has one owner"),
    "granting by an editor": DENIED,
    "granting by a guest": DENIED,
    "taking from the owner": DENIED,
    "users, by a guest": DENIED,
    "taking back": "",
    "held after that": [],
    "hidden after that": DENIED,
    "a connection": ANY,
    "the connection": {
        "permission": EVERYTHING,
        "name": "Store",
        "backend": "S3",
        "keyPath": "keys/store",
        "nativeId": {"bucketName": "aurora-cast", "prefix": "runs/"},
    },
    "the connection through the project": ["read"],
    "a connection by a guest": DENIED,
    "a connection of nothing": MISSING,
    "removing the connection by a guest": DENIED,
    "removing the connection": True,
    "removing it again": MISSING,
    "removing the project by a guest": DENIED,
    "removing the project": True,
    "the project after that": MISSING,
    "a workspace": ANY,
    "the workspace": "Desk",
    "its history": "olga",
    "workspaces": ["Desk"],
    "the workspace, by another": DENIED,
    "sharing it": "Read",
    "what is held on it": "Read",
    "who holds something on it": ["olga", "otto"],
    "the workspace, shared": "Desk",
    "taking it back": "",
    "removing it by another": DENIED,
    "removing it": None,
    "a secret": None,
    "the secret": "s3cret = value; with, signs",
    "the secret under another case": "s3cret = value; with, signs",
    "the secret, by another": MISSING,
    "another secret": None,
    "the other secret": "second",
    "a longest secret": None,
    "the longest secret": 1024,
    "a secret that is too long": Refusal("ValueError"),
    "sources of files": ["Carta"],
    "what a source can do": ["list"],
    "files": [],
    "a file": invalid("the embedded carta keeps no files"),
    "files of a source that is not here": invalid("the embedded carta has no such source of files; there is Carta"),
}

SERVICES: dict[str, Any] = {
    "a namespace": True,
    "a namespace that exists": invalid("duplicate record"),
    "a name that is Carta's": invalid("`carta` is Carta's own; choose another name"),
    "a service": ANY,
    "a service that exists": invalid("duplicate record"),
    "a service without an address": invalid("must provide baseUrl through query"),
    "a service elsewhere": invalid("baseUrl is not on this machine, and its host is not allowed"),
    "a service in another's namespace": DENIED,
    "a service in no namespace": MISSING,
    "what its owner holds": True,
    "its history": "olga",
    "its address": True,
    "namespaces": ["aurora", "lab"],
    "services": ["fit", "phase-fit"],
    "calling it": [200, {"method": "GET", "path": "/runs/7", "query": {"a": "b c"}, "json": None, "own token": True}],
    "posting to it": [200, {"method": "POST", "path": "/runs", "query": {}, "json": {"n": 1}, "own token": True}],
    "its own refusal": Refusal("418"),
    "its own fault": Refusal("CartaServerException"),
    "calling it, by another": DENIED,
    "calling what is not there": MISSING,
    "letting another use it": "Read, Execute",
    "calling it then": [200, {"method": "GET", "path": "/runs/7", "query": {}, "json": None, "own token": True}],
    "renaming it, by another": DENIED,
    "renaming it": True,
    "under its old name": MISSING,
    "under its new name": 200,
    "renaming what is not there": MISSING,
    "removing it, by another": DENIED,
    "removing a namespace that is not empty": invalid("the namespace has services; remove them first"),
    "removing it": True,
    "removing the namespace, by another": DENIED,
    "removing the namespace": True,
    "what is left": ["aurora"],
}

NEWER: dict[str, Any] = {
    "no namespace": MISSING,
    "a namespace": None,
    "a namespace that exists and may": None,
    "the namespace": "lab",
    "who made it": "olga",
    "the namespace, by another": DENIED,
    "no service": MISSING,
    "a service": "fit",
    "the service": True,
    "the service, by another": DENIED,
    **{method: method.upper() for method in ("get", "post", "put", "patch", "delete")},
    "the service itself": "/",
    "out of the service": invalid("the endpoint has a segment of dots"),
    "a service that is not there": MISSING,
    "another's service": DENIED,
}

OWNER = ["admin", "execute", "owner", "read", "write"]
NOT_THERE = Refusal("ResourceNotFoundError")

GRAPH: dict[str, Any] = {
    "the pool": "us-east-2_CartaDev0",
    "the password policy": True,
    "a resource": ANY,
    "the resource": {"name": "Kiln log", "labels": ["Dataset"], "props": {"rows": 3}},
    "the resource, by another": DENIED,
    "no resource": NOT_THERE,
    "changing it": {"name": "Kiln", "labels": ["Dataset"], "props": {"rows": 4}},
    "changing it, by another": DENIED,
    "one's own": OWNER,
    "another's node": False,
    "labels": ["Namespace", "Project", "Service", "UserGroup"],
    "another's id": True,
    "granting": {"user": ["read"]},
    "granting, by another": DENIED,
    "direct": {"user": ["read"]},
    "held then": ["read"],
    "listed then": [["Kiln", ["read"]]],
    "accessors": ["olga", "otto"],
    "accessors, by another": DENIED,
    "taking back": None,
    "held after that": [],
    "granting to nobody": NOT_THERE,
    "removing it": None,
    "it is gone": NOT_THERE,
    "a token": "reader",
    "a token of that name": Refusal("DuplicateApiTokenError"),
    "a token for another": DENIED,
    "tokens": ["other", "reader"],
    "their keys": False,
    "another's tokens": DENIED,
    "with the token": "olga",
    "beyond it": DENIED,
    "writing with it": DENIED,
    "once more": True,
    "revoking": None,
    "revoked": [True],
    "removing the token": None,
    "with it after that": Refusal("401"),
    "a wrong key": False,
    "removing it again": NOT_THERE,
}

COROUTINES: dict[str, Any] = {
    "the pool": ["us-east-2", True],
    "a resource": ANY,
    "the resource": "Log",
    "changing it": "Kiln",
    "granting and taking back": [True, True, True, True, ["Kiln"], None, False],
    "tokens": ["reader", [["reader", True]], []],
    "removing it, by another": DENIED,
    "removing it": None,
    "it is gone": NOT_THERE,
}

HOSTING: dict[str, Any] = {
    "where to connect": True,
    "connected": 200,
    "calling it": ["GET", "/lab/hosted/runs/7", {"a": "b c"}, None, True],
    "posting to it": ["POST", "/lab/hosted/runs/7", {}, {"n": 1}, True],
    "calling it, by another": DENIED,
    "letting another use it": "Read, Execute",
    "calling it then": ["GET", "/lab/hosted/runs/7", {}, None, True],
}

#: The tables by driver and version.
DRIVERS: dict[tuple[str, str], dict[str, Any]] = {
    # The older generation cannot be imported where a login is in the environment, whatever Carta it is: while it is
    # imported it imports itself.
    ("login", "0.2.4"): {
        **LOGIN,
        "from the environment": False,
        "a bad token": Refusal("401"),
        "no credential": Refusal("TypeError"),
    },
    ("login", "0.3.12"): {
        **LOGIN,
        "from the environment": "olga",
        "a bad token": False,
        "no credential": Refusal("AuthenticationError"),
    },
    ("identity", "0.2.4"): IDENTITY,
    ("identity", "0.3.12"): IDENTITY,
    ("resources", "0.2.4"): RESOURCES,
    ("resources", "0.3.12"): RESOURCES,
    ("services", "0.2.4"): SERVICES,
    ("services", "0.3.12"): SERVICES,
    ("newer", "0.3.12"): NEWER,
    ("graph", "0.3.12"): GRAPH,
    ("coroutines", "0.3.12"): COROUTINES,
    ("hosting", "0.3.12"): HOSTING,
}
