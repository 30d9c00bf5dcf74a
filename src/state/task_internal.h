/* A task from the inside: what the files that make it up, and the store, share. */
#ifndef NBA_STATE_TASK_INTERNAL_H
#define NBA_STATE_TASK_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "hot.h"
#include "nba/base/hash_index.h"
#include "nba/base/time_text.h"
#include "nba/kv/kv.h"
#include "nba/state/key.h"
#include "nba/state/task.h"
#include "tally.h"
#include "volume.h"

#define TASK_NAME_BYTES 320u
#define NBA_KEY_DUE_END 9u /* kind byte and eight bytes of due time */

struct nba_timers {
    const struct nba_timer *items;
    uint32_t count;
};

/* One HCP that the transaction has touched. */
struct nba_overlay_entry {
    struct nba_hcp hcp;
    uint64_t hash;
    struct nba_str original; /* encoded, as read; empty when the store had none */
    struct nba_str encoded;  /* by nba_task_seal */
    bool changed, deleted;   /* by nba_task_seal; nba_task_delete */
    bool vectors_looked_up;  /* in cache and local key */
    bool erasure_changed;    /* erased or readmitted by this transaction... */
    int64_t erased_ms;       /* ...which it is now; NBA_TIME_NONE: readmitted */
    bool erasure_listed;     /* by nba_task_seal, as it was then: */
    int64_t erased_listed_ms;
    struct nba_timers timers_before;
    /* Its next key in the index of silences stands here or later; INT64_MAX: it has one. */
    int64_t look_not_before_ms;
    struct nba_vector vectors[NBA_VECTOR_SLOTS]; /* floats in the arena */
};

/* One rep that the transaction has touched. */
struct nba_overlay_rep {
    struct nba_rep_state rep;
    struct nba_str original, encoded; /* as of an HCP */
    bool changed;
    struct nba_overlay_rep *next;
};

/* One node of a budget that the transaction has touched. */
struct nba_overlay_volume {
    struct nba_volume_node node;
    struct nba_str key;
    struct nba_str original, encoded; /* as of an HCP */
    bool changed;
};

struct nba_overlay {
    struct nba_arena *arena;            /* NULL outside a transaction */
    struct nba_hash_index index;        /* of entries, by hash; its memory outlives a transaction */
    struct nba_overlay_entry **entries; /* in the order they were touched, in the arena */
    uint32_t entry_count, entry_room;
    struct nba_overlay_rep *reps; /* the last one touched first, in the arena */
    uint32_t rep_count;
    struct nba_hash_index volume_index;  /* of volumes, by key; its memory outlives a transaction */
    struct nba_overlay_volume **volumes; /* in the order they were touched, in the arena */
    uint32_t volume_count, volume_room;
    int64_t volumes_due_ms; /* no window of a budget ends before */
    const struct nba_change *changes;
    size_t change_count;
    bool sealed;
    bool any_erased;        /* of nba_task */
    bool erases;            /* nba_task_erase was called */
    int64_t due_floor;      /* no timer of these HCPs is due before */
    int64_t index_due_ms;   /* no timer of other HCPs is due before */
    int64_t silence_due_ms; /* the index of silences was looked through up to here */
    struct nba_buf stale;   /* index keys without a timer: sized by u32le, one after the other */
    struct nba_kv_iter *timers; /* at the first index key not looked at; NULL: none was yet */
    struct nba_kv_iter *sweep;  /* at the next index key to look at; NULL: none was yet */
    struct nba_buf sweep_at;    /* the last index key looked at; empty: the sweep is at its start */
    uint64_t sweep_epoch;
};

struct nba_task_restore {
    bool running, whole;
    struct nba_kv_batch *batch;
    size_t bytes;
    uint64_t seq_before; /* of the meta record at the beginning */
    bool erases;         /* an E key was read */
    bool cut;            /* a meta record with no higher one was read */
    int64_t next;
};

struct nba_task {
    struct nba_state_store *store;
    struct nba_kv *kv;
    struct nba_kv_cf *cf;
    char name[TASK_NAME_BYTES];
    int32_t partition, partition_count;
    bool has_meta;
    struct nba_meta meta;     /* committed */
    struct nba_meta meta_now; /* of the transaction */
    int64_t index_due_ms;     /* least due time in the index, or earlier; INT64_MAX: empty */
    int64_t silence_due_ms;   /* the same of the index of silences */
    int64_t volumes_due_ms;   /* of windows of budgets */
    struct nba_buf sweep_at;  /* of the overlay, as committed */
    uint64_t sweep_epoch;
    int64_t written_ms;   /* wall time of the last write; NBA_TIME_NONE: not known */
    bool any_erased;      /* false: there is no E key */
    bool silence_indexed; /* for the inactive_ttl of the store */
    struct nba_hot hot;
    struct nba_tally tally;
    struct nba_tally pending; /* of the transaction */
    uint32_t pending_new;     /* pairs of `pending` that `tally` has not */
    struct nba_overlay overlay;
    struct nba_kv_batch *batch;
    struct nba_buf value; /* scratch: one value read */
    struct nba_buf key;   /* scratch: one key built */
    struct nba_buf spill; /* evicted vectors for the next write: key and value, sized by u32le */
    struct nba_hcp *scratch_hcp;
    struct nba_arena scratch_arena;
    struct nba_task_restore restore;
    struct nba_task_stats stats;
};

