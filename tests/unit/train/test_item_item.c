/* The counting models on data small enough for a sheet of paper. */
#include "sequences.h"

#include <math.h>

#include "nba/base/random.h"
#include "nba/linalg/reduce.h"
#include "nba/train/asset_weights.h"
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

static struct nba_neighbours count(enum nba_item_item kind, struct nba_dataset *d,
                                   struct nba_item_item_options options)
{
    struct nba_neighbours model;
    struct nba_error error;
    assert_int_equal(nba_item_item_count(kind, d, all, &options, &d->pool, &model, &error), NBA_OK);
    assert_int_equal(nba_neighbours_check(&model, "made", &error), NBA_OK);
    return model;
}

/* What the model says after user 0's first `position` touches. */
static void score(const struct nba_neighbours *model, const struct nba_dataset *d,
                  uint32_t position, float *ret_scores)
{
    nba_neighbours_scores(model, d->sequence, position, ret_scores);
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
    struct nba_neighbours model =
        count(NBA_ITEM_ITEM_KNN, d,
              (struct nba_item_item_options){
                  .shrink = 1, .neighbours = 3, .decay = 0.5, .last = UINT32_MAX});
    score(&model, d, 2, scores); /* 0, then 1 */
    assert_row(scores, (double[]){s01, 0.5 * s01, s12 + 0.5 * s02, 0.5 * s02});
    /* The nearest of 2 is 1, of 3 is 0. */
    model = count(NBA_ITEM_ITEM_KNN, d,
                  (struct nba_item_item_options){
                      .shrink = 1, .neighbours = 1, .decay = 0.5, .last = UINT32_MAX});
    score(&model, d, 2, scores);
    assert_row(scores, (double[]){s01, 0.5 * s01, s12, 0.5 * s02});
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
    struct nba_neighbours model = count(NBA_ITEM_ITEM_RULES, d, options);
    score(&model, d, 1, scores);
    assert_row(scores, (double[]){0.001, 2 + 0.002 / 3, 0.5 + 0.001 / 3, 0.001 / 3});
    score(&model, d, 2, scores);
    assert_row(scores,
               (double[]){1.001, 0.5 + 0.5 * 2 + 0.002 / 3, 1 + 0.5 * 0.5 + 0.001 / 3, 0.001 / 3});
    options.window = options.last = 1;
    model = count(NBA_ITEM_ITEM_RULES, d, options);
    score(&model, d, 2, scores);
    assert_row(scores, (double[]){1.001, 0.002 / 3, 1 + 0.001 / 3, 0.001 / 3});
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
        struct nba_neighbours model = count((enum nba_item_item)kind, d, options);
        score(&model, d, 2, plain);
        options.weights = weights;
        model = count((enum nba_item_item)kind, d, options);
        score(&model, d, 2, weighted);
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
    struct nba_neighbours model =
        count(NBA_ITEM_ITEM_EASE, d,
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
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct nba_neighbours model = count((enum nba_item_item)kind, d, options);
        struct nba_neighbours renamed;
        struct nba_error error;
        float scores[N];
        float renamed_scores[N];
        assert_int_equal(nba_item_item_count((enum nba_item_item)kind, other, other_all, &options,
                                             &other->pool, &renamed, &error),
                         NBA_OK);
        score(&model, d, 2, scores);
        nba_neighbours_scores(&renamed, other->sequence + other->sequence_offset[2], 2,
                              renamed_scores);
        for (uint32_t k = 0; k < N; k++) {
            assert_true(fabsf(scores[k] - renamed_scores[(k + 1) % N]) < 1e-6f);
        }
    }
    nba_dataset_destroy(d);
    nba_dataset_destroy(other);
}

static void test_what_a_model_cannot_learn_from_is_refused(void **state)
{
    struct nba_dataset *d = make_dataset(3, N, false, three_users);
    struct nba_item_item_options options = {.window = 2, .decay = 0.5, .last = 5};
    struct nba_neighbours model;
    struct nba_error error;
    (void)state;
    /* Without lambda, contents that nobody touched leave no inverse. */
    const uint32_t none[3] = {1, 0, 0};
    assert_int_equal(
        nba_item_item_count(NBA_ITEM_ITEM_EASE, d, none, &options, &d->pool, &model, &error),
        NBA_E_NON_FINITE);
    d->ordered = false;
    assert_int_equal(
        nba_item_item_count(NBA_ITEM_ITEM_RULES, d, all, &options, &d->pool, &model, &error),
        NBA_E_SHAPE);
    d->content_count = NBA_EASE_CONTENTS_MAX + 1;
    assert_int_equal(
        nba_item_item_count(NBA_ITEM_ITEM_EASE, d, all, &options, &d->pool, &model, &error),
        NBA_E_LIMIT);
    d->content_count = N;
    nba_dataset_destroy(d);
}

