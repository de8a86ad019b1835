"""A guard writes down what it knows: its directories' facts and its verifier's keys."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cartaguard import Guard, Issuer, LocalDirectory, RemoteKeys, TokenVerifier, permission
from cartaguard.errors import ConfigurationError
from support.facts import both, person
from support.keys import jwks, rsa_key
from support.served import Answer, serving
from support.snapshots import KEY, NOW, opened
from support.tokens import CLIENT, ISSUER, Clock, bearer, token_for


def test_a_guard_writes_its_facts_and_keys(tmp_path: Path) -> None:
    """Blocking and in a task, with the time, the namespace and the issuers."""
    path, clock = tmp_path / "s", Clock(NOW)
    with serving() as served:
        served.answers["/keys"] = Answer.of(jwks(rsa_key()))
        verifier = TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=RemoteKeys(f"{served.url}/keys"))], clock=clock)
        guard = Guard(verifier=verifier, directory=LocalDirectory.from_dict({"resources": {"Project:p1": {"owner": "olga"}}}), clock=clock)
        guard.authenticate(bearer(token_for("olga", now=NOW)))
    told: list[str] = []
    tasks: list[str] = []

    async def asynchronous() -> tuple[object, ...]:
        header = await guard.asnapshot(path, key=KEY, namespace="live", progress=lambda what, done, total: tasks.append(what))
        return (header.created_at, header.issuers, header.namespace)

    def blocking() -> tuple[object, ...]:
        header = guard.snapshot(path, key=KEY, namespace="live", progress=lambda what, done, total: told.append(what))
        return (header.created_at, header.issuers, header.namespace)

    assert both(blocking, asynchronous) == (NOW, (ISSUER,), "live")
    # How often each is told depends on the key of the table, which is another one each time.
    assert list(dict.fromkeys(told)) == list(dict.fromkeys(tasks)) != []
    directory = opened(path, namespace="live", issuers=[ISSUER])
    assert [(kept.issuer, kept.fetched_at) for kept in directory.keys] == [(ISSUER, NOW)]
    assert Guard(directory=directory).check(person(), permission("read", "Project:p1")).permitted
    cold = TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=RemoteKeys(f"{served.url}/keys"))], clock=clock)
    assert cold.seed_keys(directory.keys, clock()) == (ISSUER,)
    assert Guard(verifier=cold).authenticate(bearer(token_for("olga", now=NOW))).username == "olga"


def test_a_guard_that_only_decides_writes_its_facts(tmp_path: Path) -> None:
    """There are no issuers and no keys then, and a key that cannot sign is refused."""
    guard = Guard()
    header = guard.snapshot(tmp_path / "s", key=KEY)
    assert (header.issuers, header.keys, header.left_out) == ((), (), ())
    assert (header.namespace, asyncio.run(guard.asnapshot(tmp_path / "s", key=KEY)).namespace) == ("", "")
    with pytest.raises(ConfigurationError):
        guard.snapshot(tmp_path / "s", key=b"short")
