/* A journal of replies, as a killed run, an editor or somebody else left it: damaged lines are passed over, and a reply
 * that is added behind them is found again, now and when the file is opened anew. */
#include "data/journal.h"
#include "fuzz.h"
#include <stdio.h>
#include <unistd.h>

static char path[64];

static void leave(void) { unlink(path); }

static void expect(struct lace_journal *journal, struct lace_ask_key key, const char *want)
{
    char *text;
    bool cut;
    struct lace_error err = {""};
    int found = lace_journal_find(journal, key, &text, &cut, &err);
    if (found < 0 && !err.text[0]) abort();
    if (want && (found != 1 || strcmp(text, want) || !cut)) abort();
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct lace_ask_key theirs = {0x0123456789abcdef, 0xfedcba9876543210}, ours = {1, 2};
    struct lace_journal *journal;
    struct lace_error err = {""};
    if (!path[0]) {
        strcpy(path, "/dev/shm/lace-fuzz-XXXXXX");
        if (close(mkstemp(path))) abort();
        atexit(leave);
    }
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file)) abort();
    if (lace_journal_open(&journal, path, &err)) {
        if (!err.text[0] || journal) abort();
        return 0;
    }
    expect(journal, theirs, NULL);
    if (lace_journal_add(journal, ours, "a reply\n", true, &err)) abort();
    expect(journal, ours, "a reply\n");
    lace_journal_close(&journal, false);
    if (lace_journal_open(&journal, path, &err)) abort();
    expect(journal, ours, "a reply\n");
    lace_journal_close(&journal, false);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const seeds[] = {
        "{\"ask\":\"0123456789abcdeffedcba9876543210\",\"text\":\"36\",\"cut\":false}\n",
        "{\"ask\":\"00000000000000010000000000000002\",\"text\":\"old\"}\n{\"ask\":"
        "\"00000000000000030000000000000004\",\"te",
    };
    return fuzz_mutate(data, size, max, seed, seeds, NULL, sizeof seeds / sizeof *seeds);
}
