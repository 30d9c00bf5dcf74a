/* A policy as it is after loading: arrays of rules; texts point into the YAML tree it keeps. */
#ifndef NBA_POLICY_POLICY_INTERNAL_H
#define NBA_POLICY_POLICY_INTERNAL_H

#include <stdatomic.h>

#include "nba/base/arena.h"
#include "nba/base/limits.h"
#include "nba/base/zone.h"
#include "nba/config/yaml.h"
#include "nba/event/message.h"
#include "nba/event/reference.h"
#include "nba/policy/capacity.h"
#include "nba/policy/policy.h"
#include "nba/policy/volume.h"
#include "nba/state/hcp.h"

/* Rules of one kind: a bit each in the masks that funnels keep for units of candidates. */
#define POLICY_RULES_MAX 64u
/* Each is asked of every event of its two types. */
#define POLICY_TRIGGERS_MAX 16u
/* It is part of ids, and of those of actions without a content. */
#define POLICY_TRIGGER_ID_BYTES_MAX 64u
/* ISO 3166 has 249 countries. */
#define POLICY_MARKETS_MAX 300u
#define POLICY_BRANDS_MAX  1000u
#define POLICY_IDS_MAX \
    (NBA_EXCLUSIONS_MAX + 4 * POLICY_RULES_MAX + POLICY_TRIGGERS_MAX + NBA_VOLUME_RULES_MAX + 1)
/* Conditions of one rule: Pega's own limit. */
#define POLICY_CONDITIONS_MAX 10u
/* Conditions, over all rules of one kind, that compare a candidate with the event or the HCP. */
#define POLICY_MIXED_MAX 8u
/* Of one champion_challenger: two, and room for more challengers. */
#define POLICY_ARMS_MAX 8u
/* Quiet hours: of every channel and kind of night. */
#define POLICY_QUIET_MAX 32u
/* Basis points of the whole, and buckets of the assignment hash. */
#define POLICY_BP_MAX 10000u
/* What a channel without an entry in timing.expiry gets. */
#define POLICY_EXPIRY_DEFAULT_MS (14 * NBA_DAY_MS)

enum consent_model {
    CONSENT_MODEL_NONE, /* nothing said for this market and channel: no */
    CONSENT_MODEL_OPT_IN,
    CONSENT_MODEL_OPT_OUT,
    CONSENT_MODEL_IMPLICIT,
    CONSENT_MODEL_NEVER,
};

struct policy_market {
    struct nba_str market;
    enum consent_model models[NBA_CHANNEL_COUNT];
    struct nba_str rule_ids[NBA_CHANNEL_COUNT]; /* "consent.DE.email" */
};

enum suppression_scope {
    SCOPE_CONTENT = 1,
    SCOPE_TOPIC = 2,
    SCOPE_BRAND = 4,
    SCOPE_CHANNEL = 8,
    SCOPE_REP = 16, /* who was refused, and whom it therefore concerns */
};

struct policy_suppression {
    struct nba_str id;
    uint32_t track;    /* bit by enum nba_outcome */
    uint32_t scope;    /* enum suppression_scope; all parts must agree */
    uint32_t channels; /* bit by enum nba_channel; 0: any */
    uint32_t count;
    struct nba_duration within, hold;
};

/* What a limit counts together: bits. */
enum limit_per { PER_HCP = 1, PER_BRAND = 2, PER_CONTENT = 4 };

enum calendar { CALENDAR_NONE, CALENDAR_DAY, CALENDAR_WEEK, CALENDAR_MONTH };

/* At most `max` contacts in every window (funnel_limits.c). */
struct policy_limit {
    struct nba_str id;
    uint32_t per;                /* enum limit_per */
    uint32_t channels;           /* bit by enum nba_channel */
    uint32_t max;                /* 0: never */
    struct nba_duration rolling; /* zero: a calendar window */
    enum calendar calendar;
    const struct nba_zone *zone; /* of a calendar window; NULL: the HCP's */
};

enum capacity_calendar { CAPACITY_ROLLING, CAPACITY_DAY, CAPACITY_WEEK };
enum capacity_full { CAPACITY_REPLACE_LOWEST, CAPACITY_REFUSE };

struct policy_capacity {
    struct nba_str id;
    uint32_t channels; /* bit by enum nba_channel */
    uint32_t max;      /* 0: never */
    enum capacity_calendar calendar;
    struct nba_duration rolling;
    enum capacity_full when_full;
    uint32_t per, tz; /* there is one of each */
};

/* What a volume rule counts together. */
enum volume_per { VOLUME_CONTENT, VOLUME_CAMPAIGN, VOLUME_BRAND, VOLUME_CHANNEL };

struct policy_volume {
    struct nba_str id;
    enum volume_per per;
    struct nba_str_list only; /* of these alone; none: of all */
    uint32_t channels;        /* bit by enum nba_channel */
    uint32_t max;             /* 0: never */
    enum calendar calendar;
    const struct nba_zone *zone;
    enum capacity_full when_full;
};

