#include "text/jinja_value.h"
#include <stdlib.h>

#define BLOCK ((size_t)1 << 14)

struct jinja_block {
    struct jinja_block *next;
    _Alignas(16) char memory[];
};

/* A new block: what does not fit in the old one is given up, so blocks double to keep that small. */
static bool grow(struct jinja_pool *pool, size_t bytes)
{
    size_t size = BLOCK, used = pool->total;
    while (size < used && size < (size_t)1 << 22) size *= 2;
    if (size < bytes + 16) size = bytes + 16;
    if (bytes > pool->limit || size > pool->limit - used) {
        pool->full = true;
        return false;
    }
    struct jinja_block *block = malloc(sizeof *block + size);
    if (!block) return false;
    block->next = pool->blocks;
    pool->blocks = block;
    pool->top = block->memory;
    pool->end = block->memory + size;
    pool->total += size;
    return true;
}

void *lace_jinja_take(struct jinja_pool *pool, size_t count, size_t size)
{
    size_t bytes;
    if (!lace_mul(count, size, &bytes)) {
        pool->full = true;
        return NULL;
    }
    size_t skip = -(uintptr_t)pool->top & 15;
    if ((size_t)(pool->end - pool->top) < skip || (size_t)(pool->end - pool->top) - skip < bytes) {
        if (!grow(pool, bytes)) return NULL;
        skip = 0;
    }
    char *piece = pool->top + skip;
    pool->top = piece + bytes;
    return memset(piece, 0, bytes);
}

char *lace_jinja_take_text(struct jinja_pool *pool, size_t len)
{
    if ((size_t)(pool->end - pool->top) <= len && !grow(pool, len + 1)) return NULL;
    char *piece = pool->top;
    pool->top += len;
    return piece;
}

bool lace_jinja_extend(struct jinja_pool *pool, const char *end, const char *bytes, size_t len)
{
    if (end != pool->top || (size_t)(pool->end - pool->top) < len) return false;
    memcpy(pool->top, bytes, len);
    pool->top += len;
    return true;
}

void lace_jinja_pool_release(struct jinja_pool *pool)
{
    while (pool->blocks) {
        struct jinja_block *next = pool->blocks->next;
        free(pool->blocks);
        pool->blocks = next;
    }
    *pool = (struct jinja_pool){0};
}
