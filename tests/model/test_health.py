"""Health: what several conditions come to, and what of it is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cartaguard.model.health import Condition, Health
from support.canary import CANARY

FRESH, STALE = Condition("keys", "a", "fresh"), Condition("keys", "b", "stale", "degraded")
NO_KEYS = Condition("keys", "c", "unavailable", "down")
ANSWERS, ALONE = Condition("directory", "d", "ok"), Condition("directory", "e", "left_alone", "down")
DOUBTFUL = Condition("directory", "f", "in_doubt", "degraded")
CACHE, NO_CACHE = Condition("cache", "g", "ok"), Condition("cache", "h", "down", "down")
BUS, NO_BUS = Condition("bus", "i", "ok"), Condition("bus", "j", "down", "down")


@pytest.mark.parametrize(
    ("conditions", "status", "http_status"),
    [
        ([], "ok", 200),
        ([FRESH, ANSWERS, CACHE, BUS], "ok", 200),
        ([STALE, ANSWERS], "degraded", 200),
        ([FRESH, NO_KEYS, ANSWERS], "degraded", 200),
        ([STALE, NO_KEYS, ANSWERS], "degraded", 200),
        ([NO_KEYS, ANSWERS], "down", 503),
        ([FRESH, ANSWERS, ALONE], "degraded", 200),
        ([FRESH, DOUBTFUL], "degraded", 200),
        ([FRESH, ALONE], "down", 503),
        ([FRESH, ALONE._replace(retry_after=0.2)], "down", 503),
        ([FRESH, ALONE._replace(retry_after=0.0)], "degraded", 200),
        ([NO_KEYS._replace(retry_after=0.0), ANSWERS], "degraded", 200),
        ([FRESH, ANSWERS, NO_CACHE], "degraded", 200),
        ([FRESH, ANSWERS, CACHE, NO_BUS], "degraded", 200),
        ([FRESH, ANSWERS, NO_CACHE, NO_BUS], "degraded", 200),
    ],
)
def test_it_is_down_only_without_any_keys_or_any_facts(conditions: list[Condition], status: str, http_status: int) -> None:
    """Whatever else is missing degrades it: some answers are slower, older or a 503, and a restart would mend nothing."""
    health = Health(conditions)
    assert (health.status, health.http_status) == (status, http_status)
    assert repr(health) == f"<Health {status}>"


def test_where_the_sources_are_asked_for_it_what_failed_is_down_until_it_answers() -> None:
    """The health check itself finds out, so that no request has to."""
    alone = ALONE._replace(retry_after=0.0)
    assert Health([FRESH, alone], asked=True).status == "down"
    assert Health([FRESH, alone, ANSWERS], asked=True).status == "degraded"


@pytest.mark.parametrize(("part", "level"), [("keys", "degraded"), ("directory", "down"), ("cache", "degraded"), ("bus", "ok")])
def test_each_part_is_told_apart(part: Any, level: str) -> None:
    """A cache that is down says nothing of the directory, and the other way round."""
    health = Health([FRESH, NO_KEYS, ALONE, NO_CACHE])
    assert health.level(part) == level
    assert health.as_dict()[part]["level"] == level


def test_it_is_shown_with_hosts_and_without_secrets() -> None:
    """Addresses have no userinfo and no query, seconds are whole, and what is not known is left out."""
    health = Health(
        [
            Condition("keys", "https://issuer.example.org", "stale", "degraded", 301.4, 7.6),
            Condition("cache", f"redis://user:{CANARY}@cache:6379/0?password={CANARY}", "ok"),
            Condition("directory", "Staff\n", "ok"),
        ]
    )
    assert json.loads(json.dumps(health.as_dict())) == {
        "status": "degraded",
        "keys": {
            "level": "degraded",
            "sources": [{"source": "https://issuer.example.org", "state": "stale", "level": "degraded", "age": 301, "retry_after": 8}],
        },
        "directory": {"level": "ok", "sources": [{"source": "Staff\\n", "state": "ok", "level": "ok"}]},
        "cache": {"level": "ok", "sources": [{"source": "redis://cache:6379/0", "state": "ok", "level": "ok"}]},
        "bus": {"level": "ok", "sources": []},
    }
    assert health.of("cache")[0].state == "ok"
