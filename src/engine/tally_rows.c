/* Rows in the order they were asked for: there are few, and the search ends at the first match. */
#include "tally_rows.h"

#include <string.h>

#include "nba/base/assert.h"

void nba_tally_rows_begin(struct nba_tally_rows *rows, const struct nba_catalog *catalog,
                          struct nba_arena *arena)
{
    rows->catalog = catalog;
    rows->arena = arena;
    rows->count = 0;
}

static struct nba_tally_row *find(struct nba_tally_rows *rows, const struct nba_task *task,
                                  uint32_t specialty)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        if (rows->rows[i].task == task && rows->rows[i].specialty == specialty) {
            return &rows->rows[i];
        }
    }
    return NULL;
}

void nba_tally_rows_read(struct nba_tally_rows *rows, const struct nba_task *task,
                         uint32_t specialty, uint32_t *ret_counts)
{
    NBA_ASSERT(rows->arena != NULL);
    const uint32_t count = rows->catalog->content_count;
    const struct nba_tally_row *row = find(rows, task, specialty);
    if (row == NULL) {
        nba_task_counts(task, specialty, rows->catalog->content_hash, count, ret_counts);
        uint32_t *kept = rows->count < NBA_TALLY_ROWS_MAX
                             ? nba_arena_take(rows->arena, (count + 1u) * sizeof(*kept))
                             : NULL;
        if (kept != NULL) {
            memcpy(kept, ret_counts, count * sizeof(*kept));
            rows->rows[rows->count++] = (struct nba_tally_row){task, specialty, kept};
        }
        return;
    }
    memcpy(ret_counts, row->counts, count * sizeof(*ret_counts));
}

void nba_tally_rows_add(struct nba_tally_rows *rows, struct nba_task *task, uint32_t specialty,
                        uint32_t content_hash)
{
    nba_task_count(task, specialty, content_hash);
    const struct nba_tally_row *row = find(rows, task, specialty);
    const uint32_t k =
        row != NULL ? nba_catalog_find_hash(rows->catalog, content_hash) : NBA_CATALOG_NONE;
    if (k != NBA_CATALOG_NONE) { /* asked, not added to: the task may have had no place for it */
        nba_task_counts(task, specialty, &content_hash, 1, &row->counts[k]);
    }
}
