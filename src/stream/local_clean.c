/*
 * Cleaning: compaction by key, deletion by age, transactions nobody ended.
 *
 * COMPACTION of a partition, in rounds.  A table maps the keys of the dirty part [clean, end) to
 * their newest offset, by the first 128 bits of their SHA-256 (as Kafka's cleaner does with MD5);
 * then everything below `end` whose key has a newer offset in the table goes.  A table holds at
 * most TABLE_KEYS_MAX keys; `end` is where it got full.  Tombstones go when delete_retention_ms has
 * passed since they were appended; what they cover was dirty with them or before them, so it goes
 * in the same scan at the latest, and, being older, first.
 *
 * The keeper compacts a partition when at least half of it is dirty.
 */
#include <stdlib.h>
#include <string.h>

#include "local_internal.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"

/* 24 bytes each, at most two thirds full: about 150 MB for a round of four million keys. */
#define TABLE_KEYS_MAX ((size_t)4 << 20)
#define TABLE_KEYS_MIN ((size_t)1 << 10)
/* Deletions in one write. */
#define ERASE_BATCH 5000u
/* Fewer dirty records than this aren't worth a scan. */
#define DIRTY_MIN       16384
#define KEEPER_PAUSE_MS 1000

/* --- the table: open addressing, linear probes, offset -1 is an empty place --- */

struct place {
    uint64_t hash[2];
    int64_t offset;
};

struct table {
    struct place *places;
    size_t capacity; /* a power of two */
    size_t count;
    struct nba_sha256 *sha;
};

static void table_init(struct table *table, size_t capacity)
{
    table->places = malloc(capacity * sizeof(*table->places));
    NBA_ASSERT(table->places != NULL);
    table->capacity = capacity;
    table->count = 0;
    for (size_t i = 0; i < capacity; i++) {
        table->places[i].offset = -1;
    }
}

static void hash_key(struct table *table, struct nba_str key, uint64_t ret_hash[2])
{
    char text[NBA_SHA256_TEXT_BYTES];
    nba_sha256_update(table->sha, key.data, key.bytes);
    nba_sha256_finish(table->sha, text);
    for (size_t i = 0; i < 2; i++) {
        char part[17] = {0};
        memcpy(part, text + 16 * i, 16);
        ret_hash[i] = strtoull(part, NULL, 16);
    }
}

/* Where the hash stands or would stand. */
static struct place *table_find(struct table *table, const uint64_t hash[2])
{
    size_t i = (size_t)hash[0] & (table->capacity - 1);
    while (table->places[i].offset >= 0 &&
           (table->places[i].hash[0] != hash[0] || table->places[i].hash[1] != hash[1])) {
        i = (i + 1) & (table->capacity - 1);
    }
    return &table->places[i];
}

static void table_grow(struct table *table)
{
    struct place *old = table->places;
    const size_t old_capacity = table->capacity;
    const size_t count = table->count;
    table_init(table, 2 * old_capacity);
    table->count = count;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].offset >= 0) {
            *table_find(table, old[i].hash) = old[i];
        }
    }
    free(old);
}

static void table_put(struct table *table, struct nba_str key, int64_t offset)
{
    uint64_t hash[2];
    hash_key(table, key, hash);
    struct place *found = table_find(table, hash);
    if (found->offset < 0) {
        *found = (struct place){{hash[0], hash[1]}, offset};
        table->count++;
        if (3 * table->count > 2 * table->capacity) {
            table_grow(table);
        }
    } else {
        found->offset = offset;
    }
}

/* --- erasing --- */

struct eraser {
    struct nba_local_log *log;
    struct nba_kv_batch *batch;
};

static enum nba_status flush_eraser(struct eraser *eraser, struct nba_error *error)
{
    const enum nba_status status = nba_kv_write(eraser->log->kv, eraser->batch, false, error);
    nba_kv_batch_reset(eraser->batch);
    return status;
}

static enum nba_status erase_key(struct eraser *eraser, struct nba_str key, struct nba_error *error)
{
    nba_kv_batch_delete(eraser->batch, eraser->log->records, key);
    return nba_kv_batch_count(eraser->batch) >= ERASE_BATCH ? flush_eraser(eraser, error) : NBA_OK;
}

enum nba_status nba_local_erase(struct nba_local_log *log, const struct nba_local_topic *topic,
                                int32_t partition, int64_t from, int64_t to,
                                struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    struct eraser eraser = {log, nba_kv_batch_create()};
    struct nba_kv_iter *iter = nba_local_scan(log, topic, partition, from, to);
    for (; status == NBA_OK && nba_kv_iter_valid(iter); nba_kv_iter_next(iter)) {
        status = erase_key(&eraser, nba_kv_iter_key(iter), error);
    }
    if (status == NBA_OK) {
        status = nba_kv_iter_status(iter, error);
    }
    if (status == NBA_OK) {
        status = flush_eraser(&eraser, error);
    }
    nba_kv_iter_destroy(iter);
    nba_kv_batch_destroy(eraser.batch);
    return status;
}

