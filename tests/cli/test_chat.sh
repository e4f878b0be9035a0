# lace chat and lace run --chat: the template is applied, replies are remembered, commands, ends of texts, complaints.
. tests/cli/tap
. tests/cli/tiny
export OMP_WAIT_POLICY=passive
m=$work/model
succeeds "a tiny model" tiny "$m" model.max_position_embeddings=4096
chat() { "$LACE" chat --model "$m" --budget 12 --temperature 1 --seed 7 "$@" 2>"$work/err"; }
run() { "$LACE" run --model "$m" --budget 12 --temperature 1 --seed 7 --chat "$@"; }
greedy() { "$LACE" chat --model "$m" --json "$@" 2>"$work/err"; }
said() { sed -n 's/.*"content": "\(\([^"\\]\|\\.\)*\)", "picked.*/\1/p'; }
field() { grep -o "\"$1\": [0-9]*" | tr -dc '0-9\n'; }

chat </dev/null
is "no chat template: the exit status" "$?" 1
like "one sentence" "$(cat "$work/err")" '^lace: .* has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json)'
is "and no more" "$(wc -l <"$work/err")" 1

cat >"$m/chat_template.jinja" <<'J'
{%- for message in messages %}
    {{- '[' ~ message.role ~ '] ' ~ message.content ~ ('<|end|>' if message.role == 'assistant') ~ '\n' }}
{%- endfor %}
{%- if thinking_given is defined or enable_thinking is defined %}{{ '[think ' ~ enable_thinking ~ ']\n' }}{% endif %}
{%- if tools %}{{ tools | tojson ~ '\n' }}{% endif %}
{%- if add_generation_prompt %}{{ '[assistant] ' }}{% endif %}
J
one=$(printf 'Hello\n' | chat --json)
is "a reply: the exit status" "$?" 0
is "one line" "$(wc -l <<<"$one")" 1
empty "nothing on stderr" "$(cat "$work/err")"
if command -v python3 >/dev/null; then succeeds "JSON reads as JSON" python3 -c 'import json,sys; json.loads(sys.argv[1])' "$one"; fi
is "the prompt is the template's" "$(field prompt_tokens <<<"$one")" "$("$LACE" tokenize --model "$m" "$(printf '[user] Hello\n[assistant] ')" | wc -w)"
is "run --chat gives the same reply" "$(run --json Hello | sed -n 's/.*"answer": "\(.*\)", "picked.*/\1/p')" "$(said <<<"$one")"
is "its plain form too" "$(run Hello | tr -cd ' -~')" "$(printf 'Hello\n' | chat | tr -cd ' -~')"
is "one thread by default" "$(run --json Hello | grep -c '"text": ')" 1

two=$(printf 'Hello\nAnd now?\n' | chat --json)
is "two replies" "$(wc -l <<<"$two")" 2
is "the first as before" "$(head -n 1 <<<"$two" | said)" "$(said <<<"$one")"
like "the second has read the first" "$(tail -n 1 <<<"$two" | field prompt_tokens)" "^[0-9]*$"
succeeds "its prompt is longer" [ "$(tail -n 1 <<<"$two" | field prompt_tokens)" -gt "$(field prompt_tokens <<<"$one")" ]
succeeds "and its beginning was not read again" [ "$(tail -n 1 <<<"$two" | field cached_tokens)" -ge "$(($(field prompt_tokens <<<"$one") - 2))" ]
again=$(printf 'Hello\n/reset\nHello\n/exit\nHello\n' | chat --json)
is "/reset forgets, /exit ends" "$(said <<<"$again")" "$(said <<<"$one")
$(said <<<"$one")"
is "what is cached changes no reply" "$(printf 'Hello\nAnd now?\n/reset\nHello\nAnd now?\n' | chat --json | said | tail -n 2)" "$(said <<<"$two")"

