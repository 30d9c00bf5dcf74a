/*
 * How: records are taken in one by one (decode, state), collected in a wave, scored side by side, and
 * emitted in their order.  Reading order of this file: run, take_in, flush_wave, emit_item, decide.
 */
#include "nba/engine/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emit.h"
#include "intake.h"
#include "nba/base/assert.h"
#include "nba/base/version.h"
#include "nba/policy/funnel.h"
#include "pipeline_metrics.h"

/* Records of a wave, those without a decision included. */
#define WAVE_ITEMS_MAX 128u
/* One encoded message: a decision with its 50 explained candidates is some 20 KB. */
#define ENCODED_BYTES_MAX (4u << 20)
/* Two waves of scores for the largest catalogue fit many times. */
#define SCRATCH_BYTES_MAX ((size_t)512 << 20)

/* One record on its way through a wave. */
struct item {
    struct nba_task *task;
    const struct nba_record *record;
    struct nba_event event;
    struct nba_error why; /* of a dead letter; NBA_OK else */
    struct nba_hcp *hcp;  /* NULL: dead letter or control_tick */
    enum nba_arrival arrival;
    int64_t now_ms, watermark_ms;
    struct nba_score_job *job; /* NULL: no decision */
};

struct nba_pipeline {
    struct nba_pipeline_options options;
    struct nba_decoder *decoder;
    struct nba_scorer *scorer;
    struct nba_emitter emitter;
    struct nba_pipeline_metrics metrics;

    /* of the present transaction */
    struct nba_side *side;
    struct nba_funnel *funnel; /* of the side's policy, catalogue and control state */
    struct nba_arena *arena;   /* the transaction's: overlays, outbox */
    struct nba_arena scratch;  /* the wave's: events, scores, decisions until they are encoded */
    int64_t wall_ms;
    uint32_t timers_fired;

    struct item items[WAVE_ITEMS_MAX];
    size_t item_count;
    struct nba_score_job jobs[NBA_SCORE_WAVE];
    size_t job_count;
    /* The earliest moment at which an action that this wave may yet propose can expire: its timer is
     * in no record before the wave is emitted. */
    int64_t horizon_ms;
};

enum nba_status nba_pipeline_create(const struct nba_pipeline_options *options,
                                    struct nba_pipeline **ret_pipeline, struct nba_error *error)
{
    NBA_ASSERT(options->schemas != NULL && options->config != NULL);
    NBA_ASSERT(options->wave_max <= NBA_SCORE_WAVE);
    struct nba_pipeline *pipeline = calloc(1, sizeof(*pipeline));
    if (pipeline == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory creating a pipeline");
    }
    pipeline->options = *options;
    if (pipeline->options.wave_max == 0) {
        pipeline->options.wave_max = NBA_SCORE_WAVE;
    }
    pipeline->emitter.schemas = options->schemas;
    pipeline->emitter.config = options->config;
    nba_buf_init(&pipeline->emitter.encoded, ENCODED_BYTES_MAX);
    nba_arena_init(&pipeline->scratch, SCRATCH_BYTES_MAX);
    nba_pipeline_metrics_init(&pipeline->metrics, options->metrics);
    enum nba_status status = nba_decoder_create(options->schemas, &pipeline->decoder, error);
    if (status == NBA_OK) {
        status = nba_scorer_create(&pipeline->scorer, error);
    }
    if (status != NBA_OK) {
        nba_pipeline_destroy(pipeline);
        return status;
    }
    *ret_pipeline = pipeline;
    return NBA_OK;
}

void nba_pipeline_destroy(struct nba_pipeline *pipeline)
{
    if (pipeline != NULL) {
        nba_funnel_destroy(pipeline->funnel);
        nba_side_unref(pipeline->side);
        nba_scorer_destroy(pipeline->scorer);
        nba_decoder_destroy(pipeline->decoder);
        nba_buf_clear(&pipeline->emitter.encoded);
        nba_arena_clear(&pipeline->scratch);
        free(pipeline);
    }
}

