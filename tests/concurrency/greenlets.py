"""Run by the tests in a process of its own: the WSGI door and the blocking driver under gevent's patched threads."""

# ruff: noqa: E402 (patching comes before everything that it patches)
from gevent import monkey

monkey.patch_all()

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import gevent
from gevent.pool import Pool

from cartaguard import Guard, Policy, current_principal
from cartaguard.directories.base import Directory
from cartaguard.model.facts import Fact, Granted, Need, PermissionNeed
from cartaguard.model.permission import Permission
from cartaguard.wsgi import GuardMiddleware
from support.tokens import Clock, bearer, token_for, verifier_for

NAMES = ["olga", "adam", "ada", "bob", "eve"]
MAY = {"olga", "adam", "ada"}
GREENLETS = 200


class Slow(Directory):
    """A source that takes its time, so that every greenlet comes while the first one still waits."""

    remote = True

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def answer(self, needs: Sequence[Need]) -> Mapping[Need, Fact]:
        for need in needs:
            self.asked[need.principal.username] += 1
        gevent.sleep(0.2)
        return {
            need: Granted(Permission.READ if need.principal.username in MAY else Permission.NONE)
            for need in needs
            if isinstance(need, PermissionNeed)
        }


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    before = current_principal().username
    gevent.sleep(0.01)
    start_response("200 OK", [])

    def body() -> Iterable[bytes]:
        # The body is made greenlet by greenlet, each in its turn.
        yield before.encode()
        gevent.sleep(0.01)
        yield b" " + current_principal().username.encode()

    return body()


def main() -> None:
    source = Slow()
    policy = Policy.from_dict({"routes": [{"path": "/p/{id}", "require": {"permission": "read", "on": "Project:{id}"}}]})
    door = GuardMiddleware(application, guard=Guard(verifier=verifier_for(), directory=source, policy=policy, clock=Clock()))
    values = {name: bearer(token_for(name))[0].decode() for name in NAMES}

    def request(number: int) -> tuple[str, str, str]:
        name = NAMES[number % len(NAMES)]
        said: list[str] = []
        environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": "/p/1", "HTTP_AUTHORIZATION": values[name]}

        def start_response(status: str, headers: list[tuple[str, str]], fault: Any = None) -> Any:
            said.append(status)

        answer: Any = door(environ, start_response)
        text = b"".join(answer).decode()
        return name, said[-1][:3], text if said[-1].startswith("200") else ""

    with gevent.Timeout(20):
        answers = Pool(GREENLETS).map(request, range(GREENLETS))
    sys.stdout.write(json.dumps({"answers": sorted(set(answers)), "asked": source.asked}))


main()
