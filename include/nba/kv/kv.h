/*
 * An ordered key-value store in a directory: RocksDB behind one door.
 *
 * WHAT IT IS.  A store holds column families; a column family is an ordered map from bytes to
 * bytes (memcmp order).  A batch changes any number of keys in any column families of one store,
 * all or nothing, and is the only way to write.  All column families share one write-ahead log, so
 * after a crash what is there is a prefix of the batches written, never a mixture.
 *
 * DURABILITY.  A batch survives the death of the process once nba_kv_write has returned; the death
 * of the machine may cost the last ones.
 *
 * SECONDARY.  A store that another process (or this one) has open for writing is read-only then; it
 * shows the state at opening or at the last nba_kv_refresh.  It opens the column families that
 * exist then, keeps a small folder of its own in TMPDIR while it is open, and has no snapshots.
 *
 * MEMORY.  The block cache (indexes and filters are in it) and the write buffers of all column
 * families together are bounded by the options (a write waits where it must); nba_kv_usage tells
 * what they take.  Iterators and snapshots pin what they see on top, so keep them short.
 *
 * ERRORS.  NBA_E_CORRUPT (a checksum or the format is wrong, a file is missing), NBA_E_BUSY
 * (another process has the store open for writing), NBA_E_NOT_FOUND, NBA_E_IO (all else: disk full,
 * permission).
 *
 * THREADS.  A store, its column families and snapshots may be used from any thread at once; opening
 * and dropping column families too.  A batch and an iterator belong to one thread at a time.
 */
#ifndef NBA_KV_KV_H
#define NBA_KV_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nba/base/buf.h"
#include "nba/base/status.h"
#include "nba/base/str.h"

struct nba_kv;
struct nba_kv_cf; /* owned by its store */
struct nba_kv_batch;
struct nba_kv_iter;
struct nba_kv_snapshot;

struct nba_kv_options {
    size_t block_cache_bytes;  /* shared by all column families; 0: 8 MiB */
    size_t write_buffer_bytes; /* bound over all column families; 0: 64 MiB */
    bool create;               /* make the store when there is none; else NBA_E_NOT_FOUND */
    bool secondary;            /* open read-only beside a writer */
    bool unlogged;             /* every write is nba_kv_write_unlogged: a crash costs the store */
};

NBA_MUST_USE
enum nba_status nba_kv_open(const char *path, const struct nba_kv_options *options,
                            struct nba_kv **ret_kv, struct nba_error *error);
/* All iterators, snapshots and batches of the store must be gone.  NULL is fine. */
void nba_kv_close(struct nba_kv *kv);
/* NBA_OK, or what a read or a write failed with first, NBA_E_IO or NBA_E_CORRUPT.  From then on the
 * store is to be closed and opened anew: RocksDB takes no writes after one has failed. */
enum nba_status nba_kv_failure(const struct nba_kv *kv);

struct nba_kv_usage {
    size_t block_cache_bytes, write_buffer_bytes;
};
void nba_kv_usage(struct nba_kv *kv, struct nba_kv_usage *ret_usage);

/* Opens a column family by name, made when absent (a secondary answers NBA_E_NOT_FOUND).  Twice the
 * same name gives the same handle. */
NBA_MUST_USE
enum nba_status nba_kv_cf_open(struct nba_kv *kv, const char *name, struct nba_kv_cf **ret_cf,
                               struct nba_error *error);
/* Deletes the column family with all it holds; `cf` is gone afterwards also on failure. */
NBA_MUST_USE
enum nba_status nba_kv_cf_drop(struct nba_kv *kv, struct nba_kv_cf *cf, struct nba_error *error);
/* Names of the column families there are, "default" left out; `visit` must not open or drop. */
void nba_kv_cf_names(struct nba_kv *kv, void (*visit)(void *context, const char *name),
                     void *context);

/* Appends the value of `key` to `value`; *ret_found tells whether there is one.  NBA_E_LIMIT when
 * the value does not fit the buffer. */
NBA_MUST_USE
enum nba_status nba_kv_get(struct nba_kv *kv, struct nba_kv_cf *cf, struct nba_str key,
                           struct nba_buf *value, bool *ret_found, struct nba_error *error);

