/* The forms, each in its own file, made of src/linalg/kernel_form.h. */
#ifndef NBA_LINALG_KERNELS_INTERNAL_H
#define NBA_LINALG_KERNELS_INTERNAL_H

#include "nba/linalg/kernels.h"

#if defined(__x86_64__)
#define NBA_KERNELS_X86 1
#else
#define NBA_KERNELS_X86 0
#endif

extern const struct nba_kernels nba_kernels_portable;
#if NBA_KERNELS_X86
extern const struct nba_kernels nba_kernels_scalar;
extern const struct nba_kernels nba_kernels_avx2;
extern const struct nba_kernels nba_kernels_avx512;
#endif

#endif
