/*
 * One partition from a position to its present end, committed records alone: what every tool does
 * that reads a log and stops.
 *
 *     status = nba_partition_reader_open(&reader, stream, topic, partition, 0, error);
 *     while (status == NBA_OK) {
 *         status = nba_partition_reader_next(&reader, &record, &more, error);
 *         if (status != NBA_OK || !more) break;
 *         ...
 *         nba_record_release(&record);
 *     }
 *     nba_partition_reader_close(&reader);
 *
 * The end is that of the opening: what comes later is another reader's.
 */
#ifndef NBA_APP_PARTITION_READER_H
#define NBA_APP_PARTITION_READER_H

#include "nba/stream/reader.h"

struct nba_partition_reader {
    struct nba_reader *reader; /* NULL: there was nothing to read */
    int64_t position;          /* of the next record */
    int64_t high;
};

/* Begins at `from`, or at the first record there is when that is later.  *reader may be closed
 * whatever comes back.  NBA_E_NOT_FOUND: topic or partition. */
NBA_MUST_USE
enum nba_status nba_partition_reader_open(struct nba_partition_reader *reader,
                                          struct nba_stream *stream, const char *topic,
                                          int32_t partition, int64_t from, struct nba_error *error);
/* *ret_more false: the end, no record.  NBA_E_INTERRUPTED (nba/app/interrupt.h), and what a poll
 * says. */
NBA_MUST_USE
enum nba_status nba_partition_reader_next(struct nba_partition_reader *reader,
                                          struct nba_record *ret_record, bool *ret_more,
                                          struct nba_error *error);
void nba_partition_reader_close(struct nba_partition_reader *reader);

#endif
