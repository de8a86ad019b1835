"""Refusals: fixed texts and names of claims, by stable codes."""

from __future__ import annotations

import pytest

from cartaguard.errors import InvalidToken
from cartaguard.tokens.refusals import TOKEN_REFUSALS, refuse


@pytest.mark.parametrize("code", TOKEN_REFUSALS)
def test_a_refusal_says_what_its_row_says_and_which_claim_it_is_about(code: str) -> None:
    plain, about = refuse(code), refuse(code, "sub")
    assert isinstance(plain, InvalidToken)
    assert (plain.code, str(plain)) == (code, TOKEN_REFUSALS[code])
    assert (about.code, str(about)) == (code, f"{TOKEN_REFUSALS[code]}: `sub`")
