/*
 * Every validation query is reduced once to what the search looks at: for the cheap weights each
 * member's row and which contents its target is compared with, for the full ones the NCF set, so
 * that trying weights costs no model.  One member's weight is tried at a time: what the others make
 * together is summed up once for all values of it.
 */
#include "nba/train/blend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/memory.h"
#include "nba/base/vector.h"
#include "nba/linalg/elementary.h"
#include "nba/score/fusion.h"
#include "nba/train/logistic.h"

#define K_OF_CHOICE 10u
/* Smallest slope of a score: the ranking must keep its direction. */
#define SLOPE_LEAST 0.05
/* Validation queries that weights are chosen by. */
#define QUERIES_MAX 2000u
/* Scores of a member kept at a time. */
#define SCORES_MAX ((size_t)8 << 20)
/* What all members that are let go may cost together: each is work for every event. */
#define LET_GO_COST 5e-4
/* Below this many touches a slope of its own is a guess. */
#define TOUCHES_LEAST 100u

/* What a weight must gain to be changed. */
#define GAIN_LEAST 1e-5
/* Times that all weights are gone through, at most. */
#define ROUNDS_MAX 4u

static const double grid[] = {0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0};

/* ---- weights ---- */

struct fit {
    struct nba_members *members;
    struct nba_query *queries; /* warm ones */
    size_t count;
    struct nba_ranking ranking;
    float *z[NBA_MEMBER_COUNT]; /* (count, N); NULL: absent, and NCF */
    uint8_t *is_candidate;      /* (count, N) */
    float *others;              /* (count, N) the other members' mix */
    struct nba_ncf_set *sets;   /* (count) by the cheap weights */
    const float *zeros;         /* (N) of who is absent */
    double *ranks;              /* (count) */
    struct nba_arena pool;
};

static void fit_init(struct fit *f, struct nba_members *members, const struct nba_split *split)
{
    const size_t N = members->dataset->content_count;
    const size_t most = SCORES_MAX / N < QUERIES_MAX ? SCORES_MAX / N + 1 : QUERIES_MAX;
    struct nba_arena *pool = &f->pool;
    *f = (struct fit){.members = members};
    f->ranking = (struct nba_ranking){
        members->dataset, split->by_time ? NBA_PROTOCOL_EXISTING : NBA_PROTOCOL_FULL, 0};
    f->queries = nba_pool_take(pool, split->validation_count, sizeof(*f->queries));
    for (size_t i = 0; i < split->validation_count; i++) {
        if (split->validation[i].position > 0) {
            f->queries[f->count++] = split->validation[i];
        }
    }
    f->count = nba_split_thin(f->queries, f->count, most);
    for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
        if (m != NBA_MEMBER_NCF && members->rankers[m].score != NULL) {
            f->z[m] = nba_pool_floats(pool, f->count * N);
        }
    }
    f->sets = nba_pool_take(pool, f->count, sizeof(*f->sets));
    f->is_candidate = nba_pool_take(pool, f->count * N, 1);
    f->others = nba_pool_floats(pool, f->count * N);
    f->zeros = nba_pool_floats(pool, N);
    f->ranks = nba_pool_take(pool, f->count, sizeof(*f->ranks));
    for (size_t i = 0; i < f->count; i++) {
        nba_ranking_candidates(&f->ranking, f->queries[i], f->is_candidate + i * N);
    }
    for (size_t from = 0; from < f->count; from += NBA_RANKING_BATCH) {
        const size_t left = f->count - from;
        const size_t batch = left < NBA_RANKING_BATCH ? left : NBA_RANKING_BATCH;
        nba_members_standardise(members, f->queries + from, batch);
        for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
            if (f->z[m] != NULL) {
                memcpy(f->z[m] + from * N, members->rows[m], batch * N * sizeof(float));
            }
        }
    }
}

/* y += weight x */
NBA_VECTOR_BODY add_body(float weight, const float *restrict x, size_t count, float *restrict y)
{
    for (size_t i = 0; i < count; i++) {
        y[i] += weight * x[i];
    }
}
NBA_VECTOR_FORMS(add, (float weight, const float *restrict x, size_t count, float *restrict y),
                 (weight, x, count, y))

