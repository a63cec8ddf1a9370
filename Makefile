# `make` alone lists what there is. What a target needs is built or installed by it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Cargo uses every core by itself.
.NOTPARALLEL:

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
TARGET := x86_64-unknown-linux-gnu
BIN := target/debug
JOB := target/$(TARGET)/release/eks-encrypt-job
IMAGE := target/image/eks-encrypt-job.oci.tar
SANDBOX := $(BIN)/sandbox
# Parallel end-to-end tests, each with a sandbox of its own. More than this and 2 cores only make them wait.
E2E_THREADS ?= 2

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: demo
demo: parts build image ## See the main job happen: a sandbox, 2,000 Secrets, one command, and the proof
	@tests/demo.sh

.PHONY: test
test: ## Run every test: unit tests first, then end to end (root on Debian; from nothing about 25 minutes on 2 cores)
	@tests/run.sh unit e2e

.PHONY: unit
unit: ## Run the tests that need no sandbox
	@tests/run.sh unit

.PHONY: bench
bench: parts image ## Measure speed and memory against bounds, into target/bench.json (root; about 12 minutes)
	@tests/parts/build.sh bench
	cargo build --release --locked --package kubectl-eks-encrypt
	cargo bench --profile dev --locked --package eks-encrypt-tests --bench bench

.PHONY: lint
lint: ## Formatting, clippy and the documentation's links, warnings denied
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@# These are no default targets, so that `cargo test` needs no sandbox, and --all-targets leaves them out.
	cargo clippy --package eks-encrypt-tests --test e2e --test lifecycle --test krew --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked --quiet

.PHONY: build
build: ## Build the plugin, the sandbox and the Job for this machine
	cargo build --workspace --locked

.PHONY: parts
parts: ## Build or install what a sandbox is made of, if it is missing (first time about 8 minutes on 2 cores)
	@tests/parts/build.sh

.PHONY: parts-lock
parts-lock: ## Make the hashes of the sandbox's Python packages anew, from tests/parts/requirements.in
	python3 -m venv target/pip-tools
	target/pip-tools/bin/pip install --quiet pip-tools
	cd tests/parts && ../../target/pip-tools/bin/pip-compile --quiet --generate-hashes --strip-extras \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file requirements.txt requirements.in

.PHONY: image
image: parts $(IMAGE) ## Build the Job's image (as an OCI archive)

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

# The binary is static: the image has nothing else in it. Cargo knows best whether it is up to date.
.PHONY: $(JOB)
$(JOB):
	RUSTFLAGS='-C target-feature=+crt-static' \
		cargo build --release --locked --package eks-encrypt-job --target $(TARGET)

target/image/eks-encrypt-job: $(JOB)
	@mkdir -p $(@D)
	@cmp --silent $< $@ || cp $< $@

# vfs and chroot work where overlayfs and user namespaces don't, as in most CI. The store is our own, to be thrown away.
BUILDAH := buildah --storage-driver vfs --root $(CURDIR)/target/buildah/root --runroot $(CURDIR)/target/buildah/run
$(IMAGE): target/image/eks-encrypt-job job/Containerfile
	@rm -rf $@ target/buildah
	$(BUILDAH) build --quiet --isolation chroot --file job/Containerfile \
		--build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) \
		--tag eks-encrypt-job:$(VERSION) target/image > /dev/null
	$(BUILDAH) push --quiet eks-encrypt-job:$(VERSION) oci-archive:$@:eks-encrypt-job:$(VERSION)
