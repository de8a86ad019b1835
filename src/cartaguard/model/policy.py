"""Policy: which requirement holds on which path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cartaguard.errors import PolicyError, RequirementError
from cartaguard.model.pattern import HasSegments, PathPattern, covers
from cartaguard.model.requirement import Requirement
from cartaguard.model.value import Value, fill

__all__ = ["PROTOCOLS", "Policy", "PolicyEntry", "covered", "read_methods", "read_table"]

PROTOCOLS: frozenset[str] = frozenset({"http", "websocket"})


class PolicyEntry(Value):
    """One line of a policy. ``methods`` is ``None`` for all; a WebSocket has none."""

    __slots__ = __match_args__ = ("pattern", "requirement", "methods", "protocols")

    pattern: PathPattern
    requirement: Requirement
    methods: frozenset[str] | None
    protocols: frozenset[str]

    def __init__(
        self, pattern: PathPattern, requirement: Requirement, methods: frozenset[str] | None = None, protocols: frozenset[str] = PROTOCOLS
    ) -> None:
        fill(self, "pattern", pattern)
        fill(self, "requirement", requirement)
        fill(self, "methods", methods)
        fill(self, "protocols", protocols)

    def covers(self, other: PolicyEntry) -> bool:
        """Whether whatever fits the other fits this one too."""
        return covered([self], other.pattern, other.methods, other.protocols)


def covered(lines: Iterable[PolicyEntry], route: HasSegments, methods: frozenset[str] | None, protocols: frozenset[str]) -> bool:
    """Whether entries together take everything that fits a route, so that nothing is left for a later one."""
    fitting = [line for line in lines if covers(line.pattern, route)]
    for protocol in protocols:
        taking = [line.methods for line in fitting if protocol in line.protocols]
        if not taking:
            return False
        if protocol == "http" and None not in taking:
            listed = frozenset[str]().union(*(some for some in taking if some is not None))
            if methods is None or not {"GET" if method == "HEAD" else method for method in methods} <= listed:
                return False
    return True


class Policy:
    """Entries in order; the first that fits a path, a protocol and a method decides.

    Raises :class:`~cartaguard.errors.PolicyError` for an entry that is repeated, or that an earlier one
    leaves unreachable, and :class:`~cartaguard.errors.RequirementError` for a template that the path lacks.
    """

    def __init__(self, entries: Iterable[PolicyEntry] = ()) -> None:
        self.entries: tuple[PolicyEntry, ...] = tuple(entries)
        for index, entry in enumerate(self.entries):
            entry.requirement.bind(entry.pattern.names, entry.pattern.text)
            earlier = [line for line in self.entries[:index] if covers(line.pattern, entry.pattern)]
            if any(line.covers(entry) and entry.covers(line) for line in earlier):
                raise PolicyError(f"the entry `{entry.pattern}` is repeated", code="repeated")
            if covered(earlier, entry.pattern, entry.methods, entry.protocols):
                before = ", ".join(f"`{line.pattern}`" for line in earlier)
                raise PolicyError(f"the entry `{entry.pattern}` is never reached: before it {before} covers it", code="unreachable")

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Policy:
        """Read ``{"routes": [{"path": …, "methods": […], "protocols": […], "require": {…}}, …]}``."""
        if not isinstance(table, Mapping):
            raise PolicyError("a policy is a table with `routes`", code="bad_policy")
        for key in table:
            if key != "routes":
                raise PolicyError(f"unknown key `{key}` in a policy; it has `routes` only", code="unknown_key")
        routes = table.get("routes")
        if not isinstance(routes, list):
            raise PolicyError("a policy has a list `routes`", code="bad_policy")
        return cls(_entry(index, route) for index, route in enumerate(routes))

    @classmethod
    def from_file(cls, path: str | Path) -> Policy:
        """Read a policy from a TOML file, or a JSON file by its ending.

        Raises :class:`~cartaguard.errors.PolicyError` that names the file.
        """
        table = read_table(Path(path))
        try:
            return cls.from_dict(table)
        except (PolicyError, RequirementError) as fault:
            raise type(fault)(f"{path}: {fault}", code=fault.code) from None

    def __repr__(self) -> str:
        return f"<Policy of {len(self.entries)} entries>"


def read_table(path: Path) -> Any:
    """The content of a TOML or JSON file. Raises :class:`~cartaguard.errors.PolicyError` that names the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise PolicyError(f"{path} cannot be read ({type(fault).__name__})", code="unreadable") from None
    try:
        if path.suffix == ".json":
            from cartaguard.model.jsontext import read_json

            return read_json(text)
        import tomllib

        return tomllib.loads(text)
    except (ValueError, RecursionError) as fault:
        raise PolicyError(f"{path} is malformed: {fault}", code="malformed") from None


def _entry(index: int, route: object) -> PolicyEntry:
    from cartaguard.model.requirement_table import read_requirement

    where = f"routes[{index}]"
    if not isinstance(route, Mapping):
        raise PolicyError(f"`{where}` is a table with `path` and `require`", code="bad_policy")
    for key in route:
        if key not in ("path", "methods", "protocols", "require"):
            raise PolicyError(f"unknown key `{key}` in `{where}`; use path, methods, protocols, require", code="unknown_key")
    for key in ("path", "require"):
        if key not in route:
            raise PolicyError(f"`{where}` lacks `{key}`", code="missing_key")
    try:
        return PolicyEntry(
            pattern=PathPattern(route["path"]),
            requirement=read_requirement(route["require"]),
            methods=read_methods(route["methods"]) if "methods" in route else None,
            protocols=_protocols(route.get("protocols")),
        )
    except (PolicyError, RequirementError) as fault:
        path = route["path"]
        raise type(fault)(f"`{where}` (`{path}`): {fault}", code=fault.code) from None


def read_methods(value: object) -> frozenset[str]:
    """HTTP methods in capitals. HEAD is guarded as GET, and so goes with it and never without it."""
    if not isinstance(value, (list, tuple, set, frozenset)) or not value:
        raise PolicyError("`methods` is a list of HTTP methods that is not empty; leave it out for all", code="bad_methods")
    for method in value:
        if not (isinstance(method, str) and method.isascii() and method.isalpha() and method.isupper()):
            raise PolicyError(f"`{method}` is not an HTTP method in capitals", code="bad_methods")
    if "HEAD" in value and "GET" not in value:
        raise PolicyError("`HEAD` is guarded as GET; list `GET`", code="bad_methods")
    return frozenset(value) - {"HEAD"}


def _protocols(value: object) -> frozenset[str]:
    if value is None:
        return PROTOCOLS
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name in PROTOCOLS for name in value):
        raise PolicyError("`protocols` is a list of `http`, `websocket` or both", code="bad_protocols")
    return frozenset(value)
