"""The code of docs/embedded-carta.md does what the text beside it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "embedded-carta.md"


def test_the_example_makes_a_project_that_both_generations_show() -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(block, str(PAGE), "exec", dont_inherit=True), names)
    assert (names["item"]["id"], names["item"]["name"]) == ("p1", "First")
    assert names["flags"]["owner"] is True
