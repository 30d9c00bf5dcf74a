/*
 * Cleaning: compaction by key, deletion by age, transactions nobody ended.
 *
 * COMPACTION of a partition is one walk back from its end: a record whose key was met already, by
 * the first 128 bits of its SHA-256 (as Kafka's cleaner does by MD5), is covered and goes.
 * Tombstones go when delete_retention_ms has passed since they were appended, after all that they
 * cover.  The walk ends where KEYS_MAX keys have been met: what is before stays.
 *
 * The keeper compacts a partition when at least half of it is dirty.
 */
#include <stdlib.h>
#include <string.h>

#include "local_internal.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "nba/base/hash_index.h"
#include "nba/base/memory.h"

/* Some 80 bytes each: 160 MB for two million keys. */
#define KEYS_MAX  ((uint32_t)2 << 20)
#define KEY_BYTES 32u /* hexadecimal: 128 bits */
/* Deletions in one write. */
#define ERASE_BATCH 5000u
/* Fewer dirty records than this aren't worth a scan. */
#define DIRTY_MIN 16384
#define KEEPER_US 1000000

/* Keys that were met. */
struct keys {
    char (*items)[KEY_BYTES];
    size_t capacity;
    struct nba_hash_index index;
};

/* Whether the key is met for the first time; notes it. */
static bool is_newest(struct keys *keys, struct nba_str key)
{
    char text[NBA_SHA256_TEXT_BYTES];
    const uint32_t known = keys->index.count;
    const bool room = nba_hash_index_reserve(&keys->index, known + 1);
    NBA_ASSERT(room);
    keys->items = nba_room(keys->items, known, &keys->capacity, KEY_BYTES);
    nba_sha256_text(key.data, key.bytes, text);
    return nba_hash_index_intern(&keys->index, keys->items, KEY_BYTES, text) == known;
}

static struct nba_local_marks get_marks(struct nba_local_log *log,
                                        const struct nba_local_partition *p)
{
    pthread_mutex_lock(&log->lock);
    const struct nba_local_marks marks = p->marks;
    pthread_mutex_unlock(&log->lock);
    return marks;
}

/* Moves low, clean and kept in memory and, with the batch, in the store; frees the batch. */
static enum nba_status set_marks(struct nba_local_log *log, struct nba_local_partition *p,
                                 const struct nba_local_marks *cleaned, struct nba_kv_batch *batch,
                                 struct nba_error *error)
{
    pthread_mutex_lock(&log->lock);
    p->marks.low = cleaned->low;
    p->marks.clean = cleaned->clean;
    p->marks.kept = cleaned->kept;
    nba_local_put_marks(log, batch, p);
    const enum nba_status status = nba_kv_write(log->kv, batch, error);
    pthread_mutex_unlock(&log->lock);
    nba_kv_batch_destroy(batch);
    return status;
}

enum nba_status nba_local_compact(struct nba_local_log *log, struct nba_local_partition *p,
                                  struct nba_error *error)
{
    struct nba_local_marks marks = get_marks(log, p);
    const int64_t old_ms = nba_clock_wall_ms(log->clock) - p->topic->spec.delete_retention_ms;
    struct keys keys = {0};
    struct nba_kv_batch *covered = nba_kv_batch_create();
    struct nba_kv_batch *passed = nba_kv_batch_create(); /* tombstones: the last to go */
    struct nba_kv_iter *iter = nba_local_iter(log, p, marks.low, marks.stable);
    enum nba_status status = NBA_OK;
    marks.clean = marks.stable;
    marks.kept = 0;
    for (nba_kv_iter_seek_last(iter); status == NBA_OK && !log->closing &&
                                      keys.index.count < KEYS_MAX && nba_kv_iter_valid(iter);
         nba_kv_iter_previous(iter)) {
        struct nba_record head;
        int64_t appended_ms = 0;
        if (!nba_local_head(iter, &head, &appended_ms)) {
            status = nba_error_set(error, NBA_E_CORRUPT, "cannot compact: record %lld is damaged",
                                   (long long)head.offset);
        } else if (!head.key_null && !is_newest(&keys, head.key)) {
            nba_kv_batch_delete(covered, log->records, nba_kv_iter_key(iter));
        } else if (head.value_null && !head.key_null && appended_ms <= old_ms) {
            nba_kv_batch_delete(passed, log->records, nba_kv_iter_key(iter));
        } else {
            marks.kept++;
        }
        if (status == NBA_OK && nba_kv_batch_count(covered) >= ERASE_BATCH) {
            status = nba_kv_write(log->kv, covered, error);
            nba_kv_batch_reset(covered);
        }
    }
    if (nba_kv_iter_valid(iter)) {
        nba_kv_batch_reset(passed); /* what they cover may be there still */
    }
    const enum nba_status ended = nba_local_iter_end(iter, status == NBA_OK ? error : NULL);
    status = status == NBA_OK ? ended : status;
    if (status == NBA_OK) {
        status = nba_kv_write(log->kv, covered, error);
    }
    if (status == NBA_OK) {
        status = nba_kv_write(log->kv, passed, error);
    }
    if (status == NBA_OK && !log->closing) {
        status = set_marks(log, p, &marks, nba_kv_batch_create(), error);
    }
    nba_kv_batch_destroy(covered);
    nba_kv_batch_destroy(passed);
    nba_hash_index_clear(&keys.index);
    free(keys.items);
    return status;
}

