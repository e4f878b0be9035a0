/* A rendering under way, and the functions of a template: filters, tests, methods, globals. */
#ifndef LACE_JINJA_RUN_H
#define LACE_JINJA_RUN_H
#include "text/jinja_tree.h"

/* What a template may use; the largest templates and conversations in use stay far below. A fuzzer gets less, so that
 * it comes to try more. */
#define JINJA_SOURCE ((size_t)512 << 10) /* bytes of a template */
#define JINJA_OUTPUT ((size_t)32 << 20)
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#    define JINJA_MEMORY ((size_t)4 << 20)
#    define JINJA_WORK   100000
#else
#    define JINJA_MEMORY ((size_t)128 << 20)
#    define JINJA_WORK   10000000 /* evaluations, bytes copied / 32: about a second */
#endif
#define JINJA_DEPTH     1000   /* of evaluations inside each other */
#define JINJA_RANGE_MAX 100000 /* the sandbox's own */

struct jinja_scope {
    struct jinja_scope *parent;
    struct jinja_binding {
        struct jinja_text name;
        struct jinja_value value;
        struct jinja_binding *next;
    } * first;
};

struct jinja_macro {
    const struct jinja_node *node; /* a macro, a call block or a generation block */
    struct jinja_scope *scope;     /* where it was written: it reads that scope's variables */
};

struct jinja_loop {
    const struct jinja_node *node;
    struct jinja_scope *scope;                          /* around the loop */
    struct jinja_seq items;                             /* items.at: those that were looked at */
    bool drained;                                       /* what is left of items has passed the loop's filter */
    struct jinja_value ahead, current, before, changed; /* ABSENT: none */
    int64_t index0, depth0, length;                     /* length -1: not known yet */
};

struct jinja {
    const struct lace_jinja *jinja;
    struct jinja_pool pool;
    struct lace_text *out; /* texts under construction stand at its end: see lace_jinja_cut */
    size_t begin;          /* where this rendering's output starts */
    struct jinja_scope *scope;
    int line, depth;
    uint64_t work;
    time_t now;
    int code; /* why it failed */
    struct lace_error *err;
};

struct jinja_call {
    struct jinja_value self;  /* what a filter or test is applied to, or a method's object */
    struct jinja_value *args; /* (count) */
    int count;
    struct jinja_argument {
        struct jinja_text name;
        struct jinja_value value;
    } * named; /* (named_count) */
    int named_count;
    struct jinja_value slot[6]; /* the parameters of a builtin, in its order; ABSENT: not given */
};

/* params: "first|second", at most 6; required: how many must be given. NULL params: run reads args and named. */
struct jinja_builtin {
    const char *name, *params;
    int required;
    bool (*run)(struct jinja *j, struct jinja_call *call, struct jinja_value *out);
};
/* NULL where there is none. `known` (may be NULL): Jinja has one of that name, and it is not supported. */
const struct jinja_builtin *lace_jinja_filter(struct jinja_text name, bool *known);
const struct jinja_builtin *lace_jinja_test(struct jinja_text name);
const struct jinja_builtin *lace_jinja_global(struct jinja_text name);

struct jinja_function {
    const struct jinja_builtin *builtin;
    struct jinja_value self;
};

