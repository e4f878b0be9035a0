#!/usr/bin/env python3
"""Writes the tables of the documents from the results that lie beside the models.

    scripts/findings.py             between `<!-- NAME -->` and `<!-- / -->` of each document below, what NAME's table says now
    scripts/findings.py --check     changes nothing; exit 1 where a document says something else (a test runs this)

scripts/evaluate.sh prints the results. Text around the tables is written by hand."""
import json
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOCUMENTS = ["docs/findings.md", "README.md", "models/lace-families/README.md"]
RESULTS = os.path.join(ROOT, "models/lace-%s/results")

ARMS = {
    "independent": "independent, vote",
    "trained": "independent, the weights of isolated, vote",
    "isolated": "isolated (work divided by tags)",
    "exchange": "exchange (lines pasted as text), vote",
    "exchange:tagged": "exchange, the weights of isolated",
    "serial": "one serial thread, four times the rounds",
    "lace": "**lace, own verdict**",
    "muted": "lace, gates forced shut",
    "foreign": "lace, threads of another problem",
}
VIEWS = {
    "lace": "all that the others have written (trained with)",
    "lace:window:51": "the last 51 tokens of each",
    "lace:window:17": "the last 17 tokens of each",
    "lace:aligned": "the token at the same step",
    "lace:hasty": "all; verdicts are not kept back until all can be given",
}

CHANGES = {
    "reference": "reference: causal, layers 1 to 3, width 64, tied, alpha 1, gate 0.2, joint training by Muon",
    "aligned": "sees only the same step (`aligned`)",
    "window-17": "sees the last 17 tokens",
    "full": "full collaboration instead of the lattice (the backbone's own projections, width 128)",
    "layer-2": "one lattice layer (2)",
    "layers-2-3": "two lattice layers (2, 3)",
    "layers-all": "lattice in all four layers",
    "width-16": "width 16, one head",
    "untied": "projections not tied at the start",
    "alpha-0": "alpha starts at 0",
    "alpha-0-untied": "alpha starts at 0, projections not tied",
    "gate-half": "gate starts at 0.5",
    "gate-shut": "gate starts at 0.01",
    "self": "a thread sees itself, too",
    "no-token-axis": "no rotary axis of tokens",
    "no-thread-axis": "no rotary axis of threads",
    "no-step-axis": "no rotary axis of steps",
    "shuffle": "threads in random order",
    "jitter": "threads start up to 16 tokens apart",
    "same-rate": "lattice at the backbone's rate, not twice it",
    "no-falsehoods": "no falsehoods in the data",
    "none-astray": "no thread ends astray",
    "collide": "threads collide in three of ten records (of product)",
    "no-interaction": "threads of the data do not use each other's finds",
    "never-shut": "gates never shut in training",
    "four-threads": "always four threads in training",
    "adamw": "AdamW (rate 2e-3) instead of Muon",
    "frozen": "backbone frozen",
    "cpt": "continued pre-training of the lattice alone, 100 steps, no fine-tuning",
    "cpt-sft": "fine-tuning after continued pre-training",
    "sampled": "no reward",
    "rl-0": "Lattice GRPO, weight of diversity 0",
    "rl-0.05": "Lattice GRPO, weight of diversity 0.05",
    "rl-0.3": "Lattice GRPO, weight of diversity 0.3",
}
SAMPLED = ["sampled", "rl-0", "rl-0.05", "rl-0.3"]


def there(name, model="families"):
    return os.path.exists(os.path.join(RESULTS % model, name + ".json"))


def load(name, model="families"):
    if not there(name, model):
        sys.exit("A document has a table of %s, whose results are not there: SET=%s scripts/evaluate.sh %s" % (name, model, name))
    with open(os.path.join(RESULTS % model, name + ".json")) as f:
        return json.load(f)


def share(arm, key="accuracy"):
    low, high = arm["ci" if key == "accuracy" else key + "_ci"]
    return "%.1f [%.1f, %.1f]" % (100 * arm[key], 100 * low, 100 * high)


