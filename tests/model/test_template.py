"""A template gives one resource for one set of parameters, and never the same for another."""

from __future__ import annotations

import enum
import pickle
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartaguard import Resource, errors
from cartaguard.model.template import ResourceTemplate


class Colour(enum.Enum):
    RED = "red"


class Tone(str, enum.Enum):  # noqa: UP042 (the older form is what applications have)
    DARK = "dark"


class Loud(str):
    """Text that prints as something else."""

    __slots__ = ()

    def __str__(self) -> str:
        return "LOUD"


@pytest.mark.parametrize(
    ("text", "params", "expected"),
    [
        ("Project:{id}", {"id": "p1"}, "Project:p1"),
        ("Project:{id}", {"id": "p/1", "other": object()}, "Project:p/1"),
        ("Project:p1", {}, "Project:p1"),
        ("Service:{ns}/{name}", {"ns": "a", "name": "b/c"}, "Service:a/b/c"),
        ("Service:{ns}/x", {"ns": "a/x"}, "Service:a/x/x"),
        ("Project:{id}", {"id": 8}, "Project:8"),
        ("Project:{id}", {"id": Decimal("1.50")}, "Project:1.50"),
        ("Project:{id}", {"id": UUID(int=1)}, "Project:00000000-0000-0000-0000-000000000001"),
        ("Project:{id}", {"id": Colour.RED}, "Project:red"),
        ("Project:{id}", {"id": Tone.DARK}, "Project:dark"),
        ("Project:{id}", {"id": Loud("quiet")}, "Project:quiet"),
    ],
)
def test_parameters_fill_a_template(text: str, params: dict[str, Any], expected: str) -> None:
    assert ResourceTemplate(text).fill(params) == Resource.parse(expected)


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("Project:{id}", {"id": ""}),
        ("Service:{ns}/{name}", {"ns": "a/b", "name": "c"}),
        ("Service:{ns}aa{name}", {"ns": "xa", "name": "y"}),
    ],
)
def test_a_value_that_could_be_read_two_ways_names_no_resource(text: str, params: dict[str, Any]) -> None:
    assert ResourceTemplate(text).fill(params) is None


@pytest.mark.parametrize("value", [None, True, b"p1", ["p1"], object()])
def test_a_value_without_one_text_is_an_error(value: object) -> None:
    with pytest.raises(errors.ParameterError, match="a template takes text, numbers and UUIDs"):
        ResourceTemplate("Project:{id}").fill({"id": value})


def test_a_missing_parameter_is_an_error_that_names_it() -> None:
    with pytest.raises(errors.ParameterError, match=r"`Project:\{id\}` needs the parameter `id`"):
        ResourceTemplate("Project:{id}").fill({})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Project",
        ":p1",
        "{type}:p1",
        "Project:",
        "Project:{}",
        "Project:{id",
        "Project:id}",
        "Project:{a b}",
        "Project:{a}{b}",
        "Project:{a}/{a}",
        "Project:{a.b}",
        None,
        5,
    ],
)
def test_what_is_no_template_is_an_error(text: Any) -> None:
    with pytest.raises(errors.RequirementError) as caught:
        ResourceTemplate(text)
    assert caught.value.code == "bad_template"


def test_binding_names_the_missing_parameter_the_route_and_what_it_has() -> None:
    template = ResourceTemplate("Project:{id}")
    template.bind(["id"])
    with pytest.raises(errors.RequirementError, match=r"needs the parameter `\{id\}`, which `/p/\{pid\}` lacks \(it has `\{pid\}`\)"):
        template.bind(["pid"], "/p/{pid}")
    with pytest.raises(errors.RequirementError, match=r"which the route lacks \(it has none\)"):
        template.bind([])


def test_the_template_of_one_resource_takes_braces_as_they_are() -> None:
    odd = ResourceTemplate.of(Resource("Project", "{id}"))
    assert odd.fill({}) == Resource("Project", "{id}")
    assert odd != ResourceTemplate("Project:{id}")
    assert odd == ResourceTemplate.of(Resource("Project", "{id}"))
    assert hash(odd) == hash(ResourceTemplate("Project:{id}"))
    assert odd != "Project:{id}"
    assert (str(odd), repr(odd)) == ("Project:{id}", "ResourceTemplate('Project:{id}')")


@pytest.mark.remembers
def test_what_was_made_is_remembered_within_bounds() -> None:
    template = ResourceTemplate("Project:{id}")
    assert template.fill({"id": "p1"}) is template.fill({"id": "p1"})
    for number in range(3000):
        assert template.fill({"id": number}) == Resource("Project", str(number))
        assert len(template._made) <= 1024
    endless = "x" * 10_000
    assert template.fill({"id": endless}) == Resource("Project", endless)
    assert (endless,) not in template._made
    assert pickle.loads(pickle.dumps(template)) == template


LITERALS = st.text("a/b", min_size=1, max_size=3)
VALUES = st.text("a/b", min_size=1, max_size=4)


@settings(max_examples=200, deadline=None)
@given(literals=st.lists(LITERALS, min_size=1, max_size=3), one=st.lists(VALUES, min_size=3, max_size=3), other=st.data())
def test_different_parameters_never_give_the_same_resource(literals: list[str], one: list[str], other: st.DataObject) -> None:
    names = [f"p{index}" for index in range(len(literals))]
    template = ResourceTemplate("T:" + "".join(f"{{{name}}}{literal}" for name, literal in zip(names, literals, strict=True)))
    first = dict(zip(names, one, strict=False))
    second = {name: other.draw(VALUES) for name in names}
    filled = template.fill(first)
    if filled is not None and first != second:
        assert filled != template.fill(second)


def test_no_two_short_values_share_a_resource() -> None:
    values = [left + right for left in ("", "a", "b") for right in ("a", "b", "aa", "ab", "ba")]
    template = ResourceTemplate("T:{x}aa{y}")
    filled = [resource for x in set(values) for y in set(values) if (resource := template.fill({"x": x, "y": y})) is not None]
    assert len(filled) == len(set(filled)) > 10
