/*
 * The local log: open and close, topics, marks.
 *
 * Opening takes RocksDB's own lock on the folder, so there is one writer.  Whatever was open when
 * the last writer ended is gone with it: all offsets below `next` are decided, so stable = next.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "local_internal.h"
#include "nba/base/assert.h"
#include "nba/base/file.h"

#define BLOCK_CACHE_BYTES  ((size_t)16 << 20)
#define WRITE_BUFFER_BYTES ((size_t)32 << 20)
/* The writer may delete a file between our listing and opening it; the next try sees its heir. */
#define READER_OPEN_TRIES 10

/* --- waiting --- */

struct timespec nba_local_deadline(int timeout_ms)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += timeout_ms / 1000;
    at.tv_nsec += (long)(timeout_ms % 1000) * 1000000L;
    if (at.tv_nsec >= 1000000000L) {
        at.tv_sec += 1;
        at.tv_nsec -= 1000000000L;
    }
    return at;
}

static bool is_past(const struct timespec *deadline)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec != deadline->tv_sec ? now.tv_sec > deadline->tv_sec
                                          : now.tv_nsec >= deadline->tv_nsec;
}

void nba_local_broadcast(struct nba_local_log *log)
{
    log->version++;
    pthread_cond_broadcast(&log->changed);
}

/* Read-only: brings marks and topics up to date.  It may fail for a moment while the writer changes
 * files under us; then what was known stays, and the next call tries again.  `lock` is held. */
static void catch_up(struct nba_local_log *log)
{
    enum nba_status status = nba_kv_refresh(log->kv, NULL);
    if (status == NBA_OK) {
        status = nba_local_load(log, NULL);
    }
    (void)status;
}

static bool wait_for_writer(struct nba_local_log *log, const struct timespec *deadline)
{
    if (is_past(deadline)) {
        return false;
    }
    struct timespec slice = nba_local_deadline(NBA_LOCAL_REFRESH_MS);
    (void)pthread_cond_timedwait(&log->changed, &log->lock, &slice);
    catch_up(log);
    return true;
}

bool nba_local_wait(struct nba_local_log *log, uint64_t version, const struct timespec *deadline)
{
    if (log->read_only) {
        return wait_for_writer(log, deadline);
    }
    while (log->version == version) {
        if (pthread_cond_timedwait(&log->changed, &log->lock, deadline) == ETIMEDOUT) {
            return false;
        }
    }
    return true;
}

/* --- topics --- */

struct nba_local_topic *nba_local_find_topic(struct nba_local_log *log, const char *name,
                                             int32_t partition, struct nba_error *error)
{
    struct nba_local_topic *topic = log->topics;
    while (topic != NULL && (topic->gone || strcmp(topic->name, name) != 0)) {
        topic = topic->next;
    }
    if (topic == NULL) {
        nba_error_set(error, NBA_E_NOT_FOUND, "no topic '%s'", name);
        return NULL;
    }
    if (partition < 0 || partition >= topic->partition_count) {
        nba_error_set(error, NBA_E_NOT_FOUND, "no partition %d of topic '%s', it has %d", partition,
                      name, topic->partition_count);
        return NULL;
    }
    return topic;
}

struct nba_kv_iter *nba_local_scan(struct nba_local_log *log, const struct nba_local_topic *topic,
                                   int32_t partition, int64_t from, int64_t to)
{
    unsigned char lower[NBA_LOCAL_KEY_BYTES];
    unsigned char upper[NBA_LOCAL_KEY_BYTES];
    nba_local_record_key(topic->id, partition, from, lower);
    nba_local_record_key(topic->id, partition, to, upper);
    const struct nba_str first = nba_str((const char *)lower, sizeof(lower));
    struct nba_kv_iter *iter = nba_kv_iter_create(log->kv, log->records, NULL, first,
                                                  nba_str((const char *)upper, sizeof(upper)));
    nba_kv_iter_seek(iter, first);
    return iter;
}

int64_t nba_local_stable(const struct nba_local_log *log, const struct nba_local_topic *topic,
                         int32_t partition, const struct nba_local_transaction *without)
{
    int64_t stable = topic->partitions[partition].next;
    const struct nba_local_transaction *open = log->transactions;
    for (; open != NULL; open = open->next) {
        for (size_t i = 0; open != without && i < open->touch_count; i++) {
            const struct nba_local_touch *touch = &open->touches[i];
            if (touch->topic == topic && touch->partition == partition && touch->first < stable) {
                stable = touch->first;
            }
        }
    }
    return stable;
}

static enum nba_status check_writable(const struct nba_local_log *log, struct nba_error *error)
{
    return log->read_only
               ? nba_error_set(error, NBA_E_USAGE, "cannot change the log: it is open for reading")
               : NBA_OK;
}

