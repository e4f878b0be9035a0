#!/usr/bin/env python3
"""Golden values of a tiny lattice model, computed in double precision by numpy alone, apart from the C code.

    python3 scripts/golden_lattice.py                   writes tests/golden/lattice_tiny
    python3 scripts/golden_lattice.py --selfcheck       compares its gradients with central differences
    python3 scripts/golden_lattice.py --out DIR

The formulas are those of docs/model.md, written the slow way: all tokens are the rows of one dense matrix, every
mask is a dense matrix, and gradients come from a reverse-mode tape over numpy arrays.

Files
    config.json, model.safetensors      a backbone as Hugging Face writes Qwen3ForCausalLM (F32, tied embedding)
    lattice.safetensors                 one adapter; lattice_model.safetensors of the cases links to it
    CASE/lattice_config.json            cases: aligned, window, causal, causal_self, ring, single, full
    CASE/lattice_model.safetensors
    CASE/expected.safetensors

expected.safetensors. Threads share one prompt; their tokens are listed thread by thread (R rows).
    prompt      (P)     I32  ids of the prompt; positions and times of the prompt are never used by the lattice
    lengths     (N)     I32  tokens of each thread
    token       (R)     I32  ids
    thread      (R)     I32  n
    position    (R)     I32  P + j: for the backbone's rotary embedding
    time        (R)     I32  step of the lockstep clock; strictly increasing along a thread, may start late or skip
    step        (R)     I32  finished reasoning steps
    target      (R)     I32  the id whose probability counts, or -1
    prompt_logits (P,V) F64
    logits      (R,V)   F64
    loss        (1)     F64  mean of -log p(target) over the rows with a target
    grad.NAME           F64  gradient of the loss with respect to tensor NAME of the backbone or the adapter: the
                             whole tensor or, to keep the files small, its leading rows (compare as many as there
                             are: the flat values are a prefix)
"""
import argparse
import json
import os
import struct

import numpy as np

V, D, L, H, K, d, FF = 48, 32, 3, 4, 2, 8, 48
EPS, THETA = 1e-6, 10000.0
LATTICE = {"lattice_type": "lattice", "layers": [1, 2], "width": 16, "heads": 2, "visible": "causal", "window": 3,
           "self": False, "topology": "all", "ring": 1, "axes": [4, 2, 2], "theta": [10000.0, 100.0, 100.0],
           "max_threads": 16}
FULL = dict(LATTICE, lattice_type="full", width=H * d, heads=H, axes=[4, 2, 2])
CASES = {
    "aligned": dict(LATTICE, visible="aligned"),
    "window": dict(LATTICE, visible="window", window=3),
    "causal": LATTICE,
    "causal_self": dict(LATTICE, self=True),
    "ring": dict(LATTICE, topology="ring", ring=1),
    "single": LATTICE,
    "full": FULL,
}
WHOLE = "causal"  # the case that keeps whole gradients of the adapter and of layer 1's q, k and v
KINDS = {"F32": ("<f4", 4), "F64": ("<f8", 8), "I32": ("<i4", 4)}


