/*
 * The best k of n in one filter and a short sort.
 *
 * Of the 64 maxima of the columns i modulo 64, the k-th largest bounds the k-th best of all from
 * below (k different values reach it), so few values pass the filter; on 1,000 scores about 12 for
 * k = 10.  They go into a sorted list by insertion.  Indexes come in rising order and an equal
 * value never moves an earlier one, so ties fall to the lower index.
 */
#include <math.h>

#include "nba/base/assert.h"
#include "nba/linalg/reduce.h"

#define COLUMNS 64u

/* The k-th largest of `count` values, k <= count; sorts them. */
static double kth_largest(double *values, size_t count, size_t k)
{
    for (size_t i = 1; i < count; i++) {
        const double value = values[i];
        size_t j = i;
        for (; j > 0 && values[j - 1] < value; j--) {
            values[j] = values[j - 1];
        }
        values[j] = value;
    }
    return values[k - 1];
}

struct top_list {
    size_t k;
    size_t count;
    double values[NBA_TOP_MAX];
    uint32_t *indexes;
};

static void insert(struct top_list *list, double value, size_t index)
{
    if (list->count == list->k && !(value > list->values[list->k - 1])) {
        return;
    }
    size_t j = list->count < list->k ? list->count++ : list->k - 1;
    for (; j > 0 && list->values[j - 1] < value; j--) {
        list->values[j] = list->values[j - 1];
        list->indexes[j] = list->indexes[j - 1];
    }
    list->values[j] = value;
    list->indexes[j] = (uint32_t)index;
}

static bool bound_is_useful(size_t count, size_t k)
{
    return k <= COLUMNS / 2 && count >= 2 * COLUMNS;
}

static float bound_of(const float *x, size_t count, size_t k)
{
    float max[COLUMNS];
    double sorted[COLUMNS];
    for (size_t l = 0; l < COLUMNS; l++) {
        max[l] = x[l];
    }
    for (size_t i = COLUMNS; i + COLUMNS <= count; i += COLUMNS) {
        for (size_t l = 0; l < COLUMNS; l++) {
            max[l] = x[i + l] > max[l] ? x[i + l] : max[l];
        }
    }
    for (size_t l = 0; l < COLUMNS; l++) {
        sorted[l] = (double)max[l];
    }
    return (float)kth_largest(sorted, COLUMNS, k);
}

size_t nba_top_k(const float *x, size_t count, size_t k, uint32_t *ret_indexes)
{
    NBA_ASSERT(k <= NBA_TOP_MAX && count <= UINT32_MAX);
    struct top_list list = {.k = k < count ? k : count, .indexes = ret_indexes};
    if (list.k == 0) {
        return 0;
    }
    const float bound = bound_is_useful(count, k) ? bound_of(x, count, k) : -INFINITY;
    size_t i = 0;
    for (; i + NBA_LANES <= count; i += NBA_LANES) {
        uint32_t any = 0;
        for (size_t l = 0; l < NBA_LANES; l++) {
            any |= x[i + l] >= bound;
        }
        for (size_t l = 0; any != 0 && l < NBA_LANES; l++) {
            if (x[i + l] >= bound) {
                insert(&list, (double)x[i + l], i + l);
            }
        }
    }
    for (; i < count; i++) {
        if (x[i] >= bound) {
            insert(&list, (double)x[i], i);
        }
    }
    return list.count;
}

static double bound_of_double(const double *x, size_t count, size_t k)
{
    double max[COLUMNS];
    for (size_t l = 0; l < COLUMNS; l++) {
        max[l] = x[l];
    }
    for (size_t i = COLUMNS; i + COLUMNS <= count; i += COLUMNS) {
        for (size_t l = 0; l < COLUMNS; l++) {
            max[l] = x[i + l] > max[l] ? x[i + l] : max[l];
        }
    }
    return kth_largest(max, COLUMNS, k);
}

size_t nba_top_k_double(const double *x, size_t count, size_t k, uint32_t *ret_indexes)
{
    NBA_ASSERT(k <= NBA_TOP_MAX && count <= UINT32_MAX);
    struct top_list list = {.k = k < count ? k : count, .indexes = ret_indexes};
    if (list.k == 0) {
        return 0;
    }
    const double bound = bound_is_useful(count, k) ? bound_of_double(x, count, k) : -HUGE_VAL;
    for (size_t i = 0; i < count; i++) {
        if (x[i] >= bound) {
            insert(&list, x[i], i);
        }
    }
    return list.count;
}
