# lace run: what a pipe, a script and a terminal get; seeds, budgets, stops, the choice of the answer.
. tests/cli/tap
. tests/cli/tiny
problem="Find i (each from 1 to 8, mod 11): g*9+3=1, h*2+g=9, i*4+h=6."
m=$work/model
succeeds "a tiny model" tiny "$m" model.max_position_embeddings=100000
run() { "$LACE" run --model "$m" --budget 24 "$@"; }
texts() { grep -o '"text": "\([^"\\]\|\\.\)*"'; }
esc=$(printf '\033')

said=$(run --json "$problem" 2>"$work/err")
is "JSON: the exit status" "$?" 0
for key in answer picked threads text verdict p_best tokens usage prompt_tokens completion_tokens total_tokens timings prompt_n prompt_ms prompt_per_second \
    predicted_n predicted_ms predicted_per_second load_ms model seed; do
    like "JSON has $key" "$said" "\"$key\": "
done
is "four threads by default" "$(texts <<<"$said" | wc -l)" 4
like "the total is the sum" "$said" "$(sed -n 's/.*"prompt_tokens": \([0-9]*\), "completion_tokens": \([0-9]*\).*/\1 \2/p' <<<"$said" | while read -r a b; do echo "\"total_tokens\": $((a + b))[},]"; done)"
if command -v python3 >/dev/null; then succeeds "JSON reads as JSON, however wild the text" python3 -c 'import json,sys; json.loads(sys.argv[1])' "$(run --temperature 2 --threads 16 --json "$problem")"; fi

is "stdin is the same prompt" "$(printf '%s\n' "$problem" | run --json - | texts)" "$(texts <<<"$said")"
is "the same seed writes the same" "$(run --temperature 1 --seed 3 --json "$problem" | texts)" "$(run --temperature 1 --seed 3 --json "$problem" | texts)"
like "another seed writes something else" "$( [ "$(run --temperature 1 --seed 4 --json "$problem" | texts)" = "$(run --temperature 1 --seed 3 --json "$problem" | texts)" ] || echo differs)" differs
is "top-k 1 is greedy" "$(run --temperature 1 --top-k 1 --json "$problem" | texts)" "$(run --temperature 0 --json "$problem" | texts)"
is "so is a small top-p" "$(run --temperature 1 --top-p 1e-6 --json "$problem" | texts)" "$(run --temperature 0 --json "$problem" | texts)"
is "and a high min-p" "$(run --temperature 1 --min-p 0.99999 --json "$problem" | texts)" "$(run --temperature 0 --json "$problem" | texts)"
is "eight threads" "$(run --threads 8 --json "$problem" | texts | wc -l)" 8
like "the budget cuts" "$(run --budget 5 --temperature 0.5 --json "$problem")" '"cut": true'
most=$(run --budget 5 --temperature 1 --json "$problem" | grep -o '"tokens": [0-9]*' | sort -t: -k2 -n | tail -n 1 | tr -dc 0-9)
if [ "$most" -le 16 ]; then ok "a thread keeps to its budget, and some for the verdict"; else not_ok "a thread keeps to its budget" "$most"; fi
for pick in verdict vote logprob; do like "--pick $pick" "$(run --pick $pick --json "$problem")" '"picked": '; done
like "--no-barrier" "$(run --no-barrier --json "$problem")" '"picked": '
like "--dtype f32 --isa generic" "$(run --dtype f32 --isa generic --json "$problem")" '"picked": '
like "keys and values in bf16" "$(run --dtype f32 --kv-dtype bf16 --json "$problem")" '"picked": '
is "f32 products keep f32 keys and values" "$(run --dtype f32 --json "$problem" | texts)" \
    "$(run --dtype f32 --kv-dtype f32 --json "$problem" | texts)"

is "--trace writes the same" "$(run --trace --temperature 1 --json "$problem" | texts)" "$(run --temperature 1 --json "$problem" | texts)"
like "a model without a lattice has a trace without layers" "$(run --trace --json "$problem")" '"trace": {"layers": \[\],'
like "--trace needs --json" "$(run --trace "$problem" 2>&1)" 'give --json too'

