"""A refusal as HTTP: status, headers and an RFC 9457 problem body, the same behind every door.

Challenges follow RFC 6750 section 3; what may be requested is named, a claim, a key or a token never is.
"""

from __future__ import annotations

import json
from typing import Any

from cartaguard.errors import CartaGuardError, ConfigurationError, InvalidPath, InvalidRequest, InvalidToken, Unavailable
from cartaguard.events import emit, refused
from cartaguard.model.decision import Decision, Outcome
from cartaguard.model.requirement import HasPermission, HasScopes, InGroups, Requirement, Unrestricted
from cartaguard.model.value import Value, fill

__all__ = ["TITLES", "Refusal", "Refusals"]

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    503: "Service Unavailable",
    500: "Internal Server Error",
}


class Refusal(Value):
    """A response that is ready to be sent. ``concealed``: a framework should answer its own 404 instead."""

    __slots__ = __match_args__ = ("status", "reason", "headers", "body", "concealed")

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    concealed: bool

    def __init__(self, status: int, reason: str, headers: tuple[tuple[str, str], ...], body: bytes, concealed: bool = False) -> None:
        fill(self, "status", status)
        fill(self, "reason", reason)
        fill(self, "headers", headers)
        fill(self, "body", body)
        fill(self, "concealed", concealed)


class Refusals:
    """Makes refusals for one guard, and counts them.

    :param realm: the protection space that the challenge names.
    :param access_url: where access can be asked for, told to whom lacks a right.
    """

    def __init__(self, *, realm: str = "carta", access_url: str | None = None) -> None:
        if not realm.isascii() or not realm.isprintable() or '"' in realm or "\\" in realm:
            raise ConfigurationError("a realm is printable ASCII without quotes and backslashes", code="bad_realm")
        self._realm = realm
        self._access_url = access_url

    def decision(self, decision: Decision, *, authenticated: bool) -> Refusal:
        """What a verdict other than Permit answers: 503 when nobody can tell, 401 to the anonymous, else 403, or 404."""
        if decision.outcome is Outcome.INDETERMINATE:
            return self._unavailable(decision.reason, decision.retry_after)
        if not authenticated:
            return self._problem(401, "unauthenticated", "a bearer token is needed", challenge="")
        if decision.concealed:
            return self.not_found(decision.reason)
        scopes = [name for leaf in _lacking(decision) if isinstance(leaf[0], HasScopes) for name in leaf[0].names]
        extra: dict[str, Any] = {}
        required = [item for leaf in _lacking(decision) if (item := _required(*leaf)) is not None]
        if required:
            extra["required"] = required
        if self._access_url is not None:
            extra["request_access"] = self._access_url
        challenge = ', error="insufficient_scope"' + (f', scope="{" ".join(scopes)}"' if scopes else "")
        return self._problem(403, decision.reason, decision.reason.replace("_", " "), challenge=challenge, extra=extra)

    def fault(self, fault: CartaGuardError) -> Refusal:
        """What a fault answers: 400, 401 or 503; anything else is the server's own fault, and closed (500)."""
        if isinstance(fault, InvalidToken):
            return self._problem(401, fault.code, "the token was refused", challenge=', error="invalid_token"')
        if isinstance(fault, InvalidPath):
            return self._problem(400, fault.code, str(fault), challenge=None)
        if isinstance(fault, InvalidRequest):
            return self._problem(400, fault.code, str(fault), challenge=', error="invalid_request"')
        if isinstance(fault, Unavailable):
            return self._unavailable(fault.code, fault.retry_after)
        return self._problem(500, fault.code, "the guard is not set up", challenge=None)

    def not_found(self, reason: str) -> Refusal:
        """The plain answer of something that has nothing there."""
        return _counted(Refusal(404, reason, (("Content-Type", "text/plain; charset=utf-8"), *_NO_STORE), b"Not Found", concealed=True))

    def _unavailable(self, reason: str, retry_after: int) -> Refusal:
        return self._problem(503, reason, "what is needed to decide cannot be had now", challenge=None, retry_after=retry_after)

    def _problem(
        self,
        status: int,
        reason: str,
        detail: str,
        *,
        challenge: str | None,
        retry_after: int | None = None,
        extra: dict[str, Any] | None = None,
    ) -> Refusal:
        headers = [("Content-Type", "application/problem+json"), *_NO_STORE]
        if challenge is not None:
            headers.append(("WWW-Authenticate", f'Bearer realm="{self._realm}"{challenge}'))
        if retry_after is not None:
            headers.append(("Retry-After", str(retry_after)))
        problem = {"type": "about:blank", "title": TITLES[status], "status": status, "detail": detail, "reason": reason, **(extra or {})}
        return _counted(Refusal(status, reason, tuple(headers), json.dumps(problem).encode()))


_NO_STORE = (("Cache-Control", "no-store"), ("Vary", "Authorization"))


def _counted(refusal: Refusal) -> Refusal:
    """A refusal that is about to be answered: nobody makes one for anything else."""
    refused(refusal.status, refusal.reason)
    if refusal.status == 503:
        emit("answered_503", reason=refusal.reason)
    return refusal


def _lacking(decision: Decision) -> list[tuple[Requirement | None, Any]]:
    """The single demands that were not met, each with its resource."""
    if decision.parts:
        return [leaf for part in decision.parts for leaf in _lacking(part)]
    return [(decision.requirement, decision.resource)]


def _required(requirement: Requirement | None, resource: Any) -> dict[str, Any] | None:
    """What may be asked for. Users and claims are not told: whoever is named there is nobody's business."""
    match requirement:
        case HasPermission():
            return {"permission": requirement.action, "on": str(resource or requirement.on)}
        case InGroups() | HasScopes():
            return {requirement.word: list(requirement.names)}
        case Unrestricted():
            return {"restricted": str(resource or requirement.on)}
    return None
