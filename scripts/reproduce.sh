#!/bin/bash
# Trains a shipped model from nothing and puts it where `lace run` looks for it. SET=search (the default) or families.
#
#   base      recipes/base.yaml       the clean backbone           (baseline: independent, serial)
#   lattice   recipes/lattice.yaml    a new lattice on it, the backbone frozen
#   lace      recipes/lace.yaml       backbone and lattice together, from easy to hard
#   polish    recipes/polish.yaml     the same, most of it clean: the shipped model
#   isolated  recipes/isolated.yaml   the backbone on threads divided by their tags, no lattice (baseline)
#
# The families' recipes lie in recipes/families/; there the backbone goes on before there is a lattice, and both are
# rewarded at the end, instead of polished:
#
#   practice     recipes/families/practice.yaml     the clean backbone on whole problems of all families
#   rl           recipes/families/rl.yaml           Lattice GRPO: the shipped model
#   isolated-rl  recipes/families/isolated-rl.yaml  the same of threads that see nobody (baseline)
#
# SEEDS="14 15" trains the stages from the lattice on once more for each, on the same backbone, to RUNS-SEED: what the
# headline over several training runs (the row `seeds` of scripts/evaluate.sh) needs beside the model.
#
# Every stage resumes where it was interrupted; a finished one is not run again. RUNS names the folder of the
# runs, MODEL that of the result. The same seeds on as many workers give the same bits on the same CPU level.
set -euo pipefail
cd "$(dirname "$0")/.."
LACE=${B:-build}/lace
case ${SET:-search} in
search)
    RECIPES=recipes RUNS=${RUNS:-runs} MODEL=${MODEL:-models/lace-search}
    backbone=base last=polish alone=isolated
    ;;
families)
    RECIPES=recipes/families RUNS=${RUNS:-runs/families} MODEL=${MODEL:-models/lace-families}
    backbone=practice last=rl alone=isolated-rl
    ;;
*) echo "reproduce: SET is search or families, not $SET" >&2; exit 1 ;;
esac

stages=()
stage() { # kind, recipe, the stage whose model it starts from (with its lattice where `with` is said)
    local kind=$1 name=$2 from=${3:-} with=${4:-}
    set -- ${SEED:+--set seed="$SEED"}
    if [ -n "$from" ]; then set -- "$@" --set init.model="$RUNS/$from/model"; fi
    if [ -n "$with" ]; then set -- "$@" --set init.lattice="$RUNS/$from/model/lattice"; fi
    stages+=("$name")
    if [ -d "$RUNS/$name/model" ]; then
        echo "$name: trained already ($RUNS/$name)" >&2
        return
    fi
    local resume=()
    if compgen -G "$RUNS/$name/checkpoint-*" >/dev/null; then resume=(--resume); fi
    "$LACE" train "$kind" --config "$RECIPES/$name.yaml" --set out="$RUNS/$name" "$@" "${resume[@]}"
}

together() { # the stages in which threads learn to read each other, on the backbone
    stage cpt lattice $backbone
    stage sft lace lattice with
    case $last in
    polish) stage sft polish lace with ;;
    rl) stage rl rl lace with ;;
    esac
}

stage pretrain base
if [ $backbone = practice ]; then stage pretrain practice base; fi
together
stage sft isolated $backbone
if [ $alone = isolated-rl ]; then stage rl isolated-rl isolated; fi

mkdir -p "$MODEL/training"
cp -r "$RUNS/$last/model/." "$MODEL/"
mkdir -p "$MODEL/base" "$MODEL/isolated"
cp "$RUNS/$backbone/model/"* "$MODEL/base/"
cp "$RUNS/$alone/model/"* "$MODEL/isolated/"
cat >"$MODEL/generation_config.json" <<'JSON'
{"do_sample": false, "max_new_tokens": 640}
JSON
# what was run, how long it took, and every tenth step's figures
for name in "${stages[@]}"; do
    cp "$RUNS/$name/settings.yaml" "$MODEL/training/$name.yaml"
    awk 'NR == 1 || NR % 10 == 0' "$RUNS/$name/metrics.jsonl" >"$MODEL/training/$name.jsonl"
    awk -v name="$name" '{
        if (match($0, /"seconds": [0-9.]+/)) seconds += substr($0, RSTART + 11, RLENGTH - 11)
        if (match($0, /"tokens": [0-9]+/)) tokens += substr($0, RSTART + 10, RLENGTH - 10)
        if (match($0, /"loss": [0-9.]+/)) loss = substr($0, RSTART + 8, RLENGTH - 8)
    } END { printf "%-9s %5d steps  %9d tokens  %6.0f s  last loss %s\n", name, NR, tokens, seconds, loss }' "$RUNS/$name/metrics.jsonl"
done | tee "$MODEL/training/summary.txt"
for SEED in ${SEEDS:-}; do (
    trained=$(realpath "$RUNS/$backbone")
    RUNS=$RUNS-$SEED
    mkdir -p "$RUNS"
    ln -sfn "$trained" "$RUNS/$backbone"
    together
); done
du -sh "$MODEL" | awk '{print "'"$MODEL"' is ready: " $1}'
