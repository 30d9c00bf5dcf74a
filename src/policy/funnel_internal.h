/* A bound funnel, its scratch, and what its parts hand one another during a decision. */
#ifndef NBA_POLICY_FUNNEL_INTERNAL_H
#define NBA_POLICY_FUNNEL_INTERNAL_H

#include "nba/policy/funnel.h"
#include "policy_internal.h"

/* Candidates whose order is worked out: all that a record explains, behind a full slate. */
#define FUNNEL_RANKED_MAX (NBA_EXPLAINED_MAX + NBA_SLATE_MAX)
/* One for each suppression rule and outcome at most. */
#define FUNNEL_HOLDS_MAX    ((size_t)POLICY_RULES_MAX * NBA_HCP_OUTCOMES_MAX)
#define FUNNEL_CONTACTS_MAX ((uint32_t)NBA_HCP_LEDGER_MAX + NBA_SLATE_MAX)
/* Limits that channels, brands and families fail; further ones stop too, but explain less. */
#define FUNNEL_CAPS_MAX 1024u
/* In `reason` while candidates are judged: not there for this HCP. */
#define REASON_ABSENT NBA_FUNNEL_ABSENT
/* While a slate is filled: in it. */
#define REASON_TAKEN 254u

/* A condition that compares a candidate with the event or the HCP. */
struct mixed_condition {
    const struct condition *condition;
    uint32_t rule;
    /* once a decision: the other side's words; 0 = a word no content has */
    uint32_t others[NBA_HCP_REGISTERED_MAX];
    uint32_t other_count;
    bool settled; /* it asks for an event that is over: it held then */
};

/* Candidates that no rule of a set (and, for engagement policies, no gate) can tell apart. */
struct rule_unit {
    uint64_t applies; /* rules whose applies_to holds */
    uint64_t fails;   /* those of them whose static conditions fail */
    uint32_t gate_class;
    uint32_t words[POLICY_MIXED_MAX]; /* the candidate's side of the mixed conditions */
};

/* Engagement policies, or weights, bound to a catalogue. */
struct bound_rules {
    const struct policy_rules *rules;
    struct mixed_condition mixed[POLICY_MIXED_MAX];
    uint32_t mixed_count;
    struct rule_unit *units;
    uint32_t unit_count;
    uint32_t *unit; /* (C) */
};

struct weight_pair {
    double context; /* 1 + sum(C)/100, at least 0 */
    double lever;   /* 1 + sum(L)/100, at least 0 */
};

/* Contents by word, or candidates by unit: items[start[w] .. start[w + 1]). */
struct groups {
    const uint32_t *word_of; /* (items) */
    uint32_t *start;
    uint32_t *items;
};

struct bound_exclusion {
    const struct nba_exclusion *exclusion;
    uint32_t first, count; /* into excluded_candidates */
};

struct consent_view {
    enum nba_channel channel;
    enum nba_consent_scope scope;
    enum nba_consent_status status;
    uint32_t word; /* of scope_id */
    bool expired;
};

struct gate_verdict {
    enum nba_reason reason;
    uint32_t evidence; /* bit by consent of the HCP */
    struct nba_str rule_id;
};

struct hold {
    uint32_t rule;
    uint64_t evidence; /* bit by outcome of the HCP */
    int64_t until_ms;
};

/* The calendar window that was asked for last: most decisions ask for the same one. */
struct calendar_memo {
    const struct nba_zone *zone; /* NULL: none yet */
    struct window window;
};

/* A contact as limits see it: of the ledger, or selected by this decision. */
struct contact {
    int64_t time_ms, gone_ms; /* INT64_MAX: stays */
    uint32_t brand_hash, family_hash;
    uint8_t channel;
    uint8_t entry; /* index into the ledger, or */
};
#define CONTACT_OF_SLATE 255u

/* Candidates that limits can't tell apart, unless they ask for the content family. */
struct limit_unit {
    uint32_t brand_hash;
    uint32_t channel;
    const struct nba_zone *zone; /* the brand's, if the policy lets it stand in for the HCP's */
};

