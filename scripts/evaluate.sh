#!/bin/bash
# Prints every figure of the README and of the model card, on held-out problems, and keeps them beside the model.
# About fifteen minutes on two cores. COUNT problems a row (1000), MODEL the model. A row whose table is there is not
# run again; remove results/NAME.txt for that.
set -euo pipefail
cd "$(dirname "$0")/.."
LACE=${B:-build}/lace
MODEL=${MODEL:-models/lace-search}
COUNT=${COUNT:-1000}
DB=${DB:-${B:-build}/results.sqlite} # every outcome, for lace report and for questions of one's own
OUT=$MODEL/results
mkdir -p "$OUT"
results=$(
    echo "# Results"
    echo
    echo "Printed by \`scripts/evaluate.sh\`, $COUNT held-out problems a table, which no training data contains."
    echo "The JSON with every figure and interval lies in \`results/\`."
)

row() { # name, then the command's options
    local name=$1
    shift
    if [ ! -e "$OUT/$name.txt" ]; then
        echo "== $name: lace eval $*" >&2
        "$LACE" eval --model "$MODEL" --count "$COUNT" "$@" --save "$OUT/$name.json" >"$OUT/$name.tmp"
        mv "$OUT/$name.tmp" "$OUT/$name.txt"
    fi
    results+=$'\n\n'$(printf '    lace eval --count %s %s\n\n' "$COUNT" "$*" && sed 's/^/    /; s/ *$//' "$OUT/$name.txt")
    printf '%s\n' "$results" >"$MODEL/RESULTS.md"
}

row headline --difficulty 4 --threads 4
row false-claim --difficulty 4 --threads 4 --inject 1 --arms independent,isolated,lace
row harder-5 --difficulty 5 --threads 4 --arms independent,isolated,lace
row threads-8 --difficulty 4 --threads 8 --arms independent,isolated,lace
row threads-2 --difficulty 4 --threads 2 --arms independent,isolated,lace
row threads-16 --difficulty 4 --threads 16 --arms independent,isolated,lace
row harder-6 --difficulty 6 --threads 4 --arms independent,isolated,lace
row visible --difficulty 4 --threads 4 --arms lace,lace:aligned,lace:window:17,lace:window:51
