/*
 * The local log, shared by its files: what stands in memory, and which lock guards what.
 *
 * The store (kv) holds the records, each partition's marks and the group offsets; docs/formats/
 * local-log.md draws the bytes.  In memory are the topics with their marks, the producers with
 * their open transactions, and the groups: all that ends with the process, so that a crash aborts
 * what was open.
 *
 * LOCKS, taken in this order; callbacks are called with none held.
 *   clean_lock   one compaction, retention or deletion of a topic at a time
 *   lock         everything in memory below, and each change of marks in the store with its write:
 *                so offsets become visible in one order.  `changed` is its condition: broadcast
 *                when something to read, an assignment or a decision may be there
 */
#ifndef NBA_STREAM_LOCAL_INTERNAL_H
#define NBA_STREAM_LOCAL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "backend_internal.h"
#include "nba/base/buf.h"
#include "nba/kv/kv.h"

/* A transaction open longer than this is aborted and its producer fenced, as a broker does. */
#define NBA_LOCAL_TRANSACTION_MS_MAX 15000

/* Marks of a partition; these bytes stand in the store. */
struct nba_local_marks {
    int64_t low;
    int64_t stable;
    int64_t next;  /* the high watermark: the next offset to give away */
    int64_t clean; /* compaction has been done below this */
    int64_t kept;  /* records the last compaction left below `clean` */
};

struct nba_local_partition {
    struct nba_local_topic *topic;
    int32_t index;
    struct nba_local_marks marks;
};

struct nba_local_topic {
    struct nba_topic_spec spec; /* owns its name */
    uint32_t id;
    bool gone; /* was deleted; the struct stays until the log closes */
    struct nba_local_partition *partitions;
    struct nba_local_topic *next;
};

/* What a transaction has of one partition: records, or a group's offset to be committed. */
struct nba_local_claim {
    struct nba_local_partition *partition;
    struct nba_local_group *group; /* NULL: records */
    int64_t first;                 /* offset of the first record */
    int64_t next;                  /* the offset after the last one; or the group's */
};

/* A producer with its transaction.  One that was destroyed without ending it stays in the list,
 * without an owner, until somebody else does. */
struct nba_local_producer {
    struct nba_producer base; /* first; a plain one's every record is a transaction */
    struct nba_local_log *log;
    bool initialised;
    bool fenced;
    bool open; /* in a transaction */
    bool destroyed;
    int64_t begun_us;
    struct nba_kv_batch *batch;
    struct nba_local_claim *claims; /* of the open transaction, or of the last one committed */
    size_t claim_count;
    size_t claim_capacity;
    struct nba_buf scratch;
    uint32_t turn; /* partition of the next record without a key */
    struct nba_local_producer *next;
};

/* One partition being read: an iterator over what was visible when it was made. */
struct nba_local_cursor {
    struct nba_local_partition *partition;
    int64_t position;
    int64_t end_told; /* position of the last NBA_POLL_END, or -1 */
    int64_t iter_end;
    struct nba_kv_iter *iter;
};

/* A reader of cursors; a member's are its share of the group's partitions. */
struct nba_local_reader {
    struct nba_member base; /* first */
    struct nba_local_log *log;
    struct nba_local_cursor *cursors;
    size_t cursor_count;
    size_t cursor_capacity;
    size_t turn;

    /* Members only. */
    struct nba_local_group *group; /* NULL: fenced or left */
    char *instance_id;
    char **topics;
    size_t topic_count;
    struct nba_member_options callbacks; /* only assign, revoke and context */
    bool fenced;
    bool owns;                    /* has a share */
    uint64_t seen;                /* generation in which it gave its share back last */
    struct nba_assignment *share; /* beside `cursors` */
    struct nba_local_reader *next;
};

struct nba_local_group {
    char *name;
    uint64_t generation; /* counts the comings and goings of members and topics */
    struct nba_local_reader *members;
    struct nba_local_group *next;
};

struct nba_local_log {
    struct nba_stream base; /* first */
    struct nba_kv *kv;
    struct nba_kv_cf *records;
    struct nba_kv_cf *meta;
    const struct nba_clock *clock;
    bool read_only;

    pthread_mutex_t clean_lock;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t version; /* counts the broadcasts */
    struct nba_local_topic *topics;
    struct nba_local_producer *producers;
    struct nba_local_group *groups;

    pthread_t keeper; /* the thread that cleans */
    bool keeper_runs;
    atomic_bool closing; /* the keeper leaves off what it does */
    pthread_cond_t stop; /* with `lock`: closing was set */
};

/* --- local_format.c: bytes --- */

/* An iterator over the offsets from..to-1, standing on the first. */
struct nba_kv_iter *nba_local_iter(struct nba_local_log *log, const struct nba_local_partition *p,
                                   int64_t from, int64_t to);
/* Of the record it stands on, what is there without headers and value, and when it was appended;
 * false: the record is damaged. */
bool nba_local_head(const struct nba_kv_iter *iter, struct nba_record *ret_head,
                    int64_t *ret_appended_ms);
/* Ends it; NBA_OK unless it ended for a failure. */
NBA_MUST_USE
enum nba_status nba_local_iter_end(struct nba_kv_iter *iter, struct nba_error *error);

void nba_local_put_record(struct nba_local_log *log, struct nba_kv_batch *batch,
                          const struct nba_local_partition *p, int64_t offset,
                          struct nba_str bytes);
