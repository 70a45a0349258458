# make demo | test | check | docs | bench. Each sets up what it needs; only Python >= 3.11 must be there.

VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# What an outer environment may say must not reach ours: where pip puts things, what Python imports.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP VIRTUAL_ENV CONDA_PREFIX
unexport PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT PIP_NO_DEPS PIP_REQUIRE_HASHES PIP_CONSTRAINT
unexport PENSTOCK_HOME PENSTOCK_STACK
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help demo test check docs docs-serve bench bench-peers format clean
.DELETE_ON_ERROR:

help:
	@echo "make demo    the flights example on real data: run, reuse, change, explain"
	@echo "make test    all tests"
	@echo "make check   format, lint, types, layers"
	@echo "make docs    the site, into site/; docs-serve shows it while you write"
	@echo "make bench   the benchmarks; writes benchmarks/RESULTS.md"
	@echo "make bench-peers   the same work in eight peers: half an hour, and environments of 5 GB"
	@echo "make format  put the code in order"

demo: $(VENV)/.flights
	$(BIN)/python examples/flights/demo.py

test: $(VENV)/.dev
	$(BIN)/python -m pytest -q -n $(JOBS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	cd examples/flights && ../../$(BIN)/mypy --config-file ../../pyproject.toml .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-cache

docs: $(VENV)/.dev
	$(BIN)/python scripts/docs.py

docs-serve: $(VENV)/.dev
	$(BIN)/zensical serve

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/run.py

bench-peers: $(VENV)/.dev
	$(BIN)/python benchmarks/peers/run.py --write

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .cache site dist build

# A stamp for each set of extras: setup runs again only when pyproject.toml has changed.
$(VENV)/.flights: EXTRAS = flights
$(VENV)/.dev: EXTRAS = dev
$(VENV)/.flights $(VENV)/.dev: pyproject.toml | $(BIN)/python
	@if command -v uv >/dev/null 2>&1; then \
		echo "uv pip install -e .[$(EXTRAS)]"; \
		uv pip install --quiet --python $(BIN)/python --editable '.[$(EXTRAS)]'; \
	else \
		echo "pip install -e .[$(EXTRAS)]"; \
		$(BIN)/python -m pip install --quiet --use-pep517 --editable '.[$(EXTRAS)]'; \
	fi
	@touch $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and was not found on PATH." >&2; exit 1; }
	@if command -v uv >/dev/null 2>&1; then uv venv --quiet --python $(PYTHON) --seed $(VENV); \
	else $(PYTHON) -m venv $(VENV); fi
