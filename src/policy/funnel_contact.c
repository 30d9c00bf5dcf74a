/*
 * Marks on candidates: exclusions in force, holds after outcomes, actions still open.
 *
 * A suppression rule counts outcomes of one scope (a content's family, a topic, a brand, a channel,
 * or several of them together).  An outcome at s sets a hold when `count` of them lie in
 * (s - within, s]; the hold suppresses the scope's candidates while now < s + hold.
 */
#include <string.h>

#include "funnel_internal.h"
#include "nba/base/assert.h"

/* What the outcomes of one group have in common; parts outside the rule's scope are 0. */
struct scope_key {
    uint32_t family, topic, brand, channel;
};

static bool same_scope(struct scope_key a, struct scope_key b)
{
    return a.family == b.family && a.topic == b.topic && a.brand == b.brand &&
           a.channel == b.channel;
}

/* False: the outcome lacks a part of the scope, or no content has it. */
static bool scope_of(const struct nba_funnel *funnel, const struct policy_suppression *rule,
                     const struct nba_outcome_entry *outcome, struct scope_key *ret_key)
{
    const struct nba_catalog *catalog = funnel->catalog;
    struct scope_key key = {0, 0, 0, 0};
    if ((rule->scope & SCOPE_CONTENT) != 0) {
        key.family = nba_catalog_find_word(
            catalog, outcome->family_id.bytes != 0 ? outcome->family_id : outcome->content_id);
    }
    if ((rule->scope & SCOPE_TOPIC) != 0) {
        key.topic = nba_catalog_find_word(catalog, outcome->topic);
    }
    if ((rule->scope & SCOPE_BRAND) != 0) {
        key.brand = nba_catalog_find_word(catalog, outcome->brand);
    }
    if ((rule->scope & SCOPE_CHANNEL) != 0) {
        key.channel = (uint32_t)outcome->channel;
    }
    *ret_key = key;
    return ((rule->scope & SCOPE_CONTENT) == 0 || key.family != 0) &&
           ((rule->scope & SCOPE_TOPIC) == 0 || key.topic != 0) &&
           ((rule->scope & SCOPE_BRAND) == 0 || key.brand != 0) &&
           ((rule->scope & SCOPE_CHANNEL) == 0 || key.channel != 0);
}

static bool tracks(const struct policy_suppression *rule, const struct nba_outcome_entry *outcome)
{
    const bool channel = rule->channels == 0 || outcome->channel == NBA_CHANNEL_UNKNOWN ||
                         (rule->channels >> (unsigned)outcome->channel & 1) != 0;
    return channel && (rule->track >> (unsigned)outcome->outcome & 1) != 0;
}

/* Outcomes of the group of `last` inside its window, as bits. */
static uint64_t window_of(const struct policy_suppression *rule, const struct moment *moment,
                          const struct scope_key *keys, uint64_t tracked, uint32_t last,
                          uint32_t *ret_count)
{
    const int64_t end = moment->hcp->outcomes[last].time_ms;
    const int64_t start = nba_duration_subtract(end, rule->within);
    uint64_t bits = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < moment->hcp->outcome_count; i++) {
        const int64_t time = moment->hcp->outcomes[i].time_ms;
        if ((tracked >> i & 1) != 0 && same_scope(keys[i], keys[last]) && time > start &&
            time <= end) {
            bits |= UINT64_C(1) << i;
            count++;
        }
    }
    *ret_count = count;
    return bits;
}

/* Marks what is of this scope and not marked by an earlier rule. */
static bool mark_content(struct nba_funnel *funnel, const struct policy_suppression *rule,
                         struct scope_key key, uint32_t k, uint16_t mark)
{
    const struct nba_catalog *catalog = funnel->catalog;
    bool any = false;
    if ((key.family != 0 && key.family != catalog->content_family[k]) ||
        (key.topic != 0 && key.topic != catalog->content_topic[k]) ||
        (key.brand != 0 && key.brand != catalog->content_brand[k])) {
        return false;
    }
    for (uint32_t c = catalog->first_candidate[k]; c < catalog->first_candidate[k + 1]; c++) {
        const unsigned channel = catalog->channel[c];
        const bool concerned = (rule->channels == 0 || (rule->channels >> channel & 1) != 0) &&
                               (key.channel == 0 || key.channel == channel);
        if (concerned && funnel->held[c] == 0) {
            funnel->held[c] = mark;
            any = true;
        }
    }
    return any;
}

static bool mark_scope(struct nba_funnel *funnel, const struct policy_suppression *rule,
                       struct scope_key key, uint16_t mark)
{
    const struct content_groups *groups = key.family != 0  ? &funnel->by_family
                                          : key.topic != 0 ? &funnel->by_topic
                                          : key.brand != 0 ? &funnel->by_brand
                                                           : NULL;
    const uint32_t word = key.family != 0 ? key.family : key.topic != 0 ? key.topic : key.brand;
    bool any = false;
    if (groups == NULL) {
        for (uint32_t k = 0; k < funnel->catalog->content_count; k++) {
            any = mark_content(funnel, rule, key, k, mark) || any;
        }
        return any;
    }
    for (uint32_t i = groups->start[word]; i < groups->start[word + 1]; i++) {
        any = mark_content(funnel, rule, key, groups->contents[i], mark) || any;
    }
    return any;
}

