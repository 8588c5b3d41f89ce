# Everything a person types here. `make help` lists it.
# Needs: make, and Python 3.11, 3.12 or 3.13; uv makes the set-up quicker where it is installed.

.DEFAULT_GOAL := help
.PHONY: help run test serve report lint types contracts bench bench-tfx images-test lock clean distclean

VENV := .venv
PY := $(VENV)/bin/python
export PYTHONDONTWRITEBYTECODE := 1

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run ## set up, then the whole pipeline on the flights data; ARGS="--no-cache" and others are passed on
	@$(PY) -m pipelines run flights $(ARGS)

serve: $(VENV)/.run ## serve the endpoint of the last run on http://127.0.0.1:8080
	@$(PY) -m pipelines serve flights $(ARGS)

report: $(VENV)/.run ## where the last run's report lies
	@$(PY) -m pipelines report flights

test: $(VENV)/.test ## set up, then lint, types, import contracts and the tests
	@$(MAKE) --no-print-directory lint types contracts
	@$(PY) -m pytest $(ARGS)

lint: $(VENV)/.test ## ruff
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: $(VENV)/.test ## mypy --strict
	@$(PY) -m mypy

contracts: $(VENV)/.test ## who may import whom
	@$(VENV)/bin/lint-imports --no-logo 2>/dev/null || $(VENV)/bin/lint-imports

bench: $(VENV)/.test ## what is measured, against what (about 10 minutes)
	@$(PY) -m benchmarks

bench-tfx: $(VENV)/.test ## the whole run against TFX's own pipeline on the same rows (needs Python 3.10)
	@$(PY) -m benchmarks.tfx $(ARGS)

images-test: $(VENV)/.test ## build the images and run a pipeline, Beam's worker and the server in them (root, podman)
	@$(PY) -m pytest tests/images $(ARGS)

lock: ## write the locks anew (needs uv)
	@./.ci/lock

clean: ## remove what runs have made: output/
	rm -rf output

distclean: clean ## … and the virtual environment
	rm -rf $(VENV)

$(VENV)/.run: requirements.lock .ci/setup
	@./.ci/setup $(VENV) requirements.lock
	@touch $@

$(VENV)/.test: requirements-dev.lock $(VENV)/.run
	@./.ci/setup $(VENV) requirements-dev.lock
	@touch $@
