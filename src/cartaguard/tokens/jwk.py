"""Strict JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037): which keys of a set may verify which algorithm.

A key that breaks a rule is skipped and its neighbours still work. The cryptography package is imported with
the first key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from cartaguard.errors import CartaGuardError
from cartaguard.events import emit
from cartaguard.tokens.base64url import decode
from cartaguard.tokens.weak import has_broken_generator, is_sound_ed25519

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

__all__ = ["FAMILIES", "SECRET", "Check", "Jwk", "KeyRuleError", "read_key", "read_keys"]

#: ``check(signature, message)``: whether this is that key's signature.
Check: TypeAlias = Callable[[bytes, bytes], bool]

#: Each algorithm, with the type and curve of the keys that fit it.
FAMILIES: Mapping[str, tuple[str, str | None]] = {
    **{f"{kind}{bits}": ("RSA", None) for kind in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}

#: Members that a published key must not have: what is secret is not published, so somebody erred.
SECRET = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_SMALLEST_MODULUS = 2048

#: How many skipped keys of a set are reported. Two megabytes of JSON may hold 600,000.
_REPORTED = 16


class KeyRuleError(CartaGuardError, ValueError):
    """A key that is skipped; the message says which rule it breaks."""

    code = "unusable_key"


class Jwk:
    """One usable public key: its ``kid``, and for which algorithms it is."""

    __slots__ = ("_key", "algorithms", "kid")

    def __init__(self, kid: str, algorithms: frozenset[str], key: PublicKey) -> None:
        self.kid = kid
        self.algorithms = algorithms
        self._key = key

    def check(self, alg: str) -> Check:
        """What verifies signatures made with this algorithm, one of ``algorithms``."""
        from cartaguard.tokens.signature import checker

        return checker(self._key, alg)

    def __repr__(self) -> str:
        return f"<Jwk {self.kid!r} for {', '.join(sorted(self.algorithms))}>"


def read_keys(document: object, source: str) -> list[Jwk] | None:
    """The usable keys of a JWK set that was read from strict JSON; ``None`` when it is no JWK set.

    What is skipped is reported by its place in the set, with the rule, for as many as anybody would read.

    :param source: where the set is from.
    """
    entries = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(entries, list):
        return None
    keys: list[Jwk] = []
    for place, entry in enumerate(entries):
        try:
            keys.append(read_key(entry))
        except KeyRuleError as fault:
            if place - len(keys) < _REPORTED:
                emit("key_skipped", source=source, place=place, reason=fault)
    return keys


def read_key(entry: object) -> Jwk:
    """Read one key.

    :raises KeyRuleError: unless ``kid`` is non-empty text, ``use`` is absent or ``sig``, ``key_ops`` is absent or
        has ``verify``, ``alg`` is absent or fits ``kty`` and ``crv``, the numbers are canonical, an RSA modulus
        has 2048 bits or more and an odd exponent of 3 or more, an EC point is on its curve, and nothing secret
        is in it.
    """
    if not isinstance(entry, Mapping):
        raise KeyRuleError("it is no JSON object")
    if not SECRET.isdisjoint(entry):
        raise KeyRuleError("it has a private or symmetric member")
    kid = entry.get("kid")
    if not isinstance(kid, str) or not kid:
        raise KeyRuleError("its `kid` is not non-empty text")
    if entry.get("use", "sig") != "sig":
        raise KeyRuleError("its `use` is not `sig`")
    operations = entry.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise KeyRuleError("its `key_ops` lacks `verify`")
    family = (entry.get("kty"), entry.get("crv"))
    fitting = frozenset(alg for alg, known in FAMILIES.items() if known == family)
    if not fitting:
        raise KeyRuleError("its `kty` and `crv` fit no supported algorithm")
    if "alg" in entry:
        fitting = frozenset(alg for alg in fitting if alg == entry["alg"])
        if not fitting:
            raise KeyRuleError("its `alg` does not fit its `kty` and `crv`")
    return Jwk(kid, fitting, _READERS[family[0]](entry))


def _rsa(entry: Mapping[str, Any]) -> PublicKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    n, e = _number(entry, "n"), _number(entry, "e")
    if n.bit_length() < _SMALLEST_MODULUS:
        raise KeyRuleError(f"its modulus has fewer than {_SMALLEST_MODULUS} bits")
    if not n % 2:
        raise KeyRuleError("its modulus is even")
    if e < 3 or not e % 2:
        raise KeyRuleError("its exponent is not odd, or less than 3")
    if has_broken_generator(n):
        raise KeyRuleError("its modulus comes from a generator that is broken (ROCA)")
    return _made(RSAPublicNumbers(e, n).public_key)


def _ec(entry: Mapping[str, Any]) -> PublicKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    curve = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}[entry["crv"]]
    size = (curve.key_size + 7) // 8
    x, y = _bytes(entry, "x", size), _bytes(entry, "y", size)
    return _made(ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve).public_key)


def _okp(entry: Mapping[str, Any]) -> PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    raw = _bytes(entry, "x", 32)
    if not is_sound_ed25519(raw):
        raise KeyRuleError("its `x` is no point that can be signed for: not on the curve, or of small order")
    return Ed25519PublicKey.from_public_bytes(raw)


_READERS: Mapping[Any, Callable[[Mapping[str, Any]], PublicKey]] = {"RSA": _rsa, "EC": _ec, "OKP": _okp}


def _made(make: Callable[[], PublicKey]) -> PublicKey:
    try:
        return make()
    except ValueError:
        raise KeyRuleError("its numbers are no key: not on the curve, or out of range") from None


def _bytes(entry: Mapping[str, Any], name: str, size: int | None = None) -> bytes:
    text = entry.get(name)
    raw = decode(text.encode("ascii")) if isinstance(text, str) and text.isascii() else None
    if not raw or (size is not None and len(raw) != size):
        raise KeyRuleError(f"its `{name}` is not canonical base64url of the right length")
    return raw


def _number(entry: Mapping[str, Any], name: str) -> int:
    raw = _bytes(entry, name)
    if not raw[0]:
        raise KeyRuleError(f"its `{name}` has a leading zero byte")
    return int.from_bytes(raw, "big")
