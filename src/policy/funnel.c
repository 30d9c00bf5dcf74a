/* The order of the stages: the one file of the funnel that knows it. */
#include "nba/policy/funnel.h"

#include "funnel_internal.h"
#include "nba/base/assert.h"

static struct nba_decision head_of(const struct nba_funnel *funnel,
                                   const struct nba_decide_request *request,
                                   const struct moment *moment)
{
    return (struct nba_decision){
        .decision_id = request->decision_id,
        .kind = NBA_DECISION_DECIDED,
        .hcp_id = request->hcp->hcp_id,
        .trigger_event_id = request->trigger_event_id,
        .decision_time_ms = request->now_ms,
        .watermark_ms = request->watermark_ms,
        .policy_version = funnel->policy->head.version,
        .policy_hash = funnel->policy->head.hash,
        .model_version = nba_str_of(request->scores->model_version),
        .engine_version = request->engine_version,
        .arm = moment->experiment.arm,
        .bucket = moment->experiment.bucket,
    };
}

/* Places of the slate: no more than the HCP's record can keep open beside what is open now. */
static uint32_t places(const struct nba_funnel *funnel, const struct moment *moment)
{
    uint32_t open = 0;
    for (uint32_t i = 0; i < moment->hcp->action_count; i++) {
        open += nba_funnel_is_open(moment, &moment->hcp->actions[i]);
    }
    const uint32_t room = NBA_HCP_ACTIONS_MAX - open;
    return funnel->policy->slate.size < room ? funnel->policy->slate.size : room;
}

/* Why nothing is looked at; NONE: it is. */
static enum nba_reason skips(const struct nba_funnel *funnel,
                             const struct nba_decide_request *request)
{
    const struct nba_duration age = funnel->policy->max_trigger_age;
    const bool asks = request->caused_ms != 0 && (age.ms != 0 || age.months != 0);
    const bool stale = asks && request->now_ms >= nba_duration_add(request->caused_ms, age);
    return nba_funnel_mode(funnel) == NBA_MODE_STOPPED ? NBA_REASON_STOPPED
           : stale                                     ? NBA_REASON_STALE_TRIGGER
                                                       : NBA_REASON_NONE;
}

/* What was selected isn't emitted, for this reason. */
static void withhold(struct nba_funnel *funnel, struct selection *selection, enum nba_reason reason)
{
    for (uint32_t i = 0; i < selection->count; i++) {
        funnel->reason[selection->candidates[i]] = (uint8_t)reason;
    }
    selection->count = 0;
}

