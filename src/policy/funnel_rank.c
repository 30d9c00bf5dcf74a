/*
 * Priorities, the stages that differ from candidate to candidate, the slate, and the order of the
 * best.  All loops here run over every candidate of every decision; they ask arrays only.
 */
#include <string.h>

#include "funnel_internal.h"
#include "nba/base/assert.h"
#include "nba/base/vector.h"
#include "nba/linalg/kernels.h"

/* Above this a priority can't be told from its neighbours anyway, and would not fit 63 bits. */
#define SCALED_MAX 9e18
#define TWO_52     0x1p52
/* Candidates sorted at once, beside the best so far. */
#define PIECE 256u

uint8_t nba_funnel_date_reason(const struct nba_catalog *catalog, uint32_t c, int64_t now_ms)
{
    if (now_ms < catalog->effective_from_ms[c]) {
        return (uint8_t)NBA_REASON_CONTENT_NOT_EFFECTIVE;
    }
    return now_ms >= catalog->expires_at_ms[c] ? (uint8_t)NBA_REASON_CONTENT_EXPIRED
                                               : REASON_ABSENT;
}

/* What dates say changes at few instants: it is kept until the clock passes the next one. */
static void refresh_dates(struct nba_funnel *funnel, int64_t now_ms)
{
    const struct nba_catalog *catalog = funnel->catalog;
    if (funnel->dates_from_ms <= now_ms && now_ms < funnel->dates_until_ms) {
        return;
    }
    funnel->dates_from_ms = INT64_MIN;
    funnel->dates_until_ms = INT64_MAX;
    funnel->dated = false;
    for (uint32_t c = 0; c < catalog->candidate_count; c++) {
        const int64_t borders[] = {catalog->effective_from_ms[c], catalog->expires_at_ms[c]};
        for (size_t i = 0; i < NBA_ARRAY_COUNT(borders); i++) {
            const int64_t border = borders[i];
            if (border <= now_ms && border > funnel->dates_from_ms) {
                funnel->dates_from_ms = border;
            } else if (border > now_ms && border < funnel->dates_until_ms) {
                funnel->dates_until_ms = border;
            }
        }
        funnel->date_reason[c] = nba_funnel_date_reason(catalog, c, now_ms);
        funnel->dated = funnel->dated || funnel->date_reason[c] != REASON_ABSENT;
    }
}

double nba_funnel_weight(const struct nba_funnel *funnel, const struct nba_decide_request *request,
                         uint32_t c)
{
    const double *value = request->values != NULL ? request->values : funnel->catalog->value;
    const struct weight_pair *weight = &funnel->pairs[funnel->weights.unit[c]];
    return weight->context * value[c] * weight->lever;
}

double nba_funnel_priority(const struct nba_funnel *funnel,
                           const struct nba_decide_request *request, uint32_t c)
{
    const double *value = request->values != NULL ? request->values : funnel->catalog->value;
    const struct weight_pair *weight = &funnel->pairs[funnel->weights.unit[c]];
    return request->scores->propensity[c] * weight->context * value[c] * weight->lever;
}

/*
 * round(priority * 1e9) of all candidates, as doubles; exact below 2^53.  Below 2^52 adding and
 * taking away 2^52 rounds to a whole number, above a double is one.  *ret_absent: how many aren't
 * there; their key is -1.
 */
NBA_VECTOR_BODY judge_keys_body(const double *restrict propensity, const double *restrict context,
                                const double *restrict value, const double *restrict lever,
                                uint32_t count, double *restrict keys, uint64_t *ret_absent)
{
    uint64_t absent = 0;
    for (uint32_t c = 0; c < count; c++) {
        const double p = propensity[c];
        const double priority = p * context[c] * value[c] * lever[c];
        const double scaled = priority * 1e9 + 0.5;
        const double near = (scaled + TWO_52) - TWO_52;
        const double below = near - 1;
        const double whole = near > scaled ? below : near;
        const double key = scaled < TWO_52 ? whole : scaled;
        const double bounded = key < SCALED_MAX ? key : SCALED_MAX;
        keys[c] = p >= 0 ? bounded : -1;
        absent += p < 0;
    }
    *ret_absent = absent;
}
NBA_VECTOR_FORMS(judge_keys,
                 (const double *restrict propensity, const double *restrict context,
                  const double *restrict value, const double *restrict lever, uint32_t count,
                  double *restrict keys, uint64_t *ret_absent),
                 (propensity, context, value, lever, count, keys, ret_absent))