/* A limit that a channel, or what of it has this brand or family, fails. */
struct cap {
    uint32_t limit;
    uint32_t brand_hash, family_hash;
    uint32_t channel;
    uint32_t used;
    int64_t planned_ms;
    uint64_t evidence; /* bit by ledger entry */
    const struct nba_zone *zone;
    bool by_brand, by_family;
    bool slate; /* an action of this slate takes the place */
};

/* All that gates and engagement policies ask of a moment whose HCP has neither consent records nor
 * words to compare; compared as bytes. */
struct gate_question {
    uint64_t dynamic, counting, settled; /* rules */
    const struct policy_market *market_policy;
    enum nba_reason from_reason;
    enum nba_reason persons[NBA_CONTENT_CLASS_COUNT];
    uint8_t address[NBA_CHANNEL_COUNT];
    bool inquiry, zone, do_not_contact;
    bool simple; /* of such an HCP */
};

/* What of the HCP's record is behind a reason, as bits. */
struct evidence {
    enum { EVIDENCE_OUTCOMES, EVIDENCE_CONSENTS, EVIDENCE_CONTACTS } of;
    uint64_t bits;
    bool trigger; /* and the event that started this decision */
};

/* Parts of enum suppression_scope; contents are grouped by all but the channel. */
#define SCOPE_PARTS 5u
#define GROUPINGS   3u

/* What stops single candidates, by the table in funnel_contact.c. */
enum mark_kind {
    MARK_EXCLUDED,
    MARK_HELD,
    MARK_OPEN,
    MARK_CAPPED,
    MARK_CAPACITY,
    MARK_VOLUME,
    MARK_KINDS
};

struct nba_funnel {
    struct nba_policy *policy;
    struct nba_catalog *catalog;
    struct nba_control_state *control;
    const struct policy_trigger *trigger; /* it asks for the one candidate; else NULL */
    bool nameless;                        /* the one candidate has no content */
    struct nba_arena arena;               /* all arrays below */

    struct bound_rules engagements, weights;
    struct groups groups[GROUPINGS]; /* contents by family, topic, brand */
    struct groups by_gate;           /* candidates by gate unit */
    struct groups by_weight;         /* candidates by weight unit */
    struct groups by_limit;          /* candidates by limit unit */
    struct limit_unit *limit_units;
    uint32_t limit_units_end[NBA_CHANNEL_COUNT]; /* by channel, where its units end */
    uint32_t *family_hash;                       /* (contents) */
    int64_t limit_span_ms;                       /* a contact older than this is in no window */
    struct bound_exclusion *exclusions;          /* the policy's, then the control topic's */
    uint32_t exclusion_count;
    uint32_t *excluded_candidates;
    uint32_t class_word[NBA_CONTENT_CLASS_COUNT];
    double *threshold; /* (C) least propensity, by its channel */
    bool thresholds_asked;

    /* Scratch of one decision. */
    uint8_t *market_has;           /* (sets) the set names the HCP's market, or is empty */
    uint8_t *language_has;         /* (sets) */
    struct gate_question asked;    /* the last one, which verdicts and units answer */
    struct gate_verdict *verdicts; /* (gate classes) */
    uint8_t *unit_reason;          /* (gate units) 255: passes; as of the last decision, and */
    uint8_t *gate_reason;          /* (C) the same by candidate */
    struct nba_str *unit_rule;     /* (gate units) */
    struct weight_pair *pairs;     /* (weight units) as of the last decision; and of candidates: */
    double *context, *lever;       /* (C) */
    double *key;                   /* (C) round(priority * 1e9); -1: absent */
    float *near_key;               /* (C) the same as floats */
    uint8_t *reason;               /* (C) enum nba_reason; 0: alive */
    uint16_t *marks[MARK_KINDS];   /* (C) each: exclusion, hold or open action, + 1 */
    uint32_t *marked[MARK_KINDS];  /* (C) the candidates that have one, as they were marked */
    uint32_t marked_count[MARK_KINDS];
    struct hold *holds;
    uint32_t hold_count;
    struct contact contacts[FUNNEL_CONTACTS_MAX];
    uint32_t contact_count;
    struct cap *caps;
    uint32_t cap_count, caps_before_slate;
    struct calendar_memo *calendars; /* by limit */
    uint32_t absent_count;
    uint8_t *date_reason;  /* (C) NOT_EFFECTIVE, EXPIRED or 255, for the instants below */
    int64_t dates_from_ms; /* included */
    int64_t dates_until_ms;
    bool dated;            /* one of them isn't 255 */
    uint32_t *collected;   /* (C) */
    double *content_open;  /* (contents) score; -infinity: not to be ranked */
    uint32_t *content_top; /* (top_n) */
};

