/* What may lie where a UNIX socket is to be: only a socket that nobody needs is replaced, and each of the others gets its
 * own sentence and stays. */
#include "serve/listen.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/lace-listen-XXXXXX", path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/lace.sock", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder); /* fails where a test left something */
}

static int listening(void)
{
    struct lace_error err;
    int fd;
    if (lace_listen_unix(path, &fd, &err)) fail_msg("%s", err.text);
    return fd;
}

static void refused(const char *part)
{
    struct lace_error err = {{0}};
    int fd;
    assert_true(lace_listen_unix(path, &fd, &err) < 0);
    assert_int_equal(fd, -1);
    if (!strstr(err.text, part) || !strstr(err.text, path)) fail_msg("\"%s\" does not say \"%s\"", err.text, part);
}

static mode_t kind(void)
{
    struct stat st;
    return lstat(path, &st) ? 0 : st.st_mode & S_IFMT;
}

static void a_file_stays(void **state)
{
    char word[8] = "";
    int file = open(path, O_CREAT | O_RDWR | O_EXCL, 0600);
    assert_int_equal(write(file, "kept", 4), 4);
    refused("is an ordinary file, no socket; it is left");
    lace_listen_clear(path);
    assert_int_equal(pread(file, word, 4, 0), 4);
    assert_string_equal(word, "kept");
    assert_int_equal(kind(), S_IFREG);
    close(file);
    unlink(path);
}

static void so_does_all_else(void **state)
{
    assert_int_equal(mkdir(path, 0700), 0);
    refused("is a folder; name a new file in it");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    refused("is no socket; it is left");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("nowhere", path), 0);
    refused("is in use");
    assert_int_equal(kind(), S_IFLNK);
    assert_int_equal(unlink(path), 0);
}

static void a_stale_socket_is_replaced(void **state)
{
    close(listening()); /* as a killed server does: the file stays */
    assert_int_equal(kind(), S_IFSOCK);
    int fd = listening();
    refused("Another program listens on the socket");
    lace_listen_clear(path);
    assert_int_equal(kind(), S_IFSOCK); /* it is in use */
    close(fd);
    lace_listen_clear(path);
    assert_int_equal(kind(), 0);
}

/* A connection that waits would wait for ever: the queue of the one that is there is full. */
static void a_busy_one_is_refused(void **state)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int other = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(a.sun_path, path);
    assert_int_equal(bind(other, (struct sockaddr *)&a, sizeof a) || listen(other, 0), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&a, sizeof a), 0);
    refused("Another program listens on the socket");
    close(client);
    close(other);
    lace_listen_clear(path);
}

/* Bound by a program that speaks otherwise: no less in use. */
static void a_socket_of_another_type_is_refused(void **state)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int other = socket(AF_UNIX, SOCK_DGRAM, 0);
    strcpy(a.sun_path, path);
    assert_int_equal(bind(other, (struct sockaddr *)&a, sizeof a), 0);
    refused("Another program listens on the socket");
    close(other);
    unlink(path);
}

static void paths_that_cannot_be(void **state)
{
    struct lace_error err = {{0}};
    char longest[200];
    int fd;
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(lace_listen_unix(longest, &fd, &err), LACE_BAD);
    assert_non_null(strstr(err.text, "199 bytes"));
    assert_int_equal(lace_listen_unix("/nowhere/at/all", &fd, &err), LACE_SYSTEM);
    assert_non_null(strstr(err.text, "/nowhere/at/all cannot be listened on: No such file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_stays),
        cmocka_unit_test(so_does_all_else),
        cmocka_unit_test(a_stale_socket_is_replaced),
        cmocka_unit_test(a_busy_one_is_refused),
        cmocka_unit_test(a_socket_of_another_type_is_refused),
        cmocka_unit_test(paths_that_cannot_be),
    };
    return cmocka_run_group_tests_name("listen", tests, make_folder, remove_folder);
}
