"""Namespaces and services: who makes one owns it, what is hidden is 403, what is not there 404, and names stay unique."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from cartaguard.testing import EmbeddedCarta

Call = Callable[..., httpx.Response]

HERE = "?baseUrl=http://127.0.0.1:9"


@pytest.fixture
def lab(call: Call) -> Iterator[str]:
    """Olga's namespace, with a service in it."""
    assert call("POST", "/service/reserve/lab", "olga").status_code == 200
    assert call("POST", f"/service/register/lab/fit{HERE}", "olga").status_code == 200
    yield "lab"
    for name in ("fit", "more", "newer"):
        call("DELETE", f"/service/remove/lab/{name}", "vera")
    assert call("DELETE", "/service/remove/lab", "vera").status_code == 200


def outcome(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_who_makes_a_namespace_owns_it_and_its_history_says_so(call: Call, lab: str) -> None:
    item = call("GET", f"/service/details/{lab}", "olga").json()
    olga = call("GET", "/user", "olga").json()["id"]
    history = item.pop("documentHistory")
    assert item == {"id": item["id"], "name": "lab", "permission": "Read, Write, Execute, Clone, Admin"}
    assert history["addedBy"] == history["modifiedBy"] == {"id": olga, "name": "olga"}
    assert history["dateAdded"].endswith("Z")


def test_a_service_has_its_address_and_an_id_that_can_stand_in_a_path(call: Call, lab: str) -> None:
    item = call("GET", "/service/details/lab/fit", "olga").json()
    assert (item["name"], item["baseUrl"]) == ("fit", "http://127.0.0.1:9")
    assert "/" not in item["id"]
    assert call("GET", f"/permissions/resources/Service/{item['id']}", "olga").json() == item
    assert call("GET", "/permissions/resources/Service/lab%2Ffit", "olga").json() == item


@pytest.mark.parametrize("path", ["lab", "lab/fit"])
def test_what_is_hidden_is_403_and_shown_to_administrators(call: Call, lab: str, path: str) -> None:
    assert outcome(call("GET", f"/service/details/{path}", "otto")) == (403, "forbidden")
    assert call("GET", f"/service/details/{path}", "vera").json()["permission"] == ""


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "details/absent"),
        ("GET", "details/lab/absent"),
        ("GET", "details/absent/fit"),
        ("POST", f"register/absent/fit{HERE}"),
        ("DELETE", "remove/absent"),
        ("DELETE", "remove/lab/absent"),
        ("DELETE", "register/lab/absent"),
        ("PATCH", "rename/lab/absent/newer"),
        ("PATCH", "register/lab/absent/newer"),
    ],
)
def test_what_is_not_there_is_404(call: Call, lab: str, method: str, path: str) -> None:
    assert outcome(call(method, f"/service/{path}", "olga")) == (404, "not found")


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("reserve/lab", "duplicate record"),
        (f"register/lab/fit{HERE}", "duplicate record"),
        ("register/lab/more", "must provide baseUrl through query"),
        ("register/lab/more?baseUrl=", "must provide baseUrl through query"),
        ("register/lab/more?baseUrl=http://192.0.2.1/", "baseUrl is not on this machine, and its host is not allowed"),
        ("reserve/carta", "`carta` is Carta's own; choose another name"),
        ("reserve/details", "`details` is Carta's own; choose another name"),
        ("reserve/a%2Fb", "a name holds no slash and nothing that cannot be printed, and is no dot"),
        ("reserve/%2E%2E", "a name holds no slash and nothing that cannot be printed, and is no dot"),
        ("reserve/a%0Ab", "a name holds no slash and nothing that cannot be printed, and is no dot"),
        ("reserve/%20", "a name has 1 to 128 characters and no spaces at its ends"),
        ("reserve/a%20", "a name has 1 to 128 characters and no spaces at its ends"),
        (f"reserve/{'a' * 129}", "a name has 1 to 128 characters and no spaces at its ends"),
        (f"register/lab/a%2Fb{HERE}", "a name holds no slash and nothing that cannot be printed, and is no dot"),
    ],
)
def test_what_cannot_be_is_refused(call: Call, lab: str, path: str, error: str) -> None:
    assert outcome(call("POST", f"/service/{path}", "olga")) == (400, error)


def test_who_may_write_in_a_namespace_registers_there_and_owns_what_they_register(call: Call, lab: str) -> None:
    assert call("POST", f"/service/register/lab/more{HERE}", "otto").status_code == 403
    namespace = call("GET", "/service/details/lab", "olga").json()["id"]
    assert call("PUT", f"/permissions/{namespace}/otto?userType=User&role=Editor", "olga").status_code == 200
    assert call("POST", f"/service/register/lab/more{HERE}", "otto").json()["permission"].endswith("Admin")
    assert call("DELETE", "/service/remove/lab/fit", "otto").status_code == 403
    # Olga owns the namespace, and so may clear it.
    assert call("DELETE", "/service/remove/lab/more", "olga").json() is True


@pytest.mark.parametrize("path", ["rename/lab/fit/newer", "register/lab/fit/newer"])
def test_a_renamed_service_keeps_its_id_and_what_was_granted(call: Call, lab: str, path: str) -> None:
    before = call("GET", "/service/details/lab/fit", "olga").json()
    assert call("PUT", f"/permissions/{before['id']}/otto?userType=User&role=Guest", "olga").status_code == 200
    assert call("PATCH", f"/service/{path}", "otto").status_code == 403
    assert call("PATCH", f"/service/{path}", "olga").json() is True
    after = call("GET", "/service/details/lab/newer", "otto").json()
    assert (after["id"], after["name"], after["permission"]) == (before["id"], "newer", "Read")
    assert call("GET", "/service/details/lab/fit", "olga").status_code == 404


def test_a_service_is_not_renamed_to_what_is_taken_or_cannot_be(call: Call, lab: str) -> None:
    assert call("POST", f"/service/register/lab/more{HERE}", "olga").status_code == 200
    assert outcome(call("PATCH", "/service/rename/lab/fit/more", "olga")) == (400, "duplicate record")
    assert call("PATCH", "/service/rename/lab/fit/a%2Fb", "olga").status_code == 400


def test_a_namespace_is_removed_by_its_owner_once_it_is_empty(call: Call) -> None:
    assert call("POST", "/service/reserve/shed", "otto").status_code == 200
    assert call("POST", f"/service/register/shed/saw{HERE}", "otto").status_code == 200
    assert call("DELETE", "/service/remove/shed", "olga").status_code == 403
    assert outcome(call("DELETE", "/service/remove/shed", "otto")) == (400, "the namespace has services; remove them first")
    assert call("DELETE", "/service/register/shed/saw", "otto").json() is True
    assert call("DELETE", "/service/remove/shed", "otto").json() is True
    assert call("GET", "/service/details/shed", "otto").status_code == 404


def test_a_service_may_be_where_the_deployer_allows_it() -> None:
    with EmbeddedCarta(service_hosts=["fit.example"]) as carta:
        carta.add_user("olga")
        carta.add_resource("Namespace:lab", owner="olga")
        headers = {"Authorization": f"Bearer {carta.token('olga')}"}
        for host, status in (("fit.example", 200), ("other.example", 400)):
            answer = httpx.post(f"{carta.url}/service/register/lab/fit?baseUrl=https://{host}/x", headers=headers)
            assert answer.status_code == status
