"""Chromium without a window, spoken to over its DevTools pipe with the standard library alone: no driver, no WebSocket.
What a page asks of the network and complains of on its console is kept."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Browser:
    def __init__(self):
        self.folder = tempfile.mkdtemp()
        self.downloads = os.path.join(self.folder, "downloads")
        os.mkdir(self.downloads)
        to, out = os.pipe(), os.pipe()  # the browser reads its descriptor 3 and writes 4
        command = [CHROMIUM, "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={self.folder}/profile", "--no-first-run",
                   "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions", "--disable-sync",
                   "--disable-background-networking", "--disable-component-update", "--no-default-browser-check", "--hide-scrollbars",
                   "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--proxy-server=direct://", "about:blank"]
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        environment.update(HOME=self.folder, XDG_CONFIG_HOME=self.folder, XDG_CACHE_HOME=self.folder)
        self.log = open(f"{self.folder}/log", "w")
        self.process = subprocess.Popen(["/bin/sh", "-c", f'exec "$0" "$@" 3<&{to[0]} 4>&{out[1]}'] + command, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, env=environment, pass_fds=(to[0], out[1]))
        os.close(to[0])
        os.close(out[1])
        self.to, self.out, self.rest, self.count = to[1], out[0], b"", 0
        self.messages, self.answers = [], {}
        self.session = None
        target = next(t for t in self.ask("Target.getTargets")["targetInfos"] if t["type"] == "page")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        self.ask("Browser.setDownloadBehavior", behavior="allow", downloadPath=self.downloads)

    # ---- the pipe: JSON, a zero byte behind each ----
    def receive(self, seconds):
        end = time.monotonic() + seconds
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.out], [], [], max(0, end - time.monotonic()))
            if not ready:
                return None
            got = os.read(self.out, 1 << 20)
            if not got:
                raise RuntimeError("the browser ended: " + open(f"{self.folder}/log").read()[-2000:])
            self.rest += got
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def ask(self, method, seconds=60, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session and not method.startswith(("Target.", "Browser.")):
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            got = self.receive(end - time.monotonic())
            if got is None:
                break
            if got.get("id") == self.count:
                if "error" in got:
                    raise RuntimeError(f"{method}: {got['error']}")
                return got["result"]
            self.messages.append(got)
        raise RuntimeError(f"{method}: the browser did not answer")

    # ---- what a person does ----
    def open(self, address):
        self.ask("Page.navigate", url=address)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def value(self, script):
        """Of an expression, as JSON; a promise is waited for."""
        got = self.ask("Runtime.evaluate", expression=f"(async () => ({script}))()", awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in got:
            raise RuntimeError(f"{script}: {got['exceptionDetails'].get('exception', {}).get('description')}")
        return got["result"].get("value")

    def until(self, script, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.value(f"!!({script})"):
                    return True
            except RuntimeError:  # the page is just being replaced
                pass
            time.sleep(0.05)
        return False

    def click(self, selector):
        """With the pointer, in the middle of the element."""
        box = self.value(f"""(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: "center"}});
            const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()""")
        self.point(box, "mouseMoved")
        self.point(box, "mousePressed", button="left", clickCount=1)
        self.point(box, "mouseReleased", button="left", clickCount=1)

    def point(self, place, kind="mouseMoved", **more):
        self.ask("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], **more)

    def key(self, key, code=0, modifiers=0):
        text = {"Enter": "\r"}.get(key, "")
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, modifiers=modifiers,
                     **({"text": text} if text and kind == "keyDown" else {}))

    def set(self, selector, value):
        self.value(f"""(() => {{ const e = document.querySelector({json.dumps(selector)}); e.value = {json.dumps(value)};
            e.dispatchEvent(new Event("input", {{bubbles: true}})); e.dispatchEvent(new Event("change", {{bubbles: true}})); }})()""")

    def choose_file(self, selector, path):
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        node = self.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.ask("DOM.setFileInputFiles", nodeId=node, files=[path])

    def downloaded(self, seconds=20):
        """The bytes of the one file that was saved; it is removed."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            names = [n for n in os.listdir(self.downloads) if not n.endswith((".crdownload", ".tmp")) and not n.startswith(".")]
            if names:
                path = os.path.join(self.downloads, names[0])
                with open(path, "rb") as f:
                    got = f.read()
                os.remove(path)
                return names[0], got
            time.sleep(0.05)
        return None, b""

    # ---- how it looks ----
    def size(self, width, height, dark=False, scale=1):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                                                         {"name": "prefers-reduced-motion", "value": "reduce"}])

    def picture(self, path, whole=False, kind="png"):
        got = self.ask("Page.captureScreenshot", format=kind, captureBeyondViewport=whole)
        with open(path, "wb") as f:
            f.write(base64.b64decode(got["data"]))

    # ---- what it did ----
    def drain(self):
        while True:
            got = self.receive(0.2)
            if got is None:
                return self.messages
            self.messages.append(got)

    def requests(self):
        return [m["params"]["request"]["url"] for m in self.drain() if m.get("method") == "Network.requestWillBeSent"]

    def complaints(self):
        """Errors on the console, and scripts that failed."""
        out = []
        for m in self.drain():
            p = m.get("params", {})
            if m.get("method") == "Runtime.exceptionThrown":
                out.append(p["exceptionDetails"].get("exception", {}).get("description", str(p)))
            elif m.get("method") == "Runtime.consoleAPICalled" and p["type"] in ("error", "warning", "assert"):
                out.append(str(p["args"]))
            elif m.get("method") == "Log.entryAdded" and p["entry"]["level"] in ("error", "warning"):
                out.append(f"{p['entry']['text']} {p['entry'].get('url', '')}")
        return out

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.ask("Browser.close", seconds=5)
        except (RuntimeError, OSError):
            pass
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.to)
        os.close(self.out)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
