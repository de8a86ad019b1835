"""The profiles that Carta's users have in ``~/.carta/admin_tools/profiles.ini``.

The file is shared with Carta's other tools, so that only their keys are written: one that they do not know makes
them refuse the profile. Passwords and tokens go to the system's keyring where there is one that works.
"""

from __future__ import annotations

import configparser
import io
import logging
import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from cartaguard.carta.vault import Vault
from cartaguard.errors import LoginError, ParameterError

__all__ = ["Profile", "Profiles"]

#: What is kept of a profile in the open, and what is not.
_OPEN = ("username", "environment")
_SECRET = ("password", "token")

#: Seconds to wait for another process that is writing.
_PATIENCE = 10.0

_log = logging.getLogger("cartaguard.carta.profiles")


@dataclass(frozen=True)
class Profile:
    """One profile. What is not said is empty.

    :param environment: ``production`` (the default), ``sandbox``, or a Carta's address; see
        :func:`cartaguard.carta.environment.host_of`.
    :param token: a bearer token, which ends within a day.
    """

    name: str
    username: str = ""
    environment: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a profile is not stored or sent anywhere but by `Profiles`")


class Profiles:
    """The file of profiles.

    :param path: another file than the one that Carta's users have.
    :param vault: where secrets go; by default the system's keyring, if there is one that works.

    What cannot be read or written raises :class:`~cartaguard.errors.LoginError` with the code ``profiles``, which
    never shows a line of the file.
    """

    def __init__(self, path: Path | None = None, *, vault: Vault | None = None) -> None:
        self.path = Path.home() / ".carta" / "admin_tools" / "profiles.ini" if path is None else path
        self._vault = Vault.of_the_system() if vault is None else vault

    def names(self) -> tuple[str, ...]:
        """The names of all profiles, in the order of the file."""
        return tuple(self._read().sections())

    def get(self, name: str) -> Profile:
        """One profile, with its secrets.

        :raises cartaguard.errors.LoginError: (code ``no_profile``) when there is none.
        """
        config = self._read()
        if not config.has_section(name):
            known = ", ".join(f"`{other}`" for other in config.sections()) or "none"
            raise LoginError(f"there is no profile `{name}` in `{self.path}`; there is: {known}", code="no_profile")
        values = {key: config.get(name, key, fallback="") for key in (*_OPEN, *_SECRET)}
        for key in _SECRET:
            values[key] = values[key] or self._vault.get(self._entry(name, key))
        return Profile(name, **values)

    def save(self, profile: Profile) -> tuple[str, ...]:
        """Write a profile, in place of one of that name, and return what the user should be told, in sentences.

        Other profiles, and keys that are not ours, stay as they are. No secret is in what is returned.

        :raises cartaguard.errors.ParameterError: for a name or value that the file cannot hold.
        """
        with self._writing() as config:
            if not config.has_section(profile.name):
                try:
                    config.add_section(profile.name)
                except ValueError:
                    raise ParameterError(f"`{profile.name}` cannot be the name of a profile") from None
            for key in _OPEN:
                _set(config, profile.name, key, getattr(profile, key))
            # Before anything is changed anywhere.
            _text(config)
            in_file = []
            for key in _SECRET:
                secret = getattr(profile, key)
                kept = self._vault.put(self._entry(profile.name, key), secret)
                _set(config, profile.name, key, "" if kept else secret)
                if secret and not kept:
                    in_file.append(key)
            notes = self._write(config)
        if in_file:
            what = " and ".join(in_file)
            notes += (f"no system keyring works here: the {what} of `{profile.name}` is in `{self.path}`, which only you can read",)
        return notes

    def delete(self, name: str) -> bool:
        """Forget a profile and its secrets; returns whether there was one."""
        with self._writing() as config:
            there = config.remove_section(name)
            if there:
                self._write(config)
            for key in _SECRET:
                self._vault.put(self._entry(name, key), "")
        return there

    def _entry(self, name: str, key: str) -> str:
        """Under what the keyring has a secret: another file's profile of the same name is another one."""
        return f"{self.path}#{name}/{key}"

    # -- the file ------------------------------------------------------------------------------------

    def _read(self) -> configparser.ConfigParser:
        config = _parser()
        try:
            with self.path.open(encoding="utf-8") as file:
                self._close_to_others(file.fileno())
                config.read_file(file)
        except FileNotFoundError:
            return config
        except OSError as fault:
            raise LoginError(f"`{self.path}` cannot be read ({fault.strerror})", code="profiles") from None
        except (configparser.Error, UnicodeDecodeError):
            # The parser's own message shows the line, which may hold a password.
            raise LoginError(f"`{self.path}` is no file of profiles; repair or remove it", code="profiles") from None
        return config

    def _close_to_others(self, file: int) -> None:
        """What others wrote may be readable by everybody, which is mended where it can be."""
        if os.name != "posix" or not stat.S_IMODE(os.fstat(file).st_mode) & 0o077:
            return
        try:
            os.fchmod(file, 0o600)
        except OSError:
            _log.warning("`%s` can be read by other users of this machine, and is not ours to change", self.path)
        else:
            _log.warning("`%s` could be read by other users of this machine; it no longer can", self.path)

    @contextmanager
    def _writing(self) -> Iterator[configparser.ConfigParser]:
        """The file's contents, while nobody else writes."""
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
            # A database's lock: it works on every system, waits its turn, and goes with the process that holds it.
            with closing(sqlite3.connect(folder / f".{self.path.name}.lock", timeout=_PATIENCE, isolation_level=None)) as lock:
                lock.execute("BEGIN EXCLUSIVE")
                yield self._read()
        except sqlite3.Error:
            raise LoginError(f"`{self.path}` is being written by another process; try again", code="profiles") from None
        except OSError as fault:
            raise LoginError(f"`{self.path}` cannot be written ({fault.strerror})", code="profiles") from None

    def _write(self, config: configparser.ConfigParser) -> tuple[str, ...]:
        """Put a new file in the place of the old one, all at once. Returns what the user should be told."""
        text = _text(config)
        target = self.path.resolve() if self.path.is_symlink() else None
        # Only its owner can read what this makes.
        handle, temporary = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with open(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except OSError:
            os.unlink(temporary)
            raise
        if target is None:
            return ()
        return (f"`{self.path}` was a link to `{target}` and is a file of its own now; what the other one holds stays there",)


def _parser() -> configparser.ConfigParser:
    return configparser.ConfigParser(interpolation=None)


def _text(config: configparser.ConfigParser) -> str:
    """The file's text, if it says what is meant."""
    text = io.StringIO()
    config.write(text)
    read = _parser()
    with suppress(configparser.Error):
        # With lines divided as they are in a file.
        read.read_file(io.StringIO(text.getvalue(), newline=None))
    if _contents(read) != _contents(config):
        raise ParameterError("the file of profiles cannot hold this name or value; use one line each, without spaces at their ends")
    return text.getvalue()


def _contents(config: configparser.ConfigParser) -> dict[str, dict[str, str]]:
    return {name: dict(config.items(name)) for name in config.sections()}


def _set(config: configparser.ConfigParser, name: str, key: str, value: str) -> None:
    if value:
        config.set(name, key, value)
    else:
        config.remove_option(name, key)
