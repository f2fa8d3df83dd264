#!/bin/sh
# Makes this folder ready to work in: tmux and git, a virtual environment in .venv, ao and its tools inside it.
#   ./bootstrap.sh [--node]     --node: Node.js and npm too, for the real agent programs
# Safe to repeat; when nothing has changed it takes a moment. AO_NO_VENV=1 leaves Python alone (nix develop).
set -eu
cd "$(dirname "$0")"

say() { echo "bootstrap: $*" >&2; }
die() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif has sudo; then sudo "$@"
    else die "'$*' needs root, and there is no sudo: run it as root, then ./bootstrap.sh again"
    fi
}

# Installs packages by their names in the system's package manager.
install_packages() {
    say "installing $*"
    if has apt-get; then
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    elif has dnf; then as_root dnf install -y -q "$@"
    elif has pacman; then as_root pacman -Sy --noconfirm --needed "$@"
    elif has zypper; then as_root zypper --non-interactive --quiet install "$@"
    elif has apk; then as_root apk add --quiet "$@"
    elif has brew; then brew install --quiet "$@"
    else die "no package manager is known here: install $* by hand, then run ./bootstrap.sh again"
    fi
}

need_program() {
    has "$1" || install_packages "$1"
    has "$1" || die "$1 is still not on PATH: install it by hand, then run ./bootstrap.sh again"
}

need_node() {
    if ! has npm; then
        if has brew && ! has apt-get; then install_packages node; else install_packages nodejs npm; fi
    fi
    has npm || die "npm is still not on PATH: install Node.js 20 or newer by hand"
    major=$(node -p 'process.versions.node.split(".")[0]')
    [ "$major" -ge 20 ] || say "Node.js $major is old: gemini needs 20 or newer"
}

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

# The first Python on PATH that is new enough.
find_python() {
    for name in python3 python3.13 python3.12 python3.11 python3.14 python; do
        if has "$name" && is_new_enough "$name"; then command -v "$name"; return; fi
    done
    found=$(python3 --version 2>&1) || found="no Python at all"
    die "ao needs Python 3.11 or newer, and here is $found: install python3.11 or newer (or uv, which brings its own), then run ./bootstrap.sh again"
}

make_venv() {
    say "making .venv"
    if has uv; then
        uv venv --quiet --clear --python '>=3.11' .venv
        return
    fi
    python=$(find_python)
    # Debian and Ubuntu keep the half of venv that installs pip in a package of its own.
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        has apt-get || die "$python has no venv module: install your system's package for it, then run ./bootstrap.sh again"
        install_packages "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    fi
    "$python" -m venv --clear .venv
}

install_ao() {
    say "installing ao into .venv"
    if has uv; then
        uv pip install --quiet --python .venv/bin/python --editable '.[dev]'
    else
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
    fi
}

[ $# -eq 0 ] || [ "$*" = --node ] || die "usage: ./bootstrap.sh [--node]"
need_program tmux
need_program git
[ $# -eq 0 ] || need_node
[ -z "${AO_NO_VENV:-}" ] || exit 0

# What is installed follows from pyproject.toml, and the scripts in .venv/bin name the folder.
wanted="$(pwd)
$(cksum <pyproject.toml)"
stamp=.venv/ao-bootstrap
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && is_new_enough .venv/bin/python; then
    exit 0
fi
if ! is_new_enough .venv/bin/python || { [ -f "$stamp" ] && [ "$(head -n 1 "$stamp")" != "$(pwd)" ]; }; then
    make_venv
fi
install_ao
echo "$wanted" >"$stamp"
