"""Guard: the policy decision point, in front of everything else."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar

from cartaguard.directories.base import Directory
from cartaguard.drivers.effects import Steps
from cartaguard.errors import ConfigurationError, FactsUnavailable
from cartaguard.guard import current
from cartaguard.guard.decide import decide
from cartaguard.guard.flow import Check, decisions, facts
from cartaguard.guard.health import Monitor
from cartaguard.guard.settled import remember
from cartaguard.http.refusal import Refusals
from cartaguard.model.decision import Decision
from cartaguard.model.facts import Fact, Granted, GroupsNeed, Listed, ListingNeed, Memberships, Need, PermissionNeed
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission, action_flag, holds
from cartaguard.model.policy import Policy
from cartaguard.model.principal import Principal
from cartaguard.model.requirement import IsUser, Requirement

if TYPE_CHECKING:
    from os import PathLike

    from cartaguard.caches.shared import SharedCache
    from cartaguard.directories.compact_build import Progress
    from cartaguard.directories.snapshot_layout import Header as SnapshotHeader
    from cartaguard.guard.explanation import Explanation
    from cartaguard.guard.listing import Listing
    from cartaguard.model.health import Health
    from cartaguard.settings import Settings
    from cartaguard.tokens.credential import HeaderValue
    from cartaguard.tokens.verifier import TokenVerifier

__all__ = ["Guard"]

T = TypeVar("T")
_NO_PARAMS: Mapping[str, Any] = {}


class Guard:
    """Authenticates callers and decides requirements on them.

    :param verifier: verifies tokens; ``None`` for a guard that only decides.
    :param directory: where facts come from; ``None``: nothing is known but what the token says.
    :param policy: entries for the paths of an application.
    :param realm: the protection space that a challenge names.
    :param access_url: where access can be asked for, told to whom lacks a right.
    :param clock: seconds since the epoch.
    :param cache: what the processes of a deployment have in common: remembered facts, and news of what to forget.

    Every call that may have to fetch facts has an asynchronous twin, named with a leading ``a``.
    """

    def __init__(
        self,
        *,
        verifier: TokenVerifier | None = None,
        directory: Directory | None = None,
        policy: Policy | None = None,
        realm: str = "carta",
        access_url: str | None = None,
        clock: Callable[[], float] = time.time,
        cache: SharedCache | None = None,
    ) -> None:
        self.verifier = verifier
        self.cache = cache
        self.directory = _arranged(directory, clock, cache)
        self.policy = Policy() if policy is None else policy
        self.refusals = Refusals(realm=realm, access_url=access_url)
        self.clock = clock
        self.monitor = Monitor(verifier, self.directory)
        if cache is not None:
            self.monitor.add(cache)
        self._qualified = verifier is not None and len(verifier.issuers) > 1
        if self._qualified:
            # First, so that nothing is remembered of what bare names would have permitted.
            self.directory.qualified = True
            self.directory.qualify()
        for entry in self.policy.entries:
            self.accept(entry.requirement)

    @classmethod
    def from_settings(cls, settings: Settings) -> Guard:
        """The guard that settings describe: ``Guard.from_settings(Settings.from_file("cartaguard.toml"))``."""
        return settings.guard()

    def accept(self, requirement: Requirement) -> Requirement:
        """Check that this guard can decide a requirement, and return it. Doors do so at start-up.

        Raises :class:`~cartaguard.errors.ConfigurationError` for users that do not say whose they are while
        several issuers are trusted: pool B's ``olga`` is not pool A's.
        """
        if self._qualified:
            for leaf in requirement.leaves():
                if isinstance(leaf, IsUser) and leaf.issuer is None:
                    raise ConfigurationError(
                        f"`{leaf.describe()}` does not say whose users they are, and this guard trusts several issuers; add `issuer=`",
                        code="unqualified_user",
                    )
        return requirement

    # -- authentication --------------------------------------------------------------------------------

    def authenticate_steps(self, values: Sequence[HeaderValue]) -> Steps[Principal]:
        """:meth:`authenticate` as steps, for whoever has a driver."""
        return self._verifier.authenticate_steps(values)

    def authenticate(self, values: Sequence[bytes]) -> Principal:
        """The caller with these raw ``Authorization`` header values (none, or another scheme: the anonymous).

        :raises cartaguard.errors.InvalidRequest: 400, not one credential.
        :raises cartaguard.errors.InvalidToken: 401.
        :raises cartaguard.errors.KeysUnavailable: 503.
        """
        principal = self.recognise(values)
        return _run(self.authenticate_steps(values), "aauthenticate") if principal is None else principal

    async def aauthenticate(self, values: Sequence[bytes]) -> Principal:
        """:meth:`authenticate` for asyncio."""
        principal = self.recognise(values)
        return await _arun(self.authenticate_steps(values)) if principal is None else principal

    def recognise(self, values: Sequence[HeaderValue]) -> Principal | None:
        """:meth:`authenticate` as far as it goes without I/O; ``None`` when keys have to be fetched first."""
        if not values:
            return Principal.anonymous
        return (self.verifier or self._verifier).at_hand(values)

    @property
    def _verifier(self) -> TokenVerifier:
        if self.verifier is None:
            raise ConfigurationError(
                "this guard has no verifier and only decides; give it one with `Guard(verifier=…)`", code="no_verifier"
            )
        return self.verifier

    # -- decisions -------------------------------------------------------------------------------------

    def check(self, principal: Principal, requirement: Requirement, params: Mapping[str, Any] = _NO_PARAMS) -> Decision:
        """Decide one requirement.

        :param params: values for the requirement's templates, by name.
        :raises cartaguard.errors.ParameterError: a template lacks its parameter.
        """
        answer = self._at_hand(principal, requirement, params)
        return _run(self._one(principal, requirement, params), "acheck") if answer is None else answer

    async def acheck(self, principal: Principal, requirement: Requirement, params: Mapping[str, Any] = _NO_PARAMS) -> Decision:
        """:meth:`check` for asyncio."""
        answer = self._at_hand(principal, requirement, params)
        return await _arun(self._one(principal, requirement, params)) if answer is None else answer

    def _at_hand(self, principal: Principal, requirement: Requirement, params: Mapping[str, Any]) -> Decision | None:
        """The decision without I/O; ``None`` when facts have to be fetched first."""
        if self._qualified:
            self.accept(requirement)
        directory = self.directory
        try:
            key: Any = requirement.number
            name = requirement.parameter
        except AttributeError:
            # It is no requirement, which the rules say in better words.
            key = name = ""
        if name:
            text = params.get(name)
            # Another type may be equal to a text, and name another resource.
            key = (key, text) if type(text) is str else 0
        standing = directory.standing() if key else None
        if standing is not None:
            known, settled = principal.settled
            if known is standing:
                permit: Decision | None = settled.get(key)
                if permit is not None:
                    return permit
        answer = decide(requirement, principal, params, directory)
        if type(answer) is not Decision:
            return None
        if standing is not None and answer.permitted:
            remember(principal, standing, key, answer)
        return answer

    def check_many(self, principal: Principal, checks: Iterable[Requirement | Check]) -> list[Decision]:
        """Decide several requirements, each alone or as ``(requirement, params)``; facts are fetched together."""
        return _run(self._many(principal, checks), "acheck_many")

    async def acheck_many(self, principal: Principal, checks: Iterable[Requirement | Check]) -> list[Decision]:
        """:meth:`check_many` for asyncio."""
        return await _arun(self._many(principal, checks))

    def _many(self, principal: Principal, checks: Iterable[Requirement | Check]) -> Steps[list[Decision]]:
        pairs = [(check, _NO_PARAMS) if isinstance(check, Requirement) else check for check in checks]
        for requirement, _ in pairs:
            self.accept(requirement)
        return decisions(self.directory, principal, pairs)

    def _one(self, principal: Principal, requirement: Requirement, params: Mapping[str, Any]) -> Steps[Decision]:
        [decision] = yield from decisions(self.directory, principal, [(requirement, params)])
        return decision

    def explain(self, principal: Principal, requirement: Requirement, params: Mapping[str, Any] = _NO_PARAMS) -> Explanation:
        """The decision with everything it rests on, for a person: every part is looked at, whatever the others say."""
        return _run(self._explained(principal, requirement, params), "aexplain")

    async def aexplain(self, principal: Principal, requirement: Requirement, params: Mapping[str, Any] = _NO_PARAMS) -> Explanation:
        """:meth:`explain` for asyncio."""
        return await _arun(self._explained(principal, requirement, params))

    def _explained(self, principal: Principal, requirement: Requirement, params: Mapping[str, Any]) -> Steps[Explanation]:
        from cartaguard.guard.explanation import explained

        return explained(self.directory, principal, self.accept(requirement), params)

    # -- what somebody holds ---------------------------------------------------------------------------

    def permissions(self, principal: Principal, resource: Resource | str) -> Permission:
        """Everything that a principal may do with a resource.

        :raises cartaguard.errors.FactsUnavailable: a source did not answer, so that the whole is not known.
        """
        return _run(self._permissions(principal, [_resource(resource)]), "apermissions")[0]

    async def apermissions(self, principal: Principal, resource: Resource | str) -> Permission:
        """:meth:`permissions` for asyncio."""
        return (await _arun(self._permissions(principal, [_resource(resource)])))[0]

    def filter(self, principal: Principal, action: str, resources: Iterable[Resource]) -> list[Resource]:
        """Those of the resources on which a principal holds a permission, in their order.

        :raises cartaguard.errors.FactsUnavailable: a source did not answer, so that something might be missing.
        """
        return _run(self._filter(principal, action, list(resources)), "afilter")

    async def afilter(self, principal: Principal, action: str, resources: Iterable[Resource]) -> list[Resource]:
        """:meth:`filter` for asyncio."""
        return await _arun(self._filter(principal, action, list(resources)))

    def list_resources(self, principal: Principal, action: str, type: str, *, limit: int = 1000, cursor: str | None = None) -> Listing:
        """One page of the resources of a type on which a principal holds a permission.

        :param limit: how many at most, 1 to 10,000.
        :param cursor: the ``cursor`` of the page before.
        :raises cartaguard.errors.FactsUnavailable: a source did not answer, so that something might be missing.
        """
        return _run(self._list(principal, action, type, limit, cursor), "alist_resources")

    async def alist_resources(
        self, principal: Principal, action: str, type: str, *, limit: int = 1000, cursor: str | None = None
    ) -> Listing:
        """:meth:`list_resources` for asyncio."""
        return await _arun(self._list(principal, action, type, limit, cursor))

    def groups(self, principal: Principal) -> frozenset[str]:
        """Every group of a principal: the token's and the directory's, closed over nesting.

        :raises cartaguard.errors.FactsUnavailable: a source did not answer.
        """
        return _run(self._groups(principal), "agroups")

    async def agroups(self, principal: Principal) -> frozenset[str]:
        """:meth:`groups` for asyncio."""
        return await _arun(self._groups(principal))

    def _permissions(self, principal: Principal, resources: Sequence[Resource]) -> Steps[list[Permission]]:
        if not principal.authenticated:
            return [Permission.NONE] * len(resources)
        found: list[Granted] = yield from self._facts([PermissionNeed(principal, resource) for resource in resources])
        return [fact.permission.effective for fact in found]

    def _filter(self, principal: Principal, action: str, resources: list[Resource]) -> Steps[list[Resource]]:
        flag = action_flag(action)
        if not principal.authenticated:
            return []
        found: list[Any] = yield from facts(self.directory, [PermissionNeed(principal, resource, flag) for resource in resources])
        held = []
        for resource, fact in zip(resources, found, strict=True):
            if holds(fact.permission, flag):
                held.append(resource)
            else:
                _sure(fact)
        return held

    def _list(self, principal: Principal, action: str, type: str, limit: int, cursor: str | None) -> Steps[Listing]:
        from cartaguard.guard.listing import page

        flag = action_flag(action)
        held: Sequence[tuple[Resource, Permission]] = ()
        if principal.authenticated:
            listed: Listed
            [listed] = yield from self._facts([ListingNeed(principal, type)])
            held = listed.resources
        return page(held, flag, limit=limit, cursor=cursor)

    def _groups(self, principal: Principal) -> Steps[frozenset[str]]:
        if not principal.authenticated:
            return frozenset()
        known: Memberships
        [known] = yield from self._facts([GroupsNeed(principal)])
        return known.groups | principal.groups

    def _facts(self, needs: Sequence[Need]) -> Steps[list[Any]]:
        found = yield from facts(self.directory, needs)
        for fact in found:
            _sure(fact)
        return found

    # -- the rest --------------------------------------------------------------------------------------

    def invalidate(self, *, principal: Principal | None = None, group: str | None = None, resource: Resource | str | None = None) -> None:
        """Forget what is remembered about a principal, a group or a resource; about everything when none is named.

        With a shared cache every process forgets it. That these could not be told is no fault: it is reported as an
        event, and as soon as it can be done they are told to forget everything.

        :raises cartaguard.errors.WouldBlock: there is a shared cache and an event loop runs in this thread. This process
            has forgotten it then, and the others are told to forget everything.
        """
        _run(self._invalidate(principal, group, resource), "ainvalidate")

    async def ainvalidate(
        self, *, principal: Principal | None = None, group: str | None = None, resource: Resource | str | None = None
    ) -> None:
        """:meth:`invalidate` for asyncio."""
        await _arun(self._invalidate(principal, group, resource))

    def _invalidate(self, principal: Principal | None, group: str | None, resource: Resource | str | None) -> Steps[None]:
        on = None if resource is None else _resource(resource)

        def forget() -> None:
            self.directory.invalidate(principal=principal, group=group, resource=on)

        forget()
        if self.cache is not None:
            from cartaguard.caches.invalidation import Invalidation

            yield from self.cache.tell(Invalidation.of(principal, group, on), forget)

    def health(self, *, probe: bool = False) -> Health:
        """How keys, directory, cache and bus are, from what is known without asking anybody.

        :param probe: ask keys, directories and cache first, at most once in 10 s; an outage is not raised.
        """
        return _run(self.monitor.probe(), "ahealth") if probe else self.monitor.health()

    async def ahealth(self, *, probe: bool = False) -> Health:
        """:meth:`health` for asyncio."""
        return await _arun(self.monitor.probe()) if probe else self.monitor.health()

    def snapshot(
        self, path: str | PathLike[str], *, key: bytes | str, namespace: str = "", progress: Progress | None = None
    ) -> SnapshotHeader:
        """Write what is known now to a file for a :class:`~cartaguard.directories.snapshot.SnapshotDirectory`.

        Local directories are written whole, of remote ones the answers that are remembered, and the issuers' public keys.
        What it could not take in is in ``left_out`` of the result, and in doubt where the snapshot is used.

        :param key: a shared secret of 32 bytes or more, or the PEM text of a private key.
        :param namespace: which deployment it is for; only who names the same one reads it.
        :param progress: told what is being done, how many are done, and how many there are if that is known.
        :raises cartaguard.errors.ConfigurationError: the key cannot sign.
        :raises cartaguard.errors.FactsUnavailable: a local directory did not answer. The former file stays.
        """
        from cartaguard.guard.snapshot import write

        return write(self, path, key=key, namespace=namespace, progress=progress)

    async def asnapshot(
        self, path: str | PathLike[str], *, key: bytes | str, namespace: str = "", progress: Progress | None = None
    ) -> SnapshotHeader:
        """:meth:`snapshot` for asyncio, in a thread."""
        import asyncio

        return await asyncio.to_thread(self.snapshot, path, key=key, namespace=namespace, progress=progress)

    def acting_as(self, principal: Principal) -> AbstractContextManager[Principal]:
        """Make a principal the current caller within a ``with`` block, for functions under ``authorize``."""
        return current.acting(self, principal)

    def close(self) -> None:
        """Give back files and connections, also those of the shared cache."""
        self.directory.close()
        if self.cache is not None:
            self.cache.close()

    def __repr__(self) -> str:
        return f"<Guard {type(self.directory).__name__}, {self.policy!r}>"


def _arranged(directory: Directory | None, clock: Callable[[], float], cache: SharedCache | None) -> Directory:
    """A directory with a cache in front of every remote part."""
    if directory is None:
        from cartaguard.directories.local import LocalDirectory

        return LocalDirectory.from_dict({})
    from cartaguard.directories.cached import with_cache

    return with_cache(directory, clock=clock, shared=cache)


def _sure(fact: Fact) -> None:
    if fact.doubt:
        raise FactsUnavailable(f"a directory did not answer ({fact.doubt.replace('_', ' ')})")


def _resource(resource: Resource | str) -> Resource:
    return resource if isinstance(resource, Resource) else Resource.parse(resource)


def _run(steps: Generator[Any, Any, T], twin: str) -> T:
    from cartaguard.drivers import blocking

    return blocking.run(steps, twin=f"guard.{twin}(…)")


def _arun(steps: Generator[Any, Any, T]) -> Awaitable[T]:
    from cartaguard.drivers import aio

    return aio.run(steps)
