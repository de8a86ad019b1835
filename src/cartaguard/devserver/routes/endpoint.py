"""What every call shares: names out of the path, the caller, the body, one transaction, JSON out."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, TypeAlias
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cartaguard.devserver.caller import Caller, verified_subject
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.faults import ApiError

__all__ = ["TEXT", "TEXTS", "Body", "Call", "Said", "anonymous", "body_of", "name", "object_in", "posted", "said", "signed_in"]

#: A JSON object that a caller sent.
Body: TypeAlias = Mapping[str, Any]

#: The largest body that is read, in bytes.
LARGEST = 16 * 1024

#: The longest name, in bytes: no database has an index for longer ones.
LONGEST = 1024

#: A zero byte, as JSON writes it; a backslash before it may be escaped itself.
_ZERO = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


#: The JSON Schema of a text.
TEXT: Mapping[str, Any] = {"type": "string"}
TEXTS: Mapping[str, Any] = {"type": "array", "items": TEXT}


@dataclass(frozen=True, slots=True)
class Said:
    """What the description of the API says of a call, beyond its path and methods.

    :ivar query: the names of parameters in the query.
    :ivar headers: the names of headers that are read.
    :ivar sends: the JSON Schema of the body; ``None`` when none is read.
    """

    summary: str
    anonymous: bool = False
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    sends: Mapping[str, Any] | None = field(default=None)


class Call(Route):
    """A route that is part of the described API."""

    def __init__(self, path: str, endpoint: Callable[..., Any], methods: Collection[str], said: Said) -> None:
        super().__init__(path, endpoint, methods=list(methods))
        self.described = (tuple(methods), said)


def said(answer: Callable[..., object], **more: Any) -> Said:
    """What a call's own docstring says, in one line, and more."""
    function = answer.func if isinstance(answer, partial) else answer
    return Said((inspect.getdoc(function) or "").partition("\n")[0], **more)


def name(request: Request, parameter: str) -> str:
    """A path parameter. Paths are routed as they were sent, so that an escaped slash is part of a name."""
    try:
        text = unquote(request.path_params[parameter], errors="strict")
    except UnicodeDecodeError:
        raise ApiError(400, "a name in the path is no UTF-8") from None
    if len(text.encode()) > LONGEST:
        raise ApiError(400, f"a name in the path is longer than {LONGEST} bytes")
    return text


def anonymous(carta: DevCarta, path: str, answer: Callable[[DevCarta, Request], object]) -> Call:
    """A GET that anybody may make."""

    def endpoint(request: Request) -> Response:
        return _response(answer(carta, request))

    return Call(path, endpoint, ["GET"], said(answer, anonymous=True))


def signed_in(
    carta: DevCarta,
    method: str,
    path: str,
    answer: Callable[[Request, Caller], object],
    *,
    query: tuple[str, ...] = (),
    headers: tuple[str, ...] = (),
) -> Call:
    """A call for callers with a good token, in one transaction. What is no response is answered as JSON."""

    def endpoint(request: Request) -> Response:
        subject = verified_subject(carta, request)
        return carta.store.transact(lambda tables: _response(answer(request, Caller.of(subject, tables))))

    return Call(path, endpoint, [method], said(answer, query=query, headers=headers))


def posted(
    carta: DevCarta,
    method: str,
    path: str,
    answer: Callable[[Request, Caller, Body], object],
    *,
    required: Mapping[str, Any] = MappingProxyType({}),
    optional: Mapping[str, Any] = MappingProxyType({}),
) -> Call:
    """The same for a call whose body is a JSON object.

    :param required: the JSON Schemas of the members that it must have; ``optional`` of those that it may have.
    """
    sends = {"type": "object", "properties": {**required, **optional}, "required": list(required)}

    def settle(request: Request, body: bytes) -> Response:
        subject = verified_subject(carta, request)
        sent = object_in(body)
        return carta.store.transact(lambda tables: _response(answer(request, Caller.of(subject, tables), sent)))

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(settle, request, await body_of(request))

    return Call(path, endpoint, [method], said(answer, sends=sends))


async def body_of(request: Request, largest: int = LARGEST) -> bytes:
    """The whole body. :raises ApiError: 413 when it is longer than that."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            raise ApiError(413, f"the body is longer than {largest} bytes")
    return bytes(body)


def object_in(body: bytes) -> Body:
    """The JSON object that a body is. :raises ApiError: 400 when it is none."""
    try:
        sent = json.loads(body, parse_constant=_no_number)
        text = json.dumps(sent, ensure_ascii=False)
        text.encode()
    except (ValueError, RecursionError):
        sent, text = None, ""
    # No database keeps a zero byte in a text; half of a surrogate pair is none that could be encoded.
    if not isinstance(sent, dict) or _ZERO.search(text):
        raise ApiError(400, "the body is no json object")
    return sent


def _no_number(word: str) -> None:
    raise ValueError(word)


def _response(answer: object) -> Response:
    return answer if isinstance(answer, Response) else JSONResponse(answer)
