/* Fusion weights follow what helps, calibration means what it says, answers are found. */
#include "sequences.h"

#include <math.h>

#include "nba/base/random.h"
#include "nba/train/blend.h"
#include "nba/train/content_rate.h"
#include "nba/train/popularity.h"

enum { USERS = 300, CONTENTS = 40, LENGTH = 6 };

/* Sequences without a pattern, refusals between, and one channel that is refused less. */
static bool random_touches(uint32_t user, uint32_t index, struct made_touch *ret_touch)
{
    struct nba_rng rng = nba_rng(user * 100 + index);
    const bool web = nba_rng_next(&rng) % 2 == 0;
    const bool engaged = index % 4 == 0 || nba_rng_double(&rng) < (web ? 0.7 : 0.3);
    *ret_touch = (struct made_touch){
        (uint32_t)nba_rng_below(&rng, CONTENTS), engaged ? NBA_TOUCH_ENGAGED : NBA_TOUCH_REFUSED,
        web ? NBA_CHANNEL_WEB : NBA_CHANNEL_EMAIL, 1000000 + 1000 * (int64_t)index + user % 900};
    return index < 4 * LENGTH;
}

/* A member that knows the answer with noise, or knows nothing. */
struct oracle {
    const struct nba_dataset *dataset;
    double signal;
    uint64_t salt; /* members err differently */
};

static void oracle_row(const struct oracle *o, struct nba_query query, float *scores)
{
    struct nba_rng rng = nba_rng(((uint64_t)query.user << 20) + query.position + (o->salt << 50));
    uint32_t length = 0;
    (void)nba_dataset_sequence(o->dataset, query.user, &length);
    for (uint32_t c = 0; c < CONTENTS; c++) {
        scores[c] = (float)nba_rng_normal(&rng);
    }
    if (query.position < length) {
        scores[nba_query_target(o->dataset, query)] += (float)o->signal;
    }
}

static void oracle_score(void *context, const struct nba_query *queries, size_t count,
                         float *ret_scores)
{
    for (size_t i = 0; i < count; i++) {
        oracle_row(context, queries[i], ret_scores + i * CONTENTS);
    }
}

static void oracle_score_some(void *context, struct nba_query query, const uint32_t *contents,
                              size_t count, float *ret_scores)
{
    float row[CONTENTS];
    oracle_row(context, query, row);
    for (size_t i = 0; i < count; i++) {
        ret_scores[i] = row[contents[i]];
    }
}

struct fixture {
    struct nba_dataset *dataset;
    struct nba_split split;
    struct nba_popularity popularity;
    struct nba_members members;
    struct oracle lstm, ncf;
};

static void fixture_open(struct fixture *f, double lstm, double ncf)
{
    f->dataset = make_dataset(USERS, CONTENTS, true, random_touches);
    f->lstm = (struct oracle){f->dataset, lstm, 1};
    f->ncf = (struct oracle){f->dataset, ncf, 2};
    f->split = nba_split_by_time(f->dataset, &f->dataset->pool, 0.6, 0.2);
    f->popularity = nba_popularity(f->dataset, &f->split, &f->dataset->pool);
    f->members = nba_members(f->dataset, &f->dataset->pool);
    f->members.rankers[NBA_MEMBER_LSTM] = (struct nba_ranker){"lstm", &f->lstm, oracle_score, NULL};
    f->members.rankers[NBA_MEMBER_NCF] =
        (struct nba_ranker){"ncf", &f->ncf, oracle_score, oracle_score_some};
    f->members.rankers[NBA_MEMBER_POPULARITY] = nba_popularity_ranker(&f->popularity);
    float *rates =
        nba_pool_floats(&f->dataset->pool, (1 + (size_t)f->dataset->specialty_count) * CONTENTS);
    nba_content_rates(f->dataset, &f->split, f->split.validation_from_ms, rates);
    f->members.content_rate = rates;
    nba_blend_fit(&f->members, &f->split);
}

static void fixture_close(struct fixture *f)
{
    nba_dataset_destroy(f->dataset);
}

