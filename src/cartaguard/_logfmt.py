"""One event as one line of text: ``name=value`` pairs that no value can break out of.

A value that came from elsewhere must not begin a line of its own, colour a terminal, turn the direction of the
text or hide in it. Whatever is not printable is so written as an escape, and what a secret could stand in
(userinfo and query of a URL, a token) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["line", "text"]

#: Characters of a value that are shown; the rest is cut.
LONGEST = 200

_CUT = "…"

# A value that needs no quotes: no space, quote, backslash, equals sign or anything outside ASCII.
_PLAIN = re.compile(r"[\w.:/@+,;~#%&()\[\]{}<>|*!$^?'`-]+", re.ASCII)

# Printable by Unicode and yet invisible, or a part of what stands before it: joiner, fillers, variation selectors.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")

# What follows a scheme. A password may hold any of `/?#'"` where somebody forgot to escape it.
_ADDRESS = re.compile(r"://[^\s`]+")
_TOKEN = re.compile(r"eyJ[\w-]*(?:\.[\w-]*)*", re.ASCII)

_SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def text(value: object) -> str:
    """A value as a person may see it: without secrets, cut to :data:`LONGEST` characters, whatever is not printable escaped."""
    shown = str(value) if not isinstance(value, float) else f"{value:g}"
    # Cut twice: what is very long takes long to search.
    shown = _TOKEN.sub("(token)", _ADDRESS.sub(_bare, shown[: 10 * LONGEST]))
    if len(shown) > LONGEST:
        shown = shown[: LONGEST - 1] + _CUT
    if shown.isascii() and shown.isprintable() and "\\" not in shown:
        return shown
    return "".join(_shown(character) for character in shown)


def line(event: str, fields: Mapping[str, str]) -> str:
    """``event=… name=value …``, from texts that :func:`text` made; a value that is not one plain word is quoted."""
    return " ".join((f"event={event}", *(f"{name}={_word(value)}" for name, value in fields.items())))


def _bare(address: re.Match[str]) -> str:
    """An address without userinfo, query and fragment."""
    return "://" + address[0][3:].rpartition("@")[2].partition("?")[0].partition("#")[0]


def _shown(character: str) -> str:
    if character in "\\\n\r\t":
        return _SHORT[character]
    if character.isprintable() and not _UNSEEN.match(character):
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _word(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    # Backslashes are escapes already.
    return '"' + value.replace('"', '\\"') + '"'
