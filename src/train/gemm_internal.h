/*
 * Row-major matrix products of training, through linalg's door to OpenBLAS (one thread).
 *   nba_gemm_nn   C (m, n) = beta C + A (m, k) B (k, n)
 *   nba_gemm_nt   C (m, n) = beta C + A (m, k) B (n, k)^T
 *   nba_gemm_tn   C (m, n) = beta C + A (k, m)^T B (k, n)
 */
#ifndef NBA_TRAIN_GEMM_INTERNAL_H
#define NBA_TRAIN_GEMM_INTERNAL_H

#include <stddef.h>

struct gemm_size {
    size_t m, n, k;
};

void nba_gemm_nn(struct gemm_size size, const float *a, const float *b, float beta, float *c);
void nba_gemm_nt(struct gemm_size size, const float *a, const float *b, float beta, float *c);
void nba_gemm_tn(struct gemm_size size, const float *a, const float *b, float beta, float *c);

#endif
