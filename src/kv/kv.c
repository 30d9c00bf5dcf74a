/*
 * RocksDB by its C interface.
 *
 * One set of options serves all column families, so that one block cache and one write-buffer
 * budget bound the whole.  RocksDB wants every column family named when it opens: they are listed
 * first and kept in a list, under a lock, as handles; the list is short and searched only when
 * something is opened or dropped.
 */
#include "kv_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nba/base/assert.h"
#include "nba/base/file.h"
#include "nba/base/memory.h"

#define DEFAULT_CACHE_BYTES  ((size_t)8 << 20)
#define DEFAULT_BUFFER_BYTES ((size_t)64 << 20)
/* 4 KiB blocks hold a few records of 1 KB: a point read decompresses little more than it needs. */
#define BLOOM_BITS_PER_KEY 10.0
/* rocksdb::BottommostLevelCompaction::kForce. */
#define FORCE_BOTTOMMOST 2
/* A table file where so many of so many keys in a row are deletions is compacted soon: scans would
 * have to step over each of them. */
#define DELETION_WINDOW 4096u
#define DELETIONS_MAX   2048u
/* RocksDB's own text log; of no use to us but for a post-mortem. */
#define INFO_LOG_BYTES ((size_t)1 << 20)
/* Debian builds RocksDB with its assertions on, and a line of its own LOG that meets a full disk
 * trips one at the next.  So only what it calls fatal is logged, and room is looked for before the
 * two calls that write their heading there all the same.  Failures come back as statuses. */
#define INFO_LOG_FATAL 4
#define ROOM_BYTES     ((size_t)256 << 10)
#define PATH_BYTES     4096u

struct nba_kv_iter {
    struct nba_kv *kv;
    rocksdb_iterator_t *iter;
    rocksdb_readoptions_t *read;
    char *bounds; /* lower, then upper: RocksDB only borrows them */
};

/* NBA_OK without a text; else fills `error` with "cannot `what`: `text`", frees `text`, and gives
 * the status it stands for. */
static enum nba_status answer(struct nba_error *error, const char *what, char *text)
{
    if (text == NULL) {
        return NBA_OK;
    }
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

static void remember_failure(struct nba_kv *kv, enum nba_status status)
{
    int none = NBA_OK;
    if (status != NBA_OK) {
        (void)atomic_compare_exchange_strong(&kv->failure, &none, (int)status);
    }
}

enum nba_status nba_kv_answer(struct nba_kv *kv, struct nba_error *error, const char *what,
                              char *text)
{
    const enum nba_status status = answer(error, what, text);
    remember_failure(kv, status);
    return status;
}

/* A snapshot is RocksDB's own under our name. */
static const rocksdb_snapshot_t *snapshot_of(const struct nba_kv_snapshot *snapshot)
{
    return (const rocksdb_snapshot_t *)snapshot;
}

static rocksdb_options_t *make_options(bool create, size_t buffers, rocksdb_cache_t *cache)
{
    char *text = NULL;
    rocksdb_options_t *plain = rocksdb_options_create();
    rocksdb_options_t *options = rocksdb_options_create();
    /* What the log of a killed process gives back stays in the buffers: writing it out first would
     * be most of a restart.  (A text, as this one has no C function of its own.) */
    rocksdb_get_options_from_string(plain, "avoid_flush_during_recovery=true", options, &text);
    NBA_ASSERT(text == NULL);
    rocksdb_options_destroy(plain);
    rocksdb_options_set_create_if_missing(options, create);
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    /* At half the bound a buffer is written out, and the next one fills meanwhile; see make_room.
     * (RocksDB 7.8 has no C interface to a WriteBufferManager, which could stop the writes.) */
    rocksdb_options_set_db_write_buffer_size(options, buffers / 2);
    rocksdb_options_set_write_buffer_size(options, buffers / 4);
    rocksdb_options_add_compact_on_deletion_collector_factory(options, DELETION_WINDOW,
                                                              DELETIONS_MAX);
    /* A quiet column family must not hold the log of the busy ones back for ever. */
    rocksdb_options_set_max_total_wal_size(options, (uint64_t)buffers * 2);
    rocksdb_options_set_max_open_files(options, -1); /* a secondary needs its files kept open */
    rocksdb_options_set_info_log_level(options, INFO_LOG_FATAL);
    rocksdb_options_set_keep_log_file_num(options, 2);
    rocksdb_options_set_max_log_file_size(options, INFO_LOG_BYTES);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    /* Names of files come with their first and last keys: a list of them that only grew would keep
     * the keys of files long gone. */
    rocksdb_options_set_max_manifest_file_size(options, 1);

    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_filter_policy(
        table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS_PER_KEY));
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
    /* Between two keys a file's index would have a third one, short and made up: the id of somebody
     * who isn't there, as it may be. */
    rocksdb_options_t *whole = rocksdb_options_create();
    rocksdb_get_options_from_string(
        options, "block_based_table_factory={index_shortening=kNoShortening}", whole, &text);
    NBA_ASSERT(text == NULL);
    rocksdb_options_destroy(options);
    return whole;
}

