/* A model's weights in one file or in shards; the indices that lie; and how much memory loading takes. */
#include "io/safetensors.h"
#include "io/weights.h"
#include "model/model.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/lace-weights-XXXXXX";

static const char *in(const char *name)
{
    static char path[8][128];
    static int next;
    snprintf(path[next %= 8], sizeof path[0], "%s/%s", folder, name);
    return path[next++];
}

static void put(const char *name, const char *text)
{
    struct lace_error err;
    if (lace_write_file(in(name), text, strlen(text), &err)) fail_msg("%s", err.text);
}

/* A shard whose tensors, named by single letters, hold their letter. */
static void shard(const char *name, const char *letters)
{
    struct lace_tensor t[8];
    char names[8][2];
    float value[8];
    size_t count = strlen(letters);
    struct lace_error err;
    for (size_t i = 0; i < count; i++) {
        names[i][0] = letters[i];
        names[i][1] = 0;
        value[i] = letters[i];
        t[i] = (struct lace_tensor){
            .name = names[i], .type = LACE_T_F32, .rank = 1, .shape = {1}, .data = &value[i], .bytes = 4};
    }
    if (lace_safetensors_write(in(name), t, count, NULL, &err)) fail_msg("%s", err.text);
}

static void clean(void)
{
    lace_remove_folder(folder);
    assert_int_equal(mkdir(folder, 0700), 0);
}

static void shards_are_one_table(void **state)
{
    struct lace_weights w;
    struct lace_error err;
    clean();
    shard("model-00001-of-00002.safetensors", "ca");
    shard("model-00002-of-00002.safetensors", "bz");
    put("model.safetensors.index.json",
        "{\"metadata\": {\"total_size\": 7}, \"weight_map\": {\"a\": \"model-00001-of-00002.safetensors\", "
        "\"b\": \"model-00002-of-00002.safetensors\", \"c\": \"model-00001-of-00002.safetensors\"}}");
    if (lace_weights_open(&w, folder, "model", &err)) fail_msg("%s", err.text);
    assert_int_equal(w.file_count, 2);
    assert_int_equal(w.count, 4); /* one that the index does not list is there too, as for Transformers */
    for (const char *c = "abcz"; *c; c++) {
        char name[2] = {*c, 0};
        float value;
        const struct lace_tensor *t = lace_weights_take(&w, name);
        assert_non_null(t);
        assert_int_equal(lace_tensor_to_f32(t, 0, 1, &value, &err), 0);
        assert_true(value == *c);
        assert_non_null(strstr(lace_weights_path(&w, t), strchr("ac", *c) ? "00001-of" : "00002-of"));
    }
    assert_null(lace_weights_take(&w, "d"));
    int kept = lace_weights_take(&w, "b")->file;
    lace_weights_close_files(&w, kept);
    assert_non_null(w.files[kept].map);
    assert_null(w.files[!kept].map);
    assert_true(*(const float *)lace_weights_take(&w, "b")->data == 'b');
    lace_weights_close(&w);

    shard("model.safetensors", "x"); /* one file goes before an index */
    assert_int_equal(lace_weights_open(&w, folder, "model", &err), 0);
    assert_int_equal(w.count, 1);
    lace_weights_close(&w);
}

