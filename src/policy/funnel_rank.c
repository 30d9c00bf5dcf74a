/*
 * Priorities, the stages that differ from candidate to candidate, the slate, and the order of the
 * best.  All loops here run over every candidate of every decision; they ask arrays only.
 */
#include <string.h>

#include "funnel_internal.h"
#include "nba/base/assert.h"

/* Above this a priority can't be told from its neighbours anyway, and would not fit 63 bits. */
#define SCALED_MAX 9e18
/* Strided groups whose maxima bound the best from below; more than FUNNEL_RANKED_MAX. */
#define LANES 128u

/* round(priority * 1e9), as a double so that maxima vectorise; exact below 2^53. */
static double key_of(double priority)
{
    const double scaled = priority * 1e9 + 0.5;
    return (double)(int64_t)(scaled < SCALED_MAX ? scaled : SCALED_MAX);
}

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
    }
}

double nba_funnel_priority(const struct nba_funnel *funnel,
                           const struct nba_decide_request *request, uint32_t c)
{
    const double *value = request->values != NULL ? request->values : funnel->catalog->value;
    const struct weight_pair *weight = &funnel->pairs[funnel->weights.unit[c]];
    return request->scores->candidates[c].propensity * weight->context * value[c] * weight->lever;
}

/*
 * Keys of all candidates, and the reasons that need no marks.  Returns how many are absent.
 * The locals tell the compiler that stores of bytes don't change the funnel's pointers.
 */
static uint32_t judge_all(const struct nba_funnel *funnel, const struct nba_decide_request *request,
                          double *restrict keys, uint8_t *restrict reasons)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const uint32_t count = catalog->candidate_count;
    const struct nba_candidate_score *restrict scores = request->scores->candidates;
    const double *restrict value = request->values != NULL ? request->values : catalog->value;
    const double *restrict threshold = funnel->policy->threshold;
    const uint8_t *restrict channel = catalog->channel;
    const uint8_t *restrict unit_reason = funnel->unit_reason;
    const uint8_t *restrict date = funnel->date_reason;
    const uint16_t *restrict gate_unit = funnel->engagements.unit;
    const uint16_t *restrict weight_unit = funnel->weights.unit;
    const struct weight_pair *restrict pairs = funnel->pairs;
    uint32_t absent = 0;
    for (uint32_t c = 0; c < count; c++) {
        const struct weight_pair *weight = &pairs[weight_unit[c]];
        const double p = scores[c].propensity;
        const bool there = p >= 0;
        const double key = key_of(p * weight->context * value[c] * weight->lever);
        unsigned reason = unit_reason[gate_unit[c]];
        const unsigned below =
            p < threshold[channel[c]] ? (unsigned)NBA_REASON_BELOW_PROPENSITY : REASON_ABSENT;
        reason = date[c] < reason ? date[c] : reason;
        reason = below < reason ? below : reason;
        reason = reason != REASON_ABSENT ? reason : 0; /* 255 was "passes everything" */
        keys[c] = there ? key : -1;
        reasons[c] = (uint8_t)(there ? reason : REASON_ABSENT);
        absent += !there;
    }
    return absent;
}

void nba_funnel_judge_candidates(struct nba_funnel *funnel,
                                 const struct nba_decide_request *request)
{
    refresh_dates(funnel, request->now_ms);
    funnel->absent_count = judge_all(funnel, request, funnel->key, funnel->reason);
    nba_funnel_apply_marks(funnel);
}

/* Does candidate a come before b: higher key, higher P, then the catalogue's order. */
static bool before(const struct nba_funnel *funnel, const struct nba_scores *scores, uint32_t a,
                   uint32_t b)
{
    if (funnel->key[a] > funnel->key[b] || funnel->key[a] < funnel->key[b]) {
        return funnel->key[a] > funnel->key[b];
    }
    const double p = scores->candidates[a].propensity;
    const double q = scores->candidates[b].propensity;
    return p > q || (!(p < q) && a < b);
}

