/*
 * Counts by (specialty, content): a hash map of 64-bit keys with linear probing, grown by doubling
 * up to NBA_TALLIES_MAX pairs.  A count of 0 marks a free slot; nothing is ever removed, except all
 * at once.
 */
#ifndef NBA_STATE_TALLY_H
#define NBA_STATE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

struct nba_tally_slot {
    uint64_t key; /* specialty << 32 | content hash */
    uint32_t count;
};

struct nba_tally {
    struct nba_tally_slot *slots;
    uint32_t slot_count; /* a power of two, or 0 */
    uint32_t used;
};

static inline uint64_t nba_tally_key(uint32_t specialty, uint32_t content_hash)
{
    return (uint64_t)specialty << 32 | content_hash;
}

void nba_tally_clear(struct nba_tally *tally); /* frees */
void nba_tally_reset(struct nba_tally *tally); /* empties, keeps the memory */
uint32_t nba_tally_get(const struct nba_tally *tally, uint64_t key);
/* Adds `count` to a pair; false (and unchanged) when it is new and there is no room. */
bool nba_tally_add(struct nba_tally *tally, uint64_t key, uint32_t count);

#endif
