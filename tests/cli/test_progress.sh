# The bar: drawn and cleared on a terminal, at most ten times a second; silent for a short run on a pipe.
. tests/cli/tap
cat >"$work/t.c" <<'C'
#include "progress.h"
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    struct cli_progress p;
    long total = argc > 1 ? atol(argv[1]) : 0;
    cli_quiet = argc > 2;
    cli_progress_start(&p, "train", "steps", total);
    for (long i = 0; i <= 300; i++) {
        cli_progress_update(&p, i, "loss 1.25");
        usleep(1500);
    }
    cli_progress_end(&p);
    return 0;
}
C
succeeds "compiles" $CC -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -g -fsanitize=address,undefined -Icli "$work/t.c" cli/progress.c -o "$work/t"
empty "a short run on a pipe says nothing" "$("$work/t" 300 2>&1)"
if ! command -v script >/dev/null; then finish; fi
terminal() { TERM=xterm script -qec "stty cols $1 2>/dev/null; $work/t $2" /dev/null </dev/null | tr '\r' '\n'; }
drawn=$(terminal 100 300)
like "a share, a rate and the time left" "$drawn" 'train \[#* *\] *[0-9]*% [0-9]* steps, [0-9.]*/s, [0-9]* s left, loss 1.25'
count=$(grep -c 'steps' <<<"$drawn")
if [ "$count" -ge 3 ] && [ "$count" -le 12 ]; then ok "ten redraws a second at most"; else not_ok "ten redraws a second at most" "$count"; fi
is "cleared at the end" "$(tail -n 1 <<<"$drawn" | tr -d '\n' | od -An -c | tr -d ' ')" '033[K'
empty "one line, however narrow" "$(terminal 30 300 | sed 's/\x1b\[K//g' | grep '.\{30\}')"
like "no total, no share" "$(terminal 100 0)" 'train [0-9]* steps, [0-9.]*/s, loss'
empty "quiet" "$(terminal 100 "300 quiet" | tr -d '\n')"
finish
