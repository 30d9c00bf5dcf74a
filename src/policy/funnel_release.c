/*
 * A held action at its release: stages 1 to 8 once more, itself and its own contact left out, then
 * quiet hours, which may be other ones by now.  What was chosen before (priority, drivers, the
 * place in the slate) stays; treatment, rep and language are those of today.
 */
#include "funnel_internal.h"
#include "nba/base/assert.h"

/* Stage 0 to 8; the first reason that stops it. */
static enum nba_reason judge(struct nba_funnel *funnel, const struct moment *moment, uint32_t c)
{
    const enum nba_mode mode = nba_funnel_mode(funnel);
    if (mode != NBA_MODE_LIVE) {
        return mode == NBA_MODE_STOPPED ? NBA_REASON_STOPPED : NBA_REASON_SHADOW;
    }
    if (moment->now_ms >= moment->released->expires_at_ms) {
        return NBA_REASON_EXPIRED;
    }
    if (c == NBA_CATALOG_NONE) {
        return NBA_REASON_CONTENT_WITHDRAWN;
    }
    nba_funnel_judge_gates(funnel, moment);
    nba_funnel_mark(funnel, moment);
    const uint8_t reasons[] = {
        funnel->unit_reason[funnel->engagements.unit[c]],
        nba_funnel_date_reason(funnel->catalog, c, moment->now_ms),
        nba_funnel_mark_reason(funnel, c),
    };
    uint8_t first = REASON_ABSENT;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(reasons); i++) {
        first = reasons[i] < first ? reasons[i] : first;
    }
    return first == REASON_ABSENT ? NBA_REASON_NONE : (enum nba_reason)first;
}

enum nba_status nba_funnel_release(struct nba_funnel *whole,
                                   const struct nba_recall_request *request,
                                   struct nba_arena *arena, struct nba_release *ret_release)
{
    const struct nba_open_action *open = &request->hcp->actions[request->open_index];
    const struct nba_held_action *held = nba_hcp_find_held(request->hcp, open->action_id);
    const bool nameless = open->content_id.bytes == 0;
    struct nba_funnel *own = NULL; /* judges an action without a content */
    struct moment moment;
    struct nba_str *topic = nba_arena_zeros(arena, 1, sizeof(*topic));
    NBA_ASSERT(request->open_index < request->hcp->action_count && held != NULL);
    if (topic == NULL ||
        (nameless && nba_funnel_create_open(whole, request->hcp, open, &own, NULL) != NBA_OK)) {
        return NBA_E_NO_MEMORY;
    }
    struct nba_funnel *funnel = nameless ? own : whole;
    nba_funnel_moment(funnel, request->hcp, NULL, request->now_ms, &moment);
    moment.released = open;
    moment.capacity = request->capacity;
    nba_funnel_plan_channels(funnel, &moment);
    const uint32_t c = nameless ? 0 : nba_funnel_candidate_of(funnel->catalog, open);
    struct nba_release release = {.reason = judge(funnel, &moment, c), .until_ms = request->now_ms};
    if (release.reason == NBA_REASON_NONE) {
        const struct plan plan = nba_funnel_plan(funnel, &moment, c);
        const bool discarded = plan.reason == NBA_REASON_DISCARDED_QUIET_HOURS;
        release.until_ms = plan.at_ms;
        release.reason = discarded                           ? plan.reason
                         : plan.at_ms >= open->expires_at_ms ? NBA_REASON_EXPIRED
                                                             : NBA_REASON_NONE;
        const struct nba_str brand = nba_catalog_content(funnel->catalog, c)->brand;
        const struct nba_zone *zone = nba_funnel_zone(funnel, &moment, brand);
        release.tz = nba_str_of(zone != NULL ? nba_zone_name(zone) : "");
    }
    struct nba_action *action = &release.action;
    nba_funnel_open_action(whole, &moment, open, topic, action);
    if (nameless && open->rep_id.bytes != 0) {
        action->rep_id = moment.persons[NBA_CONTENT_CLASS_PROMOTIONAL].rep_id;
    } else if (!nameless && c != NBA_CATALOG_NONE) {
        nba_funnel_fill_treatment(funnel, &moment, c, action);
    }
    nba_funnel_destroy(own);
    action->propensity = held->propensity;
    action->sampled_propensity = held->sampled_propensity;
    action->context_weight = held->context_weight;
    action->value = held->value;
    action->lever_weight = held->lever_weight;
    action->selection_probability = held->selection_probability;
    action->time_ms = request->now_ms;
    action->not_before_ms = release.until_ms;
    action->best_send_time_ms = release.until_ms;
    action->model_version = held->model_version;
    action->engine_version = request->engine_version;
    action->trigger_event_id = held->trigger_event_id;
    if (!nba_funnel_fill_drivers(held, request->hcp->profile.language, open->topic, arena,
                                 action)) {
        return NBA_E_NO_MEMORY;
    }
    *ret_release = release;
    return NBA_OK;
}
