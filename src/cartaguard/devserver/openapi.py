"""The description of the API, made of its routes, so that it cannot say anything else than they do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.routing import BaseRoute

from cartaguard.devserver.routes.endpoint import TEXT, Call, Said

__all__ = ["description"]

#: A parameter in a path, with or without the name of its converter.
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")

_ERROR = {"type": "object", "properties": {"error": TEXT}, "required": ["error"]}


def description(routes: Iterable[BaseRoute], url: str) -> Mapping[str, Any]:
    """The OpenAPI document (3.1) of those routes that are calls of Carta.

    :param url: where the server is reached.
    """
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if isinstance(route, Call):
            methods, said = route.described
            operations = {method.lower(): _operation(route.path, said) for method in methods}
            paths.setdefault(_PARAMETER.sub(r"{\1}", route.path), {}).update(operations)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Carta, embedded", "version": "1", "description": "Carta's REST API, for development and tests."},
        "servers": [{"url": url}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "the ID token of a login"},
                "apiToken": {"type": "http", "scheme": "basic", "description": "user `__token__`, and an API token as password"},
            },
            "schemas": {"Error": _ERROR},
        },
    }


def _operation(path: str, said: Said) -> dict[str, Any]:
    parameters = [{"name": name, "in": "path", "required": True, "schema": {**TEXT, "minLength": 1}} for name in _PARAMETER.findall(path)]
    parameters += [{"name": name, "in": "query", "schema": TEXT} for name in said.query]
    parameters += [{"name": name, "in": "header", "schema": TEXT} for name in said.headers]
    refused = {"description": "not done", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    operation = {
        "summary": said.summary,
        "parameters": parameters,
        "responses": {"200": {"description": "done"}, "default": refused},
        "security": [] if said.anonymous else [{"token": []}, {"apiToken": []}],
    }
    body = {} if said.sends is None else {"requestBody": {"required": True, "content": {"application/json": {"schema": said.sends}}}}
    return {**operation, **body}
