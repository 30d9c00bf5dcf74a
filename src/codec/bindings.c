/*
 * The tables that lay our structs onto our schemas.  A field of a schema that isn't here is skipped
 * in reading and gets its default in writing.
 *
 * Ids of decisions and actions are TEXT: they hold a source and an event id, each an ID of its own.
 */
#include "nba/codec/binding.h"

#include <stddef.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/compiler.h"
#include "nba/base/record.h"
#include "nba/event/event.h"
#include "nba/event/message.h"
#include "nba/event/reference.h"

/* ---- words --------------------------------------------------------------------------------- */

#define WORD_LIST(noun, ...)                                \
    static const char *const noun##_list[] = {__VA_ARGS__}; \
    static const struct nba_words noun##_words = {noun##_list, NBA_ARRAY_COUNT(noun##_list)}

#define NBA_X(constant, word) word,
WORD_LIST(channel, NBA_CHANNEL_MAP(NBA_X));
WORD_LIST(action_type, NBA_ACTION_TYPE_MAP(NBA_X));
WORD_LIST(outcome, NBA_OUTCOME_MAP(NBA_X));
WORD_LIST(consent_scope, NBA_CONSENT_SCOPE_MAP(NBA_X));
WORD_LIST(consent_status, NBA_CONSENT_STATUS_MAP(NBA_X));
WORD_LIST(bot, NBA_BOT_MAP(NBA_X));
WORD_LIST(bounce, NBA_BOUNCE_MAP(NBA_X));
WORD_LIST(content_class, NBA_CONTENT_CLASS_MAP(NBA_X));
WORD_LIST(approval, NBA_APPROVAL_MAP(NBA_X));
WORD_LIST(rep_role, NBA_REP_ROLE_MAP(NBA_X));
WORD_LIST(stage, NBA_STAGE_MAP(NBA_X));
WORD_LIST(mail_kind, NBA_MAIL_KIND_MAP(NBA_X));
#undef NBA_X
#define NBA_X(constant, word, ring, outcome, channel) word,
WORD_LIST(event_type, NBA_EVENT_TYPE_MAP(NBA_X));
#undef NBA_X
#define NBA_X(constant) #constant,
WORD_LIST(driver, NBA_DRIVER_MAP(NBA_X));
#undef NBA_X
#define NBA_X(constant, number, stage) [NBA_REASON_##constant] = #constant,
WORD_LIST(reason, [NBA_REASON_NONE] = "NONE", NBA_REASON_MAP(NBA_X)[NBA_REASON_NUMBER_MAX] = NULL);
#undef NBA_X
/* Words of enums that have no list macro. */
WORD_LIST(address, NULL, "ok", "bounced", "none");
WORD_LIST(action_status, "proposed", "recalled");
WORD_LIST(decision_kind, "decided", "updated", "skipped", "lifecycle");
WORD_LIST(reference_kind, "content", "campaign", "rep");
WORD_LIST(control_kind, "unknown", "mode", "exclude", "include", "release", "policy");

/* ---- how a record is written --------------------------------------------------------------- */

#define AT(owner, member) \
    .offset = offsetof(struct owner, member), .bytes = sizeof(((const struct owner *)0)->member)
#define PRESENT(how, owner, member) \
    .presence = NBA_PRESENT_##how, .presence_offset = offsetof(struct owner, member)

/* What is said of every field, and of collections; in braces with whatever else there is to say. */
#define MEMBER(owner, kind_, name_, member) \
    .name = name_, .kind = NBA_BIND_##kind_, AT(owner, member)
#define ITEMS(owner, kind_, name_, member, count, of)     \
    MEMBER(owner, kind_, name_, member), .record = &(of), \
                                         .count_offset = offsetof(struct owner, count)
#define SLOTS(owner, name_, member, noun, of) \
    MEMBER(owner, SLOTS, name_, member), .words = &noun##_words, .record = &(of)

/* A member under another name than the schema's field, and under the same. */
#define NAMED(owner, kind_, name_, member)  \
    {                                       \
        MEMBER(owner, kind_, name_, member) \
    }