/* ---- failing and bounding: all return false once the rendering has failed ---- */
bool lace_jinja_fail(struct jinja *j, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool lace_jinja_no_memory(struct jinja *j);
bool lace_jinja_spend(struct jinja *j, uint64_t work);

/* ---- texts ---- */
bool lace_jinja_put(struct jinja *j, const char *bytes, size_t len);
static inline bool jinja_puts(struct jinja *j, const char *text) { return lace_jinja_put(j, text, strlen(text)); }
/* What was put since the mark (an earlier out->len) as a string; the output ends at the mark again. */
bool lace_jinja_cut(struct jinja *j, size_t mark, struct jinja_value *out);
bool lace_jinja_print(struct jinja *j, const struct jinja_value *value);           /* str() */
bool lace_jinja_repr(struct jinja *j, const struct jinja_value *value, int depth); /* repr() */
bool lace_jinja_string(struct jinja *j, const struct jinja_value *value,
                       struct jinja_value *out); /* str() as a value */
void lace_jinja_float_text(double value, char text[40]);
struct jinja_json_style {
    bool ascii, sorted;
    const char *indent; /* NULL: one line */
    size_t indent_len;
    struct jinja_text item, key; /* separators */
};
bool lace_jinja_json(struct jinja *j, const struct jinja_value *value, const struct jinja_json_style *style, int depth);
bool lace_jinja_from_json(struct jinja *j, const json_t *json, int depth, struct jinja_value *out);

/* ---- values ---- */
const char *lace_jinja_type_name(const struct jinja_value *value); /* as Python calls it */
bool lace_jinja_truth(const struct jinja_value *value);
bool lace_jinja_equal(struct jinja *j, const struct jinja_value *a, const struct jinja_value *b, int depth, bool *same);
/* *order below, equal to or above 0; fails where the two cannot be ordered. */
bool lace_jinja_order(struct jinja *j, const struct jinja_value *a, const struct jinja_value *b, int depth, int *order);
bool lace_jinja_contains(struct jinja *j, const struct jinja_value *box, const struct jinja_value *item, bool *found);
bool lace_jinja_length(struct jinja *j, const struct jinja_value *value, int64_t *length);
bool lace_jinja_list(struct jinja *j, enum jinja_type type, size_t count, struct jinja_value *out); /* items zeroed */
/* The elements of anything that can be walked; an iterator is used up. */
bool lace_jinja_walk(struct jinja *j, const struct jinja_value *value, struct jinja_seq *items);
bool lace_jinja_dict(struct jinja *j, size_t room, struct jinja_value *out);
bool lace_jinja_dict_put(struct jinja *j, struct jinja_dict *dict, const struct jinja_value *key,
                         const struct jinja_value *value);
/* *found NULL: not there. Fails where the key cannot be one. */
bool lace_jinja_dict_find(struct jinja *j, const struct jinja_dict *dict, const struct jinja_value *key,
                          struct jinja_value **found);
bool lace_jinja_undefined(struct jinja *j, struct jinja_value *out, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- operations ---- */
bool lace_jinja_attr(struct jinja *j, const struct jinja_value *object, struct jinja_text name,
                     struct jinja_value *out);
bool lace_jinja_item(struct jinja *j, const struct jinja_value *object, const struct jinja_value *key,
                     struct jinja_value *out);
bool lace_jinja_slice(struct jinja *j, const struct jinja_value *object, const struct jinja_value bounds[3],
                      struct jinja_value *out);
bool lace_jinja_binary(struct jinja *j, int op, const struct jinja_value *a, const struct jinja_value *b,
                       struct jinja_value *out);
bool lace_jinja_add(struct jinja *j, const struct jinja_value *a, const struct jinja_value *b, struct jinja_value *out);
bool lace_jinja_percent(struct jinja *j, const struct jinja_value *format, const struct jinja_value *args,
                        struct jinja_value *out);
bool lace_jinja_escape(struct jinja *j, const struct jinja_value *value, struct jinja_value *out);
/* The method of a type, or NULL; *unsafe: Python has it, and the sandbox does not let it be called. */
const struct jinja_builtin *lace_jinja_string_method(struct jinja_text name);
const struct jinja_builtin *lace_jinja_object_method(const struct jinja_value *object, struct jinja_text name,
                                                     bool *unsafe);
bool lace_jinja_loop_attr(struct jinja *j, struct jinja_loop *loop, struct jinja_text name, struct jinja_value *out,
                          bool *known);

/* ---- evaluation ---- */
bool lace_jinja_eval(struct jinja *j, const struct jinja_node *node, struct jinja_value *out);
bool lace_jinja_call(struct jinja *j, const struct jinja_value *callee, struct jinja_call *call,
                     struct jinja_value *out);
/* Runs a builtin with its parameters filled from the call. what: "filter", "test", ... */
bool lace_jinja_run(struct jinja *j, const struct jinja_builtin *builtin, const char *what, struct jinja_call *call,
                    struct jinja_value *out);
bool lace_jinja_arguments(struct jinja *j, const struct jinja_node *node, struct jinja_call *call);
bool lace_jinja_apply_filters(struct jinja *j, const struct jinja_node *node, const struct jinja_value *body,
                              struct jinja_value *out);
bool lace_jinja_macro_call(struct jinja *j, const struct jinja_macro *macro, struct jinja_call *call,
                           struct jinja_value *out);
bool lace_jinja_recurse(struct jinja *j, struct jinja_loop *loop, const struct jinja_value *items,
                        struct jinja_value *out);
bool lace_jinja_bind(struct jinja *j, struct jinja_scope *scope, struct jinja_text name,
                     const struct jinja_value *value);
bool lace_jinja_assign(struct jinja *j, const struct jinja_node *target, const struct jinja_value *value);
enum jinja_flow { JINJA_FAILED, JINJA_DONE, JINJA_BROKE, JINJA_CONTINUED };
enum jinja_flow lace_jinja_execute(struct jinja *j, const struct jinja_node *body);

/* ---- letters, as Python's str knows them ---- */
bool lace_jinja_is_space(int32_t point);
bool lace_jinja_is_printable(int32_t point);
int32_t lace_jinja_point(const char *bytes, size_t len, size_t *size); /* of valid UTF-8 */
size_t lace_jinja_count(struct jinja_text text);                       /* characters */
size_t lace_jinja_offset(struct jinja_text text, size_t character);    /* bytes before it; len at and past the end */
enum jinja_case { JINJA_LOWER, JINJA_UPPER, JINJA_TITLE };             /* title: the first alone, the rest lower */
bool lace_jinja_is_lower(int32_t point);
bool lace_jinja_is_upper(int32_t point);
bool lace_jinja_is_cased(int32_t point); /* either, or title case */
bool lace_jinja_put_upper(struct jinja *j, int32_t point, bool title);
bool lace_jinja_put_lower(struct jinja *j, struct jinja_text text, size_t at); /* the character at a byte */
bool lace_jinja_put_case(struct jinja *j, struct jinja_text text, enum jinja_case to);
size_t lace_jinja_line_end(struct jinja_text text, size_t at); /* bytes of the line's end there; 0: none */
struct jinja_text lace_jinja_strip(struct jinja_text text, const struct jinja_text *chars, bool left, bool right);
#endif
