/* Aligned memory and the arena. */
#include "base/base.h"
#include <inttypes.h>
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

static size_t whole_pages(size_t bytes) { return (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE; }

/* Huge pages that are not there before they are written. The system clears a page when it gives it; memset would do so
 * again. */
static void *map(size_t bytes)
{
    if (bytes > SIZE_MAX - 2 * HUGE_PAGE) return NULL;
    size_t whole = whole_pages(bytes);
    unsigned char *p = mmap(NULL, whole + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    size_t before = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    if (before) munmap(p, before);
    munmap(p + before + whole, HUGE_PAGE - before);
    madvise(p + before, whole, MADV_HUGEPAGE); /* advice: refusal costs speed only */
    return p + before;
}

int lace_arena_init(struct lace_arena *arena, size_t bytes, struct lace_error *err)
{
    *arena = (struct lace_arena){bytes < HUGE_PAGE ? lace_alloc(bytes) : map(bytes), 0, bytes};
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
    if (arena->size < HUGE_PAGE) lace_free(arena->base);
    else if (arena->base) munmap(arena->base, whole_pages(arena->size));
    *arena = (struct lace_arena){0};
}

/* ---- what is left ---- */

/* The number behind a word at a line's beginning; word NULL: the file begins with it. false: it is not there. */
static bool read_number(const char *path, const char *word, uint64_t *out)
{
    FILE *file = fopen(path, "re");
    char line[256];
    bool found = false;
    size_t len = word ? strlen(word) : 0;
    while (file && !found && fgets(line, sizeof line, file))
        found = (!len || !strncmp(line, word, len)) && sscanf(line + len, "%" SCNu64, out) == 1;
    if (file) fclose(file);
    return found;
}

size_t lace_memory_left(void)
{
    uint64_t left = 0, swap = 0, limit, used, files;
    if (read_number("/proc/meminfo", "MemAvailable:", &left) && read_number("/proc/meminfo", "SwapFree:", &swap))
        left = (left + swap) << 10;
    /* a container's own limit; the files that it holds in memory give way */
    if (read_number("/sys/fs/cgroup/memory.max", NULL, &limit) &&
        read_number("/sys/fs/cgroup/memory.current", NULL, &used) &&
        read_number("/sys/fs/cgroup/memory.stat", "file ", &files)) {
        uint64_t taken = used > files ? used - files : 0, rest = limit > taken ? limit - taken : 1;
        if (!left || rest < left) left = rest;
    }
    return left > SIZE_MAX ? SIZE_MAX : (size_t)left;
}
