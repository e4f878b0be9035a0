# A GGUF file wherever a model is named: the same answers as the checkpoint that it was made from, a lattice on top, the
# first of several parts, a folder, chat, bench.
. tests/cli/tap
g=tests/golden/gguf
m=$work/qwen3 # the checkpoint with a tokenizer
cp -r tests/golden/models/qwen3 "$m" && cp tests/golden/models/tokenizer.json "$m"

score() { "$LACE" score --model "$1" --ids 5,6,70,8,9,20 --top 4 --json; }
run() { "$LACE" run --model "$@" --threads 3 --budget 12 --temperature 1 --seed 7 --json "The best" | grep -v '"timings"'; }
is "lace score" "$(score $g/qwen3.gguf)" "$(score "$m")"
is "lace tokenize" "$("$LACE" tokenize --model $g/qwen3.gguf "The best Thread")" "$("$LACE" tokenize --model "$m" "The best Thread")"
is "lace run" "$(run $g/qwen3.gguf | grep '"text"')" "$(run "$m" | grep '"text"')"
is "parts" "$(score $g/qwen2-00001-of-00002.gguf)" "$(cp -r tests/golden/models/qwen2 "$work/q2" && cp "$m/tokenizer.json" "$work/q2" && score "$work/q2")"

mkdir "$work/folder" && cp $g/k_mixed.gguf "$work/folder/model-Q4_K_M.gguf"
is "a folder with a file" "$(score "$work/folder")" "$(score $g/k_mixed.gguf)"
succeeds "lace init" "$LACE" init $g/k_mixed.gguf --out "$work/folder/lattice"
cp "$m/config.json" "$work/folder" # many publishers put it beside the file
is "a config.json beside it" "$(score "$work/folder")" "$(score $g/k_mixed.gguf)"
is "a fresh lattice changes nothing" "$(run "$work/folder" --lattice "$work/folder/lattice" | grep '"text"')" "$(run "$work/folder" --lattice off | grep '"text"')"
like "a chat template" "$("$LACE" run --model $g/q4_0.gguf --chat --threads 1 --budget 5 --json hi)" '"text"'
like "lace bench load" "$("$LACE" bench load --model $g/k_mixed.gguf --quick --json)" '"peak_memory"'
finish
