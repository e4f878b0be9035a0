#!/usr/bin/env python3
"""GGUF files of every architecture and type that lace reads, small, and what Transformers computes of their weights.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install torch==2.15.0 transformers==5.23.0 safetensors==0.8.0 \\
        tokenizers==0.23.3 gguf==0.19.0 accelerate==1.15.0
    /tmp/v/bin/python scripts/golden_gguf.py                 writes tests/golden/gguf
    /tmp/v/bin/python scripts/golden_gguf.py --out DIR NAME...

The committed files were made with these versions; gguf is llama.cpp's own package, whose writer and block formats these
are. Tensors and keys are named, and rows of q and k permuted, as its convert_hf_to_gguf.py does it.

    NAME.gguf (or NAME-00001-of-00002.gguf ...)     of a checkpoint in tests/golden/models, with its numbers as they are:
                                                    its expected.safetensors holds for the GGUF file as well
    q8_0, q4_0, q5_0, one_mixed, k_mixed            quantised; NAME.safetensors has, of Transformers in float32 on the
                                                    weights as the blocks say them:
        tokens (64), rows (n), logits (n, V), greedy (16)
        coded (n, V)                                the logits where the inputs of linear layers are rounded as lace's are
    vocab_NAME.gguf                                 the tokenizer of tests/golden/tokenizer_NAME.json, without tensors

K formats are written from random blocks with scales of a sensible size, as the package only reads them. Where
Transformers reads GGUF files of an architecture by itself, the script compares its tensors with the checkpoint's.
"""
import argparse, json, math, os, shutil, sys
import numpy as np
import gguf, torch, transformers
from gguf import GGMLQuantizationType as Type
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from golden_models import GREEDY, PROMPT, ROWS, greedy, llama, qwen3, random_weights  # noqa: E402

GOLDEN = f"{HERE}/../tests/golden"
TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}"
ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "smollm3": "smollm3"}
COPIES = {"llama3": 1, "llama_bias": 1, "mistral_nemo": 1, "smollm3": 1, "qwen2": 2, "qwen2_yarn": 1, "qwen3": 1}
READ_BY_TRANSFORMERS = ["llama3", "qwen2_yarn"]  # not: split files, biases of llama, the head_dim of qwen3, smollm3

QUANTISED = {
    "q8_0": (qwen3(hidden_size=64, intermediate_size=64), None),
    "q4_0": (llama(hidden_size=64, intermediate_size=96, num_attention_heads=4, num_key_value_heads=2), None),
    "q5_0": (llama(hidden_size=64, intermediate_size=96, num_attention_heads=4, num_key_value_heads=1, head_dim=32,
                   tie_word_embeddings=True), None),
    "one_mixed": (llama(hidden_size=64, intermediate_size=96, num_hidden_layers=1),
                  {"embed_tokens": Type.Q4_1, "lm_head": Type.Q5_1, "q_proj": Type.Q4_1, "k_proj": Type.Q5_1, "v_proj": Type.Q4_1,
                   "o_proj": Type.Q5_1, "gate_proj": Type.Q4_1, "up_proj": Type.Q5_1, "down_proj": Type.Q4_1}),
    "k_mixed": (llama(hidden_size=256, intermediate_size=256, num_hidden_layers=1, num_attention_heads=2,
                      num_key_value_heads=1, head_dim=32),
                {"embed_tokens": Type.Q6_K, "lm_head": Type.Q4_K, "q_proj": Type.Q4_K, "k_proj": Type.Q5_K,
                 "v_proj": Type.Q6_K, "o_proj": Type.Q8_0, "gate_proj": Type.Q4_K, "up_proj": Type.Q5_K,
                 "down_proj": Type.Q6_K}),
}
VOCABULARIES = {"llama2": None, "smollm": "smollm", "llama3": "llama-bpe", "qwen2": "qwen2", "tekken": "tekken"}


