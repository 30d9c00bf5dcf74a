/*
 * Events of a file in the order of their times: encoded, kept in memory, sorted, given back.
 *
 * Equal times keep the file's order.  LIMITS.  NBA_IMPORT_SORT_MAX events; a table that is larger
 * is better sorted before it comes here.
 */
#ifndef NBA_APP_IMPORT_SORT_H
#define NBA_APP_IMPORT_SORT_H

#include "nba/app/workplace.h"
#include "nba/event/event.h"

#define NBA_IMPORT_SORT_MAX 20000000u

struct nba_sorted_event {
    int64_t time_ms;
    size_t at; /* in `bytes`: key, then value; grows in the file's order */
    uint32_t key_bytes;
    uint32_t value_bytes;
};

struct nba_import_sort {
    struct nba_sorted_event *entries;
    size_t count, capacity;
    char *bytes;
    size_t byte_count, byte_capacity;
    struct nba_buf value;
};

/* A zeroed struct is ready.  NBA_E_LIMIT, NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_import_sort_add(struct nba_import_sort *sort, const struct nba_schemas *schemas,
                                    const struct nba_event *event, struct nba_error *error);
void nba_import_sort_finish(struct nba_import_sort *sort);
void nba_import_sort_get(const struct nba_import_sort *sort, size_t index, struct nba_str *ret_key,
                         struct nba_str *ret_value, int64_t *ret_time_ms);
void nba_import_sort_clear(struct nba_import_sort *sort);

#endif
