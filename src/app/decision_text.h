/* Recorded decisions, found and told in words: for `nba explain` and the demo's stories. */
#ifndef NBA_APP_DECISION_TEXT_H
#define NBA_APP_DECISION_TEXT_H

#include "nba/app/workplace.h"
#include "nba/event/message.h"

/* Puts the value of the HCP's last decision that `matches` into `found`, nothing when there is
 * none.  All of them are in one partition. */
NBA_MUST_USE
enum nba_status nba_decision_find(struct nba_workplace *place, const char *hcp_id,
                                  bool (*matches)(const struct nba_decision *decision),
                                  struct nba_buf *found, struct nba_error *error);

/* How many suppressed candidates the policy wants shown (audit.explain_top); the default when its
 * file isn't there.  NBA_E_CONFIG: it is there, and wrong. */
NBA_MUST_USE
enum nba_status nba_decision_explain_top(const struct nba_config *config, uint32_t *ret_top,
                                         struct nba_error *error);

/* Until when a selected action of the record is held; NULL: it was proposed. */
const struct nba_held *nba_decision_held(const struct nba_decision *decision,
                                         struct nba_str action_id);

/* Prints some lines: what was chosen and why, then at most `top` suppressed candidates and the best
 * of those stopped by `reason` (NONE: no others), then the count of every reason. */
NBA_MUST_USE
enum nba_status nba_decision_print(struct nba_workplace *place, struct nba_str value, uint32_t top,
                                   enum nba_reason reason, struct nba_error *error);

#endif
