"""The `[cache]` table: what the processes of a deployment share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cartaguard import Settings, errors
from cartaguard.caches.shared import SharedCache
from support.canary import CANARY

ISSUER = {"kind": "cognito", "region": "us-east-2", "user_pool_id": "us-east-2_Abc123xyz", "client_ids": ["c"]}
ENVIRON = {
    "CARTAGUARD_ISSUER_KIND": "cognito",
    "CARTAGUARD_ISSUER_REGION": "us-east-2",
    "CARTAGUARD_ISSUER_USER_POOL_ID": "us-east-2_Abc123xyz",
    "CARTAGUARD_ISSUER_CLIENT_IDS": "c",
}
SECRETS = {"REDIS": f"redis://:{CANARY}@cache.example/1", "PG": f"postgresql://carta:{CANARY}@db.example/carta"}


def shared(settings: Settings) -> SharedCache:
    """What the guard of these settings shares. Nothing is connected yet."""
    cache = settings.guard().cache
    assert cache is not None
    return cache


def table(**cache: Any) -> dict[str, Any]:
    return {"issuers": [ISSUER], "cache": cache}


def test_without_a_cache_nothing_is_shared() -> None:
    """Memory is what every process has by itself."""
    assert Settings.from_dict({"issuers": [ISSUER]}, environ={}).guard().cache is None


@pytest.mark.parametrize(
    ("cache", "store", "bus"),
    [
        ({"url": "redis://cache.example"}, "redis://cache.example", "redis://cache.example"),
        ({"url": "rediss://user@cache.example:6380/2?protocol=2"}, "rediss://cache.example:6380/2", "rediss://cache.example:6380/2"),
        ({"url_env": "REDIS"}, "redis://cache.example/1", "redis://cache.example/1"),
        ({"url_file": "address"}, "redis://cache.example/1", "redis://cache.example/1"),
        ({"bus": "postgresql://db.example/carta"}, None, "postgresql://db.example:5432/carta"),
        ({"bus_env": "PG"}, None, "postgresql://db.example:5432/carta"),
        ({"url_env": "REDIS", "bus_env": "PG"}, "redis://cache.example/1", "postgresql://db.example:5432/carta"),
    ],
)
def test_what_is_shared_where(tmp_path: Path, cache: dict[str, Any], store: str | None, bus: str) -> None:
    """Redis for facts and news, PostgreSQL for news alone, or each for its own."""
    (tmp_path / "address").write_text(SECRETS["REDIS"] + "\n", "utf-8")
    made = shared(Settings.from_dict(table(**cache, namespace="lab-1"), base=tmp_path, environ=SECRETS))
    assert (made.store is None) == (store is None)
    assert [told.source for told in made.health() if told.part == "cache"] == ([] if store is None else [store])
    assert made.bus.source == bus
    assert made.bus.namespace == "lab-1"
    assert [told.level for told in made.health()] == ["ok"] * (1 if store is None else 2)


@pytest.mark.parametrize(
    ("cache", "said"),
    [
        ({}, "missing_key: settings: `cache.url` is missing, or `cache.bus`"),
        ({"uri": "x"}, "unknown_key: settings: `cache.uri` is an unknown key; did you mean `cache.url`?"),
        ({"password": "x"}, "inline_secret: settings: `cache.password`"),
        ({"url": f"redis://:{CANARY}@cache.example"}, "inline_secret: settings: `cache.url` holds a password"),
        ({"url": f"redis://user:{CANARY}@cache.example"}, "inline_secret: settings: `cache.url` holds a password"),
        ({"url": f"redis://cache.example?password={CANARY}"}, "inline_secret: settings: `cache.url` holds a password"),
        ({"bus": f"postgresql://carta:{CANARY}@db.example/carta"}, "inline_secret: settings: `cache.bus` holds a password"),
        ({"bus": f"postgresql://db.example/carta?user=carta&password={CANARY}"}, "inline_secret: settings: `cache.bus` holds a password"),
        ({"url": "redis://a", "url_env": "REDIS"}, "contradiction: settings: `cache.url` and `cache.url_env` contradict each other"),
        ({"url_env": "NONE"}, "missing_secret: settings: `cache.url_env` names the variable `NONE`, which is not set"),
        ({"url_file": "none"}, "unreadable: settings: `cache.url_file`"),
        ({"url": "memcached://a"}, "bad_value: settings: `cache`: an address of Redis"),
        ({"url": "redis://a?db=5"}, "bad_value: settings: `cache`: an address of Redis takes no option `db`"),
        ({"bus": "mysql://a"}, "bad_value: settings: `cache`: an address of PostgreSQL"),
        ({"bus": "postgresql://a?nosuch=1"}, "bad_value: settings: `cache`: the address of PostgreSQL cannot be read"),
        ({"url": "redis://a", "namespace": "a b"}, "bad_value: settings: `cache`: `a b` is no namespace"),
        ({"url": "redis://a", "namespace": "x" * 33}, "bad_value: settings: `cache`"),
    ],
)
def test_a_fault_says_which_key_and_repeats_no_secret(tmp_path: Path, cache: dict[str, Any], said: str) -> None:
    """As everywhere in the settings."""
    with pytest.raises(errors.SettingsError) as caught:
        Settings.from_dict(table(**cache), base=tmp_path, environ=SECRETS).guard()
    assert f"{caught.value.code}: {caught.value}".startswith(said)
    assert CANARY not in str(caught.value)


def test_a_cache_that_is_no_table_is_refused() -> None:
    """It is one table, not a list of them."""
    with pytest.raises(errors.SettingsError, match="`cache` is not what it has to be: a table"):
        Settings.from_dict({"issuers": [ISSUER], "cache": ["redis://a"]}, environ={})


def test_the_environment_may_say_it_too() -> None:
    """The variable that it names may begin as cartaguard's own do."""
    environ = {
        **ENVIRON,
        "CARTAGUARD_CACHE_URL_ENV": "CARTAGUARD_REDIS",
        "CARTAGUARD_REDIS": SECRETS["REDIS"],
        "CARTAGUARD_CACHE_NAMESPACE": "n",
    }
    made = shared(Settings.from_env(environ))
    assert (made.bus.source, made.bus.namespace) == ("redis://cache.example/1", "n")
    with pytest.raises(errors.SettingsError, match="`CARTAGUARD_CACHE_URK` is an unknown variable; did you mean `CARTAGUARD_CACHE_URL`"):
        Settings.from_env({**ENVIRON, "CARTAGUARD_CACHE_URK": "x"})


@pytest.mark.parametrize(("missing", "url"), [("redis", "redis://a"), ("psycopg", "postgresql://a/b")])
def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, missing: str, url: str) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(__import__("sys").modules, missing, None)
    with pytest.raises(errors.SettingsError, match=r"pip install cartaguard\[") as caught:
        Settings.from_dict(table(**{"url" if missing == "redis" else "bus": url}), environ={}).guard()
    assert caught.value.code == "missing_extra"