/* ---- transaction ---- */

enum nba_status nba_pipeline_begin(struct nba_pipeline *pipeline, struct nba_side *side,
                                   struct nba_arena *arena, struct nba_outbox *outbox,
                                   int64_t wall_ms, struct nba_error *error)
{
    if (side != pipeline->side) {
        struct nba_funnel *funnel = NULL;
        const enum nba_status status =
            nba_funnel_create(side->policy, side->catalog, side->control, &funnel, error);
        if (status != NBA_OK) {
            return status;
        }
        nba_funnel_destroy(pipeline->funnel);
        nba_side_unref(pipeline->side);
        pipeline->funnel = funnel;
        pipeline->side = nba_side_ref(side);
    }
    pipeline->arena = arena;
    pipeline->emitter.outbox = outbox;
    pipeline->wall_ms = wall_ms;
    pipeline->timers_fired = 0;
    pipeline->item_count = 0;
    pipeline->job_count = 0;
    pipeline->horizon_ms = INT64_MAX;
    return NBA_OK;
}

static bool clock_is_wall(const struct nba_pipeline *pipeline)
{
    switch (pipeline->options.config->clock) {
    case NBA_CONFIG_CLOCK_EVENT:
        return false;
    case NBA_CONFIG_CLOCK_WALL:
        return true;
    case NBA_CONFIG_CLOCK_POLICY:
        break;
    }
    return nba_policy_clock(pipeline->side->policy) == NBA_POLICY_CLOCK_WALL;
}

enum nba_status nba_pipeline_open_task(struct nba_pipeline *pipeline, struct nba_task *task,
                                       struct nba_error *error)
{
    nba_task_begin(task, pipeline->arena);
    struct nba_meta *meta = nba_task_meta(task);
    /* With the event clock, wall time is no side input: it must not enter journal or state. */
    const int64_t wall_ms = clock_is_wall(pipeline) ? pipeline->wall_ms : NBA_TIME_NONE;
    const struct nba_journal now = nba_side_journal(pipeline->side, meta->input_next, wall_ms);
    if (!nba_meta_differs(meta, &now)) {
        return NBA_OK;
    }
    const enum nba_status status = nba_meta_adopt(meta, &now, error);
    if (status != NBA_OK) {
        return status;
    }
    if (wall_ms != NBA_TIME_NONE && wall_ms > meta->clock_ms) {
        meta->clock_ms = wall_ms;
    }
    char src[64];
    (void)snprintf(src, sizeof(src), "journal:%lld", (long long)meta->input_next);
    const struct nba_origin origin = {nba_str_of(src), nba_task_partition(task)};
    nba_emit_journal(&pipeline->emitter, origin, &now);
    return NBA_OK;
}

/* ---- texts ---- */

static struct nba_str print(struct nba_pipeline *pipeline, const char *prefix, struct nba_str a,
                            const char *between, struct nba_str b)
{
    const size_t bytes = strlen(prefix) + a.bytes + strlen(between) + b.bytes;
    char *text = nba_arena_take(&pipeline->scratch, bytes + 1);
    if (text == NULL) {
        pipeline->emitter.outbox->failed = true;
        return nba_str(NULL, 0);
    }
    (void)snprintf(text, bytes + 1, "%s%.*s%s%.*s", prefix, NBA_STR_ARG(a), between,
                   NBA_STR_ARG(b));
    return nba_str(text, bytes);
}

/* ---- one item leaves ---- */

static struct nba_decision decision_head(struct nba_pipeline *pipeline, const struct item *item,
                                         enum nba_decision_kind kind, enum nba_reason reason)
{
    const struct nba_side *side = pipeline->side;
    return (struct nba_decision){
        .decision_id = print(pipeline, "dec:", item->event.source, "#", item->event.event_id),
        .kind = kind,
        .reason = reason,
        .hcp_id = item->event.hcp_id,
        .trigger_event_id = item->event.event_id,
        .decision_time_ms = item->now_ms,
        .watermark_ms = item->watermark_ms,
        .policy_version = nba_policy_version(side->policy),
        .policy_hash = nba_policy_hash(side->policy),
        .model_version = nba_str_of(nba_score_binding_version(side->binding)),
        .engine_version = nba_str_of(NBA_ENGINE_VERSION),
    };
}

