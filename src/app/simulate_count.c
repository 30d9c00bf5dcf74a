#include "simulate_count.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "nba/base/memory.h"
#include "nba/base/str_put.h"
#include "nba/base/time_text.h"

#define WORD_BYTES 600u /* longer words are cut */
#define RULES_MAX  NBA_EXPLAINED_MAX

/* In the order in which they are shown. */
static const char *const totals[] = {
    "decisions",
    "decisions with an action",
    "candidates",
    "actions",
    "recalls",
    "requests refused by reps' tasks",
    "expected value",
    "HCPs decided on",
    "HCPs without any action",
    "decisions compared",
    "decided differently",
    "decided here only",
};

/* ---- counting ---- */

static uint64_t hash_of(struct nba_str text, uint64_t seed)
{
    return nba_xxh64(text.data, text.bytes) ^ seed * 0x9E3779B97F4A7C15u;
}

static struct nba_simulated_count *count_of(struct nba_simulated_part *part,
                                            enum nba_simulated dimension, struct nba_str word)
{
    const uint64_t hash = hash_of(word, (uint64_t)dimension + 1);
    uint32_t cursor = 0;
    uint32_t n = nba_hash_index_next(&part->index, hash, &cursor);
    while (n != NBA_HASH_INDEX_NONE &&
           !(part->counts[n].dimension == dimension && nba_str_is(word, part->counts[n].word))) {
        n = nba_hash_index_next(&part->index, hash, &cursor);
    }
    if (n == NBA_HASH_INDEX_NONE) {
        n = part->index.count;
        part->counts = nba_room(part->counts, n, &part->count_capacity, sizeof(*part->counts));
        char *copy = nba_zeros(word.bytes + 1, 1);
        (void)nba_str_put(copy, word);
        part->counts[n] = (struct nba_simulated_count){.dimension = dimension, .word = copy};
        NBA_ASSERT(nba_hash_index_reserve(&part->index, n + 1));
        nba_hash_index_add(&part->index, hash, n);
    }
    return &part->counts[n];
}

static void add(struct nba_simulated_part *part, enum nba_simulated dimension, struct nba_str word,
                double amount)
{
    const size_t bytes = word.bytes < WORD_BYTES ? word.bytes : WORD_BYTES;
    count_of(part, dimension, word.bytes != 0 ? nba_str(word.data, bytes) : nba_str_of("-"))
        ->count += amount;
}

static void add_total(struct nba_simulated_part *part, const char *word, double amount)
{
    add(part, NBA_SIMULATED_TOTAL, nba_str_of(word), amount);
}

/* The number of a hash; a new one is the next number. */
static uint32_t number_of(struct nba_hash_index *index, uint64_t hash)
{
    uint32_t cursor = 0;
    const uint32_t n = nba_hash_index_next(index, hash, &cursor);
    if (n != NBA_HASH_INDEX_NONE) {
        return n;
    }
    NBA_ASSERT(nba_hash_index_reserve(index, index->count + 1));
    nba_hash_index_add(index, hash, index->count);
    return index->count - 1;
}

static struct nba_simulated_hcp *hcp_of(struct nba_simulated_part *part, uint64_t hash)
{
    const uint32_t known = part->hcp_index.count;
    const uint32_t n = number_of(&part->hcp_index, hash);
    if (n == known) {
        part->hcps = nba_room(part->hcps, n, &part->hcp_capacity, sizeof(*part->hcps));
        part->hcps[n] = (struct nba_simulated_hcp){.hash = hash};
    }
    return &part->hcps[n];
}

static void hear_action(void *context, int32_t partition, struct nba_str segment,
                        const struct nba_action *action)
{
    struct nba_simulated_part *part = &((struct nba_simulation *)context)->parts[partition];
    char monday[NBA_TIME_TEXT_BYTES];
    if (action->status == NBA_ACTION_RECALLED) {
        add_total(part, "recalls", 1);
        return;
    }
    const int64_t day = action->time_ms / NBA_DAY_MS - (action->time_ms % NBA_DAY_MS < 0);
    const int64_t weekday = ((day + 3) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    nba_time_format((day - weekday) * NBA_DAY_MS, monday);
    add_total(part, "actions", 1);
    add_total(part, "expected value", action->propensity * action->value);
    add(part, NBA_SIMULATED_CHANNEL, nba_str_of(nba_channel_name(action->channel)), 1);
    add(part, NBA_SIMULATED_BRAND, action->brand, 1);
    add(part, NBA_SIMULATED_SEGMENT, segment, 1);
    add(part, NBA_SIMULATED_WEEK, nba_str(monday, sizeof("2026-11-23") - 1), 1);
    add(part, NBA_SIMULATED_CONTENT, action->content_id, 1);
    hcp_of(part, hash_of(action->hcp_id, 0))->acted = true;
}

static uint64_t slate_hash(const struct nba_decision *decision)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < decision->selected_count; i++) {
        const struct nba_action *action = &decision->selected[i];
        hash = hash * 0x100000001B3u ^ hash_of(action->content_id, (uint64_t)action->action_type);
    }
    return hash;
}

