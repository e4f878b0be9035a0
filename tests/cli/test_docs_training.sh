# docs/training.md has every key that training reads and no other, with its limits and its default; its commands work.
. tests/cli/tap
. tests/cli/tiny
export OMP_WAIT_POLICY=passive
printf 'out: unset\ntokenizer: recipes/tokenizer.json\ndata: [{family: search}]\n' >"$work/pretrain.yaml"
printf 'out: unset\ninit: {model: models/lace-search/base, lattice: new}\ndata: [{family: search}]\n' >"$work/cpt.yaml"
printf 'out: unset\ninit: {model: models/lace-search, lattice: models/lace-search/lattice}\ndata: [{family: search, threads: 2, difficulty: 1, options: 2}]\n' >"$work/rl.yaml"
cat >"$work/keys.py" <<'P'
import glob, re, subprocess, sys

lace, work, what = sys.argv[1:]
wrong, rows = [], {}
for line in open("docs/training.md", encoding="utf-8"):
    cells = [c.strip() for c in line.split("|")[1:-1]]
    if len(cells) == 4 and re.fullmatch(r"`[\w.]+`", cells[0]):
        key = cells[0].strip("`")
        if key in rows:
            wrong.append(f"{key} has two rows")
        rows[key] = cells[1:3]


def keys_in_code():
    """The literals in calls that read a setting, and in calls of functions that hand a key on to one."""
    keys, typed = set(), r"lace_settings_(?:int|double|bool|string|choice|ints)"
    for path in glob.glob("src/train/*.c"):
        text = open(path, encoding="utf-8").read()
        helpers = re.findall(r"^static \w+ (\w+)\(struct lace_settings \*s, const char \*key\b", text, re.M)
        asked = re.findall(rf"\b({'|'.join([typed, *helpers])})\(\s*(?:s|&r->settings),\s*([^,]+),", text)
        if len(re.findall(rf"\b{typed}\(", text)) != sum(reader.startswith("lace_") for reader, _ in asked):
            wrong.append(f"{path} reads settings in a way that this test does not see")
        for _, key in asked:
            literal = re.fullmatch(r'(KEY\()?"([\w.]+)"\)?', key)
            if literal:
                keys.add("data.N." * bool(literal[1]) + literal[2])
            elif key != "key" or not helpers:
                wrong.append(f"{path} reads the setting {key}, whose name this test does not see")
    return keys


def stage_of(key):
    return {"lattice": "cpt", "rl": "rl"}.get(key.split(".")[0], "pretrain")


def must_be(key):
    """What the program says of a value that cannot be; nothing of a text. A last key that is none ends every run."""
    sets = [f"out={work}/none", key.replace(".N.", ".0.") + "=@", "no.such.key=1"]
    said = subprocess.run([lace, "train", stage_of(key), "--config", f"{work}/{stage_of(key)}.yaml",
                           *(a for s in sets for a in ("--set", s))], capture_output=True, text=True).stderr
    found = re.search(r' must be (.*), not "@"\.$', said, re.M)
    return found[1] if found else ""


def numbers(text):
    return [float(n) for n in re.findall(r"\d[\d.]*(?:e[+-]?\d+)?", text)][-2:]


if what == "keys":
    code = keys_in_code()
    wrong += [f"{key} is read and has no row" for key in sorted(code - set(rows))]
    wrong += [f"{key} has a row and is not read" for key in sorted(set(rows) - code)]
elif what == "limits":
    for key, (_, limits) in rows.items():
        must, page = must_be(key), numbers(limits)
        same = must == limits  # true or false, names
        if " from " in must:  # the tokenizer's size is no number of the page
            whole = not re.search(r"\d\.\d|\de", limits)
            same = page and page == numbers(must)[-len(page):] and whole == ("whole" in must)
        elif not must:
            same = not page
        if not same:
            wrong.append(f"{key}: its limits are '{limits}', and the program says '{must}'")
else:  # the defaults that a stage alone reads, where they are a value
    for key, (default, _) in rows.items():
        if stage_of(key) == what and key != "steps" and re.fullmatch(r"`[^`]+`", default):
            print("--set\n" + key.replace(".N.", ".0.") + "=" + default.strip("`"))
print("\n".join(wrong), end="")
sys.exit(bool(wrong))
P
page() { python3 -B "$work/keys.py" "$LACE" "$work" "$1" 2>&1; }
empty "every key has its row, and every row its key" "$(page keys)"

# Two steps with the defaults as they are, and with those of the page written out.
default() {
    mapfile -t sets < <(page "$1")
    run() { "$LACE" train "$1" --workers 2 --config "$work/$1.yaml" --set steps=2 --set out="$work/$2" "${@:3}" >"$work/log" 2>&1 || tail -n 1 "$work/log"; }
    empty "the defaults of $1" "$([ ${#sets[@]} -gt 10 ] || echo "none is read"; run "$1" as-it-is; run "$1" written "${sets[@]}"; diff -r "$work/as-it-is/model" "$work/written/model" 2>&1)"
    rm -rf "$work/as-it-is" "$work/written"
}
if with_shipped "limits" "defaults" "the commands work" "and make a model"; then
    empty "limits are the program's" "$(page limits)"
    for stage in pretrain cpt rl; do default $stage; done
    awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' docs/training.md >"$work/blocks.sh"
    mkdir "$work/bin" "$work/here"
    ln -s "$LACE" "$work/bin/lace"
    ln -s "$PWD/models" "$PWD/recipes" "$work/here"
    succeeds "the commands work" env PATH="$work/bin:$PATH" bash -c 'cd "$0" && set -e && . ../blocks.sh >../said' "$work/here"
    like "and make a model" "$(cat "$work/said")" "^[1-8]$"
fi
finish
