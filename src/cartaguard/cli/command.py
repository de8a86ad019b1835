"""How a command is made: a function that takes a :class:`Session` gets the options that all commands share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, Concatenate, ParamSpec, TypeAlias, TypeVar

import typer

from cartaguard.cli.session import Session, Where

__all__ = ["Yes", "command", "group"]

P = ParamSpec("P")
T = TypeVar("T", int, None)

_Host: TypeAlias = Annotated[str | None, typer.Option("--host", metavar="URL", help="Carta's address, in place of CARTA_HOST.")]
_Profile: TypeAlias = Annotated[str | None, typer.Option("--profile", metavar="NAME", help="A stored login, in place of CARTA_PROFILE.")]
_Environment: TypeAlias = Annotated[
    str | None, typer.Option("--environment", metavar="NAME", help="`production` or `sandbox`, in place of CARTA_ENV.")
]
_Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]

#: For commands that destroy something.
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

_SHARED = {"host": (_Host, None), "profile": (_Profile, None), "environment": (_Environment, None), "json": (_Json, False)}


def group(app: typer.Typer, name: str, about: str) -> typer.Typer:
    """A group of commands, such as ``cartaguard user``."""
    made = typer.Typer(help=about, rich_markup_mode=None)
    app.add_typer(made, name=name)
    return made


def command(app: typer.Typer, name: str) -> Callable[[Callable[Concatenate[Session, P], T]], Callable[Concatenate[Session, P], T]]:
    """Make a function a command of this name.

    Its first parameter is the session, the others are Typer's. It returns the exit code, or nothing when all went well.
    """

    def add(function: Callable[Concatenate[Session, P], T]) -> Callable[Concatenate[Session, P], T]:
        @functools.wraps(function)
        def run(host: str | None, profile: str | None, environment: str | None, json: bool, **given: Any) -> T:
            with Session(Where(host, profile, environment), as_json=json) as session:
                return function(session, **given)  # type: ignore[call-arg] # Typer gives what the signature below asks for

        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        shared = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for key, (annotation, default) in _SHARED.items()
        ]
        parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + shared
        setattr(run, "__signature__", inspect.Signature(parameters))  # noqa: B010 (no attribute that types know)
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        app.command(name)(run)
        return function

    return add
