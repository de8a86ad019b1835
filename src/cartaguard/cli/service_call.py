"""``cartaguard service call``: a request to a service, through Carta and in one's own name."""

from __future__ import annotations

import json as jsontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cartaguard.cli import asking
from cartaguard.cli.session import Session
from cartaguard.errors import CartaError, ParameterError

if TYPE_CHECKING:
    from cartaguard.carta.records import Reply

__all__ = ["call"]


def call(
    session: Session,
    service: Annotated[str, typer.Argument(metavar="NAMESPACE/NAME", help="The service.")],
    endpoint: Annotated[str, typer.Argument(help="The path below it, such as runs/7.")] = "",
    method: Annotated[str, typer.Option("--method", "-X", help="The HTTP method.")] = "GET",
    query: Annotated[list[str] | None, typer.Option("--query", metavar="KEY=VALUE", help="May be repeated.")] = None,
    header: Annotated[list[str] | None, typer.Option("--header", metavar="KEY:VALUE", help="May be repeated.")] = None,
    data: Annotated[str, typer.Option("--data", metavar="JSON", help="The body; `-` for standard input.")] = "",
) -> None:
    """Call an endpoint of a service through Carta, and print what it answers."""
    from cartaguard.cli.addresses import service_name
    from cartaguard.cli.pairs import pairs

    namespace, name = service_name(service)
    sent = _json(asking.from_stdin("Body") if data == "-" else data) if data else None
    said = {"query": pairs(query, "="), "headers": pairs(header, ":")}
    reply = session.client.services.call(namespace, name, endpoint, method=method.upper(), json=sent, **said)
    kind = reply.headers.get("content-type", "")
    session.out.value({"status": reply.status, "content_type": kind, "body": _body(reply)}, reply.text)


def _json(text: str) -> Any:
    try:
        return jsontext.loads(text)
    except (ValueError, RecursionError):
        raise ParameterError("what `--data` says is no JSON") from None


def _body(reply: Reply) -> Any:
    """The body as JSON where it is some, or else as text."""
    try:
        return reply.json()
    except CartaError:
        return reply.text
