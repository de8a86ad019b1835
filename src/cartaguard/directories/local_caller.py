"""Which listed user a caller is, and which groups and organizations that brings."""

from __future__ import annotations

from typing import NamedTuple

from cartaguard.directories.graph import closure
from cartaguard.directories.local_store import User, View
from cartaguard.model.principal import Principal

__all__ = ["Caller", "recognise"]


class Caller(NamedTuple):
    """A principal as a local directory knows it.

    ``user`` is the name that facts are compared with, ``None`` when no name is the caller's; ``listed`` says
    whether it stands in the list of users.
    """

    user: str | None = None
    groups: frozenset[str] = frozenset()
    organizations: frozenset[str] = frozenset()
    listed: bool = False


_ANONYMOUS = Caller()


def recognise(view: View, principal: Principal, *, qualified: bool) -> Caller:
    """Find out who a principal is.

    A listed user has the caller's login name, and its subject and issuer where it is pinned to them. Who is
    not listed goes by the token's login name, unless that is the name of a listed user who is somebody else.

    :param qualified: several issuers are trusted, so that a bare login name says nothing.
    """
    if not principal.authenticated:
        return _ANONYMOUS
    listed = _listed(view, principal, qualified)
    if listed is not None:
        user: str | None = listed.name
    elif qualified or not principal.username or view.user(principal.username) is not None:
        user = None
    else:
        user = principal.username
    groups = principal.groups if user is None else principal.groups.union(view.groups_of(user))
    organizations = frozenset[str]() if listed is None else listed.organizations
    return Caller(user, closure(groups, view.parents), organizations, listed is not None)


def _listed(view: View, principal: Principal, qualified: bool) -> User | None:
    """The listed user that says most about the caller; none if two say the same."""
    best: list[User] = []
    pinned = -1
    for user in view.users_named(principal.username):
        issuers = (principal.issuer,) if qualified else (None, principal.issuer)
        if user.subject not in (None, principal.subject) or user.issuer not in issuers:
            continue
        pins = 2 * (user.subject is not None) + (user.issuer is not None)
        if pins > pinned:
            best, pinned = [user], pins
        elif pins == pinned:
            best.append(user)
    return best[0] if len(best) == 1 else None
