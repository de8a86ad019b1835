"""Carta as a directory: who may do what is asked of its REST API.

By default everything is asked with the caller's own token, so that Carta itself decides what that caller may
see. With a service token one account asks about everybody, by login name. Carta knows no restrictions.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from cartaguard.carta.calls import permissions, users
from cartaguard.carta.endpoint import Endpoint
from cartaguard.carta.login import Token, TokenLogin, is_word
from cartaguard.carta.operation import Operation
from cartaguard.carta.paths import UnaskableError
from cartaguard.carta.perform import Login
from cartaguard.carta.reading import sound
from cartaguard.directories.base import Directory, in_doubt, nothing
from cartaguard.directories.caution import Caution
from cartaguard.drivers.effects import Steps, Together
from cartaguard.errors import CartaError, ConfigurationError, FactsUnavailable, TransportError, Unavailable
from cartaguard.http.exchange import HttpResponse
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
from cartaguard.model.names import Resource
from cartaguard.model.principal import Principal

__all__ = ["CartaDirectory"]

T = TypeVar("T")

#: The statuses that are about Carta as a whole, not about one question.
_OVERALL = frozenset({429, 502, 503, 504})

_log = logging.getLogger("cartaguard.directories.carta")


class CartaDirectory(Directory):
    """Facts from Carta's REST API.

    :param host: Carta's address: https, or http on this machine.
    :param credential: a service account's token, or a plain function that gives one (it may block). Without it
        each caller's own token is used, which the guard keeps in ``principal.credential``.
    :param groups: ``"claim"``: the token's groups are all there are, and nothing is asked; ``"user"``: Carta is asked.
    :param timeout: seconds for one call as a whole.
    :param http: an HTTP client of your own (httpx or httpx2; blocking or asynchronous, as the guard is used).
    :raises ConfigurationError: for another host, another ``groups``, or a credential that is no token.

    403 and 404 say that the caller holds nothing. Anything else that is no answer is a doubt:
    ``carta_unauthorized`` (401), ``carta_unavailable`` (no answer, 429, 5xx, or left alone after failures),
    ``carta_unexpected`` (another status, a redirect), ``carta_malformed``, ``no_credential`` and ``no_username``.
    """

    remote = True

    def __init__(
        self,
        host: str,
        *,
        credential: Token | None = None,
        groups: Literal["claim", "user"] = "claim",
        timeout: float = 10.0,
        http: Any = None,
    ) -> None:
        if groups not in ("claim", "user"):
            raise ConfigurationError(f'`groups` is "claim" or "user", not `{groups}`')
        self._carta = Endpoint(host, timeout, http)
        self._service: Login | None = None if credential is None else TokenLogin(credential)
        self._asks_groups = groups == "user"
        self._caution = Caution()

    def __repr__(self) -> str:
        return f"CartaDirectory({self._carta.host!r})"

    def groups(self, principal: Principal, wanted: frozenset[str] = frozenset()) -> Memberships | None:
        return None if self._asks_groups else Memberships(principal.groups)

    def restriction(self, principal: Principal, resource: Resource) -> Known | None:
        return Known()

    def fetch(self, needs: Sequence[Need]) -> Steps[Mapping[Need, Fact]]:
        facts: dict[Need, Fact] = {}
        questions: dict[Hashable, list[Need]] = {}
        for need in needs:
            match need:
                case _ if not need.principal.authenticated:
                    facts[need] = nothing(need)
                case RestrictionNeed():
                    facts[need] = Known()
                case GroupsNeed(principal) if not self._asks_groups:
                    facts[need] = Memberships(principal.groups)
                case GroupsNeed(principal) | OrganizationsNeed(principal):
                    # One answer tells both, so both are handed over.
                    questions.setdefault(principal, self._told_together(principal)).append(need)
                case PermissionNeed(principal, resource):
                    questions.setdefault((principal, resource), []).append(need)
                case ListingNeed(principal, type_):
                    questions.setdefault((principal, type_), []).append(need)
        plans = [self._sure(asked) for asked in questions.values()]
        if len(plans) == 1:
            facts.update((yield from plans[0]))
        elif plans:
            for found in (yield Together(plans)):
                facts.update(found)
        return facts

    def _told_together(self, principal: Principal) -> list[Need]:
        told: list[Need] = [OrganizationsNeed(principal)]
        return [GroupsNeed(principal), *told] if self._asks_groups else told

    def _sure(self, needs: list[Need]) -> Steps[Mapping[Need, Fact]]:
        """The facts that one answer tells, or else the doubt that kept us from it."""
        try:
            found = yield from self._question(needs[-1])
        except UnaskableError:
            return {need: nothing(need) for need in needs}
        except (Unavailable, CartaError) as fault:
            _log.warning("no answer from carta: %s (%s)", fault, fault.code)
            return {need: in_doubt(need, fault.code) for need in needs}
        return {need: found[type(need)] for need in needs}

    def _question(self, need: Need) -> Steps[dict[type, Fact]]:
        match need:
            case PermissionNeed(principal, resource):
                return {PermissionNeed: (yield from self._permission(principal, resource))}
            case ListingNeed(principal, type_):
                return {ListingNeed: (yield from self._listing(principal, type_))}
        groups, organizations = yield from self._user(need.principal)
        return {GroupsNeed: groups, OrganizationsNeed: organizations}

    def _user(self, principal: Principal) -> Steps[tuple[Memberships, Organizations]]:
        if self._service is None:
            own = yield from self._ask(users.current(), principal)
            found = [] if own is None else [own]
            if any(user.name != principal.username for user in found):
                raise CartaError("carta answered about another user than the token's", code="carta_malformed")
        else:
            name = _name(principal)
            found = [user for user in (yield from self._ask(users.search(name), principal)) or () if user.name == name]
            if len(found) > 1:
                raise CartaError("carta knows several users of one name", code="carta_malformed")
        groups = frozenset[str]().union(*(user.groups for user in found))
        organizations = frozenset(user.organization for user in found if user.organization)
        return Memberships(groups), Organizations(organizations)

    def _permission(self, principal: Principal, resource: Resource) -> Steps[Granted]:
        if self._service is None:
            item = yield from self._ask(permissions.get(resource.type, resource.id), principal)
            return Granted() if item is None else Granted(item.permission)
        held = yield from self._ask(permissions.held(resource.id, _name(principal)), principal)
        return Granted() if held is None else Granted(held)

    def _listing(self, principal: Principal, type: str) -> Steps[Listed]:
        asked = permissions.list_resources(type, user_id="" if self._service is None else principal.subject)
        # What is sound of a listing may be known, even where some of it is not.
        answer = yield from self._ask(asked.reading(sound(type)), principal)
        if answer is None:
            return Listed()
        items, all_sound = answer
        held = tuple((Resource(type, item.id), item.permission) for item in items if item.permission)
        return Listed(held, "" if all_sound else "carta_malformed")

    def _ask(self, operation: Operation[T], principal: Principal) -> Steps[T | None]:
        """What the answer says; nothing for 403 and 404, which say that there is nothing for the caller."""
        if self._service is None:
            authorization = f"Bearer {_own_token(principal)}"
        else:
            authorization = yield from self._service.authorization(self._carta)
        request = operation.request(self._carta, authorization)
        question = (request.url, principal.issuer, principal.subject)
        self._caution.check(question)
        try:
            response: HttpResponse = yield request
        except TransportError as fault:
            if fault.code == "too_large":
                self._caution.failed(question)
            else:
                self._caution.unreachable()
            raise FactsUnavailable(str(fault), code="carta_unavailable") from None
        status = response.status
        if status in _OVERALL:
            self._caution.unreachable()
        elif status >= 500:
            self._caution.failed(question)
        else:
            self._caution.answered(question)
        if status == 200:
            return operation.read(response)
        if status in (403, 404):
            return None
        code = "carta_unauthorized" if status == 401 else "carta_unavailable" if status == 429 or status >= 500 else "carta_unexpected"
        raise FactsUnavailable(f"`{request.url}` answered {status}", code=code)


def _own_token(principal: Principal) -> str:
    token = None if principal.credential is None else principal.credential.reveal()
    if token is None or not is_word(token):
        raise FactsUnavailable("the caller came without a token of their own", code="no_credential")
    return token


def _name(principal: Principal) -> str:
    if not principal.username.strip():
        raise FactsUnavailable("the caller has no login name to ask about", code="no_username")
    return principal.username
