/* One RocksDB for all tasks: opening it, the one write, and reads from other threads. */
#include "nba/state/store.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "nba/base/assert.h"
#include "task_internal.h"

#define DEFAULT_BYTES    ((size_t)64 * 1024 * 1024)
#define DEFAULT_SHARES   16u
#define RESTORE_SHARES   64u /* batches of a restore in the write buffers: 2 MiB of 128 */
#define RECORD_BYTES_MAX ((size_t)64 * 1024)
#define PARTITION_DIGITS 5u

static size_t or_default(size_t bytes)
{
    return bytes != 0 ? bytes : DEFAULT_BYTES;
}

enum nba_status nba_state_store_open(const char *path, const struct nba_state_options *options,
                                     struct nba_state_store **ret_store, struct nba_error *error)
{
    const struct nba_kv_options kv_options = {
        .block_cache_bytes = or_default(options->block_cache_bytes),
        .write_buffer_bytes = or_default(options->write_buffer_bytes),
        .create = options->create,
        .secondary = options->secondary,
        .unlogged = options->unlogged,
    };
    struct nba_state_store *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "no room for a state store");
    }
    if (pthread_rwlock_init(&store->lock, NULL) != 0) {
        free(store);
        return nba_error_set(error, NBA_E_NO_MEMORY, "no lock for a state store");
    }
    const uint32_t shares = options->hot_shares != 0 ? options->hot_shares : DEFAULT_SHARES;
    store->secondary = options->secondary;
    store->resident = options->resident;
    store->inactive_ttl = options->inactive_ttl;
    NBA_ASSERT(options->secret.bytes < sizeof(store->secret));
    memcpy(store->secret, options->secret.data != NULL ? options->secret.data : "",
           options->secret.bytes);
    store->hot_bytes_each = or_default(options->hot_bytes) / shares;
    store->restore_batch_bytes = or_default(options->write_buffer_bytes) / RESTORE_SHARES;
    const enum nba_status status = nba_kv_open(path, &kv_options, &store->kv, error);
    if (status != NBA_OK) {
        (void)pthread_rwlock_destroy(&store->lock);
        free(store);
        return status;
    }
    *ret_store = store;
    return NBA_OK;
}

void nba_state_store_close(struct nba_state_store *store)
{
    if (store != NULL) {
        NBA_ASSERT(store->task_count == 0);
        nba_kv_close(store->kv);
        (void)pthread_rwlock_destroy(&store->lock);
        free(store);
    }
}

enum nba_status nba_state_store_failure(const struct nba_state_store *store)
{
    return nba_kv_failure(store->kv);
}

void nba_state_store_usage(struct nba_state_store *store, struct nba_state_usage *ret_usage)
{
    struct nba_kv_usage kv;
    size_t hot_bytes = 0;
    nba_kv_usage(store->kv, &kv);
    (void)pthread_rwlock_rdlock(&store->lock);
    for (uint32_t i = 0; i < store->task_count; i++) {
        hot_bytes += atomic_load_explicit(&store->tasks[i]->hot.bytes, memory_order_relaxed);
    }
    (void)pthread_rwlock_unlock(&store->lock);
    *ret_usage = (struct nba_state_usage){hot_bytes, kv.block_cache_bytes, kv.write_buffer_bytes};
}

/* ---- which tasks there are ---- */

struct visitor {
    void (*visit)(void *context, struct nba_str topic, int32_t partition);
    void *context;
};

static void visit_name(void *context, const char *name)
{
    const struct visitor *visitor = context;
    const char *dash = strrchr(name, '-');
    int32_t partition = 0;
    if (dash == NULL || dash == name || dash[1] == '\0' || strlen(dash + 1) >= PARTITION_DIGITS) {
        return; /* not a task's */
    }
    for (const char *digit = dash + 1; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9') {
            return;
        }
        partition = partition * 10 + (*digit - '0');
    }
    visitor->visit(visitor->context, nba_str(name, (size_t)(dash - name)), partition);
}

void nba_state_store_visit(struct nba_state_store *store,
                           void (*visit)(void *context, struct nba_str topic, int32_t partition),
                           void *context)
{
    struct visitor visitor = {visit, context};
    nba_kv_cf_names(store->kv, visit_name, &visitor);
}

/* ---- the write ---- */

