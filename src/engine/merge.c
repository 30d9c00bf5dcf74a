/*
 * Merging: profile_merged says that two ids are one person's.
 *
 *   old id's task --state--> new id's task       (nba.mailbox.v1, kind merged)
 *                 --event-->                     what comes for the old id later
 *
 * The record of the old id goes as it is, less its open actions, which are taken back; what stays
 * is a link.  All of it goes by mail, also within a partition: so what comes out doesn't depend on
 * how many there are.  Mail that meets a link goes on to where it points; a state that meets a link
 * to its own id ends the link, so that links make no circle.  An erasure follows them in both
 * directions: the person is erased, not the id.
 */
#include <string.h>

#include "nba/base/compiler.h"
#include "nba/base/hash.h"
#include "pipeline_internal.h"

static void post(struct nba_pipeline *pipeline, struct nba_origin origin, struct nba_str hcp_id,
                 struct nba_mail mail)
{
    mail.kind = NBA_MAIL_MERGED;
    mail.hcp_id = hcp_id;
    mail.partition = origin.partition;
    nba_emit_mail(&pipeline->emitter, origin, hcp_id,
                  nba_partition_of_key(hcp_id, pipeline->partition_count), &mail);
}

static void forward(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                    struct nba_str hcp_id, struct nba_origin origin)
{
    post(pipeline, origin, hcp_id,
         (struct nba_mail){
             .id = item->event.event_id, .time_ms = item->now_ms, .event = item->record->value});
}

void nba_merge_erase(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                     struct nba_origin origin, const struct nba_str *reps, uint32_t rep_count)
{
    const struct nba_mail mail = {.id = item->event.event_id,
                                  .time_ms = item->event.event_time_ms,
                                  .reason = NBA_REASON_ERASED};
    if (item->hcp->merged_into.bytes != 0) {
        post(pipeline, origin, item->hcp->merged_into, mail);
    }
    for (uint32_t i = 0; i < item->hcp->merged_count; i++) {
        struct nba_wave_item former = {.now_ms = item->now_ms};
        former.event.hcp_id = item->hcp->merged_from[i];
        nba_rep_erase(pipeline, origin, &former, reps, rep_count);
        post(pipeline, origin, former.event.hcp_id, mail);
    }
}

/* The record leaves for the id that goes on, and becomes a link. */
static enum nba_status hand_over(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                                 struct nba_origin origin, struct nba_decision *decision,
                                 struct nba_error *error)
{
    const struct nba_config *config = pipeline->options.config;
    struct nba_hcp *hcp = item->hcp;
    enum nba_status status =
        nba_wave_take_back_all(pipeline, item, NBA_REASON_SUPERSEDED, origin, decision);
    if (status != NBA_OK) {
        return status;
    }
    struct nba_hcp *links = nba_arena_need(&pipeline->said, sizeof(*links));
    struct nba_buf state;
    memcpy(links->merged_from, hcp->merged_from, sizeof(hcp->merged_from));
    links->merged_count = hcp->merged_count;
    hcp->merged_count = 0;
    nba_buf_init(&state, NBA_HCP_BYTES_MAX);
    status = nba_hcp_encode(hcp, &state);
    if (status == NBA_OK) {
        post(pipeline, origin, item->event.to_hcp_id,
             (struct nba_mail){.id = hcp->hcp_id,
                               .time_ms = item->now_ms,
                               .event = item->record->value,
                               .state = nba_buf_str(&state)});
        if (config->slate_publish) {
            nba_emit_tombstone(&pipeline->emitter, origin, config->topics.slate, hcp->hcp_id);
        }
        status = nba_task_delete(item->task, hcp->hcp_id, error);
    }
    nba_buf_clear(&state);
    if (status == NBA_OK) {
        nba_hcp_link(hcp, item->event.to_hcp_id, links->merged_from, links->merged_count);
    }
    return status == NBA_OK && hcp->failed ? NBA_E_NO_MEMORY : status;
}

static enum nba_status merge(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                             struct nba_origin origin, struct nba_decision *decision,
                             struct nba_error *error)
{
    if (nba_str_equal(item->hcp->hcp_id, item->event.to_hcp_id)) {
        return NBA_OK; /* they are one already */
    }
    if (item->hcp->merged_into.bytes != 0) {
        forward(pipeline, item, item->hcp->merged_into, origin);
        return NBA_OK;
    }
    return hand_over(pipeline, item, origin, decision, error);
}

enum nba_status nba_merge_leave(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                                struct nba_origin origin, struct nba_decision *decision,
                                struct nba_error *error)
{
    const bool merges = item->event.type == NBA_EVENT_PROFILE_MERGED;
    if (merges && !nba_str_equal(item->event.hcp_id, item->event.to_hcp_id)) {
        return merge(pipeline, item, origin, decision, error);
    }
    forward(pipeline, item, merges ? item->event.from_hcp_id : item->hcp->merged_into, origin);
    return NBA_OK;
}

/* ---- at the task of the id that goes on ---- */

