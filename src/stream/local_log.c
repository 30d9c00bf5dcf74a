/*
 * The local log: open and close, topics, marks.
 *
 * Opening takes RocksDB's own lock on the folder, so there is one writer.  Whatever was open when
 * the last writer ended is gone with it: all offsets below `next` are decided, so stable = next.
 */
#include <stdlib.h>
#include <string.h>

#include "local_internal.h"
#include "nba/base/assert.h"
#include "nba/base/memory.h"

/* More is of no use: a log is written at its end and read there. */
#define BLOCK_CACHE_BYTES_MAX  ((size_t)16 << 20)
#define WRITE_BUFFER_BYTES_MAX ((size_t)64 << 20)
/* The writer may delete a file between our listing and opening it; the next try sees its heir. */
#define READER_OPEN_TRIES 10
/* How often a read-only log looks for news of the writer while somebody waits. */
#define REFRESH_US 20000

/* --- waiting --- */

int64_t nba_local_now_us(void)
{
    return nba_clock_monotonic_us(&nba_clock_system);
}

bool nba_local_timed_wait(struct nba_local_log *log, pthread_cond_t *condition, int64_t deadline_us)
{
    const struct timespec at = {deadline_us / 1000000, deadline_us % 1000000 * 1000};
    return pthread_cond_timedwait(condition, &log->lock, &at) == 0;
}

void nba_local_broadcast(struct nba_local_log *log)
{
    log->version++;
    pthread_cond_broadcast(&log->changed);
}

/* Takes `lock`; read-only, marks and topics are brought up to date.  That may fail for a moment
 * while the writer changes files under us; then what was known stays, until the next call. */
static void lock_fresh(struct nba_local_log *log)
{
    pthread_mutex_lock(&log->lock);
    if (log->read_only && nba_kv_refresh(log->kv, NULL) == NBA_OK) {
        const enum nba_status status = nba_local_load(log, NULL);
        (void)status;
    }
}

bool nba_local_wait(struct nba_local_log *log, uint64_t version, int64_t deadline_us)
{
    const int64_t refresh_us = nba_local_now_us() + REFRESH_US;
    const bool early = log->read_only && refresh_us < deadline_us;
    bool in_time = true;
    pthread_mutex_lock(&log->lock);
    while (log->version == version && in_time) {
        in_time = nba_local_timed_wait(log, &log->changed, early ? refresh_us : deadline_us);
    }
    pthread_mutex_unlock(&log->lock);
    lock_fresh(log);
    pthread_mutex_unlock(&log->lock);
    return in_time || early;
}

/* --- topics --- */

struct nba_local_partition *nba_local_find(struct nba_local_log *log, const char *name,
                                           int32_t index, struct nba_error *error)
{
    struct nba_local_topic *topic = log->topics;
    while (topic != NULL && (topic->gone || strcmp(topic->spec.name, name) != 0)) {
        topic = topic->next;
    }
    if (topic == NULL) {
        nba_error_set(error, NBA_E_NOT_FOUND, "no topic '%s'", name);
        return NULL;
    }
    if (index < 0 || index >= topic->spec.partitions) {
        nba_error_set(error, NBA_E_NOT_FOUND, "no partition %d of topic '%s', it has %d", index,
                      name, topic->spec.partitions);
        return NULL;
    }
    return &topic->partitions[index];
}

int64_t nba_local_stable(const struct nba_local_log *log, const struct nba_local_partition *p)
{
    int64_t stable = p->marks.next;
    const struct nba_local_producer *producer = log->producers;
    for (; producer != NULL; producer = producer->next) {
        const size_t count = producer->open ? producer->claim_count : 0;
        for (size_t i = 0; i < count; i++) {
            const struct nba_local_claim *claim = &producer->claims[i];
            if (claim->group == NULL && claim->partition == p && claim->first < stable) {
                stable = claim->first;
            }
        }
    }
    return stable;
}

static enum nba_status write_and_destroy(struct nba_local_log *log, struct nba_kv_batch *batch,
                                         struct nba_error *error)
{
    const enum nba_status status = nba_kv_write(log->kv, batch, error);
    nba_kv_batch_destroy(batch);
    return status;
}

