/*
 * Marks on candidates: exclusions in force, holds after outcomes, actions still open, limits.
 *
 * A suppression rule counts outcomes of one scope (a content's family, a topic, a brand, a channel,
 * or several of them together).  An outcome at s sets a hold when `count` of them lie in
 * (s - within, s]; the hold suppresses the scope's candidates while now < s + hold.
 */
#include <string.h>

#include "funnel_internal.h"
#include "nba/base/assert.h"

/* What the outcomes of one group have in common: a word each of family, topic and brand, channel,
 * hash of the rep, by bit of enum suppression_scope; 0 outside the rule's scope. */
struct scope_key {
    uint32_t part[SCOPE_PARTS];
};

/* False: the outcome lacks a part of the scope, or no content has it. */
static bool scope_of(const struct nba_funnel *funnel, const struct policy_suppression *rule,
                     const struct nba_outcome_entry *outcome, struct scope_key *ret_key)
{
    const struct nba_str words[] = {outcome->family_id.bytes != 0 ? outcome->family_id
                                                                  : outcome->content_id,
                                    outcome->topic, outcome->brand};
    bool whole = true;
    for (uint32_t i = 0; i < SCOPE_PARTS; i++) {
        const bool in_scope = (rule->scope >> i & 1) != 0;
        const uint32_t part = !in_scope ? 0
                              : i < NBA_ARRAY_COUNT(words)
                                  ? nba_catalog_find_word(funnel->catalog, words[i])
                              : i == GROUPINGS ? (uint32_t)outcome->channel
                                               : nba_hcp_text_hash(outcome->rep_id);
        whole = whole && (!in_scope || part != 0);
        ret_key->part[i] = part;
    }
    return whole;
}

