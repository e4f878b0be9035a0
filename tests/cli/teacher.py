"""A teacher for tests: the OpenAI interface over HTTP, behaving as badly as its model's name says.

usage: teacher.py PORT_FILE LOG_FILE. Listens on a free port of 127.0.0.1, writes it to PORT_FILE, and appends a line of
JSON to LOG_FILE for each request: {"model", "prompt", "auth", "at"}. Python's standard library only.
"""
import http.server
import json
import os
import re
import sys
import threading
import time

port_file, log_file = sys.argv[1:3]
lock = threading.Lock()
seen = {}  # body -> how often it came
WAYS = ["counting up", "splitting tens", "a number line", "taking away from more", "swapping"]


def solution(prompt, spoiled=False):
    """A way that the cache in the prompt does not name, and the sum's steps."""
    found = re.search(r"(\d+)\+(\d+)", prompt)
    a, b = (int(found[1]), int(found[2])) if found else (0, 0)
    way = next((w for w in WAYS if "- " + w not in prompt), WAYS[-1])
    step = {"counting up": f"From {a} I count {b} further.", "splitting tens": f"Tens and ones: {a // 10 + b // 10} and {a % 10 + b % 10}; I write one under the other, and "
            "look at them once more before I go on with the sum.",
            "a number line": f"Mark {a}, walk {b} to the right.", "taking away from more": f"{a}+{b} is {a + b + 1} less 1."}
    wrong = 1 if spoiled else 0
    return f"Approach: {way}.\n{step.get(way, 'The same again.')}\nSo {a}+{b}={a + b + wrong}.\nAnswer: {a + b + wrong}."


def completion(text, finish="stop"):
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}],
            "usage": {"total_tokens": 3}}


HOSTILE = ['{"choices": []}', '{"choices": [{"message": {"content": 7}}]}', '{"choices": {"message": 1}}', "[" * 200000,
           '{"choices": [{"message": {"content": "\\ud800"}}]}', '{"choices": [{"message": {"content": "a\\u0000b"}}]}', "null",
           '\xff\xfe', '', '{"choices": [{"message": {"content": "a", "content": "b"}}]}']


class Teacher(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def send(self, status, body, headers=(), length=None):
        data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode("latin-1")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data) if length is None else length))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = json.loads(body)
        prompt = "\n".join(m["content"] for m in asked["messages"] if m["role"] == "user")
        with lock:
            count = seen[body] = seen.get(body, 0) + 1
            with open(log_file, "a") as log:
                log.write(json.dumps({"model": asked["model"], "prompt": prompt, "auth": self.headers.get("Authorization"),
                                      "at": round(time.time(), 3), "path": self.path}) + "\n")
        try:
            self.answer(asked, prompt, count)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def answer(self, asked, prompt, count):
        model, good = asked["model"], completion(solution(prompt))
        if model == "busy" and count == 1:
            self.send(429, {"error": {"message": "slow down"}}, [("Retry-After", "1")])
        elif model == "broken" and count == 1:
            self.send(500, "oops")
        elif model == "broken" and count == 2:
            self.close_connection = True  # nothing at all
        elif model == "broken" and count == 3:
            self.send(200, json.dumps(good)[:40], length=4000)
            self.close_connection = True
        elif model == "broken" and count == 4:
            self.send(200, '{"choices": [')
        elif model == "slow" and count == 1:
            time.sleep(3)
            self.send(200, good)
        elif model == "steady-slow":
            time.sleep(0.06)
            self.send(200, good)
        elif model == "huge":
            self.send(200, completion("x" * 3_000_000))
        elif model == "hostile":
            with lock:
                n = seen["hostile"] = seen.get("hostile", 0) + 1
            self.send(200, HOSTILE[(n - 1) % len(HOSTILE)])
        elif model == "dead":
            self.send(503, "")
        elif model == "denied":
            self.send(401, {"error": {"message": "bad key \x1b[2J\x07" + "x" * 5000}})
        elif model == "redirect":
            self.send(302, "", [("Location", "http://127.0.0.1:1/steal")])
        elif model == "choosy" and "13+" in prompt:
            self.send(400, {"error": "I do not like thirteen"})
        elif model == "cut":
            self.send(200, completion("Approach: none\nThis never", "length"))
        elif model == "thinks":
            self.send(200, completion("<think>\nAnswer: 1.\n</think>\n\n" + solution(prompt)))
        elif model == "parrot":
            self.send(200, completion(solution("")[:0] + "Approach: mine\nOne step.\nAnswer: 42."))
        elif model.startswith("judge"):  # judge-2: the second is best
            self.send(200, completion("\n".join(f"Thread {i}: [[{'best' if str(i) == model[6:] else 'fail'}]]" for i in (1, 2, 3))))
        elif model == "scribe":  # short steps; of the second problem it loses the answer
            last = re.search(r"Answer: (.*)\.\n$", prompt)[1]
            self.send(200, completion(f"Short.\nDone.\nAnswer: {last if '13+' not in prompt else 'unknown'}."))
        elif model == "wavers":  # right for every third seed
            self.send(200, completion(solution(prompt, spoiled=asked.get("seed", 0) % 3 != 0)))
        else:
            self.send(200, good)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Teacher)
server.daemon_threads = True
with open(port_file + ".new", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(port_file + ".new", port_file)
server.serve_forever()
