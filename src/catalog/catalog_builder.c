/*
 * The newest record of each id, in the order they first came, with a hash index over them.  A
 * removed one leaves a hole; when holes outnumber records the list is
 * packed.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog_internal.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "nba/base/limits.h"

#define VALUE_MAX 1e6

struct slot {
    struct catalog_entry *entry; /* NULL: removed */
    uint64_t hash;
};

struct nba_catalog_builder {
    struct slot *slots;
    uint32_t slot_count;
    uint32_t slot_capacity;
    struct catalog_index index;
    uint32_t counts[NBA_REFERENCE_REP + 1];
};

struct nba_catalog_builder *nba_catalog_builder_create(void)
{
    return calloc(1, sizeof(struct nba_catalog_builder));
}

void nba_catalog_builder_destroy(struct nba_catalog_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    for (uint32_t i = 0; i < builder->slot_count; i++) {
        nba_catalog_entry_unref(builder->slots[i].entry);
    }
    free(builder->slots);
    nba_catalog_index_clear(&builder->index);
    free(builder);
}

/* Contents hash by the 32 bits that state knows them by, so that a collision shows. */
static uint64_t hash_of(enum nba_reference_kind kind, struct nba_str id)
{
    return kind == NBA_REFERENCE_CONTENT ? nba_content_hash(id)
                                         : nba_xxh64(id.data, id.bytes) ^ ((uint64_t)kind << 56);
}

static enum nba_status check_list(struct nba_str_list list, uint32_t max, const char *what,
                                  struct nba_str id, struct nba_error *error)
{
    if (list.count > max) {
        return nba_error_set(error, NBA_E_LIMIT, "content '%.*s': %u %s, at most %u are taken",
                             NBA_STR_ARG(id), list.count, what, max);
    }
    for (uint32_t i = 0; i < list.count; i++) {
        if (list.items[i].bytes > NBA_ID_BYTES_MAX) {
            return nba_error_set(error, NBA_E_LIMIT, "content '%.*s': one of its %s is too long",
                                 NBA_STR_ARG(id), what);
        }
    }
    return NBA_OK;
}

static enum nba_status check_content(const struct nba_content *c, struct nba_error *error)
{
    const struct nba_str id = c->content_id;
    if (c->treatment_count > NBA_TREATMENTS_MAX) {
        return nba_error_set(error, NBA_E_LIMIT,
                             "content '%.*s': %u treatments, at most %u are taken", NBA_STR_ARG(id),
                             c->treatment_count, NBA_TREATMENTS_MAX);
    }
    enum nba_status status =
        check_list(c->topic_ids, NBA_TOPICS_PER_CONTENT_MAX, "topics", id, error);
    if (status == NBA_OK) {
        status = check_list(c->campaign_ids, NBA_ITEMS_MAX, "campaigns", id, error);
    }
    for (uint32_t i = 0; i < c->treatment_count && status == NBA_OK; i++) {
        const struct nba_treatment *t = &c->treatments[i];
        if (!(t->value >= 0 && t->value <= VALUE_MAX)) {
            return nba_error_set(error, NBA_E_NON_FINITE,
                                 "content '%.*s': a treatment's value must be from 0 to %g",
                                 NBA_STR_ARG(id), VALUE_MAX);
        }
        status = check_list(t->markets, NBA_ITEMS_MAX, "markets", id, error);
        if (status == NBA_OK) {
            status = check_list(t->languages, NBA_ITEMS_MAX, "languages", id, error);
        }
    }
    const struct nba_str ids[] = {c->family_id, c->brand, c->asset_type, c->event_id};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(ids) && status == NBA_OK; i++) {
        if (ids[i].bytes > NBA_ID_BYTES_MAX) {
            return nba_error_set(error, NBA_E_LIMIT, "content '%.*s': an id in it is too long",
                                 NBA_STR_ARG(id));
        }
    }
    return status;
}

static enum nba_status check_record(const struct nba_reference *record, struct nba_error *error)
{
    const struct nba_str id = nba_catalog_record_id(record);
    if (id.bytes == 0) {
        return nba_error_set(error, NBA_E_EMPTY_KEY, "a catalogue record has no id");
    }
    if (id.bytes > NBA_ID_BYTES_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "an id of %zu bytes, at most %u are taken",
                             id.bytes, NBA_ID_BYTES_MAX);
    }
    if (record->kind == NBA_REFERENCE_REP && record->rep.absence_count > NBA_ITEMS_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "rep '%.*s': %u absences, at most %u are taken",
                             NBA_STR_ARG(id), record->rep.absence_count, NBA_ITEMS_MAX);
    }
    return record->kind == NBA_REFERENCE_CONTENT ? check_content(&record->content, error) : NBA_OK;
}

/* The slot of this id, a hole it left included; NBA_CATALOG_NONE: none.  A content whose hash
 * another one has is told through *ret_collision. */
static uint32_t find_slot(const struct nba_catalog_builder *builder, enum nba_reference_kind kind,
                          struct nba_str id, struct nba_str *ret_collision)
{
    const uint64_t hash = hash_of(kind, id);
    uint32_t cursor = 0;
    for (;;) {
        const uint32_t i = nba_catalog_index_next(&builder->index, hash, &cursor);
        if (i == NBA_CATALOG_NONE) {
            return i;
        }
        const struct catalog_entry *entry = builder->slots[i].entry;
        if (entry == NULL || entry->record.kind != kind) {
            continue;
        }
        if (nba_str_equal(entry->id, id)) {
            return i;
        }
        if (kind == NBA_REFERENCE_CONTENT) {
            *ret_collision = entry->id;
        }
    }
}

