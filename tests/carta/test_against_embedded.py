"""Our client and the embedded Carta, which verifies passwords and tokens for real: every section, in both colours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cartaguard import Permission
from cartaguard.carta import ApiTokenLogin, PasswordLogin, TokenLogin
from cartaguard.carta.records import Connection, PermissionSet
from cartaguard.errors import (
    CartaDuplicate,
    CartaError,
    CartaForbidden,
    CartaInvalid,
    CartaNotFound,
    CartaUnauthorized,
    LoginError,
)
from cartaguard.testing import EmbeddedCarta
from support.canary import CANARY
from support.clients import ASKERS, Ask
from support.sockets import serving_asgi

READ, EDITOR = Permission.READ, Permission.of("read", "write", "execute")
MANAGER = Permission.of("read", "write", "execute", "clone", "admin")

As = Callable[[str, Callable[[Any], Any]], Any]


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedCarta]:
    with EmbeddedCarta() as embedded:
        for name, group in (("olga", "Org:All"), ("otto", "Org:All"), ("vera", "Administrators")):
            embedded.add_user(name, password=CANARY, groups=[group], organization="Org", email=f"{name}@example.org")
        yield embedded


@pytest.fixture(scope="module")
def logins(embedded: EmbeddedCarta) -> dict[str, PasswordLogin]:
    return {name: PasswordLogin(name, CANARY) for name in ("olga", "otto", "vera")}


@pytest.fixture
def by(embedded: EmbeddedCarta, logins: dict[str, PasswordLogin], ask: Ask) -> As:
    """``by("olga", lambda carta: carta.users.current())``, logged in with a password."""
    return lambda name, call: ask(embedded.url, logins[name], call)


@pytest.fixture
def tag(ask: Ask) -> str:
    """What makes names of one colour's run different from those of the other."""
    return next(name for name, asker in ASKERS.items() if asker is ask)


def test_a_password_logs_in_and_a_wrong_one_does_not(embedded: EmbeddedCarta, by: As, ask: Ask) -> None:
    olga = by("olga", lambda c: c.users.current())
    assert (olga.name, olga.organization, olga.email) == ("olga", "Org", "olga@example.org")
    assert "Org:All" in olga.groups
    assert by("olga", lambda c: c.users.is_authenticated()) is True
    for name, password in (("olga", CANARY + "x"), ("nobody", CANARY)):
        with pytest.raises(LoginError) as caught:
            ask(embedded.url, PasswordLogin(name, password), lambda c: c.users.current())
        assert caught.value.code == "bad_credentials"


def test_a_token_that_ended_is_refused(embedded: EmbeddedCarta, ask: Ask) -> None:
    ended = TokenLogin(embedded.token("olga", lifetime=-60))
    assert ask(embedded.url, ended, lambda c: c.users.is_authenticated()) is False
    with pytest.raises(CartaUnauthorized):
        ask(embedded.url, ended, lambda c: c.users.current())


def test_keys_that_rotate_are_survived_by_a_silent_renewal(embedded: EmbeddedCarta, ask: Ask, tag: str) -> None:
    embedded.add_user(f"rota-{tag}", password=CANARY)
    now = [datetime.now(UTC).timestamp()]
    login = PasswordLogin(f"rota-{tag}", CANARY, clock=lambda: now[0])
    first = ask(embedded.url, login, lambda c: c.users.current())
    before = login._sessions[embedded.url].authorization
    embedded.rotate_keys()
    now[0] += 3600
    assert ask(embedded.url, login, lambda c: c.users.current()) == first
    assert login._sessions[embedded.url].authorization != before


def test_users_are_made_and_found(by: As, tag: str) -> None:
    with pytest.raises(CartaForbidden, match="administrator"):
        by("otto", lambda c: c.users.create(f"new-{tag}"))
    made = by("vera", lambda c: c.users.create(f"new-{tag}", email=f"new-{tag}@x.org", first_name="Nina", organization="Org"))
    assert made.name == f"new-{tag}"
    assert made.id
    with pytest.raises(CartaDuplicate, match="already exists"):
        by("vera", lambda c: c.users.create(f"new-{tag}", organization="Org"))
    assert by("otto", lambda c: c.users.search(f"new-{tag}")) == by("otto", lambda c: c.users.search(f"new-{tag}@x.org", by="email"))
    assert [user.name for user in by("otto", lambda c: c.users.search(f"new-{tag}", prefix=True))] == [f"new-{tag}"]
    assert by("otto", lambda c: c.users.search("nobody")) == ()


