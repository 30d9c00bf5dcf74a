/*
 * The funnel: scored candidates in, a ranked decision with a reason for each candidate out.
 *
 * STAGES, in fixed order: 0 control, 1 availability, 2 reach, 3 consent, 4 eligibility,
 * 5 applicability, 6 suitability, 7 suppression, 8 limits, 9 propensity, 10 arbitration,
 * 11 slate, 12 timing, 13 experiment, 14 emission.  A candidate's reason is its first failing
 * stage, and in a stage the first failing rule in file order.  Stages 1 to 3 are hard gates.
 *
 * ARBITRATION.  priority = P * (1 + sum(C)/100) * V * (1 + sum(L)/100), compared as
 * round(priority * 1e9); ties: higher P, then content id bytewise, then treatment.  The slate is
 * filled greedily; when it is full every other candidate alive is LOST_ARBITRATION, one that would
 * break max_per before that SLATE_DIVERSITY, one for which those selected before it leave no room
 * in a limit FREQUENCY_CAP.
 *
 * MODES.  live; shadow: the same decision, but what would be proposed is suppressed with SHADOW;
 * stopped: a skipped record STOPPED, nothing scored is looked at; nor is it when what started the
 * decision is older than the policy's max_trigger_age: STALE_TRIGGER.
 *
 * TIMING.  Each candidate has a planned time (src/policy/timing.c): now, the best hour to send, or
 * the end of quiet hours.  Limits are judged at it, expiry counts from it; a selected action whose
 * time is later than now is held (decision.held) and judged again at its release.
 *
 * EXPLORATION gives the first place to another candidate now and then, decided by the decision's id
 * (src/policy/explore.c).  CONTROL GROUP: the same decision, but what would be proposed is
 * suppressed with CONTROL_GROUP and becomes a ghost: an open action that nobody is told of, so that
 * what the HCP would get next depends on it as it would on a real one.
 *
 * BINDING.  A funnel is a policy bound to a catalogue and a control state: whatever depends on
 * these alone is settled once, when it is created (each worker makes its own when one of the
 * three changes).  It holds a reference on each.
 *
 * PURE.  A decision is a function of the funnel and the request: no clock, no chance, no libm, no
 * state written.  THREADS.  A funnel has scratch memory of its own: one thread at a time.
 */
#ifndef NBA_POLICY_FUNNEL_H
#define NBA_POLICY_FUNNEL_H

#include "nba/base/arena.h"
#include "nba/catalog/catalog.h"
#include "nba/event/message.h"
#include "nba/policy/capacity.h"
#include "nba/policy/policy.h"
#include "nba/score/score.h"
#include "nba/state/hcp.h"

struct nba_funnel;

/* NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_funnel_create(struct nba_policy *policy, struct nba_catalog *catalog,
                                  struct nba_control_state *control, struct nba_funnel **ret_funnel,
                                  struct nba_error *error);
void nba_funnel_destroy(struct nba_funnel *funnel);

/* The lower of the policy's mode and the control topic's. */
enum nba_mode nba_funnel_mode(const struct nba_funnel *funnel);

struct nba_decide_request {
    /* One entry a candidate and a content of the funnel's catalogue.  A candidate whose propensity
     * is negative doesn't exist for this HCP (a scorer's table without a row for it): it is not
     * counted and has no reason. */
    const struct nba_scores *scores;
    const double *values; /* (C) V in place of the catalogue's; NULL: the catalogue's */
    const struct nba_hcp *hcp;
    const struct nba_event *event;             /* the trigger; NULL for a timer, which has: */
    struct nba_str_list evidence;              /* the events it stands on */
    const struct nba_capacity_table *capacity; /* of the reps; NULL: nothing is full */
    struct nba_str decision_id;
    struct nba_str trigger_event_id;
    int64_t caused_ms; /* the event's time, the timer's due time; 0: nobody asks how old it is */
    int64_t now_ms;    /* decision clock */
    int64_t watermark_ms;
    uint32_t top_n;   /* contents in the slate's ranked list */
    bool unpacked;    /* nobody reads packed_reasons: there are none */
    bool nothing_new; /* nothing is selected: the slate says what is open, and what is next */
    /* The least reason that counts, to ask what would stop a candidate that passed the stages
     * before; 0: all do. */
    enum nba_reason from_reason;
    struct nba_str engine_version;
};

struct nba_decide_result {
    struct nba_decision decision;     /* `closed` and `features` are the engine's to fill */
    const struct nba_action *actions; /* proposed, by rank: decision.selected */
    uint32_t action_count;
    bool ghosts;    /* `actions` are of the control group: kept open, neither selected nor said */
    bool has_slate; /* not when stopped */
    struct nba_slate slate;
};