static double test_ndcg(const struct fixture *f, const struct nba_ranker *ranker)
{
    const struct nba_ranking ranking = {f->dataset, NBA_PROTOCOL_EXISTING, 0};
    double *ranks = calloc(f->split.test_count, sizeof(*ranks));
    nba_ranking_run(&ranking, ranker, f->split.test, f->split.test_count, ranks);
    const double value = nba_metric_mean(NBA_METRIC_NDCG, 10, ranks, f->split.test_count);
    free(ranks);
    return value;
}

static void test_fusion_is_better_than_each_member_when_both_know_something(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, 2.0, 2.0);
    const struct nba_ranker fusion = nba_members_fusion_ranker(&f.members);
    const double fused = test_ndcg(&f, &fusion);
    assert_true(fused > 0.02 + test_ndcg(&f, &f.members.rankers[NBA_MEMBER_LSTM]));
    assert_true(fused > 0.02 + test_ndcg(&f, &f.members.rankers[NBA_MEMBER_NCF]));
    assert_true(f.members.blend.fusion[NBA_FUSION_FULL].weights[NBA_MEMBER_NCF] > 0.0);
    fixture_close(&f);
}

static void test_a_member_that_knows_nothing_gets_little_or_no_weight(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, 3.0, 0.0);
    const struct nba_fusion *full = &f.members.blend.fusion[NBA_FUSION_FULL];
    assert_true(full->weights[NBA_MEMBER_NCF] <= 0.2 * full->weights[NBA_MEMBER_LSTM]);
    fixture_close(&f);
    fixture_open(&f, 0.0, 3.0);
    const struct nba_fusion *cheap = &f.members.blend.fusion[NBA_FUSION_CHEAP];
    full = &f.members.blend.fusion[NBA_FUSION_FULL];
    assert_true(cheap->weights[NBA_MEMBER_NCF] == 0.0);
    assert_true(full->weights[NBA_MEMBER_NCF] > full->weights[NBA_MEMBER_LSTM]);
    fixture_close(&f);
}

static double validation_ndcg(const struct fixture *f, const struct nba_ranker *ranker)
{
    const struct nba_ranking ranking = {f->dataset, NBA_PROTOCOL_EXISTING, 0};
    double *ranks = calloc(f->split.validation_count, sizeof(*ranks));
    struct nba_query *warm = calloc(f->split.validation_count, sizeof(*warm));
    size_t count = 0;
    for (size_t i = 0; i < f->split.validation_count; i++) {
        if (f->split.validation[i].position > 0) {
            warm[count++] = f->split.validation[i];
        }
    }
    nba_ranking_run(&ranking, ranker, warm, count, ranks);
    const double value = nba_metric_mean(NBA_METRIC_NDCG, 10, ranks, count);
    free(ranks);
    free(warm);
    return value;
}

/* EASE and rules know something, kNN nothing; which is the best member alone changes. */
static void test_any_members_are_blended_and_never_worse_than_the_best_alone(void **state)
{
    static const double signals[][2] = {{2.5, 1.5}, {0.5, 3.0}, {4.0, 0.0}};
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(signals); i++) {
        struct fixture f;
        fixture_open(&f, 0.5, 0.0);
        struct oracle more[] = {
            {f.dataset, signals[i][0], 3}, {f.dataset, 0.0, 4}, {f.dataset, signals[i][1], 5}};
        for (size_t m = 0; m < NBA_ARRAY_COUNT(more); m++) {
            f.members.rankers[NBA_MEMBER_EASE + m] =
                (struct nba_ranker){"oracle", &more[m], oracle_score, NULL};
        }
        f.members.rankers[NBA_MEMBER_NCF] = (struct nba_ranker){0};
        nba_blend_fit(&f.members, &f.split);
        const double *weights = f.members.blend.fusion[NBA_FUSION_CHEAP].weights;
        const struct nba_ranker fusion = nba_members_fusion_ranker(&f.members);
        const double fused = validation_ndcg(&f, &fusion);
        for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
            if (f.members.rankers[m].score != NULL) {
                assert_true(fused + 1e-9 >= validation_ndcg(&f, &f.members.rankers[m]));
            }
        }
        const size_t best = signals[i][0] > signals[i][1] ? NBA_MEMBER_EASE : NBA_MEMBER_RULES;
        for (size_t m = 0; m < NBA_MEMBER_COUNT; m++) {
            assert_true(weights[m] <= weights[best]);
        }
        assert_true(weights[NBA_MEMBER_KNN] <= 0.2 * weights[best]);
        fixture_close(&f);
    }
}

