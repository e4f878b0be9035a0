/* lattice_config.json: what an adapter says about itself. */
#include "model/config.h"
#include "io/json.h"
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

const char *const lace_kind_names[] = {"none", "lattice", "full", NULL};
const char *const lace_visible_names[] = {"aligned", "window", "causal", NULL};
const char *const lace_topology_names[] = {"all", "ring", NULL};

int lace_name_index(const char *const *names, const char *name)
{
    for (int i = 0; names[i]; i++)
        if (!strcmp(names[i], name)) return i;
    return -1;
}

void lace_lattice_defaults(struct lace_lattice_config *l, const struct lace_config *c)
{
    *l = (struct lace_lattice_config){.kind = LACE_KIND_LATTICE,
                                      .visible = LACE_CAUSAL,
                                      .window = 1,
                                      .topology = LACE_ALL,
                                      .ring = 1,
                                      .theta = {10000, 100, 100},
                                      .max_threads = 16};
    for (int i = c->num_hidden_layers / 2; i < c->num_hidden_layers; i += 2) l->layers[l->layer_count++] = i;
    l->width = c->hidden_size / 8 / 16 * 16;
    if (l->width < 16) l->width = 16;
    l->heads = l->width % 64 ? 1 : 4;
    int head = l->width / l->heads;
    l->axes[LACE_AXIS_THREAD] = l->axes[LACE_AXIS_STEP] = head / 4 / 2 * 2;
    l->axes[LACE_AXIS_TOKEN] = head - 2 * l->axes[LACE_AXIS_STEP];
}

int lace_lattice_layer(const struct lace_lattice_config *l, int layer)
{
    if (l->kind == LACE_KIND_NONE) return -1;
    for (int i = 0; i < l->layer_count; i++)
        if (l->layers[i] == layer) return i;
    return -1;
}

int lace_lattice_config_check(const struct lace_lattice_config *l, const struct lace_config *c, const char *what,
                              struct lace_error *err)
{
    if (l->layer_count < 1)
        return lace_fail(err, LACE_BAD, "%s: layers is empty; name at least one lattice layer.", what);
    for (int i = 0; i < l->layer_count; i++)
        if (l->layers[i] < 0 || l->layers[i] >= c->num_hidden_layers || (i && l->layers[i] <= l->layers[i - 1]))
            return lace_fail(err, LACE_BAD,
                             "%s: lattice layers must ascend within 0 to %d, the backbone's layers; %d does not.", what,
                             c->num_hidden_layers - 1, l->layers[i]);
    if (l->kind == LACE_KIND_FULL &&
        (l->width != c->num_attention_heads * c->head_dim || l->heads != c->num_attention_heads))
        return lace_fail(err, LACE_BAD, "%s: full collaboration uses the backbone's own %d heads and width %d.", what,
                         c->num_attention_heads, c->num_attention_heads * c->head_dim);
    if (l->width % l->heads || l->width / l->heads % 2)
        return lace_fail(err, LACE_BAD, "%s: width %d does not split into %d heads of even width.", what, l->width,
                         l->heads);
    int sum = 0;
    for (int i = 0; i < LACE_AXES; i++) {
        if (l->axes[i] % 2)
            return lace_fail(err, LACE_BAD, "%s: axes[%d] is odd; rotary embedding turns pairs.", what, i);
        sum += l->axes[i];
    }
    if (sum != l->width / l->heads)
        return lace_fail(err, LACE_BAD, "%s: the axes take %d dimensions, a lattice head has %d.", what, sum,
                         l->width / l->heads);
    return 0;
}

static int name_member(const json_t *o, const char *key, const char *const *names, int *out, const char *what,
                       struct lace_error *err)
{
    const char *name;
    int code = lace_json_string(o, key, names[*out], &name, what, err);
    if (code) return code;
    int found = lace_name_index(names, name);
    if (found < 0) return lace_fail(err, LACE_BAD, "%s: %s \"%.40s\" is unknown.", what, key, name);
    *out = found;
    return 0;
}

