#include "text/unicode.h"
#include "text/unicode_table.h"
#include "text/utf8.h"
#include <utf8proc.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

bool lace_unicode_space(uint32_t c)
{
    return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/* The old character that stands for a new one; the character itself where it is old. */
static uint32_t seen(uint32_t c)
{
    size_t low = 0, high = COUNT(lace_new_characters);
    if (c < lace_new_characters[0][0]) return c;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (lace_new_characters[middle][0] <= c) low = middle;
        else high = middle;
    }
    return c <= lace_new_characters[low][1] ? lace_new_characters[low][2] : c;
}

bool lace_unicode_word(uint32_t c)
{
    switch (utf8proc_category((utf8proc_int32_t)seen(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC: return true;
    default: /* circled and squared letters, and the two joiners */
        return (c >= 0x24b6 && c <= 0x24e9) || (c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) ||
               (c >= 0x1f170 && c <= 0x1f189) || c == 0x200c || c == 0x200d;
    }
}

uint32_t lace_unicode_lower(uint32_t c)
{
    for (size_t i = 0; c >= lace_new_lowercase[0][0] && i < COUNT(lace_new_lowercase); i++)
        if (c >= lace_new_lowercase[i][0] && c <= lace_new_lowercase[i][1])
            return c - lace_new_lowercase[i][0] + lace_new_lowercase[i][2];
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
}

bool lace_unicode_any_new(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len;) {
        if (!(bytes[i] & 0x80)) {
            i++;
            continue;
        }
        size_t n;
        uint32_t c = lace_utf8_point(bytes + i, &n);
        /* CJK ideographs, Hangul and the scripts below U+0897 hold nothing new and most of the world's text */
        if (c >= 0x897 && (c < 0x3200 || c >= 0xa7cb) && (c < 0xac00 || c > 0xffff) && seen(c) != c) return true;
        i += n;
    }
    return false;
}

void lace_unicode_seen(struct lace_text *out, const char *bytes, size_t len)
{
    size_t start = 0, n;
    for (size_t i = 0; i < len; i += n) {
        uint32_t c = lace_utf8_point(bytes + i, &n), old = seen(c);
        if (old == c) continue;
        utf8proc_uint8_t character[4];
        lace_text_add(out, bytes + start, i - start);
        lace_text_add(out, (char *)character, (size_t)utf8proc_encode_char((utf8proc_int32_t)old, character));
        start = i + n;
    }
    lace_text_add(out, bytes + start, len - start);
}

size_t lace_unicode_still(const char *bytes, size_t len)
{
    size_t n;
    uint32_t c = lace_utf8_point(bytes, &n);
    (void)len;
    for (size_t i = 0; i < COUNT(lace_still_characters) && lace_still_characters[i][0] <= c; i++)
        if (c <= lace_still_characters[i][1]) return n;
    return 0;
}

bool lace_unicode_composed(const char *bytes, size_t len)
{
    /* blocks whose characters are NFC as they stand and never join the one before */
    static const uint32_t inert[][2] = {{0, 0x2ff},       {0x400, 0x482},     {0x48a, 0x590},    {0x1ea0, 0x1ef9},
                                        {0x2010, 0x20cf}, {0x2190, 0x2328},   {0x2460, 0x2adb},  {0x2e80, 0x2fff},
                                        {0x3001, 0x3029}, {0x3030, 0x3098},   {0x309b, 0xa66e},  {0xac00, 0xd7a3},
                                        {0xfe30, 0xffff}, {0x1f000, 0x1faff}, {0x20000, 0x2a6df}};
    for (size_t i = 0; i < len;) {
        if (!(bytes[i] & 0x80)) {
            i++;
            continue;
        }
        size_t n, k = 0;
        uint32_t c = lace_utf8_point(bytes + i, &n);
        while (k < COUNT(inert) && c > inert[k][1]) k++;
        if (k == COUNT(inert) || c < inert[k][0]) return false;
        i += n;
    }
    return true;
}
