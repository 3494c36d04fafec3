# Everything a person or the CI does with this project. `make` alone lists it.

PYTHON ?= python3
# One more than the cores there usually are: many tests wait for servers, for a browser and for the disk.
PYTEST_WORKERS ?= 3

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Hundreds of processes are started: none of them has to compile what another one did.
TEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

# The server that tests of the QuestDB store run against; where it cannot be had they are skipped, or fail in the CI.
QUESTDB_VERSION := 9.3.4
QUESTDB := .venv/servers/questdb-$(QUESTDB_VERSION).jar

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo app test soak soak-kills soak-servers soak-truth soak-properties check docs man notebooks lab bench format lock clean browser screenshots

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: .venv/.runtime ## run the whole pipeline on a small simulated market and its exchange
	@KRAKEN="$(BIN)/kraken-history" sh scripts/demo.sh

app: .venv/.runtime ## start the dashboard of ./kraken-data
	@$(BIN)/streamlit run app/main.py

test: .venv/.test $(QUESTDB) browser ## run every test but the long ones
	@$(TEST) -n $(PYTEST_WORKERS) --dist loadgroup -m "not soak" --timeout 300 --timeout-method thread

# Of the long tests, those that kill, damage or cut off at each place where that can happen.
KILLS := $(addprefix tests/acceptance/test_,crashes.py on_a_cluster.py backup.py lost_tables.py)
SOAK := $(TEST) -n $(PYTEST_WORKERS) --dist loadgroup

soak: soak-kills soak-servers soak-truth soak-properties ## run the long tests: kills, faults, random markets

soak-kills: .venv/.test ## of the long tests, those that kill or damage at each possible place
	@$(SOAK) -m "soak and not postgres and not questdb" $(KILLS)

soak-servers: .venv/.test $(QUESTDB) ## of the long tests, those of PostgreSQL and QuestDB, also lost in the midst of it
	@$(SOAK) -m "soak and (postgres or questdb)"

soak-truth: .venv/.test browser ## of the long tests, those of random markets, faulty exchanges and the dashboard at load
	@$(SOAK) -m "soak and not postgres and not questdb" $(addprefix --ignore=,$(KILLS))

soak-properties: .venv/.test ## the properties of make test, with thousands of examples each
	@HYPOTHESIS_PROFILE=soak $(SOAK) -m "property and not soak and not postgres and not questdb"

browser: ## get a browser for the tests of the dashboard, where that can be done
	@sh scripts/browser.sh

screenshots: .venv/.test browser ## draw the pictures of the dashboard in docs/images
	@PYTHONPATH=. $(BIN)/python scripts/screenshots.py

check: .venv/.test ## check format, lint, types and layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

docs: .venv/.test ## build the documentation as a site, in build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

man: .venv/.test ## write a manual page for each command, in build/man
	@PYTHONPATH=. $(BIN)/python scripts/man_pages.py build/man

notebooks: .venv/.test ## run the notebooks, and store what they print and draw
	@$(BIN)/python scripts/refresh_notebooks.py

lab: .venv/.test ## open the notebooks in JupyterLab
	@cd notebooks && ../$(BIN)/jupyter lab

bench: .venv/.test $(QUESTDB) ## measure speed, each figure beside its target (an hour or two)
	@$(BIN)/python -m bench

format: .venv/.test ## format the code and fix what lint can fix
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

lock: .venv/.test ## renew the lock files after a change in pyproject.toml (UPGRADE=1: newest versions)
	@$(LOCK) --group build --output-file requirements.lock pyproject.toml
	@$(LOCK) --group build --extra dask --constraint requirements.lock --output-file requirements-dask.lock pyproject.toml
	@$(LOCK) --group build --extra test --extra notebooks --extra dask --extra docs --extra mcp --constraint requirements-dask.lock \
		--output-file requirements-test.lock pyproject.toml

clean: ## remove the virtual environment, caches and build output
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. A stamp is newer than what it was installed from, so nothing is installed twice.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12")'
	@echo "Creating .venv …"
	@$(PYTHON) -m venv --clear .venv

.venv/.runtime: requirements.lock pyproject.toml $(BIN)/python
	@echo "Installing the locked dependencies (a minute the first time) …"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

.venv/.test: requirements-test.lock .venv/.runtime
	@echo "Installing the locked test tools …"
	@$(PIP) install --require-hashes -r requirements-test.lock
	@touch $@

$(QUESTDB): | .venv/.test
	@echo "Getting QuestDB's server …"
	@mvn --quiet --batch-mode dependency:copy -Dartifact=org.questdb:questdb:$(QUESTDB_VERSION) \
		-DoutputDirectory=$(@D) || echo "QuestDB's server cannot be had: see the reasons of skipped tests"
