#!/usr/bin/env bash
# Packs programs that are compiled already into the files of a release. `make dist` runs it on the programs of a release, `make pack`
# on those that tests are run with. It is safe to run again: what is there and right is left alone.
#
#   krew/pack.sh PROGRAMS OUT     PROGRAMS has linux-amd64/ and linux-arm64/, each with both programs
#
#   SOURCE_DATE_EPOCH, REVISION   the commit's time and name
#   BASE_URL                      the folder, on the web, that the archives will be downloaded from, for the krew manifest
#   SOURCE_URL                    where the source is published, for the image's label; none without it
set -euo pipefail
cd "$(dirname "$0")/.."

readonly programs=$1 out=$2
readonly plugin=kubectl-eks-encrypt job=eks-encrypt-job
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
dist() { target/debug/dist "$@"; }
mkdir -p "$out"

image=$out/$job.oci.tar
dist image --output "$image" --binary amd64="$programs/linux-amd64/$job" --binary arm64="$programs/linux-arm64/$job" \
    ${REVISION:+--revision "$REVISION"} ${SOURCE_URL:+--source "$SOURCE_URL"}

# The pages are the same on both architectures; and this machine can run amd64's.
man=$programs/dist-man/man
rm -rf "$programs/dist-man"
mkdir -p "$man"
"$programs/linux-amd64/kubectl-eks_encrypt" man "$man"
with=("$image" krew/kubectl_complete-eks_encrypt "$man" LICENSE README.md)

archives=() boms=()
for arch in amd64 arm64; do
    archive=$out/kubectl-eks_encrypt-v$version-linux-$arch.tar.gz
    dist archive --output "$archive" "$programs/linux-$arch/kubectl-eks_encrypt" "${with[@]}"
    archives+=("$archive")
    target=x86_64-unknown-linux-gnu
    [[ $arch == amd64 ]] || target=aarch64-unknown-linux-gnu
    for package in $plugin $job; do
        bom=$out/$package-v$version-linux-$arch.cdx.json
        cargo tree --locked --package $package --target $target --edges normal --prefix depth --format '{p}|{l}' |
            dist sbom --output "$bom"
        boms+=("$bom")
    done
done

dist manifest --template krew/eks-encrypt.yaml.in --base-url "${BASE_URL:-https://not-published.invalid/v$version}" \
    --output "$out/eks-encrypt.yaml" "${archives[@]}"
files=("${archives[@]}" "${boms[@]}" "$image" "$out/eks-encrypt.yaml")
dist sums --output "$out/SHA256SUMS" "${files[@]}"
files+=("$out/SHA256SUMS")

# What an earlier version left is not of this release.
for file in "$out"/*; do
    [[ " ${files[*]} " == *" $file "* ]] || rm "$file"
done
cd "$out"
stat --printf '%s\t%n\n' "${files[@]##*/}" | numfmt --field 1 --to iec-i --suffix B --format '%9.1f'
