"""A service on this machine that is one millisecond away: it waits that long before each answer.

``python -m benchmarks.remote_server KIT`` prints its port, and ends when its standard input does. It knows who the
tokens of the kit belong to and what they may, and answers as a Pecan server below ``/grant/``.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["ALLOWED", "AUTHORITY", "main"]

#: Seconds before each answer.
DISTANCE = 0.001

#: The account that holds a permission at Pecan; others hold none.
ALLOWED = "account-olga"
AUTHORITY = "https://pecan.example.org/"


class Service:
    """What is answered: a status and a document for each path."""

    def __init__(self, kit: dict[str, Any]) -> None:
        tokens = kit["tokens"]["cognito"]
        self._rights = {f"Bearer {tokens['good']}": True, f"Bearer {tokens['missing right']}": False}
        self._group = kit["group"]
        self.url = ""

    def answer(self, path: str, authorization: str, body: bytes) -> tuple[int, Any]:
        path = path.partition("?")[0]
        if path.startswith("/grant/"):
            return 200, self._pecan(path.removeprefix("/grant/"), body)
        right = self._rights.get(authorization)
        if right is None:
            return 401, None
        documents: dict[str, Any] = {
            "/user": {"name": "olga" if right else "otto"},
            "/groups": [self._group] if right else [],
            "/permission": ["read"] if right else [],
        }
        return 200, documents[path]

    def _pecan(self, path: str, body: bytes) -> Any:
        match path:
            case "":
                return {"@links": {name: f"{self.url}/grant/{name}" for name in ("manifest", "refresh_profile")}}
            case "manifest":
                permission = {"name": "reports", "resource_id": "r1", "mask": 7, "position": 16, "restricted": 0}
                service = {"name": "lab", "version": 1, "authority": AUTHORITY, "claim": "rights", "subject": None, "tenant": None}
                return {
                    "account_id": "account-service",
                    "authority": AUTHORITY,
                    "permissions": [{"key": "read", "mask": 1}],
                    "services": [{**service, "permissions": [permission]}],
                }
            case "refresh_profile":
                account = json.loads(body)["account_id"]
                # The schema's version in the low bits, and the granted ones at their position.
                value = base64.b64encode((1 | (account == ALLOWED) << 16).to_bytes(4, "little")).decode()
                assertion = {"issuer": AUTHORITY, "key": "rights", "value": value}
                return {"account_id": account, "authority": AUTHORITY, "display": account, "assertions": [assertion]}
            case _:
                return None


async def _connected(service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            status, document = service.answer(head[0].split(" ")[1], headers.get("authorization", ""), body)
            await asyncio.sleep(DISTANCE)
            content = json.dumps(document).encode()
            head_sent = b"HTTP/1.1 %d Answer\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(content))
            writer.write(head_sent + content)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(kit: dict[str, Any]) -> None:
    service = Service(kit)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _connected(service, reader, writer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    service.url = f"http://127.0.0.1:{port}"
    print(port, flush=True)
    async with server:
        # It ends with whoever started it.
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
