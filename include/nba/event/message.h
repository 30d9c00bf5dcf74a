/*
 * What the engine says: actions, slates, decisions, journal records.  Plain data between policy,
 * engine and codec; each is the value of one topic (schemas/nba.*.avsc).
 *
 * OWNERSHIP.  Texts and arrays borrow the transaction's arena, the HCP's record, the catalogue or
 * the policy; a message is encoded before any of them changes.
 * NUMBERS.  Doubles are rounded to 1e-9 (nba_round9) before they enter a message;
 * a suppressed candidate's numbers are floats.
 */
#ifndef NBA_EVENT_MESSAGE_H
#define NBA_EVENT_MESSAGE_H

#include "nba/base/limits.h"
#include "nba/event/event.h"

/* Rounds half away from zero to nine decimals, without libm: |x| < 1e9 or returned as it is. */
double nba_round9(double x);
/* The same bits for each of them, several at a time. */
void nba_round9_all(double *x, size_t count);

enum nba_action_status { NBA_ACTION_PROPOSED, NBA_ACTION_RECALLED };

struct nba_action_driver {
    enum nba_driver code;
    struct nba_str text;
    double weight;
    struct nba_str_list evidence_event_ids;
};

struct nba_action {
    struct nba_str action_id, decision_id;
    enum nba_action_status status;
    enum nba_reason recall_reason; /* NONE unless recalled */
    struct nba_str tenant_id, hcp_id, market, brand, campaign_id;
    enum nba_action_type action_type;
    enum nba_channel channel;
    struct nba_str content_id, content_version, approval_number, language;
    struct nba_str_list topic_ids;
    struct nba_str rep_id, territory_id; /* empty rep_id: no rep */
    int32_t rank, slate_size;
    double priority;
    double propensity, sampled_propensity, context_weight, value, lever_weight;
    double selection_probability;
    int64_t time_ms; /* decision clock; also ce_time */
    int64_t not_before_ms, best_send_time_ms, expires_at_ms;
    struct nba_action_driver drivers[NBA_DRIVERS_MAX];
    uint32_t driver_count;
    struct nba_str supersedes;
    bool control_group;
    struct nba_str arm;
    int32_t bucket;
    struct nba_str policy_version, model_version, engine_version;
    struct nba_str trigger_event_id;
};

/* One content of a slate's ranked list. */
struct nba_slate_content {
    struct nba_str content_id;
    double score;
    /* What each member added to the score. */
    double share_lstm, share_ncf, share_popularity, share_ease, share_knn, share_rules;
    enum nba_reason first_failed; /* NONE: passes every gate on some channel */
};

struct nba_slate {
    struct nba_str decision_id, hcp_id, tenant_id;
    int64_t time_ms;
    const struct nba_action *actions; /* proposed now and still open, by rank */
    uint32_t action_count;
    const struct nba_slate_content *top_contents;
    uint32_t top_content_count;
    double channel_probability[NBA_CHANNEL_COUNT]; /* NaN-free; 0 where no candidate exists */
    bool channel_present[NBA_CHANNEL_COUNT];
    struct nba_str policy_version, model_version, engine_version;
};

enum nba_decision_kind {
    NBA_DECISION_DECIDED,
    NBA_DECISION_UPDATED,
    NBA_DECISION_SKIPPED,
    NBA_DECISION_LIFECYCLE,
};

struct nba_suppressed {
    struct nba_str content_id;
    enum nba_action_type action_type;
    enum nba_channel channel;
    enum nba_reason reason;
    struct nba_str rule_id;
    float weight, priority;     /* C x V x L; P is priority / weight */
    int32_t unconstrained_rank; /* from 1 */
    struct nba_str_list evidence_event_ids;
    double counter, limit;  /* limits: value and maximum; else 0 */
    int64_t until_ms;       /* suppressions, holds; NBA_TIME_NONE */
    int64_t retry_after_ms; /* limits; NBA_TIME_NONE */
};

/* The candidates that have one reason, in candidate order (content id, then treatment).  A byte
 * each: its distance from the one before, the first's from -1; 255: 255, and what the next byte
 * says.  Empty: all that no other one has. */
struct nba_packed_reason {
    enum nba_reason reason;
    struct nba_str candidates;
};

struct nba_closed_action {
    struct nba_str action_id;
    enum nba_reason reason;
};

/* A selected action that waits: nothing is sent before `until`. */
struct nba_held {
    struct nba_str action_id;
    enum nba_reason reason; /* HELD_QUIET_HOURS; NONE: for the best time to send */
    int64_t until_ms;
    struct nba_str tz; /* the time zone that counted */
    struct nba_str tzdata_version;
};

