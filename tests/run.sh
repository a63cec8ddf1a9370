#!/usr/bin/env bash
# Runs the steps of test suites, each also where one before it has failed. Then says how long each took, which tests were the
# slowest, and how many tests ran.
#
#   tests/run.sh [unit|test|release-test]...
set -uo pipefail
cd "$(dirname "$0")/.."

export WITH_TESTS=1 # see Makefile
export RUST_BACKTRACE=0 # a test's message says what was expected; frames of the async runtime only bury it
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
steps=()

step() { # NAME COMMAND...
    local name=$1 started=$SECONDS result=ok
    shift
    printf '\n== %s, after %s s\n' "$name" "$SECONDS"
    "$@" 2>&1 | tee -a "$log" || { result=FAILED; failed=1; }
    steps+=("$(printf '%7d s  %-6s  %s' "$((SECONDS - started))" "$result" "$name")")
    printf '%s\n' "== ${steps[-1]}"
}

# The test binaries print each test's time, which libtest calls unstable. The variable is for them alone: for the compiler it would
# be a reason to compile every crate anew that looks at it.
timed() { # TEST THREADS
    local triple
    triple=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
    env "CARGO_TARGET_${triple}_RUNNER=env RUSTC_BOOTSTRAP=1" \
        cargo test --workspace --locked --test "$1" -- -Z unstable-options --report-time --test-threads "$2"
}

suite_unit() {
    step "unit tests" cargo test --workspace --locked
}

suite_test() {
    step "formatting" cargo fmt --all --check
    step "clippy" make --no-print-directory clippy
    suite_unit
    step "parts of the sandbox, and krew" tests/sandbox/parts/build.sh sandbox krew
    step "programs" make --no-print-directory build
    step "the Job's image" make --no-print-directory image
    # Together, for each links the same crates.
    step "programs of the tests" cargo test --workspace --locked --no-run --test e2e --test lifecycle --test krew
    step "end-to-end tests" timed e2e "${E2E_THREADS:-4}"
    step "what sandboxes leave behind" timed lifecycle 1
    step "a release's files, of these programs" make --no-print-directory pack
    export EKS_ENCRYPT_DIST=target/packed/dist
    step "what is in them" cargo test --workspace --locked --test dist -- --skip release::
    step "krew, and kubectl that finds the plugin" cargo test --workspace --locked --test krew
}

suite_release-test() {
    step "a release's files" make --no-print-directory dist
    step "what is in them" cargo test --workspace --locked --test dist
    step "krew and kubectl" tests/sandbox/parts/build.sh sandbox krew
    step "the plugin for this machine" make --no-print-directory build
    step "krew, and kubectl that finds the plugin" cargo test --workspace --locked --test krew
    step "the same bytes from another folder" make --no-print-directory reproducible
}

for suite in "$@"; do "suite_$suite"; done

printf '\n== where %s s went\n' "$SECONDS"
printf '%s\n' "${steps[@]}"
sed -n 's/^test \(.*\) \.\.\. .* <\([0-9.]*\)s>$/\2 \1/p' "$log" | sort -rn | head -n 10 |
    awk 'NR == 1 { print "\n== the slowest tests" } { printf "%7.1f s  %s\n", $1, $2 }'
# cargo prints a line for each test binary; this is their sum.
awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
     END { printf "\n%d passed, %d failed, %d skipped\n", passed, failed, ignored }' "$log"
exit "$failed"
