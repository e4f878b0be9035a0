/* The small things that every room uses: errors, checked sizes, aligned memory, random numbers.
 * Nothing here prints or exits; a failed allocation is an error like any other. */
#ifndef LACE_BASE_H
#define LACE_BASE_H
#include "lace.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Fills err (which may be NULL) and returns code, so that a caller writes `return lace_fail(...)`. */
int lace_fail(struct lace_error *err, enum lace_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sizes from files and requests: false where the exact result does not fit. */
static inline bool lace_mul(size_t a, size_t b, size_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool lace_add(size_t a, size_t b, size_t *out) { return !__builtin_add_overflow(a, b, out); }

/* Zeroed memory, aligned to 64 bytes; from 2 MiB up to a huge page and advised so, which raises
 * the rate at which weights are read by about 40 %. NULL where there is none. */
void *lace_alloc(size_t bytes);
/* count * size with the product checked. */
void *lace_alloc_array(size_t count, size_t size);
void lace_free(void *memory); /* NULL is fine */
/* Bytes that the machine, or the container that this process is in, can still give; 0: nobody says. An allocation that
 * is larger may well succeed, and the process is killed when it uses it. */
size_t lace_memory_left(void);

/* One block handed out piece by piece and released whole. */
struct lace_arena {
    unsigned char *base;
    size_t used, size;
};
int lace_arena_init(struct lace_arena *arena, size_t bytes, struct lace_error *err);
void *lace_arena_take(struct lace_arena *arena,
                      size_t bytes); /* 64-byte aligned; NULL: full. A NULL base only counts. */
void lace_arena_release(struct lace_arena *arena);

/* PCG32: a stream depends on nothing but (seed, stream). */
struct lace_rng {
    uint64_t state, inc;
};
void lace_rng_init(struct lace_rng *rng, uint64_t seed, uint64_t stream);
uint32_t lace_rng_u32(struct lace_rng *rng);
uint32_t lace_rng_below(struct lace_rng *rng, uint32_t bound); /* uniform in [0, bound), bound >= 1, unbiased */
double lace_rng_uniform(struct lace_rng *rng);                 /* in [0, 1) */
double lace_rng_normal(struct lace_rng *rng);
void lace_rng_shuffle(struct lace_rng *rng, int *items, int count);

/* Bytes that belong to someone else. */
struct lace_string {
    const char *bytes; /* not terminated */
    size_t len;
};

/* A growing text. data is always terminated; NULL data means that memory ran out (and stays so). */
struct lace_text {
    char *data;
    size_t len, cap;
    bool failed;
};
void lace_text_init(struct lace_text *text);
void lace_text_add(struct lace_text *text, const char *bytes, size_t len);
void lace_text_str(struct lace_text *text, const char *str);
void lace_text_print(struct lace_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void lace_text_clear(struct lace_text *text);
void lace_text_release(struct lace_text *text);
/* Levenshtein's distance in bytes, for "did you mean"; INT_MAX for texts of more than 256 bytes. */
int lace_text_distance(const char *a, const char *b);

uint64_t lace_hash(const void *bytes, size_t len); /* FNV-1a, 64 bits: splits and caches, no security */
/* The same of a terminated text without its blanks and the case of its letters: what is left of a problem when its file
 * is written anew. Letters and blanks are those of ASCII. */
uint64_t lace_hash_folded(const char *text);
double lace_now(void); /* seconds, monotonic */

/* Reads a whole file (at most max bytes) into a terminated buffer that the caller frees with lace_free. */
int lace_read_file(const char *path, size_t max, char **bytes, size_t *len, struct lace_error *err);
/* Writes a file so that readers see the old or the new one, never half: a new name, fsync, rename. A device: in place. */
int lace_write_file(const char *path, const void *bytes, size_t len, struct lace_error *err);
/* dir/name into path (PATH_MAX bytes); an error where it does not fit. */
int lace_join(char *path, const char *dir, const char *name, struct lace_error *err);
/* Makes a folder and its parents; an existing one is fine. */
int lace_make_dir(const char *path, struct lace_error *err);

/* Removes a folder of ours with all that is in it; one that is not there is fine. */
void lace_remove_folder(const char *dir);
/* Gives a finished folder its name, which another one of ours may have: that moves aside first and goes afterwards, so
 * that under the name there is a whole folder or none. What was moved aside when a process was killed, from.old, goes
 * with the next call. */
int lace_replace_folder(const char *from, const char *dir, struct lace_error *err);

static inline float lace_bf16_to_f32(uint16_t h)
{
    union {
        uint32_t u;
        float f;
    } x = {(uint32_t)h << 16};
    return x.f;
}
/* Round to nearest even; a NaN stays one. */
static inline uint16_t lace_f32_to_bf16(float f)
{
    union {
        float f;
        uint32_t u;
    } x = {f};
    if ((x.u & 0x7fffffff) > 0x7f800000) return (uint16_t)(x.u >> 16 | 0x40);
    return (uint16_t)((x.u + 0x7fff + (x.u >> 16 & 1)) >> 16);
}
static inline float lace_f16_to_f32(uint16_t h)
{
    union {
        uint32_t u;
        float f;
    } x = {(uint32_t)(h & 0x7fff) << 13};
    x.f *= 0x1p112f; /* the exponents' biases, 127 and 15; a subnormal becomes what it is */
    if ((h & 0x7c00) == 0x7c00) x.u |= 0x7f800000;
    x.u |= (uint32_t)(h & 0x8000) << 16;
    return x.f;
}
/* Round to nearest even; what is too large becomes infinite, a NaN stays one. */
static inline uint16_t lace_f32_to_f16(float f)
{
    union {
        float f;
        uint32_t u;
    } x = {f}, least = {.u = 126u << 23}; /* 0.5: its unit in the last place is 2^-24, that of a subnormal f16 */
    uint32_t sign = x.u >> 16 & 0x8000, size = x.u & 0x7fffffff;
    if (size > 0x7f800000) return (uint16_t)(sign | 0x7e00);
    if (size >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* from 65520 on */
    if (size < 0x38800000) {                                  /* below 2^-14: subnormal; the sum rounds */
        x.u = size;
        x.f += least.f;
        return (uint16_t)(sign | (x.u - least.u));
    }
    return (uint16_t)(sign | ((size - 0x38000000 + 0xfff + (size >> 13 & 1)) >> 13));
}
#endif
