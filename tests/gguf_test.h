/* GGUF files written down in tests. */
#ifndef LACE_GGUF_TEST_H
#define LACE_GGUF_TEST_H
#include "base/base.h"
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

/* Writes the file of a recipe by lines, where the line that begins with the key of `instead` is replaced by it (or it is
 * added; "-key" only takes away). Behind the pairs comes the recipe of so many tensors. */
static inline void gguf_write(const char *path, const char *base, const char *instead, int tensors, const char *table)
{
    struct lace_text lines, recipe;
    struct lace_error err;
    bool removes = instead && *instead == '-', placed = !instead || removes;
    size_t key = instead ? strcspn(instead + removes, " ") : 0, len;
    int pairs = 0;
    lace_text_init(&lines);
    lace_text_init(&recipe);
    for (const char *p = base, *end; *p; p = end + 1) {
        end = strchr(p, '\n');
        bool same = instead && strcspn(p, " ") == key && !memcmp(p, instead + removes, key);
        if (same && removes) continue;
        pairs++;
        if (same) lace_text_str(&lines, instead);
        else lace_text_add(&lines, p, (size_t)(end - p));
        placed |= same;
        lace_text_str(&lines, " ");
    }
    if (!placed) lace_text_str(&lines, instead), pairs++;
    lace_text_print(&recipe, "GGUF 4:3 8:%d 8:%d %s %s", tensors, pairs, lines.data, table);
    unsigned char *bytes = gguf_make(recipe.data, &len);
    if (lace_write_file(path, bytes, len, &err)) abort();
    free(bytes);
    lace_text_release(&lines);
    lace_text_release(&recipe);
}

#define HEAD(tensors, pairs)          "GGUF 4:3 8:" #tensors " 8:" #pairs " "
#define T(name, cols, rows, type, at) "s:" name " 4:2 8:" #cols " 8:" #rows " 4:" #type " 8:" #at " "
#define V(name, cols, type, at)       "s:" name " 4:1 8:" #cols " 4:" #type " 8:" #at " "
#endif
