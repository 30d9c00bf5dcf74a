#include "nba/train/unit_hits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/memory.h"
#include "nba/base/random.h"
#include "nba/linalg/reduce.h"
#include "nba/train/cooccurrence.h"

#define K           10u
#define RANDOM_SEED UINT64_C(42)

static void random_score(void *context, const struct nba_query *queries, size_t count,
                         float *ret_scores)
{
    const struct nba_dataset *d = context;
    for (size_t i = 0; i < count; i++) {
        struct nba_rng rng = nba_rng(RANDOM_SEED * 1000003u + queries[i].user);
        for (uint32_t k = 0; k < d->content_count; k++) {
            ret_scores[i * d->content_count + k] = (float)nba_rng_double(&rng);
        }
    }
}

/* Which units the user's contents have, [0] of those without one; false: none has. */
static bool units_of(const struct nba_dataset *d, uint32_t user, bool ret_has[1 + NBA_UNITS_MAX])
{
    uint32_t length = 0;
    bool any = false;
    const uint32_t *sequence = nba_dataset_sequence(d, user, &length);
    memset(ret_has, 0, 1 + NBA_UNITS_MAX);
    for (uint32_t p = 0; p < length; p++) {
        const uint32_t unit = d->content_unit[sequence[p]];
        ret_has[unit] = true;
        any = any || unit != 0;
    }
    return any;
}

/* What a user is offered: the best by `scores`, which are spoilt; returns how many. */
static size_t offer(const struct nba_dataset *d, uint32_t user, float *scores, uint32_t ret_best[K])
{
    uint32_t length = 0;
    size_t offered = 0;
    const uint32_t *sequence = nba_dataset_sequence(d, user, &length);
    for (uint32_t p = 0; p < length; p++) {
        scores[sequence[p]] = -INFINITY;
    }
    for (uint32_t k = 0; k < d->content_count; k++) {
        scores[k] = d->content_unit[k] != 0 ? scores[k] : -INFINITY;
    }
    const size_t count = nba_top_k(scores, d->content_count, K, ret_best);
    while (offered < count && isfinite(scores[ret_best[offered]])) {
        offered++;
    }
    return offered;
}

static void add_share(struct nba_report *report, struct nba_figure figure, const double *shares,
                      size_t count)
{
    figure.interval = nba_metric_interval(shares, NULL, count);
    figure.n = count;
    nba_report_add(report, &figure);
}

/* Of the users with something to offer, one behind the other. */
struct shares {
    size_t count;
    double *hits;                     /* share of a user's units */
    bool (*has)[1 + NBA_UNITS_MAX];   /* those units */
    double (*of_type)[NBA_UNITS_MAX]; /* share of each type */
    double *picked;                   /* scratch */
};

static void gather_shares(const struct nba_dataset *d, const struct nba_ranker *ranker,
                          uint32_t type_count, struct shares *shares)
{
    float *scores = nba_zeros(d->content_count, sizeof(*scores));
    for (uint32_t u = 0; u < d->user_count; u++) {
        struct nba_query query = {u, 0};
        uint32_t best[K];
        const size_t at = shares->count;
        (void)nba_dataset_sequence(d, u, &query.position);
        if (!units_of(d, u, shares->has[at])) {
            continue;
        }
        ranker->score(ranker->context, &query, 1, scores);
        const size_t offered = offer(d, u, scores, best);
        for (size_t i = 0; i < offered; i++) {
            const uint32_t type = d->content_type[best[i]];
            shares->hits[at] +=
                shares->has[at][d->content_unit[best[i]]] ? 1.0 / (double)offered : 0.0;
            if (type != 0 && type <= type_count) {
                shares->of_type[at][type - 1] += 1.0 / (double)offered;
            }
        }
        shares->count += offered > 0 ? 1 : 0;
    }
    free(scores);
}

