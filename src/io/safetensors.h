/* Strict reader and writer of safetensors files. Files are hostile until checked: every rule of the
 * format (header size, JSON, no duplicate keys, contiguous spans from 0, checked shape x dtype products,
 * last end = end of file) is enforced before a tensor is handed out. Data stays in a read-only mapping. */
#ifndef LACE_SAFETENSORS_H
#define LACE_SAFETENSORS_H
#include "io/tensor.h"

struct lace_safetensors {
    char *path;
    void *map;
    size_t map_bytes;
    struct lace_tensor *tensors; /* sorted by name */
    size_t count;
};

int lace_safetensors_open(struct lace_safetensors *file, const char *path, struct lace_error *err);
void lace_safetensors_close(struct lace_safetensors *file);
/* NULL where there is no tensor of that name. */
const struct lace_tensor *lace_safetensors_find(const struct lace_safetensors *file, const char *name);

/* Writes the tensors in the given order, atomically; metadata: NULL or pairs key, value, ..., NULL. */
int lace_safetensors_write(const char *path, const struct lace_tensor *tensors, size_t count,
                           const char *const *metadata, struct lace_error *err);
/* The same, with the bytes of each tensor made when they are due: tensors[i].data is not read, fill puts count of its
 * elements from first on into out. So nothing of a model need be in memory twice. */
typedef int lace_tensor_fill(void *user, size_t tensor, size_t first, size_t count, void *out, struct lace_error *err);
int lace_safetensors_stream(const char *path, const struct lace_tensor *tensors, size_t count,
                            const char *const *metadata, lace_tensor_fill *fill, void *user, struct lace_error *err);
/* Parses bytes instead of a file (the fuzzer's and the tests' door); data pointers lead into bytes. */
int lace_safetensors_parse(struct lace_safetensors *file, const void *bytes, size_t len, const char *path,
                           struct lace_error *err);
#endif
