/* The values of a template and the memory they live in. All are immutable but namespaces, loops and the place of an
 * iterator, as in Jinja's immutable sandbox; nothing is freed before the rendering ends. */
#ifndef LACE_JINJA_VALUE_H
#define LACE_JINJA_VALUE_H
#include "base/base.h"
#include <string.h>

/* Memory that grows by blocks up to a limit and is released whole. */
struct jinja_pool {
    struct jinja_block *blocks; /* the newest first */
    char *top, *end;
    size_t total, limit;
    bool full; /* more than the limit was asked for; else, where nothing was given, the machine has none */
};
void *lace_jinja_take(struct jinja_pool *pool, size_t count, size_t size); /* zeroed; NULL: the limit, or no memory */
char *lace_jinja_take_text(struct jinja_pool *pool, size_t len);           /* not zeroed, not aligned, not terminated */
/* Makes the text that ends at `end` longer in place; false where something else lies behind it. */
bool lace_jinja_extend(struct jinja_pool *pool, const char *end, const char *bytes, size_t len);
void lace_jinja_pool_release(struct jinja_pool *pool);

struct jinja_text {
    const char *bytes; /* not terminated */
    size_t len;
};

enum jinja_type {
    JINJA_ABSENT, /* an argument that was not given */
    JINJA_UNDEFINED,
    JINJA_NONE,
    JINJA_BOOL,
    JINJA_INT,
    JINJA_FLOAT,
    JINJA_STRING,
    JINJA_LIST,
    JINJA_TUPLE,
    JINJA_RANGE,
    JINJA_KEYS, /* the views of a dict */
    JINJA_VALUES,
    JINJA_ITEMS,
    JINJA_ITERATOR, /* what map, select and their like return: can be walked once, has no length */
    JINJA_DICT,
    JINJA_NAMESPACE,
    JINJA_LOOP,
    JINJA_MACRO,
    JINJA_FUNCTION, /* a global function, or a method with its object */
};

struct jinja_value {
    enum jinja_type type;
    bool markup; /* a string that `safe` or `escape` marked: `+` escapes what is added to it */
    union {
        bool truth;
        int64_t integer;
        double real;
        struct jinja_text text;  /* STRING; UNDEFINED: a clause that says what is undefined */
        struct jinja_seq *seq;   /* LIST to ITERATOR */
        struct jinja_dict *dict; /* DICT, NAMESPACE */
        struct jinja_loop *loop;
        struct jinja_macro *macro;
        struct jinja_function *function;
    };
};

struct jinja_seq {
    struct jinja_value *item;  /* (count) */
    size_t count, at;          /* at: how far an iterator was walked */
    int64_t start, stop, step; /* of a range, to print it */
};

/* In order of insertion. From a few entries on a table of hashes finds them. */
struct jinja_dict {
    struct jinja_entry {
        struct jinja_value key, value;
        uint64_t hash;
    } * entry; /* (count of capacity) */
    size_t count, capacity;
    uint32_t *slot; /* (slots) index + 1 into entry, 0: empty; NULL while there are few */
    size_t slots;
};

static inline bool jinja_is_seq(enum jinja_type type) { return type >= JINJA_LIST && type <= JINJA_ITERATOR; }
static inline bool jinja_is_number(enum jinja_type type) { return type >= JINJA_BOOL && type <= JINJA_FLOAT; }

static inline struct jinja_value jinja_none(void) { return (struct jinja_value){.type = JINJA_NONE}; }
static inline struct jinja_value jinja_bool(bool truth)
{
    return (struct jinja_value){.type = JINJA_BOOL, .truth = truth};
}
static inline struct jinja_value jinja_int(int64_t integer)
{
    return (struct jinja_value){.type = JINJA_INT, .integer = integer};
}
static inline struct jinja_value jinja_float(double real)
{
    return (struct jinja_value){.type = JINJA_FLOAT, .real = real};
}
static inline struct jinja_value jinja_string(const char *bytes, size_t len)
{
    return (struct jinja_value){.type = JINJA_STRING, .text = {bytes, len}};
}
static inline bool jinja_text_is(struct jinja_text text, const char *name)
{
    return strlen(name) == text.len && !memcmp(text.bytes, name, text.len);
}
static inline bool jinja_text_same(struct jinja_text a, struct jinja_text b)
{
    return a.len == b.len && !memcmp(a.bytes, b.bytes, a.len);
}
#endif
