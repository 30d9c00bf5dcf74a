/*
 * The local log, shared by its files: what stands in memory, and which lock guards what.
 *
 * The store (kv) holds the records, each partition's marks and the group offsets; docs/formats/
 * local-log.md draws the bytes.  In memory are the topics with their marks, the open transactions
 * and the groups: all that ends with the process, so that a crash aborts what was open.
 *
 * LOCKS, taken in this order; callbacks are called with none held.
 *   clean_lock   one compaction, retention or deletion of a topic at a time
 *   commit_lock  one change of the store's marks at a time: commit, abort, plain produce, cleaning.
 *                Held over the write, so offsets become visible in one order
 *   lock         everything in memory below; never held over a write.  `changed` is its condition:
 *                broadcast when something to read, an assignment or a decision may be there
 */
#ifndef NBA_STREAM_LOCAL_INTERNAL_H
#define NBA_STREAM_LOCAL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "backend_internal.h"
#include "nba/base/buf.h"
#include "nba/kv/kv.h"

/* A transaction open longer than this is aborted and its producer fenced, as a broker does. */
#define NBA_LOCAL_TRANSACTION_MS_MAX 15000
/* How often a read-only log looks for news of the writer while somebody waits. */
#define NBA_LOCAL_REFRESH_MS 20

struct nba_local_partition {
    int64_t low;
    int64_t stable;
    int64_t next;  /* the high watermark: the next offset to give away */
    int64_t clean; /* compaction has been done below this */
    int64_t kept;  /* records the last compaction left below `clean` */
};

struct nba_local_topic {
    char *name;
    uint32_t id;
    int32_t partition_count;
    bool compacted;
    bool deleted;
    int64_t retention_ms;
    int64_t delete_retention_ms;
    bool gone; /* was deleted; the struct stays until the log closes */
    struct nba_local_partition *partitions;
    struct nba_local_topic *next;
};

/* The offsets a transaction took of one partition. */
struct nba_local_touch {
    struct nba_local_topic *topic;
    int32_t partition;
    int64_t first;
    int64_t next;
};

/* A group offset that waits for its transaction. */
struct nba_local_pending {
    struct nba_local_group *group;
    struct nba_local_topic *topic;
    int32_t partition;
    int64_t offset;
};

/* An open transaction.  It outlives a producer that was destroyed without ending it. */
struct nba_local_transaction {
    char *id;
    struct nba_local_producer *owner; /* NULL: destroyed */
    int64_t begun_us;
    struct nba_kv_batch *batch;
    struct nba_local_touch *touches;
    size_t touch_count;
    size_t touch_capacity;
    struct nba_local_pending *pendings;
    size_t pending_count;
    struct nba_local_transaction *next;
};

struct nba_local_producer {
    struct nba_local_log *log;
    char *id; /* NULL: plain */
    bool fenced;
    bool current; /* initialised and not fenced */
    struct nba_local_transaction *transaction;
    struct nba_local_touch *last; /* what the last commit wrote */
    size_t last_count;
    struct nba_buf scratch;
    uint32_t turn;              /* partition of the next record without a key */
    struct nba_kv_batch *batch; /* plain only */
    struct nba_local_producer *next;
};

/* One partition being read: an iterator over what was visible when it was made. */
struct nba_local_cursor {
    struct nba_local_topic *topic;
    int32_t partition;
    int64_t position;
    int64_t end_told; /* position of the last NBA_POLL_END, or -1 */
    int64_t iter_end;
    struct nba_kv_iter *iter;
};

struct nba_local_cursors {
    struct nba_local_cursor *items;
    size_t count;
    size_t turn;
};

struct nba_local_member {
    struct nba_local_log *log;
    struct nba_local_group *group; /* NULL: fenced or left */
    char *instance_id;
    char **topics;
    size_t topic_count;
    struct nba_member_options callbacks; /* only assign, revoke and context */
    uint64_t sequence;                   /* order of joining */
    bool fenced;
    bool ready;   /* gave its share back, waits for the next generation */
    bool pending; /* has a share that `assign` has not been told */
    bool owns;    /* has a share that `assign` was told */
    struct nba_assignment *share;
    size_t share_count;
    struct nba_local_topic **share_topics; /* beside `share` */
    struct nba_local_cursors cursors;
    struct nba_local_member *next;
};

