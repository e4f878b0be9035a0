#!/usr/bin/env python3
"""Makes tests/golden/jinja_cases.json and tests/golden/chat_cases.json: what Transformers makes of chat templates.

  python3 -m venv venv && venv/bin/pip install transformers==5.23.0 jinja2==3.1.6 tokenizers
  venv/bin/python scripts/golden_chat.py

jinja_cases.json: the templates of tests/golden/jinja/ (expressions.txt: one in each line, put between {{ and }}; lines.txt:
one in each line; blocks.txt: divided by lines of ----) and those below, compiled and rendered by Transformers' own
environment (ImmutableSandboxedEnvironment, trim_blocks, lstrip_blocks, loop controls, generation, its tojson) with one
set of variables. [template, text], or [template, null, error] where Jinja2 refuses or fails.

The clock says 2024-07-26 09:05:03 UTC. Versions are recorded in the files.
"""
import datetime
import json
import os
import re
import sys

os.environ["TZ"] = "UTC"
import jinja2
import transformers
from transformers.utils import chat_template_utils

GOLDEN = "tests/golden/"
VERSIONS = {"transformers": transformers.__version__, "jinja2": jinja2.__version__}


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


def main():
    cases = []
    for template in snippets():
        try:
            cases.append([template, chat_template_utils._compile_jinja_template(template).render(**VARIABLES)])
        except Exception as e:
            cases.append([template, None, error_of(e)])
    write("jinja_cases.json", {"versions": VERSIONS, "variables": VARIABLES, "cases": cases})


def write(name, value):
    with open(GOLDEN + name, "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=False, indent=0)
        f.write("\n")


if __name__ == "__main__":
    sys.exit(main())
