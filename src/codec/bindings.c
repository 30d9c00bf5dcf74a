/*
 * The tables that lay our structs onto our schemas.  Each line is one field of a schema; a field of
 * a schema that has no line here is skipped in reading and gets its default in writing.
 *
 * Ids of decisions and actions are TEXT: they hold a source and an event id, each an ID of its own.
 */
#include "nba/codec/binding.h"

#include <stddef.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/compiler.h"
#include "nba/codec/log_record.h"
#include "nba/event/event.h"
#include "nba/event/message.h"
#include "nba/event/reference.h"

/* ---- words --------------------------------------------------------------------------------- */

#define WORDS(noun, total)                                \
    static const char *noun##_word(uint32_t value)        \
    {                                                     \
        return nba_##noun##_name((enum nba_##noun)value); \
    }                                                     \
    static const struct nba_words noun##_words = {noun##_word, total}

WORDS(event_type, NBA_EVENT_TYPE_COUNT);
WORDS(channel, NBA_CHANNEL_COUNT);
WORDS(action_type, NBA_ACTION_TYPE_COUNT);
WORDS(consent_scope, NBA_CONSENT_SCOPE_COUNT);
WORDS(consent_status, NBA_CONSENT_STATUS_COUNT);
WORDS(bot, NBA_BOT_COUNT);
WORDS(bounce, NBA_BOUNCE_COUNT);
WORDS(content_class, NBA_CONTENT_CLASS_COUNT);
WORDS(approval, NBA_APPROVAL_COUNT);
WORDS(rep_role, NBA_REP_ROLE_COUNT);
WORDS(stage, NBA_STAGE_COUNT);
WORDS(driver, NBA_DRIVER_COUNT);
WORDS(reason, NBA_REASON_NUMBER_MAX + 1);

