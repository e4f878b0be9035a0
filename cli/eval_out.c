#include "eval_out.h"
#include "json_out.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* ---- JSON ---- */

static void print_estimate(FILE *out, const char *name, struct lace_estimate e, const char *end)
{
    fprintf(out, "\"%s\": %.4f, \"%s_ci\": [%.4f, %.4f]%s", name, e.value, name, e.low, e.high, end);
}

static void print_points(FILE *out, const struct lace_estimate *e)
{
    fprintf(out, "\"points\": %.2f, \"ci\": [%.2f, %.2f]", e->value, e->low, e->high);
}

static void print_role(FILE *out, const char *name, const struct lace_eval_role *role)
{
    fprintf(out, "\"%s\": %.4f, \"%s_chance\": %.4f, ", name, role->bits, name, role->chance);
}

static void print_arm(FILE *out, const struct lace_eval_arm *a)
{
    cli_json_string(out, a->name);
    fprintf(out, ": {\"accuracy\": %.4f, \"ci\": [%.4f, %.4f], \"own_pick\": \"%s\", ", a->accuracy.value,
            a->accuracy.low, a->accuracy.high, a->own_pick);
    print_estimate(out, "verdict", a->pick[LACE_PICK_VERDICT], ", ");
    print_estimate(out, "vote", a->pick[LACE_PICK_VOTE], ", ");
    print_estimate(out, "logprob", a->pick[LACE_PICK_LOGPROB], ", ");
    print_estimate(out, "coverage", a->coverage, ", ");
    print_estimate(out, "thread_accuracy", a->thread_accuracy, ", ");
    print_estimate(out, "format", a->format, ", ");
    print_estimate(out, "diversity", a->diversity, ", ");
    fprintf(out,
            "\"temperature\": %.2f, \"tuned\": %s, \"tokens\": %.1f, \"fed\": %.1f, \"tokens_solved\": %.1f, "
            "\"steps\": %.2f, \"steps_solved\": %.2f, \"duplicates\": %.4f, \"wrong_steps\": %.5f, \"repaired\": %.4f, "
            "\"error_types\": %.4f, \"memory\": %.0f, \"injected\": %.4f, ",
            a->temperature, a->tuned ? "true" : "false", a->tokens, a->fed, a->tokens_solved, a->steps, a->steps_solved,
            a->duplicates, a->wrong_steps, a->repaired, a->error_types, a->memory, a->injected);
    print_estimate(out, "believed", a->believed, ", ");
    print_estimate(out, "rejected", a->rejected, ", ");
    print_role(out, "role_strategy", &a->role_strategy);
    print_role(out, "role_verdict", &a->role_verdict);
    fputs("\"versus\": ", out);
    if (a->compared) {
        fputc('{', out);
        print_points(out, &a->versus);
        fputs("}, ", out);
    } else fputs("null, ", out);
    fprintf(out, "\"seconds\": %.2f}", a->seconds);
}

/* "arms" and "delta" of a set; both lie on lines of their own. */
static void print_set(FILE *out, const struct lace_eval_set *set, int arms, const char *indent)
{
    fputs("\"arms\": {", out);
    for (int i = 0; i < arms; i++) {
        fprintf(out, "%s\n%s  ", i ? "," : "", indent);
        print_arm(out, &set->arms[i]);
    }
    fprintf(out, "},\n%s \"delta\": ", indent);
    if (!set->against[0]) {
        fputs("null", out);
        return;
    }
    fputc('{', out);
    print_points(out, &set->delta);
    fputs(", \"against\": ", out);
    cli_json_string(out, set->against);
    fputc('}', out);
}

static void print_whole(FILE *out, const char *name, int value)
{
    if (value < 0) fprintf(out, "\"%s\": null, ", name);
    else fprintf(out, "\"%s\": %d, ", name, value);
}

static void print_robustness(FILE *out, const struct lace_eval_result *r)
{
    for (int i = 0; i < r->robustness_count; i++) {
        const struct lace_eval_robustness *x = &r->robustness[i];
        fprintf(out, "%s\n  {\"axis\": \"%s\", \"threads\": %d, \"arms\": {", i ? "," : "", x->axis, x->threads);
        for (int a = 0; a < r->arm_count; a++) {
            fputs(a ? ", " : "", out);
            cli_json_string(out, r->sets[0].arms[a].name);
            fputs(": {", out);
            print_estimate(out, "area", x->area[a], ", ");
            if (isfinite(x->score[a].value)) print_estimate(out, "score", x->score[a], "}");
            else fputs("\"score\": null, \"score_ci\": null}", out);
        }
        fputs("}}", out);
    }
}

