/* Held actions come to their time: judged again, then proposed, dropped, or held on. */
#include <string.h>

#include "nba/base/str_put.h"
#include "nba/base/version.h"
#include "nba/base/zone.h"
#include "pipeline_internal.h"

#define CAUSE "timer:release"

/* "release:<hcp>:<due>", with "timer:" before it. */
static struct nba_str id_of(struct nba_pipeline *pipeline, struct nba_str hcp_id, int64_t due_ms)
{
    char *text = nba_arena_need(&pipeline->said,
                                sizeof(CAUSE) + hcp_id.bytes + sizeof(":-9223372036854775808"));
    char *end = nba_str_put(nba_str_put(text, nba_str_of(CAUSE ":")), hcp_id);
    *end++ = ':';
    end = nba_str_put_number(end, due_ms, 0);
    return nba_str(text, (size_t)(end - text));
}

/* What the record of one release says. */
struct released {
    struct nba_action actions[NBA_HCP_HELD_MAX];
    struct nba_held held[NBA_HCP_HELD_MAX];
    struct nba_closed_action closed[NBA_HCP_HELD_MAX];
};

static enum nba_status release_one(struct nba_pipeline *pipeline, struct nba_hcp *hcp,
                                   struct nba_str action_id, int64_t now_ms,
                                   struct nba_origin origin, struct released *released,
                                   struct nba_decision *decision)
{
    const struct nba_open_action *open = nba_hcp_find_action(hcp, action_id);
    const struct nba_recall_request request = {
        .hcp = hcp,
        .open_index = (uint32_t)(open - hcp->actions),
        .now_ms = now_ms,
        .capacity = pipeline->side->capacity,
        .engine_version = nba_str_of(NBA_ENGINE_VERSION),
    };
    struct nba_release release;
    const enum nba_status status =
        nba_funnel_release(pipeline->funnel, &request, &pipeline->said, &release);
    if (status != NBA_OK) {
        return status;
    }
    if (release.reason != NBA_REASON_NONE) {
        released->closed[decision->closed_count++] =
            (struct nba_closed_action){action_id, release.reason};
        nba_wave_close(pipeline, hcp, action_id, NBA_CONTACT_RECALLED);
        return NBA_OK;
    }
    released->actions[decision->selected_count++] = release.action;
    if (release.until_ms > now_ms) {
        const struct nba_ledger_entry *entry =
            nba_hcp_ledger_find(hcp, nba_hcp_text_hash(action_id));
        released->held[decision->held_count++] = (struct nba_held){
            .action_id = action_id,
            .reason = NBA_REASON_HELD_QUIET_HOURS,
            .until_ms = release.until_ms,
            .tz = release.tz,
            .tzdata_version = nba_str_of(nba_zone_data_version()),
        };
        nba_hcp_hold_on(hcp, action_id, release.until_ms);
        if (entry != NULL) {
            struct nba_ledger_entry later = *entry;
            later.time_ms = release.until_ms;
            nba_hcp_ledger_reserve(hcp, &later);
        }
        return NBA_OK;
    }
    nba_hcp_release_action(hcp, action_id, now_ms, release.action.rep_id);
    nba_wave_propose(pipeline, origin, hcp, &release.action);
    return NBA_OK;
}

enum nba_status nba_wave_release(struct nba_pipeline *pipeline, struct nba_task *task,
                                 struct nba_hcp *hcp, int64_t due_ms, int64_t now_ms,
                                 int64_t watermark_ms, struct nba_error *error)
{
    struct nba_str due[NBA_HCP_HELD_MAX];
    uint32_t due_count = 0;
    nba_arena_reset(&pipeline->said);
    struct released *released = nba_arena_need(&pipeline->said, sizeof(*released));
    const struct nba_str id = id_of(pipeline, hcp->hcp_id, due_ms);
    const struct nba_origin origin = {
        .src = id,
        .partition = nba_task_partition(task),
        .segment = nba_wave_specialty(hcp),
    };
    struct nba_wave_item item = {
        .task = task,
        .event = {.source = nba_str_of("timer"),
                  .event_id = nba_str(id.data + strlen("timer:"), id.bytes - strlen("timer:")),
                  .hcp_id = hcp->hcp_id},
        .hcp = hcp,
        .now_ms = now_ms,
        .watermark_ms = watermark_ms,
    };
    struct nba_decision decision =
        nba_wave_decision(pipeline, &item, NBA_DECISION_UPDATED, NBA_REASON_NONE);
    decision.trigger_event_id = nba_str_of(CAUSE);
    decision.selected = released->actions;
    decision.held = released->held;
    decision.closed = released->closed;
    for (uint32_t i = 0; i < hcp->held_count; i++) {
        if (hcp->held[i].planned_ms == due_ms) {
            due[due_count++] = hcp->held[i].action_id;
        }
    }
    if (due_count == 0) {
        return NBA_OK; /* a record of the wave that was open has taken it back */
    }
    for (uint32_t i = 0; i < due_count; i++) {
        const enum nba_status status =
            release_one(pipeline, hcp, due[i], now_ms, origin, released, &decision);
        if (status != NBA_OK) {
            return nba_error_set(error, status, "cannot release a held action: %s",
                                 nba_status_text(status));
        }
    }
    nba_emit_decision(&pipeline->emitter, origin, &decision);
    nba_pipeline_metrics_decision(&pipeline->metrics, &decision);
    return decision.selected_count > decision.held_count /* some wait no longer */
               ? nba_wave_say_slate(pipeline, &item, origin, decision.decision_id, error)
               : NBA_OK;
}
