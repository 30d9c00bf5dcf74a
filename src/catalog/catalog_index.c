#include <stdlib.h>
#include <string.h>

#include "catalog_internal.h"
#include "nba/base/assert.h"

static void put(struct catalog_index *index, uint64_t hash, uint32_t number)
{
    uint32_t i = (uint32_t)hash & (index->capacity - 1);
    while (index->numbers[i] != 0) {
        i = (i + 1) & (index->capacity - 1);
    }
    index->hashes[i] = hash;
    index->numbers[i] = number + 1;
}

bool nba_catalog_index_reserve(struct catalog_index *index, uint32_t count)
{
    uint32_t capacity = index->capacity != 0 ? index->capacity : 64;
    while (capacity / 2 < count) {
        capacity *= 2;
    }
    if (capacity == index->capacity) {
        return true;
    }
    struct catalog_index wider = {.capacity = capacity, .count = index->count};
    wider.hashes = malloc(capacity * sizeof(*wider.hashes));
    wider.numbers = calloc(capacity, sizeof(*wider.numbers));
    if (wider.hashes == NULL || wider.numbers == NULL) {
        nba_catalog_index_clear(&wider);
        return false;
    }
    for (uint32_t i = 0; i < index->capacity; i++) {
        if (index->numbers[i] != 0) {
            put(&wider, index->hashes[i], index->numbers[i] - 1);
        }
    }
    nba_catalog_index_clear(index);
    *index = wider;
    return true;
}

void nba_catalog_index_add(struct catalog_index *index, uint64_t hash, uint32_t number)
{
    NBA_ASSERT(index->count < index->capacity / 2);
    put(index, hash, number);
    index->count++;
}

uint32_t nba_catalog_index_next(const struct catalog_index *index, uint64_t hash, uint32_t *cursor)
{
    if (index->capacity == 0) {
        return NBA_CATALOG_NONE;
    }
    for (;;) {
        const uint32_t i = ((uint32_t)hash + *cursor) & (index->capacity - 1);
        if (index->numbers[i] == 0) {
            return NBA_CATALOG_NONE;
        }
        *cursor += 1;
        if (index->hashes[i] == hash) {
            return index->numbers[i] - 1;
        }
    }
}

void nba_catalog_index_clear(struct catalog_index *index)
{
    free(index->hashes);
    free(index->numbers);
    *index = (struct catalog_index){0};
}
