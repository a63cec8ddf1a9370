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
# Programs that are compiled quickly, laid out as those of a release are in target/.
PACKED := target/packed
# Cargo turns on the features that any of the chosen packages wants, and those of tests only where a test is among what is
# compiled. Where tests are run too (tests/run.sh sets WITH_TESTS), a small one is chosen, or they would compile every crate again.
CHOSEN := --workspace --locked $(if $(WITH_TESTS),--test schema)

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: demo
demo: parts build image ## See the main job happen: a sandbox, 2,000 Secrets, one command, and the proof
	@tests/demo.sh

.PHONY: unit
unit: ## Run the tests that need Rust alone: no root, no sandbox
	@tests/run.sh unit

.PHONY: test
test: ## Run every test that a change of behaviour can break: lints, unit, end to end (root on Debian; 15 to 40 minutes on 2 cores)
	@tests/run.sh test

.PHONY: release-test
release-test: ## Compile a release for both architectures, test its files, compile it again and compare (root on Debian; an hour of CPU)
	@tests/run.sh release-test

.PHONY: bench
bench: parts build ## Measure speed and memory against bounds, into target/bench.json (root; 12 to 30 minutes)
	@$(MAKE) --no-print-directory image AS_RELEASED=1
	@tests/sandbox/parts/build.sh bench
	krew/build.sh amd64 kubectl-eks-encrypt
	cargo bench --profile dev --workspace --locked --bench bench

.PHONY: lint
lint: clippy ## Formatting, clippy, the documentation's links, licences and advisories of crates, workflows
	cargo fmt --all --check
	@# Every program and library. There are no examples: naming them is what turns the tests' features on, and spares a second check.
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked --quiet --lib --bin kubectl-eks_encrypt --bin sandbox --bin dist --examples
	@tests/sandbox/parts/build.sh lint
	@tests/lint.sh

.PHONY: clippy
clippy: ## clippy alone, warnings denied
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@# These are no default targets, so that `cargo test` needs no sandbox, and --all-targets leaves them out.
	cargo clippy --workspace --test e2e --test lifecycle --test krew --test dist --locked -- -D warnings

.PHONY: build
build: ## Build the plugin, the sandbox and the tool that packs releases, for this machine
	cargo build $(CHOSEN) --bins

.PHONY: parts
parts: ## Build or install what a sandbox is made of, once a machine (the first time 6 to 10 minutes on 2 cores)
	@tests/sandbox/parts/build.sh sandbox

.PHONY: clean-parts
clean-parts: ## Remove them from this machine's cache
	@tests/sandbox/parts/build.sh clean

.PHONY: parts-lock
parts-lock: ## Make the hashes of the sandbox's Python packages anew, from tests/sandbox/parts/requirements.in
	python3 -m venv target/pip-tools
	target/pip-tools/bin/pip install --quiet pip-tools
	cd tests/sandbox/parts && ../../../target/pip-tools/bin/pip-compile --quiet --generate-hashes --strip-extras \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file requirements.txt requirements.in

# What a file says of its own age is the commit's (<https://reproducible-builds.org/specs/source-date-epoch/>), so that it is the
# same for all who make it. Not exported: crates with C code look at it when they are compiled, and would be compiled anew.
AT_COMMIT = SOURCE_DATE_EPOCH=$(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2> /dev/null || echo 0))
image pack dist bench reproducible: export REVISION ?= $(shell git describe --always --dirty --abbrev=40 --exclude '*' 2> /dev/null)

.PHONY: image
image: FROM := $(if $(AS_RELEASED),target,$(PACKED))
image: ## Build the Job's image for tests and demo: compiled quickly, for amd64 alone (an OCI archive; `make dist` has the shipped one)
	@krew/build.sh $(if $(AS_RELEASED),,--for-tests) amd64 eks-encrypt-job
	@cargo build --quiet $(CHOSEN) --bin dist
	@mkdir -p $(dir $(IMAGE))
	@$(AT_COMMIT) $(BIN)/dist image --output $(IMAGE) --binary amd64=$(FROM)/linux-amd64/eks-encrypt-job $(if $(REVISION),--revision $(REVISION))

.PHONY: pack
pack: build image ## Pack the programs that tests are run with as a release is packed, into target/packed/dist
	@# The packing does not look into programs: amd64's stand for arm64's too. A byte more, for they have to differ.
	@mkdir -p $(PACKED)/linux-arm64
	@strip -o $(PACKED)/linux-amd64/kubectl-eks_encrypt $(BIN)/kubectl-eks_encrypt
	@for program in kubectl-eks_encrypt eks-encrypt-job; do \
		{ cat $(PACKED)/linux-amd64/$$program; echo; } > $(PACKED)/linux-arm64/$$program; \
		chmod +x $(PACKED)/linux-arm64/$$program; \
	done
	@$(AT_COMMIT) krew/pack.sh $(PACKED) $(PACKED)/dist

.PHONY: dist
dist: ## Make a release's files for Linux, amd64 and arm64, into target/dist (root on Debian; 20 to 35 minutes the first time)
	@cargo build --quiet $(CHOSEN) --bin dist
	@$(AT_COMMIT) krew/dist.sh

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
