"""A Cognito user pool, and the addresses that follow from it."""

from __future__ import annotations

import re

from cartaguard.errors import ConfigurationError

__all__ = ["Pool"]

# Both are put into an address, and so may hold nothing that could lead elsewhere.
_REGION = re.compile(r"[a-z]{2,3}(-[a-z]{2,12}){1,3}-[0-9]{1,2}")
_POOL_ID = re.compile(r"[a-z0-9-]{1,40}_[A-Za-z0-9]{1,55}")


class Pool:
    """One user pool.

    :param region: for instance ``us-east-2``.
    :param id: the region, an underscore and up to 55 letters and digits.
    :raises ConfigurationError: for anything else.
    """

    __slots__ = ("issuer", "jwks_uri")

    def __init__(self, region: str, id: str) -> None:
        if not isinstance(region, str) or _REGION.fullmatch(region) is None:
            raise ConfigurationError(f"`{region}` is not an AWS region such as `us-east-2`", code="bad_region")
        if not isinstance(id, str) or _POOL_ID.fullmatch(id) is None or not id.startswith(region + "_"):
            raise ConfigurationError(f"`{id}` is not a user pool id of the region, such as `{region}_Abc123xyz`", code="bad_pool_id")
        self.issuer = f"https://cognito-idp.{region}.amazonaws.com/{id}"
        self.jwks_uri = f"{self.issuer}/.well-known/jwks.json"
