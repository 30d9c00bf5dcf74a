#include "measure_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/random.h"
#include "nba/train/metrics.h"

#define K_OF_CHOICE 10u
/* As many negatives a positive as NCF learns with. */
#define BINARY_NEGATIVES 4u
/* Of a validation query where the data set is judged by few negatives itself. */
#define SAMPLED_NEGATIVES 99u
/* Scores that one measuring of a binary model may cost. */
#define BINARY_SCORES_MAX ((size_t)1 << 22)

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

bool nba_measure_init(struct measure *measure, const struct nba_dataset *dataset,
                      const struct nba_split *split)
{
    *measure = (struct measure){.dataset = dataset};
    measure->queries[0] = calloc(dataset->user_count + 1u, sizeof(struct nba_query));
    measure->queries[1] = calloc(split->validation_count + 1, sizeof(struct nba_query));
    measure->ranks = calloc(MEASURE_QUERIES_MAX, sizeof(double));
    if (measure->queries[0] == NULL || measure->queries[1] == NULL || measure->ranks == NULL) {
        nba_measure_clear(measure);
        return false;
    }
    measure->counts[0] = training_queries(dataset, split, measure->queries[0]);
    memcpy(measure->queries[1], split->validation,
           split->validation_count * sizeof(struct nba_query));
    measure->counts[1] =
        nba_split_thin(measure->queries[1], split->validation_count, MEASURE_QUERIES_MAX);
    measure->protocol = NBA_PROTOCOL_FULL;
    if (dataset->fixed_test != NULL) {
        measure->protocol = NBA_PROTOCOL_SAMPLED;
    } else if (split->by_time) {
        measure->protocol = NBA_PROTOCOL_EXISTING;
    }
    return true;
}

void nba_measure_spare(struct measure *measure)
{
    const size_t most = BINARY_SCORES_MAX / measure->dataset->content_count + 1;
    for (size_t i = 0; i < 2 && measure->protocol != NBA_PROTOCOL_SAMPLED; i++) {
        measure->counts[i] = nba_split_thin(measure->queries[i], measure->counts[i], most);
    }
}

void nba_measure_clear(struct measure *measure)
{
    free(measure->queries[0]);
    free(measure->queries[1]);
    free(measure->ranks);
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

struct judging {
    struct measure *measure;
    bool binary;
    double loss;
    size_t count;
};

static void judge_query(void *context, struct nba_query query, const float *scores,
                        const uint8_t *is_candidate, double rank)
{
    struct judging *judging = context;
    const struct nba_dataset *d = judging->measure->dataset;
    const uint32_t target = nba_query_target(d, query);
    judging->measure->ranks[judging->count++] = rank;
    judging->loss += judging->binary
                         ? binary_loss(scores, is_candidate, d->content_count, query, target)
                         : softmax_loss(scores, d->content_count, target);
}

static enum nba_status run(struct measure *m, const struct nba_ranker *ranker, bool validation,
                           bool binary, struct nba_measured *ret_measured)
{
    const struct nba_ranking ranking = {m->dataset, m->protocol, SAMPLED_NEGATIVES};
    const size_t which = validation ? 1 : 0;
    struct judging judging = {.measure = m, .binary = binary};
    const struct nba_ranking_visitor visitor = {judge_query, &judging};
    const enum nba_status status =
        nba_ranking_visit(&ranking, ranker, m->queries[which], m->counts[which], &visitor);
    if (status == NBA_OK) {
        const double count = judging.count > 0 ? (double)judging.count : 1.0;
        *ret_measured = (struct nba_measured){
            .loss = judging.loss / count,
            .metric = nba_metric_mean(NBA_METRIC_NDCG, K_OF_CHOICE, m->ranks, judging.count),
        };
    }
    return status;
}

enum nba_status nba_measure_softmax(struct measure *measure, const struct nba_ranker *ranker,
                                    bool validation, struct nba_measured *ret_measured)
{
    return run(measure, ranker, validation, false, ret_measured);
}

enum nba_status nba_measure_binary(struct measure *measure, const struct nba_ranker *ranker,
                                   bool validation, struct nba_measured *ret_measured)
{
    return run(measure, ranker, validation, true, ret_measured);
}
