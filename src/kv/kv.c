/*
 * The store: opening, column families, point reads, writes.
 *
 * One set of options serves all column families, so that one block cache and one write-buffer
 * budget bound the whole.  RocksDB wants every column family named when it opens: they are listed
 * first and kept in a list, under a lock, as handles; the list is short and searched only when
 * something is opened or dropped.
 */
#include "nba/kv/kv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kv_internal.h"
#include "nba/base/assert.h"
#include "nba/base/file.h"

#define DEFAULT_CACHE_BYTES  ((size_t)8 << 20)
#define DEFAULT_BUFFER_BYTES ((size_t)32 << 20)
/* 4 KiB blocks hold a few records of 1 KB: a point read decompresses little more than it needs. */
#define BLOOM_BITS_PER_KEY 10.0
/* A table file where so many of so many keys in a row are deletions is compacted soon: scans would
 * have to step over each of them. */
#define DELETION_WINDOW 4096u
#define DELETIONS_MAX   2048u
/* RocksDB's own text log; of no use to us but for a post-mortem. */
#define INFO_LOG_BYTES ((size_t)1 << 20)
/* Debian builds RocksDB with its assertions on, and a line of its own LOG that meets a full disk
 * trips one at the next: only what it calls fatal is logged.  Failures come back as statuses. */
#define INFO_LOG_FATAL 4
#define PATH_BYTES     4096u

enum nba_status nba_kv_failed(struct nba_error *error, const char *what, char *text)
{
    NBA_ASSERT(text != NULL);
    enum nba_status status = NBA_E_IO;
    if (strncmp(text, "Corruption", 10) == 0) {
        status = NBA_E_CORRUPT;
    } else if (strstr(text, "lock hold by") != NULL || strstr(text, "While lock file") != NULL) {
        status = NBA_E_BUSY;
    }
    nba_error_set(error, status, "cannot %s: %s", what, text);
    rocksdb_free(text);
    return status;
}

static rocksdb_options_t *make_options(const struct nba_kv_options *wanted, rocksdb_cache_t *cache)
{
    const size_t buffers =
        wanted->write_buffer_bytes != 0 ? wanted->write_buffer_bytes : DEFAULT_BUFFER_BYTES;
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, wanted->create);
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    rocksdb_options_set_db_write_buffer_size(options, buffers);
    rocksdb_options_set_write_buffer_size(options, buffers / 2);
    rocksdb_options_add_compact_on_deletion_collector_factory(options, DELETION_WINDOW,
                                                              DELETIONS_MAX);
    /* A quiet column family must not hold the log of the busy ones back for ever. */
    rocksdb_options_set_max_total_wal_size(options, (uint64_t)buffers * 4);
    rocksdb_options_set_max_open_files(options, -1); /* a secondary needs its files kept open */
    rocksdb_options_set_info_log_level(options, INFO_LOG_FATAL);
    rocksdb_options_set_keep_log_file_num(options, 2);
    rocksdb_options_set_max_log_file_size(options, INFO_LOG_BYTES);
    rocksdb_options_set_stats_dump_period_sec(options, 0);

    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_filter_policy(
        table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS_PER_KEY));
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
    return options;
}

static void push_cf(struct nba_kv *kv, const char *name, rocksdb_column_family_handle_t *handle)
{
    struct nba_kv_cf *cf = calloc(1, sizeof(*cf));
    NBA_ASSERT(cf != NULL);
    cf->name = strdup(name);
    NBA_ASSERT(cf->name != NULL);
    cf->handle = handle;
    cf->next = kv->cfs;
    kv->cfs = cf;
}

/* Opens the database with the column families it has; a new one has only "default". */
static enum nba_status open_db(struct nba_kv *kv, bool exists, const char *secondary_path,
                               struct nba_error *error)
{
    static const char *const only_default[] = {"default"};
    char *text = NULL;
    size_t listed_count = 0;
    char **listed = NULL;
    if (exists) {
        listed = rocksdb_list_column_families(kv->options, kv->path, &listed_count, &text);
        if (text != NULL) { /* an empty list comes with the error */
            rocksdb_list_column_families_destroy(listed, listed_count);
            return nba_kv_failed(error, "list column families", text);
        }
    }
    const char *const *names = exists ? (const char *const *)listed : only_default;
    const size_t count = exists ? listed_count : 1;
    rocksdb_column_family_handle_t **handles = calloc(count, sizeof(void *));
    const rocksdb_options_t **options = calloc(count, sizeof(void *));
    NBA_ASSERT(handles != NULL && options != NULL);
    for (size_t i = 0; i < count; i++) {
        options[i] = kv->options;
    }
    kv->db =
        secondary_path == NULL
            ? rocksdb_open_column_families(kv->options, kv->path, (int)count, names, options,
                                           handles, &text)
            : rocksdb_open_as_secondary_column_families(kv->options, kv->path, secondary_path,
                                                        (int)count, names, options, handles, &text);
    enum nba_status status = NBA_OK;
    if (text != NULL) {
        kv->db = NULL;
        status = nba_kv_failed(error, "open store", text);
    }
    for (size_t i = 0; i < count && status == NBA_OK; i++) {
        push_cf(kv, names[i], handles[i]);
    }
    if (listed != NULL) {
        rocksdb_list_column_families_destroy(listed, listed_count);
    }
    free(handles);
    free(options);
    return status;
}

