"""``cartaguard health``: whether what an application's settings name can be had from this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["register"]

_COLUMNS = {"part": "part", "source": "source", "state": "state", "level": "level", "age (s)": "age", "again in (s)": "retry_after"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(health)


def health(
    settings: Annotated[Path | None, typer.Option(metavar="FILE", help="The settings; without it the environment's.")] = None,
    probe: Annotated[bool, typer.Option("--probe", help="Ask each source, in place of telling only what there is.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> int:
    """Tell how keys, directories, cache and bus are; exit with 1 when no keys or no facts can be had."""
    from cartaguard.cli.errors import REFUSED
    from cartaguard.cli.output import Output
    from cartaguard.model.health import PARTS
    from cartaguard.settings import Settings

    guard = (Settings.from_env() if settings is None else Settings.from_file(settings)).guard()
    try:
        told = guard.health(probe=probe)
    finally:
        guard.close()
    out, whole = Output(as_json=json), told.as_dict()
    if not json:
        empty = {"age": None, "retry_after": None}
        out.listing([{"part": part, **empty, **source} for part in PARTS for source in whole[part]["sources"]], _COLUMNS)
    out.done(whole, told.status)
    return REFUSED if told.status == "down" else 0
