/* One float at a time with the FMA3 instruction: the simplest form that is usable in earnest. */
#include "kernels_internal.h"

#if NBA_KERNELS_X86

#define NBA_FORM   scalar
#define NBA_TARGET __attribute__((target("fma")))
#include "kernel_ops_scalar.h"

#include "kernel_form.h"

#endif
