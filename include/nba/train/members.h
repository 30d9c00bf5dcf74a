/*
 * The members of a fusion side by side, and the fusion itself as one more ranker: what the scorer
 * of nba/score does on events, on arrays and whole data sets.
 *
 * A content that a member doesn't know scores -infinity there; it is not standardised and counts 0.
 * The NCF set is the `ncf_candidates` best by the cheap fusion, ties to the lower index.
 * Where a protocol leaves the history out (`without_history`), it can't be in the NCF set either.
 *
 * OWNERSHIP.  Borrows rankers and data set; nba_members_clear frees the scratch.  THREADS.  One.
 */
#ifndef NBA_TRAIN_MEMBERS_H
#define NBA_TRAIN_MEMBERS_H

#include "nba/linalg/reduce.h"
#include "nba/release/release.h"
#include "nba/train/pool.h"
#include "nba/train/ranking.h"

struct nba_blend {
    struct nba_fusion fusion[NBA_FUSION_COUNT];
    struct nba_calibrator calibrator;
    uint32_t ncf_candidates;
};

struct nba_members {
    const struct nba_dataset *dataset;
    struct nba_ranker
        rankers[NBA_MEMBER_COUNT]; /* score NULL: absent; popularity is always there */
    struct nba_blend blend;
    bool without_history;
    float *rows[NBA_MEMBER_COUNT]; /* (NBA_RANKING_BATCH, N) */
    float *cheap;                  /* (N) */
    struct nba_arena pool;
};

/* Without rankers and blend. */
struct nba_members nba_members(const struct nba_dataset *dataset);
void nba_members_clear(struct nba_members *members);

/* Standardised scores of LSTM and popularity for up to NBA_RANKING_BATCH queries, into `rows`. */
void nba_members_standardise(struct nba_members *members, const struct nba_query *queries,
                             size_t count);
/* After _standardise: the NCF set of row `i` by `cheap` and its standardised NCF scores; returns
 * its size, 0 without NCF. */
uint32_t nba_members_ncf_set(struct nba_members *members, struct nba_query query, size_t i,
                             const struct nba_fusion *cheap, uint32_t ret_contents[NBA_TOP_MAX],
                             float ret_z[NBA_TOP_MAX]);
/* The cheap fusion as it applies to this query: a cold user's is popularity's. */
struct nba_fusion nba_members_cheap(const struct nba_members *members, struct nba_query query);

struct nba_ranker nba_members_fusion_ranker(struct nba_members *members);

#endif