NBA_VECTOR_BODY to_floats_body(const double *restrict from, uint32_t count, float *restrict to)
{
    for (uint32_t c = 0; c < count; c++) {
        to[c] = (float)from[c];
    }
}
NBA_VECTOR_FORMS(to_floats, (const double *restrict from, uint32_t count, float *restrict to),
                 (from, count, to))

/* The earlier of two reasons for each candidate; REASON_ABSENT is none. */
NBA_VECTOR_BODY earlier_body(uint8_t *restrict reasons, const uint8_t *restrict other,
                             uint32_t count)
{
    for (uint32_t c = 0; c < count; c++) {
        reasons[c] = other[c] < reasons[c] ? other[c] : reasons[c];
    }
}
NBA_VECTOR_FORMS(earlier,
                 (uint8_t *restrict reasons, const uint8_t *restrict other, uint32_t count),
                 (reasons, other, count))

NBA_VECTOR_BODY replace_body(uint8_t *restrict reasons, uint32_t count, uint8_t from, uint8_t to)
{
    for (uint32_t c = 0; c < count; c++) {
        reasons[c] = reasons[c] == from ? to : reasons[c];
    }
}
NBA_VECTOR_FORMS(replace, (uint8_t *restrict reasons, uint32_t count, uint8_t from, uint8_t to),
                 (reasons, count, from, to))

NBA_VECTOR_BODY judge_thresholds_body(uint8_t *restrict reasons, const double *restrict propensity,
                                      const double *restrict threshold, uint32_t count)
{
    const uint8_t to = (uint8_t)NBA_REASON_BELOW_PROPENSITY;
    for (uint32_t c = 0; c < count; c++) {
        const uint8_t reason = reasons[c] > to ? to : reasons[c];
        reasons[c] = propensity[c] < threshold[c] ? reason : reasons[c];
    }
}
NBA_VECTOR_FORMS(judge_thresholds,
                 (uint8_t *restrict reasons, const double *restrict propensity,
                  const double *restrict threshold, uint32_t count),
                 (reasons, propensity, threshold, count))

/* Contents that the models have learned too little of. */
static void judge_maturity(struct nba_funnel *funnel, const uint32_t *examples)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const uint8_t to = (uint8_t)NBA_REASON_MODEL_IMMATURE;
    for (uint32_t k = 0; k < catalog->content_count; k++) {
        const uint32_t end =
            examples[k] < funnel->policy->min_examples ? catalog->first_candidate[k + 1] : 0;
        for (uint32_t c = catalog->first_candidate[k]; c < end; c++) {
            funnel->reason[c] = funnel->reason[c] > to ? to : funnel->reason[c];
        }
    }
}

/* Keys of all candidates, and the reasons of the gates, dates, thresholds and maturity. */
void nba_funnel_judge_candidates(struct nba_funnel *funnel,
                                 const struct nba_decide_request *request,
                                 const struct moment *moment)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const uint32_t count = catalog->candidate_count;
    uint8_t *restrict reasons = funnel->reason;
    uint64_t absent = 0;
    refresh_dates(funnel, request->now_ms);
    judge_keys(request->scores->propensity, funnel->context,
               request->values != NULL ? request->values : catalog->value, funnel->lever, count,
               funnel->key, &absent);
    to_floats(funnel->key, count, funnel->near_key);
    memcpy(reasons, funnel->gate_reason, count);
    if (funnel->dated && moment->from_reason <= NBA_REASON_CONTENT_NOT_EFFECTIVE) {
        earlier(reasons, funnel->date_reason, count);
    }
    if (funnel->thresholds_asked && moment->from_reason <= NBA_REASON_BELOW_PROPENSITY) {
        judge_thresholds(reasons, request->scores->propensity, funnel->threshold, count);
    }
    if (funnel->policy->min_examples != 0 && request->scores->examples != NULL &&
        moment->from_reason <= NBA_REASON_MODEL_IMMATURE) {
        judge_maturity(funnel, request->scores->examples);
    }
    replace(reasons, count, REASON_ABSENT, 0); /* 255 was "passes everything" */
    for (uint32_t c = 0; absent != 0 && c < count; c++) {
        reasons[c] = funnel->key[c] < 0 ? REASON_ABSENT : reasons[c];
    }
    funnel->absent_count = (uint32_t)absent;
    nba_funnel_apply_marks(funnel, moment);
}

