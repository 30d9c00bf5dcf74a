/*
 * Requests about topics and groups: librdkafka's admin interface answers on a queue, here waited
 * for.  After a change of topics the metadata is asked until the brokers agree on it, because a
 * topic just made answers NOT_LEADER in its first moments.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka_internal.h"

/* What one record of ours may take on a topic of ours, a dead letter's first MiB with headers
 * included; the broker's own limit is 1 MiB. */
#define MESSAGE_BYTES_MAX "2097152"

struct request {
    rd_kafka_queue_t *queue;
    rd_kafka_AdminOptions_t *options;
};

static struct request request_open(struct kafka_client *client, rd_kafka_admin_op_t kind)
{
    struct request request = {rd_kafka_queue_new(client->rk),
                              rd_kafka_AdminOptions_new(client->rk, kind)};
    char ignored[NBA_KAFKA_TROUBLE_BYTES];
    (void)rd_kafka_AdminOptions_set_request_timeout(request.options, NBA_KAFKA_CALL_MS, ignored,
                                                    sizeof(ignored));
    return request;
}

/* The answer, whose own error (not those of its parts) becomes the status.  *ret_event is to be
 * destroyed when it is NBA_OK. */
static enum nba_status request_wait(struct kafka_client *client, struct request *request,
                                    rd_kafka_event_t **ret_event, struct nba_error *error,
                                    const char *what)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(request->queue, NBA_KAFKA_CALL_MS + 2000);
    rd_kafka_AdminOptions_destroy(request->options);
    rd_kafka_queue_destroy(request->queue);
    if (event == NULL) {
        return nba_kafka_fail(client, RD_KAFKA_RESP_ERR__TIMED_OUT, error, what);
    }
    const rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        const enum nba_status status = nba_kafka_fail(client, code, error, what);
        rd_kafka_event_destroy(event);
        return status;
    }
    *ret_event = event;
    return NBA_OK;
}

/* --- topics --- */

enum nba_status nba_kafka_topic_look_up(struct kafka_client *client, rd_kafka_topic_t *handle,
                                        int timeout_ms, int32_t *ret_count, bool *ret_ready,
                                        struct nba_error *error)
{
    const char *topic = rd_kafka_topic_name(handle);
    const struct rd_kafka_metadata *metadata = NULL;
    const rd_kafka_resp_err_t failure =
        rd_kafka_metadata(client->rk, 0, handle, &metadata, timeout_ms);
    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return nba_kafka_fail(client, failure, error, topic);
    }
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    int32_t count = 0;
    bool ready = true;
    if (metadata->topic_cnt == 1) {
        const rd_kafka_metadata_topic_t *found = &metadata->topics[0];
        code = found->err;
        count = found->partition_cnt;
        for (int i = 0; i < found->partition_cnt; i++) {
            ready = ready && found->partitions[i].leader >= 0;
        }
    }
    rd_kafka_metadata_destroy(metadata);
    if (code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
        ready = false;
    } else if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return nba_kafka_fail(client, code, error, topic);
    }
    *ret_count = count;
    *ret_ready = ready && count > 0;
    return NBA_OK;
}

/* Until the brokers show the topic with leaders (`there`), or don't know it any more. */
static enum nba_status await_topic(struct kafka_client *client, const char *topic, bool there,
                                   struct nba_error *error)
{
    const int64_t deadline_us = nba_kafka_now_us() + (int64_t)NBA_KAFKA_CALL_MS * 1000;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client->rk, topic, NULL);
    if (handle == NULL) {
        return nba_kafka_fail(client, rd_kafka_last_error(), error, topic);
    }
    enum nba_status status = NBA_OK;
    for (;;) {
        int32_t count = 0;
        bool ready = false;
        struct nba_error ignored;
        status = nba_kafka_topic_look_up(client, handle, nba_kafka_left_ms(deadline_us), &count,
                                         &ready, &ignored);
        if (there ? status == NBA_OK && ready : status == NBA_E_NOT_FOUND) {
            status = NBA_OK;
            break;
        }
        if (nba_kafka_left_ms(deadline_us) == 0) {
            status = nba_error_set(error, NBA_E_TIMEOUT, "topic %s: the brokers don't agree on it",
                                   topic);
            break;
        }
        nba_kafka_sleep_ms(NBA_KAFKA_RETRY_MS);
    }
    rd_kafka_topic_destroy(handle);
    return status;
}