/* Takes back what may no longer stand: messages out, actions closed, and the list for the record. */
static enum nba_status recall(struct nba_pipeline *pipeline, const struct item *item,
                              struct nba_origin origin, struct nba_decision *decision)
{
    const struct nba_recall *recalls = NULL;
    uint32_t count = 0;
    if (item->hcp->action_count == 0) {
        return NBA_OK;
    }
    enum nba_status status = nba_funnel_recall(pipeline->funnel, item->hcp, item->now_ms,
                                               &pipeline->scratch, &recalls, &count);
    if (status != NBA_OK || count == 0) {
        return status;
    }
    struct nba_closed_action *closed = nba_arena_take(&pipeline->scratch, count * sizeof(*closed));
    if (closed == NULL) {
        return NBA_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct nba_recall_request request = {
            .hcp = item->hcp,
            .open_index = recalls[i].open_index,
            .reason = recalls[i].reason,
            .now_ms = item->now_ms,
            .trigger_event_id = item->event.event_id,
            .engine_version = nba_str_of(NBA_ENGINE_VERSION),
        };
        struct nba_action action;
        status =
            nba_funnel_recalled_action(pipeline->funnel, &request, &pipeline->scratch, &action);
        if (status != NBA_OK) {
            return status;
        }
        nba_emit_action(&pipeline->emitter, origin, &action);
        nba_pipeline_metrics_action(&pipeline->metrics, &action);
        closed[i] = (struct nba_closed_action){action.action_id, recalls[i].reason};
    }
    for (uint32_t i = 0; i < count; i++) {
        (void)nba_hcp_close_action(item->hcp, closed[i].action_id);
    }
    decision->closed = closed;
    decision->closed_count = count;
    return NBA_OK;
}

/* What the decision stood on, for training and for people who ask later. */
static void fill_features(const struct nba_hcp *hcp, struct nba_feature *features)
{
    static const struct {
        const char *name;
        enum nba_channel channel;
    } rates[] = {{"rate_email", NBA_CHANNEL_EMAIL},
                 {"rate_event", NBA_CHANNEL_EVENT},
                 {"rate_rep", NBA_CHANNEL_REP},
                 {"rate_sms", NBA_CHANNEL_SMS},
                 {"rate_web", NBA_CHANNEL_WEB}};
    features[0] = (struct nba_feature){"engagements", (double)hcp->pushed};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(rates); i++) {
        features[i + 1] = (struct nba_feature){
            rates[i].name, nba_round9(nba_hcp_channel_rate(hcp, rates[i].channel))};
    }
    features[NBA_ARRAY_COUNT(rates) + 1] = (struct nba_feature){"touches", (double)hcp->touches};
}
#define FEATURE_COUNT 7u

/* The open action that a proposal leaves behind in the HCP's record. */
static struct nba_open_action open_action(const struct nba_side *side,
                                          const struct nba_action *action)
{
    struct nba_open_action open = {
        .action_id = action->action_id,
        .decision_id = action->decision_id,
        .content_id = action->content_id,
        .content_version = action->content_version,
        .family_id = action->content_id,
        .brand = action->brand,
        .campaign_id = action->campaign_id,
        .rep_id = action->rep_id,
        .channel = action->channel,
        .action_type = action->action_type,
        .rank = action->rank,
        .slate_size = action->slate_size,
        .priority = action->priority,
        .proposed_at_ms = action->time_ms,
        .expires_at_ms = action->expires_at_ms,
    };
    const uint32_t k = nba_catalog_find_content(side->catalog, action->content_id);
    if (k != NBA_CATALOG_NONE) {
        open.family_id = side->catalog->words[side->catalog->content_family[k]];
        open.topic = side->catalog->words[side->catalog->content_topic[k]];
    }
    return open;
}

