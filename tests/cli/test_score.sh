# lace score: the values against each other, ids against text, the lengths of the lists.
. tests/cli/tap
. tests/cli/tiny
m=$work/model
succeeds "a tiny model" tiny "$m"
score() { "$LACE" score --model "$m" "$@"; }
text="Find i (each from 1 to 8, mod 11): g*9+3=1."
ids=$("$LACE" tokenize --model "$m" "$text" | tr ' ' ,)
list() { sed -n "s/.*\"$1\": \[\([^]]*\)\].*/\1/p"; }

said=$(score --json "$text")
is "ids are the tokenizer's" "$(list ids <<<"$said" | tr -d ' ')" "$ids"
is "a value for every token" "$(list logprobs <<<"$said" | tr ',' '\n' | wc -l)" "$(tr ',' '\n' <<<"$ids" | wc -l)"
is "the first is 0" "$(list logprobs <<<"$said" | cut -d, -f1)" 0
empty "the others are log-probabilities" "$(list logprobs <<<"$said" | tr ',' '\n' | sed 1d | awk '!($1 < 0 && $1 > -50)')"
is "ids give the same" "$(score --json --ids "$ids")" "$said"
is "ids with blanks too" "$(score --json --ids "${ids//,/, }")" "$said"
is "stdin gives the same" "$(printf %s "$text" | score --json -)" "$said"
like "no top without --top" "$said" '"top": \[\]'
said=$(score --json --top 3 --ids 5,6,7)
is "a list for every token, the first empty" "$(grep -o '\[\], \[{\|}\], \[{\|}\]\]' <<<"$said" | wc -l)" 3
is "three in each" "$(grep -o '"id":' <<<"$said" | wc -l)" 6
sum=$(score --json --top 100000 --ids 5,6 | grep -o '"logprob": [-0-9.e]*' | awk '{s += exp($2)} END {printf "%.4f", s}')
is "all probabilities sum to 1" "$sum" 1.0000
best=$(score --json --top 1 --ids 5,6 | sed -n 's/.*{"id": \([0-9]*\), "logprob": \([-0-9.e]*\).*/\1 \2/p')
is "the most probable token scores what top says" "$(score --json --ids "5,${best% *}" | list logprobs)" "0, ${best#* }"
is "the past does not know the future" "$(score --json --ids 5,6,7 | list logprobs | cut -d, -f2)" "$(score --json --ids 5,6 | list logprobs | cut -d, -f2)"
like "a table without --json" "$(score --top 2 "$text")" '^token *id *logprob  most probable$'
like "with a sum" "$(score "$text")" '^[0-9]* tokens, log-probability -[0-9.]*, mean -[0-9.]*$'
like "one token" "$(score --ids 5)" '^1 tokens, log-probability 0.0000$'

refused() {
    local name=$1 want=$2 said
    shift 2
    if said=$(score "$@" 2>&1 >/dev/null); then not_ok "$name" "it succeeded"; else like "$name" "$said" "^lace: .*$want"; fi
}
refused "neither text nor ids" "takes a text or --ids"
refused "both" "takes a text or --ids" --ids 1 x
refused "an empty text" "nothing to score" ""
refused "ids that are none" "takes token ids" --ids 1,x
refused "a comma at the end" "takes token ids" --ids 1,
refused "a negative id" "takes token ids" --ids 1,-2
refused "an id beyond the vocabulary" "not in the vocabulary" --ids 1,99999
refused "a text longer than the context" "context holds 512" "$(seq 2000)"
refused "a negative top" "range" --top -1 x
finish
