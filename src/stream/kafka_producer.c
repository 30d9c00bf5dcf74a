/* A producer's records: topics, queueing, delivery reports; and the plain producer's flush. */
#include "kafka_producer_internal.h"

#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/limits.h"

/* How long produce waits for room in the queue before it says busy. */
#define QUEUE_WAIT_MS 2000
/* How long a producer that is given up waits for answers to what it sent. */
#define DRAIN_MS 1000
/* Reports are served every so many records, or the queue of reports would only shrink at flush. */
#define REPORT_EVERY 64u

/* --- delivery reports --- */

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    struct kafka_client *client = opaque;
    struct kafka_producer *producer = client->owner;
    struct kafka_topic *topic = message->_private;
    nba_kafka_client_hold(client, client->held_bytes - message->len - message->key_len);
    /* A duplicate that the broker no longer remembers is reported as delivered, without an offset;
     * the changelog's position would be unknown. */
    const bool lost = message->err != RD_KAFKA_RESP_ERR_NO_ERROR ||
                      (producer->base.transactional_id != NULL && message->offset < 0);
    if (lost) {
        if (producer->failed == 0) {
            producer->failure = message->err != RD_KAFKA_RESP_ERR_NO_ERROR
                                    ? message->err
                                    : RD_KAFKA_RESP_ERR__NO_OFFSET;
        }
        producer->failed++;
        return;
    }
    if (message->partition >= 0 && message->partition < topic->slot_count) {
        struct kafka_slot *slot = &topic->slots[message->partition];
        if (slot->transaction != producer->transaction || slot->next <= message->offset) {
            slot->next = message->offset + 1;
            slot->transaction = producer->transaction;
        }
    }
}

static void dress(rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
}

/* --- topics --- */

static void close_topics(struct kafka_producer *producer)
{
    for (size_t i = 0; i < producer->topic_count; i++) {
        if (producer->topics[i]->handle != NULL) {
            rd_kafka_topic_destroy(producer->topics[i]->handle);
            producer->topics[i]->handle = NULL;
        }
    }
}

static struct kafka_topic *find_topic(const struct kafka_producer *producer, const char *name)
{
    for (size_t i = 0; i < producer->topic_count; i++) {
        if (strcmp(producer->topics[i]->name, name) == 0) {
            return producer->topics[i];
        }
    }
    return NULL;
}

static struct kafka_topic *add_topic(struct kafka_producer *producer, const char *name)
{
    struct kafka_topic *topic = calloc(1, sizeof(*topic));
    char *copy = strdup(name);
    struct kafka_topic **grown =
        realloc(producer->topics, (producer->topic_count + 1) * sizeof(struct kafka_topic *));
    if (grown != NULL) {
        producer->topics = grown;
    }
    if (topic == NULL || copy == NULL || grown == NULL) {
        free(topic);
        free(copy);
        return NULL;
    }
    topic->name = copy;
    producer->topics[producer->topic_count++] = topic;
    return topic;
}

/* Slots only grow: reports of records on their way point at the topic, not at them. */
static bool grow_slots(struct kafka_topic *topic, int32_t count)
{
    if (count <= topic->slot_count) {
        return true;
    }
    struct kafka_slot *slots = realloc(topic->slots, (size_t)count * sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    for (int32_t i = topic->slot_count; i < count; i++) {
        slots[i] = (struct kafka_slot){0, 0};
    }
    topic->slots = slots;
    topic->slot_count = count;
    return true;
}

static enum nba_status open_topic(struct kafka_producer *producer, const char *name,
                                  struct kafka_topic **ret_topic, struct nba_error *error)
{
    struct kafka_client *client = producer->client;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client->rk, name, NULL);
    if (handle == NULL) {
        return nba_kafka_fail(client, rd_kafka_last_error(), error, name);
    }
    const int64_t deadline_us = nba_kafka_now_us() + (int64_t)NBA_KAFKA_CALL_MS * 1000;
    int32_t count = 0;
    bool ready = false;
    enum nba_status status;
    do {
        status = nba_kafka_topic_look_up(client, handle, nba_kafka_left_ms(deadline_us), &count,
                                         &ready, error);
        if (status == NBA_OK && !ready) {
            nba_kafka_sleep_ms(NBA_KAFKA_RETRY_MS);
        }
    } while (status == NBA_OK && !ready && nba_kafka_left_ms(deadline_us) > 0);
    if (status == NBA_OK && !ready) {
        status = nba_error_set(error, NBA_E_UNAVAILABLE, "topic %s has no leader", name);
    }
    struct kafka_topic *topic = NULL;
    if (status == NBA_OK) {
        topic = find_topic(producer, name);
        topic = topic != NULL ? topic : add_topic(producer, name);
        if (topic == NULL || !grow_slots(topic, count)) {
            status = nba_error_set(error, NBA_E_NO_MEMORY, "cannot open topic: out of memory");
        }
    }
    if (status != NBA_OK) {
        rd_kafka_topic_destroy(handle);
        return status;
    }
    topic->handle = handle;
    *ret_topic = topic;
    return NBA_OK;
}

