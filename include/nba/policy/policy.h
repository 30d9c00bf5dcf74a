/*
 * The policy: which of the scored candidates may reach an HCP, and in which order.
 *
 * A policy is a YAML file with a closed set of keys (docs/POLICY.md is its user's page).  Loading
 * checks all of it and compiles it into arrays; a file with one mistake is refused whole, with
 * file:line:column, and the policy that runs stays.  nba/policy/funnel.h puts a policy to work.
 *
 * KEYS are rows of the tables in src/policy/policy_read.c; any other key is refused.
 *
 * OWNERSHIP.  Counted; everything returned lives as long.  THREADS.  Immutable.
 */
#ifndef NBA_POLICY_POLICY_H
#define NBA_POLICY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/hash.h"
#include "nba/base/status.h"
#include "nba/base/time_text.h"
#include "nba/event/event.h"
#include "nba/policy/control.h"

/* audit.explain_top of a policy that doesn't say it. */
#define NBA_POLICY_EXPLAIN_TOP 5u

enum nba_policy_clock { NBA_POLICY_CLOCK_EVENT, NBA_POLICY_CLOCK_WALL };

struct nba_policy;

/* NBA_E_CONFIG with file:line:column, NBA_E_NOT_FOUND, NBA_E_IO, NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_policy_load(const char *path, struct nba_policy **ret_policy,
                                struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_policy_parse(const char *name, struct nba_str bytes,
                                 struct nba_policy **ret_policy, struct nba_error *error);
struct nba_policy *nba_policy_ref(struct nba_policy *policy);
void nba_policy_unref(struct nba_policy *policy);

struct nba_policy_head {
    struct nba_str version, tenant;
    struct nba_str hash; /* SHA-256 of the file's bytes, hexadecimal; ends in NUL */
    enum nba_mode mode;
    enum nba_policy_clock clock;
    uint32_t explain_top; /* suppressed candidates that `nba explain` and the demo's stories show */
};
const struct nba_policy_head *nba_policy_head(const struct nba_policy *policy);

/* Does this event start a decision: its type is in decide_on and it is not ignored. */
bool nba_policy_decides_on(const struct nba_policy *policy, const struct nba_event *event);
/* Is it a machine's doing that engagement_filters ignore: no decision, no outcome. */
bool nba_policy_ignores(const struct nba_policy *policy, const struct nba_event *event);
/* The event time from which on an event isn't late: the watermark less allowed_lateness. */
int64_t nba_policy_oldest(const struct nba_policy *policy, int64_t watermark_ms);
/* An open or click sooner after its message's delivery than a human's can be. */
struct nba_hcp;
bool nba_policy_is_too_soon(const struct nba_policy *policy, const struct nba_hcp *hcp,
                            const struct nba_event *event);
/* Is the event older than the watermark less allowed_lateness. */
bool nba_policy_is_late(const struct nba_policy *policy, int64_t event_time_ms,
                        int64_t watermark_ms);
/* When an action of this channel, planned for start_ms, expires (timing.expiry). */
int64_t nba_policy_expires_at(const struct nba_policy *policy, enum nba_channel channel,
                              int64_t start_ms);

/* Until when outcomes of an action of this channel, planned for start_ms, count (feedback). */
int64_t nba_policy_reward_until(const struct nba_policy *policy, enum nba_channel channel,
                                int64_t start_ms);
/* Why a contact that was planned or noted in the ledger counts no more. */
enum nba_contact_end {
    NBA_CONTACT_NOT_SENT,
    NBA_CONTACT_BOUNCED,
    NBA_CONTACT_DROPPED,
    NBA_CONTACT_RECALLED,
    NBA_CONTACT_EXPIRED,
};
/* Does contact_policies.release_on name it (all of them without the key). */
bool nba_policy_releases(const struct nba_policy *policy, enum nba_contact_end why);

/* Where an HCP stands in the policy's experiments at this moment: in the control group, in which
 * arm of champion and challenger (empty: none), or in model control, which is an arm too, and the
 * bucket of the first that there is. */
struct nba_experiment {
    bool control_group;
    bool model_control; /* the first place is anybody's */
    struct nba_str arm;
    int32_t bucket;
};
struct nba_experiment nba_policy_assign(const struct nba_policy *policy, struct nba_str hcp_id,
                                        int64_t now_ms);

/* After a fresh event was applied: what triggers and filters keep of it. */
struct nba_content_facts;
void nba_policy_note(const struct nba_policy *policy, struct nba_hcp *hcp,
                     const struct nba_event *event, const struct nba_content_facts *facts,
                     int64_t now_ms);
/* When a trigger's timer fires: nba_hcp_next_trigger with the policy's. */
struct nba_trigger_due;
NBA_MUST_USE
bool nba_policy_next_trigger(const struct nba_policy *policy, struct nba_hcp *hcp, int64_t now_ms,
                             struct nba_trigger_due *ret_due);
struct nba_str nba_policy_trigger_id(const struct nba_policy *policy, uint32_t trigger);
/* An action came of it: once_per begins. */
void nba_policy_trigger_fired(const struct nba_policy *policy, struct nba_hcp *hcp,
                              const struct nba_trigger_due *due, int64_t now_ms);

/* What `nba check` tells of a policy that is allowed, one line each: warnings about what can't be
 * meant, and notes.  `catalog` NULL: whatever can be said without one.  `now_ms`: what is past. */
struct nba_catalog;
typedef void nba_policy_remark(void *context, bool warning, const char *text);
void nba_policy_look_over(const struct nba_policy *policy, const struct nba_catalog *catalog,
                          int64_t now_ms, nba_policy_remark *visit, void *context);

#endif
