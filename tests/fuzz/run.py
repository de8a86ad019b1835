"""`python tests/fuzz/run.py TARGET SECONDS [CORPUS]`: hold one reader against its second opinion, guided by coverage.

Needs the package `atheris`. `make fuzz` runs every target for FUZZ_SECONDS (60) in turn. What was found to matter is
kept in CORPUS, a folder, if one is given; a crash is written to the present folder, and its bytes belong into
tests/fuzz/test_targets.py.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parents[2] / "src"), str(Path(__file__).parents[1])]

with atheris.instrument_imports(include=["cartaguard", "json", "support.oracles"]):
    from support.hostile import TARGETS
    from support.seeds import DICTIONARY, seeds


def main() -> None:
    target, seconds, *more = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder)
        words = own / "words"
        words.write_text("\n".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"' for word in DICTIONARY), encoding="ascii")
        start = own / "seeds"
        start.mkdir()
        for number, seed in enumerate(seeds(target)):
            (start / str(number)).write_bytes(seed)
        corpus = Path(more[0]) / target if more else own / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        options = [f"-max_total_time={seconds}", "-max_len=4096", f"-dict={words}", "-print_final_stats=1", "-timeout=10"]
        atheris.Setup([sys.argv[0], *options, str(corpus), str(start)], TARGETS[target])
        atheris.Fuzz()


main()
