"""The sections of a client: which calls it has, and their names there. What each does is said in :mod:`cartaguard.carta.calls`."""

from __future__ import annotations

from cartaguard.carta.calls import graph, permissions, pool, projects, secrets, services, tokens, users
from cartaguard.carta.method import AsyncSection, Method, Part, Section

__all__ = ["Sections"]


class _Users:
    """Users, by login name."""

    current = Method(users.current)
    is_authenticated = Method(users.is_authenticated)
    create = Method(users.create)
    search = Method(users.search)


class _Groups:
    """Groups, ``Org:Name``, and their members."""

    create = Method(users.create_group)
    add_member = Method(users.add_member)
    members = Method(users.members)


class _Resources:
    """Resources by type (v1)."""

    types = Method(permissions.resource_types)
    list = Method(permissions.list_resources)
    get = Method(permissions.get)


class _Permissions:
    """Roles of users and groups on resources (v1)."""

    held = Method(permissions.held)
    grant = Method(permissions.grant)
    revoke = Method(permissions.revoke)
    show = Method(permissions.show)


class _Graph:
    """Nodes and the permissions between them (v2)."""

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
    """Projects."""

    create = Method(projects.create)
    delete = Method(projects.delete)


class _Connections:
    """The connections of projects to where their files are."""

    create = Method(projects.connect)
    delete = Method(projects.disconnect)


class _Secrets:
    """Secrets of one's own."""

    put = Method(secrets.put)
    get = Method(secrets.get)


class _Namespaces:
    """Namespaces of services."""

    get = Method(services.namespace)
    reserve = Method(services.reserve_namespace)
    remove = Method(services.remove_namespace)


class _Services:
    """Services behind Carta."""

    get = Method(services.service)
    register = Method(services.register)
    unregister = Method(services.unregister)
    rename = Method(services.rename)
    call = Method(services.call)


class _Tokens:
    """API tokens, for programs (v2)."""

    create = Method(tokens.create)
    list = Method(tokens.list_tokens)
    delete = Method(tokens.delete)
    revoke = Method(tokens.revoke)


class _Pool:
    """The user pool behind Carta."""

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


class Sections:
    """What a client has, whatever its colour."""

    users = Part(Users, AsyncUsers)
    groups = Part(Groups, AsyncGroups)
    resources = Part(Resources, AsyncResources)
    permissions = Part(Permissions, AsyncPermissions)
    graph = Part(Graph, AsyncGraph)
    projects = Part(Projects, AsyncProjects)
    connections = Part(Connections, AsyncConnections)
    secrets = Part(Secrets, AsyncSecrets)
    namespaces = Part(Namespaces, AsyncNamespaces)
    services = Part(Services, AsyncServices)
    tokens = Part(Tokens, AsyncTokens)
    pool = Part(Pool, AsyncPool)
