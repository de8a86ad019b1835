"""Facts as SpiceDB's relationships: pure, and the same facts are always the same relationships.

Every relationship only ever adds something, but for two: that a user, and what a token has to say, is *listed* takes a
login name away from whoever else bears it. That is what makes an order of writing possible in which no moment
permits what neither the old facts nor the new ones do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from cartaguard.directories import spicedb_names as names
from cartaguard.directories.graph import Holders
from cartaguard.directories.local_store import Group, Stored, User
from cartaguard.directories.spicedb_names import YES, Object, Row, Subject
from cartaguard.directories.spicedb_rings import stars
from cartaguard.directories.spicedb_schema import OWNER, granted, near, of
from cartaguard.errors import DirectoryError
from cartaguard.model.names import Resource
from cartaguard.model.permission import ACTIONS, holds
from cartaguard.model.restriction import LEVELS

__all__ = ["DEEPEST", "UNRESTRICTED", "narrows", "rows_of"]

#: The level of a resource that is known and not restricted. Without any level it counts as unknown.
UNRESTRICTED = "unrestricted"

#: How many groups and resources one way may lead through: what SpiceDB follows within its depth of 50, and a margin.
DEEPEST = 40


def narrows(row: Row) -> bool:
    """Whether a relationship takes something away from somebody, and does not add anything."""
    return row.relation == "listed"


def rows_of(users: Iterable[User], groups: Iterable[Group], resources: Iterable[Stored]) -> dict[Row, None]:
    """The relationships that say these facts.

    :raises cartaguard.errors.DirectoryError: a name cannot be stored (code ``unstorable_name``), or groups or resources
        are nested deeper than SpiceDB follows them (code ``too_deep``).
    """
    rows: dict[Row, None] = {}
    rows.update(dict.fromkeys(_users(users)))
    inner: dict[Object, list[Object]] = {}
    for group in groups:
        rows.update(dict.fromkeys(_group(group)))
        inner[names.group(group.name)] = [names.group(name) for name in group.groups]
    through: dict[str, dict[Object, list[Object]]] = {word: defaultdict(list) for word in ACTIONS}
    for stored in resources:
        rows.update(dict.fromkeys(_record(stored)))
        rows.update(dict.fromkeys(_grants(stored.resource, stored.holders, through)))
    depth = _nested(rows, inner, "inner", "near")
    depth += max(_nested(rows, edges, of(word), near(word)) for word, edges in through.items())
    if depth > DEEPEST:
        raise DirectoryError(
            f"groups and resources are nested {depth} deep, and SpiceDB follows {DEEPEST} with certainty; nest them less",
            code="too_deep",
        )
    return rows


def _users(users: Iterable[User]) -> Iterator[Row]:
    logins: dict[Object, list[Object]] = {}
    for user in users:
        known = names.user(user.name)
        yield Row(known, "listed", YES)
        if user.username is not None:
            logins.setdefault(names.login(user.username, user.subject, user.issuer), []).append(known)
        for organization in sorted(user.organizations):
            yield Row(names.organization(organization), "member", Subject(known))
    for login, known_as in logins.items():
        yield Row(login, "listed", YES)
        if len(known_as) == 1:
            # Who could be two users is none of them.
            yield Row(login, "user", Subject(known_as[0]))


def _group(group: Group) -> Iterator[Row]:
    known = names.group(group.name)
    for relation, members in (("member", group.users), ("admin", group.admins)):
        for member in members:
            yield Row(known, relation, Subject(names.user(member)))


def _record(stored: Stored) -> Iterator[Row]:
    known, restriction = names.record(stored.resource), stored.restriction
    if restriction is None:
        yield Row(known, "level", Subject(names.level(UNRESTRICTED)))
        return
    # What is no level would be no restriction elsewhere: it is stored as one that admits nobody but those it names.
    word = restriction.level if restriction.level in LEVELS else "only_allowed_users"
    yield Row(known, "level", Subject(names.level(word)))
    for allowed in sorted(restriction.allowed_users):
        yield Row(known, "allowed", Subject(names.name(allowed)))
    if restriction.organization is not None:
        yield Row(known, "organization", Subject(names.organization(restriction.organization)))


def _grants(resource: Resource, holders: Holders, through: Mapping[str, dict[Object, list[Object]]]) -> Iterator[Row]:
    known = names.resource(resource)
    if holders.owner:
        yield Row(known, granted(OWNER), Subject(names.user(holders.owner)))
    held = [(Subject(names.user(name)), flags) for name, flags in holders.users.items()]
    held += [(Subject(names.group(name), "membership"), flags) for name, flags in holders.groups.items()]
    for subject, flags in held:
        for word in (OWNER,) if holds(flags, 32) else _words(flags):
            yield Row(known, granted(word), subject)
    for name, flags in holders.resources.items():
        for word in _words(flags):
            through[word][known].append(names.resource(Resource.parse(name)))


def _words(flags: int) -> tuple[str, ...]:
    return tuple(word for index, word in enumerate(ACTIONS) if holds(flags, 1 << index))


def _nested(rows: dict[Row, None], edges: Mapping[Object, Iterable[Object]], leads: str, beside: str) -> int:
    """Add what leads from each to others; how deep it goes."""
    found = stars(edges)
    for relation, pairs in ((leads, found.of), (beside, found.near)):
        rows.update((Row(here, relation, Subject(there)), None) for here, there in sorted(pairs))
    return found.depth
