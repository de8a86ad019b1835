"""No password, token, key or secret is logged or stored as it is, whatever is done with it."""

from __future__ import annotations

import base64
import logging

import boto3
import httpx
import pytest
from pycognito import AWSSRP
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from cartaguard.devserver.store import Store
from cartaguard.testing import EmbeddedCarta
from support.canary import CANARY
from support.stored import everything_in

# Python 3.12 warns of what pycognito makes its timestamps with.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")


def test_neither_the_log_nor_the_store_has_anything_that_opens_a_door(
    empty: EmbeddedCarta, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Beside an SQLite file there would be a key of its own; beside another database there is no place for one.
    monkeypatch.setenv("CARTAGUARD_SECRET_KEY", "5" * 64)
    caplog.set_level(logging.DEBUG, "cartaguard")
    caplog.set_level(logging.DEBUG, "uvicorn")
    empty.add_user("olga", password=CANARY)
    client = boto3.client("cognito-idp", region_name="us-east-2", endpoint_url=empty.cognito_url)
    login = AWSSRP(username="olga", password=CANARY, pool_id="us-east-2_CartaDev0", client_id=empty.client_id, client=client)
    issued = login.authenticate_user()["AuthenticationResult"]
    rotated = client.get_tokens_from_refresh_token(RefreshToken=issued["RefreshToken"], ClientId=empty.client_id)
    client.close()
    bearer = {"Authorization": f"Bearer {issued['IdToken']}"}
    made = {"name": "ci", "allowedEndpoints": ["ANY /**"]}
    with httpx.Client(base_url=empty.url) as carta:
        key = carta.post("/v2/auth/apitoken/self", json=made, headers=bearer).json()["token"]
        assert carta.get("/user", auth=("__token__", key)).status_code == 200
        assert carta.get("/user", auth=("__token__", f"{key}x")).status_code == 401
        assert carta.put("/secret", headers={**bearer, "secret-Canary": f"{CANARY}-kept"}).status_code == 200
        assert carta.get("/secret?name=canary", headers=bearer).text == f"{CANARY}-kept"
    tokens = [issued["IdToken"], issued["AccessToken"], issued["RefreshToken"], rotated["AuthenticationResult"]["RefreshToken"]]
    secrets = [CANARY, key, base64.b64encode(f"__token__:{key}".encode()).decode(), *tokens]
    told = caplog.text
    stored = everything_in(empty._carta.store)
    assert b"olga@example.org" in stored
    assert [secret[:6] for secret in secrets if secret in told or secret.encode() in stored] == []


def test_a_fault_of_the_database_does_not_show_what_was_to_be_stored(store: Store) -> None:
    with pytest.raises(SQLAlchemyError) as caught, store.begin() as tables:
        tables.groups._connection.execute(text("INSERT INTO absent VALUES (:value)"), {"value": CANARY})
    assert CANARY not in f"{caught.value} {caught.value!r}"
