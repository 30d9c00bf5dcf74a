/* Batches, and writes with and without the write-ahead log. */
#include "kv_internal.h"
#include "nba/base/assert.h"

/* A batch is RocksDB's own under our name. */
static rocksdb_writebatch_t *batch_of(struct nba_kv_batch *batch)
{
    return (rocksdb_writebatch_t *)batch;
}

struct nba_kv_batch *nba_kv_batch_create(void)
{
    return (struct nba_kv_batch *)rocksdb_writebatch_create();
}

void nba_kv_batch_destroy(struct nba_kv_batch *batch)
{
    if (batch != NULL) {
        rocksdb_writebatch_destroy(batch_of(batch));
    }
}

void nba_kv_batch_reset(struct nba_kv_batch *batch)
{
    rocksdb_writebatch_clear(batch_of(batch));
}

void nba_kv_batch_put(struct nba_kv_batch *batch, struct nba_kv_cf *cf, struct nba_str key,
                      struct nba_str value)
{
    rocksdb_writebatch_put_cf(batch_of(batch), cf->handle, key.data, key.bytes, value.data,
                              value.bytes);
}

void nba_kv_batch_delete(struct nba_kv_batch *batch, struct nba_kv_cf *cf, struct nba_str key)
{
    rocksdb_writebatch_delete_cf(batch_of(batch), cf->handle, key.data, key.bytes);
}

void nba_kv_batch_delete_range(struct nba_kv_batch *batch, struct nba_kv_cf *cf,
                               struct nba_str from, struct nba_str to)
{
    rocksdb_writebatch_delete_range_cf(batch_of(batch), cf->handle, from.data, from.bytes, to.data,
                                       to.bytes);
}

size_t nba_kv_batch_count(struct nba_kv_batch *batch)
{
    return (size_t)rocksdb_writebatch_count(batch_of(batch));
}

/* What a record takes in RocksDB's buffer besides key and value: sequence number and node. */
#define ENTRY_BYTES 32u

/* Where the disk is slower than the writers, they wait for it.  An eighth is left for what RocksDB
 * allocates ahead.  It stops counting a buffer that a write has filled until the next write, hence
 * the last one is added. */
enum nba_status nba_kv_make_room(struct nba_kv *kv, size_t bytes, struct nba_error *error)
{
    struct nba_kv_usage usage;
    nba_kv_usage(kv, &usage);
    const size_t uncounted = atomic_exchange(&kv->last_write_bytes, bytes);
    const bool full = usage.write_buffer_bytes + uncounted + bytes > kv->write_buffer_bytes / 8 * 7;
    return full ? nba_kv_flush(kv, error) : NBA_OK;
}

static enum nba_status write_with(struct nba_kv *kv, const rocksdb_writeoptions_t *options,
                                  struct nba_kv_batch *batch, struct nba_error *error)
{
    char *text = NULL;
    NBA_ASSERT(kv->secondary == NULL);
    size_t bytes = 0;
    (void)rocksdb_writebatch_data(batch_of(batch), &bytes);
    const enum nba_status status =
        nba_kv_make_room(kv, bytes + nba_kv_batch_count(batch) * ENTRY_BYTES, error);
    if (status != NBA_OK) {
        return status;
    }
    rocksdb_write(kv->db, options, batch_of(batch), &text);
    return nba_kv_answer(kv, error, "write", text);
}

enum nba_status nba_kv_write(struct nba_kv *kv, struct nba_kv_batch *batch, struct nba_error *error)
{
    return write_with(kv, kv->write, batch, error);
}

enum nba_status nba_kv_write_unlogged(struct nba_kv *kv, struct nba_kv_batch *batch,
                                      struct nba_error *error)
{
    return write_with(kv, kv->unlogged, batch, error);
}

enum nba_status nba_kv_cf_set_compaction(struct nba_kv *kv, struct nba_kv_cf *cf, bool on,
                                         struct nba_error *error)
{
    static const char *const names[] = {"disable_auto_compactions"};
    const char *const values[] = {on ? "false" : "true"};
    char *text = NULL;
    rocksdb_set_options_cf(kv->db, cf->handle, 1, names, values, &text);
    return nba_kv_answer(kv, error, "set compaction", text);
}
