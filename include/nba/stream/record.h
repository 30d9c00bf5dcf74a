/*
 * Records read and records to send.
 *
 * OWNERSHIP.  A record that a poll returned owns its memory until nba_record_release.  It may be
 * kept as long as one likes, also past the reader that gave it, but not past its stream, and
 * released on any thread.
 * A record to send borrows from the caller, who gets everything back when the call returns.
 */
#ifndef NBA_STREAM_RECORD_H
#define NBA_STREAM_RECORD_H

#include "nba/base/record.h"

/* Gives the record's memory back and zeroes it; NULL and zeroed records are fine. */
void nba_record_release(struct nba_record *record);

#define NBA_PARTITION_BY_KEY (-1) /* murmur2 of the key, as Kafka's Java clients do */
#define NBA_TIMESTAMP_NOW    0

/* A record to send. */
struct nba_outgoing {
    const char *topic;
    int32_t partition; /* or NBA_PARTITION_BY_KEY; a null key then goes to any partition */
    struct nba_str key;
    struct nba_str value;
    bool key_null;
    bool value_null;
    const struct nba_header *headers;
    uint32_t header_count; /* at most NBA_HEADERS_MAX */
    int64_t timestamp_ms;  /* or NBA_TIMESTAMP_NOW */
};

/* A place in a log. */
struct nba_position {
    const char *topic;
    int32_t partition;
    int64_t offset; /* of the next record to read */
};

#endif