enum nba_status nba_state_store_write(struct nba_state_store *store, struct nba_task *const *tasks,
                                      size_t count, struct nba_error *error)
{
    if (count == 0) {
        return NBA_OK;
    }
    /* The first task's batch serves for all: one write, one place in the WAL. */
    struct nba_kv_batch *batch = tasks[0]->batch;
    nba_kv_batch_reset(batch);
    enum nba_status status = NBA_OK;
    for (size_t i = 0; i < count && status == NBA_OK; i++) {
        NBA_ASSERT(tasks[i]->store == store && tasks[i]->overlay.sealed);
        status = nba_task_fill_batch(tasks[i], batch, error);
    }
    if (status == NBA_OK) {
        status = nba_kv_write(store->kv, batch, error);
    }
    nba_kv_batch_reset(batch);
    if (status == NBA_OK) {
        for (size_t i = 0; i < count; i++) {
            nba_task_committed(tasks[i]);
        }
    }
    return status;
}

/* ---- reads by other threads ---- */

/* Our producers put an HCP into the partition of its key; other people's may not: look there
 * first, then everywhere. */
static enum nba_status read_anywhere(struct nba_state_store *store, struct nba_str hcp_id,
                                     struct nba_buf *bytes, bool *found, struct nba_error *error)
{
    struct nba_buf key;
    enum nba_status status = NBA_OK;
    nba_buf_init(&key, (size_t)2 * NBA_ID_BYTES_MAX);
    nba_key_append(&key, NBA_KEY_HCP, hcp_id);
    for (uint32_t pass = 0; pass < 2 && !key.failed; pass++) {
        for (uint32_t i = 0; i < store->task_count && status == NBA_OK && !*found; i++) {
            const struct nba_task *task = store->tasks[i];
            const bool likely =
                nba_partition_of_key(hcp_id, task->partition_count) == task->partition;
            if (likely == (pass == 0) && task->cf != NULL) {
                status = nba_kv_get(store->kv, task->cf, nba_buf_str(&key), bytes, found, error);
            }
        }
    }
    nba_buf_clear(&key);
    return status;
}

enum nba_status nba_state_store_read_hcp(struct nba_state_store *store, struct nba_str hcp_id,
                                         struct nba_arena *arena, struct nba_hcp *ret_hcp,
                                         bool *ret_found, struct nba_error *error)
{
    struct nba_buf bytes;
    bool found = false;
    nba_buf_init(&bytes, RECORD_BYTES_MAX);
    (void)pthread_rwlock_rdlock(&store->lock);
    enum nba_status status = read_anywhere(store, hcp_id, &bytes, &found, error);
    (void)pthread_rwlock_unlock(&store->lock);
    if (status == NBA_OK && found) {
        const struct nba_str copy = nba_arena_copy(arena, nba_buf_str(&bytes));
        const struct nba_str id = nba_arena_copy(arena, hcp_id);
        status = copy.data != NULL && id.data != NULL
                     ? nba_hcp_decode(copy, id, arena, ret_hcp, error)
                     : nba_error_set(error, NBA_E_NO_MEMORY, "no room for an HCP record");
    }
    nba_buf_clear(&bytes);
    if (status == NBA_OK) {
        *ret_found = found;
    }
    return status;
}

enum nba_status nba_state_store_look(struct nba_state_store *store, struct nba_str hcp_id,
                                     struct nba_buf *record, uint32_t *ret_keys,
                                     struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    uint32_t keys = 0;
    uint32_t entries = 0;
    bool stored = false;
    (void)pthread_rwlock_rdlock(&store->lock);
    for (uint32_t i = 0; i < store->task_count && status == NBA_OK; i++) {
        struct nba_kv_iter *iter = nba_kv_iter_create(store->kv, store->tasks[i]->cf, NULL,
                                                      nba_str(NULL, 0), nba_str(NULL, 0));
        for (nba_kv_iter_seek(iter, nba_str("", 0)); nba_kv_iter_valid(iter);
             nba_kv_iter_next(iter)) {
            const struct nba_str key = nba_kv_iter_key(iter);
            const bool entry = key.data[0] == NBA_KEY_SILENCE || key.data[0] == NBA_KEY_TIMER;
            if (!nba_str_equal(nba_key_hcp(key, nba_kv_iter_value(iter)), hcp_id)) {
                continue;
            }
            keys += entry ? 0 : 1;
            entries += entry ? 1 : 0;
            if (key.data[0] == NBA_KEY_HCP) {
                stored = true;
                nba_buf_append_str(record, nba_kv_iter_value(iter));
            }
        }
        status = nba_task_iter_end(iter, NBA_OK, error);
    }
    (void)pthread_rwlock_unlock(&store->lock);
    if (status == NBA_OK) {
        *ret_keys = stored ? keys : keys + entries;
    }
    return status;
}

