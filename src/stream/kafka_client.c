/* One librdkafka instance, what its callbacks note, and its errors in the house's words. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kafka_internal.h"
#include "nba/base/assert.h"
#include "nba/base/clock.h"

#define PROBE_INTERVAL_US 1000000
#define PROBE_MS          200

int64_t nba_kafka_now_us(void)
{
    return nba_clock_monotonic_us(&nba_clock_system);
}

int nba_kafka_left_ms(int64_t deadline_us)
{
    const int64_t left_us = deadline_us - nba_kafka_now_us();
    return left_us <= 0 ? 0 : (int)((left_us + 999) / 1000);
}

void nba_kafka_sleep_ms(int ms)
{
    const struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000L};
    (void)nanosleep(&time, NULL);
}

/* --- callbacks --- */

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    (void)rk;
    struct kafka_client *client = opaque;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        atomic_store(&client->all_down, true);
        return; /* the trouble before says more */
    }
    pthread_mutex_lock(&client->lock);
    (void)snprintf(client->trouble, sizeof(client->trouble), "%s", reason);
    pthread_mutex_unlock(&client->lock);
}

static void get_trouble(struct kafka_client *client, char text[NBA_KAFKA_TROUBLE_BYTES])
{
    pthread_mutex_lock(&client->lock);
    memcpy(text, client->trouble, NBA_KAFKA_TROUBLE_BYTES);
    pthread_mutex_unlock(&client->lock);
}

/* Called on a thread of librdkafka. */
static int on_close(int socket, void *opaque)
{
    struct kafka_client *client = opaque;
    atomic_fetch_add(&client->connections_closed, 1);
    return close(socket);
}

/* Noticed this much later than it ran out, a session was lost because the process stood still. */
#define NOTICE_MS 2000

/*
 * Below app nothing logs; what matters comes back as an error.  Only who sets `debug` (and
 * allow_debug) wants the library's own lines.  One line has news that comes no other way:
 * "SESSTMOUT ... timed out (...) after 6018 ms without a successful response from ...".  Called on
 * a thread of librdkafka.
 */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    struct kafka_client *client = rd_kafka_opaque(rk);
    if (strcmp(facility, "SESSTMOUT") == 0) {
        const char *after = strstr(text, " after ");
        const long ms = after != NULL ? strtol(after + strlen(" after "), NULL, 10) : 0;
        atomic_store(&client->session_lost, ms <= client->session_ms + NOTICE_MS);
    }
    if (client->debug) {
        rd_kafka_log_print(rk, level, facility, text);
    }
}

static int session_ms(const rd_kafka_conf_t *conf)
{
    char text[32];
    size_t bytes = sizeof(text);
    if (rd_kafka_conf_get(conf, "session.timeout.ms", text, &bytes) != RD_KAFKA_CONF_OK) {
        return 0;
    }
    return (int)strtol(text, NULL, 10);
}

/* --- life --- */

void nba_kafka_client_hold(struct kafka_client *client, size_t bytes)
{
    (void)atomic_fetch_add(client->held, bytes - client->held_bytes);
    client->held_bytes = bytes;
}