/* Its vectors go with a record that ends: the ring isn't the one they were made from. */
static enum nba_status take_over(struct nba_pipeline *pipeline, struct nba_wave_item *item,
                                 const struct nba_mail *mail, struct nba_error *error)
{
    struct nba_hcp *hcp = item->hcp;
    struct nba_hcp *other = nba_arena_need(&pipeline->scratch, sizeof(*other));
    struct nba_hcp *copy = nba_arena_need(&pipeline->scratch, sizeof(*copy));
    const struct nba_str state = nba_arena_copy(hcp->arena, mail->state);
    const struct nba_str from = nba_arena_copy(hcp->arena, mail->id);
    if (state.bytes != mail->state.bytes || from.bytes == 0) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "no room for a merged record");
    }
    enum nba_status status = nba_hcp_decode(state, from, hcp->arena, other, error);
    if (status != NBA_OK) {
        return status == NBA_E_NO_MEMORY
                   ? status
                   : nba_error_set(error, NBA_E_SCHEMA_INCOMPATIBLE, "mail with a damaged record");
    }
    *copy = *hcp;
    status = nba_task_delete(item->task, hcp->hcp_id, error);
    if (status != NBA_OK) {
        return status;
    }
    *hcp = *copy;
    nba_hcp_merge(hcp, other);
    nba_hcp_add_merged(hcp, from);
    return hcp->failed ? nba_error_set(error, NBA_E_NO_MEMORY, "no room for a merged record")
                       : NBA_OK;
}

/* The record's own id is of the event that was mail for the other one. */
static struct nba_decision record_of(struct nba_pipeline *pipeline,
                                     const struct nba_wave_item *item)
{
    const struct nba_str parts[] = {item->event.source,
                                    nba_str_of(item->event.source.bytes != 0 ? "#" : ""),
                                    item->event.event_id};
    struct nba_wave_item named = *item;
    named.event.source = nba_str_of("merged");
    named.event.event_id = nba_wave_join(&pipeline->said, parts, NBA_ARRAY_COUNT(parts));
    return nba_wave_decision(pipeline, &named, NBA_DECISION_LIFECYCLE, NBA_REASON_NONE);
}

/* An event of the old id starts no decision here, whose record stands at the old id's task. */
static enum nba_status take(struct nba_pipeline *pipeline, struct nba_wave_item *item,
                            const struct nba_mail *mail, struct nba_origin origin,
                            struct nba_decision *ret_decision, struct nba_error *error)
{
    const bool state = mail->state.bytes != 0;
    const enum nba_status status =
        state ? take_over(pipeline, item, mail, error) : nba_wave_apply(pipeline, item, error);
    if (status != NBA_OK) {
        return status;
    }
    *ret_decision = record_of(pipeline, item);
    nba_rep_forward(pipeline, item, origin);
    return nba_wave_recall(pipeline, item, origin, ret_decision);
}

enum nba_status nba_merge_take(struct nba_pipeline *pipeline, struct nba_task *task,
                               struct nba_origin origin, const struct nba_mail *mail,
                               struct nba_error *error)
{
    const struct nba_meta *meta = nba_task_meta(task);
    const struct nba_record record = {.value = mail->event};
    const bool erases = mail->reason == NBA_REASON_ERASED;
    const bool fresh = meta->clock_ms == NBA_TIME_NONE; /* nothing has come here yet but mail */
    struct nba_wave_item item = {
        .task = task,
        .record = &record,
        .now_ms = fresh ? mail->time_ms : meta->clock_ms,
        .watermark_ms = fresh ? mail->time_ms : meta->watermark_ms,
        .event = {.event_id = mail->id, .event_time_ms = mail->time_ms},
    };
    enum nba_status status = NBA_OK;
    if (!erases) {
        status = nba_decode_event(pipeline->decoder, mail->event, &pipeline->scratch, &item.event,
                                  error);
    }
    if (status == NBA_OK) {
        status = nba_task_get(task, mail->hcp_id, &item.hcp, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    item.event.hcp_id = mail->hcp_id;
    item.cause = item.event.event_id;
    status = nba_wave_admit(&item, error);
    if (status == NBA_OK && item.erased && mail->state.bytes != 0) {
        post(pipeline, origin, mail->id, /* one person: the other id as well */
             (struct nba_mail){
                 .id = item.cause, .time_ms = item.now_ms, .reason = NBA_REASON_ERASED});
    }
    if (status != NBA_OK || item.erased) {
        return status;
    }
    struct nba_decision decision = record_of(pipeline, &item);
    const struct nba_str into = item.hcp->merged_into;
    const bool ends_link = mail->state.bytes != 0 && nba_str_equal(into, mail->id);
    bool told = false;
    if (erases) {
        status = nba_wave_erase(pipeline, &item, origin, &decision, error);
    } else if (item.event.type == NBA_EVENT_PROFILE_MERGED && mail->state.bytes == 0) {
        status = merge(pipeline, &item, origin, &decision, error);
    } else if (into.bytes != 0 && !ends_link) {
        post(pipeline, origin, into, *mail);
    } else {
        status = take(pipeline, &item, mail, origin, &decision, error);
        told = true;
    }
    if (status == NBA_OK && (told || decision.closed_count != 0)) {
        nba_emit_decision(&pipeline->emitter, origin, &decision);
        nba_pipeline_metrics_decision(&pipeline->metrics, &decision);
    }
    return status;
}
