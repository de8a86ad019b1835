"""Carta's calls as requests to be sent: one function for each, nothing is sent here (protocol: Carta REST v1).

Every function takes an :class:`Endpoint` and the bearer token, and raises
:class:`~cartaguard.carta.paths.UnaskableError` for a name that no path can carry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cartaguard.carta.paths import address
from cartaguard.errors import ConfigurationError
from cartaguard.http.exchange import HttpRequest
from cartaguard.http.urls import secure_url

__all__ = ["Endpoint", "current_user", "resource", "resources", "search_users", "user_permission"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where Carta is and how it is called.

    :param host: ``https://…``, or ``http://`` on this machine; trailing slashes are dropped.
    :param timeout: seconds for one call as a whole.
    :param client: an HTTP client of the caller's own.
    :raises ConfigurationError: for another host, or a timeout that is not more than zero.
    """

    host: str
    timeout: float = 10.0
    client: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "host", secure_url(self.host, "host").rstrip("/"))
        if not self.timeout > 0:
            raise ConfigurationError(f"`timeout` is more than 0 seconds, not `{self.timeout}`")

    def request(self, method: str, *names: str, token: str, query: Mapping[str, str] | None = None) -> HttpRequest:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/plain"}
        url = address(self.host, *names, query=query)
        return HttpRequest(method, url, headers, timeout=self.timeout, client=self.client)


def current_user(carta: Endpoint, *, token: str) -> HttpRequest:
    """The token's own user. Answer: User."""
    return carta.request("GET", "user", token=token)


def search_users(carta: Endpoint, name: str, *, token: str) -> HttpRequest:
    """The users with this login name. Answer: list of User."""
    query = {"attributeName": "UserName", "attributeValue": name, "attributeFilter": "="}
    return carta.request("GET", "user", "users", token=token, query=query)


def resources(carta: Endpoint, type: str, *, user_id: str = "", token: str) -> HttpRequest:
    """The resources of one type that a user (by id; empty: the token's own) can reach. Answer: list of Item."""
    return carta.request("GET", "permissions", "resources", type, token=token, query={"userId": user_id} if user_id else None)


def resource(carta: Endpoint, type: str, id: str, *, token: str) -> HttpRequest:
    """One resource, with the token's user's permission on it. Answer: Item."""
    return carta.request("GET", "permissions", "resources", type, id, token=token)


def user_permission(carta: Endpoint, id: str, name: str, *, token: str) -> HttpRequest:
    """A user's (by login name) permission on a resource. Answer: bare text."""
    return carta.request("GET", "permissions", id, name, token=token, query={"userType": "User"})
