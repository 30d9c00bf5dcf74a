/*
 * How: records are taken in one by one (decode, state), collected in a wave, scored side by side,
 * and emitted in their order.  Reading order of this file: run, take_in, flush_wave, emit_item.
 */
#include "nba/engine/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash_notes.h"
#include "intake.h"
#include "nba/base/assert.h"
#include "nba/base/kill_point.h"
#include "nba/base/log.h"
#include "nba/base/memory.h"
#include "pipeline_internal.h"

/* HCPs scored side by side: beyond this many the kernels gain nothing. */
#define WAVE_DEFAULT 32u

struct nba_pipeline *nba_pipeline_create(const struct nba_pipeline_options *options)
{
    NBA_ASSERT(options->schemas != NULL && options->config != NULL);
    NBA_ASSERT(options->wave_max <= NBA_SCORE_WAVE);
    struct nba_pipeline *pipeline = nba_zeros(1, sizeof(*pipeline));
    pipeline->options = *options;
    if (pipeline->options.wave_max == 0) {
        pipeline->options.wave_max = WAVE_DEFAULT;
    }
    pipeline->emitter.schemas = options->schemas;
    pipeline->emitter.config = options->config;
    pipeline->emitter.listener = options->listener;
    nba_buf_init(&pipeline->emitter.encoded, ENCODED_BYTES_MAX);
    nba_arena_init(&pipeline->scratch, SCRATCH_BYTES_MAX);
    nba_arena_init(&pipeline->said, SCRATCH_BYTES_MAX);
    nba_pipeline_metrics_init(&pipeline->metrics, options->metrics);
    pipeline->sweep_limit = NBA_SWEEP_NONE;
    pipeline->decoder = nba_decoder_create(options->schemas);
    nba_lanes_create(pipeline);
    return pipeline;
}

void nba_pipeline_destroy(struct nba_pipeline *pipeline)
{
    if (pipeline != NULL) {
        nba_funnel_destroy(pipeline->funnel);
        nba_side_unref(pipeline->side);
        nba_side_unref(pipeline->waiting);
        nba_lanes_destroy(pipeline);
        nba_decoder_destroy(pipeline->decoder);
        nba_buf_clear(&pipeline->emitter.encoded);
        nba_arena_clear(&pipeline->scratch);
        nba_arena_clear(&pipeline->said);
        free(pipeline);
    }
}

/* ---- transaction ---- */

enum nba_status nba_pipeline_begin(struct nba_pipeline *pipeline, struct nba_side *side,
                                   struct nba_arena *arena, struct nba_outbox *outbox,
                                   int64_t wall_ms, struct nba_error *error)
{
    const struct nba_side *before = pipeline->side;
    if (before == NULL || before->policy != side->policy || before->catalog != side->catalog ||
        before->control != side->control) {
        struct nba_funnel *funnel = NULL;
        const enum nba_status status =
            nba_funnel_create(side->policy, side->catalog, side->control, &funnel, error);
        if (status != NBA_OK) {
            return status;
        }
        pipeline->sweep_epoch +=
            pipeline->side == NULL || nba_side_may_recall(pipeline->side, side);
        nba_funnel_destroy(pipeline->funnel);
        pipeline->funnel = funnel;
    }
    if (side != before) {
        nba_side_unref(pipeline->side);
        pipeline->side = nba_side_ref(side);
    }
    pipeline->arena = arena;
    pipeline->emitter.outbox = outbox;
    pipeline->wall_ms = wall_ms;
    pipeline->timers_fired = 0;
    nba_tally_rows_begin(&pipeline->tally_rows, side->catalog, arena);
    pipeline->item_count = 0;
    nba_lanes_clear(pipeline);
    return NBA_OK;
}

static struct nba_crash_place place_of(const struct nba_record *record)
{
    return (struct nba_crash_place){.partition = record->partition, .offset = record->offset};
}

/* ---- one item leaves ---- */

