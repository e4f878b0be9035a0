/* GGUF files written down in tests. */
#ifndef LACE_GGUF_TEST_H
#define LACE_GGUF_TEST_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A file from a recipe of words: 4:N and 8:N are numbers of so many bytes, 1:N too, s:TEXT a string with its length,
 * z:N so many zero bytes, p:N zeros up to a multiple of N, other words themselves. In memory of exactly its size, for the
 * address sanitizer. */
static inline unsigned char *gguf_make(const char *recipe, size_t *len)
{
    unsigned char *bytes = calloc(1, 1 << 20);
    size_t n = 0;
    for (const char *p = recipe, *end; *p; p = end + strspn(end, " ")) {
        end = p + strcspn(p, " ");
        size_t rest = (size_t)(end - p) - (p[1] == ':' ? 2 : 0);
        uint64_t number = strtoull(p + 2, NULL, 0);
        if (p[1] != ':') memcpy(bytes + n, p, rest), n += rest;
        else if (*p == 'z') n += (size_t)number;
        else if (*p == 'p') n = (n + (size_t)number - 1) / (size_t)number * (size_t)number;
        else {
            uint64_t value = *p == 's' ? rest : number;
            int size = *p == 's' ? 8 : *p - '0';
            for (int i = 0; i < size; i++) bytes[n++] = (unsigned char)(value >> 8 * i);
            if (*p == 's') memcpy(bytes + n, p + 2, rest), n += rest;
        }
    }
    *len = n;
    return realloc(bytes, n ? n : 1);
}

#define HEAD(tensors, pairs)          "GGUF 4:3 8:" #tensors " 8:" #pairs " "
#define T(name, cols, rows, type, at) "s:" name " 4:2 8:" #cols " 8:" #rows " 4:" #type " 8:" #at " "
#define V(name, cols, type, at)       "s:" name " 4:1 8:" #cols " 4:" #type " 8:" #at " "
#endif
