# Bad input: one clear sentence on stderr, nothing on stdout, a status that is not 0.
. tests/cli/tap
. tests/cli/tiny
m=$work/model
problem="Find i (each from 1 to 8, mod 11): g*9+3=1."
succeeds "a tiny model" tiny "$m"
"$LACE" init "$m" --out "$work/lattice" >/dev/null

# says NAME WANT COMMAND...: the sentence begins with "lace: ", names what is wrong, and ends as one does.
says() {
    local name=$1 want=$2 out status lines
    shift 2
    out=$("$@" 2>"$work/err" </dev/null)
    status=$?
    lines=$(wc -l <"$work/err")
    if [ "$status" = 0 ] || [ "$status" -ge 126 ]; then not_ok "$name" "exit status $status: $(cat "$work/err")"
    elif [ -n "$out" ]; then not_ok "$name" "on stdout: $out"
    elif [ "$lines" != 1 ] || ! grep -q "^lace: .*$want.*[.?]$" "$work/err"; then not_ok "$name" "expected '$want': $(cat "$work/err")"
    else ok "$name"; fi
}
run() { "$LACE" run --budget 20 "$@"; }
broken() { # a copy of the model to break
    rm -rf "$work/broken"
    cp -r "$m" "$work/broken"
}

says "a model directory that is not there" "no model directory $work/none: " run --model "$work/none" "$problem"
says "a file instead of a directory" "is a file" run --model "$m/config.json" "$problem"
says "a name on the hub" "hf download Qwen/Qwen3-0.6B" run --model Qwen/Qwen3-0.6B "$problem"
touch "$work/model.gguf"
says "an empty GGUF file" "model.gguf is empty" run --model "$work/model.gguf" "$problem"
g=tests/golden/gguf
head -c 30000 $g/qwen3.gguf >"$work/model.gguf"
says "a GGUF file cut short" "damaged or cut short" run --model "$work/model.gguf" "$problem"
says "a later part of a GGUF model" "is part 2 of 2.*name the first part" run --model $g/qwen2-00002-of-00002.gguf "$problem"
says "several GGUF files" "holds [0-9]* GGUF files; name one of them" run --model $g "$problem"
says "the export of a GGUF file" "lace export starts from a directory.*is a GGUF file" "$LACE" export $g/qwen3.gguf --out "$work/none"
says "training from a GGUF file" "Training starts from a directory.*is a GGUF file" \
    "$LACE" train sft --config recipes/lace.yaml --set init.model=$g/qwen3.gguf --set out="$work/none"
