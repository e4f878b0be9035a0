# The command line: parsing, complaints and help, on a small table of our own; then the help of every real command.
. tests/cli/tap
cat >"$work/t.c" <<'C'
#include "options.h"
#include <stdio.h>
static int threads = 8;
static long steps;
static const char *out, *visible = "causal";
static bool json, given;
static struct cli_range difficulty = {1, 3};
static double temperature = 0.7;
static struct cli_list sets;
static const struct cli_option options[] = {
    {"threads", 'n', CLI_INT, &threads, "N", "Reasoning threads.", .min = 1, .max = 64, .given = &given},
    {"steps", 0, CLI_LONG, &steps, "N", "Steps."},
    {"out", 'o', CLI_TEXT, &out, "FILE", "Where to."},
    {"Sampling", .kind = CLI_SECTION},
    {"json", 0, CLI_FLAG, &json, NULL, "JSON."},
    {"difficulty", 0, CLI_RANGE, &difficulty, "A[:B]", "How hard.", .min = 1, .max = 9},
    {"visible", 0, CLI_CHOICE, &visible, "V", "What is seen.", .choices = "aligned|window|causal"},
    {"temperature", 0, CLI_REAL, &temperature, "X", "Temperature.", .min = 0, .max = 5},
    {"set", 0, CLI_LIST, &sets, "KEY=VALUE", "A setting."},
    {0},
};
static int run(int count, char **args)
{
    printf("%d%s %ld %s %d %d:%d %s %g", threads, given ? "!" : "", steps, out ? out : "-", json, difficulty.lo, difficulty.hi,
           visible, temperature);
    for (int i = 0; i < sets.count; i++) printf(" {%s}", sets.item[i]);
    for (int i = 0; i < count; i++) printf(" [%s]", args[i]);
    putchar('\n');
    return 0;
}
static int fail(int count, char **args) { return cli_fail("It broke."); }
static const struct cli_command subs[] = {
    {.name = "make", .summary = "Make", .options = options, .args_max = -1, .run = run},
    {.name = "fail", .summary = "Fail", .run = fail},
    {0},
};
static const struct cli_command cmd_data = {.name = "data", .summary = "Data", .commands = subs},
    cmd_run = {.name = "run", .summary = "Solve one problem", .usage = "[OPTION...] PROMPT", .examples = "lace run x",
               .options = options, .args_min = 1, .args_max = 1, .run = run};
int main(int argc, char **argv)
{
    const struct cli_command *const commands[] = {&cmd_run, &cmd_data, NULL};
    return cli_main(commands, argc - 1, argv + 1);
}
C
succeeds "compiles" $CC -std=gnu11 -D_GNU_SOURCE -Wall -g -fsanitize=address,undefined -fno-sanitize-recover -Iinclude -Icli \
    "$work/t.c" cli/options.c -o "$work/t"

says() { # name, expected output and status; then the arguments
    local name=$1 expected=$2 said
    shift 2
    said=$("$work/t" "$@" 2>&1)
    is "$name" "$said ($?)" "$expected"
}
says "defaults" "8 0 - 0 1:3 causal 0.7 [x] (0)" run x
says "values apart and attached" "4! 0 f 1 2:5 window 0 [x] (0)" run -n 4 --out=f --json x --difficulty 2:5 --visible=window --temperature 0
says "short letters" "4! 0 f 0 7:7 causal 0.7 [-] (0)" run -n4 -of --difficulty 7 -
says "two dashes end the options" "8 0 - 0 1:3 causal 0.7 [--json] (0)" run -- --json
says "a value may start with a dash" "8 -5 - 0 1:3 causal 0.7 [x] (0)" run --steps -5 x
says "a list" "8 0 - 0 1:3 causal 0.7 {a=1} {b=2} (0)" data make --set a=1 --set b=2
says "an empty value" "8 0  0 1:3 causal 0.7 [] (0)" run --out= ""
says "too small" "lace: --threads 0 is out of range; it takes 1 to 64. (2)" run --threads 0 x
says "far too large" "lace: --threads 99999999999999999999 is out of range; it takes 1 to 64. (2)" run --threads 99999999999999999999 x
says "no limits, still no overflow" "lace: --steps takes a whole number, not '99999999999999999999'. (2)" run --steps 99999999999999999999 x
says "not a number" "lace: --threads takes a whole number, not '4x'. (2)" run --threads 4x x
says "an empty number" "lace: --threads takes a whole number, not ''. (2)" run --threads= x
says "nan" "lace: --temperature takes a number, not 'nan'. (2)" run --temperature nan x
says "an empty range" "lace: --difficulty 3:1 is empty: 3 is more than 1. (2)" run --difficulty 3:1 x
says "a broken range" "lace: --difficulty takes a whole number A or a range A:B, not '3:'. (2)" run --difficulty 3: x
says "a range out of range" "lace: --difficulty 3:10 is out of range; it takes 1 to 9. (2)" run --difficulty 3:10 x
says "a near choice" "lace: --visible has no value 'casual'; did you mean 'causal'? (2)" run --visible casual x
says "a far choice" "lace: --visible has no value 'everything'; it takes one of: aligned, window, causal. (2)" run --visible everything x
says "a near option" "lace: lace run has no option --thread; did you mean --threads? (2)" run --thread 3 x
says "one dash" "lace: A long option takes two dashes: --threads. (2)" run -threads 3 x
says "no value" "lace: --out needs a value: --out FILE. (2)" run x --out
says "a value too many" "lace: --json takes no value. (2)" run --json=1 x
says "no argument" "lace: lace run needs more arguments; usage: lace run [OPTION...] PROMPT. (2)" run
says "an argument too many" "lace: lace run takes fewer arguments (a text of several words stands in quotes); usage: lace run [OPTION...] PROMPT. (2)" run a b
says "a near command" "lace: There is no command 'rnu'; did you mean 'run'? (2)" rnu
says "a near sub-command" "lace: There is no command 'data mkae'; did you mean 'data make'? (2)" data mkae
says "a failure" "lace: It broke. (1)" data fail
like "an unknown option names the nearest" "$("$work/t" run --qqqqqqqqqqqq x 2>&1)" "the nearest is --"
like "no sub-command" "$("$work/t" data 2>&1)" "lace data needs a command"
like "defaults are in the help" "$("$work/t" run --help)" "\[1 to 64; default 8\]"
is "three ways to the same help" "$("$work/t" help data make)" "$("$work/t" data make --help)"
long=$(printf 'a%.0s' {1..500})
"$work/t" "$long" >/dev/null 2>&1; is "a long name" $? 2
"$work/t" run "--$long" >/dev/null 2>&1; is "a long option" $? 2

version=$(sed -n 's/^#define LACE_VERSION "\(.*\)".*/\1/p' include/lace.h)
is "lace --version" "$("$LACE" --version)" "lace $version"
"$LACE" --help >/dev/full 2>/dev/null; is "a full disk is noticed" $? 1
"$LACE" >/dev/null 2>&1; is "no command is a mistake" $? 2
list() { "$LACE" "$@" --help | sed -n '/^commands:/,/^$/s/^  \([a-z][a-z_-]*\) .*/\1/p'; }
{
    "$LACE" --help
    for c in $(list); do
        "$LACE" help "$c" || echo "no help: $c"
        [ "$c" = help ] || for s in $(list "$c"); do "$LACE" "$c" "$s" --help || echo "no help: $c $s"; done
    done
} >"$work/help" 2>&1
empty "every command has help" "$(grep 'no help:' "$work/help")"
empty "the help fits 80 columns" "$(grep '.\{81\}' "$work/help")"
finish
