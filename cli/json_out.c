#include "json_out.h"
#include "utf8.h"
#include <math.h>
#include <string.h>

void cli_json_text(FILE *file, const char *text, size_t len)
{
    putc('"', file);
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)text[i];
        int n = cli_utf8_size(text + i, len - i);
        if (c == '"' || c == '\\') fprintf(file, "\\%c", c);
        else if (c == '\n') fputs("\\n", file);
        else if (c == '\t') fputs("\\t", file);
        else if (c < 32 || c == 127) fprintf(file, "\\u%04x", c);
        else if (n > 0) fwrite(text + i, 1, (size_t)n, file);
        else fputs("\xef\xbf\xbd", file);
        i += n > 0 ? (size_t)n : 1;
    }
    putc('"', file);
}

void cli_json_string(FILE *file, const char *text)
{
    if (text) cli_json_text(file, text, strlen(text));
    else fputs("null", file);
}

void cli_json_number(FILE *file, double value, int digits)
{
    if (isfinite(value)) fprintf(file, "%.*g", digits, value);
    else fputs("null", file);
}
