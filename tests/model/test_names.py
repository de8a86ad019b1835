"""Names of groups and resources are exact code points."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from cartaguard import Group, Resource, errors


def test_a_group_is_its_text_however_it_is_written() -> None:
    assert Group("OrgA", "Team") == Group("OrgA:Team") == "OrgA:Team"
    assert hash(Group("OrgA:Team")) == hash("OrgA:Team")
    assert repr(Group("OrgA:Team")) == "Group('OrgA:Team')"


@pytest.mark.parametrize(
    ("text", "organization", "name"),
    [("OrgA:Team", "OrgA", "Team"), ("Team", "", "Team"), ("OrgA:Team:Inner", "OrgA", "Team:Inner"), (":Team", "", "Team")],
)
def test_the_first_colon_divides_organization_and_name(text: str, organization: str, name: str) -> None:
    assert (Group(text).organization, Group(text).name) == (organization, name)


def test_names_that_only_look_alike_are_different() -> None:
    assert Group("caf\u00e9") != Group("cafe\u0301")
    assert Resource("Project", "caf\u00e9") != Resource("Project", "cafe\u0301")


@pytest.mark.parametrize("name", ["", None, 5])
def test_a_group_without_a_name_is_an_error(name: Any) -> None:
    with pytest.raises(errors.ParameterError, match="not empty"):
        Group(name)


def test_the_first_colon_divides_type_and_id() -> None:
    service = Resource.parse("Service:ns/na:me")
    assert (service.type, service.id, str(service)) == ("Service", "ns/na:me", "Service:ns/na:me")
    assert service == Resource("Service", "ns/na:me")
    assert hash(service) == hash(Resource("Service", "ns/na:me"))
    assert repr(service) == "Resource('Service', 'ns/na:me')"
    assert service != "Service:ns/na:me"


@pytest.mark.parametrize("text", ["", "Project", "Project:", ":p1"])
def test_text_that_names_no_resource_is_an_error_of_ours_and_a_value_error(text: str) -> None:
    with pytest.raises(errors.ParameterError) as caught:
        Resource.parse(text)
    assert isinstance(caught.value, ValueError)
    assert caught.value.code == "bad_resource"


@pytest.mark.parametrize(("type_", "id_"), [("Pro:ject", "p1"), (None, "p1"), ("Project", None), ("Project", 1)])
def test_parts_that_make_no_resource_are_errors(type_: Any, id_: Any) -> None:
    with pytest.raises(errors.ParameterError):
        Resource(type_, id_)


def test_a_resource_cannot_be_changed_but_copied() -> None:
    project = Resource("Project", "p1")
    with pytest.raises(AttributeError, match="cannot be changed"):
        project.id = "p2"
    with pytest.raises(AttributeError, match="cannot be changed"):
        del project.id
    assert copy.deepcopy(project) == pickle.loads(pickle.dumps(project)) == project
