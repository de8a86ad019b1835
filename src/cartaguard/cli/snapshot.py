"""``cartaguard snapshot``: signed files of facts, to start and decide while their sources are down."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from cartaguard.errors import ConfigurationError

if TYPE_CHECKING:
    from cartaguard.directories.snapshot_layout import Header, Part
    from cartaguard.guard.guard import Guard

__all__ = ["register"]

_Path: TypeAlias = Annotated[Path, typer.Argument(metavar="PATH", help="The snapshot.")]
_KeyEnv: TypeAlias = Annotated[str | None, typer.Option(metavar="NAME", help="A variable with the shared secret, or a key as PEM.")]
_KeyFile: TypeAlias = Annotated[Path | None, typer.Option(metavar="FILE", help="A file with the shared secret, or a key as PEM.")]
_Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="Signed files of facts: write, show, verify.", rich_markup_mode=None)
    app.add_typer(commands, name="snapshot")
    commands.command()(write)
    commands.command()(show)
    commands.command()(verify)


def write(
    path: _Path,
    settings: Annotated[Path | None, typer.Option(metavar="FILE", help="The settings whose directories are written.")] = None,
    facts: Annotated[Path | None, typer.Option(metavar="FILE", help="A file of facts (.toml, .json, .sqlite, .db) in their place.")] = None,
    key_env: _KeyEnv = None,
    key_file: _KeyFile = None,
    namespace: Annotated[str, typer.Option(metavar="NAME", help="Which deployment it is for.")] = "",
    keys: Annotated[bool, typer.Option("--keys", help="Fetch the issuers' public keys, and write them too.")] = False,
    json: _Json = False,
) -> None:
    """Write a snapshot of all local facts. What is remembered of remote directories only a running service can write."""
    from cartaguard.cli.output import Output

    if (settings is None) is (facts is None):
        raise ConfigurationError("say either `--settings` or `--facts`")
    if keys and settings is None:
        raise ConfigurationError("`--keys` are those of the issuers in `--settings`")
    out, key = Output(as_json=json), _key(key_env, key_file)
    guard = _guard(settings, facts)
    try:
        if keys:
            guard.health(probe=True)
        with out.stages() as progress:
            header = guard.snapshot(path, key=key, namespace=namespace, progress=progress)
    finally:
        guard.close()
    told = _told(header, path)
    for part in told["parts"]:
        if "note" in part:
            out.note(f"{part['source']}: {part['note']}")
    out.done(told, f"wrote {path}: {_sizes(told)}")


def show(path: _Path, key_env: _KeyEnv = None, key_file: _KeyFile = None, json: _Json = False) -> None:
    """Tell what a snapshot is of. Its signature is verified, its facts are not."""
    from cartaguard.cli.output import Output

    told = _told(_opened(path, key_env, key_file, whole=False), path)
    out = Output(as_json=json)
    if json:
        out.done(told)
        return
    out.details({name: value for name, value in told.items() if name != "parts"})
    columns = {"directory": "source", **{name: name for name in ("kind", "users", "groups", "resources", "grants", "answers")}}
    out.listing([{**dict.fromkeys(columns.values()), **part} for part in told["parts"]], columns)


def verify(
    path: _Path,
    key_env: _KeyEnv = None,
    key_file: _KeyFile = None,
    max_age: Annotated[float | None, typer.Option(metavar="SECONDS", help="How old it may be.")] = None,
    namespace: Annotated[str | None, typer.Option(metavar="NAME", help="Which deployment it has to be for.")] = None,
    json: _Json = False,
) -> None:
    """Verify every byte of a snapshot; exit with 2 if it would be refused."""
    from cartaguard.cli.output import Output
    from cartaguard.errors import SnapshotError

    header = _opened(path, key_env, key_file, whole=True)
    told = _told(header, path)
    if namespace is not None and header.namespace != namespace:
        raise SnapshotError(f"`{path}` is for another namespace than `{namespace}`", code="snapshot_foreign")
    if max_age is not None and told["age"] > max_age:
        raise SnapshotError(f"`{path}` is {told['age']:.0f} s old; write it anew", code="snapshot_too_old")
    Output(as_json=json).done(told, f"{path} is whole, signed with this key, and {told['age']:.0f} s old: {_sizes(told)}")


def _guard(settings: Path | None, facts: Path | None) -> Guard:
    from cartaguard.directories.local import LocalDirectory
    from cartaguard.guard.guard import Guard
    from cartaguard.settings import Settings

    if facts is None:
        return Settings.from_file(str(settings)).guard()
    if facts.suffix in (".sqlite", ".sqlite3", ".db"):
        if not facts.exists():
            raise ConfigurationError(f"`{facts}` does not exist")
        return Guard(directory=LocalDirectory.open(facts))
    return Guard(directory=LocalDirectory.from_file(facts))


def _opened(path: Path, key_env: str | None, key_file: Path | None, *, whole: bool) -> Header:
    from cartaguard.directories.snapshot_file import open_snapshot
    from cartaguard.directories.snapshot_seal import seal_of

    return open_snapshot(path, seal_of(_key(key_env, key_file)), "whole" if whole else "as_read").header


def _key(name: str | None, file: Path | None) -> str:
    """The key that an option names; none is ever a word on the command line."""
    import os

    if (name is None) is (file is None):
        raise ConfigurationError("say either `--key-env` or `--key-file`")
    if file is not None:
        try:
            return file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as fault:
            raise ConfigurationError(f"`{file}` cannot be read ({type(fault).__name__})") from None
    key = os.environ.get(str(name), "").strip()
    if not key:
        raise ConfigurationError(f"the variable `{name}` is not set")
    return key


def _told(header: Header, path: Path) -> dict[str, Any]:
    """What there is to say of a snapshot."""
    import time
    from datetime import UTC, datetime

    return {
        "path": str(path),
        "bytes": path.stat().st_size,
        "created_at": datetime.fromtimestamp(header.created_at, UTC).isoformat(timespec="seconds"),
        "age": round(time.time() - header.created_at, 1),
        "signed": header.seal,
        "namespace": header.namespace,
        "issuers": list(header.issuers),
        "keys_of": [kept.issuer for kept in header.keys],
        "parts": [_part(part) for part in header.parts],
    }


def _part(part: Part) -> dict[str, Any]:
    from cartaguard.directories.snapshot_layout import Answers, LeftOut, Table

    match part:
        case Table(source, table):
            counts = table.counts
            sizes = {"users": counts.users, "groups": counts.groups, "resources": counts.resources, "grants": counts.grants}
            return {"kind": "table", "source": source, **sizes}
        case Answers():
            note = "of a remote directory only what is remembered is written, and in a command that is nothing"
            return {"kind": "answers", "source": part.source, "answers": part.count, **({} if part.count else {"note": note})}
        case LeftOut(source, why):
            return {"kind": "left out", "source": source, "note": f"left out, for {why}"}


def _sizes(told: dict[str, Any]) -> str:
    grants, answers = (sum(part.get(what, 0) for part in told["parts"]) for what in ("grants", "answers"))
    return f"{grants} grants, {answers} remembered answers, {told['bytes']} bytes"
