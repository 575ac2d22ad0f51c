# Every target does its own set-up: all it needs is Python 3.11 or newer and the package registries.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo web docs book test test-slow check bench bench-classical bench-ensemble archives train-radar train-digits train-skill ship-models bench-radar bench-digits bench-skill bench-ablation bench-online bench-load trust soak test-minimum test-wheel sbom audit fuzz format clean

demo: $(VENV)/.core            ## a storm that ships with the package, from radar files to a map
	$(BIN)/stormcell demo

PAGES := src/stormcell/service/static/index.html src/stormcell/lab/interactive/built/interactive.js
WEB := $(shell find web -name node_modules -prune -o -type f -print 2>/dev/null)

web: $(PAGES)                  ## the pages that run in a browser, if Node is here

$(PAGES) &: $(WEB)
	if command -v npm > /dev/null; then cd web && npm ci --silent && npm run --silent build && touch $(PAGES:%=../%); \
	else echo "note: no Node here; the web pages are not built, and their tests are skipped"; fi

# Tests write thousands of small files and see each safely on the disk: in memory, if it has 4 GB to spare, that takes no time.
MEMORY := $(shell df -Pm /dev/shm 2> /dev/null | awk 'NR == 2 && $$4 > 4000 {print "TMPDIR=/dev/shm"}')
QUICK := OMP_NUM_THREADS=1 $(MEMORY)

test: $(VENV)/.dev web         ## all tests; what this machine cannot have is skipped, with the reason
	$(QUICK) $(BIN)/python -m pytest -n auto --dist loadfile -m "not slow"

docs: $(VENV)/.dev             ## the documentation as pages in docs/_build/html; with the book of the lab, if it is written
	$(BIN)/sphinx-build -W -b html docs docs/_build/html

book: $(VENV)/.dev web         ## the book of the lab, "the review, run", into the documentation; half an hour, goes on where it was stopped
	$(BIN)/stormcell lab report -o docs/_build/extra/book

test-slow: $(VENV)/.dev        ## full-scale checks on real radar data, and many examples of every property
	$(BIN)/python -m pytest -m slow
	$(BIN)/python -m pytest -m "hypothesis and not slow" --hypothesis-profile thorough

check: $(VENV)/.dev            ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev            ## speed of cells and scores; speed and skill of nowcasts beside pysteps; what each method costs, an hour or more
	$(BIN)/stormcell benchmark cells -o benchmark-results/cells.json --report docs/benchmarks/cells.md
	$(BIN)/stormcell benchmark scores -o benchmark-results/scores.json --report docs/benchmarks/scores.md
	$(BIN)/stormcell benchmark hindcast --repeats 3 -o benchmark-results/hindcast.json --report docs/benchmarks/hindcast.md
	$(BIN)/stormcell benchmark training -o benchmark-results/training.json --report docs/benchmarks/training.md
	$(BIN)/stormcell benchmark ensemble -o benchmark-results/ensemble.json --report docs/benchmarks/ensemble.md
	$(BIN)/stormcell benchmark nowcast --parts speed,skill -o benchmark-results/nowcast.json --report docs/benchmarks/nowcast.md
	$(BIN)/stormcell benchmark nowcast --parts costs -o benchmark-results/costs.json --report docs/benchmarks/costs.md

bench-classical: $(VENV)/.dev  ## skill of the classical methods on real events; half an hour, goes on where it was stopped
	$(BIN)/python tools/make_classical_page.py

bench-ensemble: $(VENV)/.dev   ## S-PROG and STEPS beside those of pysteps on real events; a quarter of an hour, goes on where it was stopped
	$(BIN)/python tools/make_ensemble_page.py

EVENTS := bom_melbourne_2018-06-16 fmi_2016-09-28 knmi_2010-08-26 meteoswiss_2015-05-15 meteoswiss_2017-01-31
DATA ?= $(or $(STORMCELL_TEST_DATA),../shared/radar)

archives: archives/taasrad19-train.zarr archives/taasrad19-validation.zarr  ## the training data of experiments/radar, from the TAASRAD19 files of the test data

archives/taasrad19-%.zarr: | $(VENV)/.dev  # under its own name only when it is complete; what was stopped goes on
	$(BIN)/stormcell ingest $(DATA)/taasrad19/$* archives/unfinished-taasrad19-$*.zarr
	mv archives/unfinished-taasrad19-$*.zarr $@

