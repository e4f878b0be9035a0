#include "decode/engine.h"
#include "io/json.h"
#include "io/model_dir.h"
#include "text/gguf_text.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef LACE_MODELS /* where `make install` puts the shipped models */
#    define LACE_MODELS "/usr/local/share/lace/models"
#endif
#define SHIPPED "lace-search"

void lace_engine_defaults(struct lace_engine_options *options)
{
    *options = (struct lace_engine_options){.visible = -1, .window = 1};
}

int lace_engine_find(char *path, struct lace_error *err)
{
    char program[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    const char *named = getenv("LACE_MODEL");
    if (named && *named)
        return snprintf(path, PATH_MAX, "%s", named) < PATH_MAX
                   ? 0
                   : lace_fail(err, LACE_BAD, "The path in LACE_MODEL is too long.");
    /* models/ lies above build/lace and build-san/tests/unit/x, share/lace/models/ above an installed bin/lace */
    static const char *const folders[] = {"models", "share/lace/models"};
    for (int up = 0; len > 0 && up < 3; up++) {
        program[len] = 0;
        char *slash = strrchr(program, '/');
        if (!slash) break;
        *slash = 0;
        len = slash - program;
        for (int i = 0; i < 2; i++)
            if (snprintf(path, PATH_MAX, "%s/%s/" SHIPPED, program, folders[i]) < PATH_MAX && !access(path, F_OK))
                return 0;
    }
    snprintf(path, PATH_MAX, "%s/" SHIPPED, LACE_MODELS);
    if (!access(path, F_OK)) return 0;
    return lace_fail(err, LACE_BAD,
                     "The shipped model " SHIPPED
                     " was not found; name a model directory with --model DIR, or run make install.");
}

/* "eos_token_id": a number or a list of them */
static int read_ends(struct lace_engine *e, const json_t *j, const char *path, struct lace_error *err)
{
    const json_t *ends = json_object_get(j, "eos_token_id");
    size_t count = json_is_array(ends) ? json_array_size(ends) : ends && !json_is_null(ends) ? 1 : 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_is_array(ends) ? json_array_get(ends, i) : ends;
        if (!json_is_integer(one) || json_integer_value(one) < 0 || json_integer_value(one) > INT_MAX)
            return lace_fail(err, LACE_BAD, "%s: \"eos_token_id\" must be a token's number, or a list of them.", path);
        if (i == LACE_ENDS)
            return lace_fail(err, LACE_BAD, "%s: \"eos_token_id\" has more than %d tokens.", path, LACE_ENDS);
        lace_format_add_end(&e->format, (int)json_integer_value(one));
    }
    return 0;
}

static json_t *read_object(const struct lace_engine *e, const char *name, char path[PATH_MAX], int *code,
                           struct lace_error *err)
{
    *code = lace_join(path, e->path, name, err);
    if (*code || access(path, F_OK)) return NULL;
    json_t *j = lace_json_read(path, 1 << 20, err);
    if (!j) *code = LACE_BAD;
    else if (!json_is_object(j)) *code = lace_fail(err, LACE_BAD, "%s: a JSON object is expected.", path);
    return j;
}

/* generation_config.json, or what it would be of a GGUF file. NULL: there is none, or *code says what is wrong. */
static json_t *find_generation(const struct lace_engine *e, char path[PATH_MAX], int *code, struct lace_error *err)
{
    json_t *j;
    int gguf = lace_model_gguf(e->path, path, err);
    if (!gguf) return read_object(e, "generation_config.json", path, code, err);
    *code = gguf < 0 ? gguf : lace_gguf_generation(path, &j, err);
    return *code ? NULL : j;
}

/* Where generation_config.json names no end of a text, config.json does, and else the tokenizer's own. */
static int find_ends(struct lace_engine *e, struct lace_error *err)
{
    char path[PATH_MAX];
    int code;
    json_t *j = read_object(e, "config.json", path, &code, err);
    if (!code && j) code = read_ends(e, j, path, err);
    json_decref(j);
    const char *token = lace_chat_template_token(e->chat, "eos_token");
    if (!code && !e->format.end_count && token) lace_format_add_end(&e->format, lace_tokenizer_id(e->tokenizer, token));
    return code;
}

