# Every target installs what it needs; `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CHANGELOG := CHANGELOG.md
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo run worker doctor test test-without-browser faults image-test check check-github bench screenshots format \
  lock audit dist freeze release-notes clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-21s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## create .venv from the hashed requirements

$(READY): requirements.txt requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make setup PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: $(READY) ## run the app against stand-ins of Slack and Emporix (DEMO=--socket: in Socket Mode)
	@$(BIN)/python -m sandbox demo $(DEMO)

run: $(READY) ## start the web process with the settings in .env
	@exec $(BIN)/emporix-bot web

worker: $(READY) ## start the worker with the settings in .env
	@exec $(BIN)/emporix-bot worker

doctor: $(READY) ## check the settings in .env, Redis, Slack and Emporix (DOCTOR='--channel C012AB3C')
	@$(BIN)/emporix-bot doctor $(DOCTOR)

test: check ## the checks and all tests
	$(BIN)/python -m pytest -n 2

test-without-browser: $(READY) ## the tests that need no browser (CI runs them on each Python version)
	$(BIN)/python -m pytest -n 2 --ignore=tests/browser

faults: $(READY) ## post digests while workers are killed, suspended or of two versions, Redis is killed, and Slack fails (8 min)
	$(BIN)/python -m pytest tests/faults/each_digest_once.py tests/faults/two_versions.py -p no:randomly -s

image-test: $(READY) ## build the container image and run it (Docker, Podman, or buildah and debootstrap; BASE=image)
	$(BIN)/python -m pytest -n 0 -p no:randomly -s tests/image/container_image.py

check: $(READY) check-github ## formatting, lint, types, import contracts, and the files for GitHub
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-github: $(READY) ## the files for GitHub: their schemas, and the security of the workflows
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(BIN)/zizmor --offline --quiet --no-progress .github

bench: $(READY) ## measure performance, one line per figure (BENCH=--verbose shows each round)
	@$(BIN)/python -m bench $(BENCH)

screenshots: $(READY) ## take the screenshots for the documentation (needs Chromium and an emoji font)
	mkdir -p docs/screenshots
	SCREENSHOTS=docs/screenshots $(BIN)/python -m pytest tests/browser/test_screenshots.py -p no:randomly

format: $(READY) ## format the code and sort its imports
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(READY) ## update the pinned and hashed requirements (UPGRADE= only adds and removes)
	$(BIN)/uv pip compile $(LOCK) -o requirements.txt pyproject.toml
	$(BIN)/uv pip compile $(LOCK) -o requirements-dev.txt --extra dev --constraint requirements.txt pyproject.toml
	$(BIN)/uv pip compile $(LOCK) -o requirements-release.txt --group release --constraint requirements-dev.txt

UPGRADE := --upgrade
LOCK := --quiet $(UPGRADE) --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate

$(VENV)/.ready-release: $(READY) requirements-release.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-release.txt
	touch $@

audit: $(VENV)/.ready-release ## look for known vulnerabilities in the requirements
	$(BIN)/pip-audit --requirement requirements.txt --require-hashes --disable-pip --strict --progress-spinner off

dist: $(VENV)/.ready-release ## build the wheel, the source distribution and the SBOM into dist/
	rm -rf dist
	$(BIN)/python -m hatchling build
	$(BIN)/python -m venv --clear --without-pip $(VENV)/app
	$(BIN)/python -m pip --python $(VENV)/app install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible \
	  --output-file dist/emporix-jobs-slack.cdx.json $(VENV)/app

freeze: $(READY) ## store the formats of a version as fixtures, VERSION=0.3.0, before it is released
	$(BIN)/python -m tests.released.write $(VERSION)

release-notes: ## print the changelog of a version, VERSION=0.3.0, which must be the project's
	@grep -qxF '__version__ = "$(VERSION)"' bot/__init__.py \
	  || { echo "VERSION is $(VERSION), but bot/__init__.py has $$(grep __version__ bot/__init__.py)" >&2; exit 1; }
	@awk '/^## /{ found = $$2 == "$(VERSION)"; next } found { print; lines++ } END { exit !lines }' $(CHANGELOG) \
	  || { echo "$(CHANGELOG) has no version $(VERSION)" >&2; exit 1; }

clean: ## remove files created by make and the demo
	rm -rf $(VENV) dist .sandbox .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
