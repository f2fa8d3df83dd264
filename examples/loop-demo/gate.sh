#!/bin/sh
# The gate: run on a clean checkout of the commit that is to end a phase.
set -eu
for file in *.txt; do
    grep -q "second try" "$file" || { echo "$file: still the first try"; exit 1; }
done
if [ -e parser.txt ] && ! grep -q tested parser.txt; then
    echo "parser.txt: nobody has tested it"
    exit 1
fi
echo "all is well"
