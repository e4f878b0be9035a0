#!/usr/bin/env python3
"""lace beside PyTorch and Transformers: the same model, batch and machine, bf16 on both sides, in turns.

  scripts/bench_torch.py [--lace build/lace] [--model models/lace-search/base] [--rounds 5] [--sequences 64] [--workers N]

The environment, with any Python from 3.10 on (measured with torch 2.15.0, transformers 5.23.0):
  python3 -m venv venv && venv/bin/pip install torch transformers && make bench BENCH_TORCH=venv/bin/python

Training: `lace bench train` takes steps of recipes/base.yaml, packed groups of several lengths. PyTorch takes steps of as
many tokens with the same architecture: f32 weights under autocast to bf16, scaled dot product attention, fused AdamW,
clipping; every sequence has the recipe's mean length, so that nothing is padded; eager or torch.compile, whichever is
faster here. Rollouts: `lace bench decode` of groups of 4 threads, and the model's own rollouts in a step of
recipes/rl.yaml (lattice, sampling, grading and prompts included); against `generate` with as many sequences, sampling,
nobody stopping early: every token that it makes counts, its prompts' time does not count against `lace bench decode`.
Each round measures both, one after the other, in an order that changes; ratios are of a round. Prints medians, and the
least and the most of the ratios.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # neither may spin while the other works
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
warnings.filterwarnings("ignore")
import torch
import transformers

PROMPT, NEW, THREADS = 128, 128, 4
transformers.logging.set_verbosity_error()


def output(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True).stdout


def mean_length(o):
    """Tokens of a group of the recipe's largest source, prompt and thread."""
    made = output([o.lace, "data", "make", "--family", "search", "--policy", "alone", "--threads", "1", "--difficulty", "1:4",
                   "--options", "4:10", "--count", "300", "--seed", "1", "--split", "train"])
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=os.path.join(o.model, "tokenizer.json"))
    total = 0
    for line in made.splitlines():
        r = json.loads(line)
        t = r["threads"][0]
        text = r["prompt"] + "\n" + "".join(t["steps"]) + "Answer: %s.\n[[best]]" % t["answer"]
        total += len(tokenizer(text)["input_ids"]) + 2  # and the tag
    return total // len(made.splitlines())


# ---- training ----


