"""API tokens (v2): keys for programs, limited to endpoints, uses and time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cartaguard.carta.operation import Operation
from cartaguard.carta.reading import api_token, ignored, listed, one
from cartaguard.carta.records import ApiToken
from cartaguard.errors import ParameterError

__all__ = ["create", "delete", "list_tokens", "revoke"]

_NAME = re.compile(r"[A-Za-z0-9._~-]+")
_ENDPOINT = re.compile(r"[A-Z]+(\|[A-Z]+)* /\S*")


def create(
    name: str, allowed_endpoints: Sequence[str], *, expires: datetime | None = None, uses: int | None = None, node: str = "self"
) -> Operation[ApiToken]:
    """Make an API token; its whole key is in this answer and never again.

    :param allowed_endpoints: such as ``GET /user`` or ``POST|PUT /project/**``; ``ANY`` stands for every method.
    :param expires: with its time zone.
    :raises cartaguard.errors.CartaDuplicate: the node has a token with that name.
    """
    if not _NAME.fullmatch(name):
        raise ParameterError(f"`{name}` is not a token's name: letters, digits and `-._~`")
    for endpoint in allowed_endpoints:
        if not _ENDPOINT.fullmatch(endpoint):
            raise ParameterError(f"`{endpoint}` is not an endpoint such as `GET /user` or `ANY /**`")
    if expires is not None and expires.tzinfo is None:
        raise ParameterError("`expires` needs its time zone")
    if uses is not None and uses < 1:
        raise ParameterError(f"`uses` is 1 or more, not `{uses}`")
    body: dict[str, Any] = {"name": name, "allowedEndpoints": list(allowed_endpoints)}
    if expires is not None:
        body["expires"] = expires.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if uses is not None:
        body["uses"] = uses
    return Operation("POST", ("v2", "auth", "apitoken", node), one(api_token), json=body)


def list_tokens(*, node: str = "self") -> Operation[tuple[ApiToken, ...]]:
    """A node's API tokens, their keys obscured."""
    return Operation("GET", ("v2", "auth", "apitoken", node), listed(api_token))


def delete(name: str, *, node: str = "self") -> Operation[None]:
    """Remove an API token."""
    return Operation("DELETE", ("v2", "auth", "apitoken", node, name), ignored)


def revoke(name: str, *, node: str = "self") -> Operation[None]:
    """Make an API token useless at once."""
    return Operation("POST", ("v2", "auth", "apitoken", node, name, "revoke"), ignored)
