"""The machine that numbers were measured on, as far as it matters for them."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.environments import FOLDER, OURS, versions

__all__ = ["SCRATCH", "described", "load"]

#: Results that nobody is meant to read but to see that they came.
SCRATCH = FOLDER / "quick.json"

_TOLD = ("cartaguard", "starlette", "fastapi", "flask", "werkzeug", "pyjwt", "cryptography", "uvicorn", "uvloop", "httptools", "gunicorn")


def described() -> dict[str, Any]:
    """A description without names of places or people."""
    installed = versions(OURS)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "optimised": bool(sys.flags.optimize),
        "versions": {name: installed[name] for name in _TOLD if name in installed},
    }


def load() -> float:
    """How many processes wanted to run during the last minute."""
    return round(os.getloadavg()[0], 2)


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