static struct nba_local_topic *make_topic(const struct nba_topic_spec *spec, uint32_t id)
{
    struct nba_local_topic *topic = calloc(1, sizeof(*topic));
    NBA_ASSERT(topic != NULL);
    topic->name = strdup(spec->name);
    topic->partitions = calloc((size_t)spec->partitions, sizeof(*topic->partitions));
    NBA_ASSERT(topic->name != NULL && topic->partitions != NULL);
    topic->id = id;
    topic->partition_count = spec->partitions;
    topic->compacted = spec->compacted;
    topic->deleted = spec->deleted;
    topic->retention_ms = spec->retention_ms;
    topic->delete_retention_ms = spec->delete_retention_ms;
    return topic;
}

static void free_topic(struct nba_local_topic *topic)
{
    free(topic->name);
    free(topic->partitions);
    free(topic);
}

static enum nba_status topic_create(void *self, const struct nba_topic_spec *spec,
                                    struct nba_error *error)
{
    struct nba_local_log *log = self;
    enum nba_status status = check_writable(log, error);
    if (status != NBA_OK) {
        return status;
    }
    pthread_mutex_lock(&log->commit_lock);
    pthread_mutex_lock(&log->lock);
    const bool exists = nba_local_find_topic(log, spec->name, 0, NULL) != NULL;
    uint32_t id = 1;
    for (const struct nba_local_topic *topic = log->topics; topic != NULL; topic = topic->next) {
        id = topic->id >= id ? topic->id + 1 : id;
    }
    pthread_mutex_unlock(&log->lock);
    if (exists) {
        pthread_mutex_unlock(&log->commit_lock);
        return nba_error_set(error, NBA_E_EXISTS, "cannot create topic '%s': it is there already",
                             spec->name);
    }
    struct nba_local_topic *topic = make_topic(spec, id);
    struct nba_kv_batch *batch = nba_kv_batch_create();
    nba_local_put_topic(log, batch, topic);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        nba_local_put_marks(log, batch, topic, i, &topic->partitions[i]);
    }
    status = nba_kv_write(log->kv, batch, false, error);
    nba_kv_batch_destroy(batch);
    if (status == NBA_OK) {
        pthread_mutex_lock(&log->lock);
        topic->next = log->topics;
        log->topics = topic;
        nba_local_rebalance_topic(log, topic->name);
        nba_local_broadcast(log);
        pthread_mutex_unlock(&log->lock);
    } else {
        free_topic(topic);
    }
    pthread_mutex_unlock(&log->commit_lock);
    return status;
}

/* Marks the topic gone, unless an open transaction has records on it. */
static enum nba_status retire_topic(struct nba_local_log *log, const char *name,
                                    struct nba_local_topic **ret_topic, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    pthread_mutex_lock(&log->lock);
    struct nba_local_topic *topic = nba_local_find_topic(log, name, 0, error);
    if (topic == NULL) {
        status = NBA_E_NOT_FOUND;
    }
    const struct nba_local_transaction *open = log->transactions;
    for (; open != NULL && status == NBA_OK; open = open->next) {
        for (size_t i = 0; i < open->touch_count; i++) {
            if (open->touches[i].topic == topic) {
                status =
                    nba_error_set(error, NBA_E_BUSY,
                                  "cannot delete topic '%s': a transaction is open on it", name);
            }
        }
    }
    if (status == NBA_OK) {
        topic->gone = true;
        nba_local_rebalance_topic(log, name);
        nba_local_broadcast(log);
        *ret_topic = topic;
    }
    pthread_mutex_unlock(&log->lock);
    return status;
}

/* The records go first, so that what is left after a crash is still a topic, and deletable. */
static enum nba_status topic_delete(void *self, const char *name, struct nba_error *error)
{
    struct nba_local_log *log = self;
    enum nba_status status = check_writable(log, error);
    if (status != NBA_OK) {
        return status;
    }
    pthread_mutex_lock(&log->clean_lock);
    pthread_mutex_lock(&log->commit_lock);
    struct nba_local_topic *topic = NULL;
    status = retire_topic(log, name, &topic, error);
    if (status == NBA_OK) {
        for (int32_t i = 0; i < topic->partition_count && status == NBA_OK; i++) {
            status = nba_local_erase(log, topic, i, 0, topic->partitions[i].next, error);
        }
        if (status == NBA_OK) {
            struct nba_kv_batch *batch = nba_kv_batch_create();
            nba_local_delete_topic(log, batch, topic);
            status = nba_kv_write(log->kv, batch, false, error);
            nba_kv_batch_destroy(batch);
        }
    }
    pthread_mutex_unlock(&log->commit_lock);
    pthread_mutex_unlock(&log->clean_lock);
    return status;
}