/* One side of a condition: a field of the candidate, the event or the HCP, or constants. */
struct condition_value {
    const struct condition_field *field; /* NULL: constants */
    struct nba_str_list constants;
};

/* What it takes to settle a condition. */
enum condition_kind {
    CONDITION_STATIC,  /* the candidate alone */
    CONDITION_DYNAMIC, /* the event and the HCP alone */
    CONDITION_MIXED,   /* both */
};

struct condition {
    struct condition_value left, right;
    enum condition_kind kind;
    bool exists; /* asks whether the left side has a value; else whether both share one */
    bool negate; /* the outcome is turned round */
};

struct condition_list {
    struct condition *items;
    uint32_t count;
};

/* An engagement policy (eligibility, applicability, suitability), a context weight or a lever. */
struct policy_rule {
    struct nba_str id;
    struct condition_list applies_to; /* candidate against constants only */
    struct condition_list require;    /* a weight's `when` */
    enum nba_reason reason;           /* of an engagement policy */
    bool lever;
    double add;       /* percent */
    int64_t until_ms; /* INT64_MAX: no end */
};

struct policy_rules {
    struct policy_rule items[POLICY_RULES_MAX];
    uint32_t count;
};

struct policy_trigger {
    struct nba_str id;
    struct nba_trigger when;
    uint32_t per;                         /* enum limit_per */
    struct nba_duration within, once_per; /* once_per: zero: as often as it holds */
    enum nba_action_type action_type;
    enum nba_channel channel;
    struct nba_str content_id, topic;
    enum nba_driver driver;
};

struct policy_slate {
    uint32_t size;
    uint32_t max_channel, max_topic, max_brand, max_action_type; /* UINT32_MAX: no limit */
};

struct policy_arm {
    struct nba_str name;
    uint32_t share_bp;
};

enum control_period { CONTROL_ALWAYS, CONTROL_BY_MONTH };

/* Groups that a hash draws: who is proposed nothing, and whose first place is anybody's. */
enum policy_group { GROUP_CONTROL, GROUP_MODEL_CONTROL, GROUP_COUNT };

struct policy_drawn {
    bool there;
    uint32_t share_bp;
    enum control_period period;
};

/* Who is in which group, and whose decisions are whose (experiment.c). */
struct policy_experiments {
    struct policy_drawn groups[GROUP_COUNT];
    struct nba_str id; /* of champion_challenger */
    struct policy_arm arms[POLICY_ARMS_MAX];
};

enum exploration { EXPLORE_NONE, EXPLORE_EPSILON_GREEDY, EXPLORE_THOMPSON };

struct policy_exploration {
    enum exploration type;
    double epsilon;
    double evidence; /* k; 0: the HCP's trials on the candidate's channel */
};

enum on_conflict { ON_CONFLICT_HOLD, ON_CONFLICT_DISCARD };

/* Minutes of the HCP's day, [start, end); start > end: over midnight. */
struct policy_quiet {
    uint32_t channels; /* bit by enum nba_channel */
    uint32_t start, end;
    enum on_conflict on_conflict;
    unsigned tz; /* there is one */
};

struct policy_send_time {
    uint32_t channels; /* with mode optimize: bit by enum nba_channel; else 0 */
    unsigned mode;
    bool has_fallback;
    uint32_t fallback; /* minute of the day */
};

enum missing_timezone { MISSING_TIMEZONE_DENY, MISSING_TIMEZONE_BRAND };

struct policy_brand_zone {
    struct nba_str brand;
    const struct nba_zone *zone;
};

struct nba_policy {
    struct nba_arena arena;
    struct nba_yaml *tree;
    struct nba_policy_head head;
    struct nba_str brands[POLICY_BRANDS_MAX]; /* of the key `brands` */
    struct nba_exclusion exclusions[NBA_EXCLUSIONS_MAX];
    struct policy_market markets[POLICY_MARKETS_MAX];
    struct policy_suppression suppressions[POLICY_RULES_MAX];
    struct policy_limit limits[POLICY_RULES_MAX];
    uint32_t limit_count;
    uint32_t release_on; /* bit by enum nba_contact_end */
    struct policy_capacity capacity[NBA_CAPACITY_RULES_MAX];
    uint32_t capacity_count;
    struct policy_volume volumes[NBA_VOLUME_RULES_MAX];
    uint32_t volume_count;
    struct policy_rules engagements; /* by stage, then in file order */
    struct policy_rules weights;     /* context weights, then levers */
    struct policy_trigger triggers[POLICY_TRIGGERS_MAX];
    struct nba_trigger patterns[POLICY_TRIGGERS_MAX]; /* `when` of each */
    uint32_t trigger_count;
    uint32_t brand_count, decide_on_count, exclusion_count, market_count, suppression_count;
    double threshold[NBA_CHANNEL_COUNT];
    uint32_t min_examples; /* of a content, for its scores to count; 0: not asked */
    struct nba_duration expiry[NBA_CHANNEL_COUNT];
    struct nba_duration reward_window[NBA_CHANNEL_COUNT];
    struct nba_duration allowed_lateness;
    struct nba_duration max_trigger_age; /* zero: none */
    struct nba_duration consent_max_age; /* zero: none */
    atomic_uint refs;
    unsigned formula; /* there is one */
    struct policy_slate slate;
    struct policy_quiet quiet[POLICY_QUIET_MAX];
    struct policy_brand_zone brand_zones[POLICY_BRANDS_MAX];
    uint32_t quiet_count, brand_zone_count;
    struct policy_send_time send_time;
    enum missing_timezone missing_timezone;
    uint32_t zone_channels; /* bit by enum nba_channel: rules of it need the HCP's time zone */
    struct policy_exploration exploration;
    struct policy_experiments experiments;
    uint32_t arm_count;
    uint32_t audit_top; /* suppressed candidates written with their details */
    bool audit_packed;  /* and a reason for every one */
    bool decide_on[NBA_EVENT_TYPE_COUNT];
    uint32_t ignored_bots;         /* bit by enum nba_bot */
    uint32_t delivery_seconds_min; /* opens and clicks sooner than that are a machine's */
    char hash[NBA_SHA256_TEXT_BYTES];
};

