#include "text/quote.h"
#include "text/utf8.h"
#include <math.h>
#include <string.h>

void lace_write_quoted(struct lace_text *out, const char *bytes, size_t len)
{
    size_t start = 0;
    lace_text_add(out, "\"", 1);
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)bytes[i];
        bool valid = true;
        size_t n = c < 0x80 ? 1 : lace_utf8_next(bytes + i, len - i, &valid);
        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f || !valid) {
            lace_text_add(out, bytes + start, i - start);
            if (!valid) lace_text_str(out, "\xef\xbf\xbd");
            else if (c == '\n') lace_text_str(out, "\\n");
            else if (c == '"' || c == '\\') lace_text_print(out, "\\%c", c);
            else lace_text_print(out, "\\u%04x", c);
            start = i + n;
        }
        i += n;
    }
    lace_text_add(out, bytes + start, len - start);
    lace_text_add(out, "\"", 1);
}

void lace_write_number(struct lace_text *out, double value, int digits)
{
    if (isfinite(value)) lace_text_print(out, "%.*g", digits, value);
    else lace_text_str(out, "null");
}

void lace_write_rounded(struct lace_text *out, double value, int places)
{
    char digits[64];
    if (!isfinite(value) || fabs(value) > 1e30) {
        lace_text_str(out, "null");
        return;
    }
    int len = snprintf(digits, sizeof digits, "%.*f", places, value);
    while (places > 0 && digits[len - 1] == '0') len--;
    if (digits[len - 1] == '.') len--;
    if (len == 2 && digits[0] == '-' && digits[1] == '0') lace_text_str(out, "0");
    else lace_text_add(out, digits, (size_t)len);
}
