/*
 * Cleaning: compaction by key, deletion by age, transactions nobody ended.
 *
 * COMPACTION of a partition, in rounds.  A list of the keys of the dirty part [clean, end) with
 * their newest offsets is made, by the first 128 bits of their SHA-256 (as Kafka's cleaner does by
 * MD5); then everything below `end` whose key has a newer offset in the list goes.  A list holds at
 * most KEYS_MAX keys; `end` is where it got full.  Tombstones go when delete_retention_ms has
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

/* 40 bytes each, and as much again to sort them: 160 MB for a round of two million keys. */
#define KEYS_MAX ((size_t)2 << 20)
/* Deletions in one write. */
#define ERASE_BATCH 5000u
/* Fewer dirty records than this aren't worth a scan. */
#define DIRTY_MIN 16384
#define KEEPER_US 1000000

/* --- the newest offset of each key --- */

struct newest {
    char hash[32]; /* hexadecimal: 128 bits */
    int64_t offset;
};

/* The cleaning of a partition. */
struct cleaning {
    struct nba_local_log *log;
    struct nba_local_topic *topic;
    int32_t partition;
    struct nba_sha256 *sha; /* NULL: everything goes */
    struct newest *newest;  /* by hash, once sorted */
    size_t count;
};

static int by_hash(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(((const struct newest *)a)->hash));
}

static struct newest newest_of(const struct cleaning *c, const struct nba_local_scan *scan)
{
    struct newest newest = {.offset = scan->head.offset};
    char text[NBA_SHA256_TEXT_BYTES];
    nba_sha256_update(c->sha, scan->head.key.data, scan->head.key.bytes);
    nba_sha256_finish(c->sha, text);
    memcpy(newest.hash, text, sizeof(newest.hash));
    return newest;
}

/* Sorts, and leaves of each key the newest. */
static void sort(struct cleaning *c)
{
    size_t kept = 0;
    qsort(c->newest, c->count, sizeof(*c->newest), by_hash);
    for (size_t i = 0; i < c->count; i++) {
        const struct newest item = c->newest[i];
        if (kept == 0 || by_hash(&c->newest[kept - 1], &item) != 0) {
            c->newest[kept++] = item;
        } else if (c->newest[kept - 1].offset < item.offset) {
            c->newest[kept - 1].offset = item.offset;
        }
    }
    c->count = kept;
}

/* Whether the key of the record, which has one, has a newer record. */
static bool is_covered(const struct cleaning *c, const struct nba_local_scan *scan)
{
    const struct newest own = newest_of(c, scan);
    const struct newest *found = bsearch(&own, c->newest, c->count, sizeof(own), by_hash);
    return found != NULL && found->offset > own.offset;
}

/* Lists the keys of from..to-1; *ret_end is where that ended: `to`, or before when the list got
 * full or the log closes. */
static enum nba_status list_newest(struct cleaning *c, int64_t from, int64_t to, int64_t *ret_end,
                                   struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    bool full = false;
    struct nba_local_scan scan = nba_local_scan(c->log, c->topic, c->partition, from, to);
    c->count = 0;
    *ret_end = to;
    while (status == NBA_OK && *ret_end == to && nba_local_scan_next(&scan)) {
        if (c->count == KEYS_MAX) {
            sort(c);
            full = c->count > KEYS_MAX / 2;
        }
        if (scan.damaged) {
            status = nba_error_set(error, NBA_E_CORRUPT, "cannot compact: record %lld is damaged",
                                   (long long)scan.head.offset);
        } else if (full || c->log->closing) {
            *ret_end = scan.head.offset;
        } else if (!scan.head.key_null) {
            c->newest[c->count++] = newest_of(c, &scan);
        }
    }
    sort(c);
    const enum nba_status ended = nba_local_scan_end(&scan, status == NBA_OK ? error : NULL);
    return status == NBA_OK ? ended : status;
}

/* Deletes what the list covers, and tombstones whose time has passed. */
static enum nba_status sweep(const struct cleaning *c, int64_t from, int64_t to, int64_t *ret_kept,
                             struct nba_error *error)
{
    const int64_t old_ms = nba_clock_wall_ms(c->log->clock) - c->topic->spec.delete_retention_ms;
    enum nba_status status = NBA_OK;
    struct nba_kv_batch *batch = nba_kv_batch_create();
    struct nba_local_scan scan = nba_local_scan(c->log, c->topic, c->partition, from, to);
    *ret_kept = 0;
    while (status == NBA_OK && nba_local_scan_next(&scan)) {
        const bool keyed = !scan.damaged && !scan.head.key_null;
        const bool passed = scan.head.value_null && scan.appended_ms <= old_ms;
        if (c->sha == NULL || (keyed && (passed || is_covered(c, &scan)))) {
            nba_kv_batch_delete(batch, c->log->records, nba_kv_iter_key(scan.iter));
        } else {
            ++*ret_kept;
        }
        if (nba_kv_batch_count(batch) >= ERASE_BATCH) {
            status = nba_kv_write(c->log->kv, batch, error);
            nba_kv_batch_reset(batch);
        }
    }
    const enum nba_status ended = nba_local_scan_end(&scan, status == NBA_OK ? error : NULL);
    status = status == NBA_OK ? ended : status;
    if (status == NBA_OK) {
        status = nba_kv_write(c->log->kv, batch, error);
    }
    nba_kv_batch_destroy(batch);
    return status;
}