/* How the other run decided the same. */
static void compare(const struct nba_simulation *other, int32_t partition,
                    struct nba_simulated_part *part, uint64_t id, uint64_t slate)
{
    const struct nba_simulated_part *theirs = &other->parts[partition];
    uint32_t cursor = 0;
    const uint32_t n = nba_hash_index_next(&theirs->decisions, id, &cursor);
    const char *word = n == NBA_HASH_INDEX_NONE     ? "by B alone"
                       : theirs->slates[n] != slate ? "other actions"
                                                    : "the same actions";
    add(part, NBA_SIMULATED_DIFFERENCE, nba_str_of(word), 1);
}

/* Rules behind the explained candidates of a decision are few: each is put into words once. */
static void count_rules(struct nba_simulated_part *part, const struct nba_decision *decision)
{
    const struct nba_suppressed *const end = decision->suppressed + decision->suppressed_count;
    const struct nba_suppressed *kinds[RULES_MAX];
    uint32_t counts[RULES_MAX];
    uint32_t count = 0;
    for (const struct nba_suppressed *one = decision->suppressed; one != end; one++) {
        uint32_t i = 0;
        while (i < count && !(kinds[i]->reason == one->reason &&
                              nba_str_equal(kinds[i]->rule_id, one->rule_id))) {
            i++;
        }
        NBA_ASSERT(i < RULES_MAX);
        kinds[i] = i < count ? kinds[i] : one;
        counts[i] = i < count ? counts[i] + 1 : 1;
        count += i == count;
    }
    for (uint32_t i = 0; i < count; i++) {
        char word[WORD_BYTES];
        (void)snprintf(word, sizeof(word), "%s %.*s", nba_reason_name(kinds[i]->reason),
                       NBA_STR_ARG(kinds[i]->rule_id));
        if (kinds[i]->rule_id.bytes != 0) {
            add(part, NBA_SIMULATED_RULE, nba_str_of(word), counts[i]);
        }
    }
}

static void hear_decision(void *context, int32_t partition, struct nba_str segment,
                          const struct nba_decision *decision)
{
    struct nba_simulation *simulation = context;
    struct nba_simulated_part *part = &simulation->parts[partition];
    (void)segment;
    for (uint32_t i = 0; i < decision->closed_count; i++) {
        if (decision->closed[i].reason == NBA_REASON_REP_CAPACITY) {
            add_total(part, "requests refused by reps' tasks", 1);
        } else if (decision->closed[i].reason == NBA_REASON_VOLUME_LIMIT) {
            add_total(part, "requests refused by budgets' tasks", 1);
        }
    }
    if (decision->kind != NBA_DECISION_DECIDED) {
        return;
    }
    const uint64_t id = hash_of(decision->decision_id, 0);
    const uint64_t slate = slate_hash(decision);
    const uint32_t known = part->decisions.count;
    const uint32_t n = number_of(&part->decisions, id);
    if (n == known) {
        part->slates = nba_room(part->slates, n, &part->decision_capacity, sizeof(*part->slates));
    }
    part->slates[n] = slate;
    add_total(part, "decisions", 1);
    add_total(part, "decisions with an action", decision->selected_count != 0);
    add_total(part, "candidates", decision->candidate_count);
    hcp_of(part, hash_of(decision->hcp_id, 0))->decided = true;
    for (unsigned number = 1; number <= NBA_REASON_NUMBER_MAX; number++) {
        part->reasons[number] += decision->reason_count[number];
    }
    count_rules(part, decision);
    if (simulation->other != NULL) {
        compare(simulation->other, partition, part, id, slate);
    }
}

/* ---- runs ---- */

void nba_simulation_init(struct nba_simulation *simulation, const struct nba_simulation *other)
{
    *simulation = (struct nba_simulation){
        .parts = nba_zeros(NBA_PARTITIONS_MAX, sizeof(*simulation->parts)),
        .other = other,
        .listener = {.action = hear_action, .decision = hear_decision},
    };
    simulation->listener.context = simulation;
}

