#!/usr/bin/env python3
"""Makes src/text/unicode_table.h: where the Unicode of the package `tokenizers` differs from our libraries'.

  scripts/make_unicode.py > src/text/unicode_table.h

Needs tokenizers (0.23.3 made the file), Python 3.11 (whose unicodedata is Unicode 14, as PCRE2 10.42 is) and
libutf8proc.so.2 (2.8.0, Unicode 15). Later libraries know more; the tables then say what they know too.
"""
import ctypes
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

ALL = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
# Of every general category, an old character without case partners that matter, by its bytes in UTF-8.
STAND_IN = {3: {"Mn": 0x1AB0, "Mc": 0x903, "Po": 0x2016, "Lu": 0x1E00, "Ll": 0x1E01, "So": 0x2300},
            4: {"Lo": 0x10000, "Han": 0x20000, "Lm": 0x16F93, "Lu": 0x10400, "Ll": 0x10428, "Mn": 0x1D167, "Mc": 0x11000,
                "Nd": 0x104A0, "No": 0x10107, "Pd": 0x10EAD, "Po": 0x10100, "Sm": 0x1D6C1, "So": 0x1F300, "Cf": 0x1D173}}


def matched(pre_tokenizer, characters):
    """Those that a pre-tokenizer which removes its matches takes away."""
    out = set()
    for at in range(0, len(characters), 4000):
        part = characters[at:at + 4000]
        kept = {ord(c) for text, _ in pre_tokenizer.pre_tokenize_str("".join(map(chr, part))) for c in text}
        out.update(c for c in part if c not in kept)
    return out


def ranges(values):
    """[first, last, value] of a dict's runs."""
    out = []
    for c in sorted(values):
        if out and out[-1][1] == c - 1 and out[-1][2] == values[c]:
            out[-1][1] = c
        else:
            out.append([c, c, values[c]])
    return out


def rows(items):
    line = "   "
    for item in items:
        if len(line) + len(item) > 118:
            print(line)
            line = "   "
        line += " " + item
    print(line)


def new_characters():
    new = [c for c in ALL if unicodedata.category(chr(c)) == "Cn"]
    han = matched(pre_tokenizers.Split(Regex(r"\p{Han}"), "removed"), new)
    found = {}
    for category in "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cf".split():
        for c in matched(pre_tokenizers.Split(Regex(r"\p{%s}" % category), "removed"), new):
            found[c] = STAND_IN[len(chr(c).encode())]["Han" if category == "Lo" and c in han else category]
    return found


def still_characters():
    lib = ctypes.CDLL("libutf8proc.so.2")
    lib.utf8proc_map.restype = ctypes.c_ssize_t
    lib.utf8proc_map.argtypes = [ctypes.c_char_p, ctypes.c_ssize_t, ctypes.POINTER(ctypes.c_void_p), ctypes.c_int]
    free = ctypes.CDLL(None).free
    free.argtypes = [ctypes.c_void_p]
    nfd, nfkd = normalizers.NFD(), normalizers.NFKD()

    def ours(text, compatibly):
        out, data = ctypes.c_void_p(), text.encode()
        size = lib.utf8proc_map(data, len(data), ctypes.byref(out), 2 | 16 | (4 if compatibly else 0))  # STABLE, DECOMPOSE, COMPAT
        result = ctypes.string_at(out, size).decode()
        free(out)
        return result

    still = {}
    for c in ALL:
        # between two marks, of high and of low class, a mark that one library knows and the other does not moves
        for text in (chr(c), "a\u0345" + chr(c), "a" + chr(c) + "\u0334"):
            if ours(text, False) != nfd.normalize_str(text) or ours(text, True) != nfkd.normalize_str(text):
                still[c] = True
    still[0x11A7] = True  # a vowel that utf8proc takes for a final consonant, and loses
    still[0x11930] = True  # the second part of U+11938, which is composed only by who knows it
    return still


def new_lowercase():
    """Characters whose lower case utf8proc does not know: first, last, lower case of the first."""
    lib = ctypes.CDLL("libutf8proc.so.2")
    lower = normalizers.Lowercase()
    found = {}
    for c in ALL:
        text = lower.normalize_str(chr(c))
        if len(text) == 1 and ord(text) != lib.utf8proc_tolower(c):
            found[c] = ord(text) - c
    return [(a, b, a + step) for a, b, step in ranges(found)]


def main():
    punctuation = matched(pre_tokenizers.Punctuation("removed"), ALL)
    ours = {c for c in ALL if unicodedata.category(chr(c))[0] == "P" or chr(c) in "$+<=>^`|~"}
    later = "".join(r"\x{%x}" % a if a == b else r"\x{%x}-\x{%x}" % (a, b) for a, b, _ in ranges({c: 1 for c in ours - punctuation}))
    earlier = "".join(r"\x{%x}" % c for c in sorted(punctuation - ours))
    new = ranges(new_characters())
    still = ranges(still_characters())
    print("/* Made by scripts/make_unicode.py with tokenizers %s. */\n/* clang-format off */" % tokenizers.__version__)
    print("#ifndef LACE_UNICODE_TABLE_H\n#define LACE_UNICODE_TABLE_H\n#include <stdint.h>\n")
    print("/* Characters that PCRE2 may not know: first, last, and an old one of the same category and length in UTF-8. */")
    print("static const uint32_t lace_new_characters[][3] = {")
    rows("{0x%x, 0x%x, 0x%x}," % tuple(r) for r in new)
    print("};\n\n/* What Tokenizers' normalizers leave as it is, and ours would not. */")
    print("static const uint32_t lace_still_characters[][2] = {")
    rows("{0x%x, 0x%x}," % tuple(r[:2]) for r in still)
    print("};\n\n/* Lower case of new characters: first, last, and what the first becomes; the others follow. */")
    print("static const uint32_t lace_new_lowercase[][3] = {")
    rows("{0x%x, 0x%x, 0x%x}," % r for r in new_lowercase())
    print("};\n\n/* The pre-tokenizer Punctuation, whose Unicode is an older one. */")
    print("#define LACE_PUNCTUATION \\")
    text = r"(?![" + later + r"])[\p{P}$+<=>^`|~" + earlier + "]"
    parts = [text[i:i + 110] for i in range(0, len(text), 110)]
    for i, part in enumerate(parts):
        print('    "%s"%s' % (part.replace("\\", "\\\\"), " \\" if i < len(parts) - 1 else ""))
    print("#endif")


if __name__ == "__main__":
    main()
