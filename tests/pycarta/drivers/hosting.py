"""A service that the client hosts: it connects to Carta by itself, and is called through Carta."""

from __future__ import annotations

import asyncio
import sys
import threading

from pycarta.services import get_websockets_uri
from pycarta.services.proxy import CartaServiceManagerProxy
from recording import agent, done, record

from pycarta import admin, set_agent

olga, otto = agent("olga"), agent("otto")
set_agent(olga)
upstream = sys.argv[2]

admin.reserve_namespace("lab", agent=olga)
service = admin.register_service("lab", "hosted", "http://127.0.0.1:1", agent=olga).id
record("where to connect", lambda: get_websockets_uri(olga).startswith("ws://"))
proxy = CartaServiceManagerProxy(get_websockets_uri(olga), "lab", "hosted", redirect=upstream, agent=olga)
threading.Thread(target=lambda: asyncio.run(proxy.listen()), daemon=True).start()


def call(asked_by, method="GET", endpoint="runs/7", **more):
    return asked_by.request(method, f"service/lab/hosted/{endpoint}", **more)


def connected():
    # Until it is connected its registered address is asked, where nobody is.
    while True:
        try:
            return call(olga).status_code
        except Exception as fault:
            if fault.response.status_code != 502:
                raise


def seen(asked_by, **more):
    told = call(asked_by, **more).json()
    return [told["method"], told["path"], told["query"], told["json"], told["authorization"] == f"Bearer {asked_by.token}"]


record("connected", connected)
record("calling it", lambda: seen(olga, params={"a": "b c"}))
record("posting to it", lambda: seen(olga, method="POST", json={"n": 1}))
record("calling it, by another", lambda: call(otto))
record("letting another use it", lambda: admin.set_user_permission(service, "otto", "User", "User", agent=olga)["permission"])
record("calling it then", lambda: seen(otto))
done()
