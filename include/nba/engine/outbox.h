/*
 * The outbox: what a transaction will say, in the order in which it will be said.
 *
 * The pipeline fills it; the worker produces it to the log, replay writes it to files.  So the
 * engine's output is a value that tests can look at, and never depends on a broker.
 *
 * ORDER.  Records of one input partition stand in the order of its offsets, whatever the batch.
 * OWNERSHIP.  Bytes and texts lie in the transaction's arena, given to nba_outbox_init; topics are
 * the configuration's.  nba_outbox_reset forgets all records; the arena is reset by its owner.
 */
#ifndef NBA_ENGINE_OUTBOX_H
#define NBA_ENGINE_OUTBOX_H

#include "nba/base/arena.h"
#include "nba/base/buf.h"
#include "nba/stream/record.h"

#define NBA_OUTBOX_HEADERS_MAX 16u

struct nba_outbox_record {
    const char *topic;
    int32_t partition; /* of the input that caused it; of mail, to which it goes */
    int64_t time_ms;   /* of mail: that it says */
    struct nba_str key;
    struct nba_str value;
    bool key_null;
    bool value_null;
    struct nba_header *headers;
    uint32_t header_count;
};

/* The same as the log would hand it on, but for offset and time; borrows it. */
static inline struct nba_record nba_outbox_as_record(const struct nba_outbox_record *made)
{
    return (struct nba_record){.topic = nba_str_of(made->topic),
                               .partition = made->partition,
                               .key = made->key,
                               .value = made->value,
                               .key_null = made->key_null,
                               .value_null = made->value_null,
                               .headers = made->headers,
                               .header_count = made->header_count};
}

struct nba_outbox {
    struct nba_arena *arena;
    struct nba_outbox_record *records; /* heap, kept over resets */
    size_t count;
    size_t capacity;
    size_t bytes; /* keys and values so far: bounds the transaction */
    bool failed;  /* out of memory: the transaction must be given up */
};

void nba_outbox_init(struct nba_outbox *outbox, struct nba_arena *arena);
void nba_outbox_reset(struct nba_outbox *outbox);
void nba_outbox_clear(struct nba_outbox *outbox);

/* A new record at the end, with key and value copied; the caller adds headers.  NULL when the
 * outbox failed. */
struct nba_outbox_record *nba_outbox_add(struct nba_outbox *outbox, const char *topic,
                                         int32_t partition, struct nba_str key,
                                         struct nba_str value);

/* Adds a header; name is static text, value is copied.  At most NBA_OUTBOX_HEADERS_MAX (asserted);
 * does nothing on a NULL record, so that nba_outbox_add needs no check of its own. */
void nba_outbox_header(struct nba_outbox *outbox, struct nba_outbox_record *record,
                       const char *name, struct nba_str value);

#endif
