/* A batch: RocksDB's own. */
#include <stdlib.h>

#include "kv_internal.h"
#include "nba/base/assert.h"

struct nba_kv_batch *nba_kv_batch_create(void)
{
    struct nba_kv_batch *batch = calloc(1, sizeof(*batch));
    NBA_ASSERT(batch != NULL);
    batch->batch = rocksdb_writebatch_create();
    return batch;
}

void nba_kv_batch_destroy(struct nba_kv_batch *batch)
{
    if (batch != NULL) {
        rocksdb_writebatch_destroy(batch->batch);
        free(batch);
    }
}

void nba_kv_batch_reset(struct nba_kv_batch *batch)
{
    rocksdb_writebatch_clear(batch->batch);
}

void nba_kv_batch_put(struct nba_kv_batch *batch, struct nba_kv_cf *cf, struct nba_str key,
                      struct nba_str value)
{
    rocksdb_writebatch_put_cf(batch->batch, cf->handle, key.data, key.bytes, value.data,
                              value.bytes);
}

void nba_kv_batch_delete(struct nba_kv_batch *batch, struct nba_kv_cf *cf, struct nba_str key)
{
    rocksdb_writebatch_delete_cf(batch->batch, cf->handle, key.data, key.bytes);
}

size_t nba_kv_batch_count(const struct nba_kv_batch *batch)
{
    return (size_t)rocksdb_writebatch_count(batch->batch);
}
