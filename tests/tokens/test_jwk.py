"""JSON Web Keys: which keys of a set are skipped, while their neighbours still work."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from cartaguard import StaticKeys
from cartaguard.errors import InvalidToken
from cartaguard.tokens.jwk import FAMILIES, KeyRuleError, read_key, read_keys
from support.keys import SigningKey, b64, ec_key, ed_key, jwks, number, rsa_key
from support.tokens import token_for, verifier_for
from support.worded import worded

RSA, EC, ED = rsa_key("a-key"), ec_key("a-key"), ed_key("a-key")
N = RSA.private.public_key().public_numbers().n
ED_X = ED.private.public_key().public_bytes_raw()
X, Y = (EC.private.public_key().public_numbers().x, EC.private.public_key().public_numbers().y)


def non_canonical(text: str) -> str:
    """Another spelling of the same bytes: a surplus bit is set in the last letter."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(text) % 4
    return text[:-1] + letters[letters.index(text[-1]) + 1]


_P = 2**255 - 19

#: Every text of 32 bytes that stands for a point of order 1, 2, 4 or 8 on Ed25519, in its own spelling or another.
SMALL_ORDER = [
    (y + sign).to_bytes(32, "little")
    for y in (
        *(0, 1, _P - 1, _P, _P + 1),
        int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
        int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    )
    for sign in (0, 2**255)
]

USABLE: list[dict[str, Any]] = [
    RSA.jwk(),
    RSA.jwk(use=None, alg=None),
    RSA.jwk(key_ops=["verify"]),
    RSA.jwk(key_ops=["encrypt", "verify"]),
    RSA.jwk(key_ops=["verify", "verify", 1, None]),
    RSA.jwk(e=number(3)),
    RSA.jwk(x5c=["AAAA"], x5t="AAAA", extra=1),
    EC.jwk(),
    EC.jwk(alg=None),
    ec_key(alg="ES384").jwk(),
    ec_key(alg="ES512").jwk(),
    ED.jwk(),
]

SKIPPED: list[tuple[Any, str]] = [
    (None, "no JSON object"),
    ("key", "no JSON object"),
    ([], "no JSON object"),
    *[(RSA.jwk(**{name: "AQAB"}), "private or symmetric") for name in ("d", "p", "q", "dp", "dq", "qi", "oth", "k")],
    (EC.jwk(d="AQAB"), "private or symmetric"),
    (RSA.jwk(k=""), "private or symmetric"),
    (RSA.jwk(kid=None), "`kid`"),
    *[({**RSA.jwk(), "kid": kid}, "`kid`") for kid in ("", 7, None, ["a-key"])],
    *[({**RSA.jwk(), "use": use}, "`use`") for use in ("enc", "", "SIG", None, ["sig"])],
    *[({**RSA.jwk(), "key_ops": ops}, "`key_ops`") for ops in ([], ["sign"], ["encrypt"], "verify", None, {"verify": 1})],
    *[({**RSA.jwk(), "alg": alg}, "`alg`") for alg in ("HS256", "ES256", "none", "", "rs256", None, ["RS256"])],
    ({**EC.jwk(), "alg": "ES384"}, "`alg`"),
    ({**ED.jwk(), "alg": "Ed25519"}, "`alg`"),
    *[({**RSA.jwk(), "kty": kty}, "`kty`") for kty in ("EC", "rsa", "oct", "", None, ["RSA"])],
    (RSA.jwk(kty=None), "`kty`"),
    (RSA.jwk(crv="P-256"), "`kty`"),
    (EC.jwk(crv=None), "`kty`"),
    *[({**EC.jwk(), "crv": crv}, "`kty`") for crv in ("P-192", "secp256k1", "p-256", "", None, ["P-256"])],
    (ec_key(alg="ES256K").jwk(alg=None), "`kty`"),
    ({**ED.jwk(), "crv": "Ed448"}, "`kty`"),
    *[(RSA.jwk(n=n), "`n`") for n in (None, "", "AA==", "!", "é", number(N) + "=", "AAAA" + number(N))],
    ({**RSA.jwk(), "n": 7}, "`n`"),
    (RSA.jwk(n=non_canonical(number(N))), "`n`"),
    *[(RSA.jwk(e=e), "`e`") for e in (None, "", "AAEAAQ", "AR")],
    *[(RSA.jwk(e=number(e)), "exponent") for e in (1, 2, 65536)],
    (rsa_key("a-key", bits=1024).jwk(), "2048 bits"),
    (RSA.jwk(n=number(N >> 1)), "2048 bits"),
    (RSA.jwk(n=number(N + 1)), "even"),
    (RSA.jwk(e=number(N + 2)), "no key"),
    *[(EC.jwk(x=x), "`x`") for x in (None, "", number(X, 33), b64(b"\0" * 31), non_canonical(number(X, 32)))],
    *[(EC.jwk(y=y), "`y`") for y in (None, "", number(Y, 33))],
    (EC.jwk(x=number(X ^ 1, 32)), "no key"),
    (EC.jwk(x=b64(b"\0" * 32), y=b64(b"\0" * 32)), "no key"),
    (EC.jwk(x=b64(b"\xff" * 32)), "no key"),
    (ec_key(alg="ES384").jwk(crv="P-256", alg=None), "`x`"),
    (ED.jwk(x=b64(b"\1" * 31)), "`x`"),
    (ED.jwk(x=None), "`x`"),
    # The numbers are those of a good key.
    (ED.jwk(x=b64(ED_X + b"\0")), "right length"),
    *[(ED.jwk(x=b64(raw)), "small order") for raw in SMALL_ORDER],
    (ED.jwk(x=b64((2).to_bytes(32, "little"))), "not on the curve"),
]