/* Actions that the HCP's slate has. */
static uint32_t open_actions(const struct nba_hcp *hcp, int64_t now_ms)
{
    const uint32_t unseen = NBA_OPEN_ACTION_GHOST | NBA_OPEN_ACTION_HELD;
    uint32_t count = 0;
    for (uint32_t i = 0; i < hcp->action_count; i++) {
        count += (hcp->actions[i].flags & unseen) == 0 &&
                 nba_open_action_is_open(&hcp->actions[i], now_ms);
    }
    return count;
}

static enum nba_status emit_item(struct nba_pipeline *pipeline, struct nba_wave_item *item,
                                 struct nba_error *error)
{
    nba_arena_reset(&pipeline->said);
    nba_crash_notes_at(place_of(item->record));
    if (item->job != NULL) { /* before anything of this item changes the HCP */
        const enum nba_status status = nba_lanes_finish(pipeline, item, error);
        if (status != NBA_OK) {
            return status;
        }
    }
    char src[NBA_SRC_BYTES];
    nba_emit_src(item->record, src);
    const struct nba_origin origin = {
        .src = nba_str_of(src),
        .partition = nba_task_partition(item->task),
        .segment = item->hcp != NULL ? nba_wave_specialty(item->hcp) : nba_str(NULL, 0),
    };
    if (item->why.status == NBA_E_CRASH_LOOP) {
        const struct nba_journal journal = nba_pipeline_journal(pipeline, item->record->offset);
        nba_pipeline_say_journal(pipeline, item->task, NBA_CRASH_LOOP_SRC, &journal);
    }
    if (item->why.status != NBA_OK) {
        nba_pipeline_metrics_deadletter(&pipeline->metrics, item->why.status);
        nba_wave_deadletter(pipeline, item, origin);
        return NBA_OK;
    }
    struct nba_decision decision =
        nba_wave_decision(pipeline, item, NBA_DECISION_UPDATED, NBA_REASON_NONE);
    if (item->erased) {
        decision.kind = NBA_DECISION_SKIPPED;
        decision.reason = NBA_REASON_ERASED;
    } else if (nba_wave_ends(item)) {
        const enum nba_status status = (item->moves ? nba_merge_leave : nba_wave_erase)(
            pipeline, item, origin, &decision, error);
        if (status != NBA_OK) {
            return status;
        }
    } else if (item->hcp != NULL) {
        if (item->arrival == NBA_ARRIVAL_DUPLICATE || item->arrival == NBA_ARRIVAL_LATE) {
            decision.kind = NBA_DECISION_SKIPPED;
            decision.reason = item->arrival == NBA_ARRIVAL_LATE ? NBA_REASON_LATE_EVENT
                                                                : NBA_REASON_DUPLICATE_EVENT;
        }
        nba_rep_forward(pipeline, item, origin);
        const enum nba_status status = nba_wave_recall(pipeline, item, origin, &decision);
        if (status != NBA_OK) {
            return status;
        }
    }
    if (item->job != NULL) {
        return nba_wave_decide(pipeline, item, origin, &decision);
    }
    nba_emit_decision(&pipeline->emitter, origin, &decision);
    nba_pipeline_metrics_decision(&pipeline->metrics, &decision);
    const bool stays = item->hcp != NULL && !item->erased && !nba_wave_ends(item);
    return stays && open_actions(item->hcp, item->now_ms) < item->open_before
               ? nba_wave_say_slate(pipeline, item, origin, decision.decision_id, error)
               : NBA_OK;
}

static enum nba_status flush_wave(struct nba_pipeline *pipeline, struct nba_error *error)
{
    const size_t before = pipeline->emitter.outbox->bytes;
    for (size_t i = 0; i < pipeline->item_count; i++) {
        NBA_CRASH_POINT("scoring", pipeline->items[i].event.event_id);
    }
    nba_lanes_start(pipeline);
    for (size_t i = 0; i < pipeline->item_count; i++) {
        const enum nba_status status = emit_item(pipeline, &pipeline->items[i], error);
        if (status != NBA_OK) {
            return nba_error_set(error, status, "cannot emit a decision: %s",
                                 nba_status_text(status));
        }
    }
    if (pipeline->item_count != 0) {
        pipeline->wave_bytes = pipeline->emitter.outbox->bytes - before;
    }
    pipeline->item_count = 0;
    nba_lanes_clear(pipeline);
    if (pipeline->emitter.outbox->failed) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "transaction is too large for its memory");
    }
    return NBA_OK;
}

