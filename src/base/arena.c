/* A list of blocks, each at least as large as what it was made for; a reset walks back to the
 * first. */
#include "nba/base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"

#define ALIGNMENT       ((size_t)64)
#define ALIGNMENT_SMALL ((size_t)8)
#define BLOCK_BYTES     ((size_t)256 * 1024)

struct nba_arena_block {
    struct nba_arena_block *next;
    size_t bytes;
    size_t used;
    unsigned char *memory;
};

void nba_arena_init(struct nba_arena *arena, size_t bytes_max)
{
    NBA_ASSERT(arena != NULL);
    *arena = (struct nba_arena){.bytes_max = bytes_max};
}

void nba_arena_reset(struct nba_arena *arena)
{
    for (struct nba_arena_block *b = arena->first; b != NULL; b = b->next) {
        b->used = 0;
    }
    arena->current = arena->first;
    arena->bytes_used = 0;
}

void nba_arena_clear(struct nba_arena *arena)
{
    if (arena == NULL) {
        return;
    }
    struct nba_arena_block *b = arena->first;
    while (b != NULL) {
        struct nba_arena_block *next = b->next;
        free(b->memory);
        free(b);
        b = next;
    }
    nba_arena_init(arena, arena->bytes_max);
}

static struct nba_arena_block *block_create(struct nba_arena *arena, size_t bytes)
{
    /* aligned_alloc wants whole multiples of its alignment; bytes is far below SIZE_MAX here. */
    const size_t whole = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    const size_t wanted = whole > BLOCK_BYTES ? whole : BLOCK_BYTES;
    if (wanted > arena->bytes_max - arena->bytes_held) {
        return NULL;
    }
    struct nba_arena_block *block = malloc(sizeof(*block));
    void *memory = aligned_alloc(ALIGNMENT, wanted);
    if (block == NULL || memory == NULL) {
        free(block);
        free(memory);
        return NULL;
    }
    *block = (struct nba_arena_block){.bytes = wanted, .memory = memory};
    arena->bytes_held += wanted;
    return block;
}

static void *take(struct nba_arena *arena, size_t bytes, size_t alignment)
{
    NBA_ASSERT(arena != NULL);
    if (bytes > SIZE_MAX - 2 * ALIGNMENT) {
        return NULL;
    }
    struct nba_arena_block *block = arena->current;
    const size_t misaligned = block != NULL ? block->used % alignment : 0;
    const size_t rounded = (bytes + ALIGNMENT_SMALL - 1) / ALIGNMENT_SMALL * ALIGNMENT_SMALL +
                           (misaligned != 0 ? alignment - misaligned : 0);
    while (block != NULL && block->bytes - block->used < rounded && block->next != NULL) {
        block = block->next;
    }
    if (block == NULL || block->bytes - block->used < rounded) {
        struct nba_arena_block *made = block_create(arena, rounded);
        if (made == NULL) {
            return NULL;
        }
        if (block == NULL) {
            arena->first = made;
        } else {
            block->next = made;
        }
        block = made;
    }
    arena->current = block;
    void *memory = block->memory + (block->used + alignment - 1) / alignment * alignment;
    block->used += rounded;
    arena->bytes_used += rounded;
    if (arena->bytes_used > arena->bytes_high) {
        arena->bytes_high = arena->bytes_used;
    }
    return memory;
}

void *nba_arena_take(struct nba_arena *arena, size_t bytes)
{
    return take(arena, bytes, ALIGNMENT);
}

void *nba_arena_need(struct nba_arena *arena, size_t bytes)
{
    void *memory = nba_arena_take(arena, bytes);
    NBA_ASSERT(memory != NULL);
    return memory;
}

void *nba_arena_zeros(struct nba_arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    void *memory = nba_arena_take(arena, count * size);
    return memory != NULL ? memset(memory, 0, count * size) : NULL;
}

struct nba_str nba_arena_copy(struct nba_arena *arena, struct nba_str text)
{
    char *copy = take(arena, text.bytes, ALIGNMENT_SMALL);
    if (copy == NULL) {
        return nba_str(NULL, 0);
    }
    if (text.bytes != 0) {
        memcpy(copy, text.data, text.bytes);
    }
    return nba_str(copy, text.bytes);
}
