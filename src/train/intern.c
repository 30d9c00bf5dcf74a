/* Grows by doubling; slots are rebuilt from the kept hashes. */
#include "intern.h"

#include <stdlib.h>
#include <string.h>

#include "nba/base/hash.h"

#define TEXT_BYTES_MAX ((size_t)4 << 30)
#define FIRST_SLOTS    1024u

void nba_intern_init(struct nba_intern *intern)
{
    memset(intern, 0, sizeof(*intern));
    nba_arena_init(&intern->texts, TEXT_BYTES_MAX);
}

void nba_intern_clear(struct nba_intern *intern)
{
    nba_arena_clear(&intern->texts);
    free(intern->items);
    free(intern->hashes);
    free(intern->slots);
    memset(intern, 0, sizeof(*intern));
}

static uint32_t free_slot(const struct nba_intern *intern, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & (intern->slot_count - 1);
    while (intern->slots[at] != 0) {
        at = (at + 1) & (intern->slot_count - 1);
    }
    return at;
}

static bool grow(struct nba_intern *intern)
{
    const uint32_t slots = intern->slot_count != 0 ? intern->slot_count * 2 : FIRST_SLOTS;
    const uint32_t capacity = slots / 3 * 2;
    struct nba_str *items = realloc(intern->items, capacity * sizeof(*items));
    if (items != NULL) {
        intern->items = items;
    }
    uint64_t *hashes = realloc(intern->hashes, capacity * sizeof(*hashes));
    if (hashes != NULL) {
        intern->hashes = hashes;
    }
    uint32_t *table = calloc(slots, sizeof(*table));
    if (items == NULL || hashes == NULL || table == NULL) {
        free(table);
        return false;
    }
    free(intern->slots);
    intern->slots = table;
    intern->slot_count = slots;
    intern->item_capacity = capacity;
    for (uint32_t i = 0; i < intern->count; i++) {
        table[free_slot(intern, intern->hashes[i])] = i + 1;
    }
    return true;
}

bool nba_intern_put(struct nba_intern *intern, struct nba_str text, uint32_t *ret_number)
{
    const uint64_t hash = nba_xxh64(text.data, text.bytes);
    if (intern->count == intern->item_capacity && !grow(intern)) {
        return false;
    }
    uint32_t at = (uint32_t)hash & (intern->slot_count - 1);
    for (; intern->slots[at] != 0; at = (at + 1) & (intern->slot_count - 1)) {
        const uint32_t number = intern->slots[at] - 1;
        if (intern->hashes[number] == hash && nba_str_equal(intern->items[number], text)) {
            *ret_number = number;
            return true;
        }
    }
    const struct nba_str kept = nba_arena_copy(&intern->texts, text);
    if (kept.data == NULL && text.bytes != 0) {
        return false;
    }
    intern->items[intern->count] = kept;
    intern->hashes[intern->count] = hash;
    intern->slots[at] = ++intern->count;
    *ret_number = intern->count - 1;
    return true;
}