/* ---- the state hash ---- */

static enum nba_status hash_kind(struct nba_kv_iter **iters, uint32_t count, char kind,
                                 struct nba_sha256 *sha, struct nba_error *error)
{
    for (uint32_t i = 0; i < count; i++) {
        nba_kv_iter_seek(iters[i], nba_str(&kind, 1));
    }
    for (;;) {
        struct nba_kv_iter *least = NULL;
        for (uint32_t i = 0; i < count; i++) {
            if (nba_kv_iter_valid(iters[i]) && nba_kv_iter_key(iters[i]).data[0] == kind &&
                (least == NULL ||
                 nba_str_compare(nba_kv_iter_key(iters[i]), nba_kv_iter_key(least)) < 0)) {
                least = iters[i];
            }
        }
        if (least == NULL) {
            break;
        }
        nba_sha256_update_sized(sha, nba_kv_iter_key(least));
        nba_sha256_update_sized(sha, nba_kv_iter_value(least));
        nba_kv_iter_next(least);
    }
    enum nba_status status = NBA_OK;
    for (uint32_t i = 0; i < count && status == NBA_OK; i++) {
        status = nba_kv_iter_valid(iters[i]) ? NBA_OK : nba_kv_iter_status(iters[i], error);
    }
    return status;
}

enum nba_status nba_state_store_hash(struct nba_state_store *store,
                                     char ret_text[NBA_SHA256_TEXT_BYTES], struct nba_error *error)
{
    struct nba_kv_iter *iters[NBA_PARTITIONS_MAX];
    uint32_t count = 0;
    struct nba_sha256 *sha = nba_sha256_create();
    enum nba_status status = sha != NULL ? NBA_OK : NBA_E_NO_MEMORY;
    (void)pthread_rwlock_rdlock(&store->lock);
    /* A secondary has no snapshots; it stands still by itself until it is refreshed. */
    struct nba_kv_snapshot *snapshot = store->secondary ? NULL : nba_kv_snapshot_create(store->kv);
    for (uint32_t i = 0; i < store->task_count && status == NBA_OK; i++) {
        if (store->tasks[i]->cf == NULL) {
            continue;
        }
        iters[count] = nba_kv_iter_create(store->kv, store->tasks[i]->cf, snapshot,
                                          nba_str(NULL, 0), nba_str(NULL, 0));
        status = iters[count] != NULL ? NBA_OK : NBA_E_NO_MEMORY;
        count += status == NBA_OK;
    }
    if (status == NBA_E_NO_MEMORY) {
        (void)nba_error_set(error, status, "no room for hashing the state");
    }
    if (status == NBA_OK) {
        status = hash_kind(iters, count, NBA_KEY_HCP, sha, error);
    }
    if (status == NBA_OK) {
        status = hash_kind(iters, count, NBA_KEY_REP, sha, error);
    }
    if (status == NBA_OK) {
        status = hash_kind(iters, count, NBA_KEY_VOLUME, sha, error);
    }
    for (uint32_t i = 0; i < count; i++) {
        nba_kv_iter_destroy(iters[i]);
    }
    if (snapshot != NULL) {
        nba_kv_snapshot_destroy(store->kv, snapshot);
    }
    (void)pthread_rwlock_unlock(&store->lock);
    if (status == NBA_OK) {
        nba_sha256_finish(sha, ret_text);
    }
    nba_sha256_destroy(sha);
    return status;
}

/* ---- the rest is kv's ---- */

enum nba_status nba_state_store_checkpoint(struct nba_state_store *store, const char *path,
                                           struct nba_error *error)
{
    return nba_kv_checkpoint(store->kv, path, error);
}

enum nba_status nba_state_store_flush(struct nba_state_store *store, struct nba_error *error)
{
    return nba_kv_flush(store->kv, error);
}
