# Every target does its own set-up: all it needs is Python 3.11 or newer and the package registries.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-slow check bench bench-classical format clean

demo: $(VENV)/.core            ## a storm that ships with the package, from radar files to a map
	$(BIN)/stormcell demo

test: $(VENV)/.dev             ## all tests; what this machine cannot have is skipped, with the reason
	$(BIN)/python -m pytest -n auto -m "not slow"

test-slow: $(VENV)/.dev        ## full-scale checks on real radar data
	$(BIN)/python -m pytest -m slow

check: $(VENV)/.dev            ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev            ## speed of cells and scores; speed and skill of nowcasts beside pysteps
	$(BIN)/stormcell benchmark cells -o benchmark-results/cells.json --report docs/benchmarks/cells.md
	$(BIN)/stormcell benchmark scores -o benchmark-results/scores.json --report docs/benchmarks/scores.md
	$(BIN)/stormcell benchmark nowcast -o benchmark-results/nowcast.json --report docs/benchmarks/nowcast.md

bench-classical: $(VENV)/.dev  ## skill of the classical methods on real events; half an hour, goes on where it was stopped
	$(BIN)/python tools/make_classical_page.py

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/.core: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[dev,video]'
	$(PIP) -e '.[pysteps]' || echo "note: pysteps did not build here (it needs a C compiler); the comparisons with it are skipped"
	touch $@ $(VENV)/.core

clean:
	rm -rf $(VENV) demo benchmark-results
