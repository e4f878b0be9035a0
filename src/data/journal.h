/* Replies that were paid for once: a file of lines {"ask": HASH, "text": ...}, each written as soon as its reply
 * arrives. Whoever asks the same again (same model, same text, same seed) is answered from the file, so a step that was
 * killed goes on by being run again. Texts stay in the file; only their places are kept in memory. */
#ifndef LACE_JOURNAL_H
#define LACE_JOURNAL_H
#include "base/base.h"

struct lace_ask_key {
    uint64_t a, b; /* two hashes of the whole question */
};
struct lace_journal;
/* Opens or makes the file and reads what it holds; lines that are damaged (the last one of a killed run) are passed
 * over. Only one process at a time. */
int lace_journal_open(struct lace_journal **journal, const char *path, struct lace_error *err);
/* 1: the reply is there, the caller's to free; 0: it is not; negative: an error. */
int lace_journal_find(struct lace_journal *journal, struct lace_ask_key key, char **text, bool *cut,
                      struct lace_error *err);
int lace_journal_add(struct lace_journal *journal, struct lace_ask_key key, const char *text, bool cut,
                     struct lace_error *err);
void lace_journal_close(struct lace_journal **journal, bool remove_file);
#endif
