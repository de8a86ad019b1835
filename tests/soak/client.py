"""A client of the soaked service, small enough that two hundred of them leave the machine to the servers."""

from __future__ import annotations

import asyncio
import contextlib

__all__ = ["Client"]


class Client:
    """One connection that is kept, and made anew when the server has closed it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, token: str | None, method: str = "GET") -> tuple[int, bytes]:
        """The status and the body of an answer."""
        credential = "" if token is None else f"Authorization: Bearer {token}\r\n"
        request = f"{method} {path} HTTP/1.1\r\nHost: soak\r\n{credential}Content-Length: 0\r\n\r\n".encode()
        if self._streams is not None:
            try:
                return await self._exchange(*self._streams, request)
            except (asyncio.IncompleteReadError, ConnectionError):
                # The server ends connections that were idle for a while.
                await self.aclose()
        self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        return await self._exchange(*self._streams, request)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        status, fields = int(head[9:12]), dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
        if fields.get(b"connection") == b"close":
            await self.aclose()
        return status, body

    async def aclose(self) -> None:
        if self._streams is not None:
            (_, writer), self._streams = self._streams, None
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
