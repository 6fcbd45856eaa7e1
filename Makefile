# Every target makes the virtual environment .venv that it needs; only the package index is reached.
# Another Python: make PYTHON=/path/to/python3.12 test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# where the package alone is installed, and where the tools for tests and checks are too
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
INSTALLED_DOCS := $(VENV)/.installed-docs
DOCS_BUILT := docs/_build docs/gallery docs/reference/generated docs/tutorial/notebook.ipynb \
	docs/howto/figures_of_a_result.ipynb docs/explanation/images
VENV_ANNDATA := .venv-anndata
INSTALLED_ANNDATA := $(VENV_ANNDATA)/.installed
VENV_OLDEST := .venv-oldest
INSTALLED_OLDEST := $(VENV_OLDEST)/.installed
VENV_DIST := .venv-dist
INSTALLED_DIST := $(VENV_DIST)/.installed
VENV_WHEEL := .venv-wheel
VENV_AUDIT := .venv-audit
VENV_FUZZ := .venv-fuzz
INSTALLED_FUZZ := $(VENV_FUZZ)/.installed
VENV_MUTANTS := .venv-mutants
INSTALLED_MUTANTS := $(VENV_MUTANTS)/.installed

# one thread of linear algebra per test process: the processes share the cores already
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
PYTEST := $(ONE_THREAD) $(BIN)/python -m pytest -n auto --dist worksteal
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-anndata test-oldest test-all axe lint docs bench calibration dist test-dist audit trust fuzz clean coverage mutants

help:
	@echo "make demo      compare two regions of the simulated atlas and write jugex-demo/report.html"
	@echo "make test      the tests, less the slow ones"
	@echo "make test-anndata  the tests that need the extra anndata"
	@echo "make test-oldest   the tests with the oldest supported versions (Python 3.11), less the slow ones"
	@echo "make test-all  all tests"
	@echo "make coverage  the branches that the tests take, less the slow ones: at least 95 % of those outside the plots"
	@echo "make mutants   what the tests see of small changes to the code that decides numbers; MUTANTS=200 and MINUTES="
	@echo "make axe       axe-core, which the tests of accessibility in a browser need (npm)"
	@echo "make lint      ruff, mypy and import-linter"
	@echo "make docs      the documentation, in docs/_build/html"
	@echo "make bench     the benchmarks"
	@echo "make calibration  the rates of the ladder, in docs/calibration.md; DATASETS=1000 per cell, MINUTES= and JOBS="
	@echo "make dist      wheel and source distribution, in dist/, checked"
	@echo "make test-dist the wheel in an empty environment, away from this folder"
	@echo "make audit     known vulnerabilities of the dependencies (needs a network)"
	@echo "make trust     what was tried to break jugex, and what held, in docs/explanation/trust.md"
	@echo "make fuzz      readers fuzzed along their branches with atheris; SECONDS=60 for each"
	@echo "make clean     remove .venv, jugex-demo and what the tools left"

demo: $(INSTALLED)
	@$(BIN)/jugex demo --overwrite
	@echo "The report: $(CURDIR)/jugex-demo/report.html"

test: $(INSTALLED_DEV)
	$(PYTEST) -m "not slow"

# anndata needs an older pandas than the rest is tested with, so its tests have an environment of their own
test-anndata: $(INSTALLED_ANNDATA)
	$(VENV_ANNDATA)/bin/python -m pytest -p no:randomly tests/atlas/test_anndata.py

test-oldest: $(INSTALLED_OLDEST)
	$(ONE_THREAD) $(VENV_OLDEST)/bin/python -m pytest -n auto --dist worksteal -m "not slow"

test-all: $(INSTALLED_DEV)
	$(PYTEST)
	$(MAKE) trust

# coverage's own fail_under counts lines and branches together: branches alone are looked at after it
coverage: export COVERAGE_FILE := $(CURDIR)/.coverage
coverage: $(INSTALLED_DEV)
	$(BIN)/coverage erase
	$(ONE_THREAD) $(BIN)/coverage run -m pytest -n auto --dist worksteal -m "not slow"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	@$(BIN)/coverage json --quiet -o - | $(BIN)/python -c 'import json, sys; total = json.load(sys.stdin)["totals"]; \
		share = 100 * total["covered_branches"] / total["num_branches"]; print(f"branches: {share:.1f} %"); \
		sys.exit(share < $(FEWEST_BRANCHES))'

# percent
FEWEST_BRANCHES := 95

# goes on where docs/mutants.csv ends: remove it to start anew
MUTANTS ?= 200
mutants: $(INSTALLED_MUTANTS)
	$(ONE_THREAD) $(VENV_MUTANTS)/bin/python -m tests.mutants docs/mutants.csv \
		--number $(MUTANTS) --minutes $(MINUTES)

# counts come from the tests' own results
trust: $(INSTALLED_DEV)
	$(ONE_THREAD) $(BIN)/python -m tests.make_trust_page

# seconds for each reader; what breaks one is kept in fuzz-findings/
SECONDS ?= 60

fuzz: $(INSTALLED_FUZZ)
	$(ONE_THREAD) $(VENV_FUZZ)/bin/python -m tests.fuzz_atheris --seconds $(SECONDS)

axe: node_modules/axe-core/axe.min.js

node_modules/axe-core/axe.min.js:
	npm install --no-save --no-package-lock --no-audit --no-fund axe-core@4

