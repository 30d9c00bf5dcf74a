/*
 * What the kafka_*.c files share: settings, a client handle, and the two ways librdkafka fails.
 *
 * A client (struct kafka_client) is one librdkafka instance with what its callbacks note.  Every
 * reader, member and producer has its own; the stream has two more for marks and admin requests,
 * one for each isolation, because librdkafka answers "watermark" by the handle's isolation level.
 *
 * CALLBACKS.  librdkafka calls on_error, deliveries, statistics and rebalances where it polls; the
 * closing of a connection is reported on one of its own threads, hence the atomic counter.
 *
 * SECRETS.  A property's value is never put into a message, nor into a log: the library's own log
 * lines are dropped, the last trouble is kept and quoted where a call fails for it.
 */
#ifndef NBA_STREAM_KAFKA_INTERNAL_H
#define NBA_STREAM_KAFKA_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "backend_internal.h"

/* A call that the public contract gives no time-out to may take this long. */
#define NBA_KAFKA_CALL_MS 15000
/* After SIGKILL of a broker's process a coordinator moves within seconds; asking more often than
 * this only burns CPU. */
#define NBA_KAFKA_RETRY_MS 20

enum kafka_role {
    KAFKA_ROLE_READER = 1,   /* partitions by name */
    KAFKA_ROLE_MEMBER = 2,   /* of a consumer group */
    KAFKA_ROLE_PLAIN = 4,    /* idempotent producer */
    KAFKA_ROLE_TXN = 8,      /* transactional producer */
    KAFKA_ROLE_CONSUMER = 3, /* either of the first two */
    KAFKA_ROLE_PRODUCER = 12,
    KAFKA_ROLE_ANY = 15,
};

/* What a role needs to know beside the properties; unused ones are NULL. */
struct kafka_identity {
    enum kafka_role role;
    enum nba_isolation isolation; /* consumers */
    const char *group_id;         /* member */
    const char *instance_id;      /* member; NULL dynamic */
    const char *transactional_id; /* transactional producer */
};

#define NBA_KAFKA_TROUBLE_BYTES 200u

struct kafka_client {
    struct nba_reader reader; /* first: a reader is a client and no more */
    rd_kafka_t *rk;
    /* Connections that were closed so far.  A request that was on such a one may still arrive. */
    _Atomic uint64_t connections_closed;
    _Atomic bool all_down; /* no broker has been reached since librdkafka said so */
    /* Member: its session ran out while this process was awake to notice: no broker answered. */
    _Atomic bool session_lost;
    int session_ms;       /* session.timeout.ms */
    bool debug;           /* the library's own log goes to stderr */
    bool unattended;      /* nobody polls it: a stream's own client, which gets no records */
    int64_t probed_us;    /* when that was last checked, by the polling thread */
    pthread_mutex_t lock; /* for trouble: the stream's own clients serve several threads */
    char trouble[NBA_KAFKA_TROUBLE_BYTES];
    void *owner;          /* reader, member or producer, for its callbacks */
    _Atomic size_t *held; /* the stream's reading_bytes or writing_bytes */
    size_t held_bytes;    /* this client's part of it */
};

struct kafka_stream {
    struct nba_stream stream; /* first */
    struct nba_property *properties;
    size_t property_count;
    struct nba_stream_memory memory;             /* of one client */
    _Atomic size_t reading_bytes, writing_bytes; /* what members, and producers, hold */
    struct kafka_client *committed;   /* marks as a committed reader sees them; admin requests */
    struct kafka_client *uncommitted; /* marks as they are */
};

/* --- kafka_settings.c --- */

/* Copies the properties, each checked against the list of what may not be set.  NBA_E_CONFIG. */
NBA_MUST_USE
enum nba_status nba_kafka_settings_copy(const struct nba_property *properties, size_t count,
                                        struct kafka_stream *stream, struct nba_error *error);
/* Wipes and frees them. */
void nba_kafka_settings_clear(struct kafka_stream *stream);
bool nba_kafka_settings_has(const struct kafka_stream *stream, const char *name);
/* Ours, then the user's, then what can't be changed. */
NBA_MUST_USE
enum nba_status nba_kafka_settings_build(const struct kafka_stream *stream,
                                         const struct kafka_identity *identity,
                                         rd_kafka_conf_t **ret_conf, struct nba_error *error);

/* --- kafka_client.c --- */

/* `dress` (may be NULL) adds the owner's callbacks.  NBA_E_CONFIG, NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_kafka_client_create(struct kafka_stream *stream,
                                        const struct kafka_identity *identity,
                                        void (*dress)(rd_kafka_conf_t *conf), void *owner,
                                        struct kafka_client **ret_client, struct nba_error *error);
void nba_kafka_client_destroy(struct kafka_client *client); /* NULL is fine */
/* Records of so many bytes are in its queue now.  Thread of its owner. */
void nba_kafka_client_hold(struct kafka_client *client, size_t bytes);
uint64_t nba_kafka_client_connections_closed(struct kafka_client *client);
/* Serves the callbacks of an unattended client; does nothing to others. */
void nba_kafka_client_serve(struct kafka_client *client);

