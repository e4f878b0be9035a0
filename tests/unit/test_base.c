/* The base: sizes, memory, random numbers, texts, files. */
#include "base/base.h"
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static void errors_carry_a_sentence_and_a_code(void **state)
{
    struct lace_error err;
    assert_int_equal(lace_fail(&err, LACE_BAD, "%s is %d.", "x", 3), LACE_BAD);
    assert_string_equal(err.text, "x is 3.");
    assert_int_equal(lace_fail(NULL, LACE_MEMORY, "nobody reads this"), LACE_MEMORY);
    char big[2000];
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = 0;
    lace_fail(&err, LACE_BAD, "%s", big);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

static void sizes_are_checked(void **state)
{
    size_t out = 0;
    assert_true(lace_mul(1 << 20, 1 << 20, &out));
    assert_true(out == (size_t)1 << 40);
    assert_false(lace_mul(SIZE_MAX / 2, 3, &out));
    assert_false(lace_add(SIZE_MAX, 1, &out));
    assert_true(lace_add(SIZE_MAX, 0, &out));
    assert_null(lace_alloc(SIZE_MAX));
    assert_null(lace_alloc(SIZE_MAX - 4096));
    assert_null(lace_alloc_array(SIZE_MAX / 4, 8));
}

static void memory_is_aligned_and_zero(void **state)
{
    for (size_t bytes = 0; bytes < (5u << 20); bytes = bytes * 3 + 1) {
        unsigned char *p = lace_alloc(bytes);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t i = 0; i < bytes; i++) assert_int_equal(p[i], 0);
        memset(p, 255, bytes);
        lace_free(p);
    }
    lace_free(NULL);
}

static void an_arena_counts_then_hands_out(void **state)
{
    struct lace_arena count = {0}, arena;
    assert_null(lace_arena_take(&count, 1));
    assert_null(lace_arena_take(&count, 65));
    assert_int_equal(count.used, 64 + 128);
    assert_int_equal(lace_arena_init(&arena, count.used, NULL), 0);
    unsigned char *a = lace_arena_take(&arena, 1), *b = lace_arena_take(&arena, 65);
    assert_non_null(a);
    assert_ptr_equal(b, a + 64);
    assert_null(lace_arena_take(&arena, 1));
    assert_null(lace_arena_take(&arena, SIZE_MAX));
    assert_null(lace_arena_take(&arena, SIZE_MAX - 70));
    lace_arena_release(&arena);
    assert_null(arena.base);
    for (size_t less = 0; less < 8 << 20; less += 1 << 20) {
        struct lace_error err = {""};
        assert_int_equal(lace_arena_init(&arena, SIZE_MAX - less, &err), LACE_MEMORY);
        assert_true(err.text[0]);
        assert_null(arena.base);
    }
}

static long resident_pages(void)
{
    long all, resident = -1;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &all, &resident), 2);
    fclose(f);
    return resident;
}

static void an_arena_takes_what_is_written(void **state)
{
    enum { MIB = 1 << 20 };
    struct lace_arena arena;
    long before = resident_pages(), page = sysconf(_SC_PAGESIZE);
    assert_int_equal(lace_arena_init(&arena, 257 * (size_t)MIB + 1, NULL), 0);
    unsigned char *p = lace_arena_take(&arena, 257 * (size_t)MIB);
    assert_int_equal((uintptr_t)p % (2 * MIB), 0);
    for (int i = 0; i < 257; i += 64) {
        assert_int_equal(p[i * (size_t)MIB], 0);
        memset(p + i * (size_t)MIB, 255, 100);
    }
    long taken = (resident_pages() - before) * page;
    if (taken > 16 * MIB) fail_msg("five of 129 huge pages were written, and %ld bytes taken", taken);
    lace_arena_release(&arena);
    lace_arena_release(&arena); /* nothing is there */
}

static void random_streams_are_reproducible_and_apart(void **state)
{
    struct lace_rng a, b, c;
    lace_rng_init(&a, 7, 1);
    lace_rng_init(&b, 7, 1);
    lace_rng_init(&c, 7, 2);
    int same = 0;
    for (int i = 0; i < 1000; i++) {
        uint32_t x = lace_rng_u32(&a);
        assert_true(x == lace_rng_u32(&b));
        same += x == lace_rng_u32(&c);
    }
    assert_true(same < 3);
}

