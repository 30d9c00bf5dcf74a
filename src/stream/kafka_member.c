/*
 * A member of a consumer group: librdkafka's consumer with the range assignor, whose rebalance
 * callback is where tasks are taken over and given back.
 *
 * ASSIGN.  rd_kafka_committed on a read_committed consumer asks with require_stable: the broker
 * answers only when no transaction with offsets of these partitions is undecided (KIP-447).  A
 * predecessor that died with such a transaction open holds this up until its time-out.  So the
 * callback only keeps the share as it was offered, and each poll asks again until there is an
 * answer; meanwhile librdkafka waits for rd_kafka_assign, and its own thread keeps the membership
 * alive.
 *
 * FENCED.  A static member whose session runs out while no broker answers forgets its member id
 * (librdkafka logs SESSTMOUT), but goes on sending heartbeats, now without one, until its share is
 * given back.  A broker that is back in the meantime says FENCED_INSTANCE_ID to that, which the
 * library takes as fatal.  Nobody else runs under the name then: the member is renewed and joins
 * again, after its share was taken back as lost.  A process that was stopped and replaced loses its
 * session as well, but it notices late, and no connection broke; and whoever is fenced again and
 * again is really fenced.
 *
 * OFFSETS are given to rd_kafka_assign explicitly; auto.offset.reset never decides.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka_internal.h"
#include "nba/base/assert.h"

/* At least this long one question for offsets waits, however short the poll. */
#define COMMITTED_MS_MIN 50
/* After this long without an answer the poll says so: transaction.timeout.ms, the broker's sweep
 * after it (10 s), and a coordinator's move are over. */
#define OFFERED_MS_MAX 60000
/* A member is renewed at most once in this time. */
#define RENEWAL_MS 30000

struct kafka_member {
    struct nba_member member; /* first */
    struct kafka_client *client;
    struct kafka_stream *stream;
    char **topics; /* in the order of the options */
    size_t topic_count;
    struct nba_member_options options; /* strings not kept */
    struct nba_assignment *share;      /* what is assigned; topics point into `topics` */
    size_t share_count;
    bool share_held;                          /* the engine has it: revoke must be called */
    rd_kafka_topic_partition_list_t *offered; /* a share that waits for its offsets */
    int64_t offered_us;                       /* since when */
    char *group_id;
    char *instance_id;        /* NULL: dynamic */
    int64_t renewed_us;       /* 0: never */
    uint64_t closed_at_share; /* connections, when the share was taken */
};

static size_t topic_index(const struct kafka_member *member, const char *topic)
{
    size_t i = 0;
    while (i < member->topic_count && strcmp(member->topics[i], topic) != 0) {
        i++;
    }
    return i;
}

static void sort_share(const struct kafka_member *member, struct nba_assignment *share,
                       size_t count)
{
    /* Insertion sort: librdkafka delivers them nearly in order, and there are few. */
    for (size_t i = 1; i < count; i++) {
        const struct nba_assignment moved = share[i];
        const size_t topic = topic_index(member, moved.topic);
        size_t j = i;
        for (; j > 0; j--) {
            const size_t other = topic_index(member, share[j - 1].topic);
            if (other < topic || (other == topic && share[j - 1].partition < moved.partition)) {
                break;
            }
            share[j] = share[j - 1];
        }
        share[j] = moved;
    }
}

/* Fills the share from the list with the group's offsets; a start is committed or else low. */
static enum nba_status prepare(struct kafka_member *member,
                               const rd_kafka_topic_partition_list_t *list, struct nba_error *error)
{
    const size_t count = (size_t)list->cnt;
    struct nba_assignment *share = calloc(count + 1, sizeof(*share));
    if (share == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "cannot take a share: out of memory");
    }
    enum nba_status status = NBA_OK;
    for (size_t i = 0; i < count && status == NBA_OK; i++) {
        const rd_kafka_topic_partition_t *part = &list->elems[i];
        const size_t topic = topic_index(member, part->topic);
        NBA_ASSERT(topic < member->topic_count);
        share[i].topic = member->topics[topic];
        share[i].partition = part->partition;
        share[i].committed = part->offset >= 0 ? part->offset : -1;
        share[i].offset = share[i].committed;
        if (share[i].offset < 0) {
            int64_t high = 0;
            status =
                nba_kafka_backend.watermarks(member->stream, share[i].topic, share[i].partition,
                                             NBA_READ_UNCOMMITTED, &share[i].offset, &high, error);
        }
    }
    if (status != NBA_OK) {
        free(share);
        return status;
    }
    sort_share(member, share, count);
    free(member->share);
    member->share = share;
    member->share_count = count;
    return NBA_OK;
}

