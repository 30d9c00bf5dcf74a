/*
 * A task: the state of one input partition, and the overlay of the transaction being computed.
 *
 * A TRANSACTION.  nba_task_begin, then any number of nba_task_get and changes to what it returned,
 * nba_task_meta and changes to it, nba_task_count, nba_task_put_vector; then nba_task_seal, whose
 * list goes to the changelog; after the log's commit nba_task_set_changelog_next and
 * nba_state_store_write.  nba_task_drop at any moment before forgets all of it.  Until the write
 * has succeeded, nothing of the transaction is anywhere but in the overlay: not in RocksDB, not in
 * the hot cache, not in the timer index.
 *
 * CHANGED.  A record is written when its encoding differs from what was read, so reading costs no
 * changelog record, and neither does a duplicate event.
 *
 * TIMERS live in the HCPs' records.  The index ('t' keys, by due time) is local and only says
 * where to look: a key whose timer is gone from the record is passed over.  nba_task_next_timer
 * joins it with the overlay, so its answer doesn't depend on where transactions end.
 *
 * HOT CACHE.  Encoded records and derived vectors of the HCPs seen last, in bounded memory,
 * write-through, filled after the write.  Derived vectors (recurrent state, personal NCF vector)
 * carry a tag; one with another tag isn't found.  They are in no changelog, and are written to a
 * local key when the cache evicts them and their window is long.
 *
 * TALLIES.  How often each content was engaged by HCPs of each specialty: the popularity that
 * scores when there is no release.  At most NBA_TALLIES_MAX pairs, further pairs aren't counted.
 *
 * OWNERSHIP, THREADS.  A task belongs to one worker at a time.  Records live in the arena given
 * to nba_task_begin, until it is reset; reset it after the write or the drop only.
 */
#ifndef NBA_STATE_TASK_H
#define NBA_STATE_TASK_H

#include "nba/state/hcp.h"
#include "nba/state/meta.h"
#include "nba/state/rep.h"
#include "nba/state/store.h"

/* Specialties times contents of a large company, one map entry each. */
#define NBA_TALLIES_MAX 262144u

/* Opens the column family, or makes it; partition_count 0: as many as it was written for (tools
 * that only look).  NBA_E_VERSION (a newer program wrote it), NBA_E_SHAPE (the topic has another
 * number of partitions now), NBA_E_CORRUPT, NBA_E_IO, NBA_E_EXISTS (open already), NBA_E_NOT_FOUND
 * (a secondary store, and no such task). */
NBA_MUST_USE
enum nba_status nba_task_open(struct nba_state_store *store, struct nba_str topic,
                              int32_t partition, int32_t partition_count,
                              struct nba_task **ret_task, struct nba_error *error);
/* Drops the overlay; the column family stays.  NULL is fine. */
void nba_task_close(struct nba_task *task);
/* Deletes the column family and closes the task (nba reset). */
NBA_MUST_USE
enum nba_status nba_task_destroy(struct nba_task *task, struct nba_error *error);

int32_t nba_task_partition(const struct nba_task *task);

/* ---- one transaction ---- */

void nba_task_begin(struct nba_task *task, struct nba_arena *arena);

/* The HCP's record as this transaction sees it; the same pointer every time.  An HCP never heard
 * of is an empty record with `stored` false; it is written only if it changes. */
NBA_MUST_USE
enum nba_status nba_task_get(struct nba_task *task, struct nba_str hcp_id, struct nba_hcp **ret_hcp,
                             struct nba_error *error);
/* The record goes at the commit (a tombstone in the changelog).  The pointer nba_task_get gave
 * stays valid and is an empty record now. */
NBA_MUST_USE
enum nba_status nba_task_delete(struct nba_task *task, struct nba_str hcp_id,
                                struct nba_error *error);

/*
 * Erasure: every key of the HCP goes, those of the indexes too, and only the HMAC of its id under
 * the store's secret is kept, with the time; nothing can be told from it without the id.
 * _erased_at: when, NBA_TIME_NONE: it wasn't.  _readmit lifts the block.  _rewrite: another record
 * of this task has lost an erased HCP, its older versions are to go from the files.
 */
