# lace init: a fresh lattice changes no output, nothing is overwritten, the share is told, and so is another's backbone. Sizes: tests/unit/test_attach.c.
. tests/cli/tap
. tests/cli/tiny
m=$work/model
succeeds "a tiny model" tiny "$m"
init() { "$LACE" init "$m" "$@"; }
texts() { grep -o '"text": "\([^"\\]\|\\.\)*"\|"logprob": [^,}]*\|"p_best": [^,}]*'; }
run() { "$LACE" run --model "$m" --budget 60 --threads 5 --temperature 1 --seed 9 --json "$@" "Find i (each from 1 to 8, mod 11): g*9+3=1." | texts; }

said=$(init --out "$work/lattice" --verbose)
like "the share is told" "$said" "^$work/lattice: 1 of 4 layers, width 16, 1 head; [0-9]* parameters, [0-9.]* % of the model's [0-9]*$"
is "and a line for each layer" "$(grep -c '^ *[0-3]  ' <<<"$said")" 4
like "as JSON" "$(init --out "$work/json" --layers every:2 --json)" '"share": 0\.[0-9]*, .*"layers": \[1, 3\]}'
off=$(run --lattice off)
is "a fresh lattice changes no output" "$(run --lattice "$work/lattice")" "$off"
init --out "$work/full" --kind full --layers every:1 --topology ring:1 --visible window:4 --self >/dev/null
is "nor does full collaboration" "$(run --lattice "$work/full")" "$off"
init --out "$work/loud" --layers 0,1,2,3 --alpha 1 --gate 0.9 --untied >/dev/null
like "an open one does" "$([ "$(run --lattice "$work/loud")" = "$off" ] || echo differs)" differs
for v in aligned causal window:2; do
    like "--visible $v" "$(run --lattice "$work/loud" --visible $v)" text
done
like "what is visible matters" "$([ "$(run --lattice "$work/loud" --visible aligned)" = "$(run --lattice "$work/loud" --visible causal)" ] || echo differs)" differs
mkdir -p "$work/with" && cp "$m"/* "$work/with" && mv "$work/loud" "$work/with/lattice"
m=$work/with
is "MODEL/lattice is the default" "$(run)" "$(run --lattice "$work/with/lattice")"
is "off leaves it out" "$(run --lattice off)" "$off"
is "one thread sees nobody" "$("$LACE" run --model "$m" --threads 1 --budget 60 --json x | texts)" "$("$LACE" run --model "$m" --lattice off --threads 1 --budget 60 --json x | texts)"
m=$work/model

# ---- an adapter of another model of the same shape ----
succeeds "another tiny model" tiny "$work/other" seed=6
warned="^lace: warning: The lattice $work/lattice was made for other weights than those of $work/other, so "
on_other() { "$LACE" "$@" 2>&1 >/dev/null; }
empty "a lattice at home needs no words" "$("$LACE" score --model "$m" --lattice "$work/lattice" 1+1 2>&1 >/dev/null)"
like "elsewhere it is told" "$(on_other score --model "$work/other" --lattice "$work/lattice" 1+1)" "$warned"
like "once, and the model runs" "$("$LACE" run --model "$work/other" --lattice "$work/lattice" --budget 9 --json 1+1 2>"$work/said")" '"threads"'
is "in one line" "$(wc -l <"$work/said")" 1
cat >"$work/c.yaml" <<Y
out: $work/cpt
steps: 1
shards: 1
shard_rows: 512
init: {model: $work/other, lattice: $work/lattice}
data:
  - {family: search, policy: shared, threads: 2, difficulty: 1, options: 4, moduli: [11]}
Y
like "training goes on with it, and says so" "$(on_other train cpt --workers 1 --config "$work/c.yaml")" "$warned"
empty "what comes out belongs to the model it was trained with" \
    "$("$LACE" score --model "$work/other" --lattice "$work/cpt/model/lattice" 1+1 2>&1 >/dev/null)"

refused() {
    local name=$1 want=$2 said
    shift 2
    if said=$("$LACE" init "$@" 2>&1 >/dev/null); then not_ok "$name" "it succeeded"; else like "$name" "$said" "^lace: .*$want"; fi
}
refused "no folder" "out DIR" "$m"
refused "a folder that holds something" "not empty" "$m" --out "$work/json"
refused "a file" "Not a directory" "$m" --out "$m/config.json"
refused "a model that is not there" "no model directory" "$work/none" --out "$work/new"
refused "layers that are not there" "0 to 3" "$m" --out "$work/new" --layers 4
refused "layers that nobody understands" "every:K" "$m" --out "$work/new" --layers half
refused "heads that do not divide" "does not split" "$m" --out "$work/new" --heads 3
refused "an unknown topology" "ring:W" "$m" --out "$work/new" --topology star
refused "an unknown visibility" "window:W" "$m" --out "$work/new" --visible window:0
refused "a gate that is shut" "range" "$m" --out "$work/new" --gate 0
is "a refusal leaves no folder" "$(ls "$work" | grep -c new)" 0
mkdir "$work/empty"
succeeds "an empty folder is fine" init --out "$work/empty"
finish
