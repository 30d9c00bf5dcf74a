/* One decision leaves: recalls first, then the funnel, its open actions, and the messages. */
#include <string.h>

#include "nba/base/hash.h"
#include "nba/base/str_put.h"
#include "nba/base/version.h"
#include "pipeline_internal.h"

static struct nba_str print(struct nba_pipeline *pipeline, const char *prefix, struct nba_str a,
                            const char *between, struct nba_str b)
{
    const size_t bytes = strlen(prefix) + a.bytes + strlen(between) + b.bytes;
    char *text = nba_arena_need(&pipeline->said, bytes + 1);
    char *at = nba_str_put(text, nba_str_of(prefix));
    at = nba_str_put(at, a);
    at = nba_str_put(at, nba_str_of(between));
    (void)nba_str_put(at, b);
    return nba_str(text, bytes);
}

#define FEATURE_COUNT 8u

/* What a decision stood on, for training and for people who ask later. */
static const struct nba_feature *list_features(struct nba_pipeline *pipeline,
                                               const struct nba_hcp_features *features)
{
    static const struct {
        const char *name;
        enum nba_channel channel;
    } rates[] = {{"rate_email", NBA_CHANNEL_EMAIL},
                 {"rate_event", NBA_CHANNEL_EVENT},
                 {"rate_rep", NBA_CHANNEL_REP},
                 {"rate_sms", NBA_CHANNEL_SMS},
                 {"rate_web", NBA_CHANNEL_WEB}};
    struct nba_feature *list = nba_arena_need(&pipeline->said, FEATURE_COUNT * sizeof(*list));
    list[0] = (struct nba_feature){nba_str_of("engagements"), (double)features->engagements};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(rates); i++) {
        const enum nba_channel channel = rates[i].channel;
        list[i + 1] = (struct nba_feature){
            nba_str_of(rates[i].name),
            nba_round9(nba_channel_rate(features->engaged[channel], features->trials[channel]))};
    }
    list[FEATURE_COUNT - 2] =
        (struct nba_feature){nba_str_of("touches"), (double)features->touches};
    list[FEATURE_COUNT - 1] =
        (struct nba_feature){nba_str_of("week_events"), (double)features->week_events};
    return list;
}

/* What the event says of an action; NULL: nothing. */
static const struct nba_feedback *feedback_of(struct nba_pipeline *pipeline,
                                              const struct nba_wave_item *item)
{
    const struct nba_awaited_action *action = item->joined.action;
    if (action == NULL) {
        return NULL;
    }
    struct nba_feedback *feedback = nba_arena_need(&pipeline->said, sizeof(*feedback));
    *feedback = (struct nba_feedback){
        .action_id = action->action_id,
        .content_id = action->content_id,
        .action_type = action->action_type,
        .channel = action->channel,
        .decided_ms = action->decided_ms,
        .outcome = item->joined.outcome,
        .unique = item->joined.unique,
        .dismiss_reason = item->event.dismiss_reason,
        .value = item->event.value,
        .features = list_features(pipeline, &action->features),
        .feature_count = FEATURE_COUNT,
    };
    return feedback;
}

struct nba_decision nba_wave_decision(struct nba_pipeline *pipeline,
                                      const struct nba_wave_item *item, enum nba_decision_kind kind,
                                      enum nba_reason reason)
{
    const struct nba_side *side = pipeline->side;
    const struct nba_experiment experiment =
        item->hcp != NULL ? nba_policy_assign(side->policy, item->hcp->hcp_id, item->now_ms)
                          : (struct nba_experiment){.bucket = 0};
    return (struct nba_decision){
        .decision_id = print(pipeline, "dec:", item->event.source, "#", item->event.event_id),
        .kind = kind,
        .reason = reason,
        .hcp_id = item->event.hcp_id,
        .trigger_event_id = item->cause,
        .decision_time_ms = item->now_ms,
        .watermark_ms = item->watermark_ms,
        .policy_version = nba_policy_head(side->policy)->version,
        .policy_hash = nba_policy_head(side->policy)->hash,
        .model_version = nba_str_of(nba_lane_model_version(pipeline, item->hcp, item->now_ms)),
        .engine_version = nba_str_of(NBA_ENGINE_VERSION),
        .arm = experiment.arm,
        .bucket = experiment.bucket,
        .feedback = feedback_of(pipeline, item),
    };
}

