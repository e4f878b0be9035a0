# lace eval: its output, that neither workers nor OpenMP's limits change a figure, and its refusals.
. tests/cli/tap
. tests/cli/tiny
export OMP_WAIT_POLICY=passive # on a busy machine workers that spin take most of the time
evaluate() { "$LACE" eval --model "$work/m" --difficulty 1 --options 4 --count 8 --threads 3 --temperature 1 --rounds 2 "$@"; }
plain() { sed 's/, "seconds": [0-9.]*}/}/'; }
figures() { evaluate --json "$@" 2>/dev/null | plain; }
key() { grep "^ \"$1\": "; } # a line of the JSON's end
succeeds "a tiny model" tiny "$work/m"
succeeds "its lattice" "$LACE" init "$work/m" --out "$work/m/lattice" --heads 1 --alpha 1
cp -r "$work/m" "$work/plain" && rm -r "$work/plain/lattice"
cp -r "$work/plain" "$work/m/base" && cp -r "$work/plain" "$work/m/isolated"

evaluate --workers 1 --json --save "$work/saved" >"$work/json" 2>"$work/log"
is "it ends well" "$?" 0
is "the copy is the same" "$(cat "$work/saved")" "$(cat "$work/json")"
like "problems and threads" "$(head -n 1 "$work/json")" '^{"problems": 8, "threads": 3, "arms": {$'
is "every arm has its line" "$(sed -n 's/^  "\([a-z]*\)": {"accuracy".*/\1/p' "$work/json" | tr '\n' ' ')" "independent isolated exchange serial lace muted foreign "
for name in own_pick verdict vote vote_ci logprob_ci coverage thread_accuracy format diversity temperature tuned tokens fed tokens_solved steps \
    steps_solved duplicates wrong_steps repaired error_types memory injected believed believed_ci rejected_ci \
    role_strategy role_strategy_chance role_verdict role_verdict_chance versus; do
    is "every arm has $name" "$(grep -c "\"$name\": " "$work/json")" 7
done
like "the difference" "$(key delta <"$work/json")" '{"points": -\{0,1\}[0-9.]*, "ci": \[-\{0,1\}[0-9.]*, -\{0,1\}[0-9.]*\], "against": "[ie][a-z]* by [a-z]*"},$'
[ -x /usr/bin/python3 ] && succeeds "JSON that others read" python3 -m json.tool "$work/json"
is "workers change nothing" "$(figures --workers 3)" "$(plain <"$work/json")"
is "nor does a thread limit" "$(OMP_THREAD_LIMIT=1 figures --workers 3)" "$(figures --workers 1)"
is "another seed does" "$([ "$(figures --seed 2 --arms lace)" = "$(figures --seed 3 --arms lace)" ] && echo same)" ""
like "a table for people" "$(evaluate --arms lace 2>/dev/null)" '^arm  *T  accuracy'
like "one temperature for all is said" "$(figures --arms lace | key warnings)" 'One temperature (1) was given for all arms'
like "and one for a baseline" "$(figures --arms lace,muted,isolated -T isolated=0.5,lace=1 --development 2 | key warnings)" 'temperature of lace was given (1), .*temperature of isolated was given (0.5)'
is "chosen ones are no reason to warn" "$(figures --arms lace,isolated -T tuned --development 2 | key warnings)" ' "warnings": []}'
is "no comparison without a baseline" "$(figures --arms lace,muted | key delta)" ' "delta": null,'
like "a visible set, of another folder" "$(figures --arms "lace:window:3=$work/m")" '"lace:window:3": {'
"$LACE" data make --family search --difficulty 1 --options 4 --count 5 --threads 3 --split test -o "$work/test.jsonl" 2>/dev/null
like "problems of a file" "$(figures --data "$work/test.jsonl" --count 0 --arms lace)" '^{"problems": 5,'
like "problems of a pipe" "$(figures --data - --count 0 --arms lace <"$work/test.jsonl")" '^{"problems": 5,'

printf '%s\n' '{"question": "How many?", "answer": "Three and four.\n#### 1,200"}' '{"question": "How many more?", "answer": "#### 5"}' >"$work/gsm.jsonl"
"$LACE" data import "$work/gsm.jsonl" -o "$work/imported.jsonl" 2>"$work/log" || cat "$work/log"
like "imported problems" "$(figures --data "$work/imported.jsonl" --count 0 --rounds 0 --budget 20 --arms lace)" '^{"problems": 2,'

