/*
 * Events of a file in the order of their times: encoded, kept in memory, sorted, given back.
 *
 * Equal times keep the file's order.  LIMITS.  IMPORT_SORT_EVENTS_MAX events; a table that is
 * larger is better sorted before it comes here.
 */
#ifndef NBA_APP_IMPORT_SORT_INTERNAL_H
#define NBA_APP_IMPORT_SORT_INTERNAL_H

#include "nba/base/arena.h"
#include "nba/base/buf.h"
#include "nba/codec/schema_registry.h"
#include "nba/event/event.h"

#define IMPORT_SORT_EVENTS_MAX 20000000u

struct import_sort_entry {
    int64_t time_ms;
    uint64_t order;
    size_t at; /* in `bytes`: key, then value */
    uint32_t key_bytes;
    uint32_t value_bytes;
};

struct import_sort {
    struct import_sort_entry *entries;
    size_t count;
    size_t capacity;
    unsigned char *bytes;
    size_t byte_count;
    size_t byte_capacity;
    struct nba_buf value;
};

/* A zeroed struct is ready.  NBA_E_LIMIT, NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_import_sort_add(struct import_sort *sort, const struct nba_schemas *schemas,
                                    const struct nba_event *event, struct nba_error *error);
void nba_import_sort_finish(struct import_sort *sort);
void nba_import_sort_get(const struct import_sort *sort, size_t index, struct nba_str *ret_key,
                         struct nba_str *ret_value, int64_t *ret_time_ms);
void nba_import_sort_clear(struct import_sort *sort);

#endif
