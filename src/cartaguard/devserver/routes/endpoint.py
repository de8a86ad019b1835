"""What every call shares: names out of the path, the caller, one transaction, JSON out."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cartaguard.devserver.caller import Caller, verified_subject
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError

__all__ = ["anonymous", "carta_of", "name", "signed_in"]


def carta_of(request: Request) -> DevCarta:
    """The embedded Carta behind the application."""
    carta: DevCarta = request.app.state.carta
    return carta


def name(request: Request, parameter: str) -> str:
    """A path parameter. Paths are routed as they were sent, so that an escaped slash is part of a name."""
    try:
        return unquote(request.path_params[parameter], errors="strict")
    except UnicodeDecodeError:
        raise ApiError(400, "a name in the path is no UTF-8") from None


def anonymous(path: str, answer: Callable[[Request], object]) -> Route:
    """A GET that anybody may make."""

    def endpoint(request: Request) -> Response:
        return _response(answer(request))

    return Route(path, endpoint, methods=["GET"])


def signed_in(method: str, path: str, answer: Callable[[Request, Caller], object]) -> Route:
    """A call for callers with a good token, in one transaction. What is no response is answered as JSON."""

    def endpoint(request: Request) -> Response:
        carta = carta_of(request)
        subject = verified_subject(carta, request)
        with carta.store.begin() as tables:
            return _response(answer(request, Caller.of(subject, tables)))

    return Route(path, endpoint, methods=[method])


def _response(answer: object) -> Response:
    return answer if isinstance(answer, Response) else JSONResponse(answer)