/* ---- one item comes in ---- */

static bool in_wave(const struct nba_pipeline *pipeline, const struct nba_hcp *hcp)
{
    for (size_t i = 0; i < pipeline->item_count; i++) {
        if (pipeline->items[i].hcp == hcp) {
            return true;
        }
    }
    return false;
}

/* A message that never reached anybody counts for no limit, where the policy says so. */
static void release_contact(const struct nba_pipeline *pipeline, struct nba_hcp *hcp,
                            const struct nba_event *event)
{
    const struct nba_ledger_entry *contact = nba_hcp_ledger_of(hcp, event);
    const bool bounced = event->type == NBA_EVENT_EMAIL_BOUNCED;
    const bool dropped = event->type == NBA_EVENT_EMAIL_DROPPED;
    const enum nba_contact_end end = bounced   ? NBA_CONTACT_BOUNCED
                                     : dropped ? NBA_CONTACT_DROPPED
                                               : NBA_CONTACT_NOT_SENT;
    if (contact != NULL && (bounced || dropped || event->type == NBA_EVENT_ACTION_NOT_SENT) &&
        nba_policy_releases(pipeline->side->policy, end)) {
        (void)nba_hcp_ledger_release(hcp, contact->action_key != 0 ? contact->action_key
                                                                   : contact->message_key);
    }
}

enum nba_status nba_wave_apply(struct nba_pipeline *pipeline, struct nba_wave_item *item,
                               struct nba_error *error)
{
    const struct nba_event *event = &item->event;
    struct nba_hcp *hcp = item->hcp;
    const struct nba_content_facts facts = nba_intake_facts(pipeline->side->catalog, event);
    nba_counter_add(pipeline->metrics.unknown_contents,
                    event->content_id.bytes != 0 && facts.family_id.bytes == 0);
    item->arrival = nba_intake_arrival(pipeline->side->policy, hcp, event, item->watermark_ms);
    item->open_before = open_actions(hcp, item->now_ms);
    if (item->arrival == NBA_ARRIVAL_FRESH) {
        release_contact(pipeline, hcp, event);
    }
    nba_rep_note(item);
    nba_hcp_apply_event(hcp, event, &facts, item->watermark_ms, item->arrival);
    if (item->arrival == NBA_ARRIVAL_FRESH) {
        nba_policy_note(pipeline->side->policy, hcp, event, &facts, item->watermark_ms);
    }
    if (hcp->failed) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "transaction is too large for its memory");
    }
    if (item->arrival != NBA_ARRIVAL_FRESH) {
        return NBA_OK;
    }
    (void)nba_hcp_join(hcp, event, &item->joined);
    nba_counter_add(pipeline->metrics.unknown_hcps, !hcp->profile.known);
    nba_lanes_count(pipeline, item->task, hcp, event);
    return NBA_OK;
}