enum nba_status nba_kv_open(const char *path, const struct nba_kv_options *options,
                            struct nba_kv **ret_kv, struct nba_error *error)
{
    char current[PATH_BYTES];
    NBA_ASSERT(options->secondary_path == NULL || !options->create);
    (void)snprintf(current, sizeof(current), "%s/CURRENT", path);
    const bool exists = nba_file_exists(current);
    if (!options->create && !exists) {
        return nba_error_set(error, NBA_E_NOT_FOUND, "cannot open '%s': no store there", path);
    }
    const char *own = options->secondary_path != NULL ? options->secondary_path : path;
    enum nba_status status = nba_file_make_dirs(own, error);
    if (status != NBA_OK) {
        return status;
    }
    struct nba_kv *kv = calloc(1, sizeof(*kv));
    NBA_ASSERT(kv != NULL);
    kv->path = strdup(path);
    NBA_ASSERT(kv->path != NULL);
    NBA_ASSERT(pthread_mutex_init(&kv->lock, NULL) == 0);
    kv->secondary = options->secondary_path != NULL;
    kv->cache = rocksdb_cache_create_lru(
        options->block_cache_bytes != 0 ? options->block_cache_bytes : DEFAULT_CACHE_BYTES);
    kv->options = make_options(options, kv->cache);
    kv->read_now = rocksdb_readoptions_create();
    kv->write_buffered = rocksdb_writeoptions_create();
    kv->write_synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(kv->write_synced, 1);
    status = open_db(kv, exists, options->secondary_path, error);
    if (status != NBA_OK) {
        if (error != NULL) {
            nba_error_prefix(error, "%s", path);
        }
        nba_kv_close(kv);
        return status;
    }
    *ret_kv = kv;
    return NBA_OK;
}

void nba_kv_close(struct nba_kv *kv)
{
    if (kv == NULL) {
        return;
    }
    while (kv->cfs != NULL) {
        struct nba_kv_cf *cf = kv->cfs;
        kv->cfs = cf->next;
        rocksdb_column_family_handle_destroy(cf->handle);
        free(cf->name);
        free(cf);
    }
    if (kv->db != NULL) {
        rocksdb_close(kv->db);
    }
    rocksdb_readoptions_destroy(kv->read_now);
    rocksdb_writeoptions_destroy(kv->write_buffered);
    rocksdb_writeoptions_destroy(kv->write_synced);
    rocksdb_options_destroy(kv->options);
    rocksdb_cache_destroy(kv->cache);
    pthread_mutex_destroy(&kv->lock);
    free(kv->path);
    free(kv);
}

static struct nba_kv_cf *find_cf(struct nba_kv *kv, const char *name)
{
    struct nba_kv_cf *cf = kv->cfs;
    while (cf != NULL && strcmp(cf->name, name) != 0) {
        cf = cf->next;
    }
    return cf;
}

enum nba_status nba_kv_cf_open(struct nba_kv *kv, const char *name, struct nba_kv_cf **ret_cf,
                               struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    pthread_mutex_lock(&kv->lock);
    struct nba_kv_cf *cf = find_cf(kv, name);
    if (cf == NULL && kv->secondary) {
        status = nba_error_set(error, NBA_E_NOT_FOUND, "cannot open column family '%s' of '%s'",
                               name, kv->path);
    } else if (cf == NULL) {
        char *text = NULL;
        rocksdb_column_family_handle_t *handle =
            rocksdb_create_column_family(kv->db, kv->options, name, &text);
        if (text != NULL) {
            status = nba_kv_failed(error, "create column family", text);
        } else {
            push_cf(kv, name, handle);
            cf = kv->cfs;
        }
    }
    pthread_mutex_unlock(&kv->lock);
    if (status == NBA_OK) {
        *ret_cf = cf;
    }
    return status;
}

enum nba_status nba_kv_cf_drop(struct nba_kv *kv, struct nba_kv_cf *cf, struct nba_error *error)
{
    char *text = NULL;
    NBA_ASSERT(!kv->secondary);
    pthread_mutex_lock(&kv->lock);
    struct nba_kv_cf **link = &kv->cfs;
    while (*link != cf) {
        NBA_ASSERT(*link != NULL);
        link = &(*link)->next;
    }
    *link = cf->next;
    rocksdb_drop_column_family(kv->db, cf->handle, &text);
    rocksdb_column_family_handle_destroy(cf->handle);
    free(cf->name);
    free(cf);
    pthread_mutex_unlock(&kv->lock);
    return text != NULL ? nba_kv_failed(error, "drop column family", text) : NBA_OK;
}