/* Settings that people expect to be honoured; a missing file is fine. Who samples without saying from how many tokens
 * gets the 50 of Transformers. */
static int read_generation(struct lace_engine *e, struct lace_error *err)
{
    char path[PATH_MAX];
    struct lace_run_options *o = &e->defaults;
    bool sample;
    int code;
    json_t *j = find_generation(e, path, &code, err);
    if (!j) return code;
    if (!code) code = lace_json_bool(j, "do_sample", false, &sample, path, err);
    if (!code) code = lace_json_double(j, "temperature", 1, 0, 100, &o->sampling.temperature, path, err);
    if (!code) code = lace_json_int(j, "top_k", sample ? 50 : 0, 0, INT_MAX, &o->sampling.top_k, path, err);
    if (!code) code = lace_json_double(j, "top_p", 1, 1e-9, 1, &o->sampling.top_p, path, err);
    if (!code) code = lace_json_double(j, "min_p", 0, 0, 1, &o->sampling.min_p, path, err);
    if (!code)
        code = lace_json_double(j, "repetition_penalty", 1, 1e-9, 100, &o->sampling.repetition_penalty, path, err);
    if (!code) code = lace_json_int(j, "max_new_tokens", 0, 0, INT_MAX, &o->budget, path, err);
    if (!code && !sample) o->sampling.temperature = 0;
    if (!code) code = read_ends(e, j, path, err);
    json_decref(j);
    return code;
}

static int open_model(struct lace_engine *e, const struct lace_engine_options *o, struct lace_error *err)
{
    char lattice[PATH_MAX];
    struct lace_model_options options = {.dtype = -1};
    int code;
    if (o->dtype && strcmp(o->dtype, "bf16") && strcmp(o->dtype, "f32"))
        return lace_fail(err, LACE_BAD, "dtype must be bf16 or f32, not \"%.20s\".", o->dtype);
    if (o->kv_dtype && strcmp(o->kv_dtype, "bf16") && strcmp(o->kv_dtype, "f32"))
        return lace_fail(err, LACE_BAD, "kv_dtype must be bf16 or f32, not \"%.20s\".", o->kv_dtype);
    if (o->dtype) options.dtype = !strcmp(o->dtype, "f32") ? LACE_F32 : LACE_BF16;
    const char *adapter = o->lattice;
    if (adapter && !strcmp(adapter, "off")) adapter = NULL;
    else if (!adapter) {
        char config[PATH_MAX];
        if ((code = lace_join(lattice, e->path, "lattice", err)) ||
            (code = lace_join(config, lattice, "lattice_config.json", err)))
            return code;
        if (!access(config, F_OK)) adapter = lattice;
    }
    if ((code = lace_model_load(&e->model, e->path, adapter, &options, err))) return code;
    if (o->kv_dtype) e->kv = !strcmp(o->kv_dtype, "f32") ? LACE_F32 : LACE_BF16;
    else e->kv = lace_model_kv_dtype(e->model);
    if (o->visible >= 0) {
        if (e->model->lattice.kind == LACE_KIND_NONE)
            return lace_fail(err, LACE_BAD, "--visible chooses what a lattice shows, and this model has none.");
        e->model->lattice.visible = (enum lace_visible)o->visible;
        e->model->lattice.window = o->window;
    }
    return 0;
}

static int open_text(struct lace_engine *e, struct lace_error *err)
{
    int code = lace_tokenizer_open_folder(&e->tokenizer, e->path, err);
    return code ? code : lace_chat_template_open(&e->chat, e->path, err);
}

/* What is no model's folder is told so, unless it holds what is asked of it. */
static int open_text_alone(struct lace_engine *e, struct lace_error *err)
{
    char path[PATH_MAX];
    int code = lace_join(path, e->path, "tokenizer.json", err);
    if (!code && access(path, F_OK)) code = lace_model_dir_check(e->path, err);
    return code ? code : open_text(e, err);
}