static bool same_scope(const struct scope_key *a, const struct scope_key *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static bool tracks(const struct policy_suppression *rule, const struct nba_outcome_entry *outcome)
{
    const bool channel = rule->channels == 0 || outcome->channel == NBA_CHANNEL_UNKNOWN ||
                         (rule->channels >> (unsigned)outcome->channel & 1) != 0;
    return channel && (rule->track >> (unsigned)outcome->outcome & 1) != 0;
}

/* Outcomes of `group` inside the window that ends with `last`, as bits. */
static uint64_t window_of(const struct policy_suppression *rule, const struct moment *moment,
                          uint64_t group, uint32_t last)
{
    const int64_t end = moment->hcp->outcomes[last].time_ms;
    const int64_t start = nba_duration_subtract(end, rule->within);
    uint64_t inside = 0;
    for (; group != 0; group &= group - 1) {
        const int64_t time = moment->hcp->outcomes[__builtin_ctzll(group)].time_ms;
        inside |= time > start && time <= end ? group & -group : 0;
    }
    return inside;
}

/* Marks what of content k the newest hold, of this scope, concerns. */
static void mark_content(struct nba_funnel *funnel, const struct moment *moment,
                         const struct policy_suppression *rule, const struct scope_key *key,
                         uint32_t k)
{
    const struct nba_catalog *catalog = funnel->catalog;
    for (uint32_t i = 0; i < GROUPINGS; i++) {
        if (key->part[i] != 0 && key->part[i] != funnel->groups[i].word_of[k]) {
            return;
        }
    }
    const struct person *person = &moment->persons[catalog->contents[k].content_class];
    const uint32_t refused = key->part[GROUPINGS + 1];
    if (refused != 0 && nba_hcp_text_hash(person->rep_id) != refused) {
        return;
    }
    const uint32_t wanted = key->part[GROUPINGS];
    for (uint32_t c = catalog->first_candidate[k]; c < catalog->first_candidate[k + 1]; c++) {
        const unsigned channel = catalog->channel[c];
        if ((rule->channels == 0 || (rule->channels >> channel & 1) != 0) &&
            (wanted == 0 || wanted == channel) &&
            (refused == 0 || catalog->gates[catalog->gate_class[c]].needs_rep)) {
            nba_funnel_set_mark(funnel, MARK_HELD, c, funnel->hold_count);
        }
    }
}

static void mark_scope(struct nba_funnel *funnel, const struct moment *moment,
                       const struct policy_suppression *rule, const struct scope_key *key)
{
    uint32_t i = 0;
    while (i < GROUPINGS - 1 && key->part[i] == 0) {
        i++;
    }
    const struct groups *groups = &funnel->groups[i];
    const uint32_t word = key->part[i];
    /* A rule of channels alone concerns all contents. */
    const uint32_t first = word != 0 ? groups->start[word] : 0;
    const uint32_t end = word != 0 ? groups->start[word + 1] : funnel->catalog->content_count;
    for (uint32_t k = first; k < end; k++) {
        mark_content(funnel, moment, rule, key, groups->items[k]);
    }
}

/* The outcomes that a rule counts, by scope. */
struct outcome_groups {
    struct scope_key keys[NBA_HCP_OUTCOMES_MAX];
    uint64_t members[NBA_HCP_OUTCOMES_MAX]; /* at the first outcome of a group: all, as bits */
    uint64_t firsts;
};

static void group_outcomes(const struct nba_funnel *funnel, const struct policy_suppression *rule,
                           const struct nba_hcp *hcp, struct outcome_groups *ret_groups)
{
    uint8_t slots[2 * NBA_HCP_OUTCOMES_MAX] = {0}; /* by hash: first outcome + 1 */
    struct outcome_groups *g = ret_groups;
    g->firsts = 0;
    for (uint32_t i = 0; i < hcp->outcome_count; i++) {
        struct scope_key *key = &g->keys[i];
        if (!tracks(rule, &hcp->outcomes[i]) || !scope_of(funnel, rule, &hcp->outcomes[i], key)) {
            continue;
        }
        uint32_t slot =
            key->part[0] * 31 + key->part[1] * 7 + key->part[2] * 3 + key->part[3] + key->part[4];
        slot %= NBA_ARRAY_COUNT(slots);
        while (slots[slot] != 0 && !same_scope(&g->keys[slots[slot] - 1], key)) {
            slot = (slot + 1) % NBA_ARRAY_COUNT(slots);
        }
        if (slots[slot] == 0) {
            slots[slot] = (uint8_t)(i + 1);
            g->members[i] = 0;
            g->firsts |= UINT64_C(1) << i;
        }
        g->members[slots[slot] - 1] |= UINT64_C(1) << i;
    }
}

/* Every group once, by its outcome with the latest hold. */
static void apply_rule(struct nba_funnel *funnel, const struct moment *moment, uint32_t r)
{
    const struct policy_suppression *rule = &funnel->policy->suppressions[r];
    struct outcome_groups groups;
    group_outcomes(funnel, rule, moment->hcp, &groups);
    for (uint64_t firsts = groups.firsts; firsts != 0; firsts &= firsts - 1) {
        const uint32_t first = (uint32_t)__builtin_ctzll(firsts);
        struct hold best = {.rule = r, .until_ms = INT64_MIN};
        for (uint64_t left = groups.members[first]; left != 0; left &= left - 1) {
            const uint32_t j = (uint32_t)__builtin_ctzll(left);
            const int64_t time = moment->hcp->outcomes[j].time_ms;
            const int64_t until = nba_duration_add(time, rule->hold);
            const uint64_t evidence = window_of(rule, moment, groups.members[first], j);
            if (nba_funnel_count_bits(evidence) >= rule->count && time <= moment->now_ms &&
                until > best.until_ms) {
                best.until_ms = until;
                best.evidence = evidence;
            }
        }
        if (moment->now_ms < best.until_ms) {
            NBA_ASSERT(funnel->hold_count < FUNNEL_HOLDS_MAX);
            funnel->holds[funnel->hold_count++] = best;
            mark_scope(funnel, moment, rule, &groups.keys[first]);
        }
    }
}

static void mark_held(struct nba_funnel *funnel, const struct moment *moment)
{
    funnel->hold_count = 0;
    for (uint32_t r = 0; r < funnel->policy->suppression_count; r++) {
        apply_rule(funnel, moment, r);
    }
}

static struct evidence explain_held(const struct nba_funnel *funnel, const struct moment *moment,
                                    uint32_t candidate, uint32_t value, struct nba_suppressed *item)
{
    const struct hold *hold = &funnel->holds[value - 1];
    (void)moment;
    (void)candidate;
    item->rule_id = funnel->policy->suppressions[hold->rule].id;
    item->limit = funnel->policy->suppressions[hold->rule].count;
    item->until_ms = hold->until_ms;
    item->counter = nba_funnel_count_bits(hold->evidence);
    return (struct evidence){.of = EVIDENCE_OUTCOMES, .bits = hold->evidence};
}

static void mark_family(struct nba_funnel *funnel, uint32_t family, uint8_t action_type,
                        uint32_t value)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const struct groups *groups = &funnel->groups[0]; /* by family */
    for (uint32_t i = groups->start[family]; i < groups->start[family + 1]; i++) {
        const uint32_t *first = &catalog->first_candidate[groups->items[i]];
        for (uint32_t c = first[0]; c < first[1]; c++) {
            if (catalog->action_type[c] == action_type) {
                nba_funnel_set_mark(funnel, MARK_OPEN, c, value);
            }
        }
    }
}

