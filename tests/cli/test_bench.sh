# lace bench: the shape of its output, on a tiny model. Rates are never asserted.
. tests/cli/tap
python3 - "$work/model" <<'P' || { echo "1..0 # SKIP no python3"; exit 0; }
import json, os, struct, sys
out = sys.argv[1]
os.makedirs(out)
D, F, H, K, d, V, L = 64, 96, 4, 2, 16, 320, 2
json.dump({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": V, "hidden_size": D, "intermediate_size": F,
           "num_hidden_layers": L, "num_attention_heads": H, "num_key_value_heads": K, "head_dim": d, "max_position_embeddings": 1024,
           "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": True, "hidden_act": "silu", "attention_bias": False},
          open(out + "/config.json", "w"))
shapes = {"model.embed_tokens.weight": [V, D], "model.norm.weight": [D]}
for i in range(L):
    p = f"model.layers.{i}."
    shapes |= {p + "input_layernorm.weight": [D], p + "post_attention_layernorm.weight": [D], p + "self_attn.q_proj.weight": [H * d, D],
               p + "self_attn.k_proj.weight": [K * d, D], p + "self_attn.v_proj.weight": [K * d, D], p + "self_attn.q_norm.weight": [d],
               p + "self_attn.k_norm.weight": [d], p + "self_attn.o_proj.weight": [D, H * d], p + "mlp.gate_proj.weight": [F, D],
               p + "mlp.up_proj.weight": [F, D], p + "mlp.down_proj.weight": [D, F]}
header, at, data = {}, 0, b""
for name, shape in shapes.items():
    n = shape[0] * (shape[1] if len(shape) > 1 else 1)
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + 4 * n]}
    data += struct.pack(f"<{n}f", *(0.02 * ((i * 7919) % 101 - 50) / 50 if len(shape) > 1 else 1.0 for i in range(n)))
    at += 4 * n
text = json.dumps(header).encode()
open(out + "/model.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data)
P
cp recipes/tokenizer.json "$work/model/"

json=$("$LACE" bench decode --model "$work/model" --threads 1,3 --quick --json 2>"$work/err")
is "decode succeeds" "$?" 0
empty "nothing on stderr" "$(cat "$work/err")"
read_json() { printf '%s' "$json" | python3 -c "import json,sys; j=json.load(sys.stdin); F=j['figures']; print($1)"; }
is "the limits come first" "$(read_json "','.join(f['name'] for f in F[:3])")" "product_rate,product_rate_f32,read_bandwidth"
is "and stand at the top level" "$(read_json "j['product_rate'] > 0 and j['read_bandwidth'] > 0")" True
is "one rate for each number of threads" "$(read_json "[f['threads'] for f in F if f['name'] == 'tokens']")" "[1, 3]"
is "each rate with its share and range" "$(read_json "all(f['low'] <= f['value'] <= f['high'] and f['share'] > 0 and f['of'] == 'read_bandwidth' for f in F if f['name'] == 'tokens')")" True
json=$("$LACE" bench prefill --model "$work/model" --quick --json --dtype f32)
is "a prompt is computed once for all its threads" "$(read_json "len({f['value'] for f in F if f['name'] == 'shared_rows'})")" 1
is "and kept once" "$(read_json "len({f['value'] for f in F if f['name'] == 'shared_bytes'})")" 1
json=$("$LACE" bench load --model "$work/model" --quick --json)
is "load is split" "$(read_json "','.join(f['name'] for f in F)")" "start,read,pack,tokenizer,prefill,first_token,first_token_total"
like "a table for people" "$("$LACE" bench load --model "$work/model" --quick)" 'from start to first token  *[0-9.]* m\?s'

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
refused "a model and a shape" "exclude each other" --model "$work/model" --shape qwen3-0.6b
finish
