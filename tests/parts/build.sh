#!/usr/bin/env bash
# Builds and installs what a sandbox is made of, and only what is missing. Run by `make parts`; safe to run again.
#
#   programs   etcd and Kubernetes, from the modules that go.mod pins and go.sum vouches for -> .built/bin
#   krew       krew and its validator, from the module that krew/go.mod pins                 -> .built/krew
#   python     moto (the AWS services), aws and cfn-lint (command lines), pinned with hashes -> .built/venv
#   packages   containerd and what a node needs, from Debian, when root                      -> the system
#   images     the pause image of every Pod, from pause/main.go                              -> .built/images
#
# `build.sh bench` installs what `make bench` needs besides: wrk, from Debian.
set -euo pipefail
cd "$(dirname "$0")"

readonly built=$PWD/.built
# What a node and the Python environment need, and the Debian package that has it.
declare -A packages=(
    [containerd]=containerd [runc]=runc [buildah]=buildah [/usr/lib/cni/bridge]=containernetworking-plugins
    [iptables]=iptables [conntrack]=conntrack [docker-registry]=docker-registry [ip]=iproute2
)
[[ ${1-} != bench ]] || packages[wrk]=wrk
readonly packages
mkdir -p "$built/bin" "$built/images"

say() { printf 'parts: %s\n' "$*"; }

# $1 names a thing, $2 is the file or folder, the rest are the files that it is made from.
current() {
    local stamp=$built/$1.stamp; shift
    local thing=$1; shift
    [[ -e $thing && -e $stamp && $(cat "$stamp") == "$(sha256sum "$@" | sha256sum)" ]]
}
stamp() { local name=$1; shift 2; sha256sum "$@" | sha256sum > "$built/$name.stamp"; }

install_packages() {
    local missing=() program
    for program in "${!packages[@]}"; do
        PATH=$PATH:/usr/sbin:/sbin command -v "$program" > /dev/null || missing+=("${packages[$program]}")
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

build_program() { # NAME PACKAGE
    local name=$1 package=$2
    if [[ -x ${KUBEBUILDER_ASSETS:-/nonexistent}/$name ]]; then
        say "$name: that of KUBEBUILDER_ASSETS"
        return 0
    fi
    current "$name" "$built/bin/$name" go.mod go.sum && return 0
    local started=$SECONDS version
    version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
    local minor=${version#v1.}
    local set="-X k8s.io/component-base/version"
    say "$name: building ..."
    # Kubernetes takes its version from the linker; without it, clients are told v0.0.0-master.
    CGO_ENABLED=0 go build -trimpath -o "$built/bin/$name" -ldflags "-s -w \
        $set.gitVersion=$version $set.gitMajor=1 $set.gitMinor=${minor%%.*} $set.gitTreeState=clean" "$package"
    stamp "$name" "bin/$name" go.mod go.sum
    say "$name: built in $((SECONDS - started)) s"
}

build_krew() { # PACKAGE [NAME]
    # A folder of their own: kubectl takes kubectl-krew on PATH for a plugin of everybody's.
    local program=$built/krew/${2:-$1}
    current "krew-$1" "$program" krew/go.mod krew/go.sum && return 0
    local started=$SECONDS
    say "$1: building ..."
    # Without a version from the linker it is a development build, which never asks the internet for a newer one.
    (cd krew && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$program" "sigs.k8s.io/krew/cmd/$1")
    stamp "krew-$1" "$program" krew/go.mod krew/go.sum
    say "$1: built in $((SECONDS - started)) s"
}

install_python() {
    current venv "$built/aws/aws" requirements.txt && return 0
    say "moto and aws: installing ..."
    rm -rf "$built/venv"
    python3 -m venv "$built/venv"
    "$built/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
    # Compiled now, so that the first sandbox does not pay for it; some files of awscli are templates, not Python.
    "$built/venv/bin/python" -m compileall -q "$built/venv/lib" >/dev/null || true
    # A folder with `aws` alone, for PATH.
    mkdir -p "$built/aws"
    ln -sf ../venv/bin/aws "$built/aws/aws"
    stamp venv "$built/venv" requirements.txt
}

build_pause() {
    [[ $(id -u) == 0 ]] && command -v buildah >/dev/null || return 0
    current pause "$built/images/pause.oci.tar" pause/main.go && return 0
    say "pause image: building ..."
    local context; context=$(mktemp -d)
    mkdir "$context/files"
    CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$context/files/pause" ./pause
    printf 'FROM scratch\nCOPY pause /pause\nUSER 65535:65535\nENTRYPOINT ["/pause"]\n' > "$context/files/Containerfile"
    # A store of its own, which goes with the folder.
    local buildah=(buildah --storage-driver vfs --root "$context/root" --runroot "$context/run")
    "${buildah[@]}" build --quiet --isolation chroot --tag eks-encrypt.local/pause:1 "$context/files" > /dev/null
    rm -f "$built/images/pause.oci.tar"
    "${buildah[@]}" push --quiet eks-encrypt.local/pause:1 \
        "oci-archive:$built/images/pause.oci.tar:eks-encrypt.local/pause:1"
    rm -rf "$context"
    stamp pause "$built/images/pause.oci.tar" pause/main.go
}

say "checking what a sandbox needs; from nothing this takes about 8 minutes on 2 cores"
install_packages
build_program kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
build_program etcd go.etcd.io/etcd/server/v3
build_program kubectl k8s.io/kubernetes/cmd/kubectl
build_program kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager
build_program kube-scheduler k8s.io/kubernetes/cmd/kube-scheduler
build_program kubelet k8s.io/kubernetes/cmd/kubelet
build_program kube-proxy k8s.io/kubernetes/cmd/kube-proxy
build_krew krew kubectl-krew
build_krew validate-krew-manifest
install_python
build_pause
say "everything is there"