/* Every group once, by its outcome with the latest hold. */
static bool apply_rule(struct nba_funnel *funnel, const struct moment *moment, uint32_t r)
{
    const struct policy_suppression *rule = &funnel->policy->suppressions[r];
    struct scope_key keys[NBA_HCP_OUTCOMES_MAX];
    uint64_t tracked = 0;
    for (uint32_t i = 0; i < moment->hcp->outcome_count; i++) {
        const struct nba_outcome_entry *outcome = &moment->hcp->outcomes[i];
        if (tracks(rule, outcome) && scope_of(funnel, rule, outcome, &keys[i])) {
            tracked |= UINT64_C(1) << i;
        }
    }
    uint64_t left = tracked;
    bool any = false;
    for (uint32_t i = 0; i < moment->hcp->outcome_count; i++) {
        if ((left >> i & 1) == 0) {
            continue;
        }
        struct hold best = {.rule = r, .until_ms = INT64_MIN};
        for (uint32_t j = i; j < moment->hcp->outcome_count; j++) {
            if ((left >> j & 1) == 0 || !same_scope(keys[i], keys[j])) {
                continue;
            }
            left &= ~(UINT64_C(1) << j);
            const int64_t time = moment->hcp->outcomes[j].time_ms;
            const int64_t until = nba_duration_add(time, rule->hold);
            uint32_t count = 0;
            const uint64_t evidence = window_of(rule, moment, keys, tracked, j, &count);
            if (count >= rule->count && time <= moment->now_ms && until > best.until_ms) {
                best.until_ms = until;
                best.evidence = evidence;
            }
        }
        if (moment->now_ms < best.until_ms) {
            NBA_ASSERT(funnel->hold_count < FUNNEL_HOLDS_MAX);
            funnel->holds[funnel->hold_count++] = best;
            any = mark_scope(funnel, rule, keys[i], (uint16_t)funnel->hold_count) || any;
        }
    }
    return any;
}

/* Candidates of content k with this type of action. */
static bool mark_type(struct nba_funnel *funnel, uint32_t k, enum nba_action_type type,
                      uint8_t mark)
{
    const struct nba_catalog *catalog = funnel->catalog;
    bool any = false;
    for (uint32_t c = catalog->first_candidate[k]; c < catalog->first_candidate[k + 1]; c++) {
        if (catalog->action_type[c] == (uint8_t)type && funnel->open[c] == 0) {
            funnel->open[c] = mark;
            any = true;
        }
    }
    return any;
}

/* The same content family and type of action as one still open. */
static bool mark_open(struct nba_funnel *funnel, const struct moment *moment)
{
    const struct content_groups *groups = &funnel->by_family;
    bool any = false;
    for (uint32_t a = 0; a < moment->hcp->action_count; a++) {
        const struct nba_open_action *action = &moment->hcp->actions[a];
        const struct nba_str family =
            action->family_id.bytes != 0 ? action->family_id : action->content_id;
        const uint32_t word = nba_catalog_find_word(funnel->catalog, family);
        if (word == 0 || !nba_open_action_is_open(action, moment->now_ms)) {
            continue;
        }
        for (uint32_t i = groups->start[word]; i < groups->start[word + 1]; i++) {
            any = mark_type(funnel, groups->contents[i], action->action_type, (uint8_t)(a + 1)) ||
                  any;
        }
    }
    return any;
}

static bool mark_excluded(struct nba_funnel *funnel, int64_t now_ms)
{
    bool any = false;
    for (uint32_t i = 0; i < funnel->exclusion_count; i++) {
        const struct bound_exclusion *bound = &funnel->exclusions[i];
        const int64_t until = bound->exclusion->until_ms;
        if (until != NBA_TIME_NONE && now_ms >= until) {
            continue;
        }
        for (uint32_t j = 0; j < bound->count; j++) {
            uint16_t *mark = &funnel->excluded[funnel->excluded_candidates[bound->first + j]];
            *mark = *mark != 0 ? *mark : (uint16_t)(i + 1);
            any = true;
        }
    }
    return any;
}

struct funnel_marks nba_funnel_mark(struct nba_funnel *funnel, const struct moment *moment)
{
    const size_t count = funnel->catalog->candidate_count;
    struct funnel_marks marks = {false, false, false};
    if (funnel->exclusion_count != 0) {
        memset(funnel->excluded, 0, count * sizeof(*funnel->excluded));
        marks.excluded = mark_excluded(funnel, moment->now_ms);
    }
    funnel->hold_count = 0;
    if (moment->hcp->outcome_count != 0 && funnel->policy->suppression_count != 0) {
        memset(funnel->held, 0, count * sizeof(*funnel->held));
        for (uint32_t r = 0; r < funnel->policy->suppression_count; r++) {
            marks.held = apply_rule(funnel, moment, r) || marks.held;
        }
    }
    if (moment->hcp->action_count != 0) {
        memset(funnel->open, 0, count * sizeof(*funnel->open));
        marks.open = mark_open(funnel, moment);
    }
    return marks;
}
