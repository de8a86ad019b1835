"""Addresses that secrets may be sent to or keys fetched from: https, or plain http that stays on this machine."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from cartaguard.errors import ConfigurationError

__all__ = ["is_loopback", "secure_url"]


def is_loopback(host: str) -> bool:
    """Whether a host (no port, no brackets) is this machine: ``localhost`` or a loopback address as written."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        # Any other name needs a look-up, whose answer somebody else gives.
        return False


def secure_url(url: object, what: str) -> str:
    """The same URL, if it is absolute and either https or http to a loopback host.

    :param what: the setting's name, for the message.
    :raises ConfigurationError: for any other scheme or host, and for userinfo, query, fragment, spaces,
        backslashes or anything outside ASCII, which clients read in different ways.
    """
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or any(mark in url for mark in ' \\?#@"<>'):
        # What was given is not shown: userinfo and query may hold a secret.
        raise ConfigurationError(f"`{what}` is not a plain URL; give scheme, host and path only", code="insecure_url")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018 (raises for a port that is none)
    except ValueError:
        raise ConfigurationError(f"`{what}` is no URL: `{url}`", code="insecure_url") from None
    if not host:
        raise ConfigurationError(f"`{what}` is no absolute URL: `{url}`; begin with `https://`", code="insecure_url")
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)):
        return url
    raise ConfigurationError(
        f"`{what}` is neither https nor on this machine: `{url}`; use `https://`, since tokens must not travel in the clear",
        code="insecure_url",
    )