static enum nba_status start_reading(struct kafka_member *member, struct nba_error *error)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)member->share_count + 1);
    for (size_t i = 0; i < member->share_count; i++) {
        const struct nba_assignment *part = &member->share[i];
        rd_kafka_topic_partition_list_add(list, part->topic, part->partition)->offset =
            part->offset;
    }
    const rd_kafka_resp_err_t code = rd_kafka_assign(member->client->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? NBA_OK
               : nba_kafka_fail(member->client, code, error, "cannot take a share");
}

static void drop_offer(struct kafka_member *member)
{
    if (member->offered != NULL) {
        rd_kafka_topic_partition_list_destroy(member->offered);
        member->offered = NULL;
    }
}

/* The group's offsets into `offered`; *ret_there tells whether all are known. */
static enum nba_status ask_offsets(struct kafka_member *member, int timeout_ms, bool *ret_there,
                                   struct nba_error *error)
{
    rd_kafka_topic_partition_list_t *list = member->offered;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (list->cnt != 0) {
        code = rd_kafka_committed(member->client->rk, list,
                                  timeout_ms < COMMITTED_MS_MIN ? COMMITTED_MS_MIN : timeout_ms);
    }
    for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        code = list->elems[i].err;
    }
    *ret_there = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (*ret_there) {
        return NBA_OK;
    }
    const enum nba_status status = nba_kafka_status(code);
    const bool passing = status == NBA_E_TIMEOUT || status == NBA_E_UNAVAILABLE;
    if (passing && nba_kafka_now_us() - member->offered_us < (int64_t)OFFERED_MS_MAX * 1000) {
        return NBA_OK;
    }
    return nba_kafka_fail(member->client, code, error,
                          "cannot learn the group's committed offsets");
}

/* Goes on with a share that was offered. */
static enum nba_status take_share(struct kafka_member *member, int timeout_ms,
                                  struct nba_error *error)
{
    bool there = false;
    enum nba_status status = ask_offsets(member, timeout_ms, &there, error);
    if (!there) {
        return status;
    }
    status = prepare(member, member->offered, error);
    drop_offer(member);
    if (status == NBA_OK) {
        status = member->options.assign(member->options.context, member->share, member->share_count,
                                        error);
    }
    if (status == NBA_OK) {
        member->share_held = member->share_count != 0;
        atomic_store(&member->client->session_lost, false);
        member->closed_at_share = nba_kafka_client_connections_closed(member->client);
        status = start_reading(member, error);
    }
    if (status != NBA_OK) {
        (void)rd_kafka_assign(member->client->rk, NULL);
    }
    return status;
}

static void give_back(struct kafka_member *member, bool lost)
{
    if (member->share_held) {
        member->share_held = false;
        member->options.revoke(member->options.context, member->share, member->share_count, lost);
    }
    member->share_count = 0;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct kafka_client *client = opaque;
    struct kafka_member *member = client->owner;
    drop_offer(member);
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        member->offered = rd_kafka_topic_partition_list_copy(partitions);
        member->offered_us = nba_kafka_now_us();
        return;
    }
    give_back(member, rd_kafka_assignment_lost(rk) != 0);
    (void)rd_kafka_assign(rk, NULL);
}

/* The statistics are JSON of many numbers, of which one is wanted: the queue of the partitions that
 * are fetched is one and the same, that of others is empty. */
