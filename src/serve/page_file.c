/* The page with a run inside, as one file. index.html names its style and its scripts in lines of their own: each such
 * line is replaced by what it names. A nonce takes the place of 'self' in the policy, because a file has no origin. */
#include "io/json.h"
#include "serve/assets.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define FILE_POLICY                                                                                                    \
    "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; base-uri 'none'; form-action 'none'; "           \
    "require-trusted-types-for 'script'; trusted-types 'none'"

/* A run has threads; what else it must have, the page itself checks, as it does with any file that it loads. */
static int check_run(const char *json, size_t len, struct lace_error *err)
{
    json_t *root = lace_json_parse(json, len, "The run", err);
    if (!root) return LACE_BAD;
    bool run = json_is_array(json_object_get(root, "threads")) || json_is_array(json_object_get(root, "runs"));
    json_decref(root);
    if (run) return 0;
    return lace_fail(err, LACE_BAD,
                     "The JSON is no run: it has no list \"threads\"; what `lace run --json` prints and what the "
                     "server's page saves can be shown.");
}

/* A tag's text must not end it: in JSON '<' stands inside strings alone, where it may be written as a number. */
static void add_run(struct lace_text *out, const char *json, size_t len)
{
    lace_text_str(out, "<script type=\"application/json\" id=\"run-data\">");
    for (size_t i = 0, from = 0; i <= len; i++) {
        if (i < len && json[i] != '<') continue;
        lace_text_add(out, json + from, i - from);
        if (i < len) lace_text_str(out, "\\u003c");
        from = i + 1;
    }
    lace_text_str(out, "</script>");
}

/* The asset that the line names behind `before`; NULL: it begins otherwise. */
static const struct lace_asset *named(const char *line, size_t len, const char *before)
{
    char path[64] = "/";
    size_t skip = strlen(before);
    if (len < skip || memcmp(line, before, skip)) return NULL;
    const char *end = memchr(line + skip, '"', len - skip);
    size_t name = end ? (size_t)(end - line) - skip : sizeof path;
    if (name > sizeof path - 2) return NULL;
    memcpy(path + 1, line + skip, name);
    return lace_asset_find(path);
}

static void add_line(struct lace_text *out, const char *line, size_t len, const char *json, size_t json_len,
                     const char *nonce)
{
    const struct lace_asset *asset;
    if ((asset = named(line, len, "<script src=\""))) {
        lace_text_print(out, "<script nonce=\"%s\">\n", nonce);
        lace_text_add(out, asset->bytes, asset->len);
        lace_text_str(out, "</script>");
    } else if ((asset = named(line, len, "<link rel=\"stylesheet\" href=\""))) {
        lace_text_print(out, "<style nonce=\"%s\">\n", nonce);
        lace_text_add(out, asset->bytes, asset->len);
        lace_text_str(out, "</style>");
    } else if (named(line, len, "<link rel=\"icon\" href=\"")) {
        lace_text_str(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"");
        lace_text_print(out, FILE_POLICY, nonce, nonce);
        lace_text_str(out, "\">");
    } else if (len == strlen("<!-- run -->") && !memcmp(line, "<!-- run -->", len)) add_run(out, json, json_len);
    else lace_text_add(out, line, len);
    lace_text_str(out, "\n");
}

int lace_page_write(const char *json, size_t len, char **html, size_t *html_len, struct lace_error *err)
{
    const struct lace_asset *page = lace_asset_find("/");
    unsigned char random[16];
    char nonce[2 * sizeof random + 1];
    struct lace_text out;
    *html = NULL;
    int code = check_run(json, len, err);
    if (code) return code;
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return lace_fail(err, LACE_SYSTEM, "There are no random numbers.");
    for (size_t i = 0; i < sizeof random; i++) snprintf(nonce + 2 * i, 3, "%02x", random[i]);
    lace_text_init(&out);
    for (const char *line = page->bytes, *all = page->bytes + page->len; line < all;) {
        const char *end = memchr(line, '\n', (size_t)(all - line));
        if (!end) end = all;
        add_line(&out, line, (size_t)(end - line), json, len, nonce);
        line = end + 1;
    }
    if (out.failed) {
        lace_text_release(&out);
        return lace_fail(err, LACE_MEMORY, "Out of memory.");
    }
    *html = out.data;
    *html_len = out.len;
    return 0;
}