/* Twice the rank of `own` among the candidates of x + weight y. */
NBA_VECTOR_BODY rank_body(const float *restrict x, float weight, const float *restrict y,
                          const uint8_t *restrict is_candidate, size_t count, float own,
                          int32_t *restrict ret_twice)
{
    int32_t twice = 0;
    for (size_t k = 0; k < count; k++) {
        const float score = x[k] + weight * y[k];
        twice += is_candidate[k] * ((score > own) + (score >= own));
    }
    *ret_twice = twice;
}
NBA_VECTOR_FORMS(rank,
                 (const float *restrict x, float weight, const float *restrict y,
                  const uint8_t *restrict is_candidate, size_t count, float own,
                  int32_t *restrict ret_twice),
                 (x, weight, y, is_candidate, count, own, ret_twice))

/* NDCG@10 of `others` + weight z. */
static double ndcg_with(const struct fit *f, size_t member, double weight)
{
    const size_t N = f->members->dataset->content_count;
    double sum = 0.0;
    for (size_t i = 0; i < f->count; i++) {
        const uint32_t target = nba_query_target(f->members->dataset, f->queries[i]);
        const float *x = f->others + i * N;
        const float *y = f->z[member] + i * N;
        const float own = x[target] + (float)weight * y[target];
        int32_t twice = 0;
        rank(x, (float)weight, y, f->is_candidate + i * N, N, own, &twice);
        sum += nba_metric_of_rank(NBA_METRIC_NDCG, K_OF_CHOICE, 0.5 * (double)twice);
    }
    return f->count > 0 ? sum / (double)f->count : 0.0;
}

/* Into `others`: all but one member. */
static void mix_others(struct fit *f, const double *weights, size_t without)
{
    const size_t numbers = f->count * f->members->dataset->content_count;
    memset(f->others, 0, numbers * sizeof(*f->others));
    for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
        if (m != without && f->z[m] != NULL && weights[m] > 0.0) {
            add((float)weights[m], f->z[m], numbers, f->others);
        }
    }
}

static double cheap_ndcg(struct fit *f, const double *weights)
{
    mix_others(f, weights, NBA_MEMBER_POPULARITY);
    return ndcg_with(f, NBA_MEMBER_POPULARITY, weights[NBA_MEMBER_POPULARITY]);
}

/* Members that hardly help are let go, the least weight first; `best` is NDCG with all of them. */
static void let_go(struct fit *f, double *weights, double best, double single)
{
    const double least = fmax(best - LET_GO_COST, single);
    for (size_t tries = 0; tries < NBA_MEMBER_COUNT; tries++) {
        size_t smallest = NBA_MEMBER_COUNT;
        for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
            if (weights[m] > 0.0 && m != NBA_MEMBER_POPULARITY && /* which costs nothing */
                (smallest == NBA_MEMBER_COUNT || weights[m] < weights[smallest])) {
                smallest = m;
            }
        }
        if (smallest == NBA_MEMBER_COUNT) {
            return;
        }
        const double before = weights[smallest];
        weights[smallest] = 0.0;
        if (cheap_ndcg(f, weights) < least) {
            weights[smallest] = before;
            return;
        }
    }
}

/* From the best member alone, one weight after the other: never worse than that member. */
static void search_cheap(struct fit *f, struct nba_fusion *ret_cheap)
{
    double *weights = ret_cheap->weights;
    double best = -1.0;
    size_t first = NBA_MEMBER_POPULARITY;
    *ret_cheap = (struct nba_fusion){.a = 1.0};
    mix_others(f, weights, NBA_MEMBER_COUNT);
    for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
        const double ndcg = f->z[m] != NULL ? ndcg_with(f, m, 1.0) : -1.0;
        if (ndcg > best) {
            best = ndcg;
            first = m;
        }
    }
    const double single = best;
    weights[first] = 1.0;
    bool moved = f->count > 0;
    for (unsigned round = 0; moved && round < ROUNDS_MAX; round++) {
        moved = false;
        for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
            if (f->z[m] == NULL) {
                continue;
            }
            mix_others(f, weights, m);
            for (size_t g = 0; g < NBA_ARRAY_COUNT(grid); g++) {
                const double ndcg = ndcg_with(f, m, grid[g]);
                if (ndcg > best + GAIN_LEAST) {
                    best = ndcg;
                    weights[m] = grid[g];
                    moved = true;
                }
            }
        }
    }
    let_go(f, weights, best, single);
}