train-radar: archives          ## the networks of experiments/radar, two at a time on a core each; an hour and a half, goes on where it was stopped
	ls experiments/radar/*.toml | xargs -P 2 -I{} tools/train_or_resume.sh $(BIN)/stormcell {}

train-digits: $(VENV)/.dev     ## the networks on moving digits, two at a time on a core each; some hours, goes on where it was stopped
	ls experiments/moving-mnist*/*.toml experiments/conv-tt/*.toml experiments/quantised/*.toml | xargs -P 2 -I{} tools/train_or_resume.sh $(BIN)/stormcell {}

train-skill: archives $(EVENTS:%=archives/%.zarr)  ## the guided network: home, home disturbed, with other radars, each country left out; six hours on two cores, goes on where it was stopped
	for part in guided-a guided-b; do tools/train_or_resume.sh $(BIN)/stormcell experiments/skill/$$part.toml || exit 1; done
	ls experiments/skill/guided-c*.toml | xargs -P 2 -I{} tools/train_or_resume.sh $(BIN)/stormcell {}
	for of in "" -without-bom -without-fmi -without-knmi -without-meteoswiss; do \
	  $(BIN)/python tools/average_runs.py runs/guided-mean$$of runs/guided-b runs/guided-c$$of || exit 1; done
	ls experiments/skill/guided-d*.toml | xargs -P 2 -I{} tools/train_or_resume.sh $(BIN)/stormcell {}

archives/%.zarr: | $(VENV)/.dev  # an event of another radar
	$(BIN)/stormcell ingest $(DATA)/events/$* archives/unfinished-$*.zarr
	mv archives/unfinished-$*.zarr $@

bench-digits: $(VENV)/.dev     ## networks on moving digits beside each other, of those that are trained
	$(BIN)/python tools/make_digits_page.py

ship-models: $(VENV)/.dev      ## the best weights of the radar runs into the package, in half precision
	$(BIN)/python tools/ship_models.py

bench-radar: archives          ## trained networks beside ROVER on days they have not seen, and their calibrations
	$(BIN)/python tools/make_radar_page.py

bench-skill: archives          ## guided networks beside the classics, at home and away
	$(BIN)/python tools/make_skill_page.py

bench-ablation: archives       ## what each part of a guided network is worth: twenty short trainings, two at a time; two hours, goes on where it was stopped
	$(BIN)/python tools/make_ablation_page.py

bench-online: archives         ## a guided network that goes on learning, day after day
	$(BIN)/python tools/make_online_page.py

bench-load: $(VENV)/.dev       ## the live service under load while it forecasts, beside a bare route; five minutes
	$(BIN)/python tools/make_load_page.py

trust: $(VENV)/.dev            ## what every method makes of every case of bad weather data, into docs/trust.md; half an hour, goes on where it was stopped
	$(BIN)/python -m tools.make_trust_table

soak: $(VENV)/.dev             ## a day of the live service, with clients, while something breaks all the time, into docs/soak.md; a quarter of an hour
	$(BIN)/python -m tools.make_soak_page

MINIMUM := .venv-minimum

test-minimum: $(MINIMUM)/.dev web  ## the quick tests with the oldest packages that pyproject.toml allows; old ones may call what newer ones deprecate
	$(QUICK) $(MINIMUM)/bin/python -m pytest -n auto --dist loadfile -m "not slow" -W default::DeprecationWarning

$(MINIMUM)/.dev: pyproject.toml constraints.txt constraints-minimum.txt
	test -x $(MINIMUM)/bin/python || $(PYTHON) -m venv $(MINIMUM)
	$(MINIMUM)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -c constraints-minimum.txt -e '.[dev,video,serve]'
	touch $@

test-wheel: $(VENV)/.dev web   ## a wheel, installed beside the same packages and used without the source tree
	$(BIN)/python -m pytest -m slow tests/trust/test_wheel.py

sbom: $(VENV)/.dev             ## what an installation consists of, as CycloneDX, into sbom.json
	$(BIN)/python tools/make_sbom.py sbom.json

audit: $(VENV)/.dev            ## known holes in packages; needs the databases of PyPI and npm, and fails where it cannot ask them
	test -x .venv-audit/bin/pip-audit || { $(PYTHON) -m venv .venv-audit && .venv-audit/bin/python -m pip install --quiet pip-audit; }
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > .venv-audit/installed.txt
	.venv-audit/bin/pip-audit --strict --no-deps --disable-pip -r .venv-audit/installed.txt
	cd web && npm audit --omit=dev

fuzz: $(VENV)/.dev             ## mutants of every format through the readers, into docs/benchmarks/fuzzing.md; hours, goes on where it was stopped
	$(BIN)/python -m tools.fuzz_readers --minutes 600

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/.core: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[dev,video,serve]'
	$(PIP) -e '.[pysteps]' || echo "note: pysteps did not build here (it needs a C compiler); the comparisons with it are skipped"
	touch $@ $(VENV)/.core

clean:
	rm -rf $(VENV) $(MINIMUM) .venv-audit demo sbom.json
