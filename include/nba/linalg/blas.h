/*
 * The door to OpenBLAS: matrix products and an inverse, for training and bulk evaluation.
 *
 * Not for serving: OpenBLAS chooses its kernel by CPU and shape, so its last bits depend on the
 * batch (nba/linalg/kernels.h is what serves).  For one machine, one library and one thread the
 * same call gives the same bits, which is what a seeded training run needs.
 *
 * SHAPES.  A matrix is row-major, `stride` floats from row to row; `transposed` reads it the other
 * way round: rows and columns are those of what is stored.
 * THREADS.  nba_blas_use_one_thread() once, before any other call of this header; afterwards every
 * call runs on the caller's thread alone.
 */
#ifndef NBA_LINALG_BLAS_H
#define NBA_LINALG_BLAS_H

#include <stdbool.h>
#include <stddef.h>

struct nba_matrix {
    float *data;
    size_t rows; /* as stored */
    size_t columns;
    size_t stride; /* >= columns */
    bool transposed;
};

/* A whole row-major matrix without gaps; const is cast away where it is only read. */
struct nba_matrix nba_matrix(const float *data, size_t rows, size_t columns);
struct nba_matrix nba_transposed(const float *data, size_t rows, size_t columns);

void nba_blas_use_one_thread(void);

/* c = a b + beta c.  c must not be transposed; inner sizes must agree (asserted). */
void nba_blas_multiply(struct nba_matrix a, struct nba_matrix b, float beta, struct nba_matrix c);

/* `a` (n, n), symmetric and positive definite, of which only the right upper triangle is looked at:
 * becomes its inverse, whole (Cholesky).
 * False if it isn't positive definite: `a` is garbage then. */
bool nba_blas_invert(float *a, size_t n);

#endif