/* Who would carry out a rep's action. */
struct person {
    struct nba_str rep_id;
    const struct nba_rep *rep;
    enum nba_reason reason; /* NONE, REP_NOT_ALIGNED, REP_ABSENT or ROLE_MISMATCH */
};

/* What is known about the moment of one decision. */
struct moment {
    const struct nba_decide_request *request;  /* NULL: no decision, a look at open actions */
    const struct nba_capacity_table *capacity; /* NULL: nothing is full */
    const struct nba_hcp *hcp;
    const struct nba_event *event; /* may be NULL */
    int64_t now_ms;
    enum nba_reason from_reason; /* lesser ones don't count */
    struct nba_experiment experiment;
    /* The held action that is judged again at its release, NULL else: it is left out where open
     * actions and contacts are counted, and what was asked of its event is settled. */
    const struct nba_open_action *released;
    const struct nba_zone *zone; /* the HCP's; NULL: it isn't known, or no rule asks for it */
    struct plan plans[NBA_CHANNEL_COUNT];  /* by the HCP's own zone: nba_funnel_plan knows more */
    int64_t planned_ms[NBA_CHANNEL_COUNT]; /* their times */
    struct nba_str market;
    const struct policy_market *market_policy; /* NULL: nothing said for this market */
    struct condition_context context;
    struct consent_view consents[NBA_HCP_CONSENTS_MAX];
    struct person persons[NBA_CONTENT_CLASS_COUNT];
};

/* funnel_bind.c: does the exclusion name this content; does it still hold. */
bool nba_funnel_in_force(const struct nba_exclusion *exclusion, int64_t now_ms);
bool nba_funnel_excludes(const struct nba_exclusion *exclusion, const struct nba_content *content);

/* The id that messages say; a candidate without a content has none. */
static inline struct nba_str nba_funnel_content_id(const struct nba_funnel *funnel,
                                                   uint32_t candidate)
{
    return funnel->nameless ? nba_str("", 0)
                            : nba_catalog_content(funnel->catalog, candidate)->content_id;
}

/* funnel_gates.c: fills `moment`; stages 1 to 6 for every gate unit. */
void nba_funnel_moment(const struct nba_funnel *funnel, const struct nba_hcp *hcp,
                       const struct nba_event *event, int64_t now_ms, struct moment *ret_moment);
void nba_funnel_judge_gates(struct nba_funnel *funnel, const struct moment *moment);
/* C and L of every weight unit. */
void nba_funnel_weigh(struct nba_funnel *funnel, const struct moment *moment);
/* Consent of one gate class alone. */
struct gate_verdict nba_funnel_judge_consent(const struct nba_funnel *funnel,
                                             const struct moment *moment, uint32_t gate_class);
/* The first exclusion in force that names this candidate; NULL: none. */
const struct nba_exclusion *nba_funnel_find_exclusion(const struct nba_funnel *funnel,
                                                      uint32_t candidate, int64_t now_ms);

/* funnel_contact.c: what stops single candidates as marks on them; the reasons they give; rule,
 * limit and end of one. */
void nba_funnel_mark(struct nba_funnel *funnel, const struct moment *moment);
void nba_funnel_apply_marks(struct nba_funnel *funnel, const struct moment *moment);
struct evidence nba_funnel_explain_mark(const struct nba_funnel *funnel,
                                        const struct moment *moment, uint32_t candidate,
                                        struct nba_suppressed *item);
