/* Whole files, read with a bound and written so that no reader ever sees half of one. */
#include "base/base.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const uint64_t first_hash = 0xcbf29ce484222325u;
static uint64_t next_hash(uint64_t hash, unsigned char c) { return (hash ^ c) * 0x100000001b3u; }

uint64_t lace_hash(const void *bytes, size_t len)
{
    uint64_t hash = first_hash;
    for (const unsigned char *p = bytes; len--; p++) hash = next_hash(hash, *p);
    return hash;
}

uint64_t lace_hash_folded(const char *text)
{
    uint64_t hash = first_hash;
    for (const char *c = text; *c; c++)
        if (!strchr(" \t\n\v\f\r", *c)) hash = next_hash(hash, (unsigned char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c));
    return hash;
}

double lace_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int lace_read_file(const char *path, size_t max, char **bytes, size_t *len, struct lace_error *err)
{
    int code = 0;
    char *data = NULL;
    size_t used = 0, cap = 1 << 16;
    *bytes = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return lace_fail(err, LACE_SYSTEM, "Cannot open %s: %s.", path, strerror(errno));
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        if ((uint64_t)st.st_size > max) {
            code = lace_fail(err, LACE_BAD, "%s holds %lld bytes; at most %zu are accepted here.", path,
                             (long long)st.st_size, max);
            goto done;
        }
        cap = (size_t)st.st_size + 1;
    }
    for (;;) {
        if (!data || used + 1 >= cap) {
            if (data) cap *= 2;
            char *grown = realloc(data, cap + 1);
            if (!grown) {
                code = lace_fail(err, LACE_MEMORY, "Out of memory while reading %s.", path);
                goto done;
            }
            data = grown;
        }
        ssize_t got = read(fd, data + used, cap - used);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            code = lace_fail(err, LACE_SYSTEM, "Cannot read %s: %s.", path, strerror(errno));
            goto done;
        }
        if (!got) break;
        used += (size_t)got;
        if (used > max) {
            code = lace_fail(err, LACE_BAD, "%s is longer than the %zu bytes accepted here.", path, max);
            goto done;
        }
    }
    data[used] = 0;
done:
    close(fd);
    if (code) {
        free(data);
        return code;
    }
    *bytes = data;
    *len = used;
    return 0;
}

int lace_write_file(const char *path, const void *bytes, size_t len, struct lace_error *err)
{
    char temporary[PATH_MAX];
    struct stat st;
    /* A device or a pipe is written to; a file in its place would take /dev/null from the whole machine. */
    bool in_place = !stat(path, &st) && !S_ISREG(st.st_mode);
    int size = in_place ? snprintf(temporary, sizeof temporary, "%s", path)
                        : snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid());
    if (size >= (int)sizeof temporary) return lace_fail(err, LACE_BAD, "The path %s is too long.", path);
    int fd = open(temporary, O_WRONLY | O_CLOEXEC | (in_place ? 0 : O_CREAT | O_TRUNC), 0666);
    if (fd < 0) return lace_fail(err, LACE_SYSTEM, "Cannot write %s: %s.", path, strerror(errno));
    for (size_t done = 0; done < len;) {
        ssize_t put = write(fd, (const char *)bytes + done, len - done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) goto fail;
        done += (size_t)put;
    }
    if (!in_place && fsync(fd)) goto fail; /* what is no file has no disk to reach */
    if (close(fd)) {
        fd = -1;
        goto fail;
    }
    fd = -1;
    if (!in_place && rename(temporary, path)) goto fail;
    return 0;
fail:
    lace_fail(err, LACE_SYSTEM, "Cannot write %s: %s.", path, strerror(errno));
    if (fd >= 0) close(fd);
    if (!in_place) unlink(temporary);
    return LACE_SYSTEM;
}

int lace_join(char *path, const char *dir, const char *name, struct lace_error *err)
{
    if (snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX) return 0;
    return lace_fail(err, LACE_BAD, "The path %.100s/%.100s is too long.", dir, name);
}

int lace_make_dir(const char *path, struct lace_error *err)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (!len || len >= sizeof part) return lace_fail(err, LACE_BAD, "Cannot make a folder of that name: %.100s.", path);
    memcpy(part, path, len + 1);
    for (char *p = part + 1; p <= part + len; p++) {
        if (*p != '/' && *p) continue;
        char saved = *p;
        *p = 0;
        if (mkdir(part, 0777) && errno != EEXIST)
            return lace_fail(err, LACE_SYSTEM, "Cannot make the folder %s: %s.", part, strerror(errno));
        *p = saved;
    }
    struct stat st;
    if (stat(path, &st) || !S_ISDIR(st.st_mode))
        return lace_fail(err, LACE_BAD, "%s exists and is not a folder.", path);
    return 0;
}

void lace_remove_folder(const char *dir)
{
    DIR *d = opendir(dir);
    if (!d) return;
    char path[PATH_MAX];
    for (struct dirent *e; (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        if (snprintf(path, sizeof path, "%s/%s", dir, e->d_name) >= (int)sizeof path) continue;
        if (unlink(path)) lace_remove_folder(path); /* a folder */
    }
    closedir(d);
    rmdir(dir);
}

/* A link goes, not what it names. */
static void remove_any(const char *path)
{
    if (unlink(path)) lace_remove_folder(path);
}

int lace_replace_folder(const char *from, const char *dir, struct lace_error *err)
{
    char old[PATH_MAX];
    if (snprintf(old, sizeof old, "%s.old", from) >= (int)sizeof old)
        return lace_fail(err, LACE_BAD, "The path %.100s... is too long.", from);
    remove_any(old);
    bool moved = !rename(dir, old);
    if ((moved || errno == ENOENT) && !rename(from, dir)) {
        remove_any(old);
        return 0;
    }
    lace_fail(err, LACE_SYSTEM, "Cannot write the folder %s: %s.", dir, strerror(errno));
    if (moved) rename(old, dir);
    return LACE_SYSTEM;
}
