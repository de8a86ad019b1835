"""What a driver did, call by call, as JSON on standard output: what came back, or what was raised."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

__all__ = ["agent", "done", "record", "results"]

results: dict[str, Any] = {}

# Some calls are deprecated, and some names are changed: the client says so, and does it.
warnings.simplefilter("ignore")


def record(name: str, call: Callable[[], Any]) -> Any:
    """Keep what a call returns, or the exception's name and text; returns what the call returned."""
    try:
        value = call()
    except Exception as fault:
        results[name] = {"raised": type(fault).__name__, "text": str(fault)}
        return None
    results[name] = value
    return value


def agent(user: str) -> Any:
    """An agent of a user who logs in with a password, by SRP."""
    from pycarta.auth.agent import CartaAgent

    return CartaAgent(username=user, password=f"{user}-develops-1", host=os.environ["CARTA_HOST"])


def done() -> None:
    """Tell what was kept."""
    json.dump(results, sys.stdout)
