/* The script goes to gnuplot's input and the picture comes from its output, so that no file name is ever part of a
 * script. Both ends are moved by one poll loop: neither a long script nor a large picture can block the other. */
#include "io/plot.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
enum { PICTURE = 64 << 20, COMPLAINT = 4096 };

static int pipes(int ends[3][2])
{
    for (int i = 0; i < 3; i++)
        if (pipe2(ends[i], O_CLOEXEC)) return -1;
    return 0;
}

static void shut(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* Feeds in, collects out and said until both are closed. */
static int converse(const struct lace_text *in, int to, struct lace_text *out, int from, struct lace_text *said,
                    int from_said, struct lace_error *err)
{
    size_t sent = 0;
    int code = 0;
    fcntl(to, F_SETFL, O_NONBLOCK);
    while (!code && (from >= 0 || from_said >= 0)) {
        struct pollfd all[3] = {{to, POLLOUT, 0}, {from, POLLIN, 0}, {from_said, POLLIN, 0}};
        char block[1 << 16];
        if (poll(all, 3, -1) < 0 && errno != EINTR) code = lace_fail(err, LACE_SYSTEM, "poll: %s.", strerror(errno));
        if (to >= 0 && all[0].revents) {
            ssize_t n = write(to, in->data + sent, in->len - sent);
            if (n > 0) sent += (size_t)n;
            if ((n < 0 && errno != EAGAIN && errno != EINTR) || sent == in->len) shut(&to);
        }
        for (int i = 1; i < 3; i++) {
            int *fd = i == 1 ? &from : &from_said;
            struct lace_text *text = i == 1 ? out : said;
            if (*fd < 0 || !all[i].revents) continue;
            ssize_t n = read(*fd, block, sizeof block);
            if (n == 0 || (n < 0 && errno != EINTR)) shut(fd);
            if (n > 0 && text->len + (size_t)n <= (i == 1 ? PICTURE : COMPLAINT)) lace_text_add(text, block, (size_t)n);
        }
    }
    shut(&to);
    shut(&from);
    shut(&from_said);
    return code;
}

static int run(const struct lace_text *script, struct lace_text *picture, struct lace_error *err)
{
    int ends[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}}, status = -1, code = 0;
    char *const argv[] = {"gnuplot", "-", NULL};
    struct lace_text said;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t pipes_only, before;
    pid_t child;
    lace_text_init(&said);
    if (pipes(ends)) code = lace_fail(err, LACE_SYSTEM, "No pipe to gnuplot: %s.", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    /* gnuplot that ends early must not end us; it itself starts with the ordinary mask. */
    sigemptyset(&pipes_only);
    sigaddset(&pipes_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipes_only, &before);
    posix_spawnattr_setsigmask(&attributes, &before);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    if (!code) {
        posix_spawn_file_actions_adddup2(&actions, ends[0][0], 0);
        posix_spawn_file_actions_adddup2(&actions, ends[1][1], 1);
        posix_spawn_file_actions_adddup2(&actions, ends[2][1], 2);
        int failed = posix_spawnp(&child, "gnuplot", &actions, &attributes, argv, environ);
        if (failed == ENOENT)
            code =
                lace_fail(err, LACE_SYSTEM, "gnuplot, which draws the picture, is not installed; install gnuplot-nox.");
        else if (failed) code = lace_fail(err, LACE_SYSTEM, "gnuplot cannot be started: %s.", strerror(failed));
    }
    shut(&ends[0][0]);
    shut(&ends[1][1]);
    shut(&ends[2][1]);
    if (!code) {
        code = converse(script, ends[0][1], picture, ends[1][0], &said, ends[2][0], err);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        ends[0][1] = ends[1][0] = ends[2][0] = -1;
        if (!code && (status || picture->failed || !picture->len))
            code =
                lace_fail(err, LACE_SYSTEM, "gnuplot draws nothing: %.200s", said.len ? said.data : "it says not why.");
    }
    shut(&ends[0][1]);
    shut(&ends[1][0]);
    shut(&ends[2][0]);
    struct timespec none = {0};
    while (sigtimedwait(&pipes_only, NULL, &none) == SIGPIPE) {
    } /* ours, from a write to a gnuplot that was gone */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    lace_text_release(&said);
    return code;
}

void lace_plot_name(struct lace_text *script, const char *name)
{
    for (; *name; name++) {
        bool plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                     (*name >= '0' && *name <= '9') || strchr("-_./", *name);
        lace_text_add(script, plain ? name : " ", 1);
    }
}

int lace_plot(const char *script, const char *path, int width, int height, struct lace_error *err)
{
    const char *end = strrchr(path, '.');
    struct lace_text all, picture;
    bool svg = end && !strcmp(end, ".svg"), png = end && !strcmp(end, ".png");
    if (!svg && !png) return lace_fail(err, LACE_BAD, "A picture's name ends in .svg or .png, not '%.200s'.", path);
    lace_text_init(&all);
    lace_text_init(&picture);
    if (svg) lace_text_str(&all, "set terminal svg background 'white'");
    else /* libgd's own png draws neither smooth nor dashed lines, but is everywhere */
        lace_text_str(&all,
                      "if (strstrt(GPVAL_TERMINALS, 'pngcairo')) { set terminal pngcairo } else { set terminal png }\n"
                      "set terminal GPVAL_TERM");
    lace_text_print(&all, " size %d,%d noenhanced\n%s\n", width, height, script);
    int code = all.failed ? lace_fail(err, LACE_MEMORY, "Out of memory for a picture.") : run(&all, &picture, err);
    if (!code) code = lace_write_file(path, picture.data, picture.len, err);
    lace_text_release(&all);
    lace_text_release(&picture);
    return code;
}
