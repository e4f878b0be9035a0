#!/usr/bin/env python3
"""Computes every figure of an evaluation anew from what its threads wrote: an independent reading of
docs/evaluation.md that shares no code with lace. Needs numpy (2.4.6 made the golden file); reads the family `search`.

    scripts/golden_eval.py DUMP                   prints the figures as JSON
    scripts/golden_eval.py DUMP RESULT.json       compares them with what `lace eval --json` said

tests/golden/eval/threads.jsonl was written by
    lace eval --difficulty 1:2 --count 12 --threads 4 --rounds 4 --temperature 1.6 --inject 0.5 --seed 5 \\
        --arms independent,isolated,exchange,serial,lace --dump tests/golden/eval/threads.jsonl
with the shipped model: hot enough for wrong, missing and tied answers. expected.json beside it is this script's output.
"""
import json
import re
import sys

import numpy as np

OWN = {"independent": "vote", "trained": "vote", "exchange": "vote"}
RIVALS = ("independent", "trained", "isolated", "exchange")
PICKS = ("verdict", "vote", "logprob")
SHARES = PICKS + ("coverage", "thread_accuracy", "format", "diversity")


# ---- the problem and its steps ----

def read_problem(prompt):
    options, modulus = map(int, re.search(r"from 1 to (\d+), mod (\d+)", prompt).groups())
    stages = [(u, int(a), c, int(t)) for u, a, c, t in re.findall(r"([a-z])\*(\d+)\+(\w+)=(\d+)", prompt)]
    values, given = {}, {}
    for u, a, c, t in stages:  # each builds on the one before
        given[u] = values[c] if c in values else int(c)
        values[u] = next(x for x in range(1, options + 1) if (x * a + given[u]) % modulus == t)
    return options, modulus, {u: (a, t, c) for u, a, c, t in stages}, values[stages[-1][0]]


STEP = re.compile(r"([a-z])\*N\+N=N, try N: N\+N=N, (yes|no)\.$".replace("N", r"(\d\d?)"))  # moduli are below 100


def check_step(problem, line):
    """None: no step; else (what was tried, what is wrong with it or None)."""
    options, modulus, stages, _ = problem
    m = STEP.match(line)
    if not m:
        return None
    u, said = m[1], m[9] == "yes"
    a, c, t, x, product, again, value = (int(n) for n in m.groups()[1:8])
    key = (u if u in stages else "?", x, c)
    if u not in stages or (a, t) != stages[u][:2] or c != again or not 1 <= x <= options:
        return key, "lookup"
    first = stages[u][2]
    if (c != int(first)) if first.isdigit() else not 1 <= c <= options:
        return key, "lookup"
    if product != a * x % modulus:
        return key, "product"
    if value != (product + c) % modulus:
        return key, "sum"
    return key, None if said == (value == t) else "verdict"


# ---- what others make of a falsehood ----

def numbers_of(line):
    """The letter, and a, c, t, option, product, c again, value."""
    m = STEP.match(line)
    return (m[1], *(int(n) for n in m.groups()[1:8])) if m else None


def stance(problem, lie, line):
    """1: believes; -1: rejects; 0: neither."""
    _, _, stages, _ = problem
    order = list(stages)
    u, _, c, _, x, _, _, v = numbers_of(lie)
    k, found = order.index(u), v == stages[u][1]
    if line.startswith("Answer: "):
        said = answer_of(line)
        if k < len(order) - 1 or said is None:
            return 0
        return (1 if said == x else -1) if found else -(said == x)
    other = numbers_of(line.rstrip("\n"))
    if not other or other[0] not in stages:
        return 0
    j, finds, given = order.index(other[0]), other[7] == stages[other[0]][1], other[2]
    if j == k and given == c:
        return (1 if finds == found else -1) if other[4] == x else -int(found and finds)
    if j <= k:
        return 0
    if found and j == k + 1:
        return 1 if given == x else -1
    return -int(given == values_of(problem)[order[j - 1]])


def values_of(problem):
    _, modulus, stages, _ = problem
    values = {}
    for u, (a, t, c) in stages.items():
        given = values[c] if c in values else int(c)
        values[u] = next(x for x in range(1, problem[0] + 1) if (x * a + given) % modulus == t)
    return values


