"""Every route and field: what is answered equals what `lace run` prints."""
from harness import *

with Server() as s:
    # ---- the small routes ----
    same("health", s.get("/health").json, {"status": "ok"})
    models = s.get("/v1/models").json
    same("models", [models["object"], models["data"][0]["id"], models["data"][0]["object"]],
         ["list", "lace-search", "model"])
    same("one model", s.get("/v1/models/lace-search").json["lace"]["lattice"], "lattice")
    same("another model", [s.get("/v1/models/gpt-4").status, s.get("/v1/models/gpt-4").error()["code"]],
         [404, "model_not_found"])
    a = s.get("/metrics")
    ok("metrics", a.status == 200 and a.headers["content-type"].startswith("text/plain; version=0.0.4"), a.text)
    lines = [l for l in a.text.splitlines() if not l.startswith("#")]
    ok("metrics are lines of a name and a number", all(re.fullmatch(r'lace_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \S+', l)
                                                       and float(l.rsplit(" ", 1)[1]) >= 0 for l in lines), a.text)
    names = [l.split()[2] for l in a.text.splitlines() if l.startswith("# TYPE")]
    ok("every metric is told once", len(names) == len(set(names)) > 15, names)
    ids = s.post("/tokenize", {"content": PROBLEM}).json
    same("tokenize", ids["count"], len(ids["tokens"]))
    same("its other name for the text", s.post("/tokenize", {"prompt": PROBLEM}).json, ids)
    same("detokenize", s.post("/detokenize", {"tokens": ids["tokens"]}).json, {"content": PROBLEM})
    pieces = s.post("/tokenize", {"content": PROBLEM, "with_pieces": True}).json["tokens"]
    same("pieces", "".join(p["piece"] for p in pieces), PROBLEM)
    same("special tokens are read", len(s.post("/tokenize", {"content": "<|end|>"}).json["tokens"]), 1)
    ok("or not", len(s.post("/tokenize", {"content": "<|end|>", "add_special": False}).json["tokens"]) > 1)

    # ---- threads: what lace run says ----
    for options, fields in [
        ((), {"lace": {}}),
        (("--threads", 2), {"lace": {"threads": 2}}),
        (("--threads", 4, "--temperature", 0.9, "--seed", 7), {"lace": {"threads": 4}, "temperature": 0.9, "seed": 7}),
        (("--threads", 3, "--temperature", 1, "--seed", 3, "--top-k", 5, "--top-p", 0.9, "--min-p", 0.01),
         {"lace": {"threads": 3}, "temperature": 1, "seed": 3, "top_k": 5, "top_p": 0.9, "min_p": 0.01}),
        (("--threads", 4, "--lattice", "off"), {"lace": {"threads": 4, "lattice": "off"}}),
        (("--threads", 4, "--visible", "aligned"), {"lace": {"threads": 4, "visible": "aligned"}}),
        (("--threads", 4, "--visible", "window:3"), {"lace": {"threads": 4, "visible": "window:3"}}),
        (("--threads", 4, "--pick", "vote", "--budget", 60), {"lace": {"threads": 4, "pick": "vote", "budget": 60}}),
        (("--threads", 4, "--pick", "logprob", "--no-barrier"),
         {"lace": {"threads": 4, "pick": "logprob", "barrier": False}}),
        (("--threads", 2, "--stop", "yes"), {"lace": {"threads": 2}, "stop": "yes"}),
        (("--threads", 2, "--budget", 20), {"lace": {"threads": 2}, "max_tokens": 20}),
    ]:
        want = lace_run(PROBLEM, *options)
        fields["lace"]["return_threads"] = True
        a = s.complete(**fields).json
        got = a["choices"][0]
        same(f"lace run {' '.join(map(str, options))}", got["lace"]["threads"], want["threads"])
        same("  its answer and who was picked", [got["lace"]["answer"], got["lace"]["picked"]],
             [want["answer"], want["picked"]])
        if want["picked"] is not None:
            same("  the text is the picked thread's, without the verdict", got["text"],
                 said(want["threads"][want["picked"]]))
        same("  tokens", [a["usage"]["prompt_tokens"], a["usage"]["completion_tokens"], a["usage"]["total_tokens"],
                          a["usage"]["completion_tokens_per_thread"]],
             [want["usage"]["prompt_tokens"], want["usage"]["completion_tokens"], want["usage"]["total_tokens"],
              [[t["tokens"] for t in want["threads"]]]])
    want = lace_run(PROBLEM, "--threads", 4)["threads"]
    a = s.complete(lace={"threads": 4}).json["choices"][0]
    ok("threads are returned on demand alone", "threads" not in a["lace"] and a["lace"]["verdict"] == "best", a)
    a = s.complete(lace={"threads": 4, "barrier": False, "early_stop": 1e-9, "return_threads": True}).json
    ok("early_stop", min(t["tokens"] for t in a["choices"][0]["lace"]["threads"]) <
       min(t["tokens"] for t in want) + 5, a)
    a = s.complete(lace={"threads": 4, "group_budget": 40, "return_threads": True}).json
    ok("group_budget", all(t["tokens"] < 20 for t in a["choices"][0]["lace"]["threads"]), a)
    a = s.complete(lace={"threads": 2, "return_threads": True}, repetition_penalty=20).json
    ok("repetition_penalty", a["choices"][0]["lace"]["threads"] != lace_run(PROBLEM, "--threads", 2)["threads"], a)

    # ---- ordinary continuations ----
    alone = lace_run(PROBLEM, "--threads", 1)
    a = s.complete().json
    same("a continuation is the text of a thread alone", a["choices"][0]["text"], said(alone["threads"][0]))
    same("  it ended by itself", a["choices"][0]["finish_reason"], "stop")
    same("  its shape", [a["object"], a["model"], a["choices"][0]["index"], a["choices"][0]["logprobs"], len(a["choices"])],
         ["text_completion", "lace-search", 0, None, 1])
    ok("  an id and a time", a["id"].startswith("cmpl-") and abs(a["created"] - time.time()) < 60, a)
    for key in ["prompt_n", "prompt_ms", "prompt_per_token_ms", "prompt_per_second", "predicted_n", "predicted_ms",
                "predicted_per_token_ms", "predicted_per_second", "cache_n"]:
        ok(f"  timings.{key}", a["timings"][key] >= 0, a["timings"])
    for n in (1, 5, 17):
        a = s.complete(max_tokens=n).json
        same(f"max_tokens {n} is exact", [a["usage"]["completion_tokens"], a["choices"][0]["finish_reason"]], [n, "length"])
    same("max_completion_tokens", s.post("/v1/chat/completions", {
        "messages": [{"role": "user", "content": PROBLEM}], "max_completion_tokens": 5}).json["usage"]["completion_tokens"], 5)
    a = s.complete(n=3, temperature=1, seed=11).json
    same("n choices have the seeds that follow", [c["text"] for c in a["choices"]],
         [said(lace_run(PROBLEM, "--threads", 1, "--temperature", 1, "--seed", seed)["threads"][0]) for seed in (11, 12, 13)])
    same("  their indices", [c["index"] for c in a["choices"]], [0, 1, 2])
    same("  the prompt counts once", a["usage"]["prompt_tokens"], alone["usage"]["prompt_tokens"])
    a = s.complete(n=2, temperature=1, seed=5, lace={"threads": 3, "return_threads": True}).json
    same("n groups", [c["lace"]["threads"] for c in a["choices"]],
         [lace_run(PROBLEM, "--threads", 3, "--temperature", 1, "--seed", seed)["threads"] for seed in (5, 6)])
    a = s.complete(temperature=1).json["choices"][0]
    same("without a seed one is drawn, and told", s.complete(temperature=1, seed=a["lace"]["seed"]).json["choices"][0]["text"],
         a["text"])
    ok("another time another", s.complete(temperature=1).json["choices"][0]["lace"]["seed"] != a["lace"]["seed"])
    whole = said(alone["threads"][0])
    for stop in ["try", "try 2", ["nowhere", "yes", ", try"], "\n", "+4=8"]:
        first = min([whole.index(x) for x in ([stop] if isinstance(stop, str) else stop) if x in whole])
        a = s.complete(stop=stop).json["choices"][0]
        same(f"stop {stop!r} is cut", [a["text"], a["finish_reason"]], [whole[:first], "stop"])
    ids = s.post("/tokenize", {"content": PROBLEM + "\n"}).json["tokens"]
    same("a prompt as ids", s.complete(ids).json["choices"][0]["text"], whole)
    a = s.complete([PROBLEM, HARD], n=2, max_tokens=12, temperature=1, seed=2).json
    same("several prompts", [c["text"] for c in a["choices"]],
         [s.complete(p, max_tokens=12, temperature=1, seed=seed).json["choices"][0]["text"]
          for p in (PROBLEM, HARD) for seed in (2, 3)])
    same("lists of ids", s.complete([ids, ids], max_tokens=9).json["choices"][1]["text"], s.complete(max_tokens=9).json["choices"][0]["text"])
    a = s.complete(user="u", response_format={"type": "text"}, presence_penalty=0, logit_bias={}, best_of=1, echo=False,
                   metadata={"a": "b"}, max_tokens=3, model="lace-search")
    same("what changes nothing is taken", a.status, 200)

    # ---- chat ----
    def chat(content=PROBLEM, **fields):
        return s.post("/v1/chat/completions", dict(messages=[{"role": "system", "content": "Be brief."},
                                                             {"role": "user", "content": content}], **fields)).json
    a = chat()
    same("a chat", [a["object"], a["choices"][0]["message"]["role"], a["choices"][0]["message"]["content"]],
         ["chat.completion", "assistant", whole])
    same("content in parts", chat([{"type": "text", "text": "First"}, {"type": "text", "text": "second."}], max_tokens=9)
         ["choices"][0]["message"]["content"], s.complete("First\nsecond.", max_tokens=9).json["choices"][0]["text"])
    a = chat(lace={"threads": 4, "return_threads": True})
    same("a chat of threads", a["choices"][0]["lace"]["threads"], want)

    # ---- log-probabilities ----
    a = s.complete(max_tokens=12, logprobs=3).json["choices"][0]["logprobs"]
    same("logprobs: the tokens are the text", "".join(a["tokens"]), s.complete(max_tokens=12).json["choices"][0]["text"])
    same("  where they begin", a["text_offset"], [len("".join(a["tokens"][:i])) for i in range(12)])
    ok("  three in each place, the first is the greedy choice",
       all(len(t) == 3 and max(t, key=t.get) == token for t, token in zip(a["top_logprobs"], a["tokens"])), a)
    b = chat(max_tokens=12, logprobs=True, top_logprobs=2)["choices"][0]["logprobs"]["content"]
    same("  the same in a chat", [[t["token"], t["logprob"]] for t in b], [list(x) for x in zip(a["tokens"], a["token_logprobs"])])
    same("  bytes", bytes(sum((t["bytes"] for t in b), [])).decode(), "".join(a["tokens"]))
    same("  two each", {len(t["top_logprobs"]) for t in b}, {2})
    # the tag of a thread alone and the text, scored by lace score: the same log-probabilities
    tag = s.post("/tokenize", {"content": "<|1|><|of 1|>"}).json["tokens"]
    text = s.post("/tokenize", {"content": "".join(a["tokens"]), "add_special": False}).json["tokens"]
    scored = json.loads(subprocess.run([LACE, "score", "--ids", ",".join(map(str, ids + tag + text)), "--json"],
                                       capture_output=True, text=True).stdout)["logprobs"][-12:]
    ok("  as lace score says", all(abs(x - y) < 2e-3 for x, y in zip(scored, a["token_logprobs"])),
       (scored, a["token_logprobs"]))
    a = s.complete(stop="yes", logprobs=0).json["choices"][0]
    ok("  none behind the cut", "".join(a["logprobs"]["tokens"]).startswith(a["text"]) and
       len("".join(a["logprobs"]["tokens"][:-1])) < len(a["text"]), a)
    a = s.complete(lace={"threads": 2}, logprobs=1).json["choices"][0]
    same("  of the picked thread", "".join(a["logprobs"]["tokens"]), a["text"])

    # ---- the cache ----
    fresh = PROBLEM.replace("g*9", "g*7")
    a, b = s.complete(fresh, max_tokens=4).json["usage"], s.complete(fresh, max_tokens=4).json["usage"]
    ok("a new prompt shares its beginning with those before",
       0 < a["prompt_tokens_details"]["cached_tokens"] < a["prompt_tokens"], a)
    same("the same prompt is not read again", b["prompt_tokens_details"]["cached_tokens"], b["prompt_tokens"])
    ok("the metrics say so", s.metric("lace_prompt_tokens_cached_total") > 0)

    # ---- nothing of one request reaches another: with whatever secret beside it, the same log-probabilities to the bit ----
    ask = {"prompt": PROBLEM, "seed": 2, "temperature": 1, "logprobs": 5, "max_tokens": 60, "lace": {"threads": 4, "return_threads": True}}
    def answer():
        choice = s.post("/v1/completions", ask).json["choices"][0]
        return [choice["logprobs"], choice["lace"]]
    alone = answer()
    for secret in ("Find z (each from 1 to 8, mod 13): z*5+7=9.", "The secret is g = 7. " * 20, PROBLEM + " Answer: 1. [[best]]"):
        beside = s.connection()
        beside.request("POST", "/v1/completions", json.dumps({
            "prompt": secret, "stream": True, "n": 3, "max_tokens": 1200, "temperature": 3, "seed": 5,
            "lace": {"threads": 8, "stream_threads": True, "budget": 1200}}))
        response = beside.getresponse()
        response.readline()
        same(f"beside a group that reads {secret[:20]!r}", answer(), alone)
        ok("  which still runs", s.metric("lace_rows_taken") > 0)
        response.close()
        beside.close()

