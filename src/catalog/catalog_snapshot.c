/*
 * From sorted records to columns.  Interning goes through one hash index each for words, market and
 * language sets, gate and weight classes; the last three are needed while building only.
 */
#include <string.h>

#include "catalog_internal.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "nba/base/limits.h"
#include "nba/base/memory.h"

/* Words a content brings at most: those of add_content and add_candidate. */
#define WORDS_PER_CONTENT 8u
/* Words every catalogue knows: of channels, action types and classes. */
#define WORDS_FIXED 32u

/* What is being filled. */
struct build {
    struct catalog_snapshot *snapshot;
    struct nba_catalog *shown;
    struct nba_hash_index by_set, by_gate, by_weight;
};

static uint32_t intern_word(struct build *b, struct nba_str word)
{
    const uint32_t known = nba_catalog_find_word(b->shown, word);
    if (known != 0 || word.bytes == 0) {
        return known;
    }
    const uint32_t number = b->shown->word_count++;
    b->shown->words[number] = word;
    nba_hash_index_add(&b->snapshot->by_word, nba_xxh64(word.data, word.bytes), number);
    return number;
}

static bool same_list(struct nba_str_list a, struct nba_str_list b)
{
    bool same = a.count == b.count;
    for (uint32_t i = 0; i < a.count && same; i++) {
        same = nba_str_equal(a.items[i], b.items[i]);
    }
    return same;
}

static uint32_t intern_set(struct build *b, struct nba_str_list list)
{
    uint64_t hash = list.count;
    for (uint32_t i = 0; i < list.count; i++) {
        hash = hash * UINT64_C(0x9E3779B97F4A7C15) +
               nba_xxh64(list.items[i].data, list.items[i].bytes);
    }
    uint32_t cursor = 0;
    uint32_t number = nba_hash_index_next(&b->by_set, hash, &cursor);
    while (number != NBA_HASH_INDEX_NONE && !same_list(b->shown->sets[number], list)) {
        number = nba_hash_index_next(&b->by_set, hash, &cursor);
    }
    if (number == NBA_HASH_INDEX_NONE) {
        number = b->shown->set_count++;
        b->shown->sets[number] = list;
        nba_hash_index_add(&b->by_set, hash, number);
    }
    return number;
}

static void *array(struct build *b, size_t count, size_t size)
{
    void *memory = nba_arena_zeros(&b->snapshot->arena, count + 1, size);
    NBA_ASSERT(memory != NULL);
    return memory;
}

/* Room for `entries` records, of which `contents` with `candidates`. */
static void allocate(struct build *b, uint32_t entries, uint32_t contents, uint32_t candidates)
{
    struct catalog_snapshot *s = b->snapshot;
    struct nba_catalog *to = b->shown;
    const uint32_t words = contents * WORDS_PER_CONTENT + WORDS_FIXED;
    const uint32_t sets = 2 * candidates + 1;
    s->entries = array(b, entries, sizeof(struct catalog_entry *));
    s->reps = array(b, entries, sizeof(const struct nba_rep *));
    s->campaigns = array(b, entries, sizeof(const struct nba_campaign *));
    to->contents = array(b, contents, sizeof(*to->contents));
    to->first_candidate = array(b, contents, sizeof(*to->first_candidate));
    to->content_hash = array(b, contents, sizeof(*to->content_hash));
    to->content_family = array(b, contents, sizeof(*to->content_family));
    to->content_topic = array(b, contents, sizeof(*to->content_topic));
    to->content_brand = array(b, contents, sizeof(*to->content_brand));
    to->words = array(b, words, sizeof(*to->words));
    to->candidates = array(b, candidates, sizeof(*to->candidates));
    to->gate_class = array(b, candidates, sizeof(*to->gate_class));
    to->weight_class = array(b, candidates, sizeof(*to->weight_class));
    to->channel = array(b, candidates, sizeof(*to->channel));
    to->action_type = array(b, candidates, sizeof(*to->action_type));
    to->effective_from_ms = array(b, candidates, sizeof(*to->effective_from_ms));
    to->expires_at_ms = array(b, candidates, sizeof(*to->expires_at_ms));
    to->value = array(b, candidates, sizeof(*to->value));
    to->gates = array(b, candidates, sizeof(*to->gates));
    to->weights = array(b, candidates, sizeof(*to->weights));
    to->sets = array(b, sets, sizeof(*to->sets));
    const bool room = nba_hash_index_reserve(&s->by_content_hash, contents) &&
                      nba_hash_index_reserve(&s->by_word, words) &&
                      nba_hash_index_reserve(&b->by_set, sets) &&
                      nba_hash_index_reserve(&b->by_gate, candidates) &&
                      nba_hash_index_reserve(&b->by_weight, candidates);
    NBA_ASSERT(room);
}

static struct nba_str first_of(struct nba_str_list list)
{
    return list.count != 0 ? list.items[0] : nba_str("", 0);
}

