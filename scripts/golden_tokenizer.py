#!/usr/bin/env python3
"""Makes tests/golden/tokenizer_*.json with the packages tokenizers, transformers and sentencepiece.

  scripts/golden_tokenizer.py            cases only, from the tokenizer files that are there
  scripts/golden_tokenizer.py --train    the small tokenizer files first (from the repository's own headers)

The tokenizer files have the normalizers, pre-tokenizers, decoders, templates and special tokens of the families as they
publish them, and a small vocabulary trained here. tokenizer_cases.json:

  {"tokenizers", "transformers", "sentencepiece": versions,
   "texts": [hex, ...], "ranges": [[first, last], ...],    what strings are made of, see `string`
   "sets": [{"file", "seed",
             "cases": [[hex of the bytes, ids, ids where special tokens are text, hex of the decoded ids], ...],
             "hashes": ["16 digits", ...]}],               of strings 0, 1, ... of the seed, see `digest`
   "configs": [{"file", "config", "text", "ids"}, ...]}    with this tokenizer_config.json beside the file

In cases the third and fourth are null where they are the second and first.
"""
import glob
import json
import os
import sys
import tempfile

import sentencepiece
import tokenizers
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|" + REST
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|" + REST
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
          r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|"
          r"\s*[\r\n]+|\s+(?!\S)|\s+")
GOLDEN = "tests/golden/"
FAMILIES = ["smollm", "llama3", "qwen2", "tekken", "llama2", "mistral3", "mixed", "odd"]
FILES = ["recipes/tokenizer.json"] + [GOLDEN + "tokenizer_%s.json" % name for name in FAMILIES]
STRINGS = 260
TEXTS = [
    "q*7+4=2, try 3: 10+4=3, no.\n", "[[best]] Answer: 12.\n", "don't WE'LL I'M it'S '\u017f", "Hello, world", "  two  spaces\t\ttabs\r\n\r\n",
    "na\u00efve caf\u00e9 r\u00e9sum\u00e9", "你好，世界", "こんにちは", "안녕하세요", "Привет мир", "مرحبا", "שלום", "हिन्दी नमस्ते", "ไทย",
    "😀👩\u200d👩\u200d👧\u200d👦🏳\ufe0f\u200d🌈", "١٢٣ ४५६ ½ Ⅷ ²", "1234567890", "e\u0301 a\u030a \u1100\u1161\u11a8", "\x00\x01\x7f\x85\xa0",
    "\u2028\u2029\u200b\u3000\ufeff", "<|end|>", "<|1|>", "<|of 16|>", "<|endoftext|>", "<|im_start|>user\n", "c\u1e8b! cx\u0307", "cafe\u0301! ~a~ b~ cx\u0307!",
    '{"a": [1, 2]}\n', "   ", "\n\n\n", "ß ẞ \u212a \u212b ﬅ ﬁ", "_x__y", "a-b->c==d", "\u1e9b\u0323", "x\u0315\u0300\u05ae\u0300b",
    " ", " ", " the", "the ", "of", "\u2581", "<s>", "</s> ", "[INST] ", "<0x41>", "<unk>", "<|begin_of_text|>", "<think>\n", "  Foo ", "foo", "I\u0307\u0130",
    "\U00031350\u1c89\U00011384", "camelCaseÀÉdž", "a/b\n/c", "\t\n \n", "\u180e", "!!!???...", "1,234.56e-7", "🇩🇪🇫🇷", "👍🏽",
]
BROKEN = [b"\xff", b"a\xc3", b"\xc3(", b"\xe2\x82", b"\xe2\x82\xac\xe2\x82", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"\xf5\x80\x80\x80", b"\xc0\xaf x", b"\x80\x80 ok \xf4\x90\x80\x80"]
RANGES = [(0x20, 0x7E)] * 6 + [(0, 0x20), (0x30, 0x39), (0x80, 0x24F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x6FF), (0x900, 0x97F),
    (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2150, 0x218F), (0x3000, 0x30FF), (0x4E00, 0x4FFF), (0xAC00, 0xACFF), (0xF900, 0xFAFF),
    (0x1D400, 0x1D4FF), (0x1F300, 0x1F64F), (0x20, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x1FFFF), (0x20000, 0x323FF)]


