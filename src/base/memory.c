/* Aligned memory and the arena. */
#include "base/base.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

void *lace_alloc(size_t bytes)
{
    size_t align = bytes >= HUGE_PAGE ? HUGE_PAGE : 64, rounded;
    if (!lace_add(bytes ? bytes : 1, align - 1, &rounded)) return NULL;
    rounded = rounded / align * align;
    void *memory = aligned_alloc(align, rounded);
    if (!memory) return NULL;
    if (align == HUGE_PAGE) madvise(memory, rounded, MADV_HUGEPAGE); /* advice: refusal costs speed only */
    return memset(memory, 0, rounded);
}

void *lace_alloc_array(size_t count, size_t size)
{
    size_t bytes;
    return lace_mul(count, size, &bytes) ? lace_alloc(bytes) : NULL;
}

void lace_free(void *memory) { free(memory); }

int lace_arena_init(struct lace_arena *arena, size_t bytes, struct lace_error *err)
{
    *arena = (struct lace_arena){lace_alloc(bytes), 0, bytes};
    if (!arena->base)
        return lace_fail(err, LACE_MEMORY, "Out of memory: %zu MiB are needed; free some or ask for less.",
                         bytes >> 20);
    return 0;
}

void *lace_arena_take(struct lace_arena *arena, size_t bytes)
{
    size_t rounded, end;
    if (!lace_add(bytes, 63, &rounded)) return NULL;
    rounded = rounded / 64 * 64;
    if (!lace_add(arena->used, rounded, &end)) return NULL;
    if (!arena->base) {
        arena->used = end;
        return NULL;
    }
    if (end > arena->size) return NULL;
    void *piece = arena->base + arena->used;
    arena->used = end;
    return piece;
}

void lace_arena_release(struct lace_arena *arena)
{
    lace_free(arena->base);
    *arena = (struct lace_arena){0};
}
