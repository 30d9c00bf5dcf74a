/*
 * Exploration: who gets the first place, so that the log also says how others would have done.
 *
 * EPSILON-GREEDY over the n candidates alive after stage 9, sorted by (action_type, content_id):
 * u1 = H(decision_id + ":explore") / 2^64, u2 = H(decision_id + ":pick") / 2^64; where u1 < epsilon
 * candidate floor(u2 n), else the best.  A candidate's probability is epsilon / n, the best one's
 * 1 - epsilon more.
 *
 * MODEL CONTROL.  For an HCP of that group any of them, each the same: epsilon 1.
 *
 * THOMPSON.  Each of them draws its P from Beta(1 + P k, 1 + (1 - P) k), k the trials behind P (W.
 * Thompson, Biometrika 25, 1933; this form is Pega's); the best priority with the drawn P wins.
 * Who wins how often has no closed form: REDRAWS further draws of all of them estimate it, the
 * draw that counted among them, so that it is never 0.
 *
 * DRAWS come from the decision's id alone, by splitmix64 from H(decision_id + ":pick").  Beta by
 * algorithm BB (R. Cheng, "Generating beta variates with nonintegral shape parameters", CACM 21(4),
 * 1978): exp and ln of nba/linalg, sqrt (exact by IEEE 754), so the same bits everywhere.
 */
#include <string.h>

#include "funnel_internal.h"
#include "nba/base/assert.h"
#include "nba/base/random.h"
#include "nba/base/str_put.h"
#include "nba/linalg/elementary.h"

#define REDRAWS 99u
/* Of a decision id, which is made of two ids. */
#define DECISION_ID_BYTES_MAX ((size_t)3 * NBA_ID_BYTES_MAX)

static uint64_t hash_of(struct nba_str decision_id, const char *purpose)
{
    char text[DECISION_ID_BYTES_MAX + 16];
    NBA_ASSERT(decision_id.bytes <= DECISION_ID_BYTES_MAX);
    const char *end = nba_str_put(nba_str_put(text, decision_id), nba_str_of(purpose));
    return nba_assignment_hash(nba_str(text, (size_t)(end - text)));
}

/* Action types by their words, bytewise. */
static void order_types(enum nba_action_type types[NBA_ACTION_TYPE_COUNT])
{
    for (uint32_t t = 0; t < NBA_ACTION_TYPE_COUNT; t++) {
        uint32_t at = t;
        for (; at > 0 && strcmp(nba_action_type_name((enum nba_action_type)t),
                                nba_action_type_name(types[at - 1])) < 0;
             at--) {
            types[at] = types[at - 1];
        }
        types[at] = (enum nba_action_type)t;
    }
}

/* In the catalogue's order, which is by content_id. */
static uint32_t collect_alive(struct nba_funnel *funnel)
{
    uint32_t count = 0;
    for (uint32_t c = 0; c < funnel->catalog->candidate_count; c++) {
        funnel->collected[count] = c;
        count += funnel->reason[c] == 0;
    }
    return count;
}

/* Number `index` of the n by (action_type, content_id). */
static uint32_t pick(const struct nba_funnel *funnel, uint32_t n, uint32_t index)
{
    enum nba_action_type types[NBA_ACTION_TYPE_COUNT];
    order_types(types);
    for (uint32_t t = 0; t < NBA_ACTION_TYPE_COUNT; t++) {
        for (uint32_t i = 0; i < n; i++) {
            const uint32_t c = funnel->collected[i];
            if (funnel->catalog->action_type[c] == (uint8_t)types[t] && index-- == 0) {
                return c;
            }
        }
    }
    NBA_ASSERT(false);
    return NBA_CATALOG_NONE;
}

static uint32_t explore_greedily(const struct nba_funnel *funnel, struct nba_str decision_id,
                                 double epsilon, uint32_t n, uint32_t best,
                                 struct selection *selection)
{
    const double u1 = (double)(hash_of(decision_id, ":explore") >> 11) * 0x1p-53;
    uint32_t first = best;
    if (u1 < epsilon) {
        const __uint128_t scaled = (__uint128_t)hash_of(decision_id, ":pick") * n;
        first = pick(funnel, n, (uint32_t)(scaled >> 64));
    }
    selection->probability = epsilon / n + (first == best ? 1 - epsilon : 0);
    return first;
}