# ---- strings that the test makes again: tests/unit/test_tokenizer.c has the same in C ----

class Random:
    """splitmix64"""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & mask
        return (z ^ z >> 31) % bound


def string(seed, index):
    r = Random(seed * 1000003 + index)
    out = b""
    for _ in range(1 + r.below(6)):
        kind = r.below(20)
        if kind < 8:
            out += TEXTS[r.below(len(TEXTS))].encode()
        elif kind < 10:
            out += b" " * (1 + r.below(40 if kind == 9 else 3))
        elif kind < 12:
            out += b"".join(b"%d" % r.below(10) for _ in range(1 + r.below(40 if kind == 11 else 4)))
        elif kind < 19:
            first, last = RANGES[r.below(len(RANGES))]
            for _ in range(1 + r.below(6)):
                out += chr(first + r.below(last - first + 1)).encode()
        else:
            out += bytes([128 + r.below(128)])
    return out


def digest(*parts):
    """FNV-1a over ids as four bytes each, or bytes; 0xffffffff after each part."""
    h = 0xCBF29CE484222325
    for part in parts:
        data = part if isinstance(part, bytes) else b"".join(i.to_bytes(4, "little") for i in part)
        for byte in data + b"\xff\xff\xff\xff":
            h = ((h ^ byte) * 0x100000001B3) & ((1 << 64) - 1)
    return "%016x" % h


# ---- tokenizer files ----

def corpus():
    texts = [open(name, encoding="utf-8").read() for name in sorted(glob.glob("src/**/*.h", recursive=True))]
    return [t.replace("\0", "") for t in TEXTS * 3 + texts]


def save(name, tokenizer, pairs=False):
    """Compact; merges as the older files have them unless pairs."""
    data = json.loads(tokenizer.to_str() if isinstance(tokenizer, Tokenizer) else json.dumps(tokenizer))
    if not pairs:
        data["model"]["merges"] = [m if isinstance(m, str) else " ".join(m) for m in data["model"]["merges"]]
    with open(GOLDEN + "tokenizer_%s.json" % name, "w", encoding="utf-8") as file:
        json.dump(data, file, ensure_ascii=False, separators=(",", ":"))


def byte_level(name, pre, size, normalizer=None, special=(), plain=(), template=None, processor=None, ignore_merges=False, in_vocab=False, decoder=None, pairs=False):
    t = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    t.pre_tokenizer, t.decoder = pre, decoder or decoders.ByteLevel()
    if normalizer:
        t.normalizer = normalizer
    t.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
                                                        special_tokens=list(special) if in_vocab else []))
    t.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    t.add_tokens([AddedToken(token, normalized=False, special=False) for token in plain])
    if template:
        processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), around(t, template)])
    if processor:
        t.post_processor = processor
    save(name, t, pairs)


def around(t, bos):
    return processors.TemplateProcessing(single="%s:0 $A:0" % bos, pair="%s:0 $A:0 %s:1 $B:1" % (bos, bos), special_tokens=[(bos, t.token_to_id(bos))])


def sentencepiece_model(size, symbols=()):
    """Pieces and scores of a BPE model with byte fallback; ids as Llama has them: <unk>, <s>, </s>, control, bytes, pieces."""
    with tempfile.TemporaryDirectory() as folder:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(line for text in corpus() for line in text.split("\n")), model_prefix=folder + "/m", model_type="bpe", vocab_size=size,
            byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, character_coverage=0.995, control_symbols=list(symbols),
            minloglevel=2)
        return open(folder + "/m.model", "rb").read()


