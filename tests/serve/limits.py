"""What the server refuses, and how: OpenAI's error shape, keys, origins, sizes, rates, times; and its other doors: TLS,
a UNIX socket, systemd's sockets; and its end."""
import concurrent.futures

from harness import *


def refused(name, a, status, part, param=False, kind=None):
    kind = kind or {401: "authentication_error", 429: "rate_limit_error"}.get(status) or \
        ("server_error" if status >= 500 else "invalid_request_error")
    try:
        e = a.error()
        good = a.status == status and set(e) == {"message", "type", "param", "code"} and part in e["message"] and \
            e["type"] == kind and (param is False or e["param"] == param)
    except ValueError:
        good = False
    return ok(name, good, f"{a.status} {a.text}; expected {status}, {part!r}, {param!r}")


with Server("--max-threads", "8", "--max-n", "6", "--max-tokens", "300", "--max-body", "20000") as s:
    # ---- bodies ----
    for name, body, part in [
        ("no body", "", "no body"), ("half a body", '{"prompt": ', "not valid JSON"), ("no object", "[1]", "JSON object"),
        ("a number", "7", "JSON object"), ("a field twice", '{"prompt": "a", "prompt": "b"}', "duplicate"),
        ("no UTF-8", b'{"prompt": "\xff"}', "not valid JSON"), ("a zero byte", '{"prompt": "a\\u0000b"}', "not valid JSON"),
        ("deep brackets", "[" * 5000, "nested deeper"), ("deep objects", '{"a":' * 100 + "1" + "}" * 100, "nested deeper"),
        ("a number that is none", '{"prompt": "a", "temperature": NaN}', "not valid JSON"),
        ("a number that is too large", '{"prompt": "a", "temperature": 1e999}', "not valid JSON"),
        ("an integer that is too large", '{"prompt": "a", "seed": 99999999999999999999}', "not valid JSON"),
    ]:
        refused(name, s.post("/v1/completions", body), 400, part)
    refused("a body that is too large", s.post("/v1/completions", "x" * 20001), 413, "larger")
    chunked = s.connection()
    chunked.request("POST", "/v1/completions", iter([b"x" * 3000] * 20), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    refused("the same in chunks", Answer(chunked.getresponse()), 413, "larger")
    same("a body in chunks", [
        s.request("POST", "/v1/completions", None).status,
        (lambda c: (c.request("POST", "/v1/completions", iter([b'{"prompt": "So', b'", "max_tokens": 1}']), {
            "Transfer-Encoding": "chunked"}, encode_chunked=True), Answer(c.getresponse()).status)[1])(s.connection())], [400, 200])
    refused("an unknown route", s.post("/v1/embeddings", {}), 404, "nothing at /v1/embeddings")
    a = s.get("/v1/completions")
    refused("a wrong method", a, 405, "takes POST")
    same("  names the right one", a.headers.get("allow"), "POST")
    refused("another wrong method", s.request("DELETE", "/health"), 405, "takes GET")
    refused("a path that climbs", s.get("/../../etc/passwd"), 404, "nothing at")
    same("HEAD", [s.request("HEAD", "/health").status, s.request("HEAD", "/health").text], [200, ""])

    # ---- fields ----
    for field, value, part in [
        ("prompt", None, "missing"), ("prompt", "", "empty"), ("prompt", 7, "must be a text"), ("prompt", [], "empty"),
        ("prompt", [1, -1], "token id"), ("prompt", [512], "token id"), ("prompt", [1.5], "token id"),
        ("prompt", ["a", 1], "must be a text"), ("prompt", [[]], "empty"), ("prompt", ["a"] * 7, "at most 6"),
        ("prompt", [1] * 2049, "at most 2048"), ("n", 0, "from 1 to 6"), ("n", 7, "from 1 to 6"), ("n", -1, "from 1"),
        ("n", "2", "whole number"), ("n", 1.5, "whole number"), ("max_tokens", 0, "from 1 to 300"),
        ("max_tokens", 301, "from 1 to 300"), ("max_tokens", -5, "from 1"), ("max_completion_tokens", 301, "from 1 to 300"),
        ("temperature", -0.1, "from 0 to 100"), ("temperature", 101, "from 0 to 100"), ("temperature", "hot", "a number"),
        ("top_p", 0, "from 1e-09 to 1"), ("top_p", 1.1, "to 1"), ("top_k", -2, "from -1"), ("top_k", 1 << 40, "from -1"),
        ("min_p", 1, "from 0"), ("min_p", -1, "from 0"), ("repetition_penalty", 0, "from 1e-09"),
        ("repetition_penalty", 1000, "to 100"), ("seed", -1, "from 0"), ("seed", 1.5, "whole number"),
        ("stop", 7, "text of 1 to 256"), ("stop", "", "text of 1 to 256"), ("stop", ["a"] * 17, "at most 16"),
        ("stop", ["a", None], "text of 1"), ("stop", "x" * 257, "to 256 bytes"), ("stream", "yes", "true or false"),
        ("stream_options", {"include_usage": True}, "needs 'stream'"), ("logprobs", 21, "from 0 to 20"),
        ("logprobs", -1, "from 0"), ("presence_penalty", 0.5, "not supported"), ("frequency_penalty", 3, "from -2 to 2"),
        ("frequency_penalty", 1, "not supported"), ("logit_bias", {"5": 1}, "not supported"), ("echo", True, "not supported"),
        ("best_of", 3, "not supported"), ("suffix", "x", "not supported"), ("tools", [{}], "not supported"),
        ("response_format", {"type": "json_object"}, '"text"'), ("response_format", "json", '"text"'),
        ("temprature", 1, "not a field"), ("lace", 4, "an object"), ("model", 7, "a text"),
    ]:
        body = {"prompt": PROBLEM, field: value}
        refused(f"{field} {json.dumps(value)[:40]}", s.post("/v1/completions", body), 400, part, field)
    for field, value, part in [
        ("threads", 0, "from 1 to 8"), ("threads", 9, "from 1 to 8"), ("threads", -4, "from 1"), ("threads", "4", "whole"),
        ("lattice", "maybe", "one of on, off, auto"), ("visible", "all", "aligned"), ("visible", "window:0", "window:W"),
        ("visible", "window:99999999999", "window:W"), ("visible", 3, "aligned"), ("pick", "best", "verdict, vote"),
        ("barrier", 1, "true or false"), ("budget", 0, "from 1 to 300"), ("budget", 301, "from 1 to 300"),
        ("group_budget", 0, "from 1 to 2400"), ("early_stop", 2, "from 0 to 1"), ("early_stop", 0.5, "barrier"),
        ("return_threads", "x", "true or false"), ("stream_threads", True, "needs 'stream'"), ("trace", 1, "true or false"),
        ("thread", 4, "not a field"),
    ]:
        refused(f"lace.{field} {json.dumps(value)}", s.complete(lace={field: value}), 400, part, f"lace.{field}")
    refused("too many traces", s.complete(n=5, lace={"trace": True}), 400, "at most 4 choices", "lace.trace")
    refused("another model", s.complete(model="gpt-4"), 404, "'lace-search' is", "model")
    same("  by OpenAI's code", s.complete(model="gpt-4").error()["code"], "model_not_found")
    refused("n times prompts", s.complete(["a", "b"], n=4), 400, "at most 6 choices", "n")
    refused("a prompt longer than the context", s.complete("1 " * 4000), 400, "context")
    same("a prompt that leaves less than the default", s.complete("1 " * 1000 + PROBLEM).status, 200)
    for messages, part in [(None, "at least one"), ([], "at least one"), ("hi", "at least one"), ([1], "role"),
                           ([{"content": "x"}], "role"), ([{"role": "boss", "content": "x"}], "role"),
                           ([{"role": "user", "content": 7}], "neither a text"), ([{"role": "system", "content": "x"}], "no text of a user"),
                           ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}], "not text"),
                           ([{"role": "user", "content": ""}], "no text of a user")]:
        refused(f"messages {json.dumps(messages)[:50]}", s.post("/v1/chat/completions", {"messages": messages}), 400, part, "messages")
    chat = {"messages": [{"role": "user", "content": PROBLEM}]}
    refused("top_logprobs alone", s.post("/v1/chat/completions", dict(chat, top_logprobs=2)), 400, "logprobs", "top_logprobs")
    refused("logprobs 3 in a chat", s.post("/v1/chat/completions", dict(chat, logprobs=3)), 400, "true or false", "logprobs")
    refused("tool_choice", s.post("/v1/chat/completions", dict(chat, tool_choice="required")), 400, "not supported", "tool_choice")
    refused("tokenize nothing", s.post("/tokenize", {}), 400, "must be a text", "prompt")
    refused("tokenize a number", s.post("/tokenize", {"content": 7}), 400, "must be a text", "content")
    refused("detokenize a text", s.post("/detokenize", {"tokens": "x"}), 400, "list of token ids", "tokens")
    refused("detokenize no token", s.post("/detokenize", {"tokens": [1 << 40]}), 400, "token id", "tokens")
    same("after all that it still answers", s.complete(max_tokens=3).status, 200)

