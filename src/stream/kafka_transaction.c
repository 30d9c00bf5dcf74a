/*
 * Transactions on Kafka, and what their failures mean.
 *
 * librdkafka says of an error whether it is fatal, asks for an abort, or may be tried again.  What
 * the engine has to know is another question: can the transaction have been committed?
 *
 *   fatal                              -> TXN_UNKNOWN: a broker-side time-out looks like fencing,
 *                                         and a commit may have been under way
 *   may be tried again                 -> tried until the deadline.  Then, or when the answer to
 *                                         AddOffsetsToTxn, EndTxn or an abort is missing (time-out,
 *                                         connection gone) -> TXN_UNKNOWN
 *   asks for an abort: generation or member unknown -> TXN_MEMBERSHIP
 *                      instance fenced              -> FENCED
 *                      the broker's own refusal     -> TXN_ABORTABLE
 *                      in commit, anything local    -> TXN_UNKNOWN: EndTxn may have been sent
 *   a record failed or could not be queued          -> TXN_ABORTABLE, whatever commit would say:
 *                                         after TOPIC_AUTHORIZATION_FAILED it would succeed
 */
#include <stdlib.h>
#include <string.h>

#include "kafka_producer_internal.h"
#include "nba/base/assert.h"

/* TxnOffsetCommit waits at most this long; the library caps it by the transaction's time-out. */
#define SEND_OFFSETS_MS 10000

/* The coordinator answered, and did nothing. */
static bool is_refusal(rd_kafka_resp_err_t code)
{
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    /* Not sent at all: no connection to the coordinator (its versions aren't known), or no
     * producer id at the moment. */
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR__STATE:
        return true;
    default:
        return false;
    }
}

enum call { CALL_SEND_OFFSETS, CALL_COMMIT, CALL_ABORT };

static const char *const CALL_NAMES[] = {"send offsets", "commit", "abort"};

static enum nba_status class_of(const rd_kafka_error_t *failure, enum call call)
{
    const rd_kafka_resp_err_t code = rd_kafka_error_code(failure);
    if (rd_kafka_error_is_fatal(failure) || call == CALL_ABORT) {
        return NBA_E_TXN_UNKNOWN;
    }
    if (!rd_kafka_error_txn_requires_abort(failure)) {
        return NBA_E_TXN_UNKNOWN; /* no answer, or none that is known */
    }
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
        return NBA_E_FENCED;
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
        return NBA_E_TXN_MEMBERSHIP;
    /* librdkafka counted records that failed, and sent no EndTxn. */
    case RD_KAFKA_RESP_ERR__INCONSISTENT:
        return NBA_E_TXN_ABORTABLE;
    default:
        break;
    }
    if (call != CALL_COMMIT) {
        return NBA_E_TXN_ABORTABLE;
    }
    /* "... but transaction had already failed": EndTxn was sent, and its own answer is lost behind
     * that of the earlier failure. */
    const bool local = (int)code < 0 || code == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
    const bool hidden = strstr(rd_kafka_error_string(failure), "already failed") != NULL;
    return local || hidden ? NBA_E_TXN_UNKNOWN : NBA_E_TXN_ABORTABLE;
}

/* Destroys `failure`; returns its class. */
static enum nba_status settle(struct kafka_producer *producer, rd_kafka_error_t *failure,
                              enum call call, struct nba_error *error)
{
    const enum nba_status status = class_of(failure, call);
    /* What asked for an abort may have left requests behind on the way. */
    producer->tainted = true;
    nba_error_set(error, status, "cannot %s: %s", CALL_NAMES[call], rd_kafka_error_string(failure));
    rd_kafka_error_destroy(failure);
    return status;
}

/* True when the call may be made again; then `failure` is destroyed. */
static bool try_again(rd_kafka_error_t *failure, bool resumable, int64_t deadline_us)
{
    if (rd_kafka_error_is_fatal(failure) || rd_kafka_error_txn_requires_abort(failure) ||
        !rd_kafka_error_is_retriable(failure) || nba_kafka_left_ms(deadline_us) == 0) {
        return false;
    }
    if (!resumable && !is_refusal(rd_kafka_error_code(failure))) {
        return false;
    }
    rd_kafka_error_destroy(failure);
    nba_kafka_sleep_ms(NBA_KAFKA_RETRY_MS);
    return true;
}

/* After the end of a transaction: see TAINT. */
static void look_at_connections(struct kafka_producer *producer)
{
    if (nba_kafka_client_connections_closed(producer->client) != producer->closed_at_begin) {
        producer->tainted = true;
    }
}

enum nba_status nba_kafka_producer_init(void *self, int timeout_ms, struct nba_error *error)
{
    struct kafka_producer *producer = self;
    const int64_t deadline_us = nba_kafka_now_us() + (int64_t)timeout_ms * 1000;
    rd_kafka_error_t *failure;
    do {
        failure = rd_kafka_init_transactions(producer->client->rk, nba_kafka_left_ms(deadline_us));
        (void)rd_kafka_poll(producer->client->rk, 0); /* errors of the brokers, for the message */
    } while (failure != NULL && try_again(failure, true, deadline_us));
    if (failure == NULL) {
        return NBA_OK;
    }
    const bool fatal = rd_kafka_error_is_fatal(failure) != 0;
    const rd_kafka_resp_err_t code = nba_kafka_take_error(failure);
    const enum nba_status status =
        nba_kafka_fail(producer->client, code, error, "cannot initialise a transactional producer");
    /* A wrong configuration stays one; anything else fatal is for a new producer. */
    return fatal && status != NBA_E_CONFIG ? NBA_E_TXN_UNKNOWN : status;
}

