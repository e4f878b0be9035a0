#include "bench/bench.h"
#include <ctype.h>
#include <string.h>
#include <stdlib.h>

static const struct lace_config qwen3_0_6b = {.vocab_size = 151936,
                                              .hidden_size = 1024,
                                              .intermediate_size = 3072,
                                              .num_hidden_layers = 28,
                                              .num_attention_heads = 16,
                                              .num_key_value_heads = 8,
                                              .head_dim = 128,
                                              .max_position_embeddings = 40960,
                                              .rms_norm_eps = 1e-6,
                                              .rope_theta = 1e6,
                                              .tie_word_embeddings = true};

/* ---- rows are counted where their embeddings are looked up: once in every forward pass ---- */

static struct lace_ops counting;
static const struct lace_ops *counted;
static long rows_seen;

static void embedding_forward(float *x, const void *table, enum lace_dtype dtype, const int *ids, int rows, int D)
{
    rows_seen += rows;
    counted->embedding_forward(x, table, dtype, ids, rows, D);
}

/* ---- the tokenizer ---- */

static int open_tokenizer(struct lace_subject *s, struct lace_error *err)
{
    static const char *const words[] = {"[[", "best]]", "success]]", "fail]]"};
    struct lace_text json;
    int id = 1, vocabulary = s->model->config.vocab_size;
    lace_text_init(&json);
    lace_text_str(&json, "{\"added_tokens\": [");
    for (int i = 0; i < 4; i++)
        lace_text_print(&json, "{\"id\": %d, \"content\": \"%s\", \"special\": true}, ", id++, words[i]);
    for (int i = 1; i <= LACE_FEW_ROWS; i++) {
        lace_text_print(&json, "{\"id\": %d, \"content\": \"<|%d|>\", \"special\": true}, ", id++, i);
        lace_text_print(&json, "{\"id\": %d, \"content\": \"<|of %d|>\", \"special\": true}%s", id++, i,
                        i < LACE_FEW_ROWS ? ", " : "");
    }
    lace_text_str(&json, "], \"normalizer\": null, \"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": "
                         "false, \"use_regex\": true}, "
                         "\"decoder\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": "
                         "0}, \"merges\": []}}");
    int code = json.failed ? lace_fail(err, LACE_MEMORY, "Out of memory.") : 0;
    if (!code && id > vocabulary)
        code =
            lace_fail(err, LACE_BAD, "A vocabulary of %d is too small to be measured; %d are needed.", vocabulary, id);
    if (!code) code = lace_tokenizer_parse(&s->tokenizer, json.data, json.len, "the benchmark's tokenizer", err);
    lace_text_release(&json);
    return code ? code : lace_format_open(&s->format, s->tokenizer, -1, err);
}

/* ---- the model ---- */

static int open_model(struct lace_subject *s, const struct lace_bench *b, struct lace_error *err)
{
    const struct lace_bench_options *o = b->options;
    struct lace_model_options options = {.train = false, .dtype = (int)b->dtype, .ops = &counting};
    char name[8] = "";
    for (int i = 0; lace_dtype_name(b->blocks)[i]; i++) name[i] = (char)tolower(lace_dtype_name(b->blocks)[i]);
    if (!o->model) {
        struct lace_lattice_config lattice;
        lace_lattice_defaults(&lattice, &qwen3_0_6b);
        lattice.max_threads = LACE_FEW_ROWS;
        snprintf(s->label, sizeof s->label, "qwen3-0.6b, random, %s", name);
        return lace_model_random(&s->model, &qwen3_0_6b, &lattice, b->blocks, 1, &options, err);
    }
    struct lace_text adapter;
    lace_text_init(&adapter);
    lace_text_print(&adapter, "%s/lattice/lattice_config.json", o->model);
    FILE *there = adapter.failed ? NULL : fopen(adapter.data, "r");
    if (there) {
        fclose(there);
        lace_text_clear(&adapter);
        lace_text_print(&adapter, "%s/lattice", o->model);
    }
    int code = lace_model_load(&s->model, o->model, there ? adapter.data : NULL, &options, err);
    if (!code) snprintf(s->label, sizeof s->label, "%.60s, %s", o->model, lace_model_dtype_name(s->model));
    lace_text_release(&adapter);
    return code;
}

int lace_subject_open(struct lace_subject *s, const struct lace_bench *b, struct lace_error *err)
{
    *s = (struct lace_subject){.model = NULL};
    counting = *b->ops;
    counted = b->ops;
    counting.embedding_forward = embedding_forward;
    int code = open_model(s, b, err);
    if (!code) code = open_tokenizer(s, err);
    if (code) return code;
    s->kv = b->kv < 0 ? lace_model_kv_dtype(s->model) : (enum lace_dtype)b->kv;
    s->plain = *s->model;
    s->plain.lattice = (struct lace_lattice_config){.kind = LACE_KIND_NONE};
    for (int i = 0; i < s->model->count; i++) {
        const struct lace_weight *w = &s->model->weights[i];
        bool lattice = lace_weight_is_lattice(w), head = w->param == P_EMBED || w->param == P_HEAD;
        if (!w->matrix.forward) continue;
        *(lattice ? &s->lattice_bytes : &s->backbone_bytes) += lace_dtype_size(w->packed, (size_t)w->rows * w->cols);
        if (!lattice && !head) s->row_flops += 2.0 * w->rows * w->cols;
    }
    return 0;
}

void lace_subject_close(struct lace_subject *s)
{
    lace_format_release(&s->format);
    lace_tokenizer_close(&s->tokenizer);
    lace_model_free(&s->model);
}

int lace_subject_start(const struct lace_subject *s, const struct lace_model *model, int prompt, int groups,
                       int threads, int steps, struct lace_decoder **decoder, double *seconds, long *rows,
                       struct lace_error *err)
{
    int room = steps + 2 * LACE_TAG_TOKENS + 16, code;
    struct lace_decoder_options size = {
        .groups = groups, .threads = threads, .prompt = prompt, .tokens = room, .kv = s->kv};
    struct lace_group_options group = {
        .threads = threads, .sampling = {0, 0, 1, 0, 1}, .seed = 1, .barrier = true, .budget = steps};
    int *ids = calloc((size_t)prompt, sizeof *ids);
    if (!ids) return lace_fail(err, LACE_MEMORY, "Out of memory.");
    if (!(code = lace_decoder_open(decoder, model, &s->format, &size, err))) {
        double from = lace_now();
        rows_seen = 0;
        for (int g = 0; g < groups && code >= 0; g++) { /* each has a prompt of its own */
            for (int i = 0; i < prompt; i++) ids[i] = (int)((i + g + 1L) * 7919 % model->config.vocab_size);
            code = lace_decoder_add(*decoder, ids, prompt, &group, err);
        }
        if (seconds) *seconds = lace_now() - from;
        if (rows) *rows = rows_seen;
        if (code >= 0) code = 0;
        else lace_decoder_close(decoder);
    }
    free(ids);
    return code;
}
