/*
 * From sorted records to columns.  Interning goes through one hash index each for words, market and
 * language sets, gate and weight classes; the last three are needed while building only.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog_internal.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "nba/base/limits.h"

#define ARENA_BYTES_MAX ((size_t)1024 * 1024 * 1024)
/* Words a content brings at most: those of add_content and add_candidate. */
#define WORDS_PER_CONTENT 8u
/* Words every catalogue knows: of channels, action types and classes. */
#define WORDS_FIXED 32u

/* What is being filled; the const arrays of the catalogue, writable. */
struct build {
    struct catalog_snapshot *snapshot;
    struct nba_catalog *shown;
    struct nba_content *contents;
    uint32_t *first_candidate, *content_hash, *content_family, *content_topic, *content_brand;
    struct nba_candidate *candidates;
    uint16_t *gate_class, *weight_class;
    uint8_t *channel, *action_type;
    int64_t *effective_from_ms, *expires_at_ms;
    double *value;
    struct nba_gate_class *gates;
    struct nba_weight_class *weights;
    struct nba_str_list *sets;
    struct nba_str *words;
    struct catalog_index by_set, by_gate, by_weight;
};

static uint32_t intern_word(struct build *b, struct nba_str word)
{
    if (word.bytes == 0) {
        return 0;
    }
    const uint64_t hash = nba_xxh64(word.data, word.bytes);
    struct catalog_index *index = &b->snapshot->by_word;
    uint32_t cursor = 0;
    uint32_t i = 0;
    while ((i = nba_catalog_index_next(index, hash, &cursor)) != NBA_CATALOG_NONE) {
        if (nba_str_equal(b->words[i], word)) {
            return i;
        }
    }
    const uint32_t number = b->shown->word_count++;
    b->words[number] = word;
    nba_catalog_index_add(index, hash, number);
    return number;
}

static bool same_list(struct nba_str_list a, struct nba_str_list b)
{
    for (uint32_t i = 0; a.count == b.count && i < a.count; i++) {
        if (!nba_str_equal(a.items[i], b.items[i])) {
            return false;
        }
    }
    return a.count == b.count;
}

static uint32_t intern_set(struct build *b, struct nba_str_list list)
{
    if (list.count == 0) {
        return 0;
    }
    uint64_t hash = list.count;
    for (uint32_t i = 0; i < list.count; i++) {
        hash = hash * UINT64_C(0x9E3779B97F4A7C15) +
               nba_xxh64(list.items[i].data, list.items[i].bytes);
    }
    uint32_t cursor = 0;
    uint32_t i = 0;
    while ((i = nba_catalog_index_next(&b->by_set, hash, &cursor)) != NBA_CATALOG_NONE) {
        if (same_list(b->sets[i], list)) {
            return i;
        }
    }
    const uint32_t number = b->shown->set_count++;
    b->sets[number] = list;
    nba_catalog_index_add(&b->by_set, hash, number);
    return number;
}

static bool same_gate(const struct nba_gate_class *a, const struct nba_gate_class *b)
{
    return a->channel == b->channel && a->needs_rep == b->needs_rep && a->known == b->known &&
           a->content_class == b->content_class && a->approval == b->approval &&
           a->brand == b->brand && a->asset_type == b->asset_type &&
           a->market_set == b->market_set && a->language_set == b->language_set;
}

static uint16_t intern_gate(struct build *b, const struct nba_gate_class *gate)
{
    const uint32_t key[] = {
        (uint32_t)gate->channel,  gate->needs_rep, gate->known,      (uint32_t)gate->content_class,
        (uint32_t)gate->approval, gate->brand,     gate->asset_type, gate->market_set,
        gate->language_set};
    const uint64_t hash = nba_xxh64(key, sizeof(key));
    uint32_t cursor = 0;
    uint32_t i = 0;
    while ((i = nba_catalog_index_next(&b->by_gate, hash, &cursor)) != NBA_CATALOG_NONE) {
        if (same_gate(&b->gates[i], gate)) {
            return (uint16_t)i;
        }
    }
    const uint32_t number = b->shown->gate_count++;
    b->gates[number] = *gate;
    nba_catalog_index_add(&b->by_gate, hash, number);
    return (uint16_t)number;
}

static bool same_weight(const struct nba_weight_class *a, const struct nba_weight_class *b)
{
    return a->channel == b->channel && a->action_type == b->action_type &&
           a->content_class == b->content_class && a->brand == b->brand && a->topic == b->topic &&
           a->campaign == b->campaign;
}

static uint16_t intern_weight(struct build *b, const struct nba_weight_class *weight)
{
    const uint32_t key[] = {(uint32_t)weight->channel,
                            (uint32_t)weight->action_type,
                            (uint32_t)weight->content_class,
                            weight->brand,
                            weight->topic,
                            weight->campaign};
    const uint64_t hash = nba_xxh64(key, sizeof(key));
    uint32_t cursor = 0;
    uint32_t i = 0;
    while ((i = nba_catalog_index_next(&b->by_weight, hash, &cursor)) != NBA_CATALOG_NONE) {
        if (same_weight(&b->weights[i], weight)) {
            return (uint16_t)i;
        }
    }
    const uint32_t number = b->shown->weight_count++;
    b->weights[number] = *weight;
    nba_catalog_index_add(&b->by_weight, hash, number);
    return (uint16_t)number;
}

