# The front door. Each target is one call of the command `lab`, or of a tool of the house.
.DEFAULT_GOAL := help
.PHONY: help start stop status doctor begin check watch hint reset progress grade docs test verify bench lint clean

PYTHON ?= python3
LAB ?= 00
FROM ?= submissions
JOBS ?= 2
MINUTES ?=
BIN := .venv/bin
READY := .venv/.ready

$(READY): pyproject.toml requirements.lock sandbox/bootstrap.py
	@$(PYTHON) sandbox/bootstrap.py

help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

start: $(READY) ## Set up, prepare the model, start service and course site
	@$(BIN)/lab start

stop: $(READY) ## Stop all that start has started
	@$(BIN)/lab stop

status: $(READY) ## Tell what runs, where, and whether it answers
	@$(BIN)/lab status

doctor: $(READY) ## Tell what this machine has and lacks, for which lab
	@$(BIN)/lab doctor

begin: $(READY) ## Make your workspace for a lab (LAB=00)
	@$(BIN)/lab begin $(LAB)

check: $(READY) ## Check your work on a lab (LAB=00)
	@$(BIN)/lab check $(LAB)

watch: $(READY) ## Check again on every save (LAB=00)
	@$(BIN)/lab watch $(LAB)

hint: $(READY) ## Give a hint for what failed last (LAB=00)
	@$(BIN)/lab hint $(LAB)

reset: $(READY) ## Start a lab again, with a backup (LAB=00)
	@$(BIN)/lab reset $(LAB)

progress: $(READY) ## Show where you stand in each lab
	@$(BIN)/lab progress

grade: $(READY) ## Grade a class (LAB=02 FROM=submissions)
	@$(BIN)/lab grade $(FROM) --lab $(LAB)

docs: $(READY) ## Build the course site into site/
	@$(BIN)/mkdocs build --strict --quiet

test: $(READY) ## Run the tests (under five minutes)
	@$(BIN)/pytest

lint: $(READY) ## Check style and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

verify: $(READY) ## Run the long proofs: calibration of all labs, attacks, browser, Docker
	@$(BIN)/pytest -m slow tests/unit
	@$(BIN)/pytest -m "slow or not slow" tests/security tests/e2e
	@$(BIN)/lab verify --quick --jobs $(JOBS) $(if $(MINUTES),--minutes $(MINUTES))

bench: $(READY) ## Measure: ratios from several runs on this machine
	@$(BIN)/python -m tests.benchmarks

clean: ## Remove what was made: .venv, .sandbox, site (your work/ stays)
	@if [ -x $(BIN)/lab ]; then $(BIN)/lab stop --images; fi
	@rm -rf .venv .venv.lock .sandbox site .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -not -path "./work/*" -prune -exec rm -rf {} +