def ahead(row):
    return "%.1f [%.1f, %.1f]" % (row["delta"]["points"], *row["delta"]["ci"])


def table(head, rows):
    lines = [head, ["---"] * len(head)] + rows
    return "\n".join("| " + " | ".join(str(c) for c in line) + " |" for line in lines)


COLUMNS = {
    "solved": share,
    "a thread alone": lambda a: "%.1f" % (100 * a["thread_accuracy"]),
    "tokens written + pasted": lambda a: "%.0f" % a["tokens"] + (" + %.0f" % a["fed"] if a["fed"] else ""),
    "lockstep tokens": lambda a: "%.0f" % a["steps"],
    "kB of keys and values": lambda a: "%.0f" % (a["memory"] / 1024),
    "wrong lines": lambda a: "%.1f %%" % (100 * a["wrong_steps"]),
}


def arms(result, columns):
    return table(["arm", *columns], [[name, *(COLUMNS[c](result["arms"][key]) for c in columns)]
                                     for key, name in ARMS.items() if key in result["arms"]])


def verdict(result, columns):
    return (arms(result, columns) +
            "\n\nAhead of the best parallel arm (%s) by %s points." % (result["delta"]["against"], ahead(result)))


def headline():
    return verdict(load("headline"), COLUMNS)


def families():
    result = load("headline")
    keys = [key for key in ARMS if key in result["arms"]]
    rows = [["%s %s" % (r["family"], r["difficulty"])] + ["%.1f" % (100 * r["arms"][key]["accuracy"]) for key in keys] + [ahead(r)]
            for r in result["rows"] if r.get("family")]
    return table(["", *keys, "ahead by"], rows)


def seeds():
    result = load("seeds")
    keys = ["independent", "isolated", "exchange", "lace"]
    rows = []
    for r in result["rows"]:
        if r.get("model") and not r.get("family"):
            seed = re.search(r"-(\d+)/", r["model"])
            rows.append(["seed " + seed[1] if seed else "the shipped model"] +
                        ["%.1f" % (100 * r["arms"][k]["accuracy"]) for k in keys[:3]] + [share(r["arms"]["lace"])])
    rows.append(["**all**"] + [share(result["arms"][k]) for k in keys])
    each = ["%s %s" % (r["family"], ahead(r)) for r in result["rows"] if r.get("family") and not r.get("model")]
    return (table(["", *keys], rows) + "\n\nAhead of the best parallel arm (%s) by %s points, an interval over problems and seeds. By family, over "
            "the seeds: %s." % (result["delta"]["against"], ahead(result), ", ".join(each)))


def few(*names):
    """The three arms of rows that have no more."""
    rows = []
    for name, title in names:
        if there(name):
            r = load(name)
            rows.append([title] + [share(r["arms"][k]) for k in ("independent", "isolated", "lace")] + [ahead(r), "%.0f" % r["arms"]["lace"]["steps"]])
    return table(["", "independent", "isolated", "lace", "ahead by", "lockstep tokens"], rows)


def threads():
    return few(*[("headline" if n == 4 else "threads-%d" % n, "%d threads" % n) for n in (2, 4, 8, 16)])


def beyond():
    return few(("untrained", "`toll`, never trained"), ("harder", "search, chain, countdown, knights, product at 5"),
               ("harder-4", "program, fare, bill, tab, loan, levy at 4"), ("program-5", "programs, five threads"))


def contagion():
    rows = []
    for kind, what in (("claim", "a false claim"), ("step", "a wrong step"), ("verdict", "a false verdict")):
        for name in ("false-", "rare-"):
            if not there(name + kind):
                continue
            r = load(name + kind)
            lace, best = r["arms"]["lace"], max((r["arms"][k] for k in ("independent", "isolated")), key=lambda a: a["accuracy"])
            rows.append([what, "%.0f %%" % (100 * lace["injected"]), share(lace), share(best), ahead(r), share(lace, "believed"),
                         share(lace, "rejected")])
    return table(["made to write", "of the problems", "lace", "best of independent and isolated", "ahead by", "believed", "rejected"], rows)


