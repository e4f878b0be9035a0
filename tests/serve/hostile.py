"""Connections that mean ill or are broken: slow, half closed, oversized, malformed, pipelined, silent. Whatever they
send, the server goes on, with as many connections, OS threads and rows as before."""
import random
import threading

from harness import *


def raw(s, data, wait=10, half_close=False):
    """Sends bytes, and returns what comes back until the server closes or has been silent for a while."""
    c = s.socket(wait)
    out = b""
    try:
        c.sendall(data)
        if half_close:
            c.shutdown(socket.SHUT_WR)
        while True:
            part = c.recv(65536)
            if not part:
                break
            out += part
    except (TimeoutError, ConnectionError):
        pass
    c.close()
    return out


def is_closed(c):
    try:
        return bool(select.select([c], [], [], 0)[0]) and not c.recv(1)
    except ConnectionError:
        return True


def threads(s):
    with open(f"/proc/{s.process.pid}/status") as status:
        return int(re.search(r"Threads:\s+(\d+)", status.read()).group(1))


BODY = json.dumps({"prompt": PROBLEM, "max_tokens": 3}).encode()
POST = b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY

with Server("--receive-seconds", "1", "--max-connections", "24", "--max-header", "4096", "--max-body", "20000") as s:
    same("a request", raw(s, POST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))[:15], b"HTTP/1.1 200 OK")
    before = threads(s)

    # ---- slow ----
    slow = [s.socket() for _ in range(12)]
    began = time.monotonic()
    for c in slow:
        c.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n")
    open_at = {}
    while time.monotonic() - began < 4 and len(open_at) < len(slow):
        for i, c in enumerate(slow):
            if i in open_at:
                continue
            if is_closed(c):
                open_at[i] = time.monotonic() - began
                continue
            try:
                c.sendall(b"X-%d: y\r\n" % random.randrange(1000) if i % 2 else b"X")
            except ConnectionError:
                open_at[i] = time.monotonic() - began
        if time.monotonic() - began < 0.5:
            same("a request beside slow ones", s.complete(max_tokens=2).status, 200) if not open_at else None
        time.sleep(0.15)
    ok("headers that come letter by letter are cut off", len(open_at) == 12 and max(open_at.values()) < 3, open_at)
    c = s.socket()
    c.sendall(POST[:-20])
    began = time.monotonic()
    closed = False
    while time.monotonic() - began < 4 and not closed:
        closed = is_closed(c)
        time.sleep(0.05)
    ok("so is a body that does not come", closed and time.monotonic() - began > 0.5, time.monotonic() - began)
    idle = s.socket()
    ok("and a connection that says nothing", s.until(lambda: is_closed(idle), 4))
    kept = s.connection()
    kept.request("GET", "/health")
    kept.getresponse().read()
    time.sleep(0.6)
    kept.request("GET", "/health")
    same("one that is used lives on", kept.getresponse().read(), b'{"status": "ok"}\n')
    ok("and is closed when it is not", s.until(lambda: is_closed(kept.sock), 4))

    # ---- too many ----
    many = [s.socket() for _ in range(40)]
    ok("connections beyond the limit are closed at once", s.until(lambda: sum(map(is_closed, many)) >= 15, 0.9))
    for c in many:
        c.close()
    ok("then there is room again", s.until(lambda: raw(s, POST, 0.3)[:15] == b"HTTP/1.1 200 OK", 5))

    # ---- oversized and malformed ----
    for name, data, status in [
        ("a header that is too large", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100000 + b"\r\n\r\n", (b"431", b"400", b"414", b"")),
        ("too many headers", b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X%d: y\r\n" % i for i in range(9000)) + b"\r\n", (b"431", b"400", b"413", b"")),
        ("a path that is too long", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", (b"414", b"431", b"400", b"")),
        ("a length that is too large", b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n", (b"413", b"400")),
        ("a length of some gigabytes", b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000000\r\n\r\n", (b"413",)),
        ("a negative length", b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n", (b"400", b"413")),
        ("a length that is none", b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ten\r\n\r\n", (b"400",)),
        ("a chunk of no size", b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", (b"400", b"")),
        ("a chunk of a huge size", b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", (b"400", b"413", b"")),
        ("no method", b"\r\n\r\n\r\n", (b"400", b"")), ("no HTTP", b"hello\r\n\r\n", (b"400", b"505", b"")),
        ("HTTP/9.9", b"GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n", (b"505", b"400", b"200")),
        ("no host", b"GET /health HTTP/1.1\r\n\r\n", (b"400",)), ("bytes", bytes(range(256)) * 20, (b"400", b"")),
        ("TLS", bytes.fromhex("160301020001000 1fc0303".replace(" ", "")) + b"\0" * 300, (b"400", b"")),
        ("zeros", b"\0" * 5000, (b"400", b"")), ("a line that does not end", b"GET " * 4000, (b"414", b"400", b"")),
    ]:
        got = raw(s, data, 0.4)
        ok(name, got[9:12] in status, got[:60])
        if not s.alive():
            ok("the server lives", False, s.log())
            finish()
    generator = random.Random(5)
    for i in range(300): # requests with some bytes wrong
        data = bytearray(POST if i % 2 else POST.replace(b"\r\nContent-Length", b"\r\nTransfer-Encoding: chunked\r\nX"))
        for _ in range(generator.randrange(1, 6)):
            where = generator.randrange(len(data))
            if generator.random() < 0.5:
                data[where] = generator.randrange(256)
            else:
                del data[where:where + generator.randrange(1, 20)]
        c = s.socket(0.03)
        try:
            c.sendall(data)
            if generator.random() < 0.5:
                c.recv(100)
        except (TimeoutError, ConnectionError):
            pass
        c.close()
    same("three hundred broken requests later", s.complete(max_tokens=2).status, 200)

    # ---- half closed, pipelined, gone ----
    got = raw(s, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", half_close=True)
    ok("half closed after a request: it is answered, or dropped", got[:15] in (b"HTTP/1.1 200 OK", b""), got)
    got = raw(s, POST[:-1], half_close=True)
    ok("half closed within a body", b" 200 " not in got[:20], got)
    want = json.loads(s.complete(max_tokens=3).text)["choices"][0]["text"]
    got = raw(s, POST * 5, 0.8)
    same("five requests at once", [got.count(b"HTTP/1.1 200 OK"), got.count(json.dumps(want)[1:-1].encode())], [5, 5])
    got = raw(s, POST + b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"rubbish\r\n\r\n", 0.8)
    ok("good ones before a bad one", got.count(b"HTTP/1.1 200 OK") == 2, got)
    got = raw(s, b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n", 0.8)
    ok("two lengths: nothing is smuggled past an error", b"200 OK" not in got, got)
    for i in range(40): # clients that leave at every stage of a stream
        c = s.socket(5)
        body = json.dumps({"prompt": HARD, "stream": True, "temperature": 1, "seed": i, "lace": {"threads": 4, "stream_threads": True}}).encode()
        c.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        try:
            if i % 4:
                c.recv(1 + 37 * i)
        except (TimeoutError, ConnectionError): # more than may be connected at once
            pass
        if i % 3 == 0: # with a reset instead of an end
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        c.close()
    ok("forty clients that left free all rows", s.until(lambda: s.metric("lace_rows_taken") == 0 and s.metric("lace_groups_running") == 0, 20))
    # one that reads nothing does not keep the others waiting
    c = s.socket()
    body = json.dumps({"prompt": HARD, "stream": True, "n": 4, "temperature": 3, "max_tokens": 1500}).encode()
    c.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    same("beside a stream that nobody reads", [s.complete().json["choices"][0]["text"]], [said(lace_run(PROBLEM, "--threads", 1)["threads"][0])])
    c.close()

    ok("all connections are gone", s.until(lambda: s.metric("lace_connections") <= 1, 5), s.metric("lace_connections"))
    ok("so are their OS threads", s.until(lambda: threads(s) <= before + 1, 5), (before, threads(s)))
    same("it still answers as at first", s.complete(max_tokens=3).json["choices"][0]["text"], want)
    same("and ends well", s.stop(), 0)

finish()
