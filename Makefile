# Everything a person types here. `make help` lists it.
# Needs: make, and Python 3.11, 3.12 or 3.13; uv makes the set-up quicker where it is installed.

.DEFAULT_GOAL := help
.PHONY: help setup run test test-fast unit-fast infra-test audit serve report lint types contracts bench bench-tfx images-test lock clean distclean \
	up down plan-infra login images pin scan sbom compile e2e accept promote publish train rollback tools

VENV := .venv
PY := $(VENV)/bin/python
USE_CASE ?= flights
# Processes that run tests at once; 0: this one alone.
WORKERS ?= 4
# The digests that `make images`, `make pin` or `make promote` has found, as options of the pipelines' command line.
PINNED = $(addprefix --set ,$(shell cat output/delivery/$(ENV).images 2>/dev/null))
VERSION_ = $(if $(VERSION),--version $(VERSION))
export PYTHONDONTWRITEBYTECODE := 1

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run ## set up, then the whole pipeline on the flights data; ARGS="--no-cache" and others are passed on
	@$(PY) -m pipelines run flights $(ARGS)

serve: $(VENV)/.run ## serve the endpoint of the last run on http://127.0.0.1:8080
	@$(PY) -m pipelines serve flights $(ARGS)

report: $(VENV)/.run ## where the last run's report lies
	@$(PY) -m pipelines report flights

setup: $(VENV)/.test ## the virtual environment alone, about a minute with uv

test: $(VENV)/.test ## set up, then lint, types, import contracts and the tests
	@$(MAKE) --no-print-directory lint types contracts
	@$(PY) -m pytest -n $(WORKERS) $(ARGS)

test-fast: $(VENV)/.test ## before a commit: lint, types, contracts and the unit tests that need no TensorFlow
	@$(MAKE) --no-print-directory -j 4 --output-sync=target lint types contracts unit-fast

unit-fast: $(VENV)/.test
	@$(PY) -m pytest --fast -q -n $(WORKERS) tests/unit $(ARGS)

infra-test: $(VENV)/.test $(VENV)-infra/.infra ## set up, then check the infrastructure without Google Cloud (needs Terraform and npm)
	@$(PY) -m pytest tests/infra $(ARGS)

audit: $(VENV)-infra/.infra ## known vulnerabilities of what the locks name (needs the network: PyPI's advisories)
	@for lock in requirements.lock requirements-dev.lock requirements-infra.lock; do \
		echo "$$lock"; \
		$(VENV)-infra/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner=off -r $$lock || { \
			echo "What \"could not be audited\" was not answered for: run make audit where PyPI's advisories are reached."; \
			exit 1; }; \
	done

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

# --- an environment on Google Cloud: ENV=dev, ENV=test or ENV=prod (docs/infra.md) ---

up: $(VENV)/.run ## bring ENV's infrastructure up: shows the plan, asks, applies; YES=1 does not ask
	@$(PY) -m infra up "$(ENV)" $(if $(YES),--yes)

down: $(VENV)/.run ## take it down; data stays, unless it is named: DELETE=bucket,warehouse,images
	@$(PY) -m infra down "$(ENV)" $(if $(YES),--yes) $(if $(DELETE),--delete $(DELETE))

plan-infra: $(VENV)/.run ## what `up` would change
	@$(PY) -m infra plan "$(ENV)"

login: $(VENV)/.run ## let docker and skopeo into ENV's registry, by gcloud's login
	@$(PY) -m infra login "$(ENV)"

images: $(VENV)/.run ## build and push ENV's images, and keep their digests; VERSION=… default: the commit
	@$(PY) -m infra build "$(ENV)" $(VERSION_)

e2e: $(VENV)/.run ## the sample data, the whole pipeline and a first prediction, on ENV
	@$(PY) -m pipelines seed $(USE_CASE) --env "$(ENV)"
	@$(PY) -m pipelines run $(USE_CASE) --env "$(ENV)" $(PINNED)
	@$(PY) -m pipelines predict $(USE_CASE) --env "$(ENV)"

train: $(VENV)/.run ## start a run of ENV's published pipeline, as new data or the clock would
	@$(PY) -m infra train "$(ENV)" --use-case $(USE_CASE)

# --- from a commit to production (docs/delivery.md) ---

pin: $(VENV)/.run ## keep the digests of the VERSION that is in ENV's registry
	@$(PY) -m infra pin "$(ENV)" $(VERSION_)

scan: $(VENV)/.run ## known vulnerabilities of the pinned images; what is grave and has a fix fails
	@$(PY) -m infra scan "$(ENV)" $(ARGS)

sbom: $(VENV)/.run $(VENV)-delivery/.delivery ## a bill of materials for each pinned image; ARGS=--keep puts it into the bucket
	@PATH="$(CURDIR)/$(VENV)-delivery/bin:$$PATH" $(PY) -m infra sbom "$(ENV)" $(ARGS)

compile: $(VENV)/.run ## both pipelines for ENV, checked, into output/delivery/
	@for pipeline in training prediction; do \
		$(PY) -m pipelines compile $(USE_CASE) --env "$(ENV)" --pipeline $$pipeline $(PINNED) \
			--out output/delivery/$$pipeline-$(USE_CASE)-$(ENV).yaml || exit; done

accept: $(VENV)/.run ## mark the pinned images as tested: only these may be promoted
	@$(PY) -m infra accept "$(ENV)" $(VERSION_)

promote: $(VENV)/.run ## copy the tested images of COMMIT from FROM=test into ENV's registry as VERSION, to the very digest
	@$(PY) -m infra promote "$(ENV)" --from $(or $(FROM),test) $(if $(COMMIT),--commit $(COMMIT)) $(VERSION_)

publish: $(VENV)/.run ## the compiled pipeline, with the pinned digests, to where the trigger starts it
	@$(PY) -m pipelines publish $(USE_CASE) --env "$(ENV)" $(PINNED)

rollback: $(VENV)/.run ## back to the former champion: all of ENV's traffic returns to it
	@$(PY) -m pipelines rollback $(USE_CASE) --env "$(ENV)"

TOOLS ?= pipeline-tools:local
tools: ## the image in which the steps of Cloud Build run; TOOLS=… its name
	docker build --tag $(TOOLS) infra/delivery

# --- upkeep ---

lock: ## write the locks anew (needs uv, or fetches it); ARGS=--upgrade for the newest of everything
	@./.ci/lock $(ARGS)

clean: ## remove what runs have made: output/
	rm -rf output

distclean: clean ## … and the virtual environments, and what was fetched
	rm -rf $(VENV) $(VENV)-infra $(VENV)-delivery .cache

$(VENV)/.run: requirements.lock .ci/setup
	@./.ci/setup $(VENV) requirements.lock
	@touch $@

$(VENV)/.test: requirements-dev.lock $(VENV)/.run
	@./.ci/setup $(VENV) requirements-dev.lock
	@touch $@

$(VENV)-delivery/.delivery: requirements-delivery.lock .ci/setup
	@./.ci/setup $(VENV)-delivery requirements-delivery.lock
	@touch $@

$(VENV)-infra/.infra: requirements-infra.lock .ci/setup
	@./.ci/setup $(VENV)-infra requirements-infra.lock
	@touch $@