enum nba_status nba_local_erase(struct nba_local_log *log, struct nba_local_topic *topic,
                                int32_t partition, int64_t from, int64_t to,
                                struct nba_error *error)
{
    const struct cleaning c = {.log = log, .topic = topic, .partition = partition};
    int64_t kept = 0;
    return sweep(&c, from, to, &kept, error);
}

/* Moves low, clean and kept in memory and in the store. */
static enum nba_status set_marks(struct nba_local_log *log, struct nba_local_topic *topic,
                                 int32_t partition, const struct nba_local_partition *cleaned,
                                 struct nba_error *error)
{
    struct nba_kv_batch *batch = nba_kv_batch_create();
    pthread_mutex_lock(&log->lock);
    struct nba_local_partition *marks = &topic->partitions[partition];
    marks->low = cleaned->low;
    marks->clean = cleaned->clean;
    marks->kept = cleaned->kept;
    nba_local_put_marks(log, batch, topic, partition, marks);
    const enum nba_status status = nba_kv_write(log->kv, batch, error);
    pthread_mutex_unlock(&log->lock);
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

static int64_t dirty_from(const struct nba_local_partition *marks)
{
    return marks->clean > marks->low ? marks->clean : marks->low;
}

enum nba_status nba_local_compact(struct nba_local_log *log, struct nba_local_topic *topic,
                                  int32_t partition, struct nba_error *error)
{
    struct nba_local_partition marks = get_marks(log, topic, partition);
    const int64_t to = marks.stable;
    int64_t from = dirty_from(&marks);
    const size_t dirty = (size_t)(to - from);
    struct cleaning c = {log, topic, partition, .sha = nba_sha256_create()};
    c.newest = malloc(((dirty < KEYS_MAX ? dirty : KEYS_MAX) + 1) * sizeof(*c.newest));
    NBA_ASSERT(c.newest != NULL);
    enum nba_status status = NBA_OK;
    do {
        status = list_newest(&c, from, to, &marks.clean, error);
        if (status == NBA_OK) {
            status = sweep(&c, marks.low, marks.clean, &marks.kept, error);
        }
        if (status == NBA_OK) {
            status = set_marks(log, topic, partition, &marks, error);
        }
        from = marks.clean;
    } while (status == NBA_OK && from < to && !log->closing);
    nba_sha256_destroy(c.sha);
    free(c.newest);
    return status;
}

/* --- the keeper --- */

/* Deletes from the front what is older than the topic's retention. */
static enum nba_status retain(struct nba_local_log *log, struct nba_local_topic *topic,
                              int32_t partition)
{
    const int64_t oldest_ms = nba_clock_wall_ms(log->clock) - topic->spec.retention_ms;
    struct nba_local_partition marks = get_marks(log, topic, partition);
    const int64_t old_low = marks.low;
    struct nba_local_scan scan = nba_local_scan(log, topic, partition, old_low, marks.stable);
    marks.low = marks.stable;
    while (marks.low == marks.stable && nba_local_scan_next(&scan)) {
        if (scan.damaged || scan.head.timestamp_ms >= oldest_ms) {
            marks.low = scan.head.offset;
        }
    }
    enum nba_status status = nba_local_scan_end(&scan, NULL);
    if (status == NBA_OK && marks.low > old_low) {
        /* low first: readers are told, rather than silently given less */
        status = set_marks(log, topic, partition, &marks, NULL);
        if (status == NBA_OK) {
            status = nba_local_erase(log, topic, partition, old_low, marks.low, NULL);
        }
    }
    return status;
}

/* Failures are met again, and told, by whoever writes next. */
static void clean_topic(struct nba_local_log *log, struct nba_local_topic *topic)
{
    enum nba_status status = NBA_OK;
    pthread_mutex_lock(&log->clean_lock);
    for (int32_t i = 0; i < topic->spec.partitions && status == NBA_OK; i++) {
        const struct nba_local_partition marks = get_marks(log, topic, i);
        const int64_t dirty = marks.stable - dirty_from(&marks);
        if (topic->gone || log->closing) {
            break;
        }
        if (topic->spec.deleted && topic->spec.retention_ms >= 0) {
            status = retain(log, topic, i);
        }
        if (status == NBA_OK && topic->spec.compacted && dirty >= DIRTY_MIN &&
            dirty >= marks.kept) {
            status = nba_local_compact(log, topic, i, NULL);
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
