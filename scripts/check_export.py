#!/usr/bin/env python3
"""What lace writes, read by Transformers and by safetensors: the other half of scripts/golden_models.py.

    /tmp/v/bin/python scripts/check_export.py [MODEL...]      (the environment of golden_models.py; after make)

Each directory (by default the checkpoints of tests/golden/models and the shipped model, if it is there) goes through
`lace export` in every type; Transformers loads the result and must give each token the log-probability that `lace
score` gives it. A new lattice of `lace init` must be read by safetensors, with the tensors that docs/model.md lists.
"""
import json, os, shutil, subprocess, sys, tempfile
import torch, transformers
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
LACE = os.environ.get("LACE", os.path.join(ROOT, "build/lace"))
# f32 sums in another order; Transformers turns a prompt at once under dynamic scaling, so that one is compared with itself
TOLERANCE = 1e-4


def lace(*arguments):
    return subprocess.run([LACE, *arguments], check=True, capture_output=True, text=True).stdout


def log_probabilities(folder, ids):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    with torch.no_grad():
        rows = model(torch.tensor([ids])).logits[0].log_softmax(-1)
    return torch.tensor([0.0] + [float(rows[i, t]) for i, t in enumerate(ids[1:])])


def check(model, work):
    name, vocabulary = os.path.basename(model.rstrip("/")), json.load(open(f"{model}/config.json"))["vocab_size"]
    length = 24 if "dynamic" in name else 60  # within the context of pre-training
    ids = [(37 * i + 11) % min(vocabulary, 100) for i in range(length)]
    source = shutil.copytree(model, f"{work}/{name}")
    if not os.path.exists(f"{source}/tokenizer.json"):
        shutil.copy(f"{ROOT}/tests/golden/models/tokenizer.json", source)
    worst = 0
    for dtype in ("bf16", "f16", "f32"):
        out = f"{work}/{name}-{dtype}"
        lace("export", source, "--out", out, "--dtype", dtype)
        ours = json.loads(lace("score", "--model", out, "--lattice", "off", "--dtype", "f32", "--json", "--ids",
                               ",".join(map(str, ids))))["logprobs"]
        apart = float((log_probabilities(out, ids) - torch.tensor(ours)).abs().max())
        assert apart < TOLERANCE, f"{name} in {dtype}: {apart} apart"
        worst = max(worst, apart)
    adapter = f"{work}/{name}-lattice"
    lace("init", source, "--out", adapter, "--layers", "every:1")
    tensors = load_file(f"{adapter}/lattice_model.safetensors")
    kinds = {key.split(".lattice.")[1] for key in tensors}
    assert kinds == {"norm.weight", "down.weight", "q.weight", "k.weight", "v.weight", "gate.weight", "gate.bias", "alpha",
                     "up.weight"}, kinds
    assert all(not t.any() for key, t in tensors.items() if key.endswith("alpha"))
    print(f"{name:14} log-probabilities {worst:.1e} apart at most; {len(tensors)} lattice tensors", flush=True)


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    golden = f"{ROOT}/tests/golden/models"
    models = sys.argv[1:] or [f"{golden}/{d}" for d in sorted(os.listdir(golden)) if os.path.isdir(f"{golden}/{d}")]
    shipped = f"{ROOT}/models/lace-search"
    if not sys.argv[1:] and os.path.exists(f"{shipped}/config.json"):
        models.append(shipped)
    with tempfile.TemporaryDirectory() as work:
        for model in models:
            check(model, work)
