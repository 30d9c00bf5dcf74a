#include "nba/train/memory.h"

#include <stdint.h>

void nba_memory_clear(struct nba_memory *memory)
{
    nba_arena_clear(&memory->arena);
    memory->failed = false;
}

void *nba_memory_take(struct nba_memory *memory, size_t count, size_t size)
{
    memory->arena.bytes_max = SIZE_MAX; /* what is asked for follows from data sets' own limits */
    void *piece = memory->failed ? NULL : nba_arena_zeros(&memory->arena, count, size);
    memory->failed = piece == NULL;
    return piece;
}

struct nba_str nba_memory_text(struct nba_memory *memory, struct nba_str text)
{
    memory->arena.bytes_max = SIZE_MAX;
    const struct nba_str copy = nba_arena_copy(&memory->arena, text);
    memory->failed = memory->failed || copy.data == NULL;
    return copy;
}

float *nba_memory_floats(struct nba_memory *memory, size_t count)
{
    return nba_memory_take(memory, count, sizeof(float));
}