static void put_state_vector(struct nba_pipeline *pipeline, const struct item *item)
{
    const size_t floats = nba_score_binding_state_floats(pipeline->side->binding);
    if (floats != 0) {
        const char *release = nba_release_id(pipeline->side->release);
        const struct nba_vector_tag tag = {
            .release = nba_xxh64(release, strlen(release)),
            .pushed = item->job->pushed,
            .start = item->job->start,
        };
        nba_task_put_vector(item->task, item->hcp->hcp_id, NBA_VECTOR_CHAMPION_SEQUENCE, &tag,
                            item->job->state, (uint32_t)floats);
    }
}

static enum nba_status decide(struct nba_pipeline *pipeline, const struct item *item,
                              struct nba_origin origin, const struct nba_decision *head)
{
    const struct nba_decide_request request = {
        .scores = &item->job->scores,
        .hcp = item->hcp,
        .event = &item->event,
        .decision_id = head->decision_id,
        .trigger_event_id = item->event.event_id,
        .now_ms = item->now_ms,
        .watermark_ms = item->watermark_ms,
        .top_n = (uint32_t)pipeline->options.config->slate_top_n,
        .engine_version = nba_str_of(NBA_ENGINE_VERSION),
    };
    struct nba_decide_result result;
    struct nba_feature *features =
        nba_arena_take(&pipeline->scratch, FEATURE_COUNT * sizeof(*features));
    if (features == NULL) {
        return NBA_E_NO_MEMORY;
    }
    const enum nba_status status =
        nba_funnel_decide(pipeline->funnel, &request, &pipeline->scratch, &result);
    if (status != NBA_OK) {
        return status;
    }
    fill_features(item->hcp, features);
    put_state_vector(pipeline, item);
    result.decision.closed = head->closed;
    result.decision.closed_count = head->closed_count;
    result.decision.features = features;
    result.decision.feature_count = FEATURE_COUNT;
    for (uint32_t i = 0; i < result.action_count; i++) {
        const struct nba_open_action open = open_action(pipeline->side, &result.actions[i]);
        if (!nba_hcp_add_action(item->hcp, &open)) {
            /* Sixteen open actions nobody has sent yet: what can't be recalled isn't proposed. */
            result.action_count = i;
            result.decision.selected_count = i;
            result.slate.action_count = i;
            nba_counter_add(pipeline->metrics.actions_refused, 1);
            break;
        }
        nba_emit_action(&pipeline->emitter, origin, &result.actions[i]);
        nba_pipeline_metrics_action(&pipeline->metrics, &result.actions[i]);
    }
    if (result.has_slate) {
        nba_emit_slate(&pipeline->emitter, origin, &result.slate);
    }
    nba_emit_decision(&pipeline->emitter, origin, &result.decision);
    nba_pipeline_metrics_decision(&pipeline->metrics, &result.decision);
    return NBA_OK;
}

static enum nba_status emit_item(struct nba_pipeline *pipeline, const struct item *item)
{
    char src[NBA_SRC_BYTES];
    nba_emit_src(item->record, src);
    const struct nba_origin origin = {nba_str_of(src), nba_task_partition(item->task)};
    if (item->why.status != NBA_OK) {
        nba_emit_deadletter(&pipeline->emitter, origin, item->record, &item->why);
        nba_pipeline_metrics_deadletter(&pipeline->metrics, item->why.status);
        return NBA_OK;
    }
    struct nba_decision decision =
        decision_head(pipeline, item, NBA_DECISION_UPDATED, NBA_REASON_NONE);
    if (item->hcp != NULL) {
        if (item->arrival == NBA_ARRIVAL_DUPLICATE || item->arrival == NBA_ARRIVAL_LATE) {
            decision.kind = NBA_DECISION_SKIPPED;
            decision.reason = item->arrival == NBA_ARRIVAL_LATE ? NBA_REASON_LATE_EVENT
                                                                : NBA_REASON_DUPLICATE_EVENT;
        }
        const enum nba_status status = recall(pipeline, item, origin, &decision);
        if (status != NBA_OK) {
            return status;
        }
    }
    if (item->job != NULL) {
        return decide(pipeline, item, origin, &decision);
    }
    nba_emit_decision(&pipeline->emitter, origin, &decision);
    nba_pipeline_metrics_decision(&pipeline->metrics, &decision);
    return NBA_OK;
}

