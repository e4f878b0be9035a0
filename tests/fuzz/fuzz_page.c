/* A run inside the page: whatever its texts say, the page has the tags that it has with an empty run, and the run is
 * found again in it. */
#include "fuzz.h"
#include <lace.h>

static size_t count(const char *text, size_t len, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) n += text[i] == c;
    return n;
}

static char *write_page(const char *json, size_t len, size_t *html_len)
{
    struct lace_error err = {""};
    char *html;
    int code = lace_page_write(json, len, &html, html_len, &err);
    if (!code != (html != NULL) || (code && !err.text[0])) abort();
    return html;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char begin[] = "id=\"run-data\">", empty[] = "{\"threads\":[]}";
    static size_t tags;
    size_t len, at = 0;
    if (!tags) {
        char *html = write_page(empty, strlen(empty), &len);
        tags = count(html, len, '<');
        free(html);
    }
    char *html = write_page((const char *)data, size, &len);
    if (!html) return 0;
    if (count(html, len, '<') != tags) abort();
    const char *run = memmem(html, len, begin, strlen(begin));
    if (!run) abort();
    for (run += strlen(begin); at < size; at++) { /* byte for byte, but for the numbers in the place of '<' */
        bool number = data[at] == '<';
        if (number ? strncmp(run, "\\u003c", 6) : *run != (char)data[at]) abort();
        run += number ? 6 : 1;
    }
    if (strncmp(run, "</script>", 9)) abort();
    free(html);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static const char *const seeds[] = {
        "{\"threads\":[{\"text\":\"</script><script>\"}]}",
        "{\"runs\":[{\"threads\":[]},{\"prompt\":\"<!--\\\\\"}]}",
        "{\"threads\":[\"\\u003c\",1e9,null,true,{}]}",
    };
    return fuzz_mutate(data, size, max, seed, seeds, NULL, sizeof seeds / sizeof *seeds);
}
