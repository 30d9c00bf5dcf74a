/* What the files of kv share: the objects behind the handles, and errors as RocksDB tells them. */
#ifndef NBA_KV_KV_INTERNAL_H
#define NBA_KV_KV_INTERNAL_H

#include <pthread.h>
#include <rocksdb/c.h>

#include "nba/kv/kv.h"

struct nba_kv_cf {
    char *name;
    rocksdb_column_family_handle_t *handle;
    struct nba_kv_cf *next;
};

struct nba_kv {
    rocksdb_t *db;
    char *path;
    bool secondary;
    rocksdb_options_t *options;
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *read_now;
    rocksdb_writeoptions_t *write_buffered;
    rocksdb_writeoptions_t *write_synced;
    pthread_mutex_t lock; /* guards `cfs` */
    struct nba_kv_cf *cfs;
};

struct nba_kv_batch {
    rocksdb_writebatch_t *batch;
};

struct nba_kv_snapshot {
    const rocksdb_snapshot_t *snapshot;
};

/* Fills `error` with "cannot `what`: `text`", frees `text`, and gives the status it stands for. */
enum nba_status nba_kv_failed(struct nba_error *error, const char *what, char *text);

#endif
