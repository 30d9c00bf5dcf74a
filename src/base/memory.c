/* calloc, realloc and strdup, with the answer looked at. */
#include "nba/base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"

#define CAPACITY_FIRST 16u

void *nba_zeros(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    NBA_ASSERT(memory != NULL || count == 0 || size == 0);
    return memory;
}

void *nba_room(void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return items;
    }
    NBA_ASSERT(count <= SIZE_MAX / 2 / size - CAPACITY_FIRST);
    *capacity = count != 0 ? 2 * count : CAPACITY_FIRST;
    void *grown = realloc(items, *capacity * size);
    NBA_ASSERT(grown != NULL);
    return grown;
}

char *nba_copy(const char *text)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    NBA_ASSERT((copy == NULL) == (text == NULL));
    return copy;
}