/* One array of the snapshot; NULL when the arena is full, which allocate looks at once. */
static void *array(struct build *b, size_t count, size_t size, bool *ret_whole)
{
    void *memory = nba_arena_zeros(&b->snapshot->arena, count, size);
    *ret_whole = *ret_whole && memory != NULL;
    return memory;
}

static bool allocate_contents(struct build *b, uint32_t contents)
{
    bool whole = true;
    b->contents = array(b, contents + 1, sizeof(*b->contents), &whole);
    b->first_candidate = array(b, contents + 1, sizeof(*b->first_candidate), &whole);
    b->content_hash = array(b, contents + 1, sizeof(*b->content_hash), &whole);
    b->content_family = array(b, contents + 1, sizeof(*b->content_family), &whole);
    b->content_topic = array(b, contents + 1, sizeof(*b->content_topic), &whole);
    b->content_brand = array(b, contents + 1, sizeof(*b->content_brand), &whole);
    b->words = array(b, contents * WORDS_PER_CONTENT + WORDS_FIXED, sizeof(*b->words), &whole);
    return whole && nba_catalog_index_reserve(&b->snapshot->by_content_hash, contents) &&
           nba_catalog_index_reserve(&b->snapshot->by_word,
                                     contents * WORDS_PER_CONTENT + WORDS_FIXED);
}

static bool allocate_candidates(struct build *b, uint32_t candidates)
{
    const size_t room = (size_t)candidates + 1;
    bool whole = true;
    b->candidates = array(b, room, sizeof(*b->candidates), &whole);
    b->gate_class = array(b, room, sizeof(*b->gate_class), &whole);
    b->weight_class = array(b, room, sizeof(*b->weight_class), &whole);
    b->channel = array(b, room, sizeof(*b->channel), &whole);
    b->action_type = array(b, room, sizeof(*b->action_type), &whole);
    b->effective_from_ms = array(b, room, sizeof(*b->effective_from_ms), &whole);
    b->expires_at_ms = array(b, room, sizeof(*b->expires_at_ms), &whole);
    b->value = array(b, room, sizeof(*b->value), &whole);
    b->gates = array(b, room, sizeof(*b->gates), &whole);
    b->weights = array(b, room, sizeof(*b->weights), &whole);
    b->sets = array(b, 2 * room, sizeof(*b->sets), &whole);
    return whole && nba_catalog_index_reserve(&b->by_set, 2 * candidates + 1) &&
           nba_catalog_index_reserve(&b->by_gate, candidates + 1) &&
           nba_catalog_index_reserve(&b->by_weight, candidates + 1);
}

static struct nba_str first_of(struct nba_str_list list)
{
    return list.count != 0 ? list.items[0] : nba_str("", 0);
}

static void add_candidate(struct build *b, uint32_t k, uint32_t treatment)
{
    const struct nba_content *content = &b->contents[k];
    const struct nba_treatment *t = &content->treatments[treatment];
    const uint32_t c = b->shown->candidate_count++;
    const struct nba_gate_class gate = {
        .channel = t->channel,
        .needs_rep = t->channel == NBA_CHANNEL_REP || t->action_type == NBA_ACTION_TYPE_REP_EMAIL ||
                     t->action_type == NBA_ACTION_TYPE_REP_CALL ||
                     t->action_type == NBA_ACTION_TYPE_REP_CALL_OBJECTIVE,
        .known = t->channel != NBA_CHANNEL_UNKNOWN && t->action_type != NBA_ACTION_TYPE_UNKNOWN,
        .content_class = content->content_class,
        .approval = t->approval_state,
        .brand = b->content_brand[k],
        .asset_type = intern_word(b, content->asset_type),
        .market_set = intern_set(b, t->markets),
        .language_set = intern_set(b, t->languages),
    };
    const struct nba_weight_class weight = {
        .channel = t->channel,
        .action_type = t->action_type,
        .content_class = content->content_class,
        .brand = b->content_brand[k],
        .topic = b->content_topic[k],
        .campaign = intern_word(b, first_of(content->campaign_ids)),
    };
    b->candidates[c] = (struct nba_candidate){k, treatment};
    b->gate_class[c] = intern_gate(b, &gate);
    b->weight_class[c] = intern_weight(b, &weight);
    b->channel[c] = (uint8_t)t->channel;
    b->action_type[c] = (uint8_t)t->action_type;
    b->effective_from_ms[c] = t->effective_from_ms; /* NBA_TIME_NONE is INT64_MIN: since ever */
    b->expires_at_ms[c] = t->expires_at_ms == NBA_TIME_NONE ? INT64_MAX : t->expires_at_ms;
    b->value[c] = t->value;
    b->shown->channel_present[t->channel] = true;
}

