#include "measure_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/random.h"
#include "nba/train/metrics.h"

#define K_OF_CHOICE 10u
/* As many negatives a positive as NCF learns with. */
#define BINARY_NEGATIVES 4u

/* The last training position of users, thinned. */
static size_t training_queries(const struct nba_dataset *dataset, const struct nba_split *split,
                               struct nba_query *queries)
{
    size_t count = 0;
    for (uint32_t u = 0; u < dataset->user_count; u++) {
        if (split->train_count[u] >= 2) {
            queries[count++] = (struct nba_query){u, split->train_count[u] - 1};
        }
    }
    return nba_split_thin(queries, count, MEASURE_TRAINING_MAX);
}

bool measure_init(struct measure *measure, const struct nba_dataset *dataset,
                  const struct nba_split *split)
{
    *measure = (struct measure){.dataset = dataset};
    measure->queries[0] = calloc(dataset->user_count + 1u, sizeof(struct nba_query));
    measure->queries[1] = calloc(split->validation_count + 1, sizeof(struct nba_query));
    measure->ranks = calloc(MEASURE_QUERIES_MAX, sizeof(double));
    measure->scores = calloc((size_t)NBA_RANKING_BATCH * dataset->content_count, sizeof(float));
    measure->is_candidate = calloc(dataset->content_count, 1);
    if (measure->queries[0] == NULL || measure->queries[1] == NULL || measure->ranks == NULL ||
        measure->scores == NULL || measure->is_candidate == NULL) {
        measure_clear(measure);
        return false;
    }
    measure->counts[0] = training_queries(dataset, split, measure->queries[0]);
    memcpy(measure->queries[1], split->validation,
           split->validation_count * sizeof(struct nba_query));
    measure->counts[1] =
        nba_split_thin(measure->queries[1], split->validation_count, MEASURE_QUERIES_MAX);
    measure->protocol = split->by_time ? NBA_PROTOCOL_EXISTING : NBA_PROTOCOL_FULL;
    return true;
}

void measure_clear(struct measure *measure)
{
    free(measure->queries[0]);
    free(measure->queries[1]);
    free(measure->ranks);
    free(measure->scores);
    free(measure->is_candidate);
    memset(measure, 0, sizeof(*measure));
}

static double softmax_loss(const float *scores, size_t count, uint32_t target)
{
    float largest = scores[0];
    for (size_t c = 1; c < count; c++) {
        largest = scores[c] > largest ? scores[c] : largest;
    }
    double sum = 0.0;
    for (size_t c = 0; c < count; c++) {
        sum += exp((double)(scores[c] - largest));
    }
    return log(sum) - (double)(scores[target] - largest);
}

/* The first few candidates from a place that depends on the query stand for all. */
static double binary_loss(const float *scores, const uint8_t *is_candidate, size_t count,
                          struct nba_query query, uint32_t target)
{
    double loss = log1p(exp(-(double)scores[target]));
    uint32_t found = 0;
    struct nba_rng rng = nba_rng(((uint64_t)query.user << 32) + query.position);
    for (size_t tries = 0; tries < 100 * count && found < BINARY_NEGATIVES; tries++) {
        const size_t c = nba_rng_below(&rng, count);
        if (is_candidate[c] != 0) {
            loss += log1p(exp((double)scores[c]));
            found++;
        }
    }
    return loss / (1.0 + found);
}

static enum nba_status run(struct measure *m, const struct nba_ranker *ranker, bool validation,
                           bool binary, struct nba_measured *ret_measured)
{
    const struct nba_ranking ranking = {m->dataset, m->protocol, 99};
    const struct nba_query *queries = m->queries[validation ? 1 : 0];
    const size_t count = m->counts[validation ? 1 : 0];
    const size_t N = m->dataset->content_count;
    double loss = 0.0;
    for (size_t from = 0; from < count; from += NBA_RANKING_BATCH) {
        const size_t batch = count - from < NBA_RANKING_BATCH ? count - from : NBA_RANKING_BATCH;
        ranker->score(ranker->context, queries + from, batch, m->scores);
        for (size_t i = 0; i < batch; i++) {
            const struct nba_query query = queries[from + i];
            const uint32_t target = nba_query_target(m->dataset, query);
            const float *scores = m->scores + i * N;
            nba_ranking_candidates(&ranking, query, m->is_candidate);
            m->ranks[from + i] = nba_ranking_rank(scores, m->is_candidate, N, target);
            loss += binary ? binary_loss(scores, m->is_candidate, N, query, target)
                           : softmax_loss(scores, N, target);
        }
    }
    *ret_measured = (struct nba_measured){
        .loss = count > 0 ? loss / (double)count : 0.0,
        .metric = nba_metric_mean(NBA_METRIC_NDCG, K_OF_CHOICE, m->ranks, count),
    };
    return NBA_OK;
}

enum nba_status measure_softmax(struct measure *measure, const struct nba_ranker *ranker,
                                bool validation, struct nba_measured *ret_measured)
{
    return run(measure, ranker, validation, false, ret_measured);
}

enum nba_status measure_binary(struct measure *measure, const struct nba_ranker *ranker,
                               bool validation, struct nba_measured *ret_measured)
{
    return run(measure, ranker, validation, true, ret_measured);
}