/* One draw of Beta(a, b); a, b >= 1, not both 1. */
static double draw_beta(struct nba_rng *rng, double a, double b)
{
    const double least = a < b ? a : b;
    const double most = a < b ? b : a;
    const double sum = a + b;
    const double beta = __builtin_sqrt((sum - 2) / (2 * a * b - sum));
    const double gamma = least + 1 / beta;
    for (;;) {
        const double u = ((double)(nba_rng_next(rng) >> 12) + 0.5) * 0x1p-52; /* never 0 or 1 */
        const double z = u * u * nba_rng_double(rng);
        const double v = beta * nba_logit(u);
        const double w = least * nba_exp(v);
        const double r = gamma * v - 0x1.62e42fefa39efp+0; /* ln 4 */
        const double ln_z = nba_ln(z);
        if (least + r - w >= ln_z || r + sum * nba_ln(sum / (most + w)) >= ln_z) {
            return a <= b ? w / (most + w) : most / (most + w);
        }
    }
}

/* The winner of one draw of everybody; *ret_p: the P it drew. */
static uint32_t draw_all(const struct nba_funnel *funnel, const struct nba_decide_request *request,
                         const double *evidence, uint32_t n, struct nba_rng *rng, double *ret_p)
{
    const double *value = request->values != NULL ? request->values : funnel->catalog->value;
    uint32_t winner = NBA_CATALOG_NONE;
    double highest = -1;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t c = funnel->collected[i];
        const double p = request->scores->propensity[c];
        const double k = evidence[funnel->catalog->channel[c]];
        const double drawn = draw_beta(rng, 1 + p * k, 1 + (1 - p) * k);
        const double priority = drawn * funnel->context[c] * value[c] * funnel->lever[c];
        if (priority > highest) {
            highest = priority;
            winner = c;
            *ret_p = drawn;
        }
    }
    return winner;
}

static uint32_t explore_thompson(const struct nba_funnel *funnel,
                                 const struct nba_decide_request *request, uint32_t n,
                                 struct selection *selection)
{
    const double asked = funnel->policy->exploration.evidence;
    struct nba_rng rng = nba_rng(hash_of(request->decision_id, ":pick"));
    double evidence[NBA_CHANNEL_COUNT];
    for (unsigned ch = 0; ch < NBA_CHANNEL_COUNT; ch++) {
        evidence[ch] = asked > 0 ? asked
                                 : nba_hcp_channel_trials(request->hcp, (enum nba_channel)ch) +
                                       NBA_CHANNEL_RATE_WEIGHT;
    }
    const uint32_t first = draw_all(funnel, request, evidence, n, &rng, &selection->sampled);
    uint32_t wins = 1;
    for (uint32_t i = 0; i < REDRAWS && n > 1; i++) {
        double p = 0;
        wins += draw_all(funnel, request, evidence, n, &rng, &p) == first;
    }
    selection->probability = n > 1 ? (double)wins / (REDRAWS + 1) : 1;
    return first;
}

uint32_t nba_funnel_explore(struct nba_funnel *funnel, const struct nba_decide_request *request,
                            bool anybody, struct selection *selection)
{
    const struct policy_exploration *exploration = &funnel->policy->exploration;
    const uint32_t best = nba_funnel_best_alive(funnel, request->scores, selection);
    if (best == NBA_CATALOG_NONE) {
        return best;
    }
    const uint32_t n = collect_alive(funnel);
    const double epsilon = anybody ? 1 : exploration->epsilon;
    const uint32_t first =
        !anybody && exploration->type == EXPLORE_THOMPSON
            ? explore_thompson(funnel, request, n, selection)
            : explore_greedily(funnel, request->decision_id, epsilon, n, best, selection);
    selection->explored = first != best;
    return first;
}