/* Does candidate a come before b: higher key, higher P, then the catalogue's order. */
static bool before(const struct nba_funnel *funnel, const struct nba_scores *scores, uint32_t a,
                   uint32_t b)
{
    if (funnel->key[a] > funnel->key[b] || funnel->key[a] < funnel->key[b]) {
        return funnel->key[a] > funnel->key[b];
    }
    const double p = scores->propensity[a];
    const double q = scores->propensity[b];
    return p > q || (!(p < q) && a < b);
}

/* Would this one put the first `count` of the slate above a limit of max_per? */
static bool is_blocked(const struct nba_funnel *funnel, const struct selection *selection,
                       uint32_t count, uint32_t c)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const struct policy_slate *slate = &funnel->policy->slate;
    const struct nba_weight_class *class = &catalog->weights[catalog->weight_class[c]];
    uint32_t channels = 0;
    uint32_t topics = 0;
    uint32_t brands = 0;
    uint32_t types = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct nba_weight_class *taken =
            &catalog->weights[catalog->weight_class[selection->candidates[i]]];
        channels += taken->channel == class->channel;
        topics += class->topic != 0 && taken->topic == class->topic;
        brands += class->brand != 0 && taken->brand == class->brand;
        types += taken->action_type == class->action_type;
    }
    return channels >= slate->max_channel || topics >= slate->max_topic ||
           brands >= slate->max_brand || types >= slate->max_action_type;
}

/* Did an earlier one of the slate take the last place that a limit had for it? */
static bool is_capped(const struct nba_funnel *funnel, uint32_t c)
{
    return funnel->marks[MARK_CAPPED][c] != 0;
}

uint32_t nba_funnel_best_alive(const struct nba_funnel *funnel, const struct nba_scores *scores,
                               const struct selection *selection)
{
    uint32_t best = NBA_CATALOG_NONE;
    for (uint32_t c = 0; c < funnel->catalog->candidate_count; c++) {
        if (funnel->reason[c] == 0 &&
            (best == NBA_CATALOG_NONE || before(funnel, scores, c, best)) &&
            !is_blocked(funnel, selection, selection->count, c) && !is_capped(funnel, c)) {
            best = c;
        }
    }
    return best;
}

static void take(struct nba_funnel *funnel, const struct moment *moment,
                 struct selection *selection, uint32_t c)
{
    funnel->reason[c] = REASON_TAKEN;
    selection->candidates[selection->count++] = c;
    if (selection->count < selection->size) {
        nba_funnel_count_selected(funnel, moment, c);
    }
}

/* Why one alive was passed over when its turn came: max_per is asked first, then the limits. */
static uint8_t passed_over(const struct nba_funnel *funnel, const struct nba_scores *scores,
                           const struct selection *selection, uint32_t c)
{
    uint32_t turn = selection->explored ? 1 : 0;
    while (turn < selection->count && before(funnel, scores, selection->candidates[turn], c)) {
        turn++;
    }
    return is_capped(funnel, c) && !is_blocked(funnel, selection, turn, c)
               ? (uint8_t)NBA_REASON_FREQUENCY_CAP
               : (uint8_t)NBA_REASON_SLATE_DIVERSITY;
}

/* Gives everyone still alive a reason.  One that stands before the last taken was passed over;
 * behind a full slate there was no place any more. */
static void judge_rest(struct nba_funnel *funnel, const struct nba_scores *scores,
                       const struct selection *selection, bool full)
{
    const uint32_t count = funnel->catalog->candidate_count;
    const bool greedy = selection->count > (selection->explored ? 1u : 0u);
    const uint32_t last = greedy ? selection->candidates[selection->count - 1] : 0;
    uint8_t *reason = funnel->reason;
    if (full && greedy && !selection->beyond_ranked) {
        for (uint32_t i = 0; selection->ranked[i] != last; i++) {
            const uint32_t c = selection->ranked[i];
            reason[c] = reason[c] == 0 ? passed_over(funnel, scores, selection, c) : reason[c];
        }
    } else if (full ? greedy : funnel->marked_count[MARK_CAPPED] != 0) {
        for (uint32_t c = 0; c < count; c++) {
            if (reason[c] == 0 && (!full || before(funnel, scores, c, last))) {
                reason[c] = passed_over(funnel, scores, selection, c);
            }
        }
    }
    replace(reason, count, 0,
            (uint8_t)(full ? NBA_REASON_LOST_ARBITRATION : NBA_REASON_SLATE_DIVERSITY));
}

