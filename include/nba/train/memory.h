/*
 * Memory of one lifetime for training: zeroed pieces, all given back at once.
 *
 * ERRORS.  Taking never fails at the call that could be told: without memory `failed` turns true
 * and NULL comes back, then and for every later piece, so that whoever makes something asks for all
 * of its pieces first and looks at `failed` once, before the first use.
 * OWNERSHIP.  A zeroed struct is empty and may be cleared.  THREADS.  One.
 */
#ifndef NBA_TRAIN_MEMORY_H
#define NBA_TRAIN_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "nba/base/arena.h"

struct nba_memory {
    struct nba_arena arena;
    bool failed;
};

void nba_memory_clear(struct nba_memory *memory);
/* `count` pieces of `size` bytes, zero, aligned to 64. */
void *nba_memory_take(struct nba_memory *memory, size_t count, size_t size);
/* A copy; empty without memory. */
struct nba_str nba_memory_text(struct nba_memory *memory, struct nba_str text);
float *nba_memory_floats(struct nba_memory *memory, size_t count);

#endif
