/* Linear probing at a load of at most a half. */
#include "tally.h"

#include <stdlib.h>
#include <string.h>

#include "nba/state/task.h"

#define SLOTS_FIRST 256u

void nba_tally_clear(struct nba_tally *tally)
{
    free(tally->slots);
    *tally = (struct nba_tally){0};
}

void nba_tally_reset(struct nba_tally *tally)
{
    if (tally->used != 0) {
        memset(tally->slots, 0, tally->slot_count * sizeof(tally->slots[0]));
        tally->used = 0;
    }
}

/* The pair's slot, or the free one where it belongs. */
static struct nba_tally_slot *find(struct nba_tally_slot *slots, uint32_t slot_count, uint64_t key)
{
    uint64_t hash = key * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
    uint32_t i = (uint32_t)hash & (slot_count - 1);
    while (slots[i].count != 0 && slots[i].key != key) {
        i = (i + 1) & (slot_count - 1);
    }
    return &slots[i];
}

uint32_t nba_tally_get(const struct nba_tally *tally, uint64_t key)
{
    return tally->used != 0 ? find(tally->slots, tally->slot_count, key)->count : 0;
}

static bool grow(struct nba_tally *tally)
{
    const uint32_t slot_count = tally->slot_count != 0 ? tally->slot_count * 2 : SLOTS_FIRST;
    struct nba_tally_slot *slots = calloc(slot_count, sizeof(slots[0]));
    if (slots == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < tally->slot_count; i++) {
        if (tally->slots[i].count != 0) {
            *find(slots, slot_count, tally->slots[i].key) = tally->slots[i];
        }
    }
    free(tally->slots);
    tally->slots = slots;
    tally->slot_count = slot_count;
    return true;
}

bool nba_tally_add(struct nba_tally *tally, uint64_t key, uint32_t count)
{
    if (count == 0) {
        return true;
    }
    if (tally->used == 0 && tally->slot_count == 0 && !grow(tally)) {
        return false;
    }
    struct nba_tally_slot *slot = find(tally->slots, tally->slot_count, key);
    if (slot->count == 0) {
        if (tally->used == NBA_TALLIES_MAX) {
            return false;
        }
        if ((tally->used + 1) * 2 > tally->slot_count) {
            if (!grow(tally)) {
                return false;
            }
            slot = find(tally->slots, tally->slot_count, key);
        }
        slot->key = key;
        tally->used++;
    }
    slot->count = count > UINT32_MAX - slot->count ? UINT32_MAX : slot->count + count;
    return true;
}
