/*
 * Ranks of targets under one protocol; the same for every model (learning.md section 3).
 *
 *   FULL      all contents less the history (the contents of the positions before the query)
 *   SAMPLED   `negatives` contents the user never touched, drawn with splitmix64 from state
 *             42 * 1000003 + user, r = next modulo contents, touched and repeated ones rejected
 *   FIXED     the data set's own negatives, less the target where it is among them
 *   EXISTING  all contents that had been touched by the query's time; nothing is left out
 *
 * The rank of a target counts candidates that score strictly better and half of the equal ones
 * (itself not); a score that is NaN puts the target last.
 *
 * A RANKER is one model: queries in, a row of scores over all contents each out.  One that is slow
 * over all contents may also score a few, which SAMPLED and FIXED then ask for.
 */
#ifndef NBA_TRAIN_RANKING_H
#define NBA_TRAIN_RANKING_H

#include "nba/train/split.h"

/* Queries scored side by side. */
#define NBA_RANKING_BATCH 64u
/* Candidates of SAMPLED and FIXED, the target among them. */
#define NBA_RANKING_SOME_MAX 1024u

enum nba_protocol {
    NBA_PROTOCOL_FULL,
    NBA_PROTOCOL_SAMPLED,
    NBA_PROTOCOL_FIXED,
    NBA_PROTOCOL_EXISTING,
};
const char *nba_protocol_name(enum nba_protocol protocol);

/* `ret_scores` (count, content_count); count <= NBA_RANKING_BATCH. */
struct nba_ranker {
    const char *name;
    void *context;
    void (*score)(void *context, const struct nba_query *queries, size_t count, float *ret_scores);
    /* NULL, or ret_scores (count) of `contents`. */
    void (*score_some)(void *context, struct nba_query query, const uint32_t *contents,
                       size_t count, float *ret_scores);
};

/* The content a query asks for. */
uint32_t nba_query_target(const struct nba_dataset *dataset, struct nba_query query);

struct nba_ranking {
    const struct nba_dataset *dataset;
    enum nba_protocol protocol;
    uint32_t negatives; /* SAMPLED: 100 */
};

/* Which contents a query's target is compared with, the target out; (content_count) flags. */
void nba_ranking_candidates(const struct nba_ranking *ranking, struct nba_query query,
                            uint8_t *ret_is_candidate);
double nba_ranking_rank(const float *scores, const uint8_t *is_candidate, size_t count,
                        uint32_t target);

/*
 * Ranks one query after the other:
 *
 *   struct nba_ranks ranks = nba_ranks(&ranking, &ranker, queries, count);
 *   while (nba_ranks_next(&ranks)) {
 *       ranks.query, ranks.rank ...
 *   }
 *
 * The loop is run to its end, where _next frees what was taken.
 */
struct nba_ranks {
    struct nba_query query;
    uint32_t target;
    const float *scores;   /* (content_count) garbage where neither candidate nor target */
    uint8_t *is_candidate; /* (content_count) */
    uint32_t candidates;
    double rank;
    /* Of the loop: */
    struct nba_ranking ranking;
    const struct nba_ranker *ranker;
    const struct nba_query *queries;
    size_t count, at; /* the next query */
    float *batch;     /* (NBA_RANKING_BATCH, content_count) */
};
struct nba_ranks nba_ranks(const struct nba_ranking *ranking, const struct nba_ranker *ranker,
                           const struct nba_query *queries, size_t count);
bool nba_ranks_next(struct nba_ranks *ranks);

/* ret_ranks (count). */
void nba_ranking_run(const struct nba_ranking *ranking, const struct nba_ranker *ranker,
                     const struct nba_query *queries, size_t count, double *ret_ranks);

#endif
