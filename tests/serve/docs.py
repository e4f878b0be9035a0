"""The commands of docs/serving.md, to the letter: each is run against a server, and must be answered."""
from harness import *

with open(os.path.join(ROOT, "docs", "serving.md")) as f:
    text = f.read()
blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)
with Server() as s:
    for block in blocks:
        name = " ".join(block.split())[:70]
        if block.startswith("lace serve"):
            done = subprocess.run([LACE, *block.split()[1:], "--help"], capture_output=True, text=True)
            ok(name, done.returncode == 0, done.stderr)
            continue
        done = subprocess.run(["bash", "-c", block.replace("http://127.0.0.1:8080", s.address).replace("curl ", "curl -sSf ", 1)],
                              capture_output=True, text=True, timeout=60)
        ok(name, done.returncode == 0 and len(done.stdout) > 10 and '"error"' not in done.stdout, done)
        if "return_threads" in block:
            choice = json.loads(done.stdout)["choices"][0]
            said_keys = set(json.loads(re.search(r"^```json\n(.*?)^```$", text, re.M | re.S).group(1)))
            same("  what it says of itself is what the page says", set(choice["lace"]), said_keys)
            same("  and it is right", choice["lace"]["answer"], "6")
    ok("there are such commands", len(blocks) > 8, len(blocks))

    # the tables: every option, metric and field that they name is there, and every one that is there is named
    help_ = subprocess.run([LACE, "serve", "--help"], capture_output=True, text=True).stdout
    for option in sorted(set(re.findall(r"`(--[a-z-]+)", text))):
        ok(f"{option} is an option", re.search(rf"{option}\b", help_), option)
    for line in s.get("/metrics").text.splitlines():
        if line.startswith("# TYPE"):
            has(f"{line.split()[2]} is explained", text, line.split()[2])
    source = open(os.path.join(ROOT, "src", "serve", "openai_ask.c")).read()
    fields = re.findall(r'"(\w+)"', re.search(r"static void take_lace.*?known\[\] = \{(.*?)NULL", source, re.S).group(1))
    for field in fields:
        has(f"lace.{field} is explained", text, f"| `{field}` |")

finish()
