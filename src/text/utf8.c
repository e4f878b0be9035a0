#include "text/utf8.h"

size_t lace_utf8_next(const char *bytes, size_t len, bool *valid)
{
    const unsigned char *p = (const unsigned char *)bytes;
    unsigned char low = 0x80, high = 0xbf; /* of the second byte: no overlong forms, surrogates or points over 10FFFF */
    size_t need;
    *valid = p[0] < 0x80;
    if (p[0] < 0xc2 || p[0] > 0xf4) return 1;
    need = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (p[0] == 0xe0) low = 0xa0;
    if (p[0] == 0xed) high = 0x9f;
    if (p[0] == 0xf0) low = 0x90;
    if (p[0] == 0xf4) high = 0x8f;
    for (size_t i = 1; i < need; i++) {
        if (i == len || p[i] < low || p[i] > high) return i;
        low = 0x80;
        high = 0xbf;
    }
    *valid = true;
    return need;
}

bool lace_utf8_valid(const char *bytes, size_t len)
{
    bool valid = true;
    for (size_t i = 0; i < len && valid;) i += lace_utf8_next(bytes + i, len - i, &valid);
    return valid;
}

size_t lace_utf8_whole(const char *bytes, size_t len)
{
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        unsigned char c = (unsigned char)bytes[len - back];
        bool valid;
        if ((c & 0xc0) == 0x80) continue; /* the character began earlier */
        size_t need = c < 0xc2 || c > 0xf4 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        return need > back && lace_utf8_next(bytes + len - back, back, &valid) == back ? len - back : len;
    }
    return len;
}

void lace_utf8_lossy(struct lace_text *out, const char *bytes, size_t len)
{
    size_t start = 0;
    bool valid;
    for (size_t i = 0; i < len;) {
        size_t n = lace_utf8_next(bytes + i, len - i, &valid);
        if (!valid) {
            lace_text_add(out, bytes + start, i - start);
            lace_text_str(out, "\xef\xbf\xbd");
            start = i + n;
        }
        i += n;
    }
    lace_text_add(out, bytes + start, len - start);
}
