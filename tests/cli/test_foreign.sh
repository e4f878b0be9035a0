# Models made elsewhere: every checkpoint of tests/golden/models, which has no tags of ours, runs, scores, gets a lattice
# that changes nothing, and is exported. Their numbers: tests/golden/test_models.c.
. tests/cli/tap
export OMP_NUM_THREADS=1 # such small products cost more in waiting for workers than in work
texts() { grep -o '"text": "\([^"\\]\|\\.\)*"\|"logprob": [^,}]*\|"p_best": [^,}]*'; }
ids=$(seq -s, 3 40)
count=0
for dir in tests/golden/models/*/; do
    name=$(basename "$dir")
    m=$work/$name
    cp -r "$dir" "$m" && cp tests/golden/models/tokenizer.json "$m"
    count=$((count + 1))
    run() { "$LACE" run --model "$m" --budget 8 --threads 3 --temperature 1 --json "$@" "the best of 11" | texts; }
    plain=$(run)
    like "$name runs" "$plain" '"logprob": -'
    scores=$("$LACE" score --model "$m" --ids "$ids" --json)
    like "$name scores" "$scores" '"logprobs": \[0, -'
    said=$("$LACE" init "$m" --out "$work/$name-lattice" --layers every:1 --verbose)
    like "$name gets a lattice" "$said" "layers, width 16, 1 head; .* parameters, .* % of the model"
    is "which changes nothing" "$(run --lattice "$work/$name-lattice")" "$plain"
    "$LACE" export "$m" --out "$work/$name-f32" --merge-dtype f32 >/dev/null
    is "$name is exported" "$("$LACE" score --model "$work/$name-f32" --dtype f32 --ids "$ids" --json)" \
        "$("$LACE" score --model "$m" --dtype f32 --ids "$ids" --json)"
done
is "all are there" "$count" 16

# ---- training goes on from them ----
cat >"$work/sft.yaml" <<'Y'
steps: 3
shards: 1
shard_rows: 400
lr: 1e-2
init: {lattice: new}
lattice: {layers: [0, 1], width: 16, heads: 1}
data:
  - {family: search, policy: shared, threads: 2, difficulty: 1, options: 4, moduli: [11]}
Y
fields() { grep -v dtype "$1/config.json" | tr -d ' \n' | sed 's/1e-0/1e-/g; s/,}$/}/'; }
for name in llama_bias qwen2 qwen3_window mistral smollm3; do
    m=$work/$name
    echo '{"max_new_tokens": 7}' >"$m/generation_config.json"
    succeeds "$name is trained" "$LACE" train sft --workers 1 --config "$work/sft.yaml" --set "init.model=$m" --set "out=$work/$name-sft"
    new=$work/$name-sft/model
    losses=$(grep -o '"loss": [0-9.]*' "$work/$name-sft/metrics.jsonl" | tr -dc '0-9.\n ')
    is "it learns" "$(awk 'NR == 1 { first = $1 } END { print ($1 < first) }' <<<"$losses")" 1
    like "the new model scores" "$("$LACE" score --model "$new" --ids "$ids" --json)" '"logprobs": \[0, -'
    is "and differently" "$([ "$("$LACE" score --model "$new" --ids "$ids" --json)" = "$("$LACE" score --model "$m" --ids "$ids" --json)" ] || echo differs)" differs
    is "its configuration is the old one" "$(fields "$new")" "$(fields "$m")"
    is "what lay beside it goes along" "$(cat "$new/generation_config.json")" '{"max_new_tokens": 7}'
done

m=$work/mistral
is "a thread's tag is text" "$("$LACE" tokenize --model "$m" "Thread 2 of 4." | wc -w)" 7
like "export says what it wrote" "$("$LACE" export "$m" --out "$work/half" --dtype f16)" "half: .* tensors, .* parameters in f16, .* MB"
like "and as JSON" "$("$LACE" export "$m" --out "$work/json" --json)" '{"tensors": [0-9]*, "parameters": [0-9]*, "bytes": [0-9]*}'
"$LACE" init "$m" --out "$m/lattice" --alpha 0.5 >/dev/null
"$LACE" export "$m" --out "$work/with" >/dev/null
is "the lattice goes along" "$(cmp "$m/lattice/lattice_model.safetensors" "$work/with/lattice/lattice_model.safetensors" && echo same)" same
refused() {
    local name=$1 want=$2 said
    shift 2
    if said=$("$LACE" export "$@" 2>&1 >/dev/null); then not_ok "$name" "it succeeded"; else like "$name" "$said" "^lace: .*$want"; fi
}
refused "a folder that holds something" "not empty" "$m" --out "$work/with"
refused "no folder" "out DIR" "$m"
refused "a model that is not there" "no model directory" "$work/none" --out "$work/new"
refused "an unknown type" "bf16" "$m" --out "$work/new" --dtype int8
is "a refusal leaves no folder" "$(ls "$work" | grep -c '^new$')" 0
said=$("$LACE" run --model "$work/qwen3" --lattice "$m/lattice" x 2>&1)
like "a lattice of another model" "$said" "^lace: .*made for another one[.]$"
finish