said=$(run "$problem" 2>"$work/err")
is "no answer: the exit status" "$?" 3
empty "nothing on stdout" "$said"
is "one sentence on stderr" "$(wc -l <"$work/err") $(grep -c '^lace: No thread has an answer' "$work/err")" "1 1"

if command -v script >/dev/null; then
    terminal() { TERM=xterm LC_ALL=C.UTF-8 timeout 60 script -qec "stty cols 100 rows 30; $LACE run --model $m --budget 24 --temperature 1 $*" /dev/null </dev/null 2>&1; }
    got=$(terminal "'$problem'")
    like "a terminal gets columns" "$(sed "s/$esc\[[0-9?;]*[a-zA-Z]//g" <<<"$got")" '^1 .* │ 2 .*'
    like "with a title" "$got" 'model, lattice off, 4 threads, temperature 1, seed 1'
    like "the cursor comes back" "$got" "$esc\[?25h"
    words() { sed "s/$esc\[[0-9?;]*[a-zA-Z]//g" <<<"$1" | grep '│' | tail -n 3; }
    began=$EPOCHREALTIME
    is "--pace changes when, not what" "$(words "$(terminal --pace 20 "'$problem'")")" "$(words "$got")"
    succeeds "24 steps at 20 a second take a second" awk "BEGIN { exit !($EPOCHREALTIME - $began > 1) }"
    empty "--json is plain there too" "$(terminal --json "'$problem' 2>/dev/null" | grep "$esc")"
    is "a complaint stands alone" "$(terminal --threads 77 x | tr -d '\r\n' | sed "s/.*$esc\[J//; s/$esc\[[0-9?;]*[a-zA-Z]//g")" "lace: The model has no tag for 77 threads; use fewer."
    seq 4000 >"$work/long" # takes a while to read
    mkfifo "$work/keys"
    exec 3<>"$work/keys" # script ends its child when its own stdin ends
    TERM=xterm timeout 60 script -qec "stty cols 100 rows 30; echo \$\$ >$work/pid; exec $LACE run --model $m --budget 9000 --temperature 1 - <$work/long" /dev/null <&3 >"$work/stopped" 2>&1 &
    for _ in {1..500}; do grep -q reads "$work/stopped" 2>/dev/null && break; sleep 0.02; done
    kill -INT "$(cat "$work/pid")"
    wait $!
    is "Ctrl-C: the exit status" "$?" 130
    like "Ctrl-C gives the cursor back" "$(tail -c 40 "$work/stopped")" "$esc\[?25h"
fi

if with_shipped "answers right" "a stop string ends a thread" "prints the answer alone" "the picked thread's answer"; then
    "$LACE" data make --difficulty 1:2 --count 8 --seed 41 --split test -o "$work/p.jsonl" 2>/dev/null
    right=0
    while IFS= read -r line; do
        p=$(sed 's/.*"prompt":"\([^"]*\)".*/\1/' <<<"$line") want=$(sed 's/.*"prompt":"[^"]*","answer":"\([^"]*\)".*/\1/' <<<"$line")
        got=$("$LACE" run "$p") && [ "$got" = "$want" ] && right=$((right + 1))
    done <"$work/p.jsonl"
    if [ "$right" -ge 4 ]; then ok "answers right ($right of 8)"; else not_ok "answers right" "$right of 8"; fi
    like "prints the answer alone" "$got" '^[0-9]*$'
    whole=$("$LACE" run --threads 1 --json "$p" | sed -n 's/.*"text": "\(.*\)", "answer".*/\1/p')
    is "a stop string ends a thread's text before it" "$("$LACE" run --threads 1 --stop "try" --json "$p" | sed -n 's/.*"text": "\(.*\)", "answer".*/\1/p')" "${whole%%try*}"
    said=$("$LACE" run --json "$p")
    picked=$(sed -n 's/.*"picked": \([0-9]*\).*/\1/p' <<<"$said")
    is "the picked thread's answer" "$(grep '"text"' <<<"$said" | sed -n "$((picked + 1))s/.*\"answer\": \"\([^\"]*\)\".*/\1/p")" "$(sed -n 's/^{"answer": "\([^"]*\)".*/\1/p' <<<"$said")"
fi
finish
