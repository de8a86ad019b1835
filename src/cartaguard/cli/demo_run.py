"""The demo itself: the main job, shown over real sockets and compared with a policy that is written down apart."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from rich.console import Console

from cartaguard import Guard, Issuer, TokenVerifier
from cartaguard.cli.demo_screen import Answers, Screen
from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.demo.asking import ask
from cartaguard.devserver.demo.expected import CALLERS, ROUTES
from cartaguard.devserver.demo.frameworks import FRAMEWORKS, Framework
from cartaguard.devserver.demo.servers import HOST, Server
from cartaguard.devserver.server import Listener
from cartaguard.devserver.server import Server as CartaServer
from cartaguard.devserver.store import Store
from cartaguard.directories.carta import CartaDirectory
from cartaguard.errors import CartaGuardError

__all__ = ["show"]


def show(console: Console, *, serve: bool = False, frameworks: Sequence[Framework] = FRAMEWORKS) -> int:
    """Start everything, ask, print the table, and return the exit code: 0 only if every answer is the policy's.

    :param serve: keep everything running afterwards, until interrupted.
    """
    screen = Screen(console)
    with ExitStack() as stack:
        # A client of the demo's own, so that it can be closed at the end; the guards would make theirs.
        http = stack.enter_context(httpx.Client(trust_env=False))
        carta = stack.enter_context(_embedded_carta())
        screen.started("embedded Carta", carta.url)
        tokens = {caller.user: carta.token(caller.user) for caller in CALLERS if caller.user is not None}
        servers: dict[str, Server] = {}
        for framework in frameworks:
            try:
                server = _start(framework, carta.url, http)
            except (CartaGuardError, RuntimeError, OSError) as fault:
                screen.failed(framework.name, fault)
                continue
            stack.callback(server.stop)
            servers[framework.name] = server
            screen.started(framework.name, server.url)
        differences = screen.table(_asked(screen, servers, tokens))
        if serve and servers:
            screen.try_it({name: server.url for name, server in servers.items()}, tokens)
            _until_interrupted()
    return 1 if differences or len(servers) < len(frameworks) else 0


@contextmanager
def _embedded_carta() -> Iterator[DevCarta]:
    with tempfile.TemporaryDirectory(prefix="cartaguard-demo-") as folder:
        server = CartaServer(Listener(HOST, 0), Store(Path(folder, "carta.sqlite")))
        server.start()
        try:
            yield server.carta
        finally:
            server.stop()


def _start(framework: Framework, carta_url: str, http: httpx.Client) -> Server:
    """One framework's application behind a guard of its own, as it would be set up for a real Carta."""
    verifier = TokenVerifier([Issuer.carta(carta_url, http=http)])
    guard = Guard(verifier=verifier, directory=CartaDirectory(carta_url, groups="user", http=http), policy=framework.policy)
    return framework.serve(framework.application(guard))


def _asked(screen: Screen, servers: Mapping[str, Server], tokens: Mapping[str, str]) -> Answers:
    answers: Answers = {}
    with screen.progress(len(servers) * len(ROUTES) * len(CALLERS)) as advance:
        for name, server in servers.items():
            answers[name] = []
            for row in ask(server.url, tokens):
                answers[name].append(row)
                advance(len(row))
    return answers


def _until_interrupted() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