static int on_stats(rd_kafka_t *rk, char *json, size_t bytes, void *opaque)
{
    static const char name[] = "\"fetchq_size\":";
    size_t held = 0;
    (void)rk;
    (void)bytes;
    for (const char *at = strstr(json, name); at != NULL; at = strstr(at, name)) {
        at += sizeof(name) - 1;
        const size_t queue = strtoul(at, NULL, 10);
        held = queue > held ? queue : held;
    }
    nba_kafka_client_hold(opaque, held);
    return 0; /* the library frees the text */
}

static void dress(rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_stats_cb(conf, on_stats);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
}

/* --- life --- */

static void release(struct kafka_member *member)
{
    drop_offer(member);
    for (size_t i = 0; i < member->topic_count; i++) {
        free(member->topics[i]);
    }
    free(member->topics);
    free(member->share);
    free(member->group_id);
    free(member->instance_id);
    free(member);
}

static enum nba_status subscribe(const struct kafka_member *member, struct kafka_client *client,
                                 struct nba_error *error)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)member->topic_count);
    for (size_t i = 0; i < member->topic_count; i++) {
        rd_kafka_topic_partition_list_add(list, member->topics[i], RD_KAFKA_PARTITION_UA);
    }
    const rd_kafka_resp_err_t code = rd_kafka_subscribe(client->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? NBA_OK
               : nba_kafka_fail(client, code, error, "cannot join the group");
}

static enum nba_status keep_options(struct kafka_member *member,
                                    const struct nba_member_options *options,
                                    struct nba_error *error)
{
    member->options.assign = options->assign;
    member->options.revoke = options->revoke;
    member->options.context = options->context;
    member->group_id = strdup(options->group_id);
    member->instance_id = options->instance_id != NULL ? strdup(options->instance_id) : NULL;
    member->topics = calloc(options->topic_count, sizeof(*member->topics));
    bool kept = member->group_id != NULL && member->topics != NULL &&
                (member->instance_id != NULL) == (options->instance_id != NULL);
    for (size_t i = 0; i < options->topic_count && kept; i++) {
        member->topics[i] = strdup(options->topics[i]);
        member->topic_count = i + 1;
        kept = member->topics[i] != NULL;
    }
    return kept ? NBA_OK
                : nba_error_set(error, NBA_E_NO_MEMORY, "cannot create member: out of memory");
}

/* A client that joins the group, in place of the one there is; on failure nothing changes. */
static enum nba_status join(struct kafka_member *member, struct nba_error *error)
{
    const struct kafka_identity identity = {
        .role = KAFKA_ROLE_MEMBER,
        .isolation = NBA_READ_COMMITTED,
        .group_id = member->group_id,
        .instance_id = member->instance_id,
    };
    struct kafka_client *client = NULL;
    enum nba_status status =
        nba_kafka_client_create(member->stream, &identity, dress, member, &client, error);
    if (status == NBA_OK) {
        status = subscribe(member, client, error);
    }
    nba_kafka_client_destroy(status == NBA_OK ? member->client : client);
    if (status == NBA_OK) {
        member->client = client;
        member->closed_at_share = 0;
    }
    return status;
}

enum nba_status nba_kafka_member_create(void *self, const struct nba_member_options *options,
                                        void **ret_member, struct nba_error *error)
{
    struct kafka_member *member = calloc(1, sizeof(*member));
    if (member == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "cannot create member: out of memory");
    }
    member->stream = self;
    enum nba_status status = keep_options(member, options, error);
    if (status == NBA_OK) {
        status = join(member, error);
    }
    if (status != NBA_OK) {
        release(member);
        return status;
    }
    *ret_member = member;
    return NBA_OK;
}

/* See FENCED. */
static bool may_renew(const struct kafka_member *member)
{
    const bool broke =
        nba_kafka_client_connections_closed(member->client) != member->closed_at_share;
    return broke && atomic_load(&member->client->session_lost) &&
           (member->renewed_us == 0 ||
            nba_kafka_now_us() - member->renewed_us > (int64_t)RENEWAL_MS * 1000);
}

bool nba_kafka_member_fenced(void *self)
{
    return !may_renew(self);
}

