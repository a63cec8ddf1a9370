#!/usr/bin/env bash
# Installs what compiling for arm64 and running the result takes, from Debian, where the workspace's toolchain lacks that target:
# rustc-web (a current Rust in Debian's security archive, made for Firefox and Chromium), the standard library and a C compiler
# for arm64, and qemu. Run by `make dist`; safe to run again.
set -euo pipefail

say() { printf 'tools: %s\n' "$*"; }

target=aarch64-unknown-linux-gnu
packages=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static)
[[ -d $(rustc --print target-libdir --target $target 2> /dev/null) ]] || packages+=(rustc-web libstd-rust-web-dev:arm64)

missing=()
for package in "${packages[@]}"; do
    [[ $(dpkg-query --show --showformat '${db:Status-Abbrev}' "$package" 2> /dev/null) == ii* ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0
if [[ $(id -u) != 0 ]] || ! command -v apt-get > /dev/null; then
    say "missing, and not installed because this is not root on Debian: ${missing[*]}"
    exit 1
fi
say "installing Debian packages: ${missing[*]}"
dpkg --add-architecture arm64
apt-get update -qq
# An older rustc of Debian's own would have to go for rustc-web; that is for people to decide.
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-remove "${missing[@]}" > /dev/null
