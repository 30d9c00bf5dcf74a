/* The checks in the order in which they make sense: is there anything, is it readable, is
 * it ours. */
#include "intake.h"

#include "nba/base/hash.h"
#include "nba/base/limits.h"

static enum nba_status check_identity(const struct nba_policy *policy,
                                      const struct nba_record *record,
                                      const struct nba_event *event, struct nba_error *error)
{
    if (event->event_id.bytes == 0) {
        return nba_error_set(error, NBA_E_SCHEMA_INCOMPATIBLE, "event_id is empty");
    }
    const struct nba_str tenant = nba_policy_head(policy)->tenant;
    if (event->tenant_id.bytes != 0 && !nba_str_equal(event->tenant_id, tenant)) {
        return nba_error_set(error, NBA_E_WRONG_TENANT, "event of another tenant");
    }
    if (event->type == NBA_EVENT_CONTROL_TICK) {
        return NBA_OK; /* nobody's event: no key, no hcp_id */
    }
    if (record->key_null || record->key.bytes == 0) {
        return nba_error_set(error, NBA_E_EMPTY_KEY, "record has no key");
    }
    if (!nba_str_equal(record->key, event->hcp_id)) {
        return nba_error_set(error, NBA_E_KEY_MISMATCH, "record key is not the body's hcp_id");
    }
    if (record->key.bytes > NBA_ID_BYTES_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "hcp_id has %zu bytes, at most %u are taken",
                             record->key.bytes, NBA_ID_BYTES_MAX);
    }
    return NBA_OK;
}

static enum nba_status check_merge(const struct nba_event *event, struct nba_error *error)
{
    const struct nba_str from = event->from_hcp_id;
    const struct nba_str to = event->to_hcp_id;
    if (from.bytes == 0 || to.bytes == 0 || nba_str_equal(from, to)) {
        return nba_error_set(error, NBA_E_SCHEMA_INCOMPATIBLE,
                             "profile_merged needs from_hcp_id and to_hcp_id, two of them");
    }
    if (!nba_str_equal(event->hcp_id, from) && !nba_str_equal(event->hcp_id, to)) {
        return nba_error_set(error, NBA_E_KEY_MISMATCH,
                             "profile_merged is of neither from_hcp_id nor to_hcp_id");
    }
    return from.bytes <= NBA_ID_BYTES_MAX && to.bytes <= NBA_ID_BYTES_MAX
               ? NBA_OK
               : nba_error_set(error, NBA_E_LIMIT, "an hcp_id of more than %u bytes",
                               NBA_ID_BYTES_MAX);
}

enum nba_status nba_intake(struct nba_decoder *decoder, const struct nba_policy *policy,
                           const struct nba_record *record, struct nba_arena *arena,
                           struct nba_event *ret_event, struct nba_error *error)
{
    struct nba_event event;
    if (record->value_null) {
        return nba_error_set(error, NBA_E_NULL_VALUE, "record has no value");
    }
    if (record->value.bytes > NBA_EVENT_BYTES_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "value has %zu bytes, at most %u are taken",
                             record->value.bytes, NBA_EVENT_BYTES_MAX);
    }
    enum nba_status status = nba_decode_event(decoder, record->value, arena, &event, error);
    if (status != NBA_OK) {
        return status;
    }
    status = check_identity(policy, record, &event, error);
    if (status != NBA_OK) {
        return status;
    }
    if (event.event_time_ms < record->timestamp_ms - NBA_INTAKE_PAST_MS ||
        event.event_time_ms > record->timestamp_ms + NBA_INTAKE_FUTURE_MS) {
        return nba_error_set(error, NBA_E_TIME_OUT_OF_RANGE,
                             "event_time is more than 5 years before or 10 minutes after the "
                             "record's timestamp");
    }
    if (event.type == NBA_EVENT_PROFILE_MERGED) {
        status = check_merge(&event, error);
        if (status != NBA_OK) {
            return status;
        }
    }
    *ret_event = event;
    return NBA_OK;
}

struct nba_content_facts nba_intake_facts(const struct nba_catalog *catalog,
                                          const struct nba_event *event)
{
    struct nba_content_facts facts = {.brand = event->brand};
    const uint32_t k = event->content_id.bytes != 0
                           ? nba_catalog_find_content(catalog, event->content_id)
                           : NBA_CATALOG_NONE;
    if (k != NBA_CATALOG_NONE) {
        facts.family_id = catalog->words[catalog->content_family[k]];
        facts.topic = catalog->words[catalog->content_topic[k]];
        facts.brand = catalog->words[catalog->content_brand[k]];
    }
    if (event->topic_ids.count != 0) {
        facts.topic = event->topic_ids.items[0];
    }
    return facts;
}

enum nba_arrival nba_intake_arrival(const struct nba_policy *policy, const struct nba_hcp *hcp,
                                    const struct nba_event *event, int64_t watermark_ms)
{
    if (nba_hcp_is_duplicate(hcp, nba_event_hash(event->source, event->event_id), watermark_ms)) {
        return NBA_ARRIVAL_DUPLICATE;
    }
    if (nba_policy_is_late(policy, event->event_time_ms, watermark_ms)) {
        return NBA_ARRIVAL_LATE;
    }
    const bool machine =
        nba_policy_ignores(policy, event) || nba_policy_is_too_soon(policy, hcp, event);
    return machine ? NBA_ARRIVAL_BOT : NBA_ARRIVAL_FRESH;
}
