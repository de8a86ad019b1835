"""Requirement: what a route demands of its caller.

Requirements are built once, checked when they are built, and combined with ``&`` and ``|``. There is no
negation: a fact that is missing must never allow.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

from cartaguard.errors import RequirementError
from cartaguard.model.decision import Decision, Outcome
from cartaguard.model.freshness import Freshness, freshness
from cartaguard.model.names import Resource
from cartaguard.model.numbers import new_number
from cartaguard.model.permission import action_flag
from cartaguard.model.template import ResourceTemplate

__all__ = [
    "AllOf",
    "AnyOf",
    "Authenticated",
    "Claim",
    "Denied",
    "HasPermission",
    "HasScopes",
    "InGroups",
    "IsUser",
    "Public",
    "Requirement",
    "Unrestricted",
    "all_of",
    "any_of",
    "authenticated",
    "claim",
    "deny",
    "groups",
    "permission",
    "public",
    "restricted",
    "scopes",
    "users",
]


class Requirement:
    """What a caller must fulfil. Build one with ``groups(…)``, ``permission(…)`` and their like.

    Immutable, hashable, equal by content. ``conceal`` asks that a refusal look as if nothing were there (404).
    """

    __slots__ = ("_hash", "conceal", "number", "parameter", "permit", "refuse", "unauthenticated")

    #: The word for it in a policy file, and the stable reasons of its verdicts.
    word: str = ""
    permits: str = ""
    refuses: str = "denied"

    _hash: int
    conceal: bool
    #: The verdicts that depend on nothing but the requirement, made once.
    permit: Decision
    refuse: Decision
    unauthenticated: Decision
    #: What is its own among all requirements; 0 where the token alone decides, or more than one parameter.
    number: int
    #: The one parameter that its templates name; empty when they name none, or several.
    parameter: str

    def __init__(self, *, conceal: bool = False) -> None:
        if type(self) is Requirement:
            raise RequirementError(
                "an empty requirement says nothing; use `authenticated`, `groups(…)`, `permission(…)` or their like", code="empty"
            )
        self._fill(conceal=conceal)
        self._settle()

    def _settle(self) -> None:
        named = self.parameters()
        looked_up = any(isinstance(leaf, (InGroups, _OnResource)) for leaf in self.leaves())
        self._fill(
            _hash=hash((type(self), *self._content())),
            permit=Decision(Outcome.PERMIT, self.permits, requirement=self),
            refuse=Decision(Outcome.DENY, self.refuses, requirement=self, concealed=self.conceal),
            unauthenticated=Decision(Outcome.DENY, "unauthenticated", requirement=self, concealed=self.conceal),
            number=new_number() if looked_up and len(named) < 2 else 0,
            parameter=named.pop() if len(named) == 1 else "",
        )

    def _fill(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _content(self) -> tuple[object, ...]:
        return (self.conceal,)

    def bind(self, parameters: Collection[str], where: str = "") -> Requirement:
        """Check at start-up that a route has the parameters that this names, and return itself.

        Raises :class:`~cartaguard.errors.RequirementError` that names the parameter and the route.
        """
        for leaf in self.leaves():
            template = getattr(leaf, "on", None)
            if isinstance(template, ResourceTemplate):
                template.bind(parameters, where)
        return self

    def leaves(self) -> Iterator[Requirement]:
        """The single demands, in the order in which they are written."""
        yield self

    def parameters(self) -> set[str]:
        """The parameters that its templates name."""
        return {name for leaf in self.leaves() if isinstance(leaf, _OnResource) for name in leaf.on.names}

    def describe(self, resource: Resource | None = None) -> str:
        """A short text for people; with a resource, for that one."""
        return self.word

    def __and__(self, other: Requirement) -> Requirement:
        return all_of(self, other) if isinstance(other, Requirement) else NotImplemented

    def __or__(self, other: Requirement) -> Requirement:
        return any_of(self, other) if isinstance(other, Requirement) else NotImplemented

    def __bool__(self) -> bool:
        raise RequirementError("a requirement is not true or false: combine with `&` and `|`, and ask `guard.check(…)`", code="not_a_bool")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a requirement cannot be changed: `{name}`")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a requirement cannot be changed: `{name}`")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Requirement):
            return NotImplemented
        return type(self) is type(other) and self._content() == other._content()

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[object, ...]:
        slots = [name for kind in type(self).__mro__ for name in getattr(kind, "__slots__", ())]
        return (_restore, (type(self), {name: getattr(self, name) for name in slots if name not in _SETTLED}))

    def __repr__(self) -> str:
        return f"<Requirement {self.describe()}>"


R = TypeVar("R", bound=Requirement)

_SETTLED = ("_hash", "number", "parameter", "permit", "refuse", "unauthenticated")


def _restore(kind: type[R], values: dict[str, object]) -> R:
    requirement = object.__new__(kind)
    requirement._fill(**values)
    requirement._settle()
    return requirement


class Public(Requirement):
    """Anybody, the anonymous too."""

    __slots__ = ("why",)
    word = "public"
    permits = "public"
    why: str

    def __init__(self, why: str) -> None:
        if not isinstance(why, str) or not why.strip():
            raise RequirementError('`public` needs its reason, such as `public("health check")`', code="public_without_reason")
        self._fill(why=why)
        super().__init__()

    def _content(self) -> tuple[object, ...]:
        return (self.why,)

    def describe(self, resource: Resource | None = None) -> str:
        return f"public: {self.why}"


class Authenticated(Requirement):
    """Any verified caller. Calling it gives itself, so that ``authenticated`` and ``authenticated()`` are one."""

    __slots__ = ()
    word = "authenticated"
    permits = "authenticated"
    refuses = "unauthenticated"

    def __call__(self) -> Authenticated:
        return self


class Denied(Requirement):
    """Nobody. It closes a route for good, whatever it is combined with by ``&``."""

    __slots__ = ()
    word = "deny"


class _Named(Requirement):
    __slots__ = ("names",)
    names: tuple[str, ...]

    def __init__(self, names: tuple[str, ...], *, conceal: bool = False) -> None:
        self._fill(names=_names(self.word, names))
        super().__init__(conceal=conceal)

    def _content(self) -> tuple[object, ...]:
        return (frozenset(self.names), self.conceal)

    def describe(self, resource: Resource | None = None) -> str:
        return f"{self.word}: {', '.join(self.names)}"


class IsUser(_Named):
    """One of these users, by verified username (an e-mail address only when the issuer verified it)."""

    __slots__ = ("issuer", "wanted")
    word = "users"
    permits = "user_listed"
    refuses = "not_listed_user"
    issuer: str | None
    wanted: frozenset[str]

    def __init__(self, names: tuple[str, ...], *, issuer: str | None = None, conceal: bool = False) -> None:
        if issuer is not None and (not isinstance(issuer, str) or not issuer):
            raise RequirementError("`issuer` is the exact issuer of the users, as text", code="bad_issuer")
        self._fill(issuer=issuer)
        super().__init__(names, conceal=conceal)
        self._fill(wanted=frozenset(self.names))

    def _content(self) -> tuple[object, ...]:
        return (frozenset(self.names), self.issuer, self.conceal)


class InGroups(_Named):
    """A member of one of these groups."""

    __slots__ = ("fresh", "wanted")
    word = "groups"
    permits = "group_member"
    refuses = "not_group_member"
    fresh: Freshness | None
    wanted: frozenset[str]

    def __init__(self, names: tuple[str, ...], *, max_age: float | None = None, max_stale: float = 0.0, conceal: bool = False) -> None:
        self._fill(fresh=freshness(max_age, max_stale))
        super().__init__(names, conceal=conceal)
        self._fill(wanted=frozenset(self.names))

    def _content(self) -> tuple[object, ...]:
        return (frozenset(self.names), self.fresh, self.conceal)

    def describe(self, resource: Resource | None = None) -> str:
        return super().describe(resource) + (self.fresh.words if self.fresh else "")


class HasScopes(_Named):
    """A token with all of these scopes."""

    __slots__ = ("wanted",)
    word = "scopes"
    permits = "scopes_held"
    refuses = "lacks_scope"
    wanted: frozenset[str]

    def __init__(self, names: tuple[str, ...], *, conceal: bool = False) -> None:
        super().__init__(names, conceal=conceal)
        for name in self.names:
            # RFC 6749 section 3.3: such a scope can never be in a token.
            if not all(c == "!" or "#" <= c <= "[" or "]" <= c <= "~" for c in name):
                raise RequirementError(f"`{name}` is not a scope", code="bad_scope")
        self._fill(wanted=frozenset(self.names))


class Claim(Requirement):
    """A claim that has one of these values, or is a list that holds one. Types count: ``1`` is not ``true``."""

    __slots__ = ("name", "values")
    word = "claim"
    permits = "claim_matched"
    refuses = "claim_mismatch"
    name: str
    values: tuple[Any, ...]

    def __init__(self, name: str, values: tuple[Any, ...], *, conceal: bool = False) -> None:
        if not isinstance(name, str) or not name:
            raise RequirementError("`claim` needs the name of a claim", code="bad_claim")
        if not values:
            raise RequirementError(f"`claim` needs a value that `{name}` must have", code="empty")
        for value in values:
            if not isinstance(value, (str, int, float)):
                raise RequirementError(
                    f"`{value!r}` cannot be compared with the claim `{name}`: text, numbers, true and false can", code="bad_claim"
                )
        self._fill(name=name, values=tuple(values))
        super().__init__(conceal=conceal)

    def _content(self) -> tuple[object, ...]:
        return (self.name, tuple((type(value), value) for value in self.values), self.conceal)

    def describe(self, resource: Resource | None = None) -> str:
        return f"claim: {self.name} = {' or '.join(map(str, self.values))}"


class _OnResource(Requirement):
    __slots__ = ("fresh", "on")
    fresh: Freshness | None
    on: ResourceTemplate

    def __init__(
        self, on: str | Resource | ResourceTemplate, *, max_age: float | None = None, max_stale: float = 0.0, conceal: bool = False
    ) -> None:
        if not isinstance(on, ResourceTemplate):
            on = ResourceTemplate.of(on) if isinstance(on, Resource) else ResourceTemplate(on)
        self._fill(on=on, fresh=freshness(max_age, max_stale))
        super().__init__(conceal=conceal)

    def _content(self) -> tuple[object, ...]:
        return (self.on, self.fresh, self.conceal)

    def describe(self, resource: Resource | None = None) -> str:
        return f"{self._demand()}{self.on if resource is None else resource}{self.fresh.words if self.fresh else ''}"

    def _demand(self) -> str:
        return f"{self.word}: "


class HasPermission(_OnResource):
    """A permission on a resource."""

    __slots__ = ("action", "flag")
    word = "permission"
    permits = "permission_granted"
    refuses = "lacks_permission"
    action: str
    flag: int

    def __init__(
        self,
        action: str,
        on: str | Resource | ResourceTemplate,
        *,
        max_age: float | None = None,
        max_stale: float = 0.0,
        conceal: bool = False,
    ) -> None:
        self._fill(action=action, flag=action_flag(action))
        super().__init__(on, max_age=max_age, max_stale=max_stale, conceal=conceal)

    def _content(self) -> tuple[object, ...]:
        return (self.action, *super()._content())

    def _demand(self) -> str:
        return f"permission: {self.action} on "


class Unrestricted(_OnResource):
    """What the restriction of a resource demands; a resource that is not known is denied."""

    __slots__ = ()
    word = "restricted"
    permits = "restriction_passed"
    refuses = "restricted"


class _Combination(Requirement):
    __slots__ = ("parts",)
    parts: tuple[Requirement, ...]

    def __init__(self, parts: tuple[Requirement, ...]) -> None:
        if not parts:
            raise RequirementError(f"`{self.word}` is empty; an empty combination says nothing", code="empty")
        for part in parts:
            if not isinstance(part, Requirement):
                raise RequirementError(f"`{part!r}` is not a requirement", code="not_a_requirement")
        self._fill(parts=parts)
        super().__init__()

    def _content(self) -> tuple[object, ...]:
        return self.parts

    def leaves(self) -> Iterator[Requirement]:
        for part in self.parts:
            yield from part.leaves()

    def describe(self, resource: Resource | None = None) -> str:
        return f"{self.word} [{'; '.join(part.describe() for part in self.parts)}]"


class AnyOf(_Combination):
    """At least one part."""

    __slots__ = ()
    word = "any"
    permits = "any_permitted"
    refuses = "no_alternative"


class AllOf(_Combination):
    """Every part."""

    __slots__ = ()
    word = "all"
    permits = "all_permitted"


# -- what people write -------------------------------------------------------------------------------


def public(reason: str) -> Requirement:
    """Anybody may, for this reason; the reason is kept with the route."""
    return Public(reason)


#: Any verified caller may. ``authenticated()`` is the same.
authenticated = Authenticated()

#: Nobody may.
deny = Denied()


def users(*names: str, issuer: str | None = None, conceal: bool = False) -> Requirement:
    """One of these users. With several issuers, ``issuer`` says whose users they are."""
    return IsUser(names, issuer=issuer, conceal=conceal)


def groups(*names: str, max_age: float | None = None, max_stale: float = 0.0, conceal: bool = False) -> Requirement:
    """A member of any of these groups (``Org:Name``).

    :param max_age: seconds; what is remembered of a directory's groups is asked for anew when it is not younger (0: each
        time). A group that the token itself states is as old as the token.
    :param max_stale: seconds for which it serves longer while the directory does not answer.
    """
    return InGroups(names, max_age=max_age, max_stale=max_stale, conceal=conceal)


def scopes(*names: str, conceal: bool = False) -> Requirement:
    """A token with all of these scopes."""
    return HasScopes(names, conceal=conceal)


def claim(name: str, *values: Any, conceal: bool = False) -> Requirement:
    """A token whose claim has any of these values."""
    return Claim(name, values, conceal=conceal)


def permission(
    action: str, on: str | Resource, *, max_age: float | None = None, max_stale: float = 0.0, conceal: bool = False
) -> Requirement:
    """``permission("read", "Project:{project_id}")``: that permission on that resource.

    :param max_age: seconds; what is remembered is asked for anew when it is not younger (0: each time).
    :param max_stale: seconds for which it serves longer while the directory does not answer.
    """
    return HasPermission(action, on, max_age=max_age, max_stale=max_stale, conceal=conceal)


def restricted(on: str | Resource, *, max_age: float | None = None, max_stale: float = 0.0, conceal: bool = False) -> Requirement:
    """``restricted("DataSet:{id}")``: whatever that resource's restriction demands.

    ``max_age`` and ``max_stale`` are those of :func:`permission`.
    """
    return Unrestricted(on, max_age=max_age, max_stale=max_stale, conceal=conceal)


def any_of(*parts: Requirement) -> Requirement:
    """Any of the parts is enough; the same as ``a | b``."""
    return _combine(AnyOf, parts)


def all_of(*parts: Requirement) -> Requirement:
    """Every part is demanded; the same as ``a & b``."""
    return _combine(AllOf, parts)


def _combine(kind: Callable[[tuple[Requirement, ...]], _Combination], parts: tuple[Requirement, ...]) -> Requirement:
    flat: list[Requirement] = []
    for part in parts:
        flat += part.parts if isinstance(part, _Combination) and type(part) is kind else (part,)
    return kind(tuple(flat))


def _names(word: str, names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise RequirementError(f"`{word}` is empty; an empty list would say nothing", code="empty")
    for name in names:
        if not isinstance(name, str):
            raise RequirementError(f'`{name!r}` is no name: `{word}` takes text, as in {word}("a", "b")', code="bad_name")
        if not name.strip():
            raise RequirementError(f"`{word}` holds a blank name", code="empty")
    return tuple(dict.fromkeys(map(str, names)))
