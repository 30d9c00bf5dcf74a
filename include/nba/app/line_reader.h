/*
 * Lines of a text, from a file or standard input; "-" is standard input.
 *
 * A line has its number and no line end (\n or \r\n).  One longer than the limit is NBA_E_LIMIT.
 * Gzip files are read as what they hold (codec's text_source).
 */
#ifndef NBA_APP_LINE_READER_H
#define NBA_APP_LINE_READER_H

#include "nba/base/buf.h"
#include "nba/base/status.h"
#include "nba/codec/text_source.h"

struct nba_line_reader {
    struct nba_text_source *source;
    struct nba_str rest; /* read, not yet returned */
    struct nba_buf line;
    uint64_t number; /* of the line last returned, from 1 */
};

NBA_MUST_USE
enum nba_status nba_line_reader_open(const char *path, size_t line_bytes_max,
                                     struct nba_line_reader *ret_reader, struct nba_error *error);
/* *ret_more false: the end.  The line lives until the next call. */
NBA_MUST_USE
enum nba_status nba_line_reader_next(struct nba_line_reader *reader, struct nba_str *ret_line,
                                     bool *ret_more, struct nba_error *error);
void nba_line_reader_close(struct nba_line_reader *reader);

#endif
