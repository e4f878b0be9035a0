# lace bench: the shape of its output, on a tiny model. Rates are never asserted.
. tests/cli/tap
. tests/cli/tiny
command -v python3 >/dev/null || { echo "1..0 # SKIP no python3 to read JSON"; exit 0; }
tiny "$work/model" || { not_ok "a tiny model is made"; finish; }

json=$("$LACE" bench decode --model "$work/model" --threads 1,3 --quick --json 2>"$work/err")
is "decode succeeds" "$?" 0
empty "nothing on stderr" "$(cat "$work/err")"
read_json() { printf '%s' "$json" | python3 -c "import json,sys; j=json.load(sys.stdin); F=j['figures']; print($1)"; }
is "the limits come first" "$(read_json "','.join(f['name'] for f in F[:3])")" "product_rate,product_rate_f32,read_bandwidth"
is "and stand at the top level" "$(read_json "j['product_rate'] > 0 and j['read_bandwidth'] > 0")" True
is "one rate for each number of threads" "$(read_json "[f['threads'] for f in F if f['name'] == 'tokens']")" "[1, 3]"
is "each rate with its share and range" "$(read_json "all(f['low'] <= f['value'] <= f['high'] and f['share'] > 0 and f['of'] == 'read_bandwidth' for f in F if f['name'] == 'tokens')")" True
json=$("$LACE" bench decode --model "$work/model" --threads 2 --groups 3 --steps 40 --json)
is "several groups, many steps: a rate and its CPU time" "$(read_json "[f['name'] for f in F if f['name'] in ('tokens', 'cpu') and f['threads'] == 2 and f['value'] > 0]")" "['tokens', 'cpu']"
json=$("$LACE" bench prefill --model "$work/model" --quick --json --dtype f32)
is "a prompt is computed once for all its threads" "$(read_json "len({f['value'] for f in F if f['name'] == 'shared_rows'})")" 1
is "and kept once" "$(read_json "len({f['value'] for f in F if f['name'] == 'shared_bytes'})")" 1

# A stand-in for llama-batched-bench: a row for each number of sequences, at 10 tokens/s a sequence.
cat >"$work/llama" <<'EOF'
#!/bin/sh
while [ $# -gt 1 ]; do
    [ "$1" = -npl ] && list=$2
    [ "$1" = -m ] && model=$2
    shift
done
[ -e "$model" ] || exit 1
echo "a line of its own"
for n in $(echo $list | tr , ' '); do
    echo "{\"pp\": 128, \"pl\": $n, \"speed_pp\": 100.0, \"speed_tg\": ${n}0.0}"
done
EOF
chmod +x "$work/llama"
touch "$work/any.gguf"
json=$(LLAMA_BATCHED_BENCH=$work/llama LLAMA_MODEL=$work/any.gguf "$LACE" bench decode --model "$work/model" --threads 1,3 --quick --json)
is "llama.cpp beside" "$(read_json "[f['value'] for f in F if f['name'] == 'llama']")" "[10, 30]"
is "and the ratio" "$(read_json "all(abs(r['high'] * l['value'] / o['high'] - 1) < 1e-4 for r, l, o in zip(*[[f for f in F if f['part'] == 'llama.cpp' and f['name'] == n] for n in ('ratio', 'llama', 'lace')]))")" True
like "it needs a GGUF file" "$(LLAMA_BATCHED_BENCH=$work/llama "$LACE" bench prefill --model "$work/model" --quick)" "skipped: .*GGUF"
like "what fails is named" "$(LLAMA_BATCHED_BENCH=$work/llama LLAMA_MODEL=$work/no.gguf "$LACE" bench prefill --model "$work/model" --quick 2>&1)" "failed with .*no.gguf"

json=$("$LACE" bench load --model "$work/model" --quick --json)
is "load is split" "$(read_json "','.join(f['name'] for f in F)")" "start,read,pack,tokenizer,prefill,first_token,first_token_total,peak_memory,peak_memory_total"
like "a table for people" "$("$LACE" bench load --model "$work/model" --quick)" 'start to the first token  *[0-9.]* m\?s'

json=$("$LACE" bench tokenizer --files "$work/files" --quick --json)
is "two kinds of tokenizer" "$(read_json "','.join(f['name'] for f in F)")" "load,encode,decode,ids,load,encode,decode,ids"
ids=$(read_json "[f['value'] for f in F if f['name'] == 'ids']")
is "its files are kept" "$(ls "$work/files" | tr '\n' ' ')" "bytes.json sentencepiece.json text.txt "
json=$("$LACE" bench tokenizer --files "$work/files" --quick --json)
is "and measured again" "$(read_json "[f['value'] for f in F if f['name'] == 'ids']")" "$ids"
json=$("$LACE" bench tokenizer --model "$work/model" --quick --json)
is "or the model's own" "$(read_json "','.join(f['name'] for f in F)")" "load,encode,decode,ids"

refused() {
    local name=$1 want=$2 said
    shift 2
    said=$("$LACE" bench "$@" 2>&1 >/dev/null)
    if [ $? -eq 0 ]; then not_ok "$name" "it succeeded"; else like "$name" "$said" "$want"; fi
}
refused "a part that is not there" "no benchmark 'speed'" speed
refused "threads that are no numbers" "--threads" decode --threads 1,x
refused "too many threads" "1 to 128" decode --threads 129
refused "a model that is not there" "no model directory" load --model "$work/none"
refused "random blocks of a model" "type of its file" decode --model "$work/model" --dtype q8_0
refused "a model and a shape" "exclude each other" --model "$work/model" --shape qwen3-0.6b
finish
