# lace eval: its output, that neither workers nor OpenMP's limits change a figure, and its refusals.
. tests/cli/tap
. tests/cli/tiny
export OMP_WAIT_POLICY=passive # on a busy machine workers that spin take most of the time
evaluate() { "$LACE" eval --model "$work/m" --difficulty 1 --options 4 --count 8 --threads 3 --temperature 1 --rounds 2 "$@"; }
figures() { evaluate --json "$@" 2>/dev/null | sed 's/, "seconds": [0-9.]*}/}/'; }
succeeds "a tiny model" tiny "$work/m"
succeeds "its lattice" "$LACE" init "$work/m" --out "$work/m/lattice" --heads 1 --alpha 1
cp -r "$work/m" "$work/plain" && rm -r "$work/plain/lattice"
cp -r "$work/plain" "$work/m/base" && cp -r "$work/plain" "$work/m/isolated"

evaluate --workers 1 --json --save "$work/saved" >"$work/json" 2>"$work/log"
is "it ends well" "$?" 0
is "the copy is the same" "$(cat "$work/saved")" "$(cat "$work/json")"
like "problems and threads" "$(head -n 1 "$work/json")" '^{"problems": 8, "threads": 3, "arms": {$'
is "every arm has its line" "$(sed -n 's/^  "\([a-z]*\)": {"accuracy".*/\1/p' "$work/json" | tr '\n' ' ')" "independent isolated serial lace muted foreign "
for key in own_pick verdict vote vote_ci coverage thread_accuracy format diversity temperature tokens steps steps_solved duplicates wrong_steps; do
    is "every arm has $key" "$(grep -c "\"$key\": " "$work/json")" 6
done
like "the difference" "$(tail -n 1 "$work/json")" '^ "delta": {"points": -\{0,1\}[0-9.]*, "ci": \[-\{0,1\}[0-9.]*, -\{0,1\}[0-9.]*\], "against": "i[a-z]* by [a-z]*"}}$'
[ -x /usr/bin/python3 ] && succeeds "JSON that others read" python3 -m json.tool "$work/json"
is "workers change nothing" "$(figures --workers 3)" "$(sed 's/, "seconds": [0-9.]*}/}/' "$work/json")"
is "nor does a thread limit" "$(OMP_THREAD_LIMIT=1 figures --workers 3)" "$(figures --workers 1)"
is "another seed does" "$([ "$(figures --seed 2 --arms lace)" = "$(figures --seed 3 --arms lace)" ] && echo same)" ""
like "a table for people" "$(evaluate --arms lace 2>/dev/null)" '^arm  *T  accuracy'
is "no comparison without a baseline" "$(figures --arms lace,muted | tail -n 1)" ' "delta": null}'
like "a visible set, of another folder" "$(figures --arms "lace:window:3=$work/m")" '"lace:window:3": {'
"$LACE" data make --family search --difficulty 1 --options 4 --count 5 --threads 3 --split test -o "$work/test.jsonl" 2>/dev/null
like "problems of a file" "$(figures --data "$work/test.jsonl" --count 0 --arms lace)" '^{"problems": 5,'
like "problems of a pipe" "$(figures --data - --count 0 --arms lace <"$work/test.jsonl")" '^{"problems": 5,'

refused() { # name, pattern, arguments
    local name=$1 want=$2 said status
    shift 2
    said=$(evaluate "$@" 2>&1 >"$work/out")
    status=$?
    if [ $status = 0 ]; then not_ok "$name" "it succeeded"
    elif [ "$(printf '%s\n' "$said" | wc -l)" != 1 ] || [ -s "$work/out" ]; then not_ok "$name: one sentence" "$said"
    else like "$name" "$said" "^lace: .*$want"; fi
}
refused "a wrong arm" 'There is no arm "lattice"' --arms lattice
refused "no arm" 'There is no arm ""' --arms ""
refused "an arm twice" "lace is named twice" --arms lace,lace
refused "a model that is not there" "nowhere" --arms lace=/nowhere
mv "$work/m/isolated" "$work/elsewhere"
refused "a baseline that is not there" "The arm isolated needs a model of its own, and .*/isolated is not there; name one with isolated=DIR."
succeeds "a baseline elsewhere" evaluate --arms "isolated=$work/elsewhere"
refused "no lattice" "needs a lattice" --model "$work/plain" --arms lace
refused "no problems to make" "with --count N" --count 0
refused "no threads" "threads 0 is out of range" --threads 0
refused "more threads than tags" "threads" --threads 100 --arms lace
refused "an unknown family" "no problem family 'serach'" --family serach
refused "a file that is not there" "missing.jsonl" --data "$work/missing.jsonl"
: >"$work/empty"
refused "an empty file" "holds no problems" --data "$work/empty"
"$LACE" data make --family search --difficulty 1 --count 3 --split train -o "$work/train.jsonl" 2>/dev/null
refused "problems of the training side" "lies on the training side of the split" --data "$work/train.jsonl"
refused "a file that cannot be saved, before the work" "Cannot write $work/no/file" --save "$work/no/file"
"$LACE" eval --model "$work/m" --arms lace --difficulty 4 --count 100000 --temperature 1 >"$work/out" 2>"$work/log" &
pid=$!
sleep 0.5
kill -TERM $pid
wait $pid
[ $? -gt 0 ]; is "a signal ends it" $? 0
finish
