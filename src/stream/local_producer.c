/*
 * Producing: offsets are given away at produce, records wait in the transaction's batch, and one
 * write makes batch, marks and group offsets true together.
 *
 * commit:  commit_lock, then under `lock` the marks as they will be; the write, with `lock` free,
 * while the transaction still holds the last stable offset down; then under `lock` it goes from the
 * list and the marks move.  So a reader never sees an offset whose record isn't in the store.
 */
#include <stdlib.h>
#include <string.h>

#include "local_internal.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "nba/base/limits.h"

/* A record's bytes with the flags and lengths that go before them. */
#define RECORD_BYTES_MAX ((size_t)2 * NBA_RECORD_BYTES_MAX)

void nba_local_transaction_free(struct nba_local_transaction *transaction)
{
    nba_kv_batch_destroy(transaction->batch);
    free(transaction->touches);
    free(transaction->pendings);
    free(transaction->id);
    free(transaction);
}

/* Out of the list, and the marks it held down move.  `lock` is held. */
static void unlink_transaction(struct nba_local_log *log, struct nba_local_transaction *transaction)
{
    struct nba_local_transaction **link = &log->transactions;
    while (*link != transaction) {
        NBA_ASSERT(*link != NULL);
        link = &(*link)->next;
    }
    *link = transaction->next;
    for (size_t i = 0; i < transaction->touch_count; i++) {
        const struct nba_local_touch *touch = &transaction->touches[i];
        touch->topic->partitions[touch->partition].stable =
            nba_local_stable(log, touch->topic, touch->partition, NULL);
    }
    if (transaction->owner != NULL) {
        transaction->owner->transaction = NULL;
    }
    nba_local_broadcast(log);
}

/* The marks of the partitions it touched, as they are once it is gone.  `lock` is held. */
static void put_marks_without(struct nba_local_log *log, struct nba_kv_batch *batch,
                              const struct nba_local_transaction *transaction)
{
    for (size_t i = 0; i < transaction->touch_count; i++) {
        const struct nba_local_touch *touch = &transaction->touches[i];
        struct nba_local_partition marks = touch->topic->partitions[touch->partition];
        marks.stable = nba_local_stable(log, touch->topic, touch->partition, transaction);
        nba_local_put_marks(log, batch, touch->topic, touch->partition, &marks);
    }
}

void nba_local_transaction_drop(struct nba_local_log *log,
                                struct nba_local_transaction *transaction)
{
    struct nba_kv_batch *batch = nba_kv_batch_create();
    pthread_mutex_lock(&log->lock);
    put_marks_without(log, batch, transaction);
    if (transaction->owner != NULL) {
        transaction->owner->fenced = true;
    }
    pthread_mutex_unlock(&log->lock);
    const enum nba_status status = nba_kv_write(log->kv, batch, false, NULL);
    nba_kv_batch_destroy(batch);
    pthread_mutex_lock(&log->lock);
    (void)status; /* only a read-only log beside us needs it, and the next commit tells it too */
    unlink_transaction(log, transaction);
    pthread_mutex_unlock(&log->lock);
    nba_local_transaction_free(transaction);
}

enum nba_status nba_local_producer_create(void *self, const char *transactional_id,
                                          void **ret_producer, struct nba_error *error)
{
    struct nba_local_log *log = self;
    if (log->read_only) {
        return nba_error_set(error, NBA_E_USAGE, "cannot produce: the log is open for reading");
    }
    struct nba_local_producer *producer = calloc(1, sizeof(*producer));
    NBA_ASSERT(producer != NULL);
    producer->log = log;
    nba_buf_init(&producer->scratch, RECORD_BYTES_MAX);
    if (transactional_id != NULL) {
        producer->id = strdup(transactional_id);
        NBA_ASSERT(producer->id != NULL);
    } else {
        producer->batch = nba_kv_batch_create();
    }
    pthread_mutex_lock(&log->lock);
    producer->next = log->producers;
    log->producers = producer;
    pthread_mutex_unlock(&log->lock);
    *ret_producer = producer;
    return NBA_OK;
}

void nba_local_producer_destroy(void *self)
{
    struct nba_local_producer *producer = self;
    struct nba_local_log *log = producer->log;
    pthread_mutex_lock(&log->lock);
    struct nba_local_producer **link = &log->producers;
    while (*link != producer) {
        NBA_ASSERT(*link != NULL);
        link = &(*link)->next;
    }
    *link = producer->next;
    if (producer->transaction != NULL) {
        producer->transaction->owner = NULL;
    }
    pthread_mutex_unlock(&log->lock);
    nba_kv_batch_destroy(producer->batch);
    nba_buf_clear(&producer->scratch);
    free(producer->last);
    free(producer->id);
    free(producer);
}

