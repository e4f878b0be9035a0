# lace serve as the teacher of lace data: what the pipeline asks, our own server answers.
. tests/cli/tap
. tests/cli/tiny
export OMP_WAIT_POLICY=passive no_proxy=127.0.0.1 NO_PROXY=127.0.0.1 TEACHER_KEY=secret
m=$work/model
succeeds "a tiny model" tiny "$m" model.max_position_embeddings=4096
printf '{%% for m in messages %%}[{{ m.role }}] {{ m.content }}\n{%% endfor %%}[assistant] ' >"$m/chat_template.jinja"
echo "$TEACHER_KEY" >"$work/key"
"$LACE" serve --model "$m" --port 0 --api-key-file "$work/key" 2>"$work/log" &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do grep -q listening "$work/log" && break; sleep 0.1; done
url=$(sed -n 's/.*listening on //p' "$work/log")/v1
printf '{"id":"p%s","task":"sum","prompt":"What is 2+3?","answer":"5"}\n' 1 2 3 >"$work/in.jsonl"
ask() { "$LACE" data "$@" --teacher "$url" --model-name model --api-key-env TEACHER_KEY --pause 0.01 --tokens 12; }

is "samples for a pass rate: random weights solve nothing" "$(ask filter -k 2 "$work/in.jsonl" 2>&1)" "filter: 3 read, 0 kept; dropped: never solved 3"
like "drafts: none is right" "$(ask solve -n 2 --tries 1 "$work/in.jsonl" 2>&1)" "^solve: 3 read, 0 kept; dropped: no \(right \)\?draft 3"
like "a wrong key is said" "$(TEACHER_KEY=wrong ask filter -k 2 --retries 1 "$work/in.jsonl" 2>&1)" "401"
finish
