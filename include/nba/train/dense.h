/*
 * A dense layer with relu, forward and backward:
 *
 *   y = relu(x W + b)      dz = dy [y > 0]     dW += x^T dz     db += sum dz     dx = dz W^T
 *
 * SHAPES.  R rows, D inputs, H outputs: x (R, D), w (D, H), b (H), y (R, H).
 */
#ifndef NBA_TRAIN_DENSE_H
#define NBA_TRAIN_DENSE_H

#include "nba/train/parameter.h"

struct nba_dense {
    struct nba_parameter w, b;
};

void nba_dense_init(struct nba_dense *dense, struct nba_parameters *all, const char *w_name,
                    const char *b_name, size_t inputs, size_t outputs);
/* Uniform in +-sqrt(6 / (D + H)) (X. Glorot, Y. Bengio, AISTATS 2010); b stays zero. */
void nba_dense_fill(struct nba_dense *dense, struct nba_rng *rng);

void nba_dense_forward(const struct nba_dense *dense, const float *x, size_t rows, float *y);
/* After _forward.  d_y becomes dz; d_x is written. */
void nba_dense_backward(struct nba_dense *dense, const float *x, const float *y, size_t rows,
                        float *d_y, float *d_x);

/* Its last and first steps alone, for a layer whose product is made in parts: z -> relu(z + b), and
 * d_y -> dz with db. */
void nba_dense_activate(const struct nba_dense *dense, size_t rows, float *y);
void nba_dense_deactivate(struct nba_dense *dense, const float *y, size_t rows, float *d_y);

#endif
