"""Tokens: from the raw ``Authorization`` values to a verified Principal.

    credential ──▶ compact ──▶ issuer, key ──▶ signature ──▶ claims ──▶ principal

``credential`` finds the token, ``compact`` reads it strictly, ``keys`` (with ``jwk``) has the issuer's key
for it, ``claims`` checks what it says, ``principal`` makes a Principal of it: the only place that does.
``verifier`` puts them in order and ``cache`` remembers the outcome. Every refusal is in ``refusals``.
"""
