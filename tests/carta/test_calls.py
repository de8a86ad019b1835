"""Every call is the request that Carta's protocol says, and its answer is read; over a real socket, in both colours."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest

from cartaguard import Permission
from cartaguard.carta import TokenLogin, calls
from cartaguard.carta.method import Method, Section
from cartaguard.carta.operation import Operation
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
from cartaguard.carta.sections import Sections
from cartaguard.errors import ParameterError
from cartaguard.model.permission import Role
from support.clients import Ask
from support.recorder import Recorder
from support.served import Answer

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
        "",
        query={"userType": "UserGroup", "role": "Guest"},
    ),
    Row("permissions.revoke", lambda c: c.permissions.revoke("p1", "olga"), "DELETE /permissions/p1/olga", query={"userType": "User"}),
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
        {"name": "C", "id": "c1", "backend": "s3", "keyPath": "k/", "nativeId": {"bucketName": "b", "fileId": None}},
        Connection("C", "c1", "s3", "k/", {"bucketName": "b"}),
        json={"name": "C", "id": "c1", "backend": "s3", "keyPath": "k/", "nativeId": {"bucketName": "b"}},
    ),
    Row(
        "connections.create bare",
        lambda c: c.connections.create("p1", Connection("C")),
        "POST /project/connection/p1",
        {"name": "C"},
        Connection("C"),
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
        json={"name": "ci", "allowedEndpoints": ["GET /user"], "expires": "2027-01-01T00:00:00+00:00", "uses": 3},
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


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_call_is_the_request_of_the_protocol_and_its_answer_is_read(row: Row, recorder: Recorder, ask: Ask) -> None:
    recorder.usual = Answer(body=row.answer.encode()) if isinstance(row.answer, str) else Answer.of(row.answer)
    result = ask(recorder.url, TokenLogin("token-1"), row.call)
    assert result == row.result or row.result is ...
    (request,) = recorder.requests
    method, _, path = row.request.partition(" ")
    # A colon may be escaped or not: it is the same segment.
    assert (request.method, request.path.replace("%3A", ":"), request.query) == (method, path, row.query)
    assert request.json == row.json
    assert ("application/json" in request.headers.get("content-type", "")) is (row.json is not None)
    assert row.headers.items() <= request.headers.items()
    assert request.headers.get("authorization") == (None if row.anonymous else "Bearer token-1")


def _functions() -> dict[str, Callable[..., Any]]:
    found: dict[str, Any] = {}
    for module in iter_modules(calls.__path__):
        for name, value in vars(import_module(f"{calls.__name__}.{module.name}")).items():
            if inspect.isfunction(value) and str(value.__annotations__.get("return", "")).startswith("Operation"):
                found[f"{module.name}.{name}"] = value
    return found


def _methods() -> dict[str, Method[Any, Any]]:
    found: dict[str, Any] = {}
    for name, part in vars(Sections).items():
        section = getattr(part, "_blocking", None)
        if section is not None and issubclass(section, Section):
            found |= {
                f"{name}.{call}": value for kind in section.__mro__ for call, value in vars(kind).items() if isinstance(value, Method)
            }
    return found


def test_every_call_is_a_method_of_a_section_once() -> None:
    """No call is left out, and none is there under two names."""
    made = [method._make for method in _methods().values()]
    assert sorted(map(id, made)) == sorted(map(id, _functions().values()))


def test_no_two_calls_are_the_same_request() -> None:
    """Every row is of another call, but for those that say which options there are."""
    seen: dict[tuple[str, ...], str] = {}
    for row in ROWS:
        if " " not in row.id:
            request = (*row.request.split("/"),)
            assert request not in seen
            seen[request] = row.id


def test_every_method_has_a_row() -> None:
    assert {row.id.partition(" ")[0] for row in ROWS} == set(_methods())


def test_a_method_has_the_name_parameters_and_documentation_of_its_call() -> None:
    from cartaguard.carta import AsyncCartaClient, CartaClient

    for client in (CartaClient("https://c.example"), AsyncCartaClient("https://c.example")):
        assert inspect.signature(client.users.search) == inspect.signature(calls.users.search)
        assert client.users.search.__doc__ == calls.users.search.__doc__
    for method in _methods().values():
        assert method.__doc__


def test_what_cannot_be_is_said_before_anything_is_sent(recorder: Recorder, ask: Ask) -> None:
    """One line that names the offending input; a secret's value is not in it."""
    late = datetime(2027, 1, 1)
    wrong: list[tuple[Callable[[Any], Any], str]] = [
        (lambda c: c.users.search("x", by="shoe size"), "`shoe size`"),
        (lambda c: c.permissions.grant("p1", "olga", "Boss"), "`Boss`"),
        (lambda c: c.graph.update("n1"), "`name` or `props`"),
        (lambda c: c.tokens.create("a b", ["GET /user"]), "`a b`"),
        (lambda c: c.tokens.create("ci", ["get user"]), "`get user`"),
        (lambda c: c.tokens.create("ci", ["GET /user"], expires=late), "`expires`"),
        (lambda c: c.tokens.create("ci", ["GET /user"], uses=0), "`0`"),
        (lambda c: c.secrets.put("näme", "v"), "`näme`"),
        (lambda c: c.secrets.get(""), "``"),
        (lambda c: c.secrets.get("--"), "`--`"),
        (lambda c: c.services.call("ns", "one", method="get"), "`get`"),
        (lambda c: c.services.call("ns", "one", headers={"authorization": "Bearer x"}), "`authorization`"),
        (lambda c: c.services.call("ns", "one", headers={"X-A": "a\r\nX-B: c"}), "`X-A`"),
        (lambda c: c.services.call("ns", "one", headers={"X A": "a"}), "`X A`"),
        (lambda c: c.services.call("ns", "one", method="POST", json=object()), "JSON"),
        (lambda c: c.services.call("ns", "one", method="POST", json=float("nan")), "JSON"),
    ]
    for call, named in wrong:
        with pytest.raises(ParameterError) as caught:
            ask(recorder.url, TokenLogin("t"), call)
        assert named in str(caught.value)
    for value in ("", " canary ", "canary\n", "canäry", "x" * 1025):
        with pytest.raises(ParameterError) as caught:
            ask(recorder.url, TokenLogin("t"), lambda c, value=value: c.secrets.put("name", value))
        assert "canary" not in str(caught.value)
    assert recorder.requests == []


def test_a_services_answer_comes_as_it_is(recorder: Recorder, ask: Ask) -> None:
    recorder.usual = Answer(201, b'{"a": [1]}', {"X-Run": "7"})
    reply = ask(recorder.url, TokenLogin("t"), lambda c: c.services.call("ns", "one"))
    assert (reply.status, reply.headers["x-run"], reply.text, reply.json()) == (201, "7", '{"a": [1]}', {"a": [1]})
    assert recorder.requests[0].target == "/service/ns/one"


def test_a_key_is_not_in_the_repr_of_a_token() -> None:
    assert "key-1" not in repr(CI)


def test_an_operation_says_what_it_does_and_not_with_what() -> None:
    from cartaguard.carta.calls import secrets

    operation: Operation[None] = secrets.put("name", "canary")
    assert str(operation) == "PUT secret"
    assert "canary" not in repr(operation)