/* The same producer with a new client and a new epoch. */
static enum nba_status renew(struct kafka_producer *producer, struct nba_error *error)
{
    nba_kafka_producer_disconnect(producer);
    enum nba_status status = nba_kafka_producer_connect(producer, error);
    if (status == NBA_OK) {
        status = nba_kafka_producer_init(producer, NBA_KAFKA_CALL_MS, error);
    }
    if (status == NBA_OK) {
        producer->tainted = false;
    }
    return status;
}

enum nba_status nba_kafka_producer_begin(void *self, struct nba_error *error)
{
    struct kafka_producer *producer = self;
    if (producer->tainted) {
        const enum nba_status status = renew(producer, error);
        if (status != NBA_OK) {
            /* Without a client there is nothing left but to destroy it. */
            return status == NBA_E_CONFIG
                       ? status
                       : nba_error_set(error, NBA_E_TXN_UNKNOWN, "cannot renew producer '%s'",
                                       producer->base.transactional_id);
        }
    }
    rd_kafka_error_t *failure = rd_kafka_begin_transaction(producer->client->rk);
    if (failure != NULL) {
        nba_error_set(error, NBA_E_TXN_UNKNOWN, "cannot begin: %s", rd_kafka_error_string(failure));
        rd_kafka_error_destroy(failure);
        return NBA_E_TXN_UNKNOWN;
    }
    producer->transaction++;
    producer->failed = 0;
    producer->closed_at_begin = nba_kafka_client_connections_closed(producer->client);
    return NBA_OK;
}

enum nba_status nba_kafka_producer_send_offsets(void *self, const struct nba_position *positions,
                                                size_t count, void *member, struct nba_error *error)
{
    struct kafka_producer *producer = self;
    rd_kafka_consumer_group_metadata_t *group = nba_kafka_member_metadata(member);
    if (group == NULL) {
        return nba_error_set(error, NBA_E_TXN_MEMBERSHIP, "cannot send offsets: no group");
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count + 1);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_topic_partition_list_add(list, positions[i].topic, positions[i].partition)
            ->offset = positions[i].offset;
    }
    const int64_t deadline_us = nba_kafka_now_us() + (int64_t)SEND_OFFSETS_MS * 1000;
    rd_kafka_error_t *failure;
    do {
        failure = rd_kafka_send_offsets_to_transaction(producer->client->rk, list, group,
                                                       nba_kafka_left_ms(deadline_us));
    } while (failure != NULL && try_again(failure, false, deadline_us));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_group_metadata_destroy(group);
    if (failure == NULL) {
        return NBA_OK;
    }
    const enum nba_status status = settle(producer, failure, CALL_SEND_OFFSETS, error);
    if (status == NBA_E_FENCED && !nba_kafka_member_fenced(member)) {
        return nba_error_set(error, NBA_E_TXN_MEMBERSHIP,
                             "cannot send offsets: the session ran out");
    }
    return status;
}

/* Everything delivered, or the reason to abort. */
static enum nba_status deliver(struct kafka_producer *producer, int64_t deadline_us,
                               struct nba_error *error)
{
    rd_kafka_t *rk = producer->client->rk;
    const rd_kafka_resp_err_t code = rd_kafka_flush(rk, nba_kafka_left_ms(deadline_us));
    char text[NBA_KAFKA_TROUBLE_BYTES];
    const rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(rk, text, sizeof(text));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && producer->failed == 0 &&
        fatal == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return NBA_OK;
    }
    producer->tainted = true;
    if (fatal != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return nba_error_set(error, NBA_E_TXN_UNKNOWN, "cannot commit: %s", text);
    }
    if (producer->failed != 0) {
        return nba_error_set(
            error, NBA_E_TXN_ABORTABLE, "cannot commit: %llu records were not delivered: %s",
            (unsigned long long)producer->failed, rd_kafka_err2str(producer->failure));
    }
    return nba_error_set(error, NBA_E_TXN_ABORTABLE, "cannot commit: %d records are still waiting",
                         rd_kafka_outq_len(rk));
}

enum nba_status nba_kafka_producer_commit(void *self, int timeout_ms, struct nba_error *error)
{
    struct kafka_producer *producer = self;
    const int64_t deadline_us = nba_kafka_now_us() + (int64_t)timeout_ms * 1000;
    const enum nba_status status = deliver(producer, deadline_us, error);
    if (status != NBA_OK) {
        return status;
    }
    rd_kafka_error_t *failure;
    do {
        failure = rd_kafka_commit_transaction(producer->client->rk, nba_kafka_left_ms(deadline_us));
    } while (failure != NULL && try_again(failure, true, deadline_us));
    if (failure != NULL) {
        return settle(producer, failure, CALL_COMMIT, error);
    }
    look_at_connections(producer);
    return NBA_OK;
}

enum nba_status nba_kafka_producer_abort(void *self, int timeout_ms, struct nba_error *error)
{
    struct kafka_producer *producer = self;
    const int64_t deadline_us = nba_kafka_now_us() + (int64_t)timeout_ms * 1000;
    rd_kafka_error_t *failure;
    do {
        failure = rd_kafka_abort_transaction(producer->client->rk, nba_kafka_left_ms(deadline_us));
    } while (failure != NULL && try_again(failure, true, deadline_us));
    if (failure != NULL) {
        return settle(producer, failure, CALL_ABORT, error);
    }
    look_at_connections(producer);
    return NBA_OK;
}
