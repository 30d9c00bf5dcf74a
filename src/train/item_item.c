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
                             const struct nba_item_item_options *options)
{
    struct rows rows = {.from = nba_zeros(N + (size_t)2, sizeof(uint32_t))};
    for (uint32_t j = 0; j < N; j++) {
        rows.count += nearest[j].count;
        for (uint32_t n = 0; n < nearest[j].count; n++) {
            rows.from[nearest[j].items[n].source + 2]++;
        }
    }
    for (uint32_t i = 0; i < N; i++) {
        rows.from[i + 2] += rows.from[i + 1];
    }
    rows.columns = nba_zeros(rows.count + (size_t)1, sizeof(*rows.columns));
    rows.values = nba_zeros(rows.count + (size_t)1, sizeof(*rows.values));
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

static struct rows fit_knn(const struct nba_cooccurrence *counts,
                           const struct nba_item_item_options *options)
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
    const struct rows rows = by_source(nearest, N, options);
    free(row);
    free(norms);
    free(nearest);
    free(items);
    return rows;
}

/* ---- EASE ---- */

/* NULL where G can't be inverted. */
static float *fit_ease(const struct nba_cooccurrence *counts,
                       const struct nba_item_item_options *options)
{
    const size_t N = counts->content_count;
    float *b = nba_zeros(N * N, sizeof(*b));
    float *scale = nba_zeros(N, sizeof(*scale));
    for (uint32_t i = 0; i < N; i++) {
        nba_cooccurrence_row(counts, i, b + i * N);
        b[i * N + i] = (float)((double)nba_cooccurrence_users(counts, i) + options->lambda);
    }
    const bool inverted = nba_blas_invert(b, N);
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
    if (!inverted) {
        free(b);
        return NULL;
    }
    return b;
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

static struct rows fit_rules(const struct nba_dataset *d, const uint32_t *train_count,
                             const struct nba_item_item_options *options)
{
    const uint32_t N = d->content_count;
    struct rows rows = {.from = nba_zeros(N + (size_t)1, sizeof(uint32_t))};
    struct places places = find_places(d, train_count);
    size_t column_room = 0;
    size_t value_room = 0;
    float *row = nba_zeros(N, sizeof(*row));
    for (uint32_t i = 0; i < N; i++) {
        for (size_t p = places.from[i]; p < places.from[i + 1]; p++) {
            const struct place place = places.items[p];
            const uint32_t reach = place.left < options->window ? place.left : options->window;
            for (uint32_t distance = 1; distance <= reach; distance++) {
                row[d->sequence[place.at + distance]] += 1.0f / (float)distance;
            }
        }
        for (uint32_t j = 0; j < N; j++) {
            if (row[j] > 0.0f) {
                rows.columns = nba_room(rows.columns, rows.count, &column_room, sizeof(uint32_t));
                rows.values = nba_room(rows.values, rows.count, &value_room, sizeof(float));
                rows.columns[rows.count] = j;
                rows.values[rows.count++] = row[j] * weight_of(options, j);
                row[j] = 0.0f;
            }
        }
        rows.from[i + 1] = rows.count;
    }
    free(row);
    free(places.from);
    free(places.items);
    return rows;
}

/* What orders contents that nothing points at. */
static void fill_prior(const struct nba_dataset *d, const uint32_t *train_count,
                       const struct nba_item_item_options *options, float *prior)
{
    struct nba_arena pool = {0};
    const struct nba_cooccurrence counts = nba_cooccurrence(d, train_count, &pool);
    size_t most = 1;
    for (uint32_t j = 0; j < d->content_count; j++) {
        const size_t users = nba_cooccurrence_users(&counts, j);
        most = users > most ? users : most;
    }
    for (uint32_t j = 0; j < d->content_count; j++) {
        const double share = (double)nba_cooccurrence_users(&counts, j) / (double)most;
        prior[j] = (float)(RULES_PRIOR * share) * weight_of(options, j);
    }
    nba_arena_clear(&pool);
}

/* ---- all of them ---- */

static const char *const names[] = {"ease", "knn", "rules"};

static enum nba_status check(enum nba_item_item_kind kind, const struct nba_dataset *d,
                             struct nba_error *error)
{
    if (kind == NBA_ITEM_ITEM_RULES && !d->ordered) {
        return nba_error_set(error, NBA_E_SHAPE, "rules: %s has no order to learn from", d->name);
    }
    if (kind == NBA_ITEM_ITEM_EASE && d->content_count > NBA_EASE_CONTENTS_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "ease: %u contents, expected at most %u",
                             d->content_count, NBA_EASE_CONTENTS_MAX);
    }
    return NBA_OK;
}

enum nba_status nba_item_item_fit(enum nba_item_item_kind kind, const struct nba_dataset *d,
                                  const uint32_t *train_count,
                                  const struct nba_item_item_options *options,
                                  struct nba_item_item *ret_model, struct nba_error *error)
{
    const uint32_t N = d->content_count;
    struct nba_arena pool = {0};
    struct rows rows = {.count = N * N};
    const enum nba_status status = check(kind, d, error);
    if (status != NBA_OK) {
        return status;
    }
    if (kind == NBA_ITEM_ITEM_RULES) {
        rows = fit_rules(d, train_count, options);
    } else {
        const struct nba_cooccurrence counts = nba_cooccurrence(d, train_count, &pool);
        if (kind == NBA_ITEM_ITEM_KNN) {
            rows = fit_knn(&counts, options);
        } else {
            rows.values = fit_ease(&counts, options);
        }
    }
    nba_arena_clear(&pool);
    if (rows.values == NULL && kind == NBA_ITEM_ITEM_EASE) {
        return nba_error_set(error, NBA_E_NON_FINITE,
                             "ease: a lambda of %g leaves a matrix without an inverse",
                             options->lambda);
    }
    struct nba_item_item model = {.dataset = d,
                                  .name = names[kind],
                                  .values = rows.values,
                                  .prior = nba_zeros(N, sizeof(*model.prior)),
                                  .offsets = rows.from,
                                  .columns = rows.columns};
    if (kind == NBA_ITEM_ITEM_RULES) {
        fill_prior(d, train_count, options, model.prior);
    }
    model.neighbours = (struct nba_neighbours){.contents = N,
                                               .entries = rows.count,
                                               .last = d->ordered ? options->last : UINT32_MAX,
                                               .decay = d->ordered ? (float)options->decay : 1.0f,
                                               .values = model.values,
                                               .offsets = model.offsets,
                                               .columns = model.columns,
                                               .prior = model.prior};
    *ret_model = model;
    return NBA_OK;
}

void nba_item_item_clear(struct nba_item_item *model)
{
    if (model != NULL) {
        free(model->values);
        free(model->prior);
        free(model->offsets);
        free(model->columns);
        *model = (struct nba_item_item){.dataset = NULL};
    }
}

static void item_item_score(void *context, const struct nba_query *queries, size_t count,
                            float *ret_scores)
{
    const struct nba_item_item *model = context;
    const struct nba_dataset *d = model->dataset;
    for (size_t i = 0; i < count; i++) {
        nba_neighbours_scores(&model->neighbours, d->sequence + d->sequence_offset[queries[i].user],
                              queries[i].position, ret_scores + i * d->content_count);
    }
}

struct nba_ranker nba_item_item_ranker(struct nba_item_item *model)
{
    return (struct nba_ranker){.name = model->name, .context = model, .score = item_item_score};
}