/* The first in order stays. */
static inline void nba_funnel_set_mark(struct nba_funnel *funnel, enum mark_kind kind,
                                       uint32_t candidate, uint32_t value)
{
    uint16_t *stored = &funnel->marks[kind][candidate];
    if (*stored == 0) {
        *stored = (uint16_t)value;
        funnel->marked[kind][funnel->marked_count[kind]++] = candidate;
    }
}

/* funnel_limits.c: marks of what limits stop, and what is behind one. */
void nba_funnel_mark_capped(struct nba_funnel *funnel, const struct moment *moment);
struct evidence nba_funnel_explain_capped(const struct nba_funnel *funnel,
                                          const struct moment *moment, uint32_t candidate,
                                          uint32_t value, struct nba_suppressed *item);
/* funnel_volume.c: the same of budgets over all HCPs. */
void nba_funnel_mark_volume(struct nba_funnel *funnel, const struct moment *moment);
struct evidence nba_funnel_explain_volume(const struct nba_funnel *funnel,
                                          const struct moment *moment, uint32_t candidate,
                                          uint32_t value, struct nba_suppressed *item);
/* funnel_contact.c: a full window, and the candidate is no better than what it could replace. */
bool nba_funnel_has_no_room(const struct nba_funnel *funnel, const struct moment *moment,
                            enum capacity_full when_full, const struct nba_capacity_window *window,
                            uint32_t candidate);
/* A candidate was selected: it takes its place, and what has none left is marked. */
void nba_funnel_count_selected(struct nba_funnel *funnel, const struct moment *moment,
                               uint32_t candidate);
/* Open for this HCP now.  A ghost counts while its HCP is in the control group, and no longer. */
static inline bool nba_funnel_is_open(const struct moment *moment,
                                      const struct nba_open_action *action)
{
    return nba_open_action_is_open(action, moment->now_ms) &&
           ((action->flags & NBA_OPEN_ACTION_GHOST) == 0 || moment->experiment.control_group);
}

/* Does an open action count: is it open, and not one that is about to be released. */
static inline bool nba_funnel_counts(const struct moment *moment,
                                     const struct nba_open_action *action)
{
    const struct nba_held_action *held =
        moment->released != NULL && (action->flags & NBA_OPEN_ACTION_HELD) != 0
            ? nba_hcp_find_held(moment->hcp, action->action_id)
            : NULL;
    return nba_funnel_is_open(moment, action) && action != moment->released &&
           (held == NULL || held->planned_ms > moment->now_ms);
}

struct selection {
    uint32_t ranked[FUNNEL_RANKED_MAX]; /* the best of all candidates, in order */
    uint32_t ranked_count;
    uint32_t candidates[NBA_SLATE_MAX]; /* the slate, by rank */
    uint32_t count, size;
    bool beyond_ranked; /* the slate holds one that isn't in `ranked` */
    /* The first place, when there is exploration (explore.c). */
    bool explored;      /* it went to another than the best */
    double sampled;     /* its P as drawn; below 0: P itself */
    double probability; /* of this candidate in this place */
};

/* funnel_rank.c */
void nba_funnel_judge_candidates(struct nba_funnel *funnel,
                                 const struct nba_decide_request *request,
                                 const struct moment *moment);
/* C * V * L and P * C * V * L of one candidate. */
double nba_funnel_weight(const struct nba_funnel *funnel, const struct nba_decide_request *request,
                         uint32_t candidate);
double nba_funnel_priority(const struct nba_funnel *funnel,
                           const struct nba_decide_request *request, uint32_t candidate);
/* The first `want` candidates by (key, P, order), best first. */
uint32_t nba_funnel_rank(struct nba_funnel *funnel, const struct nba_decide_request *request,
                         uint32_t want, uint32_t *ret_ranked);
/* The best candidate alive that max_per doesn't forbid; NBA_CATALOG_NONE: none left. */
uint32_t nba_funnel_best_alive(const struct nba_funnel *funnel, const struct nba_scores *scores,
                               const struct selection *selection);
