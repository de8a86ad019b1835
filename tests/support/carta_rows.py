"""Every call of Carta's client: the request that the protocol says, an answer, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cartaguard import Permission
from cartaguard.carta.records import (
    Accessor,
    ApiToken,
    Connection,
    Entry,
    Node,
    PasswordPolicy,
    PermissionSet,
    Person,
    Record,
    UserPool,
)
from cartaguard.model.role import Role
from support.served import Answer

__all__ = ["CI", "ROWS", "Row"]

READ, READ_WRITE = Permission.READ, Permission.of("read", "write")
POOL = {"region": "us-east-2", "userPoolId": "us-east-2_Abc", "userPoolWebClientId": "client"}
NODE = {"id": "n1", "name": "N", "labels": ["Project"], "props": {"a": 1}}
TOKEN = {"name": "ci", "token": "key-1", "allowedEndpoints": ["GET /user"], "uses": 3, "expires": "2027-01-01T00:00:00Z", "lastUsed": None}
CI = ApiToken("ci", "key-1", ("GET /user",), datetime(2027, 1, 1, tzinfo=UTC), 3)
TIERS = {"user": {"read": True}, "private": {}, "shared": {"execute": False}}
OLGA = {"name": "olga", "id": "s1", "email": "o@x.org", "firstName": "O", "lastName": "L", "organization": "Org", "groups": ["Org:A"]}
OLGA_READ = Person("olga", "s1", "o@x.org", "O", "L", "Org", ("Org:A",))
FLAGS = dict.fromkeys(("execute", "write", "read", "admin", "owner"), False)


@dataclass
class Row:
    """A call, the request that the protocol says, Carta's answer, and what is made of it."""

    id: str
    call: Callable[[Any], Any]
    request: str
    answer: Any = ""
    result: Any = None
    query: dict[str, str] = field(default_factory=dict)
    json: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    anonymous: bool = False

    @property
    def sent(self) -> Answer:
        """Carta's answer as it is sent."""
        return Answer(body=self.answer.encode()) if isinstance(self.answer, str) else Answer.of(self.answer)


