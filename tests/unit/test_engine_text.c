/* An engine for texts alone: a folder without weights is enough, and what runs a model says why it does not. */
#include "lace.h"
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/lace-text-XXXXXX", file[64];
static struct lace_engine *engine;
static struct lace_error err;

static int open_text(void **state)
{
    char target[PATH_MAX];
    struct lace_engine_options o;
    (void)state;
    if (!mkdtemp(folder) || !realpath("recipes/tokenizer.json", target)) return -1;
    snprintf(file, sizeof file, "%s/tokenizer.json", folder);
    if (symlink(target, file)) return -1;
    lace_engine_defaults(&o);
    o.model = folder;
    o.text_only = 1;
    return lace_engine_open(&engine, &o, &err);
}

static int close_text(void **state)
{
    (void)state;
    lace_engine_close(&engine);
    return unlink(file) || rmdir(folder);
}

static void texts_become_ids_and_back(void **state)
{
    (void)state;
    int *ids;
    char *text;
    size_t count, len;
    assert_int_equal(lace_tokenize(engine, "Find i", 6, &ids, &count, &err), 0);
    assert_true(count > 0);
    assert_non_null(lace_token_bytes(engine, ids[0], &len));
    assert_int_equal(lace_detokenize(engine, ids, count, &text, &len, &err), 0);
    assert_string_equal(text, "Find i");
    free(text);
    free(ids);
    struct lace_chat_options o;
    lace_chat_defaults(&o);
    assert_int_equal(lace_chat_render(engine, "[]", &o, &text, &len, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "chat template")); /* the folder has none */
}

static void it_describes_itself(void **state)
{
    (void)state;
    struct lace_engine_info info;
    lace_engine_info(engine, &info);
    assert_string_equal(info.path, folder);
    assert_string_equal(info.lattice, "none");
    assert_string_equal(info.dtype, "");
    assert_int_equal(info.parameters + (size_t)info.context + (size_t)info.vocabulary, 0);
}

static void nothing_runs(void **state)
{
    (void)state;
    struct lace_run_options o;
    struct lace_run_result result;
    struct lace_session *session;
    struct lace_server *server;
    struct lace_serve_options serve;
    float logprob;
    int id = 1;
    lace_run_defaults(engine, &o);
#define refused(call)                                                                                                  \
    err.text[0] = 0;                                                                                                   \
    assert_int_equal(call, LACE_BAD);                                                                                  \
    assert_non_null(strstr(err.text, "without its weights"))
    refused(lace_run(engine, "x", &o, &result, &err));
    assert_null(result.threads);
    assert_int_equal(lace_session_open(&session, engine, &err), 0);
    refused(lace_session_run(session, "x", &o, &result, &err));
    lace_session_close(&session);
    refused(lace_score(engine, &id, 1, &logprob, NULL, 0, &err));
    lace_serve_defaults(&serve);
    serve.port = 0;
    refused(lace_serve_open(&server, engine, &serve, &err));
    assert_null(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_ids_and_back),
        cmocka_unit_test(it_describes_itself),
        cmocka_unit_test(nothing_runs),
    };
    return cmocka_run_group_tests_name("text without a model", tests, open_text, close_text);
}
