"""The second generation of Carta's calls: nodes, permissions in three tiers, API tokens and the pool."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from pycarta.admin import v2
from pycarta.auth.agent import CartaAgent
from recording import agent, done, record

olga, otto = agent("olga"), agent("otto")
READS = v2.PermissionSet(user=v2.PermissionFlags(read=True), private=v2.PermissionFlags(), shared=v2.PermissionFlags())


def words(flags):
    return sorted(word for word, held in flags.model_dump().items() if held)


def tiers(found):
    return {tier: words(getattr(found, tier)) for tier in ("user", "private", "shared") if words(getattr(found, tier))}


record("the pool", lambda: v2.get_user_pool(agent=olga).user_pool_id)
record("the password policy", lambda: v2.get_password_policy(agent=olga).minimum_length > 0)

node = record("a resource", lambda: v2.create_resource("Kiln log", ["Dataset"], {"rows": 3}, agent=olga).id)
record("the resource", lambda: v2.get_resource(node, agent=olga).model_dump(exclude={"id"}))
record("the resource, by another", lambda: v2.get_resource(node, agent=otto))
record("no resource", lambda: v2.get_resource("absent", agent=olga))
record("changing it", lambda: v2.update_resource(node, name="Kiln", props={"rows": 4}, agent=olga).model_dump(exclude={"id"}))
record("changing it, by another", lambda: v2.update_resource(node, name="Mine", agent=otto))

record("one's own", lambda: words(v2.get_permissions(v2.SELF, node, agent=olga)))
record("another's node", lambda: v2.get_permissions(v2.SELF, node, agent=otto).read)
record("labels", lambda: v2.list_labels(v2.SELF, agent=otto))
record("another's id", lambda: bool(v2.list_accessors("ceramics", "User", agent=otto)[0].id))
other = v2.list_accessors("ceramics", "User", agent=otto)[0].id
record("granting", lambda: tiers(v2.set_permissions(other, node, READS, agent=olga)))
record("granting, by another", lambda: v2.set_permissions(v2.SELF, node, READS, agent=otto))
record("direct", lambda: tiers(v2.get_direct_permissions(other, node, agent=olga)))
record("held then", lambda: words(v2.get_permissions(v2.SELF, node, agent=otto)))
record("listed then", lambda: [[item.name, words(item.permission)] for item in v2.list_resources(v2.SELF, "Dataset", agent=otto)])
record("accessors", lambda: sorted(item.name for item in v2.list_accessors(node, "User", agent=olga)))
record("accessors, by another", lambda: v2.list_accessors(node, "User", agent=otto))
record("taking back", lambda: v2.delete_permissions(other, node, agent=olga))
record("held after that", lambda: words(v2.get_permissions(v2.SELF, node, agent=otto)))
record("granting to nobody", lambda: v2.set_permissions("absent", node, READS, agent=olga))

record("removing it", lambda: v2.delete_resource(node, verify=True, agent=olga))
record("it is gone", lambda: v2.get_resource(node, agent=olga))

READING = [v2.TokenEndpoint("GET", "/user/**"), v2.TokenEndpoint("GET", "/user")]
soon = datetime.now(UTC) + timedelta(hours=1)
record("a token", lambda: v2.create_token(v2.SELF, name="reader", allowed_endpoints=READING, expires=soon, agent=olga).name)
key = v2.create_token(v2.SELF, name="other", allowed_endpoints=READING, uses=3, agent=olga).token_key
record("a token of that name", lambda: v2.create_token(v2.SELF, name="reader", allowed_endpoints=READING, agent=olga))
record("a token for another", lambda: v2.create_token(other, name="theirs", allowed_endpoints=READING, agent=olga))
record("tokens", lambda: sorted(token.name for token in v2.list_tokens(v2.SELF, agent=olga)))
record("their keys", lambda: any(token.token_key == key for token in v2.list_tokens(v2.SELF, agent=olga)))
record("another's tokens", lambda: v2.list_tokens(other, agent=olga))

robot = CartaAgent(api_token=key, host=os.environ["CARTA_HOST"])
record("with the token", lambda: robot.get("user").json()["name"])
record("beyond it", lambda: robot.get("permissions/resources").json())
record("writing with it", lambda: robot.post("user/group/Aurora:Robots"))
record("once more", lambda: robot.is_authenticated())
record("revoking", lambda: v2.revoke_token(v2.SELF, "reader", agent=olga))
record("revoked", lambda: [token.revoked for token in v2.list_tokens(v2.SELF, agent=olga) if token.name == "reader"])
record("removing the token", lambda: v2.delete_token(v2.SELF, "other", agent=olga))
record("with it after that", lambda: robot.get("user").json())
record("a wrong key", lambda: CartaAgent(api_token="wrong", host=os.environ["CARTA_HOST"]).is_authenticated())
record("removing it again", lambda: v2.delete_token(v2.SELF, "other", agent=olga))
done()
