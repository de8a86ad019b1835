"""The code in docs/operations.md does what the text beside it says."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY
from starlette.testclient import TestClient as StarletteClient

from cartaguard.model.health import Condition
from support.tokens import bearer, token_for, verifier_for

PAGE = Path(__file__).parents[1] / "docs" / "operations.md"


class Keyless:
    def health(self) -> list[Condition]:
        return [Condition("keys", "https://issuer.example.org", "unavailable", "down")]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What all blocks of the page define, run one after the other as one module."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    module = ModuleType("docs_operations")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    before = set(REGISTRY._names_to_collectors.values())
    for block in blocks:
        exec(compile(block, "docs/operations.md", "exec", dont_inherit=True), module.__dict__)
    yield module.__dict__
    for collector in set(REGISTRY._names_to_collectors.values()) - before:
        REGISTRY.unregister(collector)


def test_the_health_check_of_each_framework_tells_strangers_the_status_alone(names: dict[str, Any]) -> None:
    """200 while requests can be served, and 503 with the same words in each when there are no keys."""
    fastapi, starlette, flask = TestClient(names["app"]), StarletteClient(names["starlette_app"]), names["flask_app"].test_client()
    with fastapi, starlette:
        for status, word in ((200, "ok"), (503, "down")):
            for client in (fastapi, starlette):
                answer = client.get("/health")
                assert (answer.status_code, answer.json()) == (status, {"status": word})
            flask_answer = flask.get("/health")
            assert (flask_answer.status_code, flask_answer.get_json()) == (status, {"status": word})
            names["guard"].monitor.add(Keyless())


def test_the_details_are_for_those_who_run_it(names: dict[str, Any]) -> None:
    """A stranger gets 401, and a caller of another group 403."""
    guard = names["guard"]
    guard.verifier = verifier_for()

    def ask(client: TestClient, *values: bytes) -> Any:
        return client.get("/health/details", headers=[("Authorization", value.decode()) for value in values])

    with TestClient(names["app"]) as client:
        assert ask(client).status_code == 401
        assert ask(client, *bearer(token_for("otto"))).status_code == 403
        answer = ask(client, *bearer(token_for("olga")))
    assert (answer.status_code, answer.json()["directory"]["sources"]) == (
        200,
        [{"source": "LocalDirectory", "state": "ok", "level": "ok"}],
    )


def test_the_registry_of_the_page_tells_its_guard(names: dict[str, Any]) -> None:
    """What the page registers is what is scraped."""
    assert REGISTRY.get_sample_value("cartaguard_up", {"part": "directory"}) == 1.0
    names["guard"].monitor.add(Keyless())
    assert REGISTRY.get_sample_value("cartaguard_up", {"part": "keys"}) == 0.0


def test_every_state_that_a_guard_tells_is_on_the_page() -> None:
    """No health check says a word that nobody explains."""
    source = "".join(path.read_text(encoding="utf-8") for path in (PAGE.parents[1] / "src").rglob("*.py"))
    told = set(re.findall(r'Condition\(\s*"\w+",\s*[\w.]+,\s*"(\w+)"', source)) | set(re.findall(r'_replace\(state="(\w+)"', source))
    assert told >= {"fresh", "unknown", "not_fetched", "idle", "left_alone", "in_doubt"}
    page = PAGE.read_text(encoding="utf-8")
    assert {state for state in told if f"`{state}`" not in page} == set()