says "a GGUF vocabulary" "lack \"llama.context_length\"" run --model $g/vocab_llama2.gguf "$problem"
mkdir -p "$work/odd"
odd() { # names: a directory of such files, all empty
    rm -rf "$work/odd" && mkdir "$work/odd"
    local name
    for name; do touch "$work/odd/$name"; done
}
odd adapter_config.json adapter_model.safetensors
says "a LoRA adapter" "LoRA adapter.*merge_and_unload" run --model "$work/odd" "$problem"
says "a LoRA adapter as a lattice" "LoRA adapter, not a lattice" run --model "$m" --lattice "$work/odd" "$problem"
odd lattice_config.json lattice_model.safetensors
says "a lattice as a model" "is a lattice;.*--lattice" run --model "$work/odd" "$problem"
odd model-Q4_K_M.gguf
says "a GGUF directory" "model-Q4_K_M.gguf is empty" run --model "$work/odd" "$problem"
odd config.json pytorch_model.bin
says "pickled weights" "pickled.*save_pretrained" run --model "$work/odd" "$problem"
odd config.json pytorch_model-00001-of-00002.bin pytorch_model.bin.index.json
says "pickled shards" "pickled.*save_pretrained" run --model "$work/odd" "$problem"
odd config.json consolidated.safetensors params.json
says "Mistral's own layout" "consolidated.safetensors" run --model "$work/odd" "$problem"
says "a model as a lattice" "is a model, not a lattice; lace init" run --model "$m" --lattice "$m" "$problem"
mkdir -p "$work/both" && cp "$m"/* "$work/both" && cp -r "$work/lattice" "$work/both/lattice"
says "a model that has a lattice as a lattice" "its lattice is $work/both/lattice" run --model "$m" --lattice "$work/both" "$problem"
broken && echo '{"weight_map": {"model.norm.weight": "model-00001-of-00002.safetensors"}}' >"$work/broken/model.safetensors.index.json" &&
    rm "$work/broken/model.safetensors"
says "a shard that is not there" "shard .*00001-of-00002.*download it again" run --model "$work/broken" "$problem"
broken && sed -i 's/"hidden_act": "silu"/"hidden_act": "gelu"/' "$work/broken/config.json"
says "another activation" "gelu" run --model "$work/broken" "$problem"
broken && sed -i 's/"hidden_act"/"quantization_config": {"bits": 4}, "hidden_act"/' "$work/broken/config.json"
says "a quantised model" "quantization_config" run --model "$work/broken" "$problem"
broken && rm "$work/broken/config.json"
odd README.md
says "a directory of something else" "odd holds no model; give a directory with config.json" run --model "$work/odd" "$problem"
mkdir "$work/run" && cp -r "$m" "$work/run/model"
says "the folder of a training run" "run is no model; its model is $work/run/model" run --model "$work/run" "$problem"
says "no config.json" "config.json.*No such file" run --model "$work/broken" "$problem"
broken && head -c 100 "$m/config.json" >"$work/broken/config.json"
says "half a config.json" "config.json is not valid JSON" run --model "$work/broken" "$problem"
broken && echo '[1]' >"$work/broken/config.json"
says "a config.json of something else" "JSON object" run --model "$work/broken" "$problem"
broken && sed -i 's/qwen3"/gpt_neox"/' "$work/broken/config.json"
says "another kind of model" "gpt_neox" run --model "$work/broken" "$problem"
broken && rm "$work/broken/model.safetensors"
says "no weights" "model.safetensors.*No such file" run --model "$work/broken" "$problem"
for size in 0 4 100 20000; do
    broken && head -c "$size" "$m/model.safetensors" >"$work/broken/model.safetensors"
    says "$size bytes of the weights" "model.safetensors" run --model "$work/broken" "$problem"
done
broken && sed -i 's/"hidden_size": 32/"hidden_size": 48/' "$work/broken/config.json"
says "wrong shapes" "does not have the shape" run --model "$work/broken" "$problem"
broken && sed -i 's/"num_hidden_layers": 4/"num_hidden_layers": 5/' "$work/broken/config.json"
says "a layer too many" "layers.4.*missing" run --model "$work/broken" "$problem"
broken && sed -i 's/"num_key_value_heads": 1/"num_key_value_heads": 3/' "$work/broken/config.json"
says "heads that do not divide" "no multiple" run --model "$work/broken" "$problem"
broken && rm "$work/broken/tokenizer.json"
says "no tokenizer" "no tokenizer.json" run --model "$work/broken" "$problem"
broken && head -c 5000 "$m/tokenizer.json" >"$work/broken/tokenizer.json"
says "half a tokenizer" "tokenizer.json is not valid JSON" run --model "$work/broken" "$problem"
broken && sed -i 's/"id": *1,/"id": 99999,/' "$work/broken/tokenizer.json"
if ! cmp -s "$m/tokenizer.json" "$work/broken/tokenizer.json"; then says "a tokenizer of another model" "tokenizer.json" run --model "$work/broken" "$problem"; fi
broken && echo '{"temperature": "hot"}' >"$work/broken/generation_config.json"
says "a generation_config.json that is odd" "generation_config.json.*temperature" run --model "$work/broken" "$problem"

says "a lattice that is not there" "no lattice directory.*No such file" run --model "$m" --lattice "$work/none" "$problem"
cp -r "$work/lattice" "$work/other"
sed -i 's/"width": 16/"width": 32/; s/^ *8,$/16,/' "$work/other/lattice_config.json"
says "a lattice of another width" "shape\|axes" run --model "$m" --lattice "$work/other" "$problem"
succeeds "another model" tiny "$work/large" model.hidden_size=48 model.num_attention_heads=4
says "a lattice of another model" "lattice_model.safetensors.*shape" run --model "$work/large" --lattice "$work/lattice" "$problem"
succeeds "a shallow model" tiny "$work/shallow" model.num_hidden_layers=2
says "a lattice of a deeper model" "lattice layers must ascend within 0 to 1" run --model "$work/shallow" --lattice "$work/lattice" "$problem"
head -c 200 "$work/lattice/lattice_model.safetensors" >"$work/other/lattice_model.safetensors"
cp "$work/lattice/lattice_config.json" "$work/other"
says "half a lattice" "lattice_model.safetensors" run --model "$m" --lattice "$work/other" "$problem"
says "no lattice to look at" "this model has none" run --model "$m" --visible causal "$problem"

says "a saved run that is not there" "run $work/none.json cannot be read: No such file" "$LACE" inspect "$work/none.json"
says "an id that no token has" "no token 999999" "$LACE" tokenize --model "$m" --decode 3,999999
says "a difficulty of nothing" "difficulty 0 is out of range" "$LACE" data make --difficulty 0
says "a command of lace data that is not said" "make, families, show" "$LACE" data
says "an evaluation of no model" "no model directory $work/none" "$LACE" eval --model "$work/none"
says "a recipe whose model is not trained yet" "init.model is runs/none/model, which is not there" \
    "$LACE" train sft --config recipes/lace.yaml --set init.model=runs/none/model

says "an unknown command" "did you mean 'run'" "$LACE" rum x
says "an unknown option" "did you mean --threads" run --model "$m" --thread 4 "$problem"
says "an unknown value" "did you mean 'vote'" run --model "$m" --pick vot "$problem"
says "an unknown visibility" "aligned, causal or window:W" run --model "$m" --visible all "$problem"
says "a window of nothing" "window:W" run --model "$m" --visible window:0 "$problem"
says "an unknown type" "did you mean 'f32'" run --model "$m" --dtype fp8 "$problem"
says "an unknown type of keys" "did you mean 'f32'" run --model "$m" --kv-dtype fp8 "$problem"
for t in -1 101 hot nan inf ""; do says "a temperature of '$t'" "temperature" run --model "$m" --temperature "$t" "$problem"; done
says "a top-p of 0" "top_p" run --model "$m" --temperature 1 --top-p 0 "$problem"
says "a min-p of 1" "min_p" run --model "$m" --temperature 1 --min-p 1 "$problem"
says "a top-k below 0" "top-k" run --model "$m" --top-k -1 "$problem"
says "a seed below 0" "seed" run --model "$m" --seed -1 "$problem"
says "no threads" "1 to 128" run --model "$m" --threads 0 "$problem"
says "threads below 0" "1 to 128" run --model "$m" --threads -3 "$problem"
says "too many threads" "1 to 128" run --model "$m" --threads 129 "$problem"
says "threads without end" "1 to 128" run --model "$m" --threads 99999999999999999999 "$problem"
says "more threads than the model has tags for" "threads" run --model "$m" --threads 128 "$problem"
says "more threads than the lattice was made for" "at most 16" run --model "$m" --lattice "$work/lattice" --threads 17 "$problem"
for b in 0 -1 1.5 ten; do says "a budget of $b" "budget" "$LACE" run --model "$m" --budget "$b" "$problem"; done
says "a budget beyond the context" "context of 512" "$LACE" run --model "$m" --budget 100000 "$problem"
says "an option without its value" "needs a value" "$LACE" run "$problem" --model

says "no prompt" "PROMPT" run --model "$m"
says "an empty prompt" "prompt is empty" run --model "$m" ""
says "a blank prompt" "prompt is empty" run --model "$m" " 	
 "
says "an empty stdin" "prompt is empty" run --model "$m" -
says "two prompts" "fewer arguments" run --model "$m" a b
says "a prompt longer than the context" "512" run --model "$m" "$(seq 1000)"
says "a prompt that leaves no room" "512" run --model "$m" "$(printf 'x %.0s' {1..230})"
says "a prompt that is not UTF-8" "not UTF-8: byte 2" run --model "$m" "$(printf 'ab\377')"
says "half a character" "not UTF-8: byte 2" run --model "$m" "$(printf 'ab\303')"
zero() { printf 'a\0b' | run --model "$m" -; }
says "a zero byte" "zero byte" zero
like "any other text is read" "$(run --model "$m" --json "日本 😀 é" 2>&1)" '"answer"'

if [ -w /dev/full ]; then
    full() { "$@" >/dev/full; }
    says "a full disk: run" "output could not be written" full run --model "$m" --json "$problem"
    says "a full disk: score" "output could not be written" full "$LACE" score --model "$m" --ids 1,2,3
    says "a full disk: tokenize" "output could not be written" full "$LACE" tokenize --model "$m" x
    "$LACE" data make --count 2 -o "$work/two.jsonl"
    says "a full disk: data show" "output could not be written" full "$LACE" data show "$work/two.jsonl"
    says "a full disk: the help" "output could not be written" full "$LACE" run --help
fi
closed() { "$LACE" tokenize --model "$m" x >&-; }
says "stdout that is closed" "output could not be written" closed
mkdir "$work/locked" && chmod 500 "$work/locked"
[ -w "$work/locked" ] || says "a folder that may not be written" "Permission denied" "$LACE" init "$m" --out "$work/locked/new"
if ! [ -e "$shipped/config.json" ]; then
    cp "$LACE" "$work/lace"
    says "no shipped model" "--model DIR" env -u LACE_MODEL "$work/lace" run "$problem"
fi
says "LACE_MODEL that is not there" "no model directory" env LACE_MODEL="$work/none" "$LACE" run "$problem"
says "an unknown LACE_ISA" "LACE_ISA is 'mmx'" env LACE_ISA=mmx "$LACE" run --model "$m" "$problem"
finish
