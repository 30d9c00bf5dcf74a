/* The door to OpenBLAS: each of the four orders of a product against plain loops. */
#include "nba_test.h"

#include <math.h>

#include "nba/base/random.h"
#include "nba/linalg/blas.h"

enum { M = 7, K = 11, N = 5 };

static void fill(struct nba_rng *rng, float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        x[i] = (float)(2 * nba_rng_double(rng) - 1);
    }
}

static float at(struct nba_matrix m, size_t row, size_t column)
{
    return m.transposed ? m.data[column * m.stride + row] : m.data[row * m.stride + column];
}

static void test_products_in_all_four_orders_match_plain_loops(void **state)
{
    (void)state;
    struct nba_rng rng = nba_rng(3);
    float a_data[M * K];
    float b_data[K * N];
    float c[M * N];
    float start[M * N];
    nba_blas_use_one_thread();
    for (int order = 0; order < 4; order++) {
        fill(&rng, a_data, M * K);
        fill(&rng, b_data, K * N);
        fill(&rng, start, M * N);
        memcpy(c, start, sizeof c);
        const struct nba_matrix a =
            order & 1 ? nba_transposed(a_data, K, M) : nba_matrix(a_data, M, K);
        const struct nba_matrix b =
            order & 2 ? nba_transposed(b_data, N, K) : nba_matrix(b_data, K, N);
        nba_blas_multiply(a, b, 0.5f, nba_matrix(c, M, N));
        for (size_t m = 0; m < M; m++) {
            for (size_t n = 0; n < N; n++) {
                double want = 0.5 * (double)start[m * N + n];
                for (size_t k = 0; k < K; k++) {
                    want += (double)at(a, m, k) * (double)at(b, k, n);
                }
                assert_true(fabs((double)c[m * N + n] - want) < 1e-5);
            }
        }
    }
}

static void test_an_inverse_times_its_matrix_is_the_identity(void **state)
{
    (void)state;
    struct nba_rng rng = nba_rng(4);
    float half[N * K];
    float a[N * N] = {0};
    float inverse[N * N];
    float product[N * N] = {0};
    fill(&rng, half, N * K);
    nba_blas_use_one_thread();
    nba_blas_multiply(nba_matrix(half, N, K), nba_transposed(half, N, K), 0.0f,
                      nba_matrix(a, N, N));
    for (size_t i = 0; i < N; i++) {
        a[i * N + i] += 0.5f;
    }
    memcpy(inverse, a, sizeof a);
    assert_true(nba_blas_invert(inverse, N));
    nba_blas_multiply(nba_matrix(a, N, N), nba_matrix(inverse, N, N), 0.0f,
                      nba_matrix(product, N, N));
    for (size_t i = 0; i < N * N; i++) {
        assert_true(fabsf(product[i] - (i % (N + 1) == 0 ? 1.0f : 0.0f)) < 1e-4f);
    }
    a[0] = -1.0f; /* no longer positive definite */
    assert_false(nba_blas_invert(a, N));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products_in_all_four_orders_match_plain_loops),
        cmocka_unit_test(test_an_inverse_times_its_matrix_is_the_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
