"""The tables of the embedded Carta, one module for each concern; all are registered on one ``metadata``.

A new concern is a new module here, imported below: what is not imported is not made.
"""

from __future__ import annotations

from cartaguard.devserver.schema.apitokens import apitokens
from cartaguard.devserver.schema.base import metadata
from cartaguard.devserver.schema.cognito import handshakes, keys, pool, refresh_tokens, sessions, users
from cartaguard.devserver.schema.graph import granted, grants, resources
from cartaguard.devserver.schema.histories import histories
from cartaguard.devserver.schema.membership import groups, members
from cartaguard.devserver.schema.projects import connections
from cartaguard.devserver.schema.secrets import secrets
from cartaguard.devserver.schema.services import addresses

__all__ = [
    "addresses",
    "apitokens",
    "connections",
    "granted",
    "grants",
    "groups",
    "handshakes",
    "histories",
    "keys",
    "members",
    "metadata",
    "pool",
    "refresh_tokens",
    "resources",
    "secrets",
    "sessions",
    "users",
]
