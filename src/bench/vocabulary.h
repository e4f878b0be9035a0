/* A tokenizer.json of a given size, trained on a text: what a benchmark of tokenizers needs and nobody may copy. */
#ifndef LACE_VOCABULARY_H
#define LACE_VOCABULARY_H
#include "base/base.h"

/* Appends the file: byte-level as Llama 3 divides words, or SentencePiece-style as Llama 2; at most `size` tokens. */
int lace_vocabulary_train(struct lace_text *out, const char *text, size_t len, bool byte_level, int size,
                          struct lace_error *err);
#endif
