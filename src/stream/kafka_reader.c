/*
 * A reader: a consumer with partitions assigned by hand.  It never joins its group, and stores no
 * offsets.  END comes from librdkafka's own event, whose offset is the position, past the control
 * records that end transactions.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kafka_internal.h"

enum nba_status nba_kafka_reader_create(void *self, enum nba_isolation isolation, void **ret_reader,
                                        struct nba_error *error)
{
    const struct kafka_identity identity = {.role = KAFKA_ROLE_READER, .isolation = isolation};
    struct kafka_client *client = NULL;
    const enum nba_status status =
        nba_kafka_client_create(self, &identity, NULL, NULL, &client, error);
    if (status == NBA_OK) {
        *ret_reader = client;
    }
    return status;
}

void nba_kafka_reader_destroy(void *self)
{
    nba_kafka_client_destroy(self);
}

/* Without this, a partition that doesn't exist would be found out by a later poll, or never. */
static enum nba_status check_partition(struct kafka_client *client,
                                       const struct nba_position *position, struct nba_error *error)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client->rk, position->topic, NULL);
    if (handle == NULL) {
        return nba_kafka_fail(client, rd_kafka_last_error(), error, position->topic);
    }
    int32_t count = 0;
    bool ready = false;
    const enum nba_status status =
        nba_kafka_topic_look_up(client, handle, NBA_KAFKA_CALL_MS, &count, &ready, error);
    rd_kafka_topic_destroy(handle);
    if (status == NBA_OK && (position->partition < 0 || position->partition >= count)) {
        return nba_error_set(error, NBA_E_NOT_FOUND, "cannot read %s/%d: it has %d partitions",
                             position->topic, position->partition, count);
    }
    return status;
}

enum nba_status nba_kafka_reader_assign(void *self, const struct nba_position *positions,
                                        size_t count, struct nba_error *error)
{
    struct kafka_client *client = self;
    for (size_t i = 0; i < count; i++) {
        const enum nba_status status = check_partition(client, &positions[i], error);
        if (status != NBA_OK) {
            return status;
        }
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count + 1);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_topic_partition_list_add(list, positions[i].topic, positions[i].partition)
            ->offset = positions[i].offset;
    }
    const rd_kafka_resp_err_t code = rd_kafka_assign(client->rk, count != 0 ? list : NULL);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? NBA_OK
               : nba_kafka_fail(client, code, error, "cannot assign partitions to a reader");
}

enum nba_status nba_kafka_reader_poll(void *self, int timeout_ms, enum nba_poll *ret_what,
                                      struct nba_record *ret_record, struct nba_error *error)
{
    struct kafka_client *client = self;
    rd_kafka_message_t *message = rd_kafka_consumer_poll(client->rk, timeout_ms);
    if (message == NULL) {
        *ret_what = NBA_POLL_NONE;
        return nba_kafka_client_check_up(client, error);
    }
    return nba_kafka_record_take(client, message, ret_what, ret_record, error);
}
