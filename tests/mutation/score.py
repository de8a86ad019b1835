"""Which mutants there were, what became of each, and which of the survivors are explained.

What counts: a mutant is killed when a test fails, or when it runs into the time limit. All others have survived,
whether tests passed, none was there, or the run itself broke. Those that are explained have survived too.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

__all__ = ["PACKAGES", "Explained", "Judged", "Mutant", "explained", "judged", "mutants"]

PACKAGES = ("tokens", "guard", "http")
LIST = Path(__file__).with_name("explained.toml")

#: mutmut's exit codes (`mutmut.stats.status_by_exit_code`): a failed test; the CPU or the wall clock.
_FAILED = (1, 3)
_TIMEOUT = (36, 24, -24, 152)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed line, and the exit code of its tests; ``None``: they have not run."""

    name: str
    file: str
    code: int | None

    @property
    def package(self) -> str:
        return self.name.split(".")[1]

    @property
    def where(self) -> str:
        """Module and function as people write them: ``http.routes.RouteTable.candidates``."""
        module, _, mangled = self.name.partition(".")[2].rpartition(".")
        # `x_function` or, with a letter that nobody else uses between them, `xǁClassǁmethod`.
        _, of_class, method = mangled.partition("__mutmut_")[0].partition("\u01c1")
        return f"{module}.{method.replace(of_class, '.') if of_class else mangled.partition('__mutmut_')[0].removeprefix('x_')}"

    @property
    def timeout(self) -> bool:
        return self.code in _TIMEOUT

    @property
    def killed(self) -> bool:
        return self.code in _FAILED or self.timeout

    def change(self) -> tuple[str, str]:
        """The line as it was and as it is now."""
        from mutmut.mutation.diff_apply import get_diff_for_mutant

        lines = get_diff_for_mutant(self.name, path=self.file).splitlines()[2:]
        was, now = ("\n".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
        return was, now


class Explained(NamedTuple):
    """Survivors that no test can kill, or none should: every change of a line, or those that are named."""

    where: str
    kind: str
    was: str
    now: tuple[str, ...]


@dataclass(slots=True)
class Judged:
    """A run: all mutants, the survivors by what explains them, and the explanations that fit none."""

    mutants: list[Mutant]
    kinds: dict[str, str]
    unexplained: list[tuple[Mutant, str, str]] = field(default_factory=list)
    by_kind: dict[str, list[Mutant]] = field(default_factory=dict)
    unused: list[Explained] = field(default_factory=list)

    @property
    def unchecked(self) -> list[Mutant]:
        return [mutant for mutant in self.mutants if mutant.code is None]

    def percent(self, package: str | None = None) -> float:
        """The killed, of a hundred that were made."""
        of = [mutant for mutant in self.mutants if package in (None, mutant.package)]
        return 100.0 * sum(mutant.killed for mutant in of) / len(of) if of else 0.0

    def good(self, floor: float) -> bool:
        return not self.unchecked and not self.unexplained and all(self.percent(package) >= floor for package in PACKAGES)


def mutants(folder: Path = Path("mutants")) -> list[Mutant]:
    """All mutants of the last run."""
    found = []
    for package in PACKAGES:
        for meta in sorted((folder / "src/cartaguard" / package).glob("*.meta")):
            codes: dict[str, int | None] = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
            file = meta.relative_to(folder).as_posix().removesuffix(".meta")
            found += [Mutant(name, file, code) for name, code in codes.items()]
    return found


def explained(path: Path = LIST) -> tuple[dict[str, str], list[Explained]]:
    """The kinds of survivors with their reasons, and the survivors.

    Raises :class:`ValueError` for a survivor of a kind that has no reason.
    """
    read = tomllib.loads(path.read_text("utf-8"))
    entries = [Explained(entry["in"], entry["kind"], entry["was"], tuple(entry["now"])) for entry in read.get("survivor", [])]
    for entry in entries:
        if entry.kind not in read["kinds"]:
            raise ValueError(f"`{entry.kind}` has no reason under [kinds] in {path.name}")
    return read["kinds"], entries


def judged(found: Iterable[Mutant], why: tuple[dict[str, str], list[Explained]]) -> Judged:
    """Compare what survived with what is explained."""
    kinds, entries = why
    told = Judged(list(found), kinds)
    known = {(entry.where, entry.was, now): entry for entry in entries for now in entry.now}
    used: Counter[Explained] = Counter()
    for mutant in told.mutants:
        if mutant.killed or mutant.code is None:
            continue
        was, now = mutant.change()
        entry = known.get((mutant.where, was, now))
        if entry is None:
            told.unexplained.append((mutant, was, now))
        else:
            used[entry] += 1
            told.by_kind.setdefault(entry.kind, []).append(mutant)
    told.unused = [entry for entry in entries if not used[entry]]
    return told
