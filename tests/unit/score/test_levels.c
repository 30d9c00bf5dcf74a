/* Every level of instructions gives the same bits, whole vectors or not (nba/base/vector.h). */
#include "nba_test.h"

#include <string.h>

#include "nba/base/compiler.h"
#include "nba/base/random.h"
#include "nba/base/vector.h"
#include "nba/event/message.h"
#include "nba/linalg/kernels.h"
#include "nba/linalg/reduce.h"
#include "nba/score/fusion.h"

enum { COUNT_MAX = 1000, TOP = 10 };
static const size_t counts[] = {1, 7, 15, 17, 31, 33, 127, 129, COUNT_MAX};

struct input {
    float x[COUNT_MAX], y[COUNT_MAX];
    double p[COUNT_MAX];
};

struct output {
    double rounded[COUNT_MAX], fused[COUNT_MAX], sigmoid[COUNT_MAX];
    double sum, mean, variance;
    float z[COUNT_MAX];
    uint32_t top[TOP], top_double[TOP];
};

static void compute(const struct input *in, size_t count, struct output *out)
{
    const struct nba_fusion fusion = {
        .weights = {0.7, 0, 0.45, [NBA_MEMBER_KNN] = 0.2}, .a = 1.3, .b = -3.1};
    memset(out, 0, sizeof(*out));
    memcpy(out->rounded, in->p, count * sizeof(*in->p));
    nba_round9_all(out->rounded, count);
    const float *const z[NBA_MEMBER_COUNT] = {
        [NBA_MEMBER_LSTM] = in->x, [NBA_MEMBER_POPULARITY] = in->y, [NBA_MEMBER_KNN] = in->x};
    nba_fuse_cheap(&fusion, z, count, out->fused);
    nba_kernels_best()->sigmoid_double(count, in->p, out->sigmoid);
    const struct nba_moments moments = nba_moments(in->x, count);
    out->sum = nba_sum(in->x, count);
    out->mean = moments.mean;
    out->variance = moments.variance;
    nba_standardise(in->x, count, out->z);
    (void)nba_top_k(in->x, count, TOP, out->top);
    (void)nba_top_k_double(in->p, count, TOP, out->top_double);
}

static void test_all_levels_give_the_same_bits(void **state)
{
    static struct input in;
    static struct output want, got;
    struct nba_rng rng = nba_rng(17);
    (void)state;
    for (size_t i = 0; i < COUNT_MAX; i++) {
        in.x[i] = (float)(2 * nba_rng_double(&rng) - 1) * (i % 5 == 0 ? 1e4f : 1.0f);
        in.y[i] = (float)(4 * nba_rng_double(&rng) - 2);
        in.p[i] = 6 * nba_rng_double(&rng) - 3;
    }
    for (size_t c = 0; c < NBA_ARRAY_COUNT(counts); c++) {
        nba_vector_limit(NBA_VECTOR_PLAIN);
        compute(&in, counts[c], &want);
        for (int level = NBA_VECTOR_AVX2; level <= (int)nba_vector_best(); level++) {
            nba_vector_limit((enum nba_vector_level)level);
            assert_int_equal(nba_vector_level(), level);
            compute(&in, counts[c], &got);
            assert_memory_equal(&got, &want, sizeof(want));
        }
    }
    nba_vector_limit(nba_vector_best());
}

static void test_a_limit_above_what_the_processor_has_changes_nothing(void **state)
{
    (void)state;
    nba_vector_limit(NBA_VECTOR_AVX512);
    assert_int_equal(nba_vector_level(), nba_vector_best());
    nba_vector_limit(NBA_VECTOR_PLAIN);
    assert_int_equal(nba_vector_level(), NBA_VECTOR_PLAIN);
    nba_vector_limit(nba_vector_best());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_levels_give_the_same_bits),
        cmocka_unit_test(test_a_limit_above_what_the_processor_has_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
