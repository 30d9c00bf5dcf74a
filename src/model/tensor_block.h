/*
 * One aligned block for a model's packed tensors, handed out piece by piece, each piece on a cache
 * line.  An empty block hands out nothing and counts: a model is laid out twice, first to see how
 * much it takes.  Huge pages where the system gives them: 850 KB of weights are read for every
 * event, and 4 KiB pages would miss the TLB on the way.
 */
#ifndef NBA_MODEL_TENSOR_BLOCK_H
#define NBA_MODEL_TENSOR_BLOCK_H

#include "nba/linalg/kernels.h"

struct nba_tensor_block {
    float *data; /* NULL: an empty one */
    size_t floats;
    size_t used;
};

/* Zeroed memory for `floats`; empty when there is none.  nba_tensor_block_clear frees it. */
struct nba_tensor_block nba_tensor_block(size_t floats);
void nba_tensor_block_clear(struct nba_tensor_block *block);
/* The next pieces: a layer packed for the kernels, and a copy. */
void nba_tensor_block_pack(struct nba_tensor_block *block, const struct nba_layer_source *source,
                           struct nba_layer *ret_layer);
const float *nba_tensor_block_copy(struct nba_tensor_block *block, const float *values,
                                   size_t count);
/* The next piece: a layer's outputs for each of the `rows` vectors it can see, by the very kernel
 * that would have run it later.  NULL: an empty block, or no memory to pack the layer in. */
const float *nba_tensor_block_table(struct nba_tensor_block *block,
                                    const struct nba_kernels *kernels,
                                    const struct nba_layer_source *source, const float *vectors,
                                    size_t rows);

#endif