/* --- compaction --- */

/* Fills the table with the keys from `from` on; *ret_end is where it ended: `to`, or before when
 * it got full. */
static enum nba_status read_dirty(struct nba_local_log *log, struct nba_kv_iter *iter,
                                  struct table *table, int64_t to, int64_t *ret_end,
                                  struct nba_error *error)
{
    int64_t end = to;
    for (; nba_kv_iter_valid(iter); nba_kv_iter_next(iter)) {
        const int64_t offset = nba_local_key_offset(nba_kv_iter_key(iter));
        struct nba_local_glance glance;
        if (!nba_local_record_glance(nba_kv_iter_value(iter), &glance)) {
            return nba_error_set(error, NBA_E_CORRUPT, "cannot compact: record %lld is damaged",
                                 (long long)offset);
        }
        if (table->count >= TABLE_KEYS_MAX || log->closing) {
            end = offset;
            break;
        }
        if (!glance.key_null) {
            table_put(table, glance.key, offset);
        }
    }
    *ret_end = end;
    return nba_kv_iter_status(iter, error);
}

/* Deletes what is covered by the table, and tombstones whose time has passed. */
static enum nba_status sweep(struct nba_local_log *log, struct nba_kv_iter *iter,
                             struct table *table, int64_t delete_retention_ms, int64_t *ret_kept,
                             struct nba_error *error)
{
    const int64_t now_ms = nba_clock_wall_ms(log->clock);
    enum nba_status status = NBA_OK;
    struct eraser eraser = {log, nba_kv_batch_create()};
    int64_t kept = 0;
    for (; status == NBA_OK && nba_kv_iter_valid(iter); nba_kv_iter_next(iter)) {
        const struct nba_str key = nba_kv_iter_key(iter);
        struct nba_local_glance glance;
        bool erase = false;
        if (nba_local_record_glance(nba_kv_iter_value(iter), &glance) && !glance.key_null) {
            uint64_t hash[2];
            hash_key(table, glance.key, hash);
            erase = table_find(table, hash)->offset > nba_local_key_offset(key) ||
                    (glance.value_null && now_ms - glance.appended_ms >= delete_retention_ms);
        }
        if (erase) {
            status = erase_key(&eraser, key, error);
        } else {
            kept++;
        }
    }
    if (status == NBA_OK) {
        status = nba_kv_iter_status(iter, error);
    }
    if (status == NBA_OK) {
        status = flush_eraser(&eraser, error);
    }
    nba_kv_batch_destroy(eraser.batch);
    *ret_kept = kept;
    return status;
}

/* Moves low, clean and kept in memory and in the store. */
static enum nba_status set_marks(struct nba_local_log *log, struct nba_local_topic *topic,
                                 int32_t partition, const struct nba_local_partition *cleaned,
                                 struct nba_error *error)
{
    struct nba_kv_batch *batch = nba_kv_batch_create();
    pthread_mutex_lock(&log->commit_lock);
    pthread_mutex_lock(&log->lock);
    struct nba_local_partition *marks = &topic->partitions[partition];
    marks->low = cleaned->low;
    marks->clean = cleaned->clean;
    marks->kept = cleaned->kept;
    nba_local_put_marks(log, batch, topic, partition, marks);
    pthread_mutex_unlock(&log->lock);
    const enum nba_status status = nba_kv_write(log->kv, batch, false, error);
    pthread_mutex_unlock(&log->commit_lock);
    nba_kv_batch_destroy(batch);
    return status;
}

static struct nba_local_partition get_marks(struct nba_local_log *log,
                                            const struct nba_local_topic *topic, int32_t partition)
{
    pthread_mutex_lock(&log->lock);
    const struct nba_local_partition marks = topic->partitions[partition];
    pthread_mutex_unlock(&log->lock);
    return marks;
}

/* One round; *ret_done when nothing is dirty any more. */
static enum nba_status compact_round(struct nba_local_log *log, struct nba_local_topic *topic,
                                     int32_t partition, bool *ret_done, struct nba_error *error)
{
    struct nba_local_partition marks = get_marks(log, topic, partition);
    const int64_t from = marks.clean > marks.low ? marks.clean : marks.low;
    int64_t end = from;
    struct table table;
    table_init(&table, TABLE_KEYS_MIN);
    table.sha = nba_sha256_create();
    struct nba_kv_iter *iter = nba_local_scan(log, topic, partition, from, marks.stable);
    enum nba_status status = read_dirty(log, iter, &table, marks.stable, &end, error);
    nba_kv_iter_destroy(iter);
    if (status == NBA_OK) {
        iter = nba_local_scan(log, topic, partition, marks.low, end);
        status = sweep(log, iter, &table, topic->delete_retention_ms, &marks.kept, error);
        nba_kv_iter_destroy(iter);
    }
    nba_sha256_destroy(table.sha);
    free(table.places);
    if (status == NBA_OK) {
        *ret_done = end == marks.stable || end == from;
        marks.clean = end;
        status = set_marks(log, topic, partition, &marks, error);
    }
    return status;
}