enum nba_status nba_funnel_decide(struct nba_funnel *funnel,
                                  const struct nba_decide_request *request, struct nba_arena *arena,
                                  struct nba_decide_result *ret_result)
{
    NBA_ASSERT(funnel != NULL && request != NULL && arena != NULL && ret_result != NULL);
    NBA_ASSERT(request->scores->candidate_count == funnel->catalog->candidate_count);
    NBA_ASSERT(request->scores->content_count == funnel->catalog->content_count);
    const enum nba_mode mode = nba_funnel_mode(funnel);
    struct moment moment;
    nba_funnel_moment(funnel, request->hcp, request->event, request->now_ms, &moment);
    moment.request = request;
    moment.capacity = request->capacity;
    struct nba_decide_result result = {.decision = head_of(funnel, request, &moment)};
    result.decision.reason = skips(funnel, request);
    if (result.decision.reason != NBA_REASON_NONE) {
        result.decision.kind = NBA_DECISION_SKIPPED;
        *ret_result = result;
        return NBA_OK;
    }
    struct selection selection = {.ranked_count = 0, .count = 0, .beyond_ranked = false};
    if (request->from_reason > moment.from_reason) {
        moment.from_reason = request->from_reason;
    }
    nba_funnel_plan_channels(funnel, &moment);
    nba_funnel_judge_gates(funnel, &moment);
    nba_funnel_weigh(funnel, &moment);
    nba_funnel_mark(funnel, &moment);
    nba_funnel_judge_candidates(funnel, request, &moment);
    const uint32_t size = request->nothing_new ? 0 : places(funnel, &moment);
    const uint32_t want = funnel->policy->audit_top + funnel->policy->slate.size;
    selection.ranked_count = nba_funnel_rank(funnel, request, want, selection.ranked);
    nba_funnel_fill_slate(funnel, request, &moment, size, &selection);
    nba_funnel_discard(funnel, &moment, &selection);
    if (mode == NBA_MODE_SHADOW) {
        withhold(funnel, &selection, NBA_REASON_SHADOW);
    }
    enum nba_status status =
        nba_funnel_write_actions(funnel, request, &moment, &selection, arena, &result.actions);
    result.action_count = selection.count;
    result.ghosts = moment.experiment.control_group;
    if (result.ghosts) {
        withhold(funnel, &selection, NBA_REASON_CONTROL_GROUP);
    }
    result.decision.selected = result.actions;
    result.decision.selected_count = selection.count;
    if (status == NBA_OK) {
        status = nba_funnel_list_held(funnel, &moment, &selection, arena, &result.decision);
    }
    if (status == NBA_OK) {
        status =
            nba_funnel_write_record(funnel, request, &moment, &selection, arena, &result.decision);
    }
    if (status == NBA_OK) {
        status = nba_funnel_write_slate(funnel, request, &moment, arena, &result);
    }
    if (status == NBA_OK) {
        *ret_result = result;
    }
    return status;
}

const uint8_t *nba_funnel_reasons(const struct nba_funnel *funnel)
{
    return funnel->reason;
}

const double *nba_funnel_keys(const struct nba_funnel *funnel)
{
    return funnel->key;
}

uint32_t nba_funnel_candidate_of(const struct nba_catalog *catalog,
                                 const struct nba_open_action *open)
{
    const uint32_t k = nba_catalog_find_content(catalog, open->content_id);
    if (k == NBA_CATALOG_NONE) {
        return NBA_CATALOG_NONE;
    }
    for (uint32_t c = catalog->first_candidate[k]; c < catalog->first_candidate[k + 1]; c++) {
        if (catalog->action_type[c] == (uint8_t)open->action_type &&
            catalog->channel[c] == (uint8_t)open->channel) {
            return c;
        }
    }
    return NBA_CATALOG_NONE;
}

static bool is_of_policy(const struct nba_policy *policy, const struct nba_exclusion *exclusion)
{
    uint32_t i = 0;
    while (i < policy->exclusion_count && exclusion != &policy->exclusions[i]) {
        i++;
    }
    return i < policy->exclusion_count;
}

static struct nba_recall judge_open(const struct nba_funnel *funnel, const struct moment *moment,
                                    uint32_t index)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const struct nba_policy *policy = funnel->policy;
    struct nba_recall recall = {
        .open_index = index,
        .reason = NBA_REASON_NONE,
        .cause = "catalog",
        .cause_id = moment->hcp->actions[index].content_id,
    };
    if (nba_funnel_mode(funnel) == NBA_MODE_STOPPED) {
        const bool by_control = funnel->control->mode == NBA_MODE_STOPPED;
        recall.reason = NBA_REASON_STOPPED;
        recall.cause = by_control ? "control" : "policy";
        recall.cause_id = by_control ? funnel->control->mode_id : policy->head.version;
        return recall;
    }
    const uint32_t c =
        funnel->nameless ? 0 : nba_funnel_candidate_of(catalog, &moment->hcp->actions[index]);
    if (c == NBA_CATALOG_NONE) {
        recall.reason = NBA_REASON_CONTENT_WITHDRAWN;
        return recall;
    }
    const struct nba_exclusion *exclusion = nba_funnel_find_exclusion(funnel, c, moment->now_ms);
    if (exclusion != NULL) {
        recall.reason = NBA_REASON_EXCLUDED;
        recall.rule_id = exclusion->id;
        recall.cause = is_of_policy(policy, exclusion) ? "policy" : "control";
        recall.cause_id = exclusion->id;
        return recall;
    }
    const uint32_t gate = catalog->gate_class[c];
    if (catalog->gates[gate].approval == NBA_APPROVAL_WITHDRAWN) {
        recall.reason = NBA_REASON_CONTENT_WITHDRAWN;
        return recall;
    }
    const struct gate_verdict verdict = nba_funnel_judge_consent(funnel, moment, gate);
    if (verdict.reason == NBA_REASON_CONSENT_REVOKED) {
        recall.reason = verdict.reason;
        recall.rule_id = verdict.rule_id;
    } else if (moment->hcp->profile.do_not_contact) {
        recall.reason = NBA_REASON_DO_NOT_CONTACT;
    }
    return recall;
}

