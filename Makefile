# Rearguard's commands. `make` prints them.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 4# of the tests, which mostly wait: two cores are enough for four
export PATH := $(PATH):/usr/sbin

.DEFAULT_GOAL := help
.PHONY: help demo run test check cover screenshots chaos fleet soak pi-test mutants fresh ha-test bench docs hooks lock release clean

help: ## these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
	@echo; echo "  After make demo: $(BIN)/rearguard --help"
	@echo "  or, for this shell: source $(BIN)/activate, and then: rearguard --help"

demo: .venv/demo ## a walker falls, you are the spotter: everything simulated, nothing to wire
	@$(BIN)/rearguard demo
	@echo; echo "All commands: $(BIN)/rearguard --help"

run: .venv/demo ## watch the real sensor, as config.yaml says
	@$(BIN)/rearguard run

test: ## install what the tests need, then format, lint, types and all tests
	@echo "make test installs what is missing (1 GB into .venv, Debian's chromium, and its mosquitto, whose"
	@echo "service starts with it, mosquitto-clients, jq, dosfstools, mtools; for root systemd-container; where npm is,"
	@echo "Node-RED into build/node), then checks and tests: seven minutes on two shared cores, installing aside."
	@$(MAKE) --no-print-directory check
	$(call needs,mosquitto,mosquitto)
	$(needs_browser)
	$(needs_container)
	$(needs_card)
	$(needs_clients)
	$(BIN)/python -m pytest -n $(WORKERS) --maxschedchunk 1

check: .venv/dev ## format, lint, types and dead code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/vulture

cover: .venv/dev ## all tests, and which lines and branches none of them runs; fails below the floor
	$(call needs,mosquitto,mosquitto)
	$(needs_browser)
	$(needs_container)
	$(needs_card)
	$(needs_clients)
	$(BIN)/python -m pytest -n $(WORKERS) --maxschedchunk 1 --cov

screenshots: .venv/dev ## the spotter's page in every state, light and night, phone and desk
	$(call needs,mosquitto,mosquitto)
	$(needs_browser)
	$(BIN)/python -m tests.page_pictures

chaos: .venv/dev ## the real process, everything round it broken at random: a thousand alerts, 200 restarts
	$(call needs,mosquitto,mosquitto)
	$(BIN)/python -m tests.chaos

fleet: .venv/dev ## a broker of three nodes: what it keeps, 30 to 1,000 devices, a node killed and one cut off
	$(call needs,mosquitto,mosquitto)
	$(call needs,nats-server,nats-server)
	$(BIN)/python -m tests.fleet

soak: .venv/dev ## 24 hours of walking through the whole process, as fast as it goes: does anything grow or get lost?
	$(call needs,mosquitto,mosquitto)
	$(BIN)/python -m tests.soak

pi-test: .venv/dev ## README on a virtual Raspberry Pi (QEMU, arm64): its I2C bus and pins, power cuts, upgrades (needs root)
	$(needs_browser)
	$(BIN)/python -m tests.virtual_pi

mutants: .venv/mutants ## change the core at random: how many changes do its tests notice? (FILES="alarm.py" for some)
	$(BIN)/mutmut run $(patsubst %.py,'monitor.core.%*',$(FILES))
	@$(BIN)/mutmut export-cicd-stats && $(BIN)/python -m tests.mutants

docs: .venv/docs ## the documents as a site, in build/site; broken links are errors
	$(BIN)/mkdocs build --strict

hooks: .venv/dev .venv/hooks ## let git format, lint and type each commit
	$(BIN)/pre-commit install

lock: .venv/release ## requirements/*.txt: the versions of this day, with hashes
	tools/lock

release: .venv/release ## dist/: wheel, source and bill of materials of a tagged version
	tools/release

fresh: ## what a stranger does, in minimal Debian 12 and 13: README's commands, literally (needs root)
	@$(PYTHON) -m tests.fresh

ha-test: .venv/dev ## what a phone gets from a real Home Assistant, in a Debian 13 root (needs root)
	$(call needs,mosquitto,mosquitto)
	$(BIN)/python -m tests.ha

bench: .venv/dev ## speed and memory, as ratios measured in one run
	$(BIN)/python -m benchmarks

clean: ## remove what the other commands made
	rm -rf --one-file-system .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis mutants .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A mark per extra, so that the second `make demo` starts at once.
.venv/demo .venv/dev .venv/mutants .venv/docs .venv/hooks .venv/release: pyproject.toml | $(BIN)/python
	@echo "installing into .venv what make $(@F) needs: about a minute"
	@$(BIN)/pip install --quiet --editable '.[$(@F)]'
	@touch $@

# On a Pi the GPIO library comes from apt (python3-lgpio): let the environment see it.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, found $$($(PYTHON) --version 2>&1): make PYTHON=python3.12, say" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(call debian,python3-venv); }
	@$(PYTHON) -m venv $(if $(wildcard /usr/lib/python3/dist-packages/lgpio.py),--system-site-packages) .venv

# $(call needs,command,package): install a Debian package where the command is missing.
define needs
@command -v $(1) >/dev/null || { $(call debian,$(2)); }
endef

# Chromium, and the library that Playwright's driver needs beside it.
define needs_browser
@{ command -v chromium && ldconfig -p | grep -F libatomic.so.1; } >/dev/null || { $(call debian,chromium libatomic1); }
endef

# What boots systemd in a container, which only root can, and what Mosquitto is reloaded with in there. For others
# tests/container is skipped.
define needs_container
@[ "$$(id -u)" != 0 ] || { [ -e /bin/kill ] && command -v systemd-nspawn; } >/dev/null || { $(call debian,systemd-container procps); }
endef

# A card with its partition to boot from, which the tests of systemd/card make.
define needs_card
@{ command -v mkfs.vfat && command -v mcopy; } >/dev/null || { $(call debian,dosfstools mtools); }
endef

# What the clients of docs/examples/clients need. Node-RED only where npm is: its test is skipped elsewhere.
define needs_clients
@{ command -v mosquitto_sub && command -v jq; } >/dev/null || { $(call debian,mosquitto-clients jq); }
@! command -v npm >/dev/null || cmp -s tests/contract/package.json build/node/installed || { \
  echo "installing Node-RED into build/node: 100 MB"; mkdir -p build/node; cp tests/contract/package.json build/node; \
  npm install --prefix build/node --no-audit --no-fund --no-package-lock --no-update-notifier --ignore-scripts \
    --fetch-retries 1 --loglevel error >/dev/null && cp tests/contract/package.json build/node/installed \
    || echo "npm could not install it: the tests that need it are skipped"; }
endef

# $(call debian,package): as root or by sudo, without a word of apt's unless it fails.
define debian
if [ "$$(id -u)" = 0 ]; then sudo=; elif command -v sudo >/dev/null; then sudo=sudo; else \
  echo "$(1) is missing, and only root can install it. As root: apt-get install $(1)" >&2; exit 1; fi; \
echo "installing $(1) from Debian"; log=$$(mktemp); \
{ $$sudo apt-get -qq update && \
  $$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qqy install --no-install-recommends $(1); } >$$log 2>&1 \
  && rm $$log || { cat $$log; rm $$log; exit 1; }
endef
