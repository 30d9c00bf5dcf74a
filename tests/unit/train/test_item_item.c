/* The counting models on data small enough for a sheet of paper. */
#include "sequences.h"

#include <math.h>

#include "nba/train/cooccurrence.h"
#include "nba/train/item_item.h"

enum { N = 4 };

/* User 0: 0 1 2; user 1: 1 0 1; user 2: 3 0. */
static bool three_users(uint32_t user, uint32_t index, struct made_touch *ret_touch)
{
    static const uint32_t contents[3][3] = {{0, 1, 2}, {1, 0, 1}, {3, 0, 0}};
    static const uint32_t lengths[3] = {3, 3, 2};
    *ret_touch = (struct made_touch){contents[user][index % 3], NBA_TOUCH_ENGAGED,
                                     NBA_CHANNEL_EMAIL, 1000 + index};
    return index < lengths[user];
}

static const uint32_t all[3] = {3, 3, 2};

static struct nba_item_item fit(enum nba_item_item_kind kind, const struct nba_dataset *d,
                                struct nba_item_item_options options)
{
    struct nba_item_item model;
    struct nba_error error;
    assert_int_equal(nba_item_item_fit(kind, d, all, &options, &model, &error), NBA_OK);
    return model;
}

/* What the model says after user 0's first `position` touches. */
static void score(struct nba_item_item *model, uint32_t position, float *ret_scores)
{
    const struct nba_query query = {0, position};
    const struct nba_ranker ranker = nba_item_item_ranker(model);
    ranker.score(ranker.context, &query, 1, ret_scores);
}

static void assert_row(const float *got, const double *want)
{
    for (size_t i = 0; i < N; i++) {
        assert_true(fabs((double)got[i] - want[i]) < 1e-5);
    }
}

static void test_pairs_are_counted_once_a_user_and_only_in_training(void **state)
{
    struct nba_dataset *d = make_dataset(3, N, false, three_users);
    const uint32_t two[3] = {2, 2, 2};
    float row[N] = {-1, -1, -1, -1};
    (void)state;
    const struct nba_cooccurrence counts = nba_cooccurrence(d, all, &d->pool);
    nba_cooccurrence_row(&counts, 0, row);
    assert_row(row, (double[]){-1, 2, 1, 1});
    nba_cooccurrence_row(&counts, 1, row);
    assert_row(row, (double[]){-1, 2, 1, 0});
    assert_int_equal(nba_cooccurrence_users(&counts, 1), 2);
    const struct nba_cooccurrence fewer = nba_cooccurrence(d, two, &d->pool);
    nba_cooccurrence_row(&fewer, 0, row);
    assert_row(row, (double[]){-1, 2, 0, 1});
    assert_int_equal(nba_cooccurrence_users(&fewer, 2), 0);
    nba_dataset_destroy(d);
}

static void test_knn_is_the_cosine_of_the_nearest_faded_by_age(void **state)
{
    struct nba_dataset *d = make_dataset(3, N, false, three_users);
    const double s01 = 2 / (sqrt(6) + 1);
    const double s02 = 1 / (sqrt(3) + 1);
    const double s12 = 1 / (sqrt(2) + 1);
    float scores[N];
    (void)state;
    struct nba_item_item model =
        fit(NBA_ITEM_ITEM_KNN, d,
            (struct nba_item_item_options){
                .shrink = 1, .neighbours = 3, .decay = 0.5, .last = UINT32_MAX});
    score(&model, 2, scores); /* 0, then 1 */
    assert_row(scores, (double[]){s01, 0.5 * s01, s12 + 0.5 * s02, 0.5 * s02});
    nba_item_item_clear(&model);
    /* The nearest of 2 is 1, of 3 is 0. */
    model = fit(NBA_ITEM_ITEM_KNN, d,
                (struct nba_item_item_options){
                    .shrink = 1, .neighbours = 1, .decay = 0.5, .last = UINT32_MAX});
    score(&model, 2, scores);
    assert_row(scores, (double[]){s01, 0.5 * s01, s12, 0.5 * s02});
    nba_item_item_clear(&model);
    nba_dataset_destroy(d);
}

static void test_rules_weigh_what_follows_by_its_distance(void **state)
{
    struct nba_dataset *d = make_dataset(3, N, false, three_users);
    struct nba_item_item_options options = {.window = 2, .decay = 0.5, .last = 5};
    float scores[N];
    (void)state;
    /* 0 -> 1 of users 0 and 1, 0 -> 2 at distance 2; 1 -> 0, 1 -> 2, 1 -> 1 at distance 2; and
     * 3, 2, 1, 1 users are the prior. */
    struct nba_item_item model = fit(NBA_ITEM_ITEM_RULES, d, options);
    score(&model, 1, scores);
    assert_row(scores, (double[]){0.001, 2 + 0.002 / 3, 0.5 + 0.001 / 3, 0.001 / 3});
    score(&model, 2, scores);
    assert_row(scores,
               (double[]){1.001, 0.5 + 0.5 * 2 + 0.002 / 3, 1 + 0.5 * 0.5 + 0.001 / 3, 0.001 / 3});
    nba_item_item_clear(&model);
    options.window = options.last = 1;
    model = fit(NBA_ITEM_ITEM_RULES, d, options);
    score(&model, 2, scores);
    assert_row(scores, (double[]){1.001, 0.002 / 3, 1 + 0.001 / 3, 0.001 / 3});
    nba_item_item_clear(&model);
    nba_dataset_destroy(d);
}

