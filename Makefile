# `make run` starts everything on this machine; `make help` lists the rest.

PYTHON ?= python3
ARGS ?=
UPGRADE ?=
UV := 0.13.9

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
COMPILE := $(VENV)/uv/bin/uv pip compile pyproject.toml --universal --generate-hashes --no-header \
	--no-emit-index-url --quiet $(UPGRADE)

MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help
.PHONY: help run test bench bench-accounts bench-images bench-live faults check schema lock explorer clean test-tools
unexport PYTHONPATH PYTHONHOME

help:  ## What can be made.
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

run: $(INSTALLED)  ## The whole program, with its own Postgres, Valkey and S3. Ctrl+C stops it.
	@$(BIN)/leporello dev $(ARGS) || [ $$? -eq 130 ]

test: $(INSTALLED) test-tools  ## All tests, against real servers. ARGS="-k elements" chooses.
	@$(BIN)/pytest --numprocesses=3 --dist=loadfile $(ARGS)

bench: $(INSTALLED)  ## How fast it is, beside others; into docs/benchmarks.md. ARGS="--only a --rounds 1".
	@$(BIN)/python -m bench $(ARGS)

bench-accounts: $(INSTALLED)  ## What a sign-in costs, and whom it holds up. ARGS="--only beside,crowd --no-keep".
	@$(BIN)/python -m bench.accounts $(ARGS)

bench-images: $(INSTALLED)  ## Photos a second, beside the bare work on their pixels. ARGS="--photos 20 --rounds 1".
	@$(BIN)/python -m bench.images $(ARGS)

bench-live: $(INSTALLED)  ## How many can follow one book, beside others. ARGS="--only yoga --sockets 200 --seconds 2".
	@$(BIN)/python -m bench.live $(ARGS)

faults: $(INSTALLED)  ## What it survives: Redis, Postgres and itself killed. ARGS="--only R01,R05 --seed 7 --repeat 3".
	@$(BIN)/python -m tests.faults $(ARGS)

check: $(INSTALLED)  ## What a machine can check: style, types, imports, the exported schema.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/leporello schema --check

schema: $(INSTALLED)  ## Writes schema/schema.graphql.
	@$(BIN)/leporello schema

lock: $(VENV)/uv/bin/uv  ## Writes both lock files; UPGRADE=--upgrade takes the newest versions.
	@$(COMPILE) --all-extras --output-file requirements.lock
	@$(COMPILE) --output-file requirements-image.lock

explorer:  ## Builds the explorer's page into server/explorer/static; needs node.
	@cd clients/explorer && npm ci && npm run build

clean:  ## Removes what was installed and built; the data in .leporello stays.
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info clients/typescript/dist
	@find . -name __pycache__ -prune -exec rm -rf {} + -o -name node_modules -prune -exec rm -rf {} +

# Done anew when a lock or the project has changed, and otherwise not at all.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo 'Leporello needs Python 3.11 or newer: set PYTHON, as in `make run PYTHON=python3.12`.' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo 'Python has no venv module here: `apt-get install python3-venv`, or set PYTHON to another.' >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo 'Installing, once: a minute or two, 600 MB in .venv ...'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/uv/bin/uv: $(INSTALLED)
	@$(BIN)/python -m venv $(VENV)/uv
	@$(VENV)/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV)

# Some tests drive a browser, and some ask with the reference clients, which need node. Where these are missing,
# CI gets them; on somebody's own machine nothing is installed unasked, and those tests say why they were skipped.
test-tools:
	@missing=''; \
	command -v node >/dev/null && command -v npm >/dev/null || missing='nodejs npm'; \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
		command -v google-chrome >/dev/null || missing="$$missing chromium"; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$${CI:-}" != true ] && [ "$${TEST_TOOLS:-}" != 1 ]; then \
		echo "Not here:" $$missing "- the tests that need them are skipped; TEST_TOOLS=1 installs them."; \
	elif [ "$$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then \
		echo "Not here:" $$missing "- and only root can install them, with apt-get: those tests are skipped."; \
	else \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends $$missing; \
	fi
