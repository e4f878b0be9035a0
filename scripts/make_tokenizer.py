#!/usr/bin/env python3
"""Writes recipes/tokenizer.json, the tokenizer of our own small models; with --families recipes/tokenizer-families.json,
which knows the words of all problem families.

Byte-level BPE over 256 bytes. Merges are not learned but built: each phrase that our problem texts repeat
becomes one token, by a chain of merges from left to right over what the earlier merges leave of it. A chain
added later has only higher ranks, so it can never disturb an earlier phrase. Numbers below 100 are one token;
the splitting pattern never lets more than two digits meet. With --families the digits of larger numbers are tokens of
their own, so that the digits of a product stand where they stand in its steps.
"""
import json
import re
import sys

SIZE = 512                   # vocabulary with added tokens
THREADS = 16                 # thread tokens: <|1|> ... and <|of 1|> ...
PHRASES = [", ", ": ", ".\n", " = ", "[[", ", try ", ", no", ", yes", " to ", " from ", " mod ", "Find ", "none", " (each", ", mod ", "): ",
           "What is ", "Answer: ", "success]]", "best]]", "fail]]", "\n\n", "]]"]
# Pairs first: the words after them are then shorter chains.
WORDS = """th|in|er|an|re|on|es|en|or|al|ing|st|ar|ed| the| a| of| is| it| and| we| so| for| be| by| if| this|
 then| are| not| or|So|The""".replace("\n", "").split("|")


# ---- all families. A phrase is split off before anything else, so a letter behind it is a token of its own. ----
FAMILY_SIZE = 1024
FAMILY_PHRASES = PHRASES + [
    "Give ", "To ", "From ", " by ", " try ", ", step ", ", so ", ". ", "? ",
    " says ", " lies", " honest", " like ", " unlike ", " calls ", " and ", "; ", ", dead", "| ",
    ", length", ", order", ", offset", ", values", ", none", "take 2",
]
# Words of prompts begin with a space; those of lists (after ", ") and of sentences do not.
FAMILY_WORDS = """Shortest|How| far|Roads| shortest| way| the| What|What| is| it| and|All|Via|Steps|Examples| program|
Which| has| these| steps|double|reverse|sort|turn|even|odd|tail|sum|Mod| with| unknown|Each|Find|Give|
Coins| are| counted| many| coins| plus| minus| times|
Start| at|Reach| in| turn| each| one| number| another| out| of| none| twice| How| reached|
Knights|Name| are| honest|Who| knights| knaves|knaves| lie| who|You| hear|On| an| island| lying| among| liar| alike| different|
the|each|with|mod|and|one|counted|With|You|There| have| may| use| once| want| go| last| used| then| numbers|
Ann|Bob|Cy|Dan|Eve|Fay|Gus|Hal|Ida|Jim|Kim|Leo|Max|Ned|Ora|Pam|Quin|Ray|Sue|Tom|Uma|Vic|Wes|Xia|Yan|Zoe|
 Ann| Bob| Cy| Dan| Eve| Fay| Gus| Hal| Ida| Jim| Kim| Leo| Max| Ned| Ora| Pam| Quin| Ray| Sue| Tom| Uma| Vic| Wes| Xia| Yan| Zoe|
""".replace("\n", "").rstrip("|").split("|")


def alphabet():
    """ByteLevel's character for each byte."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in keep]
    return {b: chr(b) for b in keep} | {b: chr(256 + i) for i, b in enumerate(rest)}


CHARS = alphabet()


def encode(text, ranks):
    parts = [CHARS[b] for b in text.encode()]
    while len(parts) > 1:
        rank, at = min((ranks.get((parts[i], parts[i + 1]), 1 << 30), i) for i in range(len(parts) - 1))
        if rank == 1 << 30:
            break
        parts[at:at + 2] = [parts[at] + parts[at + 1]]
    return parts


def main(path, size, phrases, words, numbers):
    vocab = {CHARS[b]: b for b in range(256)}
    ranks = {}

    def add(text):
        parts = encode(text, ranks)
        needed = len(parts) - 1
        if len(vocab) + needed > size - 2 - 2 * THREADS:
            return False
        while len(parts) > 1:
            ranks[parts[0], parts[1]] = len(ranks)
            parts[:2] = [parts[0] + parts[1]]
            assert parts[0] not in vocab, parts
            vocab[parts[0]] = len(vocab)
        return True

    for number in range(10, 100):
        assert add(str(number))
    for phrase in phrases:
        assert add(phrase), phrase
    left_out = [word for word in words if not add(word)]
    if left_out:
        print("no room for:", left_out, file=sys.stderr)

    literal = "|".join(re.escape(p).replace("\\\n", "\\n").replace("\\ ", " ").replace("\\-", "-")
                       for p in sorted(phrases, key=lambda p: (-len(p), p)))
    pattern = literal + "|" + numbers + r"| ?\p{L}+|\p{N}|[^\s\p{L}\p{N}]|\s+(?!\S)|\s"
    names = ["<|end|>", "<|pad|>"] + [f"<|{i}|>" for i in range(1, THREADS + 1)] + [f"<|of {i}|>" for i in range(1, THREADS + 1)]
    added = [{"id": len(vocab) + i, "content": name, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True} for i, name in enumerate(names)]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    result = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}, byte_level]},
        "post_processor": None, "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": vocab, "merges": [[a, b] for a, b in ranks]},
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file, ensure_ascii=False, indent=1)
        file.write("\n")
    print(f"{path}: {len(vocab)} tokens, {len(added)} added", file=sys.stderr)


if __name__ == "__main__":
    families = "--families" in sys.argv
    paths = [a for a in sys.argv[1:] if a != "--families"]
    if families:
        # A letter among those before a bar is a token: each says what somebody is.
        main(paths[0] if paths else "recipes/tokenizer-families.json", FAMILY_SIZE, FAMILY_PHRASES, FAMILY_WORDS,
             r"\p{L}(?=\p{L}{0,5}\|)|(?<![0-9])[0-9]{1,2}(?![0-9])|[0-9]")
    else:
        main(paths[0] if paths else "recipes/tokenizer.json", SIZE, PHRASES, WORDS, r"[0-9]{1,2}")
