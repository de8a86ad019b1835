"""A snapshot in a settings file."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cartaguard._settings_part import Part, content, variable

if TYPE_CHECKING:
    from cartaguard.directories.base import Directory
    from cartaguard.tokens.verifier import TokenVerifier

__all__ = ["snapshot"]


def snapshot(part: Part, environ: Mapping[str, str], verifier: TokenVerifier, live: Directory | None) -> Directory:
    """The directory of a snapshot, and the keys in it to the verifier where that is wanted.

    :param live: what it stands in for.
    """
    from cartaguard.directories.snapshot import SnapshotDirectory

    directory = SnapshotDirectory(
        part.path("path"),
        key=_key(part, environ),
        max_age=part.values["max_age"],
        live=live,
        issuers=verifier.issuers,
        **part.some("check", "namespace"),
    )
    if part.values.get("keys"):
        verifier.seed_keys(directory.keys, time.time())
    return directory


def _key(part: Part, environ: Mapping[str, str]) -> str:
    """What the snapshot has to be signed with. Its file is read at start."""
    key, *others = part.some("key_env", "key_file", "public_key_file") or ("",)
    if not key:
        names = " or ".join(f"`{part.place.name(other)}`" for other in ("key_file", "public_key_file"))
        raise part.place.fault("key_env", f"is missing (or {names})", "missing_key")
    if others:
        raise part.place.fault(key, f"and `{part.place.name(others[0])}` contradict each other; leave one out", "contradiction")
    if key == "key_env":
        return variable(part, key, environ)
    text = content(part, key).strip()
    if key == "public_key_file" and "-----BEGIN PUBLIC KEY-----" not in text:
        # It would count as a shared secret, which is published.
        raise part.place.fault(key, "names a file that holds no public key as PEM text", "bad_value")
    return text
