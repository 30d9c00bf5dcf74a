/* Each model makes one row of weights after the other, over all contents; what isn't 0 is kept. */
#include "nba/train/item_item.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/memory.h"
#include "nba/linalg/blas.h"
#include "nba/train/cooccurrence.h"

static float weight_of(const struct nba_item_item_options *options, uint32_t content)
{
    return options->weights != NULL ? options->weights[content] : 1.0f;
}

/* ---- sparse rows ---- */

/* Rows that grow at the end. */
struct rows {
    size_t *from;
    uint32_t *columns;
    float *values;
    size_t count, column_room, value_room;
};

static void put_value(struct rows *rows, uint32_t column, float value)
{
    rows->columns =
        nba_room(rows->columns, rows->count, &rows->column_room, sizeof(*rows->columns));
    rows->values = nba_room(rows->values, rows->count, &rows->value_room, sizeof(*rows->values));
    rows->columns[rows->count] = column;
    rows->values[rows->count++] = value;
}

/* The same by column: a counting sort, so that rows are in ascending order inside a column. */
static struct rows transpose(struct rows *rows, uint32_t N)
{
    struct rows by_column = {.from = nba_zeros(N + (size_t)1, sizeof(size_t)),
                             .columns = nba_zeros(rows->count + 1, sizeof(uint32_t)),
                             .values = nba_zeros(rows->count + 1, sizeof(float)),
                             .count = rows->count};
    size_t *next = nba_zeros(N + (size_t)1, sizeof(*next));
    for (size_t i = 0; i < rows->count; i++) {
        next[rows->columns[i] + 1]++;
    }
    for (uint32_t c = 0; c < N; c++) {
        next[c + 1] += next[c];
    }
    memcpy(by_column.from, next, (N + (size_t)1) * sizeof(*next));
    for (uint32_t row = 0; row < N; row++) {
        for (size_t i = rows->from[row]; i < rows->from[row + 1]; i++) {
            const size_t at = next[rows->columns[i]]++;
            by_column.columns[at] = row;
            by_column.values[at] = rows->values[i];
        }
    }
    free(next);
    free(rows->from);
    free(rows->columns);
    free(rows->values);
    return by_column;
}

/* ---- KNN ---- */

/* The k-th largest of `x`, whose order is lost (C. A. R. Hoare, "Find", CACM 4(7), 1961). */
static float kth_largest(float *x, size_t count, size_t k)
{
    ptrdiff_t left = 0;
    ptrdiff_t right = (ptrdiff_t)count - 1;
    const ptrdiff_t wanted = (ptrdiff_t)k - 1;
    while (left < right) {
        const float pivot = x[wanted];
        ptrdiff_t i = left;
        ptrdiff_t j = right;
        while (i <= j) {
            for (; x[i] > pivot; i++) {
            }
            for (; x[j] < pivot; j--) {
            }
            if (i <= j) {
                const float other = x[i];
                x[i++] = x[j];
                x[j--] = other;
            }
        }
        left = j < wanted ? i : left;
        right = wanted < i ? j : right;
    }
    return x[wanted];
}