/* Words of enums that have no list macro: the index is the value. */
#define WORD_LIST(noun, ...)                                \
    static const char *const noun##_list[] = {__VA_ARGS__}; \
    static const char *noun##_word(uint32_t value)          \
    {                                                       \
        NBA_ASSERT(value < NBA_ARRAY_COUNT(noun##_list));   \
        return noun##_list[value];                          \
    }                                                       \
    static const struct nba_words noun##_words = {noun##_word, NBA_ARRAY_COUNT(noun##_list)}

WORD_LIST(address, NULL, "ok", "bounced", "none");
WORD_LIST(action_status, "proposed", "recalled");
WORD_LIST(decision_kind, "decided", "updated", "skipped", "lifecycle");
WORD_LIST(reference_kind, "content", "campaign", "rep");
WORD_LIST(control_kind, "unknown", "mode", "exclude", "include", "release", "policy");

/* ---- how a line is written ----------------------------------------------------------------- */

#define AT(owner, member) \
    .offset = offsetof(struct owner, member), .bytes = sizeof(((const struct owner *)0)->member)
#define PRESENT(how, owner, member) \
    .presence = NBA_PRESENT_##how, .presence_offset = offsetof(struct owner, member)

/* What every line says, and lines of collections; in braces with whatever else there is to say. */
#define MEMBER(owner, kind_, name_, member) \
    .name = name_, .kind = NBA_BIND_##kind_, AT(owner, member)
#define ITEMS(owner, kind_, name_, member, count, of)     \
    MEMBER(owner, kind_, name_, member), .record = &(of), \
                                         .count_offset = offsetof(struct owner, count)
#define SLOTS(owner, name_, member, noun, of) \
    MEMBER(owner, SLOTS, name_, member), .words = &noun##_words, .record = &(of)

#define FIELD(owner, kind_, name_, member)   \
    {                                        \
        MEMBER(owner, kind_, name_, member), \
    }
#define WORD(owner, name_, member, noun)                              \
    {                                                                 \
        MEMBER(owner, WORD, name_, member), .words = &(noun##_words), \
    }
#define RECORDS(owner, name_, member, count, of)       \
    {                                                  \
        ITEMS(owner, ARRAY, name_, member, count, of), \
    }
/* A list of texts, struct nba_str_list; one whose presence is a bool. */
#define LIST(owner, name_, member) RECORDS(owner, name_, member.items, member.count, id)
#define LIST_IF(owner, name_, member, flag)                                                     \
    {                                                                                           \
        ITEMS(owner, ARRAY, name_, member.items, member.count, id), PRESENT(BOOL, owner, flag), \
    }
/* A record of the schema whose fields stand in the surrounding struct. */
#define GROUP(name_, of)                                         \
    {                                                            \
        .name = name_, .kind = NBA_BIND_RECORD, .record = &(of), \
    }
#define RECORD_BINDING(noun, struct_)                                              \
    static const struct nba_record_binding noun = {sizeof(struct_), noun##_fields, \
                                                   NBA_ARRAY_COUNT(noun##_fields)}
/* Items that are no records. */
#define PLAIN(noun, type, kind_, words_)                                    \
    static const struct nba_binding noun##_fields[] = {                     \
        {.kind = NBA_BIND_##kind_, .bytes = sizeof(type), .words = words_}, \
    };                                                                      \
    RECORD_BINDING(noun, type)

PLAIN(id, struct nba_str, ID, NULL);
PLAIN(number, double, DOUBLE, NULL);
PLAIN(tally, int32_t, INT, NULL);
PLAIN(address, uint8_t, WORD, &address_words);

/* ---- hcp.engagement.v1 --------------------------------------------------------------------- */

static const struct nba_binding profile_ids_fields[] = {
    FIELD(nba_profile, ID, "npi", npi),
    FIELD(nba_profile, ID, "onekey_id", onekey_id),
    FIELD(nba_profile, ID, "veeva_id", veeva_id),
};
RECORD_BINDING(profile_ids, struct nba_profile);

static const struct nba_binding profile_fields[] = {
    FIELD(nba_profile, ID, "market", market),
    FIELD(nba_profile, ID, "region", region),
    FIELD(nba_profile, ID, "tz", tz),
    FIELD(nba_profile, ID, "language", language),
    LIST_IF(nba_profile, "specialties", specialties, has_specialties),
    LIST_IF(nba_profile, "interests", interests, has_interests),
    {SLOTS(nba_profile, "addresses", address, channel, address)},
    FIELD(nba_profile, ID, "rep_id", rep_id),
    FIELD(nba_profile, ID, "msl_id", msl_id),
    FIELD(nba_profile, ID, "territory_id", territory_id),
    LIST_IF(nba_profile, "registered_events", registered_events, has_registered_events),
    {MEMBER(nba_profile, BOOL, "open_complaint", open_complaint),
     PRESENT(BOOL, nba_profile, has_open_complaint)},
    GROUP("ids", profile_ids),
};
RECORD_BINDING(profile, struct nba_profile);

static const struct nba_binding attribute_fields[] = {
    FIELD(nba_attribute, ID, "key", name),
    FIELD(nba_attribute, TEXT, "value", value),
};
RECORD_BINDING(attribute, struct nba_attribute);

static const struct nba_binding event_fields[] = {
    FIELD(nba_event, ID, "event_id", event_id),
    FIELD(nba_event, ID, "source", source),
    WORD(nba_event, "event_type", type, event_type),
    FIELD(nba_event, TIME, "event_time", event_time_ms),
    FIELD(nba_event, TIME, "recorded_time", recorded_time_ms),
    FIELD(nba_event, ID, "tenant_id", tenant_id),
    FIELD(nba_event, ID, "hcp_id", hcp_id),
    FIELD(nba_event, ID, "market", market),
    FIELD(nba_event, ID, "brand", brand),
    FIELD(nba_event, ID, "campaign_id", campaign_id),
    FIELD(nba_event, ID, "content_id", content_id),
    LIST(nba_event, "topic_ids", topic_ids),
    FIELD(nba_event, TEXT, "action_id", action_id),
    FIELD(nba_event, ID, "message_id", message_id),
    FIELD(nba_event, ID, "session_id", session_id),
    FIELD(nba_event, ID, "device", device),
    FIELD(nba_event, ID, "region", region),
    WORD(nba_event, "channel", channel, channel),
    WORD(nba_event, "bot", bot, bot),
    WORD(nba_event, "bounce_class", bounce_class, bounce),
    WORD(nba_event, "scope_type", scope_type, consent_scope),
    FIELD(nba_event, ID, "scope_id", scope_id),
    WORD(nba_event, "status", status, consent_status),
    FIELD(nba_event, TIME, "captured_at", captured_at_ms),
    FIELD(nba_event, TIME, "expires_at", expires_at_ms),
    FIELD(nba_event, ID, "rep_id", rep_id),
    FIELD(nba_event, ID, "call_id", call_id),
    FIELD(nba_event, INT, "reaction", reaction),
    FIELD(nba_event, DOUBLE, "duration_s", duration_s),
    FIELD(nba_event, ID, "hcp_event_id", hcp_event_id),
    FIELD(nba_event, DOUBLE, "minutes", minutes),
    FIELD(nba_event, DOUBLE, "dwell_s", dwell_s),
    FIELD(nba_event, ID, "link_id", link_id),
    FIELD(nba_event, INT, "rank", rank),
    FIELD(nba_event, ID, "dismiss_reason", dismiss_reason),
    FIELD(nba_event, ID, "goal", goal),
    FIELD(nba_event, DOUBLE, "value", value),
    FIELD(nba_event, ID, "currency", currency),
    FIELD(nba_event, DOUBLE, "rating", rating),
    FIELD(nba_event, TEXT, "text", text),
    FIELD(nba_event, ID, "language", language),
    FIELD(nba_event, ID, "from_hcp_id", from_hcp_id),
    FIELD(nba_event, ID, "to_hcp_id", to_hcp_id),
    FIELD(nba_event, ID, "request_id", request_id),
    {MEMBER(nba_event, POINTER, "profile", profile), .record = &profile},
    {ITEMS(nba_event, MAP, "attributes", attributes, attribute_count, attribute)},
};
RECORD_BINDING(event, struct nba_event);

/* ---- nba.catalog.v1 ------------------------------------------------------------------------ */

static const struct nba_binding treatment_fields[] = {
    WORD(nba_treatment, "channel", channel, channel),
    WORD(nba_treatment, "action_type", action_type, action_type),
    FIELD(nba_treatment, ID, "approval_number", approval_number),
    WORD(nba_treatment, "approval_state", approval_state, approval),
    LIST(nba_treatment, "markets", markets),
    LIST(nba_treatment, "languages", languages),
    FIELD(nba_treatment, TIME, "effective_from", effective_from_ms),
    FIELD(nba_treatment, TIME, "expires_at", expires_at_ms),
    FIELD(nba_treatment, DOUBLE, "value", value),
};
RECORD_BINDING(treatment, struct nba_treatment);

static const struct nba_binding content_fields[] = {
    FIELD(nba_content, ID, "content_id", content_id),
    FIELD(nba_content, ID, "family_id", family_id),
    FIELD(nba_content, ID, "version", version),
    FIELD(nba_content, ID, "brand", brand),
    LIST(nba_content, "campaign_ids", campaign_ids),
    FIELD(nba_content, ID, "business_unit", business_unit),
    WORD(nba_content, "class", content_class, content_class),
    FIELD(nba_content, TEXT, "title", title),
    FIELD(nba_content, TEXT, "abstract", abstract),
    LIST(nba_content, "keywords", keywords),
    LIST(nba_content, "topic_ids", topic_ids),
    LIST(nba_content, "codes", codes),
    FIELD(nba_content, ID, "asset_type", asset_type),
    FIELD(nba_content, ID, "event_id", event_id),
    RECORDS(nba_content, "treatments", treatments, treatment_count, treatment),
};
RECORD_BINDING(content, struct nba_content);

static const struct nba_binding campaign_fields[] = {
    FIELD(nba_campaign, ID, "campaign_id", campaign_id),
    FIELD(nba_campaign, ID, "brand", brand),
    FIELD(nba_campaign, ID, "goal", goal),
    FIELD(nba_campaign, TIME, "start", start_ms),
    FIELD(nba_campaign, TIME, "end", end_ms),
};
RECORD_BINDING(campaign, struct nba_campaign);

static const struct nba_binding absence_fields[] = {
    FIELD(nba_absence, TIME, "from", from_ms),
    FIELD(nba_absence, TIME, "to", to_ms),
};
RECORD_BINDING(absence, struct nba_absence);

static const struct nba_binding rep_fields[] = {
    FIELD(nba_rep, ID, "rep_id", rep_id),
    WORD(nba_rep, "role", role, rep_role),
    FIELD(nba_rep, ID, "tz", tz),
    FIELD(nba_rep, ID, "territory_id", territory_id),
    RECORDS(nba_rep, "absences", absences, absence_count, absence),
};
RECORD_BINDING(rep, struct nba_rep);

#define OF_KIND(name_, member, value_)                                                        \
    {                                                                                         \
        MEMBER(nba_reference, RECORD, name_, member),                                         \
            .record = &(member), PRESENT(WORD, nba_reference, kind), .presence_value = value_ \
    }

static const struct nba_binding reference_fields[] = {
    WORD(nba_reference, "kind", kind, reference_kind),
    OF_KIND("content", content, NBA_REFERENCE_CONTENT),
    OF_KIND("campaign", campaign, NBA_REFERENCE_CAMPAIGN),
    OF_KIND("rep", rep, NBA_REFERENCE_REP),
};
RECORD_BINDING(reference, struct nba_reference);

/* ---- nba.control.v1, nba.journal.v1 -------------------------------------------------------- */

static const struct nba_binding control_fields[] = {
    FIELD(nba_control, ID, "id", id),           WORD(nba_control, "kind", kind, control_kind),
    FIELD(nba_control, ID, "target", target),   FIELD(nba_control, ID, "scope", scope),
    FIELD(nba_control, TEXT, "reason", reason), FIELD(nba_control, ID, "by", by),
    FIELD(nba_control, TIME, "time", time_ms),  FIELD(nba_control, TIME, "until", until_ms),
};
RECORD_BINDING(control, struct nba_control);

static const struct nba_binding journal_fields[] = {
    FIELD(nba_journal, LONG, "input_next", input_next),
    FIELD(nba_journal, LONG, "catalog_next", catalog_next),
    FIELD(nba_journal, LONG, "control_next", control_next),
    FIELD(nba_journal, LONG, "mailbox_next", mailbox_next),
    FIELD(nba_journal, ID, "policy_hash", policy_hash),
    FIELD(nba_journal, ID, "policy_version", policy_version),
    FIELD(nba_journal, ID, "release_champion", release_champion),
    FIELD(nba_journal, ID, "release_challenger", release_challenger),
    FIELD(nba_journal, ID, "tzdata_version", tzdata_version),
    FIELD(nba_journal, TIME, "wall_clock", wall_clock_ms),
};
RECORD_BINDING(journal, struct nba_journal);

/* ---- nba.action.v1 ------------------------------------------------------------------------- */

static const struct nba_binding action_treatment_fields[] = {
    FIELD(nba_action, ID, "content_id", content_id),
    FIELD(nba_action, ID, "content_version", content_version),
    FIELD(nba_action, ID, "approval_number", approval_number),
    LIST(nba_action, "topic_ids", topic_ids),
    FIELD(nba_action, ID, "language", language),
};
RECORD_BINDING(action_treatment, struct nba_action);

static const struct nba_binding action_rep_fields[] = {
    FIELD(nba_action, ID, "rep_id", rep_id),
    FIELD(nba_action, ID, "territory_id", territory_id),
};
RECORD_BINDING(action_rep, struct nba_action);

static const struct nba_binding factors_fields[] = {
    FIELD(nba_action, DOUBLE, "propensity", propensity),
    FIELD(nba_action, DOUBLE, "sampled_propensity", sampled_propensity),
    FIELD(nba_action, DOUBLE, "context_weight", context_weight),
    FIELD(nba_action, DOUBLE, "value", value),
    FIELD(nba_action, DOUBLE, "lever_weight", lever_weight),
};
RECORD_BINDING(factors, struct nba_action);

static const struct nba_binding driver_fields[] = {
    WORD(nba_action_driver, "code", code, driver),
    FIELD(nba_action_driver, TEXT, "text", text),
    FIELD(nba_action_driver, DOUBLE, "weight", weight),
    LIST(nba_action_driver, "evidence_event_ids", evidence_event_ids),
};
RECORD_BINDING(driver, struct nba_action_driver);

static const struct nba_binding experiment_fields[] = {
    FIELD(nba_action, BOOL, "control_group", control_group),
    FIELD(nba_action, ID, "arm", arm),
    FIELD(nba_action, INT, "bucket", bucket),
};
RECORD_BINDING(experiment, struct nba_action);

static const struct nba_binding action_fields[] = {
    FIELD(nba_action, TEXT, "action_id", action_id),
    FIELD(nba_action, TEXT, "decision_id", decision_id),
    WORD(nba_action, "status", status, action_status),
    WORD(nba_action, "recall_reason", recall_reason, reason),
    FIELD(nba_action, ID, "tenant_id", tenant_id),
    FIELD(nba_action, ID, "hcp_id", hcp_id),
    FIELD(nba_action, ID, "market", market),
    FIELD(nba_action, ID, "brand", brand),
    FIELD(nba_action, ID, "campaign_id", campaign_id),
    WORD(nba_action, "action_type", action_type, action_type),
    WORD(nba_action, "channel", channel, channel),
    GROUP("treatment", action_treatment),
    {.name = "rep",
     .kind = NBA_BIND_RECORD,
     .record = &action_rep,
     PRESENT(TEXT, nba_action, rep_id)},
    FIELD(nba_action, INT, "rank", rank),
    FIELD(nba_action, INT, "slate_size", slate_size),
    FIELD(nba_action, DOUBLE, "priority", priority),
    GROUP("factors", factors),
    FIELD(nba_action, DOUBLE, "selection_probability", selection_probability),
    FIELD(nba_action, TIME, "time", time_ms),
    FIELD(nba_action, TIME, "not_before", not_before_ms),
    FIELD(nba_action, TIME, "best_send_time", best_send_time_ms),
    FIELD(nba_action, TIME, "expires_at", expires_at_ms),
    {ITEMS(nba_action, IN_PLACE, "drivers", drivers, driver_count, driver),
     .capacity = NBA_DRIVERS_MAX},
    FIELD(nba_action, TEXT, "supersedes", supersedes),
    GROUP("experiment", experiment),
    FIELD(nba_action, ID, "policy_version", policy_version),
    FIELD(nba_action, ID, "model_version", model_version),
    FIELD(nba_action, ID, "engine_version", engine_version),
    FIELD(nba_action, ID, "trigger_event_id", trigger_event_id),
};
RECORD_BINDING(action, struct nba_action);

/* ---- nba.slate.v1 -------------------------------------------------------------------------- */

static const struct nba_binding slate_content_fields[] = {
    FIELD(nba_slate_content, ID, "content_id", content_id),
    FIELD(nba_slate_content, DOUBLE, "score", score),
    FIELD(nba_slate_content, DOUBLE, "share_lstm", share_lstm),
    FIELD(nba_slate_content, DOUBLE, "share_ncf", share_ncf),
    FIELD(nba_slate_content, DOUBLE, "share_popularity", share_popularity),
    WORD(nba_slate_content, "first_failed", first_failed, reason),
};
RECORD_BINDING(slate_content, struct nba_slate_content);

static const struct nba_binding slate_fields[] = {
    FIELD(nba_slate, TEXT, "decision_id", decision_id),
    FIELD(nba_slate, ID, "hcp_id", hcp_id),
    FIELD(nba_slate, ID, "tenant_id", tenant_id),
    FIELD(nba_slate, TIME, "time", time_ms),
    RECORDS(nba_slate, "actions", actions, action_count, action),
    RECORDS(nba_slate, "top_contents", top_contents, top_content_count, slate_content),
    {SLOTS(nba_slate, "channel_probabilities", channel_probability, channel, number),
     PRESENT(BOOL, nba_slate, channel_present)},
    FIELD(nba_slate, ID, "policy_version", policy_version),
    FIELD(nba_slate, ID, "model_version", model_version),
    FIELD(nba_slate, ID, "engine_version", engine_version),
};
RECORD_BINDING(slate, struct nba_slate);

/* ---- nba.decision.v1 ----------------------------------------------------------------------- */

static const struct nba_binding closed_fields[] = {
    FIELD(nba_closed_action, TEXT, "action_id", action_id),
    WORD(nba_closed_action, "reason", reason, reason),
};
RECORD_BINDING(closed, struct nba_closed_action);

static const struct nba_binding candidate_fields[] = {
    FIELD(nba_suppressed, ID, "content_id", content_id),
    WORD(nba_suppressed, "action_type", action_type, action_type),
    WORD(nba_suppressed, "channel", channel, channel),
};
RECORD_BINDING(candidate, struct nba_suppressed);

static const struct nba_binding evidence_fields[] = {
    LIST(nba_suppressed, "event_ids", evidence_event_ids),
    FIELD(nba_suppressed, DOUBLE, "counter", counter),
    FIELD(nba_suppressed, DOUBLE, "limit", limit),
    FIELD(nba_suppressed, TIME, "until", until_ms),
    FIELD(nba_suppressed, TIME, "retry_after", retry_after_ms),
};
RECORD_BINDING(evidence, struct nba_suppressed);

static uint32_t stage_of_reason(uint32_t reason)
{
    return (uint32_t)nba_reason_stage((enum nba_reason)reason);
}

static const struct nba_binding suppressed_fields[] = {
    GROUP("candidate", candidate),
    WORD(nba_suppressed, "reason_code", reason, reason),
    {MEMBER(nba_suppressed, WORD, "stage", reason), .words = &stage_words,
     .derive = stage_of_reason},
    FIELD(nba_suppressed, ID, "rule_id", rule_id),
    FIELD(nba_suppressed, DOUBLE, "propensity", propensity),
    FIELD(nba_suppressed, DOUBLE, "priority", priority),
    FIELD(nba_suppressed, INT, "unconstrained_rank", unconstrained_rank),
    GROUP("evidence", evidence),
};
RECORD_BINDING(suppressed, struct nba_suppressed);

static const struct nba_binding feature_fields[] = {
    FIELD(nba_feature, ID, "key", name),
    FIELD(nba_feature, DOUBLE, "value", value),
};
RECORD_BINDING(feature, struct nba_feature);

static const struct nba_binding ranking_fields[] = {
    FIELD(nba_model_ranking, ID, "model", model),
    LIST(nba_model_ranking, "content_ids", content_ids),
};
RECORD_BINDING(ranking, struct nba_model_ranking);

static const struct nba_binding decision_fields[] = {
    FIELD(nba_decision, TEXT, "decision_id", decision_id),
    WORD(nba_decision, "kind", kind, decision_kind),
    WORD(nba_decision, "reason", reason, reason),
    FIELD(nba_decision, ID, "hcp_id", hcp_id),
    FIELD(nba_decision, ID, "trigger_event_id", trigger_event_id),
    FIELD(nba_decision, TIME, "decision_time", decision_time_ms),
    FIELD(nba_decision, TIME, "watermark", watermark_ms),
    FIELD(nba_decision, ID, "policy_version", policy_version),
    FIELD(nba_decision, ID, "policy_hash", policy_hash),
    FIELD(nba_decision, ID, "model_version", model_version),
    FIELD(nba_decision, ID, "engine_version", engine_version),
    FIELD(nba_decision, ID, "arm", arm),
    FIELD(nba_decision, INT, "bucket", bucket),
    FIELD(nba_decision, INT, "n_candidates", candidate_count),
    {SLOTS(nba_decision, "counts", reason_count, reason, tally)},
    RECORDS(nba_decision, "closed", closed, closed_count, closed),
    RECORDS(nba_decision, "selected", selected, selected_count, action),
    RECORDS(nba_decision, "suppressed", suppressed, suppressed_count, suppressed),
    FIELD(nba_decision, BLOB, "packed_reasons", packed_reasons),
    {ITEMS(nba_decision, MAP, "features", features, feature_count, feature)},
    RECORDS(nba_decision, "rankings", rankings, ranking_count, ranking),
};
RECORD_BINDING(decision, struct nba_decision);

/* ---- nba.log.record ------------------------------------------------------------------------ */

static const struct nba_binding log_header_fields[] = {
    FIELD(nba_log_header, TEXT, "name", name),
    FIELD(nba_log_header, BLOB, "value", value),
};
RECORD_BINDING(log_header, struct nba_log_header);

static const struct nba_binding log_record_fields[] = {
    FIELD(nba_log_record, ID, "topic", topic),
    FIELD(nba_log_record, INT, "partition", partition),
    FIELD(nba_log_record, LONG, "offset", offset),
    FIELD(nba_log_record, LONG, "timestamp", timestamp_ms),
    {MEMBER(nba_log_record, BLOB, "key", key), PRESENT(BOOL, nba_log_record, has_key)},
    {MEMBER(nba_log_record, BLOB, "value", value), PRESENT(BOOL, nba_log_record, has_value)},
    RECORDS(nba_log_record, "headers", headers, header_count, log_header),
};
RECORD_BINDING(log_record, struct nba_log_record);

const struct nba_record_binding *nba_bindings_of(enum nba_schema which)
{
    static const struct nba_record_binding *const bindings[NBA_SCHEMA_COUNT] = {
        [NBA_SCHEMA_ENGAGEMENT] = &event, [NBA_SCHEMA_CATALOG] = &reference,
        [NBA_SCHEMA_CONTROL] = &control,  [NBA_SCHEMA_ACTION] = &action,
        [NBA_SCHEMA_SLATE] = &slate,      [NBA_SCHEMA_DECISION] = &decision,
        [NBA_SCHEMA_JOURNAL] = &journal,  [NBA_SCHEMA_LOG_RECORD] = &log_record,
    };
    NBA_ASSERT((size_t)which < NBA_SCHEMA_COUNT);
    return bindings[which];
}

const struct nba_binding *nba_binding_find(const struct nba_record_binding *record,
                                           struct nba_str name)
{
    for (uint32_t i = 0; i < record->count; i++) {
        if (nba_str_is(name, record->fields[i].name)) {
            return &record->fields[i];
        }
    }
    return NULL;
}

/* NOLINTNEXTLINE(misc-no-recursion): our own tables */
static void clear_times(const struct nba_record_binding *record, unsigned char *at)
{
    for (uint32_t i = 0; i < record->count; i++) {
        const struct nba_binding *b = &record->fields[i];
        if (b->kind == NBA_BIND_TIME) {
            const int64_t none = NBA_TIME_NONE;
            memcpy(at + b->offset, &none, sizeof(none));
        } else if (b->kind == NBA_BIND_RECORD) {
            clear_times(b->record, at + b->offset);
        }
    }
}

void nba_binding_clear(const struct nba_record_binding *record, void *ret_struct)
{
    memset(ret_struct, 0, record->bytes);
    clear_times(record, ret_struct);
}
