"""How one mutant is tested: mutmut makes it and forks a process for it; here the tests run that were collected before the fork.

mutmut would start pytest anew for every mutant, which takes longer than the tests do.
"""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from itertools import groupby
from math import ceil
from pathlib import Path, PurePosixPath

import pytest
from _pytest.config import _prepareconfig
from mutmut.configuration import config as settings
from mutmut.mutation.trampoline import get_mutant_under_test
from mutmut.runners.harness import ListAllTestsResult, PytestRunner
from mutmut.state import state
from mutmut.utils.file_utils import change_cwd

#: How much a mutant may compute: so many seconds, and so many times what its tests take.
CPU_SECONDS, CPU_TIMES = 10, 4

#: mutmut's word for it is "suspicious", and the score does not count it as killed.
BROKEN_RUN = 35


class Collected:
    """mutmut's pytest runner, except that each mutant finds its tests imported and collected."""

    def __init__(self) -> None:
        self._pytest = PytestRunner()
        self._session: pytest.Session | None = None

    def warm_up(self) -> None:
        """Collect, in the server that forks; the session stays open, for its children to run parts of."""
        wanted = [*settings().pytest_add_cli_args_test_selection, *settings().pytest_add_cli_args]
        with change_cwd("mutants"):
            # What `pytest.main` does, up to the point where the tests would run; there is no public way to stop there.
            prepared = _prepareconfig(["--rootdir=.", "--capture=no", "--tb=no", "-q", *wanted])
            prepared._do_configure()
            session = pytest.Session.from_config(prepared)
            prepared.hook.pytest_sessionstart(session=session)
            prepared.hook.pytest_collection(session=session)
        self._session = session

    def run_tests(self, *, mutant_name: str | None, tests: Iterable[str]) -> int:
        """Run these tests until one fails: 1 if one did, 0 if none did."""
        if self._session is None:
            # Before the first mutant. That all tests pass, the run has just shown which finds out what each of them reaches.
            return 0
        try:
            return self._fails(self._session, set(tests))
        except BaseException:
            # Whatever it is, the mutant's process ends here, and this must not pass for a verdict.
            return BROKEN_RUN

    def _fails(self, session: pytest.Session, tests: set[str]) -> int:
        items = in_order([item for item in session.items if item.nodeid in tests], get_mutant_under_test())
        if len(items) < len(tests):
            return BROKEN_RUN
        # mutmut's own limit goes by the wall clock, which runs on while the machine does other things: it is for what waits.
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = ceil(used.ru_utime + used.ru_stime + CPU_SECONDS + CPU_TIMES * sum(state().duration_by_test[test] for test in tests))
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
        with change_cwd("mutants"):
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.testsfailed:
                    return 1
        return 0

    def run_stats(self, *, tests: Iterable[str]) -> int:
        # In a process of its own, whose words would be lost.
        with Path("mutants/tests.log").open("w", encoding="utf-8") as log, redirect_stdout(log), redirect_stderr(log):
            return int(self._pytest.run_stats(tests=tests))

    def run_forced_fail(self) -> int:
        return int(self._pytest.run_forced_fail())

    def list_all_tests(self) -> ListAllTestsResult:
        return self._pytest.list_all_tests()


def in_order(items: list[pytest.Item], mutant: str) -> list[pytest.Item]:
    """The module's own tests first, then file by file; the files, and the tests of a file, from the quickest on."""
    own = PurePosixPath(*mutant.split(".")[1:3]).as_posix()
    times = state().duration_by_test

    def of_its_own(file: str) -> bool:
        return file.replace("test_", "").removesuffix(".py").startswith(f"tests/{own}")

    files = [
        (file, sorted(found, key=lambda item: times.get(item.nodeid, 0.0)))
        for file, found in groupby(items, key=lambda item: item.nodeid.partition("::")[0])
    ]
    files.sort(key=lambda entry: (not of_its_own(entry[0]), sum(times.get(item.nodeid, 0.0) for item in entry[1])))
    return [item for _, found in files for item in found]


def forget(names: Iterable[str], folder: Path = Path("mutants")) -> None:
    """Let these mutants be tested anew by the next run, and let it find out anew which test reaches what."""
    wanted = set(names)
    (folder / "mutmut-stats.json").unlink(missing_ok=True)
    for meta in folder.glob("src/**/*.meta"):
        kept = json.loads(meta.read_text("utf-8"))
        codes = kept["exit_code_by_key"]
        kept["exit_code_by_key"] = {name: None if name in wanted else code for name, code in codes.items()}
        meta.write_text(json.dumps(kept), "utf-8")


def mutate(names: list[str], children: int) -> None:
    """Make what mutants there are, and test those that have no result yet, or those that are named."""
    from mutmut import __main__ as mutmut
    from mutmut.workers import isolation

    # A process that is ended at its first failing test does not clear up; the folder of all of them goes with `mutants/`.
    temporary = Path("mutants/tmp").absolute()
    temporary.mkdir(parents=True, exist_ok=True)
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(temporary)
    # The one seam there is: the name that mutmut makes its runner of.
    vars(isolation)["PytestRunner"] = Collected
    mutmut._run(names, children)