static double mix_of(const double *weights, const double z[NBA_MEMBER_COUNT])
{
    double sum = 0.0;
    for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
        sum += weights[m] * z[m];
    }
    return sum;
}

/* Ranks inside the NCF sets; a target outside counts nothing (it is not among the best 10). */
static double full_ndcg(const struct fit *f, const double *weights)
{
    double sum = 0.0;
    for (size_t i = 0; i < f->count; i++) {
        const struct nba_ncf_set *set = &f->sets[i];
        const uint32_t place =
            nba_ncf_set_find(set, nba_query_target(f->members->dataset, f->queries[i]));
        if (place == set->count) {
            continue;
        }
        const double own = mix_of(weights, set->z[place]);
        double rank = 0.0;
        for (uint32_t j = 0; j < set->count; j++) {
            const double other = mix_of(weights, set->z[j]);
            rank += j == place ? 0.0 : other > own ? 1.0 : other >= own ? 0.5 : 0.0;
        }
        sum += nba_metric_of_rank(NBA_METRIC_NDCG, K_OF_CHOICE, rank);
    }
    return f->count > 0 ? sum / (double)f->count : 0.0;
}

/* The best weight of one member, the others as they are. */
static void search_member(const struct fit *f, size_t member, struct nba_fusion *full, double *best)
{
    for (size_t g = 0; g < NBA_ARRAY_COUNT(grid); g++) {
        const double before = full->weights[member];
        full->weights[member] = grid[g];
        const double ndcg = full_ndcg(f, full->weights);
        if (ndcg > *best + GAIN_LEAST) {
            *best = ndcg;
        } else {
            full->weights[member] = before;
        }
    }
}

static void search_full(struct fit *f, const struct nba_fusion *cheap, struct nba_fusion *ret_full)
{
    *ret_full = *cheap;
    if (f->members->rankers[NBA_MEMBER_NCF].score_some == NULL || f->count == 0) {
        return;
    }
    const size_t N = f->members->dataset->content_count;
    for (size_t i = 0; i < f->count; i++) {
        const float *z[NBA_MEMBER_COUNT];
        for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
            z[m] = f->z[m] != NULL ? f->z[m] + i * N : f->zeros;
        }
        nba_members_ncf_set(f->members, f->queries[i], z, &f->sets[i]);
    }
    double best = full_ndcg(f, ret_full->weights);
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
            if (m == NBA_MEMBER_NCF || cheap->weights[m] > 0.0) {
                search_member(f, m, ret_full, &best);
            }
        }
    }
}

/* ---- calibration ---- */

/* What the fusions say of a touch's content: raw mixes, before a and b. */
struct touch_mix {
    double cheap, full;
    bool in_set;
};

static void mix_batch(struct nba_members *m, const struct nba_touch_sample *samples, size_t count,
                      struct touch_mix *ret_mixes)
{
    struct nba_query queries[NBA_RANKING_BATCH] = {{0, 0}};
    for (size_t i = 0; i < count; i++) {
        queries[i] = samples[i].query;
    }
    nba_members_standardise(m, queries, count);
    for (size_t i = 0; i < count; i++) {
        const struct nba_fusion cheap = nba_members_cheap(m, queries[i]);
        const float *rows[NBA_MEMBER_COUNT];
        struct nba_ncf_set set;
        double z[NBA_MEMBER_COUNT] = {0};
        nba_members_row(m, i, rows);
        for (size_t j = 0; j < NBA_MEMBER_COUNT; j++) {
            z[j] = rows[j] != NULL ? (double)rows[j][samples[i].content] : 0.0;
        }
        nba_members_ncf_set(m, queries[i], rows, &set);
        const uint32_t place = nba_ncf_set_find(&set, samples[i].content);
        ret_mixes[i] = (struct touch_mix){.cheap = mix_of(cheap.weights, z)};
        if (place < set.count) {
            ret_mixes[i].in_set = true;
            ret_mixes[i].full = mix_of(m->blend.fusion[NBA_FUSION_FULL].weights, set.z[place]);
        }
    }
}

