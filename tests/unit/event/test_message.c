/* Rounding to nine decimals: one at a time, and many at a time with the same bits. */
#include "nba_test.h"

#include <math.h>
#include <string.h>

#include "nba/base/compiler.h"
#include "nba/base/random.h"
#include "nba/event/message.h"

static void test_halves_round_away_from_zero(void **state)
{
    (void)state;
    assert_true(nba_round9(0.5e-9) == 1e-9);
    assert_true(nba_round9(-0.5e-9) == -1e-9);
    assert_true(nba_round9(0.49e-9) == 0.0);
    assert_true(nba_round9(0.1234567894) == 0.123456789);
}

static void assert_same_bits(const double *x, size_t count)
{
    double all[1024];
    assert_true(count <= NBA_ARRAY_COUNT(all));
    memcpy(all, x, count * sizeof(*x));
    nba_round9_all(all, count);
    for (size_t i = 0; i < count; i++) {
        const double one = nba_round9(x[i]);
        assert_memory_equal(&all[i], &one, sizeof(one));
    }
}

static void test_many_round_to_the_same_bits_as_one(void **state)
{
    (void)state;
    struct nba_rng rng = nba_rng(3);
    double x[1024];
    for (int scale = -12; scale <= 5; scale++) {
        for (size_t i = 0; i < NBA_ARRAY_COUNT(x); i++) {
            x[i] = (2 * nba_rng_double(&rng) - 1) * pow(10, scale);
            if (i % 4 == 0) { /* at and beside a half */
                x[i] = ((double)(int64_t)(x[i] * 1e6) + 0.5) * 1e-9;
                x[i] = i % 8 == 0 ? x[i] : nextafter(x[i], i % 16 == 4 ? 1 : -1);
            }
        }
        for (size_t count = 0; count <= 33; count++) {
            assert_same_bits(x, count);
        }
        assert_same_bits(x, NBA_ARRAY_COUNT(x));
    }
}

static void test_numbers_too_large_to_round_come_back_as_they_are(void **state)
{
    (void)state;
    const double x[] = {
        -0.0, 0.0, 1e6, -1e8 - 0.123, 1e300, (double)INFINITY, -(double)INFINITY, 1.5e-9, -0.4e-9};
    for (size_t count = 1; count <= NBA_ARRAY_COUNT(x); count++) {
        assert_same_bits(x, count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_halves_round_away_from_zero),
        cmocka_unit_test(test_many_round_to_the_same_bits_as_one),
        cmocka_unit_test(test_numbers_too_large_to_round_come_back_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
