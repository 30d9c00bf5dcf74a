/*
 * Producing: offsets are given away at produce, records wait in the transaction's batch, and one
 * write makes batch, marks and group offsets true together.
 *
 * The write is done under the lock, so what can be seen is always what is in the store: a reader
 * never meets an offset whose record isn't there.
 */
#include <stdlib.h>
#include <string.h>

#include "local_internal.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "nba/base/limits.h"
#include "nba/base/memory.h"

/* A record's bytes with the flags and lengths that go before them. */
#define RECORD_BYTES_MAX ((size_t)2 * NBA_RECORD_BYTES_MAX)

/* What the transaction has of the partition: of its records, or of the group's offset. */
static struct nba_local_claim *claim(struct nba_local_producer *producer,
                                     struct nba_local_group *group, struct nba_local_partition *p)
{
    for (size_t i = 0; i < producer->claim_count; i++) {
        struct nba_local_claim *known = &producer->claims[i];
        if (known->partition == p && known->group == group) {
            return known;
        }
    }
    producer->claims = nba_room(producer->claims, producer->claim_count, &producer->claim_capacity,
                                sizeof(*producer->claims));
    struct nba_local_claim *made = &producer->claims[producer->claim_count++];
    *made = (struct nba_local_claim){p, group, p->marks.next, 0};
    return made;
}

/* Frees one that was destroyed, unless its transaction is open still. */
static void collect(struct nba_local_producer *producer)
{
    if (!producer->destroyed || producer->open) {
        return;
    }
    struct nba_local_producer **link = &producer->log->producers;
    while (*link != producer) {
        NBA_ASSERT(*link != NULL);
        link = &(*link)->next;
    }
    *link = producer->next;
    nba_local_producer_free(producer);
}

static void move_stable(const struct nba_local_producer *producer)
{
    for (size_t i = 0; i < producer->claim_count; i++) {
        struct nba_local_partition *p = producer->claims[i].partition;
        p->marks.stable = nba_local_stable(producer->log, p);
    }
}

/* Writes what the transaction has and moves its marks.  After a failed write one with an id stays
 * open: its outcome is unknown until the store is opened again.  `lock` is held. */
static enum nba_status end_transaction(struct nba_local_producer *producer, bool commit,
                                       struct nba_error *error)
{
    struct nba_local_log *log = producer->log;
    producer->open = false;
    move_stable(producer);
    for (size_t i = 0; i < producer->claim_count; i++) {
        const struct nba_local_claim *c = &producer->claims[i];
        if (c->group == NULL) {
            nba_local_put_marks(log, producer->batch, c->partition);
        } else if (commit && !c->partition->topic->gone) {
            nba_local_put_group_offset(log, producer->batch, c->group->name, c->partition, c->next);
        }
    }
    const enum nba_status status = nba_kv_write(log->kv, producer->batch, error);
    producer->open = status != NBA_OK && commit && producer->base.transactional_id != NULL;
    move_stable(producer);
    nba_local_broadcast(log);
    return status;
}

void nba_local_producer_drop(struct nba_local_producer *producer)
{
    nba_kv_batch_reset(producer->batch);
    const enum nba_status status = end_transaction(producer, false, NULL);
    (void)status; /* only a read-only log beside us needs it, and the next commit tells it too */
    producer->claim_count = 0;
    collect(producer);
}

enum nba_status nba_local_producer_create(void *self, const char *transactional_id,
                                          void **ret_producer, struct nba_error *error)
{
    struct nba_local_log *log = self;
    (void)error;
    struct nba_local_producer *producer = nba_zeros(1, sizeof(*producer));
    producer->log = log;
    producer->batch = nba_kv_batch_create();
    nba_buf_init(&producer->scratch, RECORD_BYTES_MAX);
    producer->base.transactional_id = nba_copy(transactional_id);
    pthread_mutex_lock(&log->lock);
    producer->next = log->producers;
    log->producers = producer;
    pthread_mutex_unlock(&log->lock);
    *ret_producer = producer;
    return NBA_OK;
}

