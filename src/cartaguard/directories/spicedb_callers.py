"""Which listed user a caller is, as SpiceDB knows it: the rules of :func:`~cartaguard.directories.local_caller.recognise`."""

from __future__ import annotations

from typing import NamedTuple

from cartaguard.directories import spicedb_names as names
from cartaguard.directories.spicedb_calls import Check, Seen, SpiceDB
from cartaguard.directories.spicedb_names import YES, Object, Subject
from cartaguard.drivers.effects import Steps
from cartaguard.errors import DirectoryError, FactsUnavailable
from cartaguard.model.principal import Principal

__all__ = ["Caller", "recognise"]


class Caller(NamedTuple):
    """A caller: the user it is, if any, whether that user is listed, and at which moment that was so.

    ``subjects`` are the user and each group that the token says: whoever of them holds something, the caller holds it.
    """

    user: Object | None
    listed: bool
    subjects: tuple[Subject, ...]
    seen: Seen


def recognise(spicedb: SpiceDB, principal: Principal, seen: Seen, *, qualified: bool, deadline: float) -> Steps[Caller]:
    """Find out who a principal is. Whatever is asked next about it has to be of the same moment: ``seen`` of the answer.

    Old memberships and new grants together might permit what never was.

    :param qualified: several issuers are trusted, so that a bare login name says nothing.
    :raises cartaguard.errors.FactsUnavailable: there is no usable answer.
    """
    question = ("caller", principal.issuer, principal.subject)
    groups = tuple(Subject(known, "direct") for group in sorted(principal.groups) if (known := _group(group)) is not None)
    logins = _logins(principal, qualified)
    name = _user(principal.username)
    checks = [Check(login, "listed", YES) for login in logins]
    if name is not None:
        checks.append(Check(name, "listed", YES))
    if not checks:
        # A name that cannot be stored is nobody's here.
        return Caller(None, False, groups, seen)
    checked = yield from spicedb.check(checks, seen, question, deadline)
    for answer in checked.answers:
        if isinstance(answer, str):
            raise FactsUnavailable("spicedb does not tell who a caller is", code=answer)
    seen = Seen(checked.token, exactly=True)
    user: Object | None = None
    listed = False
    chosen = next((login for login, answer in zip(logins, checked.answers, strict=False) if answer), None)
    if chosen is not None:
        rows = yield from spicedb.read("login", seen, question, deadline, id=chosen.id, relation="user")
        if len(rows) == 1:
            user, listed = rows[0].subject.object, True
    elif name is not None and not checked.answers[-1] and not qualified:
        user = name
    own = () if user is None else (Subject(user),)
    return Caller(user, listed, own + groups, seen)


def _logins(principal: Principal, qualified: bool) -> list[Object]:
    """What a token may say for its caller to be somebody, from what says most on. A subject says more than an issuer."""
    found = []
    for subject in (principal.subject, None):
        for issuer in (principal.issuer,) if qualified else (principal.issuer, None):
            try:
                found.append(names.login(principal.username, subject, issuer))
            except DirectoryError:
                # What cannot be stored is nobody's.
                continue
    return found


def _user(name: str) -> Object | None:
    try:
        return names.user(name)
    except DirectoryError:
        return None


def _group(name: str) -> Object | None:
    try:
        return names.group(name)
    except DirectoryError:
        return None