/* Every second touch goes through seven contents in an order, those between are by chance. */
static bool every_second(uint32_t user, uint32_t index, struct made_touch *ret_touch)
{
    struct nba_rng rng = nba_rng(user * 31 + index);
    const uint32_t content = (user + index * 3) % 7;
    *ret_touch =
        (struct made_touch){index % 2 == 0 ? content : 7 + (uint32_t)nba_rng_below(&rng, 5),
                            NBA_TOUCH_ENGAGED, NBA_CHANNEL_EMAIL, 1000 + index};
    return index < 8;
}

static void test_what_is_open_is_chosen_on_validation_and_what_is_given_stays(void **state)
{
    struct nba_dataset *d = make_dataset(60, 12, false, every_second);
    const struct nba_split split = nba_split_last_two(d, &d->pool);
    struct nba_item_item_options open = nba_item_item_options(NBA_ITEM_ITEM_RULES);
    struct nba_item_item_options given = nba_item_item_options(NBA_ITEM_ITEM_KNN);
    struct nba_error error;
    uint32_t *sequence = d->sequence;
    (void)state;
    given.neighbours = 3;
    given.decay = 0.33;
    assert_int_equal(nba_item_item_choose(NBA_ITEM_ITEM_KNN, d, &split, 0, &given, &error), NBA_OK);
    assert_int_equal(given.neighbours, 3);
    assert_true(given.decay == 0.33);
    assert_int_equal(nba_item_item_choose(NBA_ITEM_ITEM_RULES, d, &split, 0, &open, &error),
                     NBA_OK);
    assert_true(open.decay > 0.0);
    /* The test part may be anything. */
    struct nba_item_item_options again = nba_item_item_options(NBA_ITEM_ITEM_RULES);
    for (size_t i = 0; i < split.test_count; i++) {
        sequence[d->sequence_offset[split.test[i].user] + split.test[i].position] = 11;
    }
    assert_int_equal(nba_item_item_choose(NBA_ITEM_ITEM_RULES, d, &split, 0, &again, &error),
                     NBA_OK);
    assert_memory_equal(&again, &open, sizeof(open));
    /* Without an order there is none to fade by. */
    d->ordered = false;
    given = nba_item_item_options(NBA_ITEM_ITEM_EASE);
    assert_int_equal(nba_item_item_choose(NBA_ITEM_ITEM_EASE, d, &split, 0, &given, &error),
                     NBA_OK);
    assert_true(given.decay == 1.0 && given.lambda > 0.0);
    nba_dataset_destroy(d);
}

/* A type's share of the five best grows with its weight. */
static void test_a_larger_asset_weight_gives_its_type_a_larger_share_of_the_best(void **state)
{
    struct nba_dataset *d = make_dataset(60, 12, false, every_second);
    struct nba_str types[2] = {nba_str_of("ebook"), nba_str_of("video")};
    uint32_t content_type[12] = {0};
    uint32_t video[3] = {0};
    const char *texts[3] = {"video = 0.5", "", "ebook=1,video=2"};
    uint32_t counts[60];
    struct nba_error error;
    (void)state;
    d->types = types;
    d->type_count = 2;
    d->content_type = content_type;
    for (uint32_t c = 0; c < 12; c++) {
        content_type[c] = c % 3; /* none, ebook, video */
    }
    for (uint32_t u = 0; u < 60; u++) {
        counts[u] = 8;
    }
    for (size_t t = 0; t < 3; t++) {
        struct nba_item_item_options options = {
            .shrink = 1, .neighbours = 12, .decay = 0.8, .last = 8};
        struct nba_neighbours model;
        assert_int_equal(nba_asset_weights(d, texts[t], &d->pool, &options.weights, &error),
                         NBA_OK);
        assert_int_equal(
            nba_item_item_count(NBA_ITEM_ITEM_KNN, d, counts, &options, &d->pool, &model, &error),
            NBA_OK);
        for (uint32_t u = 0; u < 60; u++) {
            float scores[12];
            uint32_t best[5];
            nba_neighbours_scores(&model, d->sequence + d->sequence_offset[u], 8, scores);
            nba_top_k(scores, 12, 5, best);
            for (size_t i = 0; i < 5; i++) {
                video[t] += content_type[best[i]] == 2 ? 1 : 0;
            }
        }
    }
    assert_true(video[0] < video[1] && video[1] < video[2]);
    const char *bad[] = {"video",  "video=", "video=0",  "video=1.2;ebook=1",
                         "film=2", "=2",     "video=101"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const float *weights = NULL;
        assert_int_equal(nba_asset_weights(d, bad[i], &d->pool, &weights, &error), NBA_E_USAGE);
    }
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
        cmocka_unit_test(test_what_is_open_is_chosen_on_validation_and_what_is_given_stays),
        cmocka_unit_test(test_a_larger_asset_weight_gives_its_type_a_larger_share_of_the_best),
        cmocka_unit_test(test_what_a_model_cannot_learn_from_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
