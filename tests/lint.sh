#!/usr/bin/env bash
# What `make lint` asks of tools that are not Rust's own: cargo-deny (deny.toml) and actionlint. Input: `build.sh lint`. It reads
# nothing from the network, unless ADVISORIES=1 asks it to fetch the RustSec advisory database first.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=tests/sandbox/parts/.built/lint
# The advisory database is a git repository on the internet; without a copy of it, advisories can't be checked.
database=${CARGO_HOME:-$HOME/.cargo}/advisory-dbs
checks=(licenses bans sources)
[[ -z ${ADVISORIES:-} ]] || $tools/cargo-deny fetch db
if [[ -n $(find "$database" -maxdepth 1 -mindepth 1 -type d 2> /dev/null) ]]; then
    checks+=(advisories)
else
    printf 'lint: advisories are NOT checked: %s has no copy of the RustSec database (ADVISORIES=1 fetches one)\n' "$database"
fi
$tools/cargo-deny --offline --locked --workspace check --hide-inclusion-graph "${checks[@]}"
# shellcheck is used where it is installed.
$tools/actionlint -color=false .github/workflows/*.yml
printf 'lint: workflows are fine\n'
