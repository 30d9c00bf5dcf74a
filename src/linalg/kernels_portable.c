/* The form for any machine: one float at a time, fused multiply-add from libm (exact by IEEE 754,
 * in software where the CPU has none). */
#include "kernels_internal.h"

#define NBA_FORM portable
#define NBA_TARGET
#include "kernel_ops_scalar.h"

#include "kernel_form.h"
