"""``cartaguard dev``: the embedded Carta, for development."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cartaguard.errors import ConfigurationError

__all__ = ["register"]

_commands = typer.Typer(help="A Carta on this machine, with people, projects and tokens, for development.", rich_markup_mode=None)

_DATA = "An SQLite file, or `postgresql+psycopg://USER@HOST/NAME`; by default a file in your state folder."
_Data = Annotated[str | None, typer.Option("--data", help=_DATA, show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the sub-command."""
    app.add_typer(_commands, name="dev")


@_commands.callback(invoke_without_command=True)
def dev(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 for a free one.")] = 8765,
    data: _Data = None,
    reset: Annotated[bool, typer.Option("--reset", help="Forget what the file holds and begin anew.")] = False,
    allow_remote: Annotated[bool, typer.Option("--allow-remote", help="Let other machines in.")] = False,
    service_host: Annotated[
        list[str] | None, typer.Option(help="A host besides this machine where services may be: NAME, or NAME:PORT.", show_default=False)
    ] = None,
) -> None:
    """A Carta on this machine, with people, projects and tokens, for development."""
    context.obj = data
    if context.invoked_subcommand is not None:
        return
    from cartaguard.devserver.server import Listener, Server
    from cartaguard.devserver.store import Store
    from cartaguard.devserver.welcome import welcome
    from cartaguard.http.urls import is_loopback

    if not is_loopback(host) and not allow_remote:
        raise ConfigurationError(
            f"`{host}` is not this machine alone, and everybody knows the passwords; if you mean it, add `--allow-remote`"
        )
    listener = Listener(host, port)
    try:
        store = Store(_place(data), emptied=reset)
    except ConfigurationError:
        listener.socket.close()
        raise
    server = Server(listener, store, service_hosts=service_host or ())
    print("\n".join(welcome(server.carta)), flush=True)
    if not is_loopback(host):
        print("\nWARNING: other machines can reach this server, and everybody knows its passwords.", flush=True)
    print(f"\nEverything is in {store.shown}. Stop with Ctrl-C.", flush=True)
    try:
        server.serve()
    except KeyboardInterrupt:
        print("Stopped.")


@_commands.command()
def rotate(context: typer.Context, data: _Data = None) -> None:
    """Make new signing keys. The old ones stay published until what they signed has expired."""
    from cartaguard.devserver.store import Store

    place = _place(data or context.obj)
    if "://" not in place and not Path(place).exists():
        raise ConfigurationError(f"`{place}` does not exist; run `cartaguard dev` first, or name the file with `--data`")
    store = Store(place)
    store.transact(lambda tables: tables.keys.rotate())
    store.close()
    print(f"New tokens are signed with new keys from now on ({store.shown}).")


def _place(data: str | None) -> str:
    if data is not None:
        return data
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "cartaguard"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(folder / "dev.sqlite")
