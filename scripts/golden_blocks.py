#!/usr/bin/env python3
"""Blocks of GGUF's quantised formats with random bytes, and the numbers that they stand for.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install gguf==0.19.0 numpy safetensors==0.8.0
    /tmp/v/bin/python scripts/golden_blocks.py           writes tests/golden/blocks.safetensors

    FORMAT.blocks (bytes)   U8     FORMAT.values (numbers)   F32, by gguf.quants.dequantize

The f16 factors of a block are drawn apart from the other bytes: of either sign, subnormal, zero, but finite.
The committed file was made with gguf 0.19.0 and records the versions in its metadata.
"""
import argparse
import gguf, numpy, safetensors
from importlib.metadata import version
from safetensors.numpy import save_file

# format: blocks, and where the f16 factors of a block lie
FORMATS = {"Q8_0": (12, [0]), "Q4_0": (12, [0]), "Q4_K": (6, [0, 2]), "Q5_K": (6, [0, 2]), "Q6_K": (6, [208])}
FACTORS = [0.0, -0.0, 6e-8, -3e-6, 0.0123, -0.5, 1.0, 31.7, 3e-4, -2.5e-3]

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--out", default="tests/golden/blocks.safetensors")
args = parser.parse_args()
rng = numpy.random.default_rng(5)
tensors = {}
for name, (count, factors) in FORMATS.items():
    kind = gguf.GGMLQuantizationType[name]
    size = gguf.GGML_QUANT_SIZES[kind][1]
    blocks = rng.integers(0, 256, (count, size), dtype=numpy.uint8)
    for b in range(count):
        for i, at in enumerate(factors):
            half = numpy.array([FACTORS[(b * len(factors) + i) % len(FACTORS)]], dtype=numpy.float16)
            blocks[b, at:at + 2] = half.view(numpy.uint8)
    tensors[name + ".blocks"] = blocks.reshape(-1)
    tensors[name + ".values"] = gguf.quants.dequantize(blocks, kind).astype(numpy.float32).reshape(-1)
save_file(tensors, args.out, metadata={"gguf": version("gguf"), "numpy": numpy.__version__,
                                       "safetensors": safetensors.__version__})