def test_groups_are_made_and_joined(by: As, tag: str) -> None:
    group = f"Org:Team {tag} #1"
    by("olga", lambda c: c.groups.create(group))
    with pytest.raises(CartaDuplicate):
        by("olga", lambda c: c.groups.create(group))
    by("olga", lambda c: c.groups.add_member(group, "otto"))
    assert "otto" in [user.name for user in by("olga", lambda c: c.groups.members(group))]
    with pytest.raises(CartaNotFound):
        by("olga", lambda c: c.groups.add_member(f"Org:Nothing-{tag}", "otto"))


def test_projects_permissions_and_refusals(by: As, tag: str) -> None:
    project = by("olga", lambda c: c.projects.create(f"P-{tag}", "bucket"))
    assert (project.type, project.name) == ("Project", f"P-{tag}")
    assert "Project" in by("olga", lambda c: c.resources.types())
    with pytest.raises((CartaForbidden, CartaNotFound)):
        by("otto", lambda c: c.resources.get("Project", project.id))
    with pytest.raises((CartaForbidden, CartaNotFound)):
        by("otto", lambda c: c.permissions.grant(project.id, "otto", "Owner"))
    by("olga", lambda c: c.permissions.grant(project.id, "otto", "Guest"))
    assert by("otto", lambda c: c.resources.get("Project", project.id)).permission == READ
    assert project.id in [found.id for found in by("otto", lambda c: c.resources.list("Project"))]
    with pytest.raises(CartaForbidden):
        by("otto", lambda c: c.permissions.grant(project.id, "otto", "Editor"))
    by("olga", lambda c: c.permissions.grant(project.id, "otto", "Editor"))
    assert by("olga", lambda c: c.permissions.held(project.id, "otto")) == EDITOR
    entries = {entry.name: entry.permission for entry in by("olga", lambda c: c.permissions.show(project.id))}
    assert entries == {"olga": MANAGER, "otto": EDITOR}
    by("olga", lambda c: c.permissions.grant(project.id, "Org:All", "Guest", user_type="UserGroup"))
    by("olga", lambda c: c.permissions.revoke(project.id, "otto"))
    assert by("otto", lambda c: c.resources.get("Project", project.id)).permission == READ
    with pytest.raises(CartaError):
        by("otto", lambda c: c.projects.delete(project.id))
    connection = by("olga", lambda c: c.connections.create(project.id, Connection("C", backend="s3", key_path="k/")))
    assert (connection.name, connection.key_path) == ("C", "k/")
    by("olga", lambda c: c.connections.delete(connection.id))
    by("olga", lambda c: c.projects.delete(project.id))
    with pytest.raises(CartaError):
        by("olga", lambda c: c.resources.get("Project", project.id))


def test_secrets_are_ones_own(by: As, tag: str) -> None:
    by("olga", lambda c: c.secrets.put(f"api_key-{tag}", "s3cret value"))
    assert by("olga", lambda c: c.secrets.get(f"Api-key-{tag}")) == "s3cret value"
    with pytest.raises(CartaError):
        by("otto", lambda c: c.secrets.get(f"api_key-{tag}"))


def test_namespaces_and_services_are_registered_renamed_and_called(by: As, tag: str) -> None:
    seen: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = (await receive())["body"]
        seen.append({"method": scope["method"], "path": scope["path"], "query": scope["query_string"], "body": body})
        status = 418 if scope["path"].endswith("teapot") else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b'{"answer": 42}'})

    namespace = f"ns-{tag}"
    by("olga", lambda c: c.namespaces.reserve(namespace))
    with pytest.raises(CartaDuplicate):
        by("otto", lambda c: c.namespaces.reserve(namespace))
    assert by("olga", lambda c: c.namespaces.get(namespace)).name == namespace
    with pytest.raises(CartaForbidden):
        by("otto", lambda c: c.namespaces.get(namespace))
    with serving_asgi(app) as port:
        with pytest.raises(CartaInvalid, match="baseUrl"):
            by("olga", lambda c: c.services.register(namespace, "one", ""))
        by("olga", lambda c: c.services.register(namespace, "one", f"http://127.0.0.1:{port}/base"))
        by("olga", lambda c: c.services.rename(namespace, "one", "two"))
        assert by("olga", lambda c: c.services.get(namespace, "two")).name == "two"
        called = by("olga", lambda c: c.services.call(namespace, "two", "runs/7", method="POST", query={"q": "a b"}, json={"x": 1}))
        assert called.json() == {"answer": 42}
        assert (seen[-1]["method"], seen[-1]["path"], seen[-1]["body"]) == ("POST", "/base/runs/7", b'{"x": 1}')
        with pytest.raises(CartaError) as caught:
            by("olga", lambda c: c.services.call(namespace, "two", "teapot"))
        assert caught.value.status == 418
        count = len(seen)
        with pytest.raises((CartaForbidden, CartaNotFound)):
            by("otto", lambda c: c.services.call(namespace, "two", "runs/7"))
        assert len(seen) == count
    by("olga", lambda c: c.services.unregister(namespace, "two"))
    by("olga", lambda c: c.namespaces.remove(namespace))
    with pytest.raises(CartaNotFound):
        by("olga", lambda c: c.namespaces.get(namespace))


