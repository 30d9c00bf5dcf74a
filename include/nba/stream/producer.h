/*
 * A producer: appends records, alone or in transactions that carry group offsets with them.
 *
 * TWO KINDS.  Without a transactional id: idempotent and plain - produce, and nba_producer_flush
 * when it matters.  With one: nba_producer_init once, then again and again
 *
 *     begin - produce... - send_offsets - commit        or ... - abort
 *
 * FENCING.  nba_producer_init makes this producer the only one of its id: an older one's open
 * transaction is aborted (or, if its commit is under way, decided) before init returns, and every
 * later call of the older one fails.
 *
 * ERRORS of the transactional calls tell what to do, and nothing else does:
 *   NBA_E_TXN_ABORTABLE   abort, then run the same again
 *   NBA_E_TXN_MEMBERSHIP  abort; the partitions may be someone else's: wait for an assignment
 *   NBA_E_TXN_UNKNOWN     outcome unknown, or a fatal error, being fenced included (a broker-side
 *                         time-out looks the same): destroy, create with the same id, init; then
 *                         look what is committed.  The producer is dead: all calls answer so
 *   NBA_E_FENCED          another member runs under our instance_id: stop.  Dead as well
 *   NBA_E_LIMIT           (produce only) this record is larger than NBA_RECORD_BYTES_MAX; the
 *                         transaction goes on
 *   NBA_E_NOT_FOUND       (produce only) no such topic or partition; abort, or go on without
 * After one that asks for an abort, produce, send_offsets and commit answer the same until then.
 *
 * THREADS.  One thread at a time.
 */
#ifndef NBA_STREAM_PRODUCER_H
#define NBA_STREAM_PRODUCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nba/base/status.h"
#include "nba/stream/member.h"
#include "nba/stream/record.h"
#include "nba/stream/stream.h"

struct nba_producer;

/* transactional_id NULL: a plain one. */
NBA_MUST_USE
enum nba_status nba_producer_create(struct nba_stream *stream, const char *transactional_id,
                                    struct nba_producer **ret_producer, struct nba_error *error);
/* Doesn't end an open transaction: abort it before, or let the next init of the id do it (a broker
 * and the local log also time it out).  NULL is fine. */
void nba_producer_destroy(struct nba_producer *producer);

/* Once, before the first begin.  NBA_E_TIMEOUT, NBA_E_UNAVAILABLE: may be called again. */
NBA_MUST_USE
enum nba_status nba_producer_init(struct nba_producer *producer, int timeout_ms,
                                  struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_producer_begin(struct nba_producer *producer, struct nba_error *error);

/* Copies the record and queues it.  The answer must be looked at: after some errors produce fails
 * while a commit would succeed without the record.  Also NBA_E_BUSY: the queue stayed full for a
 * bounded wait; ask again. */
NBA_MUST_USE
enum nba_status nba_producer_produce(struct nba_producer *producer,
                                     const struct nba_outgoing *outgoing, struct nba_error *error);

/* Commits with the transaction that the group of `member` has read up to `positions` (the next
 * offsets to read).  Answered NBA_E_TXN_MEMBERSHIP when the member is no longer of the group's
 * present generation: the fence against a member that was away. */
NBA_MUST_USE
enum nba_status nba_producer_send_offsets(struct nba_producer *producer,
                                          const struct nba_position *positions, size_t count,
                                          struct nba_member *member, struct nba_error *error);

/* Delivers everything first; a record that can't be delivered makes it NBA_E_TXN_ABORTABLE. */
NBA_MUST_USE
enum nba_status nba_producer_commit(struct nba_producer *producer, int timeout_ms,
                                    struct nba_error *error);
/* NBA_OK or NBA_E_TXN_UNKNOWN. */
NBA_MUST_USE
enum nba_status nba_producer_abort(struct nba_producer *producer, int timeout_ms,
                                   struct nba_error *error);

/* After a commit and until the next begin: the offset after the last record that the transaction
 * put on this partition; false if there was none. */
bool nba_producer_next_offset(const struct nba_producer *producer, const char *topic,
                              int32_t partition, int64_t *ret_next);

/* Plain producer: waits until everything is delivered.  NBA_E_TIMEOUT (ask again), NBA_E_IO or
 * NBA_E_UNAVAILABLE: some records were lost. */
NBA_MUST_USE
enum nba_status nba_producer_flush(struct nba_producer *producer, int timeout_ms,
                                   struct nba_error *error);

#endif
