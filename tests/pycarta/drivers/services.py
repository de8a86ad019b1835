"""Namespaces and services: making, calling and removing them, and what a second user may do."""

from __future__ import annotations

import sys

from recording import agent, done, record

from pycarta import admin

olga, otto, adam = agent("olga"), agent("otto"), agent("adam")
upstream = sys.argv[2]


def call(service, method, endpoint, asked_by, **more):
    # Not the client's ServiceUtility, whose methods return nothing in the older generation.
    return asked_by.request(method, f"service/lab/{service}/{endpoint}", **more)


def seen(service, method, endpoint, asked_by, **more):
    answer = call(service, method, endpoint, asked_by, **more)
    told = answer.json()
    told["own token"] = told.pop("authorization") == told.pop("x_carta_token") == f"Bearer {asked_by.token}"
    return [answer.status_code, told]


record("a namespace", lambda: admin.reserve_namespace("lab", agent=olga) in (None, True))
record("a namespace that exists", lambda: admin.reserve_namespace("lab", agent=otto))
record("a name that is Carta's", lambda: admin.reserve_namespace("carta", agent=olga))

fit = record("a service", lambda: admin.register_service("lab", "fit", upstream, agent=olga).id)
record("a service that exists", lambda: admin.register_service("lab", "fit", upstream, agent=olga))
record("a service without an address", lambda: admin.register_service("lab", "more", "", agent=olga))
record("a service elsewhere", lambda: admin.register_service("lab", "more", "http://192.0.2.1/", agent=olga))
record("a service in another's namespace", lambda: admin.register_service("lab", "more", upstream, agent=otto))
record("a service in no namespace", lambda: admin.register_service("absent", "more", upstream, agent=olga))

record("what its owner holds", lambda: admin.get_resource("Service", fit, agent=olga).permissions.admin)
record("its history", lambda: admin.get_resource("Service", fit, agent=olga).document_history.addedBy.name)
record("its address", lambda: admin.get_resource("Service", fit, agent=olga).base_url == upstream)
record("namespaces", lambda: sorted(item.name for item in admin.get_user_resources("Namespace", agent=olga)))
record("services", lambda: sorted(item.name for item in admin.get_user_resources("Service", agent=olga)))

record("calling it", lambda: seen("fit", "GET", "runs/7", olga, params={"a": "b c"}))
record("posting to it", lambda: seen("fit", "POST", "runs", olga, json={"n": 1}))
record("its own refusal", lambda: call("fit", "GET", "status/418", olga))
record("its own fault", lambda: call("fit", "GET", "status/500", olga))
record("calling it, by another", lambda: call("fit", "GET", "runs/7", otto))
record("calling what is not there", lambda: call("absent", "GET", "runs/7", olga))
record("letting another use it", lambda: admin.set_user_permission(fit, "otto", "User", "User", agent=olga)["permission"])
record("calling it then", lambda: seen("fit", "GET", "runs/7", otto))

record("renaming it, by another", lambda: admin.rename_service("lab", "fit", "mine", agent=otto))
record("renaming it", lambda: admin.rename_service("lab", "fit", "fit2", agent=olga))
record("under its old name", lambda: call("fit", "GET", "runs/7", olga))
record("under its new name", lambda: seen("fit2", "GET", "", otto)[0])
record("renaming what is not there", lambda: admin.rename_service("lab", "fit", "fit3", agent=olga))
record("removing it, by another", lambda: admin.unregister_service("lab", "fit2", agent=otto))
record("removing a namespace that is not empty", lambda: admin.remove_namespace("lab", agent=olga))
record("removing it", lambda: admin.unregister_service("lab", "fit2", agent=olga))
record("removing the namespace, by another", lambda: admin.remove_namespace("lab", agent=otto))
record("removing the namespace", lambda: admin.remove_namespace("lab", agent=olga))
record("what is left", lambda: sorted(item.name for item in admin.get_user_resources("Namespace", agent=olga)))
done()