static void print_texts(FILE *out, char *const *list, int count)
{
    for (int i = 0; i < count; i++) {
        fputs(i ? ", " : "", out);
        cli_json_string(out, list[i]);
    }
}

void cli_eval_json(FILE *out, const struct lace_eval_result *r)
{
    fprintf(out, "{\"problems\": %d, \"threads\": %d, ", r->problems, r->sets[0].threads);
    print_set(out, &r->sets[0], r->arm_count, "");
    fputs(",\n \"rows\": [", out);
    for (int i = 1; i < r->set_count; i++) {
        const struct lace_eval_set *set = &r->sets[i];
        fprintf(out, "%s\n {", i > 1 ? "," : "");
        fputs("\"model\": ", out);
        cli_json_string(out, set->model < 0 ? NULL : r->models[set->model]);
        fputs(", \"family\": ", out);
        cli_json_string(out, set->family[0] ? set->family : NULL);
        fputs(", ", out);
        print_whole(out, "difficulty", set->difficulty);
        print_whole(out, "ambiguity", set->ambiguity);
        fprintf(out, "\"threads\": %d, \"problems\": %d, ", set->threads, set->problems);
        print_set(out, set, r->arm_count, "  ");
        fputc('}', out);
    }
    fputs("],\n \"robustness\": [", out);
    print_robustness(out, r);
    fputs("],\n \"inject\": ", out);
    if (r->inject > 0) fprintf(out, "{\"kind\": \"%s\", \"share\": %.4f}", lace_inject_name(r->inject_kind), r->inject);
    else fputs("null", out);
    fputs(",\n \"models\": [", out);
    print_texts(out, r->models, r->model_count);
    fputs("],\n \"warnings\": [", out);
    print_texts(out, r->warnings, r->warning_count);
    fputs("]}\n", out);
}

/* ---- tables ---- */

static const char *share_text(char *text, size_t size, struct lace_estimate e)
{
    snprintf(text, size, "%5.1f [%.1f, %.1f]", 100 * e.value, 100 * e.low, 100 * e.high);
    return text;
}

static void print_headline(FILE *out, const struct lace_eval_result *r)
{
    const struct lace_eval_set *set = &r->sets[0];
    char text[64];
    fprintf(out, "%d problems, %d threads", r->problems, set->threads);
    if (r->model_count > 1) fprintf(out, ", %d models", r->model_count);
    fprintf(out, "; shares in per cent, 95 %% intervals\n\n%-17s %4s  %-22s %6s %6s %6s %6s %6s %6s %7s %6s\n", "arm",
            "T", "accuracy", "vote", "logp", "any", "thread", "format", "divers", "tokens", "clock");
    for (int i = 0; i < r->arm_count; i++) {
        const struct lace_eval_arm *a = &set->arms[i];
        fprintf(out, "%-17s %4.1f  %-20s %c %6.1f %6.1f %6.1f %6.1f %6.1f %6.2f %7.0f %6.1f\n", a->name, a->temperature,
                share_text(text, sizeof text, a->accuracy), !strcmp(a->own_pick, "vote") ? 'v' : ' ',
                100 * a->pick[LACE_PICK_VOTE].value, 100 * a->pick[LACE_PICK_LOGPROB].value, 100 * a->coverage.value,
                100 * a->thread_accuracy.value, 100 * a->format.value, a->diversity.value, a->tokens, a->steps);
    }
    fputs("\naccuracy: by the arm's own pick, v: by vote. clock: lockstep tokens until the group ended.\n", out);
}

static void print_costs(FILE *out, const struct lace_eval_result *r)
{
    const struct lace_eval_set *set = &r->sets[0];
    fprintf(out, "\n%-17s %7s %7s %8s %8s %7s %7s %7s %7s %8s %7s\n", "arm", "written", "pasted", "tok. to", "clock to",
            "again", "wrong", "repaired", "kinds", "memory", "time");
    fprintf(out, "%-17s %7s %7s %8s %8s %7s %7s %7s %7s %8s %7s\n", "", "", "", "solution", "solution", "", "steps",
            "of these", "of wrong", "kB", "s");
    for (int i = 0; i < r->arm_count; i++) {
        const struct lace_eval_arm *a = &set->arms[i];
        fprintf(out, "%-17s %7.0f %7.0f %8.0f %8.1f %7.1f %7.2f %8.1f %8.2f %8.0f %7.1f\n", a->name, a->tokens, a->fed,
                a->tokens_solved, a->steps_solved, 100 * a->duplicates, 100 * a->wrong_steps, 100 * a->repaired,
                a->error_types, a->memory / 1024, a->seconds);
    }
}

