"""The page in a browser (`make check-page`): Chromium without a window does what a person would, against a live server
with the shipped model. PICTURE=FILE keeps a picture of a traced run, which docs/page.png is."""
import copy

from browser import Browser, CHROMIUM
from harness import *

if not CHROMIUM:
    print("1..0 # SKIP there is no chromium; scripts/deps.sh page installs it")
    sys.exit(1)

FOUR = "Find t (each from 1 to 8, mod 13): q*5+7=9, r*4+q=10, s*11+r=6, t*2+s=12."
ABOUT = "document.getElementById('model').textContent.includes('lace-search')"


def columns(b, run=0):
    """What a run shows: the thread, its verdict and its text, in the order of the page."""
    return b.value(f"""[...document.querySelectorAll(".run")[{run}].querySelectorAll(".column")].map((c) => [
        Number(c.querySelector(".number").textContent), c.querySelector(".verdict").textContent,
        [...c.querySelectorAll(".text span:not(.later)")].map((t) => t.textContent).join("")])""")


def expected(run, traced=False):
    """The same of what lace run printed: the picked thread first."""
    order = sorted(range(len(run["threads"])), key=lambda n: n != run["picked"])
    return [[n + 1, t["verdict"] + (", out of tokens" if t["cut"] else ""), t["text"] if traced else said(t)]
            for n, t in ((n, run["threads"][n]) for n in order)]


def text(b, selector):
    return b.value(f"document.querySelector({json.dumps(selector)})?.textContent ?? null")


def ended(b, count=1):
    return b.until(f"document.querySelectorAll('.run[data-state=done]').length === {count} && document.getElementById('stop').hidden")


def load(b, run, folder_):
    path = os.path.join(folder_, "run.json")
    with open(path, "w" if isinstance(run, str) else "wb") as f:
        f.write(run)
    b.value("document.getElementById('complaint').textContent = ''")
    b.value("document.querySelectorAll('.run').forEach((run) => { run.dataset.old = true; })")
    b.choose_file("#file", path)
    if not b.until("document.getElementById('complaint').textContent || document.querySelector('.run:not([data-old]):not([data-state=runs])')", 10):
        raise RuntimeError("the page takes no file")


# ---- files that are no run ----
def changed(run, *path, value):
    run = copy.deepcopy(run)
    at = run
    for key in path[:-1]:
        at = at[key]
    if value is KeyError:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return json.dumps(run)


