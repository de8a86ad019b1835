"""Many threads at once: every answer is one that was true at some moment between the call and its return."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cartaguard import Guard, Issuer, LocalDirectory, Policy, Principal, RemoteKeys, StaticKeys, TokenVerifier, errors, permission
from cartaguard.caches.memory import MemoryCache
from cartaguard.directories.cached import CachedDirectory
from cartaguard.directories.local_write import DEPLOYER
from cartaguard.guard.gate import Gate, Refused
from cartaguard.guard.plan import Plans
from cartaguard.tokens.cache import TokenCache
from support.keys import jwks, rsa_key
from support.tokens import CLIENT, ISSUER, NOW, Clock, bearer, id_claims, mint, token_for, verifier_for

ROUNDS, THREADS = 150, 6


@contextmanager
def hammering(*works: Callable[[], object]) -> Iterator[list[BaseException]]:
    """Have each work done again and again by threads of its own while the block runs; their faults are raised at its end."""
    faults: list[BaseException] = []
    over = threading.Event()

    def again(work: Callable[[], object]) -> None:
        try:
            while not over.is_set():
                work()
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=again, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield faults
    finally:
        over.set()
        for thread in threads:
            thread.join(30)
    assert not faults, faults[0]
    assert not any(thread.is_alive() for thread in threads)


class Truth:
    """What is true, by number of the write: even ones give the right, odd ones take it away."""

    def __init__(self) -> None:
        #: Writes that have begun, and that are over.
        self.begun = self.over = 0

    def write(self, change: Callable[[bool], object]) -> None:
        self.begun += 1
        change(self.begun % 2 == 0)
        self.over = self.begun

    def ask(self, question: Callable[[], bool]) -> None:
        over = self.over
        answer = question()
        begun = self.begun
        # Every write that was not over at the call, or had begun at the return, may be the one that is seen.
        assert any((number % 2 == 0) is answer for number in range(over, begun + 1)), f"{answer} between {over} and {begun}"


def world(**more: Any) -> LocalDirectory:
    return LocalDirectory.from_dict(
        {"resources": {"Project:p": {"owner": "adam", "grants": [{"to": "user:olga", "role": "Guest"}]}}, **more}
    )


READ = permission("read", "Project:{id}")
POLICY = Policy.from_dict({"routes": [{"path": "/p/{id}", "require": {"permission": "read", "on": "Project:{id}"}}]})


def test_no_check_answers_what_was_true_before_or_after_it_only() -> None:
    directory, truth = world(), Truth()
    guard = Guard(directory=directory)
    olga = Principal(issuer="i", subject="s", username="olga")

    def change(given: bool) -> None:
        directory.grant(by=DEPLOYER, to="user:olga", on="Project:p", role="Guest" if given else "None")

    with hammering(*[lambda: truth.ask(lambda: guard.check(olga, READ, {"id": "p"}).permitted)] * THREADS, guard.invalidate):
        for _ in range(ROUNDS):
            truth.write(change)


def test_nor_does_a_gate() -> None:
    directory, truth = world(), Truth()
    gate = Gate(Guard(verifier=verifier_for(), directory=directory, policy=POLICY))
    token = token_for("olga")

    def passes() -> bool:
        try:
            return gate.admit("http", "GET", "/p/p", bearer(token)) is not None
        except Refused:
            return False

    def change(given: bool) -> None:
        directory.grant(by=DEPLOYER, to="user:olga", on="Project:p", role="Guest" if given else "None")

    with hammering(*[lambda: truth.ask(passes)] * THREADS):
        for _ in range(ROUNDS):
            truth.write(change)


def test_what_is_fetched_while_it_is_invalidated_is_not_kept() -> None:
    truth = Truth()
    source = world()

    class Remote(LocalDirectory):
        remote = True

        def permission(self, *_: Any, **__: Any) -> Any:
            return None

        def answer(self, needs: Any) -> Any:
            return {need: source.permission(need.principal, need.resource) for need in needs}

        fetch = LocalDirectory.fetch

    directory = CachedDirectory(Remote.from_dict({}), clock=Clock())
    guard = Guard(directory=directory)
    olga = Principal(issuer="i", subject="s", username="olga")

    def change(given: bool) -> None:
        source.grant(by=DEPLOYER, to="user:olga", on="Project:p", role="Guest" if given else "None")
        guard.invalidate(principal=olga)

    with hammering(*[lambda: truth.ask(lambda: guard.check(olga, READ, {"id": "p"}).permitted)] * THREADS):
        for _ in range(ROUNDS):
            truth.write(change)


def test_a_key_that_was_withdrawn_verifies_nothing_any_more() -> None:
    keys = RemoteKeys("https://keys.example.org/jwks.json", clock=Clock())
    verifier = TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=keys)], clock=Clock())
    first, second = rsa_key("first"), rsa_key("second")
    import json

    sets = [json.dumps(jwks(first, second)).encode(), json.dumps(jwks(second)).encode()]
    keys._take(sets[0])
    values, truth = bearer(mint(id_claims(), first)), Truth()

    def known() -> bool:
        try:
            return verifier.at_hand(values) is not None
        except errors.InvalidToken:
            return False

    def attach() -> None:
        TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=keys)], clock=Clock())

    with hammering(*[lambda: truth.ask(known)] * THREADS, attach):
        for _ in range(ROUNDS):
            truth.write(lambda given: keys._take(sets[0 if given else 1]))
    assert len(keys._watchers) <= ROUNDS * 1000


def test_of_two_who_empty_the_token_cache_at_once_neither_brings_back_a_former_shelf() -> None:
    cache = TokenCache(100, Clock())
    olga = Principal(issuer="i", subject="s")

    def verify() -> None:
        shelf = cache.shelf
        shelf.put(b"value", olga, NOW, NOW + 1)

    with hammering(cache.clear, cache.clear, verify, verify):
        for _ in range(ROUNDS * 20):
            shelf = cache.shelf
            cache.clear()
            shelf.put(b"former", olga, NOW, NOW + 1)
            assert cache.get(b"former") is None


@pytest.mark.parametrize("bound", [0, 1, 3])
def test_the_token_cache_keeps_its_bound(bound: int) -> None:
    cache = TokenCache(bound, Clock())
    olga = Principal(issuer="i", subject="s")
    names = [bytes([letter]) for letter in b"abcdef"]

    def use() -> None:
        for name in names:
            cache.shelf.put(name, olga, NOW, NOW + 1)
            assert cache.get(name) in (None, olga)

    with hammering(*[use] * THREADS):
        for _ in range(ROUNDS):
            use()
    assert len(cache.shelf.entries) <= bound
    assert len(cache.shelf._order) == len(cache.shelf.entries)


def test_plans_are_found_whole_and_for_their_own_path() -> None:
    plans = Plans(None, Policy.from_dict({"routes": [{"path": "/p/{id}", "require": {"public": "x"}}]}), kept=5)

    def use() -> None:
        for number in range(12):
            path = f"/p/{number}"
            plan, params = plans.find("http", "GET", path)
            assert (params["id"], len(plan.demands)) == (str(number), 1)
            plans.keep(("http", "GET", path), plan, params)

    with hammering(*[use] * THREADS):
        for _ in range(ROUNDS):
            use()
    assert len(plans.kept) <= 5 + THREADS


def test_a_memory_cache_that_is_cleared_and_filled_at_once_gives_values_of_their_own_key() -> None:
    cache: MemoryCache[int, int] = MemoryCache(bound=4)

    def use() -> None:
        for key in range(9):
            cache.put(key, key)
            assert cache.get(key) in (None, key)

    with hammering(*[use] * THREADS, cache.clear, lambda: cache.discard(lambda key: key % 2 == 0)):
        for _ in range(ROUNDS):
            use()
    assert len(cache) <= 4


def test_what_static_keys_verify_is_the_same_for_every_thread() -> None:
    verifier = TokenVerifier([Issuer(ISSUER, client_ids=[CLIENT], keys=StaticKeys(jwks(rsa_key())))], clock=Clock(), max_tokens=2)
    tokens = {name: bearer(token_for(name)) for name in ("olga", "adam", "ada", "bob")}

    def use() -> None:
        for name, values in tokens.items():
            who = verifier.at_hand(values)
            assert who is not None
            assert who.username == name

    with hammering(*[use] * THREADS):
        for _ in range(20):
            use()
