"""Carta's calls about files, honestly: the embedded Carta keeps none, and says so."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import BaseRoute

from cartaguard.devserver.caller import Caller
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.routes.endpoint import name, signed_in

__all__ = ["routes"]

#: The only source of files. It can be listed, and is empty.
_SOURCE, _SUPPORT = "Carta", "list"


def _sources(_: Request, __: Caller) -> object:
    """The names of the sources."""
    return [_SOURCE]


def _support(request: Request, _: Caller) -> object:
    """What a source can do, separated by commas."""
    _check_source(request)
    return _SUPPORT


def _list(request: Request, _: Caller) -> object:
    """The files of a source: none."""
    _check_source(request)
    return []


def _refuse(request: Request, _: Caller) -> object:
    """Not here: the embedded Carta keeps no files."""
    _check_source(request)
    raise ApiError(400, "the embedded carta keeps no files")


def _check_source(request: Request) -> None:
    if name(request, "source") != _SOURCE:
        raise ApiError(400, f"the embedded carta has no such source of files; there is {_SOURCE}")


def routes(carta: DevCarta) -> list[BaseRoute]:
    return [
        signed_in(carta, "GET", "/files", _sources),
        signed_in(carta, "GET", "/files/{source}/support", _support),
        signed_in(carta, "GET", "/files/{source}/list", _list),
        signed_in(carta, "POST", "/files/{source}", _refuse),
        *(signed_in(carta, method, "/files/{source}/file/{id}", _refuse) for method in ("GET", "PATCH", "DELETE")),
    ]
