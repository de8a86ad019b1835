"""Permissions are explicit flags."""

from __future__ import annotations

from enum import IntFlag

from cartaguard.errors import RequirementError

__all__ = ["ACTIONS", "Permission", "action_flag", "holds"]


class Permission(IntFlag):
    """What somebody may do with a resource.

    ``OWNER`` implies every other flag; ``ADMIN`` implies none of the data permissions (who holds it may
    grant and revoke). ``"read" in permission``, ``permission.read`` and ``Permission.READ in permission``
    ask the same.
    """

    NONE = 0
    READ = 1
    WRITE = 2
    EXECUTE = 4
    CLONE = 8
    ADMIN = 16
    OWNER = 32
    ALL = 63

    @classmethod
    def of(cls, *words: str) -> Permission:
        """The permission with these words (``read``, ``write``, …); ``owner`` brings all.

        Raises :class:`~cartaguard.errors.RequirementError` for a word that is none.
        """
        flags = 0
        for word in words:
            flags |= action_flag(word)
        return cls(flags).effective

    @classmethod
    def parse(cls, text: str) -> Permission:
        """Read Carta's comma-separated text (``Read, Write``), ignoring case, spacing and unknown words.

        An unknown word grants nothing (protocol note on Carta: clients drop it).
        """
        flags = 0
        for word in text.split(","):
            flags |= _FLAGS.get(word.strip().lower(), 0)
        return cls(flags).effective

    @property
    def effective(self) -> Permission:
        """The same with what it implies: an owner holds every flag."""
        return Permission.ALL if self & 32 else self

    @property
    def words(self) -> tuple[str, ...]:
        """The names of the flags, in the order read, write, execute, clone, admin, owner."""
        return tuple(word for word, flag in _FLAGS.items() if self & flag)

    @property
    def read(self) -> bool:
        return bool(self & 33)

    @property
    def write(self) -> bool:
        return bool(self & 34)

    @property
    def execute(self) -> bool:
        return bool(self & 36)

    @property
    def clone(self) -> bool:
        return bool(self & 40)

    @property
    def admin(self) -> bool:
        return bool(self & 48)

    @property
    def owner(self) -> bool:
        return bool(self & 32)

    def __contains__(self, other: object) -> bool:
        if isinstance(other, str):
            flag = _FLAGS.get(other, 0)
        elif isinstance(other, int):
            flag = int(other)
        else:
            return False
        # Nothing is "in" a permission vacuously: an unknown word, or the empty flag, is not held.
        return flag != 0 and int(self.effective) & flag == flag

    def __str__(self) -> str:
        return ", ".join(self.words) or "none"


_FLAGS: dict[str, int] = {"read": 1, "write": 2, "execute": 4, "clone": 8, "admin": 16, "owner": 32}

#: The words that a requirement may name.
ACTIONS: tuple[str, ...] = tuple(_FLAGS)


def action_flag(word: str) -> int:
    """The flag of one permission word, exactly as written.

    Raises :class:`~cartaguard.errors.RequirementError` when there is no such permission.
    """
    flag = _FLAGS.get(word) if isinstance(word, str) else None
    if flag is None:
        raise RequirementError(f"`{word}` is not a permission; use one of {', '.join(_FLAGS)}", code="unknown_permission")
    return flag


def holds(permission: int, flag: int) -> bool:
    """Whether a permission has a flag; an owner has every one. (An IntFlag's own ``&`` would build an object.)"""
    return int.__and__(permission, flag | 32) != 0
