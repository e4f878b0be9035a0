#!/bin/bash
# Trains small models that differ in one thing each and prints how well they do: docs/ablation.txt is what it printed, and
# scripts/findings.py makes the table of docs/findings.md from that.
#
#   scripts/ablate.sh [NAME ...]     these rows of the list below, or all: about three minutes a row on two cores
#
# RUNS (runs/ablation) holds one folder a row; what is there is not trained again. COUNT problems of each family (500).
# The rows share a backbone, the data and the seed; SEEDS="3 4 5" trains each row with several. A row is a name, what it
# starts from (base, or the row that it goes on from), the stage, and the settings that differ from the stage's recipe.
# Rows of rl are sampled at the temperature at which they were rewarded; the stage - is none, and sampled like them.
set -euo pipefail
cd "$(dirname "$0")/.."
LACE=${B:-build}/lace
RUNS=${RUNS:-runs/ablation}
COUNT=${COUNT:-500}
SEEDS=${SEEDS:-3}
FAMILIES=search,product

rows='
reference           base       sft
aligned             base       sft  lattice.visible=aligned
window-17           base       sft  lattice.visible=window lattice.window=17
full                base       sft  lattice.kind=full lattice.width=128 lattice.axes=[16,8,8]
layer-2             base       sft  lattice.layers=[2]
layers-2-3          base       sft  lattice.layers=[2,3]
layers-all          base       sft  lattice.layers=[0,1,2,3]
width-16            base       sft  lattice.width=16 lattice.heads=1
untied              base       sft  lattice.tied=false
alpha-0             base       sft  lattice.alpha=0
alpha-0-untied      base       sft  lattice.alpha=0 lattice.tied=false
gate-half           base       sft  lattice.gate=0.5
gate-shut           base       sft  lattice.gate=0.01
self                base       sft  lattice.self=true
no-token-axis       base       sft  lattice.axes=[0,8,8]
no-thread-axis      base       sft  lattice.axes=[12,0,4]
no-step-axis        base       sft  lattice.axes=[12,4,0]
shuffle             base       sft  data.0.shuffle=true data.1.shuffle=true
jitter              base       sft  data.0.jitter=16 data.1.jitter=16
same-rate           base       sft  lattice_lr=1
no-falsehoods       base       sft  data.1.weight=0
none-astray         base       sft  data.0.astray=0 data.1.astray=0
collide             base       sft  data.0.collide=0.3 data.1.collide=0.3
no-interaction      base       sft  data.0.policy=tagged data.1.policy=tagged
never-shut          base       sft  data.2.weight=0
four-threads        base       sft  data.0.threads=4 data.1.threads=4
adamw               base       sft  optimizer=adamw lr=2e-3
frozen              base       sft  freeze=true
cpt                 base       cpt  steps=100
cpt-sft             cpt        sft  steps=400
sampled             reference  -
rl-0                reference  rl   rl.diversity=0
rl-0.05             reference  rl   rl.diversity=0.05
rl-0.3              reference  rl   rl.diversity=0.3
'
wanted=("$@")

train() { # stage, recipe, folder, the settings that differ
    local stage=$1 recipe=$2 out=$3 set=()
    shift 3
    if [ -d "$out/model" ]; then return; fi
    for change; do set+=(--set "$change"); done
    if compgen -G "$out/checkpoint-*" >/dev/null; then set+=(--resume); fi
    "$LACE" train "$stage" --config "$recipe" --set out="$out" "${set[@]}"
}

train pretrain recipes/ablation/base.yaml "$RUNS/base"
printf '%-18s %-5s %6s %7s   %-20s %6s %8s %9s\n' row seeds search product mean muted coverage diversity
while read -r name from stage changes; do
    if [ -z "$name" ]; then continue; fi
    if [ ${#wanted[@]} -gt 0 ] && [[ " ${wanted[*]} " != *" $name "* ]]; then continue; fi
    models=()
    for seed in $SEEDS; do
        begin=$RUNS/$from-$seed/model
        set -- init.lattice="$begin/lattice"
        if [ "$from" = base ]; then begin=$RUNS/base/model && set --; fi
        if [ ! -d "$begin" ]; then echo "ablate: $name goes on from $from: name that row, too" >&2 && exit 1; fi
        recipe=recipes/ablation/lace.yaml temperature=0
        if [ "$stage" = rl ]; then recipe=recipes/ablation/rl.yaml; fi
        if [ "$stage" = sft ] && [ "$from" != base ]; then # with the lattice that is there
            sed '/^lattice:/,/^data:/{/^data:/!d}' recipes/ablation/lace.yaml >"$RUNS/goes-on.yaml"
            recipe=$RUNS/goes-on.yaml
        fi
        if [ "$stage" = rl ] || [ "$stage" = - ]; then temperature=0.7; fi
        if [ "$stage" = - ]; then models+=("$begin") && continue; fi
        # shellcheck disable=SC2086 # several settings
        train "$stage" "$recipe" "$RUNS/$name-$seed" init.model="$begin" seed="$seed" "$@" $changes
        models+=("$RUNS/$name-$seed/model")
    done
    result=$RUNS/$name-${SEEDS// /-}.json
    if [ ! -e "$result" ]; then
        "$LACE" eval --model "$(IFS=,; echo "${models[*]}")" --arms "lace,muted" --family "$FAMILIES" --difficulty 2 \
            --threads 4 --temperature "$temperature" --count "$COUNT" --save "$result.new" >/dev/null
        mv "$result.new" "$result"
    fi
    python3 - "$name" "${SEEDS// /,}" "$result" <<'P'
import json, sys
name, seeds, path = sys.argv[1:]
result = json.load(open(path))
of = {r["family"]: r["arms"]["lace"] for r in result["rows"] if r.get("family") and not r.get("model")}
arm, muted = result["arms"]["lace"], result["arms"]["muted"]
print("%-18s %-5s %6.1f %7.1f   %-20s %6.1f %8.1f %9.3f" % (
    name, seeds, 100 * of["search"]["accuracy"], 100 * of["product"]["accuracy"],
    "%.1f [%.1f, %.1f]" % (100 * arm["accuracy"], 100 * arm["ci"][0], 100 * arm["ci"][1]),
    100 * muted["accuracy"], 100 * arm["coverage"], arm["diversity"]))
P
done <<<"$rows"
