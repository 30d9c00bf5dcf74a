/* An instance: its parts in the order in which they come up, and down again. */
#include "nba/engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine_internal.h"
#include "nba/base/assert.h"
#include "nba/base/log.h"
#include "nba/base/memory.h"

#define PATH_BYTES_MAX 4096u
#define PAUSE_MS       500
#define PAUSE_STEP_MS  20

void nba_engine_fail(struct nba_engine *engine, const struct nba_error *error)
{
    (void)pthread_mutex_lock(&engine->failure_lock);
    if (engine->failure.status == NBA_OK) {
        engine->failure = *error;
    }
    (void)pthread_mutex_unlock(&engine->failure_lock);
    atomic_store(&engine->failed, true);
    atomic_store(&engine->stopping, true);
    (void)pthread_cond_broadcast(&engine->table.released);
}

void nba_engine_pause(const struct nba_engine *engine)
{
    const struct timespec step = {0, PAUSE_STEP_MS * 1000000L};
    for (int waited_ms = 0; waited_ms < PAUSE_MS && !atomic_load(&engine->stopping);
         waited_ms += PAUSE_STEP_MS) {
        (void)nanosleep(&step, NULL);
    }
}

bool nba_engine_tries_again(const struct nba_engine *engine, enum nba_status status,
                            const struct nba_error *error)
{
    if (nba_status_class(status) != NBA_CLASS_RETRY || atomic_load(&engine->stopping)) {
        return false;
    }
    nba_log(NBA_LOG_WARN, "broker_away", "reason=\"%s\"", error->message);
    nba_engine_pause(engine);
    return true;
}

bool nba_task_table_acquire(struct nba_engine *engine, int32_t partition)
{
    struct nba_task_table *table = &engine->table;
    NBA_ASSERT(partition >= 0 && partition < (int32_t)NBA_PARTITIONS_MAX);
    (void)pthread_mutex_lock(&table->lock);
    while (table->taken[partition] && !atomic_load(&engine->stopping)) {
        (void)pthread_cond_wait(&table->released, &table->lock);
    }
    const bool mine = !table->taken[partition];
    table->taken[partition] = true;
    (void)pthread_mutex_unlock(&table->lock);
    return mine;
}

void nba_task_table_release(struct nba_engine *engine, int32_t partition)
{
    struct nba_task_table *table = &engine->table;
    (void)pthread_mutex_lock(&table->lock);
    NBA_ASSERT(table->taken[partition]);
    table->taken[partition] = false;
    (void)pthread_cond_broadcast(&table->released);
    (void)pthread_mutex_unlock(&table->lock);
}

static void register_metrics(struct nba_engine *engine)
{
    struct nba_metrics *m = engine->options.metrics;
    engine->events_read = nba_metrics_counter(m, "nba_events_read_total",
                                              "Records taken from the input topic.", NULL, 0);
    engine->events_committed = nba_metrics_counter(
        m, "nba_events_committed_total", "Input records whose outcome is committed.", NULL, 0);
    engine->transactions =
        nba_metrics_counter(m, "nba_transactions_total", "Transactions committed.", NULL, 0);
    engine->aborts = nba_metrics_counter(m, "nba_transactions_aborted_total",
                                         "Transactions aborted and run again.", NULL, 0);
    engine->rebuilds = nba_metrics_counter(m, "nba_producer_rebuilds_total",
                                           "Producers rebuilt after an unknown outcome.", NULL, 0);
    engine->reopens =
        nba_metrics_counter(m, "nba_state_reopened_total",
                            "State stores closed and opened anew after a failure.", NULL, 0);
    engine->tasks_restoring =
        nba_metrics_gauge(m, "nba_tasks_restoring", "Partitions being restored now.", NULL, 0);
    engine->tasks_owned =
        nba_metrics_gauge(m, "nba_tasks_owned", "Partitions this instance works on.", NULL, 0);
    engine->event_seconds = nba_metrics_histogram(
        m, "nba_event_seconds", "From a record's arrival here to its committed outcome.", NULL, 0);
    engine->commit_seconds = nba_metrics_histogram(
        m, "nba_commit_seconds", "Offsets sent, committed and written to the store.", NULL, 0);
}