static void add_candidate(struct build *b, uint32_t k, uint32_t treatment)
{
    struct nba_catalog *to = b->shown;
    const struct nba_content *content = &to->contents[k];
    const struct nba_treatment *t = &content->treatments[treatment];
    const uint32_t c = to->candidate_count++;
    struct nba_gate_class gate;
    memset(&gate, 0, sizeof(gate)); /* padding too: classes are compared as bytes */
    gate.channel = t->channel;
    gate.needs_rep = t->channel == NBA_CHANNEL_REP || t->action_type == NBA_ACTION_TYPE_REP_EMAIL ||
                     t->action_type == NBA_ACTION_TYPE_REP_CALL ||
                     t->action_type == NBA_ACTION_TYPE_REP_CALL_OBJECTIVE;
    gate.known = t->channel != NBA_CHANNEL_UNKNOWN && t->action_type != NBA_ACTION_TYPE_UNKNOWN;
    gate.content_class = content->content_class;
    gate.approval = t->approval_state;
    gate.brand = to->content_brand[k];
    gate.asset_type = intern_word(b, content->asset_type);
    gate.market_set = intern_set(b, t->markets);
    gate.language_set = intern_set(b, t->languages);
    const struct nba_weight_class weight = {
        .channel = t->channel,
        .action_type = t->action_type,
        .content_class = content->content_class,
        .brand = to->content_brand[k],
        .topic = to->content_topic[k],
        .campaign = intern_word(b, first_of(content->campaign_ids)),
    };
    to->candidates[c] = (struct nba_candidate){k, treatment};
    to->gate_class[c] =
        (uint16_t)nba_hash_index_intern(&b->by_gate, to->gates, sizeof(gate), &gate);
    to->weight_class[c] =
        (uint16_t)nba_hash_index_intern(&b->by_weight, to->weights, sizeof(weight), &weight);
    to->channel[c] = (uint8_t)t->channel;
    to->action_type[c] = (uint8_t)t->action_type;
    to->effective_from_ms[c] = t->effective_from_ms; /* NBA_TIME_NONE is INT64_MIN: since ever */
    to->expires_at_ms[c] = t->expires_at_ms == NBA_TIME_NONE ? INT64_MAX : t->expires_at_ms;
    to->value[c] = t->value;
    to->channel_present[t->channel] = true;
}

static void add_content(struct build *b, const struct catalog_entry *entry)
{
    struct nba_catalog *to = b->shown;
    const uint32_t k = to->content_count++;
    const struct nba_content *content = &entry->record.content;
    to->contents[k] = *content;
    to->content_hash[k] = (uint32_t)entry->hash;
    to->content_family[k] = intern_word(b, content->family_id);
    to->content_topic[k] = intern_word(b, first_of(content->topic_ids));
    to->content_brand[k] = intern_word(b, content->brand);
    (void)intern_word(b, content->content_id);
    (void)intern_word(b, content->business_unit);
    (void)intern_word(b, content->event_id);
    nba_hash_index_add(&b->snapshot->by_content_hash, entry->hash, k);
    for (uint32_t t = 0; t < content->treatment_count; t++) {
        add_candidate(b, k, t);
    }
    to->first_candidate[k + 1] = to->candidate_count;
}

/* So that rules can compare a candidate's channel, type or class with an event's by number. */
static void add_fixed_words(struct build *b)
{
    b->shown->word_count = 1; /* the empty one */
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
static void fill(struct build *b, struct catalog_entry *const *entries, uint32_t count)
{
    struct catalog_snapshot *s = b->snapshot;
    add_fixed_words(b);
    (void)intern_set(b, (struct nba_str_list){NULL, 0}); /* number 0: any */
    for (uint32_t i = 0; i < count; i++) {
        const struct nba_reference *record = &entries[i]->record;
        atomic_fetch_add_explicit(&entries[i]->refs, 1, memory_order_relaxed);
        s->entries[s->entry_count++] = entries[i];
        if (record->kind == NBA_REFERENCE_CONTENT) {
            add_content(b, entries[i]);
        } else if (record->kind == NBA_REFERENCE_CAMPAIGN) {
            s->campaigns[b->shown->campaign_count++] = &record->campaign;
        } else {
            s->reps[b->shown->rep_count++] = &record->rep;
        }
    }
    b->shown->gate_count = b->by_gate.count;
    b->shown->weight_count = b->by_weight.count;
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
    struct catalog_snapshot *snapshot = nba_zeros(1, sizeof(*snapshot));
    atomic_init(&snapshot->refs, 1);
    nba_arena_init(&snapshot->arena, SIZE_MAX);
    struct build b = {.snapshot = snapshot, .shown = &snapshot->shown};
    allocate(&b, count, contents, candidates);
    fill(&b, entries, count);
    nba_hash_index_clear(&b.by_set);
    nba_hash_index_clear(&b.by_gate);
    nba_hash_index_clear(&b.by_weight);
    *ret_catalog = &snapshot->shown;
    return NBA_OK;
}
