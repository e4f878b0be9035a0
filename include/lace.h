/* lace: N reasoning threads of one transformer that attend to each other. */
#ifndef LACE_H
#define LACE_H
#include <stddef.h>
#include <stdint.h>
#define LACE_VERSION "0.1.0" /* the one place; the build reads it from here */
#define LACE_API __attribute__((visibility("default"))) /* what liblace.so exports */

#ifdef __cplusplus
extern "C" {
#endif

/* What went wrong, as one complete sentence that names the file, flag or shape and the remedy.
 * Every fallible function takes one last, may be given NULL, and returns 0 or a negative code. */
struct lace_error {
    char text[512];
};

enum lace_code {
    LACE_OK = 0,
    LACE_BAD = -1,     /* bad input: a file, a flag, a request */
    LACE_MEMORY = -2,  /* an allocation failed */
    LACE_SYSTEM = -3,  /* the operating system refused: cannot open, write, map */
    LACE_STOPPED = -4, /* the caller asked to stop; what was reached is saved */
};

#ifdef __cplusplus
}
#endif
#endif
