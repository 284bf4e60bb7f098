# Each target sets up what it needs: an environment in .venv, of the versions and hashes in constraints.txt. Only Python 3.11 to 3.13 and make must be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test test-slow lint lint-fast bench bench-large dev clean

demo: $(VENV)/installed  ## compose an event's photos, find a person in them, compare with the truth
	$(BIN)/facefind demo

test: $(VENV)/installed-dev lint-fast  ## the fast part of lint, then all tests
	$(BIN)/python -m pytest -n 3 --dist worksteal

test-slow: $(VENV)/installed-dev  ## the slow proofs: faults, several users, a browser
	$(BIN)/python -m pytest -m proof -n 2 --dist loadfile

lint: $(VENV)/installed-dev lint-fast  ## formatting, rules, types, import contracts
	$(BIN)/mypy
	$(BIN)/lint-imports

lint-fast: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

bench: $(VENV)/installed-dev  ## figures as ratios against a baseline of the same run, in at most 15 minutes
	$(BIN)/python -m bench

bench-large: $(VENV)/installed-dev  ## 500 full-size photos, 20,000 small ones, a million faces: about an hour
	$(BIN)/python -m bench --large

dev: $(VENV)/installed  ## the Dagster UI with its daemon
	$(BIN)/facefind dev

clean:  ## the environment and caches; photos, databases and results stay
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit("Python 3.11 to 3.13 is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --require-hashes --requirement constraints.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/bin/python pyproject.toml constraints-dev.txt
	$(INSTALL) --require-hashes --requirement constraints-dev.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	touch $(VENV)/installed $@
