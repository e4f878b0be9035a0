/* lace chat: a conversation. What the model writes is printed while it writes it; each turn reads no more than what is
 * new, because one session holds all of them. */
#include "conversation.h"
#include "json_out.h"
#include "model_options.h"
#include "progress.h"
#include "run_options.h"
#include "terminal.h"
#include "utf8.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool json;

static const struct cli_option options[] = {
    {"Model", .kind = CLI_SECTION},
    CLI_MODEL_OPTIONS,
    {"Conversation", .kind = CLI_SECTION},
    CLI_CHAT_OPTIONS,
    CLI_THREAD_OPTIONS("1, or 4 with a lattice,"),
    CLI_SAMPLING_OPTIONS,
    {"Output", .kind = CLI_SECTION},
    {"json", 'j', CLI_FLAG, &json, NULL, "Each reply as a line of JSON: its content, and the tokens that it took."},
    {0},
};

/* ---- Ctrl-C: the first stops a reply, another one, or one where nothing is written, ends ---- */

static volatile sig_atomic_t replying, stopped;

static void on_interrupt(int number)
{
    if (replying && !stopped) {
        stopped = 1;
        return;
    }
    signal(number, SIG_DFL);
    raise(number);
}

/* ---- a message from stdin ---- */

struct reader {
    char *line, *message;
    size_t capacity, len, size;
    bool terminal; /* somebody types */
};

static bool append(struct reader *r, const char *text, size_t len)
{
    if (r->len + len + 1 > r->size) {
        size_t size = 2 * (r->len + len + 1);
        char *grown = realloc(r->message, size);
        if (!grown) return false;
        r->message = grown;
        r->size = size;
    }
    memcpy(r->message + r->len, text, len);
    r->len += len;
    r->message[r->len] = 0;
    return true;
}

static int check_text(const struct reader *r)
{
    int n = 1;
    if (memchr(r->message, 0, r->len)) return cli_fail("The message holds a zero byte; it must be text in UTF-8.");
    for (size_t i = 0; i < r->len && n > 0; i += (size_t)n) n = cli_utf8_size(r->message + i, r->len - i);
    return n > 0 ? 0 : cli_fail("The message is not UTF-8.");
}

/* A line; lines that end with a backslash go on, and lines of """ stand around a message of several. *end: no more. */
static int read_message(struct reader *r, bool *end)
{
    bool block = false, more = true;
    r->len = 0;
    *end = false;
    if (!append(r, "", 0)) return cli_fail("Out of memory.");
    while (more) {
        if (r->terminal) fputs(r->len || block ? "... " : "> ", stderr);
        errno = 0;
        ssize_t len = getline(&r->line, &r->capacity, stdin);
        if (len < 0) {
            if (errno) return cli_fail("stdin cannot be read: %s.", strerror(errno));
            *end = r->len == 0;
            break;
        }
        bool ended = len && r->line[len - 1] == '\n';
        if (ended && --len && r->line[len - 1] == '\r') len--;
        bool quotes = len == 3 && !memcmp(r->line, "\"\"\"", 3);
        if (quotes && (block || !r->len)) {
            more = block = !block;
            continue;
        }
        more = block || (len && r->line[len - 1] == '\\');
        if (more && !block) len--;
        if (!append(r, r->line, (size_t)len) || (more && !append(r, "\n", 1))) return cli_fail("Out of memory.");
    }
    if (r->len && r->message[r->len - 1] == '\n') r->message[--r->len] = 0;
    return check_text(r);
}

/* ---- a reply on stdout ---- */

struct writer {
    bool terminal; /* nothing may be written that it would obey */
    bool silent;   /* several threads write: the picked one's reply comes at the end */
    char held[4];  /* of a character that is not whole yet */
    size_t held_len;
    char *text; /* all that came, for a reply that was stopped */
    size_t len;
    FILE *copy;
    struct cli_progress progress;
    long pieces;
};

static void write_character(const struct writer *w, const char *c, int n)
{
    if (n < 0) fputs("\xef\xbf\xbd", stdout);
    else if (w->terminal && *c != '\n' && *c != '\t' && cli_character_width(c, n) < 0) putchar('.');
    else fwrite(c, 1, (size_t)n, stdout);
}

static void write_text(struct writer *w, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        w->held[w->held_len++] = text[i];
        int n = cli_utf8_size(w->held, w->held_len);
        if (n == 0 && w->held_len < sizeof w->held) continue; /* the rest of it comes */
        write_character(w, w->held, n > 0 ? n : -1);
        if (n <= 0 && w->held_len > 1) i--; /* the byte that broke it may begin the next one */
        w->held_len = 0;
    }
    fflush(stdout);
}

static void end_text(struct writer *w)
{
    if (w->held_len) write_character(w, w->held, -1);
    w->held_len = 0;
}

static int heard(void *user, int thread, const char *bytes, size_t len)
{
    struct writer *w = user;
    if (w->silent) {
        if (isatty(STDERR_FILENO)) cli_progress_update(&w->progress, ++w->pieces, NULL);
    } else {
        fwrite(bytes, 1, len, w->copy);
        if (!json) write_text(w, bytes, len);
    }
    return stopped;
}

