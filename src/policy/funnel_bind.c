/*
 * A policy, a catalogue and a control state made into one funnel: rules whose answer depends on the
 * candidate alone are settled here, and candidates with the same answers share a unit.
 */
#include <stdlib.h>
#include <string.h>

#include "funnel_internal.h"
#include "nba/base/assert.h"
#include "nba/base/hash_index.h"

/* 40,000 candidates at 200 bytes, the groups, and the holds. */
#define ARENA_BYTES_MAX ((size_t)256 * 1024 * 1024)

static bool all_hold(const struct condition_list *list, const struct condition_context *context)
{
    bool hold = true;
    for (uint32_t i = 0; i < list->count && hold; i++) {
        hold = list->items[i].kind != CONDITION_STATIC ||
               nba_condition_holds(&list->items[i], context);
    }
    return hold;
}

static struct rule_unit unit_of(const struct nba_funnel *funnel, const struct bound_rules *bound,
                                uint32_t candidate)
{
    const struct policy_rules *rules = bound->rules;
    const struct condition_context context = {
        .content = nba_catalog_content(funnel->catalog, candidate),
        .treatment = nba_catalog_treatment(funnel->catalog, candidate)};
    struct rule_unit unit;
    memset(&unit, 0, sizeof(unit)); /* padding too: units are compared as bytes */
    for (uint32_t r = 0; r < rules->count; r++) {
        if (all_hold(&rules->items[r].applies_to, &context)) {
            const bool fails = !all_hold(&rules->items[r].require, &context);
            unit.applies |= UINT64_C(1) << r;
            unit.fails |= (uint64_t)fails << r;
        }
    }
    for (uint32_t i = 0; i < bound->mixed_count; i++) {
        if (((unit.applies & ~unit.fails) >> bound->mixed[i].rule & 1) != 0) {
            struct nba_str single = {0};
            const struct nba_str_list texts =
                nba_condition_texts(bound->mixed[i].condition, true, &context, &single);
            unit.words[i] =
                texts.count != 0 ? nba_catalog_find_word(funnel->catalog, texts.items[0]) : 0;
        }
    }
    return unit;
}

/* `gate_class`: (C), by which units differ besides; NULL: by rules alone. */
static bool bind_rules(const struct nba_funnel *funnel, const struct policy_rules *rules,
                       const uint16_t *gate_class, struct bound_rules *bound)
{
    const uint32_t count = funnel->catalog->candidate_count;
    struct nba_hash_index index = {0};
    bound->rules = rules;
    for (uint32_t r = 0; r < rules->count; r++) {
        const struct condition_list *list = &rules->items[r].require;
        for (uint32_t i = 0; i < list->count; i++) {
            if (list->items[i].kind == CONDITION_MIXED) {
                NBA_ASSERT(bound->mixed_count < POLICY_MIXED_MAX);
                bound->mixed[bound->mixed_count++] =
                    (struct mixed_condition){.condition = &list->items[i], .rule = r};
            }
        }
    }
    if (!nba_hash_index_reserve(&index, count)) {
        return false;
    }
    for (uint32_t c = 0; c < count; c++) {
        struct rule_unit unit = unit_of(funnel, bound, c);
        unit.gate_class = gate_class != NULL ? gate_class[c] : 0;
        bound->unit[c] = nba_hash_index_intern(&index, bound->units, sizeof(unit), &unit);
    }
    bound->unit_count = index.count;
    nba_hash_index_clear(&index);
    return true;
}

/* Counting sort of `count` items by word. */
static void group(uint32_t count, uint32_t word_count, struct groups *groups)
{
    for (uint32_t k = 0; k < count; k++) {
        groups->start[groups->word_of[k] + 1]++;
    }
    for (uint32_t w = 0; w < word_count; w++) {
        groups->start[w + 1] += groups->start[w];
    }
    for (uint32_t k = count; k-- > 0;) {
        groups->items[--groups->start[groups->word_of[k] + 1]] = k;
    }
    /* start[w + 1] now is where w begins: shift by one. */
    memmove(groups->start, groups->start + 1, word_count * sizeof(*groups->start));
    groups->start[word_count] = count;
}

