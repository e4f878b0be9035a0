/* The matrix tests with the amx level in software: its kernel from src, run by the model of tiles in tile.h. The
 * objects of this file take the place of the library's, which stay in the archive unlinked. */
#ifdef __x86_64__
#    define LACE_AMX_SOFT
#    include "ops/x86/amx.c"
#endif
#include "test_matrix.c"
