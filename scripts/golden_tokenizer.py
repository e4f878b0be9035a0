#!/usr/bin/env python3
"""Makes tests/golden/tokenizer_*.json with the package `tokenizers` (pip install tokenizers, any 0.2x).

  scripts/golden_tokenizer.py            cases only, from the tokenizer files that are there
  scripts/golden_tokenizer.py --train    the small tokenizer files first (from the repository's own headers)

tokenizer_cases.json: {"tokenizers": version, "sets": [{"file", "cases": [[hex of the bytes, ids, ids where special
tokens are text, hex of the decoded ids], ...]}]}; the third and fourth are null where they are the second and first.
"""
import glob
import json
import random
import sys

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
GOLDEN = "tests/golden/"
FILES = ["recipes/tokenizer.json", GOLDEN + "tokenizer_gpt2.json", GOLDEN + "tokenizer_qwen2.json", GOLDEN + "tokenizer_mixed.json"]
TEXTS = [
    "q*7+4=2, try 3: 10+4=3, no.\n", "[[best]] Answer: 12.\n", "don't WE'LL I'M it'S '\u017f", "Hello, world", "  two  spaces\t\ttabs\r\n\r\n",
    "na\u00efve caf\u00e9 r\u00e9sum\u00e9", "你好，世界", "こんにちは", "안녕하세요", "Привет мир", "مرحبا", "שלום", "हिन्दी नमस्ते", "ไทย",
    "😀👩\u200d👩\u200d👧\u200d👦🏳\ufe0f\u200d🌈", "١٢٣ ४५६ ½ Ⅷ ²", "1234567890", "e\u0301 a\u030a \u1100\u1161\u11a8", "\x00\x01\x7f\x85\xa0",
    "\u2028\u2029\u200b\u3000\ufeff", "<|end|>", "<|1|>", "<|of 16|>", "<|endoftext|>", "<|im_start|>user\n", "c\u1e8b! cx\u0307", "cafe\u0301! ~a~ b~ cx\u0307!",
    '{"a": [1, 2]}\n', "   ", "\n\n\n", "ß ẞ \u212a \u212b ﬅ ﬁ", "_x__y", "a-b->c==d", "\u1e9b\u0323", "x\u0315\u0300\u05ae\u0300b",
]
BROKEN = [b"\xff", b"a\xc3", b"\xc3(", b"\xe2\x82", b"\xe2\x82\xac\xe2\x82", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"\xf5\x80\x80\x80", b"\xc0\xaf x", b"\x80\x80 ok \xf4\x90\x80\x80"]
RANGES = [(0x20, 0x7E)] * 6 + [(0, 0x20), (0x30, 0x39), (0x80, 0x24F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x6FF), (0x900, 0x97F),
    (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2150, 0x218F), (0x3000, 0x30FF), (0x4E00, 0x4FFF), (0xAC00, 0xACFF), (0xF900, 0xFAFF),
    (0x1D400, 0x1D4FF), (0x1F300, 0x1F64F)]


def samples(seed, count):
    r = random.Random(seed)
    out = [t.encode() for t in TEXTS] + BROKEN
    while len(out) < count:
        s = ""
        for _ in range(r.randint(1, 6)):
            k = r.random()
            if k < 0.3:
                s += r.choice(TEXTS)
            elif k < 0.4:
                s += " " * r.randint(1, 5)
            elif k < 0.5:
                s += str(r.randint(0, 10 ** r.randint(1, 9)))
            elif k < 0.6:
                s += r.choice(["\n", "\r\n", "\t", "'s", "'LL", " 'd", "\n ", "  \n"])
            else:
                a, b = r.choice(RANGES)
                s += "".join(chr(r.randint(a, b)) for _ in range(r.randint(1, 6)))
        out.append(s.encode())
    return out


def train():
    corpus = TEXTS * 3
    for name in sorted(glob.glob("src/**/*.h", recursive=True)):
        corpus.append(open(name, encoding="utf-8").read())

    def one(name, pre, normalizer, size, added, ignore_merges=False):
        t = Tokenizer(models.BPE(ignore_merges=ignore_merges))
        t.pre_tokenizer, t.decoder = pre, decoders.ByteLevel()
        if normalizer:
            t.normalizer = normalizer
        t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
        for token in added:
            t.add_special_tokens([token]) if token.special else t.add_tokens([token])
        t.save(GOLDEN + name, pretty=False)

    byte_level = pre_tokenizers.ByteLevel
    one("tokenizer_gpt2.json", byte_level(add_prefix_space=False), None, 800, [AddedToken("<|endoftext|>", special=True)])
    one("tokenizer_qwen2.json", pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), "isolated"), byte_level(add_prefix_space=False, use_regex=False)]),
        normalizers.NFC(), 800, [AddedToken("<|endoftext|>", special=True), AddedToken("<|im_start|>", special=True), AddedToken("<think>", normalized=False)])
    # everything else that is supported, in one file
    one("tokenizer_mixed.json", pre_tokenizers.Sequence([pre_tokenizers.Split("~", "removed"), pre_tokenizers.Digits(individual_digits=True),
                                                         pre_tokenizers.Split(Regex(r"x*"), "isolated"), byte_level(add_prefix_space=True)]),
        normalizers.Sequence([normalizers.NFC()]), 500, [AddedToken("<|end|>", special=True), AddedToken("c\u1e8b!", normalized=True), AddedToken("c\u1e8b", normalized=True)], True)


def cases(path, count):
    t = Tokenizer.from_file(path)
    out = []
    for raw in samples(len(path), count):
        text = raw.decode(errors="replace")  # maximal broken parts, as Rust's from_utf8_lossy
        t.encode_special_tokens = False
        ids = t.encode(text, add_special_tokens=False).ids
        t.encode_special_tokens = True
        plain = t.encode(text, add_special_tokens=False).ids
        decoded = t.decode(ids, skip_special_tokens=False).encode()
        out.append([raw.hex(), ids, None if plain == ids else plain, None if decoded == raw else decoded.hex()])
    return out


def main():
    if "--train" in sys.argv:
        train()
    lines = []
    for i, path in enumerate(FILES):
        rows = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases(path, 140))
        lines.append('{"file": "%s", "cases": [\n%s]}' % (path, rows))
    with open(GOLDEN + "tokenizer_cases.json", "w", encoding="ascii") as file:
        file.write('{"tokenizers": "%s", "sets": [\n%s]}\n' % (tokenizers.__version__, ",\n".join(lines)))


if __name__ == "__main__":
    main()