static enum nba_status topic_create(void *self, const struct nba_topic_spec *spec,
                                    struct nba_error *error)
{
    struct nba_local_log *log = self;
    struct nba_kv_batch *batch = nba_kv_batch_create();
    uint32_t id = 1;
    pthread_mutex_lock(&log->lock);
    for (const struct nba_local_topic *topic = log->topics; topic != NULL; topic = topic->next) {
        id = topic->id >= id ? topic->id + 1 : id;
    }
    struct nba_local_topic *topic = nba_local_topic_create(spec, id);
    nba_local_put_topic(log, batch, topic);
    enum nba_status status = NBA_OK;
    if (nba_local_find(log, spec->name, 0, NULL) != NULL) {
        status = nba_error_set(error, NBA_E_EXISTS, "cannot create topic '%s': it is there already",
                               spec->name);
    } else {
        status = nba_kv_write(log->kv, batch, error);
    }
    if (status == NBA_OK) {
        topic->next = log->topics;
        log->topics = topic;
        nba_local_rebalance_topic(log, spec->name);
    } else {
        nba_local_topic_destroy(topic);
    }
    pthread_mutex_unlock(&log->lock);
    nba_kv_batch_destroy(batch);
    return status;
}

/* Marks the topic gone, unless an open transaction has records on it.  `lock` is held. */
static enum nba_status retire_topic(struct nba_local_log *log, struct nba_local_topic *topic,
                                    struct nba_error *error)
{
    for (int32_t i = 0; i < topic->spec.partitions; i++) {
        const struct nba_local_partition *p = &topic->partitions[i];
        if (nba_local_stable(log, p) < p->marks.next) {
            return nba_error_set(error, NBA_E_BUSY,
                                 "cannot delete topic '%s': a transaction is open on it",
                                 topic->spec.name);
        }
    }
    topic->gone = true;
    nba_local_rebalance_topic(log, topic->spec.name);
    nba_local_broadcast(log);
    return NBA_OK;
}

static enum nba_status topic_delete(void *self, const char *name, struct nba_error *error)
{
    struct nba_local_log *log = self;
    pthread_mutex_lock(&log->clean_lock);
    pthread_mutex_lock(&log->lock);
    const struct nba_local_partition *p = nba_local_find(log, name, 0, error);
    enum nba_status status = p != NULL ? retire_topic(log, p->topic, error) : NBA_E_NOT_FOUND;
    pthread_mutex_unlock(&log->lock);
    if (status == NBA_OK) {
        struct nba_kv_batch *batch = nba_kv_batch_create();
        nba_local_delete_topic(log, batch, p->topic);
        status = write_and_destroy(log, batch, error);
    }
    pthread_mutex_unlock(&log->clean_lock);
    return status;
}

/* The partition, and its marks as they are now; NULL as nba_local_find. */
static struct nba_local_partition *look_up(struct nba_local_log *log, const char *name,
                                           int32_t index, struct nba_local_marks *ret_marks,
                                           struct nba_error *error)
{
    lock_fresh(log);
    struct nba_local_partition *p = nba_local_find(log, name, index, error);
    if (p != NULL) {
        *ret_marks = p->marks;
    }
    pthread_mutex_unlock(&log->lock);
    return p;
}

static enum nba_status topic_partitions(void *self, const char *name, int32_t *ret_count,
                                        struct nba_error *error)
{
    struct nba_local_marks marks;
    const struct nba_local_partition *p = look_up(self, name, 0, &marks, error);
    if (p == NULL) {
        return NBA_E_NOT_FOUND;
    }
    *ret_count = p->topic->spec.partitions;
    return NBA_OK;
}

static enum nba_status topic_list(void *self,
                                  void (*visit)(void *context, const char *topic,
                                                int32_t partitions),
                                  void *context, struct nba_error *error)
{
    struct nba_local_log *log = self;
    (void)error;
    pthread_mutex_lock(&log->lock);
    for (const struct nba_local_topic *topic = log->topics; topic != NULL; topic = topic->next) {
        if (!topic->gone) {
            visit(context, topic->spec.name, topic->spec.partitions);
        }
    }
    pthread_mutex_unlock(&log->lock);
    return NBA_OK;
}

static enum nba_status topic_compact(void *self, const char *name, struct nba_error *error)
{
    struct nba_local_log *log = self;
    struct nba_local_marks marks;
    pthread_mutex_lock(&log->clean_lock);
    const struct nba_local_partition *first = look_up(log, name, 0, &marks, error);
    enum nba_status status = first != NULL ? NBA_OK : NBA_E_NOT_FOUND;
    if (status == NBA_OK && !first->topic->spec.compacted) {
        status = nba_error_set(error, NBA_E_CONFIG, "topic '%s' is not compacted", name);
    }
    for (int32_t i = 0; status == NBA_OK && i < first->topic->spec.partitions; i++) {
        status = nba_local_compact(log, &first->topic->partitions[i], error);
    }
    pthread_mutex_unlock(&log->clean_lock);
    return status;
}