static enum nba_status topic_partitions(void *self, const char *name, int32_t *ret_count,
                                        struct nba_error *error)
{
    struct nba_local_log *log = self;
    pthread_mutex_lock(&log->lock);
    const struct nba_local_topic *topic = nba_local_find_topic(log, name, 0, error);
    if (topic != NULL) {
        *ret_count = topic->partition_count;
    }
    pthread_mutex_unlock(&log->lock);
    return topic != NULL ? NBA_OK : NBA_E_NOT_FOUND;
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
            visit(context, topic->name, topic->partition_count);
        }
    }
    pthread_mutex_unlock(&log->lock);
    return NBA_OK;
}

static enum nba_status topic_compact(void *self, const char *name, struct nba_error *error)
{
    struct nba_local_log *log = self;
    enum nba_status status = check_writable(log, error);
    if (status != NBA_OK) {
        return status;
    }
    pthread_mutex_lock(&log->clean_lock);
    pthread_mutex_lock(&log->lock);
    struct nba_local_topic *topic = nba_local_find_topic(log, name, 0, error);
    pthread_mutex_unlock(&log->lock);
    if (topic == NULL) {
        status = NBA_E_NOT_FOUND;
    } else if (!topic->compacted) {
        status = nba_error_set(error, NBA_E_CONFIG, "topic '%s' is not compacted", name);
    }
    for (int32_t i = 0; status == NBA_OK && i < topic->partition_count; i++) {
        status = nba_local_compact(log, topic, i, error);
    }
    pthread_mutex_unlock(&log->clean_lock);
    return status;
}

/* --- marks --- */

static enum nba_status watermarks(void *self, const char *name, int32_t partition,
                                  enum nba_isolation isolation, int64_t *ret_low, int64_t *ret_high,
                                  struct nba_error *error)
{
    struct nba_local_log *log = self;
    pthread_mutex_lock(&log->lock);
    if (log->read_only) {
        catch_up(log);
    }
    const struct nba_local_topic *topic = nba_local_find_topic(log, name, partition, error);
    if (topic != NULL) {
        const struct nba_local_partition *marks = &topic->partitions[partition];
        *ret_low = marks->low;
        *ret_high = isolation == NBA_READ_COMMITTED ? marks->stable : marks->next;
    }
    pthread_mutex_unlock(&log->lock);
    return topic != NULL ? NBA_OK : NBA_E_NOT_FOUND;
}

static enum nba_status offset_of_time(void *self, const char *name, int32_t partition, int64_t ms,
                                      int64_t *ret_offset, struct nba_error *error)
{
    struct nba_local_log *log = self;
    pthread_mutex_lock(&log->lock);
    const struct nba_local_topic *topic = nba_local_find_topic(log, name, partition, error);
    const struct nba_local_partition marks =
        topic != NULL ? topic->partitions[partition] : (struct nba_local_partition){0};
    pthread_mutex_unlock(&log->lock);
    if (topic == NULL) {
        return NBA_E_NOT_FOUND;
    }
    int64_t offset = marks.next;
    struct nba_kv_iter *iter = nba_local_scan(log, topic, partition, marks.low, marks.stable);
    for (; nba_kv_iter_valid(iter); nba_kv_iter_next(iter)) {
        struct nba_local_glance glance;
        if (nba_local_record_glance(nba_kv_iter_value(iter), &glance) &&
            glance.timestamp_ms >= ms) {
            offset = nba_local_key_offset(nba_kv_iter_key(iter));
            break;
        }
    }
    const enum nba_status status = nba_kv_iter_status(iter, error);
    nba_kv_iter_destroy(iter);
    if (status == NBA_OK) {
        *ret_offset = offset;
    }
    return status;
}

static enum nba_status group_committed(void *self, const char *group, const char *name,
                                       int32_t partition, int64_t *ret_offset,
                                       struct nba_error *error)
{
    struct nba_local_log *log = self;
    pthread_mutex_lock(&log->lock);
    if (log->read_only) {
        catch_up(log);
    }
    const struct nba_local_topic *topic = nba_local_find_topic(log, name, partition, error);
    pthread_mutex_unlock(&log->lock);
    return topic != NULL
               ? nba_local_get_group_offset(log, group, topic, partition, ret_offset, error)
               : NBA_E_NOT_FOUND;
}

static enum nba_status group_reset(void *self, const char *name, const char *topic_name,
                                   int32_t partition, int64_t offset, struct nba_error *error)
{
    struct nba_local_log *log = self;
    enum nba_status status = check_writable(log, error);
    if (status != NBA_OK) {
        return status;
    }
    pthread_mutex_lock(&log->commit_lock);
    pthread_mutex_lock(&log->lock);
    const struct nba_local_topic *topic = nba_local_find_topic(log, topic_name, partition, error);
    const struct nba_local_group *group = nba_local_find_group(log, name);
    if (topic == NULL) {
        status = NBA_E_NOT_FOUND;
    } else if (group->members != NULL) {
        status = nba_error_set(error, NBA_E_BUSY, "cannot reset group '%s': it has members", name);
    }
    pthread_mutex_unlock(&log->lock);
    if (status == NBA_OK) {
        struct nba_kv_batch *batch = nba_kv_batch_create();
        nba_local_put_group_offset(log, batch, name, topic, partition, offset);
        status = nba_kv_write(log->kv, batch, false, error);
        nba_kv_batch_destroy(batch);
    }
    pthread_mutex_unlock(&log->commit_lock);
    return status;
}

