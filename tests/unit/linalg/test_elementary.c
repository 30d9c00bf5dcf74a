/*
 * Our exp, log, sigmoid, tanh: all forms give the same bits over a sweep of floats, the double ones
 * equal their vector kernel, errors against libm stay below the bounds that the header states, and
 * a hash of the sweep pins the bits over compilers and machines.
 */
#include "nba_test.h"

#include <float.h>
#include <math.h>

#include "nba/base/hash.h"
#include "nba/base/random.h"
#include "nba/linalg/elementary.h"
#include "nba/linalg/kernels.h"

enum { CHUNK = 1 << 14 };

typedef void map_fn(size_t, const float *, float *);

/* Every 10007th float but NaN, CHUNK at a time; false at the end. */
static bool next_floats(uint64_t *bits, float *x, size_t *ret_count)
{
    size_t count = 0;
    for (; count < CHUNK && *bits <= UINT32_MAX; *bits += 10007) {
        const uint32_t word = (uint32_t)*bits;
        memcpy(&x[count], &word, sizeof word);
        count += isnan(x[count]) ? 0u : 1u;
    }
    *ret_count = count;
    return count > 0;
}

static map_fn *pick(const struct nba_kernels *kernels, int kind)
{
    map_fn *const maps[] = {kernels->exp, kernels->sigmoid, kernels->tanh, kernels->log};
    return maps[kind];
}

static double truth(int kind, double x)
{
    switch (kind) {
    case 0:
        return exp(x);
    case 1:
        return 1 / (1 + exp(-x));
    case 2:
        return tanh(x);
    default:
        return log(x);
    }
}

static bool is_in_range(int kind, float x)
{
    return kind == 0 ? fabsf(x) <= 87.0f : kind == 3 ? x >= FLT_MIN && !isinf(x) : true;
}

static void test_float_kernels_are_equal_in_all_forms_and_accurate(void **state)
{
    (void)state;
    static float x[CHUNK];
    static float want[CHUNK];
    static float got[CHUNK];
    double error[4] = {0};
    uint64_t hash = 0;
    size_t count;
    for (uint64_t bits = 0; next_floats(&bits, x, &count);) {
        for (int kind = 0; kind < 4; kind++) {
            pick(nba_kernels_get(NBA_KERNELS_PORTABLE), kind)(count, x, want);
            for (int form = 1; form < NBA_KERNELS_COUNT; form++) {
                const struct nba_kernels *kernels = nba_kernels_get((enum nba_kernels_form)form);
                if (kernels != NULL) {
                    pick(kernels, kind)(count, x, got);
                    assert_memory_equal(got, want, count * sizeof *got);
                }
            }
            hash ^= nba_xxh64(want, count * sizeof *want) + (uint64_t)kind;
            for (size_t i = 0; i < count; i++) {
                if (is_in_range(kind, x[i])) {
                    const double y = truth(kind, (double)x[i]);
                    /* relative for exp and for log away from 1, absolute for the others */
                    const double scale = kind == 0 ? y : kind == 3 ? fmax(fabs(y), 1) : 1;
                    error[kind] = fmax(error[kind], fabs((double)want[i] - y) / scale);
                }
            }
        }
    }
    print_message("exp %.3g relative, sigmoid %.3g, tanh %.3g, log %.3g; hash %016llx\n", error[0],
                  error[1], error[2], error[3], (unsigned long long)hash);
    assert_true(error[0] < 1.5e-7);
    assert_true(error[1] < 1.5e-7);
    assert_true(error[2] < 2.5e-7);
    assert_true(error[3] < 1.5e-7);
    /* the bits themselves: the same from gcc and clang, on every CPU */
    assert_true(hash == UINT64_C(0xd55347ed285e97ff));
}

static void test_any_count_and_the_same_array_are_fine(void **state)
{
    (void)state;
    for (int form = 0; form < NBA_KERNELS_COUNT; form++) {
        const struct nba_kernels *kernels = nba_kernels_get((enum nba_kernels_form)form);
        for (size_t count = 0; kernels != NULL && count < 20; count++) {
            float x[21];
            float want[21];
            for (size_t i = 0; i < 21; i++) {
                x[i] = 0.3f * (float)i - 2.0f;
            }
            nba_kernels_get(NBA_KERNELS_PORTABLE)->tanh(21, x, want);
            memcpy(want + count, x + count, (21 - count) * sizeof *x);
            kernels->tanh(count, x, x);
            assert_memory_equal(x, want, sizeof x);
        }
    }
}

