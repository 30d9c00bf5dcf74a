/* A policy as it is after loading: arrays of rules; texts point into the YAML tree it keeps. */
#ifndef NBA_POLICY_POLICY_INTERNAL_H
#define NBA_POLICY_POLICY_INTERNAL_H

#include <stdatomic.h>

#include "nba/base/arena.h"
#include "nba/base/limits.h"
#include "nba/config/yaml.h"
#include "nba/event/message.h"
#include "nba/policy/policy.h"

/* Rules of one kind: a bit each in the masks that funnels keep for classes of candidates. */
#define POLICY_RULES_MAX 64u
/* ISO 3166 has 249 countries. */
#define POLICY_MARKETS_MAX 300u
#define POLICY_BRANDS_MAX  1000u
/* Conditions of one rule: Pega's own limit. */
#define POLICY_CONDITIONS_MAX 10u
/* Conditions, over all rules of one kind, that compare a candidate with the event or the HCP. */
#define POLICY_MIXED_MAX 8u
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
};

struct policy_suppression {
    struct nba_str id;
    uint32_t track;    /* bit by enum nba_outcome */
    uint32_t scope;    /* enum suppression_scope; all parts must agree */
    uint32_t channels; /* bit by enum nba_channel; 0: any */
    uint32_t count;
    struct nba_duration within, hold;
};

/* Where a value of a condition comes from. */
enum value_source { SOURCE_CONSTANT, SOURCE_CANDIDATE, SOURCE_EVENT, SOURCE_HCP };

/* Fields by source; the words stand in condition.c. */
enum candidate_field {
    CANDIDATE_BRAND,
    CANDIDATE_TOPIC,
    CANDIDATE_CHANNEL,
    CANDIDATE_ACTION_TYPE,
    CANDIDATE_CLASS,
    CANDIDATE_CAMPAIGN,
    CANDIDATE_CONTENT_ID,
    CANDIDATE_FAMILY_ID,
    CANDIDATE_ASSET_TYPE,
    CANDIDATE_BUSINESS_UNIT,
    CANDIDATE_EVENT_ID,
    CANDIDATE_FIELD_COUNT
};
enum event_field {
    EVENT_TYPE,
    EVENT_TOPIC,
    EVENT_BRAND,
    EVENT_CHANNEL,
    EVENT_CONTENT_ID,
    EVENT_CAMPAIGN,
    EVENT_FIELD_COUNT
};
enum hcp_field {
    HCP_MARKET,
    HCP_REGION,
    HCP_LANGUAGE,
    HCP_REP_ID,
    HCP_TERRITORY_ID,
    HCP_OPEN_COMPLAINT,
    HCP_SPECIALTIES,
    HCP_INTERESTS,
    HCP_REGISTERED_EVENTS,
    HCP_FIELD_COUNT
};

/* A negated operator says the opposite of its partner, an absent value included. */
enum condition_operator {
    OPERATOR_EQ,
    OPERATOR_NE,
    OPERATOR_IN,
    OPERATOR_NOT_IN,
    OPERATOR_ANY_OF,
    OPERATOR_CONTAINS,
    OPERATOR_NOT_CONTAINS,
    OPERATOR_EXISTS,
    OPERATOR_COUNT
};

struct condition_value {
    enum value_source source;
    uint32_t field;           /* of its source */
    struct nba_str_list list; /* constants */
};

struct condition {
    struct condition_value left, right;
    enum condition_operator op;
    bool negate; /* the outcome is turned round */
};

struct condition_list {
    struct condition *items;
    uint32_t count;
};

/* A context weight or a lever. */
struct policy_weight {
    struct nba_str id;
    struct condition_list when;
    double add;
    int64_t until_ms; /* INT64_MAX: no end */
    bool lever;
};

/* Eligibility, applicability, suitability. */
struct policy_engagement {
    struct nba_str id;
    enum nba_reason reason;
    struct condition_list applies_to; /* candidate against constants only */
    struct condition_list require;
};

struct policy_slate {
    uint32_t size;
    uint32_t max_channel, max_topic, max_brand, max_action_type; /* UINT32_MAX: no limit */
};

