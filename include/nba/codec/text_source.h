/*
 * The bytes of a file, gzip or plain: what CSV and JSON lines are read from.
 *
 * A gzip file (RFC 1952) is told by its first two bytes, and several members in one file are read
 * through.  "-" is standard input.  Memory is one buffer of 64 KiB.
 * THREADS.  One.
 */
#ifndef NBA_CODEC_TEXT_SOURCE_H
#define NBA_CODEC_TEXT_SOURCE_H

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

#endif
