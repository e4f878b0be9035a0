"""Many clients at once, of mixed kinds: every answer is compared with the one that its request gets alone. Reports the
time to the first token, throughput, and the server's memory after warm-up and at the end.

    python3 tests/serve/load.py [--seconds 6] [--clients 64] [--json]      (make check-load: two minutes)
"""
import argparse
import itertools
import random
import threading

from harness import *

parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=float, default=6)
parser.add_argument("--clients", type=int, default=64)
parser.add_argument("--json", action="store_true")
options = parser.parse_args()


def problem(i):
    a, b, c = 1 + i % 10, 1 + i // 3 % 10, 1 + i // 7 % 10
    return f"Find i (each from 1 to 8, mod 11): g*{a}+3={b}, h*2+g=9, i*{c}+h=6."


def kind(i):
    """Requests of every sort: continuations, several choices, groups of 1 to 16 threads, streams of each."""
    generator = random.Random(i)
    body = {"prompt": problem(i), "temperature": generator.choice([0, 0.7, 1]), "seed": i}
    if i % 3:
        body["lace"] = {"threads": generator.choice([1, 2, 4, 4, 8, 16]), "return_threads": i % 2 == 0}
        if i % 7 == 0:
            body["lace"]["lattice"] = "off"
        if i % 5 == 0:
            body["lace"]["visible"] = "aligned"
        if i % 8 == 2:
            body["lace"]["trace"] = True
        body["lace"]["budget"] = generator.choice([30, 60, 120])
    else:
        body["n"] = generator.choice([1, 1, 2, 4])
        body["max_tokens"] = generator.choice([20, 60, 200])
        if i % 2:
            body["stop"] = "yes"
    if i % 4 == 1:
        body["stream"] = True
        if "lace" in body:
            body["lace"]["stream_threads"] = i % 8 == 1
    return body


def ask(connection, body, first=None):
    """What an answer says, whichever way it comes, without what differs from time to time."""
    began = time.monotonic()
    connection.request("POST", "/v1/completions", json.dumps(body))
    response = connection.getresponse()
    if response.status != 200:
        raise RuntimeError(f"{response.status} {response.read()}")
    if not body.get("stream"):
        answer = json.loads(response.read())
        return [[c["index"], c["text"], c["finish_reason"], c["lace"]] for c in answer["choices"]], answer["usage"][
            "completion_tokens"]
    events, tokens = [], 0
    for line in response:
        if line.startswith(b"data: "):
            if not events and first is not None:
                first.append(time.monotonic() - began)
            events.append((0, line[6:-1].decode()))
    done = events.pop()
    if done[1] != "[DONE]":
        raise RuntimeError(f"a stream ended with {done[1]}")
    whole = events_by_index([(0, json.loads(e)) for _, e in events])
    return [[i, whole[i]["text"], whole[i]["finish"], whole[i]["lace"]] for i in sorted(whole)], 0


KINDS = [kind(i) for i in range(48)]
results = {"answers": 0, "tokens": 0, "wrong": [], "failed": []}
first, whole, lock = [], [], threading.Lock()

with Server("--queue", "256", "--max-connections", "300", timeout=120) as s:
    alone = []
    for body in KINDS:
        connection = s.connection()
        alone.append(ask(connection, body)[0])
        connection.close()
    checked = 0
    for body, want in zip(KINDS, alone): # what is right alone is what lace run says
        if body.get("lace", {}).get("return_threads") and body["lace"]["threads"] > 1 and checked < 4 and not body.get("stream"):
            args = ["--threads", body["lace"]["threads"], "--temperature", body["temperature"], "--seed", body["seed"],
                    "--budget", body["lace"]["budget"]]
            args += ["--lattice", "off"] if body["lace"].get("lattice") == "off" else []
            args += ["--visible", "aligned"] if body["lace"].get("visible") else []
            same(f"alone: lace run {' '.join(map(str, args))}", want[0][3]["threads"], lace_run(body["prompt"], *args)["threads"])
            checked += 1

    began = time.monotonic()
    warm = began + options.seconds / 3
    memory = []

    def client(number):
        generator = random.Random(number)
        connection = s.connection(120)
        while time.monotonic() < began + options.seconds:
            i = generator.randrange(len(KINDS))
            started = time.monotonic()
            seen = []
            try:
                answer, tokens = ask(connection, KINDS[i], seen)
            except Exception as e: # whatever it is, an answer was lost
                with lock:
                    results["failed"].append(repr(e))
                connection.close()
                connection = s.connection(120)
                continue
            with lock:
                results["answers"] += 1
                first.extend(seen)
                whole.append(time.monotonic() - started)
                if answer != alone[i]:
                    results["wrong"].append((KINDS[i], answer, alone[i]))
        connection.close()

    tokens_before = s.metric("lace_completion_tokens_total")
    workers = [threading.Thread(target=client, args=(i,)) for i in range(options.clients)]
    for w in workers:
        w.start()
    while time.monotonic() < warm:
        time.sleep(0.05)
    memory.append(s.memory())
    most = 0
    while any(w.is_alive() for w in workers):
        most = max(most, s.memory())
        time.sleep(0.2)
    seconds = time.monotonic() - began
    tokens = s.metric("lace_completion_tokens_total") - tokens_before
    memory += [most, s.memory()]
    ok(f"{options.clients} clients for {seconds:.0f} s: {results['answers']} answers, none lost",
       not results["failed"] and results["answers"] > options.clients, results["failed"][:3])
    same("none mixed up: each as alone", results["wrong"][:1], [])
    # A tenth: malloc keeps what the busiest moment took; a leak of a kilobyte an answer would be more.
    ok(f"memory is flat after warm-up: {memory[0]} kB, then at most {memory[1]} kB, {memory[2]} kB at the end",
       memory[1] < 1.1 * memory[0] + 2000, memory)
    same("nothing is left running", [s.metric("lace_rows_taken"), s.metric("lace_cache_tokens_taken")], [0, 0])
    same("and the server ends well", s.stop(), 0)


def quantile(list_, share):
    return sorted(list_)[min(len(list_) - 1, int(share * len(list_)))] if list_ else float("nan")


figures = {"clients": options.clients, "seconds": seconds, "answers_per_second": results["answers"] / seconds,
           "tokens_per_second": tokens / seconds, "first_event_p50_ms": 1000 * quantile(first, 0.5),
           "first_event_p99_ms": 1000 * quantile(first, 0.99), "answer_p50_ms": 1000 * quantile(whole, 0.5),
           "answer_p99_ms": 1000 * quantile(whole, 0.99), "memory_kb": memory}
if options.json:
    print("# " + json.dumps(figures))
else:
    print(f"# {figures['tokens_per_second']:.0f} tokens/s, {figures['answers_per_second']:.1f} answers/s; first event of a stream "
          f"p50 {figures['first_event_p50_ms']:.0f} ms, p99 {figures['first_event_p99_ms']:.0f} ms; whole answer p50 "
          f"{figures['answer_p50_ms']:.0f} ms, p99 {figures['answer_p99_ms']:.0f} ms")
finish()
