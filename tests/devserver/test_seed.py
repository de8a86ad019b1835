"""The world of a fresh file is what its description says."""

from __future__ import annotations

import pytest

from cartaguard import Permission, Resource
from cartaguard.devserver.pool import POOL
from cartaguard.devserver.seed import RESOURCES, USERS, SeededUser
from cartaguard.devserver.seed import __doc__ as description
from cartaguard.devserver.store import Store
from cartaguard.testing import EmbeddedCarta

ALLOYS = Resource("Project", "alloys")


@pytest.fixture
def planted(seeded: EmbeddedCarta) -> Store:
    return seeded._carta.store


@pytest.mark.parametrize("user", USERS, ids=[user.name for user in USERS])
def test_everybody_is_there_with_password_and_permission(planted: Store, user: SeededUser) -> None:
    expected = {"none": Permission.NONE}.get(user.on_alloys) or Permission.of(*filter(None, user.on_alloys.replace("none", "").split(", ")))
    with planted.begin() as tables:
        assert tables.people.proven(user.name, user.password, pool_id=POOL.id) is not None
        assert tables.permissions.of_user(user.name, ALLOYS) == expected
        assert set(user.groups) <= tables.groups.of(user.name)


def test_the_description_names_everybody() -> None:
    assert description is not None
    rows = [line.split("|") for line in description.splitlines() if line.startswith("| ")][1:]
    told = {cells[1].strip(): cells[2].strip() for cells in rows if not cells[1].strip().startswith("-")}
    assert told == {user.name: user.organization for user in USERS}


def test_every_resource_is_there_with_its_owner(planted: Store) -> None:
    with planted.begin() as tables:
        for seeded in RESOURCES:
            resource = Resource.parse(seeded.resource)
            stored = tables.permissions.stored(resource.id)
            assert stored is not None
            assert (stored.resource.type, stored.owner) == (resource.type, seeded.owner)
            assert stored.fields.items() >= seeded.fields.items()