/* Twice the weight: twice the score and the prior of that content, and no other's. */
static void test_an_asset_weight_multiplies_what_a_content_gets(void **state)
{
    struct nba_dataset *d = make_dataset(3, N, false, three_users);
    const float weights[N] = {1, 1, 2, 1};
    struct nba_item_item_options options = {
        .lambda = 1, .shrink = 2, .neighbours = 2, .window = 2, .decay = 0.5, .last = 5};
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        float plain[N];
        float weighted[N];
        options.weights = NULL;
        struct nba_item_item model = fit((enum nba_item_item_kind)kind, d, options);
        score(&model, 2, plain);
        nba_item_item_clear(&model);
        options.weights = weights;
        model = fit((enum nba_item_item_kind)kind, d, options);
        score(&model, 2, weighted);
        nba_item_item_clear(&model);
        assert_true(plain[2] > 0.01f);
        for (uint32_t k = 0; k < N; k++) {
            assert_true(fabsf(weighted[k] - weights[k] * plain[k]) < 1e-6f);
        }
    }
    nba_dataset_destroy(d);
}

/* B minimises |X - X B|^2 + lambda |B|^2 with a zero diagonal: X'X (I - B) - lambda B is 0 off its
 * diagonal. */
static void test_ease_solves_its_least_squares(void **state)
{
    struct nba_dataset *d = make_dataset(3, N, false, three_users);
    const double lambda = 0.7;
    float g[N][N] = {{0}};
    (void)state;
    struct nba_item_item model =
        fit(NBA_ITEM_ITEM_EASE, d,
            (struct nba_item_item_options){.lambda = lambda, .decay = 1, .last = UINT32_MAX});
    const struct nba_cooccurrence counts = nba_cooccurrence(d, all, &d->pool);
    for (uint32_t i = 0; i < N; i++) {
        nba_cooccurrence_row(&counts, i, g[i]);
        g[i][i] = (float)nba_cooccurrence_users(&counts, i);
        for (uint32_t j = 0; j < i; j++) {
            g[i][j] = g[j][i];
        }
        assert_true(fabsf(model.values[i * N + i]) <= 0.0f);
    }
    for (uint32_t i = 0; i < N; i++) {
        for (uint32_t j = 0; j < N; j++) {
            double slope = (double)g[i][j] - lambda * (double)model.values[i * N + j];
            for (uint32_t k = 0; k < N; k++) {
                slope -= (double)g[i][k] * (double)model.values[k * N + j];
            }
            assert_true(i == j || fabs(slope) < 1e-5);
        }
    }
    nba_item_item_clear(&model);
    nba_dataset_destroy(d);
}

/* Contents and users by other numbers: the same weights under those numbers. */
static bool renamed_users(uint32_t user, uint32_t index, struct made_touch *ret_touch)
{
    const bool more = three_users(2 - user, index, ret_touch);
    ret_touch->content = (ret_touch->content + 1) % N;
    return more;
}

static void test_the_names_of_users_and_contents_mean_nothing(void **state)
{
    struct nba_dataset *d = make_dataset(3, N, false, three_users);
    struct nba_dataset *other = make_dataset(3, N, false, renamed_users);
    const uint32_t other_all[3] = {2, 3, 3};
    const struct nba_item_item_options options = {
        .lambda = 1, .shrink = 2, .neighbours = 2, .window = 2, .decay = 0.5, .last = 5};
    const struct nba_query query = {2, 2};
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct nba_item_item model = fit((enum nba_item_item_kind)kind, d, options);
        struct nba_item_item renamed;
        struct nba_error error;
        float scores[N];
        float renamed_scores[N];
        assert_int_equal(nba_item_item_fit((enum nba_item_item_kind)kind, other, other_all,
                                           &options, &renamed, &error),
                         NBA_OK);
        score(&model, 2, scores);
        const struct nba_ranker ranker = nba_item_item_ranker(&renamed);
        ranker.score(ranker.context, &query, 1, renamed_scores);
        for (uint32_t k = 0; k < N; k++) {
            assert_true(fabsf(scores[k] - renamed_scores[(k + 1) % N]) < 1e-6f);
        }
        nba_item_item_clear(&model);
        nba_item_item_clear(&renamed);
    }
    nba_dataset_destroy(d);
    nba_dataset_destroy(other);
}

static void test_what_a_model_cannot_learn_from_is_refused(void **state)
{
    struct nba_dataset *d = make_dataset(3, N, false, three_users);
    struct nba_item_item_options options = {.window = 2, .decay = 0.5, .last = 5};
    struct nba_item_item model;
    struct nba_error error;
    (void)state;
    /* Without lambda, contents that nobody touched leave no inverse. */
    const uint32_t none[3] = {1, 0, 0};
    assert_int_equal(nba_item_item_fit(NBA_ITEM_ITEM_EASE, d, none, &options, &model, &error),
                     NBA_E_NON_FINITE);
    d->ordered = false;
    assert_int_equal(nba_item_item_fit(NBA_ITEM_ITEM_RULES, d, all, &options, &model, &error),
                     NBA_E_SHAPE);
    d->content_count = NBA_EASE_CONTENTS_MAX + 1;
    assert_int_equal(nba_item_item_fit(NBA_ITEM_ITEM_EASE, d, all, &options, &model, &error),
                     NBA_E_LIMIT);
    d->content_count = N;
    nba_dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_are_counted_once_a_user_and_only_in_training),
        cmocka_unit_test(test_knn_is_the_cosine_of_the_nearest_faded_by_age),
        cmocka_unit_test(test_rules_weigh_what_follows_by_its_distance),
        cmocka_unit_test(test_an_asset_weight_multiplies_what_a_content_gets),
        cmocka_unit_test(test_ease_solves_its_least_squares),
        cmocka_unit_test(test_the_names_of_users_and_contents_mean_nothing),
        cmocka_unit_test(test_what_a_model_cannot_learn_from_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