static void random_numbers_have_their_distributions(void **state)
{
    enum { COUNT = 60000, BOUND = 6 };
    struct lace_rng rng;
    lace_rng_init(&rng, 1, 0);
    int bins[BOUND] = {0};
    double sum = 0, squares = 0, mean = 0;
    for (int i = 0; i < COUNT; i++) {
        uint32_t k = lace_rng_below(&rng, BOUND);
        assert_true(k < BOUND);
        bins[k]++;
        double u = lace_rng_uniform(&rng), z = lace_rng_normal(&rng);
        assert_true(u >= 0 && u < 1);
        mean += u / COUNT;
        sum += z;
        squares += z * z;
    }
    double chi = 0;
    for (int k = 0; k < BOUND; k++) chi += pow(bins[k] - COUNT / BOUND, 2) / (COUNT / BOUND);
    assert_true(chi < 25.7); /* five degrees of freedom: p = 0.0001 */
    assert_true(fabs(mean - 0.5) < 0.006);
    assert_true(fabs(sum / COUNT) < 0.017); /* four standard errors */
    assert_true(fabs(squares / COUNT - 1) < 0.025);
    for (int i = 0; i < 100; i++) assert_int_equal(lace_rng_below(&rng, 1), 0);
}

static void a_shuffle_permutes_uniformly(void **state)
{
    struct lace_rng rng;
    lace_rng_init(&rng, 3, 3);
    int seen[6] = {0};
    for (int i = 0; i < 6000; i++) {
        int x[3] = {0, 1, 2};
        lace_rng_shuffle(&rng, x, 3);
        assert_int_equal(1 << x[0] | 1 << x[1] | 1 << x[2], 7);
        seen[x[0] * 2 + (x[1] > x[2])]++;
    }
    for (int i = 0; i < 6; i++) assert_in_range(seen[i], 850, 1150);
    lace_rng_shuffle(&rng, NULL, 0);
}

static void a_text_grows_and_stays_terminated(void **state)
{
    struct lace_text text;
    lace_text_init(&text);
    for (int i = 0; i < 1000; i++) lace_text_print(&text, "%d,", i);
    lace_text_str(&text, "end");
    lace_text_add(&text, "\0x", 2);
    assert_false(text.failed);
    assert_int_equal(text.len, 10 * 2 + 90 * 3 + 900 * 4 + 5);
    assert_int_equal(text.data[text.len], 0);
    assert_memory_equal(text.data, "0,1,2,", 6);
    lace_text_clear(&text);
    assert_int_equal(text.len, 0);
    assert_string_equal(text.data, "");
    lace_text_add(&text, "x", SIZE_MAX - 1);
    assert_true(text.failed);
    assert_null(text.data);
    lace_text_str(&text, "more"); /* stays failed */
    assert_null(text.data);
    lace_text_release(&text);
}

