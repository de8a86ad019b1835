"""Entries for paths in Starlette's own notation, matched by Starlette's own expression."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.convertors import Convertor, FloatConvertor, IntegerConvertor, StringConvertor, UUIDConvertor
from starlette.routing import compile_path

from cartaguard.errors import ConfigurationError, InvalidPath
from cartaguard.http.routes import Entry
from cartaguard.model.pattern import Fill, canonical, filler
from cartaguard.model.policy import PROTOCOLS
from cartaguard.model.requirement import Requirement, all_of

__all__ = ["Marks", "entry_of"]

#: Converters that stay within one segment; any other one might take a slash.
_ONE_SEGMENT = (StringConvertor, IntegerConvertor, FloatConvertor, UUIDConvertor)

#: What a mount calls the rest of its path.
_REST = "path"

#: The expression of Starlette's converter of texts; an application may have given it another one.
_ANY_SEGMENT = "[^/]+"

#: A parameter that is all of its segment.
_WHOLE = re.compile(r"\{[^{}]+\}")

Marks = tuple[Requirement, ...]


def entry_of(
    path: str,
    marks: Marks,
    *,
    methods: frozenset[str] | None = None,
    protocols: frozenset[str] = PROTOCOLS,
    key: object,
    tail: bool = False,
) -> Entry:
    """The entry for a path, with everything below it if it has a tail.

    :raises cartaguard.errors.ConfigurationError: no request can have this path, or a parameter comes twice in it.
    """
    shape = _Shape(path, tail)
    requirement = None if not marks else all_of(*marks) if len(marks) > 1 else marks[0]
    if requirement is not None:
        requirement.bind(shape.names, path)
    return Entry(
        path + "/*" if tail else path,
        tuple(shape.segments),
        tail=shape.open,
        requirement=requirement,
        methods=methods,
        protocols=protocols,
        matcher=shape.fill or shape.match,
        rebuild=shape.rebuild,
        key=key,
        marks=marks,
        names=shape.whole,
    )


class _Shape:
    """How a path looks: its expression, its segments and its parameters."""

    def __init__(self, path: str, tail: bool) -> None:
        try:
            self._expression, self._format, self._convertors = compile_path((path + f"/{{{_REST}:path}}" if tail else path) or "/")
        except ValueError as fault:
            raise ConfigurationError(f"the route `{path}` cannot be guarded: {fault}", code="bad_path") from None
        self._tail = tail
        self.names = [name for name in self._convertors if not (tail and name == _REST)]
        #: A literal as it is, ``None`` for what parameters fill.
        self.segments: list[str | None] = []
        #: Whether anything may follow the segments.
        self.open = tail
        for part in path.split("/")[1:]:
            if "{" not in part:
                self.segments.append(part)
            elif self._within_one_segment(part):
                self.segments.append(None)
            else:
                self.open = True
                break
        _require_reachable(path, self.segments)
        #: The names of the parameters, where each of them is the text of a whole segment.
        self.whole: tuple[str, ...] | None = None
        #: The same as :meth:`match`, where the segments say it all.
        self.fill: Fill | None = None
        plain = all(type(convertor) is StringConvertor and convertor.regex == _ANY_SEGMENT for convertor in self._convertors.values())
        if plain and not self.open and all(_WHOLE.fullmatch(part) for part in path.split("/") if "{" in part):
            self.whole = tuple(self.names)
            self.fill = filler(self.segments, self.names)

    def _within_one_segment(self, part: str) -> bool:
        names = [piece.partition("}")[0].partition(":")[0] for piece in part.split("{")[1:]]
        return all(type(self._convertors[name]) in _ONE_SEGMENT for name in names)

    def match(self, segments: list[str], path: str) -> Mapping[str, Any] | None:
        """The texts of the parameters, if the path fits."""
        found = self._expression.match(path) or (self._tail and self._expression.match(path + "/")) or None
        if found is None:
            return None
        texts = found.groupdict()
        if self._tail:
            del texts[_REST]
        return texts

    def rebuild(self, path: str, params: Mapping[str, Any]) -> str | None:
        """The path with these parameters in it, each written as its converter writes it."""
        if not self.names:
            return path
        found = self._expression.match(path) or (self._tail and self._expression.match(path + "/")) or None
        if found is None:
            return None
        written = dict(found.groupdict())
        try:
            for name in self.names:
                written[name] = _written(self._convertors[name], params[name])
        except (AssertionError, ValueError, TypeError, AttributeError):
            # The converter cannot write what it has read itself.
            return None
        rebuilt = self._format.format_map(written)
        return rebuilt if path.endswith("/") or not self._tail else rebuilt.rstrip("/")


def _written(convertor: Convertor[Any], value: Any) -> str:
    return value if isinstance(value, str) else convertor.to_string(value)


def _require_reachable(path: str, segments: Sequence[str | None]) -> None:
    try:
        canonical("/" + "/".join("x" if segment is None else segment for segment in segments))
    except InvalidPath as fault:
        raise ConfigurationError(f"the route `{path}` can never be reached: {fault}", code="unreachable") from None
