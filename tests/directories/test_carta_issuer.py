"""Several issuers: a Carta is asked about its own issuer's callers, and sees no other's token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cartaguard import Guard, Principal, Resource, permission
from cartaguard.directories.base import at_hand, nothing
from cartaguard.directories.carta import CartaDirectory
from cartaguard.directories.chain import ChainDirectory
from cartaguard.errors import ConfigurationError
from cartaguard.model.facts import Granted, GroupsNeed, Known, ListingNeed, Need, OrganizationsNeed, PermissionNeed, RestrictionNeed
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Credential
from cartaguard.tokens.issuer import Issuer
from cartaguard.tokens.keys import StaticKeys
from cartaguard.tokens.verifier import TokenVerifier
from support.colours import COLOURS, Run
from support.keys import jwks, rsa_key
from support.served import Answer, Served, serving

OURS, THEIRS = "https://pool.example/ours", "https://pool.example/theirs"
P1 = Resource("Project", "p1")
ITEM = "/permissions/resources/Project/p1"


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as served:
        served.answers[ITEM] = Answer.of({"id": "p1", "permission": "Read"})
        yield served


@pytest.fixture(params=["blocking", "asyncio"])
def run(request: pytest.FixtureRequest) -> Run:
    return COLOURS[request.param]


def olga(issuer: str) -> Principal:
    return Principal(issuer=issuer, subject="s1", username="olga", groups=["OrgA:Team"], credential=Credential(f"token-of-{issuer[-6:]}"))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"groups": "user"},
        {"api": "v2"},
        {"credential": "service-token"},
        {"credential": "service-token", "groups": "members", "api": "v2"},
    ],
)
@pytest.mark.parametrize("issuer", [THEIRS, OURS + "/", OURS.upper(), ""])
def test_callers_of_another_issuer_hold_nothing_and_nothing_is_asked(
    run: Run, served: Served, options: dict[str, Any], issuer: str
) -> None:
    directory, stranger = CartaDirectory(served.url, issuer=OURS, **options), olga(issuer)
    needs: list[Need] = [
        PermissionNeed(stranger, P1, Permission.READ),
        GroupsNeed(stranger, frozenset({"OrgA:Other"})),
        OrganizationsNeed(stranger),
        ListingNeed(stranger, "Project"),
    ]
    assert [at_hand(directory, need) for need in needs] == [nothing(need) for need in needs]
    assert run(directory.fetch(needs)) == {need: nothing(need) for need in needs}
    restriction = RestrictionNeed(stranger, P1)
    assert run(directory.fetch([restriction])) == {restriction: Known()}
    assert served.requests == []


def test_its_own_issuers_callers_are_asked_about(run: Run, served: Served) -> None:
    need = PermissionNeed(olga(OURS), P1)
    assert run(CartaDirectory(served.url, issuer=OURS).fetch([need])) == {need: Granted(Permission.READ)}
    assert [headers["authorization"] for _, headers in served.requests] == [f"Bearer token-of-{OURS[-6:]}"]


def _verifier() -> TokenVerifier:
    keys = StaticKeys(jwks(rsa_key()))
    return TokenVerifier([Issuer(issuer, client_ids=["c"], keys=keys) for issuer in (OURS, THEIRS)])


@pytest.mark.parametrize("chained", [False, True])
def test_a_guard_of_several_issuers_wants_to_know_whose_callers_a_carta_knows(chained: bool) -> None:
    directory = CartaDirectory("https://carta.example")
    with pytest.raises(ConfigurationError, match="issuer=") as caught:
        Guard(verifier=_verifier(), directory=ChainDirectory([directory, directory]) if chained else directory)
    assert caught.value.code == "unqualified_directory"


def test_each_caller_is_looked_up_at_their_own_carta() -> None:
    with serving() as ours, serving() as theirs:
        theirs.answers[ITEM] = Answer.of({"id": "p1", "permission": "Read"})
        chain = ChainDirectory([CartaDirectory(ours.url, issuer=OURS), CartaDirectory(theirs.url, issuer=THEIRS)])
        guard = Guard(verifier=_verifier(), directory=chain)
        assert not guard.check(olga(OURS), permission("read", "Project:p1")).permitted
        assert guard.check(olga(THEIRS), permission("read", "Project:p1")).permitted
        for served, issuer in ((ours, OURS), (theirs, THEIRS)):
            assert {headers["authorization"] for _, headers in served.requests} == {f"Bearer token-of-{issuer[-6:]}"}
