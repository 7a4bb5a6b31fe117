# Commands people rely on. `make` alone says what there is.
.DEFAULT_GOAL := help
.PHONY: help run venv dev node test bench campaign contract mock lint format types contracts checks typescript docker-check lock clean
SHELL := /bin/sh

PYTHON ?= python3
BIN := .venv/bin
NODE := tests/node/node_modules/.bin
PY := $(BIN)/python

# Bytecode is kept: many short processes run the same modules.
export PYTHONDONTWRITEBYTECODE :=

PACKAGES := dermatech accounts triage medications consultations
# One more than the cores of a small machine: many tests wait for a server or a child.
XDIST ?= 3
# A file stays on one worker, so that a server it starts is started once.
PYTEST := -m pytest -n $(XDIST) --dist loadfile --no-loadscope-reorder -p tests.services.plugin
# Instrumented bytecode instead of a tracer: costs 6 % of the time, where coverage.py on 3.11 doubles it.
COVERED := -m slipcover --source accounts,consultations,dermatech,medications,triage \
	--omit '*/migrations/*' --json --out .coverage.json
# Apart from the run: there, slipcover's own bound would see nothing of what the workers measured.
COVERAGE := -m slipcover --merge .coverage.json --out .coverage.json --skip-covered --fail-under 90

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: venv ## everything on this machine, one guided consultation, then serve (PORT, DATA_DIR, ONCE=1, PHOTO=file)
	@exec $(PY) -m dermatech.run

venv: ## .venv with the locked packages of production
	@$(PYTHON) -I dermatech/run/bootstrap.py requirements.txt

dev: ## .venv with the locked packages of tests and tools too
	@$(PYTHON) -I dermatech/run/bootstrap.py tests/requirements.txt

# What the app's developers use (json-logic-js, newman, Prism, TypeScript), for the tests that try it.
node:
	@if command -v npm >/dev/null && ! cmp -s tests/node/package-lock.json tests/node/node_modules/.installed; then \
		npm ci --silent --no-audit --no-fund --prefix tests/node \
		&& cp tests/node/package-lock.json tests/node/node_modules/.installed \
		|| echo "npm could not install the packages of tests/node: what needs them is skipped"; fi

# The real processes run on SQLite in test_make_run and on PostgreSQL in test_main_flow.
test: dev node ## all tests on SQLite with coverage, then those that hang on the database on PostgreSQL
	TEST_DATABASE=sqlite $(PY) $(COVERED) $(PYTEST) --ignore tests/run/test_main_flow.py $(ARGS)
	@$(PY) $(COVERAGE)
	TEST_DATABASE=postgres $(PY) $(PYTEST) --only-database $(ARGS)

bench: dev ## every speed and memory figure as a ratio to its peer (ONLY="photos ...", ARGS="--out DIR")
	$(PY) -m tests.bench $(ONLY) $(ARGS)

campaign: dev ## one of the long trials with large numbers (NAME=photos, ARGS=...); without NAME says which
	$(PY) -m tests.campaigns $(NAME) $(ARGS)

contract: dev ## write .docs/openapi.json and .docs/postman.json again
	$(PY) -m dermatech.contract

mock: node ## a server that answers every operation with its example, for the app's developers (PORT=4010)
	$(NODE)/prism mock .docs/openapi.json --port $(or $(PORT),4010)

lint: dev node format types contracts checks typescript docker-check ## everything that reads the code without running it

format:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/bandit --quiet --recursive --severity-level medium --exclude ./.venv,./tests $(PACKAGES) manage.py
	@templates=$$(git ls-files '*.html'); if [ -n "$$templates" ]; then $(BIN)/djlint --lint $$templates; fi

types:
	$(BIN)/mypy $(PACKAGES) manage.py tests

contracts:
	$(BIN)/lint-imports

checks: ## Django's own checks, migrations complete, OpenAPI document valid
	$(PY) manage.py check --fail-level WARNING
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py spectacular --validate --fail-on-warn --file /dev/null

typescript: ## a TypeScript client made from the API's document compiles
	@if [ -x $(NODE)/tsc ]; then folder=$$(mktemp -d) \
		&& $(NODE)/openapi-typescript .docs/openapi.json -o $$folder/api.ts \
		&& $(NODE)/tsc --strict --noEmit --typeRoots $$folder $$folder/api.ts && rm -r $$folder; \
	else echo "no node here: the TypeScript client is not tried"; fi

docker-check:
	$(BIN)/hadolint docker/Dockerfile
	@if docker compose version >/dev/null 2>&1; then \
		docker compose --file docker/compose.yaml config --quiet; \
	else echo "docker compose is not here: docker/compose.yaml not checked by it"; fi

LOCK := $(BIN)/uv pip compile pyproject.toml --generate-hashes --python-version 3.11 --no-emit-index-url --no-header --quiet

lock: dev ## write both lock files again from pyproject.toml
	$(LOCK) --output-file requirements.txt
	$(LOCK) --group dev --constraint requirements.txt --output-file tests/requirements.txt

clean: ## remove what running left behind, except DATA_DIR
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .bench .coverage.json .schemathesis
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