/* What a thread's index tells, and who believes the falsehood that one of them was made to write. */
static void print_threads(FILE *out, const struct lace_eval_result *r)
{
    const struct lace_eval_set *set = &r->sets[0];
    char believed[64], rejected[64];
    bool lies = r->inject > 0;
    fprintf(out, "\n%-17s %18s %18s", "arm", "role: strategy", "role: verdict");
    if (lies) fprintf(out, "  %8s  %-21s %s", "injected", "believed by others", "rejected by others");
    fputc('\n', out);
    for (int i = 0; i < r->arm_count; i++) {
        const struct lace_eval_arm *a = &set->arms[i];
        fprintf(out, "%-17s %9.3f (%.3f) %10.3f (%.3f)", a->name, a->role_strategy.bits, a->role_strategy.chance,
                a->role_verdict.bits, a->role_verdict.chance);
        if (lies)
            fprintf(out, "  %8.1f  %-21s %s", 100 * a->injected, share_text(believed, sizeof believed, a->believed),
                    share_text(rejected, sizeof rejected, a->rejected));
        fputc('\n', out);
    }
    fputs("\nrole: bits that a thread's index tells of where it begins, and of its verdict; below the value in "
          "brackets it "
          "is chance.\n",
          out);
    if (lies)
        fprintf(out, "injected: one thread was made to write a false %s (asked for in %.0f %% of the problems).\n",
                lace_inject_name(r->inject_kind), 100 * r->inject);
}

/* Accuracy of every arm in every row. */
static void print_rows(FILE *out, const struct lace_eval_result *r)
{
    if (r->set_count < 2) return;
    fprintf(out, "\n%-34s", "accuracy");
    for (int a = 0; a < r->arm_count; a++) fprintf(out, " %12.12s", r->sets[0].arms[a].name);
    fprintf(out, "  lace ahead by\n");
    for (int i = 1; i < r->set_count; i++) {
        const struct lace_eval_set *set = &r->sets[i];
        char text[160];
        int len = snprintf(text, sizeof text, "%s", set->family[0] ? set->family : "all");
        if (set->difficulty >= 0) len += snprintf(text + len, sizeof text - (size_t)len, " %d", set->difficulty);
        if (set->ambiguity > 0)
            len += snprintf(text + len, sizeof text - (size_t)len, ", ambiguity %d", set->ambiguity);
        if (set->model >= 0) len += snprintf(text + len, sizeof text - (size_t)len, ", model %d", set->model + 1);
        if (set->threads != r->sets[0].threads)
            snprintf(text + len, sizeof text - (size_t)len, ", %d threads", set->threads);
        fprintf(out, "%-34s", text);
        for (int a = 0; a < r->arm_count; a++) fprintf(out, " %12.1f", 100 * set->arms[a].accuracy.value);
        if (set->against[0]) fprintf(out, "  %.1f [%.1f, %.1f]", set->delta.value, set->delta.low, set->delta.high);
        fputc('\n', out);
    }
}

static void print_scores(FILE *out, const struct lace_eval_result *r)
{
    char area[64], score[64];
    for (int i = 0; i < r->robustness_count; i++) {
        const struct lace_eval_robustness *x = &r->robustness[i];
        fprintf(out,
                "\nrobustness over %s, %d threads: area under accuracy, and the share won of what independent threads "
                "with a vote leave\n",
                x->axis, x->threads);
        for (int a = 0; a < r->arm_count; a++) {
            if (isfinite(x->score[a].value)) share_text(score, sizeof score, x->score[a]);
            else snprintf(score, sizeof score, "-");
            fprintf(out, "%-17s %-22s  %s\n", r->sets[0].arms[a].name, share_text(area, sizeof area, x->area[a]),
                    score);
        }
    }
}

void cli_eval_table(FILE *out, const struct lace_eval_result *r)
{
    const struct lace_eval_set *set = &r->sets[0];
    print_headline(out, r);
    print_costs(out, r);
    print_threads(out, r);
    print_rows(out, r);
    print_scores(out, r);
    fputc('\n', out);
    if (set->against[0])
        fprintf(out, "lace is ahead of %s by %.1f points [%.1f, %.1f]\n", set->against, set->delta.value,
                set->delta.low, set->delta.high);
    for (int i = 0; i < r->warning_count; i++) fprintf(out, "warning: %s\n", r->warnings[i]);
}
