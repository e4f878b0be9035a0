#!/usr/bin/env python3
"""Makes tests/golden/jinja_cases.json and tests/golden/chat_cases.json: what Transformers makes of chat templates.

  python3 -m venv venv && venv/bin/pip install transformers==5.23.0 jinja2==3.1.6 tokenizers
  venv/bin/python scripts/golden_chat.py            (--model also needs torch)

jinja_cases.json: the templates of tests/golden/jinja/ (expressions.txt: one in each line, put between {{ and }}; lines.txt:
one in each line; blocks.txt: divided by lines of ----) and those below, compiled and rendered by Transformers' own
environment (ImmutableSandboxedEnvironment, trim_blocks, lstrip_blocks, loop controls, generation, its tojson) with one
set of variables. [template, text], or [template, null, error] where Jinja2 refuses or fails.

chat_model/: a tiny random Llama in Transformers' own files, without its tokenizer.json, which is tokenizer_llama2.json of
golden_tokenizer.py. chat_model/expected.json: a conversation of it, decoded greedily in float32; the second reply ends
with a token of eos_token_id. Made with --model alone, because other machines may round otherwise.

The clock says 2024-07-26 09:05:03 UTC. Versions are recorded in the files.
"""
import datetime
import json
import os
import sys

os.environ["TZ"] = "UTC"
import jinja2
import tokenizers
import tokenizers.models
import transformers
from transformers.utils import chat_template_utils

GOLDEN = "tests/golden/"
VERSIONS = {"transformers": transformers.__version__, "jinja2": jinja2.__version__, "tokenizers": tokenizers.__version__}


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26, 9, 5, 3)


chat_template_utils.datetime = Clock

VARIABLES = {
    "messages": [
        {"role": "system", "content": " Be é kind. "},
        {"role": "user", "content": "Hi {{ x }} <|im_end|>"},
        {"role": "assistant", "content": "", "tool_calls": [
            {"function": {"name": "f", "arguments": {"a": 1, "b": [1, 2.5, None, True], "ü": 'ñ\u2028"\\'}}}]},
    ],
    "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True,
    "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {
        "type": "object", "properties": {"x": {"type": "string"}}}}}],
    "n": 5, "f": 2.5, "s": "Hello World", "l": [3, 1, 2], "d": {"b": 1, "a": 2, "items": 7}, "e": "", "z": None,
    "big": 1e22, "neg": -7,
}

# ---- conversations ----

def tool(name, properties, required):
    return {"type": "function", "function": {
        "name": name, "description": 'Does "' + name + '", é', "parameters": {
            "type": "object", "properties": properties, "required": required}, "return": {"type": "string"}}}


TOOLS = [
    tool("weather", {"place": {"type": "string", "description": 'A city, e.g. "Paris"'},
                     "unit": {"type": "string", "enum": ["c", "f"]}}, ["place"]),
    tool("add", {"a": {"type": "number"}, "b": {"type": ["number", "null"]},
                 "list": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "string"}}}}}, []),
]


