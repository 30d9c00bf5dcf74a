/*
 * The sweep: what open actions a changed side doesn't let stand, recalled without waiting for an
 * event of their HCPs.
 *
 * Most changes of a catalogue take nothing back, so sides are compared first: a sweep that would
 * find nothing isn't begun, which no output can tell.
 */
#include <stdio.h>

#include "nba/base/assert.h"
#include "nba/base/str_put.h"
#include "pipeline_internal.h"

/* Open actions looked at in one transaction: some 20 ms. */
#define LOOKS_MAX 10000u

/* ---- may a side recall anything? ---- */

static bool same_texts(const struct nba_str_list *a, const struct nba_str_list *b)
{
    uint32_t i = 0;
    while (i < a->count && i < b->count && nba_str_equal(a->items[i], b->items[i])) {
        i++;
    }
    return i == a->count && i == b->count;
}

/* Has every candidate of the content stayed, and none been withdrawn? */
static bool content_stands(const struct nba_catalog *before, uint32_t k,
                           const struct nba_catalog *after)
{
    const struct nba_content *old = &before->contents[k];
    const uint32_t n = nba_catalog_find_content(after, old->content_id);
    if (n == NBA_CATALOG_NONE) {
        return false;
    }
    const struct nba_content *new = &after->contents[n];
    bool stands = nba_str_equal(old->brand, new->brand) &&
                  old->content_class ==
                      new->content_class &&same_texts(&old->campaign_ids, &new->campaign_ids);
    for (uint32_t i = 0; i < old->treatment_count && stands; i++) {
        const struct nba_treatment *was = &old->treatments[i];
        stands = false;
        for (uint32_t j = 0; j < new->treatment_count; j++) {
            const struct nba_treatment *is = &new->treatments[j];
            stands |= was->channel == is->channel && was->action_type == is->action_type &&
                      is->approval_state != NBA_APPROVAL_WITHDRAWN;
        }
    }
    return stands;
}

static bool has_exclusion(const struct nba_control_state *state, const struct nba_exclusion *wanted)
{
    for (uint32_t i = 0; i < state->exclusion_count; i++) {
        const struct nba_exclusion *e = &state->exclusions[i];
        if (e->scope == wanted->scope && e->until_ms == wanted->until_ms &&
            nba_str_equal(e->target, wanted->target)) {
            return true;
        }
    }
    return false;
}

bool nba_side_may_recall(const struct nba_side *before, const struct nba_side *after)
{
    bool may = before->policy != after->policy || (after->control->mode == NBA_MODE_STOPPED &&
                                                   before->control->mode != NBA_MODE_STOPPED);
    for (uint32_t i = 0; i < after->control->exclusion_count && !may; i++) {
        may = before->control != after->control &&
              !has_exclusion(before->control, &after->control->exclusions[i]);
    }
    for (uint32_t k = 0; k < before->catalog->content_count && !may; k++) {
        may = before->catalog != after->catalog &&
              !content_stands(before->catalog, k, after->catalog);
    }
    return may;
}

bool nba_pipeline_must_sweep(struct nba_pipeline *pipeline, struct nba_side *side,
                             const struct nba_task *task)
{
    const struct nba_meta *meta = nba_task_committed_meta(task);
    const struct nba_journal now = nba_side_journal(side, 0, NBA_TIME_NONE);
    if (nba_pipeline_owes_letters(side, task)) {
        return true;
    }
    if (meta->sweep_recalls != NBA_SWEEP_NONE || nba_task_next_due_ms(task) == INT64_MAX ||
        !nba_meta_rules_differ(meta, &now)) {
        return meta->sweep_recalls != NBA_SWEEP_NONE;
    }
    if (nba_task_sweep_epoch(task) == 0 || nba_task_sweep_epoch(task) != pipeline->sweep_epoch) {
        return true;
    }
    if (pipeline->waiting != side) {
        nba_side_unref(pipeline->waiting);
        pipeline->waiting = nba_side_ref(side);
        pipeline->waiting_recalls = nba_side_may_recall(pipeline->side, side);
    }
    return pipeline->waiting_recalls;
}

/* ---- the sweep ---- */

void nba_pipeline_set_sweep_limit(struct nba_pipeline *pipeline, int64_t recalls)
{
    pipeline->sweep_limit = recalls;
}

struct nba_str nba_wave_join(struct nba_arena *arena, const struct nba_str *parts, size_t count)
{
    size_t bytes = 1;
    for (size_t i = 0; i < count; i++) {
        bytes += parts[i].bytes;
    }
    char *text = nba_arena_need(arena, bytes);
    char *at = text;
    for (size_t i = 0; i < count; i++) {
        at = nba_str_put(at, parts[i]);
    }
    return nba_str(text, bytes - 1);
}