void nba_wave_close(struct nba_pipeline *pipeline, struct nba_hcp *hcp, struct nba_str action_id,
                    enum nba_contact_end end)
{
    const uint32_t key = nba_hcp_text_hash(action_id);
    const struct nba_ledger_entry *contact = nba_hcp_ledger_find(hcp, key);
    const bool held = nba_hcp_find_held(hcp, action_id) != NULL; /* can't have been sent */
    (void)nba_hcp_close_action(hcp, action_id);
    if (contact == NULL || contact->committed) {
        return;
    }
    if (contact->ghost && end == NBA_CONTACT_EXPIRED) {
        /* Nobody says that a ghost was sent: it counts as if it had been when it was planned. */
        (void)nba_hcp_ledger_commit(hcp, key, contact->time_ms);
    } else if (held || nba_policy_releases(pipeline->side->policy, end)) {
        (void)nba_hcp_ledger_release(hcp, key);
    }
}

static bool is_requested(const struct nba_pipeline *pipeline, const struct nba_action *action)
{
    return nba_policy_limits_rep(pipeline->side->policy, action->channel, action->rep_id);
}

static void emit_action(struct nba_pipeline *pipeline, struct nba_origin origin,
                        const struct nba_action *action)
{
    nba_emit_action(&pipeline->emitter, origin, action);
    nba_pipeline_metrics_action(&pipeline->metrics, action);
}

void nba_wave_propose(struct nba_pipeline *pipeline, struct nba_origin origin, struct nba_hcp *hcp,
                      const struct nba_action *action)
{
    const struct nba_open_action *open = nba_hcp_find_action(hcp, action->action_id);
    const bool waits = nba_volume_ask(pipeline, origin, open, nba_str(NULL, 0), action);
    nba_hcp_set_waiting(hcp, action->action_id, waits);
    if (!waits) {
        nba_wave_say_action(pipeline, origin, open->flags, action);
    }
}

void nba_wave_say_action(struct nba_pipeline *pipeline, struct nba_origin origin, uint32_t flags,
                         const struct nba_action *action)
{
    ((flags & NBA_OPEN_ACTION_REQUESTED) != 0 ? nba_rep_request : emit_action)(pipeline, origin,
                                                                               action);
}

static void retract(struct nba_pipeline *pipeline, struct nba_origin origin,
                    const struct nba_open_action *open, const struct nba_action *action)
{
    const uint32_t unseen = NBA_OPEN_ACTION_HELD | NBA_OPEN_ACTION_GHOST | NBA_OPEN_ACTION_WAITING;
    if ((open->flags & unseen) == 0) {
        const bool requested = (open->flags & NBA_OPEN_ACTION_REQUESTED) != 0;
        (requested ? nba_rep_withdraw : emit_action)(pipeline, origin, action);
    }
    nba_volume_end(pipeline, origin, action->hcp_id, open, action->time_ms, action->recall_reason);
}

enum nba_status nba_wave_recall(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                                struct nba_origin origin, struct nba_decision *decision)
{
    const struct nba_recall *recalls = NULL;
    uint32_t count = 0;
    if (item->hcp->action_count == 0) {
        return NBA_OK;
    }
    const enum nba_status status = nba_funnel_recall(pipeline->funnel, item->hcp, item->now_ms,
                                                     &pipeline->said, &recalls, &count);
    if (status != NBA_OK || count == 0) {
        return status;
    }
    return nba_wave_take_back(pipeline, item, recalls, count, origin, decision);
}