enum nba_status nba_local_producer_init(void *self, int timeout_ms, struct nba_error *error)
{
    struct nba_local_producer *producer = self;
    struct nba_local_log *log = producer->log;
    (void)timeout_ms;
    (void)error;
    pthread_mutex_lock(&log->commit_lock); /* a commit under way is decided first */
    pthread_mutex_lock(&log->lock);
    for (struct nba_local_producer *other = log->producers; other != NULL; other = other->next) {
        if (other != producer && other->id != NULL && strcmp(other->id, producer->id) == 0) {
            other->fenced = other->fenced || other->current;
            other->current = false;
        }
    }
    producer->current = true;
    struct nba_local_transaction *open = log->transactions;
    while (open != NULL && strcmp(open->id, producer->id) != 0) {
        open = open->next;
    }
    pthread_mutex_unlock(&log->lock);
    if (open != NULL) {
        nba_local_transaction_drop(log, open);
    }
    pthread_mutex_unlock(&log->commit_lock);
    return NBA_OK;
}

static enum nba_status answer_fenced(const struct nba_local_producer *producer,
                                     struct nba_error *error)
{
    return nba_error_set(error, NBA_E_TXN_UNKNOWN, "producer '%s' was fenced by another",
                         producer->id);
}

enum nba_status nba_local_producer_begin(void *self, struct nba_error *error)
{
    struct nba_local_producer *producer = self;
    struct nba_local_log *log = producer->log;
    struct nba_local_transaction *transaction = calloc(1, sizeof(*transaction));
    NBA_ASSERT(transaction != NULL);
    transaction->id = strdup(producer->id);
    NBA_ASSERT(transaction->id != NULL);
    transaction->owner = producer;
    transaction->begun_us = nba_clock_monotonic_us(log->clock);
    transaction->batch = nba_kv_batch_create();
    free(producer->last);
    producer->last = NULL;
    producer->last_count = 0;
    pthread_mutex_lock(&log->lock);
    const bool fenced = producer->fenced;
    if (!fenced) {
        transaction->next = log->transactions;
        log->transactions = transaction;
        producer->transaction = transaction;
    }
    pthread_mutex_unlock(&log->lock);
    if (fenced) {
        nba_local_transaction_free(transaction);
        return answer_fenced(producer, error);
    }
    return NBA_OK;
}

/* Where the record goes.  `lock` is held. */
static enum nba_status place(struct nba_local_producer *producer,
                             const struct nba_outgoing *outgoing,
                             struct nba_local_topic **ret_topic, int32_t *ret_partition,
                             struct nba_error *error)
{
    const int32_t asked = outgoing->partition;
    struct nba_local_topic *topic =
        nba_local_find_topic(producer->log, outgoing->topic, asked > 0 ? asked : 0, error);
    if (topic == NULL) {
        return NBA_E_NOT_FOUND;
    }
    *ret_topic = topic;
    if (asked != NBA_PARTITION_BY_KEY) {
        *ret_partition = asked;
    } else if (outgoing->key_null) {
        *ret_partition = (int32_t)(producer->turn++ % (uint32_t)topic->partition_count);
    } else {
        *ret_partition = nba_partition_of_key(outgoing->key, topic->partition_count);
    }
    return NBA_OK;
}

/* Counts the offset to what the transaction has taken of the partition.  `lock` is held. */
static void touch(struct nba_local_transaction *transaction, struct nba_local_topic *topic,
                  int32_t partition, int64_t offset)
{
    for (size_t i = 0; i < transaction->touch_count; i++) {
        struct nba_local_touch *known = &transaction->touches[i];
        if (known->topic == topic && known->partition == partition) {
            known->next = offset + 1;
            return;
        }
    }
    if (transaction->touch_count == transaction->touch_capacity) {
        transaction->touch_capacity = 2 * transaction->touch_capacity + 16;
        struct nba_local_touch *grown =
            realloc(transaction->touches, transaction->touch_capacity * sizeof(*grown));
        NBA_ASSERT(grown != NULL);
        transaction->touches = grown;
    }
    transaction->touches[transaction->touch_count++] =
        (struct nba_local_touch){topic, partition, offset, offset + 1};
}