static void an_index_is_checked(void **state)
{
    static const struct {
        const char *index, *says;
    } cases[] = {
        {"", "JSON"},
        {"{", "JSON"},
        {"[]", "weight_map"},
        {"{}", "weight_map"},
        {"null", "weight_map"},
        {"{\"weight_map\": {}}", "weight_map"},
        {"{\"weight_map\": []}", "weight_map"},
        {"{\"weight_map\": [\"one.safetensors\"]}", "weight_map"},
        {"{\"weight_map\": \"one.safetensors\"}", "weight_map"},
        {"{\"weight_map\": {\"a\": 1}}", "plain name"},
        {"{\"weight_map\": {\"a\": null}}", "plain name"},
        {"{\"weight_map\": {\"a\": \"\"}}", "plain name"},
        {"{\"weight_map\": {\"a\": \"..\"}}", "plain name"},
        {"{\"weight_map\": {\"a\": \".safetensors\"}}", "plain name"},
        {"{\"weight_map\": {\"a\": \"../one.safetensors\"}}", "plain name"},
        {"{\"weight_map\": {\"a\": \"/etc/passwd\"}}", "plain name"},
        {"{\"weight_map\": {\"a\": \"/tmp/one.safetensors\"}}", "plain name"},
        {"{\"weight_map\": {\"a\": \"sub/one.safetensors\"}}", "plain name"},
        {"{\"weight_map\": {\"a\": \"one.bin\"}}", "plain name"},
        {"{\"weight_map\": {\"a\": \"one.safetensors\\u0000\"}}", "JSON"},
        {"{\"weight_map\": {\"a\": \"one.safetensors\", \"a\": \"one.safetensors\"}}", "duplicate"},
        {"{\"weight_map\": {\"a\": \"three.safetensors\"}}", "not there"},
        {"{\"weight_map\": {\"b\": \"one.safetensors\"}}", "does not hold"},
        {"{\"weight_map\": {\"a\": \"one.safetensors\", \"c\": \"one.safetensors\", \"b\": \"two.safetensors\"}}",
         "does not hold"},
        {"{\"weight_map\": {\"a\": \"one.safetensors\", \"z\": \"again.safetensors\"}}", "in two files"},
        {"{\"weight_map\": {\"a\": \"cut.safetensors\"}}", "cut.safetensors"},
        {"{\"weight_map\": {\"a\": \"empty.safetensors\"}}", "empty.safetensors"},
        {"{\"weight_map\": {\"a\": \"folder.safetensors\"}}", "not a plain file"},
    };
    clean();
    shard("one.safetensors", "a");
    shard("two.safetensors", "bc");
    shard("again.safetensors", "za");
    put("cut.safetensors", "\x40\0\0\0\0\0\0\0{");
    put("empty.safetensors", "");
    mkdir(in("folder.safetensors"), 0700);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lace_weights w;
        struct lace_error err = {{0}};
        put("model.safetensors.index.json", cases[i].index);
        int code = lace_weights_open(&w, folder, "model", &err);
        if (code != LACE_BAD || !strstr(err.text, cases[i].says)) fail_msg("%s: %d %s", cases[i].index, code, err.text);
        assert_null(w.files);
        assert_null(w.tensors);
    }
    struct lace_text many;
    lace_text_init(&many);
    for (int i = 0; i <= 1000; i++) {
        char name[32];
        snprintf(name, sizeof name, "s%d.safetensors", i);
        assert_int_equal(symlink("one.safetensors", in(name)), 0);
        lace_text_print(&many, "%s\"t%d\": \"%s\"", i ? ", " : "{\"weight_map\": {", i, name);
    }
    lace_text_str(&many, "}}");
    put("model.safetensors.index.json", many.data);
    struct lace_weights w;
    struct lace_error err;
    assert_int_equal(lace_weights_open(&w, folder, "model", &err), LACE_BAD);
    assert_non_null(strstr(err.text, "more than 1000 shards"));
    lace_text_release(&many);
}

static void nothing_is_there(void **state)
{
    struct lace_weights w;
    struct lace_error err;
    clean();
    assert_int_equal(lace_weights_open(&w, folder, "model", &err), LACE_SYSTEM);
    assert_non_null(strstr(err.text, "model.safetensors: No such file"));
}

static long resident(const char *what) /* kB, of this process */
{
    char line[256];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, what, strlen(what))) kb = atol(line + strlen(what) + 1);
    if (f) fclose(f);
    return kb;
}

