/* Reads a command line against its tables, and prints the help that follows from them. */
#include "options.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 80, COLUMN = 26, NAME_MAX_LEN = 63 };

/* ---- complaints ---- */

static void complain(const char *format, va_list list)
{
    fflush(stdout);
    fputs("lace: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
}

int cli_fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    complain(format, list);
    va_end(list);
    return 1;
}

int cli_misuse(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    complain(format, list);
    va_end(list);
    return 2;
}

/* Edit distance with swaps of neighbours (optimal string alignment): what a typing mistake costs. */
static int distance(const char *a, const char *b)
{
    int row[3][NAME_MAX_LEN + 2];
    size_t la = strlen(a), lb = strlen(b);
    if (la > NAME_MAX_LEN || lb > NAME_MAX_LEN) return INT_MAX;
    for (size_t j = 0; j <= lb; j++) row[0][j] = (int)j;
    for (size_t i = 1; i <= la; i++) {
        int *now = row[i % 3], *before = row[(i + 2) % 3], *earlier = row[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= lb; j++) {
            int best = before[j - 1] + (a[i - 1] != b[j - 1]);
            if (before[j] + 1 < best) best = before[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && earlier[j - 2] + 1 < best)
                best = earlier[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[la % 3][lb];
}

/* Keeps the nearest of the names seen so far. */
struct nearest {
    const char *typed, *name;
    int distance;
};

static void consider(struct nearest *nearest, const char *name)
{
    int d = distance(nearest->typed, name);
    size_t len = strlen(nearest->typed);
    if (len >= 3 && d > 1 && !strncmp(name, nearest->typed, len)) d = 1; /* an abbreviation */
    if (!nearest->name || d < nearest->distance) {
        nearest->name = name;
        nearest->distance = d;
    }
}

/* ---- help ---- */

/* Prints text wrapped at WIDTH, each further line indented; at is the column where the cursor stands. */
static void wrap(const char *text, int indent, int at)
{
    bool start = true;
    while (*text) {
        int len = (int)strcspn(text, " \n");
        if (!start && at + 1 + len > WIDTH) {
            printf("\n%*s", indent, "");
            at = indent;
            start = true;
        }
        if (!start) {
            putchar(' ');
            at++;
        }
        printf("%.*s", len, text);
        at += len;
        text += len;
        start = false;
        while (*text == ' ') text++;
        if (*text == '\n') {
            text++;
            printf("\n%*s", indent, "");
            at = indent;
            start = true;
        }
    }
    putchar('\n');
}

/* Before a pipe or an option, so that options keep their values. */
static bool breaks(const char *at) { return at[0] == ' ' && (at[1] == '|' || (at[1] == '-' && at[2] > ' ')); }

/* Prints each line of the examples, indented; a long command goes on after a backslash, as the shell reads it. */
static void print_examples(const char *text)
{
    while (*text) {
        int len = (int)strcspn(text, "\n"), indent = 2;
        while (indent + len > WIDTH) {
            int cut = WIDTH - indent - 2;
            while (cut > 0 && !breaks(text + cut)) cut--;
            if (!cut) break;
            printf("%*s%.*s \\\n", indent, "", cut, text);
            text += cut + 1;
            len -= cut + 1;
            indent = 6;
        }
        printf("%*s%.*s\n", indent, "", len, text);
        text += len + (text[len] == '\n');
    }
}

static bool limited(const struct cli_option *o) { return o->min != 0 || o->max != 0; }

static bool within(const struct cli_option *o, double x) { return !limited(o) || (x >= o->min && x <= o->max); }

/* "1 to 64", "at least 1", "at most 5". */
static const char *limits_text(const struct cli_option *o, char *text, size_t size)
{
    if (o->max >= 1e15) snprintf(text, size, "at least %.10g", o->min);
    else if (o->min <= -1e15) snprintf(text, size, "at most %.10g", o->max);
    else snprintf(text, size, "%.10g to %.10g", o->min, o->max);
    return text;
}

/* The value that the variable holds before parsing, where it says something. */
static void default_text(const struct cli_option *o, char *text, size_t size)
{
    text[0] = 0;
    if (!o->value) return;
    switch (o->kind) {
    case CLI_INT:
    case CLI_LONG: {
        long x = o->kind == CLI_INT ? *(int *)o->value : *(long *)o->value;
        if (limited(o) ? within(o, (double)x) : x != 0) snprintf(text, size, "%ld", x);
        break;
    }
    case CLI_REAL: {
        double x = *(double *)o->value;
        if (limited(o) ? within(o, x) : x != 0) snprintf(text, size, "%g", x);
        break;
    }
    case CLI_TEXT:
    case CLI_CHOICE:
        if (*(const char **)o->value) snprintf(text, size, "%s", *(const char **)o->value);
        break;
    case CLI_RANGE: {
        struct cli_range r = *(struct cli_range *)o->value;
        if (limited(o) ? within(o, r.lo) && within(o, r.hi) : r.lo || r.hi)
            snprintf(text, size, r.lo == r.hi ? "%d" : "%d:%d", r.lo, r.hi);
        break;
    }
    default: break;
    }
}

static void print_option(const struct cli_option *o)
{
    if (o->kind == CLI_SECTION) {
        printf("\n%s:\n", o->name);
        return;
    }
    char left[256], help[1024], limits[96] = "", standard[160];
    const char *argument = o->argument ? o->argument : o->kind == CLI_CHOICE ? o->choices : "VALUE";
    if (o->letter) snprintf(left, sizeof left, "  -%c, --%s", o->letter, o->name);
    else snprintf(left, sizeof left, "      --%s", o->name);
    if (o->kind != CLI_FLAG) snprintf(left + strlen(left), sizeof left - strlen(left), " %s", argument);

    snprintf(help, sizeof help, "%s", o->help ? o->help : "");
    size_t len = strlen(help);
    if (o->kind == CLI_CHOICE && o->argument) {
        len += (size_t)snprintf(help + len, sizeof help - len, " One of ");
        for (const char *c = o->choices; *c && len + 2 < sizeof help; c++) {
            if (*c == '|') help[len++] = ',';
            help[len++] = *c == '|' ? ' ' : *c;
        }
        help[len] = 0;
        len += (size_t)snprintf(help + len, sizeof help - len, ".");
    }
    default_text(o, standard, sizeof standard);
    if (limited(o)) limits_text(o, limits, sizeof limits);
    if (len + sizeof limits + sizeof standard + 16 < sizeof help) {
        if (limits[0] && standard[0]) snprintf(help + len, sizeof help - len, " [%s; default %s]", limits, standard);
        else if (limits[0]) snprintf(help + len, sizeof help - len, " [%s]", limits);
        else if (standard[0]) snprintf(help + len, sizeof help - len, " [default %s]", standard);
    }
    int at = printf("%s", left);
    if (at + 2 > COLUMN) {
        putchar('\n');
        at = 0;
    }
    printf("%*s", COLUMN - at, "");
    wrap(help, COLUMN, COLUMN);
}

/* One line of a list of commands: the name, then the summary. */
static void print_summary(const struct cli_command *c)
{
    int at = printf("  %-10s  ", c->name);
    wrap(c->summary, 14, at);
}

static int help_all(const struct cli_command *const *commands)
{
    puts("lace " LACE_VERSION ": reasoning threads that read each other while they write\n");
    puts("usage: lace COMMAND [OPTION...] [ARGUMENT...]\n");
    puts("commands:");
    for (; *commands; commands++) print_summary(*commands);
    puts("  help        Explain a command, its options and examples");
    puts("\nexamples:");
    puts("  lace help run");
    puts("  lace run \"Find i (each from 1 to 8, mod 11): g*9+3=1, h*2+g=9, i*4+h=6.\"");
    puts("\n`lace COMMAND --help` explains a command. `lace --version` prints the version.");
    return 0;
}

static int help_command(const struct cli_command *c, const char *path)
{
    if (c->prepare) c->prepare();
    printf("lace %s: ", path);
    wrap(c->summary, 2, (int)strlen(path) + 7);
    const char *usage = c->usage ? c->usage : c->commands ? "COMMAND [OPTION...]" : c->options ? "[OPTION...]" : "";
    const char *head = "\nusage: ";
    do {
        int len = (int)strcspn(usage, "\n");
        printf("%slace %s", head, path);
        if (len) printf(" %.*s", len, usage);
        putchar('\n');
        usage += len + (usage[len] == '\n');
        head = "       ";
    } while (*usage);
    if (c->description) {
        putchar('\n');
        wrap(c->description, 0, 0);
    }
    if (c->commands) {
        puts("\ncommands:");
        for (const struct cli_command *s = c->commands; s->name; s++) print_summary(s);
    }
    if (c->options) {
        if (c->options->kind != CLI_SECTION) puts("\noptions:");
        for (const struct cli_option *o = c->options; o->name; o++) print_option(o);
    }
    if (c->examples) {
        puts("\nexamples:");
        print_examples(c->examples);
    }
    if (c->commands) printf("\n`lace %s COMMAND --help` explains each.\n", path);
    return 0;
}

/* ---- parsing ---- */

int cli_choice_index(const char *choices, const char *name)
{
    if (!choices || !name) return -1;
    size_t want = strlen(name);
    for (int index = 0;; index++) {
        size_t len = strcspn(choices, "|");
        if (len == want && !memcmp(choices, name, len)) return index;
        if (!choices[len]) return -1;
        choices += len + 1;
    }
}

/* A whole decimal integer at *text; moves *text behind it. */
static bool read_long(const char **text, long *value)
{
    char *end;
    if (**text != '-' && **text != '+' && (**text < '0' || **text > '9')) return false; /* strtol would skip spaces */
    errno = 0;
    *value = strtol(*text, &end, 10);
    if (errno || end == *text) return false;
    *text = end;
    return true;
}

static int out_of_range(const struct cli_option *o, const char *text)
{
    char limits[96];
    return cli_misuse("--%s %s is out of range; it takes %s.", o->name, text, limits_text(o, limits, sizeof limits));
}

static int bad_choice(const struct cli_option *o, const char *text)
{
    char names[256], *name, *next;
    struct nearest nearest = {.typed = text};
    snprintf(names, sizeof names, "%s", o->choices);
    for (name = names; name; name = next) {
        if ((next = strchr(name, '|'))) *next++ = 0;
        consider(&nearest, name);
    }
    if (nearest.distance <= 2)
        return cli_misuse("--%s has no value '%s'; did you mean '%s'?", o->name, text, nearest.name);
    char list[512] = "";
    size_t len = 0;
    for (const char *c = o->choices; *c && len + 3 < sizeof list; c++) {
        if (*c == '|') list[len++] = ',';
        list[len++] = *c == '|' ? ' ' : *c;
    }
    list[len] = 0;
    return cli_misuse("--%s has no value '%s'; it takes one of: %s.", o->name, text, list);
}

/* Stores one value. text is NULL for a flag. */
static int set(const struct cli_option *o, const char *text)
{
    const char *end = text;
    switch (o->kind) {
    case CLI_FLAG: *(bool *)o->value = true; break;
    case CLI_INT:
    case CLI_LONG: {
        long x;
        if (!read_long(&end, &x) || *end || (o->kind == CLI_INT && (x > INT_MAX || x < INT_MIN))) {
            /* Digits alone that still failed are a number too large, which is a matter of range. */
            if (limited(o) && *text && strspn(text, "0123456789") == strlen(text)) return out_of_range(o, text);
            return cli_misuse("--%s takes a whole number, not '%s'.", o->name, text);
        }
        if (!within(o, (double)x)) return out_of_range(o, text);
        if (o->kind == CLI_INT) *(int *)o->value = (int)x;
        else *(long *)o->value = x;
        break;
    }
    case CLI_REAL: {
        char *stop;
        double x = strtod(text, &stop);
        if (stop == text || *stop || !isfinite(x) || *text == ' ')
            return cli_misuse("--%s takes a number, not '%s'.", o->name, text);
        if (!within(o, x)) return out_of_range(o, text);
        *(double *)o->value = x;
        break;
    }
    case CLI_TEXT: *(const char **)o->value = text; break;
    case CLI_RANGE: {
        long lo, hi;
        bool ok = read_long(&end, &lo);
        hi = ok ? lo : 0;
        if (ok && *end == ':') {
            end++;
            ok = read_long(&end, &hi);
        }
        if (!ok || *end || lo > INT_MAX || lo < INT_MIN || hi > INT_MAX || hi < INT_MIN)
            return cli_misuse("--%s takes a whole number A or a range A:B, not '%s'.", o->name, text);
        if (lo > hi) return cli_misuse("--%s %s is empty: %ld is more than %ld.", o->name, text, lo, hi);
        if (!within(o, (double)lo) || !within(o, (double)hi)) return out_of_range(o, text);
        *(struct cli_range *)o->value = (struct cli_range){(int)lo, (int)hi};
        break;
    }
    case CLI_CHOICE:
        if (cli_choice_index(o->choices, text) < 0) return bad_choice(o, text);
        *(const char **)o->value = text;
        break;
    case CLI_LIST: {
        struct cli_list *list = o->value;
        if (list->count == CLI_LIST_MAX)
            return cli_misuse("--%s may be given %d times at most.", o->name, CLI_LIST_MAX);
        list->item[list->count++] = text;
        break;
    }
    case CLI_SECTION: break;
    }
    if (o->given) *o->given = true;
    return 0;
}

static const struct cli_option *find_option(const struct cli_command *c, const char *name, size_t len, char letter)
{
    for (const struct cli_option *o = c->options; o && o->name; o++) {
        if (o->kind == CLI_SECTION) continue;
        if (letter ? o->letter == letter : strlen(o->name) == len && !memcmp(o->name, name, len)) return o;
    }
    return NULL;
}

static int unknown_option(const struct cli_command *c, const char *path, const char *name, size_t len)
{
    char typed[NAME_MAX_LEN + 1];
    snprintf(typed, sizeof typed, "%.*s", (int)(len < NAME_MAX_LEN ? len : NAME_MAX_LEN), name);
    struct nearest nearest = {.typed = typed};
    for (const struct cli_option *o = c->options; o && o->name; o++)
        if (o->kind != CLI_SECTION) consider(&nearest, o->name);
    consider(&nearest, "help");
    if (!nearest.distance) return cli_misuse("A long option takes two dashes: --%s.", typed);
    if (nearest.distance <= 2 || nearest.distance * 2 < (int)len)
        return cli_misuse("lace %s has no option --%s; did you mean --%s?", path, typed, nearest.name);
    return cli_misuse("lace %s has no option --%s; the nearest is --%s, and `lace %s --help` lists all.", path, typed,
                      nearest.name, path);
}

/* Moves the positional arguments to the front of arg; *count becomes their number. */
static int parse(const struct cli_command *c, const char *path, int *count, char **arg, bool *help)
{
    int kept = 0;
    bool only_arguments = false;
    for (int i = 0; i < *count; i++) {
        char *a = arg[i];
        if (only_arguments || a[0] != '-' || !a[1]) {
            arg[kept++] = a;
            continue;
        }
        if (!strcmp(a, "--")) {
            only_arguments = true;
            continue;
        }
        if (!strcmp(a, "--help") || !strcmp(a, "-h")) {
            *help = true;
            return 0;
        }
        const struct cli_option *o;
        const char *value = NULL;
        if (a[1] == '-') {
            size_t len = strcspn(a + 2, "=");
            if (!(o = find_option(c, a + 2, len, 0))) return unknown_option(c, path, a + 2, len);
            if (a[2 + len]) value = a + 3 + len;
        } else {
            if (!(o = find_option(c, NULL, 0, a[1]))) {
                if (a[1] >= '0' && a[1] <= '9')
                    return cli_misuse("lace %s has no option %s; write `-- %s` for an argument that starts with '-'.",
                                      path, a, a);
                if (a[2] && a[2] != '=') return unknown_option(c, path, a + 1, strcspn(a + 1, "=")); /* -threads */
                return cli_misuse("lace %s has no option -%c; `lace %s --help` lists all.", path, a[1], path);
            }
            if (a[2] && o->kind == CLI_FLAG) return unknown_option(c, path, a + 1, strcspn(a + 1, "="));
            if (a[2]) value = a + 2 + (a[2] == '=');
        }
        if (o->kind == CLI_FLAG) {
            if (value) return cli_misuse("--%s takes no value.", o->name);
        } else if (!value) {
            if (i + 1 == *count)
                return cli_misuse("--%s needs a value: --%s %s.", o->name, o->name,
                                  o->argument  ? o->argument
                                  : o->choices ? o->choices
                                               : "VALUE");
            value = arg[++i];
        }
        int status = set(o, value);
        if (status) return status;
    }
    *count = kept;
    return 0;
}

/* The first line of the usage, for complaints. */
static int bad_count(const struct cli_command *c, const char *path, const char *what)
{
    const char *usage = c->usage ? c->usage : c->commands ? "COMMAND [OPTION...]" : "[OPTION...]";
    return cli_misuse("lace %s %s; usage: lace %s %.*s.", path, what, path, (int)strcspn(usage, "\n"), usage);
}

static int needs_command(const struct cli_command *c, const char *path)
{
    char list[512] = "";
    for (const struct cli_command *s = c->commands; s->name; s++) {
        size_t len = strlen(list);
        snprintf(list + len, sizeof list - len, "%s%s", len ? ", " : "", s->name);
    }
    return cli_misuse("lace %s needs a command: %s; `lace %s --help` explains them.", path, list, path);
}

static int unknown_command(const char *prefix, struct nearest *nearest)
{
    if (!nearest->name) return cli_misuse("There is no command '%s%s'.", prefix, nearest->typed);
    if (nearest->distance <= 2)
        return cli_misuse("There is no command '%s%s'; did you mean '%s%s'?", prefix, nearest->typed, prefix,
                          nearest->name);
    return cli_misuse("There is no command '%s%s'; the nearest is '%s%s', and `lace%s%.*s --help` lists all.", prefix,
                      nearest->typed, prefix, nearest->name, *prefix ? " " : "", *prefix ? (int)strlen(prefix) - 1 : 0,
                      prefix);
}

static int run_command(const struct cli_command *c, const char *path, int count, char **arg, bool help)
{
    char longer[128], prefix[130];
    if (c->commands) {
        if (!count && help) return help_command(c, path);
        if (!count) return needs_command(c, path);
        if (!strcmp(arg[0], "--help") || !strcmp(arg[0], "-h") || !strcmp(arg[0], "help")) return help_command(c, path);
        struct nearest nearest = {.typed = arg[0]};
        for (const struct cli_command *s = c->commands; s->name; s++) {
            if (!strcmp(s->name, arg[0])) {
                snprintf(longer, sizeof longer, "%s %s", path, s->name);
                return run_command(s, longer, count - 1, arg + 1, help);
            }
            consider(&nearest, s->name);
        }
        snprintf(prefix, sizeof prefix, "%s ", path);
        return unknown_command(prefix, &nearest);
    }
    if (help) return help_command(c, path);
    if (c->prepare) c->prepare();
    bool asked = false;
    int status = parse(c, path, &count, arg, &asked);
    if (asked) return help_command(c, path);
    if (status) return status;
    if (count < c->args_min) return bad_count(c, path, "needs more arguments");
    if (c->args_max >= 0 && count > c->args_max)
        return bad_count(c, path,
                         c->args_max ? "takes fewer arguments (a text of several words stands in quotes)"
                                     : "takes no arguments");
    return c->run(count, arg);
}

int cli_main(const struct cli_command *const *commands, int count, char **arg)
{
    if (!count) {
        help_all(commands);
        return 2;
    }
    if (!strcmp(arg[0], "--version") || !strcmp(arg[0], "-V")) {
        puts("lace " LACE_VERSION);
        return 0;
    }
    bool help = !strcmp(arg[0], "help");
    if (!strcmp(arg[0], "--help") || !strcmp(arg[0], "-h") || (help && count == 1)) return help_all(commands);
    if (help) {
        count--;
        arg++;
        if (!strcmp(arg[0], "help")) return help_all(commands);
    }
    struct nearest nearest = {.typed = arg[0]};
    for (const struct cli_command *const *c = commands; *c; c++) {
        if (!strcmp((*c)->name, arg[0])) return run_command(*c, (*c)->name, count - 1, arg + 1, help);
        consider(&nearest, (*c)->name);
    }
    if (arg[0][0] == '-')
        return cli_misuse("A command comes first, then its options: lace COMMAND %s; `lace --help` lists the commands.",
                          arg[0]);
    consider(&nearest, "help");
    return unknown_command("", &nearest);
}
