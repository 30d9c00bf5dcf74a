/*
 * A producer: its state, the fault hook, and the backend's object.
 *
 *   FRESH --init--> READY --begin--> OPEN --commit--> READY
 *                     ^                |  \
 *                     |              abort  an error that asks for an abort
 *                     |                |      \
 *                     +----------------+---- DOOMED (abort only)      any ---> DEAD
 *
 * A plain producer is PLAIN for ever.
 */
#include "nba/stream/producer.h"

#include "backend_internal.h"
#include "nba/base/assert.h"
#include "nba/base/limits.h"

enum nba_status nba_producer_create(struct nba_stream *stream, const char *transactional_id,
                                    struct nba_producer **ret_producer, struct nba_error *error)
{
    void *self = NULL;
    enum nba_status status = nba_stream_check_writable(stream, error);
    if (status == NBA_OK) {
        status = stream->backend->producer_create(stream, transactional_id, &self, error);
    }
    if (status == NBA_OK) {
        *ret_producer = self;
        (*ret_producer)->stream = stream;
        (*ret_producer)->state = transactional_id != NULL ? NBA_PRODUCER_FRESH : NBA_PRODUCER_PLAIN;
    }
    return status;
}

void nba_producer_destroy(struct nba_producer *producer)
{
    if (producer != NULL) {
        producer->stream->backend->producer_destroy(producer);
    }
}

/* Moves the state by what a call answered, to `next` when all went well; returns the answer. */
static enum nba_status settle(struct nba_producer *producer, enum nba_status status,
                              enum nba_producer_state next)
{
    if (status == NBA_OK) {
        producer->state = next;
    } else if (status == NBA_E_TXN_UNKNOWN || status == NBA_E_FENCED) {
        producer->state = NBA_PRODUCER_DEAD;
        producer->answer = status;
    } else if (status == NBA_E_TXN_ABORTABLE || status == NBA_E_TXN_MEMBERSHIP) {
        producer->state = NBA_PRODUCER_DOOMED;
        producer->answer = status;
    }
    return status;
}

static enum nba_status ask_fault(struct nba_producer *producer, enum nba_fault where,
                                 struct nba_error *error)
{
    const struct nba_stream *stream = producer->stream;
    if (stream->fault == NULL || producer->transactional_id == NULL) {
        return NBA_OK;
    }
    const enum nba_status status =
        stream->fault(stream->fault_context, where, producer->transactional_id);
    if (status != NBA_OK) {
        nba_error_set(error, status, "injected fault %d", (int)where);
    }
    return settle(producer, status, producer->state);
}

/* NBA_OK in the state that the call is for, or what a doomed or dead producer keeps answering. */
static enum nba_status check(const struct nba_producer *producer, enum nba_producer_state wanted,
                             struct nba_error *error)
{
    if (producer->state == NBA_PRODUCER_DOOMED && wanted != NBA_PRODUCER_DOOMED) {
        return nba_error_set(error, producer->answer, "transaction of '%s' must be aborted",
                             producer->transactional_id);
    }
    if (producer->state == NBA_PRODUCER_DEAD) {
        return nba_error_set(error, producer->answer, "producer '%s' is of no more use",
                             producer->transactional_id);
    }
    NBA_ASSERT(producer->state == wanted ||
               (producer->state == NBA_PRODUCER_OPEN && wanted == NBA_PRODUCER_DOOMED));
    return NBA_OK;
}

enum nba_status nba_producer_init(struct nba_producer *producer, int timeout_ms,
                                  struct nba_error *error)
{
    const enum nba_status status = check(producer, NBA_PRODUCER_FRESH, error);
    return status != NBA_OK
               ? status
               : settle(producer,
                        producer->stream->backend->producer_init(producer, timeout_ms, error),
                        NBA_PRODUCER_READY);
}

enum nba_status nba_producer_begin(struct nba_producer *producer, struct nba_error *error)
{
    const enum nba_status status = check(producer, NBA_PRODUCER_READY, error);
    return status != NBA_OK
               ? status
               : settle(producer, producer->stream->backend->producer_begin(producer, error),
                        NBA_PRODUCER_OPEN);
}