static enum nba_status flush_wave(struct nba_pipeline *pipeline, struct nba_error *error)
{
    if (pipeline->job_count != 0) {
        const enum nba_status status =
            nba_scorer_run(pipeline->scorer, pipeline->side->binding, pipeline->jobs,
                           pipeline->job_count, &pipeline->scratch, error);
        if (status != NBA_OK) {
            return status;
        }
    }
    for (size_t i = 0; i < pipeline->item_count; i++) {
        const enum nba_status status = emit_item(pipeline, &pipeline->items[i]);
        if (status != NBA_OK) {
            return nba_error_set(error, status, "cannot emit a decision: %s",
                                 nba_status_text(status));
        }
    }
    pipeline->item_count = 0;
    pipeline->job_count = 0;
    pipeline->horizon_ms = INT64_MAX;
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

static struct nba_str specialty_of(const struct nba_hcp *hcp)
{
    return hcp->profile.specialty_count != 0 ? hcp->profile.specialties[0] : nba_str(NULL, 0);
}

/* Without a release popularity is what this partition has seen so far, this event included. */
static bool read_tally(struct nba_pipeline *pipeline, struct nba_task *task,
                       const struct nba_hcp *hcp, struct nba_score_tally *ret_tally)
{
    const struct nba_catalog *catalog = pipeline->side->catalog;
    uint32_t *counts = nba_arena_take(&pipeline->scratch,
                                      (2 * (size_t)catalog->content_count + 1) * sizeof(*counts));
    if (counts == NULL) {
        return false;
    }
    uint32_t *everyone = counts + catalog->content_count;
    const struct nba_str specialty = specialty_of(hcp);
    nba_task_counts(task, 0, catalog->content_hash, catalog->content_count, everyone);
    if (specialty.bytes != 0) {
        nba_task_counts(task, nba_content_hash(specialty), catalog->content_hash,
                        catalog->content_count, counts);
    } else {
        memcpy(counts, everyone, catalog->content_count * sizeof(*counts));
    }
    *ret_tally = (struct nba_score_tally){.segment = counts, .everyone = everyone};
    return true;
}

static void count_engagement(struct nba_task *task, const struct nba_hcp *hcp,
                             const struct nba_event *event)
{
    const uint32_t content = nba_content_hash(event->content_id);
    const struct nba_str specialty = specialty_of(hcp);
    nba_task_count(task, 0, content);
    if (specialty.bytes != 0) {
        nba_task_count(task, nba_content_hash(specialty), content);
    }
}

static bool add_job(struct nba_pipeline *pipeline, struct item *item)
{
    struct nba_score_job *job = &pipeline->jobs[pipeline->job_count];
    const size_t floats = nba_score_binding_state_floats(pipeline->side->binding);
    *job = (struct nba_score_job){.hcp = item->hcp};
    if (pipeline->side->release == NULL) {
        if (!read_tally(pipeline, item->task, item->hcp, &job->tally)) {
            return false;
        }
    } else if (floats != 0) {
        job->state = nba_arena_take(&pipeline->scratch, floats * sizeof(*job->state));
        if (job->state == NULL) {
            return false;
        }
        const char *release = nba_release_id(pipeline->side->release);
        uint32_t count = 0;
        struct nba_vector_tag tag = {.release = nba_xxh64(release, strlen(release)),
                                     .pushed = item->hcp->pushed};
        nba_hcp_window(item->hcp, nba_release_window_events(pipeline->side->release), &tag.start,
                       &count);
        if (nba_task_get_earlier_vector(item->task, item->hcp->hcp_id, NBA_VECTOR_CHAMPION_SEQUENCE,
                                        &tag, (uint32_t)floats, job->state, &job->known_pushed)) {
            job->known_start = tag.start;
        }
    }
    for (unsigned channel = 1; channel < NBA_CHANNEL_COUNT; channel++) {
        const int64_t expires_ms =
            nba_policy_expires_at(pipeline->side->policy, (enum nba_channel)channel, item->now_ms);
        pipeline->horizon_ms =
            expires_ms < pipeline->horizon_ms ? expires_ms : pipeline->horizon_ms;
    }
    item->job = job;
    pipeline->job_count++;
    return true;
}

static struct nba_content_facts facts_of(const struct nba_side *side, const struct nba_event *event)
{
    struct nba_content_facts facts = {.brand = event->brand};
    const uint32_t k = event->content_id.bytes != 0
                           ? nba_catalog_find_content(side->catalog, event->content_id)
                           : NBA_CATALOG_NONE;
    if (k != NBA_CATALOG_NONE) {
        facts.family_id = side->catalog->words[side->catalog->content_family[k]];
        facts.topic = side->catalog->words[side->catalog->content_topic[k]];
        facts.brand = side->catalog->words[side->catalog->content_brand[k]];
    }
    if (event->topic_ids.count != 0) {
        facts.topic = event->topic_ids.items[0];
    }
    return facts;
}

static enum nba_arrival arrival_of(const struct nba_pipeline *pipeline, const struct nba_hcp *hcp,
                                   const struct nba_event *event, int64_t watermark_ms)
{
    const struct nba_policy *policy = pipeline->side->policy;
    if (nba_hcp_is_duplicate(hcp, nba_event_hash(event->source, event->event_id), watermark_ms)) {
        return NBA_ARRIVAL_DUPLICATE;
    }
    if (nba_policy_is_late(policy, event->event_time_ms, watermark_ms)) {
        return NBA_ARRIVAL_LATE;
    }
    return nba_policy_ignores(policy, event) ? NBA_ARRIVAL_BOT : NBA_ARRIVAL_FRESH;
}

static enum nba_status take_event(struct nba_pipeline *pipeline, struct item *item,
                                  struct nba_error *error)
{
    const struct nba_event *event = &item->event;
    struct nba_hcp *hcp = NULL;
    enum nba_status status = nba_task_get(item->task, event->hcp_id, &hcp, error);
    if (status == NBA_OK && in_wave(pipeline, hcp)) {
        status = flush_wave(pipeline, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    const struct nba_content_facts facts = facts_of(pipeline->side, event);
    item->hcp = hcp;
    item->arrival = arrival_of(pipeline, hcp, event, item->watermark_ms);
    nba_hcp_apply_event(hcp, event, &facts, item->watermark_ms, item->arrival);
    if (hcp->failed) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "transaction is too large for its memory");
    }
    if (item->arrival != NBA_ARRIVAL_FRESH) {
        return NBA_OK;
    }
    if (pipeline->side->release == NULL && nba_event_in_ring(event)) {
        count_engagement(item->task, hcp, event);
    }
    if (nba_policy_decides_on(pipeline->side->policy, event) && !add_job(pipeline, item)) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "transaction is too large for its memory");
    }
    return NBA_OK;
}

