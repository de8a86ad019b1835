"""Secrets that must never be seen: a password to use in tests, and the look of every token.

Every test runs under the fixture of tests/conftest.py, which fails it when one of these is in a log line.
"""

from __future__ import annotations

import logging
import re

__all__ = ["CANARY", "Watch", "secrets_in"]

#: Use it wherever a test needs a password, a client secret or a service token.
CANARY = "canary-7Qz4vT1mB9"

# A signed token: a header and a payload that begin with `{"`, and a signature.
_TOKEN = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")


def secrets_in(text: str) -> list[str]:
    """The secrets in a text, shortened so that a report does not spread them."""
    found = [CANARY] if CANARY in text else []
    return found + [token[:12] + "…" for token in _TOKEN.findall(text)]


class Watch(logging.Handler):
    """Reads every record that is logged, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.leaks: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        # What a structured formatter would print beside the message.
        extra = " ".join(f"{name}={value!r}" for name, value in vars(record).items() if name not in _USUAL)
        self.leaks += [f"{secret} in {record.name}: {record.msg!r}" for secret in secrets_in(f"{line} {record.args!r} {extra}")]


_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message"}
