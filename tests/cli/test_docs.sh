# What the documents say is there: commands and their options, files, links, targets of make, test names. Whether they
# print what is said is for test_docs_data and test_serve_docs, which run the examples.
. tests/cli/tap
succeeds "documents name only what exists" python3 -B - "$LACE" <<'P'
import glob, os, re, subprocess, sys

lace, wrong, helps = sys.argv[1], [], {}
texts = {f: open(f, encoding="utf-8").read() for f in sorted(
    ["README.md", "CONTRIBUTING.md", "man/lace.1", *glob.glob("docs/*.md"), *glob.glob("models/*/README.md"),
     *glob.glob("recipes/**/*.yaml", recursive=True), *glob.glob("scripts/*.sh")])}
texts = {f: t.replace("\\|", "/") for f, t in texts.items()}  # alternatives in a table's cell
texts["man/lace.1"] = re.sub(r"\\f.|\n\.(B|I|BR|RI|RB|IR|TP|br)\b", " ", texts["man/lace.1"].replace("\\-", "-"))


def help_of(*command):
    if command not in helps:
        done = subprocess.run([lace, "help", *command], capture_output=True, text=True)
        helps[command] = done.stdout if done.returncode == 0 else None
    return helps[command]


commands = re.findall(r"^  ([a-z]+) ", help_of().split("commands:")[1].split("examples:")[0], re.M)
parts = re.findall(r"^  ([a-z]+) ", help_of("data"), re.M)
for name in [c for c in commands if c not in ("help", "data")]:
    texts["lace help " + name] = help_of(name).replace("\\\n", " ")
for name in parts:
    texts["lace help data " + name] = help_of("data", name).replace("\\\n", " ")

for where, text in texts.items():
    # A command line ends where another command, a comment, a cell of a table or the code does.
    for line in re.findall(r'(?:^|[\s`"/(])(?:lace|"\$LACE") ([a-z]+(?: [^\n`|;#&]*)?)', text.replace("\\\n", " ")):
        words = line.split()
        if words[0] not in commands or (words[0] == "data" and words[1:2] and words[1] not in parts):
            if re.match(r"(data [a-z]+|[a-z]+) --", line):
                wrong.append(f"{where}: there is no command: lace {line[:60]}")
            continue
        shown = help_of(*(words[:2] if words[0] == "data" and words[1:2] else words[:1]))
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", line):
            if option != "--help" and not re.search(rf"^ .*{option}\b(?!-)", shown, re.M):
                wrong.append(f"{where}: {option} is no option of lace {line[:60]}")
    if where.endswith(".md"):
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            if not os.path.exists(os.path.join(os.path.dirname(where), link)):
                wrong.append(f"{where}: the link {link} leads nowhere")
    if not where.startswith("lace "):
        for path in re.findall(r"(?<![\w./~-])(?:models|recipes|scripts|docs|src|tests|cli|include|man)/(?![\w./-]*[<*{$])[\w./-]*\w", text):
            if not os.path.exists(path) and not os.path.exists(os.path.join(os.path.dirname(where), path)):
                wrong.append(f"{where}: {path} is not there")
        for target in re.findall(r"`make ([a-z][a-z-]*)", text):
            if not re.search(rf"^{target}:|^\.PHONY:.*\b{target}\b", open("Makefile").read(), re.M):
                wrong.append(f"{where}: there is no make {target}")
        for test in re.findall(r"\bT=(test_\w+)", text):
            if not glob.glob(f"tests/*/{test}.*"):
                wrong.append(f"{where}: there is no test {test}")
print("\n".join(wrong))
sys.exit(bool(wrong))
P
succeeds "tables of documents are what the results say" python3 -B scripts/findings.py --check
finish
