"""The inventory: at start-up every route of an application must have said who may use it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cartaguard.errors import UndeclaredRoutes
from cartaguard.http.routes import Entry
from cartaguard.model.policy import Policy, covered

__all__ = ["require_declared", "undeclared"]


def undeclared(entries: Iterable[Entry], policy: Policy) -> list[Entry]:
    """The entries that have no requirement of their own and that no policy entry covers whole."""
    return [entry for entry in entries if entry.requirement is None and not covered(policy.entries, entry, entry.methods, entry.protocols)]


def require_declared(entries: Sequence[Entry], policy: Policy, *, how: str) -> None:
    """Refuse to start with undeclared routes.

    :param how: what to write on a route, in the framework's own terms.
    :raises cartaguard.errors.UndeclaredRoutes: lists every one of them.
    """
    missing = undeclared(entries, policy)
    if missing:
        names = tuple(f"{','.join(sorted(entry.methods)) if entry.methods else '*'} {entry.path}" for entry in missing)
        listed = "; ".join(f"`{name}`" for name in names)
        raise UndeclaredRoutes(
            f"{len(names)} route{'s have' if len(names) > 1 else ' has'} no requirement: {listed}. Say who may use each: {how}, "
            "or an entry in the guard's policy",
            routes=names,
        )
