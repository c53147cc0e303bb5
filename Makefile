# Every command sets up what it needs on first use. Only Python >= 3.11 and make must be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
S3_VENV := .venv-s3
READERS_VENV := .venv-readers
MOTO_VENV := .venv-moto
DBT_VENV := .venv-dbt
LOWEST_VENV := .venv-lowest
CLUSTER_VENV := .venv-cluster

export DAGSTER_HOME := $(CURDIR)
# A backfill waits for a code server that is away; without this Dagster gives it up at once.
export DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR := 1
export UV_COMPILE_BYTECODE := 1
export ARROW_DEFAULT_MEMORY_POOL := jemalloc
export GENESYS_ASSETS_S3_VENV := $(CURDIR)/$(S3_VENV)
export GENESYS_ASSETS_READERS_VENV := $(CURDIR)/$(READERS_VENV)
export GENESYS_ASSETS_MOTO_VENV := $(CURDIR)/$(MOTO_VENV)
export GENESYS_ASSETS_DBT_VENV := $(CURDIR)/$(DBT_VENV)
export GENESYS_ASSETS_CLUSTER_VENV := $(CURDIR)/$(CLUSTER_VENV)

LOWEST_TESTS := cloud tables days lake reports warehouse checks components test_definitions.py test_resources.py test_settings.py

.DEFAULT_GOAL := help
.PHONY: help demo dev preflight celery cluster test thorough faults kills weeks spread lint docs audit format bench s3 \
	readers moto dbt lowest clean

help: ## these lines
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r constraints.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(S3_VENV)/.installed: $(VENV)/.installed genesys_assets/sandbox/swift-constraints.txt
	$(PYTHON) -m venv $(S3_VENV)
	$(BIN)/uv pip install --quiet --python $(S3_VENV)/bin/python --require-hashes -r genesys_assets/sandbox/swift-constraints.txt
	@touch $@

$(READERS_VENV)/.installed: $(VENV)/.installed genesys_assets_tests/lake/duckdb-constraints.txt
	$(PYTHON) -m venv $(READERS_VENV)
	$(BIN)/uv pip install --quiet --python $(READERS_VENV)/bin/python --require-hashes -r genesys_assets_tests/lake/duckdb-constraints.txt
	@touch $@

$(MOTO_VENV)/.installed: $(VENV)/.installed genesys_assets_tests/lake/moto-constraints.txt
	$(PYTHON) -m venv $(MOTO_VENV)
	$(BIN)/uv pip install --quiet --python $(MOTO_VENV)/bin/python --require-hashes -r genesys_assets_tests/lake/moto-constraints.txt
	@touch $@

$(DBT_VENV)/.installed: $(VENV)/.installed genesys_assets_tests/warehouse/dbt-constraints.txt
	$(PYTHON) -m venv $(DBT_VENV)
	$(BIN)/uv pip install --quiet --python $(DBT_VENV)/bin/python --require-hashes -r genesys_assets_tests/warehouse/dbt-constraints.txt
	@touch $@

# The lowest versions that pyproject.toml allows of what it names, and the newest of what these and the tests need.
$(LOWEST_VENV)/.installed: $(VENV)/.installed pyproject.toml
	$(PYTHON) -m venv $(LOWEST_VENV)
	$(BIN)/uv pip compile --quiet --resolution lowest-direct --python $(LOWEST_VENV)/bin/python --no-header --no-annotate \
		pyproject.toml -o $(LOWEST_VENV)/lowest.txt
	$(BIN)/uv pip install --quiet --python $(LOWEST_VENV)/bin/python -c $(LOWEST_VENV)/lowest.txt --editable '.[dev]'
	@touch $@

$(CLUSTER_VENV)/.installed: $(VENV)/.installed constraints.txt deploy/constraints.txt
	$(PYTHON) -m venv $(CLUSTER_VENV)
	$(BIN)/uv pip install --quiet --python $(CLUSTER_VENV)/bin/python --no-deps --require-hashes -r constraints.txt
	$(BIN)/uv pip install --quiet --python $(CLUSTER_VENV)/bin/python --no-deps --require-hashes -r deploy/constraints.txt
	$(BIN)/uv pip install --quiet --python $(CLUSTER_VENV)/bin/python --no-deps --editable .
	@touch $@

s3: $(S3_VENV)/.installed ## the S3 server of demo and tests, in a venv of its own

readers: ## DuckDB's Delta reader for the tests, in its own venv; if it cannot be installed, its tests are skipped
	@$(MAKE) --no-print-directory $(READERS_VENV)/.installed || \
		{ rm -rf $(READERS_VENV); echo "DuckDB's Delta reader could not be installed: its tests are skipped."; }

