"""The one place that speaks HTTP: httpx2 where it is installed, else httpx, or a client of the user's own.

Every exchange has a deadline as a whole (look-up, connection, headers and body together) and a cap on the unpacked
body. Redirects are not followed and the environment's proxies and ``.netrc`` are not read for a client that we make:
neither may send a token elsewhere. Clients belong to one process and one event loop, and are made anew after a fork.
"""

from __future__ import annotations

import atexit
import inspect
import os
import threading
import time
from functools import cache, partial
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from cartaguard.drivers.body import ACCEPTED, Body
from cartaguard.drivers.deadline import within
from cartaguard.drivers.forks import in_every_child
from cartaguard.errors import ConfigurationError, TransportError
from cartaguard.http.exchange import HttpRequest, HttpResponse

__all__ = ["asend", "new_async_client", "new_client", "send"]

_lock = threading.Lock()
_blocking: tuple[int, Any] | None = None
_per_loop: WeakKeyDictionary[Any, tuple[int, Any]] = WeakKeyDictionary()


@in_every_child
def _renew() -> None:
    """Another thread may have held the lock when the process forked; nobody in the child would ever open it."""
    global _lock
    _lock = threading.Lock()


def library() -> Any:
    """The HTTP library in use: httpx2 if it is installed, else httpx."""
    try:
        import httpx2

        return httpx2
    except ImportError:
        import httpx

        return httpx


def new_client() -> Any:
    """A blocking HTTP client with connections of its own, for whoever closes it."""
    return library().Client(follow_redirects=False, trust_env=False, verify=_authorities())


def new_async_client() -> Any:
    """An asynchronous HTTP client for the running event loop, for whoever closes it."""
    return library().AsyncClient(follow_redirects=False, trust_env=False, verify=_authorities())


@cache
def _authorities() -> Any:
    """Whom we trust, for all clients together: reading it takes a tenth of a second."""
    return library().create_ssl_context(trust_env=False)


def _client() -> Any:
    global _blocking
    pid = os.getpid()
    with _lock:
        if _blocking is None or _blocking[0] != pid:
            client = new_client()
            _blocking = (pid, client)
            atexit.register(_close, pid, client)
        return _blocking[1]


def _close(pid: int, client: Any) -> None:
    """Give back the connections at exit; a child process leaves those of its parent alone."""
    if os.getpid() == pid:
        client.close()


def _aclient() -> Any:
    import asyncio

    loop, pid = asyncio.get_running_loop(), os.getpid()
    with _lock:
        held = _per_loop.get(loop)
        if held is None or held[0] != pid:
            held = (pid, new_async_client())
            _per_loop[loop] = held
        return held[1]


def is_async(client: Any) -> bool:
    """Whether an injected client is an asynchronous one."""
    return inspect.iscoroutinefunction(getattr(client, "get", None)) or hasattr(client, "aclose")


def send(request: HttpRequest) -> HttpResponse:
    """Make the exchange, blocking. Raises :class:`~cartaguard.errors.TransportError` when there is no usable answer."""
    client = request.client if request.client is not None else _client()
    if is_async(client):
        raise ConfigurationError("an asynchronous HTTP client was given, and a blocking call needs it; use the call's async twin")
    if not _streams(client, request):
        work = partial(_get, client, request)
    else:
        work = partial(_stream, client, request, time.monotonic() + request.timeout)
    try:
        return within(request.timeout, work, _origin(request.url))
    except _faults() as fault:
        raise _transport_error(request, fault) from None


def _get(client: Any, request: HttpRequest) -> HttpResponse:
    return _whole(request, client.get(request.url, headers=dict(request.headers), timeout=request.timeout))


def _stream(client: Any, request: HttpRequest, deadline: float) -> HttpResponse:
    with client.stream(request.method, request.url, **_options(request)) as response:
        if response.is_stream_consumed:
            return _whole(request, response)
        body = _body(request, response, deadline)
        for piece in response.iter_raw():
            body.add(piece)
        return _answer(response, body.whole())


async def asend(request: HttpRequest) -> HttpResponse:
    """:func:`send` under asyncio. A blocking client of the user's own is used in a thread."""
    import asyncio

    client = request.client if request.client is not None else _aclient()
    if not is_async(client):
        return await asyncio.to_thread(send, request)
    deadline = time.monotonic() + request.timeout
    try:
        async with asyncio.timeout(request.timeout):
            if not _streams(client, request):
                return _whole(request, await client.get(request.url, headers=dict(request.headers), timeout=request.timeout))
            async with client.stream(request.method, request.url, **_options(request)) as response:
                if response.is_stream_consumed:
                    return _whole(request, response)
                body = _body(request, response, deadline)
                async for piece in response.aiter_raw():
                    body.add(piece)
                return _answer(response, body.whole())
    except _faults() as fault:
        raise _transport_error(request, fault) from None


def _streams(client: Any, request: HttpRequest) -> bool:
    """Whether a client can read a body bit by bit. One that only has ``get`` serves for a plain GET."""
    if callable(getattr(client, "stream", None)):
        return True
    if request.method != "GET" or request.body is not None:
        raise ConfigurationError(
            f"the HTTP client that was given has no `stream` and cannot {request.method}; use httpx", code="http_client"
        )
    return False


def _options(request: HttpRequest) -> dict[str, Any]:
    headers = {"accept-encoding": ACCEPTED, **request.headers}
    options: dict[str, Any] = {"headers": headers, "timeout": request.timeout, "follow_redirects": False}
    if request.body is not None:
        options["content"] = request.body
    return options


def _body(request: HttpRequest, response: Any, deadline: float) -> Body:
    encoding = response.headers.get("content-encoding", "")
    return Body(_shown(request.url), encoding=encoding, max_bytes=request.max_bytes, timeout=request.timeout, deadline=deadline)


def _answer(response: Any, body: bytes) -> HttpResponse:
    return HttpResponse(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)


def _whole(request: HttpRequest, response: Any) -> HttpResponse:
    """An answer that its client has read already."""
    if len(response.content) > request.max_bytes:
        raise TransportError(f"`{_shown(request.url)}` answered with more than {request.max_bytes} bytes", code="too_large")
    return _answer(response, response.content)


def _faults() -> tuple[type[Exception], ...]:
    """What counts as "no usable answer": the HTTP libraries' own faults and the operating system's (`TimeoutError` is one)."""
    import sys

    faults: list[type[Exception]] = [OSError]
    for name in ("httpx", "httpx2"):
        module = sys.modules.get(name)
        if module is not None:
            faults += [module.HTTPError, module.InvalidURL, module.StreamError]
    return tuple(faults)


def _transport_error(request: HttpRequest, fault: Exception) -> TransportError:
    timed_out = isinstance(fault, TimeoutError) or "Timeout" in type(fault).__name__
    what = f"did not answer within {request.timeout:g} s" if timed_out else "could not be reached"
    return TransportError(f"`{_shown(request.url)}` {what} ({type(fault).__name__})", code="timeout" if timed_out else "transport")


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _shown(url: str) -> str:
    """The URL without query and userinfo, which may hold what is nobody's business."""
    head, _, rest = url.partition("://")
    authority, slash, path = rest.partition("?")[0].partition("/")
    return f"{head}://{authority.rpartition('@')[2]}{slash}{path}"
