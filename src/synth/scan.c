/* Lines and marks are the bulk of the work of making data, so nothing here goes through printf. */
#include "synth/scan.h"
#include <assert.h>
#include <ctype.h>
#include <stddef.h>

const char *lace_skip_space(const char *at)
{
    while (isspace((unsigned char)*at)) at++;
    return at;
}

const char *lace_get_text(const char *at, const char *text)
{
    for (; at && *text; text++) {
        if (*text == ' ') continue;
        at = lace_skip_space(at);
        at = tolower((unsigned char)*at) == tolower((unsigned char)*text) ? at + 1 : NULL;
    }
    return at;
}

const char *lace_get_number(const char *at, int digits, int *out)
{
    if (!at) return NULL;
    at = lace_skip_space(at);
    int read = 0;
    for (*out = 0; isdigit((unsigned char)*at); at++) {
        if (++read > digits) return NULL;
        *out = *out * 10 + *at - '0';
    }
    return read ? at : NULL;
}

bool lace_is_number(const char *text, int digits, int number)
{
    int read;
    const char *end = lace_get_number(text, digits, &read);
    return end && !*lace_skip_space(end) && read == number;
}

const char *lace_get_letter(const char *at, char *out)
{
    if (!at) return NULL;
    at = lace_skip_space(at);
    *out = *at;
    return *at >= 'a' && *at <= 'z' ? at + 1 : NULL;
}

char *lace_put_number(char *at, long long n)
{
    char digits[20];
    int count = 0;
    assert(n >= 0);
    do digits[count++] = (char)('0' + n % 10);
    while (n /= 10);
    while (count) *at++ = digits[--count];
    return at;
}

char *lace_put_text(char *at, const char *text)
{
    while (*text) *at++ = *text++;
    return at;
}