with Server("--cache", "1000") as s:
    refused("more than the cache holds", s.complete(lace={"threads": 8, "budget": 100}), 400, "1000 tokens of the cache")
    same("the default budget shrinks to it", s.complete(lace={"threads": 8, "return_threads": True}).status, 200)

# ---- keys and origins ----
with folder() as where:
    with open(f"{where}/keys", "w") as keys:
        keys.write("# ours\nfrom-file \n\nsecond\n")
    with Server("--api-key", "right", "--api-key-file", f"{where}/keys", "--cors", "https://page.example") as s:
        body = {"prompt": PROBLEM, "max_tokens": 1}
        for name, headers, status in [
            ("no key", {}, 401), ("a wrong key", {"Authorization": "Bearer wrong"}, 401),
            ("the key's beginning", {"Authorization": "Bearer righ"}, 401), ("the key and more", {"Authorization": "Bearer rightt"}, 401),
            ("an empty key", {"Authorization": "Bearer "}, 401), ("a long key", {"Authorization": "Bearer " + "x" * 3000}, 401),
            ("another scheme", {"Authorization": "Basic right"}, 401), ("the key", {"Authorization": "Bearer right"}, 200),
            ("one of the file", {"Authorization": "bearer from-file"}, 200), ("the other header", {"X-API-Key": "second"}, 200),
        ]:
            a = s.post("/v1/completions", body, headers=headers)
            if status == 401:
                refused(name, a, 401, "API key")
                same("  says what is missing", a.headers.get("www-authenticate"), "Bearer")
            else:
                same(name, a.status, 200)
        for method, path in [("GET", "/v1/models"), ("GET", "/v1/models/x"), ("GET", "/metrics"), ("POST", "/tokenize"),
                             ("POST", "/detokenize"), ("POST", "/v1/chat/completions"), ("GET", "/nowhere"), ("PUT", "/health")]:
            same(f"{method} {path} needs the key", s.request(method, path).status, 401)
        same("/health does not", s.get("/health").status, 200)
        same("nor does the page, which has no key yet", s.get("/").status, 200)
        key = {"Authorization": "Bearer right"}
        a = s.request("OPTIONS", "/v1/completions", headers={"Origin": "https://page.example",
                                                              "Access-Control-Request-Method": "POST"})
        same("a preflight needs no key", [a.status, a.headers.get("access-control-allow-origin"),
                                          "Authorization" in a.headers.get("access-control-allow-headers", "")],
             [204, "https://page.example", True])
        a = s.post("/v1/completions", body, headers=dict(key, Origin="https://page.example"))
        same("the page may ask", [a.status, a.headers.get("access-control-allow-origin")], [200, "https://page.example"])
        refused("another page may not", s.post("/v1/completions", body, headers=dict(key, Origin="https://evil.example")),
                403, "--cors")
        same("no preflight for it", s.request("OPTIONS", "/v1/completions", headers={"Origin": "https://evil.example"}).status, 401)
    with Server() as s:
        a = s.complete(max_tokens=1)
        ok("without --cors there is no such header", not any(h.startswith("access-control") for h in a.headers), a.headers)
        refused("and no page may ask", s.post("/v1/completions", body, headers={"Origin": "http://evil.example"}), 403, "--cors")
        same("but the server's own", s.post("/v1/completions", body, headers={"Origin": f"http://127.0.0.1:{s.port}"}).status, 200)
        refused("no preflight", s.request("OPTIONS", "/v1/completions"), 405, "takes POST")

    # ---- names: a page that rebinds its own name to this machine ----
    def by(server, host):
        return server.post("/v1/completions", body, headers={"Host": host, "Origin": f"http://{host}"})

    with Server() as s:
        for host in ["127.0.0.1", "localhost", f"localhost:{s.port}", f"[::1]:{s.port}", "192.168.1.9"]:
            same(f"Host: {host}", by(s, host).status, 200)
        for host in ["evil.example", f"evil.example:{s.port}", "localhost.evil.example", "127.0.0.1.evil.example"]:
            refused(f"Host: {host}", by(s, host), 403, "--cors http://NAME")
        for path in ["/v1/models", "/metrics"]:
            refused(f"{path} by a stranger's name", s.get(path, headers={"Host": "evil.example"}), 403, "--cors http://NAME")
        same("/health tells nothing", s.get("/health", headers={"Host": "evil.example"}).status, 200)
    with Server("--cors", "http://Models.lan:8080") as s:
        same("a name that is ours", s.post("/v1/completions", body, headers={"Host": "models.lan"}).status, 200)
        refused("another one", s.post("/v1/completions", body, headers={"Host": "third.lan"}), 403, "--cors http://NAME")
    with Server("--cors", "*") as s:
        same("any name", by(s, "evil.example").status, 200)
    with Server("--host", "localhost") as s:
        same("the name to listen on", by(s, "localhost").status, 200)
    with Server("--api-key", "right") as s:
        a = s.post("/v1/completions", body, headers={"Authorization": "Bearer right", "Host": "models.lan"})
        same("with a key the name is no matter", a.status, 200)

    # ---- too much at once, and too slow ----
    with Server("--queue", "2", "--rows", "4", "--request-seconds", "1.5") as s:
        slow = {"prompt": HARD, "n": 64, "temperature": 3, "max_tokens": 1900, "seed": 1}
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(s.post, "/v1/completions", slow)]
            s.until(lambda: s.metric("lace_rows_taken") == 4)
            asked += [pool.submit(s.post, "/v1/completions", slow) for _ in range(5)]
            answers = [a.result() for a in asked]
        full = [a for a in answers if a.status == 429]
        same("those that do not fit into the line", len(full), 3)
        refused("  are answered 429", full[0], 429, "2 requests are waiting already")
        ok("  with Retry-After", 1 <= int(full[0].headers["retry-after"]) <= 60, full[0].headers)
        late = [a for a in answers if a.status == 504]
        same("the others take too long", len(late), 3)
        refused("  and are answered 504", late[0], 504, "longer than this server allows")
        same("  and their rows are free", [s.metric("lace_rows_taken"), s.metric("lace_cache_tokens_taken")], [0, 0])
        same("  which the next request finds", s.complete(max_tokens=5).status, 200)
        events = s.stream("/v1/completions", slow)
        has("a stream that takes too long ends with an error", json.dumps(events[-1][1]), "longer than this server allows")

    # ---- other doors ----
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                    "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{where}/key.pem", "-out",
                    f"{where}/cert.pem"], check=True, capture_output=True)
    with Server("--tls-cert", f"{where}/cert.pem", "--tls-key", f"{where}/key.pem") as s:
        s.context = ssl.create_default_context(cafile=f"{where}/cert.pem")
        same("TLS", [s.address.split(":")[0], s.complete(max_tokens=2).status], ["https", 200])
        same("a stream over TLS", events_by_index(s.stream("/v1/completions", {"prompt": PROBLEM}))[0]["text"],
             said(lace_run(PROBLEM, "--threads", 1)["threads"][0]))
        plain = http.client.HTTPConnection("127.0.0.1", s.port, timeout=10)
        try:
            plain.request("GET", "/health")
            status = plain.getresponse().status
        except (OSError, http.client.HTTPException):
            status = "none"
        ok("not without it", status != 200, status)
        same("and it still answers", s.get("/health").status, 200)
    with Server("--socket", f"{where}/lace.sock") as s:
        same("a UNIX socket", [s.address, s.complete(max_tokens=2).status], [f"unix:{where}/lace.sock", 200])
        second = Server("--socket", f"{where}/lace.sock", wait=False)
        same("a second server does not take it", second.process.wait(20), 1)
        has("  and says why", second.log(), f"lace: Another program listens on the socket {where}/lace.sock; end it")
        same("  nor break it", s.get("/health").status, 200)
        s.process.kill()
        s.process.wait()
    with Server("--socket", f"{where}/lace.sock") as s:
        same("what a killed server left is replaced", s.get("/health").status, 200)
    ok("the socket is gone at the end", not os.path.exists(f"{where}/lace.sock"))
    second = Server("--socket", f"{where}/cert.pem", wait=False)
    same("an ordinary file is not taken for one", [second.process.wait(20), os.path.getsize(f"{where}/cert.pem") > 0], [1, True])
    has("  and is named", second.log(), f"lace: {where}/cert.pem is an ordinary file, no socket")
    if socket.has_ipv6:
        try:
            with Server("--host", "::1") as s:
                same("IPv6", [s.address.startswith("http://[::1]:"), http.client.HTTPConnection(
                    "::1", s.port, timeout=10).connect()], [True, None])
        except RuntimeError as e:
            skip("IPv6", str(e).splitlines()[-1])

    # systemd hands over sockets from descriptor 3 on, and asks to be told
    listening = socket.create_server(("127.0.0.1", 0))
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(f"{where}/notify")
    told.settimeout(30)
    starter = 'import os, sys; os.dup2(int(sys.argv[1]), 3); os.set_inheritable(3, True); os.environ["LISTEN_PID"] = str(os.getpid()); ' \
              'os.environ["LISTEN_FDS"] = "1"; os.execv(sys.argv[2], sys.argv[2:])'
    process = subprocess.Popen([sys.executable, "-c", starter, str(listening.fileno()), LACE, "serve", "--cache", "40000"],
                               pass_fds=[listening.fileno()], env=dict(os.environ, NOTIFY_SOCKET=f"{where}/notify"), stderr=subprocess.DEVNULL)
    same("systemd is told when it is ready", told.recv(100), b"READY=1")
    c = http.client.HTTPConnection("127.0.0.1", listening.getsockname()[1], timeout=20)
    c.request("GET", "/health")
    same("systemd's socket", c.getresponse().status, 200)
    process.send_signal(signal.SIGTERM)
    same("and when it ends", [told.recv(100), process.wait(20)], [b"STOPPING=1", 0])
    same("its socket stays open for the next one", listening.fileno() >= 0 and
         socket.create_connection(listening.getsockname(), 5).fileno() >= 0, True)

    # ---- bad options ----
    for args, part in [(["--tls-cert", "x"], "both a certificate and its key"), (["--port", "70000"], "out of range"),
                       (["--api-key", ""], "1 to 255 bytes"), (["--api-key-file", "/nowhere"], "/nowhere"),
                       (["--api-key-file", f"{where}/cert.pem", "--tls-cert", "/nowhere", "--tls-key", "x"], "/nowhere"),
                       (["--tls-cert", f"{where}/keys", "--tls-key", f"{where}/keys"], "PEM"), (["--host", "nowhere.invalid"], "not known"),
                       (["--rows", "0"], "out of range"), (["--cache", "5", "--rows", "4"], "")]:
        done = subprocess.run([LACE, "serve", *args, *([] if "--port" in args else ["--port", "0"])], capture_output=True, text=True, timeout=20) \
            if part else None
        if done:
            ok(f"lace serve {' '.join(args)[:50]}", done.returncode in (1, 2) and part in done.stderr and
               len(done.stderr.splitlines()) == 1, done)
    with Server() as s:
        done = subprocess.run([LACE, "serve", "--port", str(s.port)], capture_output=True, text=True, timeout=20)
        ok("a port that is taken", done.returncode == 1 and "cannot be listened on" in done.stderr, done)

