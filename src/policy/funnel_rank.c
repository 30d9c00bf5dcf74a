/*
 * Priorities, the stages that differ from candidate to candidate, the slate, and the order of the
 * best.  All loops here run over every candidate of every decision; they ask arrays only.
 */
#include "funnel_internal.h"
#include "nba/base/assert.h"
#include "nba/base/vector.h"

/* Above this a priority can't be told from its neighbours anyway, and would not fit 63 bits. */
#define SCALED_MAX 9e18
#define TWO_52     0x1p52
/* Strided groups whose maxima bound the best from below; more than FUNNEL_RANKED_MAX. */
#define LANES 128u

static uint8_t date_reason(const struct nba_catalog *catalog, uint32_t c, int64_t now_ms)
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
        funnel->date_reason[c] = date_reason(catalog, c, now_ms);
        funnel->dated = funnel->dated || funnel->date_reason[c] != REASON_ABSENT;
    }
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
NBA_VECTOR_BODY judge_keys_body(const double *restrict propensity,
                                const struct weight_pair *restrict pairs,
                                const uint16_t *restrict unit, const double *restrict value,
                                uint32_t count, double *restrict keys, uint64_t *ret_absent)
{
    uint64_t absent = 0;
    for (uint32_t c = 0; c < count; c++) {
        const double p = propensity[c];
        const double priority = p * pairs[unit[c]].context * value[c] * pairs[unit[c]].lever;
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
                 (const double *restrict propensity, const struct weight_pair *restrict pairs,
                  const uint16_t *restrict unit, const double *restrict value, uint32_t count,
                  double *restrict keys, uint64_t *ret_absent),
                 (propensity, pairs, unit, value, count, keys, ret_absent))

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

static void judge_propensities(const struct nba_funnel *funnel, const struct nba_scores *scores)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const double *threshold = funnel->policy->threshold;
    bool asked = false;
    for (size_t channel = 0; channel < NBA_CHANNEL_COUNT; channel++) {
        asked = asked || threshold[channel] > 0;
    }
    for (uint32_t c = 0; asked && c < catalog->candidate_count; c++) {
        const bool below = scores->propensity[c] < threshold[catalog->channel[c]];
        if (below && funnel->reason[c] > NBA_REASON_BELOW_PROPENSITY) {
            funnel->reason[c] = (uint8_t)NBA_REASON_BELOW_PROPENSITY;
        }
    }
}

/* Keys of all candidates, and the reasons of the gates, dates and thresholds. */
void nba_funnel_judge_candidates(struct nba_funnel *funnel,
                                 const struct nba_decide_request *request)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const uint32_t count = catalog->candidate_count;
    const uint16_t *restrict gate_unit = funnel->engagements.unit;
    const uint8_t *restrict unit_reason = funnel->unit_reason;
    uint8_t *restrict reasons = funnel->reason;
    uint64_t absent = 0;
    refresh_dates(funnel, request->now_ms);
    judge_keys(request->scores->propensity, funnel->pairs, funnel->weights.unit,
               request->values != NULL ? request->values : catalog->value, count, funnel->key,
               &absent);
    for (uint32_t c = 0; c < count; c++) {
        reasons[c] = unit_reason[gate_unit[c]];
    }
    if (funnel->dated) {
        earlier(reasons, funnel->date_reason, count);
    }
    judge_propensities(funnel, request->scores);
    replace(reasons, count, REASON_ABSENT, 0); /* 255 was "passes everything" */
    for (uint32_t c = 0; absent != 0 && c < count; c++) {
        reasons[c] = funnel->key[c] < 0 ? REASON_ABSENT : reasons[c];
    }
    funnel->absent_count = (uint32_t)absent;
    nba_funnel_apply_marks(funnel);
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

