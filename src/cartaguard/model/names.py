"""Names of groups and resources: exact code points, never normalised."""

from __future__ import annotations

from cartaguard.errors import ParameterError

__all__ = ["Group", "Resource"]


class Group(str):
    """A group's name, ``Org:Name`` or ``Name``. It is its text: equal only to the same code points.

    ``Group("Org:Name")`` and ``Group("Org", "Name")`` are the same group.
    """

    __slots__ = ()

    def __new__(cls, name: str, within: str | None = None) -> Group:
        text = name if within is None else f"{name}:{within}"
        if not isinstance(text, str) or not text:
            raise ParameterError("a group name is text that is not empty", code="bad_group")
        return super().__new__(cls, text)

    @property
    def organization(self) -> str:
        """What stands before the first colon; empty when there is none."""
        return self.partition(":")[0] if ":" in self else ""

    @property
    def name(self) -> str:
        """What stands after the first colon; the whole text when there is none."""
        return self.partition(":")[2] if ":" in self else str(self)

    def __repr__(self) -> str:
        return f"Group({str(self)!r})"


class Resource:
    """Something that permissions are about: ``Type:id``, such as ``Project:p1``.

    :param type: a word without a colon, for instance ``Project``.
    :param id: any text but the empty one; slashes and colons are part of it (``Service:ns/name``).
    :raises cartaguard.errors.ParameterError: for an empty type or id, or a colon in the type.
    """

    __slots__ = ("_hash", "id", "type")

    id: str
    type: str
    _hash: int

    def __init__(self, type: str, id: str) -> None:
        if not isinstance(type, str) or not type or ":" in type:
            raise ParameterError(f"`{type}` is not a resource type: a word without a colon is expected", code="bad_resource")
        if not isinstance(id, str) or not id:
            raise ParameterError(f"`{type}:{id}` is not a resource: its id is empty or no text", code="bad_resource")
        object.__setattr__(self, "type", type)
        object.__setattr__(self, "id", id)
        object.__setattr__(self, "_hash", hash((type, id)))

    @classmethod
    def parse(cls, text: str) -> Resource:
        """Read ``Type:id``; the first colon divides."""
        type_, colon, id_ = text.partition(":")
        if not colon:
            raise ParameterError(f"`{text}` is not a resource: `Type:id` is expected", code="bad_resource")
        return cls(type_, id_)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a resource cannot be changed: `{name}`")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a resource cannot be changed: `{name}`")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Resource):
            return self.type == other.type and self.id == other.id
        return NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[object, ...]:
        return (Resource, (self.type, self.id))

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"

    def __repr__(self) -> str:
        return f"Resource({self.type!r}, {self.id!r})"
