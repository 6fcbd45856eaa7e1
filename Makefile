# Every target makes the virtual environment .venv that it needs; only the package index is reached.
# Another Python: make PYTHON=/path/to/python3.12 test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# where the package alone is installed, and where the tools for tests and checks are too
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
VENV_ANNDATA := .venv-anndata
INSTALLED_ANNDATA := $(VENV_ANNDATA)/.installed

# one thread of linear algebra per test process: the processes share the cores already
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-anndata test-all lint bench clean

help:
	@echo "make demo      compare two regions of the simulated atlas and write jugex-demo/report.html"
	@echo "make test      the tests, less the slow ones"
	@echo "make test-anndata  the tests that need the extra anndata"
	@echo "make test-all  all tests"
	@echo "make lint      ruff, mypy and import-linter"
	@echo "make bench     the benchmarks"
	@echo "make clean     remove .venv, jugex-demo and what the tools left"

demo: $(INSTALLED)
	@$(BIN)/jugex demo --overwrite
	@echo "The report: $(CURDIR)/jugex-demo/report.html"

test: $(INSTALLED_DEV)
	$(PYTEST) -m "not slow"

# anndata needs an older pandas than the rest is tested with, so its tests have an environment of their own
test-anndata: $(INSTALLED_ANNDATA)
	$(VENV_ANNDATA)/bin/python -m pytest -p no:randomly tests/atlas/test_anndata.py

test-all: $(INSTALLED_DEV)
	$(PYTEST)

lint: $(INSTALLED_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED)
	@for script in $(wildcard benchmarks/*.py); do $(BIN)/python "$$script" || exit 1; done

clean:
	rm -rf $(VENV) $(VENV_ANNDATA) jugex-demo build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
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
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(INSTALLED_DEV): $(VENV)/.created pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(INSTALLED)

$(INSTALLED_ANNDATA): $(VENV)/.created pyproject.toml
	"$(PYTHON)" -m venv --clear $(VENV_ANNDATA)
	$(VENV_ANNDATA)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test,anndata]'
	@touch $@
