/* A full one of each message: every field that a struct holds is set, and set differently. */
#ifndef NBA_TEST_CODEC_SAMPLES_H
#define NBA_TEST_CODEC_SAMPLES_H

#include "nba/event/event.h"
#include "nba/event/message.h"
#include "nba/event/reference.h"

#define T(text)         ((struct nba_str){(text), sizeof(text) - 1})
#define LIST_OF(items_) ((struct nba_str_list){(items_), sizeof(items_) / sizeof((items_)[0])})

static const struct nba_str sample_topics[] = {{"heart_failure", 13}, {"copd", 4}};
static const struct nba_str sample_specialties[] = {{"cardiology", 10}};
static const struct nba_str sample_evidence[] = {{"ev-1", 4}, {"ev-2", 4}, {"ev-3", 4}};
static const struct nba_str sample_markets[] = {{"US", 2}, {"NO", 2}};

static inline struct nba_event sample_event(void)
{
    static const struct nba_profile profile = {
        .has_specialties = true,
        .has_registered_events = true,
        .has_open_complaint = true,
        .market = {"DE", 2},
        .region = {"BY", 2},
        .tz = {"Europe/Berlin", 13},
        .language = {"de", 2},
        .specialties = {sample_specialties, 1},
        .rep_id = {"rep-17", 6},
        .msl_id = {"msl-3", 5},
        .territory_id = {"T-9", 3},
        .address = {[NBA_CHANNEL_EMAIL] = NBA_ADDRESS_OK,
                    [NBA_CHANNEL_REP] = NBA_ADDRESS_NONE,
                    [NBA_CHANNEL_SMS] = NBA_ADDRESS_BOUNCED},
        .open_complaint = false,
        .npi = {"1234567893", 10},
        .onekey_id = {"WDE123", 6},
        .veeva_id = {"V0K", 3},
    };
    static const struct nba_attribute attributes[] = {
        {{"a", 1}, {"first", 5}},
        {{"b", 1}, {"\xc3\xa4", 2}},
    };
    return (struct nba_event){
        .type = NBA_EVENT_PROFILE_UPDATED,
        .channel = NBA_CHANNEL_SMS,
        .bot = NBA_BOT_GMAIL,
        .bounce_class = NBA_BOUNCE_SOFT,
        .scope_type = NBA_CONSENT_SCOPE_BRAND,
        .status = NBA_CONSENT_STATUS_OPT_OUT,
        .event_time_ms = 1795188600000,
        .recorded_time_ms = 1795188601000,
        .captured_at_ms = 1795188602000,
        .expires_at_ms = 1795188603000,
        .event_id = T("ev-1"),
        .source = T("crm"),
        .tenant_id = T("acme"),
        .hcp_id = T("hcp-0001"),
        .market = T("US"),
        .brand = T("CARDIOX"),
        .campaign_id = T("camp-1"),
        .content_id = T("CX-EM-010"),
        .topic_ids = LIST_OF(sample_topics),
        .action_id = T("dec:crm#ev-0:1"),
        .message_id = T("m-10"),
        .session_id = T("s-1"),
        .device = T("mobile"),
        .region = T("CA"),
        .scope_id = T("PULMOVA"),
        .rep_id = T("rep-21"),
        .call_id = T("call-1"),
        .link_id = T("link-1"),
        .hcp_event_id = T("webinar-1"),
        .dismiss_reason = T("not relevant"),
        .goal = T("rx"),
        .currency = T("EUR"),
        .text = T("thank you"),
        .language = T("en"),
        .from_hcp_id = T("hcp-2"),
        .to_hcp_id = T("hcp-3"),
        .request_id = T("gdpr-1"),
        .reaction = -1,
        .rank = 3,
        .dwell_s = 12.5,
        .duration_s = 600,
        .minutes = 45,
        .value = 99.75,
        .rating = 4.5,
        .profile = &profile,
        .attributes = attributes,
        .attribute_count = 2,
    };
}

