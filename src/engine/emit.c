/* CloudEvents 1.0, Kafka binary mode, on actions; src on everything. */
#include "emit.h"

#include <stdio.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/str_put.h"
#include "nba/base/time_text.h"
#include "nba/base/version.h"
#include "nba/codec/decoder.h"
#include "nba/engine/pipeline.h"

void nba_emit_src(const struct nba_record *record, char ret_src[NBA_SRC_BYTES])
{
    NBA_ASSERT(record->topic.bytes <= NBA_SRC_BYTES - sizeof("/-2147483648/-9223372036854775808"));
    char *at = nba_str_put(ret_src, record->topic);
    *at++ = '/';
    at = nba_str_put_number(at, record->partition, 0);
    *at++ = '/';
    at = nba_str_put_number(at, record->offset, 0);
    *at = '\0';
}

/* A message as a record of `topic`; NULL when the outbox failed. */
static struct nba_outbox_record *add_encoded(struct nba_emitter *emitter, struct nba_origin origin,
                                             const char *topic, struct nba_str key)
{
    if (emitter->encoded.failed) {
        emitter->outbox->failed = true;
        return NULL;
    }
    struct nba_outbox_record *record = nba_outbox_add(emitter->outbox, topic, origin.partition, key,
                                                      nba_buf_str(&emitter->encoded));
    if (record != NULL) {
        record->key_null = key.bytes == 0;
    }
    nba_outbox_header(emitter->outbox, record, "src", origin.src);
    return record;
}

static void header_time(struct nba_emitter *emitter, struct nba_outbox_record *record,
                        const char *name, int64_t ms)
{
    char text[NBA_TIME_TEXT_BYTES];
    nba_time_format(ms, text);
    nba_outbox_header(emitter->outbox, record, name, nba_str_of(text));
}

static void cloud_event_headers(struct nba_emitter *emitter, struct nba_outbox_record *record,
                                const struct nba_action *action)
{
    struct nba_outbox *outbox = emitter->outbox;
    const bool recalled = action->status == NBA_ACTION_RECALLED;
    char text[4 * NBA_ID_BYTES_MAX];
    nba_outbox_header(outbox, record, "ce_specversion", nba_str_of("1.0"));
    /* A recall is an event of its own: another id than the proposal it takes back. */
    NBA_ASSERT(action->action_id.bytes + sizeof(":recalled") < sizeof(text));
    char *at = nba_str_put(text, action->action_id);
    at = nba_str_put(at, nba_str_of(recalled ? ":recalled" : ""));
    nba_outbox_header(outbox, record, "ce_id", nba_str(text, (size_t)(at - text)));
    at = nba_str_put(text, nba_str_of("/nba/"));
    at = nba_str_put(at, nba_str_of(emitter->config->application_id));
    nba_outbox_header(outbox, record, "ce_source", nba_str(text, (size_t)(at - text)));
    nba_outbox_header(outbox, record, "ce_type",
                      nba_str_of(recalled ? "nba.action.recalled.v1" : "nba.action.proposed.v1"));
    header_time(emitter, record, "ce_time", action->time_ms);
    nba_outbox_header(outbox, record, "ce_subject", action->hcp_id);
    at = nba_str_put(text, nba_str_of("/schemas/ids/"));
    at = nba_str_put_number(at, nba_schemas_id(emitter->schemas, NBA_SCHEMA_ACTION), 0);
    nba_outbox_header(outbox, record, "ce_dataschema", nba_str(text, (size_t)(at - text)));
    nba_outbox_header(outbox, record, "content-type", nba_str_of("application/avro"));
    nba_outbox_header(outbox, record, "ce_causationid", action->trigger_event_id);
    if (action->campaign_id.bytes != 0) {
        nba_outbox_header(outbox, record, "ce_correlationid", action->campaign_id);
    }
    header_time(emitter, record, "ce_expirytime", action->expires_at_ms);
}

static bool route_matches(const struct nba_config_route *route, const struct nba_action *action)
{
    return (route->channel[0] == '\0' ||
            nba_str_is(nba_str_of(route->channel), nba_channel_name(action->channel))) &&
           (route->campaign[0] == '\0' || nba_str_is(action->campaign_id, route->campaign));
}

void nba_emit_action(struct nba_emitter *emitter, struct nba_origin origin,
                     const struct nba_action *action)
{
    const struct nba_config *config = emitter->config;
    const struct nba_listener *listener = emitter->listener;
    if (listener != NULL) {
        listener->action(listener->context, origin.partition, origin.segment, action);
        return;
    }
    nba_buf_reset(&emitter->encoded);
    nba_encode_action(emitter->schemas, action, &emitter->encoded);
    cloud_event_headers(
        emitter, add_encoded(emitter, origin, config->topics.action, action->hcp_id), action);
    for (uint32_t i = 0; i < config->route_count; i++) {
        const struct nba_config_route *route = &config->routes[i];
        if (route_matches(route, action)) {
            const bool by_rep = route->key == NBA_CONFIG_ROUTE_BY_REP && action->rep_id.bytes != 0;
            cloud_event_headers(emitter,
                                add_encoded(emitter, origin, route->topic,
                                            by_rep ? action->rep_id : action->hcp_id),
                                action);
        }
    }
}

