/* What the pipeline counts.  Series are found once; counting is one relaxed add. */
#ifndef NBA_ENGINE_PIPELINE_METRICS_H
#define NBA_ENGINE_PIPELINE_METRICS_H

#include "nba/base/status.h"
#include "nba/event/message.h"
#include "nba/metrics/metrics.h"

struct nba_pipeline_metrics {
    struct nba_counter *decisions[NBA_DECISION_LIFECYCLE + 1]; /* by kind */
    struct nba_counter *skipped[NBA_REASON_NUMBER_MAX + 1];    /* by reason */
    struct nba_counter *suppressed[NBA_REASON_NUMBER_MAX + 1]; /* candidates, by reason */
    struct nba_counter *proposed[NBA_CHANNEL_COUNT];
    struct nba_counter *recalled[NBA_CHANNEL_COUNT];
    struct nba_counter *deadletters[NBA_STATUS_COUNT];
    struct nba_counter *outcomes[2][NBA_OUTCOME_COUNT]; /* of actions: all, the first of a kind */
    struct nba_counter *actions_refused;
    struct nba_counter *timers, *forgotten;
    struct nba_counter *unknown_contents; /* events about a content the catalogue hasn't */
    struct nba_counter *unknown_hcps;     /* decisions about somebody without a profile */
};

/* `registry` NULL: every series is NULL and counts nothing. */
void nba_pipeline_metrics_init(struct nba_pipeline_metrics *metrics, struct nba_metrics *registry);
void nba_pipeline_metrics_decision(struct nba_pipeline_metrics *metrics,
                                   const struct nba_decision *decision);
void nba_pipeline_metrics_action(struct nba_pipeline_metrics *metrics,
                                 const struct nba_action *action);
void nba_pipeline_metrics_deadletter(struct nba_pipeline_metrics *metrics, enum nba_status reason);

#endif