def permute(w, heads):
    """Halves of a head's rotary pairs side by side: LlamaModel.permute of convert_hf_to_gguf.py."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def numpy_of(t):
    """bf16 keeps its bits."""
    return t.view(torch.int16).numpy() if t.dtype == torch.bfloat16 else t.numpy()


def rope_divisors(config, rope):
    d, theta = config["head_dim"], rope.get("rope_theta", config.get("rope_theta"))
    low, high, original = rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]
    out = []
    for f in 1.0 / theta ** (torch.arange(0, d, 2, dtype=torch.float32) / d):
        length = 2 * math.pi / f
        smooth = (original / length - low) / (high - low)
        out.append(1 if length < original / high else rope["factor"] if length > original / low
                   else 1 / ((1 - smooth) / rope["factor"] + smooth))
    return np.array(out, dtype=np.float32)


def add_tokenizer(w, path, pre):
    """The arrays of a tokenizer.json: byte-level where pre names how it divides texts, else scored by the id."""
    root = json.load(open(path))
    model, added = root["model"], root["added_tokens"]
    vocab = dict(model["vocab"])
    vocab.update({t["content"]: t["id"] for t in added})
    special = {t["id"]: t["special"] for t in added}
    tokens = [""] * (max(vocab.values()) + 1)
    for token, i in vocab.items():
        tokens[i] = token
    types = []
    for i, token in enumerate(tokens):
        byte = not pre and len(token) == 6 and token.startswith("<0x")
        types.append(gguf.TokenType.UNKNOWN if token == "<unk>" and not pre else
                     (gguf.TokenType.CONTROL if special[i] else gguf.TokenType.USER_DEFINED) if i in special else
                     gguf.TokenType.BYTE if byte else gguf.TokenType.NORMAL)
    w.add_tokenizer_model("gpt2" if pre else "llama")
    w.add_token_list(tokens)
    w.add_token_types(types)
    if pre:
        w.add_tokenizer_pre(pre)
        w.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in model["merges"]])
    else:
        w.add_token_scores([-float(i) for i in range(len(tokens))])
    for name, add in ((("<s>", "<|begin_of_text|>"), w.add_bos_token_id), (("</s>", "<|end_of_text|>", "<|im_end|>"),
                                                                          w.add_eos_token_id)):
        for token in name:
            if token in vocab:
                add(vocab[token])
                break
    w.add_chat_template(TEMPLATE)


def add_metadata(w, config):
    rope = config.get("rope_scaling") or config.get("rope_parameters") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    w.add_context_length(config["max_position_embeddings"])
    w.add_embedding_length(config["hidden_size"])
    w.add_block_count(config["num_hidden_layers"])
    w.add_feed_forward_length(config["intermediate_size"])
    w.add_head_count(config["num_attention_heads"])
    w.add_head_count_kv(config["num_key_value_heads"])
    w.add_layer_norm_rms_eps(config["rms_norm_eps"])
    w.add_rope_freq_base(rope.get("rope_theta", config.get("rope_theta")))
    w.add_vocab_size(config["vocab_size"])
    w.add_file_type(0)
    if config["head_dim"] * config["num_attention_heads"] != config["hidden_size"] or config["model_type"] == "qwen3":
        w.add_key_length(config["head_dim"])
        w.add_value_length(config["head_dim"])
    if w.arch in ("llama", "smollm3"):
        w.add_rope_dimension_count(config["head_dim"])
    if kind == "linear":
        w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        w.add_rope_scaling_factor(rope["factor"])
    if kind == "yarn":
        w.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        w.add_rope_scaling_factor(rope["factor"])
        w.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if kind == "llama3":
        w.add_tensor("rope_freqs.weight", rope_divisors(config, rope))


def add_weight(w, config, name, file_name, value, raw):
    """value: a torch tensor, or blocks of type raw as rows of bytes."""
    data = value if raw is not None else numpy_of(value)
    if w.arch in ("llama", "smollm3") and ("q_proj" in name or "k_proj" in name):
        data = permute(data, config["num_attention_heads" if "q_proj" in name else "num_key_value_heads"])
    data = np.ascontiguousarray(data)
    if raw is not None:
        return w.add_tensor(file_name, data, raw_dtype=raw)
    if len(value.shape) == 1:  # norms and biases
        return w.add_tensor(file_name, permuted_f32(value, data))
    bits = data.view(np.uint8) if value.dtype == torch.bfloat16 else data
    w.add_tensor(file_name, bits, raw_dtype=Type.BF16 if value.dtype == torch.bfloat16 else None)


def permuted_f32(value, data):
    return torch.from_numpy(data).view(value.dtype).float().numpy()


def write(path, config, state, raw, parts=1):
    config = dict(config)
    config.setdefault("head_dim", config["hidden_size"] // config["num_attention_heads"])
    arch = ARCHITECTURES[config["model_type"]]
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[arch.upper()], config["num_hidden_layers"])
    w = gguf.GGUFWriter(path, arch, split_max_tensors=-(-len(state) // parts) if parts > 1 else 0)
    w.add_type("model")
    w.add_name("golden")
    add_metadata(w, config)
    add_tokenizer(w, f"{GOLDEN}/models/tokenizer.json", "gpt-2")
    for name, value in state.items():
        add_weight(w, config, name, names.get_name(name, (".weight", ".bias")), value, raw.get(name))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def compare(name, out, state):
    read = AutoModelForCausalLM.from_pretrained(out, gguf_file=f"{name}.gguf", dtype=torch.float32).state_dict()
    for key, value in state.items():
        assert torch.equal(read[key], value.float()), f"{name}: Transformers reads another {key}"
    print(f"{name}: Transformers reads the same {len(state)} tensors from the GGUF file")


def copy(name, out):
    folder, state = f"{GOLDEN}/models/{name}", {}
    for file in sorted(os.listdir(folder)):
        if file.startswith("model") and file.endswith(".safetensors"):
            with safe_open(f"{folder}/{file}", "pt") as f:
                state.update({k: f.get_tensor(k) for k in f.keys()})
    config = json.load(open(f"{folder}/config.json"))
    if "rope_theta" not in config and "rope_parameters" in config:
        config["rope_theta"] = config["rope_parameters"]["rope_theta"]
    write(f"{out}/{name}.gguf", config, state, {}, COPIES[name])
    if name in READ_BY_TRANSFORMERS:
        compare(name, out, state)


def random_blocks(kind, rows, cols, generator):
    """Blocks of a K format with random codes and scales, of numbers of about 1 / sqrt(cols)."""
    block, size = gguf.GGML_QUANT_SIZES[kind]
    raw = torch.randint(256, (rows * cols // block, size), generator=generator, dtype=torch.int32).numpy().astype(np.uint8)
    d = lambda x: np.frombuffer(np.float16(x).tobytes(), dtype=np.uint8)
    spread = 1 + torch.rand(len(raw), generator=generator).numpy()
    for i in range(len(raw)):
        if kind == Type.Q6_K:  # 16 signed scales, then d: code * scale reaches 32 * 127
            raw[i, -2:] = d(spread[i] / math.sqrt(cols) / 1200)
        else:  # d, dmin; 6-bit scales and mins: codes to 15 or 31, so that scale * half the codes is about the min
            top = 15 if kind == Type.Q4_K else 31
            raw[i, 0:2] = d(spread[i] / math.sqrt(cols) / (8 * top))
            raw[i, 2:4] = d(spread[i] / math.sqrt(cols) / 16)
    return raw.reshape(rows, cols // block * size)


def quantise(name, state, kinds, generator):
    """(as the file has them, their types, as float32)"""
    blocks, raw, values = {}, {}, {}
    for key, value in state.items():
        kind = None
        if value.dim() == 2:
            kind = Type[name.upper()] if kinds is None else next(k for part, k in kinds.items() if part in key)
        if kind is None:
            blocks[key] = values[key] = value
            continue
        if kind in (Type.Q8_0, Type.Q4_0, Type.Q5_0, Type.Q4_1, Type.Q5_1):
            blocks[key] = gguf.quantize(value.numpy(), kind)
        else:
            blocks[key] = random_blocks(kind, *value.shape, generator)
        raw[key] = kind
        values[key] = torch.from_numpy(gguf.dequantize(blocks[key], kind).copy())
    return blocks, raw, values


@torch.no_grad()
def coded_logits(model, tokens):
    """Where every linear layer reads its inputs as lace's products on blocks do: in groups of 32, each rounded to
    multiples of its largest value / 127."""
    def code(module, inputs):
        x = inputs[0].reshape(*inputs[0].shape[:-1], -1, 32)
        scale = x.abs().amax(-1, keepdim=True) / 127
        return (scale * torch.round(x / scale)).reshape(inputs[0].shape)
    hooks = [m.register_forward_pre_hook(code) for m in model.modules() if isinstance(m, torch.nn.Linear)]
    logits = model(torch.tensor([tokens])).logits[0]
    for hook in hooks:
        hook.remove()
    return logits


def quantised(name, out):
    config, kinds = QUANTISED[name]
    folder = f"{out}/{name}.tmp"
    os.makedirs(folder)
    json.dump(config, open(f"{folder}/config.json", "w"))
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), dtype=torch.float32,
                                             attn_implementation="eager").eval()
    shutil.rmtree(folder)
    seed, clear = {"q8_0": 7000, "q4_0": 8000, "k_mixed": 9000, "q5_0": 10000, "one_mixed": 11000}[name], 0
    while clear < 0.05:  # no choice so close that the coded inputs turn it
        seed += 1
        generator = torch.Generator().manual_seed(seed)
        state = random_weights(model, torch.float32, seed)
        blocks, raw, values = quantise(name, state, kinds, generator)
        model.load_state_dict(values, strict=False)
        tokens = torch.randint(config["vocab_size"], (PROMPT,), generator=generator).tolist()
        chosen, clear = greedy(model, tokens, False)
        coded = coded_logits(model, tokens + chosen[:-1])
        clear = 0 if len(set(chosen)) < 3 or coded[PROMPT - 1:].argmax(-1).tolist() != chosen else clear
    write(f"{out}/{name}.gguf", config, blocks, raw)
    with torch.no_grad():
        logits = model(torch.tensor([tokens])).logits[0]
    off = float((coded[:PROMPT] - logits).abs().max() / logits.abs().max())
    save_file({"tokens": torch.tensor(tokens, dtype=torch.int32), "rows": torch.tensor(ROWS, dtype=torch.int32),
               "logits": logits[ROWS].clone(), "coded": coded[ROWS].clone(), "greedy": torch.tensor(chosen, dtype=torch.int32)},
              f"{out}/{name}.safetensors",
              {"torch": torch.__version__, "transformers": transformers.__version__, "seed": str(seed)})
    assert len(chosen) == GREEDY
    print(f"{name}: seed {seed}, greedy choices clear by {clear:.3f}, coded inputs {off:.4f} off")
    if config["model_type"] == "llama":
        compare(name, out, values)


def vocabulary(name, out):
    w = gguf.GGUFWriter(f"{out}/vocab_{name}.gguf", "llama")
    w.add_type("model")
    add_tokenizer(w, f"{GOLDEN}/tokenizer_{name}.json", VOCABULARIES[name])
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.close()


if __name__ == "__main__":
    every = {**{n: copy for n in COPIES}, **{n: quantised for n in QUANTISED},
             **{f"vocab_{n}": lambda name, out: vocabulary(name[6:], out) for n in VOCABULARIES}}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=f"{GOLDEN}/gguf")
    parser.add_argument("names", nargs="*", choices=[*every, []], metavar="NAME")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    os.makedirs(options.out, exist_ok=True)
    for name in options.names or every:
        every[name](name, options.out)
    for file in os.listdir(options.out):
        os.chmod(f"{options.out}/{file}", 0o644)