def test_nodes_and_permissions_in_three_tiers(by: As, embedded: EmbeddedCarta, tag: str) -> None:
    node = by("olga", lambda c: c.graph.create(f"N-{tag}", ["Sample"], {"colour": "blue"}))
    assert (node.name, node.props) == (f"N-{tag}", {"colour": "blue"})
    assert by("olga", lambda c: c.graph.get(node.id)) == node
    assert by("olga", lambda c: c.graph.held("self", node.id)) == Permission.ALL
    assert "Sample" in by("olga", lambda c: c.graph.labels("self"))
    listed = {found.id: found.permission for found in by("olga", lambda c: c.graph.list_resources("self", "Sample"))}
    assert listed[node.id] == Permission.ALL
    (otto,) = by("olga", lambda c: c.users.search("otto"))
    with pytest.raises((CartaForbidden, CartaNotFound)):
        by("otto", lambda c: c.graph.grant("self", node.id, PermissionSet(user=READ)))
    tiers = PermissionSet(user=READ)
    assert by("olga", lambda c: c.graph.grant(otto.id, node.id, tiers)) == tiers
    assert by("olga", lambda c: c.graph.direct(otto.id, node.id)) == tiers
    assert by("otto", lambda c: c.graph.held("self", node.id)) == READ
    assert "otto" in [accessor.name for accessor in by("olga", lambda c: c.graph.accessors(node.id))]
    by("olga", lambda c: c.graph.revoke(otto.id, node.id))
    with pytest.raises((CartaForbidden, CartaNotFound)):
        by("otto", lambda c: c.graph.get(node.id))
    assert by("olga", lambda c: c.graph.update(node.id, name="M", props={})).name == "M"
    by("olga", lambda c: c.graph.delete(node.id))
    with pytest.raises(CartaNotFound):
        by("olga", lambda c: c.graph.get(node.id))


def test_an_api_token_opens_what_it_lists_and_nothing_else(embedded: EmbeddedCarta, by: As, ask: Ask, tag: str) -> None:
    expires = datetime.now(UTC) + timedelta(hours=1)
    token = by("olga", lambda c: c.tokens.create(f"ci-{tag}", ["GET /user"], expires=expires, uses=3))
    assert abs(token.expires - expires) < timedelta(seconds=1)
    login = ApiTokenLogin(token.token)
    assert ask(embedded.url, login, lambda c: c.users.current()).name == "olga"
    with pytest.raises((CartaForbidden, CartaUnauthorized)):
        ask(embedded.url, login, lambda c: c.resources.list("Project"))
    with pytest.raises(CartaDuplicate):
        by("olga", lambda c: c.tokens.create(f"ci-{tag}", ["GET /user"]))
    (listed,) = [found for found in by("olga", lambda c: c.tokens.list()) if found.name == f"ci-{tag}"]
    assert listed.token != token.token
    by("olga", lambda c: c.tokens.revoke(f"ci-{tag}"))
    with pytest.raises(CartaUnauthorized):
        ask(embedded.url, login, lambda c: c.users.current())
    by("olga", lambda c: c.tokens.delete(f"ci-{tag}"))


def test_the_pool_is_told_to_everybody_and_its_rules_to_users(embedded: EmbeddedCarta, by: As, ask: Ask) -> None:
    known = ask(embedded.url, None, lambda c: c.pool.login())
    assert known.client_id == embedded.client_id
    assert by("olga", lambda c: c.pool.info()).user_pool_id == known.user_pool_id
    assert by("olga", lambda c: c.pool.password_policy()).minimum_length > 0
