/*
 * One aligned block for a model's packed tensors: asked for once, then handed out piece by piece,
 * each piece on a cache line.  Huge pages where the system gives them: 850 KB of weights are read
 * for every event, and 4 KiB pages would miss the TLB on the way.
 */
#ifndef NBA_MODEL_TENSOR_BLOCK_H
#define NBA_MODEL_TENSOR_BLOCK_H

#include <stdbool.h>

#include "nba/linalg/kernels.h"

struct nba_tensor_block {
    float *data;
    size_t floats;
    size_t used;
};

/* Floats that a piece takes in a block. */
static inline size_t nba_tensor_block_room(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

/* And those of a packed layer. */
static inline size_t nba_tensor_block_layer_room(size_t inputs, size_t outputs)
{
    return nba_tensor_block_room(nba_layer_weight_floats(inputs, outputs) +
                                 nba_layer_bias_floats(outputs));
}

/* Zeroed memory for `floats`; data is NULL when there is none.  nba_tensor_block_clear frees it. */
struct nba_tensor_block nba_tensor_block(size_t floats);
void nba_tensor_block_clear(struct nba_tensor_block *block);
/* The next piece; asserts that it fits. */
float *nba_tensor_block_take(struct nba_tensor_block *block, size_t floats);
/* The next pieces: a layer packed for the kernels, and a copy. */
void nba_tensor_block_pack(struct nba_tensor_block *block, const struct nba_layer_source *source,
                           struct nba_layer *ret_layer);
const float *nba_tensor_block_copy(struct nba_tensor_block *block, const float *values,
                                   size_t count);
/* The next piece: a layer's outputs for each of the `rows` vectors it can see, by the very kernel
 * that would have run it later.  NULL: no memory to pack the layer in. */
const float *nba_tensor_block_table(struct nba_tensor_block *block,
                                    const struct nba_kernels *kernels,
                                    const struct nba_layer_source *source, const float *vectors,
                                    size_t rows);

#endif