static void print_json(const char *reply, const struct lace_run_result *r)
{
    printf("{\"role\": \"assistant\", \"content\": ");
    cli_json_string(stdout, reply);
    printf(", \"picked\": %d, \"cut\": %s, \"usage\": {\"prompt_tokens\": %d, \"cached_tokens\": %d, "
           "\"completion_tokens\": "
           "%d}, \"timings\": {\"prompt_ms\": %.3f, \"predicted_ms\": %.3f}}\n",
           r->picked, r->threads[r->picked].cut ? "true" : "false", r->prompt_tokens, r->cached_tokens,
           r->completion_tokens, 1000 * r->prompt_seconds, 1000 * r->decode_seconds);
    fflush(stdout);
}

/* The model's reply, printed and added to the conversation. */
static int reply(struct lace_session *session, const char *prompt, struct lace_run_options *o,
                 struct cli_conversation *c)
{
    struct writer w = {.terminal = isatty(STDOUT_FILENO), .silent = o->threads > 1};
    struct lace_run_result result;
    struct lace_error err;
    if (!(w.copy = open_memstream(&w.text, &w.len))) return cli_fail("Out of memory.");
    o->piece = heard;
    o->user = &w;
    if (w.silent && isatty(STDERR_FILENO)) cli_progress_start(&w.progress, "chat", "tokens", 0);
    stopped = 0;
    replying = 1;
    int code = lace_session_run(session, prompt, o, &result, &err), status = 0;
    replying = 0;
    if (w.silent && isatty(STDERR_FILENO)) cli_progress_end(&w.progress);
    if (fclose(w.copy)) status = cli_fail("Out of memory.");
    else if (code && code != LACE_STOPPED) status = cli_fail("%s", err.text);
    else {
        const char *text = code ? w.text : result.answer;
        if (json && !code) print_json(text, &result);
        if (!json && w.silent) write_text(&w, text, strlen(text));
        if (!json) {
            end_text(&w);
            putchar('\n');
            fflush(stdout);
        }
        if (code && w.silent) cli_conversation_drop(c); /* nobody has seen anything of it */
        else status = cli_conversation_add(c, "assistant", text);
    }
    if (!code) lace_run_release(&result);
    free(w.text);
    return status;
}

/* ---- the conversation ---- */

static int turn(struct lace_session *session, const struct lace_engine *engine, struct lace_run_options *o,
                struct cli_conversation *c, const char *message)
{
    char *prompt = NULL;
    int status = cli_conversation_add(c, "user", message), had = c->count;
    if (!status) status = cli_conversation_render(c, engine, &prompt);
    if (!status) status = reply(session, prompt, o, c);
    free(prompt);
    if (status && c->count == had) cli_conversation_drop(c); /* what failed was not said */
    return status;
}

static int reset(struct cli_conversation *c)
{
    cli_conversation_end(c);
    return cli_conversation_begin(c);
}

static int talk(struct lace_session *session, const struct lace_engine *engine)
{
    struct lace_run_options o;
    struct cli_conversation c;
    struct reader r = {.terminal = isatty(STDIN_FILENO)};
    bool end = false;
    int status = cli_conversation_begin(&c);
    cli_run_take(engine, true, &o);
    if (r.terminal && !status)
        fprintf(stderr,
                "%d thread%s. /reset forgets what was said, /exit ends; Ctrl-C stops a reply; \"\"\" begins and "
                "ends a message of several lines.\n",
                o.threads, o.threads == 1 ? "" : "s");
    while (!status && !end) {
        status = read_message(&r, &end);
        if (!status && (end || !strcmp(r.message, "/exit"))) break;
        if (!status && !strcmp(r.message, "/reset")) status = reset(&c);
        else if (!status && r.message[strspn(r.message, " \t\n")]) status = turn(session, engine, &o, &c, r.message);
        if (r.terminal) status = 0; /* who types may try again */
    }
    if (r.terminal && end) fputc('\n', stderr);
    cli_conversation_end(&c);
    free(r.line);
    free(r.message);
    return status;
}

static int run(int count, char **args)
{
    struct lace_engine *engine;
    struct lace_session *session;
    struct lace_error err;
    struct cli_terminal terminal;
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    int status = cli_model_open(&engine);
    if (status) return status;
    cli_terminal_look(&terminal); /* sets the locale by which characters have a width */
    sigaction(SIGINT, &action, NULL);
    if (lace_chat_check(engine, &err) || lace_session_open(&session, engine, &err)) status = cli_fail("%s", err.text);
    else {
        status = talk(session, engine);
        lace_session_close(&session);
    }
    lace_engine_close(&engine);
    return status;
}

const struct cli_command cmd_chat = {
    .name = "chat",
    .summary = "Hold a conversation with a model that has a chat template",
    .usage = "[OPTION...]",
    .description = "Each line of stdin is a message; one that ends with a backslash goes on in the next, and lines of "
                   "\"\"\" stand around a message of several. /reset forgets what was said, /exit ends. Replies are "
                   "printed while they are written; with several threads, the picked one's when all are done. Ctrl-C "
                   "stops a reply, a second one ends.",
    .examples = "lace chat --model ~/Qwen3-0.6B --system \"Answer in one sentence.\"\n"
                "printf 'What is 6 times 7?\\nAnd times 2?\\n' | lace chat --model ~/Qwen3-0.6B --think off\n"
                "# one message of many lines\n"
                "lace run --model ~/Qwen3-0.6B --chat - < letter.txt",
    .options = options,
    .run = run,
};
