#!/usr/bin/env bash
# Runs the tests and says at its end how many ran. `run.sh unit` needs nothing but Rust; `run.sh unit e2e` builds or installs
# what a sandbox is made of, and needs root on Debian.
set -uo pipefail
cd "$(dirname "$0")/.."

export RUST_BACKTRACE=0 # a test's message says what was expected; frames of the async runtime only bury it
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0

step() { # WHAT COMMAND...
    local what=$1 started=$SECONDS
    shift
    printf '\n== %s, after %s s\n' "$what" "$SECONDS"
    if "$@" 2>&1 | tee -a "$log"; then
        printf '== %s: %s s\n' "$what" "$((SECONDS - started))"
    else
        printf '== %s: FAILED after %s s\n' "$what" "$((SECONDS - started))"
        failed=1
        return 1
    fi
}

unit() {
    step "format and lints" make --no-print-directory lint
    step "unit tests" cargo test --workspace --locked
}

e2e() {
    step "parts of the sandbox" make --no-print-directory parts &&
        step "programs" make --no-print-directory build &&
        step "the Job's image" make --no-print-directory image &&
        step "end-to-end tests" cargo test --workspace --locked --test e2e -- --test-threads "${E2E_THREADS:-2}" &&
        step "what sandboxes leave behind" cargo test --workspace --locked --test lifecycle -- --test-threads 1
    release
}

release() {
    step "a release's files" make --no-print-directory dist &&
        step "what they are" cargo test --workspace --locked --test dist &&
        step "krew, and kubectl that finds the plugin" cargo test --workspace --locked --test krew
    # The plugin takes longer than all unit tests; `make reproducible` and the release workflow compare it.
    step "the same bytes from another folder" make --no-print-directory reproducible PROGRAMS=eks-encrypt-job
}

for suite in "$@"; do "$suite"; done

# cargo prints a line for each test binary; this is their sum.
awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
     END { printf "\n%d passed, %d failed, %d skipped\n", passed, failed, ignored }' "$log"
exit "$failed"