enum nba_status nba_wave_take_back(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                                   const struct nba_recall *recalls, uint32_t count,
                                   struct nba_origin origin, struct nba_decision *decision)
{
    struct nba_closed_action *closed = nba_arena_need(&pipeline->said, count * sizeof(*closed));
    for (uint32_t i = 0; i < count; i++) {
        const struct nba_recall_request request = {
            .hcp = item->hcp,
            .open_index = recalls[i].open_index,
            .reason = recalls[i].reason,
            .now_ms = item->now_ms,
            .trigger_event_id = decision->trigger_event_id,
            .model_version = decision->model_version,
            .engine_version = nba_str_of(NBA_ENGINE_VERSION),
        };
        struct nba_action action;
        const enum nba_status status =
            nba_funnel_recalled_action(pipeline->funnel, &request, &pipeline->said, &action);
        if (status != NBA_OK) {
            return status;
        }
        retract(pipeline, origin, &item->hcp->actions[recalls[i].open_index], &action);
        closed[i] = (struct nba_closed_action){action.action_id, recalls[i].reason};
    }
    for (uint32_t i = 0; i < count; i++) {
        nba_wave_close(pipeline, item->hcp, closed[i].action_id, NBA_CONTACT_RECALLED);
    }
    decision->closed = closed;
    decision->closed_count = count;
    return NBA_OK;
}

enum nba_status nba_wave_take_back_all(struct nba_pipeline *pipeline,
                                       const struct nba_wave_item *item, enum nba_reason reason,
                                       struct nba_origin origin, struct nba_decision *decision)
{
    struct nba_recall recalls[NBA_HCP_ACTIONS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < item->hcp->action_count; i++) {
        if (nba_open_action_is_open(&item->hcp->actions[i], item->now_ms)) {
            recalls[count++] = (struct nba_recall){.open_index = i, .reason = reason};
        }
    }
    return nba_wave_take_back(pipeline, item, recalls, count, origin, decision);
}

/* The open action that a proposal leaves behind in the HCP's record. */
static struct nba_open_action open_action(const struct nba_side *side,
                                          const struct nba_fired *fired,
                                          const struct nba_action *action, uint32_t flags)
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
        .flags = flags,
    };
    const uint32_t k = nba_catalog_find_content(side->catalog, action->content_id);
    if (action->content_id.bytes == 0) {
        open.family_id = nba_funnel_family(fired->funnel);
        open.topic = action->topic_ids.count != 0 ? action->topic_ids.items[0] : open.topic;
    } else if (k != NBA_CATALOG_NONE) {
        open.family_id = side->catalog->words[side->catalog->content_family[k]];
        open.topic = side->catalog->words[side->catalog->content_topic[k]];
    }
    return open;
}

/* What the message of an action that waits needs at its release. */
static struct nba_held_action held_action(const struct nba_action *action, enum nba_reason reason)
{
    struct nba_held_action held = {
        .action_id = action->action_id,
        .planned_ms = action->not_before_ms,
        .reason = reason,
        .propensity = action->propensity,
        .sampled_propensity = action->sampled_propensity,
        .context_weight = action->context_weight,
        .value = action->value,
        .lever_weight = action->lever_weight,
        .selection_probability = action->selection_probability,
        .trigger_event_id = action->trigger_event_id,
        .model_version = action->model_version,
        .driver_count = action->driver_count,
    };
    for (uint32_t i = 0; i < action->driver_count; i++) {
        const struct nba_str_list *evidence = &action->drivers[i].evidence_event_ids;
        held.drivers[i] = action->drivers[i].code;
        held.driver_weights[i] = action->drivers[i].weight;
        for (; held.evidence_count < evidence->count && held.evidence_count < NBA_HCP_EVIDENCE_MAX;
             held.evidence_count++) { /* those that have some have the same */
            held.evidence[held.evidence_count] = evidence->items[held.evidence_count];
        }
    }
    return held;
}

/* What comes of the action counts from the time it is planned for. */
static void await_outcomes(const struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                           const struct nba_action *action, const struct nba_hcp_features *features)
{
    const struct nba_awaited_action awaited = {
        .action_id = action->action_id,
        .content_id = action->content_id,
        .action_type = action->action_type,
        .channel = action->channel,
        .decided_ms = action->time_ms,
        .until_ms =
            nba_policy_reward_until(pipeline->side->policy, action->channel, action->not_before_ms),
        .features = *features,
    };
    nba_hcp_await(item->hcp, &awaited,
                  nba_policy_oldest(pipeline->side->policy, item->watermark_ms));
}