static int number_list(const json_t *o, const char *key, int max, bool whole, double *out, int *count, const char *what,
                       struct lace_error *err)
{
    const json_t *list = json_object_get(o, key);
    if (!list) return 0;
    if (!json_is_array(list) || json_array_size(list) > (size_t)max)
        return lace_fail(err, LACE_BAD, "%s: %s must be a list of at most %d numbers.", what, key, max);
    *count = (int)json_array_size(list);
    for (int i = 0; i < *count; i++) {
        const json_t *v = json_array_get(list, (size_t)i);
        if (!(whole ? json_is_integer(v) : json_is_number(v)) || json_number_value(v) < 0 ||
            json_number_value(v) > 1e12)
            return lace_fail(err, LACE_BAD, "%s: %s[%d] must be a %snumber from 0 on.", what, key, i,
                             whole ? "whole " : "");
        out[i] = json_number_value(v);
    }
    return 0;
}

/* A member may change what the lattice computes, so one that is not known here may not be passed over. */
static int known_members(const json_t *o, const char *const *known, const char *what, struct lace_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)o, key, value)
    {
        if (lace_name_index(known, key) < 0)
            return lace_fail(err, LACE_BAD,
                             "%s: \"%.60s\" is not known to this version of lace; a newer one may have written it.",
                             what, key);
    }
    return 0;
}

static const char *const members[] = {"lattice_type", "layers", "width", "heads", "visible",     "window",   "self",
                                      "topology",     "ring",   "axes",  "theta", "max_threads", "backbone", NULL};
static const char *const prints[] = {"vectors", "matrices", NULL}; /* members of "backbone" */

