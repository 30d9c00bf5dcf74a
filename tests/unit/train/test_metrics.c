/* Metrics in closed form; the regression that calibrates. */
#include "nba_test.h"

#include <math.h>

#include "nba/base/random.h"
#include "nba/train/logistic.h"
#include "nba/train/metrics.h"

static void test_metrics_of_a_rank_in_closed_form(void **state)
{
    (void)state;
    assert_true(nba_metric_of_rank(NBA_METRIC_HR, 10, 9.5) == 1.0);
    assert_true(nba_metric_of_rank(NBA_METRIC_HR, 10, 10.0) == 0.0);
    assert_true(nba_metric_of_rank(NBA_METRIC_NDCG, 10, 0.0) == 1.0);
    assert_true(nba_metric_of_rank(NBA_METRIC_NDCG, 10, 2.0) == 0.5);
    assert_true(nba_metric_of_rank(NBA_METRIC_NDCG, 5, 5.0) == 0.0);
    assert_true(nba_metric_of_rank(NBA_METRIC_MRR, 0, 3.0) == 0.25);
}

static void test_auc_counts_ties_half(void **state)
{
    struct nba_labelled items[] = {{0.9, true}, {0.1, false}, {0.5, true}, {0.5, false}};
    struct nba_labelled same[] = {{0.9, true}, {0.1, true}};
    (void)state;
    /* pairs: (.9,.1) (.9,.5) (.5,.1) right, (.5,.5) half */
    assert_true(fabs(nba_metric_auc(items, 4) - 3.5 / 4.0) < 1e-12);
    assert_true(nba_metric_auc(same, 2) == 0.5);
}

static void test_an_interval_holds_its_mean_and_narrows_with_more_values(void **state)
{
    double values[2000];
    struct nba_rng rng = nba_rng(4);
    (void)state;
    for (size_t i = 0; i < 2000; i++) {
        values[i] = nba_rng_double(&rng) < 0.3 ? 1.0 : 0.0;
    }
    const struct nba_interval few = nba_metric_interval(values, NULL, 50);
    const struct nba_interval many = nba_metric_interval(values, NULL, 2000);
    assert_true(many.lo < many.value && many.value < many.hi);
    /* A binomial's 95 %: 2 * 1.96 * sqrt(p (1 - p) / n) = 0.0402. */
    assert_true(fabs((many.hi - many.lo) - 0.0402) < 0.004);
    assert_true(few.hi - few.lo > 3.0 * (many.hi - many.lo));
    const struct nba_interval again = nba_metric_interval(values, NULL, 2000);
    assert_memory_equal(&many, &again, sizeof(many));
}

static void test_pointwise_metrics_are_those_of_the_table_of_what_was_said(void **state)
{
    (void)state;
    /* Said 3 times, right twice; missed once; 4 times rightly not said. */
    struct nba_labelled items[] = {{0.9, true},  {0.5, true},  {0.7, false}, {0.4, true},
                                   {0.1, false}, {0.2, false}, {0.3, false}, {0.49, false}};
    const double want[] = {6.0 / 8.0, 2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0};
    for (size_t i = 0; i < 4; i++) {
        const enum nba_metric metric = (enum nba_metric)(NBA_METRIC_ACCURACY + (int)i);
        const struct nba_interval got = nba_metric_pointwise(metric, items, 8);
        assert_true(fabs(got.value - want[i]) < 1e-12);
        assert_true(got.lo < got.value && got.value < got.hi);
        assert_true(nba_metric_pointwise(metric, items + 4, 4).value ==
                    (metric == NBA_METRIC_ACCURACY ? 1.0 : 0.0));
    }
}

static void test_calibration_error_weighs_the_gap_of_each_tenth(void **state)
{
    (void)state;
    const struct nba_labelled items[] = {{0.25, true}, {0.25, false}, {0.75, true}, {1.0, true}};
    /* .5 too low for two, .25 for one, none for the last */
    assert_true(fabs(nba_metric_calibration_error(items, 4) - (2 * 0.25 + 0.25) / 4) < 1e-12);
}

