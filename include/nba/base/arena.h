/*
 * An arena: memory of one lifetime, given back all at once.
 *
 * A worker resets its arena after each transaction; its high-water mark is a metric.  Blocks are
 * kept over a reset, so a warm arena allocates nothing.  Not for several threads.
 *
 * ERRORS.  Past `bytes_max` or without memory, nba_arena_take returns NULL; what is asked for on
 * the event path is bounded by limits.h, so callers there size the arena and treat NULL as
 * NBA_E_NO_MEMORY.
 */
#ifndef NBA_BASE_ARENA_H
#define NBA_BASE_ARENA_H

#include <stddef.h>

#include "nba/base/str.h"

struct nba_arena_block;

struct nba_arena {
    struct nba_arena_block *first;
    struct nba_arena_block *current;
    size_t bytes_used; /* since the last reset */
    size_t bytes_high; /* most ever used between two resets */
    size_t bytes_held; /* allocated from the system */
    size_t bytes_max;
};

void nba_arena_init(struct nba_arena *arena, size_t bytes_max);
void nba_arena_reset(struct nba_arena *arena);
void nba_arena_clear(struct nba_arena *arena);

/* `bytes` bytes, aligned to 64 (a cache line, and every vector type); not zeroed. */
void *nba_arena_take(struct nba_arena *arena, size_t bytes);
/* The same for what limits.h bounds far below the ceiling: never NULL, a lack of room is a bug. */
void *nba_arena_need(struct nba_arena *arena, size_t bytes);
/* As take, for count * size bytes, all zero; NULL also when the product overflows. */
void *nba_arena_zeros(struct nba_arena *arena, size_t count, size_t size);
/* A copy of `text`; its data is NULL when there is no room. */
struct nba_str nba_arena_copy(struct nba_arena *arena, struct nba_str text);

#endif
