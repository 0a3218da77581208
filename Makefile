# Two commands do it all on a fresh machine: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
PY := .venv/bin/python
CORES := $(shell getconf _NPROCESSORS_ONLN)
# One thread for the networks of each process; tests of one file stay in one process (tests/conftest.py).
# Python may keep what it compiled, also where the environment forbids it: a third of what collecting tests takes.
PYTEST = PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 HUASHENG_THREADS=1 $(PY) -m pytest -rs
# Unit tests only compute; the others also wait, so that one process more than there are cores still finds work.
ALONE = -n $(shell echo $$(($(CORES) < 4 ? $(CORES) : 4)))
MIXED = -n $(shell echo $$(($(CORES) < 4 ? $(CORES) + 1 : 4)))
TIMED = TIMEFORMAT='$(1): %0lR on the clock, %0U s + %0S s of processor time' && time
export PYTHONPATH := $(CURDIR):$(CURDIR)/protos/gen

.DEFAULT_GOAL := help
.PHONY: help setup setup-train setup-dev weights demo run test test-unit test-slow test-e2e test-containers format check proto proto-baseline settings-docs bench clean

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

setup: ## Make .venv and fetch the weights (demo and run do this by themselves)
	@tools/setup run

setup-train: ## The same, with torch, so that models can be trained on people
	@tools/setup train

setup-dev: ## The same, with what tests and checks need
	@tools/setup dev

weights: ## Fetch missing weights; SERVICE=asr for one service only; ENGINE=joygen: check the checkpoints you supply
	@$(if $(ENGINE),$(PY) -m services.render.engines.joygen.weights $(ENGINE),$(PY) -m tools.fetch_weights $(if $(SERVICE),--service $(SERVICE)))

demo: setup ## Ask one recorded question; the answer is out/demo.mp4 (ARGS=--live: talk live, and interrupt)
	@PYTHONPATH=$(PYTHONPATH):$(CURDIR)/clients/python/src $(PY) -m tools.demo $(ARGS)

run: setup ## Keep all five services up, page on http://127.0.0.1:5001
	@exec $(PY) -m tools.system

test: setup-dev ## Unit, contract, integration, whole-system and browser tests
	@$(call TIMED,unit) $(PYTEST) $(ALONE) tests/unit
	@$(call TIMED,contract and integration) $(PYTEST) $(MIXED) tests/contract tests/integration
	@$(call TIMED,system and page) $(PYTEST) $(MIXED) tests/system tests/e2e

test-unit: setup-dev ## Only what needs no network and no weights
	@$(call TIMED,unit) $(PYTEST) $(ALONE) tests/unit

test-slow: setup-dev ## Networks at their real sizes with random weights (5 GB of disk, 7 GB of memory, minutes)
	@$(PY) -m pytest tests/slow

test-e2e: setup-dev ## Only the page, in real Chromium
	@$(call TIMED,page) $(PYTEST) $(MIXED) tests/e2e

test-containers: setup-dev ## Build the images, run the composed stack, kill each service once (needs a Docker engine)
	@$(PY) -m pytest -s tests/containers

format: setup-dev ## Format Python and the page, and fix what the linter can fix
	@.venv/bin/ruff check --fix . && .venv/bin/ruff format .
	@tools/format_web

check: setup-dev ## Lint, types, contracts, Dockerfiles
	@$(call TIMED,checks) $(MAKE) --no-print-directory -j 2 $(if $(filter output-sync,$(.FEATURES)),-Otarget) $(CHECKS)

CHECKS = check-types check-style check-page check-client check-docs check-protos check-dockerfiles
.PHONY: $(CHECKS)
check-types:
	@.venv/bin/mypy
check-style:
	@.venv/bin/ruff format --check . && .venv/bin/ruff check .
check-page:
	@tools/check_js
check-client:
	@$(PY) -m tools.client_sync --check
	@.venv/bin/mypy --config-file clients/python/pyproject.toml clients/python/src clients/python/examples tests/unit/clients/typed_use.py
check-docs:
	@$(PY) -m tools.settings_docs --check && $(PY) -m tools.live_schema --check
check-protos:
	@cd protos && ../.venv/bin/buf lint && ../.venv/bin/buf breaking --against baseline.binpb
check-dockerfiles:
	@.venv/bin/hadolint services/*/Dockerfile

proto: setup-dev ## Generate protos/gen from the contracts
	@PYTHON=$(PY) tools/protos

proto-baseline: setup-dev ## Accept today's contracts as what later ones must not break (at a release)
	@cd protos && ../.venv/bin/buf build -o baseline.binpb

settings-docs: setup ## Write docs/settings.md from the services' settings
	@$(PY) -m tools.settings_docs

bench: setup ## Measure: the figures in the docs come from here
	@$(PY) -m benchmarks.turn

clean: ## Remove generated files (not the weights)
	rm -rf .venv .data out .pytest_cache .mypy_cache .ruff_cache
