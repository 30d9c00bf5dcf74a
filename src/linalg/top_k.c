/*
 * The best k of n: a bound from column maxima, a filter, and ranks by counting.
 *
 * Of the 16 (32, 64) maxima of the columns i modulo 16, the k-th largest bounds the k-th best of
 * all from below, so of 1,000 scores about 20 pass for k = 10.  Each survivor's rank is counted
 * against the others.  None of it branches on scores, which a processor could only guess: a sorted
 * list with insertion cost three times as much on scores that change with every event.
 *
 * When many survive (no bound for a large k, or ties without end), the list is cut back to the best
 * k whenever it is full.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/linalg/reduce.h"

#define COLUMNS_MAX   64u
#define FILTER_BLOCK  32u
#define SURVIVORS_MAX (2 * NBA_TOP_MAX + FILTER_BLOCK)

/* Columns whose maxima give a useful bound for k of count; 0: none. */
static size_t columns_for(size_t count, size_t k)
{
    const size_t columns = k <= 10 ? 16 : k <= 24 ? 32 : k <= 48 ? 64 : 0;
    return count >= 2 * columns ? columns : 0;
}

#define TYPE     float
#define FN(name) name##_float
#define LOWEST   (-INFINITY)
#define NEXT(x)  nextafterf(x, INFINITY)
#include "top_k_type.h"
#undef TYPE
#undef FN
#undef LOWEST
#undef NEXT

#define TYPE     double
#define FN(name) name##_double
#define LOWEST   (-HUGE_VAL)
#define NEXT(x)  nextafter(x, HUGE_VAL)
#include "top_k_type.h"

size_t nba_top_k(const float *x, size_t count, size_t k, uint32_t *ret_indexes)
{
    return top_k_float(x, count, k, ret_indexes);
}

size_t nba_top_k_double(const double *x, size_t count, size_t k, uint32_t *ret_indexes)
{
    return top_k_double(x, count, k, ret_indexes);
}
