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

static void compute_priorities(struct nba_funnel *funnel, const struct nba_decide_request *request)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const struct nba_candidate_score *scores = request->scores->candidates;
    const double *value = request->values != NULL ? request->values : catalog->value;
    for (uint32_t c = 0; c < catalog->candidate_count; c++) {
        const uint32_t u = funnel->weight_unit[c];
        const double p = scores[c].propensity;
        const double priority = p * funnel->context_weight[u] * value[c] * funnel->lever_weight[u];
        funnel->priority[c] = priority;
        funnel->key[c] = p >= 0 ? key_of(priority) : -1;
    }
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void funnel_judge_candidates(struct nba_funnel *funnel, const struct nba_decide_request *request,
                             const struct moment *moment, struct funnel_marks marks)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const int64_t now = moment->now_ms;
    compute_priorities(funnel, request);
    for (uint32_t c = 0; c < catalog->candidate_count; c++) {
        uint32_t reason = funnel->unit_reason[funnel->gate_unit[c]];
        reason = least(reason, now < catalog->effective_from_ms[c]
                                   ? (uint32_t)NBA_REASON_CONTENT_NOT_EFFECTIVE
                                   : REASON_ABSENT);
        reason =
            least(reason, now >= catalog->expires_at_ms[c] ? (uint32_t)NBA_REASON_CONTENT_EXPIRED
                                                           : REASON_ABSENT);
        const bool below = request->scores->candidates[c].propensity <
                           funnel->policy->threshold[catalog->channel[c]];
        reason = least(reason, below ? (uint32_t)NBA_REASON_BELOW_PROPENSITY : REASON_ABSENT);
        funnel->reason[c] = (uint8_t)(reason != REASON_ABSENT ? reason : 0);
    }
    for (uint32_t c = 0; c < catalog->candidate_count && marks.held; c++) {
        if (funnel->held[c] != 0 &&
            (funnel->reason[c] == 0 || funnel->reason[c] > NBA_REASON_SUPPRESSED_OUTCOME)) {
            funnel->reason[c] = (uint8_t)NBA_REASON_SUPPRESSED_OUTCOME;
        }
    }
    for (uint32_t c = 0; c < catalog->candidate_count && marks.open; c++) {
        if (funnel->open[c] != 0 &&
            (funnel->reason[c] == 0 || funnel->reason[c] > NBA_REASON_OPEN_ACTION)) {
            funnel->reason[c] = (uint8_t)NBA_REASON_OPEN_ACTION;
        }
    }
    for (uint32_t c = 0; c < catalog->candidate_count && marks.excluded; c++) {
        if (funnel->excluded[c] != 0) {
            funnel->reason[c] = (uint8_t)NBA_REASON_EXCLUDED;
        }
    }
    for (uint32_t c = 0; c < catalog->candidate_count; c++) {
        if (funnel->key[c] < 0) {
            funnel->reason[c] = REASON_ABSENT;
        }
    }
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
static uint32_t best_alive(const struct nba_funnel *funnel, const struct nba_scores *scores,
                           const uint32_t *alive, uint32_t count)
{
    uint32_t best = NBA_CATALOG_NONE;
    double key = -1;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t c = alive[i];
        if (funnel->key[c] < key || funnel->blocked[funnel->catalog->weight_class[c]] != 0 ||
            funnel->reason[c] != 0) {
            continue;
        }
        if (best == NBA_CATALOG_NONE || before(funnel, scores, c, best)) {
            best = c;
            key = funnel->key[c];
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

uint32_t funnel_fill_slate(struct nba_funnel *funnel, const struct nba_decide_request *request,
                           uint32_t size, uint32_t ret_selected[NBA_SLATE_MAX])
{
    const uint32_t candidates = funnel->catalog->candidate_count;
    const struct nba_scores *scores = request->scores;
    uint32_t *alive = funnel->collected;
    uint32_t alive_count = 0;
    for (uint32_t c = 0; c < candidates; c++) {
        alive[alive_count] = c;
        alive_count += funnel->reason[c] == 0;
    }
    memset(funnel->blocked, 0, funnel->catalog->weight_count);
    uint32_t count = 0;
    uint32_t last = NBA_CATALOG_NONE;
    while (count < size) {
        const uint32_t best = best_alive(funnel, scores, alive, alive_count);
        if (best == NBA_CATALOG_NONE) {
            break;
        }
        funnel->reason[best] = REASON_ABSENT - 1; /* taken: neither alive nor judged */
        ret_selected[count++] = best;
        last = best;
        update_blocked(funnel, ret_selected, count);
    }
    /* One that stands before the last taken was passed over for max_per; behind a full slate there
     * was no place any more. */
    const bool full = count == size;
    for (uint32_t i = 0; i < alive_count; i++) {
        const uint32_t c = alive[i];
        if (funnel->reason[c] == 0) {
            const bool passed =
                !full || (last != NBA_CATALOG_NONE && before(funnel, scores, c, last));
            funnel->reason[c] =
                (uint8_t)(passed ? NBA_REASON_SLATE_DIVERSITY : NBA_REASON_LOST_ARBITRATION);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        funnel->reason[ret_selected[i]] = 0;
    }
    return count;
}

/* ---- the order of the best ---- */

/* The want-th largest of values[count] (Hoare's selection, in place). */
static double nth_largest(double *values, uint32_t count, uint32_t want)
{
    uint32_t low = 0;
    uint32_t high = count - 1;
    while (low < high) {
        const double pivot = values[low + (high - low) / 2];
        uint32_t i = low;
        uint32_t j = high;
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
                values[j] = swap;
                if (j == 0) {
                    break;
                }
                j--;
            }
        }
        if (want - 1 <= j && j >= low) {
            high = j;
        } else if (want - 1 >= i) {
            low = i;
        } else {
            break;
        }
    }
    return values[want - 1];
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
    return nth_largest(lanes, LANES, want);
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

uint32_t funnel_rank(struct nba_funnel *funnel, const struct nba_decide_request *request,
                     uint32_t want, uint32_t *ret_ranked)
{
    NBA_ASSERT(want > 0 && want < LANES);
    const uint32_t count = funnel->catalog->candidate_count;
    const double bound = lower_bound(funnel, want);
    uint32_t *list = funnel->collected;
    uint32_t collected = 0;
    for (uint32_t c = 0; c < count; c++) {
        list[collected] = c;
        collected += funnel->key[c] >= bound && funnel->key[c] >= 0;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < collected; i++) {
        kept = insert(funnel, request->scores, ret_ranked, kept, want, list[i]);
    }
    return kept;
}
