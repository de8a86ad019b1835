"""``cartaguard service``: services behind Carta."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from cartaguard.cli import asking
from cartaguard.cli.command import Yes, command, group
from cartaguard.cli.session import Session

__all__ = ["register"]

_Service: TypeAlias = Annotated[str, typer.Argument(metavar="NAMESPACE/NAME", help="The service.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    from cartaguard.cli.service_call import call

    services = group(app, "service", "Services behind Carta: register, rename, unregister, show, list, call.")
    command(services, "register")(add)
    command(services, "rename")(rename)
    command(services, "unregister")(unregister)
    command(services, "show")(show)
    command(services, "list")(list_all)
    command(services, "call")(call)


def add(session: Session, service: _Service, url: Annotated[str, typer.Argument(metavar="URL", help="Where Carta reaches it.")]) -> None:
    """Register a service, and own it."""
    from cartaguard.cli.addresses import service_name
    from cartaguard.cli.shapes import resource

    namespace, name = service_name(service)
    made = session.client.services.register(namespace, name, url)
    session.out.done(resource(made), f"registered Service:{service} at {url}")


def rename(session: Session, service: _Service, new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")]) -> None:
    """Give a service another name within its namespace."""
    from cartaguard.cli.addresses import service_name

    namespace, name = service_name(service)
    session.client.services.rename(namespace, name, new)
    session.out.done({"service": f"{namespace}/{new}"}, f"Service:{service} is now Service:{namespace}/{new}")


def unregister(session: Session, service: _Service, yes: Yes = False) -> None:
    """Remove a service."""
    from cartaguard.cli.addresses import service_name

    namespace, name = service_name(service)
    asking.confirm(f"Remove the service {service}?", yes=yes)
    session.client.services.unregister(namespace, name)
    session.out.done({"service": service}, f"removed Service:{service}")


def show(session: Session, service: _Service) -> None:
    """Show a service."""
    from cartaguard.cli.addresses import service_name
    from cartaguard.cli.shapes import resource

    namespace, name = service_name(service)
    session.out.details(resource(session.client.services.get(namespace, name)))


def list_all(session: Session) -> None:
    """List the services that one can reach."""
    from cartaguard.cli.resource import list_of

    list_of(session, "Service", {"address": "baseUrl"})
