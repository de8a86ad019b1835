"""Environments: cartaguard's own, and one for each library that stands beside it, made on first use."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
import venv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["FOLDER", "OURS", "Environment", "Missing", "environment", "pins", "versions"]

HERE = Path(__file__).parent

#: Where the environments are made; git ignores it.
FOLDER = HERE.parent / ".bench"


class Missing(Exception):
    """A library cannot be installed here; the text says why."""


@dataclass(frozen=True)
class Environment:
    name: str
    python: Path


#: The environment that this runs in, with cartaguard in it.
OURS = Environment("cartaguard", Path(sys.executable))


@cache
def pins() -> dict[str, Any]:
    """What is to be installed for each library, with exact versions: ``peers.toml``."""
    return tomllib.loads((HERE / "peers.toml").read_text(encoding="utf-8"))


@cache
def environment(name: str) -> Environment:
    """The environment of a library.

    :raises Missing: it cannot be installed.
    """
    packages: list[str] = pins()[name]["packages"]
    folder = FOLDER / name
    python = folder / "bin" / "python"
    stamp = folder / ".packages"
    wanted = hashlib.sha256(json.dumps([packages, sys.version]).encode()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="ascii") != wanted:
        print(f"  making the environment of {name}", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing(f"pip cannot install it: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
        stamp.write_text(wanted, encoding="ascii")
    return Environment(name, python)


@cache
def versions(environment: Environment) -> dict[str, str]:
    """The versions of everything in an environment."""
    listing = "import json, importlib.metadata as m; print(json.dumps({d.name.lower(): d.version for d in m.distributions()}))"
    done = subprocess.run([str(environment.python), "-c", listing], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found
