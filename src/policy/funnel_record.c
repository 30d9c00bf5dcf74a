/* The audit record and the slate of a decision. */
#include <math.h>
#include <string.h>

#include "funnel_internal.h"
#include "nba/base/assert.h"
#include "nba/base/vector.h"
#include "nba/linalg/reduce.h"

uint32_t nba_funnel_count_bits(uint64_t bits)
{
    uint32_t count = 0;
    for (; bits != 0; bits &= bits - 1) {
        count++;
    }
    return count;
}

/* The ids of the events behind a reason. */
static bool list_evidence(struct evidence evidence, const struct moment *moment,
                          struct nba_arena *arena, struct nba_str_list *ret_list)
{
    const struct nba_hcp *hcp = moment->hcp;
    const uint32_t room = nba_funnel_count_bits(evidence.bits) + (evidence.trigger ? 1 : 0);
    struct nba_str *items = room != 0 ? nba_arena_zeros(arena, room, sizeof(*items)) : NULL;
    uint32_t count = 0;
    for (uint64_t bits = evidence.bits; bits != 0 && items != NULL; bits &= bits - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(bits);
        const struct nba_str id =
            evidence.of == EVIDENCE_OUTCOMES   ? hcp->outcomes[i].evidence_event_id
            : evidence.of == EVIDENCE_CONSENTS ? hcp->consents[i].evidence_event_id
                                               : hcp->ledger[i].evidence_event_id;
        if (id.bytes != 0) {
            items[count++] = id;
        }
    }
    if (evidence.trigger && moment->event != NULL && items != NULL) {
        items[count++] = moment->event->event_id;
    }
    *ret_list = (struct nba_str_list){items, count};
    return room == 0 || items != NULL;
}

/* Rule, evidence and dates of one reason; stages without any leave them empty. */
static bool fill_details(const struct nba_funnel *funnel, const struct moment *moment, uint32_t c,
                         struct nba_arena *arena, struct nba_suppressed *item)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const uint32_t unit = funnel->engagements.unit[c];
    if (item->reason == NBA_REASON_LOST_ARBITRATION || item->reason == NBA_REASON_SLATE_DIVERSITY) {
        return true;
    }
    if (funnel->unit_reason[unit] == (uint8_t)item->reason) {
        item->rule_id = funnel->unit_rule[unit];
        const uint64_t bits = funnel->verdicts[catalog->gate_class[c]].evidence;
        return list_evidence((struct evidence){.of = EVIDENCE_CONSENTS, .bits = bits}, moment,
                             arena, &item->evidence_event_ids);
    }
    if (item->reason == NBA_REASON_CONTENT_NOT_EFFECTIVE) {
        item->until_ms = catalog->effective_from_ms[c];
    } else if (item->reason == NBA_REASON_DISCARDED_QUIET_HOURS) {
        item->until_ms = nba_funnel_plan(funnel, moment, c).at_ms;
    } else if (item->reason == NBA_REASON_BELOW_PROPENSITY) {
        item->rule_id = nba_str_of("propensity_threshold");
        item->counter = nba_round9(moment->request->scores->propensity[c]);
        item->limit = funnel->policy->threshold[catalog->channel[c]];
    } else if (item->reason == NBA_REASON_MODEL_IMMATURE) {
        item->rule_id = nba_str_of("min_examples");
        item->counter = moment->request->scores->examples[catalog->candidates[c].content];
        item->limit = funnel->policy->min_examples;
    }
    return list_evidence(nba_funnel_explain_mark(funnel, moment, c, item), moment, arena,
                         &item->evidence_event_ids);
}

