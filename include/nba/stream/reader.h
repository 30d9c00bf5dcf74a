/*
 * A reader of partitions it names: no group, nothing committed.
 *
 * It restores tasks from their changelog and journal, follows the catalogue, and serves the tools.
 * Records of one partition come in offset order; of several, in any interleaving.
 *
 * END.  When the position of a partition reaches its end - the last stable offset for
 * NBA_READ_COMMITTED - the poll says NBA_POLL_END once, with topic, partition and `offset` =
 * position in the record (which owns nothing but is released like any other).  It says so again
 * whenever the end has moved and has been reached again, also if only a gap or a transaction's
 * marker moved it.
 *
 * THREADS.  One thread at a time.
 */
#ifndef NBA_STREAM_READER_H
#define NBA_STREAM_READER_H

#include <stddef.h>
#include <stdint.h>

#include "nba/base/status.h"
#include "nba/stream/record.h"
#include "nba/stream/stream.h"

struct nba_reader;

enum nba_poll {
    NBA_POLL_NONE,   /* nothing within the time */
    NBA_POLL_RECORD, /* a record, to be released */
    NBA_POLL_END,    /* the end of a partition */
};

NBA_MUST_USE
enum nba_status nba_reader_create(struct nba_stream *stream, enum nba_isolation isolation,
                                  struct nba_reader **ret_reader, struct nba_error *error);
void nba_reader_destroy(struct nba_reader *reader); /* NULL is fine */

/* Replaces what is read; count 0 reads nothing.  NBA_E_NOT_FOUND: topic or partition.  An offset
 * below low or above high is found out by the poll. */
NBA_MUST_USE
enum nba_status nba_reader_assign(struct nba_reader *reader, const struct nba_position *positions,
                                  size_t count, struct nba_error *error);

/* Waits at most timeout_ms (0: not at all).  NBA_E_NOT_FOUND: the position is no longer (or not
 * yet) in the log, or its topic is gone; NBA_E_UNAVAILABLE, NBA_E_IO, NBA_E_CORRUPT. */
NBA_MUST_USE
enum nba_status nba_reader_poll(struct nba_reader *reader, int timeout_ms, enum nba_poll *ret_what,
                                struct nba_record *ret_record, struct nba_error *error);

#endif
