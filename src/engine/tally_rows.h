/*
 * Popularity without a release: how often each of the catalogue's contents was engaged in a
 * partition so far, by everyone or by one specialty.
 *
 * A row is read from the task once a transaction and counted on beside it, so that a decision
 * copies it in place of asking the task for every content.
 */
#ifndef NBA_ENGINE_TALLY_ROWS_H
#define NBA_ENGINE_TALLY_ROWS_H

#include "nba/catalog/catalog.h"
#include "nba/state/task.h"

/* Tasks of a worker times a few specialties; what finds no place is read anew each time. */
#define NBA_TALLY_ROWS_MAX 256u

struct nba_tally_row {
    const struct nba_task *task;
    uint32_t specialty;
    uint32_t *counts;
};

struct nba_tally_rows {
    const struct nba_catalog *catalog;
    struct nba_arena *arena;
    uint32_t count;
    struct nba_tally_row rows[NBA_TALLY_ROWS_MAX];
};

/* Forgets all rows: a transaction begins, with its arena. */
void nba_tally_rows_begin(struct nba_tally_rows *rows, const struct nba_catalog *catalog,
                          struct nba_arena *arena);
/* ret_counts: content_count of them, this transaction's included.  Specialties as in task.h. */
void nba_tally_rows_read(struct nba_tally_rows *rows, const struct nba_task *task,
                         uint32_t specialty, uint32_t *ret_counts);
/* One engagement more, in the task and in its row. */
void nba_tally_rows_add(struct nba_tally_rows *rows, struct nba_task *task, uint32_t specialty,
                        uint32_t content_hash);

#endif