void nba_local_producer_free(struct nba_local_producer *producer)
{
    nba_kv_batch_destroy(producer->batch);
    nba_buf_clear(&producer->scratch);
    free(producer->claims);
    free(producer->base.transactional_id);
    free(producer);
}

void nba_local_producer_destroy(void *self)
{
    struct nba_local_producer *producer = self;
    struct nba_local_log *log = producer->log;
    pthread_mutex_lock(&log->lock);
    producer->destroyed = true;
    collect(producer);
    pthread_mutex_unlock(&log->lock);
}

enum nba_status nba_local_producer_init(void *self, int timeout_ms, struct nba_error *error)
{
    struct nba_local_producer *producer = self;
    struct nba_local_log *log = producer->log;
    struct nba_local_producer *open = NULL;
    (void)timeout_ms;
    (void)error;
    pthread_mutex_lock(&log->lock);
    for (struct nba_local_producer *other = log->producers; other != NULL; other = other->next) {
        if (other != producer && other->base.transactional_id != NULL &&
            strcmp(other->base.transactional_id, producer->base.transactional_id) == 0) {
            other->fenced = other->initialised;
            open = other->open ? other : open;
        }
    }
    producer->initialised = true;
    if (open != NULL) {
        nba_local_producer_drop(open);
    }
    pthread_mutex_unlock(&log->lock);
    return NBA_OK;
}

/* NBA_OK unless fenced.  `lock` is held. */
static enum nba_status check_fenced(const struct nba_local_producer *producer,
                                    struct nba_error *error)
{
    return producer->fenced
               ? nba_error_set(error, NBA_E_TXN_UNKNOWN, "producer '%s' was fenced by another",
                               producer->base.transactional_id)
               : NBA_OK;
}

/* `lock` is held. */
static void open_transaction(struct nba_local_producer *producer)
{
    nba_kv_batch_reset(producer->batch);
    producer->claim_count = 0;
    producer->begun_us = nba_clock_monotonic_us(producer->log->clock);
    producer->open = true;
}

enum nba_status nba_local_producer_begin(void *self, struct nba_error *error)
{
    struct nba_local_producer *producer = self;
    pthread_mutex_lock(&producer->log->lock);
    const enum nba_status status = check_fenced(producer, error);
    if (status == NBA_OK) {
        open_transaction(producer);
    }
    pthread_mutex_unlock(&producer->log->lock);
    return status;
}

/* Puts the encoded record where it goes.  `lock` is held. */
static enum nba_status append(struct nba_local_producer *producer,
                              const struct nba_outgoing *outgoing, struct nba_error *error)
{
    const bool by_key = outgoing->partition == NBA_PARTITION_BY_KEY;
    struct nba_local_partition *p =
        nba_local_find(producer->log, outgoing->topic, by_key ? 0 : outgoing->partition, error);
    if (p == NULL) {
        return NBA_E_NOT_FOUND;
    }
    const int32_t count = p->topic->spec.partitions;
    if (by_key) {
        p += outgoing->key_null ? (int32_t)(producer->turn++ % (uint32_t)count)
                                : nba_partition_of_key(outgoing->key, count);
    }
    struct nba_local_claim *records = claim(producer, NULL, p);
    nba_local_put_record(producer->log, producer->batch, p, p->marks.next,
                         nba_buf_str(&producer->scratch));
    records->next = ++p->marks.next;
    return NBA_OK;
}

