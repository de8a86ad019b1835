"""Carta as a directory: who may do what is asked of its REST API.

By default everything is asked with the caller's own token, so that Carta itself decides what that caller may
see. With a service account one login asks about everybody. Carta knows no restrictions.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from cartaguard.carta.endpoint import Endpoint
from cartaguard.carta.login import Token
from cartaguard.carta.perform import Login
from cartaguard.directories.base import Aged, Directory, in_doubt, nothing
from cartaguard.directories.carta_accounts import Accounts
from cartaguard.directories.carta_ages import Ages
from cartaguard.directories.carta_asking import Asking, service_login
from cartaguard.directories.carta_generations import GENERATIONS, Generation
from cartaguard.directories.carta_names import Names, details
from cartaguard.drivers.effects import Steps, Together
from cartaguard.errors import ConfigurationError
from cartaguard.model.facts import (
    Fact,
    Granted,
    GroupsNeed,
    Known,
    Listed,
    ListingNeed,
    Memberships,
    Need,
    Organizations,
    OrganizationsNeed,
    PermissionNeed,
    RestrictionNeed,
)
from cartaguard.model.freshness import Freshness
from cartaguard.model.health import Condition
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Principal

__all__ = ["CartaDirectory"]

#: From this many resources of one type on, v2's listing is asked: one larger answer in place of two small ones for each.
WORTH_A_LISTING = 3

#: Doubts about a listing that need not be doubts about each resource: it is too long, say, or one entry is malformed.
_OF_A_LISTING = frozenset({"carta_unavailable", "carta_malformed", "carta_unexpected"})

_Facts: TypeAlias = dict[Need, Fact]


class CartaDirectory(Directory):
    """Facts from Carta's REST API.

    :param host: Carta's address: https, or http on this machine.
    :param credential: a service account: its token, a plain function that gives one (it may block), or a login such as
        :class:`cartaguard.carta.PasswordLogin`, which is renewed where Carta takes it no more. Without it each
        caller's own token is used, which the guard keeps in ``principal.credential``.
    :param api_token: a service account's API token instead: text, or a plain function that gives it.
    :param api: ``"v1"`` or ``"v2"``: which generation of the API is asked about permissions. v1 knows no owners, so
        that ``permission("owner", …)`` holds through v2 only; v2 knows no ``clone`` but an owner's.
    :param groups: ``"claim"``: the token's groups are all there are, and nothing is asked; ``"user"``: those in the
        caller's account; ``"members"``: whether the lists of members of those groups that a requirement names have the
        caller (it takes a service account, and where no group is named the account is asked).
    :param issuer: whose callers this Carta knows (a token's ``iss``). Of others nothing is asked, nor is their token
        sent here: they hold nothing. A guard that trusts several issuers needs it.
    :param timeout: seconds for one call as a whole.
    :param http: an HTTP client of your own (httpx or httpx2; blocking or asynchronous, as the guard is used).
    :raises ConfigurationError: for another host, another word, or a credential that is none or one too many.

    403 and 404 say that the caller holds nothing. Anything else that is no answer is a doubt:
    ``carta_unauthorized`` (401), ``carta_unavailable`` (no answer, 429, 5xx, or left alone after failures),
    ``carta_unexpected`` (another status, a redirect), ``carta_malformed``, ``no_credential``, ``no_username``, and the
    codes of :class:`~cartaguard.errors.LoginError`.
    """

    remote = True

    def __init__(
        self,
        host: str,
        *,
        credential: Token | Login | None = None,
        api_token: Token | None = None,
        api: Literal["v1", "v2"] = "v1",
        groups: Literal["claim", "user", "members"] = "claim",
        issuer: str | None = None,
        timeout: float = 10.0,
        http: Any = None,
    ) -> None:
        service = service_login(credential, api_token)
        if groups not in ("claim", "user", "members"):
            raise ConfigurationError(f'`groups` is "claim", "user" or "members", not `{groups}`')
        if groups == "members" and service is None:
            raise ConfigurationError('`groups="members"` reads lists of members; give a service account with `credential` or `api_token`')
        if api not in GENERATIONS:
            raise ConfigurationError(f'`api` is "v1" or "v2", not `{api}`')
        if issuer is not None and not (isinstance(issuer, str) and issuer.strip()):
            raise ConfigurationError("`issuer` is the text of a token's `iss`, or left out")
        self._asking = Asking(Endpoint(host, timeout, http), service)
        self._names = Names(self._asking)
        self._accounts = Accounts(self._asking)
        self._generation: Generation = GENERATIONS[api](self._asking)
        self._groups = groups
        self._issuer = issuer
        self.partial_groups = groups == "members"
        asks = "caller" if service is None else "service"
        self.identity = f"carta {self._asking.carta.host} {api} {groups} {asks} {issuer or ''}"

    @property
    def source(self) -> str:
        return self._asking.carta.host

    def __repr__(self) -> str:
        return f"CartaDirectory({self._asking.carta.host!r})"

    # -- at hand -----------------------------------------------------------------------------------------

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset(), fresh: Freshness | None = None) -> Memberships | None:
        if not self._knows(principal):
            return Memberships()
        return Memberships(principal.groups) if self._groups == "claim" else None

    def permission(self, principal: Principal, resource: Resource, flag: int = 0, fresh: Freshness | None = None) -> Granted | None:
        return None if self._knows(principal) else Granted()

    def organizations(self, principal: Principal, fresh: Freshness | None = None) -> Organizations | None:
        return None if self._knows(principal) else Organizations()

    def restriction(self, principal: Principal, resource: Resource, fresh: Freshness | None = None) -> Known | None:
        return Known()

    def listing(self, principal: Principal, type: str) -> Listed | None:
        return None if self._knows(principal) else Listed()

    def _knows(self, principal: Principal) -> bool:
        """Whether a caller may be asked about here."""
        return principal.authenticated and self._issuer in (None, principal.issuer)

    # -- fetching ----------------------------------------------------------------------------------------

    def fetch(self, needs: Sequence[Need]) -> Steps[Mapping[Need, Fact]]:
        facts: _Facts = {}
        people: dict[Hashable, list[Need]] = {}
        types: dict[tuple[Principal, str], _Asked] = {}
        ages = Ages(needs)
        for need in needs:
            if isinstance(need, RestrictionNeed):
                facts[need] = Known()
            elif not self._knows(need.principal):
                facts[need] = nothing(need)
            elif isinstance(need, PermissionNeed):
                asked = types.setdefault((need.principal, need.resource.type), _Asked(ages))
                asked.resources.setdefault(need.resource, []).append(need)
            elif isinstance(need, ListingNeed):
                types.setdefault((need.principal, need.type), _Asked(ages)).listed = True
            elif isinstance(need, GroupsNeed) and self._groups == "claim":
                facts[need] = Memberships(need.principal.groups)
            elif isinstance(need, GroupsNeed) and need.wanted and self.partial_groups:
                people.setdefault((need.principal, need.wanted), []).append(need)
            else:
                # One answer tells groups and organizations, so both are handed over.
                people.setdefault(need.principal, self._told_together(need.principal)).append(need)
        plans = [self._on_people(asked_for, ages) for asked_for in people.values()]
        for (principal, type_), asked in types.items():
            plans += self._on_type(principal, type_, asked)
        if len(plans) == 1:
            facts.update((yield from plans[0]))
        elif plans:
            for found in (yield Together(plans)):
                facts.update(found)
        return Aged(facts, ages.oldest)

    def _told_together(self, principal: Principal) -> list[Need]:
        told: list[Need] = [OrganizationsNeed(principal)]
        return told if self._groups == "claim" else [GroupsNeed(principal), *told]

    def _on_people(self, needs: list[Need], ages: Ages) -> Steps[_Facts]:
        """Groups, or groups and organizations, of one caller."""
        match needs[-1]:
            case GroupsNeed(principal, wanted) if wanted and self.partial_groups:
                found = yield from self._accounts.among(principal, wanted - principal.groups, ages)
                return dict.fromkeys(needs, Memberships(found.groups | (wanted & principal.groups), found.doubt))
        told, doubt = yield from self._asking.attempt(self._accounts.of(needs[-1].principal), None)
        if told is None:
            return {need: in_doubt(need, doubt) for need in needs}
        groups, organizations = told
        return {need: groups if isinstance(need, GroupsNeed) else organizations for need in needs}

    def _on_type(self, principal: Principal, type: str, asked: _Asked) -> list[Steps[_Facts]]:
        """Resources of one type, and which there are."""
        if self._generation.lists_all and (asked.listed or len(asked.resources) >= WORTH_A_LISTING):
            return [self._from_listing(principal, type, asked)]
        plans = [self._one(needs, self._held(principal, resource, asked.ages)) for resource, needs in asked.resources.items()]
        return [*plans, self._from_listing(principal, type, _Asked(asked.ages))] if asked.listed else plans

    def _one(self, needs: list[Need], steps: Steps[Permission]) -> Steps[_Facts]:
        permission, doubt = yield from self._asking.attempt(steps, Permission.NONE)
        return dict.fromkeys(needs, Granted(permission, doubt))

    def _held(
        self, principal: Principal, resource: Resource, ages: Ages, listed: Mapping[Resource, Permission] | None = None
    ) -> Steps[Permission]:
        found = yield from self._names.resolve(principal, resource, ages)
        if found is None:
            return Permission.NONE
        if listed is not None:
            return listed.get(found, Permission.NONE)
        return (yield from self._generation.permission(principal, found))

    def _from_listing(self, principal: Principal, type: str, asked: _Asked) -> Steps[_Facts]:
        """A listing, and with it what is held on each resource; where it fails, they are asked about one by one."""
        answer, doubt = yield from self._asking.attempt(self._generation.listing(principal, type), None)
        known = Listed(doubt=doubt) if answer is None else answer
        facts: _Facts = {ListingNeed(principal, type): known}
        if doubt and doubt not in _OF_A_LISTING:
            return facts | {need: in_doubt(need, doubt) for needs in asked.resources.values() for need in needs}
        listed = None if answer is None or answer.doubt else dict(answer.resources)
        plans = []
        for resource, needs in asked.resources.items():
            if listed is None or details(resource) is not None:
                plans.append(self._one(needs, self._held(principal, resource, asked.ages, listed)))
            else:
                facts |= dict.fromkeys(needs, Granted(listed.get(resource, Permission.NONE)))
        if plans:
            for found in (yield Together(plans)):
                facts |= found
        return facts

    # -- the rest ----------------------------------------------------------------------------------------

    def invalidate(self, *, principal: Principal | None = None, group: str | None = None, resource: Resource | None = None) -> None:
        self._names.forget()
        self._accounts.forget()

    def health(self) -> Sequence[Condition]:
        return (self._asking.health(),)

    def probe(self) -> Steps[None]:
        yield from self._asking.probe()

    def qualify(self) -> None:
        if self._issuer is None:
            raise ConfigurationError(
                f"`{self!r}` does not say whose callers it knows, and this guard trusts several issuers; add `issuer=`",
                code="unqualified_directory",
            )


class _Asked:
    """What is asked about the resources of one type: which there are, and what is held on some of them.

    :param ages: those of the answer that it goes into.
    """

    def __init__(self, ages: Ages) -> None:
        self.ages = ages
        self.listed = False
        self.resources: dict[Resource, list[Need]] = {}
