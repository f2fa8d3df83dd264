#!/bin/sh
# The main job, on the demo agent that comes with ao: a fleet starts, is hurt three ways, heals, and goes without a trace;
# then a builder and an adversary work through a plan of three phases by themselves.
# Installs what is missing first. Prints PASS, or what failed and exits with 1.
set -eu
cd "$(dirname "$0")"
./bootstrap.sh
[ -n "${AO_NO_VENV:-}" ] || PATH="$(pwd)/.venv/bin:$PATH"
unset TMUX TMUX_PANE AO_CONFIG
begun=$(date +%s)

work=$(mktemp -d)
TMUX_TMPDIR=$work
export TMUX_TMPDIR
config=$work/agents.toml
loop=$work/loop/agents.toml
cat >"$config" <<TOML
[defaults]
session_prefix = "smoke-"
log_dir = "log"
tmux_socket = "smoke"
backend = "demo"
watch = "heal"

[[agent]]
name = "builder"
prompt = "/say I build."

[[agent]]
name = "reviewer"
prompt = "/say I review."

[[agent]]
name = "planner"
prompt = "/work 2"

[[service]]
name = "clock"
command = "while :; do date; sleep 1; done"
TOML

say() { printf '%s\n' "== $*"; }
# CONFIG: pids of what this run started: agents carry AO_CONFIG, the watchdog names it, and tmux has our folder for its sockets.
ours() {
    python3 - "$1" <<'PY'
import contextlib, os, sys
import psutil
for process in psutil.process_iter():
    with contextlib.suppress(psutil.Error):
        if process.pid == os.getpid():
            continue
        words = process.cmdline()
        tmux = words[:1] and words[0].endswith("tmux") and process.environ().get("TMUX_TMPDIR") == os.environ["TMUX_TMPDIR"]
        if process.environ().get("AO_CONFIG") == sys.argv[1] or (sys.argv[1] in words and "watchdog" in words) or tmux:
            print(process.pid, *words)
PY
}
stop_all() { for each in "$config" "$loop"; do [ ! -e "$each" ] || ao down --config "$each" >/dev/null 2>&1 || true; done; }
fail() {
    say "FAIL: $*"
    ao status --config "$config" || true
    tail -n 40 "$work/log/watchdog.log" 2>/dev/null || true
    exit 1
}
trap 'stop_all; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

tm() { tmux -L smoke "$@"; }
pid_of() { tm list-panes -a -F '#{@ao_name} #{pane_pid} #{pane_dead}' 2>/dev/null | awk -v n="$1" '$1 == n && $3 == 0 { print $2 }'; }
now_ms() { python3 -c 'import time; print(int(time.time() * 1000))'; }
# Waits until each name runs as another process than before; prints the seconds it took.
healed() { # BEGIN_MS OLD_PID NAME
    while :; do
        new=$(pid_of "$3")
        took=$(($(now_ms) - $1))
        [ -z "$new" ] || [ "$new" = "$2" ] || break
        [ "$took" -lt 20000 ] || fail "$3 is not back after 20 s"
        sleep 0.05
    done
    printf '%s is back after %d.%02d s, pid %s\n' "$3" $((took / 1000)) $((took % 1000 / 10)) "$new"
}

say "up: three agents and a service"
ao up --config "$config" || fail "up"
ao status --config "$config" --exit-code || fail "not healthy"

say "kill -9 of the builder's process"
old=$(pid_of builder); at=$(now_ms); kill -9 "$old"
healed "$at" "$old" builder

say "kill-session of the reviewer"
old=$(pid_of reviewer); at=$(now_ms); tm kill-session -t '=smoke-reviewer'
healed "$at" "$old" reviewer

say "kill -9 of the whole tmux server"
builder=$(pid_of builder); reviewer=$(pid_of reviewer); planner=$(pid_of planner); clock=$(pid_of clock)
at=$(now_ms); kill -9 "$(tm display-message -p '#{pid}')"
healed "$at" "$builder" builder
healed "$at" "$reviewer" reviewer
healed "$at" "$planner" planner
healed "$at" "$clock" clock
i=0
until ao status --config "$config" --exit-code >/dev/null; do
    i=$((i + 1)); [ "$i" -lt 100 ] || fail "not healthy after the server's death"
    sleep 0.1
done
ao status --config "$config"

say "down"
ao down --config "$config" || fail "down"
left=$(ours "$config" || true)
[ -z "$left" ] || fail "processes are left: $left"

say "a loop: three phases, claims and reviews by git commits, a gate that fails once"
mkdir "$work/loop"
for each in examples/loop-demo/*; do [ "$each" = examples/loop-demo/work ] || cp -R "$each" "$work/loop"; done
config=$loop
ao up --config "$loop" || fail "up of the loop"
i=0
until (cd "$work/loop" && [ -e .ao/SEQUENCE-COMPLETE ] && [ -e work/report.txt ]); do
    i=$((i + 1)); [ "$i" -lt 900 ] || fail "the loop is not through after 90 s"
    sleep 0.1
done
ao events --config "$loop" -n 1000 loop
ao phase --config "$loop"
ao down --config "$loop" || fail "down of the loop"
left=$(ours "$loop" || true)
[ -z "$left" ] || fail "processes are left: $left"
[ -z "$(find "$work" -type s)" ] || fail "a socket is left: $(find "$work" -type s)"

say "PASS in $(($(date +%s) - begun)) s"
