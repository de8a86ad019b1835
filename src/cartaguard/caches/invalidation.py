"""What is to be forgotten: of one principal, about a group or a resource, or everything."""

from __future__ import annotations

from typing import Any, NamedTuple

from cartaguard.errors import ParameterError
from cartaguard.model.names import Resource
from cartaguard.model.principal import Principal

__all__ = ["EVERYTHING", "Invalidation"]


class Invalidation(NamedTuple):
    """What somebody wants forgotten, as it goes from process to process. When nothing is named, everything."""

    principal: tuple[str, str] | None = None
    group: str | None = None
    resource: tuple[str, str] | None = None

    @classmethod
    def of(cls, principal: Principal | None = None, group: str | None = None, resource: Resource | None = None) -> Invalidation:
        """That of ``guard.invalidate(…)``. A principal is known by issuer and subject; nothing else of it is told."""
        return cls(
            None if principal is None else (principal.issuer, principal.subject),
            group,
            None if resource is None else (resource.type, resource.id),
        )

    def named(self) -> dict[str, Any]:
        """As ``Directory.invalidate`` takes it. What names nothing that can be is about everything."""
        named: dict[str, Any] = {"group": self.group}
        try:
            if self.principal is not None:
                named["principal"] = Principal(issuer=self.principal[0], subject=self.principal[1])
            if self.resource is not None:
                named["resource"] = Resource(*self.resource)
        except ParameterError:
            return {}
        return named

    @property
    def only(self) -> tuple[str, str] | None:
        """The one principal that this is about. A group or a resource may bear on anybody and anything: then ``None``."""
        return self.principal if self.group is None and self.resource is None else None


#: Nothing that is remembered may be used any more.
EVERYTHING = Invalidation()