def hostile(traced):
    n, first = len(traced["threads"]), ("trace", "threads", 0)
    yield "nothing", "", "not JSON"
    yield "no text", b"\xff\xfe\0\0", "not JSON"
    yield "half of a run", json.dumps(traced)[:5000], "not JSON"
    yield "deep", "[" * 200000, "not JSON"
    for name, other in [("a number", "7"), ("null", "null"), ("a list", "[]"), ("a text", '"run"')]:
        yield name, other, "not an object"
    for name, path, value, part in [
        ("no threads", ("threads",), KeyError, "threads is not a list"),
        ("threads that are none", ("threads",), "four", "threads is not a list"),
        ("an empty list of threads", ("threads",), [], "threads is empty"),
        ("too many threads", ("threads",), traced["threads"] * 40, "too many"),
        ("a thread that is a number", ("threads", 1), 5, "threads[1] is not an object"),
        ("a text that is none", ("threads", 2, "text"), {}, "threads[2].text is not a text"),
        ("a verdict of another kind", ("threads", 0, "verdict"), "<b>best</b>", "threads[0].verdict is none of"),
        ("a verdict that is an object's own name", ("threads", 0, "verdict"), "constructor", "threads[0].verdict"),
        ("a probability above 1", ("threads", 0, "p_best"), 3, "threads[0].p_best is 3"),
        ("tokens below 0", ("threads", 0, "tokens"), -1, "threads[0].tokens is -1"),
        ("half a token", ("threads", 0, "tokens"), 1.5, "not a whole number"),
        ("an answer that is none", ("answer",), ["3"], "answer is not a text"),
        ("a picked thread that is not there", ("picked",), n, f"picked is {n}"),
        ("a picked thread below 0", ("picked",), -1, "picked is -1"),
        ("a picked name", ("picked",), "__proto__", "picked is not a number"),
        ("settings that are none", ("settings",), 3, "settings is not an object"),
        ("usage that is none", ("usage",), [], "usage is not an object"),
        ("a trace that is none", ("trace",), "yes", "trace is not an object"),
        ("a trace of fewer threads", ("trace", "threads"), traced["trace"]["threads"][:2], "2 entries where 4 belong"),
        ("pieces that are none", (*first, "pieces", 3), 7, "pieces[3] is not a text"),
        ("fewer shares than pieces", (*first, "from"), [], "from has 0 entries"),
        ("a row of one share", (*first, "from", 2), [1], "from[2] has 1 entries"),
        ("a share below 0", (*first, "from", 2, 1), -0.5, "from[2][1] is -0.5"),
        ("a share that is a text", (*first, "from", 2, 1), "red; background: url(//evil)", "from[2][1] is not a number"),
        ("shares of more than 1", (*first, "from", 2), [0.9] * n, "more than 1"),
        ("gates of another length", (*first, "gate"), [0.5], "gate has 1 entries"),
        ("a gate above 1", (*first, "gate", 0), 9, "gate[0] is 9"),
        ("times that go back", (*first, "time", 5), 0, "time[5] does not come after"),
        ("a time without end", (*first, "time", 5), 1e300, "time[5] is"),
        ("a flow of fewer layers", ("trace", "flow"), traced["trace"]["flow"][:1], "trace.flow has 1 entries"),
        ("a flow of fewer threads", ("trace", "flow", 0, 1), [1], "trace.flow[0][1] has 1 entries"),
        ("a flow of texts", ("trace", "flow", 0, 1, 2), "1", "trace.flow[0][1][2] is not a number"),
        ("layers below 0", ("trace", "layers", 0), -3, "trace.layers[0] is -3"),
        ("influence of fewer threads", ("trace", "influence"), {"mean": [[0]]}, "trace.influence.mean has 1 entries"),
        ("gates of layers without a mean", ("trace", "gates", 0, "mean"), None, "trace.gates[0].mean is not a number"),
        ("agreement that is a text", ("trace", "agreement"), "all", "trace.agreement is not a list"),
    ]:
        yield name, changed(traced, *path, value=value), part
    yield "a number beyond all numbers", json.dumps(traced).replace('"p_best": ', '"p_best": 1e999, "other": ', 1), "not a number"
    yield "no runs", '{"runs": []}', "runs is empty"
    yield "runs that are none", '{"runs": {"length": 1}}', "runs is not a list"
    yield "three runs", json.dumps({"runs": [traced] * 3}), "3 entries"
    yield "a run among runs", json.dumps({"runs": [traced, None]}), "not an object"


traced = lace_run(FOUR, "--threads", 4, "--trace")
plain = lace_run(FOUR, "--threads", 4)
off = lace_run(FOUR, "--threads", 4, "--lattice", "off")

