/* Cells of one row of CSV or TSV: text_source bytes in, borrowed cells out. */
#ifndef NBA_INGEST_CSV_INTERNAL_H
#define NBA_INGEST_CSV_INTERNAL_H

#include "nba/base/buf.h"
#include "nba/codec/text_lines.h"
#include "nba/ingest/row_source.h"

struct nba_csv {
    struct nba_text_source *source;
    struct nba_str rest;  /* read, not yet parsed */
    struct nba_buf bytes; /* the row's cells, one after another */
    size_t ends[NBA_ROW_COLUMNS_MAX];
    size_t count;
    char delimiter;
    bool quotes;
    bool ended;
};

/* Reads one row; *ret_more false at the end.  NBA_E_CONFIG: a bad row (too long, too many cells, a
 * quote that never closes); the next call goes on behind it where that can be told. */
NBA_MUST_USE
enum nba_status nba_csv_next(struct nba_csv *csv, bool *ret_more, struct nba_error *error);
struct nba_str nba_csv_cell(const struct nba_csv *csv, size_t index);

#endif
