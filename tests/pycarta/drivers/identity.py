"""Users and groups, as their own people and an administrator see them."""

from __future__ import annotations

from pycarta.admin.types import Group, User
from recording import agent, done, record

import pycarta
from pycarta import admin

olga, otto, vera = agent("olga"), agent("otto"), agent("vera")
# `create_user` adds the new user to groups in the name of whoever is logged in, whatever agent it is given.
pycarta.set_agent(vera)
NORA = {"email": "nora@example.com", "firstName": "Nora", "lastName": "New", "organization": "Aurora"}


def names(users):
    return sorted(user.name for user in users)


def found(**wanted):
    user = admin.get_user(agent=otto, **wanted)
    return names(user) if isinstance(user, list) else user and user.name


record("current user", lambda: admin.get_current_user(agent=olga).model_dump(exclude={"id"}))
record("by name", lambda: found(username="adam"))
record("by e-mail", lambda: found(email="adam@example.org"))
record("by first and last name", lambda: found(first_name="Adam", last_name="Apprentice"))
record("by the beginning", lambda: found(username="o", partial_match=True))
record("by what does not fit together", lambda: found(username="adam", email="olga@example.org"))

record("a user by an administrator", lambda: admin.create_user(User(name="nora", **NORA), agent=vera).name)
record("a user who exists", lambda: admin.create_user(User(name="nora", **NORA), agent=vera))
record("a user who exists and may", lambda: admin.create_user(User(name="nora", **NORA), exists_ok=True, agent=vera).name)
record("a new user's groups", lambda: [str(group) for group in admin.get_user(username="nora", agent=otto).groups])
record("a user by somebody else", lambda: admin.create_user(User(name="mine"), agent=otto))

team = Group(name="Glaze Team", organization="Basalt")
record("a group", lambda: admin.create_group(team, agent=otto))
record("a group that exists", lambda: admin.create_group(team, agent=otto))
record("a group that exists and may", lambda: admin.create_group(team, exists_ok=True, agent=otto))
record("a group of another organization", lambda: admin.create_group(Group(name="Mine", organization="Aurora"), agent=otto))
record("adding", lambda: admin.add_user_to_group(User(name="greta"), team, agent=otto))
record(
    "adding to what is not there", lambda: admin.add_user_to_group(User(name="greta"), Group(name="No", organization="Basalt"), agent=otto)
)
record("adding nobody", lambda: admin.add_user_to_group(User(name="nobody"), team, agent=otto))
record("adding to another's group", lambda: admin.add_user_to_group(User(name="greta"), team, agent=olga))
record("members", lambda: names(admin.list_members(team, agent=otto)))
record("members by text", lambda: names(admin.list_members("Basalt:Glaze Team", agent=agent("greta"))))
record("members of what is hidden", lambda: admin.list_members("Aurora:Research", agent=otto))
record("members of what is not there", lambda: admin.list_members("Basalt:No", agent=otto))
done()
