# lace inspect: of a problem, of a saved run, and what it says of files that are none.
. tests/cli/tap
. tests/cli/tiny
export LC_ALL=C.UTF-8
problem="Find i (each from 1 to 8, mod 11): g*9+3=1, h*2+g=9, i*4+h=6."

m=$work/model
succeeds "a tiny model" tiny "$m"
said=$("$LACE" inspect --model "$m" --budget 12 "$problem")
is "without a lattice: the exit status" "$?" 0
like "  no thread saw another" "$said" 'no thread saw another'
like "  agreement all the same" "$said" '^  agreement '
"$LACE" run --model "$m" --budget 12 --trace --json "$problem" >"$work/plain.json"
like "a saved run has no influence" "$("$LACE" inspect "$work/plain.json" | grep -c Influence)" '^0$'
like "--model measures it" "$("$LACE" inspect --model "$m" "$work/plain.json")" '^Influence: '
like "who sees nobody loses nothing" "$("$LACE" inspect --model "$m" "$work/plain.json")" 'everybody      0      0      0      0'

succeeds "--html: a page" "$LACE" inspect "$work/plain.json" --html "$work/run.html"
like "  that holds the run" "$(cat "$work/run.html")" 'id="run-data">{"answer"'
is "  and refers to nothing" "$(grep -c '<[a-z]*[^>]* \(src\|href\)=' "$work/run.html")" 0
"$LACE" run --model "$m" --budget 12 --json "$problem" >"$work/untraced.json"
succeeds "  of a run without a trace" "$LACE" inspect "$work/untraced.json" --html "$work/run.html"
rm "$work/run.html"
printf '{"threads": 4}' >"$work/bad.json"
like "  of what is no run, a sentence" "$("$LACE" inspect "$work/bad.json" --html "$work/run.html" 2>&1)" '^lace: .*bad.json: The JSON is no run: .*\.$'
empty "  and no file" "$(ls "$work/run.html" 2>/dev/null)"
like "  where no file can be" "$("$LACE" inspect "$work/plain.json" --html "$work/no/run.html" 2>&1)" 'cannot be written'

for broken in '' '{' '{}' '[1]' '{"threads": []}' '{"threads": [{"text": "a"}]}' '{"threads": [{"text": 7}], "trace": {}}'; do
    printf '%s' "$broken" >"$work/bad.json"
    like "refused: $broken" "$("$LACE" inspect "$work/bad.json" 2>&1; echo "exit $?")" '^exit 1$'
done
like "  in one sentence" "$("$LACE" inspect "$work/bad.json" 2>&1)" '^lace: .*bad.json is no run that lace can read: .*\.$'
sed 's/"pieces": \["/"pieces": ["x/' "$work/plain.json" >"$work/bad.json"
like "pieces that are not the text" "$("$LACE" inspect "$work/bad.json" 2>&1)" "'pieces' are not the thread's text"
like "an empty prompt" "$("$LACE" inspect --model "$m" " " 2>&1)" 'The prompt is empty'

if with_shipped "mass" "influence" "the same from a file" "JSON"; then
    said=$("$LACE" inspect --seed 3 "$problem")
    like "a table for each lattice layer" "$said" '^  layer 2  *1 *2 *3 *4  nobody'
    like "somebody is listened to" "$said" '^ *2  *0\.[0-9]*.* '
    like "a gate's mean, least and most" "$said" '^  layer 1  *0\.[0-9][0-9]  *0\.[0-9][0-9]  *[01]\.[0-9][0-9]'
    like "influence" "$said" '^Influence: '
    like "the tokens that changed most" "$said" 'thread [1-4], step [0-9]*: ".*" loses .* without thread [1-4]'
    "$LACE" inspect --seed 3 --json "$problem" >"$work/run.json"
    tables() { grep -v '^  *[1-4] \|thread [1-4], step\|everybody'; } # the file's numbers are rounded
    is "the same from a file" "$("$LACE" inspect "$work/run.json" | tables)" "$(tables <<<"$said")"
    if command -v python3 >/dev/null; then
        succeeds "JSON: every list has its length" python3 -c '
import json, sys
run = json.load(open(sys.argv[1]))
t, N = run["trace"], len(run["threads"])
for thread, x in zip(run["threads"], t["threads"]):
    T = len(x["pieces"])
    assert "".join(x["pieces"]) == thread["text"] and thread["tokens"] == T
    assert all(len(x[k]) == T for k in ("from", "gate", "logprob", "time", "ids"))
    assert all(len(row) == N and abs(sum(row)) <= 1.001 for row in x["from"])
assert len(t["flow"]) == len(t["layers"]) == len(t["gates"]) and t["elsewhere"] == 0
mean = t["influence"]["mean"]
assert len(mean) == N and all(mean[n][n] == 0 for n in range(N)) and max(map(max, mean)) > 0.05
assert t["influence"]["drift"] == 0' "$work/run.json"
    fi
    is "--no-influence" "$("$LACE" inspect --no-influence "$problem" | grep -c Influence)" 0
    like "another model's run" "$("$LACE" inspect --model "$m" "$work/run.json" 2>&1)" 'Influence\|another model\|tag'
fi
finish
