"""For the tests of applications: a Carta of their own, with real keys and real tokens.

Needs ``pip install cartaguard[server]``. With pytest the fixture ``embedded_carta`` is there by itself.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from cartaguard.errors import ConfigurationError
from cartaguard.model.names import Resource
from cartaguard.model.role import Role

if TYPE_CHECKING:
    from cartaguard.devserver.carta import DevCarta
    from cartaguard.devserver.server import Server
    from cartaguard.devserver.store import Tables

__all__ = ["EmbeddedCarta"]


class EmbeddedCarta:
    """The server of ``cartaguard dev`` on a free port of this machine, in a thread.

    Use it in a ``with`` block. Names are Carta's; whatever it refuses is raised as
    :class:`~cartaguard.errors.CartaGuardError`.

    :param seed: whether it begins with the people and projects of ``cartaguard dev``; otherwise it is empty.
    :param store: where everything is kept: a file, or ``postgresql+psycopg://USER@HOST/NAME``. By default a file that goes
        away at the end.
    :param service_hosts: where services may be besides this machine: ``name`` for any port, or ``name:port``.
    :param plain_logins: whether its Cognito takes passwords as such too (USER_PASSWORD_AUTH), which Carta's does not.
    """

    def __init__(
        self,
        *,
        seed: bool = False,
        store: Path | str | None = None,
        plain_logins: bool = False,
        service_hosts: Collection[str] = (),
    ) -> None:
        self._seed = seed
        self._service_hosts = service_hosts
        self._store = store
        self._plain_logins = plain_logins
        self._server: Server | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> EmbeddedCarta:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to answer; returns once it does."""
        from cartaguard.devserver.server import Listener, Server
        from cartaguard.devserver.store import Store

        if self._server is not None:
            raise ConfigurationError("this embedded carta runs already; make another one")
        place = self._store
        if place is None:
            self._folder = tempfile.TemporaryDirectory(prefix="cartaguard-")
            place = Path(self._folder.name) / "carta.sqlite"
        store = Store(place, seeded=self._seed)
        self._server = Server(Listener("127.0.0.1", 0), store, plain_logins=self._plain_logins, service_hosts=self._service_hosts)
        self._server.start()

    def stop(self) -> None:
        """End it, and forget everything unless it was told where to keep it. Does nothing when it does not run."""
        server, folder = self._server, self._folder
        self._server = self._folder = None
        if server is not None:
            server.stop()
        if folder is not None:
            folder.cleanup()

    @property
    def url(self) -> str:
        """Carta's address, for ``CartaDirectory`` and ``Issuer.carta``."""
        return self._carta.url

    @property
    def cognito_url(self) -> str:
        """The address of its Cognito, for ``AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER``."""
        return self._carta.cognito_url

    @property
    def issuer(self) -> str:
        """What stands in its tokens' ``iss``."""
        return self._carta.issuer

    @property
    def jwks_uri(self) -> str:
        """Where its public keys are."""
        return self._carta.jwks_uri

    @property
    def client_id(self) -> str:
        """The client that its tokens are for."""
        return self._carta.pool.client_id

    def add_user(self, name: str, *, password: str = "", groups: Iterable[str] = (), organization: str = "", email: str = "") -> str:
        """Add a user, and the groups that are missing; returns the token's ``sub``.

        :param password: without one nobody knows it, and :meth:`token` is the only way to a token.
        """
        known = password or secrets.token_urlsafe()
        person = self._carta.store.transact(
            lambda tables: tables.people.add(name, known, pool_id=tables.pool.id, organization=organization, email=email)
        )
        for group in groups:
            self.add_member(group, name)
        return person.id

    def add_member(self, group: str, member: str, *, kind: str = "user") -> None:
        """Make a user or another group (``kind="group"``) a member of a group; groups that are missing are made."""

        def join(tables: Tables) -> None:
            for wanted in [group, member] if kind == "group" else [group]:
                if tables.groups.creator(wanted) is None:
                    tables.groups.add(wanted, creator="")
            tables.groups.join(group, member, kind=kind)

        self._carta.store.transact(join)

    def add_resource(self, resource: str | Resource, *, owner: str, **fields: Any) -> None:
        """Add a resource (``Project:p1``, ``Service:namespace/name``) that this user owns.

        :param fields: those of its type, such as ``name``, or ``baseUrl`` of a service.
        """
        self._carta.store.transact(lambda tables: tables.services.place(_resource(resource), owner=owner, fields=fields))

    def grant(self, resource: str | Resource, *, to: str, role: str) -> None:
        """Let a grantee hold a role on a resource: the role takes the place of an earlier one; ``None`` takes it away.

        :param to: ``user:NAME``, ``group:ORG:NAME`` or ``resource:TYPE:ID``.
        :param role: one of None, Guest, User, Editor.
        """
        from cartaguard.directories.graph import Grantee

        if role not in Role.names():
            raise ConfigurationError(f"`{role}` is not a role; use one of {', '.join(Role.names())}")
        grantee, permission = Grantee.parse(to), Role(role).permission
        self._carta.store.transact(lambda tables: tables.permissions.grant(_resource(resource), grantee, permission))

    def token(
        self,
        name: str,
        use: str = "id",
        *,
        lifetime: float = 3600,
        client_id: str | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> str:
        """A signed token of a user.

        :param use: ``id``, which is what Carta takes, or ``access``.
        :param lifetime: seconds; negative for a token that has expired.
        :param client_id: another client than the server's own.
        :param claims: claims to set, or with ``None`` to leave out, whatever the token is worth then.
        """
        return self._carta.token(name, use, lifetime=lifetime, client_id=client_id, claims=claims)

    def rotate_keys(self) -> None:
        """Sign with new keys from now on. The old ones are published until what they signed has expired."""
        self._carta.store.transact(lambda tables: tables.keys.rotate())

    @property
    def _carta(self) -> DevCarta:
        if self._server is None:
            raise ConfigurationError("this embedded carta does not run; use it in a `with` block")
        return self._server.carta


def _resource(resource: str | Resource) -> Resource:
    return resource if isinstance(resource, Resource) else Resource.parse(resource)
