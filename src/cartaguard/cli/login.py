"""``cartaguard login``, ``logout`` and ``whoami``: who this person is at Carta."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from cartaguard.cli import asking
from cartaguard.cli.command import command
from cartaguard.cli.session import DEFAULT_PROFILE, Session
from cartaguard.errors import CartaForbidden, LoginError, ParameterError

if TYPE_CHECKING:
    from cartaguard.carta.perform import Login

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "login")(login)
    command(app, "logout")(logout)
    command(app, "whoami")(whoami)


def login(
    session: Session,
    username: Annotated[str, typer.Option("--username", metavar="NAME", help="The login name; asked for when left out.")] = "",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password, or the key, from standard input.")] = False,
    api_token: Annotated[bool, typer.Option("--api-token", help="Log in with the key of an API token.")] = False,
) -> None:
    """Log in, and keep the login as the profile `default`, or that of --profile."""
    from cartaguard.carta.environment import host_of
    from cartaguard.carta.login import API_TOKEN_USER, ApiTokenLogin, PasswordLogin
    from cartaguard.carta.profiles import Profile, Profiles

    where = session.where
    environment = where.host or os.environ.get("CARTA_HOST") or where.environment or os.environ.get("CARTA_ENV") or "production"
    host = host_of(environment)
    if api_token and username:
        raise ParameterError("an API token needs no user name; leave out `--username`")
    if not api_token and not username:
        username = asking.text("User name", "give `--username`")
    what = "Key" if api_token else "Password"
    secret = asking.from_stdin(what) if password_stdin else asking.secret(what, "give it on standard input, with `--password-stdin`")
    name = _proved(host, ApiTokenLogin(secret) if api_token else PasswordLogin(username, secret))
    profile = Profile(_chosen(session), username=API_TOKEN_USER if api_token else username, environment=environment, password=secret)
    for note in Profiles().save(profile):
        session.out.note(note)
    session.out.done(
        {"profile": profile.name, "host": host, "name": name},
        f"logged in at {host} as {name or 'the owner of the API token'}; this is the profile `{profile.name}` from now on",
    )


def logout(session: Session) -> None:
    """Forget a login: the profile `default`, or that of --profile."""
    from cartaguard.carta.profiles import Profiles

    name = _chosen(session)
    if not Profiles().delete(name):
        raise LoginError(f"there is no profile `{name}`", code="no_profile")
    session.out.done({"profile": name}, f"the profile `{name}` is forgotten")


def whoami(session: Session) -> None:
    """Show who is logged in, where, and what says so."""
    from cartaguard.cli.shapes import person

    found = session.found
    session.out.details({"host": found.host, "source": found.source, **person(session.client.users.current())})


def _proved(host: str, login: Login) -> str:
    """The login's name at Carta, which is not known of an API token that may not ask for it."""
    from cartaguard.carta.client import CartaClient

    with CartaClient(host, login) as client:
        try:
            return client.users.current().name
        except CartaForbidden:
            return ""


def _chosen(session: Session) -> str:
    return session.where.profile or os.environ.get("CARTA_PROFILE") or DEFAULT_PROFILE