/* The caller's to free. */
static struct touch_mix *mix_all(struct nba_members *members,
                                 const struct nba_touch_sample *samples, size_t count)
{
    struct touch_mix *mixes = nba_zeros(count, sizeof(*mixes));
    for (size_t from = 0; from < count; from += NBA_RANKING_BATCH) {
        const size_t left = count - from;
        mix_batch(members, samples + from, left < NBA_RANKING_BATCH ? left : NBA_RANKING_BATCH,
                  mixes + from);
    }
    return mixes;
}

/* Features of the first fit: cheap, 1, those of an engagement, then one a channel. */
enum { FEATURE_SLOPE, FEATURE_ONE, FEATURE_ENGAGEMENT };
#define FEATURE_CHANNELS (FEATURE_ENGAGEMENT + (size_t)NBA_ENGAGEMENT_COUNT)
#define FEATURES         (FEATURE_CHANNELS + NBA_CHANNEL_COUNT)

static double content_rate(const struct nba_members *m, const struct nba_touch_sample *sample)
{
    const size_t segment = m->dataset->segment[sample->query.user];
    return (double)m->content_rate[segment * m->dataset->content_count + sample->content];
}

/* What the score is added to. */
static double offset_of(const struct nba_members *m, const struct nba_touch_sample *sample)
{
    const struct nba_calibrator *calibrator = &m->blend.calibrator;
    return calibrator->weights[NBA_ENGAGEMENT_CONTENT_RATE] * content_rate(m, sample) +
           nba_engagement_offset(calibrator, sample->channel, sample->rate, sample->week_events);
}

/* More of these never means less: a weight below is a few touches' accident. */
static double least_of(size_t feature)
{
    return feature == FEATURE_SLOPE ? SLOPE_LEAST
           : feature == FEATURE_ENGAGEMENT + NBA_ENGAGEMENT_CHANNEL_RATE ||
                   feature == FEATURE_ENGAGEMENT + NBA_ENGAGEMENT_CONTENT_RATE
               ? 0.0
               : -HUGE_VAL;
}

static void fit_cheap(struct nba_members *members, struct nba_logistic_sample *rows,
                      const struct nba_touch_sample *samples, const struct touch_mix *mixes,
                      size_t count)
{
    struct nba_blend *blend = &members->blend;
    double ridge[FEATURES];
    double weights[FEATURES] = {0};
    bool again = false;
    for (size_t i = 0; i < count; i++) {
        double *x = rows[i].x;
        memset(&rows[i], 0, sizeof(rows[i]));
        x[FEATURE_SLOPE] = mixes[i].cheap;
        x[FEATURE_ONE] = 1.0;
        x[FEATURE_ENGAGEMENT + NBA_ENGAGEMENT_CHANNEL_RATE] = nba_logit(samples[i].rate);
        x[FEATURE_ENGAGEMENT + NBA_ENGAGEMENT_CONTENT_RATE] = content_rate(members, &samples[i]);
        x[FEATURE_ENGAGEMENT + NBA_ENGAGEMENT_WEEK_EVENTS] = samples[i].week_events / 8.0;
        x[FEATURE_CHANNELS + samples[i].channel] = 1.0;
        rows[i].y = samples[i].engaged;
    }
    for (size_t j = 0; j < FEATURES; j++) {
        ridge[j] = j < FEATURE_CHANNELS ? 1e-3 : 1.0;
    }
    nba_logistic_fit(rows, count, FEATURES, ridge, weights);
    for (size_t j = 0; j < FEATURES; j++) {
        if (weights[j] < least_of(j)) {
            ridge[j] = NBA_LOGISTIC_FIXED;
            weights[j] = least_of(j);
            again = true;
        }
    }
    if (again) {
        nba_logistic_fit(rows, count, FEATURES, ridge, weights);
    }
    struct nba_fusion *cheap = &blend->fusion[NBA_FUSION_CHEAP];
    cheap->a = fmax(weights[FEATURE_SLOPE], SLOPE_LEAST);
    cheap->b = weights[FEATURE_ONE];
    for (size_t f = 0; f < NBA_ENGAGEMENT_COUNT; f++) {
        const size_t j = FEATURE_ENGAGEMENT + f;
        blend->calibrator.weights[f] = fmax(weights[j], least_of(j));
    }
    for (size_t ch = 0; ch < NBA_CHANNEL_COUNT; ch++) {
        blend->calibrator.channel[ch] = weights[FEATURE_CHANNELS + ch];
    }
}