static int open_all(struct lace_engine *e, const struct lace_engine_options *o, struct lace_error *err)
{
    char path[PATH_MAX];
    int code;
    if (!o->model && (code = lace_engine_find(path, err))) return code;
    if (!(e->path = strdup(o->model ? o->model : path))) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    if (o->text_only) return open_text_alone(e, err);
    if ((code = open_model(e, o, err)) || (code = open_text(e, err))) return code;
    if (lace_tokenizer_size(e->tokenizer) > e->model->config.vocab_size)
        return lace_fail(err, LACE_BAD,
                         "%s: the tokenizer has %d tokens, more than the model's vocabulary of %d; it belongs to "
                         "another model.",
                         e->path, lace_tokenizer_size(e->tokenizer), e->model->config.vocab_size);
    if ((code = lace_format_open(&e->format, e->tokenizer, lace_tokenizer_id(e->tokenizer, "<|end|>"), err)))
        return code;
    e->defaults = (struct lace_run_options){.threads = 4, .seed = 1, .barrier = 1, .sampling = {0, 0, 1, 0, 1}};
    code = read_generation(e, err);
    return code || e->format.end_count ? code : find_ends(e, err);
}

int lace_engine_open(struct lace_engine **engine, const struct lace_engine_options *options, struct lace_error *err)
{
    *engine = calloc(1, sizeof **engine);
    if (!*engine) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    int code = open_all(*engine, options, err);
    if (code) lace_engine_close(engine);
    return code;
}

void lace_engine_close(struct lace_engine **engine)
{
    struct lace_engine *e = *engine;
    if (!e) return;
    lace_format_release(&e->format);
    lace_chat_template_close(&e->chat);
    lace_tokenizer_close(&e->tokenizer);
    lace_model_free(&e->model);
    free(e->path);
    free(e);
    *engine = NULL;
}

int lace_engine_can_run(const struct lace_engine *e, struct lace_error *err)
{
    if (e->model) return 0;
    return lace_fail(err, LACE_BAD, "%s was opened for texts alone, without its weights; open it without text_only.",
                     e->path);
}

void lace_engine_info(const struct lace_engine *e, struct lace_engine_info *info)
{
    if (!e->model) {
        *info = (struct lace_engine_info){
            .path = e->path, .lattice = lace_kind_names[LACE_KIND_NONE], .isa = "", .dtype = "", .kv_dtype = ""};
        return;
    }
    const struct lace_config *c = &e->model->config;
    *info = (struct lace_engine_info){
        .path = e->path,
        .lattice = lace_kind_names[e->model->lattice.kind],
        .isa = e->model->ops->name,
        .dtype = lace_model_dtype_name(e->model),
        .kv_dtype = e->kv == LACE_BF16 ? "bf16" : "f32",
        .layers = c->num_hidden_layers,
        .width = c->hidden_size,
        .vocabulary = c->vocab_size,
        .context = lace_config_context(c),
        .max_threads = e->model->lattice.kind == LACE_KIND_NONE ? LACE_MAX_THREADS : e->model->lattice.max_threads,
        .warning = e->model->warning};
    lace_model_count(e->model, &info->parameters, &info->lattice_parameters);
}

int lace_tokenize(const struct lace_engine *e, const char *text, size_t len, int **ids, size_t *count,
                  struct lace_error *err)
{
    size_t capacity = 0;
    *ids = NULL;
    int code = lace_tokenizer_encode(e->tokenizer, text, len, LACE_ENCODE_ALL, ids, &capacity, count, err);
    if (code) {
        free(*ids);
        *ids = NULL;
    }
    return code;
}

const char *lace_token_bytes(const struct lace_engine *e, int id, size_t *len)
{
    return lace_tokenizer_bytes(e->tokenizer, id, len);
}

int lace_detokenize(const struct lace_engine *e, const int *ids, size_t count, char **text, size_t *len,
                    struct lace_error *err)
{
    struct lace_text out;
    lace_text_init(&out);
    lace_text_str(&out, "");
    int code = lace_tokenizer_decode(e->tokenizer, ids, count, false, &out, err);
    if (!code && out.failed) code = lace_fail(err, LACE_MEMORY, "Out of memory.");
    if (code) {
        lace_text_release(&out);
        return code;
    }
    *text = out.data;
    *len = out.len;
    return 0;
}

int lace_engine_prompt(const struct lace_engine *e, const char *prompt, int **ids, size_t *count,
                       struct lace_error *err)
{
    size_t capacity = 0;
    *ids = NULL;
    int code = lace_format_prompt(&e->format, prompt, ids, &capacity, count, err);
    if (code) {
        free(*ids);
        *ids = NULL;
    }
    return code;
}
