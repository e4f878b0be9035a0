#!/usr/bin/env python3
"""lace's tokenizer beside the package `tokenizers`: the same text and vocabularies, the same core, in turns.

  scripts/bench_tokenizers.py [--lace build/lace] [--rounds 5] [--core N]

`lace bench tokenizer` makes the text and trains the vocabularies; both then encode the text in the same pieces, and decode
the ids again. The library gets its fastest call (encode_batch_fast, no threads, which computes no offsets). Ids must be
equal in number; that they are equal is what tests/unit/test_tokenizer.c shows. Prints medians of the rounds and ratios.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
import tokenizers  # after the environment, which it reads once

PIECE = 4096
KINDS = [("SentencePiece-style", "sentencepiece.json"), ("byte-level", "bytes.json")]


def pieces(text):
    """As src/bench/tokenizer.c divides it: before a blank."""
    out, at = [], 0
    while at < len(text):
        end = len(text) if len(text) - at < PIECE else at + PIECE
        while end < len(text) and text[end:end + 1] != b" ":
            end += 1
        out.append(text[at:end].decode())
        at = end
    return out


def run_lace(lace, folder):
    command = [lace, "bench", "tokenizer", "--quick", "--json", "--files", folder]
    figures = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["figures"]
    return [{f["name"]: f["value"] for f in figures[i:i + 4]} for i in (0, 4)]


def run_library(folder, texts, size):
    out = []
    for _, name in KINDS:
        start = time.perf_counter()
        t = tokenizers.Tokenizer.from_file(os.path.join(folder, name))
        loaded = time.perf_counter()
        t.encode_batch_fast(texts, add_special_tokens=False)  # words are new once
        warm = time.perf_counter()
        ids = [e.ids for e in t.encode_batch_fast(texts, add_special_tokens=False)]
        encoded = time.perf_counter()
        for one in ids:
            t.decode(one, skip_special_tokens=False)
        decoded = time.perf_counter()
        out.append({"load": loaded - start, "encode": size / (encoded - warm), "decode": size / (decoded - encoded), "ids": sum(map(len, ids))})
    return out


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--lace", default="build/lace")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--core", type=int, help="run both on this core; by default the last one")
    o = options.parse_args()
    core = max(os.sched_getaffinity(0)) if o.core is None else o.core
    os.sched_setaffinity(0, {core})
    with tempfile.TemporaryDirectory() as folder:
        run_lace(o.lace, folder)
        text = open(os.path.join(folder, "text.txt"), "rb").read()
        texts, ours, theirs = pieces(text), [], []
        for _ in range(o.rounds):
            ours.append(run_lace(o.lace, folder))
            theirs.append(run_library(folder, texts, len(text)))
        print("%.1f MB in pieces of %d bytes, core %d, %d rounds; tokenizers %s" % (len(text) / 1e6, PIECE, core, o.rounds, tokenizers.__version__))
        for k, (kind, _) in enumerate(KINDS):
            assert all(a[k]["ids"] == b[k]["ids"] for a, b in zip(ours, theirs)), "other ids"
            for what, scale, unit in (("load", 1e3, "ms"), ("encode", 1e-6, "MB/s"), ("decode", 1e-6, "MB/s")):
                a, b = (statistics.median(r[k][what] for r in rows) * scale for rows in (ours, theirs))
                ratio = [y[k][what] / x[k][what] if what == "load" else x[k][what] / y[k][what] for x, y in zip(ours, theirs)]
                print("%-20s %-7s lace %8.1f %-5s tokenizers %8.1f %-5s ratio %6.2f  (%.2f .. %.2f)"
                      % (kind, what, a, unit, b, unit, statistics.median(ratio), min(ratio), max(ratio)))


if __name__ == "__main__":
    main()