is "nobody is made to lie" "$(key inject <"$work/json")" ' "inject": null,'
for kind in claim step verdict; do
    is "a false $kind" "$(figures --arms lace --inject $kind=0.5 | key inject)" " \"inject\": {\"kind\": \"$kind\", \"share\": 0.5000},"
done
is "a share alone is of claims" "$(figures --arms lace --inject 1)" "$(figures --arms lace --inject claim=1)"
like "who believes it, in a table" "$(evaluate --arms lace --inject verdict=1 2>/dev/null)" 'a false verdict (asked for in 100 %'
for wrong in lie=1 claim 1.5 verdict=-1 step= =1 claim=1x; do
    like "no falsehood: $wrong" "$(evaluate --arms lace --inject $wrong 2>&1)" "is no share from 0 to 1; write claim=0.1"
done

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
refused "imported problems without a budget" "holds no budget of rounds; give --budget" --data "$work/imported.jsonl" --rounds 0 --arms lace
refused "nor anything to choose temperatures on" "name some with --development-data FILE" --data "$work/imported.jsonl" --budget 20 -T tuned --arms lace
refused "no threads" "threads 0 is out of range" --threads 0
refused "threads twice" "2 threads are named twice" --threads 2,3,2
refused "threads that are no numbers" "threads 2,x is out of range" --threads 2,x
refused "a wrong temperature" "temperature warm is out of range" -T warm
refused "a temperature of no arm" "\"lacy=1\" gives a temperature to an arm that is not compared" -T lacy=1 --arms lace
refused "a wrong temperature of an arm" "\"lace=x\" gives no arm a temperature" -T lace=x --arms lace
refused "more threads than tags" "threads" --threads 100 --arms lace
refused "an unknown family" "no problem family 'serach'" --family serach
refused "a file that is not there" "missing.jsonl" --data "$work/missing.jsonl"
: >"$work/empty"
refused "an empty file" "holds no problems" --data "$work/empty"
"$LACE" data make --family search --difficulty 1 --count 3 --split train -o "$work/train.jsonl" 2>/dev/null
refused "problems of the training side" "lies on the training side of the split" --data "$work/train.jsonl"
# A test problem among the training records, in another spelling of the file; and a training set from the wrong side.
sed -n 2p "$work/test.jsonl" | sed 's/"prompt": *"Find /"prompt":"  FIND  /; s/"task": *"search"/"task":"other"/' >"$work/leak.jsonl"
refused "a test problem that was trained on" "is in the training data: it is record .* of $work/leak.jsonl" --data "$work/test.jsonl" --trained-on "$work/train.jsonl,$work/leak.jsonl" --arms lace
"$LACE" data make --family search --difficulty 2 --count 1 --split test -o "$work/other.jsonl" 2>/dev/null
refused "training data from the test side" "lies on the test side of the split" --trained-on "$work/other.jsonl" --arms lace
like "clean training data" "$(figures --trained-on "$work/train.jsonl" --arms lace)" '^{"problems": 8,'
refused "development problems that are to be solved" "is one of the problems to be solved" --data "$work/test.jsonl" --development-data "$work/test.jsonl" -T tuned --arms lace
refused "nor in another spelling" "is one of the problems to be solved" --data "$work/test.jsonl" --development-data "$work/leak.jsonl" -T tuned --arms lace
refused "a database that cannot be written" "/nowhere/x" --db /nowhere/x --arms lace
refused "a database of others" "not a database" --db "$work/json" --arms lace
figures --arms independent,lace --difficulty 1:2 --threads 2,3 --db "$work/db" --dump "$work/dump" >"$work/rows"
is "a row for each difficulty and number of threads" "$(grep -c '^ {"model": null, "family": "search", "difficulty": ' "$work/rows")" 5
if python3 -c 'import numpy' 2>/dev/null; then
    figures --arms independent,exchange,lace --dump "$work/three" >"$work/figures"
    succeeds "a script finds the same figures" python3 scripts/golden_eval.py "$work/three" "$work/figures"
