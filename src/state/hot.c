/* Hash buckets for finding, a list by last use for evicting. */
#include "hot.h"

#include <stdlib.h>

#include "nba/base/assert.h"

#define RECORD_ROOM_STEP 256u /* records grow a little with each event: fewer reallocations */
#define BYTES_PER_BUCKET 1024u
#define BUCKETS_MIN      64u

bool nba_hot_init(struct nba_hot *hot, size_t bytes_max)
{
    uint32_t bucket_count = BUCKETS_MIN;
    while (bucket_count < (1u << 22) && bucket_count < bytes_max / BYTES_PER_BUCKET) {
        bucket_count *= 2;
    }
    *hot = (struct nba_hot){.bucket_count = bucket_count, .bytes_max = bytes_max};
    hot->buckets = calloc(bucket_count, sizeof(struct nba_hot_entry *));
    hot->bytes = bucket_count * sizeof(struct nba_hot_entry *);
    return hot->buckets != NULL;
}

static struct nba_hot_entry **bucket_of(const struct nba_hot *hot, uint64_t hash)
{
    return &hot->buckets[hash & (hot->bucket_count - 1)];
}

static void unlink_use(struct nba_hot *hot, struct nba_hot_entry *entry)
{
    *(entry->newer != NULL ? &entry->newer->older : &hot->newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &hot->oldest) = entry->newer;
}

static void link_newest(struct nba_hot *hot, struct nba_hot_entry *entry)
{
    entry->newer = NULL;
    entry->older = hot->newest;
    *(hot->newest != NULL ? &hot->newest->newer : &hot->oldest) = entry;
    hot->newest = entry;
}

static void destroy(struct nba_hot *hot, struct nba_hot_entry *entry)
{
    struct nba_hot_entry **link = bucket_of(hot, entry->hash);
    while (*link != entry) {
        link = &(*link)->bucket_next;
    }
    *link = entry->bucket_next;
    unlink_use(hot, entry);
    hot->bytes -= entry->bytes;
    hot->entry_count--;
    for (uint32_t slot = 0; slot < NBA_VECTOR_SLOTS; slot++) {
        free(entry->vectors[slot].floats);
    }
    free(entry->record);
    free(entry);
}

void nba_hot_forget(struct nba_hot *hot)
{
    while (hot->newest != NULL) {
        destroy(hot, hot->newest);
    }
}

void nba_hot_clear(struct nba_hot *hot)
{
    if (hot->buckets != NULL) {
        nba_hot_forget(hot);
        free(hot->buckets);
    }
    *hot = (struct nba_hot){0};
}

static struct nba_hot_entry *find(const struct nba_hot *hot, struct nba_str id, uint64_t hash)
{
    struct nba_hot_entry *entry = *bucket_of(hot, hash);
    while (entry != NULL && (entry->hash != hash || !nba_str_equal(nba_hot_id(entry), id))) {
        entry = entry->bucket_next;
    }
    return entry;
}

struct nba_hot_entry *nba_hot_find(struct nba_hot *hot, struct nba_str id, uint64_t hash)
{
    struct nba_hot_entry *entry = find(hot, id, hash);
    if (entry != NULL && entry != hot->newest) {
        unlink_use(hot, entry);
        link_newest(hot, entry);
    }
    return entry;
}

static void evict(struct nba_hot *hot, const struct nba_hot_entry *keep)
{
    while (hot->bytes > hot->bytes_max && hot->oldest != NULL && hot->oldest != keep) {
        bool dirty = false;
        for (uint32_t slot = 0; slot < NBA_VECTOR_SLOTS; slot++) {
            dirty = dirty || hot->oldest->vectors[slot].dirty;
        }
        if (dirty && hot->spill != NULL) {
            hot->spill(hot->context, hot->oldest);
        }
        hot->evictions++;
        destroy(hot, hot->oldest);
    }
}

static struct nba_hot_entry *create(struct nba_hot *hot, struct nba_str id, uint64_t hash)
{
    const size_t bytes = sizeof(struct nba_hot_entry) + id.bytes;
    struct nba_hot_entry *entry = calloc(1, bytes);
    if (entry == NULL) {
        return NULL;
    }
    entry->hash = hash;
    entry->bytes = bytes;
    entry->id_bytes = (uint32_t)id.bytes;
    if (id.bytes != 0) {
        memcpy(entry->id, id.data, id.bytes);
    }
    entry->bucket_next = *bucket_of(hot, hash);
    *bucket_of(hot, hash) = entry;
    link_newest(hot, entry);
    hot->bytes += bytes;
    hot->entry_count++;
    return entry;
}

static bool set_record(struct nba_hot *hot, struct nba_hot_entry *entry, struct nba_str record)
{
    if (record.bytes > entry->record_room) {
        const uint32_t room =
            (uint32_t)((record.bytes + RECORD_ROOM_STEP - 1) / RECORD_ROOM_STEP * RECORD_ROOM_STEP);
        unsigned char *grown = malloc(room);
        if (grown == NULL) {
            return false;
        }
        free(entry->record);
        entry->bytes += room - entry->record_room;
        hot->bytes += room - entry->record_room;
        entry->record = grown;
        entry->record_room = room;
    }
    NBA_ASSERT(entry->record != NULL);
    memcpy(entry->record, record.data, record.bytes);
    entry->record_bytes = (uint32_t)record.bytes;
    return true;
}

struct nba_hot_entry *nba_hot_put(struct nba_hot *hot, struct nba_str id, uint64_t hash,
                                  struct nba_str record)
{
    NBA_ASSERT(record.bytes > 0 && record.bytes <= NBA_HCP_BYTES_MAX);
    struct nba_hot_entry *entry = nba_hot_find(hot, id, hash);
    if (entry == NULL) {
        entry = create(hot, id, hash);
    }
    if (entry == NULL) {
        return NULL;
    }
    if (!set_record(hot, entry, record)) {
        destroy(hot, entry);
        return NULL;
    }
    evict(hot, entry);
    if (hot->bytes > hot->bytes_max) {
        destroy(hot, entry); /* larger than the whole budget */
        return NULL;
    }
    return entry;
}

void nba_hot_put_vector(struct nba_hot *hot, struct nba_hot_entry *entry, enum nba_vector_slot slot,
                        const struct nba_vector *vector)
{
    struct nba_vector *stored = &entry->vectors[slot];
    const size_t bytes = vector->float_count * sizeof(float);
    if (stored->float_count != vector->float_count) {
        float *floats = malloc(bytes);
        if (floats == NULL) {
            return; /* the old one stays, under its own tag */
        }
        free(stored->floats);
        const size_t old_bytes = stored->float_count * sizeof(float);
        entry->bytes = entry->bytes - old_bytes + bytes;
        hot->bytes = hot->bytes - old_bytes + bytes;
        stored->floats = floats;
        stored->float_count = vector->float_count;
    }
    memcpy(stored->floats, vector->floats, bytes);
    stored->tag = vector->tag;
    stored->dirty = vector->dirty;
    evict(hot, entry);
    if (hot->bytes > hot->bytes_max) {
        hot->bytes -= bytes;
        entry->bytes -= bytes;
        free(stored->floats);
        *stored = (struct nba_vector){0};
    }
}

void nba_hot_remove(struct nba_hot *hot, struct nba_str id, uint64_t hash)
{
    struct nba_hot_entry *entry = find(hot, id, hash);
    if (entry != NULL) {
        destroy(hot, entry);
    }
}
