#include "nba/train/precision.h"

#include <stdlib.h>

#include "nba/base/memory.h"
#include "nba/linalg/reduce.h"

/* Validation queries that are ranked twice. */
#define QUERIES_MAX 2000u
#define BEST        10u

/* What a model ranks first, and where it ranks what was looked for. */
struct ranked {
    uint32_t (*best)[BEST];
    double *ndcg;
};

static struct ranked rank(const struct nba_ranking *ranking, const struct nba_ranker *ranker,
                          const struct nba_query *queries, size_t count)
{
    struct ranked r = {nba_zeros(count + 1, sizeof(*r.best)), nba_zeros(count + 1, sizeof(double))};
    struct nba_ranks each = nba_ranks(ranking, ranker, queries, count);
    for (size_t i = 0; nba_ranks_next(&each); i++) {
        (void)nba_top_k(each.scores, ranking->dataset->content_count, BEST, r.best[i]);
        r.ndcg[i] = nba_metric_of_rank(NBA_METRIC_NDCG, BEST, each.rank);
    }
    return r;
}

static double overlap(const uint32_t *a, const uint32_t *b, size_t count)
{
    size_t both = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            both += a[i] == b[j];
        }
    }
    return (double)both / (double)count;
}

static void say(struct nba_report *report, const struct nba_dataset *dataset,
                const struct nba_query *queries, const struct ranked *f32,
                const struct ranked *bf16, size_t count)
{
    uint32_t *users = nba_zeros(count + 1, sizeof(*users));
    const size_t best = dataset->content_count < BEST ? dataset->content_count : BEST;
    double *overlaps = nba_zeros(count + 1, sizeof(*overlaps));
    struct nba_figure figure = {.data = dataset->name, .model = "lstm", .k = BEST, .n = count};
    for (size_t i = 0; i < count; i++) {
        users[i] = queries[i].user;
        overlaps[i] = overlap(f32->best[i], bf16->best[i], best);
    }
    const struct {
        const char *protocol;
        enum nba_metric metric;
        const double *values;
    } figures[] = {{"f32", NBA_METRIC_NDCG, f32->ndcg},
                   {"bf16", NBA_METRIC_NDCG, bf16->ndcg},
                   {"bf16", NBA_METRIC_OVERLAP, overlaps}};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(figures); i++) {
        figure.protocol = figures[i].protocol;
        figure.metric = figures[i].metric;
        figure.interval = nba_metric_interval(figures[i].values, users, count);
        nba_report_add(report, &figure);
    }
    free(overlaps);
    free(users);
}

void nba_precision_round_lstm(const struct nba_learner *learner, const struct nba_dataset *dataset,
                              const struct nba_split *split, struct nba_report *report)
{
    const struct nba_ranking ranking = {
        dataset, split->by_time ? NBA_PROTOCOL_EXISTING : NBA_PROTOCOL_FULL, 0};
    if (report == NULL || !nba_lstm_learner_rounds(learner)) {
        nba_lstm_learner_round(learner);
        return;
    }
    struct nba_query *queries = nba_zeros(split->validation_count + 1, sizeof(*queries));
    size_t count = 0;
    for (size_t i = 0; i < split->validation_count; i++) {
        if (split->validation[i].position > 0) {
            queries[count++] = split->validation[i];
        }
    }
    count = nba_split_thin(queries, count, QUERIES_MAX);
    struct ranked f32 = rank(&ranking, &learner->ranker, queries, count);
    nba_lstm_learner_round(learner);
    struct ranked bf16 = rank(&ranking, &learner->ranker, queries, count);
    say(report, dataset, queries, &f32, &bf16, count);
    free(f32.best);
    free(f32.ndcg);
    free(bf16.best);
    free(bf16.ndcg);
    free(queries);
}
