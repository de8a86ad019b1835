"""Secrets: each user's own, by name."""

from __future__ import annotations

from cartaguard.carta.operation import Operation
from cartaguard.carta.reading import ignored, plain_text
from cartaguard.errors import ParameterError

__all__ = ["LONGEST", "get", "put"]

#: The longest secret, in characters.
LONGEST = 1024


def put(name: str, value: str) -> Operation[None]:
    """Keep a secret, in place of one with the same name.

    It travels as a header's value: at most 1024 printable ASCII characters, no spaces at its ends.

    :raises cartaguard.errors.ParameterError: for another name or value; the value is not in the message.
    """
    if not value.isascii() or not value.isprintable() or value != value.strip() or not 0 < len(value) <= LONGEST:
        raise ParameterError(
            f"the value of the secret `{name}` is not 1 to {LONGEST} printable ASCII characters without spaces at its ends"
        )
    return Operation("PUT", ("secret",), ignored, headers={f"secret-{_canonical(name)}": value})


def get(name: str) -> Operation[str]:
    """A secret of one's own. Raises :class:`~cartaguard.errors.CartaNotFound` when there is none."""
    return Operation("GET", ("secret",), plain_text, query={"name": _canonical(name)})


def _canonical(name: str) -> str:
    """The name as Carta keeps it: hyphens for underscores, each part with a capital, as headers come back."""
    if not name or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise ParameterError(f"`{name}` is not a secret's name: letters, digits, hyphens and underscores")
    return "-".join(part[:1].upper() + part[1:] for part in name.replace("_", "-").split("-"))
