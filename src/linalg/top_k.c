/*
 * The best k of n: a bound from column maxima, a filter, and ranks by counting.
 *
 * The k-th largest of C maxima of the columns i modulo C bounds the k-th best of all from below, so
 * of 1,000 scores about 15 pass for k = 10; maxima and filter are kernels, since they touch every
 * score.  Each survivor's rank is then the number of those above it; equal ones, which share that
 * number, come in the order they are in.  Nothing branches on the scores of losers, which a
 * processor could only guess.
 *
 * A long array goes piece by piece: the best so far stand before the survivors of the next piece,
 * so the order within the list is still that of the indexes where values are equal.
 */
#include <math.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/linalg/reduce.h"

/* A piece: 4 KB of floats stay in the first cache between maxima and filter. */
#define PIECE 1024u
#define MAX   (NBA_TOP_MAX + PIECE)

struct list {
    size_t count;
    double values[MAX + NBA_LANES];
    uint32_t indexes[MAX];
};

/* The best k of the list, k at most. */
static void rank(struct list *list, struct nba_top *top)
{
    uint32_t above[MAX];
    uint32_t equals[MAX]; /* how many of this rank have found their place */
    memset(equals, 0, list->count * sizeof *equals);
    top->kernels->count_above(list->count, list->values, above);
    top->count = list->count < top->k ? list->count : top->k;
    for (size_t i = 0; i < list->count; i++) {
        const size_t place = above[i] + equals[above[i]]++;
        if (place < top->k) {
            top->values[place] = list->values[i];
            top->indexes[place] = list->indexes[i];
        }
    }
}

/* `exact`, if given, has the doubles that x rounds: rounding keeps the order, so what the bound
 * drops is not among the best of the doubles either. */
static void add_piece(struct nba_top *top, const float *x, const double *exact, size_t count,
                      size_t first)
{
    uint32_t passed[PIECE + 1];
    struct list list;
    float bound = top->kernels->kth_bound(count, x, top->k);
    if (top->count == top->k && (float)top->values[top->k - 1] > bound) {
        bound = (float)top->values[top->k - 1];
    }
    const size_t found = top->kernels->at_least(count, x, bound, passed);
    memcpy(list.values, top->values, top->count * sizeof *list.values);
    memcpy(list.indexes, top->indexes, top->count * sizeof *list.indexes);
    list.count = top->count;
    for (size_t i = 0; i < found; i++) {
        const size_t at = passed[i];
        list.values[list.count] = exact != NULL ? exact[at] : (double)x[at];
        list.indexes[list.count++] = (uint32_t)(first + at);
    }
    rank(&list, top);
}

void nba_top_init(struct nba_top *top, const struct nba_kernels *kernels, size_t k)
{
    NBA_ASSERT(k <= NBA_TOP_MAX);
    top->kernels = kernels;
    top->k = k;
    top->count = 0;
}

void nba_top_add(struct nba_top *top, const float *x, size_t count, size_t first)
{
    NBA_ASSERT(count <= UINT32_MAX && first <= UINT32_MAX - count);
    for (size_t at = 0; top->k > 0 && at < count; at += PIECE) {
        const size_t piece = count - at < PIECE ? count - at : PIECE;
        add_piece(top, x + at, NULL, piece, first + at);
    }
}

size_t nba_top_k(const float *x, size_t count, size_t k, uint32_t *ret_indexes)
{
    struct nba_top top;
    nba_top_init(&top, nba_kernels_best(), k);
    nba_top_add(&top, x, count, 0);
    memcpy(ret_indexes, top.indexes, top.count * sizeof *ret_indexes);
    return top.count;
}

size_t nba_top_k_double(const double *x, size_t count, size_t k, uint32_t *ret_indexes)
{
    struct nba_top top;
    float rounded[PIECE];
    NBA_ASSERT(count <= UINT32_MAX);
    nba_top_init(&top, nba_kernels_best(), k);
    for (size_t at = 0; k > 0 && at < count; at += PIECE) {
        const size_t piece = count - at < PIECE ? count - at : PIECE;
        for (size_t i = 0; i < piece; i++) {
            rounded[i] = (float)x[at + i];
        }
        add_piece(&top, rounded, x + at, piece, at);
    }
    memcpy(ret_indexes, top.indexes, top.count * sizeof *ret_indexes);
    return top.count;
}
