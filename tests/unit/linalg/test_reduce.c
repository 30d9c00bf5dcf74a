/* Reductions against their definition: 16 lanes, one fold, in double. */
#include "nba_test.h"

#include <math.h>

#include "nba/base/random.h"
#include "nba/linalg/reduce.h"

enum { COUNT = 133 };

static void fill(float *x)
{
    struct nba_rng rng = nba_rng(5);
    for (size_t i = 0; i < COUNT; i++) {
        x[i] = (float)(2 * nba_rng_double(&rng) - 1) * (i % 5 == 0 ? 1e6f : 1.0f);
    }
}

static double lanes_sum(const double *x, size_t count)
{
    double lanes[16] = {0};
    for (size_t i = 0; i < count; i++) {
        lanes[i % 16] += x[i];
    }
    for (size_t width = 8; width > 0; width /= 2) {
        for (size_t l = 0; l < width; l++) {
            lanes[l] += lanes[l + width];
        }
    }
    return lanes[0];
}

static void test_sum_runs_in_sixteen_lanes(void **state)
{
    (void)state;
    float x[COUNT];
    double d[COUNT];
    fill(x);
    for (size_t i = 0; i < COUNT; i++) {
        d[i] = (double)x[i];
    }
    for (size_t count = 0; count <= COUNT; count++) {
        const double want = lanes_sum(d, count);
        const double got = nba_sum(x, count);
        assert_memory_equal(&got, &want, sizeof want);
    }
}

static void test_moments_are_mean_and_population_variance(void **state)
{
    (void)state;
    const float x[] = {2, 4, 4, 4, 5, 5, 7, 9};
    const struct nba_moments moments = nba_moments(x, 8);
    assert_true(moments.mean == 5.0 && moments.variance == 4.0);
    assert_true(nba_moments(x, 0).mean == 0.0 && nba_moments(x, 0).variance == 0.0);
    assert_true(nba_moments(x, 1).mean == 2.0 && nba_moments(x, 1).variance == 0.0);
}

static void test_max_finds_the_largest_wherever_it_stands(void **state)
{
    (void)state;
    float x[COUNT] = {0};
    assert_true(isinf(nba_max(x, 0)) && nba_max(x, 0) < 0);
    for (size_t at = 0; at < COUNT; at++) {
        for (size_t i = 0; i < COUNT; i++) {
            x[i] = -5.0f - (float)i;
        }
        x[at] = -1.0f;
        assert_true(nba_max(x, COUNT) == -1.0f);
    }
}

static void test_softmax_sums_to_one_and_keeps_the_odds(void **state)
{
    (void)state;
    const float x[] = {1.0f, 3.0f, -2.0f, 3.0f, 88.0f - 90.0f};
    float y[5];
    nba_softmax(nba_kernels_best(), 5, x, y);
    double sum = 0;
    for (size_t i = 0; i < 5; i++) {
        sum += (double)y[i];
        assert_true(fabs((double)y[i] / (double)y[0] - exp((double)x[i] - 1.0)) < 1e-5);
    }
    assert_true(fabs(sum - 1.0) < 1e-6);
    assert_true(y[1] == y[3]);
}

static void test_softmax_of_huge_scores_does_not_overflow(void **state)
{
    (void)state;
    const float x[] = {3e38f, -3e38f, 3e38f};
    float y[3];
    nba_softmax(nba_kernels_best(), 3, x, y);
    assert_true(y[0] == 0.5f && y[2] == 0.5f && y[1] < 1e-30f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum_runs_in_sixteen_lanes),
        cmocka_unit_test(test_moments_are_mean_and_population_variance),
        cmocka_unit_test(test_max_finds_the_largest_wherever_it_stands),
        cmocka_unit_test(test_softmax_sums_to_one_and_keeps_the_odds),
        cmocka_unit_test(test_softmax_of_huge_scores_does_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
