/*
 * The state store of one instance: one RocksDB, a column family for each task.
 *
 * A task is the state of one input partition (nba/state/task.h).  Its column family is named
 * "<topic>-<partition>".  The changelog topic is the truth: writes go through the WAL without
 * fsync, and what a power cut takes is read again from the changelog.  One RocksDB has one WAL,
 * so what survives is a prefix of the transactions over all tasks.
 *
 * WRITE.  nba_state_store_write makes one WriteBatch of all tasks of a transaction: records, meta,
 * changelog position, timer index.  It is called after the log's commit and never before.  When it
 * fails nothing of the batch is there; the workers then drop their overlays, close all tasks,
 * close and open the store again and restore the tail.
 *
 * THREADS.  Different workers may write at once, each its own tasks.  nba_state_store_read_hcp and
 * _hash may be called by any thread at any time: they see committed data only.
 */
#ifndef NBA_STATE_STORE_H
#define NBA_STATE_STORE_H

#include "nba/base/hash.h"
#include "nba/base/time_text.h"
#include "nba/state/hcp.h"

struct nba_state_store;
struct nba_task;

struct nba_state_options {
    bool create;    /* make the directory when it isn't there */
    bool secondary; /* open read-only beside a running writer */
    bool unlogged;  /* a crash costs the folder: a replay's */
    bool resident;  /* HCPs' records stay in memory, hot_bytes or not, and reach no file: who reads
                    * the folder afterwards, or asks for the state hash, doesn't find them */
    size_t block_cache_bytes;  /* RocksDB's, shared by all column families; 0: 64 MiB */
    size_t write_buffer_bytes; /* RocksDB's, shared; 0: 64 MiB */
    size_t hot_bytes;          /* hot-state caches of all tasks together; 0: 64 MiB */
    uint32_t hot_shares;       /* tasks that share hot_bytes equally; 0: 16 */
    struct nba_str secret;     /* of HMACs of erased HCPs (task.h); empty: of tests and tools */
    struct nba_duration inactive_ttl; /* HCPs silent for so long are forgotten; 0: none is */
};

/* NBA_E_IO, NBA_E_CORRUPT, NBA_E_NOT_FOUND (not there and not create), NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_state_store_open(const char *path, const struct nba_state_options *options,
                                     struct nba_state_store **ret_store, struct nba_error *error);
/* All tasks must be closed before.  NULL is fine. */
void nba_state_store_close(struct nba_state_store *store);
/* NBA_OK, or NBA_E_IO or NBA_E_CORRUPT once a read or a write has failed: open it anew.  Any
 * thread. */
enum nba_status nba_state_store_failure(const struct nba_state_store *store);

/* Memory that is used now; bounded by the options' fields of these names.  Any thread. */
struct nba_state_usage {
    size_t hot_bytes, block_cache_bytes, write_buffer_bytes;
};
void nba_state_store_usage(struct nba_state_store *store, struct nba_state_usage *ret_usage);

/* Calls `visit` for every task that has a column family, open or not, in no particular order. */
void nba_state_store_visit(struct nba_state_store *store,
                           void (*visit)(void *context, struct nba_str topic, int32_t partition),
                           void *context);

/*
 * One WriteBatch for all `tasks` (each sealed by nba_task_seal), then their hot caches, tallies
 * and metas take over what was written and the overlays are empty.  On failure the overlays are
 * as before and the store should be opened anew.  NBA_E_IO, NBA_E_CORRUPT.
 */
NBA_MUST_USE
enum nba_status nba_state_store_write(struct nba_state_store *store, struct nba_task *const *tasks,
                                      size_t count, struct nba_error *error);

/* The committed record of one HCP, wherever its task is; *ret_found false when no open task has
 * it.  Any thread.  `arena` takes bytes and texts. */
NBA_MUST_USE
enum nba_status nba_state_store_read_hcp(struct nba_state_store *store, struct nba_str hcp_id,
                                         struct nba_arena *arena, struct nba_hcp *ret_hcp,
                                         bool *ret_found, struct nba_error *error);

/* All that is stored of one HCP in open tasks, the marker of an erasure left out: the bytes of the
 * record are appended to `record`, *ret_keys says how many keys there are.  The index entries of a
 * stored record are part of it; without a record each is a key too much.  Any thread.  Reads every
 * key: for tests and proofs. */
NBA_MUST_USE
enum nba_status nba_state_store_look(struct nba_state_store *store, struct nba_str hcp_id,
                                     struct nba_buf *record, uint32_t *ret_keys,
                                     struct nba_error *error);

/* SHA-256 over the H, R and V records of all open tasks, merged in key order; each key and value
 * preceded by its length as u32le.  Independent of the number of partitions. */
NBA_MUST_USE
enum nba_status nba_state_store_hash(struct nba_state_store *store,
                                     char ret_text[NBA_SHA256_TEXT_BYTES], struct nba_error *error);

/*
 * Erasure leaves nothing in files: rewrites those of the tasks that have erased HCPs since the last
 * time.  Takes what rewriting takes, beside the workers; survives a crash, being due again then.
 * _uncompacted: is it due?  Any thread.
 */
NBA_MUST_USE
enum nba_status nba_state_store_compact(struct nba_state_store *store, struct nba_error *error);
bool nba_state_store_uncompacted(const struct nba_state_store *store);
/* The secret of a file, made where there is none and `create`: the same for all instances that
 * share a changelog.  NBA_E_IO, NBA_E_NOT_FOUND, NBA_E_CONFIG (too short). */
NBA_MUST_USE
enum nba_status nba_state_secret_load(const char *path, bool create,
                                      char ret_secret[NBA_SHA256_TEXT_BYTES],
                                      struct nba_error *error);

/* Hard-link copy of the whole store in a new folder. */
NBA_MUST_USE
enum nba_status nba_state_store_checkpoint(struct nba_state_store *store, const char *path,
                                           struct nba_error *error);
/* Everything written reaches the disk (clean shut-down). */
NBA_MUST_USE
enum nba_status nba_state_store_flush(struct nba_state_store *store, struct nba_error *error);

#endif