/* --- marks --- */

static enum nba_status watermarks(void *self, const char *name, int32_t partition,
                                  enum nba_isolation isolation, int64_t *ret_low, int64_t *ret_high,
                                  struct nba_error *error)
{
    struct nba_local_marks marks;
    if (look_up(self, name, partition, &marks, error) == NULL) {
        return NBA_E_NOT_FOUND;
    }
    *ret_low = marks.low;
    *ret_high = isolation == NBA_READ_COMMITTED ? marks.stable : marks.next;
    return NBA_OK;
}

static enum nba_status offset_of_time(void *self, const char *name, int32_t partition, int64_t ms,
                                      int64_t *ret_offset, struct nba_error *error)
{
    struct nba_local_marks marks;
    const struct nba_local_partition *p = look_up(self, name, partition, &marks, error);
    if (p == NULL) {
        return NBA_E_NOT_FOUND;
    }
    int64_t offset = marks.next;
    struct nba_kv_iter *iter = nba_local_iter(self, p, marks.low, marks.stable);
    for (; offset == marks.next && nba_kv_iter_valid(iter); nba_kv_iter_next(iter)) {
        struct nba_record head;
        int64_t appended_ms = 0;
        if (nba_local_head(iter, &head, &appended_ms) && head.timestamp_ms >= ms) {
            offset = head.offset;
        }
    }
    const enum nba_status status = nba_local_iter_end(iter, error);
    if (status == NBA_OK) {
        *ret_offset = offset;
    }
    return status;
}

static enum nba_status group_committed(void *self, const char *group, const char *name,
                                       int32_t partition, int64_t *ret_offset,
                                       struct nba_error *error)
{
    struct nba_local_marks marks;
    const struct nba_local_partition *p = look_up(self, name, partition, &marks, error);
    return p != NULL ? nba_local_get_group_offset(self, group, p, ret_offset, error)
                     : NBA_E_NOT_FOUND;
}

static enum nba_status group_reset(void *self, const char *group, const char *name,
                                   int32_t partition, int64_t offset, struct nba_error *error)
{
    struct nba_local_log *log = self;
    enum nba_status status = NBA_OK;
    pthread_mutex_lock(&log->lock);
    const struct nba_local_partition *p = nba_local_find(log, name, partition, error);
    if (p == NULL) {
        status = NBA_E_NOT_FOUND;
    } else if (nba_local_find_group(log, group)->members != NULL) {
        status = nba_error_set(error, NBA_E_BUSY, "cannot reset group '%s': it has members", group);
    } else {
        struct nba_kv_batch *batch = nba_kv_batch_create();
        nba_local_put_group_offset(log, batch, group, p, offset);
        status = write_and_destroy(log, batch, error);
    }
    pthread_mutex_unlock(&log->lock);
    return status;
}

/* --- open and close --- */

static size_t at_most(size_t bytes, size_t most)
{
    return bytes < most ? bytes : most;
}

static enum nba_status open_store(struct nba_local_log *log, const char *dir,
                                  const struct nba_stream_memory *memory, struct nba_error *error)
{
    struct nba_kv_options options = {
        .block_cache_bytes = at_most(memory->reading_bytes, BLOCK_CACHE_BYTES_MAX),
        .write_buffer_bytes = at_most(memory->writing_bytes, WRITE_BUFFER_BYTES_MAX),
        .create = !log->read_only,
        .secondary = log->read_only};
    enum nba_status status = nba_kv_open(dir, &options, &log->kv, error);
    for (int i = 1; log->read_only && status == NBA_E_IO && i < READER_OPEN_TRIES; i++) {
        const struct timespec pause = {0, REFRESH_US * 1000L};
        (void)nanosleep(&pause, NULL);
        status = nba_kv_open(dir, &options, &log->kv, error);
    }
    if (status == NBA_OK) {
        status = nba_kv_cf_open(log->kv, "records", &log->records, error);
    }
    if (status == NBA_OK) {
        status = nba_kv_cf_open(log->kv, "meta", &log->meta, error);
    }
    return status == NBA_OK ? nba_local_load(log, error) : status;
}