/* 16 hexadecimal digits, as they are written. */
static int parse_print(const json_t *o, const char *key, struct lace_print *out, const char *what,
                       struct lace_error *err)
{
    const json_t *v = json_object_get(o, key);
    const char *text = json_string_value(v);
    if (!v) return 0;
    if (!text || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
        return lace_fail(err, LACE_BAD, "%s: %s of backbone must be 16 hexadecimal digits, as lace wrote them.", what,
                         key);
    *out = (struct lace_print){strtoull(text, NULL, 16), true};
    return 0;
}

static int parse_backbone(const json_t *o, struct lace_fingerprint *out, const char *what, struct lace_error *err)
{
    int code;
    if (!o) return 0;
    if (!json_is_object(o))
        return lace_fail(err, LACE_BAD, "%s: backbone must be an object of fingerprints, as lace wrote it.", what);
    if ((code = known_members(o, prints, what, err)) || (code = parse_print(o, prints[0], &out->vectors, what, err)))
        return code;
    return parse_print(o, prints[1], &out->matrices, what, err);
}

static int parse_lattice(struct lace_lattice_config *l, const struct lace_config *c, const json_t *o, const char *what,
                         struct lace_error *err)
{
    lace_lattice_defaults(l, c);
    double layers[LACE_MAX_LAYERS], axes[LACE_AXES] = {0}, theta[LACE_AXES];
    int kind = LACE_KIND_LATTICE, visible = LACE_CAUSAL, topology = LACE_ALL, count = -1, axis_count = -1,
        theta_count = -1, code;
    if ((code = known_members(o, members, what, err))) return code;
    if ((code = parse_backbone(json_object_get(o, "backbone"), &l->backbone, what, err))) return code;
    if ((code = name_member(o, "lattice_type", lace_kind_names, &kind, what, err))) return code;
    if (kind == LACE_KIND_NONE)
        return lace_fail(err, LACE_BAD, "%s: lattice_type must be \"lattice\" or \"full\".", what);
    if (kind == LACE_KIND_FULL) {
        l->width = c->num_attention_heads * c->head_dim;
        l->heads = c->num_attention_heads;
    }
    if ((code = name_member(o, "visible", lace_visible_names, &visible, what, err))) return code;
    if ((code = name_member(o, "topology", lace_topology_names, &topology, what, err))) return code;
    l->kind = (enum lace_kind)kind;
    l->visible = (enum lace_visible)visible;
    l->topology = (enum lace_topology)topology;
    if ((code = lace_json_int(o, "width", l->width, 2, 1 << 17, &l->width, what, err))) return code;
    if ((code = lace_json_int(o, "heads", l->heads, 1, 1024, &l->heads, what, err))) return code;
    if ((code = lace_json_int(o, "window", 1, 1, 1 << 24, &l->window, what, err))) return code;
    if ((code = lace_json_int(o, "ring", 1, 1, LACE_MAX_THREADS, &l->ring, what, err))) return code;
    if ((code = lace_json_int(o, "max_threads", 16, 1, LACE_MAX_THREADS, &l->max_threads, what, err))) return code;
    if ((code = lace_json_bool(o, "self", false, &l->self, what, err))) return code;
    if ((code = number_list(o, "layers", LACE_MAX_LAYERS, true, layers, &count, what, err))) return code;
    if ((code = number_list(o, "axes", LACE_AXES, true, axes, &axis_count, what, err))) return code;
    if ((code = number_list(o, "theta", LACE_AXES, false, theta, &theta_count, what, err))) return code;
    if (count >= 0) {
        l->layer_count = count;
        for (int i = 0; i < count; i++) l->layers[i] = layers[i] < LACE_MAX_LAYERS ? (int)layers[i] : LACE_MAX_LAYERS;
    }
    if (axis_count >= 0) {
        if (axis_count != LACE_AXES)
            return lace_fail(err, LACE_BAD, "%s: axes must list three numbers: token, thread, step.", what);
        for (int i = 0; i < LACE_AXES; i++) l->axes[i] = axes[i] < 1 << 20 ? (int)axes[i] : 1 << 20;
    }
    if (theta_count >= 0) {
        if (theta_count != LACE_AXES)
            return lace_fail(err, LACE_BAD, "%s: theta must list three numbers: token, thread, step.", what);
        for (int i = 0; i < LACE_AXES; i++) {
            if (theta[i] < 1) return lace_fail(err, LACE_BAD, "%s: theta[%d] must be at least 1.", what, i);
            l->theta[i] = theta[i];
        }
    }
    return lace_lattice_config_check(l, c, what, err);
}

int lace_lattice_config_read(struct lace_lattice_config *l, const struct lace_config *c, const char *dir,
                             struct lace_error *err)
{
    char path[PATH_MAX];
    int code = lace_join(path, dir, "lattice_config.json", err);
    json_t *o = code ? NULL : lace_json_read(path, 1 << 20, err);
    if (!o) return LACE_BAD;
    code = json_is_object(o) ? parse_lattice(l, c, o, path, err)
                             : lace_fail(err, LACE_BAD, "%s: a JSON object is expected.", path);
    json_decref(o);
    return code;
}

/* What is known of the backbone; NULL: nothing. */
static json_t *print_backbone(const struct lace_fingerprint *f)
{
    const struct lace_print *parts[] = {&f->vectors, &f->matrices};
    json_t *o = f->vectors.known || f->matrices.known ? json_object() : NULL;
    for (int i = 0; i < 2; i++) {
        char text[17];
        snprintf(text, sizeof text, "%016" PRIx64, parts[i]->hash);
        if (parts[i]->known) json_object_set_new(o, prints[i], json_string(text));
    }
    return o;
}

int lace_lattice_config_write(const struct lace_lattice_config *l, const char *dir, struct lace_error *err)
{
    json_t *layers = json_array();
    for (int i = 0; i < l->layer_count; i++) json_array_append_new(layers, json_integer(l->layers[i]));
    return lace_json_write(json_pack("{s:s, s:o, s:i, s:i, s:s, s:i, s:b, s:s, s:i, s:[iii], s:[fff], s:i, s:o*}",
                                     "lattice_type", lace_kind_names[l->kind], "layers", layers, "width", l->width,
                                     "heads", l->heads, "visible", lace_visible_names[l->visible], "window", l->window,
                                     "self", l->self, "topology", lace_topology_names[l->topology], "ring", l->ring,
                                     "axes", l->axes[0], l->axes[1], l->axes[2], "theta", l->theta[0], l->theta[1],
                                     l->theta[2], "max_threads", l->max_threads, "backbone",
                                     print_backbone(&l->backbone)),
                           dir, "lattice_config.json", err);
}
