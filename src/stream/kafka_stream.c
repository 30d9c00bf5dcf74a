/*
 * Kafka through librdkafka: the stream itself, and the table that leads to the other kafka_*.c.
 *
 * Two consumer handles answer for marks, one of each isolation; they are made at once, which also
 * finds wrong properties before anything runs, and take requests from any thread.
 */
#include <stdlib.h>
#include <string.h>

#include "backend_internal.h"
#include "kafka_internal.h"

static void stream_close(void *self)
{
    struct kafka_stream *stream = self;
    if (stream != NULL) {
        nba_kafka_client_destroy(stream->committed);
        nba_kafka_client_destroy(stream->uncommitted);
        nba_kafka_settings_clear(stream);
        free(stream);
    }
}

/* A producer's settings are only looked at, a client of that kind costs threads. */
static enum nba_status check_producer(const struct kafka_stream *stream, struct nba_error *error)
{
    const struct kafka_identity identity = {.role = KAFKA_ROLE_TXN, .transactional_id = "check"};
    rd_kafka_conf_t *conf = NULL;
    const enum nba_status status = nba_kafka_settings_build(stream, &identity, &conf, error);
    if (status == NBA_OK) {
        rd_kafka_conf_destroy(conf);
    }
    return status;
}

enum nba_status nba_kafka_open(const struct nba_property *properties, size_t count,
                               const struct nba_stream_memory *memory, void **ret_self,
                               struct nba_error *error)
{
    struct kafka_stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "cannot open kafka: out of memory");
    }
    stream->memory = *memory;
    enum nba_status status = nba_kafka_settings_copy(properties, count, stream, error);
    if (status == NBA_OK) {
        status = check_producer(stream, error);
    }
    struct kafka_identity identity = {.role = KAFKA_ROLE_READER, .isolation = NBA_READ_COMMITTED};
    if (status == NBA_OK) {
        status = nba_kafka_client_create(stream, &identity, NULL, NULL, &stream->committed, error);
    }
    identity.isolation = NBA_READ_UNCOMMITTED;
    if (status == NBA_OK) {
        status =
            nba_kafka_client_create(stream, &identity, NULL, NULL, &stream->uncommitted, error);
    }
    if (status != NBA_OK) {
        stream_close(stream);
        return status;
    }
    stream->committed->unattended = true;
    stream->uncommitted->unattended = true;
    *ret_self = stream;
    return NBA_OK;
}

static void memory_used(void *self, struct nba_stream_memory *ret_used)
{
    const struct kafka_stream *stream = self;
    *ret_used = (struct nba_stream_memory){atomic_load(&stream->reading_bytes),
                                           atomic_load(&stream->writing_bytes)};
}

/* --- topics --- */

static enum nba_status topic_create(void *self, const struct nba_topic_spec *spec,
                                    struct nba_error *error)
{
    const struct kafka_stream *stream = self;
    return nba_kafka_admin_create_topic(stream->committed, spec, error);
}

static enum nba_status topic_delete(void *self, const char *topic, struct nba_error *error)
{
    const struct kafka_stream *stream = self;
    return nba_kafka_admin_delete_topic(stream->committed, topic, error);
}

/* Asks a broker; what this client remembers of the topic is new then. */
static enum nba_status count_partitions(struct kafka_client *client, const char *topic,
                                        int32_t *ret_count, struct nba_error *error)
{
    nba_kafka_client_serve(client);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client->rk, topic, NULL);
    if (handle == NULL) {
        return nba_kafka_fail(client, rd_kafka_last_error(), error, topic);
    }
    bool ready = false;
    const enum nba_status status =
        nba_kafka_topic_look_up(client, handle, NBA_KAFKA_CALL_MS, ret_count, &ready, error);
    rd_kafka_topic_destroy(handle);
    return status;
}

static enum nba_status topic_partitions(void *self, const char *topic, int32_t *ret_count,
                                        struct nba_error *error)
{
    return count_partitions(((const struct kafka_stream *)self)->committed, topic, ret_count,
                            error);
}

