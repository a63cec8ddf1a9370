#!/usr/bin/env bash
# The main job, from nothing to the proof, on a sandbox that is gone afterwards. Run by `make demo`, which builds what it
# uses. SECRETS=n makes another number of Secrets; beside them, there is one of each awkward kind.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly secrets=${SECRETS:-2000}
readonly sandbox=$PWD/target/debug/sandbox
work=$(mktemp -d "${TMPDIR:-/tmp}/eks-demo.XXXXXX")
readonly dir=$work/sandbox
trap '"$sandbox" down --dir "$dir"; rm -rf "$work"' EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
inspect() { # shows the table, and keeps the same as JSON in $1
    "$sandbox" inspect --dir "$dir" --output json > "$1"
    "$sandbox" inspect --dir "$dir"
}

say "1. An EKS cluster to spare, with Secrets in it"
eval "$("$sandbox" up --dir "$dir")" # it prints the line to source
export PATH=$PWD/target/debug:$PATH # where kubectl finds its plugin, kubectl-eks_encrypt
"$sandbox" seed --dir "$dir" --secrets "$secrets" --awkward
inspect "$work/before"
image=$("$sandbox" push --dir "$dir" target/image/eks-encrypt-job.oci.tar)

say "2. kubectl eks-encrypt enable --cluster $CLUSTER --key-arn $KEY_ARN --region $AWS_REGION --image $image --yes"
kubectl eks-encrypt enable --cluster "$CLUSTER" --key-arn "$KEY_ARN" --region "$AWS_REGION" --image "$image" --yes

say "3. What etcd says"
inspect "$work/after"
python3 - "$work/before" "$work/after" "$secrets" << 'END'
import json, sys
before, after = (json.load(open(file)) for file in sys.argv[1:3])
customer = after["byStorage"].get("customer-key", 0)
if customer != after["total"] or customer < int(sys.argv[3]):
    sys.exit(f"only {customer} of {after['total']} Secrets are under the key")
if len(after["digest"]) != 64 or after["digest"] != before["digest"]:
    sys.exit("something else was changed")
END
say "Every Secret is under the key, and nothing but that has changed."
