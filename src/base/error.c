#include "base/base.h"
#include <stdarg.h>

int lace_fail(struct lace_error *err, enum lace_code code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return code;
}
