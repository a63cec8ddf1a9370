#!/usr/bin/env bash
# Compiles both programs for both architectures as they are released, and packs them into target/dist. `make dist` runs it, builds
# the tool that packs, and sets SOURCE_DATE_EPOCH and REVISION. It is safe to run again. krew/pack.sh lists its variables.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly plugin=kubectl-eks-encrypt job=eks-encrypt-job
krew/tools.sh
# Side by side, the longest first: each alone leaves a core idle for much of its time, and the plugins most of all at their end.
printf '%s\n' "arm64 $plugin" "amd64 $plugin" "arm64 $job" "amd64 $job" | xargs -P 3 -L 1 krew/build.sh
krew/pack.sh target target/dist
