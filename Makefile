# `make help` lists the targets. Needs Python 3.13, git and make; everything else is installed into .venv.
PYTHON ?= python3.13
UV_VERSION = 0.13.8
BIN = .venv/bin
CODE = layers functions local cli tests docs statemachines
export SAM_CLI_TELEMETRY = 0
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

.PHONY: setup
setup: .venv/locked ## Install the locked environment into .venv

.venv/locked: uv.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Stackwarden needs Python 3.13: $(PYTHON) is not on the PATH" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' || { echo "$(PYTHON) is not Python 3.13" >&2; exit 2; }
	@echo "Setting up .venv (once) …"
	@test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); }
	@$(BIN)/uv sync --locked --quiet
	@touch $@

.PHONY: demo
demo: setup ## A careless developer meets Stackwarden, on this computer
	@$(BIN)/python -m local.demo

.PHONY: local
local: setup ## Serve a guarded AWS account until Ctrl-C (PORT, ENVIRONMENT, MODE)
	@$(BIN)/python -m local

.PHONY: test
test: setup ## Run every test
	@$(BIN)/pytest -n 2 --dist loadfile

.PHONY: lint
lint: setup ## ruff, mypy strict, cfn-lint, sam validate, and what is generated is up to date
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/cfn-lint template.yaml -a cfn_lint_serverless.rules
	$(BIN)/python statemachines/lint.py
	$(BIN)/sam validate --lint
	$(BIN)/python docs/generate.py --check
	@$(MAKE) --no-print-directory requirements.check

.PHONY: check
check: lint test ## What must pass before a push

.PHONY: build
build: setup ## Build for deployment (arm64)
	@$(BIN)/sam build

# What the layer carries: uv.lock without what Lambda's Python runtime brings (boto3 and its dependencies).
EXPORT = $(BIN)/uv export --quiet --frozen --no-dev --no-emit-project --no-header \
	$(foreach package,botocore jmespath python-dateutil six urllib3,--no-emit-package $(package))

.PHONY: requirements requirements.check
requirements: setup ## Write layers/stackwarden/requirements.txt from uv.lock
	@$(EXPORT) > layers/stackwarden/requirements.txt
requirements.check: setup
	@$(EXPORT) | diff -u layers/stackwarden/requirements.txt - || { echo "layers/stackwarden/requirements.txt is stale: make requirements" >&2; exit 1; }

.PHONY: clean
clean: ## Remove what was built and the environment
	@rm -rf .venv .aws-sam .local
