#!/bin/sh
# What a model would do in a loop: look at the shared branch, and do the next thing.
#   agent.sh ROLE PHASE
# It goes by what is committed alone, so it can be ended at any moment and begun again.
set -eu
role=$1 phase=$2
cd "$(dirname "$0")"
mkdir -p work

# The first of the two makes the repository; a clone is begun elsewhere, so that one that is cut off is none.
(
    flock 9
    rm -rf work/new.git work/first "work/$role.new"
    if [ ! -e work/made ]; then
        git init -q --bare -b main work/new.git
        git clone -q work/new.git work/first 2>/dev/null
        cp gate.sh work/first/
        git -C work/first add .
        git -C work/first -c user.name=setup -c user.email=setup@localhost commit -q -m "begin"
        git -C work/first push -q origin HEAD:main
        rm -rf work/first
        mv work/new.git work/origin.git
        touch work/made
    fi
    until [ -d work/origin.git ]; do sleep 0.2; done
    [ -d "work/$role" ] || { git clone -q work/origin.git "work/$role.new" && mv "work/$role.new" "work/$role"; }
) 9>work/lock

cd "work/$role"
git remote set-url origin "$(cd .. && pwd)/origin.git"
git config user.name "$role"
git config user.email "$role@localhost"

# Removes the locks of a git that was killed: here nobody else's can be there for long.
unlock() { find .git ../origin.git -name '*.lock' -mmin +0.05 -delete 2>/dev/null || true; }

# With the remote away for a while, a model would try again too.
patiently() { until "$@" 2>/dev/null; do sleep 0.3; unlock; done; }

# subject: commits what is there and pushes it; when the other was faster, on top of that.
hand_over() {
    git add -A
    git commit -q --allow-empty -m "$1"
    patiently sh -c 'git push -q origin HEAD:main || { git pull -q --rebase origin main && git push -q origin HEAD:main; }'
    echo "$1"
}

rm -f .git/*.lock
patiently git fetch -q origin main
git reset -q --hard FETCH_HEAD
last=$(git log -1 --format=%s --grep="^claim: $phase" --grep="^review: $phase" FETCH_HEAD)
mkdir -p machine-docs

case "$role $last" in
"builder ")
    echo "first try" >"$phase.txt"
    hand_over "claim: $phase works" ;;
"builder review: $phase is rejected"*)
    echo "second try" >"$phase.txt"
    hand_over "claim: $phase works now" ;;
"builder review: $phase is accepted"*)
    status=machine-docs/STATUS-$phase.md
    if [ ! -e "$status" ]; then
        printf '# %s\n\n## DONE\nAll of the plan is built and reviewed.\n' "$phase" >"$status"
        hand_over "status: $phase is done"
    elif ! grep -qs tested "$phase.txt" && [ "$phase" = parser ]; then
        echo "tested" >>"$phase.txt"   # what the gate has found
        hand_over "mend what the gate of $phase found"
    fi ;;
"adversary claim: $phase works")
    hand_over "review: $phase is rejected, it works only the first time" ;;
"adversary claim: $phase works now")
    hand_over "review: $phase is accepted" ;;
*)
    echo "nothing to do after: ${last:-nothing}" ;;
esac
