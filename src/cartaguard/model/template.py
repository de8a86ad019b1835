"""Templates such as ``Project:{project_id}``: a resource whose parts are a route's parameters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from cartaguard.errors import ParameterError, RequirementError
from cartaguard.model.names import Resource

__all__ = ["ResourceTemplate", "parameter_text"]


#: How many resources a template remembers, and how long the id of one may be, in characters.
_REMEMBERED, _LONGEST = 1024, 512


class ResourceTemplate:
    """``Type:id`` with ``{parameter}`` in it. Without parameters it is one resource.

    Two different sets of parameter texts never give the same resource: up to the next parameter, the literal
    behind a value may occur nowhere but right behind it (so ``{ns}/{name}`` refuses an ``ns`` with a slash),
    and two parameters may not touch.
    """

    __slots__ = ("_literals", "_made", "fixed", "names", "text")

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise RequirementError(
                f"`{text!r}` is not a resource template: text such as `Project:{{project_id}}` is expected", code="bad_template"
            )
        self.text = text
        self._literals, self.names = _split(text)
        #: Resources by the texts that filled them, since the same ones come again and again.
        self._made: dict[tuple[str, ...], Resource] = {}
        self.fixed: Resource | None = None
        type_ = self._literals[0].partition(":")[0]
        if ":" not in self._literals[0] or not type_:
            raise RequirementError(
                f"`{text}` is not a resource template: it starts with a resource type and a colon, such as `Project:`", code="bad_template"
            )
        if not self.names:
            if text == type_ + ":":
                raise RequirementError(f"`{text}` names no resource: its id is empty", code="bad_template")
            self.fixed = Resource.parse(text)

    @classmethod
    def of(cls, resource: Resource) -> ResourceTemplate:
        """The template of this one resource; braces in its id are just text."""
        template = cls.__new__(cls)
        template.text = str(resource)
        template._literals, template.names, template.fixed, template._made = (str(resource),), (), resource, {}
        return template

    def bind(self, parameters: Collection[str], where: str = "") -> None:
        """Check that a route has every parameter. Raises :class:`~cartaguard.errors.RequirementError`."""
        for name in self.names:
            if name not in parameters:
                has = ", ".join(f"`{{{parameter}}}`" for parameter in parameters) or "none"
                raise RequirementError(
                    f"`{self.text}` needs the parameter `{{{name}}}`, which {f'`{where}`' if where else 'the route'} lacks (it has {has})",
                    code="unknown_parameter",
                )

    def fill(self, params: Mapping[str, Any]) -> Resource | None:
        """The resource for these parameters; ``None`` when a value names no resource without doubt.

        Raises :class:`~cartaguard.errors.ParameterError` when a parameter is missing or of a wrong type.
        """
        if self.fixed is not None:
            return self.fixed
        values = []
        for name in self.names:
            if name not in params:
                raise ParameterError(f"`{self.text}` needs the parameter `{name}`")
            value = params[name]
            values.append(value if type(value) is str else parameter_text(name, value))
        made = self._made.get(key := tuple(values))
        if made is None:
            made = self._make(key)
            if made is not None and len(made.id) <= _LONGEST:
                if len(self._made) >= _REMEMBERED:
                    self._made = {}
                self._made[key] = made
        return made

    def _make(self, values: tuple[str, ...]) -> Resource | None:
        literals = self._literals
        text = literals[0]
        last = len(values) - 1
        for index, value in enumerate(values):
            following = literals[index + 1]
            if not value or (index < last and (value + following).find(following) < len(value)):
                return None
            text += value + following
        return Resource.parse(text)

    def __reduce__(self) -> tuple[object, ...]:
        return (ResourceTemplate, (self.text,)) if self.fixed is None else (ResourceTemplate.of, (self.fixed,))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResourceTemplate) and self.text == other.text and self.fixed == other.fixed

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"ResourceTemplate({self.text!r})"


def parameter_text(name: str, value: object) -> str:
    """The text of one parameter. Raises :class:`~cartaguard.errors.ParameterError` for what has no one text."""
    if isinstance(value, Enum):
        # A framework turned the path's text into a member; the text is its value.
        value = value.value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (int, float, Decimal, UUID)) and not isinstance(value, bool):
        return str(value)
    raise ParameterError(f"the parameter `{name}` is a {type(value).__name__}; a template takes text, numbers and UUIDs")


def _split(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    literals: list[str] = []
    names: list[str] = []
    rest = text
    while True:
        literal, brace, rest = rest.partition("{")
        if "}" in literal:
            raise RequirementError(f"`{text}` has a `}}` that closes nothing", code="bad_template")
        if names and not literal and brace:
            raise RequirementError(f"`{text}` has two parameters with nothing between them", code="bad_template")
        literals.append(literal)
        if not brace:
            return tuple(literals), tuple(names)
        name, brace, rest = rest.partition("}")
        if not brace or not name.isidentifier():
            raise RequirementError(f"`{text}` has `{{{name}`, which is not a parameter such as `{{project_id}}`", code="bad_template")
        if name in names:
            raise RequirementError(f"`{text}` names the parameter `{name}` twice", code="bad_template")
        names.append(name)
