/* A store as its two halves know it. */
#ifndef NBA_KV_KV_INTERNAL_H
#define NBA_KV_KV_INTERNAL_H

#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>

#include "nba/kv/kv.h"

struct nba_kv_cf {
    char *name;
    rocksdb_column_family_handle_t *handle;
    struct nba_kv_cf *next;
};

struct nba_kv {
    rocksdb_t *db;
    char *path;
    char *secondary; /* NULL, or a folder for a secondary's own files, removed at the end */
    rocksdb_options_t *options;
    rocksdb_cache_t *cache;
    size_t write_buffer_bytes; /* their bound */
    _Atomic size_t last_write_bytes;
    rocksdb_readoptions_t *read;
    rocksdb_writeoptions_t *write, *unlogged;
    pthread_mutex_t lock; /* guards `cfs` */
    struct nba_kv_cf *cfs;
    _Atomic int failure; /* the first NBA_E_IO or NBA_E_CORRUPT of a read or write */
};

/* NBA_OK without a text; else fills `error` with "cannot `what`: `text`", frees `text`, remembers
 * the failure, and gives the status it stands for. */
enum nba_status nba_kv_answer(struct nba_kv *kv, struct nba_error *error, const char *what,
                              char *text);

/* Writes the buffers out where `bytes` more would take them past their bound. */
NBA_MUST_USE
enum nba_status nba_kv_make_room(struct nba_kv *kv, size_t bytes, struct nba_error *error);

#endif