static double ulps(double got, double want)
{
    return fabs(got - want) / (nextafter(fabs(want), HUGE_VAL) - fabs(want));
}

static void test_double_functions_stay_within_their_errors(void **state)
{
    (void)state;
    struct nba_rng rng = nba_rng(7);
    double error[3] = {0};
    struct nba_sha256 *sha = nba_sha256_create();
    for (int i = 0; i < 400000; i++) {
        const double x = (2 * nba_rng_double(&rng) - 1) * (i % 2 == 0 ? 700 : 3);
        const double positive = nba_exp((2 * nba_rng_double(&rng) - 1) * (i % 2 == 0 ? 700 : 1));
        const double y[] = {nba_exp(x), nba_ln(positive), nba_sigmoid(x)};
        nba_sha256_update(sha, y, sizeof y);
        error[0] = fmax(error[0], ulps(y[0], exp(x)));
        error[1] = fmax(error[1], ulps(y[1], log(positive)));
        error[2] = fmax(error[2], ulps(y[2], 1 / (1 + exp(-x))));
    }
    char text[NBA_SHA256_TEXT_BYTES];
    nba_sha256_finish(sha, text);
    nba_sha256_destroy(sha);
    print_message("exp %.2f ulp, log %.2f ulp, sigmoid %.2f ulp; sha256 %s\n", error[0], error[1],
                  error[2], text);
    assert_true(error[0] <= 1.0);
    assert_true(error[1] <= 1.0);
    assert_true(error[2] <= 3.0);
    /* the bits themselves: the same from gcc and clang, on every CPU */
    assert_string_equal(text, "34c7a80c727147376c1f87a1226bd2c3f039efc3946c980c351b7d0197735612");
}

static void test_double_functions_have_their_corners(void **state)
{
    (void)state;
    assert_true(nba_exp(0.0) == 1.0);
    assert_true(nba_exp(-1e300) == nba_exp(-708.0) && nba_exp(-1e300) > 0.0);
    assert_true(nba_exp(1e300) == nba_exp(709.0) && isfinite(nba_exp(1e300)));
    assert_true(nba_ln(1.0) == 0.0);
    assert_true(nba_ln(0.0) == -DBL_MAX && nba_ln(-1.0) == -DBL_MAX);
    assert_true(isnan(nba_ln((double)NAN)));
    assert_true(isinf(nba_ln(HUGE_VAL)));
    assert_true(fabs(nba_ln(5e-324) - log(5e-324)) < 1e-12);
    assert_true(nba_sigmoid(0.0) == 0.5);
    assert_true(nba_sigmoid(-800.0) > 0.0 && nba_sigmoid(800.0) == 1.0);
    assert_true(nba_logit(0.5) == 0.0);
    assert_true(nba_logit(0.0) == nba_logit(1e-12) && nba_logit(1.0) == nba_logit(1 - 1e-12));
    assert_true(fabs(nba_sigmoid(nba_logit(0.123)) - 0.123) < 1e-15);
}

static void test_sigmoid_of_many_doubles_equals_one_at_a_time(void **state)
{
    (void)state;
    struct nba_rng rng = nba_rng(11);
    double x[1003];
    double want[1003];
    double got[1003];
    for (size_t i = 0; i < 1003; i++) {
        x[i] = (2 * nba_rng_double(&rng) - 1) * (i % 3 == 0 ? 1000 : 5);
        want[i] = nba_sigmoid(x[i]);
    }
    for (int form = 0; form < NBA_KERNELS_COUNT; form++) {
        const struct nba_kernels *kernels = nba_kernels_get((enum nba_kernels_form)form);
        for (size_t count = 0; kernels != NULL && count <= 1003; count += 59) {
            kernels->sigmoid_double(count, x, got);
            assert_memory_equal(got, want, count * sizeof *got);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_float_kernels_are_equal_in_all_forms_and_accurate),
        cmocka_unit_test(test_any_count_and_the_same_array_are_fine),
        cmocka_unit_test(test_double_functions_stay_within_their_errors),
        cmocka_unit_test(test_double_functions_have_their_corners),
        cmocka_unit_test(test_sigmoid_of_many_doubles_equals_one_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
