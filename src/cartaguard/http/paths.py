"""The one path that is decided on: the part below the application's root, read one way only."""

from __future__ import annotations

from cartaguard.errors import InvalidPath

__all__ = ["below_root", "decoded"]


def below_root(path: str, root: str) -> str:
    """The ASGI ``path`` below ``root_path``, cut only at a segment boundary, as Starlette's router cuts it.

    A prefix such as ``/public`` in the root must not open ``/admin``: what the router serves is decided on.
    """
    if not root or not path.startswith(root):
        return path
    if len(path) == len(root):
        return ""
    return path[len(root) :] if path[len(root)] == "/" else path


def decoded(path_info: str) -> str:
    """WSGI's PATH_INFO as text: PEP 3333 hands its bytes over as Latin-1.

    Raises :class:`~cartaguard.errors.InvalidPath` for bytes that are no UTF-8.
    """
    try:
        return path_info.encode("latin-1").decode("utf-8")
    except UnicodeError:
        raise InvalidPath("the path is no UTF-8") from None
