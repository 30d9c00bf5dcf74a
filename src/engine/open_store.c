/*
 * The state store of an instance: opened at its start, and anew when a read or a write has failed.
 *
 * RocksDB takes no writes after one has failed, and all workers share one RocksDB.  So each worker
 * gives its partitions back and comes here; the last one to come closes the store and opens it
 * again, with longer and longer pauses while it can't (a full disk, say).  Then all of them join
 * their group anew, and the assignment brings the changelog's tail as it does after a crash.
 */
#include <stdio.h>

#include "engine_internal.h"
#include "nba/base/file.h"
#include "nba/base/log.h"

#define PATH_BYTES_MAX 4096u
#define PAUSES_MAX     32u                 /* of nba_engine_pause: 16 s */
#define COMPACT_REST   10                  /* times what a compaction took, before the next */
#define CALM_US        ((int64_t)60000000) /* so long without a failure: short pauses again */

static enum nba_status set_aside(const char *path, const char *why, struct nba_error *error)
{
    char damaged[PATH_BYTES_MAX + 16];
    (void)snprintf(damaged, sizeof(damaged), "%s.damaged", path);
    nba_log(NBA_LOG_ERROR, "state_damaged", "moved_to=%s reason=\"%s\"", damaged, why);
    const enum nba_status status = nba_file_remove_tree(damaged, error);
    return status == NBA_OK && nba_file_exists(path) && rename(path, damaged) != 0
               ? nba_error_set(error, NBA_E_IO, "cannot move '%s' away", path)
               : status;
}

enum nba_status nba_engine_open_store(struct nba_engine *engine, bool damaged,
                                      struct nba_error *error)
{
    const struct nba_config *config = engine->options.config;
    struct nba_state_options options =
        nba_state_options_of(config, (uint32_t)engine->partition_count);
    options.secret = nba_str_of(engine->secret);
    char path[PATH_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%s/store", config->state.dir);
    enum nba_status status = nba_file_make_dirs(config->state.dir, error);
    if (status == NBA_OK && damaged) {
        status = set_aside(path, "a read met a wrong checksum", error);
    }
    if (status == NBA_OK) {
        status = nba_state_store_open(path, &options, &engine->store, error);
    }
    if (status == NBA_E_CORRUPT) {
        status = set_aside(path, error->message, error);
        if (status == NBA_OK) {
            status = nba_state_store_open(path, &options, &engine->store, error);
        }
    }
    return status;
}

/* ---- after an erasure ---- */

static void *compactor_main(void *context)
{
    struct nba_engine *engine = context;
    struct nba_error error = {0};
    const int64_t began_us = nba_clock_monotonic_us(engine->options.clock);
    if (nba_state_store_compact(engine->store, &error) != NBA_OK) {
        nba_log(NBA_LOG_WARN, "compaction_failed", "reason=\"%s\"", error.message);
    }
    const int64_t now_us = nba_clock_monotonic_us(engine->options.clock);
    engine->compact_next_us = now_us + COMPACT_REST * (now_us - began_us);
    nba_log(NBA_LOG_INFO, "erased_files_rewritten", "ms=%lld",
            (long long)((now_us - began_us) / 1000));
    atomic_store(&engine->compacting, false);
    return NULL;
}

void nba_engine_wait_for_compactor(struct nba_engine *engine)
{
    if (engine->compactor_started) {
        (void)pthread_join(engine->compactor, NULL);
        engine->compactor_started = false;
    }
}

void nba_engine_compact_store(struct nba_engine *engine)
{
    if (engine->store == NULL || atomic_load(&engine->compacting) ||
        !nba_state_store_uncompacted(engine->store) ||
        nba_state_store_failure(engine->store) != NBA_OK ||
        nba_clock_monotonic_us(engine->options.clock) < engine->compact_next_us) {
        return;
    }
    nba_engine_wait_for_compactor(engine);
    atomic_store(&engine->compacting, true);
    engine->compactor_started =
        pthread_create(&engine->compactor, NULL, compactor_main, engine) == 0;
    atomic_store(&engine->compacting, engine->compactor_started);
}

static void reopen(struct nba_engine *engine)
{
    struct nba_parking *parking = &engine->parking;
    struct nba_error error = {0};
    bool damaged = nba_state_store_failure(engine->store) == NBA_E_CORRUPT;
    const int64_t now_us = nba_clock_monotonic_us(engine->options.clock);
    if (now_us - parking->reopened_us > CALM_US) {
        parking->pauses = 0;
    }
    (void)pthread_mutex_lock(&parking->lock); /* the follower may make a backup */
    nba_engine_wait_for_compactor(engine);
    nba_state_store_close(engine->store);
    engine->store = NULL;
    (void)pthread_mutex_unlock(&parking->lock);
    while (engine->store == NULL && !atomic_load(&engine->stopping)) {
        parking->pauses = parking->pauses == 0               ? 1
                          : parking->pauses < PAUSES_MAX / 2 ? parking->pauses * 2
                                                             : PAUSES_MAX;
        for (unsigned i = 0; i < parking->pauses; i++) {
            nba_engine_pause(engine);
        }
        (void)pthread_mutex_lock(&parking->lock);
        const enum nba_status status = nba_engine_open_store(engine, damaged, &error);
        (void)pthread_mutex_unlock(&parking->lock);
        if (status == NBA_OK) {
            nba_log(NBA_LOG_INFO, "state_reopened", "path=%s/store",
                    engine->options.config->state.dir);
            nba_counter_add(engine->reopens, 1);
        } else {
            nba_log(NBA_LOG_WARN, "state_away", "reason=\"%s\"", error.message);
        }
        damaged = false; /* it is set aside by now, and no half-made one may take its place */
    }
    parking->reopened_us = nba_clock_monotonic_us(engine->options.clock);
}

bool nba_engine_store_failed(const struct nba_engine *engine)
{
    return engine->store != NULL && !atomic_load(&engine->stopping) &&
           nba_state_store_failure(engine->store) != NBA_OK;
}

enum nba_status nba_engine_mend_store(struct nba_engine *engine, struct nba_error *error)
{
    struct nba_parking *parking = &engine->parking;
    if (!nba_engine_store_failed(engine)) {
        return NBA_OK;
    }
    (void)pthread_mutex_lock(&parking->lock);
    const unsigned round = atomic_load(&parking->round);
    const bool last = ++parking->parked == engine->worker_count;
    (void)pthread_mutex_unlock(&parking->lock);
    if (last) {
        reopen(engine);
        parking->parked = 0; /* nobody else can be on the way: all are here */
        (void)atomic_fetch_add(&parking->round, 1);
    }
    while (atomic_load(&parking->round) == round && !atomic_load(&engine->stopping)) {
        nba_engine_pause(engine);
    }
    return atomic_load(&engine->stopping)
               ? nba_error_set(error, NBA_E_INTERRUPTED, "stopped while the state was away")
               : NBA_OK;
}
