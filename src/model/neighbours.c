/* Dense rows are added a piece at a time, so that the sums stay in the first cache while one event
 * after the other is added; sparse rows go where their columns say. */
#include "nba/model/neighbours.h"

#include <stdbool.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "nba/base/vector.h"

/* Sums that are worked on together: 4 KiB. */
#define PIECE 1024u

static bool is_sparse(const struct nba_neighbours *b)
{
    return b->offsets != NULL;
}

static bool rows_rise(const struct nba_neighbours *b)
{
    bool good = b->offsets[0] == 0 && b->offsets[b->contents] == b->entries;
    for (uint32_t i = 0; good && i < b->contents; i++) {
        good = b->offsets[i] <= b->offsets[i + 1] && b->offsets[i + 1] <= b->entries;
        for (uint32_t e = b->offsets[i]; good && e < b->offsets[i + 1]; e++) {
            good = b->columns[e] < b->contents &&
                   (e == b->offsets[i] || b->columns[e - 1] < b->columns[e]);
        }
    }
    return good;
}

enum nba_status nba_neighbours_check(const struct nba_neighbours *b, const char *name,
                                     struct nba_error *error)
{
    if (b->contents < 1 || b->contents > NBA_CONTENTS_MAX) {
        return nba_error_set(error, NBA_E_SHAPE, "%s: %u contents, expected 1..%u", name,
                             b->contents, NBA_CONTENTS_MAX);
    }
    if (b->last < 1 || !(b->decay > 0.0f && b->decay <= 1.0f)) {
        return nba_error_set(error, NBA_E_SHAPE,
                             "%s: last %u and decay %g, expected 1 and more, and above 0 up to 1",
                             name, b->last, (double)b->decay);
    }
    if (is_sparse(b) ? !rows_rise(b) : b->entries != (uint64_t)b->contents * b->contents) {
        return nba_error_set(error, NBA_E_SHAPE, "%s: its %u entries are not rows of %u contents",
                             name, b->entries, b->contents);
    }
    return NBA_OK;
}

NBA_VECTOR_BODY add_row_body(float weight, const float *restrict row, size_t count,
                             float *restrict sums)
{
    for (size_t k = 0; k < count; k++) {
        const float part = weight * row[k]; /* two roundings: no fused form to differ by */
        sums[k] += part;
    }
}
NBA_VECTOR_FORMS(add_row,
                 (float weight, const float *restrict row, size_t count, float *restrict sums),
                 (weight, row, count, sums))

/* Adds the columns from `first` on, at most PIECE; sparse rows are added whole. */
static void add_window(const struct nba_neighbours *b, const uint32_t *contents, size_t count,
                       size_t first, float *sums)
{
    const size_t columns = b->contents - first < PIECE ? b->contents - first : PIECE;
    float weight = 1.0f;
    for (size_t age = 0; age < count && age < b->last; age++, weight *= b->decay) {
        const uint32_t i = contents[count - 1 - age];
        if (i == NBA_NEIGHBOURS_UNKNOWN) {
            continue;
        }
        NBA_ASSERT(i < b->contents);
        if (!is_sparse(b)) {
            add_row(weight, b->values + (size_t)i * b->contents + first, columns, sums + first);
            continue;
        }
        for (uint32_t e = b->offsets[i]; e < b->offsets[i + 1]; e++) {
            const float part = weight * b->values[e];
            sums[b->columns[e]] += part;
        }
    }
}

void nba_neighbours_scores(const struct nba_neighbours *b, const uint32_t *contents, size_t count,
                           float *ret_scores)
{
    memcpy(ret_scores, b->prior, b->contents * sizeof(*ret_scores));
    for (size_t first = 0; first < (is_sparse(b) ? 1 : b->contents); first += PIECE) {
        add_window(b, contents, count, first, ret_scores);
    }
}
