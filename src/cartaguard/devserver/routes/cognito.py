"""Cognito's endpoint: every call is a POST to one address, and a header says which (JSON protocol 1.1 of AWS)."""

from __future__ import annotations

import json
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.cognito import Cognito, CognitoError
from cartaguard.devserver.faults import ApiError
from cartaguard.devserver.routes.endpoint import body_of, object_in

__all__ = ["routes"]

_SERVICE = "AWSCognitoIdentityProviderService."


async def _call(cognito: Cognito, request: Request) -> Response:
    body = await body_of(request)
    target = request.headers.get("x-amz-target", "")
    try:
        sent = object_in(body)
        answer = await run_in_threadpool(cognito.answer, target.removeprefix(_SERVICE), sent)
    except ApiError as fault:
        return _refusal("SerializationException", fault.text)
    except CognitoError as fault:
        return _refusal(fault.kind, fault.text)
    return _json(answer, 200)


def _refusal(kind: str, text: str) -> Response:
    answer = _json({"__type": kind, "message": text}, 400)
    answer.headers["X-Amzn-ErrorType"] = f"{kind}:"
    return answer


def _json(answer: object, status: int) -> Response:
    return Response(json.dumps(answer), status, {"Cache-Control": "no-store"}, "application/x-amz-json-1.1")


def routes(carta: DevCarta) -> list[BaseRoute]:
    call = partial(_call, Cognito(carta, plain=carta.plain_logins))
    # Clients strip the slash at the end of an address, or add one.
    return [Route(path, call, methods=["POST"]) for path in ("/cognito", "/cognito/")]