/* The same content family and type of action as one still open. */
static void mark_open(struct nba_funnel *funnel, const struct moment *moment)
{
    for (uint32_t a = 0; a < moment->hcp->action_count; a++) {
        const struct nba_open_action *action = &moment->hcp->actions[a];
        const uint32_t word = nba_catalog_find_word(
            funnel->catalog, action->family_id.bytes != 0 ? action->family_id : action->content_id);
        if (word != 0 && nba_funnel_counts(moment, action)) {
            mark_family(funnel, word, (uint8_t)action->action_type, a + 1);
        }
    }
}

static struct evidence explain_open(const struct nba_funnel *funnel, const struct moment *moment,
                                    uint32_t candidate, uint32_t value, struct nba_suppressed *item)
{
    (void)funnel;
    (void)candidate;
    item->until_ms = moment->hcp->actions[value - 1].expires_at_ms;
    return (struct evidence){.bits = 0};
}

static void mark_excluded(struct nba_funnel *funnel, const struct moment *moment)
{
    for (uint32_t i = 0; i < funnel->exclusion_count; i++) {
        const struct bound_exclusion *bound = &funnel->exclusions[i];
        const bool force = nba_funnel_in_force(bound->exclusion, moment->now_ms);
        for (uint32_t j = 0; force && j < bound->count; j++) {
            nba_funnel_set_mark(funnel, MARK_EXCLUDED,
                                funnel->excluded_candidates[bound->first + j], i + 1);
        }
    }
}

static struct evidence explain_excluded(const struct nba_funnel *funnel,
                                        const struct moment *moment, uint32_t candidate,
                                        uint32_t value, struct nba_suppressed *item)
{
    const struct nba_exclusion *exclusion = funnel->exclusions[value - 1].exclusion;
    (void)moment;
    (void)candidate;
    item->rule_id = exclusion->id;
    item->until_ms = exclusion->until_ms;
    return (struct evidence){.bits = 0};
}

/* ---- what a rep has no room for ---- */

/* The rule's window that is full for whoever carries out actions with contents of this class; NULL:
 * none is. */
static const struct nba_capacity_window *full_window(const struct moment *moment,
                                                     const struct policy_capacity *rule,
                                                     enum nba_content_class content_class)
{
    static const struct nba_capacity_window never = {.end_ms = NBA_TIME_NONE};
    const struct person *person = &moment->persons[content_class];
    if (person->rep == NULL) {
        return NULL; /* another reason holds */
    }
    if (rule->max == 0 || (rule->tz != 0 && nba_zone_find(person->rep->tz) == NULL)) {
        return &never;
    }
    const struct nba_capacity_table *table = moment->capacity;
    const struct nba_capacity_window *window =
        table != NULL ? nba_capacity_table_find(table, person->rep_id, rule->id, moment->now_ms)
                      : NULL;
    return window != NULL && window->used >= (int32_t)rule->max ? window : NULL;
}

bool nba_funnel_has_no_room(const struct nba_funnel *funnel, const struct moment *moment,
                            enum capacity_full when_full, const struct nba_capacity_window *window,
                            uint32_t c)
{
    const double priority = moment->released != NULL
                                ? moment->released->priority
                                : nba_round9(nba_funnel_priority(funnel, moment->request, c));
    return !window->replaceable || when_full != CAPACITY_REPLACE_LOWEST ||
           priority <= window->lowest_priority;
}

static void mark_capacity(struct nba_funnel *funnel, const struct moment *moment)
{
    const struct nba_catalog *catalog = funnel->catalog;
    for (uint32_t r = 0; r < funnel->policy->capacity_count; r++) {
        const struct policy_capacity *rule = &funnel->policy->capacity[r];
        const struct nba_capacity_window *windows[NBA_CONTENT_CLASS_COUNT];
        bool any = false;
        for (unsigned i = 0; i < NBA_CONTENT_CLASS_COUNT; i++) {
            windows[i] = full_window(moment, rule, (enum nba_content_class)i);
            any = any || windows[i] != NULL;
        }
        for (uint32_t c = 0; any && c < catalog->candidate_count; c++) {
            const struct nba_gate_class *gate = &catalog->gates[catalog->gate_class[c]];
            const struct nba_capacity_window *window = windows[gate->content_class];
            if (gate->needs_rep && window != NULL &&
                (rule->channels >> catalog->channel[c] & 1) != 0 &&
                nba_funnel_has_no_room(funnel, moment, rule->when_full, window, c)) {
                nba_funnel_set_mark(funnel, MARK_CAPACITY, c, r + 1);
            }
        }
    }
}