def llama(name, model, prepend, special):
    """As Transformers converts: a merge for every way to divide a piece into two others, best score first."""
    sp = sentencepiece.SentencePieceProcessor(model_proto=model)
    pieces = [sp.id_to_piece(i) for i in range(sp.get_piece_size())]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    merges = []
    for piece, i in vocab.items():
        if not (sp.is_control(i) or sp.is_unknown(i) or sp.is_byte(i)):
            halves = [(piece[:k], piece[k:]) for k in range(1, len(piece)) if piece[:k] in vocab and piece[k:] in vocab]
            merges += [(-sp.get_score(i), vocab[a], vocab[b], a, b) for a, b in halves]
    t = Tokenizer(models.BPE(vocab=vocab, merges=[m[3:] for m in sorted(merges)], unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if prepend:
        t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        t.pre_tokenizer = pre_tokenizers.Metaspace("▁", "first", split=False)
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    t.post_processor = around(t, "<s>")
    for text in TEXTS:  # nothing that SentencePiece itself would not say
        if not any(c in text for c in ("<", "[INST]", "\0", "\u2581")) and (prepend or text[0] != " "):
            assert t.encode(text, add_special_tokens=False).ids == sp.encode(text), text
    save(name, t)


def train():
    level, sequence, split = pre_tokenizers.ByteLevel, pre_tokenizers.Sequence, pre_tokenizers.Split
    plain = level(add_prefix_space=False, use_regex=False)
    byte_level("smollm", sequence([pre_tokenizers.Digits(individual_digits=True), level(add_prefix_space=False)]), 700, in_vocab=True,
               special=["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    byte_level("llama3", sequence([split(Regex(LLAMA3), "isolated"), plain]), 800, special=["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"],
               template="<|begin_of_text|>", ignore_merges=True, pairs=True)
    byte_level("qwen2", sequence([split(Regex(QWEN2), "isolated"), plain]), 800, normalizer=normalizers.NFC(),
               special=["<|endoftext|>", "<|im_start|>", "<|im_end|>"], plain=["<think>", "</think>"],
               processor=processors.ByteLevel(trim_offsets=False), decoder=decoders.ByteLevel())
    byte_level("tekken", sequence([split(Regex(TEKKEN), "isolated"), plain]), 800, in_vocab=True, special=["<unk>", "<s>", "</s>", "[INST]", "[/INST]"],
               template="<s>", ignore_merges=True)
    llama("llama2", sentencepiece_model(760), True, ["<unk>", "<s>", "</s>"])
    llama("mistral3", sentencepiece_model(640, ["[INST]", "[/INST]"]), False, ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"])

    # what else is supported, in two files: bytes, then characters without fallback
    byte_level("mixed", sequence([split("~", "removed"), pre_tokenizers.Digits(individual_digits=True), split(Regex(r"x*"), "isolated"),
                                  split(Regex(r"\s+"), "merged_with_previous"), split(Regex(r"\w+"), "contiguous", invert=True), level(add_prefix_space=True)]),
               500, normalizer=normalizers.Sequence([normalizers.NFC()]), ignore_merges=True)
    t = Tokenizer.from_file(GOLDEN + "tokenizer_mixed.json")
    t.add_special_tokens([AddedToken("<|end|>", normalized=False, special=True)])
    t.add_tokens([AddedToken("c\u1e8b!", normalized=True), AddedToken("c\u1e8b", normalized=True), AddedToken("foo", lstrip=True, rstrip=True, normalized=False),
                  AddedToken("of", single_word=True, normalized=False), AddedToken("  ", lstrip=True, rstrip=True, normalized=False)])
    save("mixed", t)

    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    t.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.Replace(Regex(r"\p{M}+"), ""), normalizers.Lowercase(), normalizers.Strip(),
                                         normalizers.NFKC(), normalizers.Replace("--", " - ")])
    t.pre_tokenizer = sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation("merged_with_next"), split(Regex(r"\d+|[^\S\n]"), "merged_with_next"),
                                pre_tokenizers.Metaspace("▁", "always")])
    t.decoder = decoders.Metaspace("▁", "always")
    t.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=500, limit_alphabet=120, special_tokens=["<unk>", "<s>"], show_progress=False))
    t.add_tokens([AddedToken("FOO", normalized=True), AddedToken("<|1|>", normalized=False, special=True, rstrip=True)])
    save("odd", t, pairs=True)