/* Leaves the holes out and indexes anew. */
static void pack(struct nba_catalog_builder *builder)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < builder->slot_count; i++) {
        if (builder->slots[i].entry != NULL) {
            builder->slots[kept++] = builder->slots[i];
        }
    }
    builder->slot_count = kept;
    memset(builder->index.numbers, 0, builder->index.capacity * sizeof(*builder->index.numbers));
    builder->index.count = 0;
    for (uint32_t i = 0; i < kept; i++) {
        nba_catalog_index_add(&builder->index, builder->slots[i].hash, i);
    }
}

static bool make_room(struct nba_catalog_builder *builder)
{
    if (builder->slot_count == builder->slot_capacity) {
        const uint32_t capacity = builder->slot_capacity != 0 ? builder->slot_capacity * 2 : 64;
        struct slot *wider = realloc(builder->slots, capacity * sizeof(*wider));
        if (wider == NULL) {
            return false;
        }
        builder->slots = wider;
        builder->slot_capacity = capacity;
    }
    return nba_catalog_index_reserve(&builder->index, builder->slot_count + 1);
}

enum nba_status nba_catalog_builder_apply(struct nba_catalog_builder *builder,
                                          const struct nba_reference *record,
                                          struct nba_error *error)
{
    NBA_ASSERT(builder != NULL && record != NULL);
    enum nba_status status = check_record(record, error);
    if (status != NBA_OK) {
        return status;
    }
    const struct nba_str id = nba_catalog_record_id(record);
    struct nba_str collision = {0};
    const uint32_t found = find_slot(builder, record->kind, id, &collision);
    if (collision.bytes != 0) {
        return nba_error_set(error, NBA_E_EXISTS,
                             "content '%.*s' has the hash %08x of content '%.*s': rename it",
                             NBA_STR_ARG(id), nba_content_hash(id), NBA_STR_ARG(collision));
    }
    const uint32_t max =
        record->kind == NBA_REFERENCE_CONTENT ? NBA_CONTENTS_MAX : NBA_CATALOG_OTHERS_MAX;
    if (found == NBA_CATALOG_NONE && builder->counts[record->kind] >= max) {
        return nba_error_set(error, NBA_E_LIMIT,
                             "'%.*s': the catalogue holds %u of its kind, no more", NBA_STR_ARG(id),
                             max);
    }
    struct catalog_entry *entry = nba_catalog_entry_create(record);
    if (entry == NULL || (found == NBA_CATALOG_NONE && !make_room(builder))) {
        nba_catalog_entry_unref(entry);
        return nba_error_set(error, NBA_E_NO_MEMORY, "catalogue: out of memory");
    }
    if (found != NBA_CATALOG_NONE) {
        nba_catalog_entry_unref(builder->slots[found].entry);
        builder->slots[found].entry = entry;
        return NBA_OK;
    }
    const uint64_t hash = hash_of(record->kind, id);
    nba_catalog_index_add(&builder->index, hash, builder->slot_count);
    builder->slots[builder->slot_count++] = (struct slot){entry, hash};
    builder->counts[record->kind]++;
    return NBA_OK;
}

bool nba_catalog_builder_remove(struct nba_catalog_builder *builder, struct nba_str key)
{
    static const struct {
        const char *prefix;
        enum nba_reference_kind kind;
    } kinds[] = {{"content:", NBA_REFERENCE_CONTENT},
                 {"campaign:", NBA_REFERENCE_CAMPAIGN},
                 {"rep:", NBA_REFERENCE_REP}};
    NBA_ASSERT(builder != NULL);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(kinds); i++) {
        const struct nba_str prefix = nba_str_of(kinds[i].prefix);
        if (key.bytes <= prefix.bytes || memcmp(key.data, prefix.data, prefix.bytes) != 0) {
            continue;
        }
        struct nba_str ignored = {0};
        const struct nba_str id = nba_str(key.data + prefix.bytes, key.bytes - prefix.bytes);
        const uint32_t found = find_slot(builder, kinds[i].kind, id, &ignored);
        if (found == NBA_CATALOG_NONE) {
            return false;
        }
        nba_catalog_entry_unref(builder->slots[found].entry);
        builder->slots[found].entry = NULL;
        builder->counts[kinds[i].kind]--;
        uint32_t live = 0;
        for (size_t k = 0; k < NBA_ARRAY_COUNT(builder->counts); k++) {
            live += builder->counts[k];
        }
        if (builder->slot_count > 2 * live + 64) {
            pack(builder);
        }
        return true;
    }
    return false;
}

static int by_kind_and_id(const void *a, const void *b)
{
    const struct catalog_entry *x = *(struct catalog_entry *const *)a;
    const struct catalog_entry *y = *(struct catalog_entry *const *)b;
    if (x->record.kind != y->record.kind) {
        return x->record.kind < y->record.kind ? -1 : 1;
    }
    return nba_str_compare(x->id, y->id);
}

enum nba_status nba_catalog_builder_build(struct nba_catalog_builder *builder,
                                          struct nba_catalog **ret_catalog, struct nba_error *error)
{
    NBA_ASSERT(builder != NULL && ret_catalog != NULL);
    struct catalog_entry **sorted = calloc(builder->slot_count + 1, sizeof(void *));
    if (sorted == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "catalogue: out of memory");
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < builder->slot_count; i++) {
        if (builder->slots[i].entry != NULL) {
            sorted[count++] = builder->slots[i].entry;
        }
    }
    qsort(sorted, count, sizeof(struct catalog_entry *), by_kind_and_id);
    const enum nba_status status = nba_catalog_snapshot_create(sorted, count, ret_catalog, error);
    free(sorted);
    return status;
}
