# The steps of the data pipeline on small files with the oddities of the real sets: what each drops, and why.
. tests/cli/tap
. tests/cli/tiny
export OMP_WAIT_POLICY=passive
data() { "$LACE" data "$@"; }
lines() { wc -l <"$1"; }
field() { sed -n "s/.*\"$1\":\(\"[^\"]*\"\|[0-9.]*\).*/\1/p"; }

# ---- import ----
printf '\xef\xbb\xbf{"question": "A baker makes 12 rolls an hour. How many in 3 hours?", "answer": "12*3 = <<12*3=36>>36\\n#### 36"}\r\n' >"$work/g.jsonl"
printf '{"question": "What do 4 pens at $1,250 cost?", "answer": "4*1250 = <<4*1250=5000>>5,000\\n#### 5,000"}\r\n\r\n' >>"$work/g.jsonl"
printf '{"question": "What do 4 pens at $1,250 cost?", "answer": "again\\n#### 5,000"}\n' >>"$work/g.jsonl"
printf '{"question": "No mark?", "answer": "it is 7"}\n{"question": "Cut' >>"$work/g.jsonl"
printf '\xff", "answer": "#### 1"}\n{"question": "Broken", "answer": \n' >>"$work/g.jsonl"
said=$(data import "$work/g.jsonl" -o "$work/gi.jsonl" --dropped "$work/gd.jsonl" 2>&1)
is "gsm8k: counts and reasons" "$said" "import: 6 read, 2 kept; dropped: duplicate id 1, no #### 1, invalid UTF-8 1, not JSON 1"
is "gsm8k: answers" "$(field answer <"$work/gi.jsonl" | tr '\n' ' ')" '"36" "5000" '
like "gsm8k: the calculator's marks are gone" "$(head -n 1 "$work/gi.jsonl")" '"steps":\["12\*3 = 36\\n"\]'
is "the dropped lie in a file, with their reasons" "$(field dropped <"$work/gd.jsonl" | tr '\n' ' ')" '"duplicate id" "no ####" "invalid UTF-8" "not JSON" '
like "with their place" "$(tail -n 1 "$work/gd.jsonl")" '"id":"line-7".*"file":".*g.jsonl"'
like "what was dropped can be shown" "$(data show -c 0 "$work/gd.jsonl" 2>&1)" 'line-5'
is "the report in JSON" "$(data import "$work/g.jsonl" -o "$work/gi.jsonl" --json)" \
    '{"step": "import", "read": 6, "kept": 2, "dropped": {"duplicate id": 1, "no ####": 1, "invalid UTF-8": 1, "not JSON": 1}, "changed": {}}'
is "stdin to stdout" "$(data import <"$work/g.jsonl" 2>/dev/null)" "$(cat "$work/gi.jsonl")"
is "no solutions" "$(data import --no-solutions "$work/g.jsonl" 2>/dev/null | grep -c '"threads":\[\]')" 2

printf '{\n    "problem": "Find $x$.",\n    "level": "Level 5",\n    "type": "Algebra",\n    "solution": "So $\\\\boxed{\\\\frac{1}{\\\\sqrt{2}}}$."\n}' >"$work/1.json"
printf '{\n  "problem": "Open.",\n  "solution": "So \\\\boxed{\\\\frac{1}{2}"\n}\n' >"$work/2.json"
said=$(data import "$work/1.json" "$work/2.json" -o "$work/mi.jsonl" 2>&1)
is "math: one object a file" "$said" "import: 2 read, 1 kept; dropped: unbalanced box 1"
like "math: the box's braces balance" "$(cat "$work/mi.jsonl")" '"difficulty":5,.*"answer":"\\\\frac{1}{\\\\sqrt{2}}"'
printf '[{"ID": "2024-I-1", "Problem": "p", "Answer": "025"},\n {"ID": "2024-I-2", "Problem": "q", "Answer": 809}, 7]\n' >"$work/a.json"
is "aime: a list, a number in three digits" "$(data import "$work/a.json" 2>"$work/said" | field answer | tr '\n' ' ')" '"25" "809" '
is "aime: what is no object" "$(cat "$work/said")" "import: 3 read, 2 kept; dropped: not an object 1"
printf '{"prompt": "1+1?", "answer": 2}\n{"problem": "p", "answer": "(1,234)."}\n{"prompt": "x"}\n' >"$work/p.jsonl"
is "plain" "$(data import -t sums "$work/p.jsonl" 2>&1 >"$work/pi.jsonl")" "import: 3 read, 2 kept; dropped: no answer 1"
like "plain: the task's name" "$(cat "$work/pi.jsonl")" '"task":"sums"'