static enum nba_status take_event(struct nba_pipeline *pipeline, struct nba_wave_item *item,
                                  struct nba_error *error)
{
    const struct nba_event *event = &item->event;
    struct nba_hcp *hcp = NULL;
    NBA_CRASH_POINT("taking", event->event_id);
    enum nba_status status = nba_task_get(item->task, event->hcp_id, &hcp, error);
    if (status == NBA_OK && in_wave(pipeline, hcp)) {
        status = flush_wave(pipeline, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    item->hcp = hcp;
    status = nba_wave_admit(item, error);
    item->moves = event->type != NBA_EVENT_PROFILE_ERASED &&
                  (event->type == NBA_EVENT_PROFILE_MERGED || hcp->merged_into.bytes != 0);
    if (status != NBA_OK || item->erased || nba_wave_ends(item)) {
        return status;
    }
    status = nba_wave_apply(pipeline, item, error);
    if (status == NBA_OK && item->arrival == NBA_ARRIVAL_FRESH &&
        nba_policy_decides_on(pipeline->side->policy, event)) {
        nba_lanes_add(pipeline, item);
    } else if (status == NBA_OK && item->open_before != 0) {
        nba_lanes_note(pipeline, item);
    }
    return status;
}

/* An action ends unanswered; the tasks of its rep and of its budgets are told. */
static enum nba_status expire(struct nba_pipeline *pipeline, struct nba_task *task,
                              struct nba_hcp *hcp, struct nba_str action_id,
                              struct nba_error *error)
{
    const struct nba_open_action *open = nba_hcp_find_action(hcp, action_id);
    const bool asked = open != NULL && (open->flags & NBA_OPEN_ACTION_HELD) == 0 &&
                       ((open->flags & NBA_OPEN_ACTION_REQUESTED) != 0 ||
                        nba_policy_has_volumes(pipeline->side->policy));
    if (asked) {
        const enum nba_status status = flush_wave(pipeline, error); /* what came before is said */
        if (status != NBA_OK) {
            return status;
        }
        nba_rep_expire(pipeline, task, hcp, open);
    }
    nba_wave_close(pipeline, hcp, action_id, NBA_CONTACT_EXPIRED);
    return NBA_OK;
}

/* Fires what is due at or before `now_ms`, each with the clock at its own due time. */
static enum nba_status fire_due(struct nba_pipeline *pipeline, struct nba_task *task,
                                int64_t now_ms, bool *ret_more, struct nba_error *error)
{
    *ret_more = false;
    if (now_ms >= pipeline->horizon_ms) {
        const enum nba_status status = flush_wave(pipeline, error);
        if (status != NBA_OK) {
            return status;
        }
    }
    for (;;) {
        bool found = false;
        struct nba_hcp *hcp = NULL;
        struct nba_timer timer;
        if (nba_task_next_due_ms(task) > now_ms) {
            return NBA_OK;
        }
        if (pipeline->timers_fired == NBA_TIMERS_PER_TRANSACTION_MAX) {
            *ret_more = true;
            return NBA_OK;
        }
        enum nba_status status = nba_task_next_timer(task, now_ms, &found, &hcp, &timer, error);
        if (status != NBA_OK || !found) {
            return status;
        }
        if (timer.kind != NBA_TIMER_EXPIRY || in_wave(pipeline, hcp)) {
            /* decisions of earlier records come first */
            status = flush_wave(pipeline, error);
            if (status != NBA_OK) {
                return status;
            }
        }
        pipeline->timers_fired++;
        struct nba_meta *meta = nba_task_meta(task);
        meta->clock_ms = timer.due_ms > meta->clock_ms ? timer.due_ms : meta->clock_ms;
        const int64_t watermark_ms =
            nba_pipeline_clock_is_wall(pipeline) ? meta->watermark_ms : meta->clock_ms;
        if (timer.kind == NBA_TIMER_TRIGGER) {
            status = nba_wave_fire(pipeline, task, hcp, timer.due_ms, watermark_ms, error);
            if (status != NBA_OK) {
                return status;
            }
        } else if (timer.kind == NBA_TIMER_RELEASE) {
            status = nba_wave_release(pipeline, task, hcp, timer.due_ms, meta->clock_ms,
                                      watermark_ms, error);
            if (status != NBA_OK) {
                return status;
            }
        } else {
            /* An expired action was published with its expires_at: it ends without a message. */
            NBA_ASSERT(timer.kind == NBA_TIMER_EXPIRY);
            status = expire(pipeline, task, hcp, timer.id, error);
            if (status != NBA_OK) {
                return status;
            }
        }
        nba_counter_add(pipeline->metrics.timers, 1);
    }
}

/* Then windows of budgets that have ended, of which nobody hears. */
static enum nba_status fire_timers(struct nba_pipeline *pipeline, struct nba_task *task,
                                   int64_t now_ms, bool *ret_more, struct nba_error *error)
{
    struct nba_meta *meta = nba_task_meta(task);
    const enum nba_status status = fire_due(pipeline, task, now_ms, ret_more, error);
    if (status != NBA_OK || *ret_more || nba_task_volumes_due_ms(task) > now_ms) {
        return status;
    }
    meta->clock_ms = now_ms > meta->clock_ms ? now_ms : meta->clock_ms; /* none comes back */
    return nba_task_drop_volumes(task, now_ms, error);
}

static int64_t day_of(int64_t ms)
{
    return ms >= 0 ? ms / NBA_DAY_MS : -1 - (-1 - ms) / NBA_DAY_MS;
}

/* What is forgotten doesn't come back, and whoever sends records may have a wrong clock: one record
 * moves the clock of silence by a day at most, and never beyond the clock of decisions. */
static int64_t silence_after(const struct nba_meta *meta, int64_t event_time_ms)
{
    const int64_t now_ms = event_time_ms < meta->clock_ms ? event_time_ms : meta->clock_ms;
    if (meta->silence_ms == NBA_TIME_NONE || now_ms <= meta->silence_ms) {
        return now_ms > meta->silence_ms ? now_ms : meta->silence_ms;
    }
    const bool leaps = (uint64_t)now_ms - (uint64_t)meta->silence_ms > (uint64_t)NBA_DAY_MS;
    return leaps ? meta->silence_ms + NBA_DAY_MS : now_ms;
}

/* When the clock of silence comes into a new day, who has been silent for too long is forgotten. */
static enum nba_status forget_silent(struct nba_pipeline *pipeline, struct nba_task *task,
                                     int64_t silence_ms, bool *ret_more, struct nba_error *error)
{
    uint32_t forgotten = 0;
    *ret_more = false;
    if (day_of(silence_ms) == day_of(nba_task_meta(task)->silence_ms) ||
        !nba_task_silence_ends(task, silence_ms)) {
        return NBA_OK;
    }
    enum nba_status status = flush_wave(pipeline, error);
    if (status == NBA_OK) {
        status = nba_task_forget_silent(task, silence_ms, NBA_TIMERS_PER_TRANSACTION_MAX,
                                        &forgotten, ret_more, error);
    }
    nba_counter_add(pipeline->metrics.forgotten, forgotten);
    return status;
}

static enum nba_status pass_over(const struct nba_record *record, struct nba_error *why)
{
    nba_log(NBA_LOG_ERROR, "crash_loop", "partition=%d offset=%lld", (int)record->partition,
            (long long)record->offset);
    return nba_error_set(why, NBA_E_CRASH_LOOP, "the engine crashed %u times at it",
                         NBA_CRASHES_MAX);
}

/* Decodes the record, moves the clocks, applies the event.  *ret_full: a timer is left,
 * come again. */
static enum nba_status take_in(struct nba_pipeline *pipeline,
                               const struct nba_pipeline_item *source, bool *ret_full,
                               struct nba_error *error)
{
    struct nba_wave_item item = {.task = source->task, .record = source->record};
    if (pipeline->item_count == 0) {
        nba_arena_reset(&pipeline->scratch);
    }
    struct nba_meta *meta = nba_task_meta(source->task);
    nba_crash_notes_at(place_of(source->record));
    enum nba_status status =
        nba_crash_notes_loop(pipeline->options.crash_notes, place_of(source->record))
            ? pass_over(source->record, &item.why)
            : nba_intake(pipeline->decoder, pipeline->side->policy, source->record,
                         &pipeline->scratch, &item.event, &item.why);
    if (status != NBA_OK && nba_status_class(status) != NBA_CLASS_SKIP) {
        return nba_error_set(error, status, "%s", item.why.message);
    }
    item.why.status = status;
    if (status == NBA_OK) {
        const int64_t watermark_ms = item.event.event_time_ms > meta->watermark_ms
                                         ? item.event.event_time_ms
                                         : meta->watermark_ms;
        if (!nba_pipeline_clock_is_wall(pipeline)) {
            status = fire_timers(pipeline, source->task, watermark_ms, ret_full, error);
            if (status != NBA_OK || *ret_full) {
                return status;
            }
            meta->clock_ms = watermark_ms > meta->clock_ms ? watermark_ms : meta->clock_ms;
        }
        const int64_t silence_ms = silence_after(meta, item.event.event_time_ms);
        status = forget_silent(pipeline, source->task, silence_ms, ret_full, error);
        if (status != NBA_OK || *ret_full) {
            return status;
        }
        meta->watermark_ms = watermark_ms;
        meta->silence_ms = silence_ms;
        item.watermark_ms = watermark_ms;
        item.now_ms = meta->clock_ms;
        item.cause = item.event.event_id;
        if (item.event.type != NBA_EVENT_CONTROL_TICK) {
            status = take_event(pipeline, &item, error);
            if (status != NBA_OK) {
                return status;
            }
        }
    } else {
        status = nba_wave_admit_letter(&item, error);
        if (status != NBA_OK) {
            return status;
        }
    }
    meta->input_next = source->record->offset + 1;
    pipeline->items[pipeline->item_count++] = item;
    return NBA_OK;
}

enum nba_status nba_pipeline_open_task(struct nba_pipeline *pipeline, struct nba_task *task,
                                       const struct nba_mailbag *mail, struct nba_error *error)
{
    NBA_ASSERT(pipeline->item_count == 0);
    nba_task_begin(task, pipeline->arena);
    pipeline->partition_count = nba_task_meta(task)->partition_count;
    enum nba_status status = nba_pipeline_adopt(pipeline, task, mail->next, error);
    for (size_t i = 0; i < mail->count && status == NBA_OK; i++) {
        status = nba_take_mail(pipeline, task, mail->records[i], error);
    }
    return status;
}

/* ---- all of it ---- */

/* Another wave like the last one would be too much.  (What mail alone says never keeps the events
 * out.) */
static bool outbox_full(const struct nba_pipeline *pipeline)
{
    const size_t most = pipeline->options.outbox_bytes_max;
    const size_t bytes = pipeline->emitter.outbox->bytes;
    return most != 0 && pipeline->item_count == 0 && bytes > most / 4 &&
           bytes + pipeline->wave_bytes > most;
}

enum nba_status nba_pipeline_run(struct nba_pipeline *pipeline,
                                 const struct nba_pipeline_item *items, size_t count,
                                 size_t *ret_done, struct nba_error *error)
{
    size_t done = 0;
    bool full = false;
    enum nba_status status = NBA_OK;
    while (status == NBA_OK && done < count && !full && !outbox_full(pipeline)) {
        /* Nothing shares a wave with a record near a crash: whoever crashes is noted, no other. */
        const bool alone =
            nba_crash_notes_near(pipeline->options.crash_notes, place_of(items[done].record));
        status = alone ? flush_wave(pipeline, error) : NBA_OK;
        if (status == NBA_OK) {
            status = take_in(pipeline, &items[done], &full, error);
        }
        done += full ? 0 : 1;
        const bool ends =
            pipeline->item_count != 0 && nba_wave_ends(&pipeline->items[pipeline->item_count - 1]);
        if (status == NBA_OK && (alone || ends || pipeline->item_count == WAVE_ITEMS_MAX ||
                                 pipeline->job_count == pipeline->options.wave_max)) {
            status = flush_wave(pipeline, error);
        }
    }
    if (status == NBA_OK) {
        status = flush_wave(pipeline, error);
    }
    nba_crash_notes_at((struct nba_crash_place){.partition = -1});
    if (status == NBA_OK) {
        *ret_done = done;
    }
    return status;
}

enum nba_status nba_pipeline_timers(struct nba_pipeline *pipeline, struct nba_task *task,
                                    bool *ret_more, struct nba_error *error)
{
    const enum nba_status status = nba_pipeline_sweep(pipeline, task, ret_more, error);
    if (status != NBA_OK || *ret_more || !nba_pipeline_clock_is_wall(pipeline)) {
        return status;
    }
    return fire_timers(pipeline, task, nba_task_meta(task)->clock_ms, ret_more, error);
}
