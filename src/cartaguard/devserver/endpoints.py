"""What an API token may be used for: patterns such as ``GET /user``, ``POST|PUT /project/**`` or ``ANY /**``.

A path is compared segment by segment, as it was sent: an escaped slash does not divide. ``**`` stands for any segments,
or none.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

__all__ = ["allows", "is_pattern"]

_PATTERN = re.compile(r"[A-Z]+(\|[A-Z]+)* (/[^/\s]*)+")
_DIVIDERS = re.compile(r"[/\\]")


def is_pattern(text: str) -> bool:
    """Whether this is a pattern. ``**`` is a whole segment of it or none."""
    return _PATTERN.fullmatch(text) is not None and all(part == "**" or "**" not in part for part in text.split("/"))


def allows(pattern: str, method: str, path: str) -> bool:
    """Whether a pattern covers a request. One whose path a service could read as another is covered by none.

    :param path: as it was sent, without the query.
    """
    methods, _, wanted = pattern.partition(" ")
    # A HEAD is a GET whose answer nobody reads.
    if not {"ANY", method, "GET" if method == "HEAD" else method} & set(methods.split("|")):
        return False
    sent = [unquote(part) for part in path.split("/")]
    if any(part in (".", "..") for segment in sent for part in _DIVIDERS.split(segment)):
        return False
    return _fits([unquote(part) for part in wanted.split("/")], sent)


def _fits(wanted: list[str], sent: list[str]) -> bool:
    # The ends of the parts of the request that what was read of the pattern covers.
    ends = {0}
    for part in wanted:
        if part == "**":
            ends = set(range(min(ends), len(sent) + 1)) if ends else ends
        else:
            ends = {end + 1 for end in ends if end < len(sent) and sent[end] == part}
    return len(sent) in ends
