# `make` alone lists what there is. What a target needs is built or installed by it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Cargo uses every core by itself.
.NOTPARALLEL:

BIN := target/debug
IMAGE := target/image/eks-encrypt-job.oci.tar
SANDBOX := $(BIN)/sandbox
# Parallel end-to-end tests, each with a sandbox of its own. More than this and 2 cores only make them wait.
E2E_THREADS ?= 2
# Cargo turns on the features that any of the chosen packages wants, and those of tests only where a test is among what is
# compiled. With all packages and always a test (a small one here), a crate is compiled once, and not anew for every target.
TOGETHER := --workspace --locked --test workflow

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: demo
demo: parts build image ## See the main job happen: a sandbox, 2,000 Secrets, one command, and the proof
	@tests/demo.sh

.PHONY: test
test: ## Run every test: unit tests first, then end to end (root on Debian; from nothing about 80 minutes on 2 cores)
	@tests/run.sh unit e2e

.PHONY: unit
unit: ## Run the tests that need no sandbox
	@tests/run.sh unit

.PHONY: bench
bench: parts image ## Measure speed and memory against bounds, into target/bench.json (root; 12 to 30 minutes)
	@tests/parts/build.sh bench
	krew/build.sh amd64 kubectl-eks-encrypt
	cargo bench --profile dev --workspace --locked --bench bench

.PHONY: lint
lint: ## Formatting, clippy and the documentation's links, warnings denied
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@# These are no default targets, so that `cargo test` needs no sandbox, and --all-targets leaves them out.
	cargo clippy --workspace --test e2e --test lifecycle --test krew --test dist --locked -- -D warnings
	@# Every program and library. There are no examples: naming them is what turns the tests' features on, and spares a second check.
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked --quiet --lib --bin kubectl-eks_encrypt --bin sandbox --bin dist --examples

.PHONY: build
build: ## Build the plugin, the sandbox and the Job for this machine
	cargo build $(TOGETHER) --bins

.PHONY: parts
parts: ## Build or install what a sandbox is made of, if it is missing (first time about 8 minutes on 2 cores)
	@tests/parts/build.sh

.PHONY: parts-lock
parts-lock: ## Make the hashes of the sandbox's Python packages anew, from tests/parts/requirements.in
	python3 -m venv target/pip-tools
	target/pip-tools/bin/pip install --quiet pip-tools
	cd tests/parts && ../../target/pip-tools/bin/pip-compile --quiet --generate-hashes --strip-extras \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file requirements.txt requirements.in

# What a file says of its own age is the commit's (<https://reproducible-builds.org/specs/source-date-epoch/>), so that it is the
# same for all who make it.
image dist: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2> /dev/null || echo 0)
image dist bench reproducible: export REVISION ?= $(shell git describe --always --dirty --abbrev=40 --exclude '*' 2> /dev/null)

.PHONY: image
image: parts ## Build the Job's image, for nodes with amd64 alone (as an OCI archive; `make dist` has arm64 too)
	krew/build.sh amd64 eks-encrypt-job
	@cargo build --quiet $(TOGETHER) --bin dist
	@mkdir -p $(dir $(IMAGE))
	@$(BIN)/dist image --output $(IMAGE) --binary amd64=target/linux-amd64/eks-encrypt-job $(if $(REVISION),--revision $(REVISION))

.PHONY: dist
dist: ## Make a release's files for Linux, amd64 and arm64, into target/dist (root on Debian; 20 to 35 minutes the first time)
	@cargo build --quiet $(TOGETHER) --bin dist
	@krew/dist.sh

.PHONY: reproducible
reproducible: ## Compile both programs again, in another folder, and compare the bytes (about a quarter of an hour on 2 cores; PROGRAMS=eks-encrypt-job for one)
	@krew/reproducible.sh $(PROGRAMS)

.PHONY: sandbox
sandbox: parts build ## Start a sandbox and say how to use it
	@$(SANDBOX) up

.PHONY: sandbox-down
sandbox-down: build ## End the sandbox
	@$(SANDBOX) down

.PHONY: schema
schema: ## Write the JSON Schemas of the wire format and of create's file anew
	UPDATE_SCHEMA=1 cargo test --locked --package eks-encrypt-job --test schema
	UPDATE_SCHEMA=1 cargo test --locked --package kubectl-eks-encrypt the_committed_schema_is_not_stale

.PHONY: golden
golden: ## Write the golden CloudFormation templates of `create` anew
	UPDATE_GOLDEN=1 cargo test --locked --package kubectl-eks-encrypt golden_templates