static void test_an_interval_draws_users_not_their_values(void **state)
{
    double values[2000];
    uint32_t users[2000];
    struct nba_rng rng = nba_rng(5);
    (void)state;
    /* Ten values that are all the same of each of 200 users. */
    for (size_t i = 0; i < 2000; i++) {
        users[i] = (uint32_t)i / 10;
        values[i] = i % 10 == 0 ? nba_rng_double(&rng) : values[i - 1];
    }
    const struct nba_interval each = nba_metric_interval(values, NULL, 2000);
    const struct nba_interval by_user = nba_metric_interval(values, users, 2000);
    assert_true(fabs(each.value - by_user.value) < 1e-12);
    /* sqrt(10) times as wide. */
    assert_true(fabs((by_user.hi - by_user.lo) / (each.hi - each.lo) - sqrt(10.0)) < 0.4);
}

static void test_log_loss_of_a_coin_is_log_two(void **state)
{
    const struct nba_labelled items[] = {{0.5, true}, {0.5, false}, {0.5, false}};
    (void)state;
    assert_true(fabs(nba_metric_log_loss(items, 3) - log(2.0)) < 1e-12);
}

static void test_regression_finds_the_weights_that_made_the_labels(void **state)
{
    static struct nba_logistic_sample samples[20000];
    const double truth[3] = {1.5, -0.7, 0.4};
    double weights[3] = {0.0, 0.0, 0.0};
    const double ridge[3] = {1e-6, 1e-6, 1e-6};
    struct nba_rng rng = nba_rng(9);
    (void)state;
    for (size_t i = 0; i < 20000; i++) {
        double score = 0.3;
        samples[i].offset = 0.3;
        for (size_t j = 0; j < 3; j++) {
            samples[i].x[j] = j == 2 ? 1.0 : nba_rng_normal(&rng);
            score += truth[j] * samples[i].x[j];
        }
        samples[i].y = nba_rng_double(&rng) < 1.0 / (1.0 + exp(-score));
    }
    nba_logistic_fit(samples, 20000, 3, ridge, weights);
    for (size_t j = 0; j < 3; j++) {
        assert_true(fabs(weights[j] - truth[j]) < 0.06);
    }
    const double fixed[3] = {1e-6, NBA_LOGISTIC_FIXED, 1e-6};
    double held[3] = {0.0, 2.0, 0.0};
    nba_logistic_fit(samples, 20000, 3, fixed, held);
    assert_true(held[1] == 2.0);
    assert_true(fabs(held[0] - weights[0]) > 0.05);
}

static void test_regression_comes_back_from_a_start_far_away(void **state)
{
    static struct nba_logistic_sample samples[3000];
    const double ridge[2] = {1.0, 1e-3};
    double weights[2] = {0.765, -0.353}; /* says almost surely yes to everything */
    struct nba_rng rng = nba_rng(1);
    (void)state;
    for (size_t i = 0; i < 3000; i++) {
        samples[i].x[0] = 8.0 + 2.0 * nba_rng_normal(&rng);
        samples[i].x[1] = 1.0;
        samples[i].y = nba_rng_double(&rng) < 1.0 / (1.0 + exp(-(0.3 * samples[i].x[0] - 2.6)));
    }
    nba_logistic_fit(samples, 3000, 2, ridge, weights);
    assert_true(fabs(weights[0] - 0.3) < 0.06);
    assert_true(fabs(weights[1] + 2.6) < 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_of_a_rank_in_closed_form),
        cmocka_unit_test(test_auc_counts_ties_half),
        cmocka_unit_test(test_an_interval_holds_its_mean_and_narrows_with_more_values),
        cmocka_unit_test(test_pointwise_metrics_are_those_of_the_table_of_what_was_said),
        cmocka_unit_test(test_calibration_error_weighs_the_gap_of_each_tenth),
        cmocka_unit_test(test_an_interval_draws_users_not_their_values),
        cmocka_unit_test(test_log_loss_of_a_coin_is_log_two),
        cmocka_unit_test(test_regression_finds_the_weights_that_made_the_labels),
        cmocka_unit_test(test_regression_comes_back_from_a_start_far_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
