"""Who may change the facts of a local directory: the same rules as Carta's.

Whoever holds admin on a resource grants and revokes on it. Its owner is safe from them: ownership is exactly
one, it is not granted, and the owner's rights are neither lowered nor removed. Secrets are never shared. A
group is changed by the users it lists as ``admins``. The deployer's own code, :data:`DEPLOYER`, needs no
right, but the owner and secrets are safe from it too.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, TypeAlias

from cartaguard.directories.graph import SECRET, Grantee, Holders, permission_on
from cartaguard.directories.local_caller import Caller, recognise
from cartaguard.directories.local_store import Draft, Stored, User
from cartaguard.errors import DirectoryError, NotAuthorized
from cartaguard.model.decision import Decision, Outcome
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Principal
from cartaguard.model.requirement import Requirement, authenticated, permission

__all__ = ["DEPLOYER", "Author", "Writer"]


class _Deployer(Enum):
    DEPLOYER = "the deployer"


#: The author of writes that no caller asked for: set-up code, a command line. Never the default.
DEPLOYER: Final = _Deployer.DEPLOYER

Author: TypeAlias = Principal | Literal[_Deployer.DEPLOYER]

_OWNER = int(Permission.OWNER)


class Writer:
    """Writes by one author, within one transaction.

    :raises cartaguard.errors.NotAuthorized: the author is nobody who was verified.
    """

    def __init__(self, view: Draft, by: Author, *, qualified: bool) -> None:
        self._view = view
        self._author = by
        self._caller = Caller()
        if by is not DEPLOYER:
            if not isinstance(by, Principal) or not by.authenticated:
                raise _refused("unauthenticated", "only a verified caller writes", authenticated)
            self._caller = recognise(view, by, qualified=qualified)

    def grant(self, to: Grantee, on: Resource, flags: int) -> None:
        """Set what is granted to a grantee; no flags take the grant away."""
        holders = self._administered(on)
        if on.type == SECRET and flags:
            raise _refused("secret_not_shared", f"`{on}` is a secret, and secrets are never shared", on=on)
        if holders.owns(to):
            if flags & _OWNER:
                return
            raise _refused("owner_is_safe", f"`{to}` owns `{on}`; an owner is neither downgraded nor removed", on=on)
        if flags & _OWNER:
            raise _refused("one_owner", f"`{on}` has exactly one owner, and ownership is not granted", on=on)
        if flags and to.kind == "resource" and self._view.holders(Resource.parse(to.name)) is None:
            # Whoever made it later would get what was granted to it.
            raise DirectoryError(f"`{to.name}` is not known; create the resource before granting to it", code="unknown_resource")
        self._view.put_grant(on, to, flags)

    def member(self, group: str, member: Grantee, *, present: bool) -> None:
        """Add or remove a member of a group."""
        if self._author is not DEPLOYER and (self._caller.user is None or self._caller.user not in self._view.admins(group)):
            raise _refused("not_group_admin", f"only the users whom `{group}` lists as `admins` change it")
        self._view.put_member(group, member, present=present)

    def create(self, stored: Stored) -> None:
        """Add a resource, owned by the author."""
        resource, caller = stored.resource, self._caller
        if self._view.holders(resource) is not None:
            raise DirectoryError(f"`{resource}` exists already", code="duplicate")
        if isinstance(self._author, Principal):
            if caller.user is None:
                raise _refused("not_listed_user", f"`{self._author.username}` is listed as somebody else, or not at all")
            if any(self._view.granted_to(Grantee.of(resource))):
                raise _refused("reserved_resource", f"something is granted to `{resource}` already, so only the deployer creates it")
            if not caller.listed:
                # From now on the name owns something, so it is kept for this very caller.
                self._view.put_user(User(caller.user, caller.user, self._author.subject, self._author.issuer or None))
            stored = stored._replace(holders=Holders(owner=caller.user))
        self._view.put_resource(stored)

    def _administered(self, resource: Resource) -> Holders:
        holders = self._view.holders(resource)
        if self._author is not DEPLOYER:
            held = permission_on(self._view, self._caller.user, self._caller.groups, resource)
            if holders is None or not held.admin:
                raise _refused("lacks_permission", "only an owner or admin grants and revokes", permission("admin", resource), resource)
        if holders is None:
            raise DirectoryError(f"`{resource}` is not known; create it first", code="unknown_resource")
        return holders


def _refused(reason: str, detail: str, requirement: Requirement | None = None, on: Resource | None = None) -> NotAuthorized:
    return NotAuthorized(decision=Decision(Outcome.DENY, reason, requirement=requirement, resource=on, detail=detail))