static void forget(struct kafka_client *client)
{
    nba_kafka_client_hold(client, 0);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

enum nba_status nba_kafka_client_create(struct kafka_stream *stream,
                                        const struct kafka_identity *identity,
                                        void (*dress)(rd_kafka_conf_t *conf), void *owner,
                                        struct kafka_client **ret_client, struct nba_error *error)
{
    struct kafka_client *client = calloc(1, sizeof(*client));
    if (client == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "cannot create client: out of memory");
    }
    const bool consumer = ((int)identity->role & KAFKA_ROLE_CONSUMER) != 0;
    client->owner = owner;
    client->held = consumer ? &stream->reading_bytes : &stream->writing_bytes;
    pthread_mutex_init(&client->lock, NULL);
    rd_kafka_conf_t *conf = NULL;
    const enum nba_status status = nba_kafka_settings_build(stream, identity, &conf, error);
    if (status != NBA_OK) {
        forget(client);
        return status;
    }
    rd_kafka_conf_set_opaque(conf, client);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    client->session_ms = session_ms(conf);
    client->debug = nba_kafka_settings_has(stream, "debug");
    rd_kafka_conf_set_closesocket_cb(conf, on_close);
    if (dress != NULL) {
        dress(conf);
    }
    char text[NBA_KAFKA_TROUBLE_BYTES];
    client->rk =
        rd_kafka_new(consumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (client->rk == NULL) {
        rd_kafka_conf_destroy(conf); /* ours still, as it failed */
        forget(client);
        return nba_error_set(error, NBA_E_CONFIG, "cannot create Kafka client: %s", text);
    }
    if (consumer) {
        rd_kafka_poll_set_consumer(client->rk);
    }
    *ret_client = client;
    return NBA_OK;
}

void nba_kafka_client_destroy(struct kafka_client *client)
{
    if (client != NULL) {
        rd_kafka_destroy_flags(client->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        forget(client);
    }
}

uint64_t nba_kafka_client_connections_closed(struct kafka_client *client)
{
    return atomic_load(&client->connections_closed);
}

void nba_kafka_client_serve(struct kafka_client *client)
{
    rd_kafka_message_t *message = client->unattended ? rd_kafka_consumer_poll(client->rk, 0) : NULL;
    if (message != NULL) {
        rd_kafka_message_destroy(message);
    }
}

enum nba_status nba_kafka_client_check_up(struct kafka_client *client, struct nba_error *error)
{
    if (!atomic_load(&client->all_down)) {
        return NBA_OK;
    }
    const int64_t now_us = nba_kafka_now_us();
    if (now_us - client->probed_us >= PROBE_INTERVAL_US) {
        const struct rd_kafka_metadata *metadata = NULL;
        if (rd_kafka_metadata(client->rk, 0, NULL, &metadata, PROBE_MS) ==
            RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_metadata_destroy(metadata);
            atomic_store(&client->all_down, false);
            return NBA_OK;
        }
        client->probed_us = nba_kafka_now_us();
    }
    char trouble[NBA_KAFKA_TROUBLE_BYTES];
    get_trouble(client, trouble);
    return nba_error_set(error, NBA_E_UNAVAILABLE, "cannot reach a Kafka broker: %s", trouble);
}

/* --- errors --- */

static const struct {
    rd_kafka_resp_err_t code;
    enum nba_status status;
} STATUS[] = {
    {RD_KAFKA_RESP_ERR_NO_ERROR, NBA_OK},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, NBA_E_TIMEOUT},
    {RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, NBA_E_TIMEOUT},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, NBA_E_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, NBA_E_TIMEOUT},
    {RD_KAFKA_RESP_ERR__TRANSPORT, NBA_E_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, NBA_E_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR__RESOLVE, NBA_E_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR__WAIT_COORD, NBA_E_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, NBA_E_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, NBA_E_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR_NOT_COORDINATOR, NBA_E_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, NBA_E_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, NBA_E_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, NBA_E_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, NBA_E_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, NBA_E_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR_NOT_CONTROLLER, NBA_E_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT, NBA_E_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, NBA_E_BUSY},
    {RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP, NBA_E_BUSY},
    {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, NBA_E_BUSY},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, NBA_E_NOT_FOUND},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, NBA_E_NOT_FOUND},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, NBA_E_NOT_FOUND},
    {RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, NBA_E_EXISTS},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, NBA_E_CONFIG},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, NBA_E_CONFIG},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, NBA_E_CONFIG},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, NBA_E_CONFIG},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, NBA_E_CONFIG},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, NBA_E_CONFIG},
    {RD_KAFKA_RESP_ERR__SSL, NBA_E_CONFIG},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, NBA_E_CONFIG},
    {RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, NBA_E_CONFIG},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, NBA_E_CONFIG},
    {RD_KAFKA_RESP_ERR_INVALID_CONFIG, NBA_E_CONFIG},
    {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, NBA_E_CONFIG},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, NBA_E_CONFIG},
    {RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT, NBA_E_CONFIG},
    {RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, NBA_E_NOT_FOUND},
    {RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, NBA_E_NOT_FOUND},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, NBA_E_LIMIT},
    {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, NBA_E_FENCED},
    {RD_KAFKA_RESP_ERR_INVALID_MSG, NBA_E_CORRUPT},
    {RD_KAFKA_RESP_ERR__BAD_MSG, NBA_E_CORRUPT},
    {RD_KAFKA_RESP_ERR__BAD_COMPRESSION, NBA_E_CORRUPT},
};

enum nba_status nba_kafka_status(rd_kafka_resp_err_t code)
{
    for (size_t i = 0; i < NBA_ARRAY_COUNT(STATUS); i++) {
        if (STATUS[i].code == code) {
            return STATUS[i].status;
        }
    }
    return NBA_E_IO;
}

enum nba_status nba_kafka_fail(struct kafka_client *client, rd_kafka_resp_err_t code,
                               struct nba_error *error, const char *what)
{
    const enum nba_status status = nba_kafka_status(code);
    NBA_ASSERT(status != NBA_OK);
    const bool away = status == NBA_E_UNAVAILABLE || status == NBA_E_TIMEOUT;
    char trouble[NBA_KAFKA_TROUBLE_BYTES] = "";
    if (away && client != NULL) {
        nba_kafka_client_serve(client);
        get_trouble(client, trouble);
    }
    if (trouble[0] != '\0') {
        return nba_error_set(error, status, "%s: %s (%s)", what, rd_kafka_err2str(code), trouble);
    }
    return nba_error_set(error, status, "%s: %s", what, rd_kafka_err2str(code));
}

rd_kafka_resp_err_t nba_kafka_take_error(rd_kafka_error_t *failure)
{
    const rd_kafka_resp_err_t code = rd_kafka_error_code(failure);
    rd_kafka_error_destroy(failure);
    return code;
}
