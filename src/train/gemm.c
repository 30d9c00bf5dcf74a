/* Names for the three products, on linalg's door to OpenBLAS. */
#include "gemm_internal.h"

#include "nba/linalg/blas.h"

void nba_gemm_nn(struct gemm_size size, const float *a, const float *b, float beta, float *c)
{
    nba_blas_multiply(1.0f, nba_matrix(a, size.m, size.k), nba_matrix(b, size.k, size.n), beta,
                      nba_matrix(c, size.m, size.n));
}

void nba_gemm_nt(struct gemm_size size, const float *a, const float *b, float beta, float *c)
{
    nba_blas_multiply(1.0f, nba_matrix(a, size.m, size.k), nba_matrix_transposed(b, size.n, size.k),
                      beta, nba_matrix(c, size.m, size.n));
}

void nba_gemm_tn(struct gemm_size size, const float *a, const float *b, float beta, float *c)
{
    nba_blas_multiply(1.0f, nba_matrix_transposed(a, size.k, size.m), nba_matrix(b, size.k, size.n),
                      beta, nba_matrix(c, size.m, size.n));
}