enum nba_status nba_local_producer_produce(void *self, const struct nba_outgoing *outgoing,
                                           struct nba_error *error)
{
    struct nba_local_producer *producer = self;
    struct nba_local_log *log = producer->log;
    const int64_t now_ms = nba_clock_wall_ms(log->clock);
    struct nba_outgoing stamped = *outgoing;
    if (stamped.timestamp_ms == NBA_TIMESTAMP_NOW) {
        stamped.timestamp_ms = now_ms;
    }
    nba_buf_reset(&producer->scratch);
    nba_local_record_encode(&stamped, now_ms, &producer->scratch);
    NBA_ASSERT(!producer->scratch.failed);
    pthread_mutex_lock(&log->lock);
    enum nba_status status = check_fenced(producer, error);
    if (producer->base.transactional_id == NULL) {
        open_transaction(producer);
    }
    if (status == NBA_OK) {
        status = append(producer, &stamped, error);
    }
    if (producer->base.transactional_id == NULL) {
        const enum nba_status ended = end_transaction(producer, true, error);
        status = status == NBA_OK ? ended : status;
    }
    pthread_mutex_unlock(&log->lock);
    return status;
}

enum nba_status nba_local_producer_send_offsets(void *self, const struct nba_position *positions,
                                                size_t count, void *member, struct nba_error *error)
{
    struct nba_local_producer *producer = self;
    struct nba_local_reader *sender = member;
    struct nba_local_log *log = producer->log;
    pthread_mutex_lock(&log->lock);
    enum nba_status status = check_fenced(producer, error);
    if (status == NBA_OK && sender->fenced) {
        status =
            nba_error_set(error, NBA_E_FENCED, "another member runs as '%s'", sender->instance_id);
    } else if (status == NBA_OK && !sender->owns) {
        status = nba_error_set(error, NBA_E_TXN_MEMBERSHIP,
                               "member has no part in the group's present generation");
    }
    for (size_t i = 0; i < count && status == NBA_OK; i++) {
        struct nba_local_partition *p =
            nba_local_find(log, positions[i].topic, positions[i].partition, error);
        if (p == NULL) {
            status = nba_error_set(error, NBA_E_TXN_ABORTABLE, "cannot send offset: no %s/%d",
                                   positions[i].topic, positions[i].partition);
        } else {
            claim(producer, sender->group, p)->next = positions[i].offset;
        }
    }
    pthread_mutex_unlock(&log->lock);
    return status;
}

enum nba_status nba_local_producer_commit(void *self, int timeout_ms, struct nba_error *error)
{
    struct nba_local_producer *producer = self;
    (void)timeout_ms;
    pthread_mutex_lock(&producer->log->lock);
    enum nba_status status = check_fenced(producer, error);
    if (status == NBA_OK && end_transaction(producer, true, error) != NBA_OK) {
        /* The store takes no more writes until it is opened again, and shows then what it kept. */
        if (error != NULL) {
            nba_error_prefix(error, "outcome of the commit is unknown");
            error->status = NBA_E_TXN_UNKNOWN;
        }
        status = NBA_E_TXN_UNKNOWN;
    }
    pthread_mutex_unlock(&producer->log->lock);
    return status;
}

enum nba_status nba_local_producer_abort(void *self, int timeout_ms, struct nba_error *error)
{
    struct nba_local_producer *producer = self;
    struct nba_local_log *log = producer->log;
    (void)timeout_ms;
    pthread_mutex_lock(&log->lock);
    const enum nba_status status = check_fenced(producer, error);
    if (status == NBA_OK) {
        nba_local_producer_drop(producer);
    }
    pthread_mutex_unlock(&log->lock);
    return status;
}

bool nba_local_producer_next_offset(const void *self, const char *topic, int32_t partition,
                                    int64_t *ret_next)
{
    const struct nba_local_producer *producer = self;
    for (size_t i = 0; i < producer->claim_count; i++) {
        const struct nba_local_claim *wrote = &producer->claims[i];
        if (wrote->group == NULL && wrote->partition->index == partition &&
            strcmp(wrote->partition->topic->spec.name, topic) == 0) {
            *ret_next = wrote->next;
            return true;
        }
    }
    return false;
}
