#!/bin/bash
# Prints every figure of a model's card (of the README, for search), on held-out problems, and keeps them beside the model.
#
#   scripts/evaluate.sh [ROW ...]     these rows of the list below, or all: some minutes a row on two cores
#
# SET=search (the default) or families. COUNT problems a row (1000), MODEL the model. A table begins with the command and
# the model (a sum of its weights) that it is of; a row whose table is of this command and this model is not run again.
# The row `seeds` is run where SEEDS="14 15" names what scripts/reproduce.sh trained with other seeds (RUNS,
# runs/families). scripts/findings.py writes the tables of the documents from the results.
set -euo pipefail
cd "$(dirname "$0")/.."
LACE=${B:-build}/lace
SET=${SET:-search}
MODEL=${MODEL:-models/lace-$SET}
COUNT=${COUNT:-1000}
DB=${DB:-${B:-build}/results.sqlite} # every outcome, for lace report and for questions of one's own
RUNS=${RUNS:-runs/$SET}
OUT=$MODEL/results
mkdir -p "$OUT"
results=$(
    echo "# Results"
    echo
    echo "Printed by \`scripts/evaluate.sh\` on held-out problems, which no training data contains."
    echo "The JSON with every figure and interval lies in \`results/\`."
)
weights=$(cat "$MODEL/model.safetensors" "$MODEL/lattice/lattice_model.safetensors" | sha256sum | head -c 12)

wanted=" $* "
row() { # name, then the command's options
    local name=$1 command
    shift
    if [ "$1" != --model ]; then set -- --model "$MODEL" "$@"; fi
    command="lace eval $*   # $weights"
    if [ ! -e "$OUT/$name.txt" ] || [ "$(head -n 1 "$OUT/$name.txt")" != "$command" ]; then
        if [[ $wanted != "  " && $wanted != *" $name "* ]]; then
            if [ -e "$OUT/$name.txt" ]; then echo "evaluate: $OUT/$name.txt is of another command or model; run it again." >&2; fi
            return
        fi
        echo "== $name: $command" >&2
        printf '%s\n\n' "$command" >"$OUT/$name.tmp"
        "$LACE" eval "$@" --save "$OUT/$name.json" --db "$DB" >>"$OUT/$name.tmp"
        if [ "$name $SET" = "headline families" ]; then kinds >"$OUT/kinds.json"; fi
        mv "$OUT/$name.tmp" "$OUT/$name.txt"
    fi
    results+=$'\n\n'$(sed 's/^/    /; s/ *$//' "$OUT/$name.txt")
    printf '%s\n' "$results" >"$MODEL/RESULTS.md"
}

# In how many ways the threads of an arm went wrong on the problems that it did not solve: of the run that DB has last.
kinds() {
    python3 - "$DB" <<'P'
import json, sqlite3, sys
rows = sqlite3.connect(sys.argv[1]).execute("SELECT arm, count(*), avg(error_types), 1.96 * sqrt((avg(error_types * "
    "error_types) - pow(avg(error_types), 2)) / count(*)) FROM result WHERE run = (SELECT max(run) FROM result) AND arm IN "
    "('independent', 'isolated', 'exchange', 'lace') AND accuracy < 1 GROUP BY arm")
print(json.dumps([dict(zip(("arm", "problems", "kinds", "error"), r)) for r in rows]))
P
}

case $SET in
search)
    row headline --count "$COUNT" --difficulty 4 --threads 4
    row false-claim --count "$COUNT" --difficulty 4 --threads 4 --inject 1 --arms independent,isolated,lace
    row harder-5 --count "$COUNT" --difficulty 5 --threads 4 --arms independent,isolated,lace
    row threads-8 --count "$COUNT" --difficulty 4 --threads 8 --arms independent,isolated,lace
    row threads-2 --count "$COUNT" --difficulty 4 --threads 2 --arms independent,isolated,lace
    row threads-16 --count "$COUNT" --difficulty 4 --threads 16 --arms independent,isolated,lace
    row harder-6 --count "$COUNT" --difficulty 6 --threads 4 --arms independent,isolated,lace
    row visible --count "$COUNT" --difficulty 4 --threads 4 --arms lace,lace:aligned,lace:window:17,lace:window:51
    ;;
families) # COUNT problems in all, spread over the families
    trained=search,chain,countdown,knights,path,product,program,fare,bill,tab,loan,levy
    each() { echo $(((COUNT + $1 - 1) / $1)); }
    all=(--family "$trained" --count "$(each 12)" --development 24)
    row headline "${all[@]}" --threads 4 \
        --arms "independent,trained=$MODEL/isolated,isolated,exchange,exchange:tagged,serial,lace,muted,foreign"
    # shellcheck disable=SC2086 # one word a seed
    seeds=$(printf ",$RUNS-%s/rl/model" ${SEEDS:-14 15})
    if [ -n "${SEEDS:-}" ] || [ -e "$OUT/seeds.txt" ]; then
        row seeds --model "$MODEL$seeds" "${all[@]}" --threads 4 \
            --arms "independent=$MODEL/base,isolated=$MODEL/isolated,exchange=$MODEL/base,lace"
    fi
    row harder --family search,chain,countdown,knights,product --difficulty 5 --threads 4 --count "$(each 5)" \
        --development 40 --arms independent,isolated,lace
    row harder-4 --family program,fare,bill,tab,loan,levy --difficulty 4 --threads 4 --count "$(each 6)" --development 40 \
        --arms independent,isolated,lace
    row untrained --family toll --difficulty 1:3 --threads 4 --count "$COUNT" --development 40 \
        --arms independent,isolated,lace
    for kind in claim step verdict; do
        row false-$kind "${all[@]}" --threads 4 --inject $kind=1 --arms independent,isolated,lace
    done
    for threads in 2 8 16; do
        row threads-$threads "${all[@]}" --threads $threads --arms independent,isolated,lace
    done
    for kind in claim step verdict; do
        row rare-$kind "${all[@]}" --threads 4 --inject $kind=0.1 --arms independent,isolated,lace
    done
    row visible "${all[@]}" --threads 4 --arms lace,lace:aligned,lace:window:17,lace:window:51,lace:hasty
    if [ -d "$RUNS/lace/model" ] || [ -e "$OUT/grpo-1.txt" ]; then # before and after Lattice GRPO
        for temperature in 0 1; do
            row grpo-$temperature --model "$RUNS/lace/model,$MODEL" --family $trained --difficulty 1:4 --threads 4 \
                --count "$(each 6)" --arms lace --temperature $temperature
        done
    fi
    row program-5 --family program --threads 5 --count "$COUNT" --arms independent,isolated,lace # unique kinds of bugs
    row robustness "${all[@]}" --robustness --threads 4 --arms independent,isolated,lace
    ;;
*) echo "evaluate: SET is search or families, not $SET" >&2; exit 1 ;;
esac