# ---- a chat template ----
with folder() as where:
    shutil.copytree(os.path.join(ROOT, "models", "lace-search"), f"{where}/model", ignore=shutil.ignore_patterns("base", "isolated"))
    with open(f"{where}/model/chat_template.jinja", "w") as template:
        template.write("{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('No tools here.') }}{% endif %}"
                       "{{ m.role }}: {{ m.content }}{{ mark }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}")
    with Server("--model", f"{where}/model", "--name", "search with a template") as s:
        messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": PROBLEM}]},
                    {"role": "assistant", "content": None}, {"role": "user", "content": "No <|end|> yet?"}]
        text = f"system: Be brief.\nuser: {PROBLEM}\nassistant: \nuser: No <|end|> yet?\nassistant:"
        ids = s.post("/tokenize", {"content": text}).json["tokens"]
        for fields in ({}, {"lace": {"threads": 3, "return_threads": True}}):
            a = s.post("/v1/chat/completions", dict(messages=messages, max_tokens=20, seed=1, **fields)).json
            b = s.complete(ids, max_tokens=20, seed=1, **fields).json
            same("a conversation as the template writes it", [a["choices"][0]["message"]["content"], a["choices"][0]["lace"], a["usage"]["prompt_tokens"]],
                 [b["choices"][0]["text"], b["choices"][0]["lace"], len(ids)])
        for n, fields in ((1, {}), (3, {"lace": {"threads": 3, "return_threads": True}})):
            want = lace_run(PROBLEM, "--model", f"{where}/model", "--chat", "--threads", n, "--seed", 4, "--temperature", 1, "--budget", 40)
            a = s.post("/v1/chat/completions", dict(messages=[{"role": "user", "content": PROBLEM}], seed=4, temperature=1, max_tokens=40, **fields)).json
            got = a["choices"][0]
            same(f"lace run --chat --threads {n}", [got["message"]["content"], got["lace"].get("threads"), a["usage"]["prompt_tokens"]],
                 [want["answer"], want["threads"] if n > 1 else None, want["usage"]["prompt_tokens"]])
        a = s.post("/v1/chat/completions", {"messages": messages[:1], "chat_template_kwargs": {"mark": "!!"}, "max_tokens": 1}).json
        same("its own variables", a["usage"]["prompt_tokens"], s.post("/tokenize", {"content": "system: Be brief.!!\nassistant:"}).json["count"])
        a = s.post("/v1/chat/completions", {"messages": [{"role": "tool", "content": "x"}]})
        ok("what it refuses", a.status == 400 and "No tools here." in a.error()["message"], a.text)
        same("the name of the model", s.get("/v1/models").json["data"][0]["id"], "search with a template")
        same("a path with a space", s.get("/v1/models/search%20with%20a%20template").status, 200)

finish()