static enum nba_status check_topics(struct nba_engine *engine, struct nba_error *error)
{
    const struct nba_config_topics *topics = &engine->options.config->topics;
    const char *const needed[] = {topics->engagement,   topics->catalog,    topics->control,
                                  topics->rep_capacity, topics->action,     topics->slate,
                                  topics->decision,     topics->deadletter, topics->changelog,
                                  topics->journal,      topics->mailbox};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(needed); i++) {
        int32_t count = 0;
        const enum nba_status status =
            nba_stream_topic_partitions(engine->options.stream, needed[i], &count, error);
        if (status == NBA_E_NOT_FOUND) {
            return nba_error_set(error, NBA_E_CONFIG,
                                 "topic '%s' does not exist (nba topics create makes all)",
                                 needed[i]);
        }
        if (status != NBA_OK) {
            return status;
        }
        if (i == 0) {
            engine->partition_count = count;
        } else if (i >= 4 && count < engine->partition_count) {
            return nba_error_set(error, NBA_E_CONFIG,
                                 "topic '%s' has %d partitions, '%s' has %d: outputs need as many",
                                 needed[i], (int)count, needed[0], (int)engine->partition_count);
        }
        if (needed[i] == topics->mailbox && count != engine->partition_count) {
            return nba_error_set(error, NBA_E_CONFIG,
                                 "topic '%s' has %d partitions, '%s' has %d: they are shared alike",
                                 needed[i], (int)count, needed[0], (int)engine->partition_count);
        }
    }
    if (engine->partition_count > (int32_t)NBA_PARTITIONS_MAX) {
        return nba_error_set(error, NBA_E_LIMIT,
                             "topic '%s' has %d partitions, at most %u are taken", needed[0],
                             (int)engine->partition_count, NBA_PARTITIONS_MAX);
    }
    return NBA_OK;
}

enum nba_status nba_engine_create(const struct nba_engine_options *options,
                                  struct nba_engine **ret_engine, struct nba_error *error)
{
    NBA_ASSERT(options->config != NULL && options->schemas != NULL && options->stream != NULL);
    struct nba_engine *engine = nba_zeros(1, sizeof(*engine));
    engine->options = *options;
    engine->changelog_delete_retention_ms = NBA_CHANGELOG_DELETE_RETENTION_MS;
    (void)pthread_mutex_init(&engine->failure_lock, NULL);
    (void)pthread_mutex_init(&engine->table.lock, NULL);
    (void)pthread_cond_init(&engine->table.released, NULL);
    (void)pthread_mutex_init(&engine->parking.lock, NULL);
    register_metrics(engine);
    nba_budget_init(&engine->budget, options->config, options->metrics);
    enum nba_status status = check_topics(engine, error);
    if (status == NBA_OK) {
        char path[NBA_CONFIG_PATH_BYTES];
        status = nba_state_secret_load(nba_config_secret_file(options->config, path), true,
                                       engine->secret, error);
    }
    if (status == NBA_OK) {
        status = nba_engine_open_store(engine, false, error);
    }
    if (status == NBA_OK) {
        status =
            nba_side_inputs_create(options->schemas, options->config, &engine->side_inputs, error);
    }
    if (status != NBA_OK) {
        nba_engine_destroy(engine);
        return status;
    }
    *ret_engine = engine;
    return NBA_OK;
}

enum nba_status nba_engine_note_crashes(struct nba_engine *engine, struct nba_error *error)
{
    char path[PATH_BYTES_MAX];
    NBA_ASSERT(engine->worker_count == 0);
    (void)snprintf(path, sizeof(path), "%s/" NBA_ENGINE_CRASH_FILE,
                   engine->options.config->state.dir);
    const enum nba_status status = nba_crash_notes_load(path, &engine->crash_notes, error);
    return status == NBA_OK ? nba_crash_notes_watch(path, error) : status;
}

