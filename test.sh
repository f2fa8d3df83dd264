#!/bin/sh
# Every check, in the order in which they fail fastest. Sets up first what is missing.
#   ./test.sh [--real] [PYTEST ARGUMENT...]
# --real: also the tests with real agent programs, installed into $AO_REAL_CLIS (default .cache/clis).
set -eu
cd "$(dirname "$0")"

if [ "${1:-}" = --real ]; then
    shift
    ./bootstrap.sh --node
    AO_REAL_CLIS=${AO_REAL_CLIS:-$(pwd)/.cache/clis}
    export AO_REAL_CLIS
    tests/support/install_clis.sh "$AO_REAL_CLIS"
else
    ./bootstrap.sh
    set -- -m 'not real' "$@"
fi
[ -n "${AO_NO_VENV:-}" ] || PATH="$(pwd)/.venv/bin:$PATH"

step() { echo "== $*"; "$@"; }

step ruff format --check
step ruff check
step mypy
step lint-imports
# Two at a time: many wait for a real program most of their time.
step pytest -n 2 --dist worksteal "$@"
