/* Waiting happens here, in steps short enough for an interrupt to be noticed. */
#include "nba/app/sink.h"

#include <string.h>

#include "nba/app/interrupt.h"
#include "nba/codec/encoder.h"

#define STEP_MS 1000

enum nba_status nba_sink_open(struct nba_stream *stream, const struct nba_schemas *schemas,
                              struct nba_sink *ret_sink, struct nba_error *error)
{
    memset(ret_sink, 0, sizeof(*ret_sink));
    ret_sink->schemas = schemas;
    nba_buf_init(&ret_sink->value, NBA_RECORD_BYTES_MAX);
    nba_buf_init(&ret_sink->key, NBA_ID_BYTES_MAX + 16);
    return nba_producer_create(stream, NULL, &ret_sink->producer, error);
}

enum nba_status nba_sink_send(struct nba_sink *sink, const struct nba_outgoing *outgoing,
                              struct nba_error *error)
{
    enum nba_status status = NBA_E_BUSY;
    while (status == NBA_E_BUSY) {
        if (nba_interrupted()) {
            return nba_error_set(error, NBA_E_INTERRUPTED, "interrupted");
        }
        status = nba_producer_produce(sink->producer, outgoing, error);
    }
    sink->sent += status == NBA_OK ? 1 : 0;
    return status;
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
    const struct nba_outgoing outgoing = {.topic = topic,
                                          .partition = NBA_PARTITION_BY_KEY,
                                          .key = event->hcp_id,
                                          .value = nba_buf_str(&sink->value),
                                          .timestamp_ms = event->event_time_ms};
    return nba_sink_send(sink, &outgoing, error);
}

static struct nba_str reference_id(const struct nba_reference *reference, const char **ret_kind)
{
    switch (reference->kind) {
    case NBA_REFERENCE_CONTENT:
        *ret_kind = "content";
        return reference->content.content_id;
    case NBA_REFERENCE_CAMPAIGN:
        *ret_kind = "campaign";
        return reference->campaign.campaign_id;
    case NBA_REFERENCE_REP:
        break;
    }
    *ret_kind = "rep";
    return reference->rep.rep_id;
}

enum nba_status nba_sink_reference(struct nba_sink *sink, const char *topic,
                                   const struct nba_reference *reference, int64_t timestamp_ms,
                                   struct nba_error *error)
{
    const char *kind = NULL;
    const struct nba_str id = reference_id(reference, &kind);
    nba_buf_reset(&sink->key);
    nba_buf_reset(&sink->value);
    nba_buf_printf(&sink->key, "%s:%.*s", kind, NBA_STR_ARG(id));
    nba_encode_reference(sink->schemas, reference, &sink->value);
    if (sink->key.failed || sink->value.failed) {
        return nba_error_set(error, NBA_E_LIMIT, "%s '%.*s' is too large", kind, NBA_STR_ARG(id));
    }
    const struct nba_outgoing outgoing = {.topic = topic,
                                          .partition = 0,
                                          .key = nba_buf_str(&sink->key),
                                          .value = nba_buf_str(&sink->value),
                                          .timestamp_ms = timestamp_ms};
    return nba_sink_send(sink, &outgoing, error);
}

enum nba_status nba_sink_close(struct nba_sink *sink, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    if (sink->producer != NULL) {
        do {
            status = nba_producer_flush(sink->producer, STEP_MS, error);
        } while (status == NBA_E_TIMEOUT && !nba_interrupted());
    }
    nba_producer_destroy(sink->producer);
    nba_buf_clear(&sink->value);
    nba_buf_clear(&sink->key);
    memset(sink, 0, sizeof(*sink));
    return status;
}
