"""Public keys that are well formed and yet protect nothing."""

from __future__ import annotations

from functools import cache

__all__ = ["has_broken_generator", "is_sound_ed25519"]

_PRIMES = tuple(prime for prime in range(3, 168) if all(prime % divisor for divisor in range(2, prime)))


def has_broken_generator(modulus: int) -> bool:
    """Whether the primes of an RSA modulus come from Infineon's RSALib (CVE-2017-15361), and so can be found.

    Such a modulus is a power of 65537 modulo each of the small primes; any other one is so once in 2**27.
    """
    return all(modulus % prime in _powers(prime) for prime in _PRIMES)


@cache
def _powers(prime: int) -> frozenset[int]:
    return frozenset(pow(65537, exponent, prime) for exponent in range(prime))


_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P


def is_sound_ed25519(raw: bytes) -> bool:
    """Whether 32 bytes are a point in its one spelling (RFC 8032 section 5.1.3) whose order is not small.

    With a point of small order as the key anybody can make a signature that fits every message, or many.
    """
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _P:
        return False
    for _ in range(3):
        # The square of x by the curve's equation, and with it the y of twice the point.
        square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
        if pow(square, (_P - 1) // 2, _P) > 1:
            return False
        y = (y * y + square) * pow(1 - _D * square * y * y, -1, _P) % _P
    # Eight times the point is the neutral one: its order is 1, 2, 4 or 8.
    return y != 1