/* --- records --- */

static rd_kafka_headers_t *make_headers(const struct nba_outgoing *outgoing)
{
    if (outgoing->header_count == 0) {
        return NULL;
    }
    rd_kafka_headers_t *headers = rd_kafka_headers_new(outgoing->header_count);
    for (uint32_t i = 0; i < outgoing->header_count; i++) {
        const struct nba_header *header = &outgoing->headers[i];
        (void)rd_kafka_header_add(headers, header->name.data, (ssize_t)header->name.bytes,
                                  header->value.data != NULL ? header->value.data : "",
                                  (ssize_t)header->value.bytes);
    }
    return headers;
}

/* To librdkafka NULL is absent; an empty text needs some address. */
static void *bytes_of(struct nba_str text, bool null)
{
    const char *data = null ? NULL : text.data != NULL ? text.data : "";
    return (void *)data; /* copied, never written to */
}

static rd_kafka_resp_err_t enqueue(struct kafka_producer *producer, struct kafka_topic *topic,
                                   const struct nba_outgoing *outgoing, rd_kafka_headers_t *headers)
{
    const int64_t deadline_us = nba_kafka_now_us() + (int64_t)QUEUE_WAIT_MS * 1000;
    const size_t key_bytes = outgoing->key_null ? 0 : outgoing->key.bytes;
    const size_t value_bytes = outgoing->value_null ? 0 : outgoing->value.bytes;
    const int32_t partition =
        outgoing->partition == NBA_PARTITION_BY_KEY ? RD_KAFKA_PARTITION_UA : outgoing->partition;
    void *key = bytes_of(outgoing->key, outgoing->key_null);
    void *value = bytes_of(outgoing->value, outgoing->value_null);
    rd_kafka_t *rk = producer->client->rk;
    for (;;) {
        /* The tags and their values bare: the header's type-checking macros aren't standard C. */
        const rd_kafka_resp_err_t code = rd_kafka_producev(
            rk, RD_KAFKA_VTYPE_RKT, topic->handle, RD_KAFKA_VTYPE_PARTITION, partition,
            RD_KAFKA_VTYPE_MSGFLAGS, RD_KAFKA_MSG_F_COPY, RD_KAFKA_VTYPE_KEY, key, key_bytes,
            RD_KAFKA_VTYPE_VALUE, value, value_bytes, RD_KAFKA_VTYPE_TIMESTAMP,
            outgoing->timestamp_ms, RD_KAFKA_VTYPE_OPAQUE, (void *)topic, RD_KAFKA_VTYPE_HEADERS,
            headers, RD_KAFKA_VTYPE_END);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            nba_kafka_client_hold(producer->client,
                                  producer->client->held_bytes + key_bytes + value_bytes);
        }
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL || nba_kafka_left_ms(deadline_us) == 0) {
            return code;
        }
        (void)rd_kafka_poll(rk, NBA_KAFKA_RETRY_MS);
    }
}

/* What a record that was not taken means; see the header on errors. */
static enum nba_status refuse(struct kafka_producer *producer, const char *topic,
                              rd_kafka_resp_err_t code, struct nba_error *error)
{
    char text[NBA_KAFKA_TROUBLE_BYTES];
    const bool fatal = rd_kafka_fatal_error(producer->client->rk, text, sizeof(text)) != 0;
    enum nba_status status = nba_kafka_status(code);
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        status = NBA_E_BUSY;
    } else if (producer->base.transactional_id != NULL && status != NBA_E_NOT_FOUND &&
               status != NBA_E_LIMIT) {
        status = fatal ? NBA_E_TXN_UNKNOWN : NBA_E_TXN_ABORTABLE;
        producer->tainted = true;
    }
    return nba_error_set(error, status, "cannot produce to %s: %s", topic,
                         fatal ? text : rd_kafka_err2str(code));
}

