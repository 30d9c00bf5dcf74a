/*
 * The vocabulary: event types, channels, action types and the other closed word lists of the field.
 *
 * Each list macro makes the enum and its names, which are the words in messages, policies and
 * scenario files.  Value 0 is always "unknown": what a newer writer says that we don't know yet.
 * Values are written into HCP records: append to a list, never reorder it.
 *
 * The names follow Pega Customer Decision Hub, Veeva, Salesforce Marketing Cloud and Segment.
 */
#ifndef NBA_EVENT_VOCABULARY_H
#define NBA_EVENT_VOCABULARY_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/str.h"

/*
 * Event types.  Columns: constant, name, ring, outcome, channel.
 *   ring     1: a positive engagement, seen by the sequence models (never bots, duplicates, late)
 *   outcome  what it is for the content's family (enum nba_outcome), or NONE
 *   channel  where it happened, UNKNOWN where the event says so itself or none applies
 */
#define NBA_EVENT_TYPE_MAP(X)                                                        \
    X(UNKNOWN, "unknown", 0, NONE, UNKNOWN)                                          \
    X(EMAIL_SENT, "email_sent", 0, SENT, EMAIL)                                      \
    X(EMAIL_DELIVERED, "email_delivered", 0, DELIVERED, EMAIL)                       \
    X(EMAIL_OPENED, "email_opened", 1, OPENED, EMAIL)                                \
    X(EMAIL_CLICKED, "email_clicked", 1, CLICKED, EMAIL)                             \
    X(EMAIL_BOUNCED, "email_bounced", 0, NONE, EMAIL)                                \
    X(EMAIL_DROPPED, "email_dropped", 0, NONE, EMAIL)                                \
    X(EMAIL_SPAM_REPORTED, "email_spam_reported", 0, NONE, EMAIL)                    \
    X(EMAIL_UNSUBSCRIBED, "email_unsubscribed", 0, NONE, EMAIL)                      \
    X(CONSENT_CHANGED, "consent_changed", 0, NONE, UNKNOWN)                          \
    X(REP_CALL_COMPLETED, "rep_call_completed", 1, ATTENDED, REP)                    \
    X(CLM_SLIDE_VIEWED, "clm_slide_viewed", 1, VIEWED, REP)                          \
    X(SAMPLE_REQUESTED, "sample_requested", 1, REQUESTED, REP)                       \
    X(SAMPLE_DISBURSED, "sample_disbursed", 0, NONE, REP)                            \
    X(WEBINAR_INVITED, "webinar_invited", 0, NONE, EVENT)                            \
    X(WEBINAR_REGISTERED, "webinar_registered", 1, REGISTERED, EVENT)                \
    X(WEBINAR_ATTENDED, "webinar_attended", 1, ATTENDED, EVENT)                      \
    X(WEBINAR_NO_SHOW, "webinar_no_show", 0, NONE, EVENT)                            \
    X(PORTAL_LOGIN, "portal_login", 0, NONE, WEB)                                    \
    X(PORTAL_CONTENT_VIEWED, "portal_content_viewed", 1, VIEWED, WEB)                \
    X(CONTENT_DOWNLOADED, "content_downloaded", 1, DOWNLOADED, WEB)                  \
    X(PORTAL_SEARCH, "portal_search", 0, NONE, WEB)                                  \
    X(AD_IMPRESSION, "ad_impression", 0, NONE, WEB)                                  \
    X(AD_CLICKED, "ad_clicked", 1, CLICKED, WEB)                                     \
    X(MEDICAL_INQUIRY_SUBMITTED, "medical_inquiry_submitted", 1, REQUESTED, UNKNOWN) \
    X(PROFILE_UPDATED, "profile_updated", 0, NONE, UNKNOWN)                          \
    X(PROFILE_MERGED, "profile_merged", 0, NONE, UNKNOWN)                            \
    X(PROFILE_ERASED, "profile_erased", 0, NONE, UNKNOWN)                            \
    X(ACTION_SENT, "action_sent", 0, SENT, UNKNOWN)                                  \
    X(ACTION_NOT_SENT, "action_not_sent", 0, NONE, UNKNOWN)                          \
    X(ACTION_DELIVERED, "action_delivered", 0, DELIVERED, UNKNOWN)                   \
    X(ACTION_SHOWN, "action_shown", 0, SHOWN, UNKNOWN)                               \
    X(ACTION_ACCEPTED, "action_accepted", 1, ACCEPTED, UNKNOWN)                      \
    X(ACTION_EXECUTED, "action_executed", 0, EXECUTED, UNKNOWN)                      \
    X(ACTION_COMPLETED, "action_completed", 1, COMPLETED, UNKNOWN)                   \
    X(ACTION_DISMISSED, "action_dismissed", 0, DISMISSED, UNKNOWN)                   \
    X(ACTION_IGNORED, "action_ignored", 0, IGNORED, UNKNOWN)                         \
    X(CONTROL_TICK, "control_tick", 0, NONE, UNKNOWN)                                \
    X(CONVERSION, "conversion", 1, CONVERTED, UNKNOWN)                               \
    X(CONTENT_RATED, "content_rated", 0, RATED, UNKNOWN)                             \
    X(FEEDBACK_SUBMITTED, "feedback_submitted", 0, NONE, UNKNOWN)