with folder() as where, Server() as s, Browser() as b:
    b.size(1360, 900)
    b.open(s.address + "/")
    ok("the page comes up and knows the model", b.until(ABOUT))

    # ---- a run ----
    b.set("#problem", FOUR)
    b.set("#pace", "60")
    b.click("#run")
    ok("the threads write side by side", b.until("""(() => { const c = [...document.querySelectorAll(".run[data-state=runs] .text")].map((t) =>
        t.querySelectorAll("span:not(.later)").length); return c.length === 4 && c.every((n) => n > 5 && n < 100); })()"""))
    ok("it ends", ended(b))
    same("columns, verdicts and texts are those of lace run, the picked thread first", columns(b), expected(plain))
    same("the picked thread is marked", b.value("document.querySelectorAll('.column.picked').length"), 1)
    has("the answer is told", text(b, ".answer"), f"Answer {plain['answer']} right thread {plain['picked'] + 1} was picked")
    has("  and said to who cannot see it", text(b, "#news"), f"Answer {plain['answer']}")
    has("what it cost", text(b, ".cost"), f"{plain['usage']['completion_tokens']} tokens")
    b.value("(() => { const r = document.querySelector('.replay input'); r.value = 10; r.dispatchEvent(new Event('input')); })()")
    same("the slider goes back", {len(c[2]) < len(said(plain["threads"][c[0] - 1])) for c in columns(b)}, {True})
    same("  to a step of all", b.value("[...document.querySelectorAll('.column')].map((c) => c.querySelectorAll('.text span:not(.later)').length)"), [10] * 4)
    same("  before any verdict", [c[1] for c in columns(b)], ["10"] * 4)
    same("  in the threads' own order", [c[0] for c in columns(b)], [1, 2, 3, 4])
    b.set("#pace", "0")
    b.click(".replay .play")
    b.until("document.querySelector('.run[data-state=done]')")
    same("replayed", columns(b), expected(plain))

    # ---- a trace ----
    b.click("#trace")
    b.click("#run")
    ok("a traced run", ended(b) and b.until("document.querySelector('.flow')"))
    same("the same texts, verdicts among the tokens", columns(b), expected(traced, True))
    cells = b.value("[...document.querySelectorAll('.flow tbody tr')].map((r) => [...r.querySelectorAll('td')].map((c) => c.textContent))")
    flow = traced["trace"]["flow"]
    mean = [[sum(layer[n][m] for layer in flow) / len(flow) for m in range(4)] for n in range(4)]
    ok("the flow matrix has the trace's numbers", all(cells[n][m] == "–" if m == n else abs(float(cells[n][m]) - 100 * mean[n][m]) < 0.6
                                                      for n in range(4) for m in range(4)), (cells, mean))
    ok("  whose rows come to 100", all(abs(sum(float(c) for c in row if c != "–") - 100) < 2.5 for row in cells), cells)
    b.click(".figures .choice label:nth-of-type(3) span")
    cell = float(b.value("document.querySelectorAll('.flow tbody tr')[0].querySelectorAll('td')[1].textContent"))
    ok("  of one layer, too", abs(cell - 100 * flow[1][0][1]) < 0.6, (cell, flow[1][0][1]))
    same("lines: a gate for each thread, agreement, diversity", b.value("[...document.querySelectorAll('.chart')].map((c) => c.querySelectorAll('.line').length)"), [4, 2, 1])
    ok("  that are drawn", b.value("[...document.querySelectorAll('.chart .line')].every((l) => l.getAttribute('d').length > 100 && !/NaN|Infinity/.test(l.getAttribute('d')))"))
    ok("every token has its strip", b.value("[...document.querySelectorAll('.text span')].every((t) => t.style.backgroundImage.startsWith('linear-gradient'))"))
    thread, token = 2, 40
    spot = b.value(f"""(() => {{ const t = document.querySelectorAll(".text")[1].children[{token}]; t.scrollIntoView({{block: "center"}});
        const r = t.getClientRects()[0]; return [r.x + r.width / 2, r.y + r.height / 2]; }})()""")
    b.point(spot)
    b.until("!document.getElementById('tip').hidden")
    row = traced["trace"]["threads"][0]["from"][token]
    most = max(range(4), key=lambda m: row[m])
    has("the pointer tells a token's shares", text(b, "#tip tr") or "", f"thread {most + 1}")
    has("  and its step", text(b, "#tip"), f"step {traced['trace']['threads'][0]['time'][token] + 1} ")
    ok("  the same step is marked in every thread", b.value("document.querySelectorAll('.text .chosen').length") == 4)
    b.point([5, 5])
    ok("  until it leaves", b.until("document.getElementById('tip').hidden"))
    b.value("document.querySelectorAll('.text')[0].focus()")
    b.key("ArrowLeft", 37)
    b.key("ArrowLeft", 37)
    has("the keys walk over the tokens, and the page says where", text(b, "#news"), "drew most from thread")
    b.key("Escape", 27)
    ok("  Escape ends it", b.value("document.getElementById('tip').hidden"))
    b.click(".figures .choice label:nth-of-type(1) span")
    if os.environ.get("PICTURE"):
        height = b.value("document.scrollingElement.scrollHeight")
        b.size(1240, height)
        b.value("[document.activeElement.blur(), scrollTo(0, 0)]")
        time.sleep(0.5)
        b.point(b.value("(() => { const r = document.querySelectorAll('.text')[1].children[21].getClientRects()[0]; return [r.x + 3, r.y + 5]; })()"))
        time.sleep(0.3)
        b.picture(os.environ["PICTURE"])
        b.point([5, 5])
        b.size(1360, 900)

    # ---- saving and loading ----
    b.click("#save")
    name, saved = b.downloaded()
    ok("a run is saved", name == "lace-on-seed-1.json" and json.loads(saved)["trace"] == traced["trace"], name)
    seen = b.value("document.getElementById('runs').innerText")
    b.set("#problem", "another")
    load(b, saved, where)
    same("loaded again it looks the same", b.value("document.getElementById('runs').innerText"), seen)
    same("  with its problem", b.value("document.getElementById('problem').value"), FOUR)
    b.click("#save")
    same("  and is saved as the same bytes", b.downloaded()[1], saved)
    load(b, json.dumps(plain), where)
    same("what lace run --json prints can be loaded", [[c[1], c[2]] for c in columns(b)], [[c[1], c[2].strip()] for c in expected(plain)])
    load(b, json.dumps(traced), where)
    same("and what lace run --trace --json prints", columns(b), expected(traced, True))
    ok("  with its matrix", b.value("document.querySelectorAll('.flow .cell').length") == 16)

    # ---- side by side ----
    b.set("#problem", FOUR)
    b.click("#trace")
    b.click("#compare")
    ok("a comparison ends", ended(b, 2))
    same("with the lattice", columns(b, 0), expected(plain))
    same("without it, the same seed", columns(b, 1), expected(off))
    for one, how in ((plain, "on"), (off, "off")):
        has(f"what lattice {how} answered", text(b, "#versus").lower(), f"lattice {how} answered {one['answer']} after ")
    b.click("#save")
    both = b.downloaded()[1]
    load(b, both, where)
    same("a comparison is saved and loaded", [columns(b, 0), columns(b, 1)], [expected(plain), expected(off)])
    has("  with its sentence", text(b, "#versus"), "; lattice off answered")

    # ---- settings reach the server ----
    b.set("#threads", "2"), b.set("#temperature", "0.9"), b.set("#seed", "7"), b.set("#visible", "window"), b.set("#window", "3")
    b.value("document.querySelector('input[name=lattice][value=on]').click()")
    b.key("Enter", 13, modifiers=2)
    ended(b)
    same("threads, temperature, seed and what is visible, run by Ctrl+Enter", columns(b),
         expected(lace_run(FOUR, "--threads", 2, "--temperature", 0.9, "--seed", 7, "--visible", "window:3")))
    b.set("#temperature", ""), b.set("#visible", ""), b.set("#budget", "20"), b.set("#seed", "1")
    b.click("#run")
    ended(b)
    has("out of tokens", columns(b)[0][1], "out of tokens")
    has("  and no answer", text(b, ".answer"), "No thread has an answer")

    # ---- sixteen threads, wide and narrow ----
    b.set("#threads", "16"), b.set("#budget", ""), b.value("document.getElementById('trace').click()")
    b.click("#run")
    ok("sixteen threads, traced", ended(b) and b.value("document.querySelectorAll('.flow .cell').length") == 256)
    b.value("document.getElementById('more').open = true")
    for width in (1360, 768, 390, 320):
        b.size(width, 800)
        same(f"nothing is wider than {width} points", b.value("document.scrollingElement.scrollWidth"), width)
    ok("a column holds a line of 30 letters", b.value("""(() => { const t = document.querySelector(".text"); const s = document.createElement("span");
        s.textContent = "x".repeat(30); t.prepend(s); const w = s.getClientRects().length; s.remove(); return w === 1; })()"""))
    b.size(1360, 900)

    b.set("#threads", "1")
    b.click("#run")
    ok("one thread alone, traced", b.until("document.querySelectorAll('.column').length === 1") and ended(b))
    same("  it drew from nobody", b.value("[document.querySelectorAll('.flow').length, document.querySelectorAll('.chart').length]"), [0, 1])
    b.set("#threads", "16")

    # ---- stopping ----
    b.set("#problem", HARD), b.set("#temperature", "3"), b.set("#budget", "1900"), b.value("document.getElementById('trace').click()")
    b.click("#run")
    b.until("[...document.querySelectorAll('.text')].every((t) => t.textContent.length > 10)")
    same("the focus is on Stop", b.value("document.activeElement.id"), "stop")
    b.click("#stop")
    ok("a run is stopped", b.until("document.querySelector('.run[data-state=stopped]')"))
    ok("  and frees the server", s.until(lambda: s.metric("lace_rows_taken") == 0))
    has("  what was written stays", text(b, ".answer"), "Stopped after")
    b.click("#save")
    load(b, b.downloaded()[1], where)
    has("  and can be saved", text(b, ".answer"), "Stopped after")

    # ---- text is text ----
    evil = copy.deepcopy(traced)
    evil["prompt"] = evil["answer"] = "<img src=x onerror=alert(1)><script>document.title='hacked'</script>"
    evil["threads"][0]["text"] = evil["prompt"]
    evil["trace"]["threads"][0]["pieces"][0] = evil["prompt"]
    load(b, json.dumps(evil), where)
    same("markup that a model wrote is text", b.value("[document.querySelectorAll('main img, main script').length, document.title]"), [0, "lace"])
    has("  and shown as it is", text(b, ".text"), "<img src=x onerror=alert(1)>") if evil["picked"] == 0 else \
        has("  and shown as it is", b.value("document.querySelectorAll('.text')[1].textContent"), "<img src=x onerror=alert(1)>")
    refused = b.value("""(() => { try { document.getElementById("news").innerHTML = "<b>x</b>"; return "set"; } catch (e) { return e.name; } })()""")
    same("the browser itself lets nothing become markup", refused, "TypeError")

    same("no complaints on the console", [c for c in b.complaints() if "TrustedHTML" not in c], [])
    same("nothing was asked of another host", [u for u in b.requests() if not u.startswith((s.address + "/", f"blob:{s.address}/", "about:"))], [])

    # ---- names for those who cannot see ----
    nodes = b.ask("Accessibility.getFullAXTree")["nodes"]
    nameless = [n["role"]["value"] for n in nodes if not n.get("ignored") and n.get("role", {}).get("value") in
                ("button", "textbox", "spinbutton", "combobox", "checkbox", "radio", "slider", "image", "group", "region")
                and not n.get("name", {}).get("value") and n["role"]["value"] != "group"]
    same("every control, picture and region has a name", nameless, [])

    # ---- files that are no run: a sentence each, and the page lives ----
    before = columns(b)
    for name, file, part in hostile(traced):
        load(b, file, where)
        sentence = text(b, "#complaint")
        ok(f"{name}: a sentence", part in sentence and sentence.startswith("The file is") and sentence.endswith("."), f"{part!r}: {sentence!r}")
    same("the run from before is still there", columns(b), before)
    same("no script failed over them", b.complaints(), [c for c in b.complaints() if "TrustedHTML" in c])

    # ---- what the server refuses ----
    b.set("#problem", "   ")
    b.click("#run")
    has("no problem", text(b, "#complaint"), "Write a problem first")
    b.set("#problem", FOUR), b.set("#threads", "4"), b.set("#budget", "999999"), b.set("#temperature", "")
    b.click("#run")
    b.until("document.getElementById('complaint').textContent.includes('budget')")
    has("what the server refuses, in its words", text(b, "#complaint"), "'lace.budget' is 999999")
    b.set("#budget", "-5")
    b.value("document.getElementById('more').open = false")
    b.click("#run")
    same("a number that cannot be is shown where it stands", b.value("[document.getElementById('more').open, document.activeElement.id]"), [True, "budget"])
    b.set("#budget", "")
    b.click("#run")
    ok("the next run is well", ended(b) and columns(b) == expected(plain), columns(b))
    same("  and the complaint is gone", b.value("document.getElementById('complaint').hidden"), True)
    s.stop(signal.SIGKILL)
    b.click("#run")
    b.until("!document.getElementById('complaint').hidden")
    has("a server that is gone", text(b, "#complaint"), "does not answer; is lace serve running?")

