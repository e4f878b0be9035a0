#!/usr/bin/env python3
"""A GGUF file of Qwen3-0.6B's shape with random weights, for measuring beside llama.cpp.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install gguf==0.19.0 numpy
    /tmp/v/bin/python scripts/make_gguf.py --type q8_0 qwen3-q8_0.gguf

Matrices and the embedding are of the type, norms are F32 ones, as in files that llama.cpp quantises. Rows are cut at
random places from a short pool of random numbers or blocks. The vocabulary is byte-level and as large as the real one, its
merges the first pairs and triples of bytes.
"""
import argparse, os
import gguf, numpy

SHAPE = dict(vocabulary=151936, width=1024, feed_forward=3072, layers=28, heads=16, kv_heads=8, head=128)
TYPES = {"bf16": "BF16", "f16": "F16", "q8_0": "Q8_0", "q4_0": "Q4_0", "q4_k": "Q4_K", "q5_k": "Q5_K", "q6_k": "Q6_K"}
# of each format of blocks: where its f16 factors lie, the deviation of its numbers where d is 1, and dmin there
BLOCKS = {"Q8_0": ([0], 74, 0), "Q4_0": ([0], 4.6, 0), "Q4_K": ([0, 2], 240, 7.5), "Q5_K": ([0, 2], 490, 15.5),
          "Q6_K": ([208], 1350, 0)}
POOL = 1 << 16  # numbers


def pool(rng, kind, sigma, more):
    """Units (numbers or blocks) of a type, as rows of bytes: a pool and `more` units behind it."""
    block, size = gguf.GGML_QUANT_SIZES[kind]
    count = POOL // block + more
    if kind.name not in BLOCKS:
        values = (sigma * rng.standard_normal(count)).astype(numpy.float32)
        return gguf.quants.quantize(values, kind).view(numpy.uint8).reshape(count, size)
    at, unit, dmin = BLOCKS[kind.name]
    units = rng.integers(0, 256, (count, size), dtype=numpy.uint8)
    for offset, factor in zip(at, (1, dmin)):
        units[:, offset:offset + 2] = numpy.array([sigma / unit * factor], dtype=numpy.float16).view(numpy.uint8)
    return units


def matrix(rng, kind, rows, cols, sigma):
    block, size = gguf.GGML_QUANT_SIZES[kind]
    units = cols // block
    source = pool(rng, kind, sigma, units).reshape(-1)
    line = units * size
    out = numpy.empty((rows, line), dtype=numpy.uint8)
    for row, start in enumerate(rng.integers(0, POOL // block, rows) * size):
        out[row] = source[start:start + line]
    return out


def vocabulary(count):
    """Tokens (bytes as byte-level tokenizers print them, pairs, triples) and the merges that make them."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    singles = [chr(b) if b in printable else chr(next(others)) for b in range(256)]
    tokens, merges = list(singles), []
    for left in tokens:  # grows while it is read: first the bytes, then the pairs
        for right in singles[:count - len(tokens)]:
            tokens.append(left + right)
            merges.append(f"{left} {right}")
    return tokens, merges


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("--type", choices=TYPES, default="q8_0")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng, s = numpy.random.default_rng(args.seed), SHAPE
    kind = gguf.GGMLQuantizationType[TYPES[args.type]]
    w = gguf.GGUFWriter(args.out, "qwen3")
    w.add_name("random weights of Qwen3-0.6B's shape")
    w.add_context_length(40960)
    w.add_embedding_length(s["width"])
    w.add_block_count(s["layers"])
    w.add_feed_forward_length(s["feed_forward"])
    w.add_head_count(s["heads"])
    w.add_head_count_kv(s["kv_heads"])
    w.add_key_length(s["head"])
    w.add_value_length(s["head"])
    w.add_rope_freq_base(1e6)
    w.add_layer_norm_rms_eps(1e-6)
    w.add_vocab_size(s["vocabulary"])
    tokens, merges = vocabulary(s["vocabulary"])
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("qwen2")
    w.add_token_list(tokens)
    w.add_token_types([gguf.TokenType.NORMAL] * len(tokens))
    w.add_token_merges(merges)
    w.add_file_type(getattr(gguf.LlamaFileType, {"bf16": "MOSTLY_BF16", "f16": "MOSTLY_F16"}.get(
        args.type, "MOSTLY_" + TYPES[args.type] + ("_M" if args.type in ("q4_k", "q5_k") else ""))))

    def ones(name, count):
        w.add_tensor(name, numpy.ones(count, dtype=numpy.float32))

    def random(name, rows, cols, sigma=0.02):
        w.add_tensor(name, matrix(rng, kind, rows, cols, sigma), raw_dtype=kind)

    into_stream = 0.02 / (2 * s["layers"]) ** 0.5
    random("token_embd.weight", s["vocabulary"], s["width"])
    ones("output_norm.weight", s["width"])
    for i in range(s["layers"]):
        b = f"blk.{i}."
        ones(b + "attn_norm.weight", s["width"])
        ones(b + "ffn_norm.weight", s["width"])
        ones(b + "attn_q_norm.weight", s["head"])
        ones(b + "attn_k_norm.weight", s["head"])
        random(b + "attn_q.weight", s["heads"] * s["head"], s["width"])
        random(b + "attn_k.weight", s["kv_heads"] * s["head"], s["width"])
        random(b + "attn_v.weight", s["kv_heads"] * s["head"], s["width"])
        random(b + "attn_output.weight", s["width"], s["heads"] * s["head"], into_stream)
        random(b + "ffn_gate.weight", s["feed_forward"], s["width"])
        random(b + "ffn_up.weight", s["feed_forward"], s["width"])
        random(b + "ffn_down.weight", s["width"], s["feed_forward"], into_stream)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    print(f"{args.out}: {os.path.getsize(args.out) / 1e9:.2f} GB of {TYPES[args.type]}")


main()