/* Feature values at decision time, for training and off-policy evaluation. */
struct nba_feature {
    struct nba_str name;
    double value;
};

/* What came of an action within its reward window: with its features a training example. */
struct nba_feedback {
    struct nba_str action_id, content_id;
    enum nba_action_type action_type;
    enum nba_channel channel;
    int64_t decided_ms;
    enum nba_outcome outcome;
    bool unique; /* the action's first outcome of this kind */
    struct nba_str dismiss_reason;
    double value; /* of a conversion */
    const struct nba_feature *features;
    uint32_t feature_count;
};

/* The best contents by one model, for judging models on the log (audit.rankings_top_n). */
struct nba_model_ranking {
    struct nba_str model; /* "fusion", "lstm", "ncf", "popularity" */
    struct nba_str_list content_ids;
};

struct nba_decision {
    struct nba_str decision_id;
    enum nba_decision_kind kind;
    enum nba_reason reason; /* skipped only */
    struct nba_str hcp_id, trigger_event_id;
    int64_t decision_time_ms, watermark_ms;
    struct nba_str policy_version, policy_hash, model_version, engine_version, arm;
    int32_t bucket;
    int32_t candidate_count;
    int32_t reason_count[NBA_REASON_NUMBER_MAX + 1]; /* by reason number */
    const struct nba_closed_action *closed;
    uint32_t closed_count;
    const struct nba_action *selected; /* held ones included */
    uint32_t selected_count;
    const struct nba_held *held;
    uint32_t held_count;
    const struct nba_suppressed *suppressed; /* at most NBA_EXPLAINED_MAX, by priority */
    uint32_t suppressed_count;
    const struct nba_packed_reason *packed_reasons; /* all candidates, by reason number */
    uint32_t packed_reason_count;
    const struct nba_feature *features;
    uint32_t feature_count;
    const struct nba_model_ranking *rankings;
    uint32_t ranking_count;
    const struct nba_feedback *feedback; /* NULL: the event is no outcome of an action */
};

/* Between tasks whose limits or records cross partitions (nba.mailbox.v1). */
#define NBA_MAIL_KIND_MAP(X) \
    X(UNKNOWN, "unknown")    \
    X(REQUEST, "request")    \
    X(REFUSED, "refused")    \
    X(REPLACED, "replaced")  \
    X(FEEDBACK, "feedback")  \
    X(MERGED, "merged")      \
    X(ERASED, "erased")      \
    X(GRANTED, "granted")

enum nba_mail_kind {
#define NBA_X(constant, word) NBA_MAIL_##constant,
    NBA_MAIL_KIND_MAP(NBA_X)
#undef NBA_X
};

struct nba_mail {
    enum nba_mail_kind kind;
    struct nba_str id;
    int64_t time_ms;   /* clock of the sender */
    int32_t partition; /* of the sender: answers go there */
    struct nba_str hcp_id, action_id;
    struct nba_str rep_id;           /* or a budget's id (nba/policy/volume.h) */
    const struct nba_action *action; /* request, granted; feedback: the recall, of a budget's what
                                      * it is about */
    enum nba_reason reason;          /* refused, replaced; feedback: why the HCP's task closed it */
    struct nba_str superseded_by;    /* replaced */
    struct nba_str event;            /* feedback: the value of the event's record */
    struct nba_str state;            /* merged: the value of the HCP's record */
};

/* No sweep (nba/engine/pipeline.h) is under way. */
#define NBA_SWEEP_NONE (-1)

/* A capacity rule that is full for a rep, in one window of time. */
struct nba_capacity_window {
    struct nba_str rule_id;
    int64_t start_ms, end_ms; /* nothing is free before the end */
    int32_t max, used;
    bool replaceable; /* a better action may take the place of one of */
    double lowest_priority;
};

/* What of a rep, or of a budget, is full (nba.rep.capacity.v1). */
struct nba_rep_capacity {
    struct nba_str rep_id; /* or a budget's id */
    int64_t time_ms;
    const struct nba_capacity_window *windows;
    uint32_t window_count;
};

/* Where side inputs stood when a transaction began (nba.journal.v1). */
struct nba_journal {
    int64_t input_next;
    int64_t catalog_next, control_next, mailbox_next, capacity_next;
    struct nba_str policy_hash, policy_version;
    struct nba_str release_champion, release_challenger; /* empty: none */
    struct nba_str tzdata_version;
    int64_t wall_clock_ms;
    int64_t swept; /* recalls of a sweep that was under way then; or NBA_SWEEP_NONE */
};

#endif