static rd_kafka_NewTopic_t *new_topic(const struct nba_topic_spec *spec, struct nba_error *error)
{
    char text[NBA_KAFKA_TROUBLE_BYTES];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(spec->name, spec->partitions,
                              spec->replication < 1 ? -1 : spec->replication, text, sizeof(text));
    if (topic == NULL) {
        nba_error_set(error, NBA_E_CONFIG, "cannot create topic %s: %s", spec->name, text);
        return NULL;
    }
    char retention[24];
    char tombstones[24];
    (void)snprintf(retention, sizeof(retention), "%lld", (long long)spec->retention_ms);
    (void)snprintf(tombstones, sizeof(tombstones), "%lld", (long long)spec->delete_retention_ms);
    const struct nba_property settings[] = {
        {"cleanup.policy",
         spec->compacted ? (spec->deleted ? "compact,delete" : "compact") : "delete"},
        /* Without "deleted" nothing is dropped for its age: -1. */
        {"retention.ms", spec->deleted ? retention : "-1"},
        {"delete.retention.ms", spec->compacted ? tombstones : NULL},
        /* A record's time is its event's: imports reach back years, and a broker's default refuses
         * what is an hour ahead. */
        {"message.timestamp.type", "CreateTime"},
        {"message.timestamp.after.max.ms", "9223372036854775807"},
        {"max.message.bytes", MESSAGE_BYTES_MAX},
    };
    for (size_t i = 0; i < NBA_ARRAY_COUNT(settings); i++) {
        if (settings[i].value != NULL) {
            (void)rd_kafka_NewTopic_set_config(topic, settings[i].name, settings[i].value);
        }
    }
    return topic;
}

enum nba_status nba_kafka_admin_create_topic(struct kafka_client *client,
                                             const struct nba_topic_spec *spec,
                                             struct nba_error *error)
{
    rd_kafka_NewTopic_t *topic = new_topic(spec, error);
    if (topic == NULL) {
        return NBA_E_CONFIG;
    }
    struct request request = request_open(client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(client->rk, &topic, 1, request.options, request.queue);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_event_t *event = NULL;
    enum nba_status status = request_wait(client, &request, &event, error, "cannot create topic");
    if (status != NBA_OK) {
        return status;
    }
    size_t count = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    const rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[0]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char *text = rd_kafka_topic_result_error_string(results[0]);
        status = nba_error_set(error, nba_kafka_status(code), "cannot create topic %s: %s",
                               spec->name, text != NULL ? text : rd_kafka_err2str(code));
    }
    rd_kafka_event_destroy(event);
    return status == NBA_OK ? await_topic(client, spec->name, true, error) : status;
}

enum nba_status nba_kafka_admin_delete_topic(struct kafka_client *client, const char *topic,
                                             struct nba_error *error)
{
    rd_kafka_DeleteTopic_t *name = rd_kafka_DeleteTopic_new(topic);
    struct request request = request_open(client, RD_KAFKA_ADMIN_OP_DELETETOPICS);
    rd_kafka_DeleteTopics(client->rk, &name, 1, request.options, request.queue);
    rd_kafka_DeleteTopic_destroy(name);
    rd_kafka_event_t *event = NULL;
    enum nba_status status = request_wait(client, &request, &event, error, "cannot delete topic");
    if (status != NBA_OK) {
        return status;
    }
    size_t count = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    const rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[0]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = nba_kafka_fail(client, code, error, topic);
    }
    rd_kafka_event_destroy(event);
    return status == NBA_OK ? await_topic(client, topic, false, error) : status;
}

/* --- groups --- */

