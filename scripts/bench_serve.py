#!/usr/bin/env python3
"""What serving costs, measured beside what it is compared with (`make bench-serve`):

  throughput   8 clients, each with one group of 4 threads after the other, as a share of `lace bench decode` with the
               same 32 rows; both take turns, so that a slow moment of the machine meets both. On a machine that does
               other things the line in CPU time is the one to read
  first token  of an idle server, as a ratio to `lace run`'s own, new prompts each
  streaming    what a step takes longer when every thread is streamed to its client. Events go out by the clock, every
               30 ms, however long the steps are: where other programs make a step ten times as long, so is its share of
               the streams' CPU time, and the last line is the one to read
  load         64 clients of mixed kinds for two minutes, each answer compared with the one it gets alone

    scripts/bench_serve.py [--model DIR] [--rounds 9] [--seconds 1.5] [--load-seconds 120] [--json]

It needs nothing but Python's standard library. The clients read their sockets now and then and parse nothing while it
is measured: on a small machine they would otherwise take the time that is measured."""
import argparse
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "serve"))
from harness import *  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--model", default=os.path.join(ROOT, "models", "lace-search"))
parser.add_argument("--rounds", type=int, default=9)
parser.add_argument("--seconds", type=float, default=1.5)
parser.add_argument("--load-seconds", type=float, default=120)
parser.add_argument("--json", action="store_true")
options = parser.parse_args()
os.environ.setdefault("OMP_WAIT_POLICY", "passive") # for all that is compared
GROUPS, THREADS, BUDGET = 8, 4, 150 # every thread writes its whole budget: the problems are longer
report = {}


def say(text):
    if not options.json:
        print(text, flush=True)


def problem(i):
    """One that begins like no other, so that nothing of it is in the cache."""
    return f"{i % 97} {i}: find i (each from 1 to 8, mod 11): a*{1 + i % 10}+3={1 + i % 9}, " + \
        ", ".join(f"{y}*{2 + k}+{x}={3 + k}" for k, (x, y) in enumerate(zip("abcdefgh", "bcdefghi"))) + "."


count = 0


def body(stream):
    global count
    count += 1
    ask = {"prompt": problem(count), "temperature": 0, "lace": {"threads": THREADS, "budget": BUDGET}}
    if stream:
        ask["stream"] = True
        ask["lace"]["stream_threads"] = True
    data = json.dumps(ask).encode()
    return b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(data) + data


class Client:
    """Keeps one group running: the next request goes out when the last bytes of the answer are in."""

    def __init__(self, server, stream):
        self.socket, self.stream, self.tail = server.socket(), stream, b""
        self.socket.setblocking(False)
        self.socket.sendall(body(stream))

    def pump(self):
        try:
            part = self.socket.recv(1 << 20)
        except BlockingIOError:
            return
        self.tail = (self.tail + part)[-16:]
        if self.tail.endswith(b"0\r\n\r\n" if self.stream else b"}\n"):
            self.tail = b""
            self.socket.sendall(body(self.stream))


def state(server):
    """Steps, tokens, seconds within steps, seconds of the clock, CPU seconds of the connections' OS threads and of all."""
    metrics = dict(l.rsplit(" ", 1) for l in server.get("/metrics").text.splitlines() if not l.startswith("#"))
    cpu = {True: 0, False: 0}
    for task in os.listdir(f"/proc/{server.process.pid}/task"):
        try:
            with open(f"/proc/{server.process.pid}/task/{task}/schedstat") as stat, \
                    open(f"/proc/{server.process.pid}/task/{task}/comm") as name:
                cpu[name.read().startswith("MHD")] += int(stat.read().split()[0]) / 1e9
        except OSError: # a connection that has ended
            pass
    return [float(metrics["lace_steps_total"]), float(metrics["lace_completion_tokens_total"]),
            float(metrics["lace_step_seconds_sum"]), time.monotonic(), cpu[True], cpu[True] + cpu[False]]