# ---- the end ----
long = {"prompt": HARD, "temperature": 1, "seed": 1, "lace": {"threads": 8, "return_threads": True}}
with Server() as s, concurrent.futures.ThreadPoolExecutor(2) as pool:
    want = s.post("/v1/completions", long).json["choices"][0]["lace"]["threads"]
    kept = s.connection()
    kept.request("GET", "/health")
    kept.getresponse().read()
    running = pool.submit(s.post, "/v1/completions", long)
    s.until(lambda: s.metric("lace_rows_taken") == 8)
    s.process.send_signal(signal.SIGTERM)
    s.until(lambda: "ending" in s.log())
    time.sleep(0.02)
    same("after SIGTERM what runs is finished", running.result().json["choices"][0]["lace"]["threads"], want)
    same("and the program ends well", s.process.wait(20), 0)
with Server("--drain-seconds", "0.1", "--request-seconds", "60") as s, concurrent.futures.ThreadPoolExecutor(2) as pool:
    running = pool.submit(s.post, "/v1/completions", {"prompt": HARD, "n": 64, "temperature": 3, "max_tokens": 1900})
    s.until(lambda: s.metric("lace_rows_taken") > 0)
    began = time.monotonic()
    s.process.send_signal(signal.SIGTERM)
    refused("what takes longer than --drain-seconds is told so", running.result(), 503, "going down")
    same("and the program ends soon", [s.process.wait(20), time.monotonic() - began < 5], [0, True])

finish()
