"""The user pool behind a Carta."""

from __future__ import annotations

from cartaguard.carta.operation import Operation
from cartaguard.carta.reading import one, password_policy, user_pool
from cartaguard.carta.records import PasswordPolicy, UserPool

__all__ = ["login_pool", "password_rules", "user_pool_info"]


def login_pool() -> Operation[UserPool]:
    """The pool, as everybody may know it to log in."""
    return Operation("GET", ("auth",), one(user_pool), anonymous=True)


def user_pool_info() -> Operation[UserPool]:
    """The pool, as the user who is logged in sees it (v2)."""
    return Operation("GET", ("v2", "auth", "cognito", "user-pool"), one(user_pool))


def password_rules() -> Operation[PasswordPolicy]:
    """What a password must have (v2)."""
    return Operation("GET", ("v2", "auth", "cognito", "password-policy"), one(password_policy))