def window(server, stream):
    """What `state` counts of some seconds with all groups busy."""
    clients = [Client(server, stream) for _ in range(GROUPS)]
    idle = [c.socket for c in clients]

    def run(seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if stream:
                time.sleep(0.01) # events pile up meanwhile
            else:
                select.select(idle, [], [], 0.05)
            for c in clients:
                c.pump()
    run(0.3)
    before = state(server)
    run(options.seconds)
    after = state(server)
    for c in clients:
        c.socket.close()
    server.until(lambda: server.metric("lace_rows_taken") == 0)
    return [b - a for a, b in zip(before, after)]


def raw():
    """Tokens a second of 8 groups of 4 threads without any server, and CPU seconds of a token."""
    done = subprocess.run([LACE, "bench", "decode", "--model", options.model, "--groups", str(GROUPS), "--threads", str(THREADS),
                           "--steps", str(BUDGET), "--json"], capture_output=True, text=True, check=True)
    figures = [f for f in json.loads(done.stdout)["figures"] if f["part"] == "decode"]
    rate, cpu = [max((f for f in figures if f["name"] == name), key=lambda f: f.get("lattice") or 0)["value"] for name in ("tokens", "cpu")]
    return rate, cpu / (GROUPS * THREADS)


def ratio(name, pairs, digits=1, percent=True):
    values = sorted(a / b for a, b in pairs)
    middle = statistics.median(values)
    scale, unit = (100, " %") if percent else (1, "")
    report[name] = {"median": middle, "low": values[0], "high": values[-1], "rounds": len(values)}
    return f"{scale * middle:.{digits}f}{unit} ({scale * values[0]:.{digits}f} to {scale * values[-1]:.{digits}f}, {len(values)} rounds)"


with Server("--model", options.model, "--cache", "80000") as s:
    window(s, False) # warm
    rows, served, served_cpu, inside, plain, streamed, plain_cpu, streamed_cpu, streamed_load = [], [], [], [], [], [], [], [], []
    for _ in range(options.rounds):
        alone, alone_cpu = raw()
        steps, tokens, within, seconds, own, cpu = window(s, False)
        served.append((tokens / seconds, alone))
        rows.append(tokens / steps)
        served_cpu.append((alone_cpu, cpu / tokens))
        inside.append((within, seconds))
        plain.append(seconds / steps)
        plain_cpu.append(own / steps)
        steps, tokens, within, seconds, own, cpu = window(s, True)
        streamed.append(seconds / steps)
        streamed_cpu.append((own / steps, cpu / steps))
        streamed_load.append((own, seconds * os.cpu_count()))
    say(f"throughput   {statistics.median(a for a, _ in served):.0f} tokens/s served, {statistics.median(b for _, b in served):.0f} raw, {statistics.median(rows):.1f} rows a step: "
        + ratio("throughput", served))
    say(f"             {1e6 * statistics.median(b for _, b in served_cpu):.1f} us of CPU time a token served, "
        f"{1e6 * statistics.median(a for a, _ in served_cpu):.1f} raw: " + ratio("throughput_cpu", served_cpu))
    say("             of the server's time within steps of the model: " + ratio("within_steps", inside))
    say(f"streaming    {1000 * statistics.median(plain):.3f} ms a step, {1000 * statistics.median(streamed):.3f} ms streamed: "
        + ratio("streaming", list(zip(streamed, plain))))
    say(f"             {1e6 * statistics.median(a for a, _ in streamed_cpu):.0f} us of CPU time a step for the streams, "
        f"{1e6 * statistics.median(plain_cpu):.0f} without, as a share of the step's "
        f"{1e6 * statistics.median(b for _, b in streamed_cpu):.0f}: "
        + ratio("streaming_cpu", [(a - c, b - a) for (a, b), c in zip(streamed_cpu, plain_cpu)]))

    say("             of the machine's CPU time, events going out by the clock: " + ratio("streaming_load", streamed_load, 2))

    first = []
    for i in range(4 * options.rounds):
        connection = s.connection()
        connection.request("GET", "/health")
        connection.getresponse().read()
        prompt = problem(100000 + i)
        ask = json.dumps({"prompt": prompt, "stream": True, "seed": 1, "lace": {"threads": THREADS, "stream_threads": True}})
        time.sleep(0.05)
        began = time.monotonic()
        connection.request("POST", "/v1/completions", ask)
        connection.sock.recv(1, socket.MSG_PEEK)
        response = connection.getresponse()
        while not response.readline().startswith(b"data: "):
            pass
        http_ms = 1000 * (time.monotonic() - began)
        connection.close()
        run = subprocess.run([LACE, "run", "--model", options.model, "--threads", str(THREADS), "--budget", "4", "--json", prompt],
                             capture_output=True, text=True)
        first.append((http_ms, json.loads(run.stdout)["timings"]["first_token_ms"]))
    say(f"first token  {statistics.median(a for a, _ in first):.2f} ms served, {statistics.median(b for _, b in first):.2f} ms by lace run: "
        + ratio("first_token", first, 2, False))

if options.load_seconds > 0:
    load = subprocess.run([sys.executable, "-B", os.path.join(ROOT, "tests", "serve", "load.py"), "--seconds", str(options.load_seconds),
                           "--json"], capture_output=True, text=True)
    bad = [l for l in load.stdout.splitlines() if l.startswith("not ok")] or ([] if load.returncode == 0 else [load.stderr])
    f = json.loads([l for l in load.stdout.splitlines() if l.startswith("# {")][-1][2:])
    report["load"] = dict(f, failed=bad)
    say(f"load         {f['clients']} clients for {f['seconds']:.0f} s: {f['tokens_per_second']:.0f} tokens/s, {f['answers_per_second']:.1f} answers/s; "
        f"first event p50 {f['first_event_p50_ms']:.0f} ms, p99 {f['first_event_p99_ms']:.0f} ms; whole answer p50 {f['answer_p50_ms']:.0f} ms, "
        f"p99 {f['answer_p99_ms']:.0f} ms; memory {f['memory_kb'][0]} kB after warm-up, at most {f['memory_kb'][1]} kB later; "
        + ("every answer as alone" if not bad else f"FAILED: {bad}"))
if options.json:
    print(json.dumps(report, indent=1))
sys.exit(1 if report.get("load", {}).get("failed") else 0)