/* --- the keeper --- */

/* Deletes from the front what is older than the topic's retention. */
static enum nba_status retain(struct nba_local_log *log, struct nba_local_partition *p)
{
    const int64_t oldest_ms = nba_clock_wall_ms(log->clock) - p->topic->spec.retention_ms;
    struct nba_local_marks marks = get_marks(log, p);
    const int64_t old_low = marks.low;
    struct nba_kv_iter *iter = nba_local_iter(log, p, old_low, marks.stable);
    marks.low = marks.stable;
    for (; marks.low == marks.stable && nba_kv_iter_valid(iter); nba_kv_iter_next(iter)) {
        struct nba_record head;
        int64_t appended_ms = 0;
        if (!nba_local_head(iter, &head, &appended_ms) || head.timestamp_ms >= oldest_ms) {
            marks.low = head.offset;
        }
    }
    const enum nba_status status = nba_local_iter_end(iter, NULL);
    if (status != NBA_OK || marks.low == old_low) {
        return status;
    }
    struct nba_kv_batch *batch = nba_kv_batch_create();
    nba_local_delete_records(log, batch, p, old_low, marks.low);
    return set_marks(log, p, &marks, batch, NULL);
}

/* Failures are met again, and told, by whoever writes next. */
static void clean_topic(struct nba_local_log *log, struct nba_local_topic *topic)
{
    enum nba_status status = NBA_OK;
    pthread_mutex_lock(&log->clean_lock);
    for (int32_t i = 0; i < topic->spec.partitions && status == NBA_OK; i++) {
        struct nba_local_partition *p = &topic->partitions[i];
        const struct nba_local_marks marks = get_marks(log, p);
        const int64_t dirty = marks.stable - (marks.clean > marks.low ? marks.clean : marks.low);
        if (topic->gone || log->closing) {
            break;
        }
        if (topic->spec.deleted && topic->spec.retention_ms >= 0) {
            status = retain(log, p);
        }
        if (status == NBA_OK && topic->spec.compacted && dirty >= DIRTY_MIN &&
            dirty >= marks.kept) {
            status = nba_local_compact(log, p, NULL);
        }
    }
    pthread_mutex_unlock(&log->clean_lock);
}

static void drop_old_transactions(struct nba_local_log *log)
{
    const int64_t limit_us = NBA_LOCAL_TRANSACTION_MS_MAX * INT64_C(1000);
    const int64_t now_us = nba_clock_monotonic_us(log->clock);
    struct nba_local_producer *next = NULL;
    pthread_mutex_lock(&log->lock);
    for (struct nba_local_producer *old = log->producers; old != NULL; old = next) {
        next = old->next;
        if (old->open && now_us - old->begun_us > limit_us) {
            old->fenced = true;
            nba_local_producer_drop(old);
        }
    }
    pthread_mutex_unlock(&log->lock);
}

void nba_local_keep(struct nba_local_log *log)
{
    pthread_mutex_lock(&log->lock);
    struct nba_local_topic *topic = log->topics; /* only ever grows, at its head */
    pthread_mutex_unlock(&log->lock);
    drop_old_transactions(log);
    for (; topic != NULL; topic = topic->next) {
        clean_topic(log, topic);
    }
}

void *nba_local_keeper(void *self)
{
    struct nba_local_log *log = self;
    while (!log->closing) {
        const int64_t deadline_us = nba_local_now_us() + KEEPER_US;
        pthread_mutex_lock(&log->lock);
        bool in_time = true;
        while (!log->closing && in_time) {
            in_time = nba_local_timed_wait(log, &log->stop, deadline_us);
        }
        pthread_mutex_unlock(&log->lock);
        if (!log->closing) {
            nba_local_keep(log);
        }
    }
    return NULL;
}