bool nba_funnel_excludes(const struct nba_exclusion *exclusion, const struct nba_content *content)
{
    switch (exclusion->scope) {
    case NBA_EXCLUDE_CONTENT:
        return nba_str_equal(exclusion->target, content->content_id);
    case NBA_EXCLUDE_BRAND:
        return nba_str_equal(exclusion->target, content->brand);
    case NBA_EXCLUDE_CAMPAIGN:
        break;
    }
    for (uint32_t i = 0; i < content->campaign_ids.count; i++) {
        if (nba_str_equal(exclusion->target, content->campaign_ids.items[i])) {
            return true;
        }
    }
    return false;
}

bool nba_funnel_in_force(const struct nba_exclusion *exclusion, int64_t now_ms)
{
    return exclusion->until_ms == NBA_TIME_NONE || now_ms < exclusion->until_ms;
}

const struct nba_exclusion *nba_funnel_find_exclusion(const struct nba_funnel *funnel,
                                                      uint32_t candidate, int64_t now_ms)
{
    const struct nba_content *content = nba_catalog_content(funnel->catalog, candidate);
    for (uint32_t i = 0; i < funnel->exclusion_count; i++) {
        const struct nba_exclusion *exclusion = funnel->exclusions[i].exclusion;
        if (nba_funnel_in_force(exclusion, now_ms) && nba_funnel_excludes(exclusion, content)) {
            return exclusion;
        }
    }
    return NULL;
}

/* Candidates of one exclusion; with `list` NULL they are only counted. */
static uint32_t excluded_by(const struct nba_catalog *catalog,
                            const struct nba_exclusion *exclusion, uint32_t *list)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < catalog->content_count; k++) {
        if (!nba_funnel_excludes(exclusion, &catalog->contents[k])) {
            continue;
        }
        for (uint32_t c = catalog->first_candidate[k]; c < catalog->first_candidate[k + 1]; c++) {
            if (list != NULL) {
                list[count] = c;
            }
            count++;
        }
    }
    return count;
}

static const struct nba_exclusion *exclusion_at(const struct nba_funnel *funnel, uint32_t i)
{
    return i < funnel->policy->exclusion_count
               ? &funnel->policy->exclusions[i]
               : &funnel->control->exclusions[i - funnel->policy->exclusion_count];
}

static bool bind_exclusions(struct nba_funnel *funnel)
{
    funnel->exclusion_count = funnel->policy->exclusion_count + funnel->control->exclusion_count;
    funnel->exclusions =
        nba_arena_zeros(&funnel->arena, funnel->exclusion_count + 1, sizeof(*funnel->exclusions));
    uint32_t total = 0;
    for (uint32_t i = 0; i < funnel->exclusion_count; i++) {
        total += excluded_by(funnel->catalog, exclusion_at(funnel, i), NULL);
    }
    funnel->excluded_candidates = nba_arena_zeros(&funnel->arena, total + 1, sizeof(uint32_t));
    if (funnel->exclusions == NULL || funnel->excluded_candidates == NULL) {
        return false;
    }
    uint32_t first = 0;
    for (uint32_t i = 0; i < funnel->exclusion_count; i++) {
        const struct nba_exclusion *exclusion = exclusion_at(funnel, i);
        const uint32_t count =
            excluded_by(funnel->catalog, exclusion, funnel->excluded_candidates + first);
        funnel->exclusions[i] = (struct bound_exclusion){exclusion, first, count};
        first += count;
    }
    return true;
}

static struct limit_unit limit_unit_of(const struct nba_funnel *funnel, uint32_t c)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const struct nba_str brand =
        catalog->words[catalog->content_brand[catalog->candidates[c].content]];
    struct limit_unit unit;
    memset(&unit, 0, sizeof(unit)); /* padding too: units are compared as bytes */
    unit.brand_hash = nba_hcp_text_hash(brand);
    unit.channel = catalog->channel[c];
    unit.zone = funnel->policy->missing_timezone == MISSING_TIMEZONE_BRAND
                    ? nba_policy_brand_zone(funnel->policy, brand)
                    : NULL;
    return unit;
}