lint: $(INSTALLED_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# from scratch each time: the gallery's scripts are the same when jugex is not
docs: $(INSTALLED_DOCS)
	rm -rf $(DOCS_BUILT)
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "The documentation: $(CURDIR)/docs/_build/html/index.html"

bench: $(INSTALLED)
	@for script in $(wildcard benchmarks/*.py); do $(BIN)/python "$$script" || exit 1; done

# data sets of 25 genes per cell, minutes after which to stop (none: when all is measured), processes
DATASETS ?= 1000
MINUTES ?= inf
JOBS ?= 1

# goes on where docs/calibration_ladder.csv ends: remove it to start anew; places of real data and gene sets are measured
# where the data is at hand and docs/calibration_real.csv and docs/calibration_gene_sets.csv are not
calibration: $(INSTALLED_DEV)
	$(ONE_THREAD) $(BIN)/python -m tests.slow.ladder_rates docs/calibration_ladder.csv \
		--datasets $(DATASETS) --minutes $(MINUTES) --jobs $(JOBS)
	test -e docs/calibration_real.csv || $(ONE_THREAD) $(BIN)/python -m tests.slow.real_nulls docs/calibration_real.csv
	test -e docs/calibration_gene_sets.csv || $(ONE_THREAD) $(BIN)/python -m tests.slow.gene_set_rates \
		docs/calibration_gene_sets.csv
	$(BIN)/python -m tests.slow.ladder_page docs/calibration.md

# the wheel is built from the source distribution, which shows that this holds what is needed
dist: $(INSTALLED_DIST)
	rm -rf dist
	$(VENV_DIST)/bin/python -m build
	$(VENV_DIST)/bin/twine check --strict dist/*
	$(VENV_DIST)/bin/cffconvert --validate

test-dist: dist
	"$(PYTHON)" -m venv --clear $(VENV_WHEEL)
	$(VENV_WHEEL)/bin/python $(PIP_INSTALL) dist/jugex-*.whl
	$(VENV_WHEEL)/bin/python -m pip check
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && wheel=$(CURDIR)/$(VENV_WHEEL)/bin && cd "$$folder" \
		&& "$$wheel/jugex" --version && "$$wheel/jugex" demo && test -s jugex-demo/report.html

# --strict: without a network, or for a package that it cannot look up, it would say that all is well
audit: $(INSTALLED)
	"$(PYTHON)" -m venv --clear $(VENV_AUDIT)
	$(VENV_AUDIT)/bin/python $(PIP_INSTALL) pip-audit
	$(BIN)/python -m pip freeze --exclude-editable > $(VENV_AUDIT)/installed.txt
	$(VENV_AUDIT)/bin/pip-audit --strict --no-deps --requirement $(VENV_AUDIT)/installed.txt

clean:
	rm -rf $(VENV) $(VENV_AUDIT) $(VENV_FUZZ) $(VENV_ANNDATA) $(VENV_OLDEST) $(VENV_DIST) $(VENV_WHEEL) $(VENV_MUTANTS)
	rm -rf fuzz-findings node_modules jugex-demo build dist .coverage* \
		.pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.created:
	@command -v "$(PYTHON)" >/dev/null \
		|| { echo "no $(PYTHON) found: install Python 3.11 or later, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$$("$(PYTHON)" --version 2>&1) is too old: jugex needs 3.11 or later; name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "$(PYTHON) has no venv module: install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	"$(PYTHON)" -m venv --clear $(VENV)
	@touch $@

$(INSTALLED): $(VENV)/.created pyproject.toml
	$(BIN)/python $(PIP_INSTALL) --editable .
	@touch $@

$(INSTALLED_DEV): $(VENV)/.created pyproject.toml
	$(BIN)/python $(PIP_INSTALL) --editable '.[dev]'
	@touch $@ $(INSTALLED)

$(INSTALLED_DOCS): $(VENV)/.created pyproject.toml
	$(BIN)/python $(PIP_INSTALL) --editable '.[docs]'
	@touch $@ $(INSTALLED)

$(INSTALLED_ANNDATA): $(VENV)/.created pyproject.toml
	"$(PYTHON)" -m venv --clear $(VENV_ANNDATA)
	$(VENV_ANNDATA)/bin/python $(PIP_INSTALL) --editable '.[test,anndata]'
	@touch $@

# pip reads the lower bounds of pyproject.toml's dependencies from tests/oldest.txt
$(INSTALLED_OLDEST): $(VENV)/.created pyproject.toml tests/oldest.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "the oldest versions need Python 3.11: make PYTHON=/path/to/python3.11 test-oldest" >&2; exit 1; }
	"$(PYTHON)" -m venv --clear $(VENV_OLDEST)
	$(VENV_OLDEST)/bin/python $(PIP_INSTALL) --constraint tests/oldest.txt --editable '.[test,anndata,parcellations]'
	@touch $@

# an environment of its own: atheris is built for some versions of Python only
$(INSTALLED_FUZZ): $(VENV)/.created pyproject.toml
	"$(PYTHON)" -m venv --clear $(VENV_FUZZ)
	$(VENV_FUZZ)/bin/python $(PIP_INSTALL) --editable '.[xlsx]' 'atheris>=3'
	@touch $@

$(INSTALLED_MUTANTS): $(VENV)/.created pyproject.toml
	"$(PYTHON)" -m venv --clear $(VENV_MUTANTS)
	$(VENV_MUTANTS)/bin/python $(PIP_INSTALL) --editable '.[test]' 'cosmic-ray>=8.4,<9'
	@touch $@

# an environment of its own: cffconvert needs older packages than the documentation does
$(INSTALLED_DIST): $(VENV)/.created
	"$(PYTHON)" -m venv --clear $(VENV_DIST)
	$(VENV_DIST)/bin/python $(PIP_INSTALL) build twine 'cffconvert>=2,<3'
	@touch $@
