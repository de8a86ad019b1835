"""Path patterns of a policy: ``/projects/{project_id}`` and ``/static/*``."""

from __future__ import annotations

from typing import Protocol

from cartaguard.errors import InvalidPath, PolicyError

__all__ = ["HasSegments", "PathPattern", "canonical"]


class HasSegments(Protocol):
    """Anything with the shape of a pattern: a route of a framework has it too."""

    @property
    def segments(self) -> tuple[str | None, ...]: ...

    @property
    def tail(self) -> bool: ...


class PathPattern:
    """A pattern over the segments of a path.

    ``{name}`` is exactly one non-empty segment; ``P/*`` covers ``P``, ``P/`` and everything below. A literal
    is compared by code points. A trailing slash is part of the pattern.

    Raises :class:`~cartaguard.errors.PolicyError` for a pattern that no path could fit, or that is ambiguous.
    """

    __slots__ = ("_places", "names", "segments", "tail", "text")

    def __init__(self, text: str) -> None:
        if not isinstance(text, str) or not text.startswith("/"):
            raise PolicyError(f"`{text}` is not a path pattern: it starts with `/`, such as `/projects/{{project_id}}`", code="bad_pattern")
        self.text = text
        parts = text[1:].split("/")
        self.tail = parts[-1] == "*"
        if self.tail:
            parts.pop()
        names: list[str] = []
        #: A literal as it is, ``None`` for a parameter. A last empty literal is a trailing slash.
        self.segments: tuple[str | None, ...] = tuple(self._segment(part, names) for part in parts)
        self.names: tuple[str, ...] = tuple(names)
        #: Where each parameter stands among the segments.
        places = [index for index, segment in enumerate(self.segments) if segment is None]
        self._places: tuple[tuple[int, str], ...] = tuple(zip(places, names, strict=True))
        literal = "/" + "/".join("x" if part is None else part for part in self.segments)
        try:
            canonical(literal)
        except InvalidPath as fault:
            raise PolicyError(f"`{text}` fits no path: {fault}", code="bad_pattern") from None
        if self.tail and self.segments and self.segments[-1] == "":
            raise PolicyError(f"`{text}` has an empty segment", code="bad_pattern")

    def _segment(self, part: str, names: list[str]) -> str | None:
        if "*" in part:
            raise PolicyError(f"`{self.text}` has a `*` that is not a whole last segment", code="bad_pattern")
        if "{" not in part and "}" not in part:
            return part
        name = part[1:-1]
        if part != f"{{{name}}}" or not name.isidentifier():
            raise PolicyError(
                f"`{self.text}` has the segment `{part}`: a parameter is a whole segment, such as `{{project_id}}`", code="bad_pattern"
            )
        if name in names:
            raise PolicyError(f"`{self.text}` names the parameter `{name}` twice", code="bad_pattern")
        names.append(name)
        return None

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The parameters if the pattern fits these segments of a canonical path (without its first slash)."""
        own = self.segments
        if self.tail:
            if len(segments) < len(own):
                return None
        elif len(segments) != len(own):
            return None
        for mine, theirs in zip(own, segments, strict=False):
            if mine is not None and mine != theirs:
                return None
        return self.fill(segments)

    def fill(self, segments: list[str], path: str = "") -> dict[str, str] | None:
        """:meth:`match` for segments of which number and literals are known to fit: a parameter is never empty."""
        params: dict[str, str] = {}
        for index, name in self._places:
            value = segments[index]
            if not value:
                return None
            params[name] = value
        return params

    def covers(self, other: HasSegments) -> bool:
        """Whether every path that fits the other fits this one too."""
        if not self.tail and (other.tail or len(self.segments) != len(other.segments)):
            return False
        if len(self.segments) > len(other.segments):
            return False
        for mine, theirs in zip(self.segments, other.segments, strict=False):
            if mine is None:
                if theirs == "":
                    return False
            elif mine != theirs:
                return False
        return True

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"PathPattern({self.text!r})"


# What could be read two ways: `;` starts parameters for some servers, `\` is a slash for others, a `%` that
# is still there would be decoded by the next reader, U+FFFD was something else before.
_REFUSED = dict.fromkeys((*range(32), *range(127, 160), ord(";"), ord("\\"), ord("%"), 65533, *range(55296, 57344)))


def canonical(path: str) -> str:
    """The path itself, when there is one way to read it (decoded, below its root); the empty path is ``/``.

    Raises :class:`~cartaguard.errors.InvalidPath` (400) for empty segments (one trailing slash excepted), dot
    segments, ``;``, ``\\``, control characters, a residual ``%``, U+FFFD and what was no UTF-8.
    """
    if not path:
        return "/"
    if not path.startswith("/"):
        raise InvalidPath("the path does not start with a slash")
    if "//" in path:
        raise InvalidPath("the path has an empty segment")
    if "/." in path:
        for segment in path.split("/"):
            if segment in (".", ".."):
                raise InvalidPath("the path has a dot segment")
    if path.isascii() and path.isprintable():
        if ";" in path or "\\" in path or "%" in path:
            raise InvalidPath("the path has a character that can be read in two ways")
    elif path.translate(_REFUSED) != path:
        raise InvalidPath("the path has a character that can be read in two ways")
    return path