static enum nba_status topic_list(void *self,
                                  void (*visit)(void *context, const char *topic,
                                                int32_t partitions),
                                  void *context, struct nba_error *error)
{
    const struct kafka_stream *stream = self;
    const struct rd_kafka_metadata *metadata = NULL;
    const rd_kafka_resp_err_t code =
        rd_kafka_metadata(stream->committed->rk, 1, NULL, &metadata, NBA_KAFKA_CALL_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return nba_kafka_fail(stream->committed, code, error, "cannot list topics");
    }
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *topic = &metadata->topics[i];
        if (strncmp(topic->topic, "__", 2) != 0 && topic->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            visit(context, topic->topic, topic->partition_cnt);
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return NBA_OK;
}

static enum nba_status topic_compact(void *self, const char *topic, struct nba_error *error)
{
    (void)self;
    return nba_error_set(error, NBA_E_UNAVAILABLE,
                         "cannot compact %s: Kafka's brokers decide when they compact", topic);
}

/* --- marks --- */

/* Leaders move while brokers come and go; until the deadline that is waited out. */
static bool may_pass(rd_kafka_resp_err_t code, int64_t deadline_us)
{
    const enum nba_status status = nba_kafka_status(code);
    if ((status == NBA_E_UNAVAILABLE || status == NBA_E_TIMEOUT) &&
        nba_kafka_left_ms(deadline_us) > 0) {
        nba_kafka_sleep_ms(NBA_KAFKA_RETRY_MS);
        return true;
    }
    return false;
}

/* 2.0.2 asks the leader that it remembers: for minutes if another one leads now, and without a
 * time-out, whatever it was given, if that one is dead.  So the client that asks looks first, and
 * doesn't ask while there is nobody to look at. */
static bool looked_for_leaders(struct kafka_client *client, const char *topic)
{
    struct nba_error ignored = {0};
    int32_t count = 0;
    return nba_status_class(count_partitions(client, topic, &count, &ignored)) != NBA_CLASS_RETRY;
}

/* A client that asked while a partition had no leader takes it for unknown, and 2.0.2 doesn't ask
 * again before topic.metadata.refresh.interval.ms has passed three times: it is made to. */
static enum nba_status explain_unknown(struct kafka_client *client, const char *topic,
                                       int32_t partition, struct nba_error *error)
{
    int32_t count = 0;
    const enum nba_status status = count_partitions(client, topic, &count, error);
    return status != NBA_OK ? status
           : partition < count
               ? nba_error_set(error, NBA_E_UNAVAILABLE, "no leader of %s/%d is known yet", topic,
                               partition)
               : nba_error_set(error, NBA_E_NOT_FOUND, "no partition %d of topic '%s', it has %d",
                               partition, topic, count);
}

static enum nba_status watermarks(void *self, const char *topic, int32_t partition,
                                  enum nba_isolation isolation, int64_t *ret_low, int64_t *ret_high,
                                  struct nba_error *error)
{
    const struct kafka_stream *stream = self;
    struct kafka_client *client =
        isolation == NBA_READ_COMMITTED ? stream->committed : stream->uncommitted;
    nba_kafka_client_serve(client);
    const int64_t deadline_us = nba_kafka_now_us() + (int64_t)NBA_KAFKA_CALL_MS * 1000;
    int64_t low = 0;
    int64_t high = 0;
    rd_kafka_resp_err_t code;
    do {
        code = RD_KAFKA_RESP_ERR__TRANSPORT;
        if (looked_for_leaders(client, topic)) {
            code = rd_kafka_query_watermark_offsets(client->rk, topic, partition, &low, &high,
                                                    nba_kafka_left_ms(deadline_us));
        }
    } while (may_pass(code, deadline_us));
    if (code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
        return explain_unknown(client, topic, partition, error);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return nba_kafka_fail(client, code, error, topic);
    }
    *ret_low = low;
    *ret_high = high;
    return NBA_OK;
}

/* The first record from `offset` on with that time, or the end. */
static enum nba_status scan_for_time(void *self, const struct nba_position *start, int64_t ms,
                                     int64_t *ret_offset, struct nba_error *error)
{
    void *reader = NULL;
    enum nba_status status = nba_kafka_reader_create(self, NBA_READ_UNCOMMITTED, &reader, error);
    if (status != NBA_OK) {
        return status;
    }
    status = nba_kafka_reader_assign(reader, start, 1, error);
    bool found = false;
    while (status == NBA_OK && !found) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record;
        status = nba_kafka_reader_poll(reader, NBA_KAFKA_CALL_MS, &what, &record, error);
        if (status == NBA_OK && what == NBA_POLL_NONE) {
            status = nba_error_set(error, NBA_E_TIMEOUT, "%s/%d: no answer", start->topic,
                                   start->partition);
        }
        if (status == NBA_OK) {
            found = what == NBA_POLL_END || record.timestamp_ms >= ms;
            *ret_offset = found ? record.offset : *ret_offset;
            nba_record_release(&record);
        }
    }
    nba_kafka_reader_destroy(reader);
    return status;
}

