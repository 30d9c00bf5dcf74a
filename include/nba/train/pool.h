/*
 * Memory of one lifetime for training: an arena whose pieces are zero and always there.
 *
 * A data set has limits of its own and everything else follows from its size, so a machine that has
 * no room for a piece can't train on it: the process ends (NBA_ASSERT) and no caller has a case for
 * it.  A zeroed arena is an empty pool; nba_arena_clear gives all pieces back at once.
 */
#ifndef NBA_TRAIN_POOL_H
#define NBA_TRAIN_POOL_H

#include "nba/base/arena.h"

/* `count` items of `size` bytes, zero, aligned to 64. */
void *nba_pool_take(struct nba_arena *pool, size_t count, size_t size);
float *nba_pool_floats(struct nba_arena *pool, size_t count);
struct nba_str nba_pool_text(struct nba_arena *pool, struct nba_str text);

#endif