/* Candidates by channel and brand; the units of a channel stand together. */
static bool bind_limits(struct nba_funnel *funnel, uint32_t *unit_of_candidate)
{
    const struct nba_catalog *catalog = funnel->catalog;
    struct nba_hash_index index = {0};
    if (!nba_hash_index_reserve(&index, catalog->candidate_count)) {
        return false;
    }
    for (uint8_t channel = 0; channel < NBA_CHANNEL_COUNT; channel++) {
        for (uint32_t c = 0; c < catalog->candidate_count; c++) {
            if (catalog->channel[c] == channel) {
                const struct limit_unit unit = limit_unit_of(funnel, c);
                unit_of_candidate[c] =
                    nba_hash_index_intern(&index, funnel->limit_units, sizeof(unit), &unit);
            }
        }
        funnel->limit_units_end[channel] = index.count;
    }
    nba_hash_index_clear(&index);
    for (uint32_t k = 0; k < catalog->content_count; k++) {
        funnel->family_hash[k] = nba_hcp_text_hash(catalog->words[catalog->content_family[k]]);
    }
    for (uint32_t r = 0; r < funnel->policy->limit_count; r++) {
        const int64_t rolling_ms = funnel->policy->limits[r].rolling.ms;
        const int64_t span_ms = rolling_ms != 0 ? rolling_ms : 32 * NBA_DAY_MS;
        funnel->limit_span_ms = span_ms > funnel->limit_span_ms ? span_ms : funnel->limit_span_ms;
    }
    return true;
}

static void *array(struct nba_funnel *funnel, size_t count, size_t size, bool *whole)
{
    void *memory = nba_arena_zeros(&funnel->arena, count + 1, size);
    *whole = *whole && memory != NULL;
    return memory;
}

static bool allocate(struct nba_funnel *f)
{
    const struct nba_catalog *catalog = f->catalog;
    const size_t c = catalog->candidate_count;
    bool whole = true;
    struct bound_rules *rules[] = {&f->engagements, &f->weights};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(rules); i++) {
        rules[i]->units = array(f, c, sizeof(*rules[i]->units), &whole);
        rules[i]->unit = array(f, c, sizeof(*rules[i]->unit), &whole);
    }
    const uint32_t *const words[] = {catalog->content_family, catalog->content_topic,
                                     catalog->content_brand};
    for (size_t i = 0; i < GROUPINGS; i++) {
        f->groups[i].word_of = words[i];
        f->groups[i].start = array(f, catalog->word_count + 1, sizeof(uint32_t), &whole);
        f->groups[i].items = array(f, catalog->content_count, sizeof(uint32_t), &whole);
    }
    f->market_has = array(f, catalog->set_count, sizeof(*f->market_has), &whole);
    f->language_has = array(f, catalog->set_count, sizeof(*f->language_has), &whole);
    f->verdicts = array(f, catalog->gate_count, sizeof(*f->verdicts), &whole);
    f->unit_reason = array(f, c, sizeof(*f->unit_reason), &whole);
    f->gate_reason = array(f, c, sizeof(*f->gate_reason), &whole);
    f->unit_rule = array(f, c, sizeof(*f->unit_rule), &whole);
    f->by_gate.start = array(f, c + 1, sizeof(uint32_t), &whole);
    f->by_gate.items = array(f, c, sizeof(uint32_t), &whole);
    f->by_weight.start = array(f, c + 1, sizeof(uint32_t), &whole);
    f->by_weight.items = array(f, c, sizeof(uint32_t), &whole);
    f->by_limit.word_of = array(f, c, sizeof(uint32_t), &whole);
    f->by_limit.start = array(f, c + 1, sizeof(uint32_t), &whole);
    f->by_limit.items = array(f, c, sizeof(uint32_t), &whole);
    f->limit_units = array(f, c, sizeof(*f->limit_units), &whole);
    f->family_hash = array(f, catalog->content_count, sizeof(*f->family_hash), &whole);
    f->calendars = array(f, POLICY_RULES_MAX, sizeof(*f->calendars), &whole);
    f->caps = array(f, FUNNEL_CAPS_MAX, sizeof(*f->caps), &whole);
    f->pairs = array(f, c, sizeof(*f->pairs), &whole);
    f->context = array(f, c, sizeof(*f->context), &whole);
    f->lever = array(f, c, sizeof(*f->lever), &whole);
    f->date_reason = array(f, c, sizeof(*f->date_reason), &whole);
    f->threshold = array(f, c, sizeof(*f->threshold), &whole);
    f->key = array(f, c, sizeof(*f->key), &whole);
    f->near_key = array(f, c, sizeof(*f->near_key), &whole);
    f->reason = array(f, c, sizeof(*f->reason), &whole);
    for (unsigned kind = 0; kind < MARK_KINDS; kind++) {
        f->marks[kind] = array(f, c, sizeof(*f->marks[kind]), &whole);
        f->marked[kind] = array(f, c, sizeof(*f->marked[kind]), &whole);
    }
    f->holds = array(f, FUNNEL_HOLDS_MAX, sizeof(*f->holds), &whole);
    f->collected = array(f, c, sizeof(*f->collected), &whole);
    f->content_open = array(f, catalog->content_count, sizeof(*f->content_open), &whole);
    f->content_top = array(f, catalog->content_count, sizeof(*f->content_top), &whole);
    return whole;
}

