#include "nba/base/hash_index.h"

#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/hash.h"

#define CAPACITY_MIN 64u

bool nba_hash_index_reserve(struct nba_hash_index *index, uint32_t count)
{
    uint32_t capacity = index->capacity != 0 ? index->capacity : CAPACITY_MIN;
    while (capacity / 2 <= count) {
        capacity *= 2;
    }
    if (capacity == index->capacity) {
        return true;
    }
    struct nba_hash_index wider = {.capacity = capacity};
    wider.hashes = malloc(capacity * sizeof(*wider.hashes));
    wider.numbers = calloc(capacity, sizeof(*wider.numbers));
    if (wider.hashes == NULL || wider.numbers == NULL) {
        nba_hash_index_clear(&wider);
        return false;
    }
    for (uint32_t i = 0; i < index->capacity; i++) {
        if (index->numbers[i] != 0) {
            nba_hash_index_add(&wider, index->hashes[i], index->numbers[i] - 1);
        }
    }
    nba_hash_index_clear(index);
    *index = wider;
    return true;
}

void nba_hash_index_add(struct nba_hash_index *index, uint64_t hash, uint32_t number)
{
    uint32_t i = (uint32_t)hash & (index->capacity - 1);
    NBA_ASSERT(index->count < index->capacity / 2);
    while (index->numbers[i] != 0) {
        i = (i + 1) & (index->capacity - 1);
    }
    index->hashes[i] = hash;
    index->numbers[i] = number + 1;
    index->count++;
}

uint32_t nba_hash_index_next(const struct nba_hash_index *index, uint64_t hash, uint32_t *cursor)
{
    while (index->capacity != 0) {
        const uint32_t i = ((uint32_t)hash + *cursor) & (index->capacity - 1);
        if (index->numbers[i] == 0) {
            break;
        }
        *cursor += 1;
        if (index->hashes[i] == hash) {
            return index->numbers[i] - 1;
        }
    }
    return NBA_HASH_INDEX_NONE;
}

uint32_t nba_hash_index_intern(struct nba_hash_index *index, void *keys, size_t key_bytes,
                               const void *key)
{
    unsigned char *all = keys;
    const uint64_t hash = nba_xxh64(key, key_bytes);
    uint32_t cursor = 0;
    uint32_t number = nba_hash_index_next(index, hash, &cursor);
    while (number != NBA_HASH_INDEX_NONE && memcmp(all + number * key_bytes, key, key_bytes) != 0) {
        number = nba_hash_index_next(index, hash, &cursor);
    }
    if (number == NBA_HASH_INDEX_NONE) {
        number = index->count;
        memcpy(all + number * key_bytes, key, key_bytes);
        nba_hash_index_add(index, hash, number);
    }
    return number;
}

void nba_hash_index_reset(struct nba_hash_index *index)
{
    if (index->count != 0) {
        memset(index->numbers, 0, index->capacity * sizeof(*index->numbers));
        index->count = 0;
    }
}

void nba_hash_index_clear(struct nba_hash_index *index)
{
    free(index->hashes);
    free(index->numbers);
    *index = (struct nba_hash_index){0};
}
