"""The one place that speaks gRPC: calls of SpiceDB's API with a deadline, a token and a bound on what is read.

Channels belong to one process and one event loop and are made anew after a fork. What SpiceDB says beside a status is
repeated nowhere. A channel reads no proxy from the environment: none may see the token.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from cartaguard.drivers.effects import Call, Steps
from cartaguard.errors import ConfigurationError, FactsUnavailable
from cartaguard.http.urls import is_loopback

__all__ = ["LARGEST", "MOST", "Channels", "Key", "Stream", "too_deep"]

#: A preshared key, or a function that gives it whenever it is needed.
Key: TypeAlias = str | Callable[[], str]

#: Bytes that one message may have, in either direction: what SpiceDB takes itself.
LARGEST = 4 << 20

#: How many answers of one stream are read.
MOST = 100_000

_ENDPOINT = re.compile(r"(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_WORD = re.compile(r"[!-~]+")

#: The doubt for each of gRPC's statuses; any other is `spicedb_unexpected`.
_DOUBTS = {
    "UNAVAILABLE": "spicedb_unavailable",
    "DEADLINE_EXCEEDED": "spicedb_timeout",
    "CANCELLED": "spicedb_unavailable",
    "ABORTED": "spicedb_unavailable",
    "UNAUTHENTICATED": "spicedb_unauthorized",
    "PERMISSION_DENIED": "spicedb_unauthorized",
    "RESOURCE_EXHAUSTED": "spicedb_exhausted",
    "FAILED_PRECONDITION": "spicedb_schema",
    "NOT_FOUND": "spicedb_not_found",
    "INTERNAL": "spicedb_malformed",
    "UNKNOWN": "spicedb_malformed",
    "DATA_LOSS": "spicedb_malformed",
}


class Channels:
    """The connections to one SpiceDB.

    :param endpoint: ``host:port``.
    :param key: its preshared key.
    :param tls: whether the connection is encrypted; it may be left out on this machine only.
    :param ca_file: the certificates of whom to trust, as PEM, in place of the usual ones.
    :raises cartaguard.errors.ConfigurationError: for another endpoint, a missing extra, or a key that is none.
    """

    def __init__(self, endpoint: str, key: Key, *, tls: bool = True, ca_file: str | os.PathLike[str] | None = None) -> None:
        try:
            import grpc  # noqa: F401
        except ImportError:
            raise ConfigurationError("SpiceDB needs `pip install cartaguard[spicedb]`", code="missing_extra") from None
        match = _ENDPOINT.fullmatch(endpoint) if isinstance(endpoint, str) else None
        if match is None or not 0 < int(match["port"]) < 65536:
            raise ConfigurationError("`endpoint` is no `host:port`, such as `spicedb.example.org:50051`", code="bad_endpoint")
        if not tls and not is_loopback(match["host"].strip("[]")):
            raise ConfigurationError(
                f"`{endpoint}` is not this machine, and the key must not travel in the clear; use TLS", code="insecure_endpoint"
            )
        if isinstance(key, str) and not _WORD.fullmatch(key):
            raise ConfigurationError("the preshared key is empty or holds what no header can carry", code="bad_key")
        self.endpoint = endpoint
        self._key = key
        self._tls = tls
        self._authorities = None if ca_file is None else _content(ca_file)
        self._renew()

    def _renew(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._blocking: Any = None
        self._per_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()

    # -- calls -------------------------------------------------------------------------------------------

    def single(self, method: str, request: Any, answer: Any, seconds: float) -> Steps[Any]:
        """Make a call with one answer. Raises :class:`~cartaguard.errors.FactsUnavailable` when there is none.

        :param method: its full name, such as ``/authzed.api.v1.PermissionsService/CheckPermission``.
        :param answer: the class of what is answered.
        """

        def blocking() -> Any:
            with self._faults():
                return _read(answer, self._call(self.channel().unary_unary, method)(request, **self._options(seconds)))

        async def aio() -> Any:
            with self._faults():
                return _read(answer, await self._call(self._achannel().unary_unary, method)(request, **self._options(seconds)))

        return (yield Call(blocking, aio))

    def stream(self, method: str, request: Any, answer: Any, seconds: float) -> Steps[list[Any]]:
        """Make a call with many answers, and read them all. Raises as :meth:`single`, and when they are too many."""

        def blocking() -> list[Any]:
            with self._faults():
                call = self._call(self.channel().unary_stream, method)(request, **self._options(seconds))
                try:
                    return [_read(answer, message) for message in _bounded(call)]
                finally:
                    call.cancel()

        async def aio() -> list[Any]:
            with self._faults():
                call = self._call(self._achannel().unary_stream, method)(request, **self._options(seconds))
                try:
                    return [_read(answer, message) async for message in _abounded(call)]
                finally:
                    call.cancel()

        answers: list[Any] = yield Call(blocking, aio)
        return answers

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Turns gRPC's faults into our own."""
        import grpc

        try:
            yield
        except grpc.RpcError as fault:
            meant = _fault_of(fault)
            if meant.code == "spicedb_timeout":
                # The connection may be open at this end only, which nothing else would tell.
                self._forget()
            raise meant from None

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What proves who asks."""
        try:
            key = self._key if isinstance(self._key, str) else self._key()
        except OSError as fault:
            raise FactsUnavailable(f"the preshared key cannot be read ({type(fault).__name__})", code="spicedb_unauthorized") from None
        if not _WORD.fullmatch(key):
            raise FactsUnavailable("the preshared key is empty or holds what no header can carry", code="spicedb_unauthorized")
        return (("authorization", f"Bearer {key}"),)

    def watch(self, method: str, request: Any, answer: Any) -> Stream:
        """Begin a call whose answers come whenever there are some, for a thread that reads them."""
        return Stream(self, self._call(self.channel().unary_stream, method)(request, metadata=self.metadata()), answer)

    @staticmethod
    def _call(kind: Any, method: str) -> Any:
        # Answers are taken as bytes: under asyncio gRPC gives `None` for what it cannot read, and goes on.
        return kind(method, request_serializer=_serialized, response_deserializer=None)

    def _options(self, seconds: float) -> dict[str, Any]:
        return {"timeout": max(seconds, 0.001), "metadata": self.metadata()}

    # -- channels ----------------------------------------------------------------------------------------

    def channel(self) -> Any:
        """The channel of this process for threads."""
        import grpc

        with self._mine():
            if self._blocking is None:
                self._blocking = self._made(grpc)
            return self._blocking

    def _achannel(self) -> Any:
        """The channel of this process for the running loop."""
        import grpc.aio

        loop = asyncio.get_running_loop()
        with self._mine():
            channel = self._per_loop.get(loop)
            if channel is None:
                channel = self._per_loop[loop] = self._made(grpc.aio)
            return channel

    def _mine(self) -> threading.Lock:
        if self._pid != os.getpid():
            # A fork copies channels whose threads stayed in the parent, and perhaps a held lock.
            self._renew()
        return self._lock

    def _made(self, library: Any) -> Any:
        options = [
            ("grpc.max_receive_message_length", LARGEST),
            ("grpc.max_send_message_length", LARGEST),
            ("grpc.enable_http_proxy", 0),
            ("grpc.use_local_subchannel_pool", 1),
            # A caller is waiting, and how often a failing SpiceDB is asked is settled elsewhere.
            ("grpc.enable_retries", 0),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 5000),
            ("grpc.max_reconnect_backoff_ms", 1000),
        ]
        if not self._tls:
            return library.insecure_channel(self.endpoint, options=options)
        import grpc

        return library.secure_channel(self.endpoint, grpc.ssl_channel_credentials(self._authorities), options=options)

    def _forget(self) -> None:
        """Use the channel no more; calls that are under way still do."""
        loop = asyncio._get_running_loop()
        with self._mine():
            if loop is None:
                self._blocking = None
            else:
                self._per_loop.pop(loop, None)

    async def aclose(self) -> None:
        """Close the channel of the running loop."""
        channel = self._per_loop.pop(asyncio.get_running_loop(), None)
        if channel is not None:
            await channel.close()

    def close(self) -> None:
        """Close the channel for threads. Those of event loops end with them."""
        with self._mine():
            channel, self._blocking = self._blocking, None
        if channel is not None:
            channel.close()


class Stream:
    """The answers of a call without an end. Reading raises :class:`~cartaguard.errors.FactsUnavailable` at its end by a fault."""

    def __init__(self, channels: Channels, call: Any, answer: Any) -> None:
        self._channels = channels
        self._answers = call
        self._answer = answer

    def __iter__(self) -> Iterator[Any]:
        with self._channels._faults():
            for message in self._answers:
                yield _read(self._answer, message)

    def cancel(self) -> None:
        """End it, from any thread."""
        self._answers.cancel()


def _fault_of(fault: Any) -> FactsUnavailable:
    """What a fault of gRPC means. Of SpiceDB's words only those count that say how deep it looked."""
    status = fault.code().name
    code = _DOUBTS.get(status, "spicedb_unexpected")
    if status == "FAILED_PRECONDITION" and too_deep(fault.details() or ""):
        code = "spicedb_too_deep"
    return FactsUnavailable(f"spicedb gave no usable answer ({status})", code=code)


def too_deep(text: str) -> bool:
    """Whether a fault says that groups or resources are nested deeper than SpiceDB follows them, or stand in a ring."""
    return text.startswith("max depth exceeded")


def _bounded(answers: Iterator[Any]) -> Iterator[Any]:
    for count, answer in enumerate(answers):
        if count >= MOST:
            raise _many()
        yield answer


async def _abounded(answers: AsyncIterator[Any]) -> AsyncIterator[Any]:
    count = 0
    async for answer in answers:
        if count >= MOST:
            raise _many()
        count += 1
        yield answer


def _read(answer: Any, message: bytes) -> Any:
    from google.protobuf.message import DecodeError

    try:
        return answer.FromString(message)
    except DecodeError:
        raise FactsUnavailable("spicedb answered with what is no message of its own", code="spicedb_malformed") from None


def _many() -> FactsUnavailable:
    return FactsUnavailable(f"spicedb answered with more than {MOST} things", code="spicedb_exhausted")


def _serialized(request: Any) -> bytes:
    serialized: bytes = request.SerializeToString()
    return serialized


def _content(path: str | os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as fault:
        raise ConfigurationError(f"`{os.fspath(path)}` cannot be read ({type(fault).__name__})", code="unreadable") from None
