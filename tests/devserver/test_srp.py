"""A password is kept as an SRP verifier, computed as Cognito's clients do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycognito import aws_srp

from cartaguard.devserver.srp import G, N, Verifier, pad

POOL = "us-east-2_CartaDev0"


def test_the_group_is_the_one_that_clients_use() -> None:
    assert f"{N:X}" == aws_srp.N_HEX
    assert f"{G:X}" == aws_srp.G_HEX


@given(st.integers(min_value=0, max_value=2**80))
def test_numbers_are_padded_as_clients_pad_them(number: int) -> None:
    assert pad(number).hex() == aws_srp.pad_hex(number)


def test_the_verifier_is_the_generator_to_the_power_that_a_client_computes() -> None:
    verifier = Verifier.of(POOL, "olga", "päss:word")
    inner = aws_srp.hash_sha256("CartaDev0olga:päss:word".encode())
    x = int(aws_srp.hex_hash(aws_srp.pad_hex(int(verifier.salt.hex(), 16)) + inner), 16)
    assert verifier.value == pad(pow(G, x, N))


@pytest.mark.parametrize(
    ("pool", "name", "password", "fits"),
    [
        (POOL, "olga", "right", True),
        (POOL, "olga", "Right", False),
        (POOL, "olga", "", False),
        (POOL, "olga", "right ", False),
        (POOL, "adam", "right", False),
        ("us-east-2_Other0000", "olga", "right", False),
        (POOL, "olga", "\ud800", False),
    ],
)
def test_it_fits_this_password_of_this_user_in_this_pool(pool: str, name: str, password: str, fits: bool) -> None:
    assert Verifier.of(POOL, "olga", "right").fits(pool, name, password) is fits


def test_two_verifiers_of_one_password_differ_and_show_nothing() -> None:
    first, second = (Verifier.of(POOL, "olga", "right") for _ in range(2))
    assert first.value != second.value
    assert repr(first) == "Verifier(…)"