def call(name, arguments, id="abcdef123"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def system(content):
    return {"role": "system", "content": content}


def user(content):
    return {"role": "user", "content": content}


def reply(content, **more):
    return {"role": "assistant", "content": content, **more}


def result(content, id="abcdef123"):
    return {"role": "tool", "name": "f", "tool_call_id": id, "content": content}


TALKS = [
    [user("Hello, how are you?")],
    [system("Be kind."), user("Hi")],
    [user("Hi"), reply("Hello!"), user("More?")],
    [system("Be é kind. /no_think"), user("Hi"), reply("Hello!"), user("More?"), reply("Sure."), user("Go on  ")],
    [system(""), user(""), reply(""), user("")],
    [user("  padded\n\n"), reply("\n also \n"), user("{{ 7*7 }} {% raw %} {# #} <|im_end|><s>[/INST]<|eot_id|></think>")],
    [user('日本語 😀 \u2028 "quotes" \\ back\tslash'), reply("n\u0303"), user("مرحبا \u200b")],
    [reply("begins with a reply"), user("x")],
    [user("one"), user("two")],
    [system("alone")],
    [user("?"), reply("<think>\nhidden\n</think>\n\nshown"), user("and?")],
    [user("?"), reply("shown", reasoning_content="because"), user("and?"), reply("<think>a</think>b")],
    [user("?"), reply("b", reasoning="since", tool_calls=[call("add", {"a": 1})]), result("2"), reply("c", thinking="so")],
    [system("s"), user("w?"), reply("", tool_calls=[call("weather", {"place": "Paris", "unit": "c"})]), result("22"),
     reply("It is 22."), user("Thanks")],
    [user("w?"), reply(None, tool_calls=[call("weather", {"place": "Örebro"}), call("add", {"a": 1, "b": 2.5}, "abcdef124")]),
     result("22"), result("3.5", "abcdef124"), reply("Both.", tool_calls=None)],
    [user("w?"), reply("first", tool_calls=[call("add", '{"a": 1}')]), result({"t": 22.0, "ok": True, "n": None})],
    [user("w?"), {"role": "assistant", "tool_calls": [call("add", {"a": [1, {"x": "<y>"}], "s": "</tool_call>"}, "short")]},
     {"role": "ipython", "content": ["a", 1]}],
    [user([{"type": "text", "text": "one "}, {"type": "image"}, {"type": "text", "text": "two"}]),
     reply([{"type": "text", "text": "reply"}]), user([{"type": "video"}])],
    [system([{"type": "text", "text": "in a part"}]), user("x")],
    [{"role": "critic", "content": "x"}, user("x")],
    [user("a"), reply("b"), user("c"), reply("d"), user("e"), reply("f"), user("g")],
    [user("skip me"), {"role": "skip", "content": "x"}, reply("a b c"), {"role": "stop", "content": "y"}, user("never")],
    [user("\r\n lines \r here \x0b\x0c\x1f\x85 \u2029"), reply("\x7f\u00ad\ufeff")],
]
TOOL_SETS = [None, TOOLS, TOOLS[:1]]
VARIANTS = [ # index of the tools, variables, which talks
    (0, {}, TALKS),
    (1, {}, TALKS[:3] + TALKS[5:6] + TALKS[9:19]),
    (0, {"enable_thinking": False}, TALKS[:4] + TALKS[10:12]),
    (1, {"enable_thinking": True, "tools_in_user_message": False, "date_string": "1 May 2025"}, TALKS[1:3] + TALKS[13:14]),
    (0, {"builtin_tools": ["search", "interpreter", "add"], "xml_tools": [{"name": "x"}], "python_tools": ["do it", "or not"],
            "bos_token": "<|b|>"}, TALKS[1:3] + TALKS[15:16]),
    (2, {}, TALKS[9:10] + TALKS[13:15]),
]
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}

# What a text file cannot hold: other ends of lines, none, blanks that are no spaces.
ODD = [
    "a\n  {% if n %}\n  b\n  {% endif %}\nc\n", "a\n  {%+ if n %}\n  b\n  {%+ endif +%}\nc\n",
    "{% if n %}\n\na\n{% endif %}\n\nb\n\n{{ n }}\n\nc\n\n", "{{ [1,2,3]\n   | join(',') }}\n",
    "a\r\nb\rc\n{{ n }}\r\n", '{% set x = "a\r\nb" %}{{ x }}', "\n\n", "\n", "", "{{ n }}\n\n",
    "\xa0{% if n %}x{% endif %}\xa0\n", "\xa0\u2003{%- if n %}x{% endif -%}\xa0\u2003\n y",
    "x\n\n  {%- for i in l %}\n  {{ i }}{% endfor %}\n", "{{ '\\u00a0x\\u3000' | trim }}|",
]


def snippets():
    read = lambda name: open(GOLDEN + "jinja/" + name, encoding="utf-8", newline="").read()
    for line in read("expressions.txt").splitlines():
        yield "{{ " + line + " }}"
    yield from read("lines.txt")[:-1].split("\n")
    yield from read("blocks.txt")[:-1].split("\n----\n")
    yield from ODD


