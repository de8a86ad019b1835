"""What is read from a WSGI environ (PEP 3333), and nothing else is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cartaguard.http.paths import decoded

__all__ = ["HELD", "asked", "is_preflight"]

#: Where the gate's pass stands in an environ. Names without a dot are for CGI's text variables.
HELD = "cartaguard.pass"


def asked(environ: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The path that is decided on, and the credential.

    The path is PATH_INFO alone: a prefix in SCRIPT_NAME must not open anything. The credential is the ``Authorization``
    value as the server made it, if there is one (servers join a repeated header with commas).

    Raises :class:`~cartaguard.errors.InvalidPath` for bytes that are no UTF-8.
    """
    path: str = environ.get("PATH_INFO", "")
    value = environ.get("HTTP_AUTHORIZATION")
    return path if path.isascii() else decoded(path), () if value is None else (value,)


def is_preflight(environ: Mapping[str, Any]) -> bool:
    """A CORS preflight (Fetch standard): OPTIONS with an origin and the method that is going to be used."""
    return environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ORIGIN" in environ and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