static void test_probabilities_match_how_often_touches_are_engaged_with(void **state)
{
    struct fixture f;
    struct nba_touch_sample *samples = NULL;
    size_t count = 0;
    (void)state;
    fixture_open(&f, 1.0, 1.0);
    samples = nba_touch_samples(f.dataset, &f.split, NBA_TOUCHES_TEST, 100000, &count);
    struct nba_labelled *labelled = calloc(count, sizeof(*labelled));
    nba_blend_probabilities(&f.members, samples, count, labelled);
    double said[2] = {0};
    double was[2] = {0};
    double n[2] = {0};
    for (size_t i = 0; i < count; i++) {
        const size_t web = samples[i].channel == NBA_CHANNEL_WEB ? 1 : 0;
        said[web] += labelled[i].score;
        was[web] += labelled[i].label ? 1.0 : 0.0;
        n[web] += 1.0;
    }
    for (size_t i = 0; i < 2; i++) {
        assert_true(n[i] > 200.0);
        assert_true(fabs(said[i] / n[i] - was[i] / n[i]) < 0.06);
    }
    assert_true(said[1] / n[1] > said[0] / n[0] + 0.15);
    assert_true(f.members.blend.fusion[NBA_FUSION_CHEAP].a > 0.0);
    assert_true(f.members.blend.calibrator.weights[NBA_ENGAGEMENT_CHANNEL_RATE] >= 0.0);
    free(labelled);
    free(samples);
    fixture_close(&f);
}

/* Sent and answered, sent and not, sent too late to know. */
static bool sendings(uint32_t user, uint32_t index, struct made_touch *ret_touch)
{
    static const struct made_touch touches[] = {
        {1, NBA_TOUCH_ENGAGED, NBA_CHANNEL_WEB, 1},
        {2, NBA_TOUCH_SENT, NBA_CHANNEL_EMAIL, 10},
        {2, NBA_TOUCH_ENGAGED, NBA_CHANNEL_EMAIL, 20},
        {3, NBA_TOUCH_SENT, NBA_CHANNEL_EMAIL, 30},
        {4, NBA_TOUCH_SENT, NBA_CHANNEL_EMAIL, 2 * NBA_ANSWER_MS},
    };
    if (user > 0 || index >= NBA_ARRAY_COUNT(touches)) {
        return false;
    }
    *ret_touch = touches[index];
    return true;
}

static void test_a_sending_counts_once_as_what_became_of_it(void **state)
{
    struct nba_dataset *d = make_dataset(1, 5, false, sendings);
    const struct nba_split split = {
        .by_time = true, .validation_from_ms = 5, .test_from_ms = INT64_MAX};
    struct nba_touch_sample *samples = NULL;
    size_t count = 0;
    (void)state;
    samples = nba_touch_samples(d, &split, NBA_TOUCHES_VALIDATION, 100, &count);
    assert_int_equal(count, 2);
    assert_int_equal(samples[0].content, 2);
    assert_true(samples[0].engaged);
    assert_int_equal(samples[0].query.position, 1);
    assert_true(fabs(samples[0].rate - 2.0 / 9.0) < 1e-9); /* one sent, none engaged yet */
    assert_int_equal(samples[1].content, 3);
    assert_false(samples[1].engaged);
    assert_int_equal(samples[1].query.position, 2);
    free(samples);
    nba_dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fusion_is_better_than_each_member_when_both_know_something),
        cmocka_unit_test(test_a_member_that_knows_nothing_gets_little_or_no_weight),
        cmocka_unit_test(test_any_members_are_blended_and_never_worse_than_the_best_alone),
        cmocka_unit_test(test_probabilities_match_how_often_touches_are_engaged_with),
        cmocka_unit_test(test_a_sending_counts_once_as_what_became_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