static bool is_ranked(const struct selection *selection, uint32_t c)
{
    uint32_t i = 0;
    while (i < selection->ranked_count && selection->ranked[i] != c) {
        i++;
    }
    return i < selection->ranked_count;
}

void nba_funnel_fill_slate(struct nba_funnel *funnel, const struct nba_decide_request *request,
                           const struct moment *moment, uint32_t size, struct selection *selection)
{
    selection->size = size;
    selection->sampled = -1;
    selection->probability = 1;
    const bool anybody = moment->experiment.model_control;
    if ((anybody || funnel->policy->exploration.type != EXPLORE_NONE) && size != 0) {
        const uint32_t first = nba_funnel_explore(funnel, request, anybody, selection);
        if (first != NBA_CATALOG_NONE) {
            take(funnel, moment, selection, first);
            selection->beyond_ranked = !is_ranked(selection, first);
        }
    }
    /* Nearly always the slate is full within the ranked list. */
    for (uint32_t i = 0; i < selection->ranked_count && selection->count < size; i++) {
        const uint32_t c = selection->ranked[i];
        if (funnel->reason[c] == 0 && !is_blocked(funnel, selection, selection->count, c) &&
            !is_capped(funnel, c)) {
            take(funnel, moment, selection, c);
        }
    }
    const bool more =
        selection->ranked_count < funnel->catalog->candidate_count - funnel->absent_count;
    while (more && selection->count < size) {
        const uint32_t best = nba_funnel_best_alive(funnel, request->scores, selection);
        if (best == NBA_CATALOG_NONE) {
            break;
        }
        selection->beyond_ranked = true;
        take(funnel, moment, selection, best);
    }
    judge_rest(funnel, request->scores, selection, selection->count == size);
    for (uint32_t i = 0; i < selection->count; i++) {
        funnel->reason[selection->candidates[i]] = 0;
    }
}

/* ---- the order of the best ---- */

/* Sorts list[count].  A candidate's place by key is the number of those above it: counting needs no
 * branch that depends on the scores.  Only equal keys are compared one by one. */
static void sort_candidates(const struct nba_funnel *funnel, const struct nba_scores *scores,
                            uint32_t *list, uint32_t count)
{
    double keys[FUNNEL_RANKED_MAX + PIECE + NBA_LANES];
    uint32_t above[FUNNEL_RANKED_MAX + PIECE];
    uint32_t equals[FUNNEL_RANKED_MAX + PIECE]; /* of this place, how many there are so far */
    uint32_t unsorted[FUNNEL_RANKED_MAX + PIECE];
    memset(equals, 0, count * sizeof(*equals));
    for (uint32_t i = 0; i < count; i++) {
        unsorted[i] = list[i];
        keys[i] = funnel->key[list[i]];
    }
    nba_kernels_best()->count_above(count, keys, above);
    uint32_t ties = 0;
    for (uint32_t i = 0; i < count; i++) {
        ties += equals[above[i]];
        list[above[i] + equals[above[i]]++] = unsorted[i];
    }
    for (uint32_t i = 1; i < count && ties != 0; i++) {
        const uint32_t c = list[i];
        uint32_t at = i;
        for (; at > 0 && before(funnel, scores, c, list[at - 1]); at--) {
            list[at] = list[at - 1];
        }
        list[at] = c;
    }
}

uint32_t nba_funnel_rank(struct nba_funnel *funnel, const struct nba_decide_request *request,
                         uint32_t want, uint32_t *ret_ranked)
{
    NBA_ASSERT(want > 0 && want <= FUNNEL_RANKED_MAX);
    const struct nba_kernels *kernels = nba_kernels_best();
    const uint32_t count = funnel->catalog->candidate_count;
    /* Rounding to float keeps the order: what is below the bound isn't among the best. */
    const float reached = kernels->kth_bound(count, funnel->near_key, want);
    const float bound = reached > 0 ? reached : 0; /* an absent one has a key below 0 */
    const size_t found = kernels->at_least(count, funnel->near_key, bound, funnel->collected);
    uint32_t list[FUNNEL_RANKED_MAX + PIECE];
    uint32_t kept = 0;
    for (size_t first = 0; first < found; first += PIECE) {
        const uint32_t piece = (uint32_t)(found - first < PIECE ? found - first : PIECE);
        memcpy(list + kept, funnel->collected + first, piece * sizeof(*list));
        sort_candidates(funnel, request->scores, list, kept + piece);
        kept = kept + piece < want ? kept + piece : want;
    }
    memcpy(ret_ranked, list, kept * sizeof(*list));
    return kept;
}
