# Two commands do everything: `make demo` shows the main job, `make test` sets up what it needs and tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One stamp, so that the environment is made once and again only when its description changes.
READY := $(VENV)/.ready

.PHONY: demo test check test-servers format dev bench check-bench clean test-caches

demo: $(READY)
	$(BIN)/cartaguard demo

test: $(READY)
	$(BIN)/python -m pytest -n 2 -m "not server"

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 -m "not server" --cov --cov-report=
	$(BIN)/python tests/coverage_floor.py

# A test whose server is missing fails; so does a run that finds no test.
test-servers: $(READY)
	$(BIN)/python -m pytest -m server

# The comparison of all sources of facts with a brute-force reference, on a million random decisions.
.PHONY: differential
differential: $(READY)
	CARTAGUARD_DECISIONS=1000000 $(BIN)/python -m pytest -m server tests/differential

# Every small change of tokens/, guard/ and http/ must make a test fail, or be explained. Takes minutes; see docs/testing.md.
# Only what survived or has changed since: make mutate MUTATE=--again
.PHONY: mutate
mutate: $(READY)
	PYTHONPATH=tests $(BIN)/python -m mutation $(MUTATE)

# Hold every reader of hostile text against its second opinion for so many seconds each.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := json compact header claims credential keys base64url path
.PHONY: fuzz
fuzz: $(READY)
	$(BIN)/python -m pip install --quiet --group fuzz
	set -e; for target in $(FUZZ_TARGETS); do $(BIN)/python tests/fuzz/run.py $$target $(FUZZ_SECONDS); done

# What a cache holds changes no answer: every test, with caches of (next to) nothing and of everything.
test-caches: $(READY)
	CARTAGUARD_TEST_CACHES=smallest $(BIN)/python -m pytest -n 2 -m "not server"
	CARTAGUARD_TEST_CACHES=largest $(BIN)/python -m pytest -n 2 -m "not server"

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

dev: $(READY)
	$(BIN)/cartaguard dev

# Some of the rows: make bench BENCH="token decision"; only to see that it works: make bench BENCH=--quick
bench: $(READY)
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m benchmarks $(BENCH)

# Has anything become slower than the committed baseline, beyond noise? On demand, on a machine that does little else.
check-bench: $(READY)
	$(BIN)/python -m benchmarks.check $(BENCH)

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "cartaguard needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --group dev --editable ".[demo,login,postgres,redis,spicedb]"
	touch $(READY)

clean:
	rm -rf $(VENV) .bench mutants