/* The place that an action takes in the ledger until it is sent or ends. */
static void reserve_contact(struct nba_hcp *hcp, const struct nba_action *action,
                            const struct nba_open_action *open)
{
    /* A trigger has no event of its own, but those of its pattern. */
    const struct nba_str_list *why = &action->drivers[0].evidence_event_ids;
    const struct nba_ledger_entry contact = {
        .action_key = nba_hcp_text_hash(action->action_id),
        .brand_hash = nba_hcp_text_hash(open->brand),
        .family_hash = nba_hcp_text_hash(open->family_id),
        .channel = action->channel,
        .ghost = (open->flags & NBA_OPEN_ACTION_GHOST) != 0,
        .time_ms = action->not_before_ms,
        .expires_at_ms = action->expires_at_ms,
        .evidence_event_id =
            why->count != 0 ? why->items[why->count - 1] : action->trigger_event_id,
    };
    nba_hcp_ledger_reserve(hcp, &contact);
}

/* Every model's own list, when the audit asks for them. */
static void fill_rankings(struct nba_pipeline *pipeline, const struct nba_scores *scores,
                          struct nba_decision *decision)
{
    const struct nba_content *contents = pipeline->side->catalog->contents;
    struct nba_model_ranking *rankings =
        nba_arena_need(&pipeline->said, NBA_SCORE_MODELS * sizeof(*rankings));
    decision->rankings = rankings;
    decision->ranking_count = 0;
    for (unsigned r = 0; r < NBA_SCORE_MODELS; r++) {
        const uint32_t ranked = scores->ranking_count[r];
        struct nba_str *ids = nba_arena_need(&pipeline->said, (ranked + 1u) * sizeof(*ids));
        for (uint32_t i = 0; i < ranked; i++) {
            ids[i] = contents[scores->rankings[r][i]].content_id;
        }
        if (ranked != 0) {
            rankings[decision->ranking_count++] = (struct nba_model_ranking){
                .model = nba_str_of(nba_score_model_name((enum nba_score_model)r)),
                .content_ids = {ids, ranked},
            };
        }
    }
}

/* What was selected becomes open actions of the HCP, and goes out unless it waits. */
static void keep_actions(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                         struct nba_origin origin, const struct nba_hcp_features *features,
                         struct nba_decide_result *result)
{
    uint32_t held_count = 0;
    for (uint32_t i = 0; i < result->action_count; i++) {
        const uint32_t flags = result->ghosts ? NBA_OPEN_ACTION_GHOST
                               : is_requested(pipeline, &result->actions[i])
                                   ? NBA_OPEN_ACTION_REQUESTED
                                   : 0;
        const struct nba_open_action open =
            open_action(pipeline->side, item->fired, &result->actions[i], flags);
        const bool waits =
            !result->ghosts && result->actions[i].not_before_ms > result->actions[i].time_ms;
        const struct nba_held_action held =
            held_action(&result->actions[i],
                        waits ? result->decision.held[held_count].reason : NBA_REASON_NONE);
        if (!(waits ? nba_hcp_hold_action(item->hcp, &open, &held)
                    : nba_hcp_add_action(item->hcp, &open))) {
            /* Sixteen open actions nobody has sent yet: what can't be recalled isn't proposed. */
            nba_counter_add(pipeline->metrics.actions_refused, 1);
            if (!result->ghosts) {
                result->decision.selected_count = i;
                result->decision.held_count = held_count;
                result->slate.action_count = i - held_count;
            }
            break;
        }
        reserve_contact(item->hcp, &result->actions[i], &open);
        held_count += waits;
        if (!result->ghosts) {
            await_outcomes(pipeline, item, &result->actions[i], features);
        }
        if (result->ghosts || waits) {
            continue; /* nobody is told */
        }
        nba_wave_propose(pipeline, origin, item->hcp, &result->actions[i]);
    }
}

static void say_slate(struct nba_pipeline *pipeline, struct nba_origin origin,
                      struct nba_decide_result *result)
{
    if (result->ghosts) { /* a list of what is next would be a treatment too */
        result->slate.top_content_count = 0;
        memset(result->slate.channel_present, 0, sizeof(result->slate.channel_present));
    }
    if (result->has_slate) {
        nba_emit_slate(&pipeline->emitter, origin, &result->slate);
    }
}

