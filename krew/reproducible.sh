#!/usr/bin/env bash
# Compiles a package for amd64 again, from nothing, of a copy of this checkout in another folder, and compares: the bytes have to be
# the same. Run by `make reproducible`; safe to run again.
#
#   krew/reproducible.sh PACKAGE PROGRAM
set -euo pipefail
cd "$(dirname "$0")/.."

readonly package=$1 program=$2
krew/build.sh amd64 "$package"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
# What is committed or changed, and what is new; not what was deleted.
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [[ ! -e $file ]] || printf '%s\0' "$file"
done | tar --create --null --files-from - | tar --extract --directory "$copy"
"$copy/krew/build.sh" amd64 "$package"
if ! cmp "target/linux-amd64/$program" "$copy/target/linux-amd64/$program"; then
    mkdir -p target/reproducible
    cp "$copy/target/linux-amd64/$program" target/reproducible/
    printf 'reproducible: %s is not the same from another folder; that one is target/reproducible/%s\n' "$program" "$program" >&2
    exit 1
fi
printf 'reproducible: %s is the same, byte for byte, from another folder\n' "$program"