#define NBA_CHANNEL_MAP(X) \
    X(UNKNOWN, "unknown")  \
    X(EMAIL, "email")      \
    X(REP, "rep")          \
    X(WEB, "web")          \
    X(EVENT, "event")      \
    X(SMS, "sms")

/* Veeva's suggestion types. */
#define NBA_ACTION_TYPE_MAP(X)                  \
    X(UNKNOWN, "unknown")                       \
    X(EMAIL, "email")                           \
    X(REP_EMAIL, "rep_email")                   \
    X(REP_CALL, "rep_call")                     \
    X(REP_CALL_OBJECTIVE, "rep_call_objective") \
    X(EVENT_INVITE, "event_invite")             \
    X(PORTAL_CONTENT, "portal_content")         \
    X(INSIGHT, "insight")

/* What happened to a content (by family), as policies name it in `track`. */
#define NBA_OUTCOME_MAP(X)      \
    X(NONE, "none")             \
    X(SENT, "sent")             \
    X(DELIVERED, "delivered")   \
    X(SHOWN, "shown")           \
    X(OPENED, "opened")         \
    X(CLICKED, "clicked")       \
    X(VIEWED, "viewed")         \
    X(DOWNLOADED, "downloaded") \
    X(REGISTERED, "registered") \
    X(ATTENDED, "attended")     \
    X(REQUESTED, "requested")   \
    X(ACCEPTED, "accepted")     \
    X(EXECUTED, "executed")     \
    X(COMPLETED, "completed")   \
    X(DISMISSED, "dismissed")   \
    X(IGNORED, "ignored")       \
    X(CONVERTED, "converted")   \
    X(RATED, "rated")

#define NBA_CONSENT_SCOPE_MAP(X) \
    X(UNKNOWN, "unknown")        \
    X(GLOBAL, "global")          \
    X(CHANNEL, "channel")        \
    X(BRAND, "brand")            \
    X(CONTENT_TYPE, "content_type")

#define NBA_CONSENT_STATUS_MAP(X) \
    X(UNKNOWN, "unknown")         \
    X(OPT_IN, "opt_in")           \
    X(OPT_OUT, "opt_out")         \
    X(PENDING, "pending")

/* Who opened or clicked, when it was no human (Veeva's Bot_vod). */
#define NBA_BOT_MAP(X) \
    X(NONE, "none")    \
    X(APPLE, "apple")  \
    X(GMAIL, "gmail")  \
    X(GENERIC, "generic")

#define NBA_BOUNCE_MAP(X) \
    X(NONE, "none")       \
    X(HARD, "hard")       \
    X(SOFT, "soft")       \
    X(OTHER, "other")

#define NBA_CONTENT_CLASS_MAP(X)  \
    X(UNKNOWN, "unknown")         \
    X(PROMOTIONAL, "promotional") \
    X(MEDICAL, "medical")

#define NBA_APPROVAL_MAP(X) \
    X(UNKNOWN, "unknown")   \
    X(DRAFT, "draft")       \
    X(APPROVED, "approved") \
    X(WITHDRAWN, "withdrawn")

#define NBA_REP_ROLE_MAP(X) \
    X(UNKNOWN, "unknown")   \
    X(REP, "rep")           \
    X(MSL, "msl")

