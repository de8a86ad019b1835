"""The score of mutation testing counts what it says, and the page shows what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mutation import score
from mutation.score import Explained, Mutant

FILE = "src/cartaguard/http/routes.py"
KINDS = {"only slower": "it is found again"}


def mutant(code: int | None, name: str = "x__exact__mutmut_1") -> Mutant:
    return Mutant(f"cartaguard.http.routes.{name}", FILE, code)


@pytest.mark.parametrize(
    ("code", "killed", "timeout"),
    [
        (1, True, False),
        (3, True, False),
        *((code, True, True) for code in (36, 24, -24, 152)),
        *((code, False, False) for code in (0, 5, 33, 34, 35, 255, -9, -11, None)),
    ],
)
def test_only_a_failed_test_and_the_time_limit_kill(code: int | None, killed: bool, timeout: bool) -> None:
    """No test, a crash, a broken run and a run that has not been do not."""
    assert (mutant(code).killed, mutant(code).timeout) == (killed, timeout)


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("x__exact__mutmut_1", "http.routes._exact"),
        ("x_policy_entries__mutmut_12", "http.routes.policy_entries"),
        ("x\u01c1Entry\u01c1__init____mutmut_3", "http.routes.Entry.__init__"),
    ],
)
def test_a_mutant_is_named_as_people_name_the_function(name: str, where: str) -> None:
    assert (mutant(0, name).where, mutant(0, name).package) == (where, "http")


def test_a_survivor_is_explained_by_its_function_and_both_lines_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mutant, "change", lambda made: ("a = 1", "a = 2"))
    fits = Explained("http.routes._exact", "only slower", "a = 1", ("a = None", "a = 2"))
    others = [fits._replace(where="http.routes._order"), fits._replace(was="a = 3"), fits._replace(now=("a = None",))]
    found = score.judged([mutant(0), mutant(1)], (KINDS, [fits]))
    assert (found.by_kind, found.unexplained, found.unused) == ({"only slower": [mutant(0)]}, [], [])
    found = score.judged([mutant(0), mutant(1)], (KINDS, others))
    assert (found.by_kind, found.unexplained, found.unused) == ({}, [(mutant(0), "a = 1", "a = 2")], others)


@pytest.mark.parametrize(
    ("codes", "good"),
    [([1] * 9 + [36], True), ([1] * 9 + [0], False), ([1] * 9 + [None], False)],
)
def test_a_run_is_good_when_all_were_tested_and_nothing_is_left_to_explain(
    codes: list[int | None], good: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Mutant, "change", lambda made: ("a = 1", "a = 2"))
    monkeypatch.setattr(score, "PACKAGES", ("http",))
    assert score.judged([mutant(code) for code in codes], (KINDS, [])).good(90.0) is good


def test_an_explained_survivor_lowers_the_score_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mutant, "change", lambda made: ("a = 1", "a = 2"))
    monkeypatch.setattr(score, "PACKAGES", ("http",))
    fits = Explained("http.routes._exact", "only slower", "a = 1", ("a = 2",))
    found = score.judged([mutant(1), mutant(0)], (KINDS, [fits]))
    assert (found.percent("http"), found.good(50.0), found.good(50.1)) == (50.0, True, False)


def test_what_was_not_tested_is_read_as_that(tmp_path: Path) -> None:
    meta = tmp_path / "src/cartaguard/http/routes.py.meta"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"exit_code_by_key": {mutant(None).name: None, mutant(1, "x_b__mutmut_1").name: 1}}), "utf-8")
    assert score.mutants(tmp_path) == [mutant(None), mutant(1, "x_b__mutmut_1")]


def test_every_explanation_names_a_kind_that_has_a_reason_and_none_is_given_twice(tmp_path: Path) -> None:
    _, entries = score.explained()
    named = [(entry.where, entry.was, now) for entry in entries for now in entry.now]
    assert len(named) == len(set(named))
    (tmp_path / "list.toml").write_text('[kinds]\n[[survivor]]\nin = "a"\nkind = "b"\nwas = "c"\nnow = ["d"]\n', "utf-8")
    with pytest.raises(ValueError, match="`b` has no reason"):
        score.explained(tmp_path / "list.toml")