/* Fires what is due at or before `now_ms`, each with the clock at its own due time. */
static enum nba_status fire_timers(struct nba_pipeline *pipeline, struct nba_task *task,
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
        enum nba_status status = nba_task_next_timer(task, now_ms, &found, &hcp, &timer, error);
        if (status != NBA_OK || !found) {
            return status;
        }
        if (pipeline->timers_fired == NBA_TIMERS_PER_TRANSACTION_MAX) {
            *ret_more = true;
            return NBA_OK;
        }
        if (in_wave(pipeline, hcp)) {
            status = flush_wave(pipeline, error);
            if (status != NBA_OK) {
                return status;
            }
            continue; /* the wave may have moved this HCP's timers */
        }
        pipeline->timers_fired++;
        struct nba_meta *meta = nba_task_meta(task);
        meta->clock_ms = timer.due_ms > meta->clock_ms ? timer.due_ms : meta->clock_ms;
        /* An expired action was published with its expires_at: it ends without a message. */
        NBA_ASSERT(timer.kind == NBA_TIMER_EXPIRY);
        (void)nba_hcp_remove_timer(hcp, timer.kind, timer.id);
        (void)nba_hcp_close_action(hcp, timer.id);
        nba_counter_add(pipeline->metrics.timers, 1);
    }
}

