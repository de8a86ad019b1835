"""Who may do what in the demo's application: plain data that knows nothing of the guard it is compared with.

The callers are those of :mod:`cartaguard.devserver.seed`, which tells why each of them holds what.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CALLERS", "ROUTES", "Answer", "Caller", "Route"]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status, with the reason code of the problem body where there is one, and as whom the application saw the caller."""

    status: int
    reason: str = ""
    seen_as: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a role in the story, and a user of the embedded Carta (``None``: no token is sent)."""

    role: str
    user: str | None

    @property
    def name(self) -> str:
        return self.user or "anonymous"


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the table: a request, what the route demands, and for each caller a refusal or ``None``, which says yes."""

    method: str
    path: str
    demands: str
    refusals: tuple[Answer | None, ...]

    def expected(self) -> list[Answer]:
        """The answer for each caller: a yes comes from the application, which must know who is asking."""
        return [refusal or Answer(200, seen_as=caller.name) for caller, refusal in zip(CALLERS, self.refusals, strict=True)]


CALLERS = (
    Caller("anonymous", None),
    Caller("outsider", "otto"),
    Caller("guest", "greta"),
    Caller("editor", "edda"),
    Caller("group member", "adam"),
    Caller("owner", "olga"),
)

YES = None
LOGIN = Answer(401, "unauthenticated")
GROUP = Answer(403, "not_group_member")
RIGHT = Answer(403, "lacks_permission")

ROUTES = (
    #                                                               anonymous outsider guest editor group member owner
    Route("GET", "/", "public", (YES, YES, YES, YES, YES, YES)),
    Route("GET", "/research", "group Aurora:Research", (LOGIN, GROUP, GROUP, GROUP, YES, YES)),
    Route("GET", "/projects/alloys", "read on Project:alloys", (LOGIN, RIGHT, YES, YES, YES, YES)),
    Route("PUT", "/projects/alloys", "write on Project:alloys", (LOGIN, RIGHT, RIGHT, YES, RIGHT, YES)),
    Route("POST", "/projects/alloys", "execute on Project:alloys", (LOGIN, RIGHT, RIGHT, YES, YES, YES)),
    Route("DELETE", "/projects/alloys", "admin on Project:alloys", (LOGIN, RIGHT, RIGHT, RIGHT, RIGHT, YES)),
    Route("GET", "/projects/archive", "read on Project:archive", (LOGIN, RIGHT, RIGHT, RIGHT, RIGHT, YES)),
)
