"""WebSockets behind the ASGI door: refused before they are accepted, and ended with their token."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from cartaguard import Guard, asgi, current_principal
from cartaguard._asgi_session import POLICY_VIOLATION, Session
from cartaguard.errors import ConfigurationError, NotAuthorized
from cartaguard.guard import current
from cartaguard.guard.gate import Gate
from cartaguard.http.refusal import Refusals
from support.aurora import aurora, authorization, guard_for
from support.sockets import serving_asgi
from support.tokens import Clock, id_claims, mint, verifier_for

POLICY = [
    {"path": "/open", "require": {"public": "a test"}},
    {"path": "/http-only", "protocols": ["http"], "require": {"public": "a test"}},
    {"path": "/ws", "protocols": ["websocket"], "require": {"groups": ["Aurora:Research"]}},
    {"path": "/distant", "require": {"permission": "read", "on": "Distant:a"}},
]


#: uvicorn's newer implementation; the older one stands on what the websockets package has deprecated.
SERVER = "websockets-sansio"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Says back what it hears, until the other side has gone."""
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


class Wire:
    """The server's side of a WebSocket, in process: what a test puts in, and what comes out."""

    def __init__(self, app: Any, path: str = "/open", user: str = "", *, extensions: Any = None, token: str = "") -> None:
        self.incoming: asyncio.Queue[Any] = asyncio.Queue()
        self.sent: list[Any] = []
        self.incoming.put_nowait({"type": "websocket.connect"})
        value = f"Bearer {token}" if token else authorization(user) if user else ""
        self.scope: dict[str, Any] = {
            "type": "websocket",
            "path": path,
            "headers": [(b"authorization", value.encode())] if value else [],
            **({} if extensions is None else {"extensions": extensions}),
        }
        self._app = app

    async def run(self) -> None:
        async def send(message: Any) -> None:
            self.sent.append(message)

        await self._app(self.scope, self.incoming.get, send)

    @property
    def kinds(self) -> list[str]:
        return [message["type"].removeprefix("websocket.") for message in self.sent]


def guarded(app: Any = echo, clock: Clock | None = None) -> asgi.GuardMiddleware:
    if clock is None:
        return asgi.GuardMiddleware(app, guard=guard_for(POLICY))
    policy = guard_for(POLICY).policy
    return asgi.GuardMiddleware(app, guard=Guard(verifier=verifier_for(clock=clock), directory=aurora(), policy=policy, clock=clock))


def wall_clock() -> Clock:
    """A guard's clock that runs, for tokens that expire while a test looks on."""
    return time.time  # type: ignore[return-value] # as good as a Clock where it is only read


def short_lived(life: float) -> str:
    """A token of olga that ends that many seconds from now."""
    now = time.time()
    return mint(id_claims("olga", now=now - 60, exp=now + life))


class TestRefusal:
    @pytest.mark.parametrize(
        ("path", "user", "status"),
        [
            ("/ws", "", 401),
            ("/ws", "otto", 403),
            ("/http-only", "olga", 404),
            ("/nowhere", "olga", 404),
            ("/a//b", "olga", 400),
            ("/distant", "otto", 403),
        ],
    )
    def test_it_is_refused_before_it_is_accepted(self, path: str, user: str, status: int) -> None:
        """With a response where the server can send one, else by closing."""
        plain, able = Wire(guarded(), path, user), Wire(guarded(), path, user, extensions={"websocket.http.response": {}})
        asyncio.run(plain.run())
        asyncio.run(able.run())
        assert (plain.kinds, plain.sent[0]["code"]) == (["close"], POLICY_VIOLATION)
        assert (able.kinds, able.sent[0]["status"]) == (["http.response.start", "http.response.body"], status)

    def test_it_is_refused_on_a_real_server(self) -> None:
        with serving_asgi(guarded(), ws=SERVER) as port, pytest.raises(InvalidStatus) as refused:
            connect(f"ws://127.0.0.1:{port}/ws")
        assert refused.value.response.status_code == 401
        assert refused.value.response.headers["WWW-Authenticate"] == 'Bearer realm="carta"'

    def test_without_the_guard_it_is_open(self) -> None:
        wire = Wire(echo, "/ws")
        wire.incoming.put_nowait({"type": "websocket.disconnect"})
        asyncio.run(wire.run())
        assert wire.kinds == ["accept"]

    def test_a_guard_that_is_not_set_up_refuses_it(self) -> None:
        class Broken(asgi.GuardMiddleware):
            def make_gate(self, scope: Any) -> Gate:
                raise ConfigurationError("half an inventory")

        wire = Wire(Broken(echo, guard=guard_for(POLICY)), extensions={"websocket.http.response": {}})
        asyncio.run(wire.run())
        assert wire.sent[0]["status"] == 500