moto: ## moto, another S3 server for the tests, in its own venv; if it cannot be installed, its tests are skipped
	@$(MAKE) --no-print-directory $(MOTO_VENV)/.installed || \
		{ rm -rf $(MOTO_VENV); echo "moto could not be installed: its tests are skipped."; }

dbt: ## dbt with DuckDB for the tests, in its own venv; if it cannot be installed, its tests are skipped
	@$(MAKE) --no-print-directory $(DBT_VENV)/.installed || \
		{ rm -rf $(DBT_VENV); echo "dbt could not be installed: its tests are skipped."; }

celery: ## PostgreSQL's driver and Celery for tests of deploy/, in their own venv; if not installable, these are skipped
	@$(MAKE) --no-print-directory $(CLUSTER_VENV)/.installed || \
		{ rm -rf $(CLUSTER_VENV); echo "PostgreSQL's driver and Celery could not be installed: their tests are skipped."; }

cluster: $(VENV)/.installed $(CLUSTER_VENV)/.installed s3 ## PostgreSQL, Redis, S3, web server, daemon, two workers; on the sandbox
	$(BIN)/python -m deploy.cluster

demo: $(VENV)/.installed s3 ## one whole day on the sandbox, from reference data to published reports
	$(BIN)/python -m genesys_assets.sandbox.demo

dev: $(VENV)/.installed s3 ## the Dagster UI, on the sandbox unless GENESYS_CLOUD_CLIENT_ID is set
	$(BIN)/python -m genesys_assets.sandbox.dev

preflight: $(VENV)/.installed ## whether your organisation can be read: permissions, divisions, clock, rate limit
	$(BIN)/genesys-assets preflight

test: $(VENV)/.installed s3 readers moto dbt celery ## the test suite without the tests that take long
	$(BIN)/python -m pytest -q -n 2 -m "not long"

thorough: $(VENV)/.installed s3 readers moto dbt celery ## the tests that take long: weeks, whole deployments, many processes and days
	$(BIN)/python -m pytest -q -n 2 -m long

lowest: $(LOWEST_VENV)/.installed s3 ## the tests of tables, lake, reports, API and definitions, with the lowest allowed versions
	$(LOWEST_VENV)/bin/python -m pytest -q -n 2 -m "not long" $(addprefix genesys_assets_tests/,$(LOWEST_TESTS))

faults: $(VENV)/.installed s3 ## every case of hostile answers, files and servers
	GENESYS_ASSETS_TESTS_FAULTS=all $(BIN)/python -m pytest -q -n 2 genesys_assets_tests/faults genesys_assets_tests/forgetting

kills: $(VENV)/.installed s3 moto ## writers killed at every step, runs at every place, and races of several writers; hours
	GENESYS_ASSETS_TESTS_KILLS=1000 GENESYS_ASSETS_TESTS_SEEDS=100 $(BIN)/python -m pytest -q -n 2 \
		$(addprefix genesys_assets_tests/,lake/test_kills.py lake/test_races.py lake/test_races_of_processes.py \
		lake/test_housekeeping.py scenarios/killed_runs)

weeks: $(VENV)/.installed ## simulated weeks and months of the whole system, with everything that goes wrong in them; hours
	$(BIN)/python -m genesys_assets_tests.months.weeks

spread: $(VENV)/.installed $(CLUSTER_VENV)/.installed s3 ## a month made by two workers of a cluster, one of which is lost; hours
	$(BIN)/python -m genesys_assets_tests.deploy.month

lint: $(VENV)/.installed ## ruff, mypy --strict, which way imports go, and whether docs made from the code are up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q --noconftest genesys_assets_tests/test_arrows.py
	$(BIN)/python -m genesys_assets_tests.generated --check

docs: $(VENV)/.installed ## the pages of docs that are made from the code: tables, settings, errors
	$(BIN)/python -m genesys_assets_tests.generated

audit: $(VENV)/.installed ## known vulnerabilities of all pinned packages, by pip-audit; it names those that it cannot look up
	$(BIN)/python -m genesys_assets_tests.audit

format: $(VENV)/.installed ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed ## the benchmarks; compared libraries get venvs of their own
	$(BIN)/python -m benchmarks

clean: ## remove the virtual environments, .bench, .weeks and .spread
	rm -rf $(VENV) $(S3_VENV) $(READERS_VENV) $(MOTO_VENV) $(DBT_VENV) $(LOWEST_VENV) $(CLUSTER_VENV) .bench .weeks .spread
