"""Settings: a TOML file or environment variables become a guard. Everything is checked at start-up.

This is the one place that knows every concrete directory and source of keys; each is imported when it is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cartaguard._settings_keys import CACHE, DIRECTORIES, ISSUERS, TOP, Place, read_kind, read_table, unknown
from cartaguard._settings_part import Part, content, later, variable
from cartaguard._settings_snapshot import snapshot
from cartaguard.errors import CartaGuardError, PolicyError, SettingsError
from cartaguard.model.policy import Policy
from cartaguard.model.policy import read_table as read_file

if TYPE_CHECKING:
    from cartaguard.caches.shared import SharedCache
    from cartaguard.directories.base import Directory
    from cartaguard.guard.guard import Guard
    from cartaguard.tokens.issuer import Issuer
    from cartaguard.tokens.keys import Keys
    from cartaguard.tokens.verifier import TokenVerifier

__all__ = ["Settings"]

T = TypeVar("T")

_PREFIX = "CARTAGUARD_"
_ISSUER, _DIRECTORY, _CACHE = f"{_PREFIX}ISSUER_", f"{_PREFIX}DIRECTORY_", f"{_PREFIX}CACHE_"

#: What the environment may say beside one issuer and one directory.
_PLAIN = ("policy", "realm", "access_url", "leeway")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a guard is made of. Get one from :meth:`from_file`, :meth:`from_env` or :meth:`from_dict`.

    Every fault is a :class:`~cartaguard.errors.SettingsError` that names the file and the key. A secret is only
    ever named, by environment variable or file, and is not in the repr.
    """

    source: str
    issuers: tuple[Part, ...] = field(default=(), repr=False)
    directories: tuple[Part, ...] = field(default=(), repr=False)
    cache: Part | None = field(default=None, repr=False)
    #: A policy file, or the table ``{"routes": […]}`` of a policy that stands in the settings themselves.
    policy: Path | Mapping[str, Any] | None = field(default=None, repr=False)
    realm: str | None = field(default=None, repr=False)
    access_url: str | None = field(default=None, repr=False)
    leeway: float | None = field(default=None, repr=False)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_file(cls, path: str | Path, *, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read a TOML file (JSON by its ending). Relative paths in it are relative to it.

        :param environ: where the variables are that the file names as ``token_env``.
        """
        file = Path(path)
        try:
            table = read_file(file)
        except PolicyError as fault:
            raise SettingsError(str(fault), code=fault.code) from None
        return cls._read(table, str(path), file.parent, environ)

    @classmethod
    def from_dict(cls, table: Mapping[str, Any], *, base: str | Path = ".", environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the same from a table; relative paths in it are relative to ``base``."""
        return cls._read(table, "settings", Path(base), environ)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read ``CARTAGUARD_…`` variables.

        ``CARTAGUARD_CONFIG`` names a file; what the other variables say takes the place of what it says.
        ``CARTAGUARD_ISSUER_KIND``, ``CARTAGUARD_ISSUER_REGION`` … describe one issuer, ``CARTAGUARD_DIRECTORY_…`` one
        directory, ``CARTAGUARD_CACHE_…`` what processes share; lists are separated by commas. An empty variable counts
        as one that is not there.
        """
        given = {name: value for name, value in environ.items() if name.startswith(_PREFIX) and value}
        config = given.pop(f"{_PREFIX}CONFIG", None)
        settings = cls("environment", environ=environ) if config is None else cls.from_file(config, environ=environ)
        tables: dict[str, dict[str, str]] = {_ISSUER: {}, _DIRECTORY: {}, _CACHE: {}, _PREFIX: {}}
        for name, value in given.items():
            prefix = next(prefix for prefix in tables if name.startswith(prefix))
            tables[prefix][name] = value
        here = Path()
        changes: dict[str, Any] = {}
        for key, prefix, kinds in (("issuers", _ISSUER, ISSUERS), ("directories", _DIRECTORY, DIRECTORIES)):
            if tables[prefix]:
                place = Place("environment", prefix, variable=True)
                table = {name.removeprefix(prefix).lower(): value for name, value in tables[prefix].items()}
                changes[key] = (Part(read_kind(table, place, kinds), place, here),)
        if tables[_CACHE]:
            place = Place("environment", _CACHE, variable=True)
            table = {name.removeprefix(_CACHE).lower(): value for name, value in tables[_CACHE].items()}
            changes["cache"] = Part(read_table(table, place, CACHE), place, here)
        settings = replace(settings, **changes)
        naming = [*settings.directories, *([settings.cache] if settings.cache else [])]
        named = {part.values.get(key) for part in naming for key in ("token_env", "api_token_env", "url_env", "bus_env", "key_env")}
        plain = {name.removeprefix(_PREFIX).lower(): value for name, value in tables[_PREFIX].items() if name not in named}
        place = Place("environment", _PREFIX, variable=True)
        for key in plain:
            if key not in _PLAIN:
                unknown(key, place, _known_variables())
        values = read_table(plain, place, TOP)
        if "policy" in values:
            values["policy"] = Path(values["policy"])
        return replace(settings, **values)

    @classmethod
    def _read(cls, table: object, source: str, base: Path, environ: Mapping[str, str]) -> Settings:
        if not isinstance(table, Mapping):
            raise SettingsError(f"{source}: settings are a table", code="bad_value")
        values = read_table(table, Place(source), TOP)
        for key, kinds in (("issuers", ISSUERS), ("directories", DIRECTORIES)):
            parts = []
            for index, one in enumerate(values.get(key, ())):
                place = Place(source, f"{key}[{index}].")
                parts.append(Part(read_kind(one, place, kinds), place, base))
            values[key] = tuple(parts)
        if "cache" in values:
            place = Place(source, "cache.")
            values["cache"] = Part(read_table(values["cache"], place, CACHE), place, base)
        routes = values.pop("routes", None)
        if routes is not None and "policy" in values:
            raise SettingsError(f"{source}: `policy` and `routes` contradict each other; leave one out", code="contradiction")
        if routes is not None:
            values["policy"] = {"routes": routes}
        elif "policy" in values:
            values["policy"] = base / values["policy"]
        return cls(source, environ=environ, **values)

    def guard(self) -> Guard:
        """Make the guard: read every file that is named and look at every secret.

        :raises cartaguard.errors.SettingsError: for whatever keeps it from being made.
        """
        from cartaguard.guard.guard import Guard
        from cartaguard.tokens.verifier import TokenVerifier

        if not self.issuers:
            raise SettingsError(f"{self.source}: there is no issuer, so that nobody could be known; add `[[issuers]]`", code="missing_key")
        issuers = [_built(part, _issuer) for part in self.issuers]
        cache = None if self.cache is None else _built(self.cache, lambda part: _shared(part, self.environ))
        given = {"realm": self.realm, "access_url": self.access_url}
        options: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        leeway: dict[str, Any] = {} if self.leeway is None else {"leeway": self.leeway}
        try:
            verifier = TokenVerifier(issuers, **leeway)
            directory = self._directory(verifier)
            return Guard(verifier=verifier, directory=directory, policy=self._policy(), cache=cache, **options)
        except SettingsError:
            raise
        except CartaGuardError as fault:
            raise SettingsError(f"{self.source}: {fault}", code=fault.code) from None

    def _directory(self, verifier: TokenVerifier) -> Directory | None:
        """All directories as one; in front of them, where there is one, the snapshot that stands in for them."""
        behind = [part for part in self.directories if part.values.get("live")]
        others = [_built(part, lambda part: _directory(part, self.environ, verifier)) for part in self.directories if part not in behind]
        live = _chained(others)
        for part in behind[1:]:
            raise part.place.fault("live", "is said by another snapshot too, and one stands in for all directories", "contradiction")
        for part in behind:
            if live is None:
                raise part.place.fault("live", "has a snapshot stand in for the other directories, and there is none", "contradiction")
            return _built(part, lambda part: snapshot(part, self.environ, verifier, live))
        return live

    def _policy(self) -> Policy | None:
        if self.policy is None:
            return None
        return Policy.from_file(self.policy) if isinstance(self.policy, Path) else Policy.from_dict(self.policy)


def _known_variables() -> Iterable[str]:
    yield from ("config", *_PLAIN)
    for prefix, kinds in (("issuer", ISSUERS), ("directory", DIRECTORIES)):
        yield f"{prefix}_kind"
        for _, keys in kinds.values():
            yield from (f"{prefix}_{key}" for key in keys)
    yield from (f"cache_{key}" for key in CACHE)


def _built(part: Part, build: Callable[[Part], T]) -> T:
    """What a part describes; a fault of what is built is one of the part."""
    try:
        return build(part)
    except SettingsError:
        raise
    except CartaGuardError as fault:
        raise SettingsError(f"{part.place.source}: `{part.place.whole}`: {fault}", code=fault.code) from None


def _issuer(part: Part) -> Issuer:
    from cartaguard.tokens.issuer import Issuer

    values, tokens = part.values, part.some("token_use", "algorithms")
    match values["kind"]:
        case "carta":
            return Issuer.carta(values["host"], **part.some("client_ids"), **tokens)
        case "cognito":
            return Issuer.cognito(**part.some("region", "user_pool_id", "client_ids"), **tokens)
        case _:
            return Issuer(values["issuer"], client_ids=values["client_ids"], keys=_keys(part), **tokens)


def _keys(part: Part) -> Keys:
    from cartaguard.tokens.keys import RemoteKeys, StaticKeys

    if "jwks_file" not in part.values:
        if "jwks_uri" not in part.values:
            raise part.place.fault("jwks_uri", f"is missing (or `{part.place.name('jwks_file')}`)", "missing_key")
        return RemoteKeys(part.values["jwks_uri"])
    if "jwks_uri" in part.values:
        raise part.place.fault("jwks_file", f"and `{part.place.name('jwks_uri')}` contradict each other; leave one out", "contradiction")
    return StaticKeys(content(part, "jwks_file"))


def _directory(part: Part, environ: Mapping[str, str], verifier: TokenVerifier) -> Directory:
    values = part.values
    if values["kind"] == "snapshot":
        return snapshot(part, environ, verifier, None)
    if values["kind"] == "carta":
        from cartaguard.directories.carta import CartaDirectory

        return CartaDirectory(values["host"], **_service(part, environ), **part.some("api", "groups", "issuer", "timeout"))
    if values["kind"] == "spicedb":
        from cartaguard.directories.spicedb import SpiceDBDirectory

        ca_file = part.path("ca_file") if "ca_file" in values else None
        return SpiceDBDirectory(values["endpoint"], token=_key(part, environ), ca_file=ca_file, **part.some("tls", "timeout", "watch"))
    from cartaguard.directories.local import LocalDirectory

    path, strict = part.path("path"), part.some("strict")
    match path.suffix:
        case ".toml" | ".json":
            return LocalDirectory.from_file(path, **strict)
        case ".sqlite" | ".sqlite3" | ".db" if not strict:
            return LocalDirectory.open(path)
        case ".sqlite" | ".sqlite3" | ".db":
            raise part.place.fault(
                "strict", "is for files that are read: a database holds no malformed fact; leave it out", "contradiction"
            )
    raise part.place.fault("path", "does not tell its kind: it ends in .toml, .json, .sqlite, .sqlite3 or .db", "bad_value")


def _service(part: Part, environ: Mapping[str, str]) -> dict[str, Any]:
    """A service account where one is wanted: a token from a variable, or from a file that is read whenever it is needed, or a profile."""
    named = part.some("token_env", "token_file", "api_token_env", "api_token_file", "profile")
    if part.values.get("credential", "caller") == "caller":
        for key in named:
            raise part.place.fault(key, f'names a service account: `{part.place.name("credential")}` has to be "service"', "contradiction")
        return {}
    if not named:
        raise part.place.fault(
            "token_env", f"is missing (or `{part.place.name('token_file')}`, or one with `api_` before it, or `profile`)", "missing_key"
        )
    key, *others = named
    if others:
        raise part.place.fault(key, f"and `{part.place.name(others[0])}` contradict each other; leave one out", "contradiction")
    if key == "profile":
        from cartaguard.carta.environment import find_login

        return {"credential": find_login(profile=part.values[key], host=part.values["host"], variables={}).login}
    token = variable(part, key, environ) if key.endswith("_env") else later(part, key)
    return {"api_token" if key.startswith("api_") else "credential": token}


def _key(part: Part, environ: Mapping[str, str]) -> str | Callable[[], str]:
    """The key of a store of facts: from a variable, or from a file that is read whenever it is needed."""
    key, *others = part.some("token_env", "token_file") or ("",)
    if not key:
        raise part.place.fault("token_env", f"is missing (or `{part.place.name('token_file')}`)", "missing_key")
    if others:
        raise part.place.fault(key, f"and `{part.place.name(others[0])}` contradict each other; leave one out", "contradiction")
    return variable(part, key, environ) if key == "token_env" else later(part, key)


def _shared(part: Part, environ: Mapping[str, str]) -> SharedCache:
    from cartaguard.caches.shared import SharedCache

    url, bus, name = _address(part, "url", environ), _address(part, "bus", environ), part.some("namespace")
    if url is not None:
        return SharedCache.redis(url, bus=bus, **name)
    if bus is None:
        raise part.place.fault("url", f"is missing, or `{part.place.name('bus')}` for the news without the facts", "missing_key")
    return SharedCache.postgres(bus, **name)


def _address(part: Part, key: str, environ: Mapping[str, str]) -> str | None:
    """An address that may need a password: in a variable or a file, or, where it has none, in the settings themselves."""
    named = part.some(key, f"{key}_env", f"{key}_file")
    if not named:
        return None
    one, *others = named
    if others:
        raise part.place.fault(one, f"and `{part.place.name(others[0])}` contradict each other; leave one out", "contradiction")
    if one == key:
        address: str = named[key]
        user = address.partition("//")[2].rpartition("@")[0]
        if ":" in user or "password=" in address.lower():
            raise part.place.fault(
                key,
                f"holds a password, and settings hold none; name where the address is, with `{part.place.name(f'{key}_env')}`",
                "inline_secret",
            )
        return address
    return variable(part, one, environ) if one.endswith("_env") else content(part, one).strip()


def _chained(directories: list[Directory]) -> Directory | None:
    if len(directories) < 2:
        return directories[0] if directories else None
    from cartaguard.directories.chain import ChainDirectory

    return ChainDirectory(directories)
