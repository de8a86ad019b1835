"""Casbin and pemba with many grants: ``python -m benchmarks.subjects.peer_sizes WHAT GRANTS [FOLDER prepare|start]``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.subjects.growing import GRANTS_EACH, asked, grown, say, some
from benchmarks.subjects.peer_casbin import enforcer_files
from benchmarks.subjects.peer_engines import PEMBA_SCHEMA

_MODEL = """
[request_definition]
r = sub, obj, act

[policy_definition]
p = sub, obj, act

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = r.sub == p.sub && r.obj == p.obj && r.act == p.act
"""


def _pairs(grants: int) -> Iterator[tuple[int, int]]:
    """All grants, as numbers of user and resource."""
    for number in range(grants):
        yield number % GRANTS_EACH, number // GRANTS_EACH


def _casbin(grants: int) -> None:
    import casbin

    model, policy = enforcer_files(_MODEL, "")

    def build() -> Any:
        enforcer = casbin.Enforcer(model, policy)
        enforcer.enable_auto_save(False)
        enforcer.add_policies([[f"user{user}", f"project{resource}", "read"] for user, resource in _pairs(grants)])
        return enforcer

    enforcer, told = grown(build, grants, python=True)

    def ask(question: tuple[int, int]) -> None:
        assert enforcer.enforce(f"user{question[0]}", f"project{question[1]}", "read")

    few = grants > 1_000
    say({**told, **asked(ask, some(grants), pairs=4 if few else 20, batch=1 if few else 5)})


def _pemba(grants: int) -> None:
    engine, told = grown(lambda: _filled(grants), grants, python=False)

    def ask(question: tuple[int, int]) -> None:
        assert engine.check(f"project:p{question[1]}", "read", f"user:u{question[0]}")

    if grants < 100_000:
        # It is not Python's memory, and grows by whole pages.
        told["bytes"] = None
    say({**told, **asked(ask, some(grants))})


def _filled(grants: int, path: Path | None = None) -> Any:
    from pemba import Engine

    engine = Engine.memory() if path is None else Engine.sqlite(path)
    engine.write_schema(PEMBA_SCHEMA)
    pairs, done = _pairs(grants), 0
    while done < grants:
        batch = [f"project:p{resource}#reader@user:u{user}" for _, (user, resource) in zip(range(1_000), pairs, strict=False)]
        engine.write(touch=batch)
        done += len(batch)
    return engine


def _start(engine: Any, started: float) -> None:
    assert engine.check("project:p1", "read", "user:u1")
    say({"ms": (perf_counter() - started) * 1000})


def main(what: str, grants: int, folder: str = "", step: str = "") -> None:
    path = Path(folder) / "pemba.db"
    match what, step:
        case "casbin", _:
            _casbin(grants)
        case "pemba", _:
            _pemba(grants)
        case "pemba start", "prepare":
            say({"quick": False})
        case "pemba start", _:
            start = perf_counter()
            _start(_filled(grants), start)
        case "pemba file", "prepare":
            _filled(grants, path)
            say({"quick": True})
        case "pemba file", _:
            from pemba import Engine

            start = perf_counter()
            _start(Engine.sqlite(path), start)
        case _:
            raise ValueError(what)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
