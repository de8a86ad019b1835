"""Slow second opinions on what is read strictly: written from the rules of the standards, sharing no code with the readers.

Each answers what its reader should, or ``None`` where it should refuse.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from math import isfinite
from typing import Any, NamedTuple

__all__ = ["JsonText", "Refused", "bearer", "claims", "compact", "header", "path", "same"]


class Refused(Exception):
    """The text breaks a rule."""


# -- JSON (RFC 8259), with the bounds of the design

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))((?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]+')
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS = (("true", True), ("false", False), ("null", None))


class JsonText:
    """A reader by recursive descent; ``JsonText(raw).value()`` raises :class:`Refused`."""

    def __init__(self, raw: bytes) -> None:
        try:
            self._text = raw.decode("utf-8", "strict")
        except UnicodeDecodeError:
            raise Refused from None
        self._at = 0

    def value(self) -> Any:
        value = self._value(0)
        if self._at != len(self._text):
            raise Refused
        return value

    def _skip(self) -> str:
        match = _SPACE.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        return self._text[self._at : self._at + 1]

    def _take(self, mark: str) -> bool:
        if self._skip() != mark:
            return False
        self._at += 1
        return True

    def _value(self, depth: int) -> Any:
        first = self._skip()
        value: Any
        if first == "{":
            value = self._object(depth + 1)
        elif first == "[":
            value = self._array(depth + 1)
        elif first == '"':
            value = self._string()
        else:
            value = self._word_or_number()
        self._skip()
        return value

    def _word_or_number(self) -> Any:
        for word, meaning in _WORDS:
            if self._text.startswith(word, self._at):
                self._at += len(word)
                return meaning
        match = _NUMBER.match(self._text, self._at)
        if match is None:
            raise Refused
        self._at = match.end()
        whole, rest = match.groups()
        if not rest:
            if len(whole.removeprefix("-")) > 20:
                raise Refused
            return int(whole)
        if len(whole + rest) > 40 or not isfinite(float(whole + rest)):
            raise Refused
        return float(whole + rest)

    def _array(self, depth: int) -> list[Any]:
        self._deeper(depth)
        items: list[Any] = []
        if self._take("]"):
            return items
        while True:
            items.append(self._value(depth))
            if self._take("]"):
                return items
            if not self._take(","):
                raise Refused

    def _object(self, depth: int) -> dict[str, Any]:
        self._deeper(depth)
        members: dict[str, Any] = {}
        if self._take("}"):
            return members
        while True:
            if self._skip() != '"':
                raise Refused
            name = self._string()
            if name in members or not self._take(":"):
                raise Refused
            members[name] = self._value(depth)
            if self._take("}"):
                return members
            if not self._take(","):
                raise Refused

    def _deeper(self, depth: int) -> None:
        if depth > 16:
            raise Refused
        self._at += 1

    def _string(self) -> str:
        self._at += 1
        units: list[str] = []
        while (mark := self._text[self._at : self._at + 1]) != '"':
            if mark == "\\":
                units.append(self._escape())
                continue
            match = _PLAIN.match(self._text, self._at)
            if match is None:
                raise Refused
            units.append(match.group())
            self._at = match.end()
        self._at += 1
        try:
            # Two halves of a pair become one character; a half that is alone cannot be read.
            return "".join(units).encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            raise Refused from None

    def _escape(self) -> str:
        letter = self._text[self._at + 1 : self._at + 2]
        if letter == "u":
            digits = self._text[self._at + 2 : self._at + 6]
            if not re.fullmatch("[0-9a-fA-F]{4}", digits):
                raise Refused
            self._at += 6
            return chr(int(digits, 16))
        if letter not in _ESCAPES or not letter:
            raise Refused
        self._at += 2
        return _ESCAPES[letter]


def same(one: Any, other: Any) -> bool:
    """Equality that tells 1 from 1.0 and True."""
    return repr(one) == repr(other)


# -- the compact form (RFC 7515 section 7.1)


class Parts(NamedTuple):
    header: bytes
    payload: bytes
    signature: bytes


_COMPACT = re.compile(rb"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


def compact(raw: bytes) -> Parts | None:
    """The three parts, decoded."""
    match = _COMPACT.fullmatch(raw)
    if match is None or len(raw) > 16384:
        return None
    parts = []
    for text in match.groups():
        if len(text) % 4 == 1:
            return None
        part = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
        if urlsafe_b64encode(part).rstrip(b"=") != text:
            return None
        parts.append(part)
    return Parts(*parts)


def header(raw: bytes) -> tuple[str, str] | None:
    """``kid`` and ``alg``."""
    members = _members(raw)
    if members is None or {"crit", "b64", "zip", "enc", "cty"} & set(members):
        return None
    if "typ" in members:
        typ = members["typ"]
        if type(typ) is not str or not re.fullmatch(r"(?ai:(application/)?(jwt|at\+jwt))", typ):
            return None
    kid, alg = members.get("kid"), members.get("alg")
    return (kid, alg) if type(kid) is str and kid and type(alg) is str and alg else None


def _members(raw: bytes) -> dict[str, Any] | None:
    try:
        members = JsonText(raw).value()
    except Refused:
        return None
    return members if type(members) is dict else None


# -- claims


def claims(raw: bytes, *, issuer: str, clients: set[str], now: float, leeway: float) -> dict[str, Any] | None:
    """The claims of an ID or access token that break no rule."""
    said = _members(raw)
    if said is None:
        return None
    use = said.get("token_use")
    client = said.get({"id": "aud", "access": "client_id"}[use]) if use in ("id", "access") else None
    good = [
        said.get("iss") == issuer,
        type(client) is str and client in clients,
        _seen(said.get("sub")),
        _time(said.get("exp")) and _time(said.get("iat")),
        "nbf" not in said or _time(said["nbf"]),
        "azp" not in said or (type(said["azp"]) is str and said["azp"] in clients),
        all(name not in said or _seen(said[name]) for name in ("cognito:username", "username")),
        "scope" not in said or type(said["scope"]) is str,
        "cognito:groups" not in said
        or (type(said["cognito:groups"]) is list and all(type(group) is str for group in said["cognito:groups"])),
    ]
    if not all(good) or said["exp"] <= said["iat"]:
        return None
    if not (now - leeway < said["exp"] and max(said["iat"], said.get("nbf", 0)) <= now + leeway):
        return None
    return said


def _time(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 253402300799


def _seen(value: Any) -> bool:
    """Text with something in it that can be seen."""
    return type(value) is str and any(unicodedata.category(mark)[0] not in "CZ" for mark in value)


# -- credentials and paths


def bearer(value: bytes) -> bytes | None:
    """The token in one ``Authorization`` value."""
    match = re.fullmatch(rb"(?i:bearer) ([^ ,\t]+)", value, re.DOTALL)
    return match.group(1) if match and len(value) <= 16384 else None


def path(text: str) -> str | None:
    """The same path, if there is one way to read it."""
    if not text:
        return "/"
    first, *segments = text.split("/")
    if first or not segments or "" in segments[:-1]:
        return None
    if any(segment in (".", "..") for segment in segments):
        return None
    if any(unicodedata.category(mark) in ("Cc", "Cs") or mark in ";\\%\ufffd" for mark in text):
        return None
    return text
