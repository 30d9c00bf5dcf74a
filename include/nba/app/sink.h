/*
 * Where tools put records: a plain, idempotent producer with the waiting done.
 *
 * Everything sent is delivered when nba_sink_close said NBA_OK.  A broker that is away is waited
 * for, until interrupted.
 */
#ifndef NBA_APP_SINK_H
#define NBA_APP_SINK_H

#include <stdint.h>

#include "nba/base/buf.h"
#include "nba/codec/schema_registry.h"
#include "nba/event/event.h"
#include "nba/event/reference.h"
#include "nba/stream/producer.h"

struct nba_sink {
    struct nba_producer *producer;
    const struct nba_schemas *schemas;
    struct nba_buf value;
    struct nba_buf key;
    uint64_t sent;
};

NBA_MUST_USE
enum nba_status nba_sink_open(struct nba_stream *stream, const struct nba_schemas *schemas,
                              struct nba_sink *ret_sink, struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_sink_send(struct nba_sink *sink, const struct nba_outgoing *outgoing,
                              struct nba_error *error);
/* Keyed by hcp_id, record timestamp = event time. */
NBA_MUST_USE
enum nba_status nba_sink_event(struct nba_sink *sink, const char *topic,
                               const struct nba_event *event, struct nba_error *error);
/* Keyed by kind:id; `timestamp_ms` as in a record to send. */
NBA_MUST_USE
enum nba_status nba_sink_reference(struct nba_sink *sink, const char *topic,
                                   const struct nba_reference *reference, int64_t timestamp_ms,
                                   struct nba_error *error);
/* Waits for delivery, then frees; frees also when that fails. */
NBA_MUST_USE
enum nba_status nba_sink_close(struct nba_sink *sink, struct nba_error *error);

#endif