lines=$(printf '[user] a\nb\n\nc\n[assistant] ')
is "three quotes stand around several lines" "$(printf '"""\na\nb\n\nc\n"""\n' | chat --json | field prompt_tokens)" "$("$LACE" tokenize --model "$m" "$lines" | wc -w)"
is "a backslash goes on" "$(printf 'a\\\nb\\\n\\\nc\n' | chat --json | field prompt_tokens)" "$("$LACE" tokenize --model "$m" "$lines" | wc -w)"
is "run --chat - reads all of stdin" "$(printf 'a\nb\n\nc' | run --json - | field prompt_tokens)" "$("$LACE" tokenize --model "$m" "$lines" | wc -w)"
is "the last line needs no end" "$(printf 'Hello' | chat --json | said)" "$(said <<<"$one")"
is "blank lines are no messages" "$(printf '\n  \nHello\n\n' | chat --json | said)" "$(said <<<"$one")"
is "--system" "$(printf 'Hello\n' | chat --json --system 'Be kind.' | field prompt_tokens)" "$("$LACE" tokenize --model "$m" "$(printf '[system] Be kind.\n[user] Hello\n[assistant] ')" | wc -w)"
is "--think" "$(printf 'Hello\n' | chat --json --think off | field prompt_tokens)" "$("$LACE" tokenize --model "$m" "$(printf '[user] Hello\n[think False]\n[assistant] ')" | wc -w)"
is "--think beside --variables" "$(printf 'Hello\n' | chat --json --think on --variables ' { "thinking_given": 1}' | field prompt_tokens)" "$("$LACE" tokenize --model "$m" "$(printf '[user] Hello\n[think True]\n[assistant] ')" | wc -w)"
echo '[{"type": "function"}]' >"$work/tools.json"
is "--tools" "$(printf 'Hello\n' | chat --json --tools "$work/tools.json" | field prompt_tokens)" "$("$LACE" tokenize --model "$m" "$(printf '[user] Hello\n[{"type": "function"}]\n[assistant] ')" | wc -w)"
is "special tokens of a message are tokens" "$(printf '<|end|>\n' | chat --json | field prompt_tokens)" "$("$LACE" tokenize --model "$m" "$(printf '[user] <|end|>\n[assistant] ')" | wc -w)"
like "several threads: the picked one's reply" "$(printf 'Hello\n' | chat --json --threads 3)" '"picked": [012], '
is "the same seed says the same" "$(printf 'Hello\n' | chat --seed 8)" "$(printf 'Hello\n' | chat --seed 8)"
like "--budget cuts" "$(printf 'Hello\n' | chat --json --budget 3)" '"cut": true'

# the first token of the greedy reply is made one that ends a text
first=$("$LACE" score --model "$m" --top 1 --json "$(printf '[user] Hello\n[assistant] <|1|><|of 1|>x')" | tr -d '\n ' | sed 's/.*{"id":\([0-9]*\).*/\1/')
for eos in "$first" "[7, $first]"; do
    printf '{"do_sample": false, "eos_token_id": %s}' "$eos" >"$m/generation_config.json"
    is "generation_config.json, eos_token_id $eos" "$(printf 'Hello\n' | greedy --budget 12 | field completion_tokens)" 1
done
printf '{}' >"$m/generation_config.json"
is "without it the reply goes on" "$(printf 'Hello\n' | greedy --temperature 0 --budget 3 | field completion_tokens)" 3
for wrong in '"x"' -1 '[1.5]' '[[1]]'; do
    printf '{"eos_token_id": %s}' "$wrong" >"$m/generation_config.json"
    printf 'Hello\n' | chat >"$work/out"
    is "eos_token_id $wrong: the exit status" "$?" 1
    like "a sentence" "$(cat "$work/err")" "\"eos_token_id\" must be a token's number, or a list of them"
done
printf '{"do_sample": true, "temperature": 5.0, "max_new_tokens": 2}' >"$m/generation_config.json"
is "max_new_tokens" "$(printf 'Hello\n' | greedy | field completion_tokens)" 2
like "do_sample and temperature" "$([ "$(printf 'Hello\n' | greedy --budget 12 --seed 1 | said)" = "$(printf 'Hello\n' | greedy --budget 12 --seed 2 | said)" ] || echo differs)" differs
printf '{"max_new_tokens": 1000000}' >"$m/generation_config.json"
like "a max_new_tokens that the context does not hold gives way" "$(printf 'Hello\n' | greedy --temperature 1 --stop e)" '"content"'
rm "$m/generation_config.json"

# Ctrl-C: a reply that would take minutes ends, and the conversation goes on; where nothing is written, it ends. A random
# model may end its reply before it is stopped: then another seed is tried.
mkfifo "$work/keys"
interrupted() { # how often; sets $status
    for seed in 1 2 3 4 5 6; do
        rm -f "$work/said"
        "$LACE" chat --model "$m" --temperature 1 --seed $seed --budget 4000 <"$work/keys" >"$work/said" 2>/dev/null &
        pid=$!
        exec 3>"$work/keys"
        echo Hello >&3
        for _ in {1..500}; do [ -s "$work/said" ] && break; sleep 0.02; done
        kill -INT $pid
        if [ "$1" = 2 ]; then
            sleep 0.3
            kill -INT $pid
        else printf '/reset\n/exit\n' >&3; fi
        wait $pid
        status=$?
        exec 3>&-
        if [ "$1" = 2 ] || [ $status = 0 ]; then break; fi
    done 2>/dev/null
}
interrupted 1
is "Ctrl-C stops a reply alone" "$status" 0
is "and what came ends with a line" "$(tail -c 1 "$work/said" | od -An -c | tr -d ' ')" '\n'
if [ "${SAN:-}" != thread ]; then # whose runtime holds a signal back while the program waits for a line
    interrupted 2
    is "a second one ends" "$status" 130
fi

complains() { # name, words, stdin, arguments
    printf "$3" | chat "${@:4}" >"$work/out"
    like "$1: a sentence" "$? $(cat "$work/err")" "^[12] lace: .*$2"
}
complains "text that is not UTF-8" "not UTF-8" 'a\xff\n'
complains "a zero byte" "zero byte" 'a\0b\n'
complains "variables that are no object" "takes a JSON object" 'Hello\n' --variables '[1]'
complains "variables that are no JSON" "not valid JSON" 'Hello\n' --variables '{x}'
complains "tools that are not there" "cannot be read" 'Hello\n' --tools "$work/none"
complains "a template that is not there" 'no chat template "x"' 'Hello\n' --template x
complains "a prompt that is too long" "context" "$(printf 'w%.0s ' {1..5000})\n"
"$LACE" run --model "$m" --system x Hello 2>"$work/err" >"$work/out"
like "--system without --chat" "$? $(cat "$work/err")" "^2 lace: .*give --chat too"
printf '{{ raise_exception("roles must alternate") }}' >"$m/chat_template.jinja"
complains "what the template refuses" "chat_template.jinja, line 1: the template refuses: roles must alternate" 'Hello\n'
printf '\n{%% include "x" %%}' >"$m/chat_template.jinja"
complains "what is not supported" 'chat_template.jinja, line 2: the statement "include" is not supported' ''

# a Llama whose words have their blank in front (SentencePiece): Transformers' own replies, the first blank of each left out
if command -v python3 >/dev/null; then
    cp -r tests/golden/chat_model "$work/llama" && cp tests/golden/tokenizer_llama2.json "$work/llama/tokenizer.json"
    cat >"$work/compare.py" <<'P'
import json, sys
want = json.load(open("tests/golden/chat_model/expected.json"))["replies"]
got = [json.loads(line) for line in sys.stdin]
for reply, line in zip(want, got, strict=True):
    for key in ("content", "prompt_tokens", "completion_tokens"):
        have = line[key] if key in line else line["usage"][key]
        assert have == reply[key], (key, have, reply[key])
assert want[1]["content"][0] != " " and want[0]["content"] != want[1]["content"]
P
    turns=$(python3 -c 'import json; print("\n".join(json.load(open("tests/golden/chat_model/expected.json"))["turns"]))')
    # in f32, as the other side: rounding to bf16 would choose other tokens
    printf '%s\n' "$turns" | LACE_ISA=generic "$LACE" chat --model "$work/llama" --json >"$work/replies"
    succeeds "two turns are Transformers' own" python3 "$work/compare.py" <"$work/replies"
fi
finish