# ---- cases ----

def encoded(t, raw):
    text = raw.decode(errors="replace")  # maximal broken parts, as Rust's from_utf8_lossy
    t.encode_special_tokens = False
    ids = t.encode(text).ids
    t.encode_special_tokens = True
    plain = t.encode(text, add_special_tokens=False).ids
    return ids, plain, t.decode(ids, skip_special_tokens=False).encode()


def cases(t):
    out = []
    for raw in [text.encode() for text in TEXTS] + BROKEN:
        ids, plain, decoded = encoded(t, raw)
        out.append([raw.hex(), ids, None if plain == ids else plain, None if decoded == raw else decoded.hex()])
    return out


def folders():
    """Ids of AutoTokenizer where tokenizer_config.json says something of added tokens; and that it reads the files as we do."""
    out = []
    for path in FILES:
        t, data = Tokenizer.from_file(path), json.load(open(path, encoding="utf-8"))
        specials = [token for token in data["added_tokens"] if token["special"]]
        named = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": specials[0]["content"], "eos_token": {"content": specials[-1]["content"], "__type": "AddedToken"}}
        flags = {"single_word": False, "lstrip": True, "rstrip": True, "normalized": False, "special": True}
        listed = {str(token["id"]): {k: v for k, v in token.items() if k != "id"} for token in data["added_tokens"]}
        stripping = {**listed, str(specials[0]["id"]): {"content": specials[0]["content"], **flags}}
        more = {**listed, str(t.get_vocab_size()): {"content": "<more>", **flags, "lstrip": False}}
        for extra in ({}, {"add_bos_token": True, "add_eos_token": True}, {"added_tokens_decoder": listed}, {"added_tokens_decoder": stripping},
                      {"added_tokens_decoder": more}, {"additional_special_tokens": ["e"]}):
            config = {**named, **extra}
            with tempfile.TemporaryDirectory() as folder:
                json.dump(data, open(folder + "/tokenizer.json", "w"))
                json.dump(config, open(folder + "/tokenizer_config.json", "w"))
                auto = transformers.AutoTokenizer.from_pretrained(folder)
            text = "the %s end <more> of" % specials[0]["content"]
            out.append({"file": path, "config": config, "text": text, "ids": auto(text)["input_ids"]})
            if not extra:
                for text in TEXTS:
                    assert auto(text)["input_ids"] == t.encode(text).ids, (path, text)
    return out


def main():
    if "--train" in sys.argv:
        train()
    sets = []
    for seed, path in enumerate(FILES, 1):
        t = Tokenizer.from_file(path)
        rows = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases(t))
        hashes = ",".join('"%s"' % digest(*encoded(t, string(seed, i))) for i in range(STRINGS))
        sets.append('{"file": "%s", "seed": %d, "cases": [\n%s],\n"hashes": [%s]}' % (path, seed, rows, hashes))
    with open(GOLDEN + "tokenizer_cases.json", "w", encoding="ascii") as file:
        file.write('{"tokenizers": "%s", "transformers": "%s", "sentencepiece": "%s",\n' % (tokenizers.__version__, transformers.__version__, sentencepiece.__version__))
        file.write('"texts": %s,\n"ranges": %s,\n' % (json.dumps([text.encode().hex() for text in TEXTS]), json.dumps(RANGES)))
        file.write('"configs": [\n%s],\n' % ",\n".join(json.dumps(c) for c in folders()))
        file.write('"sets": [\n%s]}\n' % ",\n".join(sets))


if __name__ == "__main__":
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    main()