void nba_emit_slate(struct nba_emitter *emitter, struct nba_origin origin,
                    const struct nba_slate *slate)
{
    if (emitter->listener != NULL) {
        return;
    }
    nba_buf_reset(&emitter->encoded);
    nba_encode_slate(emitter->schemas, slate, &emitter->encoded);
    (void)add_encoded(emitter, origin, emitter->config->topics.slate, slate->hcp_id);
}

void nba_emit_decision(struct nba_emitter *emitter, struct nba_origin origin,
                       const struct nba_decision *decision)
{
    const struct nba_listener *listener = emitter->listener;
    if (listener != NULL) {
        listener->decision(listener->context, origin.partition, origin.segment, decision);
        return;
    }
    nba_buf_reset(&emitter->encoded);
    nba_encode_decision(emitter->schemas, decision, &emitter->encoded);
    (void)add_encoded(emitter, origin, emitter->config->topics.decision, decision->hcp_id);
}

void nba_emit_tombstone(struct nba_emitter *emitter, struct nba_origin origin, const char *topic,
                        struct nba_str key)
{
    struct nba_outbox_record *record =
        nba_outbox_add(emitter->outbox, topic, origin.partition, key, nba_str("", 0));
    if (record != NULL) {
        record->value_null = true;
    }
    nba_outbox_header(emitter->outbox, record, "src", origin.src);
}

void nba_emit_journal(struct nba_emitter *emitter, struct nba_origin origin,
                      const struct nba_journal *journal)
{
    nba_buf_reset(&emitter->encoded);
    nba_encode_journal(emitter->schemas, journal, &emitter->encoded);
    (void)add_encoded(emitter, origin, emitter->config->topics.journal, nba_str(NULL, 0));
}

void nba_emit_mail(struct nba_emitter *emitter, struct nba_origin origin, struct nba_str key,
                   int32_t partition, const struct nba_mail *mail)
{
    nba_buf_reset(&emitter->encoded);
    nba_encode_mail(emitter->schemas, mail, &emitter->encoded);
    origin.partition = partition;
    struct nba_outbox_record *record =
        add_encoded(emitter, origin, emitter->config->topics.mailbox, key);
    if (record != NULL) {
        record->time_ms = mail->time_ms;
    }
}

void nba_emit_rep_capacity(struct nba_emitter *emitter, struct nba_origin origin,
                           const struct nba_rep_capacity *capacity)
{
    nba_buf_reset(&emitter->encoded);
    nba_encode_rep_capacity(emitter->schemas, capacity, &emitter->encoded);
    origin.partition = 0;
    (void)add_encoded(emitter, origin, emitter->config->topics.rep_capacity, capacity->rep_id);
}

void nba_emit_deadletter(struct nba_emitter *emitter, struct nba_origin origin,
                         const struct nba_record *record, const struct nba_error *why)
{
    struct nba_outbox *outbox = emitter->outbox;
    char number[24];
    uint32_t schema_id = 0;
    nba_buf_reset(&emitter->encoded);
    nba_buf_append_str(&emitter->encoded, record->key);
    nba_buf_append_byte(&emitter->encoded, '|');
    nba_buf_append_str(&emitter->encoded, origin.src);
    const struct nba_str value =
        nba_str(record->value.data, record->value.bytes > NBA_DEADLETTER_BYTES_MAX
                                        ? NBA_DEADLETTER_BYTES_MAX
                                        : record->value.bytes);
    struct nba_outbox_record *letter =
        nba_outbox_add(outbox, emitter->config->topics.deadletter, origin.partition,
                       nba_buf_str(&emitter->encoded), value);
    nba_outbox_header(outbox, letter, "src", origin.src);
    nba_outbox_header(outbox, letter, "reason", nba_str_of(nba_status_name(why->status)));
    nba_outbox_header(outbox, letter, "detail", nba_str(why->message, strnlen(why->message, 200)));
    if (nba_wire_schema_id(record->value, &schema_id)) {
        (void)snprintf(number, sizeof(number), "%u", schema_id);
        nba_outbox_header(outbox, letter, "schema_id", nba_str_of(number));
    }
    nba_outbox_header(outbox, letter, "engine_version", nba_str_of(NBA_ENGINE_VERSION));
    if (value.bytes < record->value.bytes) {
        (void)snprintf(number, sizeof(number), "%zu", record->value.bytes);
        nba_outbox_header(outbox, letter, "truncated_from", nba_str_of(number));
    }
}