enum nba_status nba_local_compact(struct nba_local_log *log, struct nba_local_topic *topic,
                                  int32_t partition, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    for (bool done = false; status == NBA_OK && !done;) {
        status = compact_round(log, topic, partition, &done, error);
    }
    return status;
}

/* --- the keeper --- */

/* Deletes from the front what is older than the topic's retention. */
static enum nba_status retain(struct nba_local_log *log, struct nba_local_topic *topic,
                              int32_t partition)
{
    const int64_t oldest_ms = nba_clock_wall_ms(log->clock) - topic->retention_ms;
    struct nba_local_partition marks = get_marks(log, topic, partition);
    const int64_t old_low = marks.low;
    struct nba_kv_iter *iter = nba_local_scan(log, topic, partition, old_low, marks.stable);
    marks.low = marks.stable;
    for (; nba_kv_iter_valid(iter); nba_kv_iter_next(iter)) {
        struct nba_local_glance glance;
        if (!nba_local_record_glance(nba_kv_iter_value(iter), &glance) ||
            glance.timestamp_ms >= oldest_ms) {
            marks.low = nba_local_key_offset(nba_kv_iter_key(iter));
            break;
        }
    }
    enum nba_status status = nba_kv_iter_status(iter, NULL);
    nba_kv_iter_destroy(iter);
    if (status == NBA_OK && marks.low > old_low) {
        /* low first: readers are told, rather than silently given less */
        status = set_marks(log, topic, partition, &marks, NULL);
        if (status == NBA_OK) {
            status = nba_local_erase(log, topic, partition, old_low, marks.low, NULL);
        }
    }
    return status;
}

static bool is_dirty(const struct nba_local_partition *marks)
{
    const int64_t dirty = marks->stable - (marks->clean > marks->low ? marks->clean : marks->low);
    return dirty >= DIRTY_MIN && dirty >= marks->kept;
}

/* Failures are met again, and told, by whoever writes next. */
static void clean_topic(struct nba_local_log *log, struct nba_local_topic *topic)
{
    pthread_mutex_lock(&log->clean_lock);
    for (int32_t i = 0; i < topic->partition_count && !topic->gone && !log->closing; i++) {
        const struct nba_local_partition marks = get_marks(log, topic, i);
        enum nba_status status = NBA_OK;
        if (topic->deleted && topic->retention_ms >= 0) {
            status = retain(log, topic, i);
        }
        if (status == NBA_OK && topic->compacted && is_dirty(&marks)) {
            status = nba_local_compact(log, topic, i, NULL);
        }
        if (status != NBA_OK) {
            break;
        }
    }
    pthread_mutex_unlock(&log->clean_lock);
}

static void drop_old_transactions(struct nba_local_log *log)
{
    const int64_t limit_us = NBA_LOCAL_TRANSACTION_MS_MAX * INT64_C(1000);
    const int64_t now_us = nba_clock_monotonic_us(log->clock);
    pthread_mutex_lock(&log->commit_lock);
    for (;;) {
        pthread_mutex_lock(&log->lock);
        struct nba_local_transaction *open = log->transactions;
        while (open != NULL && now_us - open->begun_us <= limit_us) {
            open = open->next;
        }
        pthread_mutex_unlock(&log->lock);
        if (open == NULL) {
            break;
        }
        nba_local_transaction_drop(log, open);
    }
    pthread_mutex_unlock(&log->commit_lock);
}

void *nba_local_keeper(void *self)
{
    struct nba_local_log *log = self;
    for (;;) {
        const struct timespec deadline = nba_local_deadline(KEEPER_PAUSE_MS);
        pthread_mutex_lock(&log->lock);
        int waited = 0;
        while (!log->closing && waited == 0) {
            waited = pthread_cond_timedwait(&log->stop, &log->lock, &deadline);
        }
        struct nba_local_topic *topic = log->topics; /* only ever grows, at its head */
        pthread_mutex_unlock(&log->lock);
        if (log->closing) {
            return NULL;
        }
        drop_old_transactions(log);
        for (; topic != NULL; topic = topic->next) {
            clean_topic(log, topic);
        }
    }
}