static struct rows fit_knn(const struct nba_cooccurrence *counts,
                           const struct nba_item_item_options *options)
{
    const uint32_t N = counts->content_count;
    struct rows rows = {.from = nba_zeros(N + (size_t)1, sizeof(size_t))};
    float *row = nba_zeros(N, sizeof(*row));
    float *similar = nba_zeros(N, sizeof(*similar)); /* those that aren't 0 */
    double *norms = nba_zeros(N, sizeof(*norms));
    for (uint32_t i = 0; i < N; i++) {
        norms[i] = sqrt((double)(counts->content_from[i + 1] - counts->content_from[i]));
    }
    for (uint32_t j = 0; j < N; j++) {
        size_t known = 0;
        nba_cooccurrence_row(counts, j, row);
        row[j] = 0.0f;
        for (uint32_t i = 0; i < N; i++) {
            if (row[i] > 0.0f) {
                row[i] = (float)((double)row[i] / (norms[i] * norms[j] + options->shrink));
                similar[known++] = row[i];
            }
        }
        const float least =
            known > options->neighbours ? kth_largest(similar, known, options->neighbours) : 0.0f;
        for (uint32_t i = 0; i < N; i++) {
            if (row[i] > 0.0f && row[i] >= least) {
                put_value(&rows, i, row[i] * weight_of(options, j));
            }
        }
        rows.from[j + 1] = rows.count;
    }
    free(row);
    free(similar);
    free(norms);
    return transpose(&rows, N);
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
        b[i * N + i] += (float)options->lambda;
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
    struct rows rows = {.from = nba_zeros(N + (size_t)1, sizeof(size_t))};
    struct places places = find_places(d, train_count);
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
                put_value(&rows, j, row[j] * weight_of(options, j));
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

/* ---- all of them ---- */

enum nba_status nba_item_item_fit(enum nba_item_item_kind kind, const struct nba_dataset *dataset,
                                  const uint32_t *train_count,
                                  const struct nba_item_item_options *options,
                                  struct nba_item_item *ret_model, struct nba_error *error)
{
    struct nba_item_item model = {.dataset = dataset,
                                  .kind = kind,
                                  .decay = dataset->ordered ? options->decay : 1.0,
                                  .last = dataset->ordered ? options->last : UINT32_MAX};
    struct nba_arena pool = {0};
    struct rows rows = {0};
    if (kind == NBA_ITEM_ITEM_RULES && !dataset->ordered) {
        return nba_error_set(error, NBA_E_SHAPE, "rules: %s has no order to learn from",
                             dataset->name);
    }
    if (kind == NBA_ITEM_ITEM_EASE && dataset->content_count > NBA_EASE_CONTENTS_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "ease: %u contents, expected at most %u",
                             dataset->content_count, NBA_EASE_CONTENTS_MAX);
    }
    if (kind == NBA_ITEM_ITEM_RULES) {
        rows = fit_rules(dataset, train_count, options);
    } else {
        const struct nba_cooccurrence counts = nba_cooccurrence(dataset, train_count, &pool);
        if (kind == NBA_ITEM_ITEM_KNN) {
            rows = fit_knn(&counts, options);
        } else {
            model.dense = fit_ease(&counts, options);
        }
    }
    nba_arena_clear(&pool);
    if (kind == NBA_ITEM_ITEM_EASE && model.dense == NULL) {
        return nba_error_set(error, NBA_E_NON_FINITE,
                             "ease: a lambda of %g leaves a matrix without an inverse",
                             options->lambda);
    }
    model.from = rows.from;
    model.to = rows.columns;
    model.values = rows.values;
    *ret_model = model;
    return NBA_OK;
}

void nba_item_item_clear(struct nba_item_item *model)
{
    if (model != NULL) {
        free(model->dense);
        free(model->from);
        free(model->to);
        free(model->values);
        *model = (struct nba_item_item){.dataset = NULL};
    }
}

/* ---- scores ---- */

static void add_row(const struct nba_item_item *model, uint32_t content, float weight,
                    float *ret_scores)
{
    const size_t N = model->dataset->content_count;
    if (model->dense != NULL) {
        const float *row = model->dense + content * N;
        for (size_t k = 0; k < N; k++) {
            ret_scores[k] += weight * row[k];
        }
        return;
    }
    for (size_t at = model->from[content]; at < model->from[content + 1]; at++) {
        ret_scores[model->to[at]] += weight * model->values[at];
    }
}

static void item_item_score(void *context, const struct nba_query *queries, size_t count,
                            float *ret_scores)
{
    const struct nba_item_item *model = context;
    const struct nba_dataset *d = model->dataset;
    memset(ret_scores, 0, count * d->content_count * sizeof(*ret_scores));
    for (size_t i = 0; i < count; i++) {
        const uint32_t *end =
            d->sequence + d->sequence_offset[queries[i].user] + queries[i].position;
        double weight = 1.0;
        for (uint32_t age = 0; age < queries[i].position && age < model->last; age++) {
            add_row(model, *(end - 1 - age), (float)weight, ret_scores + i * d->content_count);
            weight *= model->decay;
        }
    }
}

struct nba_ranker nba_item_item_ranker(struct nba_item_item *model)
{
    static const char *const names[] = {"ease", "knn", "rules"};
    return (struct nba_ranker){
        .name = names[model->kind], .context = model, .score = item_item_score};
}