class Trainer:
    def __init__(self, o, rows, length, compiled):
        config = transformers.AutoConfig.from_pretrained(o.model)
        config.dtype = torch.float32
        torch.manual_seed(1)
        self.model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").float().train()
        self.forward = torch.compile(self.model) if compiled else self.model
        self.ids = torch.randint(0, config.vocab_size, (rows // length, length))
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, weight_decay=0.1, fused=True)

    def step(self):
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            loss = self.forward(input_ids=self.ids, labels=self.ids, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        loss.item()
        return time.perf_counter() - start

    def rate(self, steps):
        return self.ids.numel() / statistics.median(self.step() for _ in range(steps))


def best_trainer(o, rows, length):
    """Eager, and compiled where that works: the faster one, and what it is called."""
    found = []
    for compiled in (False, True):
        try:
            t = Trainer(o, rows, length, compiled)
            for _ in range(3):
                t.step()
            found.append((t, "torch.compile" if compiled else "eager"))
        except Exception as why:
            print("torch.compile does not work here: %s" % str(why).strip().splitlines()[0][:100], file=sys.stderr)
    rates = [statistics.median(row) for row in zip(*([t.rate(2) for t, _ in found] for _ in range(3)))]
    for (_, name), rate in zip(found, rates):
        print("  %-44s %9.0f tokens/s" % ("PyTorch, " + name, rate), flush=True)
    return found[rates.index(max(rates))]


def figure(text, part, **want):
    for f in json.loads(text)["figures"]:
        if f["part"] == part and f["name"] == "tokens" and all(f.get(k) == v for k, v in want.items()):
            return f
    sys.exit("lace bench printed no figure of %s" % part)


def train_lace(o):
    f = figure(output([o.lace, "bench", "train", "--quick", "--json", "--dtype", "bf16", "--workers", str(o.workers)]),
               "train", lattice=False)
    return f["value"], f["label"]


# ---- rollouts ----


class Generator:
    def __init__(self, o):
        self.model = transformers.AutoModelForCausalLM.from_pretrained(o.model, dtype=torch.bfloat16).eval()
        torch.manual_seed(1)
        self.ids = torch.randint(3, self.model.config.vocab_size, (o.sequences, PROMPT))

    def seconds(self, new):
        start = time.perf_counter()
        with torch.inference_mode():
            out = self.model.generate(self.ids, attention_mask=torch.ones_like(self.ids), do_sample=True, temperature=1.0, top_k=0,
                                      min_new_tokens=new, max_new_tokens=new, eos_token_id=None, pad_token_id=0)
        assert out.shape[1] == PROMPT + new
        return time.perf_counter() - start

    def rates(self):
        """Tokens per second of the steps after the prompt, and of the whole call."""
        first, all_of_it = self.seconds(1), self.seconds(NEW)
        return len(self.ids) * (NEW - 1) / (all_of_it - first), len(self.ids) * NEW / all_of_it


def decode_lace(o):
    text = output([o.lace, "bench", "decode", "--model", o.model, "--threads", str(THREADS), "--groups", str(o.sequences // THREADS),
                   "--dtype", "bf16", "--json", "--workers", str(o.workers)])
    return figure(text, "decode", lattice=False)["value"]


def rollouts_lace(o, folder):
    """A step of recipes/rl.yaml from the shipped model, with half of its problems."""
    run = tempfile.mkdtemp(dir=folder)
    shipped = os.path.dirname(os.path.normpath(o.model))
    sets = {"out": os.path.join(run, "rl"), "init.model": shipped, "init.lattice": os.path.join(shipped, "lattice"), "steps": 1,
            "rl.problems": 8, "dtype": "bf16", "checkpoint_every": 100}
    output([o.lace, "train", "rl", "--config", "recipes/rl.yaml", "--workers", str(o.workers)]
           + [a for k, v in sets.items() for a in ("--set", "%s=%s" % (k, v))])
    lines = [json.loads(line) for line in open(os.path.join(run, "rl", "metrics.jsonl"))]
    return sum(x["rollout_tokens"] for x in lines) / sum(x["rollout_seconds"] for x in lines)


# ---- turns ----


def turns(rounds, ours, theirs):
    rows = []
    for i in range(rounds):
        row = {}
        for who in (0, 1) if i % 2 == 0 else (1, 0):
            row[who] = (ours, theirs)[who]()
        rows.append((row[0], row[1]))
    return rows


def report(what, other, rows, aim):
    ratios = [a / b for a, b in rows]
    lace, them = (statistics.median(r[i] for r in rows) for i in (0, 1))
    print("  %-32s lace %8.0f tokens/s   %s %8.0f tokens/s   ratio %5.2f  (%.2f .. %.2f; the aim is %g)"
          % (what, lace, other, them, statistics.median(ratios), min(ratios), max(ratios), aim), flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--lace", default="build/lace")
    options.add_argument("--model", default="models/lace-search/base")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--sequences", type=int, default=64)
    options.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    options.add_argument("--parts", default="train,decode,rollouts")
    o = options.parse_args()
    torch.set_num_threads(o.workers)
    parts = o.parts.split(",")
    print("PyTorch %s, Transformers %s, %d workers, bf16; %d rounds in turns" % (torch.__version__, transformers.__version__, o.workers, o.rounds))
    if "train" in parts:
        _, label = train_lace(o)
        rows, length = 4 * 2048, mean_length(o)
        assert "4 x 2048" in label, label
        print("training: steps of %d sequences of %d tokens; lace: %s" % (rows // length, length, label))
        trainer, name = best_trainer(o, rows, length)
        report("training", name, turns(o.rounds, lambda: train_lace(o)[0], lambda: trainer.rate(3)), 2)
        del trainer
    if "decode" not in parts and "rollouts" not in parts:
        return
    print("rollouts: %d sequences; generate: %d prompt tokens, %d new ones each" % (o.sequences, PROMPT, NEW))
    generator = Generator(o)
    generator.seconds(8)
    if "decode" in parts:
        report("steps of %d groups of %d threads" % (o.sequences // THREADS, THREADS), "generate", turns(o.rounds, lambda: decode_lace(o), lambda: generator.rates()[0]), 5)
    if "rollouts" in parts:
        with tempfile.TemporaryDirectory() as folder:
            report("rollouts of recipes/rl.yaml", "generate", turns(o.rounds, lambda: rollouts_lace(o, folder), lambda: generator.rates()[1]), 5)


if __name__ == "__main__":
    main()
