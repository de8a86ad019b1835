"""The real pycarta, of either generation, in a virtual environment of its own, installed from the package registry."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import venv
from hashlib import sha256
from pathlib import Path

__all__ = ["VERSIONS", "pycarta_python", "run_in_pycarta"]

#: The newest of each generation of Carta's client.
VERSIONS = ("0.3.12", "0.2.4")

#: What `pycarta.services` needs and does not ask for.
_MORE = ("fastapi", "uvicorn", "websockets", "inflection", "itsdangerous")

_CACHE = Path(__file__).parents[2] / ".pytest_cache" / "d" / "pycarta"


def pycarta_python(version: str) -> Path:
    """The interpreter of an environment with this version of pycarta; made once and kept with pytest's cache.

    Several workers may ask at once: one installs, the others wait for it. Raises
    :class:`subprocess.CalledProcessError` when the packages cannot be had.
    """
    wanted = (f"pycarta=={version}", *_MORE)
    mark = sha256(repr((wanted, sys.version)).encode()).hexdigest()[:12]
    folder = _CACHE / f"{version}-{mark}"
    python = folder / "bin" / "python"
    ready = folder / "ready"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / f"{version}-{mark}.lock").open("w") as lock:
        # The lock goes with the process that holds it, so that one which was killed keeps nobody waiting.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            venv.create(folder, clear=True, with_pip=True)
            # It says that it needs Python 3.12; what is used of it runs on 3.11.
            command = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--ignore-requires-python", *wanted]
            subprocess.run(command, check=True, env=_clean(os.environ))
            ready.touch()
    return python


def run_in_pycarta(version: str, script: str, *arguments: str, home: Path, environment: dict[str, str] | None = None) -> str:
    """Run a script with this version of pycarta and return what it prints; fails with what it said on standard error.

    :param home: the home folder that it sees, since pycarta writes its profiles there while it is imported.
    :param environment: variables beyond ``PATH`` and ``HOME``; none of this process's are handed on.
    """
    variables = {"PATH": os.environ["PATH"], "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true", **(environment or {})}
    done = subprocess.run(
        [str(pycarta_python(version)), "-c", script, *arguments], env=variables, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"pycarta {version} ended with {done.returncode}:\n{done.stderr}\n{done.stdout}"
    return done.stdout


def _clean(variables: os._Environ[str]) -> dict[str, str]:
    """This process's environment without what would make pip look at another Python."""
    return {key: value for key, value in variables.items() if key not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}}
