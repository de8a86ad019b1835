"""``cartaguard spicedb``: the schema of SpiceDB, and facts from elsewhere loaded into it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cartaguard.cli.command import group
from cartaguard.errors import ConfigurationError

if TYPE_CHECKING:
    from cartaguard.cli.output import Output
    from cartaguard.directories.local_store import Facts
    from cartaguard.directories.spicedb_calls import SpiceDB

__all__ = ["register"]

_Endpoint: TypeAlias = Annotated[str, typer.Option(metavar="HOST:PORT", envvar="SPICEDB_ENDPOINT", help="Where SpiceDB is.")]
_TokenEnv: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="The variable that holds the preshared key.")]
_TokenFile: TypeAlias = Annotated[Path | None, typer.Option(metavar="FILE", help="A file that holds the key, in place of a variable.")]
_Plaintext: TypeAlias = Annotated[bool, typer.Option("--plaintext", help="Without TLS; on this machine only.")]
_CaFile: TypeAlias = Annotated[Path | None, typer.Option(metavar="FILE", help="Certificates of whom to trust, in place of the usual ones.")]
_Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = group(app, "spicedb", "SpiceDB as the store of facts for many machines: its schema, and loading facts.")
    commands.command("schema")(schema)
    commands.command("sync")(sync)


def schema(
    write: Annotated[bool, typer.Option("--write", help="Store it in SpiceDB, in place of printing it.")] = False,
    endpoint: _Endpoint = "",
    token_env: _TokenEnv = "SPICEDB_TOKEN",  # noqa: S107 (the name of a variable)
    token_file: _TokenFile = None,
    plaintext: _Plaintext = False,
    ca_file: _CaFile = None,
    json: _Json = False,
) -> None:
    """Print SpiceDB's schema for Carta's model, or store it."""
    from cartaguard.cli.output import Output
    from cartaguard.directories.spicedb_schema import schema as text
    from cartaguard.directories.spicedb_sync import write_schema
    from cartaguard.drivers import blocking

    out = Output(as_json=json)
    if not write:
        out.value({"schema": text()}, text().rstrip())
        return
    with _spicedb(endpoint, token_env, token_file, plaintext, ca_file) as spicedb:
        blocking.run(write_schema(spicedb))
    out.done({"endpoint": endpoint, "written": True}, f"the schema is in {endpoint}")


def sync(
    facts: Annotated[Path | None, typer.Argument(metavar="[FACTS]", help="A local directory's .toml, .json or SQLite file.")] = None,
    carta: Annotated[bool, typer.Option("--carta", help="Carta's facts in place of a file's, as an administrator sees them.")] = False,
    endpoint: _Endpoint = "",
    token_env: _TokenEnv = "SPICEDB_TOKEN",  # noqa: S107 (the name of a variable)
    token_file: _TokenFile = None,
    plaintext: _Plaintext = False,
    ca_file: _CaFile = None,
    prune: Annotated[bool, typer.Option("--prune", help="Delete what the facts do not tell of, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; tell what would be written.")] = False,
    profile: Annotated[str | None, typer.Option(metavar="NAME", help="With --carta: a stored login, in place of CARTA_PROFILE.")] = None,
    host: Annotated[str | None, typer.Option(metavar="URL", help="With --carta: Carta's address, in place of CARTA_HOST.")] = None,
    json: _Json = False,
) -> None:
    """Load facts into SpiceDB, in place of what it holds about the same users, groups and resources.

    Only differences are written: what takes rights away first, and what gives them last. Run it again if it was interrupted.
    """
    from cartaguard.cli.output import Output
    from cartaguard.directories.spicedb_sync import planned, stored_rows
    from cartaguard.directories.spicedb_sync import sync as written
    from cartaguard.drivers import blocking

    out = Output(as_json=json)
    if (facts is None) is not carta:
        raise ConfigurationError("say whose facts: a file, or `--carta`")
    told = _of_carta(out, host, profile) if facts is None else _of_file(facts)
    with _spicedb(endpoint, token_env, token_file, plaintext, ca_file) as spicedb:
        with out.progress("reading what is stored"):
            stored = blocking.run(stored_rows(spicedb))
        plan = planned(stored, told.users, told.groups, told.resources, prune=prune)
        counts = {"added": len(plan.add), "deleted": len(plan.remove), "unchanged": plan.unchanged}
        token = ""
        if not dry_run:
            batches = list(plan.batches())
            with out.progress("writing", len(batches)) as advance:
                token = blocking.run(written(spicedb, plan, lambda _: advance()))
    what = f"{counts['added']} added, {counts['deleted']} deleted, {counts['unchanged']} unchanged"
    out.done({**counts, "dry_run": dry_run, "token": token}, f"{'would be: ' if dry_run else ''}{what}")


@contextmanager
def _spicedb(endpoint: str, token_env: str, token_file: Path | None, plaintext: bool, ca_file: Path | None) -> Iterator[SpiceDB]:
    from cartaguard.directories.spicedb_calls import SpiceDB
    from cartaguard.directories.spicedb_channel import Channels

    if not endpoint:
        raise ConfigurationError("say where SpiceDB is, with `--endpoint HOST:PORT` or SPICEDB_ENDPOINT")
    key = os.environ.get(token_env, "") if token_file is None else token_file.read_text(encoding="utf-8")
    if not key.strip():
        where = f"the variable `{token_env}`" if token_file is None else f"`{token_file}`"
        raise ConfigurationError(f"{where} holds no key; name another with `--token-env` or `--token-file`", code="missing_secret")
    channels = Channels(endpoint, key.strip(), tls=not plaintext, ca_file=ca_file)
    try:
        yield SpiceDB(channels)
    finally:
        channels.close()


def _of_file(path: Path) -> Facts:
    from cartaguard.directories.local import LocalDirectory
    from cartaguard.directories.local_store import Facts

    if path.suffix in (".toml", ".json"):
        directory = LocalDirectory.from_file(path)
    elif not path.is_file():
        # Opening it would make it.
        raise ConfigurationError(f"`{path}` is not there; name a .toml, .json or SQLite file", code="unreadable_file")
    else:
        directory = LocalDirectory.open(path)
    try:
        with directory.everything() as everything:
            return Facts(tuple(everything.users), tuple(everything.groups), tuple(everything.resources))
    finally:
        directory.close()


def _of_carta(out: Output, host: str | None, profile: str | None) -> Facts:
    from cartaguard.cli.session import Session, Where
    from cartaguard.cli.spicedb_carta import carta_facts

    with Session(Where(host, profile), as_json=out.as_json) as session, out.progress("asking Carta") as advance:
        return carta_facts(session.client, advance)
