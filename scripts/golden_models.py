#!/usr/bin/env python3
"""Tiny random checkpoints of every family and option that lace runs, with what Transformers computes of them.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install torch==2.15.0 transformers==5.23.0 safetensors==0.8.0 tokenizers==0.23.3
    /tmp/v/bin/python scripts/golden_models.py               writes tests/golden/models
    /tmp/v/bin/python scripts/golden_models.py --out DIR NAME...

The committed files were made with torch 2.15.0, transformers 5.23.0, safetensors 0.8.0; each expected.safetensors
records the versions in its metadata. Every checkpoint is written by hand (config.json as real checkpoints of its family
have it, old keys and new) and read back by Transformers' own loader.

    NAME/config.json, model.safetensors (or shards with an index)
    NAME/expected.safetensors
        tokens (64), rows (n), logits (n, V)   logits in float32 of some positions of a prompt; weights as stored
        lse (64)                               log sum exp of the logits of all positions
        bf16 (n, V)                            the same logits as Transformers computes them in bfloat16
        greedy (16)                            tokens that follow the prompt, through the cache
        grad.TENSOR (2)                        of the mean cross-entropy of tokens 1 .. 63: norm, and product with a probe

    tokenizer.json         for all of them: ASCII in bytes, a few merges, no thread tags; as of a model made elsewhere

The probe sin(0.7 i + 1) of element i tells tensors of equal norm apart.
"""
import argparse, json, math, os, shutil
import torch, transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

PROMPT, GREEDY, VOCABULARY = 64, 16, 128
ROWS = [0, 1, 2, 5, 8, 13, 15, 16, 17, 21, 31, 32, 33, 40, 47, 55, 62, 63]

BASE = dict(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, hidden_act="silu", max_position_embeddings=512, rms_norm_eps=1e-5,
            rope_theta=10000.0, tie_word_embeddings=False, initializer_range=0.02, use_cache=True, bos_token_id=1,
            eos_token_id=2, attention_dropout=0.0)


def family(model_type, architecture, **fields):
    config = dict(architectures=[architecture], model_type=model_type, **BASE)
    config.update(fields)
    return config


llama = lambda **f: family("llama", "LlamaForCausalLM", **f)
qwen2 = lambda **f: family("qwen2", "Qwen2ForCausalLM", rms_norm_eps=1e-6, rope_theta=1e6,
                           **{**dict(use_sliding_window=False, sliding_window=4096, max_window_layers=28), **f})
qwen3 = lambda **f: family("qwen3", "Qwen3ForCausalLM", rms_norm_eps=1e-6, rope_theta=1e6, head_dim=16,
                           **{**dict(use_sliding_window=False, sliding_window=None, max_window_layers=36), **f})
mistral = lambda **f: family("mistral", "MistralForCausalLM", **f)
smollm3 = lambda **f: family("smollm3", "SmolLM3ForCausalLM", rope_theta=2e6, tie_word_embeddings=True, **f)


def without(config, *keys):
    return {k: v for k, v in config.items() if k not in keys}


