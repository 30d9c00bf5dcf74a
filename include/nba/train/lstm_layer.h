/*
 * One LSTM layer over a batch of sequences of different lengths, forward and backward through time.
 *
 * EQUATIONS  (gates stacked i, f, g, o; x is the layer's input, h and c start at zero)
 *
 *   i = sigm(x Wi + h' Ui + bi)    f = sigm(x Wf + h' Uf + bf)
 *   g = tanh(x Wg + h' Ug + bg)    o = sigm(x Wo + h' Uo + bo)
 *   c = f * c' + i * g             h = o * tanh(c)            (' = previous step)
 *
 * and backwards, with dh = (gradient from above) + (gradient from the next step):
 *
 *   dc += dh o (1 - tanh(c)^2)
 *   do  = dh tanh(c) o (1 - o)     di = dc g i (1 - i)
 *   df  = dc c' f (1 - f)          dg = dc i (1 - g^2)        dc' = dc f
 *   dh' = dgates U^T   dx = dgates W^T   dW = x^T dgates   dU = h'^T dgates   db = sum dgates
 *
 * S. Hochreiter, J. Schmidhuber, Neural Computation 9(8), 1997; F. Gers et al., 12(10), 2000.
 *
 * PACKING.  The sequences of a batch are sorted by length, longest first.  At step t the first
 * rows[t] of them are still running; the rows of step t lie together, and after them those of step
 * t + 1: no row is padding, and every step is one matrix product.
 *
 *   step       0           1        2            rows = 3, 2, 1;  offset = 0, 3, 5;  total = 6
 *   row        0  1  2     3  4     5            row i of step t follows row i of step t - 1
 *
 * SHAPES.  D inputs, H hidden, R packed rows.  Matrices are row-major with the input first:
 *   w_x (D, 4H)   w_h (H, 4H)   bias (4H)   x (R, D)   outputs (R, H)
 * that is PyTorch's weight_ih and weight_hh transposed, bias_ih + bias_hh summed.
 */
#ifndef NBA_TRAIN_LSTM_LAYER_H
#define NBA_TRAIN_LSTM_LAYER_H

#include "nba/train/parameter.h"

/* Steps of one sequence: two anchored windows of the largest W. */
#define NBA_PACKING_STEPS_MAX 1024u

struct nba_packing {
    size_t step_count;
    size_t total; /* packed rows */
    uint32_t rows[NBA_PACKING_STEPS_MAX];
    uint32_t offset[NBA_PACKING_STEPS_MAX];
};

/* `lengths` in falling order, at least 1 and at most NBA_PACKING_STEPS_MAX (asserted). */
void nba_packing_init(struct nba_packing *packing, const uint32_t *lengths, size_t count);

struct nba_lstm_layer {
    size_t inputs, hidden; /* D, H */
    size_t rows_max;       /* packed rows there is room for */
    struct nba_parameter w_x, w_h, bias;
    float *gates;    /* (R, 4H) after forward the gates, after backward their gradients */
    float *cells;    /* (R, H) c */
    float *squashed; /* (R, H) tanh(c) */
    float *outputs;  /* (R, H) h */
    float *previous; /* (R, H) h of the step before, for dU */
    float *d_cell;   /* (rows[0], H) carried backwards */
};

void nba_lstm_layer_init(struct nba_lstm_layer *layer, struct nba_parameters *all, size_t inputs,
                         size_t hidden, size_t rows_max);
/* Weights uniform in +-1/sqrt(H) as PyTorch does, forget bias raised by 1 (Jozefowicz et al.,
 * ICML 2015). */
void nba_lstm_layer_fill(struct nba_lstm_layer *layer, struct nba_rng *rng);

/* x (R, D) -> layer->outputs (R, H). */
void nba_lstm_layer_forward(struct nba_lstm_layer *layer, const struct nba_packing *packing,
                            const float *x);

/* After _forward on the same x.  `d_outputs` (R, H) is overwritten; d_x (R, D) is written, and the
 * parameters' gradients are added to. */
void nba_lstm_layer_backward(struct nba_lstm_layer *layer, const struct nba_packing *packing,
                             const float *x, float *d_outputs, float *d_x);

#endif
