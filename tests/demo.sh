#!/usr/bin/env bash
# The main job, from nothing to the proof, on a sandbox that is gone afterwards. Run by `make demo`, which builds what it
# uses. SECRETS=n makes another number of Secrets.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly secrets=${SECRETS:-2000}
readonly sandbox=$PWD/target/debug/sandbox
dir=$(mktemp -d "${TMPDIR:-/tmp}/eks-demo.XXXXXX")
trap '"$sandbox" down --dir "$dir"; rm -rf "$dir"' EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
digest() { sed -n 's/^digest of .*: //p' "$1"; }

say "1. An EKS cluster to spare, with Secrets in it"
"$sandbox" up --dir "$dir" > /dev/null
. "$dir/env"
export PATH=$PWD/target/debug:$PATH # where kubectl finds its plugin, kubectl-eks_encrypt
"$sandbox" seed --dir "$dir" --secrets "$secrets"
"$sandbox" inspect --dir "$dir" | tee "$dir/before"
image=$("$sandbox" push --dir "$dir" target/image/eks-encrypt-job.oci.tar)

say "2. kubectl eks-encrypt enable --cluster $CLUSTER --key-arn $KEY_ARN --region $AWS_REGION --image $image --yes"
kubectl eks-encrypt enable --cluster "$CLUSTER" --key-arn "$KEY_ARN" --region "$AWS_REGION" --image "$image" --yes

say "3. What etcd says"
"$sandbox" inspect --dir "$dir" | tee "$dir/after"
grep -q 'aws-owned:\|  plain$\|  unknown' "$dir/after" && { echo "some Secrets are not under the key" >&2; exit 1; }
[[ $(digest "$dir/before") == "$(digest "$dir/after")" ]] || { echo "something else was changed" >&2; exit 1; }
say "Every Secret is under the key, and nothing but that has changed."
