/* The newest record of each id, in any order, with a hash index over them. */
#include <stdlib.h>
#include <string.h>

#include "catalog_internal.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "nba/base/limits.h"
#include "nba/base/memory.h"

#define VALUE_MAX 1e6

struct nba_catalog_builder {
    struct catalog_entry **entries;
    size_t entry_count, capacity;
    struct nba_hash_index index;
    uint32_t counts[NBA_REFERENCE_REP + 1];
};

struct nba_catalog_builder *nba_catalog_builder_create(void)
{
    return nba_zeros(1, sizeof(struct nba_catalog_builder));
}

void nba_catalog_builder_destroy(struct nba_catalog_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    for (size_t i = 0; i < builder->entry_count; i++) {
        nba_catalog_entry_unref(builder->entries[i]);
    }
    free(builder->entries);
    nba_hash_index_clear(&builder->index);
    free(builder);
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

/* The entry of this id; NBA_CATALOG_NONE: none.  A content whose hash another one has is told
 * through *ret_collision. */
static uint32_t find_entry(const struct nba_catalog_builder *builder, enum nba_reference_kind kind,
                           struct nba_str id, struct nba_str *ret_collision)
{
    const uint64_t hash = nba_catalog_record_hash(kind, id);
    uint32_t cursor = 0;
    uint32_t i = 0;
    while ((i = nba_hash_index_next(&builder->index, hash, &cursor)) != NBA_HASH_INDEX_NONE) {
        const struct catalog_entry *entry = builder->entries[i];
        if (entry->record.kind == kind && nba_str_equal(entry->id, id)) {
            break;
        }
        if (entry->record.kind == kind && kind == NBA_REFERENCE_CONTENT) {
            *ret_collision = entry->id;
        }
    }
    return i;
}

/* The index anew, after entries changed their places. */
static void index_all(struct nba_catalog_builder *builder)
{
    nba_hash_index_reset(&builder->index);
    for (uint32_t i = 0; i < builder->entry_count; i++) {
        nba_hash_index_add(&builder->index, builder->entries[i]->hash, i);
    }
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
    const uint32_t found = find_entry(builder, record->kind, id, &collision);
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
    if (found != NBA_CATALOG_NONE) {
        nba_catalog_entry_unref(builder->entries[found]);
        builder->entries[found] = entry;
        return NBA_OK;
    }
    const uint32_t count = (uint32_t)builder->entry_count;
    const bool room = nba_hash_index_reserve(&builder->index, count + 1);
    NBA_ASSERT(room);
    builder->entries = nba_room(builder->entries, count, &builder->capacity, sizeof(entry));
    nba_hash_index_add(&builder->index, entry->hash, count);
    builder->entries[builder->entry_count++] = entry;
    builder->counts[record->kind]++;
    return NBA_OK;
}

bool nba_catalog_builder_remove(struct nba_catalog_builder *builder, struct nba_str key)
{
    static const char *const prefixes[] = {"content:", "campaign:", "rep:"}; /* by kind */
    NBA_ASSERT(builder != NULL);
    for (uint32_t kind = 0; kind < NBA_ARRAY_COUNT(prefixes); kind++) {
        const size_t bytes = strlen(prefixes[kind]);
        if (key.bytes <= bytes || memcmp(key.data, prefixes[kind], bytes) != 0) {
            continue;
        }
        struct nba_str ignored = {0};
        const uint32_t found = find_entry(builder, (enum nba_reference_kind)kind,
                                          nba_str(key.data + bytes, key.bytes - bytes), &ignored);
        if (found != NBA_CATALOG_NONE) {
            nba_catalog_entry_unref(builder->entries[found]);
            builder->entries[found] = builder->entries[--builder->entry_count];
            builder->counts[kind]--;
            index_all(builder);
        }
        return found != NBA_CATALOG_NONE;
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
    if (builder->entry_count != 0) {
        qsort(builder->entries, builder->entry_count, sizeof(void *), by_kind_and_id);
        index_all(builder);
    }
    return nba_catalog_snapshot_create(builder->entries, (uint32_t)builder->entry_count,
                                       ret_catalog, error);
}