/* The best suppressed candidates with rank, priority and details. */
static enum nba_status explain(struct nba_funnel *funnel, const struct nba_decide_request *request,
                               const struct moment *moment, const struct selection *selection,
                               struct nba_arena *arena, struct nba_decision *decision)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const uint32_t room = funnel->policy->audit_top;
    struct nba_suppressed *list = nba_arena_take(arena, (room + 1) * sizeof(*list));
    if (list == NULL) {
        return NBA_E_NO_MEMORY;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < selection->ranked_count && count < room; i++) {
        const uint32_t c = selection->ranked[i];
        if (funnel->reason[c] == 0) {
            continue; /* selected */
        }
        struct nba_suppressed *item = &list[count++];
        *item = (struct nba_suppressed){
            .content_id = nba_funnel_content_id(funnel, c),
            .action_type = (enum nba_action_type)catalog->action_type[c],
            .channel = (enum nba_channel)catalog->channel[c],
            .reason = (enum nba_reason)funnel->reason[c],
            .weight = (float)nba_funnel_weight(funnel, request, c),
            .priority = (float)nba_funnel_priority(funnel, request, c),
            .unconstrained_rank = (int32_t)i + 1,
            .until_ms = NBA_TIME_NONE,
            .retry_after_ms = NBA_TIME_NONE,
        };
        if (!fill_details(funnel, moment, c, arena, item)) {
            return NBA_E_NO_MEMORY;
        }
    }
    decision->suppressed = list;
    decision->suppressed_count = count;
    return NBA_OK;
}

NBA_VECTOR_BODY count_equal_body(const uint8_t *restrict reasons, uint32_t count, uint8_t reason,
                                 uint32_t *ret_count)
{
    uint16_t lanes[64] = {0}; /* 40,000 candidates at most: none overflows */
    uint32_t c = 0;
    uint32_t sum = 0;
    for (; c + NBA_ARRAY_COUNT(lanes) <= count; c += NBA_ARRAY_COUNT(lanes)) {
        for (uint32_t i = 0; i < NBA_ARRAY_COUNT(lanes); i++) {
            lanes[i] = (uint16_t)(lanes[i] + (reasons[c + i] == reason));
        }
    }
    for (; c < count; c++) {
        sum += reasons[c] == reason;
    }
    for (uint32_t i = 0; i < NBA_ARRAY_COUNT(lanes); i++) {
        sum += lanes[i];
    }
    *ret_count = sum;
}
NBA_VECTOR_FORMS(count_equal,
                 (const uint8_t *restrict reasons, uint32_t count, uint8_t reason,
                  uint32_t *ret_count),
                 (reasons, count, reason, ret_count))

/* A reason and how many candidates have it. */
struct tally {
    uint8_t reason;
    uint32_t count;
};

/* Counts by reason: a decision has few different ones, so all candidates are asked for each.
 * Returns how many there are, in the order of their first candidates. */
static uint32_t count_reasons(const struct nba_funnel *funnel, struct tally *tallies,
                              struct nba_decision *decision)
{
    const uint32_t total = funnel->catalog->candidate_count;
    bool counted[256] = {[REASON_ABSENT] = true};
    uint32_t kinds = 0;
    uint32_t c = 0;
    for (uint32_t done = funnel->absent_count; done < total; c++) {
        const uint8_t reason = funnel->reason[c];
        if (!counted[reason]) {
            uint32_t count = 0;
            count_equal(funnel->reason, total, reason, &count);
            counted[reason] = true;
            decision->reason_count[reason] = reason != 0 ? (int32_t)count : 0;
            tallies[kinds++] = (struct tally){reason, count};
            done += count;
        }
    }
    decision->candidate_count = (int32_t)(total - funnel->absent_count);
    return kinds;
}

/* The candidates of one reason as they are packed: the next byte, the one before. */
struct packing {
    unsigned char *next;
    uint32_t before;
};

static void pack_one(struct packing *packing, uint32_t place)
{
    uint32_t distance = place - packing->before;
    for (; distance >= 255; distance -= 255) {
        *packing->next++ = 255;
    }
    *packing->next++ = (unsigned char)distance;
    packing->before = place;
}

/* One walk over all; eight candidates that have the most frequent reason are passed at once. */
static void pack_all(const struct nba_funnel *funnel, uint8_t most, struct packing *packings)
{
    const uint32_t total = funnel->catalog->candidate_count;
    const uint64_t eight = most * UINT64_C(0x0101010101010101);
    uint32_t absent = 0;
    for (uint32_t first = 0; first < total; first += 8) {
        uint64_t others = eight;
        if (total - first >= 8) {
            memcpy(&others, funnel->reason + first, 8);
        } else {
            memcpy(&others, funnel->reason + first, total - first);
        }
        for (others ^= eight; others != 0;) {
            const uint32_t i = (uint32_t)__builtin_ctzll(others) / 8;
            const uint8_t reason = funnel->reason[first + i];
            others &= ~(UINT64_C(0xff) << (8 * i));
            if (reason == REASON_ABSENT) {
                absent++;
            } else {
                pack_one(&packings[reason], first + i + 1 - absent); /* places from 1 */
            }
        }
    }
}