def write_safetensors(path, tensors):
    """tensors: {name: (kind, array)}. Eight bytes of header length, JSON padded with spaces to 8, the data."""
    header, blobs, at = {}, [], 0
    for name in sorted(tensors):
        kind, array = tensors[name]
        blob = np.ascontiguousarray(array, dtype=KINDS[kind][0]).tobytes()
        header[name] = {"dtype": kind, "shape": list(np.shape(array)), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


# ---- a reverse-mode tape ----

class Var:
    """A value, its gradient, and how to hand the gradient on to what it was made of."""

    def __init__(self, value, parents=()):
        self.value = np.asarray(value, dtype=np.float64)
        self.parents = parents  # (Var, function from this gradient to the parent's)
        self.grad = np.zeros_like(self.value)

    def backward(self):
        order, seen = [], set()

        def visit(var):
            if id(var) in seen:
                return
            seen.add(id(var))
            for parent, _ in var.parents:
                visit(parent)
            order.append(var)

        visit(self)
        self.grad = np.ones_like(self.value)
        for var in reversed(order):
            for parent, pull in var.parents:
                parent.grad = parent.grad + unbroadcast(pull(var.grad), parent.value.shape)

    def __add__(self, other):
        other = lift(other)
        return Var(self.value + other.value, ((self, lambda g: g), (other, lambda g: g)))

    def __mul__(self, other):
        other = lift(other)
        return Var(self.value * other.value, ((self, lambda g: g * other.value), (other, lambda g: g * self.value)))

    def __truediv__(self, other):
        return self * lift(other).power(-1.0)

    def __matmul__(self, other):
        return Var(self.value @ other.value, ((self, lambda g: g @ np.swapaxes(other.value, -1, -2)),
                                              (other, lambda g: np.swapaxes(self.value, -1, -2) @ g)))

    def power(self, p):
        return Var(self.value ** p, ((self, lambda g: g * p * self.value ** (p - 1)),))

    def exp(self):
        out = np.exp(self.value)
        return Var(out, ((self, lambda g: g * out),))

    def log(self):
        return Var(np.log(self.value), ((self, lambda g: g / self.value),))

    def sum(self, axis=None, keepdims=True):
        def pull(g):
            return np.broadcast_to(g if keepdims or axis is None else np.expand_dims(g, axis), self.value.shape)
        return Var(self.value.sum(axis=axis, keepdims=keepdims), ((self, pull),))

    def reshape(self, *shape):
        return Var(self.value.reshape(shape), ((self, lambda g: g.reshape(self.value.shape)),))

    def transpose(self, *axes):
        return Var(self.value.transpose(axes), ((self, lambda g: g.transpose(np.argsort(axes))),))

    def __getitem__(self, index):
        def pull(g):
            out = np.zeros_like(self.value)
            np.add.at(out, index, g)
            return out
        return Var(self.value[index], ((self, pull),))


def lift(x):
    return x if isinstance(x, Var) else Var(x)


def unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1 and g.shape[axis] != 1:
            g = g.sum(axis=axis, keepdims=True)
    return g


def concat(a, b):
    """Along the last axis."""
    n = a.value.shape[-1]
    return Var(np.concatenate([a.value, b.value], axis=-1), ((a, lambda g: g[..., :n]), (b, lambda g: g[..., n:])))


# ---- the model ----

def linear(x, w):  # w (out, in)
    return x @ w.transpose(1, 0)


def rmsnorm(x, w):
    return x * ((x * x).sum(axis=-1) / x.value.shape[-1] + EPS).power(-0.5) * w


def sigmoid(x):
    return ((x * -1.0).exp() + 1.0).power(-1.0)


def rotate(x, angle):
    """x (rows, heads, w), angle (rows, w/2): pairs (i, i + w/2)."""
    half = x.value.shape[-1] // 2
    c, s = np.cos(angle)[:, None, :], np.sin(angle)[:, None, :]
    a, b = x[..., :half], x[..., half:]
    return concat(a * c + b * (-s), b * c + a * s)


def angles(coordinates, dims, thetas):
    """The w/2 pairs of a head, split among axes in order; each axis counts its pairs from 0."""
    parts = [np.asarray(x, float)[:, None] * theta ** (-2.0 * np.arange(n // 2) / n)
             for x, n, theta in zip(coordinates, dims, thetas) if n]
    return np.concatenate(parts, axis=1)


def attention(q, k, v, mask, sink):
    """q (R, H, w), k, v (R, K, w), mask (R, R): which rows (columns) each row sees. Gives (R, H, w)."""
    heads, keys, w = q.value.shape[1], k.value.shape[1], q.value.shape[2]
    of = np.arange(heads) * keys // heads
    q, k, v = q.transpose(1, 0, 2), k.transpose(1, 0, 2)[of], v.transpose(1, 0, 2)[of]
    e = ((q @ k.transpose(0, 2, 1)) * w ** -0.5).exp() * mask[None]
    total = e.sum(axis=-1) + sink
    return ((e @ v) / total).transpose(1, 0, 2)


def forward(w, config, problem):
    prompt, token = problem["prompt"], problem["token"]
    P, R = len(prompt), len(token)
    rows = P + R
    ids = np.concatenate([prompt, token])
    position = np.concatenate([np.arange(P), problem["position"]])
    thread = np.concatenate([np.full(P, -1), problem["thread"]])
    zeros = np.zeros(P, int)
    time, step = np.concatenate([zeros, problem["time"]]), np.concatenate([zeros, problem["step"]])
    N = len(problem["lengths"])

    # Ordinary: the prompt sees its past; a thread sees the prompt and its own past.
    causal, visible = np.zeros((rows, rows)), np.zeros((rows, rows))
    for i in range(rows):
        for j in range(rows):
            causal[i, j] = (thread[j] in (-1, thread[i])) and position[j] <= position[i]
            if thread[i] < 0 or thread[j] < 0:
                continue
            apart = (thread[i] - thread[j]) % N
            apart = min(apart, N - apart)
            who = config["self"] if apart == 0 else config["topology"] == "all" or apart <= config["ring"]
            when = {"aligned": time[j] == time[i], "causal": time[j] <= time[i],
                    "window": time[i] - config["window"] < time[j] <= time[i]}[config["visible"]]
            visible[i, j] = who and when

    plain = angles([position], [d], [THETA])
    full = config["lattice_type"] == "full"
    M, r = config["heads"], config["width"]
    lattice = angles([position if full else time, np.maximum(thread, 0), step], config["axes"], config["theta"])

    h = w["model.embed_tokens.weight"][ids]
    for l in range(L):
        def t(name):
            return w[f"model.layers.{l}.{name}.weight"]

        def lat(name):
            return w[f"layers.{l}.lattice.{name}"]

        x = rmsnorm(h, t("input_layernorm"))
        q = rmsnorm(linear(x, t("self_attn.q_proj")).reshape(rows, H, d), t("self_attn.q_norm"))
        k = rmsnorm(linear(x, t("self_attn.k_proj")).reshape(rows, K, d), t("self_attn.k_norm"))
        v = linear(x, t("self_attn.v_proj")).reshape(rows, K, d)
        a = attention(rotate(q, plain), rotate(k, plain), v, causal, 0.0).reshape(rows, H * d)
        if l in config["layers"] and full:
            o = attention(rotate(q, lattice), rotate(k, lattice), v, visible, 1.0)
            g = sigmoid(linear(rmsnorm(a, lat("norm.weight")), lat("gate.weight")) + lat("gate.bias"))
            a = a + (o * (g * lat("alpha")).reshape(rows, H, 1)).reshape(rows, H * d)
        h_next = h + linear(a, t("self_attn.o_proj"))
        if l in config["layers"] and not full:
            z = linear(rmsnorm(a, lat("norm.weight")), lat("down.weight"))
            lq, lk, lv = (linear(z, lat(n + ".weight")).reshape(rows, M, r // M) for n in "qkv")
            o = attention(rotate(lq, lattice), rotate(lk, lattice), lv, visible, 1.0)
            g = sigmoid(linear(z, lat("gate.weight")) + lat("gate.bias"))
            u = (o * (g * lat("alpha")).reshape(rows, M, 1)).reshape(rows, r)
            h_next = h_next + linear(u, lat("up.weight"))
        h = h_next
        x = rmsnorm(h, t("post_attention_layernorm"))
        gate = linear(x, t("mlp.gate_proj"))
        h = h + linear(gate * sigmoid(gate) * linear(x, t("mlp.up_proj")), t("mlp.down_proj"))
    logits = linear(rmsnorm(h, w["model.norm.weight"]), w["model.embed_tokens.weight"])

    target = problem["target"]
    asked = np.flatnonzero(target >= 0)
    picked = logits[P + asked]
    logprob = picked[np.arange(len(asked)), target[asked]] + picked.exp().sum(axis=-1, keepdims=False).log() * -1.0
    return logits, logprob.sum() * (-1.0 / len(asked))


# ---- weights and problems ----

def backbone(rng):
    def matrix(rows, cols):
        return rng.standard_normal((rows, cols)) / np.sqrt(cols)

    def norm(n):
        return 1 + 0.2 * rng.standard_normal(n)

    w = {"model.embed_tokens.weight": rng.standard_normal((V, D)) * 0.5, "model.norm.weight": norm(D)}
    for l in range(L):
        p = f"model.layers.{l}."
        w[p + "input_layernorm.weight"], w[p + "post_attention_layernorm.weight"] = norm(D), norm(D)
        w[p + "self_attn.q_norm.weight"], w[p + "self_attn.k_norm.weight"] = norm(d), norm(d)
        w[p + "self_attn.q_proj.weight"], w[p + "self_attn.o_proj.weight"] = matrix(H * d, D), matrix(D, H * d)
        w[p + "self_attn.k_proj.weight"], w[p + "self_attn.v_proj.weight"] = matrix(K * d, D), matrix(K * d, D)
        w[p + "mlp.gate_proj.weight"], w[p + "mlp.up_proj.weight"] = matrix(FF, D), matrix(FF, D)
        w[p + "mlp.down_proj.weight"] = matrix(D, FF)
    return w


def adapter(rng, config):
    M, r, full = config["heads"], config["width"], config["lattice_type"] == "full"
    w = {}
    for l in config["layers"]:
        p = f"layers.{l}.lattice."
        w[p + "norm.weight"] = 1 + 0.2 * rng.standard_normal(H * d)
        w[p + "gate.weight"] = rng.standard_normal((M, H * d if full else r)) / np.sqrt(r)
        w[p + "gate.bias"], w[p + "alpha"] = rng.standard_normal(M) * 0.5, 0.5 + rng.random(M)
        w[p + "alpha"][0] *= -1
        if not full:
            w[p + "down.weight"] = rng.standard_normal((r, H * d)) / np.sqrt(H * d)
            for n in "qkv":
                w[p + n + ".weight"] = rng.standard_normal((r, r)) / np.sqrt(r) * (1.5 if n != "v" else 1)
            w[p + "up.weight"] = rng.standard_normal((D, r)) / np.sqrt(r)
    return w


def make_problem(rng, case):
    P = 5
    lengths = {"single": [6], "ring": [4, 3, 4, 3, 4]}.get(case, [6, 5, 4])
    starts, problem = [0, 2, 1, 0, 3], {"prompt": rng.integers(0, V, P), "lengths": np.array(lengths)}
    rows = {name: [] for name in ("token", "thread", "position", "time", "step", "target")}
    for n, length in enumerate(lengths):
        time, step = starts[n], 0
        for j in range(length):
            rows["token"].append(rng.integers(0, V))
            rows["thread"].append(n)
            rows["position"].append(P + j)
            rows["time"].append(time)
            rows["step"].append(step)
            rows["target"].append(-1 if j == length - 1 or (n == 0 and j == 1) else rng.integers(0, V))
            time += 2 if (n, j) in ((0, 2), (2, 1)) else 1  # a pause of the thread
            step += int(rng.random() < 0.5)
    problem.update({name: np.array(values) for name, values in rows.items()})
    return problem


def make():
    """{case: (config, weights, problem)}; weights are what F32 holds."""
    base, lattice, full = (make_weights(*seed) for seed in ((backbone, 1), (adapter, 2, LATTICE), (adapter, 3, FULL)))
    return base, {name: (config, full if name == "full" else lattice, make_problem(np.random.default_rng(10 + i), name))
                  for i, (name, config) in enumerate(CASES.items())}


def make_weights(maker, seed, *config):
    return {name: w.astype(np.float32).astype(np.float64) for name, w in maker(np.random.default_rng(seed), *config).items()}


def gradients(weights, config, problem):
    w = {name: Var(value) for name, value in weights.items()}
    logits, loss = forward(w, config, problem)
    loss.backward()
    return logits.value, float(loss.value.reshape(-1)[0]), {name: var.grad for name, var in w.items()}


def selfcheck():
    base, cases = make()
    rng, worst, step = np.random.default_rng(99), 0.0, 1e-5
    for case, (config, extra, problem) in cases.items():
        weights = {**base, **extra}
        _, _, grads = gradients(weights, config, problem)
        for name in weights:
            way = rng.standard_normal(weights[name].shape)
            way /= np.linalg.norm(way)
            ends = []
            for sign in (1, -1):
                moved = {n: Var(x + sign * step * way if n == name else x) for n, x in weights.items()}
                ends.append(float(forward(moved, config, problem)[1].value.reshape(-1)[0]))
            slope, expected = (ends[0] - ends[1]) / (2 * step), float((grads[name] * way).sum())
            error = abs(slope - expected) / (1e-3 + abs(expected))
            worst = max(worst, error)
            assert error < 1e-5, f"{case}: {name}: {expected} against {slope}"
        print(f"{case}: {len(weights)} gradients agree with central differences")
    # What must hold whatever the numbers: alone, the lattice is silent; a later time changes nothing before it.
    config, extra, problem = cases["single"]
    silent = {n: (x * 0 if n.endswith("alpha") else x) for n, x in extra.items()}
    assert np.array_equal(gradients({**base, **extra}, config, problem)[0], gradients({**base, **silent}, config, problem)[0])
    config, extra, problem = cases["causal"]
    before = gradients({**base, **extra}, config, problem)[0]
    late = problem["time"] >= 4
    changed = dict(problem, token=np.where(late, (problem["token"] + 1) % V, problem["token"]))
    after = gradients({**base, **extra}, config, changed)[0]
    P = len(problem["prompt"])
    assert np.array_equal(before[P:][~late], after[P:][~late]) and not np.array_equal(before[P:][late], after[P:][late])
    print(f"worst relative difference {worst:.1e}")


def write(out):
    base, cases = make()
    os.makedirs(out, exist_ok=True)
    with open(f"{out}/config.json", "w") as file:
        json.dump({"architectures": ["Qwen3ForCausalLM"], "attention_bias": False, "head_dim": d, "hidden_act": "silu",
                   "hidden_size": D, "intermediate_size": FF, "max_position_embeddings": 128, "model_type": "qwen3",
                   "num_attention_heads": H, "num_hidden_layers": L, "num_key_value_heads": K, "rms_norm_eps": EPS,
                   "rope_theta": THETA, "tie_word_embeddings": True, "torch_dtype": "float32", "vocab_size": V},
                  file, indent=1)
        file.write("\n")
    write_safetensors(f"{out}/model.safetensors", {n: ("F32", x) for n, x in base.items()})
    write_safetensors(f"{out}/lattice.safetensors", {n: ("F32", x) for n, x in cases["causal"][1].items()})
    for case, (config, extra, problem) in cases.items():
        folder = f"{out}/{case}"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/lattice_config.json", "w") as file:
            json.dump(config, file, indent=1)
            file.write("\n")
        path = f"{folder}/lattice_model.safetensors"
        if os.path.lexists(path):
            os.remove(path)
        if config["lattice_type"] == "full":
            write_safetensors(path, {n: ("F32", x) for n, x in extra.items()})
        else:
            os.symlink("../lattice.safetensors", path)
        logits, loss, grads = gradients({**base, **extra}, config, problem)
        P = len(problem["prompt"])
        tensors = {name: ("I32", values) for name, values in problem.items()}
        tensors.update({"prompt_logits": ("F64", logits[:P]), "logits": ("F64", logits[P:]), "loss": ("F64", [loss])})
        for name, grad in grads.items():
            kept = ".lattice." in name or name.startswith(tuple(f"model.layers.1.self_attn.{n}_proj" for n in "qkv"))
            whole = grad.ndim == 1 or (case == WHOLE and kept) or name.endswith("gate.weight")
            tensors["grad." + name] = ("F64", grad if whole else grad[:2])
        write_safetensors(f"{folder}/expected.safetensors", tensors)
        print(f"{case}: loss {loss:.6f}")


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default=os.path.join(here, "..", "tests", "golden", "lattice_tiny"))
    parser.add_argument("--selfcheck", action="store_true")
    options = parser.parse_args()
    selfcheck() if options.selfcheck else write(os.path.normpath(options.out))