# ---- dedupe ----
words() { seq -s ' ' "$1" "$2" | tr 0-9 a-j; } # words of letters alone
record() { printf '{"id":"%s","task":"t","prompt":"%s","threads":[%s]}\n' "$1" "$2" "${3:-}"; }
{
    record a "$(words 1 30)"
    record b "$(words 1 29) zz"
    record c "$(words 1 9) zy $(words 11 19) zx $(words 21 30)"
    record d "$(words 1 30 | tr a-j A-J)"
    record e "$(words 100 130)" '{"steps":["one two three four"]},{"steps":["One two\n","three four"]},{"steps":["five six seven"]}'
} >"$work/d.jsonl"
is "dedupe: counts and reasons" "$(data dedupe "$work/d.jsonl" -o "$work/dd.jsonl" 2>&1)" "dedupe: 5 read, 3 kept; dropped: near duplicate 2; changed: thread dropped 1"
is "the first of near duplicates stays, under 0.8 others too" "$(field id <"$work/dd.jsonl" | tr -d '\n"')" ace
is "a lower threshold takes more" "$(data dedupe -t 0.5 "$work/d.jsonl" 2>/dev/null | field id | tr -d '\n"')" ae
is "1: only what is equal" "$(data dedupe -t 1 --keep-threads "$work/d.jsonl" 2>/dev/null | field id | tr -d '\n"')" abce
record z "$(words 101 131)" >"$work/test.jsonl"
is "what a test set holds goes" "$(data dedupe --against "$work/test.jsonl" "$work/d.jsonl" 2>&1 >/dev/null)" \
    "dedupe: 5 read, 2 kept; dropped: near duplicate 2, in the other file 1"
data make -d 4 -c 50 -s 3 -o "$work/own.jsonl" 2>/dev/null
is "our families: other numbers are another problem" "$(cat "$work/own.jsonl" "$work/own.jsonl" | data dedupe 2>&1 >/dev/null)" \
    "dedupe: 100 read, 50 kept; dropped: near duplicate 50"
is "our families against their own file" "$(data dedupe "$work/own.jsonl" --against "$work/own.jsonl" 2>&1)" \
    "dedupe: 50 read, 0 kept; dropped: in the other file 50"
printf 'x\n{"id":"1"}\n' | cat - "$work/d.jsonl" >"$work/bad.jsonl"
is "lines that are no records are counted, not fatal" "$(data dedupe "$work/bad.jsonl" 2>&1 >/dev/null)" \
    "dedupe: 7 read, 3 kept; dropped: not a record 2, near duplicate 2; changed: thread dropped 1"

# ---- solve, exactly ----
data make -d 3 -n 2 -c 6 -s 5 -o "$work/problems.jsonl" 2>/dev/null
is "solve: our families without a model" "$(data solve -n 3 "$work/problems.jsonl" -o "$work/drafts.jsonl" 2>&1)" "solve: 6 read, 6 kept"
is "each thread by a strategy not used yet" "$(head -n 1 "$work/drafts.jsonl" | grep -o '"strategy":"[a-z]*"' | tr '\n' ' ')" \
    '"strategy":"up" "strategy":"down" "strategy":"random" '
like "all of them right, none compared" "$(data stats --json "$work/drafts.jsonl")" '"answered": 18, "right": 18.*"verdicts": {"none": 18}'
is "not of others" "$(data solve "$work/pi.jsonl" 2>&1)" "solve: 2 read, 0 kept; dropped: no exact solver 2"
sed 's/"prompt":"[^"]*"/"prompt":"Find it."/' "$work/problems.jsonl" >"$work/unreadable.jsonl"
is "nor of what is no problem" "$(data solve "$work/unreadable.jsonl" 2>&1)" "solve: 6 read, 0 kept; dropped: problem cannot be read 6"

# ---- filter, with a model of ours ----
if with_shipped "a model's samples" "the rate is in meta" "the same again"; then
    data make -d 1 -n 4 -c 12 -s 11 -o "$work/all.jsonl" 2>/dev/null
    said=$(data filter --model "$shipped" -k 8 --high 0.9 "$work/all.jsonl" -o "$work/hard.jsonl" --dropped "$work/easy.jsonl" 2>&1)
    like "a model's samples" "$said" 'filter: 12 read, [1-9] kept; dropped: .*never solved .*solved too often\|filter: 12 read, [1-9] kept; dropped: .*solved too often .*never solved'
    is "the rate is in meta" "$(cat "$work/hard.jsonl" "$work/easy.jsonl" | grep -c '"pass_rate":{"rate":[01].[0-9]*,"samples":8,"temperature":1.0,"by":"lace-search"}')" 12
    OMP_NUM_THREADS=1 data filter --model "$shipped" -k 8 --high 0.9 "$work/all.jsonl" -o "$work/again.jsonl" 2>/dev/null
    succeeds "the same again" cmp "$work/hard.jsonl" "$work/again.jsonl"
fi