ROWS = [
    Row("pool.login", lambda c: c.pool.login(), "GET /auth", POOL, UserPool("us-east-2", "us-east-2_Abc", "client"), anonymous=True),
    Row("users.current", lambda c: c.users.current(), "GET /user", OLGA, OLGA_READ),
    Row("users.is_authenticated", lambda c: c.users.is_authenticated(), "GET /user/authenticated", True, True),
    Row(
        "users.create",
        lambda c: c.users.create("olga", email="o@x.org", first_name="O", last_name="L", organization="Org", id="s1"),
        "POST /user",
        OLGA,
        OLGA_READ,
        json={"name": "olga", "id": "s1", "email": "o@x.org", "firstName": "O", "lastName": "L", "organization": "Org"},
    ),
    Row("users.create bare", lambda c: c.users.create("olga"), "POST /user", {"name": "olga"}, Person("olga"), json={"name": "olga"}),
    Row(
        "users.search",
        lambda c: c.users.search("ol", prefix=True),
        "GET /user/users",
        [OLGA],
        (OLGA_READ,),
        query={"attributeName": "UserName", "attributeValue": "ol", "attributeFilter": "^="},
    ),
    Row(
        "users.search by",
        lambda c: c.users.search("o@x.org", by="email"),
        "GET /user/users",
        [],
        (),
        query={"attributeName": "Email", "attributeValue": "o@x.org", "attributeFilter": "="},
    ),
    Row("groups.create", lambda c: c.groups.create("Org:Team"), "POST /user/group/Org:Team"),
    Row("groups.add_member", lambda c: c.groups.add_member("Org:Team", "olga"), "POST /user/group/Org:Team/olga"),
    Row("groups.members", lambda c: c.groups.members("Org:Team"), "GET /user/group/Org:Team", [OLGA], (OLGA_READ,)),
    Row("resources.types", lambda c: c.resources.types(), "GET /permissions/resources", ["Project", "File"], ("Project", "File")),
    Row(
        "resources.list",
        lambda c: c.resources.list("Project"),
        "GET /permissions/resources/Project",
        [{"id": "p1", "name": "P", "permission": "Read, Write", "bucketName": "b"}],
        (Record("p1", "Project", "P", READ_WRITE, {"bucketName": "b"}),),
    ),
    Row(
        "resources.list of another",
        lambda c: c.resources.list("Project", user_id="s1"),
        "GET /permissions/resources/Project",
        [],
        (),
        query={"userId": "s1"},
    ),
    Row(
        "resources.get",
        lambda c: c.resources.get("Project", "p1"),
        "GET /permissions/resources/Project/p1",
        {"id": "p1", "name": "P", "permission": "Read", "bucketName": "b"},
        Record("p1", "Project", "P", READ, {"bucketName": "b"}),
    ),
    Row(
        "resources.get by a name with a slash",
        lambda c: c.resources.get("Service", "ns/one"),
        "GET /permissions/resources/Service/ns%2Fone",
        {"id": "ns/one", "permission": "Read"},
        Record("ns/one", "Service", permission=READ),
    ),
    Row("permissions.held", lambda c: c.permissions.held("p1", "olga"), "GET /permissions/p1/olga", "Read", READ, {"userType": "User"}),
    Row(
        "permissions.held by a group",
        lambda c: c.permissions.held("p1", "Org:Team", user_type="UserGroup"),
        "GET /permissions/p1/Org:Team",
        "",
        Permission.NONE,
        query={"userType": "UserGroup"},
    ),
    Row(
        "permissions.grant",
        lambda c: c.permissions.grant("p1", "olga", "Editor"),
        "PUT /permissions/p1/olga",
        True,
        query={"userType": "User", "role": "Editor"},
    ),
    Row(
        "permissions.grant by role",
        lambda c: c.permissions.grant("p1", "Org:Team", Role.GUEST, user_type="UserGroup"),
        "PUT /permissions/p1/Org:Team",
        True,
        query={"userType": "UserGroup", "role": "Guest"},
    ),
    Row(
        "permissions.revoke", lambda c: c.permissions.revoke("p1", "olga"), "DELETE /permissions/p1/olga", True, query={"userType": "User"}
    ),
    Row(
        "permissions.show",
        lambda c: c.permissions.show("p1", user_type="UserGroup"),
        "GET /permissions/p1/users",
        [{"id": "p1", "userId": "Org:Team", "userType": "UserGroup", "permission": "Read"}],
        (Entry("p1", "Org:Team", "UserGroup", READ),),
        query={"userType": "UserGroup"},
    ),
    Row("graph.held", lambda c: c.graph.held("self", "n1"), "GET /v2/permissions/self/n1", {**FLAGS, "read": True}, READ),
    Row("graph.held owner", lambda c: c.graph.held("self", "n1"), "GET /v2/permissions/self/n1", {"owner": True}, Permission.ALL),
    Row("graph.direct", lambda c: c.graph.direct("a", "b"), "GET /v2/permissions/a/b/direct", TIERS, PermissionSet(user=READ)),
    Row(
        "graph.grant",
        lambda c: c.graph.grant("a", "b", PermissionSet(user=READ)),
        "PUT /v2/permissions/a/b",
        TIERS,
        PermissionSet(user=READ),
        json={"user": {**FLAGS, "read": True}, "private": FLAGS, "shared": FLAGS},
    ),
    Row("graph.revoke", lambda c: c.graph.revoke("a", "b"), "DELETE /v2/permissions/a/b"),
    Row("graph.labels", lambda c: c.graph.labels("self"), "GET /v2/permissions/self/labels", ["Project"], ("Project",)),
    Row(
        "graph.list_resources",
        lambda c: c.graph.list_resources("self", "Project"),
        "GET /v2/permissions/self/resources/Project",
        [{"id": "n1", "name": "N", "permission": {"read": True}}],
        (Node("n1", "N", permission=READ),),
    ),
    Row(
        "graph.accessors",
        lambda c: c.graph.accessors("n1", "UserGroup"),
        "GET /v2/permissions/n1/access/UserGroup",
        [{"id": "g1", "name": "Org:Team", "permission": TIERS}],
        (Accessor("g1", "Org:Team", PermissionSet(user=READ)),),
    ),
    Row(
        "graph.create",
        lambda c: c.graph.create("N", ["Project"], {"a": 1}),
        "POST /v2/resource/generic",
        NODE,
        Node("n1", "N", ("Project",), {"a": 1}),
        json={"name": "N", "labels": ["Project"], "props": {"a": 1}},
    ),
    Row(
        "graph.create bare",
        lambda c: c.graph.create("N", []),
        "POST /v2/resource/generic",
        {"id": "n1", "name": "N"},
        Node("n1", "N"),
        json={"name": "N", "labels": []},
    ),
    Row("graph.get", lambda c: c.graph.get("n1"), "GET /v2/resource/n1", NODE, Node("n1", "N", ("Project",), {"a": 1})),
    Row(
        "graph.update",
        lambda c: c.graph.update("n1", name="M"),
        "PUT /v2/resource/n1",
        {"id": "n1", "name": "M"},
        Node("n1", "M"),
        json={"name": "M"},
    ),
    Row(
        "graph.update props",
        lambda c: c.graph.update("n1", props={}),
        "PUT /v2/resource/n1",
        {"id": "n1", "name": "M"},
        Node("n1", "M"),
        json={"props": {}},
    ),
    Row("graph.delete", lambda c: c.graph.delete("n1"), "DELETE /v2/resource/n1"),
    Row(
        "projects.create",
        lambda c: c.projects.create("P", "bucket"),
        "POST /project",
        {"id": "p1", "name": "P", "bucketName": "bucket"},
        Record("p1", "Project", "P", fields={"bucketName": "bucket"}),
        json={"name": "P", "bucketName": "bucket"},
    ),
    Row("projects.delete", lambda c: c.projects.delete("p1"), "DELETE /project/p1"),
    Row(
        "connections.create",
        lambda c: c.connections.create("p1", Connection("C", "c1", "s3", "k/", {"bucketName": "b"})),
        "POST /project/connection/p1",
        {"name": "C", "id": "c1", "backend": "s3", "keyPath": "k/", "nativeId": {"bucketName": "b"}},
        Connection("C", "c1", "s3", "k/", {"bucketName": "b"}),
        json={"name": "C", "id": "c1", "backend": "s3", "keyPath": "k/", "nativeId": {"bucketName": "b"}},
    ),
    Row(
        "connections.create bare",
        lambda c: c.connections.create("p1", Connection("C")),
        "POST /project/connection/p1",
        {"name": "C", "nativeId": {"fileId": None, "prefix": "p/"}, "keyPath": None},
        Connection("C", native_id={"prefix": "p/"}),
        json={"name": "C"},
    ),
    Row("connections.delete", lambda c: c.connections.delete("c1"), "DELETE /project/connection/c1"),
    Row("secrets.put", lambda c: c.secrets.put("my_api-key", "v 1"), "PUT /secret", headers={"secret-my-api-key": "v 1"}),
    Row("secrets.get", lambda c: c.secrets.get("my_api-key"), "GET /secret", " v 1 ", " v 1 ", query={"name": "My-Api-Key"}),
    Row(
        "namespaces.get",
        lambda c: c.namespaces.get("ns"),
        "GET /service/details/ns",
        {"id": "n", "name": "ns"},
        Record("n", "Namespace", "ns"),
    ),
    Row("namespaces.reserve", lambda c: c.namespaces.reserve("ns"), "POST /service/reserve/ns"),
    Row("namespaces.remove", lambda c: c.namespaces.remove("ns"), "DELETE /service/remove/ns"),
    Row(
        "services.get",
        lambda c: c.services.get("ns", "one"),
        "GET /service/details/ns/one",
        {"id": "s", "name": "one", "baseUrl": "http://x", "documentHistory": None},
        Record("s", "Service", "one", fields={"baseUrl": "http://x", "documentHistory": None}),
    ),
    Row(
        "services.register",
        lambda c: c.services.register("ns", "one", "http://x/?a=b&c"),
        "POST /service/register/ns/one",
        {"id": "s", "name": "one"},
        Record("s", "Service", "one"),
        query={"baseUrl": "http://x/?a=b&c"},
    ),
    Row("services.unregister", lambda c: c.services.unregister("ns", "one"), "DELETE /service/remove/ns/one"),
    Row("services.rename", lambda c: c.services.rename("ns", "one", "two"), "PATCH /service/rename/ns/one/two"),
    Row(
        "services.call",
        lambda c: c.services.call("ns", "one", "/runs/7 a/", method="POST", query={"q": "", "a b": "c&d"}, json=[1], headers={"X-A": "b"}),
        "POST /service/ns/one/runs/7%20a",
        query={"q": "", "a b": "c&d"},
        json=[1],
        headers={"x-a": "b"},
        result=...,
    ),
    Row(
        "tokens.create",
        lambda c: c.tokens.create("ci", ["GET /user"], expires=datetime(2027, 1, 1, tzinfo=UTC), uses=3, node="n1"),
        "POST /v2/auth/apitoken/n1",
        TOKEN,
        CI,
        json={"name": "ci", "allowedEndpoints": ["GET /user"], "expires": "2027-01-01T00:00:00Z", "uses": 3},
    ),
    Row(
        "tokens.create bare",
        lambda c: c.tokens.create("ci", ["ANY /**"]),
        "POST /v2/auth/apitoken/self",
        {"name": "ci", "token": "k", "expires": "2027-01-01T00:00:00"},
        ApiToken("ci", "k", expires=datetime(2027, 1, 1, tzinfo=UTC)),
        json={"name": "ci", "allowedEndpoints": ["ANY /**"]},
    ),
    Row("tokens.list", lambda c: c.tokens.list(), "GET /v2/auth/apitoken/self", [TOKEN], (CI,)),
    Row("tokens.delete", lambda c: c.tokens.delete("ci"), "DELETE /v2/auth/apitoken/self/ci"),
    Row("tokens.revoke", lambda c: c.tokens.revoke("ci", node="n1"), "POST /v2/auth/apitoken/n1/ci/revoke"),
    Row("pool.info", lambda c: c.pool.info(), "GET /v2/auth/cognito/user-pool", POOL, UserPool("us-east-2", "us-east-2_Abc", "client")),
    Row(
        "pool.password_policy",
        lambda c: c.pool.password_policy(),
        "GET /v2/auth/cognito/password-policy",
        {"minimumLength": 16, "requireLowercase": True, "requireUppercase": True, "requireNumbers": False, "requireSymbols": False},
        PasswordPolicy(16, True, True, False, False),
    ),
]