enum nba_status nba_engine_start(struct nba_engine *engine, struct nba_error *error)
{
    enum nba_status status = nba_follower_start(engine, error);
    const size_t count = (size_t)engine->options.config->workers;
    NBA_ASSERT(count >= 1 && count <= NBA_WORKERS_MAX);
    for (size_t i = 0; status == NBA_OK && i < count; i++) {
        status = nba_worker_create(engine, i, &engine->workers[i], error);
        engine->worker_count += status == NBA_OK ? 1 : 0;
    }
    for (size_t i = 0; status == NBA_OK && i < count; i++) {
        status = nba_worker_start(engine->workers[i], error);
    }
    if (status != NBA_OK) {
        nba_engine_fail(engine, error);
        return nba_engine_stop(engine, error);
    }
    return status;
}

bool nba_engine_is_ready(const struct nba_engine *engine)
{
    bool ready = engine->worker_count != 0 && !atomic_load(&engine->stopping);
    for (size_t i = 0; ready && i < engine->worker_count; i++) {
        ready = nba_worker_is_ready(engine->workers[i]);
    }
    return ready;
}

bool nba_engine_is_settled(struct nba_engine *engine)
{
    bool settled = nba_engine_is_ready(engine);
    for (size_t i = 0; settled && i < engine->worker_count; i++) {
        settled = nba_worker_is_settled(engine->workers[i]);
    }
    if (settled && (settled = pthread_mutex_trylock(&engine->parking.lock) == 0)) {
        settled = engine->store != NULL && !nba_state_store_uncompacted(engine->store) &&
                  !atomic_load(&engine->compacting);
        (void)pthread_mutex_unlock(&engine->parking.lock);
    }
    return settled;
}

bool nba_engine_has_failed(const struct nba_engine *engine)
{
    return atomic_load(&engine->failed);
}

struct nba_engine_pulse nba_engine_pulse(const struct nba_engine *engine)
{
    struct nba_engine_pulse pulse = {
        .looks = atomic_load(&engine->looks), .turns = UINT64_MAX, .resting = true};
    for (size_t i = 0; i < engine->worker_count; i++) {
        bool resting = false;
        const uint64_t turns = nba_worker_turns(engine->workers[i], &resting);
        pulse.turns = turns < pulse.turns ? turns : pulse.turns;
        pulse.resting = pulse.resting && resting;
    }
    return pulse;
}

struct nba_state_store *nba_engine_store(const struct nba_engine *engine)
{
    return engine->store;
}

uint64_t nba_engine_events(const struct nba_engine *engine)
{
    return atomic_load(&engine->events);
}

enum nba_status nba_engine_stop(struct nba_engine *engine, struct nba_error *error)
{
    atomic_store(&engine->stopping, true);
    (void)pthread_cond_broadcast(&engine->table.released);
    for (size_t i = 0; i < engine->worker_count; i++) {
        nba_worker_join(engine->workers[i]);
    }
    nba_follower_stop(engine);
    nba_engine_wait_for_compactor(engine);
    for (size_t i = 0; i < engine->worker_count; i++) {
        nba_worker_destroy(engine->workers[i]);
        engine->workers[i] = NULL;
    }
    engine->worker_count = 0;
    struct nba_error flush_error = {0};
    if (engine->store != NULL && nba_state_store_flush(engine->store, &flush_error) != NBA_OK) {
        nba_log(NBA_LOG_WARN, "state_flush", "reason=\"%s\"", flush_error.message);
    }
    if (engine->failure.status != NBA_OK) {
        *error = engine->failure;
    }
    return engine->failure.status;
}

void nba_engine_destroy(struct nba_engine *engine)
{
    if (engine != NULL) {
        NBA_ASSERT(engine->worker_count == 0 && !engine->follower_started);
        nba_side_inputs_destroy(engine->side_inputs);
        nba_crash_notes_clear(&engine->crash_notes);
        nba_state_store_close(engine->store);
        (void)pthread_mutex_destroy(&engine->failure_lock);
        (void)pthread_mutex_destroy(&engine->table.lock);
        (void)pthread_cond_destroy(&engine->table.released);
        (void)pthread_mutex_destroy(&engine->parking.lock);
        free(engine);
    }
}
