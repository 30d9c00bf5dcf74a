/*
 * One record of a log as files and tools hold it: what Kafka keeps of it, no more.
 *
 * OWNERSHIP.  Borrowed bytes throughout; whoever hands one out says how long it lives.
 */
#ifndef NBA_CODEC_LOG_RECORD_H
#define NBA_CODEC_LOG_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/str.h"

struct nba_log_header {
    struct nba_str name;
    struct nba_str value;
};

struct nba_log_record {
    struct nba_str topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    struct nba_str key;
    struct nba_str value;
    bool has_key;   /* false: the key is null, not empty */
    bool has_value; /* false: a tombstone */
    const struct nba_log_header *headers;
    uint32_t header_count;
};

#endif