/* Would this one put the slate above a limit of max_per? */
static bool is_blocked(const struct nba_funnel *funnel, const struct selection *selection,
                       uint32_t c)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const struct policy_slate *slate = &funnel->policy->slate;
    const struct nba_weight_class *class = &catalog->weights[catalog->weight_class[c]];
    uint32_t channels = 0;
    uint32_t topics = 0;
    uint32_t brands = 0;
    uint32_t types = 0;
    for (uint32_t i = 0; i < selection->count; i++) {
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

/* The best candidate alive that max_per doesn't forbid; NBA_CATALOG_NONE: none left. */
static uint32_t best_alive(const struct nba_funnel *funnel, const struct nba_scores *scores,
                           const struct selection *selection)
{
    uint32_t best = NBA_CATALOG_NONE;
    for (uint32_t c = 0; c < funnel->catalog->candidate_count; c++) {
        if (funnel->reason[c] == 0 &&
            (best == NBA_CATALOG_NONE || before(funnel, scores, c, best)) &&
            !is_blocked(funnel, selection, c)) {
            best = c;
        }
    }
    return best;
}

static void take(struct nba_funnel *funnel, struct selection *selection, uint32_t c)
{
    funnel->reason[c] = REASON_TAKEN;
    selection->candidates[selection->count++] = c;
}

/* Gives everyone still alive a reason.  One that stands before the last taken was passed over for
 * max_per; behind a full slate there was no place any more. */
static void judge_rest(struct nba_funnel *funnel, const struct nba_scores *scores,
                       const struct selection *selection, bool full)
{
    const uint32_t count = funnel->catalog->candidate_count;
    const uint8_t other =
        (uint8_t)(full ? NBA_REASON_LOST_ARBITRATION : NBA_REASON_SLATE_DIVERSITY);
    if (full && selection->count != 0 && !selection->beyond_ranked) {
        const uint32_t last = selection->candidates[selection->count - 1];
        for (uint32_t i = 0; selection->ranked[i] != last; i++) {
            uint8_t *reason = &funnel->reason[selection->ranked[i]];
            *reason = *reason == 0 ? (uint8_t)NBA_REASON_SLATE_DIVERSITY : *reason;
        }
    } else if (full && selection->count != 0) {
        const uint32_t last = selection->candidates[selection->count - 1];
        for (uint32_t c = 0; c < count; c++) {
            if (funnel->reason[c] == 0 && before(funnel, scores, c, last)) {
                funnel->reason[c] = (uint8_t)NBA_REASON_SLATE_DIVERSITY;
            }
        }
    }
    replace(funnel->reason, count, 0, other);
}

void nba_funnel_fill_slate(struct nba_funnel *funnel, const struct nba_decide_request *request,
                           uint32_t size, struct selection *selection)
{
    /* Nearly always the slate is full within the ranked list. */
    for (uint32_t i = 0; i < selection->ranked_count && selection->count < size; i++) {
        const uint32_t c = selection->ranked[i];
        if (funnel->reason[c] == 0 && !is_blocked(funnel, selection, c)) {
            take(funnel, selection, c);
        }
    }
    const bool more =
        selection->ranked_count < funnel->catalog->candidate_count - funnel->absent_count;
    while (more && selection->count < size) {
        const uint32_t best = best_alive(funnel, request->scores, selection);
        if (best == NBA_CATALOG_NONE) {
            break;
        }
        selection->beyond_ranked = true;
        take(funnel, selection, best);
    }
    judge_rest(funnel, request->scores, selection, selection->count == size);
    for (uint32_t i = 0; i < selection->count; i++) {
        funnel->reason[selection->candidates[i]] = 0;
    }
}

/* ---- the order of the best ---- */

/* The want-th largest of values[count], by selection in place (C. A. R. Hoare, "Algorithm 65:
 * Find", 1961). */
static double nth_largest(double *values, int32_t count, int32_t want)
{
    const int32_t nth = want - 1;
    int32_t low = 0;
    int32_t high = count - 1;
    while (low < high) {
        const double pivot = values[low + (high - low) / 2];
        int32_t i = low;
        int32_t j = high;
        while (i <= j) {
            while (values[i] > pivot) {
                i++;
            }
            while (values[j] < pivot) {
                j--;
            }
            if (i <= j) {
                const double swap = values[i];
                values[i++] = values[j];
                values[j--] = swap;
            }
        }
        /* values[low..j] >= the pivot >= values[i..high]; what is between them equals it. */
        low = j < nth ? i : low;
        high = nth < i ? j : high;
    }
    return values[nth];
}

NBA_VECTOR_BODY lane_maxima_body(const double *restrict key, uint32_t count, double *restrict lanes)
{
    uint32_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (uint32_t j = 0; j < LANES; j++) {
            lanes[j] = key[i + j] > lanes[j] ? key[i + j] : lanes[j];
        }
    }
    for (uint32_t j = 0; i + j < count; j++) {
        lanes[j] = key[i + j] > lanes[j] ? key[i + j] : lanes[j];
    }
}
NBA_VECTOR_FORMS(lane_maxima, (const double *restrict key, uint32_t count, double *restrict lanes),
                 (key, count, lanes))

/* A key that at least `want` candidates reach: the want-th largest maximum of LANES groups. */
static double lower_bound(const struct nba_funnel *funnel, uint32_t want)
{
    double lanes[LANES];
    for (uint32_t j = 0; j < LANES; j++) {
        lanes[j] = -1;
    }
    lane_maxima(funnel->key, funnel->catalog->candidate_count, lanes);
    return nth_largest(lanes, (int32_t)LANES, (int32_t)want);
}

/* Sorted list of the best `want` seen so far; most of what comes later loses against its last. */
static uint32_t insert(const struct nba_funnel *funnel, const struct nba_scores *scores,
                       uint32_t *list, uint32_t count, uint32_t want, uint32_t c)
{
    if (count == want && !before(funnel, scores, c, list[count - 1])) {
        return count;
    }
    uint32_t i = count < want ? count : want - 1;
    for (; i > 0 && before(funnel, scores, c, list[i - 1]); i--) {
        list[i] = list[i - 1];
    }
    list[i] = c;
    return count < want ? count + 1 : want;
}

uint32_t nba_funnel_rank(struct nba_funnel *funnel, const struct nba_decide_request *request,
                         uint32_t want, uint32_t *ret_ranked)
{
    NBA_ASSERT(want > 0 && want < LANES);
    const uint32_t count = funnel->catalog->candidate_count;
    const double reached = lower_bound(funnel, want);
    const double bound = reached > 0 ? reached : 0; /* an absent one has a key below 0 */
    uint32_t *restrict list = funnel->collected;
    const double *restrict keys = funnel->key;
    uint32_t collected = 0;
    for (uint32_t c = 0; c < count; c++) {
        list[collected] = c;
        collected += keys[c] >= bound;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < collected; i++) {
        kept = insert(funnel, request->scores, ret_ranked, kept, want, list[i]);
    }
    return kept;
}
