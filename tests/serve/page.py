"""The page at / as bytes: the files of src/serve/page are in the program, nothing in them refers to another place, and the
browser is told to let nothing else in."""
from harness import *

FOLDER = os.path.join(ROOT, "src", "serve", "page")
files = {name: open(os.path.join(FOLDER, name), encoding="utf-8").read() for name in sorted(os.listdir(FOLDER))}
types = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}

with Server("--api-key", "secret") as s:  # a browser that loads the page has no key
    for name, text in files.items():
        path = "/" if name == "index.html" else f"/{name}"
        a = s.get(path)
        ok(f"{path} is {name}", a.status == 200 and a.text == text, a.text[:200])
        same("  its type", a.headers["content-type"], types[name.rsplit(".", 1)[1]])
        policy = dict(part.strip().split(" ", 1) for part in a.headers["content-security-policy"].split(";"))
        same("  nothing but this server", [policy["default-src"], policy["script-src"], policy["style-src"], policy["connect-src"]],
             ["'none'", "'self'", "'self'", "'self'"])
        same("  no text becomes markup", [policy["require-trusted-types-for"], policy["trusted-types"]], ["'script'", "'none'"])
        same("  its other headers", [a.headers["x-content-type-options"], a.headers["referrer-policy"], policy["frame-ancestors"]],
             ["nosniff", "no-referrer", "'none'"])
        same("  without its body", [s.request("HEAD", path).status, s.request("HEAD", path).text], [200, ""])
        same("  it takes no body", [s.post(path, {}).status, s.post(path, {}, headers={"X-API-Key": "secret"}).status], [401, 405])
        addresses = [u for u in re.findall(r"\w+://[^\s\"'`)]+", text) if u != "http://www.w3.org/2000/svg"]
        same("  no address of another place in it", addresses, [])
    index = files["index.html"]
    named = re.findall(r'(?:src|href)="([^"]+)"', index)
    same("every file is part of the page, and the page has no others", sorted(named), sorted(set(files) - {"index.html"}))
    ok("no script in the markup", not re.search(r"<script(?![^>]* src=)|\son\w+=|\sstyle=", index), index)
    scripts = "".join(text for name, text in files.items() if name.endswith(".js"))
    ok("nothing parses markup", not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|Function\(|DOMParser|setTimeout\([\"'`]", scripts))
    ok("nothing is kept in the browser", not re.search(r"localStorage|sessionStorage|indexedDB|document\.cookie", scripts))
    ok("no script or style ends before its file does", not re.search(r"</(script|style)", scripts + files["style.css"]))
    labelled = set(re.findall(r'<label for="([^"]+)"', index))
    controls = re.findall(r'<(?:input|select|textarea)[^>]* id="([^"]+)"', index)
    same("every control has a label", [c for c in controls if c not in labelled and c not in ("trace", "file")], [])
    same("the rest of the server wants the key", [s.get(path).status for path in ("/v1/models", "/metrics", "/nowhere.js", "/index.html", "/../page.js")], [401] * 5)
    same("no such file", s.get("/index.html", headers={"X-API-Key": "secret"}).status, 404)

finish()
