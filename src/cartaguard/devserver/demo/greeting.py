"""What the demo's application answers, in whatever framework: who is asking, and what was done."""

from __future__ import annotations

from cartaguard import Principal

__all__ = ["greeting"]


def greeting(caller: Principal, **done: str) -> dict[str, str]:
    """The body of a yes. Nothing is really changed, so that the demo can be run again."""
    return {"caller": caller.username if caller.authenticated else "anonymous", **done}