/* The offset of the one partition that was asked for, or what went wrong with it. */
static rd_kafka_resp_err_t read_offset(rd_kafka_event_t *event, int64_t *ret_offset)
{
    size_t count = 0;
    const rd_kafka_group_result_t **results = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
    const rd_kafka_resp_err_t code = rd_kafka_error_code(rd_kafka_group_result_error(results[0]));
    if (code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) {
        *ret_offset = -1;
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return code;
    }
    const rd_kafka_topic_partition_list_t *found = rd_kafka_group_result_partitions(results[0]);
    if (found->cnt != 1) {
        return RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    }
    if (found->elems[0].err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *ret_offset = found->elems[0].offset >= 0 ? found->elems[0].offset : -1;
    }
    return found->elems[0].err;
}

static enum nba_status ask_committed(struct kafka_client *client, const char *group,
                                     const rd_kafka_topic_partition_list_t *list,
                                     int64_t *ret_offset, struct nba_error *error)
{
    rd_kafka_ListConsumerGroupOffsets_t *query = rd_kafka_ListConsumerGroupOffsets_new(group, list);
    struct request request = request_open(client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    /* A commit is answered before its offsets are to be seen: wait for what is pending. */
    rd_kafka_error_destroy(rd_kafka_AdminOptions_set_require_stable_offsets(request.options, 1));
    rd_kafka_ListConsumerGroupOffsets(client->rk, &query, 1, request.options, request.queue);
    rd_kafka_ListConsumerGroupOffsets_destroy(query);
    rd_kafka_event_t *event = NULL;
    const enum nba_status status =
        request_wait(client, &request, &event, error, "cannot ask for a group's offsets");
    if (status != NBA_OK) {
        return status;
    }
    const rd_kafka_resp_err_t code = read_offset(event, ret_offset);
    rd_kafka_event_destroy(event);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? NBA_OK : nba_kafka_fail(client, code, error, group);
}

enum nba_status nba_kafka_admin_group_committed(struct kafka_client *client, const char *group,
                                                const char *topic, int32_t partition,
                                                int64_t *ret_offset, struct nba_error *error)
{
    const int64_t deadline_us = nba_kafka_now_us() + (int64_t)NBA_KAFKA_CALL_MS * 1000;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    enum nba_status status;
    for (;;) {
        status = ask_committed(client, group, list, ret_offset, error);
        const bool passing = status == NBA_E_UNAVAILABLE || status == NBA_E_TIMEOUT;
        if (!passing || nba_kafka_left_ms(deadline_us) == 0) {
            break;
        }
        nba_kafka_sleep_ms(NBA_KAFKA_RETRY_MS);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

enum nba_status nba_kafka_admin_group_reset(struct kafka_client *client, const char *group,
                                            const char *topic, int32_t partition, int64_t offset,
                                            struct nba_error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_AlterConsumerGroupOffsets_t *change =
        rd_kafka_AlterConsumerGroupOffsets_new(group, list);
    rd_kafka_topic_partition_list_destroy(list);
    struct request request = request_open(client, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS);
    rd_kafka_AlterConsumerGroupOffsets(client->rk, &change, 1, request.options, request.queue);
    rd_kafka_AlterConsumerGroupOffsets_destroy(change);
    rd_kafka_event_t *event = NULL;
    const enum nba_status status =
        request_wait(client, &request, &event, error, "cannot set a group's offsets");
    if (status != NBA_OK) {
        return status;
    }
    size_t count = 0;
    const rd_kafka_group_result_t **results = rd_kafka_AlterConsumerGroupOffsets_result_groups(
        rd_kafka_event_AlterConsumerGroupOffsets_result(event), &count);
    rd_kafka_resp_err_t code = rd_kafka_error_code(rd_kafka_group_result_error(results[0]));
    const rd_kafka_topic_partition_list_t *done = rd_kafka_group_result_partitions(results[0]);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && done != NULL && done->cnt == 1) {
        code = done->elems[0].err;
    }
    rd_kafka_event_destroy(event);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? NBA_OK : nba_kafka_fail(client, code, error, group);
}
