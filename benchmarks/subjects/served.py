"""Applications for real servers: ``uvicorn --factory benchmarks.subjects.served:application`` and gunicorn's like.

Which one is said by the variables ``BENCH_KIT`` (a file), ``BENCH_WHO`` (``bare``, ``cartaguard``, ``cartaguard
routes``, ``pyjwt`` or ``three calls``) and ``BENCH_DOOR``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

__all__ = ["application"]

#: Routes of a served application.
_COUNT = 50


def application() -> Any:
    kit = json.loads(Path(os.environ["BENCH_KIT"]).read_text(encoding="utf-8"))
    who, door = os.environ["BENCH_WHO"], os.environ["BENCH_DOOR"]
    match who:
        case "bare":
            return _bare(door)
        case "cartaguard" | "cartaguard routes":
            from benchmarks.subjects.cartaguard_doors import applications_for

            return applications_for(kit, "fastapi routes" if who == "cartaguard routes" else door, _COUNT)[1]
        case "pyjwt":
            from benchmarks.subjects.peer_guards import application_for

            return application_for(kit, "pyjwt", door, _COUNT)[1]
        case "three calls":
            from benchmarks.subjects import remote

            url = remote.service(kit)
            return remote.three_calls_asgi(url, kit["group"]) if door == "asgi" else remote.three_calls_wsgi(url, kit["group"])
        case _:
            raise ValueError(who)


def _bare(door: str) -> Any:
    from benchmarks.subjects import applications

    match door:
        case "asgi":
            return applications.raw_asgi
        case "wsgi":
            return applications.raw_wsgi
        case "fastapi":
            return applications.fastapi_app(_COUNT)
        case "flask":
            return applications.flask_app(_COUNT).wsgi_app
        case _:
            raise ValueError(door)
