/*
 * One aligned block for a model's packed tensors: asked for once, then handed out piece by piece,
 * each piece on a cache line.  Huge pages where the system gives them: 850 KB of weights are read
 * for every event, and 4 KiB pages would miss the TLB on the way.
 */
#ifndef NBA_MODEL_TENSOR_BLOCK_H
#define NBA_MODEL_TENSOR_BLOCK_H

#include <stddef.h>

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

/* Zeroed memory for `floats`; data is NULL when there is none.  nba_tensor_block_clear frees it. */
struct nba_tensor_block nba_tensor_block(size_t floats);
void nba_tensor_block_clear(struct nba_tensor_block *block);
/* The next piece; asserts that it fits. */
float *nba_tensor_block_take(struct nba_tensor_block *block, size_t floats);

#endif