struct nba_state_store {
    struct nba_kv *kv;
    size_t hot_bytes_each;
    size_t restore_batch_bytes;
    struct nba_duration inactive_ttl;
    bool secondary, resident;
    char secret[NBA_SHA256_TEXT_BYTES];
    _Atomic bool uncompacted;
    pthread_rwlock_t lock; /* of `tasks`, and of dropping a column family under a reader */
    struct nba_task *tasks[NBA_PARTITIONS_MAX];
    uint32_t task_count;
};

/* A key of the task, in its scratch until the next one. */
struct nba_str nba_task_key(struct nba_task *task, enum nba_key_kind kind, struct nba_str id);
/* What is stored under a key, in the task's other scratch; empty when there is nothing. */
NBA_MUST_USE
enum nba_status nba_task_read(struct nba_task *task, struct nba_str key, struct nba_str *ret_value,
                              struct nba_error *error);
/* At the first key that begins with `prefix` (one or two bytes), and limited to those. */
NBA_MUST_USE
enum nba_status nba_task_iter(struct nba_task *task, struct nba_str prefix,
                              struct nba_kv_iter **ret_iter, struct nba_error *error);
/* `status`, or else the iterator's own; destroys it. */
NBA_MUST_USE
enum nba_status nba_task_iter_end(struct nba_kv_iter *iter, enum nba_status status,
                                  struct nba_error *error);
/* The changelog's position and the time, into `batch`. */
void nba_task_put_position(struct nba_task *task, struct nba_kv_batch *batch, int64_t next);

/* Reads meta, changelog position, tallies and the head of the timer index. */
NBA_MUST_USE
enum nba_status nba_task_load(struct nba_task *task, struct nba_error *error);

/* The committed bytes of an HCP's record, in cache or scratch; empty when there are none. */
NBA_MUST_USE
enum nba_status nba_task_read_hcp(struct nba_task *task, struct nba_str hcp_id, uint64_t hash,
                                  struct nba_str *ret_bytes, struct nba_error *error);
/* NULL if this transaction has not touched it. */
struct nba_overlay_entry *nba_overlay_find(const struct nba_overlay *overlay, struct nba_str hcp_id,
                                           uint64_t hash);
/* nba_task_get, giving the entry. */
NBA_MUST_USE
enum nba_status nba_task_touch(struct nba_task *task, struct nba_str hcp_id,
                               struct nba_overlay_entry **ret_entry, struct nba_error *error);
/* An empty overlay with the arena, or none. */
void nba_overlay_begin(struct nba_task *task, struct nba_arena *arena);

/* Appends key and value, each after its length as u32le. */
void nba_sized_append(struct nba_buf *buf, struct nba_str text);
struct nba_str nba_sized_take(struct nba_cursor *cursor);

/* The key of an index by time up to its due time, and the due time of such a key (INT64_MIN: it is
 * damaged, look at it). */
struct nba_str nba_task_due_key(struct nba_task *task, enum nba_key_kind kind, int64_t due_ms);
int64_t nba_task_due_of(struct nba_str key);

/* What the store has of erasures; NBA_E_CONFIG: written under another secret. */
NBA_MUST_USE
enum nba_status nba_erasure_load(struct nba_task *task, struct nba_error *error);
/* Key and value of an erased HCP, in the task's scratches; an empty value: it is readmitted. */
struct nba_str nba_erasure_key(struct nba_task *task, struct nba_str hcp_id);
struct nba_str nba_erasure_value(struct nba_task *task, int64_t erased_ms);
/* Into `batch`: index keys of HCPs that the transaction erases, or, after a restore, of those that
 * have no record any more; and the note that files are to be rewritten. */
NBA_MUST_USE
enum nba_status nba_erasure_write(struct nba_task *task, struct nba_kv_batch *batch,
                                  struct nba_error *error);

/* The HCP's key in the index of silences, at the end of its silence but not before a moment. */
void nba_silence_index_write(struct nba_task *task, struct nba_kv_batch *batch,
                             const struct nba_hcp *hcp, int64_t not_before_ms);
NBA_MUST_USE
enum nba_status nba_silence_index_head(struct nba_task *task, struct nba_error *error);

/* When the first window of a budget ends. */
NBA_MUST_USE
enum nba_status nba_volume_load(struct nba_task *task, struct nba_error *error);

/* The index keys of `timers` that aren't among `others`, put into a batch or deleted. */
void nba_timer_index_write(struct nba_task *task, struct nba_kv_batch *batch, struct nba_str hcp_id,
                           const struct nba_timers *timers, const struct nba_timers *others,
                           bool put);
NBA_MUST_USE
enum nba_status nba_timer_index_head(struct nba_task *task, int64_t *ret_due_ms,
                                     struct nba_error *error);
/* Looks for vectors of a touched HCP in cache and store, once. */
void nba_vectors_look_up(struct nba_task *task, struct nba_overlay_entry *entry);
/* nba_hot's spill: keeps the vectors for the next write. */
void nba_vectors_spill(void *context, const struct nba_hot_entry *hot);

/* Everything the sealed transaction writes, into `batch`. */
NBA_MUST_USE
enum nba_status nba_task_fill_batch(struct nba_task *task, struct nba_kv_batch *batch,
                                    struct nba_error *error);
/* After the write: cache, tallies, meta take over, the overlay ends. */
void nba_task_committed(struct nba_task *task);

#endif