/* The best candidate alive that max_per doesn't forbid; NBA_CATALOG_NONE: none left. */
static uint32_t best_alive(const struct nba_funnel *funnel, const struct nba_scores *scores)
{
    const struct nba_catalog *catalog = funnel->catalog;
    uint32_t best = NBA_CATALOG_NONE;
    for (uint32_t c = 0; c < catalog->candidate_count; c++) {
        if (funnel->reason[c] == 0 && funnel->blocked[catalog->weight_class[c]] == 0 &&
            (best == NBA_CATALOG_NONE || before(funnel, scores, c, best))) {
            best = c;
        }
    }
    return best;
}

/* Classes of candidates that one more action of theirs would put above a limit of max_per. */
static void update_blocked(struct nba_funnel *funnel, const uint32_t *selected, uint32_t count)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const struct policy_slate *slate = &funnel->policy->slate;
    for (uint32_t w = 0; w < catalog->weight_count; w++) {
        const struct nba_weight_class *class = &catalog->weights[w];
        uint32_t channels = 0;
        uint32_t topics = 0;
        uint32_t brands = 0;
        uint32_t types = 0;
        for (uint32_t i = 0; i < count; i++) {
            const struct nba_weight_class *taken =
                &catalog->weights[catalog->weight_class[selected[i]]];
            channels += taken->channel == class->channel;
            topics += class->topic != 0 && taken->topic == class->topic;
            brands += class->brand != 0 && taken->brand == class->brand;
            types += taken->action_type == class->action_type;
        }
        funnel->blocked[w] = channels >= slate->max_channel || topics >= slate->max_topic ||
                             brands >= slate->max_brand || types >= slate->max_action_type;
    }
}

static void take(struct nba_funnel *funnel, struct selection *selection, uint32_t c, uint32_t size)
{
    funnel->reason[c] = REASON_TAKEN;
    selection->candidates[selection->count++] = c;
    if (selection->count < size) {
        update_blocked(funnel, selection->candidates, selection->count);
    }
}

/* Gives everyone still alive a reason.  One that stands before the last taken was passed over for
 * max_per; behind a full slate there was no place any more. */
static void judge_rest(struct nba_funnel *funnel, const struct nba_scores *scores,
                       const struct selection *selection, bool full)
{
    const uint32_t count = funnel->catalog->candidate_count;
    uint8_t *restrict reasons = funnel->reason;
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
    for (uint32_t c = 0; c < count; c++) {
        reasons[c] = reasons[c] == 0 ? other : reasons[c];
    }
}

void nba_funnel_fill_slate(struct nba_funnel *funnel, const struct nba_decide_request *request,
                           uint32_t size, struct selection *selection)
{
    const struct nba_catalog *catalog = funnel->catalog;
    memset(funnel->blocked, 0, catalog->weight_count);
    /* Nearly always the slate is full within the ranked list. */
    for (uint32_t i = 0; i < selection->ranked_count && selection->count < size; i++) {
        const uint32_t c = selection->ranked[i];
        if (funnel->reason[c] == 0 && funnel->blocked[catalog->weight_class[c]] == 0) {
            take(funnel, selection, c, size);
        }
    }
    const bool more = selection->ranked_count < catalog->candidate_count - funnel->absent_count;
    while (more && selection->count < size) {
        const uint32_t best = best_alive(funnel, request->scores);
        if (best == NBA_CATALOG_NONE) {
            break;
        }
        selection->beyond_ranked = true;
        take(funnel, selection, best, size);
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

/* A key that at least `want` candidates reach: the want-th largest maximum of LANES groups. */
static double lower_bound(const struct nba_funnel *funnel, uint32_t want)
{
    const uint32_t count = funnel->catalog->candidate_count;
    double lanes[LANES];
    for (uint32_t j = 0; j < LANES; j++) {
        lanes[j] = -1;
    }
    uint32_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        const double *key = funnel->key + i;
        for (uint32_t j = 0; j < LANES; j++) {
            lanes[j] = key[j] > lanes[j] ? key[j] : lanes[j];
        }
    }
    for (uint32_t j = 0; i + j < count; j++) {
        lanes[j] = funnel->key[i + j] > lanes[j] ? funnel->key[i + j] : lanes[j];
    }
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
