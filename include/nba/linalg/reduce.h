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

/* The most that nba_top_k is asked for: what NCF re-scores at most (200), rounded up. */
#define NBA_TOP_MAX 256u

double nba_sum(const float *x, size_t count);

struct nba_moments {
    double mean;
    double variance; /* of the population: divided by count; two passes */
};
/* Of nothing: 0 and 0. */
struct nba_moments nba_moments(const float *x, size_t count);

/* The indexes of the k largest of x, best first; returns how many: min(k, count).
 * k <= NBA_TOP_MAX.  About 0.3 us for 10 of 1,000. */
size_t nba_top_k(const float *x, size_t count, size_t k, uint32_t *ret_indexes);
size_t nba_top_k_double(const double *x, size_t count, size_t k, uint32_t *ret_indexes);

#endif