# name: (type of the tensors, number of files, config.json)
MODELS = {
    "llama2": ("F16", 1, llama(num_key_value_heads=4, pretraining_tp=1, rope_scaling=None, torch_dtype="float16")),
    "llama3": ("BF16", 1, llama(rope_theta=500000.0, torch_dtype="bfloat16", attention_bias=False, mlp_bias=False,
        rope_scaling=dict(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64,
                          rope_type="llama3"))),
    "llama3_2": ("F32", 1, without(llama(head_dim=16, tie_word_embeddings=True, dtype="float32",
        rope_parameters=dict(rope_theta=500000.0, factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0,
                             original_max_position_embeddings=32, rope_type="llama3")), "rope_theta")),
    "llama_bias": ("F32", 1, llama(attention_bias=True, mlp_bias=True, rope_scaling=dict(type="linear", factor=2.5))),
    "llama_dynamic": ("F32", 1, llama(max_position_embeddings=32, rope_scaling=dict(type="dynamic", factor=4.0))),
    "llama_yarn": ("F32", 1, llama(max_position_embeddings=256, num_hidden_layers=1,
        rope_scaling=dict(rope_type="yarn", factor=8.0, original_max_position_embeddings=32, mscale=0.8,
                          mscale_all_dim=0.5, beta_fast=4, beta_slow=0.5, truncate=False))),
    "smollm2": ("BF16", 1, llama(num_attention_heads=4, num_key_value_heads=4, tie_word_embeddings=True,
        rope_theta=100000, rope_interleaved=False, is_llama_config=True, torch_dtype="bfloat16")),
    "smollm3": ("BF16", 1, smollm3(pad_token_id=None, num_hidden_layers=4, no_rope_layers=[1, 1, 1, 0], no_rope_layer_interval=4,
        intermediate_size=32, attention_bias=False, mlp_bias=False, sliding_window=None, use_sliding_window=False,
        layer_types=["full_attention"] * 4, torch_dtype="bfloat16")),
    "qwen2": ("BF16", 2, qwen2(torch_dtype="bfloat16")),
    "qwen2_yarn": ("BF16", 1, qwen2(tie_word_embeddings=True, max_position_embeddings=128, torch_dtype="bfloat16",
        rope_scaling=dict(factor=8.0, original_max_position_embeddings=16, type="yarn"))),
    "qwen2_window": ("F32", 1, qwen2(num_hidden_layers=3, use_sliding_window=True, sliding_window=9,
        max_window_layers=1, intermediate_size=32)),
    "qwen3": ("BF16", 1, qwen3(tie_word_embeddings=True, attention_bias=False, rope_scaling=None,
        torch_dtype="bfloat16")),
    "qwen3_window": ("F32", 3, qwen3(num_hidden_layers=3, intermediate_size=32, attention_bias=True,
        use_sliding_window=True, sliding_window=13, max_window_layers=3, tie_word_embeddings=True,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"])),
    "mistral": ("BF16", 1, mistral(sliding_window=20, torch_dtype="bfloat16")),
    "mistral_nemo": ("F16", 1, mistral(sliding_window=None, head_dim=12, rope_theta=1e6, torch_dtype="float16")),
    "mistral_types": ("F32", 1, mistral(head_dim=8, sliding_window=7, num_hidden_layers=3, intermediate_size=32,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"])),
}
TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def random_weights(model, dtype, seed):
    """Values of a size that makes every part of the model matter."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, old in model.state_dict().items():
        if name == "lm_head.weight" and model.config.tie_word_embeddings:
            continue
        value = torch.randn(old.shape, generator=generator)
        if "norm" in name:
            value = 1 + 0.2 * value
        elif name.endswith("bias"):
            value = 0.3 * value
        elif "embed" not in name:
            value = value / math.sqrt(old.shape[1])
        elif model.config.tie_word_embeddings:
            value = 0.3 * value  # else each token would be followed by itself
        state[name] = value.to(dtype).contiguous()
    return state


def write_checkpoint(folder, config, state, files):
    os.makedirs(folder)
    json.dump(config, open(f"{folder}/config.json", "w"), indent=2)
    if files == 1:
        return save_file(state, f"{folder}/model.safetensors", {"format": "pt"})
    names, weight_map = sorted(state), {}
    for i in range(files):
        shard = f"model-{i + 1:05}-of-{files:05}.safetensors"
        part = {n: state[n] for n in names[i::files]}
        save_file(part, f"{folder}/{shard}", {"format": "pt"})
        weight_map.update({n: shard for n in part})
    total = sum(t.numel() * t.element_size() for t in state.values())
    json.dump({"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))},
              open(f"{folder}/model.safetensors.index.json", "w"), indent=2)


def load(folder, dtype):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()


@torch.no_grad()
def token_by_token(model, tokens):
    """Logits of each token read by itself through the cache."""
    past, rows = None, []
    for t in tokens:
        out = model(torch.tensor([[t]]), past_key_values=past, use_cache=True)
        past = out.past_key_values
        rows.append(out.logits[0, -1])
    return torch.stack(rows), past


@torch.no_grad()
def greedy(model, tokens, stepwise):
    """The tokens that follow, and how clearly each was the best, as a share of the largest logit."""
    if stepwise:
        logits, past = token_by_token(model, tokens)
        last = logits[-1]
    else:
        out = model(torch.tensor([tokens]), use_cache=True)
        past, last = out.past_key_values, out.logits[0, -1]
    chosen, clear = [], 1.0
    for _ in range(GREEDY):
        best = last.float().topk(2).values
        clear = min(clear, float((best[0] - best[1]) / last.float().abs().max()))
        chosen.append(int(last.argmax()))
        out = model(torch.tensor([[chosen[-1]]]), past_key_values=past, use_cache=True)
        past, last = out.past_key_values, out.logits[0, -1]
    return chosen, clear


def turn_each_by_its_own_length(model):
    """Dynamic scaling depends on the length of the text. Read at once, Transformers turns all tokens by the whole
    length; read one by one, each by the length up to itself, and that is what lace computes. This makes a pass over the
    whole text do the latter, so that there is a gradient to compare with."""
    rope, config = model.model.rotary_emb, model.config

    def forward(x, position_ids):
        at = [ROPE_INIT_FUNCTIONS["dynamic"](config, seq_len=int(p) + 1)[0] for p in position_ids[0]]
        angles = position_ids[0][:, None].float() * torch.stack(at)
        angles = torch.cat((angles, angles), dim=-1)[None]
        return angles.cos().to(x.dtype), angles.sin().to(x.dtype)

    rope.forward = forward


def probe(n):
    return torch.sin(0.7 * torch.arange(n, dtype=torch.float64) + 1)


def expected(folder, tokens, dynamic):
    model = load(folder, torch.float32)
    if dynamic:
        stepwise = token_by_token(model, tokens)[0]
        chosen, clear = greedy(model, tokens, True)
        turn_each_by_its_own_length(model)
    else:
        chosen, clear = greedy(model, tokens, False)
    logits = model(torch.tensor([tokens])).logits[0]
    if dynamic:
        assert (logits - stepwise).abs().max() < 1e-4 * stepwise.abs().max()
    torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(tokens[1:])).backward()
    logits = logits.detach()
    tensors = {"tokens": torch.tensor(tokens, dtype=torch.int32), "rows": torch.tensor(ROWS, dtype=torch.int32),
               "logits": logits[ROWS].clone(), "lse": logits.logsumexp(-1),
               "greedy": torch.tensor(chosen, dtype=torch.int32)}
    for name, p in model.named_parameters():
        g = p.grad.double().flatten()
        tensors[f"grad.{name}"] = torch.tensor([g.norm(), g @ probe(len(g))], dtype=torch.float32)
    half = load(folder, torch.bfloat16)
    if dynamic:
        turn_each_by_its_own_length(half)
    with torch.no_grad():
        tensors["bf16"] = half(torch.tensor([tokens])).logits[0][ROWS].clone()
    return tensors, clear


def find_seed(model, dtype, seed, dynamic):
    """Weights and a prompt in whose continuation no choice is so close that rounding to bf16 could turn it."""
    while True:
        state = random_weights(model, dtype, seed)
        model.load_state_dict(state, strict=False)
        tokens = torch.randint(VOCABULARY, (PROMPT,), generator=torch.Generator().manual_seed(seed)).tolist()
        chosen, clear = greedy(model, tokens, dynamic)
        if clear > 0.03 and len(set(chosen)) > 2:
            return seed, state, tokens
        seed += 1


def make(name, out):
    dtype, files, config = MODELS[name]
    folder, dynamic = f"{out}/{name}", "dynamic" in name
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    json.dump(config, open(f"{folder}/config.json", "w"))
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), dtype=torch.float32,
                                             attn_implementation="eager").eval()
    shutil.rmtree(folder)
    seed, off = 1000 * (1 + list(MODELS).index(name)), 1
    while off > 0.02:  # of a network that is not chaotic: rounding to bf16 stays the size that it has in a real one
        shutil.rmtree(folder, ignore_errors=True)
        seed, state, tokens = find_seed(model, TYPES[dtype], seed + 1, dynamic)
        write_checkpoint(folder, config, state, files)
        tensors, clear = expected(folder, tokens, dynamic)
        off = float((tensors["bf16"].float() - tensors["logits"]).abs().max() / tensors["logits"].abs().max())
    save_file(tensors, f"{folder}/expected.safetensors",
              {"torch": torch.__version__, "transformers": transformers.__version__, "seed": str(seed)})
    for file in os.listdir(folder):
        os.chmod(f"{folder}/{file}", 0o644)
    print(f"{name:14} seed {seed}  greedy choices clear by {clear:.3f}  bf16 in Transformers {off:.4f} off  "
          f"{sum(os.path.getsize(f'{folder}/{f}') for f in os.listdir(folder)) >> 10} kB", flush=True)


def write_tokenizer(path):
    """Byte-level BPE of 128 tokens: what a foreign model's tokenizer looks like to lace, and no more."""
    special = ["<unk>", "<s>", "</s>"]
    letters = [chr(c) for c in range(33, 127)] + ["\u0120", "\u010a", "\u0109"]  # space, newline, tab
    merges = ["t h", "th e", "i n", "e r", "a n", "r e", "o n", "T h", "Th re", "a d", "Thre ad", "\u0120 o", "\u0120o f",
              "[ [", "] ]", "b e", "s t", "be st", "A n", "An s", "\u0120 t", "\u0120t h", "\u0120 a", "i s", "o r", "e n",
              "a t", "1 1"]
    vocab = special + letters + [m.replace(" ", "") for m in merges]
    assert len(vocab) == VOCABULARY == len(set(vocab))
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for i, t in enumerate(special)],
        "normalizer": None, "pre_tokenizer": byte_level, "post_processor": None, "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": {t: i for i, t in enumerate(vocab)}, "merges": merges}}
    json.dump(tokenizer, open(path, "w"), indent=1)
    assert Tokenizer.from_file(path).decode(Tokenizer.from_file(path).encode("Thread 1 of 4.\n").ids) == "Thread 1 of 4.\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "../tests/golden/models"))
    parser.add_argument("names", nargs="*", choices=[*MODELS, []], metavar="NAME")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    os.makedirs(options.out, exist_ok=True)
    write_tokenizer(f"{options.out}/tokenizer.json")
    for name in options.names or MODELS:
        make(name, options.out)