static void push_cf(struct nba_kv *kv, const char *name, rocksdb_column_family_handle_t *handle)
{
    struct nba_kv_cf *cf = nba_zeros(1, sizeof(*cf));
    cf->name = nba_copy(name);
    cf->handle = handle;
    cf->next = kv->cfs;
    kv->cfs = cf;
}

static enum nba_status look_for_room(const struct nba_kv *kv, struct nba_error *error)
{
    char path[PATH_BYTES];
    enum nba_status status = NBA_OK;
    (void)snprintf(path, sizeof(path), "%s/room.tmp", kv->path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    char *zeros = nba_zeros(1, ROOM_BYTES);
    if (fd < 0 || write(fd, zeros, ROOM_BYTES) != (ssize_t)ROOM_BYTES) {
        status = nba_error_set(error, NBA_E_IO, "no room in '%s': %s", kv->path, strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(path);
    }
    free(zeros);
    return status;
}

/* A store that is there and names a file that isn't there is damaged.  (Beside a writer it may only
 * have gone on.) */
static enum nba_status answer_open(const struct nba_kv *kv, bool exists, struct nba_error *error,
                                   const char *what, char *text)
{
    const bool damaged = text != NULL && exists && kv->secondary == NULL &&
                         strstr(text, "No such file or directory") != NULL;
    const enum nba_status status = answer(error, what, text);
    if (damaged && error != NULL) {
        error->status = NBA_E_CORRUPT;
    }
    return damaged ? NBA_E_CORRUPT : status;
}

/* Opens the database with the column families it has; a new one has only "default". */
static enum nba_status open_db(struct nba_kv *kv, bool exists, struct nba_error *error)
{
    char *text = NULL;
    size_t count = 0;
    char **names =
        exists ? rocksdb_list_column_families(kv->options, kv->path, &count, &text) : NULL;
    enum nba_status status = answer_open(kv, exists, error, "list column families", text);
    const char *const *wanted =
        exists ? (const char *const *)names : (const char *const[]){"default"};
    count = exists ? count : 1;
    rocksdb_column_family_handle_t **handles = nba_zeros(count + 1, sizeof(void *));
    const rocksdb_options_t **options = nba_zeros(count + 1, sizeof(void *));
    for (size_t i = 0; i < count; i++) {
        options[i] = kv->options;
    }
    if (status == NBA_OK) {
        text = NULL;
        kv->db = kv->secondary == NULL
                     ? rocksdb_open_column_families(kv->options, kv->path, (int)count, wanted,
                                                    options, handles, &text)
                     : rocksdb_open_as_secondary_column_families(kv->options, kv->path,
                                                                 kv->secondary, (int)count, wanted,
                                                                 options, handles, &text);
        status = answer_open(kv, exists, error, "open store", text);
        kv->db = status == NBA_OK ? kv->db : NULL;
    }
    for (size_t i = 0; i < count && status == NBA_OK; i++) {
        push_cf(kv, wanted[i], handles[i]);
    }
    if (exists) {
        rocksdb_list_column_families_destroy(names, count);
    }
    free(handles);
    free(options);
    return status;
}

static enum nba_status make_folder(struct nba_kv *kv, bool secondary, struct nba_error *error)
{
    if (!secondary) {
        return nba_file_make_dirs(kv->path, error);
    }
    const char *parent = getenv("TMPDIR");
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/nba-reader-XXXXXX", parent != NULL ? parent : "/tmp");
    if (mkdtemp(path) == NULL) {
        return nba_error_set(error, NBA_E_IO, "cannot make folder '%s': %s", path, strerror(errno));
    }
    kv->secondary = nba_copy(path);
    return NBA_OK;
}

enum nba_status nba_kv_open(const char *path, const struct nba_kv_options *options,
                            struct nba_kv **ret_kv, struct nba_error *error)
{
    char current[PATH_BYTES];
    NBA_ASSERT(!options->secondary || !options->create);
    (void)snprintf(current, sizeof(current), "%s/CURRENT", path);
    const bool exists = nba_file_exists(current);
    if (!options->create && !exists) {
        return nba_error_set(error, NBA_E_NOT_FOUND, "cannot open '%s': no store there", path);
    }
    struct nba_kv *kv = nba_zeros(1, sizeof(*kv));
    kv->path = nba_copy(path);
    NBA_ASSERT(pthread_mutex_init(&kv->lock, NULL) == 0);
    kv->cache = rocksdb_cache_create_lru(
        options->block_cache_bytes != 0 ? options->block_cache_bytes : DEFAULT_CACHE_BYTES);
    kv->write_buffer_bytes =
        options->write_buffer_bytes != 0 ? options->write_buffer_bytes : DEFAULT_BUFFER_BYTES;
    kv->options = make_options(options->create, kv->write_buffer_bytes, kv->cache);
    kv->read = rocksdb_readoptions_create();
    kv->write = rocksdb_writeoptions_create();
    kv->unlogged = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(kv->unlogged, 1);
    rocksdb_writeoptions_disable_WAL(kv->write, options->unlogged);
    enum nba_status status = make_folder(kv, options->secondary, error);
    if (status == NBA_OK && !options->secondary) {
        status = look_for_room(kv, error);
    }
    if (status == NBA_OK) {
        status = open_db(kv, exists, error);
    }
    if (status == NBA_OK && !options->secondary) { /* what the log of a killed process gave back */
        status = nba_kv_make_room(kv, 0, error);
    }
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

static void free_cf(struct nba_kv_cf *cf)
{
    rocksdb_column_family_handle_destroy(cf->handle);
    free(cf->name);
    free(cf);
}

void nba_kv_close(struct nba_kv *kv)
{
    if (kv == NULL) {
        return;
    }
    while (kv->cfs != NULL) {
        struct nba_kv_cf *cf = kv->cfs;
        kv->cfs = cf->next;
        free_cf(cf);
    }
    if (kv->db != NULL) {
        rocksdb_close(kv->db);
    }
    if (kv->secondary != NULL) {
        const enum nba_status status = nba_file_remove_tree(kv->secondary, NULL);
        (void)status; /* at worst a small folder is left in the temporary one */
    }
    rocksdb_readoptions_destroy(kv->read);
    rocksdb_writeoptions_destroy(kv->write);
    rocksdb_writeoptions_destroy(kv->unlogged);
    rocksdb_options_destroy(kv->options);
    rocksdb_cache_destroy(kv->cache);
    pthread_mutex_destroy(&kv->lock);
    free(kv->secondary);
    free(kv->path);
    free(kv);
}

enum nba_status nba_kv_failure(const struct nba_kv *kv)
{
    return (enum nba_status)atomic_load(&kv->failure);
}

void nba_kv_usage(struct nba_kv *kv, struct nba_kv_usage *ret_usage)
{
    char *text = NULL;
    rocksdb_memory_consumers_t *consumers = rocksdb_memory_consumers_create();
    rocksdb_memory_consumers_add_db(consumers, kv->db);
    rocksdb_memory_usage_t *usage = rocksdb_approximate_memory_usage_create(consumers, &text);
    NBA_ASSERT(text == NULL); /* it only asks counters */
    ret_usage->block_cache_bytes = rocksdb_cache_get_usage(kv->cache);
    ret_usage->write_buffer_bytes =
        (size_t)rocksdb_approximate_memory_usage_get_mem_table_unflushed(usage);
    rocksdb_approximate_memory_usage_destroy(usage);
    rocksdb_memory_consumers_destroy(consumers);
}

static enum nba_status make_cf(struct nba_kv *kv, const char *name, struct nba_error *error)
{
    char *text = NULL;
    rocksdb_column_family_handle_t *handle = NULL;
    enum nba_status status = look_for_room(kv, error);
    if (status == NBA_OK) {
        handle = rocksdb_create_column_family(kv->db, kv->options, name, &text);
        status = answer(error, "create column family", text);
    }
    if (status == NBA_OK) {
        push_cf(kv, name, handle);
    } else {
        remember_failure(kv, status);
    }
    return status;
}

enum nba_status nba_kv_cf_open(struct nba_kv *kv, const char *name, struct nba_kv_cf **ret_cf,
                               struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    pthread_mutex_lock(&kv->lock);
    struct nba_kv_cf *cf = kv->cfs;
    while (cf != NULL && strcmp(cf->name, name) != 0) {
        cf = cf->next;
    }
    if (cf == NULL && kv->secondary != NULL) {
        status = nba_error_set(error, NBA_E_NOT_FOUND, "cannot open column family '%s' of '%s'",
                               name, kv->path);
    } else if (cf == NULL) {
        status = make_cf(kv, name, error);
        cf = kv->cfs;
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
    NBA_ASSERT(kv->secondary == NULL);
    pthread_mutex_lock(&kv->lock);
    struct nba_kv_cf **link = &kv->cfs;
    while (*link != cf) {
        NBA_ASSERT(*link != NULL);
        link = &(*link)->next;
    }
    *link = cf->next;
    rocksdb_drop_column_family(kv->db, cf->handle, &text);
    free_cf(cf);
    pthread_mutex_unlock(&kv->lock);
    return nba_kv_answer(kv, error, "drop column family", text);
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

enum nba_status nba_kv_get(struct nba_kv *kv, struct nba_kv_cf *cf, struct nba_str key,
                           struct nba_buf *value, bool *ret_found, struct nba_error *error)
{
    char *text = NULL;
    size_t bytes = 0;
    rocksdb_pinnableslice_t *slice =
        rocksdb_get_pinned_cf(kv->db, kv->read, cf->handle, key.data, key.bytes, &text);
    if (text != NULL) {
        return nba_kv_answer(kv, error, "read", text);
    }
    if (slice != NULL) {
        const char *data = rocksdb_pinnableslice_value(slice, &bytes);
        nba_buf_append(value, data, bytes);
        rocksdb_pinnableslice_destroy(slice);
    }
    if (value->failed) {
        return nba_error_set(error, NBA_E_LIMIT, "cannot read: value of %zu bytes is too large",
                             bytes);
    }
    *ret_found = slice != NULL;
    return NBA_OK;
}

/* --- iterators and snapshots --- */

struct nba_kv_iter *nba_kv_iter_create(struct nba_kv *kv, struct nba_kv_cf *cf,
                                       const struct nba_kv_snapshot *snapshot, struct nba_str lower,
                                       struct nba_str upper)
{
    struct nba_kv_iter *iter = nba_zeros(1, sizeof(*iter));
    iter->kv = kv;
    iter->bounds = nba_zeros(1, lower.bytes + upper.bytes + 1);
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
        rocksdb_readoptions_set_snapshot(iter->read, snapshot_of(snapshot));
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

void nba_kv_iter_seek_last(struct nba_kv_iter *iter)
{
    rocksdb_iter_seek_to_last(iter->iter);
}

void nba_kv_iter_seek(struct nba_kv_iter *iter, struct nba_str key)
{
    rocksdb_iter_seek(iter->iter, key.data, key.bytes);
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

void nba_kv_iter_previous(struct nba_kv_iter *iter)
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
    return nba_kv_answer(iter->kv, error, "scan", text);
}

struct nba_kv_snapshot *nba_kv_snapshot_create(struct nba_kv *kv)
{
    NBA_ASSERT(kv->secondary == NULL);
    return (struct nba_kv_snapshot *)rocksdb_create_snapshot(kv->db);
}

void nba_kv_snapshot_destroy(struct nba_kv *kv, struct nba_kv_snapshot *snapshot)
{
    if (snapshot != NULL) {
        rocksdb_release_snapshot(kv->db, snapshot_of(snapshot));
    }
}

/* --- the whole store --- */

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
    return answer(error, "make checkpoint", text);
}

enum nba_status nba_kv_cf_flush(struct nba_kv *kv, struct nba_kv_cf *cf, struct nba_error *error)
{
    char *text = NULL;
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(options, 1);
    rocksdb_flush_cf(kv->db, options, cf->handle, &text);
    rocksdb_flushoptions_destroy(options);
    return nba_kv_answer(kv, error, "flush", text);
}

enum nba_status nba_kv_flush(struct nba_kv *kv, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    pthread_mutex_lock(&kv->lock);
    for (struct nba_kv_cf *cf = kv->cfs; cf != NULL && status == NBA_OK; cf = cf->next) {
        status = nba_kv_cf_flush(kv, cf, error);
    }
    pthread_mutex_unlock(&kv->lock);
    return status;
}

enum nba_status nba_kv_cf_compact(struct nba_kv *kv, struct nba_kv_cf *cf, struct nba_error *error)
{
    const enum nba_status status = nba_kv_cf_flush(kv, cf, error);
    if (status == NBA_OK) {
        rocksdb_compactoptions_t *options = rocksdb_compactoptions_create();
        rocksdb_compactoptions_set_exclusive_manual_compaction(options, 0);
        rocksdb_compactoptions_set_bottommost_level_compaction(options, FORCE_BOTTOMMOST);
        rocksdb_compact_range_cf_opt(kv->db, cf->handle, options, NULL, 0, NULL, 0);
        rocksdb_compactoptions_destroy(options);
    }
    return status;
}

enum nba_status nba_kv_refresh(struct nba_kv *kv, struct nba_error *error)
{
    char *text = NULL;
    NBA_ASSERT(kv->secondary != NULL);
    rocksdb_try_catch_up_with_primary(kv->db, &text);
    return answer(error, "catch up with the writer", text);
}
