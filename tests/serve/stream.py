"""What a stream carries: continuations as they are written, groups when their thread is picked, every thread live;
the same text as without streaming; long prompts beside it; clients that leave."""
from harness import *

CHAT = {"messages": [{"role": "user", "content": PROBLEM}]}

with Server() as s:
    def check_shape(name, events, chat):
        ids = {e["id"] for _, e in events if e != "[DONE]"}
        kinds = {e["object"] for _, e in events if e != "[DONE]"}
        ok(f"{name}: one id, one kind, then [DONE]", len(ids) == 1 and events[-1][1] == "[DONE]" and
           kinds == {"chat.completion.chunk" if chat else "text_completion"}, events[:2])

    # ---- tokens are counted as they come, not with the answer ----
    import threading
    before, seen, ended = s.metric("lace_completion_tokens_total"), [], []
    asked = threading.Thread(target=lambda: ended.append(s.complete(HARD, lace={"threads": 8, "budget": 300})))
    asked.start()
    while asked.is_alive():
        seen.append(s.metric("lace_completion_tokens_total") - before)
    asked.join()
    total = ended[0].json["usage"]["completion_tokens"]
    ok("the metric of tokens grows while they are chosen", any(0 < x < total for x in seen), (total, seen[:9]))
    same("  up to what the answer counts", s.metric("lace_completion_tokens_total") - before, total)

    # ---- continuations ----
    whole = s.complete().json["choices"][0]["text"]
    events = s.stream("/v1/completions", {"prompt": PROBLEM})
    got = events_by_index(events)
    check_shape("a continuation", events, False)
    same("  the same text", got[0]["text"], whole)
    same("  how it ended", got[0]["finish"], "stop")
    ok("  in pieces", len(events) > 4, len(events)) # how many is the scheduling's affair
    events = s.stream("/v1/chat/completions", CHAT)
    got = events_by_index(events)
    check_shape("a chat", events, True)
    same("  the same text, with a role", [got[0]["text"], got[0]["role"]], [whole, "assistant"])
    same("  the role is said once", sum("role" in c["delta"] for _, e in events[:-1] for c in e["choices"]), 1)
    same("  no usage", [e for _, e in events[:-1] if "usage" in e], [])
    ok("  every chunk has a choice", all(len(e["choices"]) == 1 for _, e in events[:-1]))
    events = s.stream("/v1/chat/completions", dict(CHAT, stream_options={"include_usage": True}, max_tokens=7))
    last = events[-2][1]
    same("usage comes last, with no choice", [last["choices"], last["usage"]["completion_tokens"]], [[], 7])
    ok("  and timings", last["timings"]["predicted_n"] == 7, last)
    same("  before it there is none", {e["usage"] for _, e in events[:-2]}, {None})
    same("  cut by max_tokens", events_by_index(events)[0]["finish"], "length")
    n3 = s.complete(n=3, temperature=1, seed=11).json["choices"]
    got = events_by_index(s.stream("/v1/completions", {"prompt": PROBLEM, "n": 3, "temperature": 1, "seed": 11}))
    same("n choices", [got[i]["text"] for i in range(3)], [c["text"] for c in n3])
    for stop in ["try 2", "yes.\nh", "\n"]:
        want = s.complete(stop=stop).json["choices"][0]["text"]
        events = s.stream("/v1/completions", {"prompt": PROBLEM, "stop": stop})
        same(f"stop {stop!r} is never sent in part", events_by_index(events)[0]["text"], want)
    want = s.complete(max_tokens=30, logprobs=2).json["choices"][0]["logprobs"]
    events = s.stream("/v1/completions", {"prompt": PROBLEM, "max_tokens": 30, "logprobs": 2})
    got = [c["logprobs"] for _, e in events[:-1] for c in e["choices"] if c["logprobs"]]
    for key in ("tokens", "token_logprobs", "text_offset", "top_logprobs"):
        same(f"logprobs.{key} in pieces", sum((g[key] for g in got), []), want[key])
    # bytes that are no text: what a hot random walk writes is never cut inside a character
    want = s.complete(temperature=40, seed=3, max_tokens=400).json["choices"][0]["text"]
    got = events_by_index(s.stream("/v1/completions", {"prompt": PROBLEM, "temperature": 40, "seed": 3, "max_tokens": 400}))
    same("wild bytes", got[0]["text"], want)
    ok("  among them some that are none of UTF-8", "�" in want, want)

    # ---- groups ----
    want = lace_run(PROBLEM, "--threads", 4)
    picked = said(want["threads"][want["picked"]])
    events = s.stream("/v1/chat/completions", dict(CHAT, lace={"threads": 4, "return_threads": True}))
    got = events_by_index(events)
    check_shape("a group", events, True)
    same("  the picked thread's text", [sorted(got), got[0]["text"]], [[0], picked])
    same("  in one piece, when it is decided", len(events), 3)
    same("  with its threads", got[0]["lace"]["threads"], want["threads"])
    same("  who was picked", [got[0]["lace"]["picked"], got[0]["lace"]["answer"]], [want["picked"], want["answer"]])
    events = s.stream("/v1/chat/completions", dict(CHAT, lace={"threads": 1}))
    same("a group of one is written live", [events_by_index(events)[0]["text"], len(events) > 4], [whole, True])
    for path, ask in (("/v1/completions", {"prompt": PROBLEM}), ("/v1/chat/completions", CHAT)):
        events = s.stream(path, dict(ask, lace={"threads": 4, "stream_threads": True}))
        got = events_by_index(events)
        check_shape(f"every thread live ({path})", events, "chat" in path)
        same("  each with an index", sorted(got), [0, 1, 2, 3])
        same("  its text without the verdict", [got[i]["text"] for i in range(4)], [said(t) for t in want["threads"]])
        same("  what it reached", [{k: got[i]["lace"][k] for k in ("text", "answer", "verdict", "p_best", "tokens")}
                                   for i in range(4)],
             [{k: t[k] for k in ("text", "answer", "verdict", "p_best", "tokens")} for t in want["threads"]])
        same("  who was picked", [got[i]["lace"]["picked"] for i in range(4)], [i == want["picked"] for i in range(4)])
    second = lace_run(PROBLEM, "--threads", 2, "--temperature", 1, "--seed", 6)["threads"]
    got = events_by_index(s.stream("/v1/completions", {"prompt": PROBLEM, "n": 2, "seed": 5, "temperature": 1,
                                                       "lace": {"threads": 2, "stream_threads": True}}))
    same("two groups of two: four indices", sorted(got), [0, 1, 2, 3])
    same("  the second group's threads", [got[2]["text"], got[3]["text"]], [said(t) for t in second])
    same("  who is who", [(got[i]["lace"]["choice"], got[i]["lace"]["thread"]) for i in range(4)],
         [(0, 0), (0, 1), (1, 0), (1, 1)])

