"""What is read from a WSGI environ."""

from __future__ import annotations

import pytest

from cartaguard.errors import InvalidPath
from cartaguard.http.environ import asked, is_preflight


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"PATH_INFO": "/projects"}, "/projects"),
        ({"PATH_INFO": "/admin", "SCRIPT_NAME": "/public"}, "/admin"),
        ({"PATH_INFO": "/public", "SCRIPT_NAME": "/admin"}, "/public"),
        ({"PATH_INFO": "/\xc3\xa4"}, "/ä"),
        ({"PATH_INFO": ""}, ""),
        ({}, ""),
        ({"PATH_INFO": "/a", "HTTP_X_FORWARDED_PREFIX": "/b", "HTTP_X_ORIGINAL_URL": "/c", "REQUEST_URI": "/d"}, "/a"),
    ],
)
def test_the_path_is_path_info_alone_as_utf8(environ: dict[str, str], path: str) -> None:
    assert asked(environ) == (path, ())


def test_a_path_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(InvalidPath):
        asked({"PATH_INFO": "/\xff"})


@pytest.mark.parametrize(
    ("environ", "values"),
    [
        ({}, ()),
        ({"HTTP_AUTHORIZATION": "Bearer a.b.c"}, ("Bearer a.b.c",)),
        ({"HTTP_AUTHORIZATION": ""}, ("",)),
        ({"HTTP_AUTHORIZATION": "\tBearer \xe4 "}, ("\tBearer \xe4 ",)),
        ({"HTTP_X_FORWARDED_AUTHORIZATION": "Bearer a.b.c", "AUTHORIZATION": "Bearer a.b.c"}, ()),
    ],
)
def test_the_credentials_are_the_one_header_as_the_server_made_it(environ: dict[str, str], values: tuple[str, ...]) -> None:
    assert asked({"PATH_INFO": "/a", **environ}) == ("/a", values)


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("OPTIONS", ("HTTP_ORIGIN", "HTTP_ACCESS_CONTROL_REQUEST_METHOD"), True),
        ("OPTIONS", ("HTTP_ORIGIN",), False),
        ("OPTIONS", ("HTTP_ACCESS_CONTROL_REQUEST_METHOD",), False),
        ("options", ("HTTP_ORIGIN", "HTTP_ACCESS_CONTROL_REQUEST_METHOD"), False),
        ("GET", ("HTTP_ORIGIN", "HTTP_ACCESS_CONTROL_REQUEST_METHOD"), False),
    ],
)
def test_a_preflight_is_options_with_an_origin_and_a_method(method: str, headers: tuple[str, ...], expected: bool) -> None:
    assert is_preflight({"REQUEST_METHOD": method, **dict.fromkeys(headers, "x")}) is expected
