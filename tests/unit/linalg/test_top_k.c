/* The best k against a full sort, with many ties: floats whole and in pieces by every form, and
 * doubles. */
#include "nba_test.h"

#include <math.h>

#include "nba/base/compiler.h"
#include "nba/base/random.h"
#include "nba/linalg/reduce.h"

enum { COUNT_MAX = 2500 };

struct entry {
    double value;
    uint32_t index;
};

static int by_rank(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->value < y->value || x->value > y->value) {
        return x->value > y->value ? -1 : 1;
    }
    return (x->index > y->index) - (x->index < y->index);
}

/* levels: how many different values there are, so that ties are many or few */
static void check(size_t count, size_t k, uint64_t levels, uint64_t seed)
{
    static float x[COUNT_MAX];
    static double d[COUNT_MAX];
    static struct entry want[COUNT_MAX];
    uint32_t got[NBA_TOP_MAX];
    struct nba_rng rng = nba_rng(seed);
    for (size_t i = 0; i < count; i++) {
        x[i] = (float)nba_rng_below(&rng, levels) - (float)(levels / 2);
        x[i] = x[i] == 0.0f && nba_rng_below(&rng, 2) == 0 ? -0.0f : x[i];
        d[i] = (double)x[i];
        want[i] = (struct entry){(double)x[i], (uint32_t)i};
    }
    qsort(want, count, sizeof want[0], by_rank);
    const size_t expected = k < count ? k : count;
    for (int form = 0; form < NBA_KERNELS_COUNT; form++) {
        const struct nba_kernels *kernels = nba_kernels_get((enum nba_kernels_form)form);
        if (kernels != NULL) {
            struct nba_top top;
            const size_t cut = nba_rng_below(&rng, count + 1);
            nba_top_init(&top, kernels, k);
            nba_top_add(&top, x, cut, 0);
            nba_top_add(&top, x + cut, count - cut, cut);
            assert_int_equal(top.count, expected);
            for (size_t i = 0; i < expected; i++) {
                assert_int_equal(top.indexes[i], want[i].index);
                assert_true(top.values[i] == want[i].value);
            }
        }
    }
    assert_int_equal(nba_top_k(x, count, k, got), expected);
    for (size_t i = 0; i < expected; i++) {
        assert_int_equal(got[i], want[i].index);
    }
    assert_int_equal(nba_top_k_double(d, count, k, got), expected);
    for (size_t i = 0; i < expected; i++) {
        assert_int_equal(got[i], want[i].index);
    }
}

static void test_top_k_equals_a_full_sort_with_ties_by_lower_index(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 15, 16, 17, 63, 127, 128, 129, 200, 1000, 1499, 2500};
    static const size_t ks[] = {0, 1, 5, 10, 32, 33, 64, 200, 256};
    static const uint64_t levels[] = {1, 2, 7, 100, 1000000};
    uint64_t seed = 1;
    for (size_t c = 0; c < NBA_ARRAY_COUNT(counts); c++) {
        for (size_t k = 0; k < NBA_ARRAY_COUNT(ks); k++) {
            for (size_t l = 0; l < NBA_ARRAY_COUNT(levels); l++) {
                check(counts[c], ks[k], levels[l], seed++);
            }
        }
    }
}

static void test_top_k_passes_over_padding_of_minus_infinity(void **state)
{
    (void)state;
    float x[160];
    uint32_t got[10];
    for (size_t i = 0; i < 160; i++) {
        x[i] = i < 130 ? -1000.0f - (float)i : -INFINITY;
    }
    assert_int_equal(nba_top_k(x, 160, 10, got), 10);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(got[i], i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_top_k_equals_a_full_sort_with_ties_by_lower_index),
        cmocka_unit_test(test_top_k_passes_over_padding_of_minus_infinity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