class TestConversation:
    def test_whoever_may_talks_on(self) -> None:
        with (
            serving_asgi(guarded(), ws=SERVER) as port,
            connect(f"ws://127.0.0.1:{port}/ws", additional_headers={"Authorization": authorization()}) as talk,
        ):
            talk.send("one")
            talk.send("two")
            assert [talk.recv(), talk.recv()] == ["one", "two"]

    def test_what_has_to_be_fetched_is_fetched_first(self) -> None:
        wire = Wire(guarded(), "/distant", "olga")
        wire.incoming.put_nowait({"type": "websocket.disconnect"})
        asyncio.run(wire.run())
        assert wire.kinds == ["accept"]

    @pytest.mark.parametrize("used", [True, False])
    def test_the_caller_is_bound_only_when_somebody_asks_for_it(self, used: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(current, "used", used)
        seen: list[str | None] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            seen.append(current_principal().username if current._caller.get() else None)

        asyncio.run(Wire(guarded(app), "/ws", "olga").run())
        assert seen == ["olga" if used else None]
        assert current._caller.get() is None

    @pytest.mark.parametrize("accepted", [True, False])
    def test_a_refusal_inside_of_the_application_ends_it(self, accepted: bool) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            if accepted:
                await send({"type": "websocket.accept"})
            raise NotAuthorized

        wire = Wire(guarded(app), extensions={"websocket.http.response": {}})
        asyncio.run(wire.run())
        assert wire.kinds == (["accept", "close"] if accepted else ["http.response.start", "http.response.body"])

    def test_a_refusal_after_the_end_is_the_applications_own_fault(self) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.close"})
            raise NotAuthorized

        with pytest.raises(NotAuthorized):
            asyncio.run(Wire(guarded(app)).run())


class TestExpiry:
    def test_it_is_closed_at_the_tokens_end_on_a_real_server(self) -> None:
        ended: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await echo(scope, receive, send)
            ended.append(await receive())
            await send({"type": "websocket.send", "text": "too late"})

        with (
            serving_asgi(guarded(app, wall_clock()), ws=SERVER) as port,
            connect(f"ws://127.0.0.1:{port}/ws", additional_headers={"Authorization": f"Bearer {short_lived(1.5)}"}) as talk,
        ):
            talk.send("in time")
            assert talk.recv() == "in time"
            with pytest.raises(ConnectionClosed) as closed:
                talk.recv(timeout=20)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (POLICY_VIOLATION, "expired")
        assert ended == [{"type": "websocket.disconnect", "code": POLICY_VIOLATION, "reason": "expired"}]

    def test_an_application_that_never_receives_is_closed_too(self) -> None:
        """And what it sends after that goes nowhere."""

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.accept"})
            while "close" not in wire.kinds:
                await send({"type": "websocket.send", "text": "tick"})
                await asyncio.sleep(0.001)
            await send({"type": "websocket.send", "text": "too late"})

        wire = Wire(guarded(app, wall_clock()), "/ws", token=short_lived(0.05))
        asyncio.run(wire.run())
        assert wire.kinds[-1] == "close"
        assert "too late" not in [message.get("text") for message in wire.sent]

    def test_a_token_that_is_over_but_within_the_leeway_opens_nothing_that_lasts(self) -> None:
        wire = Wire(guarded(echo, wall_clock()), "/ws", token=short_lived(-5))
        asyncio.run(wire.run())
        assert wire.kinds[-1] == "close"
        assert wire.sent[-1]["code"] == POLICY_VIOLATION

    def test_a_token_that_is_over_beyond_the_leeway_opens_nothing(self) -> None:
        wire = Wire(guarded(echo, wall_clock()), "/ws", token=short_lived(-31))
        asyncio.run(wire.run())
        assert wire.kinds == ["close"]

    def test_a_session_that_ended_by_itself_is_not_closed_again(self) -> None:
        """Neither the client's going nor the application's closing is followed by a close of the gate."""

        async def closing(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": 1000})
            await asyncio.sleep(0.1)

        wire = Wire(guarded(closing, wall_clock()), "/ws", token=short_lived(0.02))
        asyncio.run(wire.run())
        assert [message.get("code") for message in wire.sent] == [None, 1000]

        async def going(scope: Any, receive: Any, send: Any) -> None:
            await echo(scope, receive, send)
            await asyncio.sleep(0.1)

        wire = Wire(guarded(going, wall_clock()), "/ws", token=short_lived(0.05))
        wire.incoming.put_nowait({"type": "websocket.disconnect"})
        asyncio.run(wire.run())
        assert wire.kinds == ["accept"]

    def test_a_connection_that_fails_at_that_moment_does_no_harm(self) -> None:
        async def go() -> None:
            async def send(message: Any) -> None:
                raise OSError("the client has gone")

            session = Session(asyncio.Queue[Any]().get, send)
            session.expire_in(0)
            assert (await session.receive())["type"] == "websocket.disconnect"
            await session.end()

        asyncio.run(go())


class TestNoMessageIsLost:
    """A message that has arrived is handed over, whatever happens at the same time."""

    def session(self, run: Callable[[Session, asyncio.Queue[Any]], Any], *, expires: float = 60) -> None:
        async def go() -> None:
            incoming: asyncio.Queue[Any] = asyncio.Queue()

            async def send(message: Any) -> None:
                """To nobody."""

            session = Session(incoming.get, send)
            session.expire_in(expires)
            await run(session, incoming)
            await session.end()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            assert not others, "no task is left behind"

        asyncio.run(go())

    def test_when_it_comes_at_the_moment_of_expiry(self) -> None:
        async def run(session: Session, incoming: asyncio.Queue[Any]) -> None:
            waiting = asyncio.ensure_future(session.receive())
            await asyncio.sleep(0)
            assert session._expired is not None
            incoming.put_nowait(text("at the last moment"))
            session._expire(session._expired)
            assert await waiting == text("at the last moment")
            assert (await session.receive())["type"] == "websocket.disconnect"

        self.session(run)

    def test_when_the_application_gives_up_waiting(self) -> None:
        async def run(session: Session, incoming: asyncio.Queue[Any]) -> None:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(session.receive(), 0.01)
            incoming.put_nowait(text("one"))
            incoming.put_nowait(text("two"))
            assert [await session.receive(), await session.receive()] == [text("one"), text("two")]

        self.session(run)

    def test_when_the_application_gives_up_at_the_moment_it_comes(self) -> None:
        async def run(session: Session, incoming: asyncio.Queue[Any]) -> None:
            waiting = asyncio.ensure_future(session.receive())
            await asyncio.sleep(0)
            incoming.put_nowait(text("one"))
            waiting.cancel()
            await asyncio.wait((waiting,))
            assert await session.receive() == text("one")

        self.session(run)

    def test_what_comes_after_expiry_comes_too_late_to_one_who_gave_up_just_then(self) -> None:
        async def run(session: Session, incoming: asyncio.Queue[Any]) -> None:
            waiting = asyncio.ensure_future(session.receive())
            await asyncio.sleep(0)
            assert session._expired is not None
            waiting.cancel()
            session._expire(session._expired)
            await asyncio.wait((waiting,))
            incoming.put_nowait(text("too late"))
            assert (await session.receive())["type"] == "websocket.disconnect"

        self.session(run)

    def test_what_comes_after_expiry_comes_too_late(self) -> None:
        """Even if the application had begun to wait before, and given up."""

        async def run(session: Session, incoming: asyncio.Queue[Any]) -> None:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(session.receive(), 0.01)
            assert session._expired is not None
            await session._expired
            incoming.put_nowait(text("too late"))
            await asyncio.sleep(0.01)
            assert (await session.receive())["type"] == "websocket.disconnect"

        self.session(run, expires=0.05)

    def test_nothing_is_left_of_a_receive_that_was_given_up(self) -> None:
        async def run(session: Session, incoming: asyncio.Queue[Any]) -> None:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(session.receive(), 0.01)

        self.session(run)


def text(content: str) -> dict[str, str]:
    return {"type": "websocket.receive", "text": content}


def test_a_caller_without_an_end_has_no_timer() -> None:
    """The anonymous on a public WebSocket: nothing of theirs expires, and messages pass as they are."""
    wire = Wire(guarded())
    wire.incoming.put_nowait(text("one"))
    wire.incoming.put_nowait({"type": "websocket.disconnect"})
    asyncio.run(wire.run())
    assert wire.kinds == ["accept", "send"]


def test_an_application_that_refuses_by_itself_is_not_refused_again() -> None:
    async def go() -> bool:
        async def send(message: Any) -> None:
            """To nobody."""

        session = Session(asyncio.Queue[Any]().get, send)
        await session.send({"type": "websocket.http.response.start", "status": 418, "headers": []})
        return await session.refuse({}, Refusals().not_found("gone"))

    assert asyncio.run(go()) is False