/* A poll that came back empty: NBA_E_UNAVAILABLE while no broker can be reached.  Asks the brokers
 * at most once a second, and only after librdkafka has said that all are down. */
NBA_MUST_USE
enum nba_status nba_kafka_client_check_up(struct kafka_client *client, struct nba_error *error);

/* The house's status of a librdkafka code outside transactions. */
enum nba_status nba_kafka_status(rd_kafka_resp_err_t code);
/* Fills `error` with "what: librdkafka's text (the last trouble)". */
enum nba_status nba_kafka_fail(struct kafka_client *client, rd_kafka_resp_err_t code,
                               struct nba_error *error, const char *what);
/* The code of an error object, which is destroyed; NO_ERROR for NULL. */
rd_kafka_resp_err_t nba_kafka_take_error(rd_kafka_error_t *failure);

int64_t nba_kafka_now_us(void);
void nba_kafka_sleep_ms(int ms);
/* Milliseconds until `deadline_us`, 0 at least. */
int nba_kafka_left_ms(int64_t deadline_us);

/* --- kafka_record.c --- */

/* Copies a message whose err is 0.  NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_kafka_record_copy(const rd_kafka_message_t *message,
                                      struct nba_record *ret_record, struct nba_error *error);
/* A record that only says where: topic, partition, offset. */
NBA_MUST_USE
enum nba_status nba_kafka_record_mark(const rd_kafka_message_t *message,
                                      struct nba_record *ret_record, struct nba_error *error);
/* What one polled message means to a reader or member; destroys it. */
NBA_MUST_USE
enum nba_status nba_kafka_record_take(struct kafka_client *client, rd_kafka_message_t *message,
                                      enum nba_poll *ret_what, struct nba_record *ret_record,
                                      struct nba_error *error);

/* --- kafka_admin.c --- */

NBA_MUST_USE
enum nba_status nba_kafka_admin_create_topic(struct kafka_client *client,
                                             const struct nba_topic_spec *spec,
                                             struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_kafka_admin_delete_topic(struct kafka_client *client, const char *topic,
                                             struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_kafka_admin_group_committed(struct kafka_client *client, const char *group,
                                                const char *topic, int32_t partition,
                                                int64_t *ret_offset, struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_kafka_admin_group_reset(struct kafka_client *client, const char *group,
                                            const char *topic, int32_t partition, int64_t offset,
                                            struct nba_error *error);

/* Partitions of a topic and whether all have a leader.  NBA_E_NOT_FOUND, NBA_E_UNAVAILABLE. */
NBA_MUST_USE
enum nba_status nba_kafka_topic_look_up(struct kafka_client *client, rd_kafka_topic_t *handle,
                                        int timeout_ms, int32_t *ret_count, bool *ret_ready,
                                        struct nba_error *error);

/* --- the table's entries --- */

enum nba_status nba_kafka_reader_create(void *self, enum nba_isolation isolation, void **ret_reader,
                                        struct nba_error *error);
void nba_kafka_reader_destroy(void *self);
enum nba_status nba_kafka_reader_assign(void *self, const struct nba_position *positions,
                                        size_t count, struct nba_error *error);
enum nba_status nba_kafka_reader_poll(void *self, int timeout_ms, enum nba_poll *ret_what,
                                      struct nba_record *ret_record, struct nba_error *error);

enum nba_status nba_kafka_member_create(void *self, const struct nba_member_options *options,
                                        void **ret_member, struct nba_error *error);
enum nba_status nba_kafka_member_poll(void *self, int timeout_ms, enum nba_poll *ret_what,
                                      struct nba_record *ret_record, struct nba_error *error);
void nba_kafka_member_close(void *self, int deadline_ms);
/* Another member runs under the instance id, beyond doubt; see kafka_member.c. */
bool nba_kafka_member_fenced(void *self);
/* Fresh group metadata (generation, member id) for send_offsets; the caller destroys it. */
rd_kafka_consumer_group_metadata_t *nba_kafka_member_metadata(void *self);

enum nba_status nba_kafka_producer_create(void *self, const char *transactional_id,
                                          void **ret_producer, struct nba_error *error);
void nba_kafka_producer_destroy(void *self);
enum nba_status nba_kafka_producer_init(void *self, int timeout_ms, struct nba_error *error);
enum nba_status nba_kafka_producer_begin(void *self, struct nba_error *error);
enum nba_status nba_kafka_producer_produce(void *self, const struct nba_outgoing *outgoing,
                                           struct nba_error *error);
enum nba_status nba_kafka_producer_send_offsets(void *self, const struct nba_position *positions,
                                                size_t count, void *member,
                                                struct nba_error *error);
enum nba_status nba_kafka_producer_commit(void *self, int timeout_ms, struct nba_error *error);
enum nba_status nba_kafka_producer_abort(void *self, int timeout_ms, struct nba_error *error);
bool nba_kafka_producer_next_offset(const void *self, const char *topic, int32_t partition,
                                    int64_t *ret_next);
enum nba_status nba_kafka_producer_flush(void *self, int timeout_ms, struct nba_error *error);

#endif
