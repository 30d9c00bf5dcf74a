/*
 * Erasure: what profile_erased does, and what becomes of records that come after it.
 *
 * What is known of the HCP goes with the event's transaction: the record with its index keys and
 * vectors, the changelog's record by a tombstone, the slate by another, open actions by recalls;
 * tasks of reps are told to forget it.
 * From then on an event of this key changes nothing and leaves a skipped record that doesn't say
 * whose it was.
 */
#include "nba/base/compiler.h"
#include "pipeline_internal.h"

/* An explicit opt-in, given after the HCP had been erased. */
static bool is_return(const struct nba_event *event, int64_t erased_ms)
{
    const int64_t captured_ms =
        event->captured_at_ms != NBA_TIME_NONE ? event->captured_at_ms : event->event_time_ms;
    return event->type == NBA_EVENT_CONSENT_CHANGED && event->status == NBA_CONSENT_STATUS_OPT_IN &&
           captured_ms > erased_ms;
}

enum nba_status nba_wave_admit(struct nba_wave_item *item, struct nba_error *error)
{
    int64_t erased_ms = NBA_TIME_NONE;
    if (item->hcp->touches != 0) { /* an erased HCP has none */
        return NBA_OK;
    }
    const enum nba_status status =
        nba_task_erased_at(item->task, item->event.hcp_id, &erased_ms, error);
    if (status != NBA_OK || erased_ms == NBA_TIME_NONE) {
        return status;
    }
    if (is_return(&item->event, erased_ms)) {
        return nba_task_readmit(item->task, item->event.hcp_id, error);
    }
    item->erased = true;
    item->hcp = NULL;
    item->event.hcp_id = nba_str(NULL, 0);
    return NBA_OK;
}

#define REPS_MAX (NBA_HCP_ACTIONS_MAX + 2u)

static uint32_t add_rep(struct nba_str reps[REPS_MAX], uint32_t count, struct nba_str rep_id)
{
    uint32_t i = 0;
    while (i < count && !nba_str_equal(reps[i], rep_id)) {
        i++;
    }
    reps[i] = rep_id;
    return i == count ? count + 1 : count;
}

/* Whose tasks may know of the HCP: those of its requests, and of the people it has by now. */
static uint32_t list_reps(const struct nba_policy *policy, const struct nba_hcp *hcp,
                          struct nba_str ret_reps[REPS_MAX])
{
    const struct nba_str people[] = {hcp->profile.rep_id, hcp->profile.msl_id};
    uint32_t count = 0;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(people); i++) {
        if (nba_policy_limits_rep(policy, NBA_CHANNEL_REP, people[i])) {
            count = add_rep(ret_reps, count, people[i]);
        }
    }
    for (uint32_t i = 0; i < hcp->action_count; i++) {
        if ((hcp->actions[i].flags & NBA_OPEN_ACTION_REQUESTED) != 0) {
            count = add_rep(ret_reps, count, hcp->actions[i].rep_id);
        }
    }
    return count;
}

enum nba_status nba_wave_erase(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                               struct nba_origin origin, struct nba_decision *decision,
                               struct nba_error *error)
{
    const struct nba_config *config = pipeline->options.config;
    struct nba_str reps[REPS_MAX];
    const uint32_t rep_count = list_reps(pipeline->side->policy, item->hcp, reps);
    const enum nba_status status =
        nba_wave_take_back_all(pipeline, item, NBA_REASON_ERASED, origin, decision);
    if (status != NBA_OK) {
        return status;
    }
    nba_rep_erase(pipeline, origin, item, reps, rep_count);
    nba_volume_erase(pipeline, origin, item->now_ms);
    if (config->slate_publish) {
        nba_emit_tombstone(&pipeline->emitter, origin, config->topics.slate, item->event.hcp_id);
    }
    nba_merge_erase(pipeline, item, origin, reps, rep_count);
    return nba_task_erase(item->task, item->event.hcp_id, item->event.event_time_ms, error);
}

enum nba_status nba_wave_admit_letter(struct nba_wave_item *item, struct nba_error *error)
{
    const struct nba_str key = item->record->key;
    int64_t erased_ms = NBA_TIME_NONE;
    const enum nba_status status = !item->record->key_null && key.bytes != 0
                                       ? nba_task_erased_at(item->task, key, &erased_ms, error)
                                       : NBA_OK;
    item->erased = erased_ms != NBA_TIME_NONE;
    return status;
}

void nba_wave_deadletter(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                         struct nba_origin origin)
{
    struct nba_record record = *item->record;
    if (item->erased) {
        record.key = nba_str("", 0);
        record.value = nba_str("", 0);
    }
    nba_emit_deadletter(&pipeline->emitter, origin, &record, &item->why);
}
