"""cartaguard's stores with many grants: ``python -m benchmarks.subjects.cartaguard_sizes WHAT GRANTS``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.subjects.growing import GRANTS_EACH, asked, grown, say, some
from cartaguard import LocalDirectory, Permission, Principal, Resource
from cartaguard.directories.graph import Holders
from cartaguard.directories.local_memory import MemoryStore
from cartaguard.directories.local_store import Facts, Stored


def _stored(grants: int) -> Iterator[Stored]:
    names = [f"user{number}" for number in range(GRANTS_EACH)]
    read = int(Permission.READ)
    for number in range(max(1, grants // GRANTS_EACH)):
        users = dict.fromkeys(names[: min(grants, GRANTS_EACH)], read)
        yield Stored(Resource("Project", f"p{number}"), Holders(users=users))


def main(what: str, grants: int) -> None:
    directory, told = grown(lambda: LocalDirectory(MemoryStore(Facts(resources=list(_stored(grants))))), grants, python=True)
    principals = [
        Principal(issuer="https://issuer.example.org", subject=f"s{number}", username=f"user{number}") for number in range(GRANTS_EACH)
    ]

    def ask(question: tuple[Principal, Resource]) -> None:
        directory.permission(*question)

    def questions() -> Iterator[tuple[Principal, Resource]]:
        for user, resource in some(grants):
            yield principals[user], Resource("Project", f"p{resource}")

    assert all(
        directory.permission(principal, Resource("Project", "p0")).permission for principal in principals[: min(grants, GRANTS_EACH)]
    )
    say({**told, **asked(ask, questions())})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