static inline struct nba_action sample_action(void)
{
    struct nba_action action = {
        .action_id = T("dec:crm#ev-1:1"),
        .decision_id = T("dec:crm#ev-1"),
        .status = NBA_ACTION_RECALLED,
        .recall_reason = NBA_REASON_CONSENT_REVOKED,
        .tenant_id = T("acme"),
        .hcp_id = T("hcp-0001"),
        .market = T("US"),
        .brand = T("CARDIOX"),
        .campaign_id = T("camp-1"),
        .action_type = NBA_ACTION_TYPE_REP_CALL_OBJECTIVE,
        .channel = NBA_CHANNEL_REP,
        .content_id = T("CX-RC-001"),
        .content_version = T("3"),
        .approval_number = T("AP-77"),
        .language = T("en"),
        .topic_ids = LIST_OF(sample_topics),
        .rep_id = T("rep-17"),
        .territory_id = T("T-9"),
        .rank = 1,
        .slate_size = 2,
        .priority = 0.297,
        .propensity = 0.15,
        .sampled_propensity = 0.16,
        .context_weight = 1.2,
        .value = 1.5,
        .lever_weight = 1.1,
        .selection_probability = 0.95,
        .time_ms = 1795188600000,
        .not_before_ms = 1795188600001,
        .best_send_time_ms = 1795188600002,
        .expires_at_ms = 1795188600003,
        .driver_count = 2,
        .supersedes = T("dec:crm#ev-0:2"),
        .control_group = true,
        .arm = T("challenger"),
        .bucket = 2991,
        .policy_version = T("2026-11-20.1"),
        .model_version = T("abc"),
        .engine_version = T("0.1.0"),
        .trigger_event_id = T("ev-1"),
    };
    action.drivers[0] =
        (struct nba_action_driver){NBA_DRIVER_RECENT_TOPIC_ENGAGEMENT, T("opened heart_failure"),
                                   0.7, LIST_OF(sample_evidence)};
    action.drivers[1] = (struct nba_action_driver){NBA_DRIVER_LEVER, T("launch"), 0.3, {NULL, 0}};
    return action;
}

static inline struct nba_reference sample_content(void)
{
    static struct nba_treatment treatments[2];
    treatments[0] = (struct nba_treatment){.channel = NBA_CHANNEL_EMAIL,
                                           .action_type = NBA_ACTION_TYPE_EMAIL,
                                           .approval_state = NBA_APPROVAL_APPROVED,
                                           .approval_number = T("AP-1"),
                                           .markets = LIST_OF(sample_markets),
                                           .languages = {NULL, 0},
                                           .effective_from_ms = NBA_TIME_NONE,
                                           .expires_at_ms = 1800000000000,
                                           .value = 1.5};
    treatments[1] = (struct nba_treatment){.channel = NBA_CHANNEL_WEB,
                                           .action_type = NBA_ACTION_TYPE_PORTAL_CONTENT,
                                           .approval_state = NBA_APPROVAL_WITHDRAWN,
                                           .effective_from_ms = 1700000000000,
                                           .expires_at_ms = NBA_TIME_NONE,
                                           .value = 2};
    return (struct nba_reference){
        .kind = NBA_REFERENCE_CONTENT,
        .content = {.content_id = T("CX-EM-010"),
                    .family_id = T("CX-EM"),
                    .version = T("2"),
                    .brand = T("CARDIOX"),
                    .campaign_ids = LIST_OF(sample_markets),
                    .business_unit = T("cardio"),
                    .content_class = NBA_CONTENT_CLASS_MEDICAL,
                    .title = T("Heart failure, new data"),
                    .abstract = T("Two sentences. Of them."),
                    .keywords = LIST_OF(sample_topics),
                    .topic_ids = LIST_OF(sample_topics),
                    .codes = LIST_OF(sample_specialties),
                    .asset_type = T("pdf"),
                    .event_id = T("webinar-1"),
                    .treatments = treatments,
                    .treatment_count = 2},
        .campaign = {.start_ms = NBA_TIME_NONE, .end_ms = NBA_TIME_NONE},
    };
}

