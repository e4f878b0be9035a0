/* The tree of a template, and what makes it: tokens, then nodes. */
#ifndef LACE_JINJA_TREE_H
#define LACE_JINJA_TREE_H
#include "text/jinja.h"
#include "text/jinja_value.h"

#define JINJA_NESTING    100 /* levels of brackets and of blocks, together */
#define JINJA_PARAMETERS 200 /* of a macro */

enum jinja_kind {
    /* expressions; list: elements or arguments, linked by next */
    JINJA_CONST,   /* constant */
    JINJA_NAME,    /* name */
    JINJA_LISTED,  /* [list] */
    JINJA_TUPLED,  /* (list) */
    JINJA_DICTED,  /* {list of pairs a: b} */
    JINJA_ATTR,    /* a.name */
    JINJA_ITEM,    /* a[b] */
    JINJA_SLICE,   /* a[b:c:d] */
    JINJA_CALL,    /* a(list, named, *b, **c) */
    JINJA_FILTER,  /* a|name(list, named, *b, **c); a NULL: the body of the block */
    JINJA_TEST,    /* a is name(list, named, *b, **c) */
    JINJA_NOT,     /* not a */
    JINJA_SIGN,    /* op a, op + or - */
    JINJA_BINARY,  /* a op b */
    JINJA_CONCAT,  /* the texts of list, joined */
    JINJA_COMPARE, /* a, then each of list: op a */
    JINJA_AND,     /* a and b */
    JINJA_OR,      /* a or b */
    JINJA_COND,    /* b if a else c; c may be NULL */
    /* statements; body and otherwise are linked by next */
    JINJA_DATA,       /* name: the text */
    JINJA_PRINT,      /* {{ a }} */
    JINJA_IF,         /* if a: body, else otherwise */
    JINJA_FOR,        /* for a in b if c: body, else otherwise; op: recursive */
    JINJA_SET,        /* set a = b */
    JINJA_SET_BLOCK,  /* set a, filtered by b (or NULL) = body */
    JINJA_MACRO_DEF,  /* name, list of parameters (name, a: default), body */
    JINJA_CALL_BLOCK, /* call(list of parameters) a: body */
    JINJA_FILTERED,   /* filter a: body */
    JINJA_WITH,       /* list of sets, body */
    JINJA_BREAK,
    JINJA_CONTINUE,
    JINJA_GENERATION, /* body */
    /* parts */
    JINJA_PAIR,  /* a: b */
    JINJA_NAMED, /* an argument name = a */
    JINJA_PARAM, /* a parameter name, a: default or NULL */
    JINJA_NSREF, /* a target name.constant.text */
    JINJA_CASE,  /* of a comparison: op a */
};

struct jinja_node {
    enum jinja_kind kind;
    int line, op;
    struct jinja_text name;
    struct jinja_value constant;
    struct jinja_node *a, *b, *c, *d;
    struct jinja_node *list, *named, *body, *otherwise;
    struct jinja_node *next;
    const struct jinja_builtin *builtin; /* of a filter or test */
    bool varargs, kwargs, caller;        /* of a macro: its body reads these names */
};

/* Operators are their characters: '+', JINJA_OP('=', '='); words are 'i' (in) and 'n' (not in). */
#define JINJA_OP(a, b) ((a) | (b) << 8)

enum jinja_token_kind {
    JINJA_TOKEN_END,
    JINJA_TOKEN_DATA,
    JINJA_TOKEN_PRINT_BEGIN,
    JINJA_TOKEN_PRINT_END,
    JINJA_TOKEN_BLOCK_BEGIN,
    JINJA_TOKEN_BLOCK_END,
    JINJA_TOKEN_NAME,
    JINJA_TOKEN_STRING,
    JINJA_TOKEN_NUMBER,
    JINJA_TOKEN_OPERATOR,
};

struct jinja_token {
    enum jinja_token_kind kind;
    int line, op;
    struct jinja_text text;    /* of data, a name, or a string with its escapes resolved */
    struct jinja_value number; /* JINJA_INT or JINJA_FLOAT */
};

struct lace_jinja {
    char *path;
    struct jinja_pool pool; /* holds the rest */
    struct jinja_node *body;
};

struct jinja_lexer {
    struct jinja_pool *pool;
    const char *source, *path;
    size_t len, at;
    int line;
    enum { JINJA_IN_DATA, JINJA_IN_PRINT, JINJA_IN_BLOCK } state;
    bool line_start; /* what was read last ended a line: a tag that follows blanks may take them away */
    size_t tag;      /* where the tag found behind the last data begins; its data was given out */
    bool tag_found;
    char open[JINJA_NESTING]; /* brackets that wait for their end */
    int open_count;
    struct lace_error *err;
};
/* The source with its line ends made \n and the last one left out, into the pool. */
bool lace_jinja_lex_init(struct jinja_lexer *lexer, struct jinja_pool *pool, const char *source, size_t len,
                         const char *path, struct lace_error *err);
/* The next token; false: err says why not. */
bool lace_jinja_lex(struct jinja_lexer *lexer, struct jinja_token *token);
/* "PATH, line N: ...": always false. */
bool lace_jinja_error(struct lace_error *err, const char *path, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

struct jinja_parser {
    struct jinja_lexer lexer;
    struct jinja_token now, ahead;
    bool looked;              /* ahead holds the token after now */
    int depth, loops;         /* nesting; loops around this place within the function */
    bool branch;              /* inside an if: an unknown filter is an error only when it is reached */
    struct jinja_node *macro; /* around this place; NULL: none */
    struct lace_error *err;
};
/* Parser steps that the statements and the expressions share; false or NULL: err is set. */
bool lace_jinja_next(struct jinja_parser *parser);
bool lace_jinja_look(struct jinja_parser *parser);
bool lace_jinja_complain(struct jinja_parser *parser, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool lace_jinja_expect(struct jinja_parser *parser, int op); /* takes an operator */
struct jinja_node *lace_jinja_node(struct jinja_parser *parser, enum jinja_kind kind);
/* A token in words, for sentences. */
const char *lace_jinja_describe(const struct jinja_token *token, char *room, size_t size);

struct jinja_node *lace_jinja_expression(struct jinja_parser *parser, bool conditional);
/* An expression or, with commas, a tuple; ends before a closing token or the word `until` (NULL: none). */
struct jinja_node *lace_jinja_tuple(struct jinja_parser *parser, bool conditional, const char *until);
/* What `set` and `for` assign to. */
struct jinja_node *lace_jinja_target(struct jinja_parser *parser, const char *until, bool with_namespace);
/* |name(...)... behind a node (NULL: the body of a block); inline: the first bar is not written. */
bool lace_jinja_filters(struct jinja_parser *parser, struct jinja_node **node, bool is_inline);

static inline bool jinja_is_op(const struct jinja_token *t, int op)
{
    return t->kind == JINJA_TOKEN_OPERATOR && t->op == op;
}
static inline bool jinja_is_word(const struct jinja_token *t, const char *word)
{
    return t->kind == JINJA_TOKEN_NAME && jinja_text_is(t->text, word);
}
#endif
