"""docs/walkthrough.md is done word by word: its servers, its file, its commands at a terminal, and what they print."""

from __future__ import annotations

import fnmatch
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from cartaguard.devserver.seed import USERS
from support.canary import secrets_in
from support.shell import at_terminal, clean_environment

PAGE = (Path(__file__).parents[1] / "docs" / "walkthrough.md").read_text(encoding="utf-8")

#: The commands that go on, and where each answers once it runs.
SERVERS = {"cartaguard dev": ("127.0.0.1:8765", "/auth"), "uvicorn app:app": ("127.0.0.1:8000", "/docs")}

PASSWORDS = {user.name: user.password for user in USERS}


@dataclass
class Command:
    """A line after a ``$``, and what the page says that it prints."""

    line: str
    shown: list[str] = field(default_factory=list)


@dataclass
class File:
    """A block that is to be saved, under the name in its first line."""

    name: str
    text: str


@dataclass
class Answer:
    """A sentence that says what an address answers."""

    url: str
    status: int


def steps(page: str) -> Iterator[Command | File | Answer]:
    """What the page tells to do, in order."""
    pattern = r"^```(?P<kind>\w+)\n(?P<block>.*?)^```$|<(?P<url>http\S+)> answers (?P<status>\d+)"
    for found in re.finditer(pattern, page, re.MULTILINE | re.DOTALL):
        if found["url"]:
            yield Answer(found["url"], int(found["status"]))
        elif found["kind"] == "python":
            name = re.match(r"# (\S+)\n", found["block"])
            assert name, "a file needs its name in the first line"
            yield File(name[1], found["block"])
        else:
            assert found["kind"] == "console", found["kind"]
            commands = re.split(r"^\$ ", found["block"], flags=re.MULTILINE)
            assert commands[0] == "", "a block begins with a command"
            yield from (Command(line, shown) for line, *shown in (text.splitlines() for text in commands[1:]))


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


class Walk:
    """A new user's machine: a home, a folder to work in, and ports of the test's own in place of the page's."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        binaries = Path(sys.executable).parent
        self.folder = folder
        self._stack = stack
        self._environment = clean_environment(folder, PATH=f"{binaries}{os.pathsep}{os.environ['PATH']}", COLUMNS="100")
        self._ports = {address: f"127.0.0.1:{free_port()}" for address, _ in SERVERS.values()}

    def here(self, text: str) -> str:
        """The page's text with this walk's ports."""
        for theirs, ours in self._ports.items():
            text = text.replace(theirs, ours).replace(f"--port {theirs.rpartition(':')[2]}", f"--port {ours.rpartition(':')[2]}")
        return text

    def do(self, step: Command | File | Answer) -> None:
        match step:
            case File(name, text):
                (self.folder / name).write_text(self.here(text), encoding="utf-8")
            case Answer(url, status):
                assert httpx.get(self.here(url), trust_env=False).status_code == status
            case Command(line, shown):
                server = next((server for server in SERVERS if line.startswith(server)), None)
                if server is None:
                    self.run(line, shown)
                else:
                    self._stack.enter_context(self.serving(line, *SERVERS[server], shown))

    def run(self, line: str, shown: list[str]) -> None:
        """Type a line, answer what is asked, and compare what is printed."""
        dialogue: list[tuple[str, str]] = []
        expected: list[str] = []
        told: list[str] = []
        for text in map(self.here, shown):
            user = re.search(r"--username (\w+)", line)
            question = re.fullmatch(r"(.* \[y/N\] )(\w+)", text)
            if text == "Password:":
                assert user
                dialogue.append((text, f"{PASSWORDS[user[1]]}\n"))
            elif question:
                dialogue.append((question[1], f"{question[2]}\n"))
            elif text.startswith(("cartaguard: ", "created the API token")):
                told.append(text)
            else:
                expected.append(text)
        ran = at_terminal(["sh", "-c", self.here(line)], dialogue, self._environment, folder=self.folder)
        assert ran.code == (1 if any(text.startswith("cartaguard: ") for text in told) else 0), ran
        fits("\n".join(expected), ran.out)
        for text in told:
            assert text in ran.err
        assert secrets_in(ran.err) == []
        assert not any(password in ran.err for password in PASSWORDS.values())

    @contextmanager
    def serving(self, line: str, address: str, path: str, shown: list[str]) -> Iterator[None]:
        """Start a server of the page, wait until it answers, and in the end compare what it printed."""
        if line == "cartaguard dev":
            line += f" --port {self._ports[address].rpartition(':')[2]}"
        command = ["sh", "-c", f"exec {self.here(line)}"]
        out = self.folder / f"{line.split()[0]}.log"
        with out.open("w", encoding="utf-8") as log:
            process = subprocess.Popen(command, env=self._environment, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT)
            try:
                # Refused connections are tried again, with growing pauses.
                with httpx.Client(transport=httpx.HTTPTransport(retries=10), trust_env=False) as client:
                    assert client.get(f"http://{self._ports[address]}{path}").status_code == 200
                yield
            finally:
                process.terminate()
                process.wait()
        text = out.read_text(encoding="utf-8")
        assert "Traceback" not in text
        fits("\n".join(map(self.here, shown)), text)


def fits(expected: str, printed: str) -> None:
    """Compare line by line; an ellipsis stands for anything."""

    def plain(text: str) -> str:
        return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")

    pattern = re.sub(r"([\[\]?*])", r"[\1]", plain(expected)).replace("…", "*")
    assert fnmatch.fnmatchcase(plain(printed), pattern), f"the page says\n{expected}\nand it printed\n{printed}"


def test_the_walk_leads_where_the_page_says(tmp_path: Path) -> None:
    """Every step in order, from `cartaguard dev` to the granted permission and back."""
    todo = list(steps(PAGE))
    assert [type(step) for step in todo].count(Command) == PAGE.count("\n$ ")
    with ExitStack() as stack:
        walk = Walk(tmp_path, stack)
        for step in todo:
            walk.do(step)


def test_the_page_leads_from_a_refusal_to_an_answer() -> None:
    """The same call is refused, granted, and answered."""
    commands = [step for step in steps(PAGE) if isinstance(step, Command)]
    calls = [command.shown for command in commands if command.line == "cartaguard service call forge/hello hello --profile greta"]
    assert [" with 403" in shown[0] for shown in calls] == [True, True, False]
    assert calls[-1] == ['{"hello":"greta"}']


@pytest.mark.parametrize(
    ("expected", "printed", "same"), [("a\n…\nd", "a\nb\nc\nd", True), ("a", "b", False), ("[a]?*", "[a]?*", True), ("a*", "ab", False)]
)
def test_outputs_are_compared_to_the_letter(expected: str, printed: str, same: bool) -> None:
    """Only an ellipsis of the page stands for anything."""
    if same:
        fits(expected, printed)
    else:
        with pytest.raises(AssertionError, match="the page says"):
            fits(expected, printed)