/* --- open and close --- */

static enum nba_status open_store(struct nba_local_log *log, const char *dir,
                                  struct nba_error *error)
{
    struct nba_kv_options options = {.block_cache_bytes = BLOCK_CACHE_BYTES,
                                     .write_buffer_bytes = WRITE_BUFFER_BYTES,
                                     .create = !log->read_only,
                                     .secondary_path = log->secondary_path};
    enum nba_status status = nba_kv_open(dir, &options, &log->kv, error);
    for (int i = 1; log->read_only && status == NBA_E_IO && i < READER_OPEN_TRIES; i++) {
        const struct timespec pause = {0, NBA_LOCAL_REFRESH_MS * 1000000L};
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
    NBA_ASSERT(pthread_mutex_init(&log->commit_lock, NULL) == 0);
    NBA_ASSERT(pthread_mutex_init(&log->lock, NULL) == 0);
    NBA_ASSERT(pthread_condattr_init(&attributes) == 0);
    NBA_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    NBA_ASSERT(pthread_cond_init(&log->changed, &attributes) == 0);
    NBA_ASSERT(pthread_cond_init(&log->stop, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
}

/* A folder for the secondary's own files: not in the log's, which may be read-only for us. */
static enum nba_status make_secondary_path(struct nba_local_log *log, struct nba_error *error)
{
    const char *parent = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): nobody sets it here */
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/nba-reader-XXXXXX", parent != NULL ? parent : "/tmp");
    if (mkdtemp(path) == NULL) {
        return nba_error_set(error, NBA_E_IO, "cannot make folder '%s': %s", path,
                             strerror(errno)); /* NOLINT(concurrency-mt-unsafe): glibc's is safe */
    }
    log->secondary_path = strdup(path);
    NBA_ASSERT(log->secondary_path != NULL);
    return NBA_OK;
}

static void close_log(void *self)
{
    struct nba_local_log *log = self;
    NBA_ASSERT(log->producers == NULL);
    if (log->keeper_runs) {
        pthread_mutex_lock(&log->lock);
        log->closing = true;
        pthread_cond_signal(&log->stop);
        pthread_mutex_unlock(&log->lock);
        pthread_join(log->keeper, NULL);
    }
    while (log->transactions != NULL) {
        struct nba_local_transaction *open = log->transactions;
        log->transactions = open->next;
        nba_local_transaction_free(open);
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
        free_topic(topic);
    }
    if (log->secondary_path != NULL) {
        const enum nba_status status = nba_file_remove_tree(log->secondary_path, NULL);
        (void)status; /* at worst a small folder is left in the temporary one */
        free(log->secondary_path);
    }
    pthread_cond_destroy(&log->changed);
    pthread_cond_destroy(&log->stop);
    pthread_mutex_destroy(&log->lock);
    pthread_mutex_destroy(&log->commit_lock);
    pthread_mutex_destroy(&log->clean_lock);
    free(log);
}

enum nba_status nba_local_open(const char *dir, enum nba_local_mode mode,
                               const struct nba_clock *clock, void **ret_self,
                               struct nba_error *error)
{
    struct nba_local_log *log = calloc(1, sizeof(*log));
    NBA_ASSERT(log != NULL);
    log->clock = clock;
    log->read_only = mode == NBA_LOCAL_READER;
    init_locks(log);
    enum nba_status status = log->read_only ? make_secondary_path(log, error) : NBA_OK;
    if (status == NBA_OK) {
        status = open_store(log, dir, error);
    }
    if (status == NBA_OK && !log->read_only) {
        for (struct nba_local_topic *topic = log->topics; topic != NULL; topic = topic->next) {
            for (int32_t i = 0; i < topic->partition_count; i++) {
                topic->partitions[i].stable = topic->partitions[i].next;
            }
        }
        NBA_ASSERT(pthread_create(&log->keeper, NULL, nba_local_keeper, log) == 0);
        log->keeper_runs = true;
    }
    if (status != NBA_OK) {
        close_log(log);
        return status;
    }
    *ret_self = log;
    return NBA_OK;
}

const struct nba_stream_backend nba_local_backend = {
    .kind = "local",
    .close = close_log,
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
    .member_poll = nba_local_member_poll,
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
    .producer_flush = nba_local_producer_flush,
};
