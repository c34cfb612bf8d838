# Every target installs what it needs; `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo run worker doctor test faults check bench screenshots format lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## create .venv from the hashed requirements

$(READY): requirements.txt requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make setup PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: $(READY) ## run the app against stand-ins of Slack and Emporix (DEMO=--socket: by Socket Mode)
	@$(BIN)/python -m sandbox demo $(DEMO)

run: $(READY) ## start the web process with the settings in .env
	@exec $(BIN)/emporix-bot web

worker: $(READY) ## start the worker with the settings in .env
	@exec $(BIN)/emporix-bot worker

doctor: $(READY) ## check the settings in .env, Redis, Slack and Emporix (DOCTOR='--channel C012AB3C')
	@$(BIN)/emporix-bot doctor $(DOCTOR)

test: check ## the checks and all tests
	$(BIN)/python -m pytest -n 2

faults: $(READY) ## post digests while workers are killed or suspended, Redis is killed, and Slack fails (5 min)
	$(BIN)/python -m pytest tests/faults/each_digest_once.py -p no:randomly -s

check: $(READY) ## formatting, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) ## measure performance, one line per figure (BENCH=--verbose shows each round)
	@$(BIN)/python -m bench $(BENCH)

screenshots: $(READY) ## take the screenshots for the documentation (needs Chromium and an emoji font)
	mkdir -p docs/screenshots
	SCREENSHOTS=docs/screenshots $(BIN)/python -m pytest tests/browser/test_screenshots.py -p no:randomly

format: $(READY) ## format the code and sort its imports
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(READY) ## update the pinned and hashed requirements (without download URLs)
	$(BIN)/uv pip compile $(LOCK) -o requirements.txt pyproject.toml
	$(BIN)/uv pip compile $(LOCK) -o requirements-dev.txt --extra dev --constraint requirements.txt pyproject.toml

LOCK := --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate

clean: ## remove files created by make and the demo
	rm -rf $(VENV) .sandbox .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
