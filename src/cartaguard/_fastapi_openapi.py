"""What a guard adds to an application's OpenAPI: refusals, and the requirement of each operation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from cartaguard._fastapi_routes import demanded
from cartaguard._starlette_paths import entry_of
from cartaguard.http.routes import Entry
from cartaguard.model.pattern import covers
from cartaguard.model.policy import Policy
from cartaguard.model.requirement import AllOf, AnyOf, Claim, IsUser, Public, Requirement

__all__ = ["describe"]

_PROBLEM = {
    "title": "Problem",
    "description": "A refusal (RFC 9457)",
    "type": "object",
    "required": ["title", "status", "reason"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "reason": {"type": "string", "description": "a stable code"},
        "required": {"type": "array", "items": {"type": "object"}, "description": "what may be requested"},
        "request_access": {"type": "string", "description": "where access can be asked for"},
    },
}
_REFUSALS = {"401": "no token, or one that is refused", "403": "the caller lacks what is required"}


def describe(app: FastAPI, policy: Policy, scheme: tuple[str, dict[str, Any]]) -> None:
    """Extend the application's ``openapi()``; what the application says itself stays.

    :param policy: holds together with what the routes say.
    :param scheme: name and content of the security scheme.
    """
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        schema = plain()
        _extend(app, schema, policy, scheme)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


def _extend(app: FastAPI, schema: dict[str, Any], policy: Policy, scheme: tuple[str, dict[str, Any]]) -> None:
    operations = schema.get("paths", {})
    components = schema.setdefault("components", {})
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, APIRoute):
            continue
        entry = entry_of(str(context.path), (), key=None)
        for method in context.methods or ():
            operation = operations.get(context.path_format, {}).get(method.lower())
            # A schema is made once and kept by FastAPI, but not by every application.
            if operation is not None and "x-cartaguard" not in operation:
                marks = (*demanded(context.dependant), *_policy_line(policy, entry, method))
                if _operation(operation, marks):
                    operation.setdefault("security", [{scheme[0]: []}])
                    components.setdefault("securitySchemes", {}).setdefault(*scheme)
                    components.setdefault("schemas", {}).setdefault("Problem", _PROBLEM)
    if not components:
        del schema["components"]


def _policy_line(policy: Policy, entry: Entry, method: str) -> Iterator[Requirement]:
    """What the policy demands of every path of a route."""
    for line in policy.entries:
        if "http" in line.protocols and (line.methods is None or method in line.methods) and covers(line.pattern, entry):
            yield line.requirement
            return


def _operation(operation: dict[str, Any], marks: tuple[Requirement, ...]) -> bool:
    """Describe one operation; whether it can be refused."""
    if marks:
        operation["x-cartaguard"] = [_told(mark) for mark in marks]
    demands = [mark for mark in marks if not isinstance(mark, Public)]
    if not demands:
        return False
    needs = "Requires " + " and ".join(f"`{_told(mark)}`" for mark in demands) + "."
    operation["description"] = f"{operation['description']}\n\n{needs}" if operation.get("description") else needs
    for status, text in _REFUSALS.items():
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        operation.setdefault("responses", {}).setdefault(status, {"description": text, "content": content})
    return True


def _told(requirement: Requirement) -> str:
    """A requirement for readers of the documentation. As in a refusal, who is named there is nobody's business."""
    match requirement:
        case AnyOf() | AllOf():
            return f"{requirement.word} [{'; '.join(_told(part) for part in requirement.parts)}]"
        case IsUser() | Claim():
            return requirement.word
    return requirement.describe()