/* explore.c: the candidate that gets the first place; NBA_CATALOG_NONE: nobody is alive.
 * `anybody`: the HCP is in model control. */
uint32_t nba_funnel_explore(struct nba_funnel *funnel, const struct nba_decide_request *request,
                            bool anybody, struct selection *selection);
/* After nba_funnel_rank: chooses up to `size`; gives every other one alive its reason. */
void nba_funnel_fill_slate(struct nba_funnel *funnel, const struct nba_decide_request *request,
                           const struct moment *moment, uint32_t size, struct selection *selection);

/* funnel_record.c */
uint32_t nba_funnel_count_bits(uint64_t bits);
NBA_MUST_USE
enum nba_status nba_funnel_write_record(struct nba_funnel *funnel,
                                        const struct nba_decide_request *request,
                                        const struct moment *moment,
                                        const struct selection *selection, struct nba_arena *arena,
                                        struct nba_decision *decision);
NBA_MUST_USE
enum nba_status nba_funnel_write_slate(struct nba_funnel *funnel,
                                       const struct nba_decide_request *request,
                                       const struct moment *moment, struct nba_arena *arena,
                                       struct nba_decide_result *result);

/* timing.c: when each channel would be used (after nba_funnel_moment); the zone that counts for a
 * brand's candidates, NULL: none is known; the plan of one candidate. */
void nba_funnel_plan_channels(const struct nba_funnel *funnel, struct moment *moment);
const struct nba_zone *nba_funnel_zone(const struct nba_funnel *funnel, const struct moment *moment,
                                       struct nba_str brand);
struct plan nba_funnel_plan(const struct nba_funnel *funnel, const struct moment *moment,
                            uint32_t candidate);
/* Takes out of the slate what quiet hours discard. */
void nba_funnel_discard(struct nba_funnel *funnel, const struct moment *moment,
                        struct selection *selection);
/* Which of the selected actions wait, for the record. */
NBA_MUST_USE
enum nba_status nba_funnel_list_held(const struct nba_funnel *funnel, const struct moment *moment,
                                     const struct selection *selection, struct nba_arena *arena,
                                     struct nba_decision *decision);

/* funnel.c: the candidate that an open action was made of; NBA_CATALOG_NONE: it has left the
 * catalogue. */
uint32_t nba_funnel_candidate_of(const struct nba_catalog *catalog,
                                 const struct nba_open_action *open);

/* funnel_rank.c, funnel_contact.c: the reason of a candidate's dates, of its first mark; 255: none.
 */
uint8_t nba_funnel_date_reason(const struct nba_catalog *catalog, uint32_t candidate,
                               int64_t now_ms);
uint8_t nba_funnel_mark_reason(const struct nba_funnel *funnel, uint32_t candidate);

/* funnel_action.c */
/* The content's first campaign that runs now, else its first. */
struct nba_str nba_funnel_campaign(const struct nba_catalog *catalog,
                                   const struct nba_content *content, int64_t now_ms);
/* Fields of a candidate as the catalogue has it now, and its driver in words. */
void nba_funnel_fill_treatment(const struct nba_funnel *funnel, const struct moment *moment,
                               uint32_t candidate, struct nba_action *action);
bool nba_funnel_fill_drivers(const struct nba_held_action *held, struct nba_str language,
                             struct nba_str topic, struct nba_arena *arena,
                             struct nba_action *action);
NBA_MUST_USE
enum nba_status nba_funnel_write_actions(struct nba_funnel *funnel,
                                         const struct nba_decide_request *request,
                                         const struct moment *moment,
                                         const struct selection *selection, struct nba_arena *arena,
                                         const struct nba_action **ret_actions);
/* The fields of a message about an action that is open; `topic` is memory for its one topic. */
void nba_funnel_open_action(const struct nba_funnel *funnel, const struct moment *moment,
                            const struct nba_open_action *open, struct nba_str *topic,
                            struct nba_action *ret_action);

#endif