void nba_kv_cf_names(struct nba_kv *kv, void (*visit)(void *context, const char *name),
                     void *context)
{
    pthread_mutex_lock(&kv->lock);
    for (const struct nba_kv_cf *cf = kv->cfs; cf != NULL; cf = cf->next) {
        if (strcmp(cf->name, "default") != 0) {
            visit(context, cf->name);
        }
    }
    pthread_mutex_unlock(&kv->lock);
}

enum nba_status nba_kv_get(struct nba_kv *kv, struct nba_kv_cf *cf,
                           const struct nba_kv_snapshot *snapshot, struct nba_str key,
                           struct nba_buf *value, bool *ret_found, struct nba_error *error)
{
    char *text = NULL;
    rocksdb_readoptions_t *read = kv->read_now;
    if (snapshot != NULL) {
        read = rocksdb_readoptions_create();
        rocksdb_readoptions_set_snapshot(read, snapshot->snapshot);
    }
    rocksdb_pinnableslice_t *slice =
        rocksdb_get_pinned_cf(kv->db, read, cf->handle, key.data, key.bytes, &text);
    if (read != kv->read_now) {
        rocksdb_readoptions_destroy(read);
    }
    if (text != NULL) {
        return nba_kv_failed(error, "read", text);
    }
    if (slice != NULL) {
        size_t bytes = 0;
        const char *data = rocksdb_pinnableslice_value(slice, &bytes);
        nba_buf_append(value, data, bytes);
        rocksdb_pinnableslice_destroy(slice);
        if (value->failed) {
            return nba_error_set(error, NBA_E_LIMIT, "cannot read: value of %zu bytes is too large",
                                 bytes);
        }
    }
    *ret_found = slice != NULL;
    return NBA_OK;
}

enum nba_status nba_kv_write(struct nba_kv *kv, struct nba_kv_batch *batch, bool sync,
                             struct nba_error *error)
{
    char *text = NULL;
    NBA_ASSERT(!kv->secondary);
    rocksdb_write(kv->db, sync ? kv->write_synced : kv->write_buffered, batch->batch, &text);
    return text != NULL ? nba_kv_failed(error, "write", text) : NBA_OK;
}

struct nba_kv_snapshot *nba_kv_snapshot_create(struct nba_kv *kv)
{
    NBA_ASSERT(!kv->secondary);
    struct nba_kv_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    NBA_ASSERT(snapshot != NULL);
    snapshot->snapshot = rocksdb_create_snapshot(kv->db);
    return snapshot;
}

void nba_kv_snapshot_destroy(struct nba_kv *kv, struct nba_kv_snapshot *snapshot)
{
    if (snapshot != NULL) {
        rocksdb_release_snapshot(kv->db, snapshot->snapshot);
        free(snapshot);
    }
}

enum nba_status nba_kv_checkpoint(struct nba_kv *kv, const char *path, struct nba_error *error)
{
    char *text = NULL;
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(kv->db, &text);
    if (text == NULL) {
        rocksdb_checkpoint_create(checkpoint, path, 0, &text);
    }
    if (checkpoint != NULL) {
        rocksdb_checkpoint_object_destroy(checkpoint);
    }
    return text != NULL ? nba_kv_failed(error, "make checkpoint", text) : NBA_OK;
}

enum nba_status nba_kv_flush(struct nba_kv *kv, struct nba_error *error)
{
    char *text = NULL;
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(options, 1);
    pthread_mutex_lock(&kv->lock);
    for (struct nba_kv_cf *cf = kv->cfs; cf != NULL && text == NULL; cf = cf->next) {
        rocksdb_flush_cf(kv->db, options, cf->handle, &text);
    }
    pthread_mutex_unlock(&kv->lock);
    rocksdb_flushoptions_destroy(options);
    return text != NULL ? nba_kv_failed(error, "flush", text) : NBA_OK;
}

enum nba_status nba_kv_refresh(struct nba_kv *kv, struct nba_error *error)
{
    char *text = NULL;
    NBA_ASSERT(kv->secondary);
    rocksdb_try_catch_up_with_primary(kv->db, &text);
    return text != NULL ? nba_kv_failed(error, "catch up with the writer", text) : NBA_OK;
}

void nba_kv_compact_range(struct nba_kv *kv, struct nba_kv_cf *cf, struct nba_str lower,
                          struct nba_str upper)
{
    const char *from = lower.bytes != 0 ? lower.data : NULL;
    const char *to = upper.bytes != 0 ? upper.data : NULL;
    rocksdb_compact_range_cf(kv->db, cf->handle, from, lower.bytes, to, upper.bytes);
}
