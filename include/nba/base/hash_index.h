/*
 * Hash to number: which entries of an array have this hash.
 *
 * Open addressing with linear probes, at most half full.  What is compared beyond the hash is the
 * caller's, who owns the array: he walks the entries of one hash with nba_hash_index_next.  Keys of
 * equal size that may be compared as bytes (no padding, or padding zeroed) are numbered by
 * nba_hash_index_intern.  Nothing is taken out again.  Not for several threads.
 */
#ifndef NBA_BASE_HASH_INDEX_H
#define NBA_BASE_HASH_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nba/base/compiler.h"

#define NBA_HASH_INDEX_NONE UINT32_MAX

/* All zero: an empty one. */
struct nba_hash_index {
    uint64_t *hashes;
    uint32_t *numbers; /* number + 1; 0: free */
    uint32_t capacity; /* a power of two, or 0 */
    uint32_t count;
};

/* Room for `count` entries in all; false without memory. */
NBA_MUST_USE
bool nba_hash_index_reserve(struct nba_hash_index *index, uint32_t count);
/* There must be room. */
void nba_hash_index_add(struct nba_hash_index *index, uint64_t hash, uint32_t number);
/* The next entry with this hash, *cursor = 0 at the start; NBA_HASH_INDEX_NONE: no more. */
uint32_t nba_hash_index_next(const struct nba_hash_index *index, uint64_t hash, uint32_t *cursor);
/* The number of `key` in the array `keys`; a new one is copied behind the others (room for it in
 * both, and entries come by this function only). */
uint32_t nba_hash_index_intern(struct nba_hash_index *index, void *keys, size_t key_bytes,
                               const void *key);
/* Empty again, memory kept. */
void nba_hash_index_reset(struct nba_hash_index *index);
/* Frees. */
void nba_hash_index_clear(struct nba_hash_index *index);

#endif