static struct evidence explain_capacity(const struct nba_funnel *funnel,
                                        const struct moment *moment, uint32_t candidate,
                                        uint32_t value, struct nba_suppressed *item)
{
    const struct policy_capacity *rule = &funnel->policy->capacity[value - 1];
    const struct nba_content *content = nba_catalog_content(funnel->catalog, candidate);
    const struct nba_capacity_window *window = full_window(moment, rule, content->content_class);
    item->rule_id = rule->id;
    item->limit = rule->max;
    if (window != NULL) {
        item->counter = window->used;
        item->retry_after_ms = window->end_ms;
    }
    return (struct evidence){.bits = 0};
}

/* What stops single candidates: the reason, what sets its marks, what says why. */
static const struct {
    enum nba_reason reason;
    void (*mark)(struct nba_funnel *funnel, const struct moment *moment);
    struct evidence (*explain)(const struct nba_funnel *funnel, const struct moment *moment,
                               uint32_t candidate, uint32_t value, struct nba_suppressed *item);
} kinds[MARK_KINDS] = {
    [MARK_EXCLUDED] = {NBA_REASON_EXCLUDED, mark_excluded, explain_excluded},
    [MARK_HELD] = {NBA_REASON_SUPPRESSED_OUTCOME, mark_held, explain_held},
    [MARK_OPEN] = {NBA_REASON_OPEN_ACTION, mark_open, explain_open},
    [MARK_CAPPED] = {NBA_REASON_FREQUENCY_CAP, nba_funnel_mark_capped, nba_funnel_explain_capped},
    [MARK_CAPACITY] = {NBA_REASON_REP_CAPACITY, mark_capacity, explain_capacity},
    [MARK_VOLUME] = {NBA_REASON_VOLUME_LIMIT, nba_funnel_mark_volume, nba_funnel_explain_volume},
};

void nba_funnel_mark(struct nba_funnel *funnel, const struct moment *moment)
{
    for (unsigned kind = 0; kind < MARK_KINDS; kind++) {
        for (uint32_t i = 0; i < funnel->marked_count[kind]; i++) {
            funnel->marks[kind][funnel->marked[kind][i]] = 0;
        }
        funnel->marked_count[kind] = 0;
        if (kinds[kind].reason >= moment->from_reason) {
            kinds[kind].mark(funnel, moment);
        }
    }
}

/* A mark gives its reason where no earlier stage has given one. */
void nba_funnel_apply_marks(struct nba_funnel *funnel, const struct moment *moment)
{
    for (unsigned kind = 0; kind < MARK_KINDS; kind++) {
        const uint8_t to = (uint8_t)kinds[kind].reason;
        const uint32_t count = to >= moment->from_reason ? funnel->marked_count[kind] : 0;
        for (uint32_t i = 0; i < count; i++) {
            uint8_t *reason = &funnel->reason[funnel->marked[kind][i]];
            const bool takes = *reason != REASON_ABSENT && (*reason == 0 || *reason > to);
            *reason = takes ? to : *reason;
        }
    }
}

uint8_t nba_funnel_mark_reason(const struct nba_funnel *funnel, uint32_t candidate)
{
    uint8_t first = REASON_ABSENT;
    for (unsigned kind = 0; kind < MARK_KINDS; kind++) {
        const uint8_t reason = (uint8_t)kinds[kind].reason;
        first = funnel->marks[kind][candidate] != 0 && reason < first ? reason : first;
    }
    return first;
}

struct evidence nba_funnel_explain_mark(const struct nba_funnel *funnel,
                                        const struct moment *moment, uint32_t candidate,
                                        struct nba_suppressed *item)
{
    for (unsigned kind = 0; kind < MARK_KINDS; kind++) {
        if (kinds[kind].reason == item->reason) {
            return kinds[kind].explain(funnel, moment, candidate, funnel->marks[kind][candidate],
                                       item);
        }
    }
    return (struct evidence){.bits = 0};
}
