"""Projects, connections, workspaces, secrets and files, and what users hold on them."""

from __future__ import annotations

from pycarta.admin.types import Connection, UserType
from recording import agent, done, record

from pycarta import admin

olga, otto, adam = agent("olga"), agent("otto"), agent("adam")


def words(permissions):
    return sorted(word for word, held in permissions.model_dump().items() if held)


def rights(resource, user="adam", kind="User", asked_by=olga):
    return words(admin.get_user_permission(resource, user, kind, agent=asked_by))


def entries(resource, kind="User", asked_by=olga):
    return sorted(
        [entry.user_id, entry.user_type.value, words(entry.permissions)]
        for entry in admin.list_resource_permissions(resource, kind, agent=asked_by)
    )


def shown(item):
    told = item.model_dump(by_alias=True, exclude_none=True, mode="json")
    told.pop("id")
    return told


def names(items):
    return sorted(item.name for item in items)


record("types", lambda: sorted(kind.value for kind in admin.resource_types(agent=olga)))

alloy = record("a project", lambda: admin.create_project("Cast", "aurora-cast", agent=olga).id)
record("the project", lambda: shown(admin.get_resource("Project", alloy, agent=olga)))
record("a project without a name", lambda: admin.create_project("", "b", agent=olga))
record("projects", lambda: names(admin.get_user_resources("Project", agent=olga)))
record(
    "projects of another, not asked by an administrator",
    lambda: admin.get_user_resources("Project", admin.get_current_user(agent=olga).id, agent=otto),
)
record("the project, by another", lambda: admin.get_resource("Project", alloy, agent=otto))
record("a project of another type", lambda: admin.get_resource("Service", alloy, agent=olga))
record("a project that is not there", lambda: admin.get_resource("Project", "absent", agent=olga))

for role in ("Guest", "User", "Editor"):
    record(f"granting {role}", lambda role=role: admin.set_user_permission(alloy, "adam", "User", role, agent=olga)["permission"])
    record(f"held as {role}", lambda: rights(alloy, asked_by=adam))
record("granting to a group", lambda: admin.set_user_permission(alloy, "Basalt:All", "UserGroup", "Guest", agent=olga)["permission"])
record("held by the group", lambda: rights(alloy, "Basalt:All", "UserGroup"))
record("held through the group", lambda: rights(alloy, "otto", asked_by=otto))
record("users", lambda: entries(alloy))
record("groups", lambda: entries(alloy, "UserGroup"))
record("granting a second owner", lambda: admin.set_user_permission(alloy, "adam", "User", "Owner", agent=olga))
record("granting by an editor", lambda: admin.set_user_permission(alloy, "otto", "User", "Guest", agent=adam))
record("granting by a guest", lambda: admin.set_user_permission(alloy, "otto", "User", "Editor", agent=otto))
record("taking from the owner", lambda: admin.remove_user_permission(alloy, "olga", "User", agent=olga))
record("users, by a guest", lambda: entries(alloy, asked_by=otto))
record("taking back", lambda: admin.remove_user_permission(alloy, "adam", "User", agent=olga)["permission"])
record("held after that", lambda: rights(alloy, asked_by=adam))
record("hidden after that", lambda: admin.get_resource("Project", alloy, agent=adam))

wire = Connection(name="Store", backend="S3", keyPath="keys/store", nativeId={"bucketName": "aurora-cast", "prefix": "runs/"})
made = record("a connection", lambda: admin.create_connection(alloy, wire, agent=olga).id)
record("the connection", lambda: shown(admin.get_resource("Connection", made, agent=olga)))
record("the connection through the project", lambda: rights(made, "otto", asked_by=otto))
record("a connection by a guest", lambda: admin.create_connection(alloy, wire, agent=otto))
record("a connection of nothing", lambda: admin.create_connection("absent", wire, agent=olga))
record("removing the connection by a guest", lambda: admin.delete_connection(made, agent=otto))
record("removing the connection", lambda: admin.delete_connection(made, agent=olga))
record("removing it again", lambda: admin.delete_connection(made, agent=olga))
record("removing the project by a guest", lambda: admin.delete_project(alloy, agent=otto))
record("removing the project", lambda: admin.delete_project(alloy, agent=olga))
record("the project after that", lambda: admin.get_resource("Project", alloy, agent=olga))

desk = record("a workspace", lambda: admin.create_workspace("Desk", agent=olga).id)
record("the workspace", lambda: admin.get_workspace(desk, agent=olga).name)
record("its history", lambda: admin.get_workspace(desk, agent=olga).document_history.addedBy.name)
record("workspaces", lambda: names(admin.current_user_workspaces(agent=olga)))
record("the workspace, by another", lambda: admin.get_workspace(desk, agent=otto))
record(
    "sharing it", lambda: admin.set_workspace_permission(desk, "otto", UserType.USER, admin.PermissionsRole.GUEST, agent=olga)["permission"]
)
record("what is held on it", lambda: admin.get_workspace_permission(desk, "otto", UserType.USER, agent=otto))
record("who holds something on it", lambda: sorted(entry.user_id for entry in admin.get_workspace_permissions(desk, agent=olga)))
record("the workspace, shared", lambda: admin.get_workspace(desk, agent=otto).name)
record("taking it back", lambda: admin.remove_workspace_permission(desk, "otto", UserType.USER, agent=olga)["permission"])
record("removing it by another", lambda: admin.delete_workspace(desk, agent=otto))
record("removing it", lambda: admin.delete_workspace(desk, agent=olga))

record("a secret", lambda: admin.put_secret("Lab-Key", "s3cret = value; with, signs", agent=olga))
record("the secret", lambda: admin.get_secret("Lab-Key", agent=olga))
record("the secret under another case", lambda: admin.get_secret("lab_key", agent=olga))
record("the secret, by another", lambda: admin.get_secret("Lab-Key", agent=otto))
record("another secret", lambda: admin.put_secret("lab_key", "second", agent=olga))
record("the other secret", lambda: admin.get_secret("Lab-Key", agent=olga))
record("a longest secret", lambda: admin.put_secret("Long", "x" * 1024, agent=olga))
record("the longest secret", lambda: len(admin.get_secret("Long", agent=olga)))
record("a secret that is too long", lambda: admin.put_secret("Long", "x" * 1025, agent=olga))

record("sources of files", lambda: admin.list_file_sources(agent=olga))
record("what a source can do", lambda: admin.file_source_support("Carta", agent=olga))
record("files", lambda: admin.list_files("Carta", agent=olga))
record("a file", lambda: admin.get_file("Carta", "f1", agent=olga).decode())
record("files of a source that is not here", lambda: admin.list_files("HyperThought", agent=olga))
done()
