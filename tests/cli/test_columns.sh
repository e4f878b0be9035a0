# The picture of the threads: wrapping (with sanitizers, on broken bytes too), layouts, colours, the terminal given back.
. tests/cli/tap
cat >"$work/wrap.c" <<'C'
#include "wrap.h"
#include "terminal.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void show(const char *text, size_t len, int width, bool last)
{
    struct cli_lines lines = {0};
    assert(cli_wrap(&lines, text, len, width, last));
    for (int i = 0; i < lines.count; i++) {
        struct cli_buffer out = {0};
        struct cli_line *l = &lines.line[i];
        int used = cli_put_text(&out, text + l->from, l->to - l->from, width);
        assert(used == l->columns - (l->more && l->columns ? CLI_INDENT : 0) || used <= width);
        printf("[%s%.*s]", l->more ? "  " : "", (int)out.len, out.data ? out.data : "");
        free(out.data);
    }
    putchar('\n');
    free(lines.line);
}
int main(void)
{
    struct cli_terminal t;
    cli_terminal_look(&t);
    const char *tests[] = {"", "one", "one\ntwo\n", "g*9+3=1, try 1: 9+3=1, yes.\nh", "abcdefghijklmnopqrstuvwxyz", "a\n\nb", "aaaa bbbb cccc", "\033[31mred", "caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac", "x\xc3", "\xff\xfe!"};
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) show(tests[i], strlen(tests[i]), 12, false);
    show("x\xc3", 2, 12, true);
    srand(1);
    for (int i = 0; i < 20000; i++) { /* nothing is lost, nothing is wider than the column */
        char text[64];
        int len = rand() % 64, width = 1 + rand() % 20;
        for (int j = 0; j < len; j++) text[j] = rand() % 3 ? " \nab[]e\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80"[rand() % 17] : (char)rand();
        struct cli_lines lines = {0};
        assert(cli_wrap(&lines, text, (size_t)len, width, true));
        size_t at = 0;
        for (int k = 0; k < lines.count; k++) {
            struct cli_line *l = &lines.line[k];
            for (; at < l->from; at++) assert(text[at] == ' ' || text[at] == '\n');
            assert(l->to >= l->from && l->to <= (size_t)len);
            assert(l->columns <= width || l->columns <= 2);
            at = l->to;
        }
        for (; at < (size_t)len; at++) assert(text[at] == ' ' || text[at] == '\n');
        free(lines.line);
    }
    return 0;
}
C
compile() { $CC -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -g -fsanitize=address,undefined -Icli -Iinclude "$@"; }
succeeds "wrapping compiles" compile "$work/wrap.c" cli/wrap.c cli/terminal.c -o "$work/wrap"
export LC_ALL=C.UTF-8
said=$("$work/wrap" 2>&1)
is "lines break at words, and characters are whole" "$said" "
[one]
[one][two]
[g*9+3=1, try][  1: 9+3=1,][  yes.][h]
[abcdefghijkl][  mnopqrstuv][  wxyz]
[a][][b]
[aaaa bbbb][  cccc]
[.[31mred]
[café 日本]
[x]
[��!]
[x�]"

cat >"$work/picture.c" <<'C'
#include "columns.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
const char *const lace_verdict_names[] = {"", "best", "success", "fail"};
int main(int argc, char **argv) /* THREADS LINES MICROSECONDS [stop|none] */
{
    int threads = atoi(argv[1]), lines = atoi(argv[2]), pause = atoi(argv[3]);
    const char *how = argc > 4 ? argv[4] : "";
    static struct lace_run_thread t[256];
    struct lace_run_result result = {.answer = "6", .picked = 1 % threads, .thread_count = threads, .threads = t, .decode_seconds = 0.5};
    struct cli_columns *c = cli_columns_open(threads, "the title", argc > 5 ? argv[5] : NULL);
    if (getenv("PID")) {
        FILE *f = fopen(getenv("PID"), "w");
        fprintf(f, "%d", (int)getpid());
        fclose(f);
    }
    if (!strcmp(how, "none")) {
        cli_columns_close(&c, NULL);
        return 0;
    }
    for (int n = 0; n < threads; n++) t[n] = (struct lace_run_thread){.verdict = n % 3 + 1, .p_best = 0.9, .tokens = 10};
    for (int i = 0; i < lines; i++)
        for (int n = 0; n < threads; n++) {
            char step[64];
            int len = snprintf(step, sizeof step, "step %d of %d \xc3\xa9.\n", i, n + 1);
            for (int k = 0; k < len; k++) /* a byte at a time: characters arrive in halves */
                if (cli_columns_write(c, n, step + k, 1)) goto stop;
            if (pause) usleep((unsigned)pause);
        }
    for (int n = 0; n < threads; n++) {
        char tail[64];
        snprintf(tail, sizeof tail, "Answer: 6.\n[[%s]]", lace_verdict_names[t[n].verdict]);
        cli_columns_write(c, n, tail, strlen(tail));
    }
    cli_columns_close(&c, &result);
    return 0;
stop:
    cli_columns_close(&c, NULL);
    return 130;
}
C
succeeds "the picture compiles" compile "$work/picture.c" cli/columns.c cli/wrap.c cli/terminal.c -o "$work/picture"
# On a pipe, or a dumb terminal: the last picture, plain.
plain=$("$work/picture" 4 2 0)
is "rows of columns in 80" "$plain" "the title

1 ─────────────────────────────── best │ ★ 2 ━━━━━━━━━━━━━━━━━━━━━━━━━━ success
step 0 of 1 é.                         │ step 0 of 2 é.
step 1 of 1 é.                         │ step 1 of 2 é.
Answer: 6.                             │ Answer: 6.
[[best]]                               │ [[success]]

3 ─────────────────────────────── fail │ 4 ─────────────────────────────── best
step 0 of 3 é.                         │ step 0 of 4 é.
step 1 of 3 é.                         │ step 1 of 4 é.
Answer: 6.                             │ Answer: 6.
[[fail]]                               │ [[best]]

Answer: 6   thread 2 of 4 · p(best) 0.90 · 40 tokens in 0.5 s · 80/s"
empty "ASCII where the locale is no UTF-8" "$(LC_ALL=C "$work/picture" 4 1 0 | tr -d '\303\251' | LC_ALL=C grep -n '[^ -~]')"
like "with a star for the picked thread" "$(LC_ALL=C "$work/picture" 4 1 0)" '^1 -* best | \* 2 =* success$'
empty "no escapes without a terminal" "$("$work/picture" 9 3 0 | grep "$(printf '\033')")"

if ! command -v script >/dev/null; then finish; fi
terminal() { # COLUMNS ROWS ARGUMENTS: what the terminal got
    local size="cols $1 rows $2"
    shift 2
    TERM=${T:-xterm} script -qec "stty $size; $work/picture $*" /dev/null <"${IN:-/dev/null}"
}
esc=$(printf '\033')
got=$(terminal 120 40 4 30 1000)
like "the cursor is hidden" "$got" "$esc\[?25l"
like "and comes back at the end" "$(tail -c 30 <<<"$got")" "$esc\[?7h$esc\[?25h"
like "verdicts are coloured" "$got" "$esc\[31m\[\[fail\]\]"
like "the answer too" "$got" "Answer: $esc\[0m$esc\[1;32m6"
draws=$(grep -o "Answer:\|the title" <<<"$got" | grep -c title)
if [ "$draws" -ge 3 ] && [ "$draws" -le 60 ]; then ok "25 redraws a second at most"; else not_ok "25 redraws a second at most" "$draws"; fi
empty "NO_COLOR has no colours" "$(NO_COLOR=1 terminal 120 40 4 30 1000 | grep "$esc\[[0-9;]*[1-9]m")"
empty "TERM=dumb has no escapes" "$(T=dumb terminal 120 40 4 3 0 | grep "$esc")"
is "a failure before the first word leaves nothing" "$(terminal 120 40 4 0 0 none | tr -d '\r\n' | sed "s/.*$esc\[J//")" "$esc[0m$esc[?7h$esc[?25h"
for size in "80 24" "40 10" "20 6" "200 50" "5 3" "1 1"; do
    # shellcheck disable=SC2086
    widest=$(NO_COLOR=1 terminal $size 16 3 0 | sed "s/$esc\[[0-9?;]*[a-zA-Z]//g" | tr -d '\r' | wc -L)
    if [ "$widest" -le "${size% *}" ]; then ok "fits in $size"; else not_ok "fits in $size" "$widest"; fi
done
like "many threads on few lines" "$(terminal 60 12 40 3 3000 | tr -d '\r')" 'and [0-9]* more threads'
mkfifo "$work/keys"
exec 3<>"$work/keys" # script ends its child when its own stdin ends
IN=/dev/fd/3 PID=$work/pid terminal 100 30 2 2000 2000 >"$work/stopped" &
for _ in {1..50}; do [ -s "$work/pid" ] && break; sleep 0.1; done
sleep 0.3
kill -INT "$(cat "$work/pid")"
wait $!
is "Ctrl-C keeps what was written, and the status" "$(grep -c 'Stopped' "$work/stopped")" 1
like "and gives the cursor back" "$(tail -c 30 "$work/stopped")" "$esc\[?25h"
finish
