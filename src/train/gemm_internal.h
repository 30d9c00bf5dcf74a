/*
 * Row-major matrix products of training, through linalg's door to OpenBLAS (one thread).
 *   gemm_nn   C (m, n) = beta C + A (m, k) B (k, n)
 *   gemm_nt   C (m, n) = beta C + A (m, k) B (n, k)^T
 *   gemm_tn   C (m, n) = beta C + A (k, m)^T B (k, n)
 */
#ifndef NBA_TRAIN_GEMM_INTERNAL_H
#define NBA_TRAIN_GEMM_INTERNAL_H

#include <stddef.h>

struct gemm_size {
    size_t m, n, k;
};

void gemm_nn(struct gemm_size size, const float *a, const float *b, float beta, float *c);
void gemm_nt(struct gemm_size size, const float *a, const float *b, float beta, float *c);
void gemm_tn(struct gemm_size size, const float *a, const float *b, float beta, float *c);

#endif
