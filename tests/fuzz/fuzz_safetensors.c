/* Files of tensors: whatever passes must lie inside the bytes and convert. */
#include "fuzz.h"
#include "io/safetensors.h"

#define S                                                                                                              \
    "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":" \
    "\"BF16\",\"shape\":[1,0],\"data_offsets\":[8,8]},\"c\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[8,10]}}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lace_safetensors file;
    struct lace_error err;
    if (lace_safetensors_parse(&file, data, size, "input", &err)) return 0;
    for (size_t i = 0; i < file.count; i++) {
        const struct lace_tensor *t = &file.tensors[i];
        float out[16];
        if ((const uint8_t *)t->data < data || t->bytes > (size_t)(data + size - (const uint8_t *)t->data)) abort();
        if (lace_safetensors_find(&file, t->name) != t) abort();
        size_t count = t->bytes / lace_tensor_type_bytes(t->type);
        for (size_t at = 0; at < count; at += 16)
            if (lace_tensor_to_f32(t, at, count - at < 16 ? count - at : 16, out, &err)) break;
    }
    lace_safetensors_close(&file);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char one[] = {"\2\0\0\0\0\0\0\0{}"};
    static char two[8 + sizeof S - 1 + 10];
    two[0] = (char)(sizeof S - 1);
    memcpy(two + 8, S, sizeof S - 1);
    const char *const seeds[] = {one, two};
    size_t lens[] = {10, sizeof two};
    size = fuzz_mutate(data, size, max, seed, seeds, lens, 2);
    /* A wrong length stops everything at the door: put it right most of the time. */
    if (seed % 8 && size > 9) {
        uint64_t header = 0;
        for (size_t i = 8, depth = 0; i < size; i++) {
            if (data[i] == '{') depth++;
            if (data[i] == '}' && depth && !--depth) {
                header = i - 7;
                break;
            }
        }
        for (int i = 0; header && i < 8; i++) data[i] = (uint8_t)(header >> 8 * i);
    }
    return size;
}