struct nba_local_group {
    char *name;
    bool rebalancing;
    struct nba_local_member *members;
    struct nba_local_group *next;
};

struct nba_local_log {
    struct nba_kv *kv;
    struct nba_kv_cf *records;
    struct nba_kv_cf *meta;
    const struct nba_clock *clock;
    bool read_only;
    char *secondary_path; /* read-only: a folder of its own, removed at the end */

    pthread_mutex_t clean_lock;
    pthread_mutex_t commit_lock;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t version; /* counts the broadcasts */
    struct nba_local_topic *topics;
    struct nba_local_transaction *transactions;
    struct nba_local_producer *producers;
    struct nba_local_group *groups;
    uint64_t join_count;

    pthread_t keeper; /* the thread that cleans */
    bool keeper_runs;
    atomic_bool closing; /* the keeper leaves off what it does */
    pthread_cond_t stop; /* with `lock`: closing was set */
};

/* --- local_format.c: bytes --- */

#define NBA_LOCAL_KEY_BYTES 16u

/* Key of a record; offset 0 and partition + 1 give bounds. */
void nba_local_record_key(uint32_t topic_id, int32_t partition, int64_t offset,
                          unsigned char ret_key[NBA_LOCAL_KEY_BYTES]);
int64_t nba_local_key_offset(struct nba_str key);
/* Appends the record's value to `buf`; timestamp_ms is filled in already. */
void nba_local_record_encode(const struct nba_outgoing *outgoing, int64_t appended_ms,
                             struct nba_buf *buf);
/* A record in memory of its own.  NBA_E_CORRUPT. */
NBA_MUST_USE
enum nba_status nba_local_record_decode(struct nba_str bytes, struct nba_record *ret_record,
                                        struct nba_error *error);
/* What cleaning must know of a record, borrowed. */
struct nba_local_glance {
    bool key_null;
    bool value_null;
    int64_t timestamp_ms;
    int64_t appended_ms;
    struct nba_str key;
};
bool nba_local_record_glance(struct nba_str bytes, struct nba_local_glance *ret_glance);

void nba_local_put_topic(struct nba_local_log *log, struct nba_kv_batch *batch,
                         const struct nba_local_topic *topic);
void nba_local_put_marks(struct nba_local_log *log, struct nba_kv_batch *batch,
                         const struct nba_local_topic *topic, int32_t partition,
                         const struct nba_local_partition *marks);
void nba_local_put_group_offset(struct nba_local_log *log, struct nba_kv_batch *batch,
                                const char *group, const struct nba_local_topic *topic,
                                int32_t partition, int64_t offset);
NBA_MUST_USE
enum nba_status nba_local_get_group_offset(struct nba_local_log *log, const char *group,
                                           const struct nba_local_topic *topic, int32_t partition,
                                           int64_t *ret_offset, struct nba_error *error);
/* Deletes what stands in `meta` about the topic, group offsets included. */
void nba_local_delete_topic(struct nba_local_log *log, struct nba_kv_batch *batch,
                            const struct nba_local_topic *topic);
/* Reads topics and marks into memory; those known already are brought up to date. */
NBA_MUST_USE
enum nba_status nba_local_load(struct nba_local_log *log, struct nba_error *error);

/* --- local_log.c: topics and marks --- */

/* The topic and, if the partition is there, its marks.  `lock` is held.  NULL: fills `error`. */
struct nba_local_topic *nba_local_find_topic(struct nba_local_log *log, const char *name,
                                             int32_t partition, struct nba_error *error);
/* An iterator over the offsets from..to-1 of a partition, standing on the first. */
struct nba_kv_iter *nba_local_scan(struct nba_local_log *log, const struct nba_local_topic *topic,
                                   int32_t partition, int64_t from, int64_t to);
/* First offset of the open transactions on the partition, else its next; `without` is left out
 * (NULL: none).  `lock` is held. */
int64_t nba_local_stable(const struct nba_local_log *log, const struct nba_local_topic *topic,
                         int32_t partition, const struct nba_local_transaction *without);
