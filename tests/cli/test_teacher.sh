# A teacher over HTTP, against a server of our own that misbehaves in every way that is known: nothing is asked twice,
# nothing hangs, nothing of what it says is obeyed.
. tests/cli/tap
data() { "$LACE" data "$@"; }
export no_proxy=127.0.0.1 NO_PROXY=127.0.0.1
python3 tests/cli/teacher.py "$work/port" "$work/log" 2>"$work/server" &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do [ -e "$work/port" ] && break; sleep 0.05; done
url=http://127.0.0.1:$(cat "$work/port")/v1
asked() { wc -l <"$work/log"; }
field() { sed -n "s/.*\"$1\":\(\"[^\"]*\"\|[0-9.]*\).*/\1/p"; }
ask() { # step model option...
    local step=$1 model=$2
    shift 2
    data "$step" --teacher "$url" --model-name "$model" --pause 0.01 "$@"
}
for i in 12 13 14; do printf '{"id":"p%s","task":"sum","prompt":"What is %s+30?","answer":"%s"}\n' $i $i $((i + 30)); done >"$work/in.jsonl"

# ---- solving with a cache ----
said=$(ask solve good "$work/in.jsonl" -n 3 -o "$work/out.jsonl" 2>&1)
is "drafts of every problem" "$said" "solve: 3 read, 3 kept; changed: draft 9"
is "each by a way of its own" "$(head -n 1 "$work/out.jsonl" | grep -o '"strategy":"[^"]*"' | tr '\n' ' ')" \
    '"strategy":"counting up" "strategy":"splitting tens" "strategy":"a number line" '
is "the cache is in the prompt" "$(grep -c 'DO NOT USE' "$work/log")" 6
like "and names what was used, nothing more" "$(tail -n 1 "$work/log")" 'find another one:.n- counting up.n- splitting tens.n"'
is "no step and no answer of a draft reaches another" "$(grep -c 'I count\|So 1' "$work/log")" 0
like "steps, without the approach and the answer" "$(head -n 1 "$work/out.jsonl")" '"steps":\["From 12 I count 30 further.\\n","So 12+30=42.\\n"\],"answer":"42","verdict":""'
is "the journal is gone when all is done" "$(ls "$work" | grep -c asked)" 0
like "a parrot has one way" "$(ask solve parrot "$work/in.jsonl" -n 2 --any 2>&1 >/dev/null)" "dropped: only one way 3; changed: draft 3, draft like another 9"
like "drafts that are cut off" "$(ask solve cut "$work/in.jsonl" -n 2 --tries 1 2>&1 >/dev/null)" "dropped: no draft 3; changed: draft cut off 6"
like "thoughts are no draft" "$(ask solve thinks "$work/in.jsonl" -n 2 2>/dev/null | head -n 1)" '"answer":"42"'
like "no right draft" "$(sed 's/"answer":"../"answer":"9/' "$work/in.jsonl" | ask solve good -n 2 2>&1 >/dev/null)" "dropped: no right draft 3"

# ---- the pass rate ----
said=$(ask filter wavers "$work/in.jsonl" -k 6 --seed 3 2>&1 >"$work/rated.jsonl")
is "problems solved sometimes stay" "$said" "filter: 3 read, 3 kept"
like "with their rate" "$(head -n 1 "$work/rated.jsonl")" '"pass_rate":{"rate":0.33.*"samples":6,"temperature":1.0,"by":"wavers"}'
is "those always solved go" "$(ask filter good "$work/in.jsonl" -k 2 2>&1)" "filter: 3 read, 0 kept; dropped: solved too often 3"
is "those never solved go" "$(sed 's/"answer":"../"answer":"9/' "$work/in.jsonl" | ask filter good -k 2 2>&1)" "filter: 3 read, 0 kept; dropped: never solved 3"
is "those without an answer go unasked" "$(sed 's/,"answer":"[^"]*"//' "$work/in.jsonl" | ask filter good -k 2 2>&1)" "filter: 3 read, 0 kept; dropped: no answer 3"

# ---- judging and compressing ----
printf '{"id":"j","task":"sum","prompt":"?","answer":"7","threads":[{"steps":["a"],"answer":"7"},{"steps":["a","b"],"answer":"7"},{"steps":["a"],"answer":"8"}]}\n' >"$work/j.jsonl"
verdicts() { grep -o '"verdict":"[a-z]*"' | cut -d '"' -f 4 | tr '\n' ' '; }
is "without a judge: the fewest steps" "$(data label "$work/j.jsonl" 2>/dev/null | verdicts)" "best success fail "
is "a judge chooses among the right ones" "$(ask label judge-2 "$work/j.jsonl" 2>/dev/null | verdicts)" "success best fail "
is "a judge who is wrong is overruled" "$(ask label judge-3 "$work/j.jsonl" 2>"$work/said" | verdicts)" "best success fail "
like "and counted" "$(cat "$work/said")" "judge was wrong 1"
like "a judge who says nothing clear" "$(ask label good "$work/j.jsonl" 2>&1 >/dev/null)" "judge unclear 1"
said=$(ask steps scribe "$work/out.jsonl" 2>&1 >"$work/short.jsonl")
like "solutions are compressed" "$said" "steps: 3 read, 3 kept; changed: answer line removed 6, thread compressed 6, compression lost answer 3"
like "into steps" "$(head -n 1 "$work/short.jsonl")" '"steps":\["Short.\\n","Done.\\n"\],"answer":"42"'
like "what loses its answer stays as it was" "$(sed -n 2p "$work/short.jsonl")" 'From 13 I count 30 further'

# ---- weaving with the errors of a model's samples ----
said=$(ask weave wavers "$work/out.jsonl" -k 6 --errs 1 --no-made-up 2>&1 >"$work/woven.jsonl")
like "weave: its own errors are repaired" "$said" "weave: 3 read, 3 kept; changed: own [1-9].*corrected [1-9]"
like "by what another thread has" "$(cat "$work/woven.jsonl")" 'So 12+30=43..n","Another thread has 12+30 = 42, not 43: 12+30 = 42..n"'
like "and marked" "$(cat "$work/woven.jsonl")" '"corrupted":\[\[[0-2],1,"own"\]'

# ---- failures ----
one() { head -n 1 "$work/in.jsonl" | ask filter "$@" -k 1 --high 1; }
before=$(asked)
like "429: waits as long as it is told" "$(one busy 2>&1 >/dev/null)" "1 read, 1 kept"
is "and asks once more" "$(($(asked) - before))" 2
like "not less than Retry-After" "$(tail -n 2 "$work/log" | sed 's/.*"at": \([0-9.]*\).*/\1/' | xargs -n 2 | awk '{ print $2 - $1 }')" '^\(1\|0.99\|[1-9][0-9.]*\)'
before=$(asked)
like "500, silence, half a reply, no JSON: tried again" "$(one broken 2>&1 >/dev/null)" "1 read, 1 kept"
is "five times" "$(($(asked) - before))" 5
like "slow: given up and tried again" "$(one slow --timeout 0.5 2>&1 >/dev/null)" "1 read, 1 kept"
is "a huge reply is not read, and that is said" "$(one huge --reply-kib 64 2>&1)" "filter: 1 read, 0 kept; dropped: no reply 1
The first question without a reply: The reply is longer than 65536 bytes."
like "in JSON too" "$(one huge --reply-kib 64 --json 2>&1)" '"no reply": 1}.*"unanswered": "The reply is longer than 65536 bytes."'

said=$(for i in 1 2 3 4 5 6 7 8 9 10; do one hostile --retries 0 2>&1; done)
is "nonsense of every kind" "$(grep -c "1 read, 0 kept; dropped: no reply 1" <<<"$said")" 10
like "and of nothing but nonsense it tires" "$(ask filter hostile -k 1 --retries 0 "$work/in.jsonl" 2>&1)" "failed 1 times: The reply"
like "a server that is gone ends the step" "$(one dead --retries 1 2>&1; ask filter dead -k 1 --retries 1 "$work/in.jsonl" 2>&1)" "503. failed\|failed 2 times: The teacher answers 503"
said=$(one denied 2>&1)
like "a bad key is said at once" "$said" "chat/completions answers 401: bad key .2J"
is "the terminal is not obeyed" "$(printf '%s' "$said" | tr -d '\n' | grep -c "$(printf '\033')")" 0
like "no redirect is followed" "$(one redirect 2>&1)" "answers 302"
is "what one question is refused for is its own affair" "$(ask filter choosy "$work/in.jsonl" -k 1 --high 1 2>&1 >/dev/null | head -n 1)" "filter: 3 read, 2 kept; dropped: no reply 1"
like "and the server's words are passed on" "$(ask filter choosy "$work/in.jsonl" -k 1 --high 1 2>&1 >/dev/null)" "^The first question without a reply: The teacher answers 400"
like "nobody listens" "$(data filter --teacher http://127.0.0.1:1 --model-name x --retries 0 "$work/in.jsonl" 2>&1)" "failed 1 times"

# ---- the key ----
TEST_KEY=secret-123 one good --api-key-env TEST_KEY >/dev/null 2>&1
like "the key is sent" "$(tail -n 1 "$work/log")" '"auth": "Bearer secret-123"'
like "a key that is not there" "$(one good --api-key-env NO_SUCH_KEY 2>&1)" "NO_SUCH_KEY.*is not set"
like "a key of two lines" "$(TEST_KEY="a
X-Evil: 1" one good --api-key-env TEST_KEY 2>&1)" "TEST_KEY holds a blank"
like "no address" "$(data filter --teacher file:///etc/passwd --model-name x "$work/in.jsonl" 2>&1)" "must begin with http"
like "no name" "$(data filter --teacher "$url" "$work/in.jsonl" 2>&1)" "model-name"
like "both" "$(data filter --teacher "$url" --model-name x --model y "$work/in.jsonl" 2>&1)" "exclude"
like "none" "$(data filter "$work/in.jsonl" 2>&1)" "asks somebody"

# ---- stopped and run again ----
for i in $(seq 40); do printf '{"id":"q%s","task":"sum","prompt":"What is %s+30?","answer":"%s"}\n' "$i" "$i" $((i + 30)); done >"$work/many.jsonl"
: >"$work/log"
"$LACE" data solve --teacher "$url" --model-name steady-slow "$work/many.jsonl" -n 2 -o "$work/many.out" >/dev/null 2>&1 &
step=$! # bash says that it was killed: not here
for _ in $(seq 200); do [ "$(asked)" -ge 20 ] && break; sleep 0.02; done
kill -9 $step
wait $step 2>/dev/null
is "killed: no output" "$(ls "$work" | grep -c '^many.out$')" 0
kept=$(wc -l <"$work/many.out.asked")
printf '{"ask":"00' >>"$work/many.out.asked" # as if it had died in the middle of a line
sleep 0.5
first=$(asked)
said=$(ask solve steady-slow "$work/many.jsonl" -n 2 -o "$work/many.out" 2>&1)
is "run again: complete" "$said" "solve: 40 read, 40 kept; changed: draft 80"
is "what was answered is not asked again" "$(($(asked) - first))" "$((80 - kept))"
ask solve steady-slow "$work/many.jsonl" -n 2 -o "$work/once.out" --parallel 16 2>/dev/null
succeeds "as if it had never stopped" cmp "$work/many.out" "$work/once.out"
: >"$work/log"
ask solve good "$work/in.jsonl" -n 2 --journal "$work/kept" >"$work/a" 2>/dev/null
ask solve good "$work/in.jsonl" -n 2 --journal "$work/kept" >"$work/b" 2>/dev/null
is "a journal that was named stays" "$(asked) $(cmp "$work/a" "$work/b" && echo same)" "6 same"
finish