static enum nba_status renew(struct kafka_member *member, struct nba_error *error)
{
    drop_offer(member);
    give_back(member, true);
    member->renewed_us = nba_kafka_now_us();
    return join(member, error);
}

/* What a fatal error of the library means; NBA_OK also when the member was renewed for it. */
static enum nba_status check_fatal(struct kafka_member *member, struct nba_error *error)
{
    char text[NBA_KAFKA_TROUBLE_BYTES];
    const rd_kafka_resp_err_t code = rd_kafka_fatal_error(member->client->rk, text, sizeof(text));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return NBA_OK;
    }
    if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID && may_renew(member)) {
        return renew(member, error);
    }
    return nba_error_set(error, nba_kafka_status(code), "member is out of its group: %s", text);
}

enum nba_status nba_kafka_member_poll(void *self, int timeout_ms, enum nba_poll *ret_what,
                                      struct nba_record *ret_record, struct nba_error *error)
{
    struct kafka_member *member = self;
    *ret_what = NBA_POLL_NONE;
    const enum nba_status status = check_fatal(member, error);
    if (status != NBA_OK) {
        return status;
    }
    /* While a share waits for its offsets the time goes to them. */
    rd_kafka_message_t *message =
        rd_kafka_consumer_poll(member->client->rk, member->offered != NULL ? 0 : timeout_ms);
    if (message != NULL && message->err == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_message_destroy(message);
        return check_fatal(member, error);
    }
    if (message != NULL) {
        return nba_kafka_record_take(member->client, message, ret_what, ret_record, error);
    }
    if (member->offered != NULL) {
        return take_share(member, timeout_ms, error);
    }
    return nba_kafka_client_check_up(member->client, error);
}

/*
 * The library's own close waits without a bound, and in 2.0.2 can wait for ever (#4527): here its
 * queue is served until the deadline.  A client that isn't closed by then can't be destroyed either
 * without the same risk; it is left behind, for the process is about to end.
 */
void nba_kafka_member_close(void *self, int deadline_ms)
{
    struct kafka_member *member = self;
    const int64_t deadline_us = nba_kafka_now_us() + (int64_t)deadline_ms * 1000;
    rd_kafka_t *rk = member->client->rk;
    if (member->offered != NULL) {
        drop_offer(member);
        (void)rd_kafka_assign(rk, NULL); /* librdkafka waits for an answer to its offer */
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_error_t *failure = rd_kafka_consumer_close_queue(rk, queue);
    bool closed = failure != NULL; /* fatal: there is nothing to close any more */
    rd_kafka_error_destroy(failure);
    while (!closed) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(queue, NBA_KAFKA_RETRY_MS);
        if (message != NULL) {
            rd_kafka_message_destroy(message);
        }
        if (member->offered != NULL) {
            drop_offer(member);
            (void)rd_kafka_assign(rk, NULL);
        }
        closed = rd_kafka_consumer_closed(rk) != 0;
        if (nba_kafka_left_ms(deadline_us) == 0) {
            break;
        }
    }
    rd_kafka_queue_destroy(queue);
    give_back(member, true);
    if (closed) {
        nba_kafka_client_destroy(member->client);
    }
    release(member);
}

/*
 * NULL while the member is out of its group: not in it yet, or its session ran out, also during a
 * revoke.  librdkafka then hands out metadata without member and generation, and a broker takes
 * offsets with such metadata unchecked when there is no instance id: the fence would be gone.  It
 * joins again only when its share was given back, on this thread, so who is a member after the
 * metadata was made was one before.
 */
rd_kafka_consumer_group_metadata_t *nba_kafka_member_metadata(void *self)
{
    const struct kafka_member *member = self;
    rd_kafka_t *rk = member->client->rk;
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(rk);
    char *id = rd_kafka_memberid(rk);
    if (group != NULL && (id == NULL || id[0] == '\0')) {
        rd_kafka_consumer_group_metadata_destroy(group);
        group = NULL;
    }
    rd_kafka_mem_free(rk, id);
    return group;
}
