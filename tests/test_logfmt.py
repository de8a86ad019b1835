"""The line of an event: one line of readable text, whatever its values are."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cartaguard._logfmt import LONGEST, line, text
from support.canary import CANARY

ANY_TEXT = st.text(st.characters(exclude_categories=[]))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("Gruppe Müller 日本", "Gruppe Müller 日本"),
        ("a\nevent=keys_back", "a\\nevent=keys_back"),
        ("a\r\n\tb", "a\\r\\n\\tb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u2066b\u200fc", "a\\u2066b\\u200fc"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("a\u2028b\u2029\x85", "a\\u2028b\\u2029\\x85"),
        ("a\ud800b", "a\\ud800b"),
        ("a\u3164b\ufe0f\U000e0101", "a\\u3164b\\ufe0f\\U000e0101"),
        ("\U000e0041", "\\U000e0041"),
        ("a\u00a0b", "a\\xa0b"),
        ("back\\slash", "back\\\\slash"),
        (12, "12"),
        (0.1 + 0.2, "0.3"),
        (None, "None"),
        (True, "True"),
    ],
)
def test_what_is_not_printable_is_escaped(value: object, shown: str) -> None:
    """Line breaks, escape sequences, marks that turn or hide text and lone surrogates are seen as what they are."""
    assert text(value) == shown


@given(ANY_TEXT)
@example("\ud800")
def test_any_value_is_printable_and_short(value: str) -> None:
    """Whatever the value, what is shown of it has one line, can be encoded, and holds nothing that is not printable."""
    shown = text(value)
    assert shown.isprintable()
    assert shown.encode().decode() == shown
    assert not any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in shown)
    assert len(shown) <= 10 * LONGEST


@given(ANY_TEXT, ANY_TEXT)
@example('"', "\\")
@example('\\"', " event=x")
def test_a_line_can_be_taken_apart_again(first: str, second: str) -> None:
    """No value can end its quotes, begin another field or another event."""
    written = line("bus_lost", {"source": text(first), "reason": text(second)})
    parts = re.fullmatch(r'event=bus_lost source=("(?:[^"\\]|\\.)*"|[^\s"=]+) reason=("(?:[^"\\]|\\.)*"|[^\s"=]+)', written)
    assert parts is not None
    values = [part[1:-1].replace('\\"', '"') if part.startswith('"') else part for part in parts.groups()]
    assert values == [text(first), text(second)]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("carta_unavailable", "carta_unavailable"),
        ("https://carta.example.org:8443/auth", "https://carta.example.org:8443/auth"),
        ("two words", '"two words"'),
        ("", '""'),
        ("a=b", '"a=b"'),
        ('say "x"', '"say \\"x\\""'),
        ("a\nb", '"a\\nb"'),
        ("Müller", '"Müller"'),
    ],
)
def test_a_value_is_quoted_unless_it_is_one_plain_word(value: str, written: str) -> None:
    """Readers split at spaces that are not in quotes."""
    assert line("keys_back", {"source": text(value)}) == f"event=keys_back source={written}"


def test_a_long_value_is_cut() -> None:
    """The line stays readable, and says that something is missing."""
    assert text("x" * LONGEST) == "x" * LONGEST
    assert text("x" * 100_000) == "x" * (LONGEST - 1) + "…"
    assert text("\x1b" * 100_000) == "\\x1b" * (LONGEST - 1) + "…"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (f"redis://user:{CANARY}@cache:6379/0", "redis://cache:6379/0"),
        (f"redis://:{CANARY}@cache:6379/0?password={CANARY}", "redis://cache:6379/0"),
        (f"postgresql://u:{CANARY}@h/db and https://x.org/a?key={CANARY}#y `z`", "postgresql://h/db and https://x.org/a `z`"),
        (f"redis://u:{CANARY}/?#'\"{CANARY}@cache:6379", "redis://cache:6379"),
        (f"`https://a.example.org/p?token={CANARY}` answered 500", "`https://a.example.org/p` answered 500"),
        ("bad eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJvbGdhIn0.c2lnbmF0dXJl here", "bad (token) here"),
    ],
)
def test_where_a_secret_may_stand_nothing_is_shown(value: str, shown: str) -> None:
    """Userinfo and query of an address, and anything that looks like a token, are left out."""
    assert text(value) == shown
