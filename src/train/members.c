#include "nba/train/members.h"

#include <math.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/score/fusion.h"
#include "nba/score/scorer.h"

struct nba_members nba_members(const struct nba_dataset *dataset, struct nba_arena *pool)
{
    const size_t N = dataset->content_count;
    struct nba_members members = {.dataset = dataset,
                                  .scratch = nba_pool_floats(pool, N),
                                  .cheap = nba_pool_take(pool, N, sizeof(double))};
    for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
        members.rows[m] = m != NBA_MEMBER_NCF ? nba_pool_floats(pool, NBA_RANKING_BATCH * N) : NULL;
    }
    return members;
}

/* In place; what isn't finite becomes 0.  `scratch` (count). */
static void standardise_known(float *x, size_t count, float *scratch)
{
    size_t known = 0;
    for (size_t k = 0; k < count; k++) {
        if (isfinite(x[k])) {
            scratch[known++] = x[k];
        }
    }
    nba_standardise(scratch, known, scratch);
    size_t taken = 0;
    for (size_t k = 0; k < count; k++) {
        const bool here = isfinite(x[k]);
        NBA_ASSERT(!here || taken < known);
        x[k] = here ? scratch[taken++] : 0.0f;
    }
}

void nba_members_standardise(struct nba_members *members, const struct nba_query *queries,
                             size_t count)
{
    const size_t N = members->dataset->content_count;
    for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
        const struct nba_ranker *ranker = &members->rankers[m];
        float *rows = members->rows[m];
        if (m == NBA_MEMBER_NCF) {
            continue;
        }
        if (ranker->score == NULL) {
            memset(rows, 0, count * N * sizeof(float));
            continue;
        }
        ranker->score(ranker->context, queries, count, rows);
        for (size_t i = 0; i < count; i++) {
            if (m != NBA_MEMBER_POPULARITY && queries[i].position == 0) {
                memset(rows + i * N, 0, N * sizeof(float));
            } else {
                standardise_known(rows + i * N, N, members->scratch);
            }
        }
    }
}

void nba_members_row(const struct nba_members *members, size_t i,
                     const float *ret_z[NBA_MEMBER_COUNT])
{
    for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
        const float *rows = members->rows[m];
        ret_z[m] = rows != NULL ? rows + i * members->dataset->content_count : NULL;
    }
}

struct nba_fusion nba_members_cheap(const struct nba_members *members, struct nba_query query)
{
    const struct nba_fusion *cheap = &members->blend.fusion[NBA_FUSION_CHEAP];
    return query.position == 0 ? nba_fusion_cold(cheap) : *cheap;
}

/* The history's contents are taken out of members->cheap. */
static void drop_history(struct nba_members *members, struct nba_query query)
{
    uint32_t length = 0;
    const uint32_t *sequence = nba_dataset_sequence(members->dataset, query.user, &length);
    for (uint32_t i = 0; i < query.position; i++) {
        members->cheap[sequence[i]] = -HUGE_VAL;
    }
}

void nba_members_ncf_set(struct nba_members *members, struct nba_query query,
                         const float *const z[NBA_MEMBER_COUNT], struct nba_ncf_set *ret_set)
{
    const struct nba_fusion cheap = nba_members_cheap(members, query);
    const size_t N = members->dataset->content_count;
    const struct nba_ranker *ncf = &members->rankers[NBA_MEMBER_NCF];
    float scores[NBA_TOP_MAX];
    float scratch[NBA_TOP_MAX];
    ret_set->count = 0;
    if (ncf->score_some == NULL || query.position == 0) {
        return;
    }
    nba_fuse_cheap(&cheap, z, N, members->cheap);
    if (members->without_history) {
        drop_history(members, query);
    }
    ret_set->count =
        (uint32_t)nba_top_k_double(members->cheap, N, NBA_SCORE_NCF_CANDIDATES, ret_set->contents);
    ncf->score_some(ncf->context, query, ret_set->contents, ret_set->count, scores);
    standardise_known(scores, ret_set->count, scratch);
    for (uint32_t j = 0; j < ret_set->count; j++) {
        for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
            ret_set->z[j][m] =
                m == NBA_MEMBER_NCF ? (double)scores[j] : (double)z[m][ret_set->contents[j]];
        }
    }
}

uint32_t nba_ncf_set_find(const struct nba_ncf_set *set, uint32_t content)
{
    uint32_t place = 0;
    while (place < set->count && set->contents[place] != content) {
        place++;
    }
    return place;
}

static void fuse_row(struct nba_members *members, struct nba_query query, size_t i,
                     float *ret_scores)
{
    const size_t N = members->dataset->content_count;
    const struct nba_fusion cheap = nba_members_cheap(members, query);
    const float *z[NBA_MEMBER_COUNT];
    struct nba_ncf_set set;
    nba_members_row(members, i, z);
    nba_members_ncf_set(members, query, z, &set);
    nba_fuse_cheap(&cheap, z, N, members->cheap);
    for (size_t k = 0; k < N; k++) {
        ret_scores[k] = (float)members->cheap[k];
    }
    for (uint32_t j = 0; j < set.count; j++) {
        ret_scores[set.contents[j]] =
            (float)nba_fuse(&members->blend.fusion[NBA_FUSION_FULL], set.z[j]).score;
    }
}

static void fusion_score(void *context, const struct nba_query *queries, size_t count,
                         float *ret_scores)
{
    struct nba_members *members = context;
    NBA_ASSERT(count <= NBA_RANKING_BATCH);
    nba_members_standardise(members, queries, count);
    for (size_t i = 0; i < count; i++) {
        fuse_row(members, queries[i], i, ret_scores + i * members->dataset->content_count);
    }
}

struct nba_ranker nba_members_fusion_ranker(struct nba_members *members)
{
    return (struct nba_ranker){.name = "fusion", .context = members, .score = fusion_score};
}