static void put_record(struct nba_local_producer *producer, struct nba_kv_batch *batch,
                       const struct nba_local_topic *topic, int32_t partition, int64_t offset)
{
    unsigned char key[NBA_LOCAL_KEY_BYTES];
    nba_local_record_key(topic->id, partition, offset, key);
    nba_kv_batch_put(batch, producer->log->records, nba_str((const char *)key, sizeof(key)),
                     nba_buf_str(&producer->scratch));
}

static enum nba_status produce_in_transaction(struct nba_local_producer *producer,
                                              const struct nba_outgoing *outgoing,
                                              struct nba_error *error)
{
    struct nba_local_log *log = producer->log;
    struct nba_local_topic *topic = NULL;
    int32_t partition = 0;
    pthread_mutex_lock(&log->lock);
    enum nba_status status = producer->fenced
                                 ? answer_fenced(producer, error)
                                 : place(producer, outgoing, &topic, &partition, error);
    if (status == NBA_OK) {
        NBA_ASSERT(topic != NULL);
        const int64_t offset = topic->partitions[partition].next++;
        touch(producer->transaction, topic, partition, offset);
        put_record(producer, producer->transaction->batch, topic, partition, offset);
    }
    pthread_mutex_unlock(&log->lock);
    return status;
}

/* A transaction of one record. */
static enum nba_status produce_alone(struct nba_local_producer *producer,
                                     const struct nba_outgoing *outgoing, struct nba_error *error)
{
    struct nba_local_log *log = producer->log;
    struct nba_local_topic *topic = NULL;
    int32_t partition = 0;
    nba_kv_batch_reset(producer->batch);
    pthread_mutex_lock(&log->commit_lock);
    pthread_mutex_lock(&log->lock);
    enum nba_status status = place(producer, outgoing, &topic, &partition, error);
    if (status == NBA_OK) {
        struct nba_local_partition *marks = &topic->partitions[partition];
        put_record(producer, producer->batch, topic, partition, marks->next++);
        struct nba_local_partition after = *marks;
        after.stable = nba_local_stable(log, topic, partition, NULL);
        nba_local_put_marks(log, producer->batch, topic, partition, &after);
    }
    pthread_mutex_unlock(&log->lock);
    if (status == NBA_OK) {
        status = nba_kv_write(log->kv, producer->batch, false, error);
        pthread_mutex_lock(&log->lock);
        topic->partitions[partition].stable = nba_local_stable(log, topic, partition, NULL);
        nba_local_broadcast(log);
        pthread_mutex_unlock(&log->lock);
    }
    pthread_mutex_unlock(&log->commit_lock);
    return status;
}

enum nba_status nba_local_producer_produce(void *self, const struct nba_outgoing *outgoing,
                                           struct nba_error *error)
{
    struct nba_local_producer *producer = self;
    const int64_t now_ms = nba_clock_wall_ms(producer->log->clock);
    struct nba_outgoing stamped = *outgoing;
    if (stamped.timestamp_ms == NBA_TIMESTAMP_NOW) {
        stamped.timestamp_ms = now_ms;
    }
    nba_buf_reset(&producer->scratch);
    nba_local_record_encode(&stamped, now_ms, &producer->scratch);
    NBA_ASSERT(!producer->scratch.failed);
    return producer->id != NULL ? produce_in_transaction(producer, &stamped, error)
                                : produce_alone(producer, &stamped, error);
}

/* The group offsets wait in the transaction; `lock` is held. */
static enum nba_status add_pending(struct nba_local_producer *producer,
                                   const struct nba_position *positions, size_t count,
                                   struct nba_local_group *group, struct nba_error *error)
{
    struct nba_local_transaction *transaction = producer->transaction;
    const size_t total = transaction->pending_count + count;
    struct nba_local_pending *grown =
        realloc(transaction->pendings, (total + 1) * sizeof(*transaction->pendings));
    NBA_ASSERT(grown != NULL);
    transaction->pendings = grown;
    for (size_t i = 0; i < count; i++) {
        struct nba_local_topic *topic =
            nba_local_find_topic(producer->log, positions[i].topic, positions[i].partition, error);
        if (topic == NULL) {
            return nba_error_set(error, NBA_E_TXN_ABORTABLE, "cannot send offset: no %s/%d",
                                 positions[i].topic, positions[i].partition);
        }
        transaction->pendings[transaction->pending_count++] =
            (struct nba_local_pending){group, topic, positions[i].partition, positions[i].offset};
    }
    return NBA_OK;
}

