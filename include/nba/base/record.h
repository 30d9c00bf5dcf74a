/*
 * A record of a log: key, value, headers, time, and where it stands.
 *
 * NULL AND EMPTY.  A key or value may be absent (null) or there with no bytes; both are kept apart.
 * A null value on a compacted topic is a tombstone.
 *
 * OWNERSHIP.  A record that a poll returned (nba/stream/reader.h) owns its memory; everything in it
 * points into that memory.  Others borrow: whoever hands one out says how long it lives.
 */
#ifndef NBA_BASE_RECORD_H
#define NBA_BASE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/str.h"

struct nba_header {
    struct nba_str name;
    struct nba_str value;
};

struct nba_record {
    struct nba_str topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    struct nba_str key;
    struct nba_str value;
    bool key_null;
    bool value_null;
    const struct nba_header *headers;
    uint32_t header_count;
    void *owner; /* the stream's; NULL: borrowed */
    void (*release)(void *owner);
};

#endif
