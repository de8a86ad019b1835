"""Facts from files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cartaguard.directories.local import LocalDirectory
from cartaguard.directories.local_write import DEPLOYER
from cartaguard.errors import DirectoryError
from cartaguard.model.names import Resource
from cartaguard.model.permission import Permission
from cartaguard.model.principal import Principal
from cartaguard.model.role import Role

TOML = """
[users.olga]
subject = "7b0f6a52"
organizations = ["OrgA"]

[groups."OrgA:Team"]
users = ["olga", "adam"]
groups = ["OrgA:Inner"]

[resources."Project:p1"]
owner = "olga"
organization = "OrgA"
restricted = { level = "same_organization", allowed_users = "ada, bob" }

[[resources."Project:p1".grants]]
to = "group:OrgA:Team"
role = "Editor"
"""

JSON = json.dumps(
    {
        "users": {"olga": {"subject": "7b0f6a52", "organizations": ["OrgA"]}},
        "groups": {"OrgA:Team": {"users": ["olga", "adam"], "groups": ["OrgA:Inner"]}},
        "resources": {
            "Project:p1": {
                "owner": "olga",
                "organization": "OrgA",
                "restricted": '{"level": "same_organization", "allowed_users": ["ada", "bob"]}',
                "grants": [{"to": "group:OrgA:Team", "role": "Editor"}],
            }
        },
    }
)


@pytest.mark.parametrize(("name", "text"), [("facts.toml", TOML), ("facts.json", JSON)])
def test_a_file_is_read_by_its_extension(tmp_path: Path, name: str, text: str) -> None:
    """TOML and JSON say the same."""
    file = tmp_path / name
    file.write_text(text, "utf-8")
    directory = LocalDirectory.from_file(file)
    resource = Resource("Project", "p1")
    olga = Principal(issuer="i", subject="7b0f6a52", username="olga")
    inner = Principal(issuer="i", subject="s", username="kim", groups=["OrgA:Inner"])
    assert directory.permission(olga, resource).permission == Permission.ALL
    assert directory.permission(inner, resource).permission == Role.EDITOR.permission
    [restriction] = directory.restriction(Principal.anonymous, resource).restrictions
    assert restriction.allowed_users == {"ada", "bob"}
    assert restriction.organization == "OrgA"
    assert directory.organizations(olga).names == {"OrgA"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("facts.yaml", b""),
        ("facts", b"{}"),
        ("missing.toml", None),
        ("facts.toml", b"users = ["),
        ("facts.toml", b"[users]\n[users]\n"),
        ("facts.json", b"{"),
        ("facts.json", b"[]"),
        ("facts.json", b'{"users": {}, "users": {"olga": {}}}'),
        ("facts.json", b"\xff"),
        ("facts.json", b"[" * 100_000),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path, name: str, content: bytes | None, strict: bool) -> None:
    """Strict or not: nothing of it is known."""
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DirectoryError, match=r"cannot be read|neither|no table") as fault:
        LocalDirectory.from_file(file, strict=strict)
    assert f"`{file}`" in str(fault.value)
    assert fault.value.code == "unreadable_file"


def test_a_malformed_fact_in_a_file_may_be_passed_over(tmp_path: Path) -> None:
    """``strict`` is that of the facts."""
    file = tmp_path / "facts.toml"
    file.write_text("[users.olga]\nage = 7\n", "utf-8")
    with pytest.raises(DirectoryError, match=r"`users\.olga\.age`"):
        LocalDirectory.from_file(file)
    LocalDirectory.from_file(file, strict=False)


def test_a_file_takes_no_writes(tmp_path: Path) -> None:
    """The error says what does, and memory stays as the file says."""
    file = tmp_path / "facts.toml"
    file.write_text(TOML, "utf-8")
    directory = LocalDirectory.from_file(file)
    with pytest.raises(DirectoryError, match=r"read only; .*LocalDirectory\.open") as fault:
        directory.grant(by=DEPLOYER, to="user:eve", on="Project:p1", role="Guest")
    assert fault.value.code == "read_only"
    eve = Principal(issuer="i", subject="s", username="eve")
    assert directory.permission(eve, Resource("Project", "p1")).permission == Permission.NONE
