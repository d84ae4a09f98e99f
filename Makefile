# How to work on Postroom. `make run` and `make test` need Python 3.11 or newer and nothing else.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
  command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
  && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
JOBS ?= 2

.PHONY: help run demo test check bench bundle lock clean python

help: python  ## what there is to make
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

python:
	@if [ -z "$(PYTHON)" ]; then \
	  echo "Postroom needs Python 3.11 or newer with the venv module; none was found." >&2; \
	  echo "Install one (Debian and Ubuntu: apt install python3 python3-venv), or name it: make PYTHON=/path/to/python3" >&2; \
	  exit 1; fi
	@echo "using $$(command -v $(PYTHON)), $$($(PYTHON) --version)"

$(VENV)/.run: requirements.lock pyproject.toml | python
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@echo "installing the pinned dependencies into $(VENV)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo "installing what the tests and checks need"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

run: $(VENV)/.run  ## start the server; prints where it listens and how to connect a client
	@exec $(BIN)/postroom serve

demo: $(VENV)/.run  ## two agents and an outside correspondent exchange real mail
	@$(BIN)/postroom demo

test: $(VENV)/.dev  ## run the tests
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

check: $(VENV)/.dev  ## ruff, mypy strict, the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache | tail -n 12

bench: $(VENV)/.dev  ## measure what the documents claim
	@$(BIN)/python -m benchmarks.run $(ARGS)

bundle:  ## pack dist/*.mcpb, what hosts install with a click (needs npm)
	@bundle/pack

lock: $(VENV)/.dev  ## pin the dependencies anew, with hashes and no address
	@$(PIP) install uv
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --python-version 3.11 --group build --output-file requirements.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --python-version 3.11 --group build --group dev --constraint requirements.lock \
	  --output-file requirements-dev.lock pyproject.toml

clean:  ## remove the virtual environment and what tools left
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