/* Reason codes of the decision funnel: number, name, stage.  Numbers are never reused. */
#define NBA_REASON_MAP(X)                       \
    X(STOPPED, 101, CONTROL)                    \
    X(SHADOW, 102, CONTROL)                     \
    X(ERASED, 103, CONTROL)                     \
    X(DUPLICATE_EVENT, 104, CONTROL)            \
    X(LATE_EVENT, 105, CONTROL)                 \
    X(STALE_TRIGGER, 106, CONTROL)              \
    X(EXCLUDED, 111, AVAILABILITY)              \
    X(CONTENT_NOT_APPROVED, 112, AVAILABILITY)  \
    X(CONTENT_NOT_EFFECTIVE, 113, AVAILABILITY) \
    X(CONTENT_EXPIRED, 114, AVAILABILITY)       \
    X(CONTENT_WITHDRAWN, 115, AVAILABILITY)     \
    X(MARKET_MISMATCH, 116, AVAILABILITY)       \
    X(LANGUAGE_MISMATCH, 117, AVAILABILITY)     \
    X(CHANNEL_DISABLED, 118, AVAILABILITY)      \
    X(NO_ADDRESS, 121, REACH)                   \
    X(ADDRESS_BOUNCED, 122, REACH)              \
    X(REP_NOT_ALIGNED, 123, REACH)              \
    X(REP_ABSENT, 124, REACH)                   \
    X(TIMEZONE_UNKNOWN, 125, REACH)             \
    X(CONSENT_MISSING, 131, CONSENT)            \
    X(CONSENT_REVOKED, 132, CONSENT)            \
    X(CONSENT_EXPIRED, 133, CONSENT)            \
    X(CONSENT_UNCONFIRMED, 134, CONSENT)        \
    X(DO_NOT_CONTACT, 135, CONSENT)             \
    X(ROLE_MISMATCH, 136, CONSENT)              \
    X(ELIGIBILITY, 141, ELIGIBILITY)            \
    X(APPLICABILITY, 142, APPLICABILITY)        \
    X(SUITABILITY, 143, SUITABILITY)            \
    X(SUPPRESSED_OUTCOME, 151, SUPPRESSION)     \
    X(OPEN_ACTION, 152, SUPPRESSION)            \
    X(TRIGGER_REFRACTORY, 153, SUPPRESSION)     \
    X(FREQUENCY_CAP, 161, LIMITS)               \
    X(REP_CAPACITY, 162, LIMITS)                \
    X(VOLUME_LIMIT, 163, LIMITS)                \
    X(BELOW_PROPENSITY, 171, PROPENSITY)        \
    X(MODEL_IMMATURE, 172, PROPENSITY)          \
    X(SLATE_DIVERSITY, 181, SLATE)              \
    X(LOST_ARBITRATION, 182, SLATE)             \
    X(HELD_QUIET_HOURS, 191, TIMING)            \
    X(DISCARDED_QUIET_HOURS, 192, TIMING)       \
    X(EXPIRED, 193, TIMING)                     \
    X(CONTROL_GROUP, 201, EXPERIMENT)           \
    X(SUPERSEDED, 211, EMISSION)                \
    X(RECALLED, 212, EMISSION)

/* Stages of the funnel in their fixed order; the names are the audit's. */
#define NBA_STAGE_MAP(X)              \
    X(CONTROL, "control")             \
    X(AVAILABILITY, "availability")   \
    X(REACH, "reach")                 \
    X(CONSENT, "consent")             \
    X(ELIGIBILITY, "eligibility")     \
    X(APPLICABILITY, "applicability") \
    X(SUITABILITY, "suitability")     \
    X(SUPPRESSION, "suppressions")    \
    X(LIMITS, "limits")               \
    X(PROPENSITY, "propensity")       \
    X(ARBITRATION, "arbitration")     \
    X(SLATE, "slate")                 \
    X(TIMING, "timing")               \
    X(EXPERIMENT, "experiment")       \
    X(EMISSION, "emission")

/* Drivers: why an action was chosen.  OTHER is what a newer writer says that we don't know yet. */
#define NBA_DRIVER_MAP(X)      \
    X(RECENT_TOPIC_ENGAGEMENT) \
    X(SEQUENCE_NEXT)           \
    X(PEERS_ENGAGED)           \
    X(POPULAR_IN_SPECIALTY)    \
    X(CHANNEL_AFFINITY)        \
    X(NEW_CONTENT)             \
    X(EMAIL_UNOPENED_STREAK)   \
    X(OPENED_NOT_CLICKED)      \
    X(CALL_FOLLOW_UP)          \
    X(LONG_SINCE_CONTACT)      \
    X(REACTIVATION)            \
    X(EXPLORATION)             \
    X(LEVER)                   \
    X(OTHER)