/* One recall: its message and its lifecycle record. */
static enum nba_status recall(struct nba_pipeline *pipeline, struct nba_task *task,
                              struct nba_str hcp_id, const struct nba_recall *recalled,
                              struct nba_error *error)
{
    const struct nba_meta *meta = nba_task_meta(task);
    struct nba_wave_item item = {
        .task = task, .now_ms = meta->clock_ms, .watermark_ms = meta->watermark_ms};
    char src[NBA_SRC_BYTES];
    (void)snprintf(src, sizeof(src), "journal:%lld", (long long)meta->input_next);
    struct nba_origin origin = {.src = nba_str_of(src), .partition = nba_task_partition(task)};
    enum nba_status status = nba_task_get(task, hcp_id, &item.hcp, error);
    if (status != NBA_OK) {
        return status;
    }
    const struct nba_open_action *open = &item.hcp->actions[recalled->open_index];
    item.event.hcp_id = item.hcp->hcp_id;
    origin.segment = nba_wave_specialty(item.hcp);
    struct nba_decision record =
        nba_wave_decision(pipeline, &item, NBA_DECISION_LIFECYCLE, NBA_REASON_NONE);
    const struct nba_str id[] = {nba_str_of("dec:"), nba_str_of(recalled->cause),
                                 nba_str_of("#"),    recalled->cause_id,
                                 nba_str_of(":"),    open->action_id};
    const struct nba_str trigger[] = {id[1], id[4], id[3]};
    record.decision_id = nba_wave_join(&pipeline->said, id, NBA_ARRAY_COUNT(id));
    record.trigger_event_id = nba_wave_join(&pipeline->said, trigger, NBA_ARRAY_COUNT(trigger));
    status = nba_wave_take_back(pipeline, &item, recalled, 1, origin, &record);
    if (status != NBA_OK) {
        return nba_error_set(error, status, "cannot recall an action: %s", nba_status_text(status));
    }
    nba_emit_decision(&pipeline->emitter, origin, &record);
    nba_pipeline_metrics_decision(&pipeline->metrics, &record);
    return nba_wave_say_slate(pipeline, &item, origin, record.decision_id, error);
}

/* Looks at one open action; *ret_recalled: it had to go. */
static enum nba_status look(struct nba_pipeline *pipeline, struct nba_task *task,
                            bool *ret_recalled, struct nba_error *error)
{
    const struct nba_recall *recalls = NULL;
    const struct nba_hcp *hcp = NULL;
    struct nba_str action_id;
    uint32_t count = 0;
    *ret_recalled = false;
    nba_arena_reset(&pipeline->said);
    enum nba_status status = nba_task_sweep_next(task, &hcp, &action_id, error);
    if (status != NBA_OK || hcp == NULL) {
        return status;
    }
    status = nba_funnel_recall(pipeline->funnel, hcp, nba_task_meta(task)->clock_ms,
                               &pipeline->said, &recalls, &count);
    if (status != NBA_OK) {
        return nba_error_set(error, status, "cannot judge open actions: %s",
                             nba_status_text(status));
    }
    for (uint32_t i = 0; i < count && !*ret_recalled && status == NBA_OK; i++) {
        if (nba_str_equal(hcp->actions[recalls[i].open_index].action_id, action_id)) {
            *ret_recalled = true;
            status = recall(pipeline, task, hcp->hcp_id, &recalls[i], error);
        }
    }
    return status;
}

enum nba_status nba_pipeline_sweep(struct nba_pipeline *pipeline, struct nba_task *task,
                                   bool *ret_more, struct nba_error *error)
{
    struct nba_meta *meta = nba_task_meta(task);
    const size_t held = pipeline->scratch.bytes_used;
    enum nba_status status = NBA_OK;
    *ret_more = false;
    for (uint32_t looks = 0; status == NBA_OK && meta->sweep_recalls != NBA_SWEEP_NONE; looks++) {
        bool recalled = false;
        if (looks == LOOKS_MAX || pipeline->timers_fired == NBA_TIMERS_PER_TRANSACTION_MAX ||
            meta->sweep_recalls == pipeline->sweep_limit) {
            *ret_more = true;
            break;
        }
        status = look(pipeline, task, &recalled, error);
        meta->sweep_recalls += recalled;
        pipeline->timers_fired += recalled;
    }
    NBA_ASSERT(pipeline->scratch.bytes_used == held); /* no event comes to empty it */
    if (status == NBA_OK && pipeline->emitter.outbox->failed) {
        status = nba_error_set(error, NBA_E_NO_MEMORY, "transaction is too large for its memory");
    }
    return status;
}
