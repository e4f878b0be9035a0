/* Intel AMX. */
#ifdef __x86_64__
#include "ops/cpu.h"
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

bool lace_amx_permit(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 24 & 1) || !(d >> 22 & 1)) return false; /* AMX-TILE, AMX-BF16 */
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_TILEDATA = 18 };
    return !syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_TILEDATA);
}

void lace_ops_fill_amx(struct lace_ops *ops) {}
#endif
