"""The decision: a pure function from requirement, principal, parameters and facts to a verdict or to needs.

Three values. ``any_of`` is Permit if one part permits, else Indeterminate if one is; ``all_of`` is Deny if
one part denies, else Indeterminate if one is. A part whose facts are not at hand names its needs; they are
asked for only when the other parts do not settle the matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from cartaguard.errors import RequirementError
from cartaguard.model.decision import Decision, Outcome
from cartaguard.model.facts import (
    Facts,
    GroupsNeed,
    Need,
    OrganizationsNeed,
    PermissionNeed,
    RestrictionNeed,
)
from cartaguard.model.freshness import Freshness
from cartaguard.model.names import Resource
from cartaguard.model.permission import holds
from cartaguard.model.principal import Principal
from cartaguard.model.requirement import (
    AllOf,
    AnyOf,
    Authenticated,
    Claim,
    Denied,
    HasPermission,
    HasScopes,
    InGroups,
    IsUser,
    Public,
    Requirement,
    Unrestricted,
)
from cartaguard.model.restriction import Restriction

__all__ = ["STALE", "Needs", "decide"]

#: The detail of a permit that rests on a stale fact.
STALE = "by what was known before its source stopped answering"

Params: TypeAlias = Mapping[str, Any]
Needs: TypeAlias = tuple[Need, ...]
Rule: TypeAlias = Callable[[Any, Principal, Params, Facts], "Decision | Needs"]


def decide(requirement: Requirement, principal: Principal, params: Params, facts: Facts) -> Decision | Needs:
    """Decide, or say which facts are missing.

    :param params: the values for the templates of the requirement, by name.
    :param facts: answers what is at hand and ``None`` for what is not; never does I/O.
    :return: a Decision, or the needs (at least one) without which there is none.
    :raises cartaguard.errors.ParameterError: a template lacks its parameter.
    """
    return _RULES[type(requirement)](requirement, principal, params, facts)


def _public(requirement: Public, principal: Principal, params: Params, facts: Facts) -> Decision:
    return requirement.permit


def _denied(requirement: Denied, principal: Principal, params: Params, facts: Facts) -> Decision:
    return requirement.refuse if principal.authenticated else requirement.unauthenticated


def _authenticated(requirement: Authenticated, principal: Principal, params: Params, facts: Facts) -> Decision:
    return requirement.permit if principal.authenticated else requirement.unauthenticated


def _users(requirement: IsUser, principal: Principal, params: Params, facts: Facts) -> Decision:
    if not principal.authenticated:
        return requirement.unauthenticated
    if requirement.issuer is not None and requirement.issuer != principal.issuer:
        return requirement.refuse
    return requirement.refuse if requirement.wanted.isdisjoint(_names(principal)) else requirement.permit


def _groups(requirement: InGroups, principal: Principal, params: Params, facts: Facts) -> Decision | Needs:
    if not principal.authenticated:
        return requirement.unauthenticated
    wanted = requirement.wanted
    if not wanted.isdisjoint(principal.groups):
        return requirement.permit
    known = facts.groups(principal, wanted, requirement.fresh)
    if known is None:
        return (GroupsNeed(principal, wanted, requirement.fresh),)
    if not wanted.isdisjoint(known.groups):
        return _stale(requirement) if known.stale else requirement.permit
    return _unknown(requirement, known.doubt) if known.doubt else requirement.refuse


def _scopes(requirement: HasScopes, principal: Principal, params: Params, facts: Facts) -> Decision:
    if not principal.authenticated:
        return requirement.unauthenticated
    return requirement.permit if requirement.wanted <= principal.scopes else requirement.refuse


def _claim(requirement: Claim, principal: Principal, params: Params, facts: Facts) -> Decision:
    if not principal.authenticated:
        return requirement.unauthenticated
    stated = principal.claims.get(requirement.name)
    for value in stated if isinstance(stated, (list, tuple)) else (stated,):
        for accepted in requirement.values:
            # True == 1 and 1 == 1.0 in Python; a claim of another type is another claim.
            if type(value) is type(accepted) and value == accepted:
                return requirement.permit
    return requirement.refuse


def _permission(requirement: HasPermission, principal: Principal, params: Params, facts: Facts) -> Decision | Needs:
    if not principal.authenticated:
        return requirement.unauthenticated
    resource = requirement.on.fixed or requirement.on.fill(params)
    if resource is None:
        return _ambiguous(requirement)
    granted = facts.permission(principal, resource, requirement.flag, requirement.fresh)
    if granted is None:
        return (PermissionNeed(principal, resource, requirement.flag, requirement.fresh),)
    if holds(granted.permission, requirement.flag):
        return _stale(requirement) if granted.stale else requirement.permit
    if granted.doubt:
        return _unknown(requirement, granted.doubt, resource)
    return Decision(Outcome.DENY, requirement.refuses, requirement=requirement, resource=resource, concealed=requirement.conceal)


def _restricted(requirement: Unrestricted, principal: Principal, params: Params, facts: Facts) -> Decision | Needs:
    resource = requirement.on.fixed or requirement.on.fill(params)
    if resource is None:
        return _ambiguous(requirement)
    known = facts.restriction(principal, resource, requirement.fresh)
    if known is None:
        return (RestrictionNeed(principal, resource, requirement.fresh),)
    # A source that did not answer may know the resource, or hold one more restriction: it never permits.
    doubt = known.doubt
    needs: Needs = ()
    stale = known.stale
    refused = "" if known.known or doubt else "unknown_resource"
    for restriction in known.restrictions:
        one = _passes(restriction, principal, facts, requirement.fresh)
        if one is False:
            refused = requirement.refuses
        elif isinstance(one, tuple):
            needs = one
        elif isinstance(one, str):
            doubt = one
        elif one is None:
            stale = True
    if refused:
        return Decision(
            Outcome.DENY,
            refused if principal.authenticated else "unauthenticated",
            requirement=requirement,
            resource=resource,
            concealed=requirement.conceal,
        )
    if doubt:
        return _unknown(requirement, doubt, resource)
    return needs or (_stale(requirement) if stale else requirement.permit)


def _passes(restriction: Restriction, principal: Principal, facts: Facts, fresh: Freshness | None) -> bool | str | Needs | None:
    """Whether one restriction admits the principal.

    A text is a doubt, a tuple what has to be known first, ``None``: it does, by a stale fact.
    """
    # Where several issuers are trusted a bare name does not say whose it is, and so lists nobody.
    names = _names(principal) if principal.authenticated and not facts.qualified else ()
    if restriction.admits(authenticated=principal.authenticated, names=names, organizations=frozenset()):
        return True
    if not (principal.authenticated and restriction.needs_organizations):
        return False
    organizations = facts.organizations(principal, fresh)
    if organizations is None:
        return (OrganizationsNeed(principal, fresh),)
    if restriction.admits(authenticated=True, names=names, organizations=organizations.names):
        return None if organizations.stale else True
    return organizations.doubt or False


def _any(requirement: AnyOf, principal: Principal, params: Params, facts: Facts) -> Decision | Needs:
    needs: Needs = ()
    seen: list[Decision] = []
    for part in requirement.parts:
        answer = _RULES[type(part)](part, principal, params, facts)
        if isinstance(answer, tuple):
            needs += answer
        elif answer.permitted:
            return answer
        else:
            seen.append(answer)
    if needs:
        return needs
    outcome, reason = Outcome.DENY, requirement.refuses
    if any(part.outcome is Outcome.INDETERMINATE for part in seen):
        outcome, reason = Outcome.INDETERMINATE, _UNAVAILABLE
    elif len({part.reason for part in seen}) == 1:
        reason = seen[0].reason
    return Decision(
        outcome,
        reason,
        requirement=requirement,
        parts=tuple(seen),
        concealed=any(part.concealed for part in seen),
    )


def _all(requirement: AllOf, principal: Principal, params: Params, facts: Facts) -> Decision | Needs:
    needs: Needs = ()
    unknown: Decision | None = None
    hide = False
    for part in requirement.parts:
        answer = _RULES[type(part)](part, principal, params, facts)
        if isinstance(answer, tuple):
            needs += answer
        elif answer.outcome is Outcome.DENY:
            return _concealing(answer) if hide and not answer.concealed else answer
        elif answer.outcome is Outcome.INDETERMINATE:
            unknown = answer
        else:
            continue
        # What is not known yet may be what must not show: a later denial must not give it away.
        hide = hide or any(leaf.conceal for leaf in part.leaves())
    if needs:
        return needs
    return requirement.permit if unknown is None else unknown


class _Rules(dict[type[Requirement], Rule]):
    def __missing__(self, kind: type) -> Rule:
        raise RequirementError(f"`{kind.__name__}` is not a requirement; use what `groups(…)`, `permission(…)` or their like build")


_RULES = _Rules(
    {
        Public: _public,
        Denied: _denied,
        Authenticated: _authenticated,
        IsUser: _users,
        InGroups: _groups,
        HasScopes: _scopes,
        Claim: _claim,
        HasPermission: _permission,
        Unrestricted: _restricted,
        AnyOf: _any,
        AllOf: _all,
    }
)

_UNAVAILABLE = "facts_unavailable"


def _names(principal: Principal) -> tuple[str, ...]:
    """The names under which a caller may be listed: an unverified address is anybody's claim."""
    email = principal.claims.get("email")
    if isinstance(email, str) and email and principal.claims.get("email_verified") is True:
        return (principal.username, email)
    return (principal.username,)


def _stale(requirement: Requirement) -> Decision:
    """A permit that rests on a fact which was remembered for longer than usual."""
    return Decision(Outcome.PERMIT, requirement.permits, requirement=requirement, detail=STALE)


def _unknown(requirement: Requirement, doubt: str, resource: Resource | None = None) -> Decision:
    return Decision(Outcome.INDETERMINATE, _UNAVAILABLE, requirement=requirement, resource=resource, detail=doubt)


def _concealing(refusal: Decision) -> Decision:
    """The same denial, but hidden. No denial has a detail."""
    return Decision(
        refusal.outcome,
        refusal.reason,
        requirement=refusal.requirement,
        resource=refusal.resource,
        parts=refusal.parts,
        concealed=True,
    )


def _ambiguous(requirement: Requirement) -> Decision:
    return Decision(Outcome.DENY, "ambiguous_resource", requirement=requirement, concealed=requirement.conceal)
