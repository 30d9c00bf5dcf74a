/*
 * Kernels of serving: dense layers, activations and dot products whose result is the same, bit for
 * bit, for every batch size, every row's place in a batch and every instruction set.
 *
 * THE RULE.  Vectors run over outputs.  Each output is one chain: it starts at its bias (or at what
 * is already there) and takes k = 0, 1, 2... by fused multiply-add, one rounding each.  Lanes never
 * meet, so their number can't matter, nor can the rows that share a tile.  Where a sum must cross
 * lanes (a dot product) it runs in 16 chains, k modulo 16, folded 8 + 8, 4 + 4, 2 + 2, 1 + 1:
 * a definition, not an accident of a register's width.  Nothing here calls libm but fmaf, which is
 * exact by IEEE 754; compile with -ffp-contract=off and without -ffast-math.
 *
 *   dense        y[r][n] = fma(x[r][K-1], w[K-1][n], ... fma(x[r][0], w[0][n], bias[n]))
 *   dense_add    the same with y[r][n] in place of bias[n]
 *   dense_relu   dense, then max(y, 0)
 *   lstm_cell    the elementwise half of an LSTM step (nba/model/lstm.h)
 *   dot          sum of x[k] y[k], 16 chains
 *   exp, log, sigmoid, tanh, add_relu   elementwise (nba/linalg/elementary.h: how, and errors)
 *
 * BF16.  A layer's weights may be stored as bfloat16, the upper half of a float: half the memory to
 * read for every event.  Two inputs' weights share a word; a shift or a mask makes each the float
 * that it stands for, and the sum goes on in f32 by the same chain.  A layer of weights rounded by
 * nba_bf16 gives the same bits in either storage.
 *
 * SHAPES.  A layer's weights are packed in panels of 64 outputs: [N / 64][K][64], so that one k of
 * one panel is four cache lines side by side; the last panel is filled up with zeros.  N is rounded
 * up to a multiple of 16 in what is computed (`columns`), and the rows of y must have room for it.
 *
 * FORMS.  One table of functions a form; a new instruction set is one more of the list:
 *   portable   libm's fmaf: any machine (on x86-64 without FMA3 about 50 times slower)
 *   scalar     one FMA3 instruction at a time
 *   avx2       AVX2 + FMA3, eight lanes
 *   avx512     AVX-512 F, sixteen lanes
 * Asking for a form that this CPU lacks gives NULL.
 *
 * OWNERSHIP.  Tables are static.  A layer borrows its weights.
 * THREADS.  Everything here is pure or const: any thread may call.
 */
#ifndef NBA_LINALG_KERNELS_H
#define NBA_LINALG_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nba/base/compiler.h"

/* Outputs that lie side by side in packed weights. */
#define NBA_PANEL 64u
/* What is computed comes in whole vectors of the widest form (AVX-512). */
#define NBA_LANES 16u

enum nba_kernels_form {
    NBA_KERNELS_PORTABLE,
    NBA_KERNELS_SCALAR,
    NBA_KERNELS_AVX2,
    NBA_KERNELS_AVX512,
    NBA_KERNELS_COUNT
};

/* One dense layer, K inputs to N outputs. */
struct nba_layer {
    size_t inputs;         /* K */
    size_t outputs;        /* N */
    size_t columns;        /* N rounded up to NBA_LANES */
    const float *weights;  /* [(N + 63) / 64][K][64], 64-byte aligned, zero beyond N */
    const uint32_t *pairs; /* in its place: [(N + 63) / 64][K / 2][64], input 2 k in the lower half
                              of a word and 2 k + 1 in the upper; K is even */
    const float *bias; /* [columns], 64-byte aligned; what lies beyond N is the packer's choice */
};

struct nba_kernels {
    const char *name;
    /* x: rows of K floats, `x_stride` apart; y: rows of layer->columns floats, `y_stride` apart.
     * Any number of rows, 0 too.  x and y must not overlap. */
    void (*dense)(const struct nba_layer *layer, size_t rows, const float *x, size_t x_stride,
                  float *y, size_t y_stride);
    void (*dense_add)(const struct nba_layer *layer, size_t rows, const float *x, size_t x_stride,
                      float *y, size_t y_stride);
    void (*dense_relu)(const struct nba_layer *layer, size_t rows, const float *x, size_t x_stride,
                       float *y, size_t y_stride);
    /* gates: [i f g o][H] net inputs; h and c become h' and c'.  H is a multiple of NBA_LANES. */
    void (*lstm_cell)(size_t hidden, const float *gates, float *h, float *c);
    float (*dot)(size_t count, const float *x, const float *y);
    /* y = f(x), elementwise; x and y may be the same array.  Any count. */
    void (*exp)(size_t count, const float *x, float *y);
    void (*log)(size_t count, const float *x, float *y);
    void (*sigmoid)(size_t count, const float *x, float *y);
    void (*tanh)(size_t count, const float *x, float *y);
    /* y = max(a + b, 0): the two halves of a layer meet */
    void (*add_relu)(size_t count, const float *a, const float *b, float *y);
    /* y = nba_sigmoid(x), the same bits, several at a time */
    void (*sigmoid_double)(size_t count, const double *x, double *y);
    /* A number that at least k of x reach, near the k-th largest; -infinity when k is more than
     * half of count */
    float (*kth_bound)(size_t count, const float *x, size_t k);
    /* The indexes of x >= bound, rising; room for count + 1 */
    size_t (*at_least)(size_t count, const float *x, float bound, uint32_t *ret_indexes);
    /* How many of x are above each; x has room for NBA_LANES more, which are overwritten */
    void (*count_above)(size_t count, double *x, uint32_t *ret_counts);
};

/* The table of a form; NULL when this CPU can't run it. */
const struct nba_kernels *nba_kernels_get(enum nba_kernels_form form);
/* The fastest form of the level in force (nba/base/vector.h); never NULL. */
const struct nba_kernels *nba_kernels_best(void);

/* The nearest bfloat16, ties to even; what is too large becomes infinite. */
float nba_bf16(float x);

/*
 * Packs row-major w (K, N), `stride` floats from row to row, and bias (N), NULL for zeros, into
 * `memory` (64-byte aligned, nba_layer_floats of them), filling biases beyond N with `bias_fill`
 * (0, or -infinity where the columns are to be ranked).
 */
struct nba_layer_source {
    size_t inputs;
    size_t outputs;
    const float *weights; /* (K, N) row-major */
    size_t stride;        /* floats from row to row, >= N */
    bool transposed;      /* weights is (N, K), stride >= K */
    const float *bias;    /* (N) or NULL */
    float bias_fill;
    bool bf16; /* weights are rounded and stored in pairs; K is even */
};
/* Floats of packed weights and bias; both start on a cache line. */
size_t nba_layer_floats(const struct nba_layer_source *source);
void nba_layer_pack(const struct nba_layer_source *source, float *memory,
                    struct nba_layer *ret_layer);

/* The outputs from `first` on, a multiple of NBA_PANEL, at most `columns` of them, as a layer of
 * their own that borrows the same weights. */
struct nba_layer nba_layer_slice(const struct nba_layer *layer, size_t first, size_t columns);

#endif
