/* Two growing arrays: entries that are sorted, bytes that stay where they are. */
#include "import_sort_internal.h"

#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "nba/codec/encoder.h"

/* Doubles `*memory` until `needed` items of `size` fit. */
static bool grow(void **memory, size_t *capacity, size_t needed, size_t size)
{
    size_t wanted = *capacity > 0 ? *capacity : 4096;
    while (wanted < needed) {
        wanted *= 2;
    }
    if (wanted == *capacity) {
        return true;
    }
    void *grown = realloc(*memory, wanted * size);
    if (grown == NULL) {
        return false;
    }
    *memory = grown;
    *capacity = wanted;
    return true;
}

enum nba_status nba_import_sort_add(struct import_sort *sort, const struct nba_schemas *schemas,
                                    const struct nba_event *event, struct nba_error *error)
{
    void *entries = sort->entries;
    void *bytes = sort->bytes;
    if (sort->value.bytes_max == 0) {
        nba_buf_init(&sort->value, NBA_RECORD_BYTES_MAX);
    }
    nba_buf_reset(&sort->value);
    nba_encode_event(schemas, event, &sort->value);
    if (sort->value.failed) {
        return nba_error_set(error, NBA_E_LIMIT, "event is too large");
    }
    if (sort->count == IMPORT_SORT_EVENTS_MAX) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "more than %u events to sort",
                             IMPORT_SORT_EVENTS_MAX);
    }
    const size_t added = event->hcp_id.bytes + sort->value.bytes;
    const bool fits = grow(&entries, &sort->capacity, sort->count + 1, sizeof(*sort->entries));
    sort->entries = entries;
    const bool all_fit = fits && grow(&bytes, &sort->byte_capacity, sort->byte_count + added, 1);
    sort->bytes = bytes;
    if (!all_fit) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    memcpy(sort->bytes + sort->byte_count, event->hcp_id.data, event->hcp_id.bytes);
    memcpy(sort->bytes + sort->byte_count + event->hcp_id.bytes, sort->value.data,
           sort->value.bytes);
    sort->entries[sort->count] =
        (struct import_sort_entry){event->event_time_ms, sort->count, sort->byte_count,
                                   (uint32_t)event->hcp_id.bytes, (uint32_t)sort->value.bytes};
    sort->count++;
    sort->byte_count += added;
    return NBA_OK;
}

static int by_time(const void *left, const void *right)
{
    const struct import_sort_entry *a = left;
    const struct import_sort_entry *b = right;
    if (a->time_ms != b->time_ms) {
        return a->time_ms < b->time_ms ? -1 : 1;
    }
    return (a->order > b->order) - (a->order < b->order);
}

void nba_import_sort_finish(struct import_sort *sort)
{
    if (sort->count > 0) {
        qsort(sort->entries, sort->count, sizeof(*sort->entries), by_time);
    }
}

void nba_import_sort_get(const struct import_sort *sort, size_t index, struct nba_str *ret_key,
                         struct nba_str *ret_value, int64_t *ret_time_ms)
{
    NBA_ASSERT(index < sort->count);
    const struct import_sort_entry *entry = &sort->entries[index];
    const char *at = (const char *)sort->bytes + entry->at;
    *ret_key = nba_str(at, entry->key_bytes);
    *ret_value = nba_str(at + entry->key_bytes, entry->value_bytes);
    *ret_time_ms = entry->time_ms;
}

void nba_import_sort_clear(struct import_sort *sort)
{
    free(sort->entries);
    free(sort->bytes);
    nba_buf_clear(&sort->value);
    memset(sort, 0, sizeof(*sort));
}
