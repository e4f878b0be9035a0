#!/usr/bin/env python3
"""CPU time of decoding and prefill beside llama.cpp, for machines where others work too.

    python3 -B scripts/bench_llama.py --bench PATH/llama-batched-bench --gguf FILE.gguf --dtype q8_0 [--threads 1,8] [--rounds 3]

One worker each, in turns. lace prints the CPU time of a step and of a prompt (`lace bench --json`); llama.cpp's is the
difference of two runs that differ in nothing but the tokens that they generate, or read. The ratio of a round is
llama.cpp's time over lace's; a clock would count what other programs take from either. FILE.gguf has the random shape
and the type (scripts/make_gguf.py). LACE names the program lace, else build/lace.
"""
import argparse, json, os, resource, statistics, subprocess

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--bench", required=True)
parser.add_argument("--gguf", required=True)
parser.add_argument("--dtype", required=True)
parser.add_argument("--threads", default="1,8")
parser.add_argument("--rounds", type=int, default=3)
args = parser.parse_args()
LACE = os.environ.get("LACE", "build/lace")
THEIRS = dict(LLAMA_ARG_LOAD_MODE="none", LLAMA_ARG_NO_MMAP="1", LLAMA_ARG_KV_UNIFIED="1",
              GLIBC_TUNABLES="glibc.malloc.hugetlb=1")


def llama(prompt, tokens, sequences):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([args.bench, "-m", args.gguf, "-npp", str(prompt), "-ntg", str(tokens), "-npl", str(sequences), "-pps",
                    "-c", "2048", "-b", "2048", "-ub", "512", "-t", "1", "-tb", "1"], env=dict(os.environ, **THEIRS),
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def lace(part, threads="1"):
    out = subprocess.run([LACE, "bench", part, "--dtype", args.dtype, "--threads", threads, "--workers", "1", "--quick",
                          "--json"], stdout=subprocess.PIPE, check=True).stdout
    figures = [f for f in json.loads(out)["figures"] if f["name"] == "cpu" and not f.get("lattice")]
    return {f["threads"]: f["value"] for f in figures}


ours, theirs = {}, {}
counts = [int(n) for n in args.threads.split(",")]
for _ in range(args.rounds):
    for n in counts:
        theirs.setdefault(n, []).append((llama(128, 36, n) - llama(128, 4, n)) / 32)
    for n, seconds in lace("decode", args.threads).items():
        ours.setdefault(n, []).append(seconds)
    theirs.setdefault("prefill", []).append(llama(576, 1, 1) - llama(64, 1, 1))
    ours.setdefault("prefill", []).append(lace("prefill")[1])
for what in counts + ["prefill"]:
    ratios = [t / o for t, o in zip(theirs[what], ours[what])]
    name = "prefill of 512" if what == "prefill" else f"a step of {what} thread{'s'[:what != 1]}"
    print(f"{args.dtype}  {name:20}  lace {1000 * statistics.median(ours[what]):7.1f} ms"
          f"   llama.cpp {1000 * statistics.median(theirs[what]):7.1f} ms"
          f"   ratio {statistics.median(ratios):5.2f}  ({min(ratios):.2f} .. {max(ratios):.2f})")
