"""Carta's calls about secrets: a user's own, and nobody else's.

A secret arrives as a header `secret-NAME`, so that its name has no case; underscores count as dashes, as in the
clients.
"""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from cartaguard.devserver.caller import Caller
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.routes.endpoint import signed_in
from cartaguard.devserver.vault import Vault, VaultError
from cartaguard.errors import ConfigurationError

__all__ = ["routes"]

_PREFIX = "secret-"

#: The longest secret, in characters, and the longest name.
LONGEST, LONGEST_NAME = 1024, 128


def _put(carta: DevCarta, request: Request, caller: Caller) -> object:
    """Keep a secret of one's own."""
    sent = [(name.removeprefix(_PREFIX), value) for name, value in request.headers.items() if name.startswith(_PREFIX)]
    if len(sent) != 1:
        raise ApiError(400, "one header `secret-NAME` is expected")
    name, value = _name(sent[0][0]), sent[0][1]
    if len(value) > LONGEST:
        raise ApiError(400, f"a secret has at most {LONGEST} characters")
    sealed = _vault(carta).seal(value, owner=caller.person.id, name=name)
    caller.tables.secrets.put(caller.person.name, name, sealed)
    return True


def _get(carta: DevCarta, request: Request, caller: Caller) -> Response:
    """A secret of one's own, as it is."""
    name = _name(request.query_params.get("name", ""))
    sealed = caller.tables.secrets.sealed(caller.person.name, name)
    if sealed is None:
        raise ApiError(404, "not found")
    try:
        value = _vault(carta).open(sealed, owner=caller.person.id, name=name)
    except VaultError:
        raise ApiError(400, "the secret was sealed with another key; put it again") from None
    return PlainTextResponse(value, headers={"Cache-Control": "no-store"})


def _name(name: str) -> str:
    if not name or len(name) > LONGEST_NAME or not name.isascii() or not name.isprintable():
        raise ApiError(400, f"a secret has a name of 1 to {LONGEST_NAME} printable ASCII characters")
    return name.lower().replace("_", "-")


def _vault(carta: DevCarta) -> Vault:
    try:
        return carta.vault
    except ConfigurationError as fault:
        raise ApiError(400, str(fault)) from None


def routes(carta: DevCarta) -> list[BaseRoute]:
    # The older clients say `secrets`.
    put, get = partial(_put, carta), partial(_get, carta)
    return [
        call
        for path in ("/secret", "/secrets")
        for call in (
            signed_in(carta, "PUT", path, put, headers=("secret-Example",)),
            signed_in(carta, "GET", path, get, query=("name",)),
        )
    ]
