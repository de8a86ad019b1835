"""Under gevent a thread is a greenlet: one fetch for all who wait, nobody left waiting, and nobody taken for another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).with_name("greenlets.py"))]
    # pytest has put the tests' own modules on the path of this process alone.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


def test_all_who_come_meanwhile_wait_for_one_fetch(told: dict[str, Any]) -> None:
    assert told["asked"] == dict.fromkeys(("olga", "adam", "ada", "bob", "eve"), 1)


def test_every_greenlet_is_answered_as_who_it_is_from_the_call_to_the_end_of_the_body(told: dict[str, Any]) -> None:
    permitted = [[name, "200", f"{name} {name}"] for name in ("ada", "adam", "olga")]
    assert told["answers"] == sorted([*permitted, ["bob", "403", ""], ["eve", "403", ""]])