/* While a file is read. */
struct policy_parse {
    struct nba_policy *policy;
    struct nba_error *error;
    const struct nba_yaml_node *ids[POLICY_IDS_MAX]; /* of rules so far */
    uint32_t id_count;
    uint32_t mixed_count[2]; /* of engagement policies, of weights */
};

/* ---- policy_read.c ---- */

/* Words by value of their enum; NULL ends a list.  The first says "unknown". */
extern const char *const nba_policy_channels[];
extern const char *const nba_policy_action_types[];
extern const char *const nba_policy_classes[];
extern const char *const nba_policy_event_types[];

NBA_MUST_USE
enum nba_status nba_policy_read(struct policy_parse *parse, const struct nba_yaml_node *root);
NBA_MUST_USE
enum nba_status nba_policy_check_brand(struct policy_parse *parse,
                                       const struct nba_yaml_node *node);

/* ---- volume.c ---- */

bool nba_policy_volume_counts(const struct policy_volume *rule,
                              const struct nba_volume_subject *subject);
/* The budget's id, of a subject that counts; NULL: what all ids of the rule's budgets begin with.
 */
struct nba_str nba_policy_volume_id(const struct policy_volume *rule,
                                    const struct nba_volume_subject *subject,
                                    char ret_id[NBA_VOLUME_ID_BYTES_MAX]);

/* ---- calendar.c ---- */

/* Instants from <= t < until. */
struct window {
    int64_t from, until;
};
/* The day, week (from Monday) or month of an instant; not of CALENDAR_NONE. */
struct window nba_policy_calendar(enum calendar calendar, const struct nba_zone *zone,
                                  int64_t time_ms);

/* ---- timing.c ---- */

struct nba_hcp;

/* When an action would be sent; HELD_QUIET_HOURS: later than wished, then; DISCARDED_QUIET_HOURS:
 * not at all, and until when that holds; NONE. */
struct plan {
    int64_t at_ms;
    enum nba_reason reason;
};
/* `zone` NULL: nobody asks for one, or it is judged elsewhere.  Without `optimize` quiet hours
 * alone count. */
struct plan nba_policy_plan(const struct nba_policy *policy, const struct nba_hcp *hcp,
                            const struct nba_zone *zone, enum nba_channel channel, int64_t now_ms,
                            bool optimize);
bool nba_policy_is_quiet(const struct policy_quiet *rule, int64_t day_ms);
/* Of an HCP without one, by missing_timezone: brand_default; NULL: none is said. */
const struct nba_zone *nba_policy_brand_zone(const struct nba_policy *policy, struct nba_str brand);

/* ---- condition.c ---- */

/* A map of conditions, all of which must hold.  `constants_only`: candidate fields against
 * constants (applies_to). */
NBA_MUST_USE
enum nba_status nba_condition_read(struct policy_parse *parse, const struct nba_yaml_node *map,
                                   bool constants_only, struct condition_list *ret_list);

/* What conditions look at; a part that is NULL has no values. */
struct condition_context {
    const struct nba_content *content;
    const struct nba_treatment *treatment;
    const struct nba_hcp *hcp;
    const struct nba_event *event;
    enum nba_channel event_channel;
    struct nba_str event_topic, event_brand; /* its own, else its content's */
    enum nba_saturation contact_saturation;
};

bool nba_condition_asks_event(const struct condition *condition);
bool nba_condition_holds(const struct condition *condition,
                         const struct condition_context *context);
/* The values of a mixed condition's side: of the candidate (at most one) or of the other.  It holds
 * when a word of one is among those of the other, unless negated.  `single` holds a lone one. */
struct nba_str_list nba_condition_texts(const struct condition *condition, bool candidate,
                                        const struct condition_context *context,
                                        struct nba_str *single);
/* The field, if it has a single value, that is compared with constants, and its source
 * ("candidate.", "event.", "hcp."); NULL: another kind of condition. */
const char *nba_condition_field(const struct condition *condition, const char **ret_source);

#endif
