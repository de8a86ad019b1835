"""A password is kept as an SRP verifier, computed as Cognito's clients do."""

from __future__ import annotations

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycognito import aws_srp

from cartaguard.devserver.srp import G, Handshake, N, Verifier, pad
from support.srp import SrpClient

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


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
@pytest.mark.parametrize("salt", [b"\x00" * 15 + b"\x01", b"\x00" + b"\xff" * 15, b"\x0f" * 16, b"\x7f" * 16, b"\x80" * 16, b"\xff" * 16])
def test_client_and_server_agree_on_a_key_whatever_the_salt_begins_with(salt: bytes) -> None:
    client = SrpClient("olga", "right", pool_id=POOL, client_id="client")
    opening = client.opening()["AuthParameters"]
    handshake = Handshake.answer(Verifier.of(POOL, "olga", "right", salt), int(opening["SRP_A"], 16))
    told = {"SALT": f"{int.from_bytes(salt, 'big'):x}", "SRP_B": f"{handshake.public:x}", "SECRET_BLOCK": "AAAA", "USER_ID_FOR_SRP": "olga"}
    answer = client.closing({"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": told})["ChallengeResponses"]
    signed = Handshake.signed(handshake.key, POOL, "olga", b64decode("AAAA"), answer["TIMESTAMP"])
    assert b64decode(answer["PASSWORD_CLAIM_SIGNATURE"]) == signed
    assert handshake.key.hex() not in repr(handshake)


def test_a_made_up_verifier_is_the_same_each_time_and_fits_no_password() -> None:
    made = Verifier.made_up(b"secret", "nobody")
    assert made == Verifier.made_up(b"secret", "nobody")
    assert made not in (Verifier.made_up(b"secret", "nobody2"), Verifier.made_up(b"other", "nobody"))
    assert len(made.salt) == 16
    assert not any(made.fits(POOL, "nobody", password) for password in ("", "secret", "nobody"))


@pytest.mark.parametrize("public", [0, N, 2 * N])
def test_a_public_value_that_gives_the_key_away_is_refused(public: int) -> None:
    with pytest.raises(ValueError, match="SRP_A"):
        Handshake.answer(Verifier.of(POOL, "olga", "right"), public)