static void report_shares(struct nba_report *report, const struct nba_dataset *d,
                          const struct nba_ranker *ranker)
{
    const uint32_t type_count = d->type_count <= NBA_UNITS_MAX ? d->type_count : 0;
    struct shares shares = {.hits = nba_zeros(d->user_count, sizeof(double)),
                            .has = nba_zeros(d->user_count, sizeof(*shares.has)),
                            .of_type = nba_zeros(d->user_count, sizeof(*shares.of_type)),
                            .picked = nba_zeros(d->user_count, sizeof(double))};
    struct nba_figure figure = {.data = d->name,
                                .model = ranker->name,
                                .protocol = "units",
                                .metric = NBA_METRIC_UNIT_HITS,
                                .k = K};
    gather_shares(d, ranker, type_count, &shares);
    add_share(report, figure, shares.hits, shares.count);
    for (uint32_t unit = 1; unit <= d->unit_count; unit++) {
        size_t members = 0;
        for (size_t i = 0; i < shares.count; i++) {
            if (shares.has[i][unit]) {
                shares.picked[members++] = shares.hits[i];
            }
        }
        figure.unit = d->units[unit - 1];
        add_share(report, figure, shares.picked, members);
    }
    figure.metric = NBA_METRIC_TYPE_SHARE;
    for (uint32_t type = 0; type < type_count; type++) {
        for (size_t i = 0; i < shares.count; i++) {
            shares.picked[i] = shares.of_type[i][type];
        }
        figure.unit = d->types[type];
        add_share(report, figure, shares.picked, shares.count);
    }
    free(shares.hits);
    free(shares.has);
    free(shares.of_type);
    free(shares.picked);
}

/* Within any unit (0), within each, and at last between two. */
static void report_cosines(struct nba_report *report, const struct nba_dataset *d)
{
    struct nba_arena pool = {0};
    const size_t N = d->content_count;
    uint32_t *lengths = nba_pool_take(&pool, d->user_count, sizeof(*lengths));
    for (uint32_t u = 0; u < d->user_count; u++) {
        (void)nba_dataset_sequence(d, u, &lengths[u]);
    }
    const struct nba_cooccurrence counts = nba_cooccurrence(d, lengths, &pool);
    float *both = nba_pool_floats(&pool, N * N);
    double *cosines = nba_pool_take(&pool, N * N / 2 + 1, sizeof(*cosines));
    for (uint32_t i = 0; i < N; i++) {
        nba_cooccurrence_row(&counts, i, both + i * N);
    }
    for (uint32_t unit = 0; unit <= d->unit_count + 1; unit++) {
        const bool between = unit > d->unit_count;
        size_t count = 0;
        for (uint32_t i = 0; i < N; i++) {
            for (uint32_t j = i + 1; j < N; j++) {
                const uint32_t a = d->content_unit[i];
                const uint32_t b = d->content_unit[j];
                if (a != 0 && b != 0 && (between ? a != b : a == b && (unit == 0 || a == unit))) {
                    const double users = (double)nba_cooccurrence_users(&counts, i) *
                                         (double)nba_cooccurrence_users(&counts, j);
                    cosines[count++] = users > 0.0 ? (double)both[i * N + j] / sqrt(users) : 0.0;
                }
            }
        }
        const struct nba_figure figure = {.data = d->name,
                                          .model = "similarity",
                                          .protocol = between ? "between" : "within",
                                          .metric = NBA_METRIC_COSINE,
                                          .unit = unit == 0 || between ? nba_str(NULL, 0)
                                                                       : d->units[unit - 1]};
        add_share(report, figure, cosines, count);
    }
    nba_arena_clear(&pool);
}

void nba_unit_hits_report(struct nba_report *report, const struct nba_dataset *dataset,
                          const struct nba_ranker *rankers, size_t count)
{
    union {
        const struct nba_dataset *in;
        void *out;
    } context = {dataset}; /* only read, as a ranker's context may be */
    const struct nba_ranker chance = {
        .name = "random", .context = context.out, .score = random_score};
    if (dataset->unit_count == 0 || dataset->unit_count > NBA_UNITS_MAX) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        report_shares(report, dataset, &rankers[i]);
    }
    report_shares(report, dataset, &chance);
    report_cosines(report, dataset);
}
