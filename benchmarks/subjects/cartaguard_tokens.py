"""What cartaguard does with a token: one that was seen before, and one that was not."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any

from benchmarks.drive import fresh_bytes
from benchmarks.subject import Cells, Kit, Outcomes, nothing_bare
from benchmarks.subjects.cartaguard_parts import guard_for, verifier_for
from cartaguard.errors import InvalidToken

__all__ = ["make"]

_CLAIMED = {"bad token": "refused", "expired token": "refused", "good": "accepted"}


def make(kit: Kit) -> Cells:
    tokens = kit["tokens"]["cognito"]
    verifier, guard = verifier_for(kit), guard_for(kit, projects=0)
    good = f"Bearer {tokens['good']}".encode()
    ring = cycle([token.encode() for token in tokens["ring"]])

    def outcomes(ask: Callable[[bytes], object]) -> Outcomes:
        return {question: _word(ask, tokens[question].encode()) for question in _CLAIMED}

    def authenticated(token: bytes) -> object:
        return guard.authenticate([b"Bearer " + token])

    def remembered(token: bytes) -> object:
        return verifier.at_hand([b"Bearer " + token])

    return {
        "verified before": nothing_bare(
            verifier.cached, lambda: fresh_bytes(good), outcomes=lambda: outcomes(remembered), claimed=_CLAIMED
        ),
        "verified before, guard.authenticate": nothing_bare(
            guard.authenticate, lambda: [fresh_bytes(good)], outcomes=lambda: outcomes(authenticated), claimed=_CLAIMED
        ),
        "cold RS256": nothing_bare(
            verifier.verify, lambda: fresh_bytes(next(ring)), outcomes=lambda: outcomes(verifier.verify), claimed=_CLAIMED
        ),
    }


def _word(ask: Callable[[bytes], Any], token: bytes) -> str:
    try:
        ask(token)
    except InvalidToken:
        return "refused"
    return "accepted"