def error_of(e):
    if type(e) is jinja2.exceptions.TemplateError: # raise_exception: its message is the template's own
        return "raised: " + str(e)
    return type(e).__name__ + ": " + str(e)


def chats():
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizers.Tokenizer(tokenizers.models.WordLevel({"x": 0}, unk_token="x")), **TOKENS)
    names = sorted(f[:-6] for f in os.listdir(GOLDEN + "chat") if f.endswith(".jinja"))
    conversations = [{"messages": talk, "tools": tools, "variables": variables}
                     for tools, variables, talks in VARIANTS for talk in talks]
    cases, continued = [], []

    def one(name, i, generation, final):
        tokenizer.chat_template = open(GOLDEN + "chat/" + name + ".jinja", encoding="utf-8", newline="").read()
        c = conversations[i]
        try:
            return [name, i, generation, tokenizer.apply_chat_template(
                c["messages"], tools=TOOL_SETS[c["tools"]], add_generation_prompt=generation, continue_final_message=final,
                tokenize=False, **c["variables"])]
        except Exception as e:
            return [name, i, generation, None, error_of(e)]

    for name in names:
        for i in range(len(conversations)):
            for generation in [True] if i % 12 else [True, False]:
                cases.append(one(name, i, generation, False))
    for name in names:
        for i, c in enumerate(conversations[:len(TALKS)]):
            if c["messages"][-1]["role"] in ("assistant", "user") and i in (0, 5, 11, 14, 17):
                continued.append(one(name, i, False, True))
    return {"versions": VERSIONS, "tokens": TOKENS, "clock": 1721984703, "tools": TOOL_SETS,
            "conversations": conversations, "cases": cases, "continued": continued}


def main():
    write("chat_cases.json", chats())
    cases = []
    for template in snippets():
        try:
            cases.append([template, chat_template_utils._compile_jinja_template(template).render(**VARIABLES)])
        except Exception as e:
            cases.append([template, None, error_of(e)])
    write("jinja_cases.json", {"versions": VERSIONS, "variables": VARIABLES, "cases": cases})


TURNS = ["Hello, what is 6 times 7?", "And é 日本 </s> then?"]
NEW_TOKENS = 24
SEED = 1


def model():
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    out = GOLDEN + "chat_model/"
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=GOLDEN + "tokenizer_llama2.json", bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = open(GOLDEN + "chat/llama2.jinja", encoding="utf-8").read()
    torch.manual_seed(SEED)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=1024, initializer_range=0.7, tie_word_embeddings=True)).float().eval()

    def talk(eos):
        messages, replies = [], []
        for turn in TURNS:
            messages.append({"role": "user", "content": turn})
            ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)["input_ids"]
            with torch.no_grad():
                new = model.generate(ids, max_new_tokens=NEW_TOKENS, do_sample=False, eos_token_id=eos, pad_token_id=0)[0][ids.shape[1]:]
            replies.append({"prompt_tokens": ids.shape[1], "completion_tokens": len(new), "ids": new.tolist(),
                            "content": tokenizer.decode(new, skip_special_tokens=True)})
            messages.append({"role": "assistant", "content": replies[-1]["content"]})
        return replies

    first, second = [r["ids"] for r in talk([2])[:2]]
    eos = [2, next(id for id in second[3:] if id not in first)]
    model.generation_config = GenerationConfig(do_sample=False, eos_token_id=eos, max_new_tokens=NEW_TOKENS)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    os.remove(out + "tokenizer.json")
    write("chat_model/expected.json", {"versions": {**VERSIONS, "torch": torch.__version__}, "turns": TURNS, "replies": talk(eos)})


def write(name, value):
    with open(GOLDEN + name, "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=False, indent=0)
        f.write("\n")


if __name__ == "__main__":
    sys.exit(model() if sys.argv[1:] == ["--model"] else main())
