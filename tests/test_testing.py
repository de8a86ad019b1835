"""What `cartaguard.testing` gives to the tests of an application."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import httpx
import pytest

from cartaguard import Issuer, Permission, Resource, TokenVerifier
from cartaguard.directories.carta import CartaDirectory
from cartaguard.drivers import blocking
from cartaguard.errors import CartaGuardError, ConfigurationError
from cartaguard.model.facts import PermissionNeed
from cartaguard.testing import EmbeddedCarta

P1 = Resource("Project", "p1")


def test_the_fixture_is_an_embedded_carta_that_is_empty(embedded_carta: EmbeddedCarta) -> None:
    auth = httpx.get(f"{embedded_carta.url}/auth").json()
    assert auth["issuer"] == embedded_carta.issuer
    assert auth["jwksUri"] == embedded_carta.jwks_uri
    assert auth["userPoolWebClientId"] == embedded_carta.client_id
    assert embedded_carta.issuer.startswith(embedded_carta.cognito_url)
    with pytest.raises(CartaGuardError):
        embedded_carta.token("olga")


def test_users_groups_resources_and_grants_can_be_added_and_are_what_carta_says(embedded_carta: EmbeddedCarta) -> None:
    carta = embedded_carta
    subject = carta.add_user("alice", password="alices", groups=["OrgA:Team"], organization="OrgA", email="alice@orga.example")
    carta.add_user("bob")
    carta.add_member("OrgA:All", "OrgA:Team", kind="group")
    carta.add_resource("Project:p1", owner="bob", name="One")
    carta.grant(P1, to="group:OrgA:All", role="Guest")
    answer = httpx.get(f"{carta.url}/user", headers={"Authorization": f"Bearer {carta.token('alice')}"}).json()
    assert (answer["id"], answer["groups"], answer["email"]) == (subject, ["OrgA:All", "OrgA:Team"], "alice@orga.example")
    held = {"alice": Permission.READ, "bob": Permission.of("read", "write", "execute", "clone", "admin")}
    verifier = TokenVerifier([Issuer.carta(carta.url)])
    for name, permission in held.items():
        principal = blocking.run(verifier.authenticate_steps([b"Bearer " + carta.token(name).encode()]))
        need = PermissionNeed(principal, P1)
        facts = blocking.run(CartaDirectory(carta.url).fetch([need]))
        assert facts[need].permission == permission  # type: ignore[union-attr]
    assert httpx.post(f"{carta.url}/dev/token", data={"username": "alice", "password": "alices"}).status_code == 200


def test_a_role_of_none_takes_a_grant_away(embedded_carta: EmbeddedCarta) -> None:
    carta = embedded_carta
    carta.add_user("alice")
    carta.add_resource(P1, owner="bob")
    headers = {"Authorization": f"Bearer {carta.token('alice')}"}
    for role, status in (("Editor", 200), ("None", 403)):
        carta.grant("Project:p1", to="user:alice", role=role)
        assert httpx.get(f"{carta.url}/permissions/resources/Project/p1", headers=headers).status_code == status


@pytest.mark.parametrize(
    "wrong",
    [
        lambda carta: carta.add_user("alice"),
        lambda carta: carta.add_user(" "),
        lambda carta: carta.add_resource("Service:p1", owner="alice"),
        lambda carta: carta.grant("Project:p1", to="alice", role="Guest"),
        lambda carta: carta.grant("Project:p1", to="user:bob", role="guest"),
        lambda carta: carta.grant("Project:p1", to="user:bob", role="Owner"),
        lambda carta: carta.token("nobody"),
        lambda carta: carta.start(),
    ],
)
def test_what_cannot_be_is_a_cartaguard_error(embedded_carta: EmbeddedCarta, wrong: Callable[[EmbeddedCarta], object]) -> None:
    embedded_carta.add_user("alice")
    embedded_carta.add_resource("Project:p1", owner="alice")
    with pytest.raises(CartaGuardError):
        wrong(embedded_carta)


def test_outside_its_block_it_says_that_it_does_not_run() -> None:
    carta = EmbeddedCarta()
    carta.stop()
    with pytest.raises(ConfigurationError, match="does not run"):
        _ = carta.url
    with carta:
        assert carta.url
    with pytest.raises(ConfigurationError, match="does not run"):
        carta.token("olga")


def test_it_can_have_the_people_of_the_development_server() -> None:
    with EmbeddedCarta(seed=True) as carta:
        assert carta.token("olga")


@pytest.mark.parametrize("module", ["cartaguard.testing", "cartaguard.pytest_plugin"])
def test_importing_it_imports_no_server(module: str) -> None:
    heavy = "{'starlette', 'uvicorn', 'sqlalchemy', 'httpx', 'httpx2', 'jwt', 'cryptography', 'typer'}"
    code = f"import sys, {module}; sys.exit(str(sorted({heavy} & set(sys.modules))) if {heavy} & set(sys.modules) else 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
