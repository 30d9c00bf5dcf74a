/*
 * How many actions of a rep: contact_policies.capacity, at the rep's task and at the HCPs'.
 *
 * A rep's actions come from HCPs of many partitions, so the rep's task decides (nba/state/rep.h):
 * an HCP's task sends a request for what it has selected, the rep's task publishes it, in place of
 * a lesser one where the rule says so, or refuses.  What is full it tells in a table
 * (nba.rep.capacity.v1), by which HCPs' tasks suppress at once what could not win.
 *
 * WINDOWS are of the rep's clock: the greatest time of a request so far.  A calendar window is that
 * of the rep's time zone; a rep without one gets nothing.
 */
#ifndef NBA_POLICY_CAPACITY_H
#define NBA_POLICY_CAPACITY_H

#include "nba/base/zone.h"
#include "nba/event/message.h"
#include "nba/policy/policy.h"
#include "nba/state/rep.h"

/* Rules of a policy. */
#define NBA_CAPACITY_RULES_MAX 8u
/* Actions of one rule in one window. */
#define NBA_CAPACITY_MAX 200u

/* ---- at the rep's task ---- */

bool nba_policy_has_capacity(const struct nba_policy *policy);
/* Is there a rule for actions of this channel and rep? */
bool nba_policy_limits_rep(const struct nba_policy *policy, enum nba_channel channel,
                           struct nba_str rep_id);
/* Forgets what no window holds any more.  `zone` NULL: not known. */
void nba_policy_prune_rep(const struct nba_policy *policy, const struct nba_zone *zone,
                          struct nba_rep_state *rep);
/* May one more be published at the rep's clock?  *ret_replaced: the one that must go for it; NULL:
 * none.  It is the least open and unseen one of all windows that are full, strictly less than
 * `priority`; of equals the latest. */
bool nba_policy_admits(const struct nba_policy *policy, const struct nba_zone *zone,
                       struct nba_rep_state *rep, enum nba_channel channel, double priority,
                       struct nba_rep_alert **ret_replaced);
/* The windows that are full, by rule; returns how many. */
uint32_t nba_policy_full_windows(const struct nba_policy *policy, const struct nba_zone *zone,
                                 const struct nba_rep_state *rep,
                                 struct nba_capacity_window ret_windows[NBA_CAPACITY_RULES_MAX]);

/* ---- at the HCPs' tasks: the table, of reps and of budgets (volume.h) ---- */

/*
 * Immutable for those who hold it: a message is laid over a copy where somebody else does.
 * OWNERSHIP.  Counted.  THREADS.  Any; one at a time lays over.
 */
struct nba_capacity_table;
struct nba_capacity_table *nba_capacity_table_create(void);
struct nba_capacity_table *nba_capacity_table_ref(struct nba_capacity_table *table);
void nba_capacity_table_unref(struct nba_capacity_table *table); /* NULL is fine */
/* The caller's reference goes on to *table. */
void nba_capacity_table_put(struct nba_capacity_table **table,
                            const struct nba_rep_capacity *message);
/* NULL: the rule isn't full for this rep at that time. */
const struct nba_capacity_window *nba_capacity_table_find(const struct nba_capacity_table *table,
                                                          struct nba_str rep_id,
                                                          struct nba_str rule_id, int64_t at_ms);
/* One after the other, the rows whose id begins with `prefix` and whose first window hasn't ended
 * at that time.  *at is 0 before the first. */
bool nba_capacity_table_next(const struct nba_capacity_table *table, struct nba_str prefix,
                             int64_t at_ms, size_t *at, struct nba_str *ret_id,
                             const struct nba_capacity_window **ret_window);

#endif