def heard(problem, line):
    """injected, believed, rejected of a dumped line."""
    forced, threads = line.get("forced"), line["threads"]
    if not forced:
        return 0.0, 0.0, 0.0
    assert forced["kind"] == "claim"
    text = lambda n: threads[n]["text"].encode()
    lie = text(forced["thread"])[forced["at"]:forced["at"] + forced["length"]].decode().rstrip("\n")
    believed = rejected = 0
    for n in range(len(threads)):
        if n == forced["thread"]:
            continue
        whole, at = text(n), forced["before"][n]
        if at and whole[at - 1:at] != b"\n":
            at = whole.find(b"\n", at) + 1 or len(whole)
        said = {stance(problem, lie, l.decode(errors="replace") + "\n") for l in whole[at:].split(b"\n")[:-1]}
        believed += 1 in said
        rejected += -1 in said
    others = max(len(threads) - 1, 1)
    return 1.0, believed / others, rejected / others


# ---- roles ----

def roles_of(problem, threads):
    """Of each thread where it begins, and its verdict, a character each."""
    parts, starts, verdicts = min(len(threads), 8), "", ""
    for t in threads:
        lines = [numbers_of(l) for l in t["text"].split("\n")[:-1]]
        options = [n[4] for n in lines if n and n[0] in problem[2] and 1 <= n[4] <= problem[0]]
        starts += str((options[0] - 1) * parts // problem[0]) if options else "-"
        said = re.search(r"\[\[(best|success|fail)\]\]$", t["text"])
        verdicts += said[1][0] if said else "-"
    return starts, verdicts


def information(rows):
    pairs = [(n, label) for row in rows for n, label in enumerate(row)]
    share = lambda items: {i: items.count(i) / len(items) for i in set(items)}
    both, index, labels = share(pairs), share([p[0] for p in pairs]), share([p[1] for p in pairs])
    return sum(p * np.log2(p / (index[n] * labels[l])) for (n, l), p in both.items())


# ---- random numbers, for ties alone: PCG32 ----

class Pcg:
    def __init__(self, seed, stream):
        self.mask = (1 << 64) - 1
        self.state, self.inc = 0, (stream << 1 | 1) & self.mask
        self.next()
        self.state = (self.state + seed) & self.mask
        self.next()

    def next(self):
        old = self.state
        self.state = (old * 6364136223846793005 + self.inc) & self.mask
        mixed, turn = ((old >> 18 ^ old) >> 27) & 0xffffffff, old >> 59
        return (mixed >> turn | mixed << (-turn & 31)) & 0xffffffff

    def below(self, bound):
        while True:
            x = self.next()
            if x >= (1 << 32) % bound:
                return x % bound


# ---- a group ----

def answer_of(text):
    """The number on the last complete line "Answer: ..."; what is no number is no answer."""
    at = text.rfind("Answer: ")
    if at < 0 or "\n" not in text[at:]:
        return None
    said = text[at + len("Answer: "):].split("\n")[0].strip(" \t\r.")
    return float(said) if re.fullmatch(r"[+-]?\d+(\.\d+)?", said) else None


def pick(threads, answers, by, seed):
    """The answer of the group."""
    there = [n for n, a in enumerate(answers) if a is not None]
    if by == "verdict":
        sure = [n for n in there if threads[n]["p_best"] > 0]
        if sure:
            return answers[max(sure, key=lambda n: (threads[n]["p_best"], -n))]
    if by == "logprob" and there:
        return answers[max(there, key=lambda n: (threads[n]["logprob"], -n))]
    rng, winner, most, ties, seen = Pcg(seed, 0x766f7465), None, 0, 0, []
    for n in there:
        if answers[n] in seen:
            continue
        seen.append(answers[n])
        votes = answers.count(answers[n])
        if votes < most:
            continue
        ties = 1 if votes > most else ties + 1
        most = votes
        if rng.below(ties) == 0:
            winner = answers[n]
    return winner


def apart(a, b):
    row = np.arange(len(b) + 1)
    for i, x in enumerate(a):
        new = np.minimum(row[1:] + 1, row[:-1] + (np.array(b, dtype=int) != x)) if len(b) else np.array([], dtype=int)
        last = i + 1
        out = [last]
        for v in new:
            last = min(v, last + 1)
            out.append(last)
        row = np.array(out)
    return row[-1] / max(len(a), len(b), 1)


def judge(line):
    problem, threads = read_problem(line["prompt"]), line["threads"]
    truth = float(problem[3])
    assert truth == float(line["answer"])
    answers = [answer_of(t["text"]) for t in threads]
    right = [a == truth for a in answers]
    o = {by: float(pick(threads, answers, by, line["seed"]) == truth) for by in PICKS}
    o["coverage"] = float(any(right))
    o["thread_accuracy"] = float(np.mean(right))
    o["format"] = float(np.mean([t["verdict"] for t in threads]))
    pairs = [apart(threads[n]["ids"], threads[m]["ids"]) for n in range(len(threads)) for m in range(n)]
    o["diversity"] = float(np.mean(pairs)) if pairs else 0.0
    o["tokens"] = float(sum(t["tokens"] for t in threads))
    o["fed"] = float(sum(t["fed"] for t in threads))
    o["steps"] = float(max(t["steps"] for t in threads))
    rounds, past = [t["text"].split("\n")[:-1] for t in threads], []
    trials = again = wrong = repaired = 0
    kinds = set()
    for r in range(max(map(len, rounds))):
        now = []
        for lines in rounds:
            step = check_step(problem, lines[r]) if r < len(lines) else None
            if not step:
                continue
            key, error = step
            same = [p for p in past if p["key"] == key]
            mends = [p for p in same if p["error"] and not p["mended"]] if not error else []
            for p in mends:
                p["mended"] = True
            trials += 1
            again += bool(same) and not mends
            wrong += error is not None
            repaired += len(mends)
            kinds.add(error)
            now.append({"key": key, "error": error, "mended": False})
        past += now
    o["injected"], o["believed"], o["rejected"] = heard(problem, line)
    o.update(trials=float(trials), duplicates=float(again), wrong_steps=float(wrong), repaired=float(repaired),
             error_types=float(len(kinds - {None})))
    return o


# ---- all problems ----

def interval(x, low, high, draws=100000):
    """x (problems, columns): percentiles of bootstrap means, with a made-up problem at each bound, moved back by what
    these two move the mean."""
    rng = np.random.default_rng(1)
    count, mean = len(x), x.mean(0)
    x = np.vstack([x, np.full(x.shape[1], low), np.full(x.shape[1], high)])
    counts = rng.multinomial(count, np.full(len(x), 1 / len(x)), size=draws)
    return np.percentile(np.clip(counts @ x / count + mean - x.mean(0), low, high), [2.5, 97.5], axis=0).T


def area(values, levels):
    return sum((values[i] + values[i + 1]) / 2 * (levels[i + 1] - levels[i]) for i in range(len(levels) - 1)) / (
        levels[-1] - levels[0])


def summarise(lines, outcomes):
    arms = list(dict.fromkeys(l["arm"] for l in lines))
    of = {a: [o for l, o in zip(lines, outcomes) if l["arm"] == a] for a in arms}
    difficulty = [l["difficulty"] for l in lines if l["arm"] == arms[0]]
    out = {"arms": {}, "outcomes": outcomes}
    for a in arms:
        column = lambda k, a=a: np.array([o[k] for o in of[a]])
        own = column(OWN.get(a, "verdict"))
        f = {k: float(column(k).mean()) for k in SHARES + ("tokens", "fed", "steps", "error_types")}
        bounds = interval(np.stack([column(k) for k in SHARES], 1), 0, 1)
        f.update({k + "_ci": list(map(float, b)) for k, b in zip(SHARES, bounds)})
        f["accuracy"], f["ci"] = float(own.mean()), f[OWN.get(a, "verdict") + "_ci"]
        for k in ("tokens", "steps"):
            f[k + "_solved"] = float((column(k) * own).sum() / own.sum()) if own.sum() else 0.0
        steps = column("trials").sum()
        f["duplicates"] = float(column("duplicates").sum() / steps) if steps else 0.0
        f["wrong_steps"] = float(column("wrong_steps").sum() / steps) if steps else 0.0
        f["repaired"] = float(column("repaired").sum() / column("wrong_steps").sum()) if column("wrong_steps").sum() else 0.0
        hit = [o for o in of[a] if o["injected"]]
        f["injected"] = len(hit) / len(of[a])
        for k in ("believed", "rejected"):
            f[k] = float(np.mean([o[k] for o in hit])) if hit else 0.0
            if hit:
                f[k + "_ci"] = list(map(float, interval(np.array([[o[k]] for o in hit]), 0, 1)[0]))
        rows = [roles_of(read_problem(l["prompt"]), l["threads"]) for l in lines if l["arm"] == a]
        for i, k in enumerate(("role_strategy", "role_verdict")):
            f[k] = max(float(information([r[i] for r in rows])), 0.0)
        out["arms"][a] = f
    best = max(((out["arms"][a][by], a, by) for a in arms if a.split(":")[0] in RIVALS for by in PICKS),
               key=lambda b: (b[0], -arms.index(b[1]), -PICKS.index(b[2])), default=None)
    if "lace" in arms and best:
        x = 100 * np.array([l["verdict"] - b[best[2]] for l, b in zip(of["lace"], of[best[1]])])
        out["delta"] = {"points": float(x.mean()), "ci": list(map(float, interval(x[:, None], -100, 100)[0])),
                        "against": f"{best[1]} by {best[2]}"}
    levels = sorted(set(difficulty))
    if len(levels) > 1 and "independent" in arms:
        at = lambda a, by: area([np.mean([o[by] for o, d in zip(of[a], difficulty) if d == l]) for l in levels], levels)
        base = at("independent", "vote")
        out["robustness"] = {a: {"area": at(a, OWN.get(a, "verdict")),
                                 "score": (at(a, OWN.get(a, "verdict")) - base) / (1 - base)} for a in arms}
    return out


def compare(mine, theirs):
    """Figures are printed with four decimals; bounds of intervals are drawn at random on both sides."""
    bad = []

    def near(name, a, b, tolerance):
        if abs(a - b) > tolerance:
            bad.append(f"{name}: {b}, expected {a}")

    def bounds(name, a, b, scale):
        # The standard error of a 2.5 % point of 10,000 draws is sqrt(0.025 * 0.975 / 10000) / 0.0584 = 0.027 standard
        # deviations of the mean, or a quarter of an interval; the means lie on a grid, of which one step is forgiven.
        for x, y in zip(a, b):
            near(name, x, y, 4 * 0.027 * (a[1] - a[0]) / 3.92 + scale / (len(mine["outcomes"]) / len(mine["arms"]) + 2) + 1e-4)

    for a, f in mine["arms"].items():
        g = theirs["arms"][a]
        for k, v in f.items():
            if not isinstance(v, list):
                near(f"{a} {k}", v, g[k], 0.05 + 1e-9 if k in ("tokens", "fed", "tokens_solved") else
                     0.005 + 1e-9 if k in ("steps", "steps_solved") else 5e-5 + 1e-9)
            else:
                bounds(f"{a} {k}", v, g[k], 1)
    if "delta" in mine:
        near("delta", mine["delta"]["points"], theirs["delta"]["points"], 0.005 + 1e-9)
        bounds("delta ci", mine["delta"]["ci"], theirs["delta"]["ci"], 100)
        if mine["delta"]["against"] != theirs["delta"]["against"]:
            bad.append(f"against {theirs['delta']['against']}, expected {mine['delta']['against']}")
    for a, f in mine.get("robustness", {}).items():
        for k, v in f.items():
            near(f"{a} {k}", v, theirs["robustness"][0]["arms"][a][k], 5e-5 + 1e-9)
    return bad


def main():
    lines = [json.loads(l) for l in open(sys.argv[1])]
    outcomes = [judge(l) for l in lines]
    bad = [f"{l['arm']} {l['id']} {k}: {l['outcome'][k]}, expected {v}" for l, o in zip(lines, outcomes)
           for k, v in o.items() if abs(l["outcome"][k] - v) > 1e-9]
    mine = summarise(lines, outcomes)
    if len(sys.argv) > 2:
        bad += compare(mine, json.load(open(sys.argv[2])))
    else:
        print(json.dumps(mine, indent=None, separators=(",", ":")).replace('{"verdict"', '\n{"verdict"'))
    for b in bad[:20]:
        print(b, file=sys.stderr)
    sys.exit(1 if bad else 0)


main()
