/*
 * A transactional log of bytes, in topics and partitions: Kafka, or an embedded one.
 *
 * WHAT IT IS.  The model is Kafka's.  A topic has a fixed number of partitions; a partition is a
 * sequence of records with growing offsets, which may have gaps (nothing may assume density).
 * Producers (producer.h) append in transactions; readers (reader.h) read partitions they name;
 * members (member.h) of a group share the partitions of their topics among them.  A transaction's
 * records, on any partitions, and the group offsets sent with it become visible together or not at
 * all.  The two homes pass the same suite, tests/conformance.
 *
 * MARKS.  Of a partition, low <= last stable offset <= high watermark:
 *     low      the first offset that may still be there (retention moves it)
 *     stable   below it every transaction is decided: a committed reader gets this far
 *     high     below it offsets are taken, also by transactions still open
 * A restore reads with NBA_READ_COMMITTED until its position is the high watermark taken before:
 * so it waits for transactions that were open then.
 *
 * THE LOCAL LOG.  One process has it open as NBA_LOCAL_WRITER (with any number of threads); tools
 * open it as NBA_LOCAL_READER, also while the writer runs, and get readers, marks and committed
 * offsets, but no producers and members (NBA_E_USAGE).  A commit survives kill -9 once it returned,
 * and a power cut leaves a consistent prefix of the commits (no fsync each).
 *
 * ERRORS.  NBA_E_NOT_FOUND (topic or partition), NBA_E_EXISTS, NBA_E_UNAVAILABLE (no broker
 * answers), NBA_E_TIMEOUT, NBA_E_CONFIG (a property is refused), NBA_E_BUSY (local: another process
 * writes), NBA_E_CORRUPT, NBA_E_VERSION and NBA_E_IO (local: its files).
 *
 * THREADS.  Everything in this header may be called from any thread; a reader, member or producer
 * belongs to one thread at a time.  They must all be gone before nba_stream_close.
 */
#ifndef NBA_STREAM_STREAM_H
#define NBA_STREAM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nba/base/clock.h"
#include "nba/base/status.h"
#include "nba/stream/record.h"

struct nba_stream;

/* A client setting by librdkafka's name, e.g. bootstrap.servers. */
struct nba_property {
    const char *name;
    const char *value;
};

enum nba_local_mode { NBA_LOCAL_WRITER, NBA_LOCAL_READER };

enum nba_isolation {
    NBA_READ_COMMITTED,
    NBA_READ_UNCOMMITTED, /* Kafka: also records of open and aborted transactions.  Local: the same
                           * records as committed, as open ones aren't in the log yet */
};

/*
 * What a stream may hold in memory.  Kafka: `reading_bytes` bound the records that one reader or
 * member has fetched and not given out, `writing_bytes` those of one producer that are not
 * delivered, librdkafka's bookkeeping included.  Local: the block cache and the write buffers of
 * the log as a whole.  NULL in the functions below: 64 MiB and 32 MiB.  Kafka wants 4 MiB and 2 MiB
 * at least: a quarter of the first must hold a record.
 */
struct nba_stream_memory {
    size_t reading_bytes, writing_bytes;
};

/* NBA_E_CONFIG.  Doesn't wait for a broker. */
NBA_MUST_USE
enum nba_status nba_stream_open_kafka(const struct nba_property *properties, size_t count,
                                      const struct nba_stream_memory *memory,
                                      struct nba_stream **ret_stream, struct nba_error *error);
/* `dir` is made when absent (writer).  `clock` must outlive the stream; its wall time stamps
 * records and ages tombstones. */
NBA_MUST_USE
enum nba_status nba_stream_open_local(const char *dir, enum nba_local_mode mode,
                                      const struct nba_clock *clock,
                                      const struct nba_stream_memory *memory,
                                      struct nba_stream **ret_stream, struct nba_error *error);
/* What all its readers, members and producers hold now; Kafka: some seconds ago. */
void nba_stream_memory_used(struct nba_stream *stream, struct nba_stream_memory *ret_used);
void nba_stream_close(struct nba_stream *stream); /* NULL is fine */

#define NBA_TOPIC_NAME_BYTES_MAX 249u /* Kafka's; letters, digits, dot, underscore, hyphen */

