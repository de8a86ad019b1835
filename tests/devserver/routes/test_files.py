"""Files: there are none, and every answer says so."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

Call = Callable[..., httpx.Response]


def test_the_one_source_is_empty(call: Call) -> None:
    assert call("GET", "/files", "otto").json() == ["Carta"]
    assert call("GET", "/files/Carta/support", "otto").json() == "list"
    assert call("GET", "/files/Carta/list?path=x&partial=false", "otto").json() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "Carta/file/f1"), ("PATCH", "Carta/file/f1"), ("DELETE", "Carta/file/f1"), ("POST", "Carta"), ("GET", "HyperThought/list")],
)
def test_everything_else_is_refused_with_the_reason(call: Call, method: str, path: str) -> None:
    answer = call(method, f"/files/{path}", "otto")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("the embedded carta ")


def test_a_file_that_was_put_in_is_listed_with_where_it_is(call: Call, seeded: object) -> None:
    """A resource without the fields of its type gets what clients insist on."""
    assert hasattr(seeded, "add_resource")
    seeded.add_resource("File:report", owner="otto")
    item = call("GET", "/permissions/resources/File/report", "otto").json()
    assert item["storageInfo"] == {"storageType": "Local", "container": "", "path": "", "compressed": False}
    assert set(item["documentHistory"]) == {"addedBy", "dateAdded", "modifiedBy", "dateModified"}
