/*
 * Where tools put records: a plain, idempotent producer with the waiting done.
 *
 * Everything sent is delivered when nba_sink_close said NBA_OK.  A broker that is away is waited
 * for, until interrupted.
 */
#ifndef NBA_APP_SINK_H
#define NBA_APP_SINK_H

#include <stdint.h>

#include "nba/app/workplace.h"
#include "nba/event/event.h"
#include "nba/event/reference.h"
#include "nba/stream/producer.h"

struct nba_sink {
    struct nba_producer *producer;
    const struct nba_schemas *schemas;
    struct nba_buf value;
    uint64_t sent;
};

NBA_MUST_USE
enum nba_status nba_sink_open(const struct nba_workplace *place, struct nba_sink *ret_sink,
                              struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_sink_send(struct nba_sink *sink, const struct nba_outgoing *outgoing,
                              struct nba_error *error);
/* Sends what the caller has encoded into sink->value; a key without data is null. */
NBA_MUST_USE
enum nba_status nba_sink_value(struct nba_sink *sink, const char *topic, int32_t partition,
                               struct nba_str key, int64_t timestamp_ms, struct nba_error *error);
/* A time more than 10 minutes ahead of now is refused (NBA_E_LIMIT): records would bear it, their
 * partition's clock would jump there, and all that comes after be late. */
NBA_MUST_USE
enum nba_status nba_sink_check_time(int64_t event_time_ms, struct nba_error *error);
/* Keyed by hcp_id, record timestamp = event time. */
NBA_MUST_USE
enum nba_status nba_sink_event(struct nba_sink *sink, const char *topic,
                               const struct nba_event *event, struct nba_error *error);
/* Keyed by kind:id; `timestamp_ms` as in a record to send. */
NBA_MUST_USE
enum nba_status nba_sink_reference(struct nba_sink *sink, const char *topic,
                                   const struct nba_reference *reference, int64_t timestamp_ms,
                                   struct nba_error *error);
/* Waits for delivery, then frees; frees also when that fails.  `status` is how the work went so
 * far: a failure of it is what comes back. */
NBA_MUST_USE
enum nba_status nba_sink_close(struct nba_sink *sink, enum nba_status status,
                               struct nba_error *error);

#endif
