#include "nba/train/dense.h"

#include <math.h>

#include "nba/linalg/blas.h"
#include "vector_internal.h"

void nba_dense_init(struct nba_dense *dense, struct nba_parameters *all, const char *w_name,
                    const char *b_name, size_t inputs, size_t outputs)
{
    nba_parameter_init(&dense->w, all, w_name, inputs, outputs, false);
    nba_parameter_init(&dense->b, all, b_name, 1, outputs, false);
}

void nba_dense_fill(struct nba_dense *dense, struct nba_rng *rng)
{
    nba_parameter_fill_uniform(&dense->w, rng,
                               sqrt(6.0 / (double)(dense->w.rows + dense->w.columns)));
}

void nba_dense_activate(const struct nba_dense *dense, size_t rows, float *y)
{
    const size_t H = dense->b.columns;
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; j < H; j++) {
            const float z = y[r * H + j] + dense->b.value[j];
            y[r * H + j] = z > 0.0f ? z : 0.0f;
        }
    }
}

void nba_dense_deactivate(struct nba_dense *dense, const float *y, size_t rows, float *d_y)
{
    const size_t H = dense->b.columns;
    for (size_t i = 0; i < rows * H; i++) {
        d_y[i] = y[i] > 0.0f ? d_y[i] : 0.0f;
    }
    for (size_t r = 0; r < rows; r++) {
        vector_add(dense->b.grad, d_y + r * H, 1.0f, H);
    }
}

void nba_dense_forward(const struct nba_dense *dense, const float *x, size_t rows, float *y)
{
    const size_t D = dense->w.rows;
    const size_t H = dense->w.columns;
    nba_blas_multiply(nba_matrix(x, rows, D), nba_matrix(dense->w.value, D, H), 0.0f,
                      nba_matrix(y, rows, H));
    nba_dense_activate(dense, rows, y);
}

void nba_dense_backward(struct nba_dense *dense, const float *x, const float *y, size_t rows,
                        float *d_y, float *d_x)
{
    const size_t D = dense->w.rows;
    const size_t H = dense->w.columns;
    nba_dense_deactivate(dense, y, rows, d_y);
    nba_blas_multiply(nba_transposed(x, rows, D), nba_matrix(d_y, rows, H), 1.0f,
                      nba_matrix(dense->w.grad, D, H));
    nba_blas_multiply(nba_matrix(d_y, rows, H), nba_transposed(dense->w.value, D, H), 0.0f,
                      nba_matrix(d_x, rows, D));
}
