"""What a guard adds to an application's OpenAPI: refusals, and the requirement of each operation."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from cartaguard._fastapi_routes import demanded
from cartaguard.model.requirement import Public, Requirement

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


def describe(app: FastAPI) -> None:
    """Extend the application's ``openapi()``; what the application says itself stays."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        made_before = app.openapi_schema is not None
        schema = plain()
        if not made_before:
            _extend(app, schema)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


def _extend(app: FastAPI, schema: dict[str, Any]) -> None:
    operations = schema.get("paths", {})
    said = False
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, APIRoute):
            continue
        marks = demanded(context.dependant)
        for method in context.methods or ():
            operation = operations.get(context.path_format, {}).get(method.lower())
            if operation is not None and marks:
                said = _operation(operation, marks) or said
    if said:
        schema.setdefault("components", {}).setdefault("schemas", {})["Problem"] = _PROBLEM


def _operation(operation: dict[str, Any], marks: tuple[Requirement, ...]) -> bool:
    """Describe one operation; whether it can be refused."""
    operation["x-cartaguard"] = [mark.describe() for mark in marks]
    demands = [mark for mark in marks if not isinstance(mark, Public)]
    if not demands:
        return False
    needs = "Requires " + " and ".join(f"`{mark.describe()}`" for mark in demands) + "."
    operation["description"] = f"{operation['description']}\n\n{needs}" if operation.get("description") else needs
    for status, text in _REFUSALS.items():
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        operation.setdefault("responses", {}).setdefault(status, {"description": text, "content": content})
    return True
