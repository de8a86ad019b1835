"""The keys of a settings file, and a strict reader for them: every fault names its place, none repeats a value.

A value is not repeated because a secret may have been pasted where it does not belong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from cartaguard.errors import SettingsError
from cartaguard.model.value import Value, fill

__all__ = ["CACHE", "DIRECTORIES", "ISSUERS", "TOP", "Place", "read_kind", "read_table", "unknown"]


class Kind(Value):
    """What a value may be: ``check`` takes it over or gives ``None``, ``from_text`` reads an environment variable."""

    __slots__ = __match_args__ = ("expected", "check", "from_text")

    expected: str
    check: Callable[[Any], Any]
    from_text: Callable[[str], Any]

    def __init__(self, expected: str, check: Callable[[Any], Any], from_text: Callable[[str], Any] = str) -> None:
        fill(self, "expected", expected)
        fill(self, "check", check)
        fill(self, "from_text", from_text)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _names(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not value or not all(map(_text, value)):
        return None
    return tuple(value)


def _number(value: object) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _variable(value: object) -> str | None:
    return value if isinstance(value, str) and value.isascii() and value.isidentifier() else None


def _tables(value: object) -> list[Any] | None:
    return value if isinstance(value, list) else None


def _table(value: object) -> Mapping[Any, Any] | None:
    return value if isinstance(value, Mapping) else None


def _number_from_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _flag_from_text(text: str) -> bool | str:
    return {"true": True, "false": False}.get(text, text)


def _choice(*words: str) -> Kind:
    return Kind(" or ".join(f"`{word}`" for word in words), lambda value: value if value in words else None)


TEXT = Kind("text that is not blank", _text)
NAMES = Kind("a list of names that is not empty", _names, lambda text: [name.strip() for name in text.split(",")])
NUMBER = Kind("a number", _number, _number_from_text)
FLAG = Kind("true or false", _flag, _flag_from_text)
VARIABLE = Kind("the name of an environment variable", _variable)
TABLES = Kind("a list of tables", _tables)
TABLE = Kind("a table", _table)

Keys = Mapping[str, Kind]

_TOKENS: Keys = {"token_use": NAMES, "algorithms": NAMES}

#: The keys of each kind of issuer; those that it must have come first.
ISSUERS: Mapping[str, tuple[tuple[str, ...], Keys]] = {
    "carta": (("host",), {"host": TEXT, "client_ids": NAMES, **_TOKENS}),
    "cognito": (
        ("region", "user_pool_id", "client_ids"),
        {"region": TEXT, "user_pool_id": TEXT, "client_ids": NAMES, **_TOKENS},
    ),
    "jwks": (("issuer", "client_ids"), {"issuer": TEXT, "client_ids": NAMES, "jwks_uri": TEXT, "jwks_file": TEXT, **_TOKENS}),
}

DIRECTORIES: Mapping[str, tuple[tuple[str, ...], Keys]] = {
    "local": (("path",), {"path": TEXT, "strict": FLAG}),
    "carta": (
        ("host",),
        {
            "host": TEXT,
            "credential": _choice("caller", "service"),
            "token_env": VARIABLE,
            "token_file": TEXT,
            "api_token_env": VARIABLE,
            "api_token_file": TEXT,
            "profile": TEXT,
            "api": _choice("v1", "v2"),
            "groups": _choice("claim", "user", "members"),
            "issuer": TEXT,
            "timeout": NUMBER,
        },
    ),
    "snapshot": (
        ("path", "max_age"),
        {
            "path": TEXT,
            "max_age": NUMBER,
            "key_env": VARIABLE,
            "key_file": TEXT,
            "public_key_file": TEXT,
            "check": _choice("whole", "as_read"),
            "namespace": TEXT,
            "live": FLAG,
            "keys": FLAG,
        },
    ),
    "spicedb": (
        ("endpoint",),
        {"endpoint": TEXT, "token_env": VARIABLE, "token_file": TEXT, "tls": FLAG, "ca_file": TEXT, "timeout": NUMBER, "watch": FLAG},
    ),
}

#: What processes share: facts in Redis or Valkey, news of what to forget there or through PostgreSQL.
CACHE: Keys = {
    "url": TEXT,
    "url_env": VARIABLE,
    "url_file": TEXT,
    "namespace": TEXT,
    "bus": TEXT,
    "bus_env": VARIABLE,
    "bus_file": TEXT,
}

TOP: Keys = {
    "issuers": TABLES,
    "directories": TABLES,
    "cache": TABLE,
    "routes": TABLES,
    "policy": TEXT,
    "realm": TEXT,
    "access_url": TEXT,
    "leeway": NUMBER,
}

_SECRETS = frozenset({"token", "api_token", "service_token", "password", "secret", "client_secret", "key", "api_key", "private_key"})


class Place(Value):
    """Where a table stands: its source (a file, the environment) and how its keys are called there."""

    __slots__ = __match_args__ = ("source", "prefix", "variable")

    source: str
    prefix: str
    variable: bool

    def __init__(self, source: str, prefix: str = "", variable: bool = False) -> None:
        fill(self, "source", source)
        fill(self, "prefix", prefix)
        fill(self, "variable", variable)

    def name(self, key: str) -> str:
        return self.prefix + (key.upper() if self.variable else key)

    @property
    def whole(self) -> str:
        """The name of the table itself."""
        return self.prefix.rstrip("._")

    def fault(self, key: str, what: str, code: str = "settings") -> SettingsError:
        return SettingsError(f"{self.source}: `{self.name(key)}` {what}", code=code)


def read_table(table: Mapping[Any, Any], place: Place, keys: Keys, required: Iterable[str] = ()) -> dict[str, Any]:
    """The values of a table, checked.

    :raises SettingsError: for an unknown key, a missing one and a value that cannot be.
    """
    values: dict[str, Any] = {}
    for key, value in table.items():
        kind = keys.get(key)
        if kind is None:
            unknown(key, place, keys)
        taken = kind.check(kind.from_text(value) if place.variable else value)
        if taken is None:
            raise place.fault(key, f"is not what it has to be: {kind.expected}", "bad_value")
        values[key] = taken
    for key in required:
        if key not in values:
            raise place.fault(key, "is missing", "missing_key")
    return values


def read_kind(table: object, place: Place, kinds: Mapping[str, tuple[tuple[str, ...], Keys]]) -> dict[str, Any]:
    """The values of a table whose ``kind`` says which keys it has."""
    if not isinstance(table, Mapping):
        raise SettingsError(f"{place.source}: `{place.whole}` is a table with a `kind`", code="bad_value")
    if "kind" not in table:
        raise place.fault("kind", f"is missing; it is one of {', '.join(kinds)}", "missing_key")
    kind = table["kind"]
    if not isinstance(kind, str) or kind not in kinds:
        hint = _hint(str(kind), kinds) or f"it is one of {', '.join(kinds)}"
        raise place.fault("kind", f"names no kind that there is; {hint}", "bad_value")
    required, keys = kinds[kind]
    rest = {key: value for key, value in table.items() if key != "kind"}
    return {"kind": kind, **read_table(rest, place, keys, required)}


def unknown(key: Any, place: Place, keys: Iterable[str]) -> NoReturn:
    """Refuse a key that there is not."""
    key = str(key)
    if key.lower() in _SECRETS:
        raise place.fault(
            key, "would hold a secret, and settings hold none; name where it is, with `token_env` or `token_file`", "inline_secret"
        )
    known = [place.name(one) for one in keys]
    hint = _hint(place.name(key), known)
    raise place.fault(key, f"is an unknown {'variable' if place.variable else 'key'}" + (f"; {hint}" if hint else ""), "unknown_key")


def _hint(word: str, known: Iterable[str]) -> str:
    import difflib

    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean `{close[0]}`?" if close else ""
