#include "nba/train/pool.h"

#include <stdint.h>

#include "nba/base/assert.h"

void *nba_pool_take(struct nba_arena *pool, size_t count, size_t size)
{
    pool->bytes_max = SIZE_MAX;
    void *piece = nba_arena_zeros(pool, count, size);
    NBA_ASSERT(piece != NULL);
    return piece;
}

float *nba_pool_floats(struct nba_arena *pool, size_t count)
{
    return nba_pool_take(pool, count, sizeof(float));
}

struct nba_str nba_pool_text(struct nba_arena *pool, struct nba_str text)
{
    pool->bytes_max = SIZE_MAX;
    const struct nba_str copy = nba_arena_copy(pool, text);
    NBA_ASSERT(copy.data != NULL);
    return copy;
}
