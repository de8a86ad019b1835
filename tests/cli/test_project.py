"""`cartaguard project` and `cartaguard connection`."""

from __future__ import annotations

import pytest

from cartaguard.testing import EmbeddedCarta
from support.shell import COMMAND, Shell, at_terminal, clean_environment


def test_a_project_is_created_listed_and_deleted_by_its_owner(shell: Shell) -> None:
    made = shell.json("project", "create", "Castings", "--bucket", "aurora-castings", by="edda")
    assert list(made) == ["type", "id", "name", "permission", "fields"]
    assert (made["type"], made["name"], made["fields"]["bucketName"]) == ("Project", "Castings", "aurora-castings")
    assert made["id"] in [row["id"] for row in shell.json("project", "list", by="edda")]
    ran = shell("project", "list", by="edda")
    assert ran.out.splitlines()[0].split() == ["id", "name", "bucket", "permission"]
    assert "aurora-castings" in ran.out
    assert shell("project", "delete", made["id"], "--yes", by="otto").code == 1
    assert shell.json("project", "delete", made["id"], "--yes", by="edda") == {"type": "Project", "id": made["id"]}
    assert shell("project", "delete", made["id"], "--yes", by="edda").code == 4
    assert made["id"] not in [row["id"] for row in shell.json("project", "list", by="edda")]


def test_a_connection_is_created_listed_and_deleted(shell: Shell) -> None:
    project = shell.json("project", "create", "Furnace", "--bucket", "aurora-furnace", by="edda")["id"]
    described = ["--backend", "S3", "--key-path", "runs", "--native-id", "bucketName=aurora-furnace", "--native-id", "prefix=2030/"]
    made = shell.json("connection", "create", project, "runs", *described, by="edda")
    assert list(made) == ["name", "id", "backend", "key_path", "native_id"]
    assert {key: made[key] for key in ("name", "backend", "key_path", "native_id")} == {
        "name": "runs",
        "backend": "S3",
        "key_path": "runs",
        "native_id": {"bucketName": "aurora-furnace", "prefix": "2030/"},
    }
    assert made["id"] in [row["id"] for row in shell.json("connection", "list", by="edda")]
    assert shell("connection", "list", by="edda").out.splitlines()[0].split() == ["id", "name", "backend", "key", "path", "permission"]
    assert shell("connection", "create", project, "mine", by="otto").code == 1
    assert shell("connection", "delete", made["id"], "--yes", by="otto").code == 1
    ran = shell("connection", "delete", made["id"], "--yes", by="edda")
    assert (ran.code, ran.out) == (0, f"deleted Connection:{made['id']}\n")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--native-id", "bucketName"], "each of these options is `KEY=VALUE`"),
        (["--native-id", "=x"], "each of these options is `KEY=VALUE`"),
        (["--native-id", "a=1", "--native-id", "a=2"], "`a` is there twice"),
    ],
)
def test_a_connection_is_not_created_from_half_a_description(shell: Shell, options: list[str], told: str) -> None:
    ran = shell("connection", "create", "alloys", "c", *options)
    assert (ran.code, ran.out, ran.err) == (2, "", f"cartaguard: {told}\n")


def test_nothing_is_deleted_without_a_yes(shell: Shell) -> None:
    """Where nobody can be asked it has to be said beforehand."""
    ran = shell("project", "delete", "alloys", by="olga")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "cartaguard: Delete the project alloys? there is nobody to ask; add `--yes` if you mean it\n"
    assert shell("resource", "show", "Project:alloys", by="olga").code == 0


@pytest.mark.parametrize("answer", ["n\n", "\n", "yesterday\n"])
def test_a_person_who_does_not_say_yes_changes_nothing(carta: EmbeddedCarta, shell: Shell, answer: str) -> None:
    home = shell.home_with("olga")
    arguments = ["project", "delete", "alloys", "--profile", "olga"]
    ran = at_terminal([*COMMAND, *arguments], [("Delete the project alloys? [y/N] ", answer)], clean_environment(home))
    assert (ran.code, ran.out) == (130, "")
    assert "nothing was changed" in ran.err
    assert shell("resource", "show", "Project:alloys", by="olga").code == 0


def test_a_person_who_says_yes_is_believed(shell: Shell) -> None:
    made = shell.json("project", "create", "Slag", "--bucket", "aurora-slag", by="olga")["id"]
    arguments = ["project", "delete", made, "--profile", "olga", "--json"]
    ran = at_terminal([*COMMAND, *arguments], [("[y/N] ", "y\n")], clean_environment(shell.home_with("olga")))
    assert (ran.code, ran.json) == (0, {"type": "Project", "id": made})


@pytest.mark.parametrize("typed", ["\x03", "\x04"])
def test_who_ends_the_question_ends_the_command(shell: Shell, typed: str) -> None:
    """Ctrl-C and Ctrl-D leave everything as it was, without a trace."""
    arguments = ["project", "delete", "alloys", "--profile", "olga"]
    ran = at_terminal([*COMMAND, *arguments], [("[y/N] ", typed)], clean_environment(shell.home_with("olga")))
    assert (ran.code, ran.out) == (130, "")
    assert "Traceback" not in ran.err
