/*
 * What one core can do at most, by the vectors of a form of nba/linalg/kernels.h:
 *
 *   gflops    independent chains of fused multiply-adds in registers
 *   read_gbs  reading ROOFLINE_BYTES, the weights of one event, again and again: they lie in the
 *             second cache, on huge pages where the system has them
 *
 * S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for
 * multicore architectures", CACM 52(4), 2009.
 */
#ifndef NBA_BENCH_ROOFLINE_H
#define NBA_BENCH_ROOFLINE_H

#include "nba/linalg/kernels.h"

#define ROOFLINE_BYTES ((size_t)704 << 10)

struct roofline {
    double gflops; /* 0: not for this form */
    double read_gbs;
};

/* The form must run on this CPU.  Some 10 ms. */
struct roofline roofline_measure(enum nba_kernels_form form);

#endif
