"""The one path that is decided on: below the root, cut where the router cuts it."""

from __future__ import annotations

import pytest
from starlette._utils import get_route_path

from cartaguard import errors
from cartaguard.http.paths import below_root, decoded


@pytest.mark.parametrize(
    ("path", "root", "below"),
    [
        ("/admin", "", "/admin"),
        ("/api/admin", "/api", "/admin"),
        ("/api", "/api", ""),
        ("/api/", "/api", "/"),
        ("/apiadmin", "/api", "/apiadmin"),
        ("/admin", "/api", "/admin"),
        ("/public/admin", "/public/", "/public/admin"),
        ("", "/api", ""),
    ],
)
def test_the_root_is_cut_at_a_segment_boundary_as_the_router_cuts_it(path: str, root: str, below: str) -> None:
    assert below_root(path, root) == below == get_route_path({"path": path, "root_path": root})


@pytest.mark.parametrize(("path_info", "path"), [("/a", "/a"), ("", ""), ("/caf\xc3\xa9", "/caf\u00e9"), ("/\xe4\xb8\xad", "/\u4e2d")])
def test_bytes_that_wsgi_hands_over_as_latin_1_are_read_as_utf_8(path_info: str, path: str) -> None:
    assert decoded(path_info) == path


@pytest.mark.parametrize("path_info", ["/caf\xe9", "/\xff", "/\xc3", "/\u4e2d", "/\xed\xa0\x80", "/\xc0\xaf"])
def test_bytes_that_are_no_utf_8_are_refused(path_info: str) -> None:
    with pytest.raises(errors.InvalidPath, match=r"^the path is no UTF-8$"):
        decoded(path_info)