static enum nba_status pack_reasons(const struct nba_funnel *funnel, const struct tally *tallies,
                                    uint32_t kinds, struct nba_arena *arena,
                                    struct nba_decision *decision)
{
    const uint32_t total = (uint32_t)decision->candidate_count;
    const size_t far = total / 255; /* bytes 255 are so many at most */
    struct packing packings[256];
    struct nba_packed_reason *list = nba_arena_take(arena, (kinds + 1) * sizeof(*list));
    unsigned char *bytes = nba_arena_take(arena, total + kinds * far + 1);
    uint32_t most = 0;
    if (list == NULL || bytes == NULL) {
        return NBA_E_NO_MEMORY;
    }
    for (uint32_t k = 0; k < kinds; k++) {
        most = tallies[k].count > tallies[most].count ? k : most;
        packings[tallies[k].reason] = (struct packing){.next = bytes, .before = 0};
        list[k] = (struct nba_packed_reason){.reason = (enum nba_reason)tallies[k].reason,
                                             .candidates = nba_str((const char *)bytes, 0)};
        bytes += tallies[k].count + far;
    }
    if (kinds > 1) {
        pack_all(funnel, tallies[most].reason, packings);
    }
    for (uint32_t k = 0; k < kinds; k++) {
        const char *end = (const char *)packings[tallies[k].reason].next;
        list[k].candidates.bytes = (size_t)(end - list[k].candidates.data);
    }
    decision->packed_reasons = list;
    decision->packed_reason_count = kinds;
    return NBA_OK;
}

enum nba_status nba_funnel_write_record(struct nba_funnel *funnel,
                                        const struct nba_decide_request *request,
                                        const struct moment *moment,
                                        const struct selection *selection, struct nba_arena *arena,
                                        struct nba_decision *decision)
{
    struct tally tallies[256];
    const uint32_t kinds = count_reasons(funnel, tallies, decision);
    const enum nba_status status = explain(funnel, request, moment, selection, arena, decision);
    return status == NBA_OK && funnel->policy->audit_packed && !request->unpacked
               ? pack_reasons(funnel, tallies, kinds, arena, decision)
               : status;
}

/* ---- the slate ---- */

/*
 * What stands between a content and the HCP: nothing when one of its candidates came through the
 * gates (stages 1 to 8), else the reason of the candidate that came furthest.  False: it has
 * candidates, none of which is there for this HCP.
 */
static bool first_failed(const struct nba_funnel *funnel, uint32_t k, enum nba_reason *ret_reason)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const uint32_t first = catalog->first_candidate[k];
    const uint32_t last = catalog->first_candidate[k + 1];
    uint8_t furthest = 0;
    bool there = first == last;
    for (uint32_t c = first; c < last; c++) {
        const uint8_t reason = funnel->reason[c];
        if (reason == REASON_ABSENT) {
            continue;
        }
        there = true;
        if (reason == 0 || reason == NBA_REASON_SHADOW || reason >= NBA_REASON_BELOW_PROPENSITY) {
            *ret_reason = NBA_REASON_NONE;
            return true;
        }
        furthest = reason > furthest ? reason : furthest;
    }
    *ret_reason = first == last ? NBA_REASON_CONTENT_NOT_APPROVED : (enum nba_reason)furthest;
    return there;
}

static bool is_there(const struct nba_funnel *funnel, uint32_t k)
{
    enum nba_reason reason = NBA_REASON_NONE;
    return first_failed(funnel, k, &reason);
}

/* The contents with the best scores, ties by id; what the HCP engaged with lately is left out: a
 * list of what is next. */
static uint32_t rank_contents(struct nba_funnel *funnel, const struct nba_scores *scores,
                              const struct nba_hcp *hcp, uint32_t want)
{
    double *open = funnel->content_open;
    if (want == 0) {
        return 0;
    }
    memcpy(open, scores->score, scores->content_count * sizeof(*open));
    for (uint32_t i = 0; i < hcp->ring_count; i++) {
        const uint32_t k = nba_catalog_find_hash(funnel->catalog, hcp->ring[i].content_hash);
        if (k != NBA_CATALOG_NONE) {
            open[k] = -HUGE_VAL;
        }
    }
    for (uint32_t k = 0; k < scores->content_count && funnel->absent_count != 0; k++) {
        open[k] = is_there(funnel, k) ? open[k] : -HUGE_VAL;
    }
    size_t count = nba_top_k_double(open, scores->content_count, want, funnel->content_top);
    while (count > 0 && open[funnel->content_top[count - 1]] <= -HUGE_VAL) {
        count--;
    }
    return (uint32_t)count;
}