# ---- a run as a file of its own ----
def page_of(run, where, *options):
    path, out = os.path.join(where, "run.json"), os.path.join(where, "run.html")
    with open(path, "w") as f:
        f.write(run)
    done = subprocess.run([LACE, "inspect", path, "--html", out, *map(str, options)], capture_output=True, text=True)
    ok("lace inspect writes a page", done.returncode == 0 and not done.stdout, done.stderr)
    return "file://" + out


with folder() as where, Browser() as b:
    b.size(1360, 900)
    b.open(page_of(json.dumps(traced), where))
    ok("it shows the run without a server", b.until("document.querySelector('.run[data-state=done]')"))
    same("  the same view", columns(b), expected(traced, True))
    same("  matrix, lines, problem", [b.value("document.querySelectorAll('.flow .cell').length"), b.value("document.querySelectorAll('.chart .line').length"),
                                      text(b, ".prompt")], [16, 7, FOUR])
    same("  no form", b.value("document.getElementById('form').hidden"), True)
    b.click(".replay .play")
    ok("  it replays", b.until("document.querySelector('.run[data-state=runs]')") and b.until("document.querySelector('.run[data-state=done]')"))
    b.open(page_of(both.decode(), where))
    ok("a comparison", b.until("document.querySelectorAll('.run[data-state=done]').length === 2") and b.value("document.getElementById('versus') !== null"))
    b.open(page_of(json.dumps(evil), where))
    ok("markup in a run stays text", b.until("document.querySelector('.run[data-state=done]')") and
       b.value("[document.querySelectorAll('main img, main script').length, document.title]") == [0, "lace"])
    same("  to the letter", text(b, ".prompt"), evil["prompt"])
    b.open(page_of(json.dumps(traced), where, "--model", os.path.join(ROOT, "models", "lace-search")))
    b.until("document.querySelector('.run[data-state=done]')")
    same("with the model: what muting costs", b.value("document.querySelectorAll('.flow').length"), 2)
    b.open(page_of(changed(traced, "picked", value=99), where))
    b.until("!document.getElementById('complaint').hidden")
    has("a run that is wrong gets its sentence here, too", text(b, "#complaint"), "picked is 99")
    same("no complaints on the console", b.complaints(), [])
    same("nothing is loaded", {u for u in b.requests() if not u.startswith(("file://" + where, "about:"))}, set())

with Server("--api-key", "secret") as s, Browser() as b:
    b.size(1000, 800)
    b.open(s.address + "/")
    ok("a server with keys", b.until("document.getElementById('complaint').textContent.includes('API key')"))
    same("the field for the key is there and has the focus", b.value("[document.activeElement.id, document.getElementById('key').type]"), ["key", "password"])
    b.set("#key", "wrong")
    time.sleep(0.2)
    has("a wrong key", text(b, "#complaint"), "API key")
    b.set("#key", "secret")
    ok("the key opens it", b.until(ABOUT) and b.value("document.getElementById('complaint').hidden"))
    b.set("#problem", FOUR), b.set("#pace", "0")
    b.click("#run")
    ok("and a run", ended(b) and columns(b) == expected(plain), columns(b))
    b.click("#save")
    ok("the key is in no file", b"secret" not in b.downloaded()[1])
    same("nor kept", b.value("[localStorage.length, sessionStorage.length, document.cookie]"), [0, 0, ""])

finish()