static void files_are_replaced_whole(void **state)
{
    char folder[] = "/tmp/lace-test-XXXXXX", path[160], deep[128], *bytes;
    size_t len;
    struct lace_error err = {""};
    assert_non_null(mkdtemp(folder));
    snprintf(deep, sizeof deep, "%s/a/b/c", folder);
    assert_int_equal(lace_make_dir(deep, NULL), 0);
    assert_int_equal(lace_make_dir(deep, NULL), 0);
    snprintf(path, sizeof path, "%s/file", deep);
    assert_int_equal(lace_write_file(path, "one\0two", 7, NULL), 0);
    assert_int_equal(lace_write_file(path, "three", 5, NULL), 0);
    assert_int_equal(lace_read_file(path, 5, &bytes, &len, NULL), 0);
    assert_int_equal(len, 5);
    assert_string_equal(bytes, "three");
    lace_free(bytes);
    assert_int_equal(lace_read_file(path, 4, &bytes, &len, &err), LACE_BAD);
    assert_null(bytes);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(lace_write_file(path, "", 0, NULL), 0);
    assert_int_equal(lace_read_file(path, 4, &bytes, &len, NULL), 0);
    assert_int_equal(len, 0);
    lace_free(bytes);
    assert_int_equal(lace_make_dir(path, &err), LACE_BAD);
    assert_int_equal(lace_make_dir("", &err), LACE_BAD);
    assert_int_equal(lace_read_file("/nonexistent/x", 4, &bytes, &len, &err), LACE_SYSTEM);
    assert_non_null(strstr(err.text, "/nonexistent/x"));
    assert_int_equal(lace_write_file("/nonexistent/x", "a", 1, &err), LACE_SYSTEM);
    assert_null(strstr(err.text, ".tmp")); /* the user's name, not ours */
    snprintf(path, sizeof path, "%s/pipe", deep);
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDWR); /* both ends: writing need not wait */
    struct stat st;
    char got[8] = "";
    assert_true(reader >= 0);
    assert_int_equal(lace_write_file(path, "piped", 5, &err), 0);
    assert_int_equal(read(reader, got, 5), 5);
    assert_string_equal(got, "piped");
    close(reader);
    assert_true(!stat(path, &st) && S_ISFIFO(st.st_mode)); /* no file has taken its place */
    assert_int_equal(lace_write_file(deep, "a", 1, &err), LACE_SYSTEM);
    assert_int_equal(lace_read_file(deep, 4, &bytes, &len, &err), LACE_SYSTEM);          /* a folder */
    assert_int_equal(lace_read_file("/dev/zero", 100000, &bytes, &len, &err), LACE_BAD); /* endless */
    char command[160];
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void put(const char *folder, const char *name, const char *text)
{
    char dir[160], path[200];
    snprintf(dir, sizeof dir, "%s/%s", folder, name);
    assert_int_equal(lace_make_dir(dir, NULL), 0);
    snprintf(path, sizeof path, "%s/%s", dir, text); /* a file named for what the folder is */
    assert_int_equal(lace_write_file(path, text, strlen(text), NULL), 0);
}

static bool there(const char *folder, const char *name)
{
    char path[200];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return !lstat(path, &st);
}

static void folders_are_replaced_whole(void **state)
{
    char folder[] = "/tmp/lace-test-XXXXXX", from[64], to[64], elsewhere[64];
    struct lace_error err = {""};
    assert_non_null(mkdtemp(folder));
    snprintf(from, sizeof from, "%s/x.tmp", folder);
    snprintf(to, sizeof to, "%s/x", folder);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", folder);
    put(folder, "x.tmp", "first");
    assert_int_equal(lace_replace_folder(from, to, &err), 0); /* nothing has the name */
    assert_true(there(to, "first") && !there(folder, "x.tmp"));
    put(folder, "x.tmp", "second");
    put(folder, "x.tmp.old", "killed"); /* between the two renames, some time ago */
    assert_int_equal(lace_replace_folder(from, to, &err), 0);
    assert_true(there(to, "second") && !there(to, "first") && !there(folder, "x.tmp") && !there(folder, "x.tmp.old"));
    assert_int_equal(lace_replace_folder(from, to, &err), LACE_SYSTEM); /* there is none: what was there stays */
    assert_non_null(strstr(err.text, to));
    assert_true(there(to, "second") && !there(folder, "x.tmp.old"));
    lace_remove_folder(to);
    put(folder, "elsewhere", "theirs");
    assert_int_equal(symlink(elsewhere, to), 0);
    put(folder, "x.tmp", "third");
    assert_int_equal(lace_replace_folder(from, to, &err), 0);
    assert_true(there(to, "third") && there(elsewhere, "theirs") && !there(elsewhere, "third"));
    lace_remove_folder(folder);
}

