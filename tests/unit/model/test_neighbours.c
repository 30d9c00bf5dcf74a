/* Item-item scores: a closed form, both storages of one matrix, every form of the loops. */
#include "nba_test.h"

#include <string.h>

#include "nba/base/random.h"
#include "nba/base/vector.h"
#include "nba/model/neighbours.h"

enum { N = 1531, PER_ROW = 20, WINDOW = 9 };

static float dense[N * N];
static float sparse[N * PER_ROW];
static uint32_t offsets[N + 1];
static uint32_t columns[N * PER_ROW];
static float prior[N];

/* The same numbers in both storages. */
static int setup(void **state)
{
    (void)state;
    struct nba_rng rng = nba_rng(31);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t column = (uint32_t)nba_rng_below(&rng, 50);
        offsets[i + 1] = offsets[i];
        for (uint32_t j = 0; j < PER_ROW && column < N; j++) {
            const uint32_t e = offsets[i + 1]++;
            sparse[e] = (float)(2.0 * nba_rng_double(&rng) - 1.0);
            columns[e] = column;
            dense[i * N + column] = sparse[e];
            column += 1 + (uint32_t)nba_rng_below(&rng, 100);
        }
        prior[i] = (float)nba_rng_double(&rng);
    }
    return 0;
}

static struct nba_neighbours as_dense(void)
{
    return (struct nba_neighbours){
        .contents = N, .entries = N * N, .last = 5, .decay = 0.9f, .values = dense, .prior = prior};
}

static struct nba_neighbours as_sparse(void)
{
    struct nba_neighbours b = as_dense();
    b.entries = offsets[N];
    b.values = sparse;
    b.offsets = offsets;
    b.columns = columns;
    return b;
}

static void test_newest_counts_most_and_what_is_unknown_still_ages(void **state)
{
    (void)state;
    const float values[] = {0, 1, 2, 4, 0, 8, 16, 32, 0};
    const float start[] = {0.5f, 0, 0};
    struct nba_neighbours b = {
        .contents = 3, .entries = 9, .last = 3, .decay = 0.5f, .values = values, .prior = start};
    const uint32_t window[] = {2, 0, NBA_NEIGHBOURS_UNKNOWN, 1};
    float scores[3];
    nba_neighbours_scores(&b, window, 4, scores);
    assert_true(scores[0] == 4.5f && scores[1] == 0.25f && scores[2] == 8.5f);
    b.last = UINT32_MAX;
    nba_neighbours_scores(&b, window, 4, scores);
    assert_true(scores[0] == 6.5f && scores[1] == 4.25f && scores[2] == 8.5f);
    nba_neighbours_scores(&b, window, 0, scores);
    assert_memory_equal(scores, start, sizeof(start));
}

static void test_storages_and_forms_give_the_same_bits(void **state)
{
    (void)state;
    static float expected[N];
    static float scores[N];
    struct nba_rng rng = nba_rng(32);
    uint32_t window[WINDOW];
    for (size_t i = 0; i < WINDOW; i++) {
        window[i] = i == 6 ? NBA_NEIGHBOURS_UNKNOWN : (uint32_t)nba_rng_below(&rng, N);
    }
    const struct nba_neighbours both[] = {as_dense(), as_sparse()};
    nba_neighbours_scores(&both[0], window, WINDOW, expected);
    assert_true(memcmp(expected, prior, sizeof(prior)) != 0);
    for (int level = NBA_VECTOR_PLAIN; level < NBA_VECTOR_COUNT; level++) {
        nba_vector_limit((enum nba_vector_level)level);
        for (size_t i = 0; i < 2; i++) {
            nba_neighbours_scores(&both[i], window, WINDOW, scores);
            assert_memory_equal(scores, expected, sizeof(expected));
        }
    }
    nba_vector_limit(nba_vector_best());
}

static void test_broken_shapes_are_refused_by_name(void **state)
{
    (void)state;
    struct nba_error error;
    struct nba_neighbours b = as_sparse();
    assert_int_equal(nba_neighbours_check(&b, "knn", &error), NBA_OK);
    b.entries--;
    assert_int_equal(nba_neighbours_check(&b, "knn", &error), NBA_E_SHAPE);
    assert_non_null(strstr(error.message, "knn"));
    b = as_sparse();
    const uint32_t column = columns[1];
    columns[1] = columns[0];
    assert_int_equal(nba_neighbours_check(&b, "knn", &error), NBA_E_SHAPE);
    columns[1] = N;
    assert_int_equal(nba_neighbours_check(&b, "knn", &error), NBA_E_SHAPE);
    columns[1] = column;
    b = as_dense();
    assert_int_equal(nba_neighbours_check(&b, "ease", &error), NBA_OK);
    b.decay = 1.5f;
    assert_int_equal(nba_neighbours_check(&b, "ease", &error), NBA_E_SHAPE);
    b = as_dense();
    b.last = 0;
    assert_int_equal(nba_neighbours_check(&b, "ease", &error), NBA_E_SHAPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_newest_counts_most_and_what_is_unknown_still_ages),
        cmocka_unit_test(test_storages_and_forms_give_the_same_bits),
        cmocka_unit_test(test_broken_shapes_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