/* Deletes the records of from..to-1. */
void nba_local_delete_records(struct nba_local_log *log, struct nba_kv_batch *batch,
                              const struct nba_local_partition *p, int64_t from, int64_t to);
/* Appends the record's value to `buf`; timestamp_ms is filled in already. */
void nba_local_record_encode(const struct nba_outgoing *outgoing, int64_t appended_ms,
                             struct nba_buf *buf);
/* The record `iter` stands on, in memory of its own.  NBA_E_CORRUPT. */
NBA_MUST_USE
enum nba_status nba_local_record_decode(const struct nba_kv_iter *iter,
                                        struct nba_record *ret_record, struct nba_error *error);

void nba_local_put_topic(struct nba_local_log *log, struct nba_kv_batch *batch,
                         const struct nba_local_topic *topic);
/* Its marks as they are now. */
void nba_local_put_marks(struct nba_local_log *log, struct nba_kv_batch *batch,
                         const struct nba_local_partition *p);
void nba_local_put_group_offset(struct nba_local_log *log, struct nba_kv_batch *batch,
                                const char *group, const struct nba_local_partition *p,
                                int64_t offset);
NBA_MUST_USE
enum nba_status nba_local_get_group_offset(struct nba_local_log *log, const char *group,
                                           const struct nba_local_partition *p, int64_t *ret_offset,
                                           struct nba_error *error);
/* Deletes all that stands in the store of the topic, group offsets included. */
void nba_local_delete_topic(struct nba_local_log *log, struct nba_kv_batch *batch,
                            const struct nba_local_topic *topic);
/* A topic of the spec, all marks 0, in no list yet. */
struct nba_local_topic *nba_local_topic_create(const struct nba_topic_spec *spec, uint32_t id);
void nba_local_topic_destroy(struct nba_local_topic *topic);
/* Reads topics and marks into memory; those known already are brought up to date. */
NBA_MUST_USE
enum nba_status nba_local_load(struct nba_local_log *log, struct nba_error *error);

/* --- local_log.c: topics and marks --- */

/* The partition, if it is there.  `lock` is held.  NULL: fills `error` with NBA_E_NOT_FOUND. */
struct nba_local_partition *nba_local_find(struct nba_local_log *log, const char *topic,
                                           int32_t index, struct nba_error *error);
/* First offset of the open transactions on the partition, else its next.  `lock` is held. */
int64_t nba_local_stable(const struct nba_local_log *log, const struct nba_local_partition *p);
/* Tells everyone who waits.  `lock` is held. */
void nba_local_broadcast(struct nba_local_log *log);
/* Waits for a broadcast after `version` or the deadline; read-only: looks for news of the writer.
 * False when the deadline has passed without a broadcast. */
bool nba_local_wait(struct nba_local_log *log, uint64_t version, int64_t deadline_us);
/* Now, on the clock that deadlines are of. */
int64_t nba_local_now_us(void);
/* Waits for `condition`, with `lock` held; false when the deadline has passed. */
bool nba_local_timed_wait(struct nba_local_log *log, pthread_cond_t *condition,
                          int64_t deadline_us);

/* --- local_reader.c --- */

/* One more partition to read, from `position` on. */
void nba_local_cursor_add(struct nba_local_reader *reader, struct nba_local_partition *partition,
                          int64_t position);
void nba_local_cursors_clear(struct nba_local_reader *reader);
enum nba_status nba_local_reader_create(void *self, enum nba_isolation isolation, void **ret_reader,
                                        struct nba_error *error);
void nba_local_reader_destroy(void *self);
enum nba_status nba_local_reader_assign(void *self, const struct nba_position *positions,
                                        size_t count, struct nba_error *error);
/* A member's too. */
enum nba_status nba_local_reader_poll(void *self, int timeout_ms, enum nba_poll *ret_what,
                                      struct nba_record *ret_record, struct nba_error *error);

/* --- local_member.c --- */

/* The group of that name, made when absent.  `lock` is held. */
struct nba_local_group *nba_local_find_group(struct nba_local_log *log, const char *name);
/* Everyone subscribed to the topic must give back and get anew.  `lock` is held. */
void nba_local_rebalance_topic(struct nba_local_log *log, const char *topic);
/* Does what the group asks of the member now.  `lock` is held, given up for callbacks. */
NBA_MUST_USE
enum nba_status nba_local_member_follow(struct nba_local_reader *member, struct nba_error *error);
enum nba_status nba_local_member_create(void *self, const struct nba_member_options *options,
                                        void **ret_member, struct nba_error *error);
void nba_local_member_close(void *self, int deadline_ms);

/* --- local_producer.c --- */

/* Drops an open transaction and lets the marks move on; frees the producer if it was destroyed.
 * `lock` is held. */
void nba_local_producer_drop(struct nba_local_producer *producer);
void nba_local_producer_free(struct nba_local_producer *producer);
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

/* --- local_clean.c: compaction, retention, old transactions --- */

/* clean_lock is held. */
NBA_MUST_USE
enum nba_status nba_local_compact(struct nba_local_log *log, struct nba_local_partition *p,
                                  struct nba_error *error);
/* Old transactions are dropped, partitions dirty enough are cleaned. */
void nba_local_keep(struct nba_local_log *log);
/* The keeper thread: that, every second. */
void *nba_local_keeper(void *self);

#endif