enum nba_status nba_funnel_create(struct nba_policy *policy, struct nba_catalog *catalog,
                                  struct nba_control_state *control, struct nba_funnel **ret_funnel,
                                  struct nba_error *error)
{
    NBA_ASSERT(policy != NULL && catalog != NULL && control != NULL && ret_funnel != NULL);
    struct nba_funnel *funnel = calloc(1, sizeof(*funnel));
    if (funnel == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "funnel: out of memory");
    }
    funnel->policy = nba_policy_ref(policy);
    funnel->catalog = nba_catalog_ref(catalog);
    funnel->control = nba_control_state_ref(control);
    nba_arena_init(&funnel->arena, ARENA_BYTES_MAX);
    if (!allocate(funnel) || !bind_exclusions(funnel) ||
        !bind_limits(funnel, (uint32_t *)funnel->by_limit.word_of) ||
        !bind_rules(funnel, &policy->engagements, catalog->gate_class, &funnel->engagements) ||
        !bind_rules(funnel, &policy->weights, NULL, &funnel->weights)) {
        nba_funnel_destroy(funnel);
        return nba_error_set(error, NBA_E_NO_MEMORY, "funnel: out of memory");
    }
    for (size_t i = 0; i < GROUPINGS; i++) {
        group(catalog->content_count, catalog->word_count, &funnel->groups[i]);
    }
    funnel->by_gate.word_of = funnel->engagements.unit;
    group(catalog->candidate_count, funnel->engagements.unit_count, &funnel->by_gate);
    funnel->by_weight.word_of = funnel->weights.unit;
    group(catalog->candidate_count, funnel->weights.unit_count, &funnel->by_weight);
    group(catalog->candidate_count, funnel->limit_units_end[NBA_CHANNEL_COUNT - 1],
          &funnel->by_limit);
    for (uint32_t c = 0; c < catalog->candidate_count; c++) {
        funnel->threshold[c] = policy->threshold[catalog->channel[c]];
        funnel->thresholds_asked = funnel->thresholds_asked || funnel->threshold[c] > 0;
    }
    for (unsigned i = 1; i < NBA_CONTENT_CLASS_COUNT; i++) {
        funnel->class_word[i] = nba_catalog_find_word(
            catalog, nba_str_of(nba_content_class_name((enum nba_content_class)i)));
    }
    *ret_funnel = funnel;
    return NBA_OK;
}

void nba_funnel_destroy(struct nba_funnel *funnel)
{
    if (funnel != NULL) {
        nba_policy_unref(funnel->policy);
        nba_catalog_unref(funnel->catalog);
        nba_control_state_unref(funnel->control);
        nba_arena_clear(&funnel->arena);
        free(funnel);
    }
}

enum nba_mode nba_funnel_mode(const struct nba_funnel *funnel)
{
    const enum nba_mode mode = funnel->policy->head.mode;
    return funnel->control->mode > mode ? funnel->control->mode : mode;
}
