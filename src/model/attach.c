#include "model/attach.h"
#include "io/model_dir.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

void lace_attach_defaults(struct lace_attach_options *o)
{
    *o = (struct lace_attach_options){.kind = "lattice",
                                      .layers = "every:2:from-middle",
                                      .visible = LACE_CAUSAL,
                                      .window = 1,
                                      .max_threads = 16,
                                      .gate = 0.2,
                                      .tied = 1,
                                      .seed = 1};
}

/* A whole number at *text, which moves behind it; -1: none. */
static int number(const char **text)
{
    char *end;
    errno = 0;
    long n = strtol(*text, &end, 10);
    if (errno || **text < '0' || **text > '9' || n > INT_MAX) return -1;
    *text = end;
    return (int)n;
}

int lace_layers_parse(struct lace_lattice_config *l, const struct lace_config *c, const char *text,
                      struct lace_error *err)
{
    const char *at = text;
    l->layer_count = 0;
    if (!strncmp(text, "every:", 6)) {
        at += 6;
        int step = number(&at);
        bool middle = !strcmp(at, ":from-middle");
        if (step < 1 || (*at && !middle)) goto unreadable;
        for (int i = middle ? c->num_hidden_layers / 2 : step - 1; i < c->num_hidden_layers; i += step)
            l->layers[l->layer_count++] = i;
        if (!l->layer_count)
            return lace_fail(err, LACE_BAD, "The layers \"%.60s\" are none of the backbone's %d.", text,
                             c->num_hidden_layers);
        return 0;
    }
    for (;;) {
        int layer = number(&at);
        if (layer < 0 || l->layer_count == LACE_MAX_LAYERS) goto unreadable;
        if (layer >= c->num_hidden_layers || (l->layer_count && layer <= l->layers[l->layer_count - 1]))
            return lace_fail(
                err, LACE_BAD,
                "Lattice layers must ascend within 0 to %d, the backbone's layers; %d in \"%.60s\" does not.",
                c->num_hidden_layers - 1, layer, text);
        l->layers[l->layer_count++] = layer;
        if (!*at) return 0;
        if (*at++ != ',') goto unreadable;
    }
unreadable:
    return lace_fail(err, LACE_BAD,
                     "Layers are \"every:K\", \"every:K:from-middle\" or a list like \"3,5,7\", not \"%.60s\".", text);
}

int lace_attach_config(struct lace_lattice_config *l, const struct lace_config *c, const struct lace_attach_options *o,
                       struct lace_error *err)
{
    int kind = lace_name_index(lace_kind_names, o->kind), code;
    if (kind != LACE_KIND_LATTICE && kind != LACE_KIND_FULL)
        return lace_fail(err, LACE_BAD, "The kind of a lattice is \"lattice\" or \"full\", not \"%.40s\".", o->kind);
    lace_lattice_defaults(l, c);
    if ((code = lace_layers_parse(l, c, o->layers, err))) return code;
    l->kind = (enum lace_kind)kind;
    if (o->width < 0 || o->heads < 0 || o->window < 1 || o->ring < 0 || o->max_threads < 1 ||
        o->max_threads > LACE_MAX_THREADS)
        return lace_fail(
            err, LACE_BAD,
            "Width, heads and ring must not be negative, the window at least 1, and the threads from 1 to %d.",
            LACE_MAX_THREADS);
    if (kind == LACE_KIND_FULL && (o->width || o->heads))
        return lace_fail(err, LACE_BAD, "Full collaboration uses the backbone's own heads; leave out width and heads.");
    if (o->width) {
        l->width = o->width;
        l->heads = l->width % 64 ? 1 : 4;
    }
    if (o->heads) l->heads = o->heads;
    if (kind == LACE_KIND_FULL) {
        l->width = c->num_attention_heads * c->head_dim;
        l->heads = c->num_attention_heads;
    }
    int head = l->width / l->heads;
    l->axes[LACE_AXIS_THREAD] = l->axes[LACE_AXIS_STEP] = head / 4 / 2 * 2;
    l->axes[LACE_AXIS_TOKEN] = head - 2 * l->axes[LACE_AXIS_STEP];
    l->visible = o->visible;
    l->window = o->window;
    l->self = o->self != 0;
    l->topology = o->ring ? LACE_RING : LACE_ALL;
    l->ring = o->ring ? o->ring : 1;
    l->max_threads = o->max_threads;
    return lace_lattice_config_check(l, c, "The new lattice", err);
}

void lace_config_count(const struct lace_config *c, const struct lace_lattice_config *l, size_t *backbone,
                       size_t *in_lattice)
{
    *backbone = *in_lattice = 0;
    for (int layer = 0; layer <= c->num_hidden_layers; layer++) /* the last round: what occurs once */
        for (enum lace_param p = 0; p < P_COUNT; p++) {
            const struct lace_param_spec *spec = &lace_params[p];
            if ((spec->scope == ONCE) != (layer == c->num_hidden_layers) || !lace_param_present(c, l, p, layer))
                continue;
            *(p >= P_LAT_NORM ? in_lattice : backbone) +=
                (size_t)lace_letter_size(spec->rows, c, l) * (size_t)lace_letter_size(spec->cols, c, l);
        }
}

static int write_adapter(const struct lace_config *config, const struct lace_lattice_config *l,
                         const struct lace_attach_options *o, struct lace_error *err)
{
    struct lace_lattice_start start = {(float)o->alpha, (float)o->gate, o->tied != 0, o->seed};
    struct lace_model *m;
    int code = lace_model_lattice(&m, config, l, &start, err);
    if (!code) code = lace_model_save(m, NULL, o->out, LACE_F32, err);
    lace_model_free(&m);
    return code;
}

int lace_attach(const struct lace_attach_options *o, struct lace_attach_report *report, struct lace_error *err)
{
    struct lace_lattice_config l;
    struct lace_config config;
    struct lace_fingerprint backbone;
    int code = lace_new_dir_check(o->out, "lattice", err);
    if (!code) code = lace_model_examine(&config, &backbone, o->model, err); /* it must be whole */
    if (code) return code;
    if ((code = lace_attach_config(&l, &config, o, err))) return code;
    l.backbone = backbone;
    if ((code = write_adapter(&config, &l, o, err))) return code;
    if (!report) return 0;
    *report = (struct lace_attach_report){
        .layer_count = l.layer_count, .backbone_layers = config.num_hidden_layers, .width = l.width, .heads = l.heads};
    memcpy(report->layers, l.layers, sizeof *l.layers * (size_t)l.layer_count);
    lace_config_count(&config, &l, &report->parameters, &report->lattice_parameters);
    report->layer_parameters = report->lattice_parameters / (size_t)l.layer_count;
    return 0;
}