fi
"$LACE" eval --model "$work/m" --options 4 --count 18 --threads 2 --temperature 1 --rounds 1 --arms independent --robustness --json >"$work/robust" 2>/dev/null
is "robustness: a row for each difficulty and ambiguity" "$(grep -c '"difficulty": [1-6], "ambiguity": [0-2]' "$work/robust")" 18
is "and a score over both" "$(grep -c '"axis": "difficulty"\|"axis": "ambiguity"' "$work/robust")" 2
is "a report has the same figures" "$("$LACE" report "$work/db" --json | plain)" "$(plain <"$work/rows")"
like "and a table" "$("$LACE" report "$work/db")" '^arm  *T  accuracy'
figures --arms lace --inject step=1 --db "$work/lies" >"$work/rows"
is "a report knows what was injected" "$("$LACE" report "$work/lies" --json | plain)" "$(plain <"$work/rows")"
succeeds "and pictures" "$LACE" report "$work/db" --html "$work/page.html"
is "a page for itself" "$(grep -c 'http\|<script\|<link\|url(' "$work/page.html")" 0
is "headline, difficulty, threads, three prices, differences" "$(grep -c '^</svg>' "$work/page.html")" 7
like "no such run" "$("$LACE" report "$work/db" --run 9 2>&1)" "holds no run 9"
like "no such database" "$("$LACE" report "$work/nothing" 2>&1)" "nothing: there is no such file"
is "one line a problem and arm" "$(wc -l <"$work/dump")" 32
refused "a file that cannot be saved, before the work" "Cannot write $work/no/file" --save "$work/no/file"
"$LACE" eval --model "$work/m" --arms lacy --html "$work/new.html" --save "$work/new.json" 2>/dev/null
is "what failed leaves no empty file" "$(ls "$work" | grep -c new)" 0
# Files that can be written at the beginning and not at the end, an hour later. The dump is a pipe: it is opened after
# the database was prepared, and the evaluation waits until somebody reads.
late() { # what happens meanwhile; arguments
    local meanwhile=$1
    shift
    rm -rf "$work/late" "$work/pipe" && mkdir "$work/late" && mkfifo "$work/pipe"
    evaluate --arms lace --json --save "$work/late/saved" --dump "$work/pipe" "$@" >"$work/late/out" 2>"$work/late/log" &
    for i in $(seq 200); do [ -s "$work/late/db" ] && break; sleep 0.05; done
    eval "$meanwhile"
    cat "$work/pipe" >/dev/null
    wait $!
    echo $? >"$work/late/status"
}
kept() { # name, what is said
    is "$1: it fails" "$(cat "$work/late/status")" 1
    like "$1: it says so" "$(grep '^lace: ' "$work/late/log")" "^lace: .*$2"
    is "$1: in one sentence" "$(grep -c '^lace: ' "$work/late/log")" 1
    is "$1: the figures are printed" "$(plain <"$work/late/out")" "$(figures --arms lace)"
    is "$1: and saved" "$(cat "$work/late/saved")" "$(cat "$work/late/out")"
}
late 'rm "$work/late/db" && mkdir "$work/late/db"' --db "$work/late/db" --html "$work/late/page.html"
kept "a database that is gone" "late/db: the database cannot be opened"
is "the page is written" "$(tail -n 1 "$work/late/page.html")" "</main></body></html>"
mkdir "$work/pages"
late 'rm -r "$work/pages"' --db "$work/late/db" --html "$work/pages/page.html"
kept "a page whose folder is gone" "Cannot write .*pages/page.html"
is "the database is written" "$("$LACE" report "$work/late/db" --json | plain)" "$(plain <"$work/late/out")"
short() { evaluate --count 1 --threads 1 --rounds 1 --arms lace --json "$@" 2>"$work/log"; } # its dump goes to the disk at the end
short --dump /dev/full >"$work/out"
is "a dump on a full disk: it fails" "$?" 1
like "it says so" "$(grep '^lace: ' "$work/log")" "^lace: /dev/full: cannot be written: No space left on device"
is "and the figures are printed" "$(plain <"$work/out")" "$(short | plain)"
"$LACE" eval --model "$work/m" --arms lace --difficulty 4 --count 100000 --temperature 1 >"$work/out" 2>"$work/log" &
pid=$!
sleep 0.5
kill -TERM $pid
wait $pid
[ $? -gt 0 ]; is "a signal ends it" $? 0
finish
