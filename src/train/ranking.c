#include "nba/train/ranking.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/memory.h"
#include "nba/base/random.h"

/* The protocol's own seed: the same negatives in any language. */
#define PROTOCOL_SEED UINT64_C(42)

const char *nba_protocol_name(enum nba_protocol protocol)
{
    static const char *const names[] = {"full", "sampled", "fixed", "prequential"};
    return names[protocol];
}

uint32_t nba_query_target(const struct nba_dataset *dataset, struct nba_query query)
{
    uint32_t length = 0;
    const uint32_t *sequence = nba_dataset_sequence(dataset, query.user, &length);
    if (query.position == length) {
        NBA_ASSERT(dataset->fixed_test != NULL);
        return dataset->fixed_test[query.user];
    }
    NBA_ASSERT(query.position < length);
    return sequence[query.position];
}

static void sample_candidates(const struct nba_ranking *ranking, uint32_t user, uint8_t *mark)
{
    const struct nba_dataset *d = ranking->dataset;
    const uint32_t count = d->content_count;
    uint32_t length = 0;
    const uint32_t *sequence = nba_dataset_sequence(d, user, &length);
    struct nba_rng rng = nba_rng(PROTOCOL_SEED * 1000003u + user);
    uint32_t untouched = count;
    /* 2: touched, 1: drawn */
    memset(mark, 0, count);
    for (uint32_t i = 0; i < length; i++) {
        untouched -= mark[sequence[i]] == 0 ? 1 : 0;
        mark[sequence[i]] = 2;
    }
    uint32_t left = ranking->negatives < untouched ? ranking->negatives : untouched;
    while (left > 0) {
        const uint32_t content = (uint32_t)nba_rng_below(&rng, count);
        if (mark[content] == 0) {
            mark[content] = 1;
            left--;
        }
    }
    for (uint32_t c = 0; c < count; c++) {
        mark[c] = mark[c] == 1 ? 1 : 0;
    }
}

void nba_ranking_candidates(const struct nba_ranking *ranking, struct nba_query query,
                            uint8_t *ret_is_candidate)
{
    const struct nba_dataset *d = ranking->dataset;
    uint32_t length = 0;
    const uint32_t *sequence = nba_dataset_sequence(d, query.user, &length);
    if (ranking->protocol == NBA_PROTOCOL_SAMPLED) {
        sample_candidates(ranking, query.user, ret_is_candidate);
    } else if (ranking->protocol == NBA_PROTOCOL_FIXED) {
        memset(ret_is_candidate, 0, d->content_count);
        const uint32_t *fixed = d->fixed_negatives + (size_t)query.user * d->fixed_negative_count;
        for (uint32_t i = 0; i < d->fixed_negative_count; i++) {
            ret_is_candidate[fixed[i]] = 1;
        }
    } else if (ranking->protocol == NBA_PROTOCOL_EXISTING) {
        const int64_t now_ms = d->sequence_time[d->sequence_offset[query.user] + query.position];
        for (uint32_t c = 0; c < d->content_count; c++) {
            ret_is_candidate[c] = d->content_first_ms[c] <= now_ms ? 1 : 0;
        }
    } else {
        memset(ret_is_candidate, 1, d->content_count);
        for (uint32_t i = 0; i < query.position; i++) {
            ret_is_candidate[sequence[i]] = 0;
        }
    }
    ret_is_candidate[nba_query_target(d, query)] = 0;
}

double nba_ranking_rank(const float *scores, const uint8_t *is_candidate, size_t count,
                        uint32_t target)
{
    const float own = scores[target];
    uint32_t better = 0;
    uint32_t equal = 0;
    uint32_t candidates = 0;
    for (size_t c = 0; c < count; c++) {
        candidates += is_candidate[c];
        better += (scores[c] > own ? 1u : 0u) & is_candidate[c];
        equal += (scores[c] == own ? 1u : 0u) & is_candidate[c];
    }
    return isfinite(own) ? (double)better + 0.5 * (double)equal : (double)candidates;
}

/* Only the candidates and the target, into their places of the row. */
static void score_candidates(const struct nba_ranks *ranks, float *row)
{
    uint32_t contents[NBA_RANKING_SOME_MAX] = {0};
    float some[NBA_RANKING_SOME_MAX];
    size_t count = 0;
    for (uint32_t c = 0; c < ranks->ranking.dataset->content_count; c++) {
        if (ranks->is_candidate[c] != 0 || c == ranks->target) {
            NBA_ASSERT(count < NBA_RANKING_SOME_MAX);
            contents[count++] = c;
        }
    }
    ranks->ranker->score_some(ranks->ranker->context, ranks->query, contents, count, some);
    for (size_t i = 0; i < count; i++) {
        row[contents[i]] = some[i];
    }
}

struct nba_ranks nba_ranks(const struct nba_ranking *ranking, const struct nba_ranker *ranker,
                           const struct nba_query *queries, size_t count)
{
    const size_t N = ranking->dataset->content_count;
    return (struct nba_ranks){
        .ranking = *ranking,
        .ranker = ranker,
        .queries = queries,
        .count = count,
        .batch = nba_zeros(NBA_RANKING_BATCH * N, sizeof(float)),
        .is_candidate = nba_zeros(N, 1),
    };
}

bool nba_ranks_next(struct nba_ranks *ranks)
{
    const struct nba_ranker *ranker = ranks->ranker;
    const size_t N = ranks->ranking.dataset->content_count;
    const size_t in_batch = ranks->at % NBA_RANKING_BATCH;
    const size_t left = ranks->count - ranks->at;
    const bool few = ranks->ranking.protocol == NBA_PROTOCOL_SAMPLED ||
                     ranks->ranking.protocol == NBA_PROTOCOL_FIXED;
    const bool some = few && ranker->score_some != NULL;
    if (left == 0) {
        free(ranks->batch);
        free(ranks->is_candidate);
        return false;
    }
    float *row = ranks->batch + in_batch * N;
    ranks->query = ranks->queries[ranks->at];
    ranks->target = nba_query_target(ranks->ranking.dataset, ranks->query);
    ranks->scores = row;
    nba_ranking_candidates(&ranks->ranking, ranks->query, ranks->is_candidate);
    if (some) {
        score_candidates(ranks, row);
    } else if (in_batch == 0) {
        ranker->score(ranker->context, ranks->queries + ranks->at,
                      left < NBA_RANKING_BATCH ? left : NBA_RANKING_BATCH, ranks->batch);
    }
    ranks->candidates = 0;
    for (size_t c = 0; c < N; c++) {
        ranks->candidates += ranks->is_candidate[c];
    }
    ranks->rank = nba_ranking_rank(row, ranks->is_candidate, N, ranks->target);
    ranks->at++;
    return true;
}

void nba_ranking_run(const struct nba_ranking *ranking, const struct nba_ranker *ranker,
                     const struct nba_query *queries, size_t count, double *ret_ranks)
{
    struct nba_ranks ranks = nba_ranks(ranking, ranker, queries, count);
    while (nba_ranks_next(&ranks)) {
        *ret_ranks++ = ranks.rank;
    }
}