static enum nba_status offset_of_time(void *self, const char *topic, int32_t partition, int64_t ms,
                                      int64_t *ret_offset, struct nba_error *error)
{
    const struct kafka_stream *stream = self;
    struct kafka_client *client = stream->uncommitted;
    const int64_t deadline_us = nba_kafka_now_us() + (int64_t)NBA_KAFKA_CALL_MS * 1000;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *query = rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t code;
    do {
        code = RD_KAFKA_RESP_ERR__TRANSPORT;
        if (looked_for_leaders(client, topic)) {
            /* Negative times mean "end" and "beginning" to Kafka; ours are clamped to the first. */
            query->offset = ms < 0 ? 0 : ms;
            code = rd_kafka_offsets_for_times(client->rk, list, nba_kafka_left_ms(deadline_us));
        }
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            code = query->err;
        }
    } while (may_pass(code, deadline_us));
    const int64_t offset = query->offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
        return explain_unknown(client, topic, partition, error);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return nba_kafka_fail(client, code, error, topic);
    }
    if (offset >= 0) {
        /* To a broker the markers that end transactions are records too, with the time at which
         * they were written: its answer may be one of them, before the record asked for. */
        const struct nba_position start = {topic, partition, offset};
        return scan_for_time(self, &start, ms, ret_offset, error);
    }
    int64_t low = 0;
    return watermarks(self, topic, partition, NBA_READ_UNCOMMITTED, &low, ret_offset, error);
}

/* --- groups --- */

static enum nba_status group_committed(void *self, const char *group, const char *topic,
                                       int32_t partition, int64_t *ret_offset,
                                       struct nba_error *error)
{
    const struct kafka_stream *stream = self;
    return nba_kafka_admin_group_committed(stream->committed, group, topic, partition, ret_offset,
                                           error);
}

static enum nba_status group_reset(void *self, const char *group, const char *topic,
                                   int32_t partition, int64_t offset, struct nba_error *error)
{
    const struct kafka_stream *stream = self;
    return nba_kafka_admin_group_reset(stream->committed, group, topic, partition, offset, error);
}

const struct nba_stream_backend nba_kafka_backend = {
    .close = stream_close,
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
    .reader_create = nba_kafka_reader_create,
    .reader_destroy = nba_kafka_reader_destroy,
    .reader_assign = nba_kafka_reader_assign,
    .reader_poll = nba_kafka_reader_poll,
    .member_create = nba_kafka_member_create,
    .member_poll = nba_kafka_member_poll,
    .member_close = nba_kafka_member_close,
    .producer_create = nba_kafka_producer_create,
    .producer_destroy = nba_kafka_producer_destroy,
    .producer_init = nba_kafka_producer_init,
    .producer_begin = nba_kafka_producer_begin,
    .producer_produce = nba_kafka_producer_produce,
    .producer_send_offsets = nba_kafka_producer_send_offsets,
    .producer_commit = nba_kafka_producer_commit,
    .producer_abort = nba_kafka_producer_abort,
    .producer_next_offset = nba_kafka_producer_next_offset,
    .producer_flush = nba_kafka_producer_flush,
};
