"""Logging in: by name and password, by environment or profile, with a token; and not with a wrong password."""

from __future__ import annotations

import os

from pycarta.admin import get_current_user
from pycarta.auth.agent import CartaAgent
from recording import agent, done, record

import pycarta

HOST = os.environ["CARTA_HOST"]

record("from the environment", lambda: pycarta.is_authenticated() and get_current_user().name)
record("by password", lambda: pycarta.login(username="otto", password="otto-develops-1", host=HOST) and get_current_user().name)
record("with a token", lambda: get_current_user(agent=CartaAgent(token=agent("adam").token, host=HOST)).name)
record("authenticated", lambda: CartaAgent(token=agent("adam").token, host=HOST).is_authenticated())
record("wrong password", lambda: CartaAgent(username="olga", password="olga-develops-2", host=HOST))
record("another's password", lambda: CartaAgent(username="olga", password="otto-develops-1", host=HOST))
record("unknown user", lambda: CartaAgent(username="nobody", password="nobody-develops-1", host=HOST))
record("the same user after that", lambda: get_current_user().name)
record("a bad token", lambda: CartaAgent(token="not.a.token", host=HOST).is_authenticated())
record("a bad token's user", lambda: get_current_user(agent=CartaAgent(token="not.a.token", host=HOST)))
record("no credential", lambda: get_current_user(agent=CartaAgent(host=HOST)))
done()
