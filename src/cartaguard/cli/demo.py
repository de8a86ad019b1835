"""``cartaguard demo``: see the main job done, in a few seconds and on this machine alone."""

from __future__ import annotations

from typing import Annotated

import typer

from cartaguard.errors import ConfigurationError

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the sub-command."""
    app.command()(demo)


def demo(
    serve: Annotated[bool, typer.Option("--serve", help="Keep everything running, with addresses, tokens and commands to try.")] = False,
) -> int:
    """Guard one application in FastAPI, Starlette, Flask and WSGI, ask each as six callers, and show who gets what."""
    try:
        from rich.console import Console

        from cartaguard.cli.demo_run import show
    except ImportError as fault:
        raise ConfigurationError(f'`{fault.name}` is missing; install what the demo needs: pip install "cartaguard[demo]"') from None
    try:
        return show(Console(), serve=serve)
    except KeyboardInterrupt:
        return 130
