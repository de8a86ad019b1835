"""Carta's client in both colours: :class:`CartaClient` and :class:`AsyncCartaClient`."""

from __future__ import annotations

from collections.abc import Awaitable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from cartaguard.carta.calls import graph, permissions, pool, projects, secrets, services, tokens, users
from cartaguard.carta.method import AsyncSection, Method, Section
from cartaguard.carta.operation import Operation
from cartaguard.carta.perform import Login, Pause, perform, wait
from cartaguard.carta.requests import Endpoint

if TYPE_CHECKING:
    from typing import Self

__all__ = ["AsyncCartaClient", "CartaClient"]

T = TypeVar("T")


class _Users:
    current = Method(users.current)
    is_authenticated = Method(users.is_authenticated)
    create = Method(users.create)
    search = Method(users.search)


class _Groups:
    create = Method(users.create_group)
    add_member = Method(users.add_member)
    members = Method(users.members)


class _Resources:
    types = Method(permissions.resource_types)
    list = Method(permissions.list_resources)
    get = Method(permissions.get)


class _Permissions:
    held = Method(permissions.held)
    grant = Method(permissions.grant)
    revoke = Method(permissions.revoke)
    show = Method(permissions.show)


class _Graph:
    held = Method(graph.held)
    direct = Method(graph.direct)
    grant = Method(graph.grant)
    revoke = Method(graph.revoke)
    labels = Method(graph.labels)
    list_resources = Method(graph.list_resources)
    accessors = Method(graph.accessors)
    create = Method(graph.create)
    get = Method(graph.get)
    update = Method(graph.update)
    delete = Method(graph.delete)


class _Projects:
    create = Method(projects.create)
    delete = Method(projects.delete)


class _Connections:
    create = Method(projects.connect)
    delete = Method(projects.disconnect)


class _Secrets:
    put = Method(secrets.put)
    get = Method(secrets.get)


class _Namespaces:
    get = Method(services.namespace)
    reserve = Method(services.reserve_namespace)
    remove = Method(services.remove_namespace)


class _Services:
    get = Method(services.service)
    register = Method(services.register)
    unregister = Method(services.unregister)
    rename = Method(services.rename)
    call = Method(services.call)


class _Tokens:
    create = Method(tokens.create)
    list = Method(tokens.list_tokens)
    delete = Method(tokens.delete)
    revoke = Method(tokens.revoke)


class _Pool:
    login = Method(pool.login_pool)
    info = Method(pool.user_pool_info)
    password_policy = Method(pool.password_rules)


# fmt: off
class Users(_Users, Section): ...
class Groups(_Groups, Section): ...
class Resources(_Resources, Section): ...
class Permissions(_Permissions, Section): ...
class Graph(_Graph, Section): ...
class Projects(_Projects, Section): ...
class Connections(_Connections, Section): ...
class Secrets(_Secrets, Section): ...
class Namespaces(_Namespaces, Section): ...
class Services(_Services, Section): ...
class Tokens(_Tokens, Section): ...
class Pool(_Pool, Section): ...
class AsyncUsers(_Users, AsyncSection): ...
class AsyncGroups(_Groups, AsyncSection): ...
class AsyncResources(_Resources, AsyncSection): ...
class AsyncPermissions(_Permissions, AsyncSection): ...
class AsyncGraph(_Graph, AsyncSection): ...
class AsyncProjects(_Projects, AsyncSection): ...
class AsyncConnections(_Connections, AsyncSection): ...
class AsyncSecrets(_Secrets, AsyncSection): ...
class AsyncNamespaces(_Namespaces, AsyncSection): ...
class AsyncServices(_Services, AsyncSection): ...
class AsyncTokens(_Tokens, AsyncSection): ...
class AsyncPool(_Pool, AsyncSection): ...
# fmt: on


class _Client:
    def __init__(self, host: str, login: Login | None = None, *, timeout: float = 10.0, http: Any = None, pause: Pause = wait) -> None:
        self._carta = Endpoint(host, timeout, http)
        self._login = login
        self._pause = pause

    @property
    def host(self) -> str:
        """Carta's address."""
        return self._carta.host

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.host}>"


class CartaClient(_Client):
    """Carta's REST API, blocking: ``CartaClient(host, TokenLogin(token)).users.current()``.

    :param host: Carta's address: https, or http on this machine.
    :param login: who asks; see :mod:`cartaguard.carta.login`. Without it only what everybody may know is answered.
    :param timeout: seconds for each request as a whole.
    :param http: an HTTP client of your own.
    :param pause: how time passes between retries, as steps.

    Every call raises a subclass of :class:`~cartaguard.errors.CartaError`, with Carta's own words in ``text``.
    """

    def __init__(self, host: str, login: Login | None = None, *, timeout: float = 10.0, http: Any = None, pause: Pause = wait) -> None:
        super().__init__(host, login, timeout=timeout, http=http, pause=pause)
        self.users = Users(self)
        self.groups = Groups(self)
        self.resources = Resources(self)
        self.permissions = Permissions(self)
        self.graph = Graph(self)
        self.projects = Projects(self)
        self.connections = Connections(self)
        self.secrets = Secrets(self)
        self.namespaces = Namespaces(self)
        self.services = Services(self)
        self.tokens = Tokens(self)
        self.pool = Pool(self)

    def call(self, operation: Operation[T]) -> T:
        """Perform any operation."""
        from cartaguard.drivers import blocking

        return blocking.run(perform(self._carta, self._login, operation, pause=self._pause), twin="AsyncCartaClient")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing is held that has to be given back; here for those who expect it."""


class AsyncCartaClient(_Client):
    """Carta's REST API under asyncio; the same as :class:`CartaClient`, awaited."""

    def __init__(self, host: str, login: Login | None = None, *, timeout: float = 10.0, http: Any = None, pause: Pause = wait) -> None:
        super().__init__(host, login, timeout=timeout, http=http, pause=pause)
        self.users = AsyncUsers(self)
        self.groups = AsyncGroups(self)
        self.resources = AsyncResources(self)
        self.permissions = AsyncPermissions(self)
        self.graph = AsyncGraph(self)
        self.projects = AsyncProjects(self)
        self.connections = AsyncConnections(self)
        self.secrets = AsyncSecrets(self)
        self.namespaces = AsyncNamespaces(self)
        self.services = AsyncServices(self)
        self.tokens = AsyncTokens(self)
        self.pool = AsyncPool(self)

    def call(self, operation: Operation[T]) -> Awaitable[T]:
        """Perform any operation."""
        from cartaguard.drivers import aio

        return aio.run(perform(self._carta, self._login, operation, pause=self._pause))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing is held that has to be given back; here for those who expect it."""
