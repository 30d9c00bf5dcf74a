/*
 * A text file line by line, plain or gzip-compressed alike; for CSV and JSON lines.
 *
 * Lines end in LF or CR LF, which are taken off; the last may lack its end.  A line is at most
 * NBA_TEXT_LINE_BYTES_MAX long.
 *
 * OWNERSHIP.  The line belongs to the reader, may be written to by the caller (splitting in place)
 * and is gone with the next call.  THREADS.  One.
 */
#ifndef NBA_CODEC_TEXT_LINES_H
#define NBA_CODEC_TEXT_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "nba/base/status.h"

/* A row of a data set's file: all contents of one user fit. */
#define NBA_TEXT_LINE_BYTES_MAX ((size_t)1 << 20)

struct nba_text_lines;

/* NBA_E_NOT_FOUND, NBA_E_IO, NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_text_lines_open(const char *path, struct nba_text_lines **ret_lines,
                                    struct nba_error *error);
void nba_text_lines_close(struct nba_text_lines *lines);

/* *ret_line is NULL at the end.  NBA_E_CORRUPT (damaged gzip data), NBA_E_LIMIT (a longer line),
 * NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_text_lines_next(struct nba_text_lines *lines, char **ret_line,
                                    struct nba_error *error);

const char *nba_text_lines_path(const struct nba_text_lines *lines);
size_t nba_text_lines_number(const struct nba_text_lines *lines); /* of the last line, from 1 */

#endif
