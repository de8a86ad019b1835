"""Restriction: who may see a restricted data set, beyond permissions (data portals' `restricted` field)."""

from __future__ import annotations

from collections.abc import Iterable

from cartaguard.errors import DirectoryError
from cartaguard.model.value import Value, fill

__all__ = ["LEVELS", "STRICTEST", "Restriction"]

LEVELS: tuple[str, ...] = ("public", "registered", "only_allowed_users", "any_organization", "same_organization")


class Restriction(Value):
    """A level and the users who are listed by name.

    ``public``: everybody. ``registered``: every authenticated caller. ``only_allowed_users``: the listed.
    ``any_organization``: members of any organization, and the listed. ``same_organization``: members of the
    resource's organization, and the listed.
    """

    __slots__ = __match_args__ = ("level", "allowed_users", "organization")

    level: str
    allowed_users: frozenset[str]
    organization: str | None

    def __init__(self, level: str, allowed_users: frozenset[str] = frozenset(), organization: str | None = None) -> None:
        fill(self, "level", level)
        fill(self, "allowed_users", allowed_users)
        fill(self, "organization", organization)

    @classmethod
    def read(cls, value: object, *, organization: str | None = None, strict: bool = True) -> Restriction:
        """Read a table, or JSON text of one, with ``level`` and ``allowed_users`` (text or a list).

        Names are trimmed. With ``strict`` a malformed restriction raises
        :class:`~cartaguard.errors.DirectoryError`; otherwise it is :data:`STRICTEST`, never public.
        """
        try:
            return cls._read(value, organization)
        except DirectoryError:
            if strict:
                raise
            return STRICTEST

    @classmethod
    def _read(cls, value: object, organization: str | None) -> Restriction:
        if isinstance(value, str):
            from cartaguard.model.jsontext import read_json

            try:
                value = read_json(value)
            except (ValueError, RecursionError):
                raise DirectoryError("a restriction is text that is no JSON", code="malformed_restriction") from None
        if not isinstance(value, dict):
            raise DirectoryError("a restriction is a table with `level`", code="malformed_restriction")
        unknown = sorted(set(value) - {"level", "allowed_users"}, key=str)
        if unknown:
            raise DirectoryError(f"a restriction has no key `{unknown[0]}`", code="malformed_restriction")
        level = value.get("level")
        if level not in LEVELS:
            raise DirectoryError(f"`{level}` is not a restriction level; use one of {', '.join(LEVELS)}", code="malformed_restriction")
        names = value.get("allowed_users", "")
        if isinstance(names, str):
            names = names.split(",")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DirectoryError("`allowed_users` is a list of names or comma-separated text", code="malformed_restriction")
        return cls(level, frozenset(stripped for name in names if (stripped := name.strip())), organization)

    def admits(self, *, authenticated: bool, names: Iterable[str], organizations: frozenset[str]) -> bool:
        """Whether a caller passes, who is known under these names and belongs to these organizations."""
        level = self.level
        if level == "public":
            return True
        if not authenticated:
            return False
        if level == "registered":
            return True
        if level in ("only_allowed_users", "any_organization", "same_organization"):
            if not self.allowed_users.isdisjoint(names):
                return True
            if level == "any_organization":
                return bool(organizations)
            if level == "same_organization":
                return self.organization is not None and self.organization in organizations
        return False

    @property
    def needs_organizations(self) -> bool:
        return self.level in ("any_organization", "same_organization")


#: What a malformed restriction becomes: nobody but an allowed user passes, and nobody is allowed.
STRICTEST = Restriction("only_allowed_users")
