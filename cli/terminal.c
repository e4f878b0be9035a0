#include "terminal.h"
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define TAKE    "\033[?25l\033[?7l"
#define RELEASE "\033[0m\033[?7h\033[?25h"

static volatile sig_atomic_t stopped, resized, resumed, taken;
static const int enders[] = {SIGINT, SIGTERM, SIGHUP};

void cli_terminal_look(struct cli_terminal *t)
{
    struct winsize size;
    const char *term = getenv("TERM"), *plain = getenv("NO_COLOR");
    bool terminal = isatty(STDOUT_FILENO);
    *t = (struct cli_terminal){.width = 80, .height = 24};
    if (terminal && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size)) {
        if (size.ws_col) t->width = size.ws_col;
        if (size.ws_row) t->height = size.ws_row;
    }
    t->cursor = terminal && term && *term && strcmp(term, "dumb");
    t->colour = t->cursor && !(plain && *plain);
    setlocale(LC_CTYPE, "");
    t->unicode = !strcmp(nl_langinfo(CODESET), "UTF-8");
    if (!t->unicode)
        setlocale(LC_CTYPE, "C.UTF-8"); /* the models' texts are UTF-8 all the same; wcwidth must know them */
}

static void say(const char *codes)
{
    size_t len = strlen(codes);
    if (write(STDOUT_FILENO, codes, len) != (ssize_t)len) return; /* the terminal is gone; nobody is left to tell */
}

static void on_end(int number)
{
    if (!stopped) {
        stopped = number;
        return;
    }
    say(RELEASE "\r\n");
    signal(number, SIG_DFL);
    raise(number);
}

static void on_resize(int number)
{
    (void)number;
    resized = 1;
}

static void on_suspend(int number)
{
    sigset_t set;
    (void)number;
    say(RELEASE "\r\n");
    signal(SIGTSTP, SIG_DFL);
    raise(SIGTSTP);
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &set, NULL); /* stops here */
    signal(SIGTSTP, on_suspend);
    say(TAKE);
    resumed = 1;
}

void cli_terminal_take(void)
{
    struct sigaction action = {.sa_flags = SA_RESTART};
    stopped = resized = resumed = 0;
    action.sa_handler = on_end;
    for (size_t i = 0; i < sizeof enders / sizeof *enders; i++) sigaction(enders[i], &action, NULL);
    action.sa_handler = on_resize;
    sigaction(SIGWINCH, &action, NULL);
    action.sa_handler = on_suspend;
    sigaction(SIGTSTP, &action, NULL);
    say(TAKE);
    taken = 1;
}

void cli_terminal_release(void)
{
    if (!taken) return;
    taken = 0;
    say(RELEASE);
    for (size_t i = 0; i < sizeof enders / sizeof *enders; i++) signal(enders[i], SIG_DFL);
    signal(SIGWINCH, SIG_DFL);
    signal(SIGTSTP, SIG_DFL);
}

static bool take(volatile sig_atomic_t *flag)
{
    bool was = *flag;
    *flag = 0;
    return was;
}

int cli_terminal_stopped(void) { return stopped; }
bool cli_terminal_resized(void) { return take(&resized); }
bool cli_terminal_resumed(void) { return take(&resumed); }

int cli_character_width(const char *bytes, int count)
{
    const unsigned char *p = (const unsigned char *)bytes;
    wchar_t c = count == 1 ? p[0] : p[0] & (0x7f >> count);
    for (int i = 1; i < count; i++) c = c << 6 | (p[i] & 0x3f);
    return c < 32 || (c >= 127 && c < 160) ? -1 : wcwidth(c);
}
