/* An iterator: RocksDB's, with the bounds it only borrows kept beside it. */
#include <stdlib.h>
#include <string.h>

#include "kv_internal.h"
#include "nba/base/assert.h"

struct nba_kv_iter {
    rocksdb_iterator_t *iter;
    rocksdb_readoptions_t *read;
    char *bounds; /* lower, then upper */
};

struct nba_kv_iter *nba_kv_iter_create(struct nba_kv *kv, struct nba_kv_cf *cf,
                                       const struct nba_kv_snapshot *snapshot, struct nba_str lower,
                                       struct nba_str upper)
{
    struct nba_kv_iter *iter = calloc(1, sizeof(*iter));
    NBA_ASSERT(iter != NULL);
    iter->bounds = malloc(lower.bytes + upper.bytes + 1);
    NBA_ASSERT(iter->bounds != NULL);
    iter->read = rocksdb_readoptions_create();
    if (lower.bytes != 0) {
        memcpy(iter->bounds, lower.data, lower.bytes);
        rocksdb_readoptions_set_iterate_lower_bound(iter->read, iter->bounds, lower.bytes);
    }
    if (upper.bytes != 0) {
        memcpy(iter->bounds + lower.bytes, upper.data, upper.bytes);
        rocksdb_readoptions_set_iterate_upper_bound(iter->read, iter->bounds + lower.bytes,
                                                    upper.bytes);
    }
    if (snapshot != NULL) {
        rocksdb_readoptions_set_snapshot(iter->read, snapshot->snapshot);
    }
    iter->iter = rocksdb_create_iterator_cf(kv->db, iter->read, cf->handle);
    return iter;
}

void nba_kv_iter_destroy(struct nba_kv_iter *iter)
{
    if (iter != NULL) {
        rocksdb_iter_destroy(iter->iter);
        rocksdb_readoptions_destroy(iter->read);
        free(iter->bounds);
        free(iter);
    }
}

void nba_kv_iter_seek(struct nba_kv_iter *iter, struct nba_str key)
{
    rocksdb_iter_seek(iter->iter, key.data, key.bytes);
}

void nba_kv_iter_seek_last(struct nba_kv_iter *iter)
{
    rocksdb_iter_seek_to_last(iter->iter);
}

bool nba_kv_iter_valid(const struct nba_kv_iter *iter)
{
    return rocksdb_iter_valid(iter->iter) != 0;
}

void nba_kv_iter_next(struct nba_kv_iter *iter)
{
    NBA_ASSERT(nba_kv_iter_valid(iter));
    rocksdb_iter_next(iter->iter);
}

void nba_kv_iter_prev(struct nba_kv_iter *iter)
{
    NBA_ASSERT(nba_kv_iter_valid(iter));
    rocksdb_iter_prev(iter->iter);
}

struct nba_str nba_kv_iter_key(const struct nba_kv_iter *iter)
{
    size_t bytes = 0;
    const char *data = rocksdb_iter_key(iter->iter, &bytes);
    return nba_str(data, bytes);
}

struct nba_str nba_kv_iter_value(const struct nba_kv_iter *iter)
{
    size_t bytes = 0;
    const char *data = rocksdb_iter_value(iter->iter, &bytes);
    return nba_str(data, bytes);
}

enum nba_status nba_kv_iter_status(const struct nba_kv_iter *iter, struct nba_error *error)
{
    char *text = NULL;
    rocksdb_iter_get_error(iter->iter, &text);
    return text != NULL ? nba_kv_failed(error, "scan", text) : NBA_OK;
}
