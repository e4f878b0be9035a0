/* Chat templates: Jinja2 as Transformers sets it up (sandboxed, trim_blocks, lstrip_blocks, loop controls, generation
 * blocks, its own tojson), interpreted by a walk over the tree. A template comes with a model and is not trusted: what it
 * may use of memory, work, depth and output is bounded, it reaches nothing but the variables that it is given, and what
 * is not supported is refused with a sentence that names it and the line. */
#ifndef LACE_JINJA_H
#define LACE_JINJA_H
#include "base/base.h"
#include <jansson.h>
#include <time.h>

/* A parsed template; immutable, so that several OS threads may render it at once. */
struct lace_jinja;
/* path names the template in errors; nothing of source is kept. On failure *jinja is NULL. */
int lace_jinja_parse(struct lace_jinja **jinja, const char *source, size_t len, const char *path,
                     struct lace_error *err);
void lace_jinja_close(struct lace_jinja **jinja); /* NULL is fine; nulls the handle */

/* Appends what the template makes of the variables (an object) to out, UTF-8. now is what strftime_now tells. What the
 * template itself raises (raise_exception) is LACE_BAD with its message in err; out then holds nothing new. */
int lace_jinja_render(const struct lace_jinja *jinja, const json_t *variables, time_t now, struct lace_text *out,
                      struct lace_error *err);
#endif
