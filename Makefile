# Rearguard's commands. `make` prints them.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 4# of the tests, which mostly wait: two cores are enough for four
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
export PATH := $(PATH):/usr/sbin

.DEFAULT_GOAL := help
.PHONY: help demo run test chaos check bench clean

help: ## these lines
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: .venv/demo ## a walker falls, you are the spotter: everything simulated, nothing to wire
	@$(BIN)/rearguard demo

run: .venv/demo ## watch the real sensor, as config.yaml says
	@$(BIN)/rearguard run

test: check ## install what the tests need, then run them all
	$(call needs,mosquitto,mosquitto)
	$(BIN)/python -m pytest -n $(WORKERS) --maxschedchunk 1

chaos: .venv/dev ## a thousand alerts through every fault of the delivery, once each
	$(call needs,mosquitto,mosquitto)
	$(BIN)/python -m tests.chaos

check: .venv/dev ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: .venv/dev ## speed and memory, as ratios measured in one run
	$(BIN)/python -m benchmarks

clean: ## remove what the other commands made
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A mark per extra, so that the second `make demo` starts at once.
.venv/demo .venv/dev: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --editable '.[$(@F)]'
	@touch $@

# On a Pi the GPIO library comes from apt (python3-lgpio): let the environment see it.
$(BIN)/python:
	@$(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "installing python3-venv"; $(SUDO) apt-get -qq update; $(SUDO) apt-get -qqy install python3-venv; }
	$(PYTHON) -m venv $(if $(wildcard /usr/lib/python3/dist-packages/lgpio.py),--system-site-packages) .venv

# $(call needs,command,package): install a Debian package where the command is missing.
define needs
@command -v $(1) >/dev/null || { echo "installing $(2)"; $(SUDO) apt-get -qq update && \
  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get -qqy install --no-install-recommends $(2); }
endef
