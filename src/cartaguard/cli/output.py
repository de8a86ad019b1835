"""What is shown: one JSON text for scripts, or tables and sentences for people. All else goes to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from cartaguard.cli.errors import printable

__all__ = ["Output", "Row"]

#: One thing, as JSON will have it.
Row = dict[str, Any]


class Output:
    """Shows each result in the way that was asked for.

    :param as_json: for scripts.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def listing(self, rows: Sequence[Row], columns: Mapping[str, str]) -> None:
        """Many things: a list, or a table.

        :param columns: the headings, and for each the key of what stands below it.
        """
        if self.as_json:
            self._json(list(rows))
        elif rows:
            self._table(rows, columns)
        else:
            self.note("there are none")

    def details(self, row: Row) -> None:
        """One thing: an object, or a line for each of its members."""
        if self.as_json:
            self._json(row)
            return
        width = max(map(len, row))
        for key, value in row.items():
            print(f"{key.replace('_', ' '):<{width}}  {_shown(value)}".rstrip())

    def done(self, row: Row, *sentences: str) -> None:
        """Something was done: an object that says what is true now, or sentences."""
        if self.as_json:
            self._json(row)
        else:
            for sentence in sentences:
                print(_shown(sentence))

    def value(self, row: Row, text: str) -> None:
        """A value that was asked for: an object with it, or the value alone."""
        if self.as_json:
            self._json(row)
        else:
            print(_encodable(printable(text, kept="\n\t\r") if sys.stdout.isatty() else text))

    def note(self, sentence: str) -> None:
        """Something for people, which is no part of the result."""
        print(printable(sentence), file=sys.stderr)

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        """Show on a terminal that something is going on; gives a function that tells of one more step.

        :param total: the number of steps; without it nobody knows.
        """
        if not sys.stderr.isatty():
            yield lambda: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = [TextColumn(what, markup=False), BarColumn(24)]
        if total is not None:
            columns.append(MofNCompleteColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=total)
            yield lambda: bar.advance(task)

    @contextmanager
    def stages(self) -> Iterator[Callable[[str, int, int | None], None]]:
        """Show on a terminal how far something is; gives a function that tells the stage, how many are done, and of how many."""
        if not sys.stderr.isatty():
            yield lambda what, done, total: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = [TextColumn("{task.description}", markup=False), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn()]
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            tasks: dict[str, Any] = {}

            def tell(what: str, done: int, total: int | None) -> None:
                if what not in tasks:
                    tasks[what] = bar.add_task(what, total=total)
                bar.update(tasks[what], completed=done, total=total)

            yield tell

    def _json(self, value: object) -> None:
        # Plain ASCII is right on every terminal, in every pipe, and steers none.
        print(json.dumps(value, indent=2))

    def _table(self, rows: Sequence[Row], columns: Mapping[str, str]) -> None:
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        # In a pipe a line is a row, however long.
        console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 10_000, highlight=False)
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for heading, key in columns.items():
            # Ids are to be copied, and so stay whole.
            table.add_column(Text(heading, "bold"), overflow="fold", no_wrap=key == "id")
        for row in rows:
            table.add_row(*(Text(_shown(row[key])) for key in columns.values()))
        console.print(table)


def _shown(value: object) -> str:
    match value:
        case None:
            text = ""
        case bool():
            text = "yes" if value else "no"
        case list():
            text = ", ".join(map(str, value))
        case dict():
            text = ", ".join(f"{key}={_shown(part)}" for key, part in value.items())
        case _:
            text = str(value)
    return _encodable(printable(text))


def _encodable(text: str) -> str:
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
