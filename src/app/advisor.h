/* What the engine would say of an HCP: side inputs, scorer and funnel of the moment, for tools that
 * only look. */
#ifndef NBA_APP_ADVISOR_H
#define NBA_APP_ADVISOR_H

#include "nba/policy/funnel.h"
#include "nba/score/scorer.h"
#include "side_loader.h"

struct nba_advisor {
    struct nba_side *side;
    struct nba_score_binding *bindings[NBA_ROLE_COUNT];
    struct nba_scorer *scorer;
    struct nba_funnel *funnel;
};

/* `release` NULL: the champion, and the challenger for its arm.  NBA_E_NOT_FOUND: a model without
 * any release. */
NBA_MUST_USE
enum nba_status nba_advisor_open(struct nba_workplace *place, const char *release,
                                 enum nba_score_model model, struct nba_advisor *ret_advisor,
                                 struct nba_error *error);
/* Fine also after an open that failed. */
void nba_advisor_close(struct nba_advisor *advisor);
/* Scores of one HCP at this moment; they live in `arena`. */
NBA_MUST_USE
enum nba_status nba_advisor_score(struct nba_advisor *advisor, const struct nba_hcp *hcp,
                                  int64_t now_ms, struct nba_arena *arena,
                                  struct nba_score_job *ret_job, struct nba_error *error);

#endif
