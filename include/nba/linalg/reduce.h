/*
 * Reductions with one order for everybody: sum, mean, variance, and the best k.
 *
 * Element i goes to lane i modulo 16; lanes are folded 8 + 8, 4 + 4, 2 + 2, 1 + 1.  Sums are kept
 * in double.  So a result depends on the values and their order alone (candidates are sorted by
 * content id), never on the machine or on how the compiler vectorises.
 *
 * TIES.  The best k come in descending order, the lower index first among equal values; -0 is equal
 * to +0.  NaN must not occur (asserted nowhere: models with NaN are refused when loaded).
 * THREADS.  Pure.
 */
#ifndef NBA_LINALG_REDUCE_H
#define NBA_LINALG_REDUCE_H

#include <stddef.h>
#include <stdint.h>

#include "nba/linalg/kernels.h"

/* The most that nba_top_k is asked for: what NCF re-scores at most (200), rounded up. */
#define NBA_TOP_MAX 256u

double nba_sum(const float *x, size_t count);

struct nba_moments {
    double mean;
    double variance; /* of the population: divided by count; two passes */
};
/* Of nothing: 0 and 0. */
struct nba_moments nba_moments(const float *x, size_t count);

/* The best so far of numbers that come in pieces, each ranked while it is still in the cache. */
struct nba_top {
    const struct nba_kernels *kernels;
    size_t k;
    size_t count;                  /* min(k, how many there were) */
    double values[NBA_TOP_MAX];    /* best first */
    uint32_t indexes[NBA_TOP_MAX]; /* theirs */
};
/* k <= NBA_TOP_MAX.  The kernels' form can't be seen in the result. */
void nba_top_init(struct nba_top *top, const struct nba_kernels *kernels, size_t k);
/* x[i] has the index first + i, above all indexes so far. */
void nba_top_add(struct nba_top *top, const float *x, size_t count, size_t first);

/* The indexes of the k largest of x, best first; returns how many: min(k, count).
 * k <= NBA_TOP_MAX. */
size_t nba_top_k(const float *x, size_t count, size_t k, uint32_t *ret_indexes);
size_t nba_top_k_double(const double *x, size_t count, size_t k, uint32_t *ret_indexes);

#endif
