"""What the demo prints: its progress, one table, and lines to try by hand. Readable in 80 columns and without colours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from cartaguard.devserver.demo.expected import CALLERS, ROUTES, Answer, Caller, Route

__all__ = ["Answers", "Screen"]

#: For each framework its answers: a row for each route, in it one for each caller.
Answers = dict[str, list[list[Answer]]]

#: The reason codes of the policy in words that fit a narrow table.
WORDS = {"unauthenticated": "no token", "not_group_member": "no group", "lacks_permission": "no right"}


class Screen:
    """A console to show the demo on."""

    def __init__(self, console: Console) -> None:
        self._console = console
        # A terminal that cannot show a tick gets letters.
        plain = not console.encoding.lower().startswith("utf")
        self._yes, self._no = ("y", "n") if plain else ("✓", "✗")
        console.print("cartaguard demo: one application in four frameworks, asked by six callers\n", highlight=False)

    def started(self, name: str, url: str) -> None:
        """A server came up."""
        self._line(f"{name:<16}{url}", ok=True)

    def failed(self, name: str, fault: Exception) -> None:
        """A server did not come up."""
        self._line(f"{name:<16}did not come up: {fault}", ok=False)

    @contextmanager
    def progress(self, total: int) -> Iterator[Callable[[int], None]]:
        """Show how many of the requests are answered; gives a function that tells of more of them."""
        bar = Progress(
            TextColumn("  "),
            BarColumn(24),
            MofNCompleteColumn(),
            TextColumn("requests"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        with bar:
            task = bar.add_task("", total=total)
            yield lambda more: bar.advance(task, more)
        self._line(f"{total} requests over HTTP, with RS256 tokens", ok=True)

    def table(self, answers: Answers) -> int:
        """Print the table of all answers, and return how many are not what the policy says."""
        table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False, expand=False)
        table.add_column(Text.assemble(("request", "bold"), ("\nwhat it demands", "dim")), no_wrap=True)
        for caller in CALLERS:
            table.add_column(_heading(caller), no_wrap=True)
        differences: list[str] = []
        for row, route in enumerate(ROUTES):
            cells = [Text.assemble((f"{route.method} {route.path}\n", "bold"), (route.demands, "dim"))]
            for column, expected in enumerate(route.expected()):
                wrong = {name: rows[row][column] for name, rows in answers.items() if rows[row][column] != expected}
                differences += [_difference(route, CALLERS[column], name, answer, expected) for name, answer in wrong.items()]
                cells.append(self._cell(expected, wrong))
            table.add_row(*cells, end_section=True)
        self._console.print()
        self._console.print(table)
        self._verdict(answers, differences)
        return len(differences)

    def try_it(self, urls: Mapping[str, str], tokens: Mapping[str, str]) -> None:
        """Print addresses, tokens and commands to use them, and that Ctrl-C ends it all."""
        self._console.print("\nEverything keeps running until Ctrl-C. Tokens, good for an hour:\n")
        for name, token in tokens.items():
            self._raw(f"{name.upper()}={token}")
        for name, url in urls.items():
            self._raw(f"\n# {name}")
            self._raw(f"curl -i {url}/projects/alloys")
            self._raw(f'curl -i {url}/projects/alloys -H "Authorization: Bearer $GRETA"')
            self._raw(f'curl -i {url}/projects/alloys -H "Authorization: Bearer $GRETA" -X PUT')
        if "FastAPI" in urls:
            self._raw(f"\n# The same in a browser, with a token for the Authorize button: {urls['FastAPI']}/docs")

    def _cell(self, expected: Answer, wrong: Mapping[str, Answer]) -> Text:
        cell = self._answer(expected)
        for name, answer in wrong.items():
            cell.append(f"\n{name}\n").append(f"! {answer.status or answer.reason}", style="bold reverse red")
        return cell

    def _answer(self, answer: Answer) -> Text:
        if answer.status == 200:
            return Text(f"{self._yes} 200", style="green")
        return Text.assemble((f"{self._no} {answer.status}\n", "red"), (WORDS[answer.reason], "dim"))

    def _verdict(self, answers: Answers, differences: list[str]) -> None:
        self._console.print()
        legend = ", ".join(f"{short} ({code})" for code, short in WORDS.items())
        self._console.print(f"Reasons: {legend}", style="dim", highlight=False)
        self._console.print()
        if differences:
            self._line(f"{len(differences)} answers are not what the policy says:", ok=False)
            for difference in differences:
                self._raw(f"    {difference}")
        elif answers:
            *names, last = answers
            who = f"{', '.join(names)} and {last}" if names else last
            self._line(f"Every answer is what the policy says, in {who}.", ok=True)

    def _line(self, text: str, *, ok: bool) -> None:
        mark = (self._yes, "green") if ok else (self._no, "bold red")
        self._console.print(Text.assemble("  ", mark, f" {text}"), soft_wrap=True)

    def _raw(self, text: str) -> None:
        """A line that is to be copied: neither wrapped nor coloured."""
        self._console.print(Text(text), soft_wrap=True)


def _heading(caller: Caller) -> Text:
    return Text.assemble((caller.role.replace(" ", "\n"), "bold"), (f"\n{caller.user or ''}", "dim"))


def _difference(route: Route, caller: Caller, framework: str, answer: Answer, expected: Answer) -> str:
    return f"{route.method} {route.path} as {caller.role}: {framework} answered {_told(answer)}, the policy says {_told(expected)}"


def _told(answer: Answer) -> str:
    said = answer.reason or (f"to {answer.seen_as}" if answer.seen_as else "")
    return f"{answer.status} {said}".rstrip()