static inline struct nba_slate sample_slate(const struct nba_action *action)
{
    static const struct nba_slate_content contents[] = {
        {{"CX-EM-010", 9}, 2.5, 1.25, 0.75, 0.5, 0.125, 0, -0.25, NBA_REASON_NONE},
        {{"CX-EM-011", 9}, 1.5, 1, 0.25, 0.25, 0, 0, 0, NBA_REASON_FREQUENCY_CAP},
    };
    struct nba_slate slate = {.decision_id = T("dec:crm#ev-1"),
                              .hcp_id = T("hcp-0001"),
                              .tenant_id = T("acme"),
                              .time_ms = 1795188600000,
                              .actions = action,
                              .action_count = 1,
                              .top_contents = contents,
                              .top_content_count = 2,
                              .policy_version = T("p"),
                              .model_version = T("m"),
                              .engine_version = T("e")};
    slate.channel_probability[NBA_CHANNEL_WEB] = 0.25;
    slate.channel_present[NBA_CHANNEL_WEB] = true;
    slate.channel_probability[NBA_CHANNEL_EMAIL] = 0;
    slate.channel_present[NBA_CHANNEL_EMAIL] = true;
    return slate;
}

static inline struct nba_decision sample_decision(const struct nba_action *action)
{
    static const struct nba_closed_action closed[] = {{{"a-1", 3}, NBA_REASON_SUPERSEDED}};
    static const struct nba_packed_reason packed[] = {{NBA_REASON_NONE, {"\1", 1}},
                                                      {NBA_REASON_REP_CAPACITY, {"\377\1", 2}},
                                                      {NBA_REASON_ELIGIBILITY, {NULL, 0}}};
    static const struct nba_feature features[] = {{{"recency_days", 12}, 3.5},
                                                  {{"clicks_30d", 10}, 2}};
    static const struct nba_feedback feedback = {.action_id = {"dec:crm#ev-0:1", 14},
                                                 .content_id = {"CX-RC-001", 9},
                                                 .action_type = NBA_ACTION_TYPE_REP_CALL,
                                                 .channel = NBA_CHANNEL_REP,
                                                 .decided_ms = 1795188000000,
                                                 .outcome = NBA_OUTCOME_DISMISSED,
                                                 .unique = true,
                                                 .dismiss_reason = {"not now", 7},
                                                 .value = 2.5,
                                                 .features = features,
                                                 .feature_count = 2};
    static struct nba_suppressed suppressed[1];
    suppressed[0] = (struct nba_suppressed){.content_id = T("CX-RC-001"),
                                            .action_type = NBA_ACTION_TYPE_REP_CALL,
                                            .channel = NBA_CHANNEL_REP,
                                            .reason = NBA_REASON_REP_CAPACITY,
                                            .rule_id = T("rep_daily_alerts"),
                                            .weight = 1.98F,
                                            .priority = 0.297F,
                                            .unconstrained_rank = 1,
                                            .evidence_event_ids = LIST_OF(sample_evidence),
                                            .counter = 5,
                                            .limit = 5,
                                            .until_ms = NBA_TIME_NONE,
                                            .retry_after_ms = 1795237200000};
    struct nba_decision decision = {.decision_id = T("dec:crm#ev-1"),
                                    .kind = NBA_DECISION_DECIDED,
                                    .hcp_id = T("hcp-0001"),
                                    .trigger_event_id = T("ev-1"),
                                    .decision_time_ms = 1795188600000,
                                    .watermark_ms = 1795188599000,
                                    .policy_version = T("p"),
                                    .policy_hash = T("0123abcd"),
                                    .model_version = T("m"),
                                    .engine_version = T("e"),
                                    .arm = T("champion"),
                                    .bucket = 2991,
                                    .candidate_count = 5,
                                    .closed = closed,
                                    .closed_count = 1,
                                    .selected = action,
                                    .selected_count = 1,
                                    .suppressed = suppressed,
                                    .suppressed_count = 1,
                                    .packed_reasons = packed,
                                    .packed_reason_count = 3,
                                    .features = features,
                                    .feature_count = 2,
                                    .feedback = &feedback};
    decision.reason_count[NBA_REASON_REP_CAPACITY] = 1;
    decision.reason_count[NBA_REASON_ELIGIBILITY] = 2;
    return decision;
}

#endif