def kinds():
    rows = [["%s" % r["arm"], r["problems"], "%.2f ± %.2f" % (r["kinds"], r["error"])] for r in load("kinds")]
    return table(["arm", "not solved", "kinds of errors in each (95 %)"], rows)


def grpo():
    results = [[r for r in load("grpo-%d" % t)["rows"] if r.get("model") and not r.get("family")] for t in (0, 1)]
    rows = [[title] + [share(r[i]["arms"]["lace"]) for r in results] for i, title in enumerate(("before", "after"))]
    return table(["", "greedy", "temperature 1"], rows)


def visible(model="families"):
    seen = load("visible", model)["arms"]
    return table(["in view", "solved"], [[title, share(seen[key])] for key, title in VIEWS.items() if key in seen])


def views():
    return visible("search")


def changes():
    """What scripts/ablate.sh printed, a line a row: its name, the seed, search, product, mean [interval], muted, coverage,
    diversity. A later line of the same row and seed stands for an earlier one."""
    with open(os.path.join(ROOT, "docs/ablation.txt")) as f:
        lines = [re.match(r"(\S+)\s+(\d\S*)\s+(\S+)\s+(\S+)\s+(\S+ \[.*\])\s+(\S+)\s+(\S+)\s+(\S+)", line) for line in f]
    return {m.group(1, 2): m.groups()[2:] for m in lines if m}


def ablation():
    found = changes()
    rows = []
    for name, title in CHANGES.items():
        runs = [] if name in SAMPLED else sorted(key for key in found if key[0] == name)
        rows += [["the same, seed " + key[1] if i else title, *found[key][:4]] for i, key in enumerate(runs)]
    return table(["", "search", "product", "mean", "muted"], rows)


def rewarded():
    found = changes()
    rows = [[CHANGES[key[0]], *found[key][:3], *found[key][4:]] for name in SAMPLED for key in sorted(found) if key[0] == name]
    return table(["", "search", "product", "mean", "a thread is right", "distance between threads"], rows)


def robustness():
    axes = load("robustness")["robustness"]
    columns = [(axis, key) for axis in axes for key in ("area", "score")]
    return table(["arm", *("%s over %s" % (key, axis["axis"]) for axis, key in columns)],
                 [[ARMS[arm], *(share(axis["arms"][arm], key) for axis, key in columns)] for arm in axes[0]["arms"]])


def readme():
    return arms(load("headline"), ["solved", "tokens written + pasted", "lockstep tokens"])


def search():
    return verdict(load("headline", "search"), ["solved", "a thread alone", "tokens written + pasted", "lockstep tokens"])


def searches():
    rows = (("threads-2", "2 threads"), ("threads-8", "8 threads, fewer rounds each"), ("threads-16", "16 threads, fewer still"),
            ("harder-5", "five equations"), ("harder-6", "six equations, more than any training problem has"),
            ("false-claim", "one thread forced to claim something false, in every problem"))
    results = [(title, load(name, "search")["arms"]) for name, title in rows]
    return table(["", "lace", "independent", "isolated"],
                 [[title, *(share(of[key]) for key in ("lace", "independent", "isolated"))] for title, of in results])


TABLES = [search, searches, views, headline, families, seeds, threads, beyond, contagion, kinds, grpo, visible, robustness, ablation, rewarded, readme]


def main():
    check, wrong = sys.argv[1:] == ["--check"], 0
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    for path in DOCUMENTS:
        with open(os.path.join(ROOT, path)) as f:
            old = f.read()
        new = old
        for make in TABLES:
            place = re.compile(r"(<!-- %s -->\n).*?(\n<!-- / -->)" % make.__name__, re.S)
            if place.search(new):
                new = place.sub(lambda m: m[1] + make() + m[2], new)
        if new == old:
            continue
        wrong += 1
        if check:
            print("%s: a table is not what the results say; run scripts/findings.py." % path, file=sys.stderr)
        else:
            with open(os.path.join(ROOT, path), "w") as f:
                f.write(new)
    sys.exit(1 if check and wrong else 0)


main()
