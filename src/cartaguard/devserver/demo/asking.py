"""The demo's questions: one real request for each route, caller and framework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from cartaguard.devserver.demo.expected import CALLERS, ROUTES, Answer

__all__ = ["ask"]

#: How long one answer may take, in seconds; a server that hangs must not hang the demo.
TIMEOUT = 5.0


def ask(url: str, tokens: Mapping[str, str]) -> Iterator[list[Answer]]:
    """What the application at this address answers: for each route one answer per caller.

    :param tokens: a token for each caller's user name.
    """
    # No proxy of the environment may come between: everything is on this machine.
    with httpx.Client(base_url=url, timeout=TIMEOUT, trust_env=False) as client:
        for route in ROUTES:
            answers = []
            for caller in CALLERS:
                headers = {} if caller.user is None else {"Authorization": f"Bearer {tokens[caller.user]}"}
                answers.append(_answer(client, route.method, route.path, headers))
            yield answers


def _answer(client: httpx.Client, method: str, path: str, headers: dict[str, str]) -> Answer:
    try:
        response = client.request(method, path, headers=headers)
        body: Any = response.json()
    except httpx.HTTPError as fault:
        return Answer(0, type(fault).__name__)
    except ValueError:
        return Answer(response.status_code, "no_json")
    if not isinstance(body, dict):
        return Answer(response.status_code, "no_object")
    return Answer(response.status_code, str(body.get("reason", "")), str(body.get("caller", "")))
