/* Characters of UTF-8, for text that is drawn or written as JSON. */
#ifndef LACE_CLI_UTF8_H
#define LACE_CLI_UTF8_H
#include <stddef.h>

/* Bytes of the first character of len >= 1 bytes: 1 to 4; 0: what is there may be the beginning of one; -1: none. */
static inline int cli_utf8_size(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    unsigned char low = 0x80, high = 0xbf; /* of the second byte: no overlong forms, surrogates, points over 10FFFF */
    if (p[0] < 0x80) return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4) return -1;
    if (p[0] == 0xe0) low = 0xa0;
    if (p[0] == 0xed) high = 0x9f;
    if (p[0] == 0xf0) low = 0x90;
    if (p[0] == 0xf4) high = 0x8f;
    int need = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    for (int i = 1; i < need; i++, low = 0x80, high = 0xbf) {
        if ((size_t)i == len) return 0;
        if (p[i] < low || p[i] > high) return -1;
    }
    return need;
}
#endif