enum nba_status nba_local_producer_send_offsets(void *self, const struct nba_position *positions,
                                                size_t count, void *member, struct nba_error *error)
{
    struct nba_local_producer *producer = self;
    struct nba_local_member *sender = member;
    struct nba_local_log *log = producer->log;
    enum nba_status status = NBA_OK;
    pthread_mutex_lock(&log->lock);
    if (producer->fenced) {
        status = answer_fenced(producer, error);
    } else if (sender->fenced) {
        status =
            nba_error_set(error, NBA_E_FENCED, "another member runs as '%s'", sender->instance_id);
    } else if (!sender->owns) {
        status = nba_error_set(error, NBA_E_TXN_MEMBERSHIP,
                               "member has no part in the group's present generation");
    } else {
        status = add_pending(producer, positions, count, sender->group, error);
    }
    pthread_mutex_unlock(&log->lock);
    return status;
}

enum nba_status nba_local_producer_commit(void *self, int timeout_ms, struct nba_error *error)
{
    struct nba_local_producer *producer = self;
    struct nba_local_log *log = producer->log;
    (void)timeout_ms;
    pthread_mutex_lock(&log->commit_lock);
    pthread_mutex_lock(&log->lock);
    struct nba_local_transaction *transaction = producer->transaction;
    enum nba_status status = producer->fenced ? answer_fenced(producer, error) : NBA_OK;
    if (status == NBA_OK) {
        put_marks_without(log, transaction->batch, transaction);
        for (size_t i = 0; i < transaction->pending_count; i++) {
            const struct nba_local_pending *pending = &transaction->pendings[i];
            if (!pending->topic->gone) {
                nba_local_put_group_offset(log, transaction->batch, pending->group->name,
                                           pending->topic, pending->partition, pending->offset);
            }
        }
    }
    pthread_mutex_unlock(&log->lock);
    if (status == NBA_OK && nba_kv_write(log->kv, transaction->batch, false, error) != NBA_OK) {
        /* The store takes no more writes until it is opened again, and shows then what it kept. */
        if (error != NULL) {
            nba_error_prefix(error, "outcome of the commit is unknown");
            error->status = NBA_E_TXN_UNKNOWN;
        }
        status = NBA_E_TXN_UNKNOWN;
    }
    if (status == NBA_OK) {
        pthread_mutex_lock(&log->lock);
        unlink_transaction(log, transaction);
        pthread_mutex_unlock(&log->lock);
        producer->last = transaction->touches;
        producer->last_count = transaction->touch_count;
        transaction->touches = NULL;
        nba_local_transaction_free(transaction);
    }
    pthread_mutex_unlock(&log->commit_lock);
    return status;
}

enum nba_status nba_local_producer_abort(void *self, int timeout_ms, struct nba_error *error)
{
    struct nba_local_producer *producer = self;
    struct nba_local_log *log = producer->log;
    (void)timeout_ms;
    pthread_mutex_lock(&log->commit_lock);
    pthread_mutex_lock(&log->lock);
    const bool fenced = producer->fenced;
    struct nba_local_transaction *transaction = producer->transaction;
    pthread_mutex_unlock(&log->lock);
    if (!fenced) {
        nba_local_transaction_drop(log, transaction);
        pthread_mutex_lock(&log->lock);
        producer->fenced = false; /* dropping fences an owner that didn't ask for it */
        pthread_mutex_unlock(&log->lock);
    }
    pthread_mutex_unlock(&log->commit_lock);
    return fenced ? answer_fenced(producer, error) : NBA_OK;
}

bool nba_local_producer_next_offset(const void *self, const char *topic, int32_t partition,
                                    int64_t *ret_next)
{
    const struct nba_local_producer *producer = self;
    for (size_t i = 0; i < producer->last_count; i++) {
        const struct nba_local_touch *wrote = &producer->last[i];
        if (wrote->partition == partition && strcmp(wrote->topic->name, topic) == 0) {
            *ret_next = wrote->next;
            return true;
        }
    }
    return false;
}

enum nba_status nba_local_producer_flush(void *self, int timeout_ms, struct nba_error *error)
{
    (void)self;
    (void)timeout_ms;
    (void)error;
    return NBA_OK; /* produce_alone has delivered already */
}
