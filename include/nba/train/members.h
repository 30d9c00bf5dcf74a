/*
 * The members of a fusion side by side, and the fusion itself as one more ranker: what the scorer
 * of nba/score does on events, on arrays and whole data sets.
 *
 * A content that a member doesn't know scores -infinity there; it is not standardised and counts 0.
 * The NCF set is the NBA_SCORE_NCF_CANDIDATES best by the cheap fusion, ties to the lower index.
 * Where a protocol leaves the history out (`without_history`), it can't be in the NCF set either.
 *
 * OWNERSHIP.  Borrows rankers and data set; the scratch lies in `pool`.  THREADS.  One.
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
};

struct nba_members {
    const struct nba_dataset *dataset;
    struct nba_ranker
        rankers[NBA_MEMBER_COUNT]; /* score NULL: absent; popularity is always there */
    struct nba_blend blend;
    const float *content_rate; /* (1 + specialties, N), of the data set's segments */
    bool without_history;
    float *rows[NBA_MEMBER_COUNT]; /* (NBA_RANKING_BATCH, N); NCF's NULL: it has a set */
    float *scratch;                /* (N) */
    double *cheap;                 /* (N) */
};

/* Without rankers and blend. */
struct nba_members nba_members(const struct nba_dataset *dataset, struct nba_arena *pool);

/* Standardised scores of all members but NCF for up to NBA_RANKING_BATCH queries, into `rows`: 0 of
 * who is absent, and for a cold user of all but popularity. */
void nba_members_standardise(struct nba_members *members, const struct nba_query *queries,
                             size_t count);
/* The contents that NCF is asked about, best by the cheap fusion first, and what all members say of
 * them, standardised. */
struct nba_ncf_set {
    uint32_t count; /* 0 without NCF, and for a cold user */
    uint32_t contents[NBA_TOP_MAX];
    double z[NBA_TOP_MAX][NBA_MEMBER_COUNT];
};
/* `z` are the query's rows, standardised; NCF's isn't looked at. */
void nba_members_ncf_set(struct nba_members *members, struct nba_query query,
                         const float *const z[NBA_MEMBER_COUNT], struct nba_ncf_set *ret_set);
/* Row i of each of `rows`. */
void nba_members_row(const struct nba_members *members, size_t i,
                     const float *ret_z[NBA_MEMBER_COUNT]);
/* The place of `content` in the set; its count when it isn't there. */
uint32_t nba_ncf_set_find(const struct nba_ncf_set *set, uint32_t content);
/* The cheap fusion as it applies to this query: a cold user's is popularity's. */
struct nba_fusion nba_members_cheap(const struct nba_members *members, struct nba_query query);

struct nba_ranker nba_members_fusion_ranker(struct nba_members *members);

#endif