static void add_content(struct build *b, const struct catalog_entry *entry)
{
    const uint32_t k = b->shown->content_count++;
    const struct nba_content *content = &entry->record.content;
    b->contents[k] = *content;
    b->content_hash[k] = entry->content_hash;
    b->content_family[k] = intern_word(b, content->family_id);
    b->content_topic[k] = intern_word(b, first_of(content->topic_ids));
    b->content_brand[k] = intern_word(b, content->brand);
    (void)intern_word(b, content->content_id);
    (void)intern_word(b, content->business_unit);
    (void)intern_word(b, content->event_id);
    nba_catalog_index_add(&b->snapshot->by_content_hash, entry->content_hash, k);
    for (uint32_t t = 0; t < content->treatment_count; t++) {
        add_candidate(b, k, t);
    }
    b->first_candidate[k + 1] = b->shown->candidate_count;
}

static void publish(struct build *b)
{
    struct nba_catalog *shown = b->shown;
    shown->contents = b->contents;
    shown->first_candidate = b->first_candidate;
    shown->content_hash = b->content_hash;
    shown->content_family = b->content_family;
    shown->content_topic = b->content_topic;
    shown->content_brand = b->content_brand;
    shown->candidates = b->candidates;
    shown->gate_class = b->gate_class;
    shown->weight_class = b->weight_class;
    shown->channel = b->channel;
    shown->action_type = b->action_type;
    shown->effective_from_ms = b->effective_from_ms;
    shown->expires_at_ms = b->expires_at_ms;
    shown->value = b->value;
    shown->gates = b->gates;
    shown->weights = b->weights;
    shown->sets = b->sets;
    shown->words = b->words;
}

/* So that rules can compare a candidate's channel, type or class with an event's by number. */
static void add_fixed_words(struct build *b)
{
    b->shown->word_count = 1;
    b->words[0] = nba_str("", 0);
    for (uint32_t i = 1; i < NBA_CHANNEL_COUNT; i++) {
        (void)intern_word(b, nba_str_of(nba_channel_name((enum nba_channel)i)));
    }
    for (uint32_t i = 1; i < NBA_ACTION_TYPE_COUNT; i++) {
        (void)intern_word(b, nba_str_of(nba_action_type_name((enum nba_action_type)i)));
    }
    for (uint32_t i = 1; i < NBA_CONTENT_CLASS_COUNT; i++) {
        (void)intern_word(b, nba_str_of(nba_content_class_name((enum nba_content_class)i)));
    }
    NBA_ASSERT(b->shown->word_count <= WORDS_FIXED);
}

/* Adds the entries to the columns, in order. */
static bool fill(struct build *b, struct catalog_entry *const *entries, uint32_t count)
{
    struct catalog_snapshot *s = b->snapshot;
    bool whole = true;
    s->entries = array(b, count + 1, sizeof(struct catalog_entry *), &whole);
    s->reps = array(b, count + 1, sizeof(const struct nba_rep *), &whole);
    s->campaigns = array(b, count + 1, sizeof(const struct nba_campaign *), &whole);
    if (!whole) {
        return false;
    }
    add_fixed_words(b);
    b->shown->set_count = 1;
    for (uint32_t i = 0; i < count; i++) {
        const struct nba_reference *record = &entries[i]->record;
        nba_catalog_entry_ref(entries[i]);
        s->entries[s->entry_count++] = entries[i];
        switch (record->kind) {
        case NBA_REFERENCE_CONTENT:
            add_content(b, entries[i]);
            break;
        case NBA_REFERENCE_CAMPAIGN:
            s->campaigns[b->shown->campaign_count++] = &record->campaign;
            break;
        case NBA_REFERENCE_REP:
            s->reps[b->shown->rep_count++] = &record->rep;
            break;
        }
    }
    return true;
}

enum nba_status nba_catalog_snapshot_create(struct catalog_entry *const *entries, uint32_t count,
                                            struct nba_catalog **ret_catalog,
                                            struct nba_error *error)
{
    uint32_t contents = 0;
    uint32_t candidates = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct nba_reference *record = &entries[i]->record;
        if (record->kind == NBA_REFERENCE_CONTENT) {
            contents++;
            candidates += record->content.treatment_count;
        }
    }
    if (candidates > NBA_CANDIDATES_MAX) {
        return nba_error_set(error, NBA_E_LIMIT,
                             "catalogue: %u candidates (content x treatment), at most %u are taken",
                             candidates, NBA_CANDIDATES_MAX);
    }
    struct catalog_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (snapshot == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "catalogue: out of memory");
    }
    atomic_init(&snapshot->refs, 1);
    nba_arena_init(&snapshot->arena, ARENA_BYTES_MAX);
    struct build b = {.snapshot = snapshot, .shown = &snapshot->shown};
    const bool whole = allocate_contents(&b, contents) && allocate_candidates(&b, candidates) &&
                       fill(&b, entries, count);
    nba_catalog_index_clear(&b.by_set);
    nba_catalog_index_clear(&b.by_gate);
    nba_catalog_index_clear(&b.by_weight);
    if (!whole) {
        nba_catalog_unref(&snapshot->shown);
        return nba_error_set(error, NBA_E_NO_MEMORY, "catalogue: out of memory");
    }
    publish(&b);
    *ret_catalog = &snapshot->shown;
    return NBA_OK;
}
