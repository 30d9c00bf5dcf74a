/* Each model makes one row of weights after the other, over all contents; what isn't 0 is kept. */
#include "nba/train/item_item.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/memory.h"
#include "nba/linalg/blas.h"
#include "nba/train/cooccurrence.h"

/* The share of the most popular in the prior of RULES: below any rule that was seen once. */
#define RULES_PRIOR 1e-3

/* By source: columns[from[i] .. from[i + 1]) ascending. */
struct rows {
    uint32_t *from; /* (N + 1) */
    uint32_t *columns;
    float *values;
    uint32_t count;
};

static float weight_of(const struct nba_item_item_options *options, uint32_t content)
{
    return options->weights != NULL ? options->weights[content] : 1.0f;
}

/* ---- KNN ---- */

/* The k best of what came so far, the worst on top: a heap.  Sources come in ascending order, so
 * the later one of two that are equal is the worse. */
struct nearest {
    uint32_t count;
    struct neighbour {
        float value;
        uint32_t source;
    } * items; /* (k) */
};

static bool is_worse(struct neighbour a, struct neighbour b)
{
    return a.value < b.value || (a.value <= b.value && a.source > b.source);
}

static void put_nearest(struct nearest *nearest, uint32_t k, struct neighbour item)
{
    struct neighbour *heap = nearest->items;
    uint32_t at = 0;
    if (nearest->count < k) {
        for (at = nearest->count++; at > 0 && is_worse(item, heap[(at - 1) / 2]);
             at = (at - 1) / 2) {
            heap[at] = heap[(at - 1) / 2];
        }
    } else if (!is_worse(heap[0], item)) {
        return;
    } else {
        for (uint32_t child = 1; child < k; child = 2 * at + 1) {
            child += child + 1 < k && is_worse(heap[child + 1], heap[child]) ? 1 : 0;
            if (!is_worse(heap[child], item)) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
    }
    heap[at] = item;
}

/* What each target keeps, by source. */
static struct rows by_source(const struct nearest *nearest, uint32_t N,
                             const struct nba_item_item_options *options, struct nba_arena *pool)
{
    struct rows rows = {.from = nba_pool_take(pool, N + (size_t)2, sizeof(uint32_t))};
    for (uint32_t j = 0; j < N; j++) {
        rows.count += nearest[j].count;
        for (uint32_t n = 0; n < nearest[j].count; n++) {
            rows.from[nearest[j].items[n].source + 2]++;
        }
    }
    for (uint32_t i = 0; i < N; i++) {
        rows.from[i + 2] += rows.from[i + 1];
    }
    rows.columns = nba_pool_take(pool, rows.count + (size_t)1, sizeof(*rows.columns));
    rows.values = nba_pool_floats(pool, rows.count + (size_t)1);
    for (uint32_t j = 0; j < N; j++) {
        for (uint32_t n = 0; n < nearest[j].count; n++) {
            const struct neighbour item = nearest[j].items[n];
            const uint32_t at = rows.from[item.source + 1]++;
            rows.columns[at] = j;
            rows.values[at] = item.value * weight_of(options, j);
        }
    }
    return rows;
}

static struct rows count_knn(const struct nba_cooccurrence *counts,
                             const struct nba_item_item_options *options, struct nba_arena *pool)
{
    const uint32_t N = counts->content_count;
    const uint32_t k = options->neighbours;
    float *row = nba_zeros(N, sizeof(*row));
    double *norms = nba_zeros(N, sizeof(*norms));
    struct nearest *nearest = nba_zeros(N, sizeof(*nearest));
    struct neighbour *items = nba_zeros((size_t)N * k, sizeof(*items));
    for (uint32_t i = 0; i < N; i++) {
        norms[i] = sqrt((double)nba_cooccurrence_users(counts, i));
        nearest[i].items = items + (size_t)i * k;
    }
    for (uint32_t i = 0; i < N; i++) {
        nba_cooccurrence_row(counts, i, row);
        for (uint32_t j = i + 1; j < N; j++) {
            if (row[j] > 0.0f) {
                const float value =
                    (float)((double)row[j] / (norms[i] * norms[j] + options->shrink));
                put_nearest(&nearest[i], k, (struct neighbour){value, j});
                put_nearest(&nearest[j], k, (struct neighbour){value, i});
            }
        }
    }
    const struct rows rows = by_source(nearest, N, options, pool);
    free(row);
    free(norms);
    free(nearest);
    free(items);
    return rows;
}

/* ---- EASE ---- */

/* False where G can't be inverted. */
static bool count_ease(const struct nba_cooccurrence *counts,
                       const struct nba_item_item_options *options, float *ret_values)
{
    const size_t N = counts->content_count;
    float *b = ret_values;
    float *scale = nba_zeros(N, sizeof(*scale));
    for (uint32_t i = 0; i < N; i++) {
        nba_cooccurrence_row(counts, i, b + i * N);
        b[i * N + i] = (float)((double)nba_cooccurrence_users(counts, i) + options->lambda);
    }
    if (!nba_blas_invert(b, N)) {
        free(scale);
        return false;
    }
    for (uint32_t j = 0; j < N; j++) {
        scale[j] = -weight_of(options, j) / b[j * N + j];
    }
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            b[i * N + j] *= scale[j];
        }
        b[i * N + i] = 0.0f;
    }
    free(scale);
    return true;
}

/* ---- RULES ---- */

/* Where a content stands in the sequences, and how much of the training follows there. */
struct places {
    size_t *from; /* (N + 1) */
    struct place {
        size_t at;
        uint32_t left;
    } * items;
};

