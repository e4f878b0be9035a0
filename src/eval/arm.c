#include "eval/arm.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static const struct lace_arm_kind kinds[] = {
    {"independent", "base", .solo = true, .rival = true, .see = LACE_SEE_NONE, .own_pick = LACE_PICK_VOTE},
    {"trained", "trained", .solo = true, .rival = true, .see = LACE_SEE_NONE, .own_pick = LACE_PICK_VOTE},
    {"isolated", "isolated", .rival = true, .see = LACE_SEE_NONE, .own_pick = LACE_PICK_VERDICT},
    {"exchange", "base", .solo = true, .exchange = true, .rival = true, .see = LACE_SEE_NONE,
     .own_pick = LACE_PICK_VOTE},
    {"serial", "base", .solo = true, .serial = true, .see = LACE_SEE_NONE, .own_pick = LACE_PICK_VERDICT},
    {"lace", NULL, .lattice = true, .see = LACE_SEE_OWN, .own_pick = LACE_PICK_VERDICT},
    {"muted", NULL, .lattice = true, .see = LACE_SEE_NONE, .own_pick = LACE_PICK_VERDICT},
    {"foreign", NULL, .lattice = true, .see = LACE_SEE_FOREIGN, .own_pick = LACE_PICK_VERDICT},
};

static const char *const all_arms =
    "independent, trained, isolated, exchange (also exchange:tagged and :spend), "
    "serial, lace (also lace:aligned, lace:causal, lace:window:W, lace:hasty), muted and foreign";

int lace_arm_parse(struct lace_arm_spec *spec, const char *text, struct lace_error *err)
{
    const char *dir = strchr(text, '='), *end = dir ? dir : text + strlen(text);
    size_t len = strcspn(text, ":=");
    char rest;
    *spec = (struct lace_arm_spec){.dir = dir ? dir + 1 : NULL, .visible = -1};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i].name) == len && !strncmp(kinds[i].name, text, len)) spec->kind = kinds[i];
    if (!spec->kind.name || (size_t)(end - text) >= sizeof spec->name)
        return lace_fail(err, LACE_BAD, "There is no arm \"%.60s\"; the arms are %s.", text, all_arms);
    memcpy(spec->name, text, (size_t)(end - text));
    for (char *at = spec->name + len; *at;) { /* :word, :word */
        size_t n = 1 + strcspn(at + 1, ":");
        bool known = false;
        if (spec->kind.exchange && !strncmp(at, ":tagged", n) && n == 7) {
            known = !(spec->kind.solo = false);
            spec->kind.folder = "isolated";
            spec->kind.own_pick = LACE_PICK_VERDICT;
        } else if (spec->kind.exchange && !strncmp(at, ":spend", n) && n == 6) known = spec->spend = true;
        else if (spec->kind.lattice && !strcmp(at, ":aligned")) known = true, spec->visible = LACE_ALIGNED;
        else if (spec->kind.lattice && !strcmp(at, ":causal")) known = true, spec->visible = LACE_CAUSAL;
        else if (spec->kind.lattice && !strncmp(at, ":hasty", n) && n == 6) known = spec->hasty = true;
        else if (spec->kind.lattice && sscanf(at, ":window:%d%c", &spec->window, &rest) == 1 && spec->window > 0) {
            known = true;
            spec->visible = LACE_WINDOW;
            n = strlen(at);
        }
        if (!known && spec->kind.lattice)
            return lace_fail(err, LACE_BAD,
                             "The arm \"%.60s\" names no visible set; they are aligned, causal and window:W, and hasty "
                             "may stand before them.",
                             text);
        if (!known) return lace_fail(err, LACE_BAD, "There is no arm \"%.60s\"; the arms are %s.", text, all_arms);
        at += n;
    }
    return 0;
}

int lace_arm_folder(const struct lace_arm_spec *spec, const char *model, char *path, struct lace_error *err)
{
    if (spec->dir || !spec->kind.folder)
        return snprintf(path, PATH_MAX, "%s", spec->dir ? spec->dir : model) < PATH_MAX
                   ? 0
                   : lace_fail(err, LACE_BAD, "The path of the arm %s is too long.", spec->name);
    int code = lace_join(path, model, spec->kind.folder, err);
    if (!code && access(model, F_OK))
        code = lace_fail(err, LACE_BAD, "There is no model directory %.200s: %s.", model, strerror(errno));
    if (!code && access(path, F_OK))
        code =
            lace_fail(err, LACE_BAD, "The arm %s needs a model of its own, and %s is not there; name one with %s=DIR.",
                      spec->name, path, spec->name);
    return code;
}

int lace_arm_init(struct lace_arm *arm, const struct lace_arm_spec *spec, const struct lace_engine *engine,
                  struct lace_error *err)
{
    if (spec->kind.lattice && engine->model->lattice.kind == LACE_KIND_NONE)
        return lace_fail(err, LACE_BAD, "The arm %s needs a lattice, and %s has none beside it.", spec->name,
                         engine->path);
    *arm = (struct lace_arm){.engine = engine,
                             .model = *engine->model,
                             .see = spec->kind.see,
                             .solo = spec->kind.solo,
                             .serial = spec->kind.serial,
                             .exchange = spec->kind.exchange,
                             .exchange_spend = spec->spend,
                             .hasty = spec->hasty,
                             .own_pick = spec->kind.own_pick};
    memcpy(arm->name, spec->name, sizeof arm->name);
    if (spec->visible >= 0) {
        arm->model.lattice.visible = (enum lace_visible)spec->visible;
        arm->model.lattice.window = spec->visible == LACE_WINDOW ? spec->window : arm->model.lattice.window;
    }
    return 0;
}