# ---- weave ----
data make -d 4 -n 4 -c 30 -s 5 --corrupt 1 -o "$work/erring.jsonl" 2>/dev/null
said=$(data weave --errs 1 --no-made-up "$work/erring.jsonl" -o "$work/woven.jsonl" 2>&1)
like "weave: our families" "$said" "weave: 30 read, 30 kept; changed: .*rechecked [0-9]*.*own [0-9]*"
empty "errors are those that somebody made" "$(grep -o 'made_up' <<<"$said")"
like "and are counted by stats" "$(data stats --json "$work/woven.jsonl")" '"slips": [1-9][0-9]*,.*"interactions": {.*"moved_on": '
like "made up where nobody erred" "$(data weave --errs 1 "$work/own.jsonl" 2>&1 >/dev/null)" "made_up [1-9]"
is "or none at all" "$(data weave --errs 0 "$work/own.jsonl" 2>&1 >/dev/null | grep -c 'own\|made_up')" 0
is "woven by the seed" "$(data weave --errs 1 -s 4 "$work/own.jsonl" 2>/dev/null | cmp - <(data weave --errs 1 -s 4 "$work/own.jsonl" 2>/dev/null) && echo same)" same
like "of a text too few threads" "$(data weave "$work/pi.jsonl" 2>&1)" "0 kept; dropped: only one thread 2"

# ---- label and stats ----
is "label: our families, by their checkers" "$(data label "$work/drafts.jsonl" -o "$work/labelled.jsonl" 2>&1)" "label: 6 read, 6 kept; changed: success 12, best 6"
said=$(data stats "$work/labelled.jsonl")
like "stats: edit distance beside the paper's" "$said" '^diversity    0\.[0-9]* edit distance between threads, in words (the paper.s data: 0.77)'
like "and embedding distance, by what" "$said" '0\.[0-9]* embedding distance, by hashed words (the paper.s data: 0.12)'
like "in JSON" "$(data stats --json "$work/labelled.jsonl" | python3 -c '
import json, sys
s = json.load(sys.stdin)
print(sum(s["distances"]), sum(s["embedding_distances"]), sum(s["thread_steps"]), s["tasks"], s["embedder"])')" "^18 18 18 {'search': 6} hashed words"
printf '{"id":"a","task":"\\u001b[2J\\"x","prompt":"p","threads":[{"steps":["a"]},{"steps":["b"]}],"meta":{"interactions":[[0,0,"\\u0007\\"],plot"],[1,1]]}}\n' >"$work/evil.jsonl"
is "stats: nothing commands the terminal" "$(data stats "$work/evil.jsonl" | grep -c "$(printf '[\033\007]')")" 0
succeeds "stats: JSON whatever the names" bash -c '"$0" data stats --json "$1" | python3 -m json.tool' "$LACE" "$work/evil.jsonl"
if command -v gnuplot >/dev/null; then
    for end in svg png; do
        data stats "$work/evil.jsonl" --plot "$work/evil.$end" >/dev/null 2>"$work/said"
        is "a picture, $end" "$(head -c 200 "$work/evil.$end" | tr -d '\0' | grep -aio "$end" | head -n 1 | tr A-Z a-z) $(cat "$work/said")" "$end "
    done
else
    ok "a picture # SKIP gnuplot is not installed"
fi
like "no gnuplot: one sentence" "$(PATH=$work data stats "$work/evil.jsonl" --plot "$work/no.svg" 2>&1 >/dev/null)" "gnuplot, which draws the picture, is not installed"
like "a picture of another kind" "$(data stats "$work/evil.jsonl" --plot "$work/no.jpg" 2>&1 >/dev/null)" "ends in .svg or .png"
if with_shipped "distance by hidden states"; then
    like "distance by hidden states" "$(data stats --model "$shipped" "$work/labelled.jsonl")" '0\.[0-9]* embedding distance, by hidden states'
fi

# ---- all steps ----
refused() {
    local name=$1 want=$2 said
    shift 2
    said=$(data "$@" 2>&1 >/dev/null)
    if [ $? -eq 0 ]; then not_ok "$name" "it succeeded"; else like "$name" "$said" "$want"; fi
}
refused "a missing file" "Cannot open" import "$work/none.jsonl"
refused "a missing file to compare with" "Cannot open" dedupe "$work/d.jsonl" --against "$work/none.jsonl"
refused "a folder that is not there" "cannot be written" dedupe "$work/d.jsonl" -o "$work/no/a.jsonl"
refused "a format that is not there" "has no value 'gsm9k'" import -f gsm9k "$work/g.jsonl"
# Devices only through a link of our own: were one renamed over, it would be the link.
ln -s /dev/null "$work/null"
data dedupe "$work/own.jsonl" -o "$work/null" 2>"$work/said"
is "a device is written, not replaced" "$(readlink "$work/null") $(cat "$work/said")" "/dev/null dedupe: 50 read, 50 kept"
data make -c 5 -o "$work/null" 2>"$work/said"
is "by make too" "$(readlink "$work/null")" /dev/null
if [ -c /dev/full ]; then
    ln -s /dev/full "$work/full"
    refused "a full disk" "is the disk full" dedupe "$work/own.jsonl" -o "$work/full"
    is "is still the device" "$(readlink "$work/full")" /dev/full
fi
data import "$work/g.jsonl" "$work/none.jsonl" -o "$work/half.jsonl" 2>/dev/null
is "a failed step leaves no file" "$(ls "$work" | grep -c half)" 0
finish
