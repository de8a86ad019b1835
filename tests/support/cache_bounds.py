"""One switch for a whole test session: every cache at its smallest, or so large that nothing is ever pushed out.

``CARTAGUARD_TEST_CACHES=smallest`` or ``largest``. What a cache holds may never change an answer, so every test
has to pass in both. A bound that a test gives itself stays, and one that is about remembering itself has the
marker ``remembers`` and the usual bounds.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

__all__ = ["VARIABLE", "cache_bounds"]

VARIABLE = "CARTAGUARD_TEST_CACHES"

_LARGEST = 1_000_000


def cache_bounds() -> Callable[[], None]:
    """Set the default bounds that the environment asks for, if it does, for one test; gives what sets them back."""
    wanted = os.environ.get(VARIABLE, "")
    if not wanted:
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
