/* Waiting happens here, in steps short enough for an interrupt to be noticed. */
#include "nba/app/sink.h"

#include <stdio.h>

#include "nba/app/interrupt.h"
#include "nba/base/clock.h"
#include "nba/codec/encoder.h"

#define STEP_MS   1000
#define FUTURE_MS (INT64_C(10) * 60 * 1000)

enum nba_status nba_sink_open(const struct nba_workplace *place, struct nba_sink *ret_sink,
                              struct nba_error *error)
{
    *ret_sink = (struct nba_sink){.schemas = place->schemas};
    nba_buf_init(&ret_sink->value, NBA_RECORD_BYTES_MAX);
    return nba_producer_create(place->stream, NULL, &ret_sink->producer, error);
}

enum nba_status nba_sink_send(struct nba_sink *sink, const struct nba_outgoing *outgoing,
                              struct nba_error *error)
{
    enum nba_status status = NBA_E_BUSY;
    while (status == NBA_E_BUSY) {
        if (nba_interrupted()) {
            return nba_interrupt_check(error);
        }
        status = nba_producer_produce(sink->producer, outgoing, error);
    }
    sink->sent += status == NBA_OK ? 1 : 0;
    return status;
}

enum nba_status nba_sink_value(struct nba_sink *sink, const char *topic, int32_t partition,
                               struct nba_str key, int64_t timestamp_ms, struct nba_error *error)
{
    const struct nba_outgoing outgoing = {.topic = topic,
                                          .partition = partition,
                                          .key = key,
                                          .key_null = key.data == NULL,
                                          .value = nba_buf_str(&sink->value),
                                          .timestamp_ms = timestamp_ms};
    return sink->value.failed ? nba_error_set(error, NBA_E_LIMIT, "message is too large")
                              : nba_sink_send(sink, &outgoing, error);
}

enum nba_status nba_sink_check_time(int64_t event_time_ms, struct nba_error *error)
{
    return event_time_ms <= nba_clock_wall_ms(&nba_clock_system) + FUTURE_MS
               ? NBA_OK
               : nba_error_set(error, NBA_E_LIMIT, "event_time: more than 10 minutes ahead of now");
}

enum nba_status nba_sink_event(struct nba_sink *sink, const char *topic,
                               const struct nba_event *event, struct nba_error *error)
{
    nba_buf_reset(&sink->value);
    nba_encode_event(sink->schemas, event, &sink->value);
    if (sink->value.failed) {
        return nba_error_set(error, NBA_E_LIMIT, "event '%.*s' is too large",
                             NBA_STR_ARG(event->event_id));
    }
    return nba_sink_value(sink, topic, NBA_PARTITION_BY_KEY, event->hcp_id, event->event_time_ms,
                          error);
}

enum nba_status nba_sink_reference(struct nba_sink *sink, const char *topic,
                                   const struct nba_reference *reference, int64_t timestamp_ms,
                                   struct nba_error *error)
{
    const bool content = reference->kind == NBA_REFERENCE_CONTENT;
    const bool campaign = reference->kind == NBA_REFERENCE_CAMPAIGN;
    const struct nba_str id = content    ? reference->content.content_id
                              : campaign ? reference->campaign.campaign_id
                                         : reference->rep.rep_id;
    char key[NBA_ID_BYTES_MAX + 16];
    const int bytes = snprintf(key, sizeof(key), "%s:%.*s",
                               content    ? "content"
                               : campaign ? "campaign"
                                          : "rep",
                               NBA_STR_ARG(id));
    nba_buf_reset(&sink->value);
    nba_encode_reference(sink->schemas, reference, &sink->value);
    if (sink->value.failed || (size_t)bytes >= sizeof(key)) {
        return nba_error_set(error, NBA_E_LIMIT, "%.60s... is too large", key);
    }
    return nba_sink_value(sink, topic, 0, nba_str(key, (size_t)bytes), timestamp_ms, error);
}

enum nba_status nba_sink_close(struct nba_sink *sink, enum nba_status status,
                               struct nba_error *error)
{
    struct nba_error closing = {NBA_OK, ""};
    if (sink->producer != NULL) {
        do {
            closing.status = nba_producer_flush(sink->producer, STEP_MS, &closing);
        } while (closing.status == NBA_E_TIMEOUT && !nba_interrupted());
        if (status == NBA_OK && closing.status != NBA_OK) {
            *error = closing;
            status = closing.status;
        }
    }
    nba_producer_destroy(sink->producer);
    nba_buf_clear(&sink->value);
    sink->producer = NULL;
    return status;
}