static enum nba_status check_outgoing(const struct nba_outgoing *outgoing, struct nba_error *error)
{
    NBA_ASSERT(outgoing->topic != NULL && outgoing->partition >= NBA_PARTITION_BY_KEY);
    size_t bytes = outgoing->key.bytes + outgoing->value.bytes;
    for (uint32_t i = 0; i < outgoing->header_count && i < NBA_HEADERS_MAX; i++) {
        bytes += outgoing->headers[i].name.bytes + outgoing->headers[i].value.bytes;
    }
    if (bytes > NBA_RECORD_BYTES_MAX || outgoing->header_count > NBA_HEADERS_MAX) {
        return nba_error_set(
            error, NBA_E_LIMIT, "cannot produce to %s: %zu bytes and %u headers, at most %u and %u",
            outgoing->topic, bytes, outgoing->header_count, NBA_RECORD_BYTES_MAX, NBA_HEADERS_MAX);
    }
    return NBA_OK;
}

enum nba_status nba_producer_produce(struct nba_producer *producer,
                                     const struct nba_outgoing *outgoing, struct nba_error *error)
{
    const bool plain = producer->state == NBA_PRODUCER_PLAIN;
    enum nba_status status = check(producer, plain ? NBA_PRODUCER_PLAIN : NBA_PRODUCER_OPEN, error);
    if (status == NBA_OK) {
        status = check_outgoing(outgoing, error);
    }
    if (status == NBA_OK) {
        status = ask_fault(producer, NBA_FAULT_PRODUCE, error);
    }
    return status != NBA_OK
               ? status
               : settle(producer,
                        producer->stream->backend->producer_produce(producer, outgoing, error),
                        producer->state);
}

enum nba_status nba_producer_send_offsets(struct nba_producer *producer,
                                          const struct nba_position *positions, size_t count,
                                          struct nba_member *member, struct nba_error *error)
{
    enum nba_status status = check(producer, NBA_PRODUCER_OPEN, error);
    if (status == NBA_OK) {
        status = ask_fault(producer, NBA_FAULT_SEND_OFFSETS, error);
    }
    return status != NBA_OK ? status
                            : settle(producer,
                                     producer->stream->backend->producer_send_offsets(
                                         producer, positions, count, member, error),
                                     NBA_PRODUCER_OPEN);
}

/* Commit or abort: asked before, done, and asked after. */
static enum nba_status end(struct nba_producer *producer, bool commit, int timeout_ms,
                           struct nba_error *error)
{
    enum nba_status status =
        check(producer, commit ? NBA_PRODUCER_OPEN : NBA_PRODUCER_DOOMED, error);
    if (status == NBA_OK) {
        status = ask_fault(producer, commit ? NBA_FAULT_COMMIT : NBA_FAULT_ABORT, error);
    }
    if (status == NBA_OK) {
        enum nba_status (*call)(void *self, int timeout_ms, struct nba_error *error) =
            commit ? producer->stream->backend->producer_commit
                   : producer->stream->backend->producer_abort;
        status = settle(producer, call(producer, timeout_ms, error), NBA_PRODUCER_READY);
    }
    return status == NBA_OK
               ? ask_fault(producer, commit ? NBA_FAULT_COMMITTED : NBA_FAULT_ABORTED, error)
               : status;
}

enum nba_status nba_producer_commit(struct nba_producer *producer, int timeout_ms,
                                    struct nba_error *error)
{
    return end(producer, true, timeout_ms, error);
}

enum nba_status nba_producer_abort(struct nba_producer *producer, int timeout_ms,
                                   struct nba_error *error)
{
    return end(producer, false, timeout_ms, error);
}

bool nba_producer_next_offset(const struct nba_producer *producer, const char *topic,
                              int32_t partition, int64_t *ret_next)
{
    return producer->stream->backend->producer_next_offset(producer, topic, partition, ret_next);
}

enum nba_status nba_producer_flush(struct nba_producer *producer, int timeout_ms,
                                   struct nba_error *error)
{
    NBA_ASSERT(producer->state == NBA_PRODUCER_PLAIN);
    return producer->stream->backend->producer_flush != NULL
               ? producer->stream->backend->producer_flush(producer, timeout_ms, error)
               : NBA_OK;
}
