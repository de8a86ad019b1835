"""The world of a fresh file: two organizations and who works on what. Examples, documentation and tests use it too.

Aurora's alloys are olga's project. What each of the others holds on `Project:alloys`:

| user  | organization | on `Project:alloys`        | because                                                      |
| ----- | ------------ | -------------------------- | ------------------------------------------------------------ |
| olga  | Aurora       | everything                 | she owns it                                                  |
| edda  | Aurora       | read, write, execute       | she was made Editor                                          |
| adam  | Aurora       | read, execute              | `Aurora:Interns` is in `Aurora:Research`, which was made User |
| greta | Basalt       | read                       | she was made Guest                                           |
| otto  | Basalt       | nothing                    | nobody granted him anything; the kiln is his                 |
| vera  | Aurora       | nothing                    | she administers the server: she may grant, and look at everybody's permissions |

The passwords are for development and known to everybody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cartaguard.devserver.groups import ADMINISTRATORS, Groups
from cartaguard.devserver.people import People
from cartaguard.devserver.permissions import Permissions
from cartaguard.devserver.pool import UserPool
from cartaguard.devserver.services import Services
from cartaguard.directories.graph import Grantee
from cartaguard.model.names import Resource
from cartaguard.model.role import Role

__all__ = ["GROUPS", "NESTED", "RESOURCES", "USERS", "SeededResource", "SeededUser", "plant"]


@dataclass(frozen=True, slots=True)
class SeededUser:
    """A user of a fresh file, with the password that everybody knows and the permission on ``Project:alloys``."""

    name: str
    password: str
    first_name: str
    last_name: str
    organization: str
    groups: tuple[str, ...]
    on_alloys: str
    about: str


USERS = (
    SeededUser("olga", "olga-develops-1", "Olga", "Owner", "Aurora", ("Aurora:All", "Aurora:Research"), "owner", "owns alloys"),
    SeededUser("edda", "edda-develops-1", "Edda", "Editor", "Aurora", ("Aurora:All",), "read, write, execute", "editor of alloys"),
    SeededUser("adam", "adam-develops-1", "Adam", "Apprentice", "Aurora", ("Aurora:All", "Aurora:Interns"), "read, execute", "intern"),
    SeededUser("greta", "greta-develops-1", "Greta", "Guest", "Basalt", ("Basalt:All",), "read", "guest on alloys"),
    SeededUser("otto", "otto-develops-1", "Otto", "Outsider", "Basalt", ("Basalt:All",), "none", "owns the kiln, knows nothing of alloys"),
    SeededUser("vera", "vera-develops-1", "Vera", "Warden", "Aurora", ("Aurora:All", ADMINISTRATORS), "none", "administers the server"),
)

#: Groups, in the order in which they are made.
GROUPS = ("AllUsers", "Aurora:All", "Aurora:Research", "Aurora:Interns", "Basalt:All", ADMINISTRATORS)

#: Groups in groups: the first is a member of the second.
NESTED = (("Aurora:All", "AllUsers"), ("Basalt:All", "AllUsers"), ("Aurora:Interns", "Aurora:Research"))


@dataclass(frozen=True, slots=True)
class SeededResource:
    """A resource of a fresh file; ``grants`` leads from grantees to roles."""

    resource: str
    owner: str
    fields: dict[str, Any]
    grants: dict[str, Role] = field(default_factory=dict)


RESOURCES = (
    SeededResource(
        "Project:alloys",
        "olga",
        {"name": "Light alloys", "bucketName": "aurora-alloys"},
        {"user:edda": Role.EDITOR, "user:greta": Role.GUEST, "group:Aurora:Research": Role.USER},
    ),
    SeededResource("Project:archive", "olga", {"name": "Archive", "bucketName": "aurora-archive"}),
    SeededResource("Project:ceramics", "otto", {"name": "Ceramics", "bucketName": "basalt-ceramics"}, {"group:Basalt:All": Role.EDITOR}),
    SeededResource("Namespace:aurora", "olga", {}),
    SeededResource(
        "Service:aurora/phase-fit",
        "olga",
        {"baseUrl": "http://127.0.0.1:8101"},
        # Who holds something on the project holds that same thing on the service.
        {"resource:Project:alloys": Role.USER},
    ),
    SeededResource("Namespace:basalt", "otto", {}),
    SeededResource("Service:basalt/kiln", "otto", {"baseUrl": "http://127.0.0.1:8102"}),
)


def plant(people: People, groups: Groups, permissions: Permissions, services: Services, pool: UserPool) -> None:
    """Put this world into a fresh file."""
    for name in GROUPS:
        groups.add(name, creator="vera")
    for inner, outer in NESTED:
        groups.join(outer, inner, kind="group")
    for user in USERS:
        names = {"first_name": user.first_name, "last_name": user.last_name, "organization": user.organization}
        people.add(user.name, user.password, pool_id=pool.id, **names)
        for group in user.groups:
            groups.join(group, user.name)
    for seeded in RESOURCES:
        resource = services.place(Resource.parse(seeded.resource), owner=seeded.owner, fields=seeded.fields)
        for grantee, role in seeded.grants.items():
            permissions.grant(resource, Grantee.parse(grantee), role.permission)
