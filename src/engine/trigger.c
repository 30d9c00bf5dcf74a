/* A trigger's timer fires: patterns whose time is up, and a decision for each that holds. */
#include <string.h>

#include "nba/base/str_put.h"
#include "pipeline_internal.h"

/* "<trigger>:<hcp>:<due>", by which decision and record are known. */
static struct nba_str id_of(struct nba_pipeline *pipeline, struct nba_str trigger,
                            struct nba_str hcp_id, int64_t due_ms)
{
    const size_t room = trigger.bytes + hcp_id.bytes + sizeof("::-9223372036854775808");
    char *text = nba_arena_need(&pipeline->said, room);
    char *end = nba_str_put(nba_str_put(text, trigger), nba_str_of(":"));
    end = nba_str_put(nba_str_put(end, hcp_id), nba_str_of(":"));
    end = nba_str_put_number(end, due_ms, 0);
    return nba_str(text, (size_t)(end - text));
}

static struct nba_str prefixed(struct nba_pipeline *pipeline, struct nba_str text)
{
    static const char prefix[] = "timer:";
    char *whole = nba_arena_need(&pipeline->said, sizeof(prefix) + text.bytes);
    const char *end = nba_str_put(nba_str_put(whole, nba_str_of(prefix)), text);
    return nba_str(whole, (size_t)(end - whole));
}

static enum nba_status decide(struct nba_pipeline *pipeline, struct nba_task *task,
                              struct nba_hcp *hcp, const struct nba_trigger_due *due,
                              int64_t watermark_ms, struct nba_error *error)
{
    const struct nba_policy *policy = pipeline->side->policy;
    const struct nba_meta *meta = nba_task_meta(task);
    nba_arena_reset(&pipeline->said);
    const struct nba_str trigger = nba_policy_trigger_id(policy, due->trigger);
    const struct nba_str id = id_of(pipeline, trigger, hcp->hcp_id, due->due_ms);
    const struct nba_origin origin = {
        .src = prefixed(pipeline, id),
        .partition = nba_task_partition(task),
        .segment = nba_wave_specialty(hcp),
    };
    struct nba_fired fired = {.due = due};
    const struct nba_wave_item item = {
        .task = task,
        .event = {.source = nba_str_of("timer"), .event_id = id, .hcp_id = hcp->hcp_id},
        .cause = prefixed(pipeline, trigger),
        .hcp = hcp,
        .now_ms = meta->clock_ms,
        .watermark_ms = watermark_ms,
        .fired = &fired,
    };
    struct nba_decision decision =
        nba_wave_decision(pipeline, &item, NBA_DECISION_SKIPPED, NBA_REASON_TRIGGER_REFRACTORY);
    if (due->quiet) {
        nba_emit_decision(&pipeline->emitter, origin, &decision);
        nba_pipeline_metrics_decision(&pipeline->metrics, &decision);
        return NBA_OK;
    }
    enum nba_status status = nba_wave_recall(pipeline, &item, origin, &decision);
    if (status == NBA_OK) {
        status = nba_funnel_create_trigger(pipeline->funnel, hcp, due->trigger, due->brand,
                                           &fired.funnel, error);
    }
    if (status == NBA_OK) {
        fired.scores = nba_funnel_certain(nba_lane_model_version(pipeline, hcp, item.now_ms));
        status = nba_wave_decide(pipeline, &item, origin, &decision);
    }
    nba_funnel_destroy(fired.funnel);
    return status;
}

enum nba_status nba_wave_fire(struct nba_pipeline *pipeline, struct nba_task *task,
                              struct nba_hcp *hcp, int64_t due_ms, int64_t watermark_ms,
                              struct nba_error *error)
{
    struct nba_trigger_due due;
    while (nba_policy_next_trigger(pipeline->side->policy, hcp, due_ms, &due)) {
        const enum nba_status status = decide(pipeline, task, hcp, &due, watermark_ms, error);
        if (status != NBA_OK) {
            return nba_error_set(error, status, "cannot decide on a trigger: %s",
                                 nba_status_text(status));
        }
    }
    return NBA_OK;
}
