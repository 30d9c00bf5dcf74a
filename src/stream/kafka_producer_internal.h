/*
 * A producer on Kafka, shared by kafka_producer.c (records) and kafka_transaction.c.
 *
 * TOPICS are opened by name at their first record: a handle and one question for the metadata.
 * Without the question librdkafka 2.0.2 sends the first record up to a second late (its #5032).
 *
 * OFFSETS.  Each delivery report notes the offset behind the record in its topic's slot of that
 * partition, with the number of the transaction: nothing has to be cleared between transactions.
 *
 * TAINT.  A request may sit in a closed connection and reach the broker later: an EndTxn would then
 * end the next transaction of the same epoch (KAFKA-17754), and librdkafka, which repeats requests
 * on a new connection by itself, reports nothing.  So a producer whose connections closed while a
 * transaction was open, or whose records failed, is renewed before the next begin: a new client
 * with the same id, whose init raises the epoch, after which the broker refuses what was delayed.
 */
#ifndef NBA_STREAM_KAFKA_PRODUCER_INTERNAL_H
#define NBA_STREAM_KAFKA_PRODUCER_INTERNAL_H

#include "kafka_internal.h"

struct kafka_slot {
    int64_t next;
    uint64_t transaction; /* 0: never */
};

struct kafka_topic {
    char *name;
    rd_kafka_topic_t *handle;
    struct kafka_slot *slots; /* by partition */
    int32_t slot_count;
};

struct kafka_producer {
    struct nba_producer base; /* first */
    struct kafka_stream *stream;
    struct kafka_client *client;
    struct kafka_topic **topics; /* messages point at them: they don't move */
    size_t topic_count;
    uint64_t transaction;        /* number of the open or last one, from 1 */
    uint64_t failed;             /* deliveries of this transaction, or since the last flush */
    rd_kafka_resp_err_t failure; /* of the first of them */
    uint64_t produced;
    uint64_t closed_at_begin; /* connections, see TAINT */
    bool tainted;
};

/* A client for the producer; topics stay closed until their next record. */
NBA_MUST_USE
enum nba_status nba_kafka_producer_connect(struct kafka_producer *producer,
                                           struct nba_error *error);
void nba_kafka_producer_disconnect(struct kafka_producer *producer);

#endif
