/*
 * How many actions over all HCPs: contact_policies.volumes, at a budget's task and at the HCPs'.
 *
 * A BUDGET is a rule and what it counts: a content family, a campaign, a brand or a channel; its id
 * is `volume:<rule>:<that>`.  Actions that it counts come from HCPs of many partitions, so the task
 * of its id's partition decides (nba/state/volume.h).  An HCP's task asks the budgets of an action
 * one after the other, and publishes it once all have granted a place.  What is full is told in the
 * table of capacity.h, under the budget's id.
 *
 * WINDOWS are calendar windows of the rule's own zone; the present one is that of the budget's
 * clock: the greatest time of a request, and at least the clock of its task.
 */
#ifndef NBA_POLICY_VOLUME_H
#define NBA_POLICY_VOLUME_H

#include "nba/base/limits.h"
#include "nba/policy/policy.h"

/* Rules of a policy. */
#define NBA_VOLUME_RULES_MAX 16u
/* Places of one budget in one window: its record is made for as many. */
#define NBA_VOLUME_MAX 50000u
/* Of a rule's id, which is part of the budget's. */
#define NBA_VOLUME_RULE_BYTES_MAX 64u
#define NBA_VOLUME_ID_BYTES_MAX   (NBA_VOLUME_RULE_BYTES_MAX + NBA_ID_BYTES_MAX + 8u)

/* What of an action budgets count; what isn't known is empty, and counts for none. */
struct nba_volume_subject {
    enum nba_channel channel;
    struct nba_str family_id, brand, campaign_id;
};

bool nba_policy_has_volumes(const struct nba_policy *policy);
/* Is it the id of a budget, and not a rep's? */
bool nba_is_volume(struct nba_str id);
/* The id of the next budget, in file order, that counts the subject; `after`: the one before,
 * empty: the first is asked for.  Empty: there is none. */
struct nba_str nba_policy_next_volume(const struct nba_policy *policy,
                                      const struct nba_volume_subject *subject,
                                      struct nba_str after, char ret_id[NBA_VOLUME_ID_BYTES_MAX]);

/* What the rule of a budget says of one moment. */
struct nba_volume_terms {
    struct nba_str rule_id;
    uint32_t max;
    bool replaces;
    int64_t start_ms, end_ms; /* the window: start <= t < end */
};
/* False: the policy has no such rule any more. */
bool nba_policy_volume_terms(const struct nba_policy *policy, struct nba_str id, int64_t now_ms,
                             struct nba_volume_terms *ret_terms);

#endif
