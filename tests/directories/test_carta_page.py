"""The code of docs/directories-carta.md does what the text beside it says."""

from __future__ import annotations

import re
from pathlib import Path

from cartaguard import Guard
from cartaguard.directories.carta import CartaDirectory

PAGE = Path(__file__).parents[2] / "docs" / "directories-carta.md"


def test_the_code_of_the_page_makes_directories_and_asks_nothing() -> None:
    names: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        exec(compile(block, PAGE.name, "exec", dont_inherit=True), names)
    assert isinstance(names["guard"], Guard)
    assert all(isinstance(names[f"by_{way}"], CartaDirectory) for way in ("function", "api_token", "password"))
    assert "key" not in repr((names["by_api_token"], names["by_password"]))
