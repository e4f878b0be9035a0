/* Text to token ids and back, as tokenizer.json of Hugging Face's Tokenizers says: byte-level and SentencePiece-style BPE.
 * What would change the ids and is not implemented is refused by name at load. As in Tokenizers: bytes that are not UTF-8
 * are read as U+FFFD (text/utf8.h), and what the vocabulary cannot say is left out where there is no unknown token.
 *
 *   text -> added tokens | gaps -> normalizer -> added tokens | gaps -> pre-tokenizer -> words -> bpe -> ids
 *   ids -> detokenizer -> text
 *
 * The file rules. (The LlamaTokenizer class of Transformers 5 replaces the normalizer of older files by a Metaspace of its
 * own, so that a text which begins with a blank, or has one behind a special token, may get other ids there.) */
#ifndef LACE_TOKENIZER_H
#define LACE_TOKENIZER_H
#include "text/detokenizer.h"

struct lace_tokenizer;

/* A tokenizer.json. */
int lace_tokenizer_open(struct lace_tokenizer **tokenizer, const char *path, struct lace_error *err);
int lace_tokenizer_parse(struct lace_tokenizer **tokenizer, const char *json, size_t len, const char *path,
                         struct lace_error *err);
/* The tokenizer of a model: of a GGUF file its own; of a directory tokenizer.json, and what tokenizer_config.json, if it is there, says of added tokens.
 * (Its add_bos_token and add_eos_token count for nothing beside a tokenizer.json, in Transformers 5 as here.) */
int lace_tokenizer_open_folder(struct lace_tokenizer **tokenizer, const char *folder, struct lace_error *err);
void lace_tokenizer_close(struct lace_tokenizer **tokenizer);

/* A tokenizer from arrays, as a GGUF file holds it (the comments name its keys). Nothing of it is kept. */
enum lace_token_type { /* tokenizer.ggml.token_type */
                       LACE_TYPE_NORMAL = 1,
                       LACE_TYPE_UNKNOWN,
                       LACE_TYPE_CONTROL,      /* a special token */
                       LACE_TYPE_USER_DEFINED, /* an added token that is not special */
                       LACE_TYPE_UNUSED,       /* no text becomes it */
                       LACE_TYPE_BYTE,         /* <0x..> */
};
struct lace_tokenizer_parts {
    const char *path;  /* for errors */
    const char *model; /* tokenizer.ggml.model: "llama", merged by scores, or "gpt2", byte-level, merged by rules */
    const char *pre;   /* tokenizer.ggml.pre, of "gpt2": gpt-2, smollm, llama-bpe, qwen2 or tekken */
    const struct lace_string *tokens; /* (count), by id */
    const float *scores;              /* (count), of "llama" */
    const int *types;                 /* (count), enum lace_token_type; NULL: all normal */
    int count;
    const struct lace_string *merges; /* (merge_count), of "gpt2": left, blank, right */
    size_t merge_count;
    int bos, eos, unk;     /* ids, -1: none */
    bool add_bos, add_eos; /* what a text begins and ends with */
    bool add_space_prefix; /* of "llama": a text begins with a blank, also behind a special token */
};
int lace_tokenizer_build(struct lace_tokenizer **tokenizer, const struct lace_tokenizer_parts *parts,
                         struct lace_error *err);

int lace_tokenizer_size(const struct lace_tokenizer *tokenizer); /* 1 + the largest id */

enum lace_encode {
    LACE_ENCODE_SPECIAL = 1, /* special tokens written in the text become their ids; without it they are text */
    LACE_ENCODE_BEGIN = 2,   /* first the ids that the tokenizer's template puts before a text: <s> */
    LACE_ENCODE_END = 4,     /* last those that it puts behind one */
    LACE_ENCODE_INSIDE = 8,  /* the text goes on after another one: no blank is put before it, as SentencePiece does */
    LACE_ENCODE_ALL = 7,     /* what Tokenizers and Transformers do unless told otherwise */
};
/* Ids of a text; flags of enum lace_encode. *ids is grown with realloc (start with NULL and 0); count is set.
 * Thread-safe: a tokenizer is immutable once open. */
int lace_tokenizer_encode(const struct lace_tokenizer *tokenizer, const char *text, size_t len, int flags, int **ids,
                          size_t *capacity, size_t *count, struct lace_error *err);
/* The bytes that one token writes inside a text (not terminated, length in *len; may be part of a character). NULL: no
 * such id. Borrowed. */
const char *lace_tokenizer_bytes(const struct lace_tokenizer *tokenizer, int id, size_t *len);
bool lace_tokenizer_is_special(const struct lace_tokenizer *tokenizer, int id);
/* The id of a token as tokenizer.json writes it (an added token's content, a vocabulary's key); -1: none. */
int lace_tokenizer_id(const struct lace_tokenizer *tokenizer, const char *token);
/* Appends the text of ids; skip_special leaves special tokens out. Invalid UTF-8 becomes U+FFFD;
 * ids without a token (a model's vocabulary is often padded) add nothing. */
int lace_tokenizer_decode(const struct lace_tokenizer *tokenizer, const int *ids, size_t count, bool skip_special,
                          struct lace_text *out, struct lace_error *err);

/* Text that grows token by token, always by whole characters. Appends to out; the parts together are what
 * lace_tokenizer_decode writes (text/detokenizer.h names the one exception). Zero the state to begin. */
void lace_tokenizer_stream(const struct lace_tokenizer *tokenizer, struct lace_detokenizer_stream *state, int id,
                           bool skip_special, struct lace_text *out);
void lace_tokenizer_stream_end(const struct lace_tokenizer *tokenizer, struct lace_detokenizer_stream *state,
                               struct lace_text *out);
#endif