static void init_locks(struct nba_local_log *log)
{
    pthread_condattr_t attributes;
    NBA_ASSERT(pthread_mutex_init(&log->clean_lock, NULL) == 0);
    NBA_ASSERT(pthread_mutex_init(&log->lock, NULL) == 0);
    NBA_ASSERT(pthread_condattr_init(&attributes) == 0);
    NBA_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    NBA_ASSERT(pthread_cond_init(&log->changed, &attributes) == 0);
    NBA_ASSERT(pthread_cond_init(&log->stop, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
}

static void close_log(void *self)
{
    struct nba_local_log *log = self;
    if (log->keeper_runs) {
        pthread_mutex_lock(&log->lock);
        log->closing = true;
        pthread_cond_signal(&log->stop);
        pthread_mutex_unlock(&log->lock);
        pthread_join(log->keeper, NULL);
    }
    while (log->producers != NULL) {
        struct nba_local_producer *producer = log->producers;
        NBA_ASSERT(producer->destroyed);
        log->producers = producer->next;
        nba_local_producer_free(producer);
    }
    while (log->groups != NULL) {
        struct nba_local_group *group = log->groups;
        NBA_ASSERT(group->members == NULL);
        log->groups = group->next;
        free(group->name);
        free(group);
    }
    nba_kv_close(log->kv);
    while (log->topics != NULL) {
        struct nba_local_topic *topic = log->topics;
        log->topics = topic->next;
        nba_local_topic_destroy(topic);
    }
    pthread_cond_destroy(&log->changed);
    pthread_cond_destroy(&log->stop);
    pthread_mutex_destroy(&log->lock);
    pthread_mutex_destroy(&log->clean_lock);
    free(log);
}

enum nba_status nba_local_open(const char *dir, enum nba_local_mode mode,
                               const struct nba_clock *clock,
                               const struct nba_stream_memory *memory, void **ret_self,
                               struct nba_error *error)
{
    struct nba_local_log *log = nba_zeros(1, sizeof(*log));
    log->clock = clock;
    log->read_only = mode == NBA_LOCAL_READER;
    init_locks(log);
    const enum nba_status status = open_store(log, dir, memory, error);
    if (status != NBA_OK) {
        close_log(log);
        return status;
    }
    if (!log->read_only) {
        for (struct nba_local_topic *topic = log->topics; topic != NULL; topic = topic->next) {
            for (int32_t i = 0; i < topic->spec.partitions; i++) {
                topic->partitions[i].marks.stable = topic->partitions[i].marks.next;
            }
        }
        NBA_ASSERT(pthread_create(&log->keeper, NULL, nba_local_keeper, log) == 0);
        log->keeper_runs = true;
    }
    *ret_self = log;
    return NBA_OK;
}

static void memory_used(void *self, struct nba_stream_memory *ret_used)
{
    const struct nba_local_log *log = self;
    struct nba_kv_usage usage;
    nba_kv_usage(log->kv, &usage);
    *ret_used = (struct nba_stream_memory){usage.block_cache_bytes, usage.write_buffer_bytes};
}

const struct nba_stream_backend nba_local_backend = {
    .close = close_log,
    .memory_used = memory_used,
    .topic_create = topic_create,
    .topic_delete = topic_delete,
    .topic_partitions = topic_partitions,
    .topic_list = topic_list,
    .topic_compact = topic_compact,
    .watermarks = watermarks,
    .offset_of_time = offset_of_time,
    .group_committed = group_committed,
    .group_reset = group_reset,
    .reader_create = nba_local_reader_create,
    .reader_destroy = nba_local_reader_destroy,
    .reader_assign = nba_local_reader_assign,
    .reader_poll = nba_local_reader_poll,
    .member_create = nba_local_member_create,
    .member_poll = nba_local_reader_poll,
    .member_close = nba_local_member_close,
    .producer_create = nba_local_producer_create,
    .producer_destroy = nba_local_producer_destroy,
    .producer_init = nba_local_producer_init,
    .producer_begin = nba_local_producer_begin,
    .producer_produce = nba_local_producer_produce,
    .producer_send_offsets = nba_local_producer_send_offsets,
    .producer_commit = nba_local_producer_commit,
    .producer_abort = nba_local_producer_abort,
    .producer_next_offset = nba_local_producer_next_offset,
};