static void bf16_rounds_to_nearest_even(void **state)
{
    assert_int_equal(lace_f32_to_bf16(1.0f), 0x3f80);
    assert_int_equal(lace_f32_to_bf16(1.00390625f), 0x3f80); /* half way: to even */
    assert_int_equal(lace_f32_to_bf16(1.01171875f), 0x3f82);
    assert_int_equal(lace_f32_to_bf16(1.00390637f), 0x3f81); /* just above */
    assert_int_equal(lace_f32_to_bf16(-INFINITY), 0xff80);
    assert_int_equal(lace_f32_to_bf16(3.4e38f), 0x7f80); /* overflows to infinity, as the hardware does */
    assert_true(isnan(lace_bf16_to_f32(lace_f32_to_bf16(NAN))));
    for (uint32_t h = 0; h < 0x10000; h++) {
        float f = lace_bf16_to_f32((uint16_t)h);
        if (!isnan(f)) assert_int_equal(lace_f32_to_bf16(f), h);
    }
}

static void f16_is_exact_and_rounds_to_nearest_even(void **state)
{
    for (uint32_t h = 0; h < 1 << 16; h++) {
        int exponent = h >> 10 & 31, fraction = h & 1023;
        double size = exponent ? ldexp(1 + fraction / 1024.0, exponent - 15) : ldexp(fraction, -24);
        float f = lace_f16_to_f32((uint16_t)h);
        if (exponent == 31) {
            assert_true(fraction ? isnan(f) : isinf(f));
            continue;
        }
        assert_true(f == (h >> 15 ? -size : size));
        assert_int_equal(lace_f32_to_f16(f), h);
        float next = lace_f16_to_f32((uint16_t)(h + 1)), middle = (f + next) / 2; /* exact in f32 */
        if ((h & 0x7fff) == 0x7bff) continue;
        assert_int_equal(lace_f32_to_f16(middle), h + (h & 1));
        assert_int_equal(lace_f32_to_f16(nextafterf(middle, f)), h);
        assert_int_equal(lace_f32_to_f16(nextafterf(middle, next)), h + 1);
    }
    assert_int_equal(lace_f32_to_f16(65519.9f), 0x7bff); /* the largest */
    assert_int_equal(lace_f32_to_f16(-65520), 0xfc00);
    assert_int_equal(lace_f32_to_f16(1e30f), 0x7c00);
    assert_int_equal(lace_f32_to_f16(1e-30f), 0);
    assert_true(isnan(lace_f16_to_f32(lace_f32_to_f16(NAN))));
}

static void the_hash_is_fnv(void **state)
{
    assert_true(lace_hash("", 0) == 0xcbf29ce484222325u);
    assert_true(lace_hash("a", 1) == 0xaf63dc4c8601ec8cu);
    assert_true(lace_hash("foobar", 6) == 0x85944171f73967e8u);
}

static void a_folded_hash_is_that_of_what_stays(void **state)
{
    assert_true(lace_hash_folded("") == lace_hash("", 0));
    assert_true(lace_hash_folded("foobar") == lace_hash("foobar", 6));
    assert_true(lace_hash_folded("  Foo\tBA\r\n R") == lace_hash("foobar", 6));
    assert_true(lace_hash_folded("fo-obar") != lace_hash("foobar", 6));
    assert_true(lace_hash_folded("[@`{\xc3\x84") ==
                lace_hash("[@`{\xc3\x84", 6)); /* beside the letters, and no ASCII */
}

static void the_clock_does_not_run_back(void **state)
{
    double before = lace_now();
    usleep(2000);
    assert_true(lace_now() >= before + 0.001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_carry_a_sentence_and_a_code),
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(memory_is_aligned_and_zero),
        cmocka_unit_test(an_arena_counts_then_hands_out),
        cmocka_unit_test(an_arena_takes_what_is_written),
        cmocka_unit_test(random_streams_are_reproducible_and_apart),
        cmocka_unit_test(random_numbers_have_their_distributions),
        cmocka_unit_test(a_shuffle_permutes_uniformly),
        cmocka_unit_test(a_text_grows_and_stays_terminated),
        cmocka_unit_test(files_are_replaced_whole),
        cmocka_unit_test(folders_are_replaced_whole),
        cmocka_unit_test(bf16_rounds_to_nearest_even),
        cmocka_unit_test(f16_is_exact_and_rounds_to_nearest_even),
        cmocka_unit_test(the_hash_is_fnv),
        cmocka_unit_test(a_folded_hash_is_that_of_what_stays),
        cmocka_unit_test(the_clock_does_not_run_back),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
