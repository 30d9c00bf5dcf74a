/*
 * Rows of a table from a file of others: CSV, tab-separated values, JSON lines, an Avro container.
 *
 * CSV    RFC 4180: a header line with column names, quoted cells with doubled quotes and line feeds
 *        inside, \n or \r\n, a comma or the delimiter asked for.  A row with more or fewer cells
 *        than the header is bad.
 * TSV    the same with tabs and without quotes (a quote is a letter), as RecBole writes it.
 * JSONL  one object a line; its members are the columns.  A nested value is its JSON text, null is
 *        an absent cell.
 * AVRO   each record as such an object.
 * Files may be gzipped (Avro excepted); "-" is standard input.  The format follows the name's end
 * unless given: .csv, .tsv, .inter, .item, .user, .jsonl, .ndjson, .json, .avro, each also with
 * .gz.
 *
 * BAD ROWS are told one by one (NBA_E_CONFIG, the message names the row) and can be stepped over.
 * LIMITS.  A row of 4 MiB, 256 columns.  THREADS.  One.
 */
#ifndef NBA_INGEST_ROW_SOURCE_H
#define NBA_INGEST_ROW_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/status.h"
#include "nba/base/str.h"
#include "nba/codec/schema_registry.h"

#define NBA_ROW_BYTES_MAX   (4u << 20)
#define NBA_ROW_COLUMNS_MAX 256u

enum nba_row_format {
    NBA_ROWS_BY_NAME,
    NBA_ROWS_CSV,
    NBA_ROWS_TSV,
    NBA_ROWS_JSONL,
    NBA_ROWS_AVRO,
};

/* What is wanted of a file. */
struct nba_row_form {
    enum nba_row_format format;
    char delimiter;             /* of CSV and TSV; NUL: the format's own */
    const char *const *columns; /* in the order in which cells come; texts are borrowed */
    size_t column_count;
};

struct nba_row_source;

/* Opens and reads the header.  NBA_E_NOT_FOUND, NBA_E_IO, NBA_E_CORRUPT, NBA_E_CONFIG (no header, a
 * name that tells no format, or a table with a header has no such column: the nearest is told). */
NBA_MUST_USE
enum nba_status nba_row_source_open(const char *path, const struct nba_row_form *form,
                                    const struct nba_schemas *schemas,
                                    struct nba_row_source **ret_source, struct nba_error *error);
void nba_row_source_close(struct nba_row_source *source);

/* The next row: cells[k] is column k of the form; absent ones have data NULL.  They live until
 * the next call.  NBA_E_CONFIG: this row is bad, go on if you like; else as open. */
NBA_MUST_USE
enum nba_status nba_row_source_next(struct nba_row_source *source, const struct nba_str **ret_cells,
                                    bool *ret_more, struct nba_error *error);

/* Of the row last returned, from 1, the header not counted. */
uint64_t nba_row_source_row(const struct nba_row_source *source);

#endif