/* An action without a content is judged by a funnel of its own. */
static enum nba_status judge_nameless(const struct nba_funnel *funnel, const struct moment *moment,
                                      uint32_t index, struct nba_recall *ret_recall)
{
    struct nba_funnel *own = NULL;
    struct moment there;
    const enum nba_status status =
        nba_funnel_create_open(funnel, moment->hcp, &moment->hcp->actions[index], &own, NULL);
    if (status == NBA_OK) {
        nba_funnel_moment(own, moment->hcp, NULL, moment->now_ms, &there);
        *ret_recall = judge_open(own, &there, index); /* its texts are the policy's */
        nba_funnel_destroy(own);
    }
    return status;
}

enum nba_status nba_funnel_recall(struct nba_funnel *funnel, const struct nba_hcp *hcp,
                                  int64_t now_ms, struct nba_arena *arena,
                                  const struct nba_recall **ret_recalls, uint32_t *ret_count)
{
    NBA_ASSERT(funnel != NULL && hcp != NULL && ret_recalls != NULL && ret_count != NULL);
    struct nba_recall *recalls = nba_arena_zeros(arena, NBA_HCP_ACTIONS_MAX, sizeof(*recalls));
    if (recalls == NULL) {
        return NBA_E_NO_MEMORY;
    }
    struct moment moment;
    uint32_t count = 0;
    nba_funnel_moment(funnel, hcp, NULL, now_ms, &moment);
    enum nba_status status = NBA_OK;
    for (uint32_t i = 0; i < hcp->action_count && status == NBA_OK; i++) {
        if (!nba_open_action_is_open(&hcp->actions[i], now_ms)) {
            continue;
        }
        if (hcp->actions[i].content_id.bytes == 0) {
            status = judge_nameless(funnel, &moment, i, &recalls[count]);
        } else {
            recalls[count] = judge_open(funnel, &moment, i);
        }
        count += recalls[count].reason != NBA_REASON_NONE;
    }
    *ret_recalls = recalls;
    *ret_count = count;
    return status;
}

enum nba_status nba_funnel_recalled_action(struct nba_funnel *funnel,
                                           const struct nba_recall_request *request,
                                           struct nba_arena *arena, struct nba_action *ret_action)
{
    NBA_ASSERT(funnel != NULL && request != NULL && arena != NULL && ret_action != NULL);
    NBA_ASSERT(request->open_index < request->hcp->action_count);
    struct moment moment;
    nba_funnel_moment(funnel, request->hcp, NULL, request->now_ms, &moment);
    struct nba_str *topic = nba_arena_zeros(arena, 1, sizeof(*topic));
    if (topic == NULL) {
        return NBA_E_NO_MEMORY;
    }
    const struct nba_open_action *open = &request->hcp->actions[request->open_index];
    nba_funnel_open_action(funnel, &moment, open, topic, ret_action);
    ret_action->status = NBA_ACTION_RECALLED;
    ret_action->recall_reason = request->reason;
    ret_action->time_ms = request->now_ms;
    ret_action->trigger_event_id = request->trigger_event_id;
    ret_action->model_version = request->model_version;
    ret_action->engine_version = request->engine_version;
    return NBA_OK;
}
