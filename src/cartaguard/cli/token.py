"""``cartaguard token``: API tokens, for programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeAlias

import typer

from cartaguard.cli import asking
from cartaguard.cli.command import Yes, command, group
from cartaguard.cli.session import Session
from cartaguard.errors import ParameterError

__all__ = ["register"]

_Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits and -._~, unique among one's tokens.")]

_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    tokens = group(app, "token", "API tokens for programs: create, list, revoke, delete.")
    command(tokens, "create")(create)
    command(tokens, "list")(list_all)
    command(tokens, "revoke")(revoke)
    command(tokens, "delete")(delete)


def create(
    session: Session,
    name: _Name,
    allow: Annotated[list[str], typer.Option(metavar="ENDPOINT", help="Such as 'GET /user' or 'ANY /**'; may be repeated.")],
    expires: Annotated[str, typer.Option(metavar="WHEN", help="30d, 12h, or 2030-01-31T12:00:00+00:00.")] = "",
    uses: Annotated[int | None, typer.Option(help="How often it may be used.")] = None,
) -> None:
    """Create an API token. Its key is printed once, and cannot be had again."""
    from cartaguard.cli.shapes import key

    made = session.client.tokens.create(name, allow, expires=_moment(expires), uses=uses)
    session.out.note(f"created the API token {name}; keep its key, which is shown only now")
    session.out.value({**key(made), "token": made.token}, made.token)


def list_all(session: Session) -> None:
    """List one's API tokens, without their keys."""
    from cartaguard.cli.shapes import key

    columns = {"name": "name", "endpoints": "allowed_endpoints", "expires": "expires", "uses": "uses", "revoked": "revoked"}
    session.out.listing([key(token) for token in session.client.tokens.list()], {**columns, "last used": "last_used"})


def revoke(session: Session, name: _Name, yes: Yes = False) -> None:
    """Make an API token useless, for good."""
    asking.confirm(f"Revoke the API token {name}?", yes=yes)
    session.client.tokens.revoke(name)
    session.out.done({"name": name}, f"revoked the API token {name}")


def delete(session: Session, name: _Name, yes: Yes = False) -> None:
    """Delete an API token."""
    asking.confirm(f"Delete the API token {name}?", yes=yes)
    session.client.tokens.delete(name)
    session.out.done({"name": name}, f"deleted the API token {name}")


def _moment(text: str) -> datetime | None:
    """Read a time, or how long from now."""
    if not text:
        return None
    if text[-1] in _UNITS and text[:-1].isascii() and text[:-1].isdecimal():
        try:
            return datetime.now(UTC).replace(microsecond=0) + timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
        except OverflowError:
            raise ParameterError(f"`{text}` is too far away") from None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ParameterError(f"`{text}` is no time; use 30d, 12h, or 2030-01-31T12:00:00+00:00") from None
