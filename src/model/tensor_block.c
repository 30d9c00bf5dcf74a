/* Aligned to 2 MiB when it is at least half of that, and backed by huge pages where the system has
 * them: weights that just fit the second cache then lie in it side by side, whatever pages are
 * free.  Aligned to 64 bytes otherwise. */
#include "tensor_block.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "nba/base/assert.h"

#define HUGE_PAGE_BYTES ((size_t)2 << 20)

/* Floats that a piece takes. */
static size_t room_of(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

struct nba_tensor_block nba_tensor_block(size_t floats)
{
    const size_t bytes = room_of(floats) * sizeof(float);
    const size_t step = bytes >= HUGE_PAGE_BYTES / 2 ? HUGE_PAGE_BYTES : 64;
    const size_t whole = (bytes + step - 1) / step * step;
    void *data = NULL;
    if (posix_memalign(&data, step, whole) != 0) {
        return (struct nba_tensor_block){0};
    }
#ifdef MADV_HUGEPAGE
    if (step == HUGE_PAGE_BYTES) {
        (void)madvise(data, whole, MADV_HUGEPAGE); /* refused: small pages, the same bits */
    }
#endif
    memset(data, 0, whole);
    return (struct nba_tensor_block){.data = data, .floats = whole / sizeof(float)};
}

void nba_tensor_block_clear(struct nba_tensor_block *block)
{
    free(block->data);
    *block = (struct nba_tensor_block){0};
}

/* The next piece; NULL of an empty block. */
static float *take(struct nba_tensor_block *block, size_t floats)
{
    float *piece = block->data != NULL ? block->data + block->used : NULL;
    block->used += room_of(floats);
    NBA_ASSERT(piece == NULL || block->used <= block->floats);
    return piece;
}

void nba_tensor_block_pack(struct nba_tensor_block *block, const struct nba_layer_source *source,
                           struct nba_layer *ret_layer)
{
    float *piece = take(block, nba_layer_floats(source));
    if (piece != NULL) {
        nba_layer_pack(source, piece, ret_layer);
    }
}

const float *nba_tensor_block_copy(struct nba_tensor_block *block, const float *values,
                                   size_t count)
{
    float *piece = take(block, count);
    return piece != NULL ? memcpy(piece, values, count * sizeof *values) : NULL;
}

const float *nba_tensor_block_table(struct nba_tensor_block *block,
                                    const struct nba_kernels *kernels,
                                    const struct nba_layer_source *source, const float *vectors,
                                    size_t rows)
{
    float *table = take(block, rows * source->outputs);
    struct nba_tensor_block scratch = {0};
    struct nba_layer layer;
    if (table != NULL) {
        scratch = nba_tensor_block(nba_layer_floats(source));
    }
    if (scratch.data == NULL) {
        return NULL;
    }
    nba_tensor_block_pack(&scratch, source, &layer);
    kernels->dense(&layer, rows, vectors, source->inputs, table, source->outputs);
    nba_tensor_block_clear(&scratch);
    return table;
}