static struct places find_places(const struct nba_dataset *d, const uint32_t *train_count)
{
    const uint32_t N = d->content_count;
    struct places places = {nba_zeros(N + (size_t)2, sizeof(size_t)),
                            nba_zeros(d->sequence_offset[d->user_count] + 1, sizeof(struct place))};
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t u = 0; u < d->user_count; u++) {
            const size_t first = d->sequence_offset[u];
            for (uint32_t p = 0; p < train_count[u]; p++) {
                const uint32_t content = d->sequence[first + p];
                if (pass == 0) {
                    places.from[content + 2]++;
                } else {
                    places.items[places.from[content + 1]++] =
                        (struct place){first + p, train_count[u] - 1 - p};
                }
            }
        }
        for (uint32_t c = 0; pass == 0 && c < N; c++) {
            places.from[c + 2] += places.from[c + 1];
        }
    }
    return places;
}

/* One content's row of weights, dense; zeros come in. */
static void rules_row(const struct nba_dataset *d, const struct places *places, uint32_t content,
                      uint32_t window, float *row)
{
    for (size_t p = places->from[content]; p < places->from[content + 1]; p++) {
        const struct place place = places->items[p];
        const uint32_t reach = place.left < window ? place.left : window;
        for (uint32_t distance = 1; distance <= reach; distance++) {
            row[d->sequence[place.at + distance]] += 1.0f / (float)distance;
        }
    }
}

static struct rows count_rules(const struct nba_dataset *d, const uint32_t *train_count,
                               const struct nba_item_item_options *options, struct nba_arena *pool)
{
    const uint32_t N = d->content_count;
    struct rows rows = {.from = nba_pool_take(pool, N + (size_t)1, sizeof(uint32_t))};
    struct places places = find_places(d, train_count);
    struct rows grown = {0};
    size_t column_room = 0;
    size_t value_room = 0;
    float *row = nba_zeros(N, sizeof(*row));
    for (uint32_t i = 0; i < N; i++) {
        rules_row(d, &places, i, options->window, row);
        for (uint32_t j = 0; j < N; j++) {
            if (row[j] > 0.0f) {
                grown.columns = nba_room(grown.columns, rows.count, &column_room, sizeof(uint32_t));
                grown.values = nba_room(grown.values, rows.count, &value_room, sizeof(float));
                grown.columns[rows.count] = j;
                grown.values[rows.count++] = row[j] * weight_of(options, j);
                row[j] = 0.0f;
            }
        }
        rows.from[i + 1] = rows.count;
    }
    rows.columns = nba_pool_take(pool, rows.count + (size_t)1, sizeof(uint32_t));
    rows.values = nba_pool_floats(pool, rows.count + (size_t)1);
    if (rows.count > 0) {
        memcpy(rows.columns, grown.columns, rows.count * sizeof(uint32_t));
        memcpy(rows.values, grown.values, rows.count * sizeof(float));
    }
    free(grown.columns);
    free(grown.values);
    free(row);
    free(places.from);
    free(places.items);
    return rows;
}

/* What orders contents that no rule names. */
static void fill_prior(const struct nba_cooccurrence *counts,
                       const struct nba_item_item_options *options, float *prior)
{
    size_t most = 1;
    for (uint32_t j = 0; j < counts->content_count; j++) {
        const size_t users = nba_cooccurrence_users(counts, j);
        most = users > most ? users : most;
    }
    for (uint32_t j = 0; j < counts->content_count; j++) {
        const double share = (double)nba_cooccurrence_users(counts, j) / (double)most;
        prior[j] = (float)(RULES_PRIOR * share) * weight_of(options, j);
    }
}

/* ---- all of them ---- */

struct nba_item_item_options nba_item_item_options(enum nba_item_item kind)
{
    return (struct nba_item_item_options){
        .shrink = 10, .window = 20, .last = kind == NBA_ITEM_ITEM_RULES ? 5 : UINT32_MAX};
}

enum nba_status nba_item_item_count(enum nba_item_item kind, const struct nba_dataset *d,
                                    const uint32_t *train_count,
                                    const struct nba_item_item_options *options,
                                    struct nba_arena *pool, struct nba_neighbours *ret_neighbours,
                                    struct nba_error *error)
{
    const uint32_t N = d->content_count;
    struct nba_arena scratch = {0};
    struct rows rows = {.count = N * N};
    bool inverted = true;
    if (kind == NBA_ITEM_ITEM_RULES && !d->ordered) {
        return nba_error_set(error, NBA_E_SHAPE, "rules: %s has no order to learn from", d->name);
    }
    if (kind == NBA_ITEM_ITEM_EASE && N > NBA_EASE_CONTENTS_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "ease: %u contents, expected at most %u", N,
                             NBA_EASE_CONTENTS_MAX);
    }
    float *prior = nba_pool_floats(pool, N);
    const struct nba_cooccurrence counts = nba_cooccurrence(d, train_count, &scratch);
    if (kind == NBA_ITEM_ITEM_RULES) {
        rows = count_rules(d, train_count, options, pool);
        fill_prior(&counts, options, prior);
    } else if (kind == NBA_ITEM_ITEM_KNN) {
        rows = count_knn(&counts, options, pool);
    } else {
        rows.values = nba_pool_floats(pool, (size_t)N * N);
        inverted = count_ease(&counts, options, rows.values);
    }
    nba_arena_clear(&scratch);
    if (!inverted) {
        return nba_error_set(error, NBA_E_NON_FINITE,
                             "ease: a lambda of %g leaves a matrix without an inverse",
                             options->lambda);
    }
    *ret_neighbours = (struct nba_neighbours){.contents = N,
                                              .entries = rows.count,
                                              .last = d->ordered ? options->last : UINT32_MAX,
                                              .decay = d->ordered ? (float)options->decay : 1.0f,
                                              .values = rows.values,
                                              .offsets = rows.from,
                                              .columns = rows.columns,
                                              .prior = prior};
    return NBA_OK;
}
