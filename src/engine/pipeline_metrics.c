/* One series for each word of a closed list. */
#include "pipeline_metrics.h"

static struct nba_counter *series(struct nba_metrics *registry, const char *name, const char *help,
                                  const char *label, const char *value)
{
    const struct nba_label labels[] = {{label, value}};
    return nba_metrics_counter(registry, name, help, labels, 1);
}

void nba_pipeline_metrics_init(struct nba_pipeline_metrics *metrics, struct nba_metrics *registry)
{
    static const char *const kinds[] = {"decided", "updated", "skipped", "lifecycle"};
    *metrics = (struct nba_pipeline_metrics){0};
    if (registry == NULL) {
        return;
    }
    for (size_t i = 0; i < NBA_ARRAY_COUNT(kinds); i++) {
        metrics->decisions[i] =
            series(registry, "nba_decisions_total", "Decision records, by kind.", "kind", kinds[i]);
    }
    for (unsigned number = 1; number <= NBA_REASON_NUMBER_MAX; number++) {
        const char *name = nba_reason_name((enum nba_reason)number);
        if (name != NULL) {
            metrics->skipped[number] =
                series(registry, "nba_events_skipped_total",
                       "Events without a decision, by reason.", "reason", name);
            metrics->suppressed[number] =
                series(registry, "nba_candidates_suppressed_total",
                       "Candidates not proposed, by reason.", "reason", name);
        }
    }
    for (unsigned channel = 1; channel < NBA_CHANNEL_COUNT; channel++) {
        const char *name = nba_channel_name((enum nba_channel)channel);
        metrics->proposed[channel] = series(registry, "nba_actions_proposed_total",
                                            "Actions proposed, by channel.", "channel", name);
        metrics->recalled[channel] = series(registry, "nba_actions_recalled_total",
                                            "Actions recalled, by channel.", "channel", name);
    }
    for (unsigned outcome = 1; outcome < NBA_OUTCOME_COUNT; outcome++) {
        const char *name = nba_outcome_name((enum nba_outcome)outcome);
        metrics->outcomes[0][outcome] =
            series(registry, "nba_action_outcomes_total",
                   "Outcomes of actions within their reward windows.", "outcome", name);
        metrics->outcomes[1][outcome] =
            series(registry, "nba_action_outcomes_unique_total",
                   "Actions with this outcome within their reward windows.", "outcome", name);
    }
    for (unsigned status = 0; status < NBA_STATUS_COUNT; status++) {
        if (nba_status_class((enum nba_status)status) == NBA_CLASS_SKIP) {
            metrics->deadletters[status] =
                series(registry, "nba_deadletters_total", "Records refused, by reason.", "reason",
                       nba_status_name((enum nba_status)status));
        }
    }
    metrics->actions_refused = nba_metrics_counter(
        registry, "nba_actions_refused_total",
        "Actions not proposed because the HCP has too many open ones.", NULL, 0);
    metrics->unknown_contents =
        nba_metrics_counter(registry, "nba_unknown_contents_total",
                            "Events about a content that the catalogue does not have.", NULL, 0);
    metrics->unknown_hcps =
        nba_metrics_counter(registry, "nba_unknown_hcps_total",
                            "Events of HCPs without a profile: scored cold.", NULL, 0);
    metrics->forgotten =
        nba_metrics_counter(registry, "nba_hcps_forgotten_total",
                            "HCPs forgotten after state.inactive_ttl without any event.", NULL, 0);
    metrics->timers =
        nba_metrics_counter(registry, "nba_timers_fired_total", "Timers fired.", NULL, 0);
}

void nba_pipeline_metrics_decision(struct nba_pipeline_metrics *metrics,
                                   const struct nba_decision *decision)
{
    nba_counter_add(metrics->decisions[decision->kind], 1);
    if (decision->feedback != NULL) {
        const enum nba_outcome outcome = decision->feedback->outcome;
        nba_counter_add(metrics->outcomes[0][outcome], 1);
        nba_counter_add(metrics->outcomes[1][outcome], decision->feedback->unique);
    }
    if (decision->kind == NBA_DECISION_SKIPPED) {
        nba_counter_add(metrics->skipped[decision->reason], 1);
        return;
    }
    if (decision->kind != NBA_DECISION_DECIDED) {
        return;
    }
    for (size_t number = 1; number <= NBA_REASON_NUMBER_MAX; number++) {
        if (decision->reason_count[number] != 0) {
            nba_counter_add(metrics->suppressed[number], (uint64_t)decision->reason_count[number]);
        }
    }
}

void nba_pipeline_metrics_action(struct nba_pipeline_metrics *metrics,
                                 const struct nba_action *action)
{
    nba_counter_add(action->status == NBA_ACTION_RECALLED ? metrics->recalled[action->channel]
                                                          : metrics->proposed[action->channel],
                    1);
}

void nba_pipeline_metrics_deadletter(struct nba_pipeline_metrics *metrics, enum nba_status reason)
{
    nba_counter_add(metrics->deadletters[reason], 1);
}
