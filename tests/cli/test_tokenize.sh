# lace tokenize: there and back, special tokens, JSON. The ids themselves are tested in tests/unit/test_tokenizer.c.
. tests/cli/tap
. tests/cli/tiny
m=$work/model
succeeds "a tiny model" tiny "$m"
tokenize() { "$LACE" tokenize --model "$m" "$@"; }
for text in "Find i (each from 1 to 8, mod 11): g*9+3=1." "é 日本 😀" " blanks  and	a tab " "line
line" "-- - --x"; do
    is "there and back: $(tr '\n\t' '  ' <<<"$text")" "$(tokenize --decode "$(tokenize -- "$text")")" "$text"
done
like "a special token is one id" "$(tokenize '<|end|>')" '^[0-9]*$'
is "and comes back" "$(tokenize --decode "$(tokenize '<|end|>')")" '<|end|>'
is "commas or blanks or arguments" "$(tokenize --decode 70,105) $(tokenize --decode '70 105') $(tokenize --decode 70 105)" "Fi Fi Fi"
is "stdin" "$(printf '70,105\n' | tokenize --decode -)" Fi
is "stdin is taken as it is" "$(printf 'Fi\n' | tokenize - | wc -w)" "$(($(tokenize Fi | wc -w) + 1))"
is "JSON of ids" "$(tokenize --json '6"')" '{"ids": [54, 34], "tokens": ["6", "\""]}'
is "JSON of a text" "$(tokenize --json --decode 54,34)" '{"text": "6\""}'
is "an empty text has no ids" "$(tokenize --json "")" '{"ids": [], "tokens": []}'
refused() {
    local name=$1 want=$2 said
    shift 2
    if said=$(tokenize "$@" 2>&1 >/dev/null); then not_ok "$name" "it succeeded"; else like "$name" "$said" "^lace: .*$want"; fi
}
refused "ids that are none" "whole numbers" --decode 1,x
refused "two texts" "takes one text" a b
refused "bytes that are not UTF-8" "not UTF-8" "$(printf 'a\377')"

# ---- the weights are not read ----
ids=$(tokenize "Find i, mod 11") said=$(tokenize --decode 70,105)
for file in model.safetensors config.json generation_config.json; do
    rm -f "$m/$file"
    is "ids without $file" "$(tokenize "Find i, mod 11")" "$ids"
    is "and texts" "$(tokenize --decode 70,105)" "$said"
done
rm "$m/tokenizer.json"
refused "without anything" "holds no model" x
refused "no folder" "There is no model directory" x --model /nowhere
g=tests/golden/gguf # nothing but metadata and a vocabulary in there
is "a GGUF file without tensors" "$("$LACE" tokenize --model $g/vocab_qwen2.gguf --decode \
    "$("$LACE" tokenize --model $g/vocab_qwen2.gguf "The sum is 42.")")" "The sum is 42."
printf 'GGUF\003' >"$work/short.gguf"
refused "a GGUF file that is cut short" "short.gguf" x --model "$work/short.gguf"
finish