static void fit_full(struct nba_members *members, struct nba_logistic_sample *rows,
                     const struct nba_touch_sample *samples, const struct touch_mix *mixes,
                     size_t count)
{
    struct nba_blend *blend = &members->blend;
    const double ridge[2] = {1.0, 1e-3};
    const struct nba_fusion *cheap = &blend->fusion[NBA_FUSION_CHEAP];
    struct nba_fusion *full = &blend->fusion[NBA_FUSION_FULL];
    double weights[2] = {cheap->a, cheap->b};
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (mixes[i].in_set) {
            memset(&rows[used], 0, sizeof(rows[used]));
            rows[used].x[0] = mixes[i].full;
            rows[used].x[1] = 1.0;
            rows[used].offset = offset_of(members, &samples[i]);
            rows[used++].y = samples[i].engaged;
        }
    }
    if (used >= TOUCHES_LEAST) {
        nba_logistic_fit(rows, used, 2, ridge, weights);
    }
    full->a = fmax(weights[0], SLOPE_LEAST);
    full->b = weights[1];
}

static void calibrate(struct nba_members *members, const struct nba_split *split)
{
    struct nba_blend *blend = &members->blend;
    size_t count = 0;
    size_t engaged = 0;
    struct nba_touch_sample *samples = nba_touch_samples(
        members->dataset, split, NBA_TOUCHES_VALIDATION, NBA_BLEND_TOUCHES_MAX, &count);
    for (size_t i = 0; i < count; i++) {
        engaged += samples[i].engaged ? 1 : 0;
    }
    blend->calibrator.weights[NBA_ENGAGEMENT_CHANNEL_RATE] = 1.0;
    if (engaged >= TOUCHES_LEAST / 2 && count - engaged >= TOUCHES_LEAST / 2) {
        struct touch_mix *mixes = mix_all(members, samples, count);
        struct nba_logistic_sample *rows = nba_zeros(count, sizeof(*rows));
        fit_cheap(members, rows, samples, mixes, count);
        fit_full(members, rows, samples, mixes, count);
        free(mixes);
        free(rows);
    }
    free(samples);
}

/* ---- both ---- */

static void check_ncf(struct fit *f)
{
    struct nba_blend *blend = &f->members->blend;
    const double *cheap = blend->fusion[NBA_FUSION_CHEAP].weights;
    const struct nba_ranker fusion = nba_members_fusion_ranker(f->members);
    nba_ranking_run(&f->ranking, &fusion, f->queries, f->count, f->ranks);
    if (nba_metric_mean(NBA_METRIC_NDCG, K_OF_CHOICE, f->ranks, f->count) < cheap_ndcg(f, cheap)) {
        blend->fusion[NBA_FUSION_FULL] = blend->fusion[NBA_FUSION_CHEAP];
    }
}

void nba_blend_fit(struct nba_members *members, const struct nba_split *split)
{
    struct nba_blend *blend = &members->blend;
    struct fit f;
    NBA_ASSERT(members->rankers[NBA_MEMBER_POPULARITY].score != NULL);
    memset(blend, 0, sizeof(*blend));
    fit_init(&f, members, split);
    search_cheap(&f, &blend->fusion[NBA_FUSION_CHEAP]);
    search_full(&f, &blend->fusion[NBA_FUSION_CHEAP], &blend->fusion[NBA_FUSION_FULL]);
    calibrate(members, split);
    check_ncf(&f);
    nba_arena_clear(&f.pool);
}

void nba_blend_probabilities(struct nba_members *members, const struct nba_touch_sample *samples,
                             size_t count, struct nba_labelled *ret_labelled)
{
    const struct nba_blend *blend = &members->blend;
    const struct nba_fusion *cheap = &blend->fusion[NBA_FUSION_CHEAP];
    const struct nba_fusion *full = &blend->fusion[NBA_FUSION_FULL];
    struct touch_mix *mixes = mix_all(members, samples, count);
    for (size_t i = 0; i < count; i++) {
        const double score = mixes[i].in_set ? full->a * mixes[i].full + full->b
                                             : cheap->a * mixes[i].cheap + cheap->b;
        ret_labelled[i].label = samples[i].engaged;
        ret_labelled[i].score = nba_sigmoid(score + offset_of(members, &samples[i]));
    }
    free(mixes);
}
