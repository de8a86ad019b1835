"""Every exception that cartaguard raises.

One base class, a stable ``code`` on each, and messages that name the offending input in backquotes and
never hold a secret. A *verdict* is never raised by the engine: :class:`~cartaguard.Decision` carries it.
Only the doors (and ``authorize``) turn a refusal into :class:`NotAuthorized`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cartaguard.model.decision import Decision

__all__ = [
    "AuthenticationError",
    "CartaDuplicate",
    "CartaError",
    "CartaForbidden",
    "CartaGuardError",
    "CartaInvalid",
    "CartaNotFound",
    "CartaUnauthorized",
    "CartaUnavailable",
    "ConfigurationError",
    "DirectoryError",
    "FactsUnavailable",
    "InvalidPath",
    "InvalidRequest",
    "InvalidToken",
    "KeysUnavailable",
    "LoginError",
    "NoPrincipal",
    "NotAuthorized",
    "ParameterError",
    "PolicyError",
    "RequirementError",
    "SettingsError",
    "SnapshotError",
    "TransportError",
    "Unavailable",
    "UndeclaredRoutes",
    "WouldBlock",
]


class CartaGuardError(Exception):
    """The base of every exception raised by cartaguard.

    ``code`` is a stable word for programs (a log filter, a test); the message is for people.
    """

    code: str = "error"

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message or (code or self.code).replace("_", " "))
        if code is not None:
            self.code = code


# -- wrong set-up: found at start, by a developer ----------------------------------------------------


class ConfigurationError(CartaGuardError, ValueError):
    """Something was set up wrongly. Raised while building, never while answering a request."""

    code = "configuration"


class RequirementError(ConfigurationError):
    """A requirement that could never be meant: empty, unknown word, template name that the route lacks."""

    code = "requirement"


class PolicyError(ConfigurationError):
    """A policy entry that is malformed, unreachable or repeated."""

    code = "policy"


class SettingsError(ConfigurationError):
    """An unknown, missing or contradictory setting; names the file and the key."""

    code = "settings"


class UndeclaredRoutes(ConfigurationError):
    """An application has routes without a requirement. ``routes`` lists them."""

    code = "undeclared_routes"

    def __init__(self, message: str, *, routes: tuple[str, ...] = (), code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.routes = routes


class DirectoryError(CartaGuardError, ValueError):
    """A malformed fact in a local directory, or a write that cannot be done. Names the fact."""

    code = "directory"


class SnapshotError(DirectoryError):
    """A snapshot that is not used: damaged, foreign, too old, of another version. ``code`` says which."""

    code = "snapshot"


class ParameterError(CartaGuardError, ValueError):
    """What a call was given cannot be: a template lacks its parameter, a name is none, a limit is out of range."""

    code = "parameter"


# -- a request that cannot be served ------------------------------------------------------------------


class InvalidRequest(CartaGuardError):
    """400: the credential is not one credential (repeated, several in one, missing, too long)."""

    code = "invalid_request"


class InvalidPath(InvalidRequest):
    """400: the path could be read in two ways."""

    code = "ambiguous_path"


class InvalidToken(CartaGuardError):
    """401: the token is malformed, forged, foreign, expired or not of the expected kind.

    ``code`` says which rule refused it, for instance ``expired``; no text of the token is in the message.
    """

    code = "invalid_token"


class Unavailable(CartaGuardError):
    """503: what is needed cannot be had now. ``retry_after`` is in seconds."""

    code = "unavailable"

    def __init__(self, message: str = "", *, code: str | None = None, retry_after: int = 5) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class KeysUnavailable(Unavailable):
    """503: the issuer's key set cannot be had or read."""

    code = "keys_unavailable"


class FactsUnavailable(Unavailable):
    """503: a directory could not answer, so that nothing can be said either way."""

    code = "facts_unavailable"


class TransportError(CartaGuardError):
    """An HTTP exchange gave no usable answer: no connection, a timeout, too many bytes."""

    code = "transport"


class NotAuthorized(CartaGuardError):
    """The caller of an ``authorize``-d function, or the author of a write, may not. ``decision`` says why."""

    code = "not_authorized"

    def __init__(self, message: str = "", *, decision: Decision | None = None, code: str | None = None) -> None:
        if not message and decision is not None:
            message = decision.explain()
        super().__init__(message, code=code or (decision.reason if decision is not None else None))
        self.decision = decision


#: The name under which Carta's users know it.
AuthenticationError = NotAuthorized


class NoPrincipal(CartaGuardError, RuntimeError):
    """There is no current request and nobody is being acted as."""

    code = "no_principal"


class WouldBlock(CartaGuardError, RuntimeError):
    """A blocking call lacks facts inside a running event loop; its message names the async twin."""

    code = "would_block"


# -- Carta's own answers ------------------------------------------------------------------------------


class CartaError(CartaGuardError):
    """Carta answered with an error. ``status`` is its HTTP status (0: none), ``text`` its own words."""

    code = "carta"

    def __init__(self, message: str = "", *, status: int = 0, text: str = "", code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.text = text


class CartaInvalid(CartaError):
    """400: Carta does not take the request as it is; ``text`` says why."""

    code = "carta_invalid"


class CartaDuplicate(CartaInvalid):
    """400 or 409: what was to be made exists already."""

    code = "carta_duplicate"


class CartaUnauthorized(CartaError):
    """401: Carta does not take the login."""

    code = "carta_unauthorized"


class CartaForbidden(CartaError):
    """403: the login may not do this, or may not know of it."""

    code = "carta_forbidden"


class CartaNotFound(CartaError):
    """404, or 400 with Carta's words for it: there is no such thing."""

    code = "carta_not_found"


class CartaUnavailable(CartaError):
    """Carta gave no usable answer: no connection, a timeout, 429 or a server's error, after retries where they are safe."""

    code = "carta_unavailable"


class LoginError(CartaError):
    """There is no way to log in, or the user name and password were refused."""

    code = "login"
