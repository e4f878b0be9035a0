"""Traced requests: the trace is that of `lace run --trace`, changes no byte of the answer, and shows that groups that
run at once draw exactly nothing from each other."""
import concurrent.futures
from harness import *

# Attention's log sum exp is a 32-bit number and sums in another order than the trace; the products are of 16 bits.
CLOSE = 1e-3
TRACED = {"threads": 4, "trace": True, "return_threads": True}
SECRETS = [f"The password is SALT. {PROBLEM}", f"The password is PEPPER. {PROBLEM}"]


def check_masses(name, trace, threads):
    wrong = []
    for n, t in enumerate(trace["threads"]):
        for i, drawn in enumerate(t["from"]):
            if len(drawn) != threads or min(drawn) < 0 or drawn[n] != 0 or sum(drawn) > 1 + CLOSE:
                wrong.append((n, i, drawn))
    same(name + ": what a token drew", wrong, [])
    same(name + ": mass from keys that are none of the group's", trace["elsewhere"], 0)
    ok(name + ": masses and sink are 1 together", trace["residue"] < CLOSE, trace["residue"])


with Server("--traces", "2") as s:
    run = lace_run(PROBLEM, "--trace")
    choice = s.complete(seed=1, lace=TRACED).json["choices"][0]
    trace = choice["lace"]["trace"]
    same("the trace of lace run", trace, run["trace"])
    check_masses("a group", trace, 4)
    ok("someone draws from someone", max(max(map(max, layer)) for layer in trace["flow"]) > 0.05, trace["flow"])
    same("pieces are the text", ["".join(t["pieces"]) for t in trace["threads"]],
         [t["text"] for t in choice["lace"]["threads"]])
    same("a gate for each layer", [g["layer"] for g in trace["gates"]], trace["layers"])
    plain = s.complete(seed=1, lace={"threads": 4, "return_threads": True}).json["choices"][0]["lace"]
    same("without it the same threads", plain["threads"], choice["lace"]["threads"])
    same("  and no trace", plain.get("trace"), None)

    # ---- a stream ----
    body = {"prompt": PROBLEM, "seed": 1, "lace": {"threads": 4, "trace": True}}
    same("a stream has it at the end", events_by_index(s.stream("/v1/completions", body))[0]["lace"]["trace"], trace)
    body["lace"]["stream_threads"] = True
    got = events_by_index(s.stream("/v1/completions", body))
    same("streamed threads have it with the last", [got[i]["lace"].get("trace") for i in range(4)],
         [None, None, None, trace])

    # ---- no lattice, one thread ----
    off = s.complete(seed=1, lace=dict(TRACED, lattice="off")).json["choices"][0]["lace"]["trace"]
    same("the lattice off: no layers", [off["layers"], off["flow"], off["gates"]], [[], [], []])
    same("  nothing is drawn", max(max(map(max, t["from"])) for t in off["threads"]), 0)
    one = s.complete(lace={"threads": 1, "trace": True}).json["choices"][0]["lace"]["trace"]
    same("a thread alone draws nothing", max(map(max, one["threads"][0]["from"])), 0)

    # ---- secrets ----
    both = s.complete(SECRETS, seed=5, max_tokens=60, lace=TRACED).json["choices"]
    for i, choice in enumerate(both):
        check_masses(f"two prompts at once, {i + 1}", choice["lace"]["trace"], 4)
        single = s.complete(SECRETS[i], seed=5, max_tokens=60, lace=TRACED).json["choices"][0]["lace"]
        same("  as alone", choice["lace"], single)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(s.complete, SECRETS[i % 2], seed=5, max_tokens=60, lace=TRACED) for i in range(6)]
        same("more than there is room for wait, and are the same",
             [a.result().json["choices"][0]["lace"] == both[i % 2]["lace"] for i, a in enumerate(asked)], [True] * 6)
    same("what is too large is refused", s.complete(n=3, lace={"trace": True}).status, 400)

    # ---- metrics ----
    groups = s.metric("lace_group_think_count")
    ok("group-think of every group", groups > 8, groups)
    ok("  is a share", 0 < s.metric("lace_group_think_late") < 1, s.metric("lace_group_think_late"))
    mass = s.metric("lace_cross_thread_mass_sum") / s.metric("lace_cross_thread_mass_count")
    ok("cross-thread mass of traced ones", 0.1 < mass <= 1 and s.metric("lace_cross_thread_mass_count") < groups, mass)
    before = s.metric("lace_group_think_count")
    s.complete()
    s.complete(lace={"threads": 1})
    same("a continuation, or a thread alone, is no group", s.metric("lace_group_think_count"), before)

with Server("--warn-group-think", "0.2", "--warn-disagreement", "1") as s:
    EASY = "Find g (each from 1 to 8, mod 11): g*9+3=1."
    WARNING = "lace: warning: the threads of the last groups wrote much the same"
    for i in range(12): # two threads that solve one equation without seeing each other: a third of their words are alike
        if i == 7:
            same("seven groups are no reason to warn", s.log().count("warning"), 0)
        s.complete(EASY, lace={"threads": 2, "lattice": "off"})
    ok("they are alike", s.metric("lace_group_think_late") > 0.2, s.metric("lace_group_think_late"))
    ok("a warning past the threshold", s.until(lambda: WARNING in s.log()), s.log())
    same("  once", s.log().count("warning"), 1)

with Server("--traces", "0") as s:
    answer = s.complete(lace={"trace": True})
    same("no traces here", [answer.status, answer.error()["param"]], [400, "lace.trace"])
finish()