enum nba_event_type {
#define NBA_X(constant, name, ring, outcome, channel) NBA_EVENT_##constant,
    NBA_EVENT_TYPE_MAP(NBA_X)
#undef NBA_X
        NBA_EVENT_TYPE_COUNT
};

#define NBA_DECLARE_WORDS(PREFIX, name, MAP)                       \
    enum nba_##name{MAP(NBA_X) NBA_##PREFIX##_COUNT};              \
    /* The word; "unknown" or "none" for value 0.  Static text. */ \
    const char *nba_##name##_name(enum nba_##name value);          \
    /* False: not a word of the list, *ret_value untouched. */     \
    bool nba_##name##_of(struct nba_str word, enum nba_##name *ret_value)

#define NBA_X(constant, word) NBA_CHANNEL_##constant,
NBA_DECLARE_WORDS(CHANNEL, channel, NBA_CHANNEL_MAP);
#undef NBA_X
#define NBA_X(constant, word) NBA_ACTION_TYPE_##constant,
NBA_DECLARE_WORDS(ACTION_TYPE, action_type, NBA_ACTION_TYPE_MAP);
#undef NBA_X
#define NBA_X(constant, word) NBA_OUTCOME_##constant,
NBA_DECLARE_WORDS(OUTCOME, outcome, NBA_OUTCOME_MAP);
#undef NBA_X
#define NBA_X(constant, word) NBA_CONSENT_SCOPE_##constant,
NBA_DECLARE_WORDS(CONSENT_SCOPE, consent_scope, NBA_CONSENT_SCOPE_MAP);
#undef NBA_X
#define NBA_X(constant, word) NBA_CONSENT_STATUS_##constant,
NBA_DECLARE_WORDS(CONSENT_STATUS, consent_status, NBA_CONSENT_STATUS_MAP);
#undef NBA_X
#define NBA_X(constant, word) NBA_BOT_##constant,
NBA_DECLARE_WORDS(BOT, bot, NBA_BOT_MAP);
#undef NBA_X
#define NBA_X(constant, word) NBA_BOUNCE_##constant,
NBA_DECLARE_WORDS(BOUNCE, bounce, NBA_BOUNCE_MAP);
#undef NBA_X
#define NBA_X(constant, word) NBA_CONTENT_CLASS_##constant,
NBA_DECLARE_WORDS(CONTENT_CLASS, content_class, NBA_CONTENT_CLASS_MAP);
#undef NBA_X
#define NBA_X(constant, word) NBA_APPROVAL_##constant,
NBA_DECLARE_WORDS(APPROVAL, approval, NBA_APPROVAL_MAP);
#undef NBA_X
#define NBA_X(constant, word) NBA_REP_ROLE_##constant,
NBA_DECLARE_WORDS(REP_ROLE, rep_role, NBA_REP_ROLE_MAP);
#undef NBA_X
#define NBA_X(constant, word) NBA_STAGE_##constant,
NBA_DECLARE_WORDS(STAGE, stage, NBA_STAGE_MAP);
#undef NBA_X

enum nba_driver {
#define NBA_X(constant) NBA_DRIVER_##constant,
    NBA_DRIVER_MAP(NBA_X)
#undef NBA_X
        NBA_DRIVER_COUNT
};
const char *nba_driver_name(enum nba_driver driver);

/* Reason codes have their published numbers as values; NBA_REASON_NONE = passed. */
enum nba_reason {
    NBA_REASON_NONE = 0,
#define NBA_X(constant, number, stage) NBA_REASON_##constant = number,
    NBA_REASON_MAP(NBA_X)
#undef NBA_X
};
#define NBA_REASON_NUMBER_MAX 255u

/* "CONSENT_REVOKED"; "NONE" for 0, NULL for a number without a reason. */
const char *nba_reason_name(enum nba_reason reason);
enum nba_stage nba_reason_stage(enum nba_reason reason);

const char *nba_event_type_name(enum nba_event_type type);
bool nba_event_type_of(struct nba_str word, enum nba_event_type *ret_type);
/* Does this type enter the ring (before bots, duplicates, late events are taken out)? */
bool nba_event_type_in_ring(enum nba_event_type type);
enum nba_outcome nba_event_type_outcome(enum nba_event_type type);
enum nba_channel nba_event_type_channel(enum nba_event_type type);

#endif
