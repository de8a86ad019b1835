"""Roles are Carta's names for sets of permissions."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from cartaguard.model.permission import Permission

__all__ = ["Role"]


class Role(Enum):
    """Carta's named sets of permissions. An unknown role is none of these and grants nothing."""

    NONE = "None"
    GUEST = "Guest"
    USER = "User"
    EDITOR = "Editor"
    OWNER = "Owner"

    @property
    def permission(self) -> Permission:
        return _ROLES[self.value]

    @classmethod
    def names(cls) -> Iterable[str]:
        return _ROLES.keys()


_ROLES: dict[str, Permission] = {
    "None": Permission.NONE,
    "Guest": Permission.READ,
    "User": Permission.READ | Permission.EXECUTE,
    "Editor": Permission.READ | Permission.WRITE | Permission.EXECUTE,
    "Owner": Permission.ALL,
}