/* Proposed now, then those still open in the order they were proposed. */
static enum nba_status collect_actions(struct nba_funnel *funnel, const struct moment *moment,
                                       const struct nba_str engine_version, struct nba_arena *arena,
                                       struct nba_decide_result *result)
{
    const uint32_t room = result->action_count + moment->hcp->action_count + 1;
    struct nba_action *actions = nba_arena_take(arena, room * sizeof(*actions));
    struct nba_str *topics = nba_arena_take(arena, room * sizeof(*topics));
    if (actions == NULL || topics == NULL) {
        return NBA_E_NO_MEMORY;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < result->action_count && !result->ghosts; i++) {
        if (result->actions[i].not_before_ms <= moment->now_ms) {
            actions[count++] = result->actions[i];
        }
    }
    for (uint32_t i = 0; i < moment->hcp->action_count; i++) {
        const struct nba_open_action *open = &moment->hcp->actions[i];
        if (nba_open_action_is_open(open, moment->now_ms) &&
            (open->flags & (NBA_OPEN_ACTION_GHOST | NBA_OPEN_ACTION_HELD)) == 0) {
            nba_funnel_open_action(funnel, moment, open, &topics[count], &actions[count]);
            actions[count].engine_version = engine_version;
            count++;
        }
    }
    result->slate.actions = actions;
    result->slate.action_count = count;
    return NBA_OK;
}

enum nba_status nba_funnel_write_slate(struct nba_funnel *funnel,
                                       const struct nba_decide_request *request,
                                       const struct moment *moment, struct nba_arena *arena,
                                       struct nba_decide_result *result)
{
    const struct nba_scores *scores = request->scores;
    const uint32_t contents = funnel->catalog->content_count;
    const uint32_t want = request->top_n < contents ? request->top_n : contents;
    struct nba_slate_content *top = nba_arena_zeros(arena, want + 1, sizeof(*top));
    if (top == NULL) {
        return NBA_E_NO_MEMORY;
    }
    const uint32_t count = rank_contents(funnel, scores, moment->hcp, want);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t k = funnel->content_top[i];
        const struct nba_score_shares shares = nba_score_shares_of(scores, k);
        top[i] = (struct nba_slate_content){
            .content_id = funnel->catalog->contents[k].content_id,
            .score = nba_round9(scores->score[k]),
            .share_lstm = nba_round9(shares.of[NBA_MEMBER_LSTM]),
            .share_ncf = nba_round9(shares.of[NBA_MEMBER_NCF]),
            .share_popularity = nba_round9(shares.of[NBA_MEMBER_POPULARITY]),
            .share_ease = nba_round9(shares.of[NBA_MEMBER_EASE]),
            .share_knn = nba_round9(shares.of[NBA_MEMBER_KNN]),
            .share_rules = nba_round9(shares.of[NBA_MEMBER_RULES]),
        };
        (void)first_failed(funnel, k, &top[i].first_failed);
    }
    struct nba_slate *slate = &result->slate;
    *slate = (struct nba_slate){
        .decision_id = request->decision_id,
        .hcp_id = moment->hcp->hcp_id,
        .tenant_id = funnel->policy->head.tenant,
        .time_ms = moment->now_ms,
        .top_contents = top,
        .top_content_count = count,
        .policy_version = funnel->policy->head.version,
        .model_version = nba_str_of(scores->model_version),
        .engine_version = request->engine_version,
    };
    for (unsigned i = 0; i < NBA_CHANNEL_COUNT; i++) {
        slate->channel_present[i] = scores->channel_present[i];
        slate->channel_probability[i] =
            scores->channel_present[i] ? nba_round9(scores->channel_probability[i]) : 0;
    }
    result->has_slate = true;
    return collect_actions(funnel, moment, request->engine_version, arena, result);
}
