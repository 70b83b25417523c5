# Every target makes its own environment first; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-18s %s\n", $$1, $$2}'

.PHONY: venv
venv: $(VENV)/.ready ## make .venv with every part installed, hash-locked

$(VENV)/.ready: requirements/dev.txt requirements/uv.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "bot-gateway: Python 3.11 or newer is needed; set PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "bot-gateway: this Python has no venv module; install it (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "bot-gateway: making .venv (about a minute the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

LOCK := UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url
.PHONY: lock
lock: venv ## resolve pyproject.toml into requirements/*.txt again
	$(LOCK) requirements/uv.in -o requirements/uv.txt
	$(LOCK) --extra dev pyproject.toml -o requirements/dev.txt
	for part in gateway sandbox operator docs; do $(LOCK) -c requirements/dev.txt --extra $$part pyproject.toml -o requirements/$$part.txt; done

.PHONY: clean
clean: ## remove the environment and caches
	rm -rf $(VENV) .tools .cache .run .mypy_cache .ruff_cache .pytest_cache
