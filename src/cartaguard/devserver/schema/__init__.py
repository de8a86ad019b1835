"""The tables of the embedded Carta, one module for each concern; all are registered on one ``metadata``.

A new concern is a new module here, imported below: what is not imported is not made.
"""

from __future__ import annotations

from cartaguard.devserver.schema.base import metadata
from cartaguard.devserver.schema.cognito import handshakes, keys, pool, refresh_tokens, sessions, users
from cartaguard.devserver.schema.graph import grants, resources
from cartaguard.devserver.schema.membership import groups, members

__all__ = [
    "grants",
    "groups",
    "handshakes",
    "keys",
    "members",
    "metadata",
    "pool",
    "refresh_tokens",
    "resources",
    "sessions",
    "users",
]
