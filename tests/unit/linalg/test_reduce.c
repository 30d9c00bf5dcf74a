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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum_runs_in_sixteen_lanes),
        cmocka_unit_test(test_moments_are_mean_and_population_variance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
