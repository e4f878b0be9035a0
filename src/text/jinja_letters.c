/* Characters as Python's str treats them: what is a blank, what repr() escapes, upper, lower and title case. */
#include "text/jinja_run.h"
#include <utf8proc.h>

int32_t lace_jinja_point(const char *bytes, size_t len, size_t *size)
{
    const unsigned char *p = (const unsigned char *)bytes;
    (void)len;
    *size = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    int32_t point = *size == 1 ? p[0] : p[0] & (0x7f >> *size);
    for (size_t i = 1; i < *size; i++) point = point << 6 | (p[i] & 0x3f);
    return point;
}

size_t lace_jinja_count(struct jinja_text text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) count += (text.bytes[i] & 0xc0) != 0x80;
    return count;
}

size_t lace_jinja_offset(struct jinja_text text, size_t character)
{
    size_t i = 0;
    for (; i < text.len; i++)
        if ((text.bytes[i] & 0xc0) != 0x80 && character-- == 0) break;
    return i;
}

bool lace_jinja_is_space(int32_t c)
{
    if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

bool lace_jinja_is_printable(int32_t c)
{
    utf8proc_category_t category = utf8proc_category(c);
    if (c == ' ') return true;
    return category != UTF8PROC_CATEGORY_CN && category < UTF8PROC_CATEGORY_ZS;
}

struct jinja_text lace_jinja_strip(struct jinja_text text, const struct jinja_text *chars, bool left, bool right)
{
    size_t size, at;
    for (; left && text.len; text.bytes += size, text.len -= size) {
        int32_t c = lace_jinja_point(text.bytes, text.len, &size);
        if (chars ? !memmem(chars->bytes, chars->len, text.bytes, size) : !lace_jinja_is_space(c)) break;
    }
    for (; right && text.len; text.len = at) {
        for (at = text.len - 1; (text.bytes[at] & 0xc0) == 0x80;) at--;
        int32_t c = lace_jinja_point(text.bytes + at, text.len - at, &size);
        if (chars ? !memmem(chars->bytes, chars->len, text.bytes + at, size) : !lace_jinja_is_space(c)) break;
    }
    return text;
}

/* ---- upper, lower and title case: Unicode's full mappings ---- */

/* Unicode's Lowercase and Uppercase: the letters of that category, and what looks like them. */
bool lace_jinja_is_lower(int32_t c)
{
    static const int32_t ranges[][2] = {
        {0xaa, 0xaa},       {0xba, 0xba},       {0x2b0, 0x2b8},     {0x2c0, 0x2c1},     {0x2e0, 0x2e4},
        {0x345, 0x345},     {0x37a, 0x37a},     {0x1d2c, 0x1d6a},   {0x1d78, 0x1d78},   {0x1d9b, 0x1dbf},
        {0x2071, 0x2071},   {0x207f, 0x207f},   {0x2090, 0x209c},   {0x2170, 0x217f},   {0x24d0, 0x24e9},
        {0x2c7c, 0x2c7d},   {0xa69c, 0xa69d},   {0xa770, 0xa770},   {0xa7f8, 0xa7f9},   {0xab5c, 0xab5f},
        {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107b0}, {0x107b2, 0x107ba},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1]) return true;
    return utf8proc_category(c) == UTF8PROC_CATEGORY_LL;
}

bool lace_jinja_is_upper(int32_t c)
{
    return utf8proc_category(c) == UTF8PROC_CATEGORY_LU || (c >= 0x2160 && c <= 0x216f) ||
           (c >= 0x24b6 && c <= 0x24cf) || (c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) ||
           (c >= 0x1f170 && c <= 0x1f189);
}

bool lace_jinja_is_cased(int32_t c)
{
    return lace_jinja_is_lower(c) || lace_jinja_is_upper(c) || utf8proc_category(c) == UTF8PROC_CATEGORY_LT;
}

static bool is_ignored(int32_t c)
{
    static const int32_t marks[] = {0x27,   0x2e,   0x3a,   0xb7,   0x387,  0x55f,  0x5f4,  0x2018, 0x2019,
                                    0x2024, 0x2027, 0xfe13, 0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a};
    utf8proc_category_t category = utf8proc_category(c);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (c == marks[i]) return true;
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME || category == UTF8PROC_CATEGORY_CF ||
           category == UTF8PROC_CATEGORY_LM || category == UTF8PROC_CATEGORY_SK;
}

static bool put_point(struct jinja *j, int32_t c)
{
    utf8proc_uint8_t bytes[4];
    return lace_jinja_put(j, (const char *)bytes, (size_t)utf8proc_encode_char(c, bytes));
}

/* A sigma that ends a word has a form of its own: letters before it, none behind. */
static bool is_final_sigma(struct jinja_text text, size_t at)
{
    size_t size, i = at;
    bool before = false;
    while (i) {
        do i--;
        while ((text.bytes[i] & 0xc0) == 0x80);
        int32_t c = lace_jinja_point(text.bytes + i, text.len - i, &size);
        if (is_ignored(c)) continue;
        before = lace_jinja_is_cased(c);
        break;
    }
    for (i = at + 2; before && i < text.len; i += size) {
        int32_t c = lace_jinja_point(text.bytes + i, text.len - i, &size);
        if (!is_ignored(c)) return !lace_jinja_is_cased(c);
    }
    return before;
}

bool lace_jinja_put_lower(struct jinja *j, struct jinja_text text, size_t at)
{
    size_t size;
    int32_t c = lace_jinja_point(text.bytes + at, text.len - at, &size);
    if (c == 0x3a3) return put_point(j, is_final_sigma(text, at) ? 0x3c2 : 0x3c3);
    if (c == 0x130) return put_point(j, 'i') && put_point(j, 0x307);
    return put_point(j, utf8proc_tolower(c));
}

/* What folds to several characters has them in upper case too (the German sharp s, ligatures); in title case the
 * first alone, and an iota written below stays there. */
bool lace_jinja_put_upper(struct jinja *j, int32_t c, bool title)
{
    utf8proc_int32_t folded[8];
    int class = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char(c, folded, 8, UTF8PROC_CASEFOLD, &class);
    int32_t one = title ? utf8proc_totitle(c) : utf8proc_toupper(c);
    if (c < 128 || n < 2 || n > 8 || utf8proc_category(c) == UTF8PROC_CATEGORY_LU || (title && one != c) ||
        (title && utf8proc_category(c) == UTF8PROC_CATEGORY_LT))
        return put_point(j, one);
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        int32_t part = folded[i];
        if (!title || i == 0 || c == 0x149) part = utf8proc_toupper(part);
        else if (part == 0x3b9) part = 0x345;
        if (!put_point(j, part)) return false;
    }
    return true;
}

bool lace_jinja_put_case(struct jinja *j, struct jinja_text text, enum jinja_case to)
{
    size_t size;
    for (size_t i = 0; i < text.len; i += size) {
        int32_t c = lace_jinja_point(text.bytes + i, text.len - i, &size);
        bool title = to == JINJA_TITLE && i == 0;
        bool fine = to == JINJA_UPPER || title ? lace_jinja_put_upper(j, c, title) : lace_jinja_put_lower(j, text, i);
        if (!fine || !lace_jinja_spend(j, 1)) return false;
    }
    return true;
}