struct nba_policy {
    struct nba_arena arena;
    struct nba_yaml *tree;
    struct nba_str version, tenant;
    struct nba_exclusion *exclusions;
    struct policy_market *markets;
    struct nba_str_list brands;                             /* of the key `brands` */
    struct policy_engagement engagements[POLICY_RULES_MAX]; /* by stage, then in file order */
    struct policy_suppression suppressions[POLICY_RULES_MAX];
    struct policy_weight weights[POLICY_RULES_MAX]; /* in file order: context weights, levers */
    double threshold[NBA_CHANNEL_COUNT];
    struct nba_duration expiry[NBA_CHANNEL_COUNT];
    struct nba_duration allowed_lateness;
    struct nba_duration consent_max_age; /* zero: none */
    atomic_uint refs;
    enum nba_mode mode;
    enum nba_policy_clock clock;
    uint32_t exclusion_count, market_count;
    uint32_t engagement_count, suppression_count, weight_count;
    struct policy_slate slate;
    uint32_t audit_top; /* suppressed candidates written with their details */
    uint32_t explain_top;
    bool audit_packed; /* and a reason for every one */
    bool decide_on[NBA_EVENT_TYPE_COUNT];
    bool ignore_bot[NBA_BOT_COUNT];
    char hash[NBA_SHA256_TEXT_BYTES];
};

/* While a file is read. */
struct policy_parse {
    struct nba_policy *policy;
    struct nba_error *error;
    /* Rule ids seen so far, for duplicates. */
    const struct nba_yaml_node **ids;
    uint32_t id_count, id_capacity;
};

/* ---- policy_parse.c: readings that several parts share ---- */

/* The text of `id`, which no other rule may have. */
NBA_MUST_USE
enum nba_status nba_policy_read_id(struct policy_parse *parse, const struct nba_yaml_node *map,
                                   struct nba_str *ret_id);
/* One word or a list of words into bits; `words` ends in NULL, `value_of` its values. */
NBA_MUST_USE
enum nba_status nba_policy_read_mask(struct policy_parse *parse, const struct nba_yaml_node *node,
                                     const char *const *words, const unsigned *value_of,
                                     uint32_t *ret_mask);
NBA_MUST_USE
enum nba_status nba_policy_check_brand(struct policy_parse *parse,
                                       const struct nba_yaml_node *node);
/* The channels a policy may name, and their values. */
extern const char *const nba_policy_channels[];
extern const unsigned nba_policy_channel_values[];

NBA_MUST_USE
enum nba_status nba_policy_read(struct policy_parse *parse, const struct nba_yaml_node *root);

/* ---- policy_rules.c ---- */
NBA_MUST_USE
enum nba_status nba_policy_read_contact(struct policy_parse *parse,
                                        const struct nba_yaml_node *map);
NBA_MUST_USE
enum nba_status nba_policy_read_engagement(struct policy_parse *parse,
                                           const struct nba_yaml_node *map);
NBA_MUST_USE
enum nba_status nba_policy_read_arbitration(struct policy_parse *parse,
                                            const struct nba_yaml_node *map);

/* ---- condition.c ---- */

/* A map of conditions, all of which must hold.  `constants_only`: candidate fields against
 * constants (applies_to). */
NBA_MUST_USE
enum nba_status nba_condition_read(struct policy_parse *parse, const struct nba_yaml_node *map,
                                   bool constants_only, struct condition_list *ret_list);

struct nba_hcp;
struct nba_catalog;

/* What conditions on the event and the HCP look at.  event may be NULL. */
struct condition_context {
    const struct nba_hcp *hcp;
    const struct nba_event *event;
    struct nba_str event_topic, event_brand; /* its own, else its content's */
};

/* Can the condition be settled from the candidate alone; without the candidate. */
bool nba_condition_is_static(const struct condition *condition);
bool nba_condition_is_dynamic(const struct condition *condition);
bool nba_condition_holds_static(const struct condition *condition,
                                const struct nba_catalog *catalog, uint32_t candidate);
bool nba_condition_holds_dynamic(const struct condition *condition,
                                 const struct condition_context *context);

/* A condition that needs both (mixed): the candidate's side is one text; the other side's values
 * are asked for once a decision.  It holds when the text is among them, unless negated. */
struct nba_str nba_condition_candidate_text(const struct condition *condition,
                                            const struct nba_catalog *catalog, uint32_t candidate);
/* Room for NBA_HCP_REGISTERED_MAX texts. */
uint32_t nba_condition_other_texts(const struct condition *condition,
                                   const struct condition_context *context,
                                   struct nba_str *ret_texts);

#endif