/* Decodes the record, moves the clocks, applies the event.  *ret_full: a timer is left, come again. */
static enum nba_status take_in(struct nba_pipeline *pipeline,
                               const struct nba_pipeline_item *source, bool *ret_full,
                               struct nba_error *error)
{
    struct item item = {.task = source->task, .record = source->record};
    if (pipeline->item_count == 0) {
        nba_arena_reset(&pipeline->scratch);
    }
    struct nba_meta *meta = nba_task_meta(source->task);
    enum nba_status status = nba_intake(pipeline->decoder, pipeline->side->policy, source->record,
                                        &pipeline->scratch, &item.event, &item.why);
    if (status != NBA_OK && nba_status_class(status) != NBA_CLASS_SKIP) {
        return nba_error_set(error, status, "%s", item.why.message);
    }
    item.why.status = status;
    if (status == NBA_OK) {
        const int64_t watermark_ms = item.event.event_time_ms > meta->watermark_ms
                                         ? item.event.event_time_ms
                                         : meta->watermark_ms;
        if (!clock_is_wall(pipeline)) {
            status = fire_timers(pipeline, source->task, watermark_ms, ret_full, error);
            if (status != NBA_OK || *ret_full) {
                return status;
            }
            meta->clock_ms = watermark_ms > meta->clock_ms ? watermark_ms : meta->clock_ms;
        }
        meta->watermark_ms = watermark_ms;
        item.watermark_ms = watermark_ms;
        item.now_ms = meta->clock_ms;
        if (item.event.type != NBA_EVENT_CONTROL_TICK) {
            status = take_event(pipeline, &item, error);
            if (status != NBA_OK) {
                return status;
            }
        }
    }
    meta->input_next = source->record->offset + 1;
    pipeline->items[pipeline->item_count++] = item;
    return NBA_OK;
}

enum nba_status nba_pipeline_run(struct nba_pipeline *pipeline,
                                 const struct nba_pipeline_item *items, size_t count,
                                 size_t *ret_done, struct nba_error *error)
{
    size_t done = 0;
    bool full = false;
    while (done < count && !full) {
        const enum nba_status status = take_in(pipeline, &items[done], &full, error);
        if (status != NBA_OK) {
            return status;
        }
        done += full ? 0 : 1;
        if (pipeline->item_count == WAVE_ITEMS_MAX ||
            pipeline->job_count == pipeline->options.wave_max) {
            const enum nba_status flushed = flush_wave(pipeline, error);
            if (flushed != NBA_OK) {
                return flushed;
            }
        }
    }
    const enum nba_status status = flush_wave(pipeline, error);
    if (status == NBA_OK) {
        *ret_done = done;
    }
    return status;
}

enum nba_status nba_pipeline_timers(struct nba_pipeline *pipeline, struct nba_task *task,
                                    bool *ret_more, struct nba_error *error)
{
    *ret_more = false;
    if (!clock_is_wall(pipeline)) {
        return NBA_OK;
    }
    return fire_timers(pipeline, task, nba_task_meta(task)->clock_ms, ret_more, error);
}
