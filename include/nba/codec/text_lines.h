/*
 * The bytes of a text file, gzip or plain, and its lines.
 *
 * A gzip file (RFC 1952) is told by its first two bytes, and several members in one file are read
 * through.  "-" is standard input.  Memory is one buffer of 64 KiB, and one line.
 * Lines end in LF or CR LF, which are taken off; the last may lack its end.
 *
 * OWNERSHIP.  The line belongs to the reader, has a NUL behind it, may be written to by the caller
 * (splitting in place) and is gone with the next call.  THREADS.  One.
 */
#ifndef NBA_CODEC_TEXT_LINES_H
#define NBA_CODEC_TEXT_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "nba/base/status.h"
#include "nba/base/str.h"

struct nba_text_source;

/* NBA_E_NOT_FOUND, NBA_E_IO, NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_text_source_open(const char *path, struct nba_text_source **ret_source,
                                     struct nba_error *error);
/* The next run of bytes, empty at the end; good until the next call.  NBA_E_IO, NBA_E_CORRUPT
 * (gzip that ends too early or has a wrong checksum). */
NBA_MUST_USE
enum nba_status nba_text_source_read(struct nba_text_source *source, struct nba_str *ret_bytes,
                                     struct nba_error *error);
void nba_text_source_close(struct nba_text_source *source);

struct nba_text_lines;

/* NBA_E_NOT_FOUND, NBA_E_IO, NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_text_lines_open(const char *path, size_t line_bytes_max,
                                    struct nba_text_lines **ret_lines, struct nba_error *error);
void nba_text_lines_close(struct nba_text_lines *lines);

/* *ret_more false: the end.  NBA_E_LIMIT: a longer line, which is stepped over; NBA_E_CORRUPT
 * (damaged gzip data), NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_text_lines_next(struct nba_text_lines *lines, struct nba_str *ret_line,
                                    bool *ret_more, struct nba_error *error);

size_t nba_text_lines_number(const struct nba_text_lines *lines); /* of the last line, from 1 */

#endif