#define FIELD(owner, kind_, name_) NAMED(owner, kind_, #name_, name_)
#define TIME(owner, name_)         NAMED(owner, TIME, #name_, name_##_ms)
#define NAMED_WORD(owner, name_, member, noun)                       \
    {                                                                \
        MEMBER(owner, WORD, name_, member), .words = &(noun##_words) \
    }
#define WORD(owner, name_, noun) NAMED_WORD(owner, #name_, name_, noun)
#define RECORDS(owner, name_, member, count, of)      \
    {                                                 \
        ITEMS(owner, ARRAY, name_, member, count, of) \
    }
/* A list of texts, struct nba_str_list; one whose presence is a bool. */
#define LIST(owner, name_) RECORDS(owner, #name_, name_.items, name_.count, id)
#define LIST_IF(owner, name_)                                      \
    {                                                              \
        ITEMS(owner, ARRAY, #name_, name_.items, name_.count, id), \
            PRESENT(BOOL, owner, has_##name_)                      \
    }
/* A record of the schema whose fields stand in the surrounding struct. */
#define GROUP(name_, of)                                        \
    {                                                           \
        .name = name_, .kind = NBA_BIND_RECORD, .record = &(of) \
    }
#define RECORD(noun, struct_, ...)                                                 \
    static const struct nba_binding noun##_fields[] = {__VA_ARGS__};               \
    static const struct nba_record_binding noun = {sizeof(struct_), noun##_fields, \
                                                   NBA_ARRAY_COUNT(noun##_fields)}
/* Items that are no records. */
#define PLAIN(noun, type, kind_, words_) \
    RECORD(noun, type, {.kind = NBA_BIND_##kind_, .bytes = sizeof(type), .words = words_})

PLAIN(id, struct nba_str, ID, NULL);
PLAIN(number, double, DOUBLE, NULL);
PLAIN(tally, int32_t, INT, NULL);
PLAIN(address, uint8_t, WORD, &address_words);

/* ---- hcp.engagement.v1 --------------------------------------------------------------------- */

RECORD(profile_ids, struct nba_profile, FIELD(nba_profile, ID, npi),
       FIELD(nba_profile, ID, onekey_id), FIELD(nba_profile, ID, veeva_id));

RECORD(profile, struct nba_profile, FIELD(nba_profile, ID, market), FIELD(nba_profile, ID, region),
       FIELD(nba_profile, ID, tz), FIELD(nba_profile, ID, language),
       LIST_IF(nba_profile, specialties), LIST_IF(nba_profile, interests),
       {SLOTS(nba_profile, "addresses", address, channel, address)}, FIELD(nba_profile, ID, rep_id),
       FIELD(nba_profile, ID, msl_id), FIELD(nba_profile, ID, territory_id),
       LIST_IF(nba_profile, registered_events),
       {MEMBER(nba_profile, BOOL, "open_complaint", open_complaint),
        PRESENT(BOOL, nba_profile, has_open_complaint)},
       {MEMBER(nba_profile, BOOL, "do_not_contact", do_not_contact),
        PRESENT(BOOL, nba_profile, has_do_not_contact)},
       GROUP("ids", profile_ids));

RECORD(attribute, struct nba_attribute, NAMED(nba_attribute, ID, "key", name),
       FIELD(nba_attribute, TEXT, value));

RECORD(event, struct nba_event, FIELD(nba_event, ID, event_id), FIELD(nba_event, ID, source),
       NAMED_WORD(nba_event, "event_type", type, event_type), TIME(nba_event, event_time),
       TIME(nba_event, recorded_time), FIELD(nba_event, ID, tenant_id),
       FIELD(nba_event, ID, hcp_id), FIELD(nba_event, ID, market), FIELD(nba_event, ID, brand),
       FIELD(nba_event, ID, campaign_id), FIELD(nba_event, ID, content_id),
       LIST(nba_event, topic_ids), FIELD(nba_event, TEXT, action_id),
       FIELD(nba_event, ID, message_id), FIELD(nba_event, ID, session_id),
       FIELD(nba_event, ID, device), FIELD(nba_event, ID, region),
       WORD(nba_event, channel, channel), WORD(nba_event, bot, bot),
       WORD(nba_event, bounce_class, bounce), WORD(nba_event, scope_type, consent_scope),
       FIELD(nba_event, ID, scope_id), WORD(nba_event, status, consent_status),
       TIME(nba_event, captured_at), TIME(nba_event, expires_at), FIELD(nba_event, ID, rep_id),
       FIELD(nba_event, ID, call_id), FIELD(nba_event, INT, reaction),
       FIELD(nba_event, DOUBLE, duration_s), FIELD(nba_event, ID, hcp_event_id),
       FIELD(nba_event, DOUBLE, minutes), FIELD(nba_event, DOUBLE, dwell_s),
       FIELD(nba_event, ID, link_id), FIELD(nba_event, INT, rank),
       FIELD(nba_event, ID, dismiss_reason), FIELD(nba_event, ID, goal),
       FIELD(nba_event, DOUBLE, value), FIELD(nba_event, ID, currency),
       FIELD(nba_event, DOUBLE, rating), FIELD(nba_event, TEXT, text),
       FIELD(nba_event, ID, language), FIELD(nba_event, ID, from_hcp_id),
       FIELD(nba_event, ID, to_hcp_id), FIELD(nba_event, ID, request_id),
       {MEMBER(nba_event, POINTER, "profile", profile), .record = &profile},
       {ITEMS(nba_event, MAP, "attributes", attributes, attribute_count, attribute)});

/* ---- nba.catalog.v1 ------------------------------------------------------------------------ */

RECORD(treatment, struct nba_treatment, WORD(nba_treatment, channel, channel),
       WORD(nba_treatment, action_type, action_type), FIELD(nba_treatment, ID, approval_number),
       WORD(nba_treatment, approval_state, approval), LIST(nba_treatment, markets),
       LIST(nba_treatment, languages), TIME(nba_treatment, effective_from),
       TIME(nba_treatment, expires_at), FIELD(nba_treatment, DOUBLE, value));

RECORD(content, struct nba_content, FIELD(nba_content, ID, content_id),
       FIELD(nba_content, ID, family_id), FIELD(nba_content, ID, version),
       FIELD(nba_content, ID, brand), LIST(nba_content, campaign_ids),
       FIELD(nba_content, ID, business_unit),
       NAMED_WORD(nba_content, "class", content_class, content_class),
       FIELD(nba_content, TEXT, title), FIELD(nba_content, TEXT, abstract),
       LIST(nba_content, keywords), LIST(nba_content, topic_ids), LIST(nba_content, codes),
       FIELD(nba_content, ID, asset_type), FIELD(nba_content, ID, event_id),
       RECORDS(nba_content, "treatments", treatments, treatment_count, treatment));

RECORD(campaign, struct nba_campaign, FIELD(nba_campaign, ID, campaign_id),
       FIELD(nba_campaign, ID, brand), FIELD(nba_campaign, ID, goal), TIME(nba_campaign, start),
       TIME(nba_campaign, end));

RECORD(absence, struct nba_absence, TIME(nba_absence, from), TIME(nba_absence, to));

RECORD(rep, struct nba_rep, FIELD(nba_rep, ID, rep_id), WORD(nba_rep, role, rep_role),
       FIELD(nba_rep, ID, tz), FIELD(nba_rep, ID, territory_id),
       RECORDS(nba_rep, "absences", absences, absence_count, absence));

#define OF_KIND(name_, value_)                                                               \
    {                                                                                        \
        MEMBER(nba_reference, RECORD, #name_, name_),                                        \
            .record = &(name_), PRESENT(WORD, nba_reference, kind), .presence_value = value_ \
    }

RECORD(reference, struct nba_reference, WORD(nba_reference, kind, reference_kind),
       OF_KIND(content, NBA_REFERENCE_CONTENT), OF_KIND(campaign, NBA_REFERENCE_CAMPAIGN),
       OF_KIND(rep, NBA_REFERENCE_REP));

/* ---- nba.control.v1, nba.journal.v1 -------------------------------------------------------- */

RECORD(control, struct nba_control, FIELD(nba_control, ID, id),
       WORD(nba_control, kind, control_kind), FIELD(nba_control, ID, target),
       FIELD(nba_control, ID, scope), FIELD(nba_control, TEXT, reason), FIELD(nba_control, ID, by),
       TIME(nba_control, time), TIME(nba_control, until));

RECORD(journal, struct nba_journal, FIELD(nba_journal, LONG, input_next),
       FIELD(nba_journal, LONG, catalog_next), FIELD(nba_journal, LONG, control_next),
       FIELD(nba_journal, LONG, mailbox_next), FIELD(nba_journal, ID, policy_hash),
       FIELD(nba_journal, ID, policy_version), FIELD(nba_journal, ID, release_champion),
       FIELD(nba_journal, ID, release_challenger), FIELD(nba_journal, ID, tzdata_version),
       TIME(nba_journal, wall_clock), FIELD(nba_journal, LONG, swept),
       FIELD(nba_journal, LONG, capacity_next));

/* ---- nba.action.v1 ------------------------------------------------------------------------- */

RECORD(action_treatment, struct nba_action, FIELD(nba_action, ID, content_id),
       FIELD(nba_action, ID, content_version), FIELD(nba_action, ID, approval_number),
       LIST(nba_action, topic_ids), FIELD(nba_action, ID, language));

RECORD(action_rep, struct nba_action, FIELD(nba_action, ID, rep_id),
       FIELD(nba_action, ID, territory_id));

RECORD(factors, struct nba_action, FIELD(nba_action, DOUBLE, propensity),
       FIELD(nba_action, DOUBLE, sampled_propensity), FIELD(nba_action, DOUBLE, context_weight),
       FIELD(nba_action, DOUBLE, value), FIELD(nba_action, DOUBLE, lever_weight));

RECORD(driver, struct nba_action_driver, WORD(nba_action_driver, code, driver),
       FIELD(nba_action_driver, TEXT, text), FIELD(nba_action_driver, DOUBLE, weight),
       LIST(nba_action_driver, evidence_event_ids));

RECORD(experiment, struct nba_action, FIELD(nba_action, BOOL, control_group),
       FIELD(nba_action, ID, arm), FIELD(nba_action, INT, bucket));

RECORD(action, struct nba_action, FIELD(nba_action, TEXT, action_id),
       FIELD(nba_action, TEXT, decision_id), WORD(nba_action, status, action_status),
       WORD(nba_action, recall_reason, reason), FIELD(nba_action, ID, tenant_id),
       FIELD(nba_action, ID, hcp_id), FIELD(nba_action, ID, market), FIELD(nba_action, ID, brand),
       FIELD(nba_action, ID, campaign_id), WORD(nba_action, action_type, action_type),
       WORD(nba_action, channel, channel), GROUP("treatment", action_treatment),
       {.name = "rep",
        .kind = NBA_BIND_RECORD,
        .record = &action_rep,
        PRESENT(TEXT, nba_action, rep_id)},
       FIELD(nba_action, INT, rank), FIELD(nba_action, INT, slate_size),
       FIELD(nba_action, DOUBLE, priority), GROUP("factors", factors),
       FIELD(nba_action, DOUBLE, selection_probability), TIME(nba_action, time),
       TIME(nba_action, not_before), TIME(nba_action, best_send_time), TIME(nba_action, expires_at),
       {ITEMS(nba_action, IN_PLACE, "drivers", drivers, driver_count, driver),
        .capacity = NBA_DRIVERS_MAX},
       FIELD(nba_action, TEXT, supersedes), GROUP("experiment", experiment),
       FIELD(nba_action, ID, policy_version), FIELD(nba_action, ID, model_version),
       FIELD(nba_action, ID, engine_version), FIELD(nba_action, ID, trigger_event_id));

/* ---- nba.slate.v1 -------------------------------------------------------------------------- */

RECORD(slate_content, struct nba_slate_content, FIELD(nba_slate_content, ID, content_id),
       FIELD(nba_slate_content, DOUBLE, score), FIELD(nba_slate_content, DOUBLE, share_lstm),
       FIELD(nba_slate_content, DOUBLE, share_ncf),
       FIELD(nba_slate_content, DOUBLE, share_popularity),
       WORD(nba_slate_content, first_failed, reason), FIELD(nba_slate_content, DOUBLE, share_ease),
       FIELD(nba_slate_content, DOUBLE, share_knn), FIELD(nba_slate_content, DOUBLE, share_rules));

RECORD(slate, struct nba_slate, FIELD(nba_slate, TEXT, decision_id), FIELD(nba_slate, ID, hcp_id),
       FIELD(nba_slate, ID, tenant_id), TIME(nba_slate, time),
       RECORDS(nba_slate, "actions", actions, action_count, action),
       RECORDS(nba_slate, "top_contents", top_contents, top_content_count, slate_content),
       {SLOTS(nba_slate, "channel_probabilities", channel_probability, channel, number),
        PRESENT(BOOL, nba_slate, channel_present)},
       FIELD(nba_slate, ID, policy_version), FIELD(nba_slate, ID, model_version),
       FIELD(nba_slate, ID, engine_version));

/* ---- nba.decision.v1 ----------------------------------------------------------------------- */

RECORD(closed, struct nba_closed_action, FIELD(nba_closed_action, TEXT, action_id),
       WORD(nba_closed_action, reason, reason));

RECORD(candidate, struct nba_suppressed, FIELD(nba_suppressed, ID, content_id),
       WORD(nba_suppressed, action_type, action_type), WORD(nba_suppressed, channel, channel));

RECORD(evidence, struct nba_suppressed,
       RECORDS(nba_suppressed, "event_ids", evidence_event_ids.items, evidence_event_ids.count, id),
       FIELD(nba_suppressed, DOUBLE, counter), FIELD(nba_suppressed, DOUBLE, limit),
       TIME(nba_suppressed, until), TIME(nba_suppressed, retry_after));

static uint32_t stage_of_reason(uint32_t reason)
{
    return (uint32_t)nba_reason_stage((enum nba_reason)reason);
}

RECORD(suppressed, struct nba_suppressed, GROUP("candidate", candidate),
       NAMED_WORD(nba_suppressed, "reason_code", reason, reason),
       {MEMBER(nba_suppressed, WORD, "stage", reason), .words = &stage_words,
        .derive = stage_of_reason},
       FIELD(nba_suppressed, ID, rule_id), FIELD(nba_suppressed, FLOAT, weight),
       FIELD(nba_suppressed, FLOAT, priority), FIELD(nba_suppressed, INT, unconstrained_rank),
       GROUP("evidence", evidence));

RECORD(packed_reason, struct nba_packed_reason, WORD(nba_packed_reason, reason, reason),
       FIELD(nba_packed_reason, BLOB, candidates));

RECORD(feature, struct nba_feature, NAMED(nba_feature, ID, "key", name),
       FIELD(nba_feature, DOUBLE, value));

RECORD(held, struct nba_held, FIELD(nba_held, TEXT, action_id), WORD(nba_held, reason, reason),
       TIME(nba_held, until), FIELD(nba_held, ID, tz), FIELD(nba_held, ID, tzdata_version));

RECORD(ranking, struct nba_model_ranking, FIELD(nba_model_ranking, ID, model),
       LIST(nba_model_ranking, content_ids));

RECORD(feedback, struct nba_feedback, FIELD(nba_feedback, TEXT, action_id),
       FIELD(nba_feedback, ID, content_id), WORD(nba_feedback, action_type, action_type),
       WORD(nba_feedback, channel, channel), TIME(nba_feedback, decided),
       WORD(nba_feedback, outcome, outcome), FIELD(nba_feedback, BOOL, unique),
       FIELD(nba_feedback, TEXT, dismiss_reason), FIELD(nba_feedback, DOUBLE, value),
       {ITEMS(nba_feedback, MAP, "features", features, feature_count, feature)});

RECORD(decision, struct nba_decision, FIELD(nba_decision, TEXT, decision_id),
       WORD(nba_decision, kind, decision_kind), WORD(nba_decision, reason, reason),
       FIELD(nba_decision, ID, hcp_id), FIELD(nba_decision, ID, trigger_event_id),
       TIME(nba_decision, decision_time), TIME(nba_decision, watermark),
       FIELD(nba_decision, ID, policy_version), FIELD(nba_decision, ID, policy_hash),
       FIELD(nba_decision, ID, model_version), FIELD(nba_decision, ID, engine_version),
       FIELD(nba_decision, ID, arm), FIELD(nba_decision, INT, bucket),
       NAMED(nba_decision, INT, "n_candidates", candidate_count),
       {SLOTS(nba_decision, "counts", reason_count, reason, tally)},
       RECORDS(nba_decision, "closed", closed, closed_count, closed),
       RECORDS(nba_decision, "selected", selected, selected_count, action),
       RECORDS(nba_decision, "suppressed", suppressed, suppressed_count, suppressed),
       RECORDS(nba_decision, "packed_reasons", packed_reasons, packed_reason_count, packed_reason),
       {ITEMS(nba_decision, MAP, "features", features, feature_count, feature)},
       RECORDS(nba_decision, "rankings", rankings, ranking_count, ranking),
       RECORDS(nba_decision, "held", held, held_count, held),
       {MEMBER(nba_decision, POINTER, "feedback", feedback), .record = &feedback});

/* ---- nba.mailbox.v1 ------------------------------------------------------------------------ */

RECORD(mail, struct nba_mail, WORD(nba_mail, kind, mail_kind), FIELD(nba_mail, TEXT, id),
       TIME(nba_mail, time), FIELD(nba_mail, ID, hcp_id), FIELD(nba_mail, TEXT, rep_id),
       FIELD(nba_mail, TEXT, action_id),
       {MEMBER(nba_mail, POINTER, "action", action), .record = &action},
       WORD(nba_mail, reason, reason), FIELD(nba_mail, TEXT, superseded_by),
       FIELD(nba_mail, BLOB, event), FIELD(nba_mail, BLOB, state), FIELD(nba_mail, INT, partition));

/* ---- nba.rep.capacity.v1 ------------------------------------------------------------------- */

RECORD(window, struct nba_capacity_window, FIELD(nba_capacity_window, ID, rule_id),
       TIME(nba_capacity_window, start), TIME(nba_capacity_window, end),
       FIELD(nba_capacity_window, INT, max), FIELD(nba_capacity_window, INT, used),
       {MEMBER(nba_capacity_window, DOUBLE, "lowest_priority", lowest_priority),
        PRESENT(BOOL, nba_capacity_window, replaceable)});

RECORD(rep_capacity, struct nba_rep_capacity, FIELD(nba_rep_capacity, TEXT, rep_id),
       TIME(nba_rep_capacity, time),
       RECORDS(nba_rep_capacity, "windows", windows, window_count, window));

/* ---- nba.log.record ------------------------------------------------------------------------ */

RECORD(log_header, struct nba_header, FIELD(nba_header, TEXT, name),
       FIELD(nba_header, BLOB, value));

RECORD(log_record, struct nba_record, FIELD(nba_record, ID, topic),
       FIELD(nba_record, INT, partition), FIELD(nba_record, LONG, offset),
       NAMED(nba_record, LONG, "timestamp", timestamp_ms),
       {MEMBER(nba_record, BLOB, "key", key), PRESENT(NOT, nba_record, key_null)},
       {MEMBER(nba_record, BLOB, "value", value), PRESENT(NOT, nba_record, value_null)},
       RECORDS(nba_record, "headers", headers, header_count, log_header));

const struct nba_record_binding *nba_bindings_of(enum nba_schema which)
{
    static const struct nba_record_binding *const bindings[NBA_SCHEMA_COUNT] = {
        [NBA_SCHEMA_ENGAGEMENT] = &event,
        [NBA_SCHEMA_CATALOG] = &reference,
        [NBA_SCHEMA_CONTROL] = &control,
        [NBA_SCHEMA_ACTION] = &action,
        [NBA_SCHEMA_SLATE] = &slate,
        [NBA_SCHEMA_DECISION] = &decision,
        [NBA_SCHEMA_JOURNAL] = &journal,
        [NBA_SCHEMA_MAILBOX] = &mail,
        [NBA_SCHEMA_REP_CAPACITY] = &rep_capacity,
        [NBA_SCHEMA_LOG_RECORD] = &log_record,
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
static void clear_members(const struct nba_record_binding *record, unsigned char *at)
{
    for (uint32_t i = 0; i < record->count; i++) {
        const struct nba_binding *b = &record->fields[i];
        if (b->kind == NBA_BIND_TIME) {
            const int64_t none = NBA_TIME_NONE;
            memcpy(at + b->offset, &none, sizeof(none));
        } else if (b->presence == NBA_PRESENT_NOT) {
            at[b->presence_offset] = true;
        } else if (b->kind == NBA_BIND_RECORD) {
            clear_members(b->record, at + b->offset);
        }
    }
}

void nba_binding_clear(const struct nba_record_binding *record, void *ret_struct)
{
    memset(ret_struct, 0, record->bytes);
    clear_members(record, ret_struct);
}
