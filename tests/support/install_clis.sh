#!/bin/sh
# Installs the pinned agent programs with npm, one folder each, links in PREFIX/bin.
#   install_clis.sh PREFIX [claude] [codex] [gemini] [opencode]     default: all
# What is there in its pinned version is left alone. Nothing outside PREFIX is written, npm's own cache aside.
set -eu

usage() { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }

package_of() {
    case $1 in
        claude) echo @anthropic-ai/claude-code ;;
        codex) echo @openai/codex ;;
        gemini) echo @google/gemini-cli ;;
        opencode) echo opencode-ai ;;
        *) echo "install_clis.sh: no program is called '$1'" >&2; exit 2 ;;
    esac
}

version_of() {
    case $1 in
        claude) echo 2.1.328 ;;
        codex) echo 0.169.0 ;;
        gemini) echo 0.61.0 ;;
        opencode) echo 1.18.33 ;;
    esac
}

# The version in a package.json, or nothing.
installed_version() {
    [ ! -f "$1" ] || sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' "$1" | head -n 1
}

[ $# -ge 1 ] || usage
case $1 in -*) usage ;; esac
mkdir -p "$1/bin"
prefix=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- claude codex gemini opencode

for name in "$@"; do
    package=$(package_of "$name")
    version=$(version_of "$name")
    program=$prefix/$name/node_modules/.bin/$name
    if [ -x "$program" ] && [ "$(installed_version "$prefix/$name/node_modules/$package/package.json")" = "$version" ]; then
        echo "$name $version is installed"
    else
        command -v npm >/dev/null || { echo "install_clis.sh: npm is not on PATH; install Node.js 20 or newer" >&2; exit 1; }
        echo "installing $name $version"
        npm install --prefix "$prefix/$name" --no-audit --no-fund --loglevel=error "$package@$version"
    fi
    ln -sfn "../$name/node_modules/.bin/$name" "$prefix/bin/$name"
done
