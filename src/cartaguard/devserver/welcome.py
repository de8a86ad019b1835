"""How to use a running embedded Carta: the lines that it prints, and shows on its first page."""

from __future__ import annotations

from cartaguard.devserver.carta import DevCarta
from cartaguard.devserver.seed import USERS

__all__ = ["welcome"]


def welcome(carta: DevCarta) -> list[str]:
    """Addresses, users and ready-made commands. Passwords are shown of the well-known users only."""
    present = {person.name for person in carta.store.transact(lambda tables: tables.people.everybody())}
    known = [user for user in USERS if user.name in present]
    lines = [
        "The embedded Carta, for development only: its passwords are known to everybody.",
        "",
        f"  Carta      {carta.url}",
        f"  issuer     {carta.issuer}",
        f"  key set    {carta.jwks_uri}",
        f"  client id  {carta.pool.client_id}",
    ]
    if known:
        example = known[0]
        lines += ["", f"  {'user':<8}{'password':<19}{'organization':<14}on Project:alloys"]
        lines += [f"  {user.name:<8}{user.password:<19}{user.organization:<14}{user.on_alloys}" for user in known]
        lines += [
            "",
            "A token, and calls with it:",
            "",
            f"  TOKEN=$(curl -s {carta.url}/dev/token -d username={example.name} -d password={example.password} \\",
            "      | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"id_token\"])')",
            f'  curl -s {carta.url}/user -H "Authorization: Bearer $TOKEN"',
            f'  curl -s {carta.url}/permissions/resources/Project/alloys -H "Authorization: Bearer $TOKEN"',
        ]
    return lines
