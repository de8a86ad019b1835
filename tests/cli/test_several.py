"""What is done one after the other is reported exactly, should something fail in between."""

from __future__ import annotations

import pytest

from cartaguard.cli.session import Session, Where
from cartaguard.cli.several import for_each, unique
from cartaguard.errors import CartaForbidden, CartaNotFound, CartaUnavailable


def run(fails_at: str, fault: BaseException, items: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str], list[str]]:
    def act(item: str) -> None:
        if item == fails_at:
            raise fault

    with Session(Where(), as_json=False) as session:
        code = for_each(session, items, act, about={"group": "g"}, doing="adding", done=lambda item: f"added {item}")
    out, err = capsys.readouterr()
    return code, out.splitlines(), err.splitlines()


def test_all_are_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("", OSError(), ["a", "b"], capsys) == (0, ["added a", "added b"], [])


def test_a_refusal_in_between_ends_it_with_the_refusals_code(capsys: pytest.CaptureFixture[str]) -> None:
    found = run("b", CartaNotFound("there is no b"), ["a", "b", "c"], capsys)
    assert found == (4, ["added a", "not done: b", "not done: c"], ["cartaguard: there is no b"])


def test_an_answer_that_was_lost_leaves_one_unsure(capsys: pytest.CaptureFixture[str]) -> None:
    """The request may have arrived."""
    found = run("a", CartaUnavailable("no answer"), ["a", "b"], capsys)
    assert found == (5, ["perhaps done: a", "not done: b"], ["cartaguard: no answer"])


def test_an_interruption_is_reported_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("b", KeyboardInterrupt(), ["a", "b", "c"], capsys) == (130, ["added a", "perhaps done: b", "not done: c"], [])


@pytest.mark.parametrize(("fault", "items"), [(CartaForbidden("no"), ["a", "b"]), (CartaUnavailable("no answer"), ["a"])])
def test_a_failure_before_anything_was_done_is_an_ordinary_one(
    fault: Exception, items: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(type(fault)):
        run("a", fault, items, capsys)
    assert capsys.readouterr().out == ""


def test_who_is_named_twice_is_meant_once() -> None:
    assert unique(["b", "a", "b"]) == ["b", "a"]