void nba_simulation_clear(struct nba_simulation *simulation)
{
    for (size_t p = 0; simulation->parts != NULL && p < NBA_PARTITIONS_MAX; p++) {
        struct nba_simulated_part *part = &simulation->parts[p];
        for (uint32_t i = 0; i < part->index.count; i++) {
            free(part->counts[i].word);
        }
        nba_hash_index_clear(&part->index);
        nba_hash_index_clear(&part->hcp_index);
        nba_hash_index_clear(&part->decisions);
        free(part->counts);
        free(part->hcps);
        free(part->slates);
    }
    free(simulation->parts);
    *simulation = (struct nba_simulation){0};
}

/* Of all partitions together, into the first. */
static void count_hcps(struct nba_simulated_part *parts)
{
    struct nba_simulated_part all = {0};
    double decided = 0;
    double idle = 0;
    for (size_t p = 0; p < NBA_PARTITIONS_MAX; p++) {
        for (uint32_t i = 0; i < parts[p].hcp_index.count; i++) {
            const struct nba_simulated_hcp *one = &parts[p].hcps[i];
            struct nba_simulated_hcp *hcp = hcp_of(&all, one->hash);
            hcp->decided = hcp->decided || one->decided;
            hcp->acted = hcp->acted || one->acted;
        }
    }
    for (uint32_t i = 0; i < all.hcp_index.count; i++) {
        decided += all.hcps[i].decided;
        idle += all.hcps[i].decided && !all.hcps[i].acted;
    }
    if (all.hcp_index.count != 0) {
        add_total(&parts[0], "HCPs decided on", decided);
        add_total(&parts[0], "HCPs without any action", idle);
    }
    nba_hash_index_clear(&all.hcp_index);
    free(all.hcps);
}

static void add_reasons(struct nba_simulated_part *part)
{
    for (unsigned number = 1; number <= NBA_REASON_NUMBER_MAX; number++) {
        const enum nba_reason reason = (enum nba_reason)number;
        const double count = part->reasons[number];
        if (count > 0) {
            add(part, NBA_SIMULATED_REASON, nba_str_of(nba_reason_name(reason)), count);
            add(part, NBA_SIMULATED_STAGE, nba_str_of(nba_stage_name(nba_reason_stage(reason))),
                count);
        }
        part->reasons[number] = 0;
    }
}

/* Totals in the order above, stages in the funnel's. */
static size_t place_of(const struct nba_simulated_row *row)
{
    size_t place = 0;
    enum nba_stage stage = NBA_STAGE_COUNT;
    if (row->dimension == NBA_SIMULATED_STAGE) {
        return nba_stage_of(nba_str_of(row->word), &stage) ? (size_t)stage : NBA_STAGE_COUNT;
    }
    while (row->dimension == NBA_SIMULATED_TOTAL && place < NBA_ARRAY_COUNT(totals) &&
           strcmp(totals[place], row->word) != 0) {
        place++;
    }
    return place;
}

static int by_place(const void *a, const void *b)
{
    const struct nba_simulated_row *left = a;
    const struct nba_simulated_row *right = b;
    const size_t places[] = {place_of(left), place_of(right)};
    if (left->dimension != right->dimension) {
        return left->dimension < right->dimension ? -1 : 1;
    }
    return places[0] != places[1] ? (places[0] < places[1] ? -1 : 1)
                                  : strcmp(left->word, right->word);
}

void nba_simulation_rows(struct nba_simulation *runs, size_t run_count,
                         struct nba_simulated_row **ret_rows, size_t *ret_count)
{
    struct nba_simulated_part all = {0}; /* one count a row; its number is the row's */
    struct nba_simulated_row *rows = NULL;
    size_t capacity = 0;
    for (size_t r = 0; r < run_count; r++) {
        count_hcps(runs[r].parts);
        for (size_t p = 0; p < NBA_PARTITIONS_MAX; p++) {
            struct nba_simulated_part *part = &runs[r].parts[p];
            add_reasons(part);
            for (uint32_t i = 0; i < part->index.count; i++) {
                const struct nba_simulated_count *one = &part->counts[i];
                const uint32_t known = all.index.count;
                const size_t n =
                    (size_t)(count_of(&all, one->dimension, nba_str_of(one->word)) - all.counts);
                if (n == known) {
                    rows = nba_room(rows, n, &capacity, sizeof(*rows));
                    rows[n] = (struct nba_simulated_row){one->dimension, one->word, {0, 0}};
                }
                rows[n].counts[r] += one->count;
            }
        }
    }
    *ret_count = all.index.count;
    if (rows != NULL) {
        qsort(rows, *ret_count, sizeof(*rows), by_place);
    }
    for (uint32_t i = 0; i < all.index.count; i++) {
        free(all.counts[i].word);
    }
    free(all.counts);
    nba_hash_index_clear(&all.index);
    *ret_rows = rows;
}
