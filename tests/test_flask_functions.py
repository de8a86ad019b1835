"""Plain functions behind the Flask door: who calls them, and what becomes of their refusals."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response, copy_current_request_context, g, stream_with_context

from cartaguard import Principal, authenticated, authorize, current_principal, permission, public
from cartaguard.errors import DirectoryError, InvalidToken, NoPrincipal, NotAuthorized
from cartaguard.guard import current
from support.aurora import served
from support.flask_app import ask, flask_app
from support.tokens import token_for, verifier_for


@authorize(groups=["Aurora:Research"])
def research() -> str:
    return current_principal().username


@authorize(groups=["Aurora:Research"])
async def research_later() -> str:
    return current_principal().username


@authorize(requirement=permission("read", "Project:{id}", conceal=True))
def hidden(id: str) -> str:
    return id


@authorize(requirement=permission("read", "Lost:x"))
def lost() -> str:
    raise AssertionError("nobody may come here")


def caller() -> str | None:
    """Who is bound to this thread now."""
    try:
        return current_principal().username
    except NoPrincipal:
        return None


@pytest.fixture(autouse=True)
def _in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "used", True)


def serving(view: Any) -> Flask:
    app, carta = flask_app()
    app.add_url_rule("/", "view", carta.requires(public("the function decides"))(view))
    return app


async def later() -> str:
    return await research_later()


@pytest.mark.parametrize(
    ("view", "user", "status", "text"),
    [
        (research, "olga", 200, "olga"),
        (research, "otto", 403, "not_group_member"),
        (research, "", 401, "unauthenticated"),
        (later, "olga", 200, "olga"),
        (later, "otto", 403, "not_group_member"),
        (lost, "olga", 503, "facts_unavailable"),
        (lambda: hidden("alloys"), "greta", 200, "alloys"),
        (lambda: hidden("alloys"), "otto", 404, "The requested URL was not found"),
    ],
)
def test_a_function_decides_on_the_caller_of_the_request(view: Any, user: str, status: int, text: str) -> None:
    # Each view is marked anew: the marks of an application stay on its views.
    answered, told = ask(serving(_again(view)), "/", user)
    assert (answered, text in told) == (status, True)
    assert caller() is None


def _again(view: Any) -> Any:
    async def coroutine() -> Any:
        return await view()

    return coroutine if inspect.iscoroutinefunction(view) else lambda: view()


def fails(fault: Exception) -> Any:
    def view() -> str:
        raise fault

    return view


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        (NotAuthorized("only the owner may", code="not_owner"), 403, "not_owner"),
        (InvalidToken("no", code="expired"), 401, "expired"),
    ],
)
def test_a_fault_that_leaves_a_view_is_answered(fault: Exception, status: int, text: str) -> None:
    answered, told = ask(serving(fails(fault)), "/", "olga")
    assert (answered, text in told) == (status, True)


def test_a_directory_that_fails_in_a_view_answers_503() -> None:
    app, carta = flask_app()
    app.add_url_rule("/", "view", carta.requires(authenticated)(lambda: str(carta.guard.permissions(carta.principal, "Lost:x"))))
    assert ask(app, "/", "olga")[0] == 503


def test_a_second_token_that_a_view_verifies_may_be_bad() -> None:
    app, carta = flask_app()
    other = verifier_for()
    app.add_url_rule("/", "view", carta.requires(authenticated)(lambda: other.verify(token_for("olga")[:-9]).subject))
    status, text = ask(app, "/", "olga")
    assert (status, "the token was refused" in text) == (401, True)


def test_another_fault_is_the_applications_own() -> None:
    with pytest.raises(DirectoryError):
        ask(serving(fails(DirectoryError("malformed"))), "/", "olga")


def test_a_fault_where_no_gate_stood_is_no_verdict() -> None:
    """A signal runs before the gate; its fault has no caller."""
    from flask import request_started

    app = serving(lambda: "view")

    def early(sender: Any, **extra: Any) -> None:
        raise NotAuthorized("too early")

    with request_started.connected_to(early, app), pytest.raises(NotAuthorized):
        ask(app, "/", "olga")


# -- nobody is left behind --------------------------------------------------------------------------------


def test_a_view_that_fails_leaves_nobody_behind() -> None:
    with pytest.raises(ZeroDivisionError):
        ask(serving(fails(ZeroDivisionError())), "/", "olga")
    assert caller() is None


def test_teardown_functions_still_see_the_caller_and_then_nobody_does() -> None:
    seen: list[Any] = []
    app = serving(lambda: "view")
    app.teardown_request(lambda fault: seen.append(caller()))
    for user in ("olga", "otto"):
        ask(app, "/", user)
    assert seen == ["olga", "otto"]
    assert caller() is None


def test_an_application_context_that_stays_keeps_nobody() -> None:
    app = serving(lambda: str(caller()))
    with app.app_context():
        assert ask(app, "/", "olga") == (200, "olga")
        assert ask(app, "/") == (200, "")
        assert caller() is None
        assert "_cartaguard_caller" not in g


def test_an_anonymous_request_replaces_the_caller_around_it() -> None:
    app, carta = flask_app()
    app.add_url_rule("/", "view", carta.requires(public("open to all"))(lambda: repr(current_principal())))
    with carta.guard.acting_as(Principal(issuer="i", subject="s", username="olga")):
        assert ask(app, "/") == (200, "Principal.anonymous")
        assert caller() == "olga"


def test_a_request_within_a_request_has_its_own_caller() -> None:
    inner = serving(lambda: str(caller()))
    outer = serving(lambda: f"{caller()} {ask(inner, '/', 'otto')[1]} {caller()}")
    assert ask(outer, "/", "olga") == (200, "olga otto olga")


def test_a_streamed_body_with_context_has_the_caller_until_it_ends() -> None:
    def view() -> Response:
        def chunks() -> Iterator[str]:
            yield f"{caller()},"
            yield f"{caller()}"

        return Response(stream_with_context(chunks()))

    assert ask(serving(view), "/", "olga") == (200, "olga,olga")
    assert caller() is None


def test_a_streamed_body_without_context_has_no_caller() -> None:
    def view() -> Response:
        return Response(f"{caller()}" for _ in range(2))

    assert ask(serving(view), "/", "olga") == (200, "NoneNone")


def test_a_copied_request_context_in_another_thread_has_the_caller_and_takes_none_away() -> None:
    def view() -> str:
        seen: list[str | None] = []
        thread = threading.Thread(target=copy_current_request_context(lambda: seen.append(caller())))
        thread.start()
        thread.join()
        return f"{seen[0]} {caller()}"

    assert ask(serving(view), "/", "olga") == (200, "olga olga")


def test_threads_that_serve_one_after_another_do_not_mix_callers() -> None:
    app = serving(lambda: str(caller()))
    app.testing = False
    with served(app) as door:
        for user in ("olga", "otto", "greta"):
            assert door.request("GET", "/", [("Authorization", f"Bearer {token_for(user)}".encode())]).body == user.encode()
        assert door.request("GET", "/").body == b""


def test_without_plain_functions_nothing_is_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "used", False)
    app = serving(lambda: str(current._caller.get()))
    assert ask(app, "/", "olga") == (200, "None")
    assert None not in app.teardown_request_funcs
