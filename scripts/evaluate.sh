#!/bin/bash
# Prints every figure of the README and of the model card, on held-out problems, and keeps them beside the model.
# About fifteen minutes on two cores. COUNT problems a row (1000), MODEL the model.
set -euo pipefail
cd "$(dirname "$0")/.."
LACE=${B:-build}/lace
MODEL=${MODEL:-models/lace-search}
COUNT=${COUNT:-1000}
OUT=$MODEL/results
mkdir -p "$OUT"

results=$MODEL/RESULTS.md
{
    echo "# Results"
    echo
    echo "Printed by \`scripts/evaluate.sh\`, $COUNT held-out problems a table, which no training data contains."
    echo "The JSON with every figure and interval lies in \`results/\`."
} >"$results"

row() { # name, then the command's options
    local name=$1
    shift
    echo "== $name: lace eval $*"
    "$LACE" eval --model "$MODEL" --count "$COUNT" "$@" --save "$OUT/$name.json" | tee "$OUT/$name.txt"
    printf '\n    lace eval --count %s %s\n\n' "$COUNT" "$*" >>"$results"
    sed 's/^/    /; s/ *$//' "$OUT/$name.txt" >>"$results"
    rm "$OUT/$name.txt"
    echo
}

row headline --difficulty 4 --threads 4
row false-claim --difficulty 4 --threads 4 --inject 1 --arms independent,isolated,lace
row harder-5 --difficulty 5 --threads 4 --arms independent,isolated,lace
row threads-8 --difficulty 4 --threads 8 --arms independent,isolated,lace
row threads-2 --difficulty 4 --threads 2 --arms independent,isolated,lace
row threads-16 --difficulty 4 --threads 16 --arms independent,isolated,lace
row harder-6 --difficulty 6 --threads 4 --arms independent,isolated,lace
row visible --difficulty 4 --threads 4 --arms lace,lace:aligned,lace:window:17,lace:window:51
