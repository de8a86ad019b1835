"""What was permitted is remembered with the caller, for as long as every fact stands as it stood then.

A directory that can tell so has :meth:`~cartaguard.directories.base.Directory.standing`: one object for one state
of its facts. What was permitted in one state is found again only in that very state, by that very principal
object, which was verified as a whole and never changes; so the answer is the one that deciding anew would give.
Whoever decides takes hold of the standing *before* reading any fact: what was decided on older facts is then at
worst kept for an older state, which nobody is in any more.

Only permits are remembered. A denial names its resource and is not on anybody's way.
"""

from __future__ import annotations

from typing import Any

from cartaguard.model.principal import Principal

__all__ = ["remember"]

#: How many permits each principal remembers, and how long the text in their keys may be, in characters.
MOST, _LONGEST = 128, 512

_set: Any = Principal.__dict__["settled"].__set__


def remember(principal: Principal, standing: object, key: object, permit: object) -> None:
    """Remember a permit: a decision, by the number of what was asked and the text that filled it, or what a gate let through,
    by what was asked for or by a plan that is the same for many paths.

    Threads may lose each other's; what is there is right all the same.
    """
    text = key[-1] if isinstance(key, tuple) else key
    if isinstance(text, str) and len(text) > _LONGEST:
        return
    known, settled = principal.settled
    if known is standing and len(settled) < MOST:
        settled[key] = permit  # type: ignore[index]
    else:
        # Start over rather than keep an order: the busy ones are back at once.
        _set(principal, (standing, {key: permit}))
