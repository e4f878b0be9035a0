"""Two replicas behind nginx with the shipped configuration (scripts/nginx.conf): requests that begin alike go to one
replica, a replica that is killed under load costs no answer, and one that comes back is used again."""
import threading

from harness import *

nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
if not nginx:
    skip("replicas behind nginx", "nginx is not installed; scripts/check_replicas.sh installs it")
    finish()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def problem(i, j=0):
    return f"Find i (each from 1 to 8, mod 11): g*{1 + i}+3={1 + j}, h*2+g=9, i*4+h=6."


with folder() as where, Server() as one, Server() as two:
    front = free_port()
    with open(os.path.join(ROOT, "scripts", "nginx.conf")) as f:
        conf = f.read()
    conf = conf.replace("fail_timeout=5s", "fail_timeout=1s").replace(":8081", f":{one.port}").replace(":8082", f":{two.port}").replace(":8080", f":{front}")
    paths = "".join(f"{kind}_temp_path {where}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    conf = f"pid {where}/pid; error_log {where}/error.log; daemon off;\n" + \
        ("user root;\n" if os.getuid() == 0 else "") + conf.replace("http {", f"http {{ access_log off; {paths}", 1)
    with open(f"{where}/nginx.conf", "w") as f:
        f.write(conf)
    proxy = subprocess.Popen([nginx, "-p", where, "-c", f"{where}/nginx.conf"], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", front), 1).close()
                break
            except OSError:
                time.sleep(0.05)

        def ask(body, path="/v1/completions"):
            c = http.client.HTTPConnection("127.0.0.1", front, timeout=60)
            c.request("POST", path, json.dumps(body))
            a = Answer(c.getresponse())
            c.close()
            return a

        served = lambda s: s.metric("lace_choices_total")
        for i in range(24):
            ask({"prompt": problem(i), "max_tokens": 2})
        counts = [served(one), served(two)]
        ok("requests are spread", min(counts) >= 3 and sum(counts) == 24, counts)
        for k in range(8): # the same beginning, in other company
            ask({"temperature": 1, "seed": k, "prompt": problem(3), "max_tokens": 2 + k})
        more = [served(one) - counts[0], served(two) - counts[1]]
        same("those that begin alike go to one replica", sorted(more), [0, 8])
        before = [served(one), served(two)]
        for k in range(6):
            ask({"messages": [{"role": "system", "content": "Be brief. " * 40}, {"role": "user", "content": problem(1, k)}], "max_tokens": 2},
                "/v1/chat/completions")
        same("so do conversations", sorted([served(one) - before[0], served(two) - before[1]]), [0, 6])

        c = http.client.HTTPConnection("127.0.0.1", front, timeout=60)
        c.request("POST", "/v1/completions", json.dumps({"prompt": problem(0), "stream": True}))
        r = c.getresponse()
        first = r.readline()
        ok("a stream comes through as it is written", first.startswith(b"data: ") and b"[DONE]" not in first and
           b"[DONE]" in r.read(), first)
        c.close()

        # ---- one of them is killed while both work ----
        kinds = [{"prompt": problem(i), "temperature": 1, "seed": i, "lace": {"threads": 4, "budget": 40, "return_threads": True}} for i in range(16)]
        want = [one.post("/v1/completions", k).json["choices"] for k in kinds]
        wrong, done, stop = [], [], threading.Event()

        def client(number):
            i = number
            while not stop.is_set():
                i = (i + 5) % len(kinds)
                a = ask(kinds[i])
                if a.status != 200 or a.json["choices"] != want[i]:
                    wrong.append((a.status, a.text[:300]))
                done.append(time.monotonic())
        workers = [threading.Thread(target=client, args=(i,)) for i in range(12)]
        for w in workers:
            w.start()
        time.sleep(1)
        both = [served(one), served(two)]
        killed = time.monotonic()
        two.process.kill()
        two.process.wait()
        time.sleep(2)
        stop.set()
        for w in workers:
            w.join()
        after = sum(t > killed for t in done)
        same(f"of {len(done)} answers, {after} after a replica was killed, none is lost or wrong", wrong, [])
        ok("both had worked", min(both) > 8 and after > 12, (both, after))
        with Server("--port", str(two.port)) as back:
            time.sleep(1.5) # fail_timeout
            for i in range(24):
                ask({"prompt": problem(i), "max_tokens": 2})
            ok("one that comes back is used again", served(back) >= 3, served(back))
    finally:
        proxy.terminate()
        proxy.wait(20)

finish()
