"""The names of `cartaguard.carta`, which cost nothing until they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import cartaguard.carta


def test_importing_it_imports_no_http_client_and_no_aws_library() -> None:
    script = (
        "import sys, cartaguard.carta as c\n"
        "heavy = {'httpx', 'httpx2', 'asyncio', 'boto3', 'botocore', 'pycognito', 'keyring', 'requests'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "c.CartaClient('https://c.example', c.TokenLogin('t')), c.Profiles\n"
        "assert not (heavy - {'asyncio'}) & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("name", cartaguard.carta.__all__)
def test_each_public_name_is_there(name: str) -> None:
    assert getattr(cartaguard.carta, name).__name__ == name
    assert name in dir(cartaguard.carta)


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="`CartaAgent`"):
        cartaguard.carta.CartaAgent  # noqa: B018