/* The texts of the result borrow the arena, the request, the policy and the catalogue.
 * NBA_E_NO_MEMORY: the arena is full. */
NBA_MUST_USE
enum nba_status nba_funnel_decide(struct nba_funnel *funnel,
                                  const struct nba_decide_request *request, struct nba_arena *arena,
                                  struct nba_decide_result *ret_result);

/* (C) What the last decision made of each candidate: the number of its reason, 0 of one that was
 * selected, or this of one that doesn't exist for the HCP. */
#define NBA_FUNNEL_ABSENT 255u
const uint8_t *nba_funnel_reasons(const struct nba_funnel *funnel);
/* (C) And their priorities, as round(priority * 1e9). */
const double *nba_funnel_keys(const struct nba_funnel *funnel);

/*
 * TRIGGERS ask for one candidate that no catalogue lists.  It is judged by a funnel of its own: the
 * same policy and control state, and a catalogue of this candidate with the HCP's people.  So it
 * goes through every stage, and its record is made like any other.  P = V = 1; the content is the
 * one that the trigger names, else none.  The caller decides with nba_funnel_certain as scores and
 * destroys the funnel when all that it said is encoded.
 */
NBA_MUST_USE
enum nba_status nba_funnel_create_trigger(const struct nba_funnel *funnel,
                                          const struct nba_hcp *hcp, uint32_t trigger,
                                          struct nba_str brand, struct nba_funnel **ret_funnel,
                                          struct nba_error *error);
/* The same for an open action without a content, to judge it again. */
NBA_MUST_USE
enum nba_status nba_funnel_create_open(const struct nba_funnel *funnel, const struct nba_hcp *hcp,
                                       const struct nba_open_action *open,
                                       struct nba_funnel **ret_funnel, struct nba_error *error);
/* Scores of one candidate with P = 1. */
struct nba_scores nba_funnel_certain(const char *model_version);
/* What stands for the content of an action that has none: an open one is of this family. */
struct nba_str nba_funnel_family(const struct nba_funnel *funnel);

struct nba_recall {
    uint32_t open_index; /* into the HCP's open actions */
    enum nba_reason reason;
    struct nba_str rule_id;
    const char *cause;       /* what says so: "control", "policy" or "catalog" */
    struct nba_str cause_id; /* id of the message, version of the policy, content id */
};

/* Which open actions must be recalled as things stand now: STOPPED (the mode), EXCLUDED,
 * CONTENT_WITHDRAWN (also when the content left the catalogue), CONSENT_REVOKED.  Expired ones are
 * not looked at. */
NBA_MUST_USE
enum nba_status nba_funnel_recall(struct nba_funnel *funnel, const struct nba_hcp *hcp,
                                  int64_t now_ms, struct nba_arena *arena,
                                  const struct nba_recall **ret_recalls, uint32_t *ret_count);

struct nba_recall_request {
    const struct nba_hcp *hcp;
    uint32_t open_index;
    enum nba_reason reason;
    int64_t now_ms;
    const struct nba_capacity_table *capacity; /* at a release */
    struct nba_str trigger_event_id;
    struct nba_str model_version; /* of the release in use; may be empty */
    struct nba_str engine_version;
};

/* The message (status recalled) that takes an open action back. */
NBA_MUST_USE
enum nba_status nba_funnel_recalled_action(struct nba_funnel *funnel,
                                           const struct nba_recall_request *request,
                                           struct nba_arena *arena, struct nba_action *ret_action);

struct nba_release {
    enum nba_reason reason;   /* why it is dropped; NONE: it isn't */
    int64_t until_ms;         /* later than now: it is quiet again, it waits on until then */
    struct nba_str tz;        /* the time zone that counted */
    struct nba_action action; /* the message, with the ids of its decision */
};

/* A held action at its release: stages 1 to 8 again, then quiet hours (a mode that isn't live drops
 * it: STOPPED, SHADOW; and so does its expiry: EXPIRED).  `reason`, `trigger_event_id` and
 * `model_version` of the request aren't looked at. */
NBA_MUST_USE
enum nba_status nba_funnel_release(struct nba_funnel *funnel,
                                   const struct nba_recall_request *request,
                                   struct nba_arena *arena, struct nba_release *ret_release);

/* The earliest moment at which an action that a decision at now_ms may propose is released or
 * expires. */
int64_t nba_funnel_horizon(const struct nba_funnel *funnel, const struct nba_hcp *hcp,
                           int64_t now_ms);

#endif