/* Tells everyone who waits.  `lock` is held. */
void nba_local_broadcast(struct nba_local_log *log);
/* Waits for a broadcast after `version` or the deadline; read-only: looks for news of the writer.
 * `lock` is held, given up meanwhile, and held again.  False when the deadline has passed. */
bool nba_local_wait(struct nba_local_log *log, uint64_t version, const struct timespec *deadline);
/* A deadline on CLOCK_MONOTONIC. */
struct timespec nba_local_deadline(int timeout_ms);

/* --- local_reader.c --- */

/* Takes over as many positions as `count`; `topics` stands beside them. */
void nba_local_cursors_set(struct nba_local_cursors *cursors, const struct nba_position *positions,
                           struct nba_local_topic *const *topics, size_t count);
void nba_local_cursors_clear(struct nba_local_cursors *cursors);
/* What is there now, without waiting. */
NBA_MUST_USE
enum nba_status nba_local_cursors_poll(struct nba_local_log *log, struct nba_local_cursors *cursors,
                                       enum nba_poll *ret_what, struct nba_record *ret_record,
                                       struct nba_error *error);
enum nba_status nba_local_reader_create(void *self, enum nba_isolation isolation, void **ret_reader,
                                        struct nba_error *error);
void nba_local_reader_destroy(void *self);
enum nba_status nba_local_reader_assign(void *self, const struct nba_position *positions,
                                        size_t count, struct nba_error *error);
enum nba_status nba_local_reader_poll(void *self, int timeout_ms, enum nba_poll *ret_what,
                                      struct nba_record *ret_record, struct nba_error *error);

/* --- local_member.c --- */

/* The group of that name, made when absent.  `lock` is held. */
struct nba_local_group *nba_local_find_group(struct nba_local_log *log, const char *name);
/* Everyone subscribed to the topic must give back and get anew.  `lock` is held. */
void nba_local_rebalance_topic(struct nba_local_log *log, const char *topic);
enum nba_status nba_local_member_create(void *self, const struct nba_member_options *options,
                                        void **ret_member, struct nba_error *error);
enum nba_status nba_local_member_poll(void *self, int timeout_ms, enum nba_poll *ret_what,
                                      struct nba_record *ret_record, struct nba_error *error);
void nba_local_member_close(void *self, int deadline_ms);

/* --- local_producer.c --- */

/* Drops an open transaction, fences its producer, lets the marks move on.  commit_lock is held. */
void nba_local_transaction_drop(struct nba_local_log *log,
                                struct nba_local_transaction *transaction);
void nba_local_transaction_free(struct nba_local_transaction *transaction);
enum nba_status nba_local_producer_create(void *self, const char *transactional_id,
                                          void **ret_producer, struct nba_error *error);
void nba_local_producer_destroy(void *self);
enum nba_status nba_local_producer_init(void *self, int timeout_ms, struct nba_error *error);
enum nba_status nba_local_producer_begin(void *self, struct nba_error *error);
enum nba_status nba_local_producer_produce(void *self, const struct nba_outgoing *outgoing,
                                           struct nba_error *error);
enum nba_status nba_local_producer_send_offsets(void *self, const struct nba_position *positions,
                                                size_t count, void *member,
                                                struct nba_error *error);
enum nba_status nba_local_producer_commit(void *self, int timeout_ms, struct nba_error *error);
enum nba_status nba_local_producer_abort(void *self, int timeout_ms, struct nba_error *error);
bool nba_local_producer_next_offset(const void *self, const char *topic, int32_t partition,
                                    int64_t *ret_next);
enum nba_status nba_local_producer_flush(void *self, int timeout_ms, struct nba_error *error);

/* --- local_clean.c: compaction, retention, old transactions --- */

/* Both with clean_lock held. */
NBA_MUST_USE
enum nba_status nba_local_compact(struct nba_local_log *log, struct nba_local_topic *topic,
                                  int32_t partition, struct nba_error *error);
/* Deletes the records of from..to-1. */
NBA_MUST_USE
enum nba_status nba_local_erase(struct nba_local_log *log, const struct nba_local_topic *topic,
                                int32_t partition, int64_t from, int64_t to,
                                struct nba_error *error);
/* The keeper thread: every second old transactions and partitions dirty enough. */
void *nba_local_keeper(void *self);

#endif