/* A batch copies what is put into it.  Later changes of a key win over earlier ones. */
struct nba_kv_batch *nba_kv_batch_create(void);
void nba_kv_batch_destroy(struct nba_kv_batch *batch);
void nba_kv_batch_reset(struct nba_kv_batch *batch);
void nba_kv_batch_put(struct nba_kv_batch *batch, struct nba_kv_cf *cf, struct nba_str key,
                      struct nba_str value);
void nba_kv_batch_delete(struct nba_kv_batch *batch, struct nba_kv_cf *cf, struct nba_str key);
/* All keys from <= key < to. */
void nba_kv_batch_delete_range(struct nba_kv_batch *batch, struct nba_kv_cf *cf,
                               struct nba_str from, struct nba_str to);
size_t nba_kv_batch_count(struct nba_kv_batch *batch);

/* Writes the batch, all or nothing; the batch itself is left as it is. */
NBA_MUST_USE
enum nba_status nba_kv_write(struct nba_kv *kv, struct nba_kv_batch *batch,
                             struct nba_error *error);

/* The same without the write-ahead log, for loading a column family from elsewhere: until
 * nba_kv_cf_flush a crash may take the newest of these batches, and what is left of the column
 * family is a prefix of them.  A logged write must come after that flush only. */
NBA_MUST_USE
enum nba_status nba_kv_write_unlogged(struct nba_kv *kv, struct nba_kv_batch *batch,
                                      struct nba_error *error);
/* A column family that is being loaded isn't compacted; a store that is opened compacts. */
NBA_MUST_USE
enum nba_status nba_kv_cf_set_compaction(struct nba_kv *kv, struct nba_kv_cf *cf, bool on,
                                         struct nba_error *error);

/*
 * An iterator over the keys lower <= key < upper (an empty bound is open), at `snapshot` or at the
 * moment of creation.  It stands nowhere until a seek.  _key and _value borrow: they are good until
 * the iterator moves.  When _valid turns false, _status tells the end (NBA_OK) from a failure.
 */
struct nba_kv_iter *nba_kv_iter_create(struct nba_kv *kv, struct nba_kv_cf *cf,
                                       const struct nba_kv_snapshot *snapshot, struct nba_str lower,
                                       struct nba_str upper);
void nba_kv_iter_destroy(struct nba_kv_iter *iter);
void nba_kv_iter_seek(struct nba_kv_iter *iter, struct nba_str key); /* first key >= `key` */
void nba_kv_iter_seek_last(struct nba_kv_iter *iter);
bool nba_kv_iter_valid(const struct nba_kv_iter *iter);
void nba_kv_iter_next(struct nba_kv_iter *iter);
void nba_kv_iter_previous(struct nba_kv_iter *iter);
struct nba_str nba_kv_iter_key(const struct nba_kv_iter *iter);
struct nba_str nba_kv_iter_value(const struct nba_kv_iter *iter);
NBA_MUST_USE
enum nba_status nba_kv_iter_status(const struct nba_kv_iter *iter, struct nba_error *error);

/* What is there now, for reads later; over all column families alike. */
struct nba_kv_snapshot *nba_kv_snapshot_create(struct nba_kv *kv);
void nba_kv_snapshot_destroy(struct nba_kv *kv, struct nba_kv_snapshot *snapshot);

/* A copy of the whole store in the new folder `path` (hard links: cheap on the same disk). */
NBA_MUST_USE
enum nba_status nba_kv_checkpoint(struct nba_kv *kv, const char *path, struct nba_error *error);
/* Write buffers to files: of one column family, or of all, so that the next opening has no log to
 * read. */
NBA_MUST_USE
enum nba_status nba_kv_cf_flush(struct nba_kv *kv, struct nba_kv_cf *cf, struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_kv_flush(struct nba_kv *kv, struct nba_error *error);
/* Rewrites all files of the column family, so that no byte of a deleted key or an old value is left
 * in them.  What names them, and the log, are rid of it with the next flush. */
NBA_MUST_USE
enum nba_status nba_kv_cf_compact(struct nba_kv *kv, struct nba_kv_cf *cf, struct nba_error *error);
/* Secondary only: catch up with the writer.  Iterators made before keep what they saw. */
NBA_MUST_USE
enum nba_status nba_kv_refresh(struct nba_kv *kv, struct nba_error *error);

#endif
