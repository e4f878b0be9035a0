#!/bin/bash
# Trains small models that differ in one thing each and prints how well they do: the table of docs/findings.md.
#
#   scripts/ablate.sh [NAME ...]     these rows of the list below, or all: about three minutes a row on two cores
#
# RUNS (runs/ablation) holds one folder a row; what is there is not trained again. COUNT problems of each family (500).
# The rows share a backbone, the data and the seed; SEEDS="3 4 5" trains each row with several.
set -euo pipefail
cd "$(dirname "$0")/.."
LACE=${B:-build}/lace
RUNS=${RUNS:-runs/ablation}
COUNT=${COUNT:-500}
SEEDS=${SEEDS:-3}
FAMILIES=search,product

rows='
reference
aligned             lattice.visible=aligned
window-17           lattice.visible=window lattice.window=17
full                lattice.kind=full lattice.width=128 lattice.axes=[16,8,8]
layer-2             lattice.layers=[2]
layers-2-3          lattice.layers=[2,3]
layers-all          lattice.layers=[0,1,2,3]
width-16            lattice.width=16 lattice.heads=1
untied              lattice.tied=false
alpha-0             lattice.alpha=0
alpha-0-untied      lattice.alpha=0 lattice.tied=false
gate-half           lattice.gate=0.5
gate-shut           lattice.gate=0.01
self                lattice.self=true
no-token-axis       lattice.axes=[0,8,8]
no-thread-axis      lattice.axes=[12,0,4]
no-step-axis        lattice.axes=[12,4,0]
shuffle             data.0.shuffle=true data.1.shuffle=true
jitter              data.0.jitter=16 data.1.jitter=16
same-rate           lattice_lr=1
no-falsehoods       data.1.weight=0
none-astray         data.0.astray=0 data.1.astray=0
never-shut          data.2.weight=0
four-threads        data.0.threads=4 data.1.threads=4
adamw               optimizer=adamw lr=2e-3
frozen              freeze=true
'
wanted=("$@")

train() { # stage, recipe, folder, the settings that differ
    local stage=$1 recipe=$2 out=$3 set=()
    shift 3
    if [ -d "$out/model" ]; then return; fi
    for change; do set+=(--set "$change"); done
    if compgen -G "$out/checkpoint-*" >/dev/null; then set+=(--resume); fi
    "$LACE" train "$stage" --config "recipes/ablation/$recipe.yaml" --set out="$out" "${set[@]}"
}

train pretrain base "$RUNS/base"
printf '%-18s %6s %6s   %-22s %6s\n' row search product 'mean' muted
while read -r name changes; do
    if [ -z "$name" ]; then continue; fi
    if [ ${#wanted[@]} -gt 0 ] && [[ " ${wanted[*]} " != *" $name "* ]]; then continue; fi
    models=()
    for seed in $SEEDS; do
        # shellcheck disable=SC2086 # several settings
        train sft lace "$RUNS/$name-$seed" init.model="$RUNS/base/model" seed="$seed" $changes
        models+=("$RUNS/$name-$seed/model")
    done
    result=$RUNS/$name-${SEEDS// /-}.json
    if [ ! -e "$result" ]; then
        "$LACE" eval --model "$(IFS=,; echo "${models[*]}")" --arms "lace,muted" --family "$FAMILIES" --difficulty 2 \
            --threads 4 --temperature 0 --count "$COUNT" --save "$result.new" >/dev/null
        mv "$result.new" "$result"
    fi
    python3 - "$name" "$result" <<'P'
import json, sys
name, path = sys.argv[1:]
result = json.load(open(path))
of = {r["family"]: r["arms"]["lace"] for r in result["rows"] if r.get("family") and not r.get("model")}
arm, muted = result["arms"]["lace"], result["arms"]["muted"]
print("%-18s %6.1f %6.1f   %5.1f [%.1f, %.1f]    %6.1f" % (
    name, 100 * of["search"]["accuracy"], 100 * of["product"]["accuracy"], 100 * arm["accuracy"],
    100 * arm["ci"][0], 100 * arm["ci"][1], 100 * muted["accuracy"]))
P
done <<<"$rows"
