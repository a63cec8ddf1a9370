#!/usr/bin/env bash
# Compiles packages as they are released for Linux: static, so that they run on any distribution and in an empty image, and with
# no path of this machine in them, so that another checkout's are the same.
#
#   krew/build.sh [--for-tests] amd64|arm64 PACKAGE...     -> target/linux-amd64/ or target/linux-arm64/
#
# With --for-tests they are compiled quickly, into target/packed/linux-amd64/ or target/packed/linux-arm64/.
set -euo pipefail
cd "$(dirname "$0")/.."

profile_for_tests=
if [[ $1 == --for-tests ]]; then
    profile_for_tests=job-dev
    shift
fi
readonly profile_for_tests arch=$1
shift
folder=target
case $arch in
    amd64) target=x86_64-unknown-linux-gnu ;;
    arm64) target=aarch64-unknown-linux-gnu
        export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc ;;
    *) printf 'build: %s is neither amd64 nor arm64\n' "$arch" >&2; exit 2 ;;
esac
readonly target

# The workspace's own toolchain, if it has the target (`rustup target add`); else Debian's, which krew/tools.sh installs. Debian's
# goes by its full name: no other build is to find it.
has_target() { [[ -d $("$1" --print target-libdir --target "$target" 2> /dev/null) ]]; }
rustc=${RUSTC:-rustc}
if ! has_target "$rustc"; then
    rustc=/usr/bin/rustc
    # What two compilers made does not mix.
    folder=target/debian
    if ! has_target $rustc; then
        printf 'build: no toolchain here compiles for %s; krew/tools.sh installs one, as root on Debian\n' "$target" >&2
        exit 1
    fi
fi
export RUSTC=$rustc

# The time of the commit is for what is packed. ring's build script looks at it too, and each commit would compile ring and all
# that stands on it anew.
unset SOURCE_DATE_EPOCH

# Panics carry the paths of sources: those of crates (in a folder named after a registry), of what build scripts wrote, and, where
# the component rust-src is installed, of the standard library. The last flag that fits counts.
cargo fetch --locked --quiet
flags=(-Ctarget-feature=+crt-static "--remap-path-prefix=$PWD=.")
for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
    flags+=("--remap-path-prefix=$registry=/crates")
done
commit=$($rustc --version --verbose | sed -n 's/^commit-hash: //p')
flags+=("--remap-path-prefix=$($rustc --print sysroot)/lib/rustlib/src/rust=/rustc/$commit")
# Between flags there is a character that no path has.
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; printf '%s' "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS

# What `version -o json` says of the plugin; nothing where nobody says it.
export EKS_ENCRYPT_REVISION=${REVISION:-}

readonly out=target${profile_for_tests:+/packed}/linux-$arch
mkdir -p "$out"
# One by one: together they would have the features that any of them turns on.
for package in "$@"; do
    printf 'build: %s for %s\n' "$package" "$arch"
    profile=release
    [[ $package != eks-encrypt-job ]] || profile=job
    profile=${profile_for_tests:-$profile}
    cargo build --profile $profile --locked --quiet --package "$package" --target "$target" --target-dir "$folder"
    program=${package/kubectl-eks-encrypt/kubectl-eks_encrypt} # the one name that kubectl prescribes
    built=$folder/$target/$profile/$program
    # Copied only if it changed, so that nothing is made anew from it.
    cmp --silent "$built" "$out/$program" || cp "$built" "$out/"
done