void nba_task_rewrite(struct nba_task *task);
NBA_MUST_USE
enum nba_status nba_task_erase(struct nba_task *task, struct nba_str hcp_id, int64_t time_ms,
                               struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_task_erased_at(struct nba_task *task, struct nba_str hcp_id, int64_t *ret_ms,
                                   struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_task_readmit(struct nba_task *task, struct nba_str hcp_id,
                                 struct nba_error *error);

/* The rep's record, private to this transaction: change it by nba/state/rep.h.  A rep never heard
 * of is an empty one; it is written only if it changes. */
NBA_MUST_USE
enum nba_status nba_task_get_rep(struct nba_task *task, struct nba_str rep_id,
                                 struct nba_rep_state **ret_rep, struct nba_error *error);

/* The meta record as this transaction sees it; change input_next, watermark and so on here. */
struct nba_meta *nba_task_meta(struct nba_task *task);
/* As last committed. */
const struct nba_meta *nba_task_committed_meta(const struct nba_task *task);

/* The first timer due at or before `now_ms`, in the order of (due, hcp_id, kind, timer id); it is
 * taken out of its HCP's record before it is returned.  Cheap: no I/O unless one may be due.  Ids
 * in *ret_timer live as long as the arena. */
NBA_MUST_USE
enum nba_status nba_task_next_timer(struct nba_task *task, int64_t now_ms, bool *ret_found,
                                    struct nba_hcp **ret_hcp, struct nba_timer *ret_timer,
                                    struct nba_error *error);
/* Least due time of any timer, for a worker that sleeps; INT64_MAX when there is none.  It may be
 * too early by timers that are gone, never too late. */
int64_t nba_task_next_due_ms(const struct nba_task *task);

/*
 * Silence: with the record that moves its clock (meta.h) into a new day, and before it is applied,
 * HCPs without any event for the store's inactive_ttl are forgotten, but for their opt-outs; those
 * with open actions later.  _ends: is there perhaps anybody?  Emit what the transaction has
 * computed first.  *ret_more: `looks_max` were looked at, commit and come again with the same
 * record.
 */
bool nba_task_silence_ends(const struct nba_task *task, int64_t now_ms);
NBA_MUST_USE
enum nba_status nba_task_forget_silent(struct nba_task *task, int64_t now_ms, uint32_t looks_max,
                                       uint32_t *ret_forgotten, bool *ret_more,
                                       struct nba_error *error);

/*
 * Sweep: every open action once, in the order of the expiry timers, after something outside the
 * partition changed that may take actions back.  It is begun (anew, if one is under way) before the
 * transaction takes events, and goes on in later transactions until the end; _next keeps its place
 * in memory only, so after a restart it looks again at those before it, which stand.
 * meta.sweep_recalls says that a sweep is under way; who recalls counts there.
 * The epoch is the caller's note, kept in memory: up to which change this task has been swept;
 * 0 once the task is opened.
 */
void nba_task_sweep_begin(struct nba_task *task);
/* The next open action, with its HCP's record, good until the next call; *ret_hcp NULL: the sweep
 * is over.  To change the HCP get it by nba_task_get. */
NBA_MUST_USE
enum nba_status nba_task_sweep_next(struct nba_task *task, const struct nba_hcp **ret_hcp,
                                    struct nba_str *ret_action_id, struct nba_error *error);
uint64_t nba_task_sweep_epoch(const struct nba_task *task);
void nba_task_set_sweep_epoch(struct nba_task *task, uint64_t epoch);

/* ---- popularity tallies ---- */

/* Specialty 0 is "all HCPs"; others are nba_content_hash of the specialty's word. */
void nba_task_count(struct nba_task *task, uint32_t specialty, uint32_t content_hash);
/* ret_counts[i] of content_hashes[i], this transaction's included. */
void nba_task_counts(const struct nba_task *task, uint32_t specialty,
                     const uint32_t *content_hashes, uint32_t count, uint32_t *ret_counts);

/* ---- derived vectors ---- */

enum nba_vector_slot {
    NBA_VECTOR_CHAMPION_SEQUENCE,
    NBA_VECTOR_CHAMPION_USER,
    NBA_VECTOR_CHALLENGER_SEQUENCE,
    NBA_VECTOR_CHALLENGER_USER,
    NBA_VECTOR_SLOTS
};
#define NBA_VECTOR_FLOATS_MAX 4096u

/* What a vector was computed from: equal tags mean equal bits. */
struct nba_vector_tag {
    uint64_t release; /* of the release's content hash */
    uint64_t pushed;  /* n */
    uint64_t start;   /* start(n) */
};

/* Copies the vector of this size, with this release and start and a pushed <= tag->pushed, into
 * `ret_vector`: the very one, or one that steps can go on from.  *ret_pushed tells which. */
bool nba_task_get_vector(struct nba_task *task, struct nba_str hcp_id, enum nba_vector_slot slot,
                         const struct nba_vector_tag *tag, uint32_t float_count, float *ret_vector,
                         uint64_t *ret_pushed);
/* Kept from the commit on; within the transaction nba_task_get_vector finds it already.  Without
 * room in the arena it isn't kept, which costs a computation and nothing else.  The HCP must have
 * been got in this transaction. */
void nba_task_put_vector(struct nba_task *task, struct nba_str hcp_id, enum nba_vector_slot slot,
                         const struct nba_vector_tag *tag, const float *vector,
                         uint32_t float_count);

/* ---- commit ---- */

struct nba_change {
    struct nba_str key;
    struct nba_str value; /* empty when deleted */
    bool deleted;         /* a tombstone */
    bool repeated;        /* the transaction's list before had the same */
};

/* Encodes every changed record once and lists the changes in key order, the meta record among
 * them (its txn_seq is raised by one).  The list lives in the arena.  Sealing again, after more
 * changes, gives a fresh list; what was listed once stays in it.  NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_task_seal(struct nba_task *task, const struct nba_change **ret_changes,
                              size_t *ret_count, struct nba_error *error);
/* Changelog position after this transaction's records, from the delivery reports, and the wall time
 * (by which a restore tells how old the store is). */
void nba_task_set_changelog_next(struct nba_task *task, int64_t changelog_next, int64_t wall_ms);

/* Forgets the transaction. */
void nba_task_drop(struct nba_task *task);

/* ---- restore from the changelog ---- */

/* What the changelog's partition has, and how long it keeps tombstones. */
struct nba_changelog_bounds {
    int64_t low, high; /* first offset, high watermark (read uncommitted) */
    int64_t now_ms;
    int64_t delete_retention_ms; /* -1: for ever */
};

enum nba_restore { NBA_RESTORE_TAIL, NBA_RESTORE_WHOLE };

/* From where: the tail, or, when the local state can't be trusted to meet it (log start beyond our
 * position, our position beyond its end, last write older than half the delete retention, nothing
 * here, silences indexed for another inactive_ttl), everything.  *ret_why is a static text for the
 * log. */
enum nba_restore nba_task_plan_restore(const struct nba_task *task,
                                       const struct nba_changelog_bounds *bounds,
                                       const char **ret_why);
/* WHOLE drops the column family's content.  *ret_offset: where to read from. */
NBA_MUST_USE
enum nba_status nba_task_restore_begin(struct nba_task *task, enum nba_restore how,
                                       const struct nba_changelog_bounds *bounds,
                                       int64_t *ret_offset, struct nba_error *error);
/* One committed record.  Written in bounded batches with its position, so a crash in the middle
 * goes on from there.  NBA_E_CORRUPT for a record that isn't ours. */
NBA_MUST_USE
enum nba_status nba_task_restore_apply(struct nba_task *task, struct nba_str key,
                                       struct nba_str value, bool deleted, int64_t offset,
                                       struct nba_error *error);
/* `position`: the reader's, at or beyond the watermark.  *ret_again true: the newest meta record
 * read has a lower txn_seq than ours, so the log was cut or replaced; begin again WHOLE. */
NBA_MUST_USE
enum nba_status nba_task_restore_end(struct nba_task *task, int64_t position, bool *ret_again,
                                     struct nba_error *error);
/* exactly-once.md 1.d: `committed` is the group's offset (-1: none).  It must be meta.input_next;
 * none committed and a meta is fine (offsets expired: ours counts).  NBA_E_CORRUPT says both. */
NBA_MUST_USE
enum nba_status nba_task_check_committed(const struct nba_task *task, int64_t committed,
                                         int64_t *ret_input_next, struct nba_error *error);

/* A task without a transaction begins at this offset; its first transaction says so. */
void nba_task_begin_at(struct nba_task *task, int64_t input_next);

/* ---- batch jobs ---- */

struct nba_hcp_visitor {
    enum nba_status (*visit)(void *context, const struct nba_hcp *hcp, struct nba_error *error);
    void *context;
};
/* Calls `visit` for each committed HCP in key order, one in memory at a time; a status other than
 * NBA_OK ends the round and is returned.  NBA_E_CORRUPT, NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_task_visit(struct nba_task *task, struct nba_hcp_visitor visitor,
                               struct nba_error *error);

/* ---- figures ---- */

struct nba_task_stats {
    uint64_t gets, hot_hits, store_reads, evictions;
    uint64_t vector_gets, vector_hits;
    size_t hot_bytes, hot_bytes_max;
    uint64_t hot_records;
    uint64_t tallies, tallies_refused;
};
void nba_task_stats(const struct nba_task *task, struct nba_task_stats *ret_stats);

#endif