enum nba_status nba_wave_say_slate(struct nba_pipeline *pipeline, struct nba_wave_item *item,
                                   struct nba_origin origin, struct nba_str decision_id,
                                   struct nba_error *error)
{
    struct nba_decide_result result;
    enum nba_status status = NBA_OK;
    if (!nba_wave_says_slates(pipeline)) {
        return NBA_OK;
    }
    status = nba_wave_score(pipeline, item, error);
    if (status != NBA_OK) {
        return status;
    }
    const struct nba_decide_request request = {
        .scores = &item->job->scores,
        .values = item->job->scores.values,
        .hcp = item->hcp,
        .capacity = pipeline->side->capacity,
        .decision_id = decision_id,
        .now_ms = item->now_ms,
        .watermark_ms = item->watermark_ms,
        .top_n = (uint32_t)pipeline->options.config->slate_top_n,
        .nothing_new = true,
        .engine_version = nba_str_of(NBA_ENGINE_VERSION),
    };
    status = nba_funnel_decide(pipeline->funnel, &request, &pipeline->said, &result);
    if (status == NBA_OK && result.decision.reason == NBA_REASON_STOPPED) {
        result.slate = (struct nba_slate){
            .decision_id = decision_id,
            .hcp_id = item->hcp->hcp_id,
            .tenant_id = nba_policy_head(pipeline->side->policy)->tenant,
            .time_ms = item->now_ms,
            .policy_version = nba_policy_head(pipeline->side->policy)->version,
            .model_version = nba_str_of(item->job->scores.model_version),
            .engine_version = request.engine_version,
        };
        result.has_slate = true; /* nothing is next for anybody */
    }
    if (status == NBA_OK) {
        say_slate(pipeline, origin, &result);
    }
    return status;
}

enum nba_status nba_wave_decide(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                                struct nba_origin origin, const struct nba_decision *head)
{
    const struct nba_config *config = pipeline->options.config;
    const struct nba_fired *fired = item->fired;
    const bool heard = pipeline->emitter.listener != NULL; /* who reads neither slate nor bytes */
    /* A trigger says nothing of what is next: the HCP's slate stays. */
    const bool slate = config->slate_publish && fired == NULL && !heard;
    const struct nba_scores *scores = fired != NULL ? &fired->scores : &item->job->scores;
    struct nba_decide_request request = {
        .scores = scores,
        .values = scores->values,
        .hcp = item->hcp,
        .event = fired != NULL ? NULL : &item->event,
        .capacity = pipeline->side->capacity,
        .decision_id = head->decision_id,
        .trigger_event_id = item->cause,
        .caused_ms = fired != NULL ? fired->due->due_ms : item->event.event_time_ms,
        .now_ms = item->now_ms,
        .watermark_ms = item->watermark_ms,
        .top_n = slate ? (uint32_t)config->slate_top_n : 0,
        .unpacked = heard,
        .engine_version = nba_str_of(NBA_ENGINE_VERSION),
    };
    if (fired != NULL) {
        request.evidence = (struct nba_str_list){fired->due->evidence, fired->due->evidence_count};
    }
    struct nba_decide_result result;
    struct nba_hcp_features features;
    const enum nba_status status = nba_funnel_decide(
        fired != NULL ? fired->funnel : pipeline->funnel, &request, &pipeline->said, &result);
    if (status != NBA_OK) {
        return status;
    }
    nba_hcp_features(item->hcp, item->watermark_ms, &features);
    result.decision.closed = head->closed;
    result.decision.closed_count = head->closed_count;
    result.decision.feedback = head->feedback;
    result.decision.features = list_features(pipeline, &features);
    result.decision.feature_count = FEATURE_COUNT;
    if (fired != NULL && result.action_count != 0) {
        nba_policy_trigger_fired(pipeline->side->policy, item->hcp, fired->due, item->now_ms);
    } else if (fired == NULL) {
        nba_lanes_keep(pipeline, item);
        fill_rankings(pipeline, scores, &result.decision);
    }
    keep_actions(pipeline, item, origin, &features, &result);
    if (slate) {
        say_slate(pipeline, origin, &result);
    }
    nba_emit_decision(&pipeline->emitter, origin, &result.decision);
    nba_pipeline_metrics_decision(&pipeline->metrics, &result.decision);
    return NBA_OK;
}
