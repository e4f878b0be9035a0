# lace data: the contract of make and families, resuming, refusals, the way from make to show and stats.
. tests/cli/tap
data() { "$LACE" data "$@"; }

data make --family search --difficulty 2:3 --count 20 --seed 7 --split test -o "$work/a.jsonl" 2>/dev/null
is "make writes one line per record" "$(wc -l <"$work/a.jsonl")" 20
is "stdout gets the same" "$(data make --family search --difficulty 2:3 --count 20 --seed 7 --split test 2>/dev/null)" "$(cat "$work/a.jsonl")"
is "parts make the whole" "$(
    data make -d 2:3 -c 12 -s 7 --split test 2>/dev/null
    data make -d 2:3 -c 8 --first 12 -s 7 --split test 2>/dev/null
)" "$(cat "$work/a.jsonl")"
like "the fields are those of the design" "$(head -n 1 "$work/a.jsonl")" '^{"id":".*"task":"search","difficulty":[23],"prompt":"Find .*"answer":".*"threads":\[{"steps":\["[a-z]\*.*"meta":{'
like "another seed makes others" "$(data make -d 2:3 -c 20 -s 8 --split test 2>/dev/null | cmp - "$work/a.jsonl" 2>&1)" differ

like "families lists search" "$(data families)" '^search '
like "families in JSON" "$(data families --json)" '"name": "search", "difficulty": \[1, 12\]'
like "stats counts" "$(data stats "$work/a.jsonl")" '^records *20 (20 on the test side'
like "stats in JSON" "$(data stats --json "$work/a.jsonl")" '"wrong product"\|"right": '
like "show reads a pipe" "$(data make -c 1 -d 2 2>/dev/null | data show -)" '^\[\[.*\]\]'
is "no colours in a pipe" "$(data show "$work/a.jsonl" -c 0 | grep -c "$(printf '\033')")" 0
like "ceiling" "$(data ceiling --problems 200 --rounds 10 --json)" '^{"rounds": 10, "shared": {"share": 0.9'

refused() {
    local name=$1 want=$2 said
    shift 2
    said=$(data "$@" 2>&1 >/dev/null)
    if [ $? -eq 0 ]; then not_ok "$name" "it succeeded"; else like "$name" "$said" "$want"; fi
}
refused "an unknown family" "no problem family 'serach'" make --family serach
refused "an unknown strategy" "strategies are default, up, down, random" make --strategy upwards
refused "a difficulty out of range" "within 1:12" make --difficulty 13
refused "a modulus that is no prime" "15 is not a prime" make --moduli 15 --options 8
refused "moduli that are no numbers" "moduli" make --moduli 11,x
refused "no modulus above the options" "No modulus exceeds" make --options 20
refused "a missing file" "missing.jsonl" stats "$work/missing.jsonl"
refused "a folder that is not there" "cannot be written" make -c 1 -o "$work/no/a.jsonl"
printf '{"id":1}\n' >"$work/bad.jsonl"
refused "a file of something else" "bad.jsonl" show "$work/bad.jsonl"
refused "a space too small for both sides" "too few problems" make -d 1 --options 2 --moduli 3 --split test -o "$work/half.jsonl"
is "a failed make leaves no file" "$(ls "$work" | grep -c half)" 0
# --foreground: one signal, not one more for the group, which would be a second Ctrl-C
timeout --foreground -s INT 1 "$LACE" data make -c 1000000000 -o "$work/endless.jsonl" 2>/dev/null
is "nor does one that Ctrl-C ended" "$(ls "$work" | grep -c endless)" 0
if [ -w /dev/full ]; then
    data make -c 100 >/dev/full 2>"$work/full"
    is "a full disk is an error" "$?" 1
fi
finish
