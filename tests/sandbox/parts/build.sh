#!/usr/bin/env bash
# Builds what a sandbox is made of, once a machine: into a cache outside the checkout, from which every clone takes it.
# `make parts` runs it. It is safe to run again, and in two clones at once.
#
#   tests/sandbox/parts/build.sh [sandbox|krew|bench|lint]...     `sandbox` without a name
#
#   kubernetes   etcd and Kubernetes, from the modules that go.mod pins and go.sum verifies
#   python       moto (the AWS services), aws and cfn-lint (command lines), pinned with hashes
#   images       the image that holds each Pod's namespaces, and one of a program that writes what it is told: pause/, echo/
#   krew         krew and its validator, from the module that krew/go.mod pins
#   lint         actionlint, from the module that lint/go.mod pins, and cargo-deny
#
# Debian packages (containerd and what else a node needs; wrk for `bench`) are installed into the system, as root.
#
#   EKS_ENCRYPT_PARTS   the cache; ${XDG_CACHE_HOME:-~/.cache}/eks-encrypt/parts by default
#
# `build.sh clean` removes every part from the cache.
set -euo pipefail
cd "$(dirname "$0")"

readonly cache=${EKS_ENCRYPT_PARTS:-${XDG_CACHE_HOME:-$HOME/.cache}/eks-encrypt/parts}
readonly parts=(kubernetes python images krew lint)
readonly links=$PWD/.built

say() { printf 'parts: %s\n' "$*"; }

# Links .built/NAME to the part's folder in the cache, which make_NAME fills if it is not there yet. The folder's name has a digest
# of all that decides what is in it: the files that pin versions, the recipe and the tool's version.
part() { # NAME TOOL-VERSION PINNED-BY...
    local name=$1 version=$2 key folder started
    shift 2
    key=$({ printf '%s\n' "$version"; declare -f "make_$name"; sha256sum "$@"; } | sha256sum | cut -c 1-16)
    folder=$cache/$name-$key
    if [[ ! -e $folder/.complete ]]; then
        mkdir -p "$cache"
        (
            # One clone builds it, and others wait. The kernel frees the lock however the builder ends.
            flock 9
            [[ ! -e $folder/.complete ]] || exit 0
            say "$name: building ..."
            started=$SECONDS
            # What an interrupted build left.
            rm -rf "$folder"
            mkdir "$folder"
            "make_$name" "$folder"
            touch "$folder/.complete"
            say "$name: built in $((SECONDS - started)) s"
        ) 9> "$folder.lock"
    fi
    mkdir -p "$links"
    [[ -L $links/$name ]] || rm -rf "${links:?}/$name"
    ln -sfnT "$folder" "$links/$name"
}