struct nba_topic_spec {
    const char *name;
    int32_t partitions;          /* 1..NBA_PARTITIONS_MAX */
    bool compacted;              /* keeps the newest record of each key at least */
    bool deleted;                /* drops records older than retention_ms */
    int64_t retention_ms;        /* -1: none */
    int64_t delete_retention_ms; /* a tombstone is kept this long at least */
    int16_t replication;         /* Kafka only; -1: the broker's default */
};

/* NBA_E_EXISTS, NBA_E_CONFIG (name or numbers).  When it returns, the topic can be used. */
NBA_MUST_USE
enum nba_status nba_stream_topic_create(struct nba_stream *stream,
                                        const struct nba_topic_spec *spec, struct nba_error *error);
/* NBA_E_NOT_FOUND; local: NBA_E_BUSY while an open transaction has records on it. */
NBA_MUST_USE
enum nba_status nba_stream_topic_delete(struct nba_stream *stream, const char *topic,
                                        struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_stream_topic_partitions(struct nba_stream *stream, const char *topic,
                                            int32_t *ret_count, struct nba_error *error);
/* Topics of the log, a broker's internal ones left out; `visit` must not call the stream. */
NBA_MUST_USE
enum nba_status nba_stream_topic_list(struct nba_stream *stream,
                                      void (*visit)(void *context, const char *topic,
                                                    int32_t partitions),
                                      void *context, struct nba_error *error);
/* Compacts a compacted topic now, up to the last stable offset.  NBA_E_UNAVAILABLE on Kafka, whose
 * brokers decide for themselves. */
NBA_MUST_USE
enum nba_status nba_stream_topic_compact(struct nba_stream *stream, const char *topic,
                                         struct nba_error *error);

/* *ret_high is the last stable offset for NBA_READ_COMMITTED, the high watermark else. */
NBA_MUST_USE
enum nba_status nba_stream_watermarks(struct nba_stream *stream, const char *topic,
                                      int32_t partition, enum nba_isolation isolation,
                                      int64_t *ret_low, int64_t *ret_high, struct nba_error *error);
/* First offset whose record has timestamp >= ms; the high watermark when none has.  Timestamps need
 * not grow with offsets.  Local: reads the partition through. */
NBA_MUST_USE
enum nba_status nba_stream_offset_of_time(struct nba_stream *stream, const char *topic,
                                          int32_t partition, int64_t ms, int64_t *ret_offset,
                                          struct nba_error *error);

/* A group's committed offset, -1 when it has none. */
NBA_MUST_USE
enum nba_status nba_stream_group_committed(struct nba_stream *stream, const char *group,
                                           const char *topic, int32_t partition,
                                           int64_t *ret_offset, struct nba_error *error);
/* Sets a group's committed offset from outside; NBA_E_BUSY while the group has members. */
NBA_MUST_USE
enum nba_status nba_stream_group_reset(struct nba_stream *stream, const char *group,
                                       const char *topic, int32_t partition, int64_t offset,
                                       struct nba_error *error);

/*
 * Named faults, for tests.  Before (or after) the real thing the function is asked; what it answers
 * other than NBA_OK becomes the answer of the producer's call:
 *
 *   PRODUCE, SEND_OFFSETS, COMMIT, ABORT   asked before: the real thing is not done
 *   COMMITTED, ABORTED                     asked after success: it is done, the answer is lost
 *
 * NBA_E_TXN_UNKNOWN and NBA_E_FENCED make the producer dead, as a fatal error does: its transaction
 * stays as it is until another producer with the same id is initialised.  NBA_E_TXN_ABORTABLE and
 * NBA_E_TXN_MEMBERSHIP make it ask for an abort.  Set it before the producers' threads run; it is
 * called on their threads.  NULL takes it away.
 */
enum nba_fault {
    NBA_FAULT_PRODUCE,
    NBA_FAULT_SEND_OFFSETS,
    NBA_FAULT_COMMIT,
    NBA_FAULT_COMMITTED,
    NBA_FAULT_ABORT,
    NBA_FAULT_ABORTED,
};
void nba_stream_set_fault(struct nba_stream *stream,
                          enum nba_status (*fault)(void *context, enum nba_fault where,
                                                   const char *transactional_id),
                          void *context);

#endif
