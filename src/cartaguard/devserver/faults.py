"""What the embedded Carta answers when it does not do what was asked."""

from __future__ import annotations

from cartaguard.errors import CartaGuardError

__all__ = ["ApiError"]


class ApiError(CartaGuardError):
    """An answer other than 2xx: Carta's status, and the text for ``{"error": …}``."""

    code = "carta_api"

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
