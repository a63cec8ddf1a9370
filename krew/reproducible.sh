#!/usr/bin/env bash
# Compiles programs for amd64 again, from nothing, of a copy of this checkout in another folder, and compares: the bytes have to be
# the same. Run by `make reproducible`, which sets REVISION; safe to run again.
#
#   krew/reproducible.sh [eks-encrypt-job|kubectl-eks-encrypt]...     both without a name
set -euo pipefail
cd "$(dirname "$0")/.."

packages=("$@")
((${#packages[@]})) || packages=(eks-encrypt-job kubectl-eks-encrypt)
readonly packages
krew/build.sh amd64 "${packages[@]}"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
# What is committed or changed, and what is new; not what was deleted.
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [[ ! -e $file ]] || printf '%s\0' "$file"
done | tar --create --null --files-from - | tar --extract --directory "$copy"
# Side by side, as krew/dist.sh does it.
printf 'amd64 %s\n' "${packages[@]}" | xargs -P 2 -L 1 "$copy/krew/build.sh"
different=0
for package in "${packages[@]}"; do
    program=${package/kubectl-eks-encrypt/kubectl-eks_encrypt} # the one name that kubectl prescribes
    if cmp "target/linux-amd64/$program" "$copy/target/linux-amd64/$program"; then
        printf 'reproducible: %s is the same, byte for byte, from another folder\n' "$program"
    else
        mkdir -p target/reproducible
        cp "$copy/target/linux-amd64/$program" target/reproducible/
        printf 'reproducible: %s is not the same from another folder; that one is target/reproducible/%s\n' "$program" "$program" >&2
        different=1
    fi
done
exit $different
