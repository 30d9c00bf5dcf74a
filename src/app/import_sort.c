/* Two growing arrays: entries that are sorted, bytes that stay where they are. */
#include "import_sort.h"

#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "nba/codec/encoder.h"

enum nba_status nba_import_sort_add(struct nba_import_sort *sort, const struct nba_schemas *schemas,
                                    const struct nba_event *event, struct nba_error *error)
{
    const struct nba_str key = event->hcp_id;
    if (sort->value.bytes_max == 0) {
        nba_buf_init(&sort->value, NBA_RECORD_BYTES_MAX);
    }
    nba_buf_reset(&sort->value);
    nba_encode_event(schemas, event, &sort->value);
    if (sort->value.failed) {
        return nba_error_set(error, NBA_E_LIMIT, "event is too large");
    }
    if (sort->count == NBA_IMPORT_SORT_MAX) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "more than %u events to sort",
                             NBA_IMPORT_SORT_MAX);
    }
    const struct nba_str value = nba_buf_str(&sort->value);
    const size_t needed = sort->byte_count + key.bytes + value.bytes;
    const bool fits = nba_grow(&sort->entries, &sort->capacity, sort->count + 1,
                               sizeof(*sort->entries), error) == NBA_OK &&
                      nba_grow(&sort->bytes, &sort->byte_capacity, needed, 1, error) == NBA_OK;
    if (fits) {
        memcpy(sort->bytes + sort->byte_count, key.data, key.bytes);
        memcpy(sort->bytes + sort->byte_count + key.bytes, value.data, value.bytes);
        sort->entries[sort->count++] = (struct nba_sorted_event){
            event->event_time_ms, sort->byte_count, (uint32_t)key.bytes, (uint32_t)value.bytes};
        sort->byte_count = needed;
    }
    return nba_outcome(fits, error);
}

static int by_time(const void *left, const void *right)
{
    const struct nba_sorted_event *a = left;
    const struct nba_sorted_event *b = right;
    return a->time_ms != b->time_ms ? (a->time_ms > b->time_ms) - (a->time_ms < b->time_ms)
                                    : (a->at > b->at) - (a->at < b->at);
}

void nba_import_sort_finish(struct nba_import_sort *sort)
{
    if (sort->count > 0) {
        qsort(sort->entries, sort->count, sizeof(*sort->entries), by_time);
    }
}

void nba_import_sort_get(const struct nba_import_sort *sort, size_t index, struct nba_str *ret_key,
                         struct nba_str *ret_value, int64_t *ret_time_ms)
{
    NBA_ASSERT(index < sort->count);
    const struct nba_sorted_event *entry = &sort->entries[index];
    const char *at = sort->bytes + entry->at;
    *ret_key = nba_str(at, entry->key_bytes);
    *ret_value = nba_str(at + entry->key_bytes, entry->value_bytes);
    *ret_time_ms = entry->time_ms;
}

void nba_import_sort_clear(struct nba_import_sort *sort)
{
    free(sort->entries);
    free(sort->bytes);
    nba_buf_clear(&sort->value);
}