# What KUBEBUILDER_ASSETS has of these is used in place of ours.
programs=()
for package in go.etcd.io/etcd/server/v3 k8s.io/kubernetes/cmd/kube{-apiserver,ctl,-controller-manager,-scheduler,let,-proxy}; do
    program=${package##*/}
    [[ -x ${KUBEBUILDER_ASSETS:-/nonexistent}/${program/v3/etcd} ]] || programs+=("$package")
done
readonly programs

make_kubernetes() {
    local set="-X k8s.io/component-base/version" version minor
    version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
    minor=${version#v1.}
    # Kubernetes takes its version from the linker; without it, clients are told v0.0.0-master.
    CGO_ENABLED=0 go build -trimpath -o "$1/" -ldflags "-s -w \
        $set.gitVersion=$version $set.gitMajor=1 $set.gitMinor=${minor%%.*} $set.gitTreeState=clean" \
        "${programs[@]}"
    # Go names a program after its folder.
    [[ ! -e $1/server ]] || mv "$1/server" "$1/etcd"
}

make_krew() {
    # Without a version from the linker it is a development build, which never asks the internet for a newer one.
    (cd krew && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$1/" sigs.k8s.io/krew/cmd/{krew,validate-krew-manifest})
    mv "$1/krew" "$1/kubectl-krew"
}

make_python() {
    python3 -m venv "$1"
    "$1/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
    # A folder with `aws` alone, for PATH.
    mkdir "$1/aws"
    ln -s ../bin/aws "$1/aws/aws"
}

make_lint() {
    local version
    (cd lint && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$1/" github.com/rhysd/actionlint/cmd/actionlint)
    version=$(sed -n 's/^cargo-deny = "\(.*\)".*/\1/p' ../../../Cargo.toml)
    # Unoptimised: it runs for a second, and would take minutes to compile.
    cargo install --quiet --locked --debug --no-track --root "$1" --target-dir "$1/target" "cargo-deny@$version"
    mv "$1/bin/cargo-deny" "$1"
    rm -rf "$1/target" "$1/bin"
}

make_images() {
    # A store of its own, which goes with the folder.
    local program image buildah=(buildah --storage-driver vfs --root "$1/store/root" --runroot "$1/store/run")
    for program in pause echo; do
        image=eks-encrypt.local/$program:1
        mkdir "$1/context"
        CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$1/context/program" "./$program"
        printf 'FROM scratch\nCOPY program /%s\nUSER 65535:65535\nENTRYPOINT ["/%s"]\n' "$program" "$program" \
            > "$1/context/Containerfile"
        "${buildah[@]}" build --quiet --isolation chroot --tag "$image" "$1/context" > /dev/null
        "${buildah[@]}" push --quiet "$image" "oci-archive:$1/$program.oci.tar:$image"
        rm -rf "$1/context"
    done
    rm -rf "$1/store"
}

install_packages() { # PROGRAM=PACKAGE...
    local missing=() pair
    for pair in "$@"; do
        PATH=$PATH:/usr/sbin:/sbin command -v "${pair%=*}" > /dev/null || missing+=("${pair#*=}")
    done
    python3 -c 'import ensurepip' 2> /dev/null || missing+=(python3-venv)
    ((${#missing[@]})) || return 0
    if [[ $(id -u) != 0 ]] || ! command -v apt-get > /dev/null; then
        say "missing, and not installed because this is not root on Debian: ${missing[*]}"
        say "without python3-venv there is no sandbox; without the others it has a control plane and no node"
        return 0
    fi
    say "installing Debian packages: ${missing[*]}"
    apt-get update -qq
    # The packages' own services are not wanted: a registry that listens on every address above all.
    local policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' > $policy
        chmod +x $policy
        trap "rm -f $policy" RETURN
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
}

build_sandbox() {
    # Beside Go's compiler, which leaves a core idle while it downloads and links.
    {
        install_packages containerd=containerd runc=runc buildah=buildah /usr/lib/cni/bridge=containernetworking-plugins \
            iptables=iptables conntrack=conntrack docker-registry=docker-registry ip=iproute2
        part python "$(python3 --version)" requirements.txt
        if [[ $(id -u) == 0 ]] && command -v buildah > /dev/null; then part images "$(go version)" {pause,echo}/main.go; fi
    } &
    part kubernetes "$(go version) ${programs[*]}" go.mod go.sum
    wait $!
}

build_krew() { part krew "$(go version)" krew/go.mod krew/go.sum; }

build_bench() { install_packages wrk=wrk; }

build_lint() {
    part lint "$(go version) $(rustc --version) $(grep '^cargo-deny = ' ../../../Cargo.toml)" lint/go.mod lint/go.sum
}

build_clean() {
    # By their names: the folder may be one that has other things in it.
    local name
    for name in "${parts[@]}"; do rm -rf "$cache/$name"-????????????????{,.lock}; done
    rmdir --ignore-fail-on-non-empty "$cache" 2> /dev/null || true
    rm -rf "$links"
}

# A virtual environment can't move, and links have to lead somewhere from any folder.
[[ $cache == /* ]] || { say "EKS_ENCRYPT_PARTS has to be an absolute path: $cache"; exit 2; }
for group in "${@:-sandbox}"; do
    [[ $(type -t "build_$group") == function ]] || { say "there is no group $group"; exit 2; }
    "build_$group"
done