static void dropped_pages_leave_memory(void **state)
{
    enum { BYTES = 32 << 20 };
    struct lace_weights w;
    struct lace_error err;
#ifdef __SANITIZE_THREAD__
    skip(); /* what shadows the pages stays */
#endif
    char *zeros = calloc(BYTES, 1);
    struct lace_tensor t = {
        .name = (char *)"t", .type = LACE_T_U8, .rank = 1, .shape = {BYTES}, .data = zeros, .bytes = BYTES};
    clean();
    assert_int_equal(lace_safetensors_write(in("model.safetensors"), &t, 1, NULL, &err), 0);
    free(zeros);
    assert_int_equal(lace_weights_open(&w, folder, "model", &err), 0);
    const struct lace_tensor *mapped = lace_weights_take(&w, "t");
    long before = resident("VmRSS:"), sum = 0;
    for (size_t i = 0; i < BYTES; i += 4096) sum += ((const unsigned char *)mapped->data)[i];
    long with = resident("VmRSS:");
    lace_weights_drop(mapped->data, mapped->bytes);
    long after = resident("VmRSS:");
    assert_int_equal(sum, 0);
    assert_true(with - before > BYTES / 1024 / 2);
    assert_true(after - before < BYTES / 1024 / 8);
    lace_weights_close(&w);
}

/* A tied model of some 90 MB in bf16, a third of it embedding, which is both packed and looked up: the case in which a second
 * copy would show most. */
static const struct lace_config large = {.vocab_size = 32000,
                                         .hidden_size = 512,
                                         .intermediate_size = 2048,
                                         .num_hidden_layers = 7,
                                         .num_attention_heads = 8,
                                         .num_key_value_heads = 4,
                                         .head_dim = 64,
                                         .max_position_embeddings = 512,
                                         .rms_norm_eps = 1e-6,
                                         .rope_theta = 10000,
                                         .tie_word_embeddings = true};

/* Each in a process of its own: OpenMP's workers do not survive a fork, so this one must not have used any. */
static void in_child(void (*work)(long *told), long *told)
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (!child) {
        told[0] = told[1] = -1;
        work(told);
        _exit(write(ends[1], told, 2 * sizeof *told) != 2 * sizeof *told);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], told, 2 * sizeof *told), 2 * sizeof *told);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
}

/* Tells the file's bytes. */
static void write_large(long *told)
{
    struct lace_model *m;
    struct stat st;
    if (lace_model_create(&m, &large, 1, &(struct lace_model_options){true, LACE_F32, NULL}, NULL)) return;
    if (!lace_model_save(m, folder, NULL, LACE_BF16, NULL) && !stat(in("model.safetensors"), &st)) *told = st.st_size;
    lace_model_free(&m);
}

/* Tells the kB that the peak lies above the start, and those that stay. */
static void load_large(long *told)
{
    struct lace_model *m;
    FILE *f =
        fopen("/proc/self/clear_refs", "w"); /* a fork begins with its parent's peak; 5 sets it to what is there */
    bool reset = f && fputs("5", f) >= 0;
    if (f) reset = !fclose(f) && reset;
    long start = resident("VmRSS:");
    if (!reset || lace_model_load(&m, folder, NULL, &(struct lace_model_options){false, LACE_BF16, NULL}, NULL)) return;
    told[0] = resident("VmHWM:") - start;
    told[1] = resident("VmRSS:") - start;
    lace_model_free(&m);
}

static void a_model_is_in_memory_once(void **state)
{
    long file[2], memory[2];
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    skip(); /* they keep freed memory, and what shadows it */
#endif
    clean();
    in_child(write_large, file);
    assert_true(file[0] > 80 << 20);
    in_child(load_large, memory);
    assert_true(memory[0] > 0);
    double peak = 1024.0 * (double)memory[0] / (double)file[0], stays = 1024.0 * (double)memory[1] / (double)file[0];
    print_message("a file of %.1f MB: peak %.2f of it, then %.2f\n", (double)file[0] / 1e6, peak, stays);
    assert_true(peak < 1.3);
    assert_true(stays < 1.1);
}

static int make_folder(void **state) { return mkdtemp(folder) ? 0 : -1; }
static int drop_folder(void **state)
{
    lace_remove_folder(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_are_one_table),      cmocka_unit_test(an_index_is_checked),
        cmocka_unit_test(nothing_is_there),          cmocka_unit_test(dropped_pages_leave_memory),
        cmocka_unit_test(a_model_is_in_memory_once),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