enum nba_status nba_kafka_producer_produce(void *self, const struct nba_outgoing *outgoing,
                                           struct nba_error *error)
{
    struct kafka_producer *producer = self;
    struct kafka_topic *topic = find_topic(producer, outgoing->topic);
    if (topic == NULL || topic->handle == NULL) {
        const enum nba_status status = open_topic(producer, outgoing->topic, &topic, error);
        if (status != NBA_OK) {
            const bool told = producer->base.transactional_id == NULL ||
                              status == NBA_E_NOT_FOUND || status == NBA_E_NO_MEMORY;
            return told ? status
                        : nba_error_set(error, NBA_E_TXN_ABORTABLE,
                                        "cannot produce to %s: its metadata can't be had",
                                        outgoing->topic);
        }
    }
    NBA_ASSERT(topic != NULL);
    rd_kafka_headers_t *headers = make_headers(outgoing);
    const rd_kafka_resp_err_t code = enqueue(producer, topic, outgoing, headers);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (headers != NULL) {
            rd_kafka_headers_destroy(headers); /* still ours */
        }
        return refuse(producer, outgoing->topic, code, error);
    }
    if (++producer->produced % REPORT_EVERY == 0) {
        (void)rd_kafka_poll(producer->client->rk, 0);
    }
    return NBA_OK;
}

bool nba_kafka_producer_next_offset(const void *self, const char *topic, int32_t partition,
                                    int64_t *ret_next)
{
    const struct kafka_producer *producer = self;
    const struct kafka_topic *found = find_topic(producer, topic);
    if (found == NULL || partition < 0 || partition >= found->slot_count ||
        found->slots[partition].transaction != producer->transaction) {
        return false;
    }
    *ret_next = found->slots[partition].next;
    return true;
}

enum nba_status nba_kafka_producer_flush(void *self, int timeout_ms, struct nba_error *error)
{
    struct kafka_producer *producer = self;
    const rd_kafka_resp_err_t code = rd_kafka_flush(producer->client->rk, timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return nba_kafka_fail(producer->client, code, error, "cannot deliver all records yet");
    }
    if (producer->failed != 0) {
        const unsigned long long lost = producer->failed;
        producer->failed = 0;
        const enum nba_status status =
            nba_kafka_status(producer->failure) == NBA_E_UNAVAILABLE ? NBA_E_UNAVAILABLE : NBA_E_IO;
        return nba_error_set(error, status, "%llu records were not delivered: %s", lost,
                             rd_kafka_err2str(producer->failure));
    }
    return NBA_OK;
}

/* --- life --- */

enum nba_status nba_kafka_producer_connect(struct kafka_producer *producer, struct nba_error *error)
{
    const struct kafka_identity identity = {
        .role = producer->base.transactional_id != NULL ? KAFKA_ROLE_TXN : KAFKA_ROLE_PLAIN,
        .transactional_id = producer->base.transactional_id,
    };
    return nba_kafka_client_create(producer->stream, &identity, dress, producer, &producer->client,
                                   error);
}

/* Ends with nothing on its way: an answer that fences a producer while librdkafka takes it down is
 * a double free there (rd_kafka_txns_term() frees txn_errstr, the broker's thread frees it again;
 * seen in 2.0.2, the source of 2.12.1 has it too). */
static void drain(const struct kafka_producer *producer)
{
    rd_kafka_t *rk = producer->client->rk;
    (void)rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE);
    (void)rd_kafka_flush(rk, DRAIN_MS);
}

void nba_kafka_producer_disconnect(struct kafka_producer *producer)
{
    if (producer->client == NULL) {
        return;
    }
    drain(producer);
    close_topics(producer);
    nba_kafka_client_destroy(producer->client);
    producer->client = NULL;
}

enum nba_status nba_kafka_producer_create(void *self, const char *transactional_id,
                                          void **ret_producer, struct nba_error *error)
{
    struct kafka_producer *producer = calloc(1, sizeof(*producer));
    if (producer == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "cannot create producer: out of memory");
    }
    producer->stream = self;
    producer->base.transactional_id = transactional_id != NULL ? strdup(transactional_id) : NULL;
    enum nba_status status = NBA_OK;
    if (transactional_id != NULL && producer->base.transactional_id == NULL) {
        status = nba_error_set(error, NBA_E_NO_MEMORY, "cannot create producer: out of memory");
    }
    if (status == NBA_OK) {
        status = nba_kafka_producer_connect(producer, error);
    }
    if (status != NBA_OK) {
        nba_kafka_producer_destroy(producer);
        return status;
    }
    *ret_producer = producer;
    return NBA_OK;
}

void nba_kafka_producer_destroy(void *self)
{
    struct kafka_producer *producer = self;
    if (producer != NULL) {
        nba_kafka_producer_disconnect(producer);
        for (size_t i = 0; i < producer->topic_count; i++) {
            free(producer->topics[i]->name);
            free(producer->topics[i]->slots);
            free(producer->topics[i]);
        }
        free(producer->topics);
        free(producer->base.transactional_id);
        free(producer);
    }
}