@pytest.mark.parametrize("entry", USABLE)
def test_a_key_that_breaks_no_rule_is_usable(entry: dict[str, Any]) -> None:
    assert read_key(entry).kid == entry["kid"]


@pytest.mark.parametrize(("entry", "rule"), SKIPPED)
def test_a_key_that_breaks_a_rule_is_skipped_and_its_neighbour_works(entry: Any, rule: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(KeyRuleError, match=rule) as broken:
        read_key(entry)
    assert worded(broken.value)
    with caplog.at_level(logging.WARNING, "cartaguard.events"):
        verifier = verifier_for(keys=StaticKeys({"keys": [entry, rsa_key("neighbour").jwk()]}))
    assert 'event=key_skipped source="static keys" place=0 reason=' in caplog.text
    assert verifier.verify(token_for(key=rsa_key("neighbour"))).subject == "sub-olga"
    with pytest.raises(InvalidToken) as caught:
        verifier.verify(token_for(key=RSA))
    assert caught.value.code == "unknown_key"


@pytest.mark.parametrize("document", [None, [], {}, {"keys": None}, {"keys": {}}, {"keys": "text"}, "text", {"key": []}])
def test_what_has_no_list_of_keys_is_no_key_set(document: Any) -> None:
    assert read_keys(document, "a test") is None


def test_a_key_without_alg_is_for_every_algorithm_of_its_type_and_one_with_alg_for_that_one() -> None:
    assert read_key(RSA.jwk(alg=None)).algorithms == {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
    assert read_key(RSA.jwk()).algorithms == {"RS256"}
    assert read_key(EC.jwk(alg=None)).algorithms == {"ES256"}
    assert repr(read_key(EC.jwk())) == "<Jwk 'a-key' for ES256>"


def test_the_broken_generator_of_infineon_is_found() -> None:
    """CVE-2017-15361: such primes are k * M + (65537 ** a mod M), M being the product of the first primes."""
    product = 1
    for prime in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113):
        product *= prime
    for prime in (127, 131, 137, 139, 149, 151, 157, 163, 167):
        product *= prime
    modulus = ((1 << 2047) // product) * product + product + pow(65537, 4711, product)
    with pytest.raises(KeyRuleError, match="ROCA") as caught:
        read_key(RSA.jwk(n=number(modulus)))
    assert worded(caught.value)


def test_an_ed25519_key_of_small_order_would_fit_a_signature_that_anybody_can_make() -> None:
    """Why such a key is skipped: this is what the cryptography package says to a signature made without any key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    neutral = (1).to_bytes(32, "little")
    Ed25519PublicKey.from_public_bytes(neutral).verify(neutral + bytes(32), b"whatever is claimed")


@pytest.mark.parametrize("number_", range(16))
def test_every_bit_of_an_ed25519_key_counts(number_: int) -> None:
    """For half of all odd numbers that are a point, the even one before them is none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    drawn = Ed25519PrivateKey.from_private_bytes(number_.to_bytes(32, "big")).public_key().public_bytes_raw()
    assert read_key(ED.jwk(x=b64(drawn))).algorithms == {"EdDSA"}


def test_of_a_set_with_very_many_bad_keys_only_the_first_are_reported_and_the_good_ones_work(caplog: pytest.LogCaptureFixture) -> None:
    keys = read_keys({"keys": [*[{}] * 5000, RSA.jwk(), *[{}] * 5000]}, "here")
    assert keys is not None
    assert [key.kid for key in keys] == ["a-key"]
    assert caplog.text.count("key_skipped") == 16
    caplog.clear()
    read_keys({"keys": [*[RSA.jwk()] * 20, *[{}] * 20]}, "there")
    assert caplog.text.count("key_skipped") == 16, "the good ones do not count"


@pytest.mark.parametrize("bits", [4096, 16384, 16392, 100_000])
def test_a_modulus_of_any_size_is_a_verdict_and_never_a_crash(bits: int) -> None:
    assert not read_key(RSA.jwk(n=number((1 << (bits - 1)) + 1))).check("RS256")(RSA.sign(b"message"), b"message")


def _key_for(alg: str) -> SigningKey:
    if FAMILIES[alg][0] == "RSA":
        return rsa_key(f"for-{alg}", alg)
    return ed_key(f"for-{alg}") if alg == "EdDSA" else ec_key(f"for-{alg}", alg)


@pytest.mark.parametrize("alg", FAMILIES)
def test_every_algorithm_verifies_its_own_signature_and_no_changed_one(alg: str) -> None:
    key = _key_for(alg)
    check = read_key(key.jwk()).check(alg)
    signature = key.sign(b"message")
    assert check(signature, b"message")
    assert not check(signature, b"massage")
    assert not check(signature[:-1], b"message")
    assert not check(signature + b"\0", b"message")
    assert not check(bytes([signature[0] ^ 1]) + signature[1:], b"message")
    assert not check(b"", b"message")


def test_one_algorithm_of_a_key_does_not_verify_anothers_signature() -> None:
    key = rsa_key("shared", "RS256")
    jwk = read_key(key.jwk(alg=None))
    for alg in sorted(jwk.algorithms):
        accepted = {other for other in jwk.algorithms if jwk.check(other)(key.sign(b"message", alg), b"message")}
        assert accepted == {alg}


def test_two_keys_with_one_kid_for_one_algorithm_are_none_and_for_two_algorithms_are_two() -> None:
    first, second = rsa_key("twice"), SigningKey("twice", "RS256", rsa_key("other").private)
    with pytest.raises(InvalidToken) as caught:
        verifier_for(keys=StaticKeys(jwks(first, second))).verify(token_for(key=first))
    assert caught.value.code == "unknown_key"
    elliptic = ec_key("twice")
    both = verifier_for(keys=StaticKeys(jwks(first, elliptic)), algorithms=["RS256", "ES256"])
    assert both.verify(token_for(key=first)).subject == both.verify(token_for(key=elliptic)).subject


def test_a_key_shows_its_name_and_its_algorithms_alone() -> None:
    assert repr(read_key(RSA.jwk(alg=None))) == f"<Jwk {RSA.kid!r} for PS256, PS384, PS512, RS256, RS384, RS512>"
