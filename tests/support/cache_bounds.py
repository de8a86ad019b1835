"""One switch for a whole test session: every cache at its smallest, or so large that nothing is ever pushed out.

``CARTAGUARD_TEST_CACHES=smallest`` or ``largest``. What a cache holds may never change an answer, so every test
has to pass in both. A bound that a test gives itself stays, and so do the bounds where it is about remembering itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

__all__ = ["VARIABLE", "cache_bounds"]

VARIABLE = "CARTAGUARD_TEST_CACHES"

_LARGEST = 1_000_000


#: Tests that are about what is remembered, and so need that something is.
_ABOUT_REMEMBERING = frozenset(
    {
        "test_a_cached_part_of_a_chain_is_asked_once",
        "test_a_cached_token_is_not_at_hand_once_its_keys_grow_stale",
        "test_a_changed_set_empties_the_token_cache_and_an_unchanged_one_does_not",
        "test_a_request_that_needs_keys_is_authenticated_by_the_same_steps_in_both_colours",
        "test_a_verified_token_is_at_hand_until_it_expires_and_is_then_refused",
        "test_a_verifier_that_comes_while_a_carta_names_its_issuer_hears_of_later_changes",
        "test_an_old_organization_passes_as_stale_and_a_listed_user_as_fresh",
        "test_max_age_narrows_the_time_for_which_a_fact_serves",
        "test_nothing_outlives_an_invalidation_or_the_token",
        "test_only_headers_of_good_signatures_are_remembered_and_not_without_end",
        "test_paths_with_parameters_are_remembered_only_for_those_who_may",
        "test_unwanted_keys_and_all_keys_are_forgotten",
        "test_what_a_listing_tells_is_remembered_and_what_it_lacks_only_shortly",
        "test_what_one_caller_may_know_of_is_asked_anew_for_another",
        "test_while_the_source_is_down_a_fact_is_fresh_then_stale_within_its_grace_then_503",
        "test_without_max_stale_nothing_old_serves",
    }
)


def cache_bounds(test: str) -> Callable[[], None]:
    """Set the default bounds that the environment asks for, if it does, for one test; gives what sets them back."""
    wanted = os.environ.get(VARIABLE, "")
    if not wanted or test in _ABOUT_REMEMBERING:
        return lambda: None
    if wanted not in ("smallest", "largest"):
        raise ValueError(f"`{VARIABLE}` is `{wanted}`; use smallest or largest")
    from cartaguard.caches.memory import MemoryCache
    from cartaguard.directories.cached import CachedDirectory
    from cartaguard.guard import settled
    from cartaguard.guard.plan import Plans
    from cartaguard.model import template
    from cartaguard.tokens import verifier

    # A memory cache of nothing is refused; modules that keep one thing at least go by 0 as well.
    least = 0 if wanted == "smallest" else _LARGEST
    memory = max(least, 1)
    modules: list[tuple[Any, str]] = [(template, "_REMEMBERED"), (verifier, "_HEADERS_BOUND"), (settled, "MOST")]
    functions: list[tuple[Any, str, int]] = [
        (verifier.TokenVerifier.__init__, "max_tokens", least),
        (Plans.__init__, "kept", least),
        (CachedDirectory.__init__, "bound", memory),
    ]
    plain: Any = MemoryCache.__init__
    before = [getattr(module, name) for module, name in modules], [function.__kwdefaults__[name] for function, name, _ in functions]
    positional = plain.__defaults__

    def back() -> None:
        for (module, name), value in zip(modules, before[0], strict=True):
            setattr(module, name, value)
        for (function, name, _), value in zip(functions, before[1], strict=True):
            function.__kwdefaults__[name] = value
        plain.__defaults__ = positional

    for module, name in modules:
        setattr(module, name, least)
    for function, name, bound in functions:
        function.__kwdefaults__[name] = bound
    plain.__defaults__ = (memory,)
    return back
