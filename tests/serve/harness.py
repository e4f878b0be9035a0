"""What the tests of the server share: a live `lace serve` with the shipped model, requests with Python's standard
library alone, and TAP output. $LACE is the program; everything else is found from this file's place."""
import contextlib
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LACE = os.environ.get("LACE") or os.path.join(ROOT, os.environ.get("B", "build"), "lace")
PROBLEM = "Find i (each from 1 to 8, mod 11): g*9+3=1, h*2+g=9, i*4+h=6."
HARD = "Find i (each from 1 to 8, mod 11): c*4+7=5, d*6+c=1, f*3+d=2, g*9+f=4, h*2+g=9, i*4+h=6."

# ---- TAP ----
cases = bad = 0


def ok(name, good, detail=""):
    global cases, bad
    cases += 1
    if not good:
        bad += 1
    print(("ok" if good else "not ok") + f" {cases} - {name}")
    if not good:
        for line in str(detail)[:1500].splitlines()[:20]:
            print("#", line)
    sys.stdout.flush()
    return good


def same(name, got, expected):
    return ok(name, got == expected, f"got:      {got!r}\nexpected: {expected!r}")


def has(name, text, part):
    return ok(name, part in text, f"{part!r} is not in {text!r}")


def skip(name, why):
    global cases
    cases += 1
    print(f"ok {cases} - # SKIP {name}: {why}")


def finish():
    print(f"1..{cases}")
    sys.exit(1 if bad else 0)


# ---- requests ----
class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.text = response.read().decode()

    @property
    def json(self):
        return json.loads(self.text)

    def error(self):
        return self.json.get("error", {}) if self.headers.get("content-type") == "application/json" else {}


class Server:
    """A running server. args go to `lace serve` as they are."""

    def __init__(self, *args, env=None, fds=(), timeout=60, wait=True):
        self.log_file = tempfile.TemporaryFile("w+")
        self.timeout = timeout
        where = [] if "--socket" in args or "--port" in args or fds else ["--port", "0"]
        cache = [] if "--cache" in args else ["--cache", "40000"]
        environment = {"OMP_WAIT_POLICY": "passive", **os.environ, **(env or {})}
        started = time.monotonic()
        self.process = subprocess.Popen([LACE, "serve", *where, *cache, *args], stderr=self.log_file,
                                        stdin=subprocess.DEVNULL, env=environment, pass_fds=fds)
        self.address = None
        while wait and time.monotonic() - started < 60 and self.process.poll() is None:
            found = re.search(r"listening on (\S+)", self.log())
            if found:
                self.address = found.group(1)
                break
            time.sleep(0.01)
        if wait and not self.address:
            raise RuntimeError("the server did not start: " + self.log())
        self.context = None

    def log(self):
        self.log_file.flush()
        size = os.fstat(self.log_file.fileno()).st_size
        return os.pread(self.log_file.fileno(), size, 0).decode(errors="replace")

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])

    def connection(self, timeout=None):
        timeout = timeout or self.timeout
        if self.address.startswith("unix:"):
            return UnixConnection(self.address[5:], timeout)
        if self.address.startswith("https:"):
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def socket(self, timeout=20):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        return s

    def request(self, method, path, body=None, headers=None, connection=None):
        own = connection is None
        connection = connection or self.connection()
        data = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        connection.request(method, path, data, headers or {})
        answer = Answer(connection.getresponse())
        if own:
            connection.close()
        return answer

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body, **more):
        return self.request("POST", path, body, **more)

    def complete(self, prompt=PROBLEM, **fields):
        return self.post("/v1/completions", dict(prompt=prompt, **fields))

    def stream(self, path, body, headers=None):
        """The events of a stream, as (seconds since the request, object); the last one is "[DONE]"."""
        connection = self.connection()
        started = time.monotonic()
        connection.request("POST", path, json.dumps(dict(body, stream=True)), headers or {})
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(response.read().decode())
        events, rest = [], b""
        for line in response:
            line = line.rstrip(b"\n")
            if line.startswith(b"data: "):
                data = line[6:].decode()
                events.append((time.monotonic() - started, data if data == "[DONE]" else json.loads(data)))
        connection.close()
        return events

    def metric(self, name):
        for line in self.get("/metrics").text.splitlines():
            if line.rsplit(" ", 1)[0] == name:
                return float(line.rsplit(" ", 1)[1])
        raise KeyError(name)

    def until(self, condition, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.01)
        return False

    def memory(self):
        """Resident kilobytes."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))

    def alive(self):
        return self.process.poll() is None

    def stop(self, sign=signal.SIGTERM, seconds=60):
        if self.process.poll() is None:
            self.process.send_signal(sign)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "it had to be killed"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGINT)
        if self.process.poll() is None:
            self.process.kill()


def events_by_index(events):
    """What a stream said: {index: {"text", "finish", "lace", "role"}}, of either route."""
    out = {}
    for _, event in events:
        if event == "[DONE]":
            continue
        for choice in event.get("choices", []):
            one = out.setdefault(choice["index"], {"text": "", "finish": None, "lace": None, "role": None})
            delta = choice.get("delta", {})
            one["text"] += choice.get("text", "") or delta.get("content", "") or ""
            one["role"] = one["role"] or delta.get("role")
            one["finish"] = one["finish"] or choice["finish_reason"]
            one["lace"] = choice.get("lace") or one["lace"]
    return out


# ---- the same by the command line ----
runs = {}


def lace_run(prompt=PROBLEM, *args):
    """What `lace run --json` says."""
    key = (prompt, args)
    if key not in runs:
        done = subprocess.run([LACE, "run", "--json", *map(str, args), prompt], capture_output=True, text=True,
                              env=dict(os.environ, OMP_WAIT_POLICY="passive"))
        if not done.stdout:
            raise RuntimeError(done.stderr)
        runs[key] = json.loads(done.stdout)
    return runs[key]


def said(thread):
    """A thread's text without its verdict."""
    return re.sub(r"\[\[(best|success|fail)?\]?\]?$", "", thread["text"])


@contextlib.contextmanager
def folder():
    path = tempfile.mkdtemp()
    try:
        yield path
    finally:
        shutil.rmtree(path)
