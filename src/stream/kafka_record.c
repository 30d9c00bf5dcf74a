/*
 * From librdkafka's message to a record.  The bytes are copied into one block: a message pins the
 * whole answer of the broker it came in (a megabyte), and must not outlive its client, while a
 * record may be kept.
 */
#include <stdlib.h>
#include <string.h>

#include "kafka_internal.h"

/* Appends a copy of `text` at *next and moves *next behind it. */
static struct nba_str put(char **next, const void *data, size_t bytes)
{
    char *start = *next;
    if (bytes != 0) {
        memcpy(start, data, bytes);
    }
    *next = start + bytes;
    return nba_str(start, bytes);
}

struct headers {
    rd_kafka_headers_t *list; /* NULL: none */
    size_t count;
    size_t bytes;
};

static struct headers measure(const rd_kafka_message_t *message)
{
    struct headers headers = {NULL, 0, 0};
    if (rd_kafka_message_headers(message, &headers.list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        headers.list = NULL;
        return headers;
    }
    const char *name = NULL;
    const void *value = NULL;
    size_t bytes = 0;
    while (rd_kafka_header_get_all(headers.list, headers.count, &name, &value, &bytes) ==
           RD_KAFKA_RESP_ERR_NO_ERROR) {
        headers.bytes += strlen(name) + (value != NULL ? bytes : 0);
        headers.count++;
    }
    return headers;
}

static void put_headers(const struct headers *headers, struct nba_header *table, char **next)
{
    for (size_t i = 0; i < headers->count; i++) {
        const char *name = NULL;
        const void *value = NULL;
        size_t bytes = 0;
        (void)rd_kafka_header_get_all(headers->list, i, &name, &value, &bytes);
        table[i].name = put(next, name, strlen(name));
        table[i].value = put(next, value, value != NULL ? bytes : 0);
    }
}

enum nba_status nba_kafka_record_copy(const rd_kafka_message_t *message,
                                      struct nba_record *ret_record, struct nba_error *error)
{
    const char *topic = rd_kafka_topic_name(message->rkt);
    const struct headers headers = measure(message);
    const size_t topic_bytes = strlen(topic);
    const size_t table_bytes = headers.count * sizeof(struct nba_header);
    struct nba_header *block =
        malloc(table_bytes + topic_bytes + message->key_len + message->len + headers.bytes + 1);
    if (block == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "cannot take a record of %s: out of memory",
                             topic);
    }
    char *next = (char *)block + table_bytes;
    struct nba_record record = {
        .partition = message->partition,
        .offset = message->offset,
        .key_null = message->key == NULL,
        .value_null = message->payload == NULL,
        .headers = headers.count != 0 ? block : NULL,
        .header_count = (uint32_t)headers.count,
        .owner = block,
        .release = free,
    };
    rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    record.timestamp_ms = rd_kafka_message_timestamp(message, &kind);
    record.topic = put(&next, topic, topic_bytes);
    record.key = put(&next, message->key, record.key_null ? 0 : message->key_len);
    record.value = put(&next, message->payload, record.value_null ? 0 : message->len);
    put_headers(&headers, block, &next);
    *ret_record = record;
    return NBA_OK;
}

enum nba_status nba_kafka_record_mark(const rd_kafka_message_t *message,
                                      struct nba_record *ret_record, struct nba_error *error)
{
    const char *topic = rd_kafka_topic_name(message->rkt);
    const size_t bytes = strlen(topic);
    char *block = malloc(bytes + 1);
    if (block == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "cannot take an end of %s: out of memory",
                             topic);
    }
    memcpy(block, topic, bytes + 1);
    *ret_record = (struct nba_record){
        .topic = nba_str(block, bytes),
        .partition = message->partition,
        .offset = message->offset,
        .key_null = true,
        .value_null = true,
        .owner = block,
        .release = free,
    };
    return NBA_OK;
}

static enum nba_status fail(const rd_kafka_message_t *message, enum nba_poll *ret_what,
                            struct nba_error *error)
{
    switch ((int)message->err) {
    /* It joins again by itself and the revoke callback says what was lost. */
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
    /* A group or a leader on the move: the library goes on by itself. */
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
        *ret_what = NBA_POLL_NONE;
        return NBA_OK;
    default:
        break;
    }
    const rd_kafka_resp_err_t code = message->err;
    const char *reason = rd_kafka_message_errstr(message);
    reason = reason != NULL ? reason : rd_kafka_err2str(code);
    if (message->rkt == NULL || message->offset < 0) {
        return nba_error_set(error, nba_kafka_status(code), "cannot read: %s", reason);
    }
    return nba_error_set(error, nba_kafka_status(code), "cannot read %s/%d at %lld: %s",
                         rd_kafka_topic_name(message->rkt), message->partition,
                         (long long)message->offset, reason);
}

enum nba_status nba_kafka_record_take(struct kafka_client *client, rd_kafka_message_t *message,
                                      enum nba_poll *ret_what, struct nba_record *ret_record,
                                      struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        atomic_store(&client->all_down, false);
        *ret_what = NBA_POLL_RECORD;
        status = nba_kafka_record_copy(message, ret_record, error);
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        atomic_store(&client->all_down, false);
        *ret_what = NBA_POLL_END;
        status = nba_kafka_record_mark(message, ret_record, error);
    } else {
        status = fail(message, ret_what, error);
    }
    rd_kafka_message_destroy(message);
    return status;
}