# ---- prompts beside a stream, and clients that leave: a slower model, so that there is time ----
with folder() as where:
    model = subprocess.run(
        ["bash", "-c", f". tests/cli/tap; . tests/cli/tiny; trap - EXIT; tiny {where}/model model.hidden_size=512 "
         "model.intermediate_size=2048 model.max_position_embeddings=8192 model.num_hidden_layers=6"], cwd=ROOT,
        capture_output=True, text=True)
    with Server("--model", f"{where}/model", "--rows", "8", "--cache", "40000") as s:
        connection = s.connection()
        connection.request("POST", "/v1/completions", json.dumps(
            {"prompt": PROBLEM, "stream": True, "max_tokens": 6000}))
        response = connection.getresponse()
        arrived = []

        def read(until):
            while time.monotonic() < until:
                line = response.readline()
                if line.startswith(b"data: "):
                    arrived.append(time.monotonic())
        read(time.monotonic() + 1)
        # A prompt of some thousand tokens is read while the stream goes on.
        long = " ".join(str(i) for i in range(1200))
        began = time.monotonic()
        other = s.connection()
        other.request("POST", "/v1/completions", json.dumps({"prompt": long, "max_tokens": 1}))
        done = []
        import threading
        waiter = threading.Thread(target=lambda: (done.append(Answer(other.getresponse())), done.append(time.monotonic())))
        waiter.start()
        while not len(done) > 1:
            read(time.monotonic() + 0.05)
        took, prompt = done[1] - began, done[0].json["usage"]["prompt_tokens"]
        gaps = [b - a for a, b in zip(arrived, arrived[1:]) if b > began and a < done[1]]
        # Not the longest gap, which is also the machine's affair: a prompt that is read in one go leaves a gap of its whole time.
        ok(f"a prompt of {prompt} tokens ({took:.2f} s) is read beside a stream, whose longest gap is {1000 * max(gaps):.0f} ms",
           prompt > 2500 and len(gaps) > 8 and sum(g for g in gaps if g > took / 4) < took / 2, sorted(gaps)[-9:])
        same("the stream's rows", s.metric("lace_rows_taken"), 1)
        connection.sock.close() if connection.sock else None
        response.close()
        ok("a stream's client that leaves frees its rows", s.until(lambda: s.metric("lace_rows_taken") == 0, 10))
        for way in ("close", "half-close"):
            waiting = s.socket()
            body = json.dumps({"prompt": PROBLEM, "n": 4, "max_tokens": 6000})
            waiting.sendall(f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            ok("four rows are taken", s.until(lambda: s.metric("lace_rows_taken") == 4))
            if way == "close":
                waiting.close()
            else:
                waiting.shutdown(socket.SHUT_WR)
            ok(f"a client that waits for a whole answer and leaves ({way}) frees its rows",
               s.until(lambda: s.metric("lace_rows_taken") == 0, 10))
            waiting.close()
        ok("they are counted", s.until(lambda: s.metric('lace_requests_total{route="/v1/completions",status="499"}') == 3),
           s.get("/metrics").text)

finish()
