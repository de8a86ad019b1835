"""Path patterns of a policy: ``/projects/{project_id}`` and ``/static/*``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from cartaguard.errors import InvalidPath, PolicyError

__all__ = ["Fill", "HasSegments", "PathPattern", "apart", "canonical", "covers", "filler", "fits"]

#: Gives the parameters for the segments of a path of which number and literals are known to fit, or ``None``.
Fill: TypeAlias = Callable[..., "dict[str, str] | None"]


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

    __slots__ = ("fill", "names", "segments", "tail", "text")

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
        #: :meth:`match` for segments of which number and literals are known to fit: a parameter is never empty.
        self.fill: Fill = filler(self.segments, names)
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
        return self.fill(segments) if fits(self, segments) else None

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"PathPattern({self.text!r})"


def fits(shape: HasSegments, segments: Sequence[str]) -> bool:
    """Whether the number and the literals of a path's segments are those of a shape."""
    own = shape.segments
    if len(segments) < len(own) if shape.tail else len(segments) != len(own):
        return False
    return all(mine is None or mine == theirs for mine, theirs in zip(own, segments, strict=False))


def covers(one: HasSegments, other: HasSegments) -> bool:
    """Whether every path that fits the other fits this one too."""
    if not one.tail and (other.tail or len(one.segments) != len(other.segments)):
        return False
    if len(one.segments) > len(other.segments):
        return False
    for mine, theirs in zip(one.segments, other.segments, strict=False):
        if mine is None:
            if theirs == "":
                return False
        elif mine != theirs:
            return False
    return True


def apart(one: HasSegments, other: HasSegments) -> bool:
    """Whether it is certain that no path fits both."""
    for mine, theirs in zip(one.segments, other.segments, strict=False):
        if mine is not None and theirs is not None and mine != theirs:
            return True
    shorter, longer = sorted((one, other), key=lambda shape: len(shape.segments))
    return len(shorter.segments) < len(longer.segments) and not shorter.tail


def filler(segments: Sequence[str | None], names: Sequence[str]) -> Fill:
    """What gives the parameters of a path from its segments, each parameter a whole one that is not empty.

    :param segments: a literal as it is, ``None`` for a parameter.
    :param names: of the parameters, in their order.
    """
    places = tuple(zip((index for index, segment in enumerate(segments) if segment is None), names, strict=True))
    if len(places) == 1:
        # Most patterns have one, and need no loop.
        [(place, only)] = places

        def fill_one(segments: list[str], path: str = "") -> dict[str, str] | None:
            value = segments[place]
            return {only: value} if value else None

        return fill_one

    def fill(segments: list[str], path: str = "") -> dict[str, str] | None:
        params: dict[str, str] = {}
        for index, name in places:
            value = segments[index]
            if not value:
                return None
            params[name] = value
        return params

    return fill


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
