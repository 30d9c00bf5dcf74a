/* Partition by partition: segments between journal records, each run in transactions of its own. */
#include "nba/engine/replay.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels_of.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "nba/engine/pipeline.h"
#include "nba/release/shelf.h"
#include "nba/state/store.h"

#define PATH_BYTES_MAX     4096u
#define TRANSACTION_EVENTS 1000u
#define BATCH_MAX          256u
#define LOG_BYTES_MAX      ((size_t)64 << 30)
#define TRANSACTION_BYTES  ((size_t)2 << 30)
#define PROGRESS_EVERY     1000u

struct records {
    struct nba_record *items;
    size_t count, capacity;
};

struct nba_replay {
    struct nba_replay_options options;
    struct nba_arena memory; /* of all records */
    struct records catalog, control;
    struct records journal[NBA_PARTITIONS_MAX];
    struct records input[NBA_PARTITIONS_MAX];
    int32_t partition_count;
    uint64_t events;
    struct nba_state_store *store;
    struct nba_task *tasks[NBA_PARTITIONS_MAX];

    _Atomic int32_t partition_next; /* handed to threads */
    _Atomic uint64_t done;
    _Atomic bool failed;
    pthread_mutex_t failure_lock;
    struct nba_error failure;
};

/* What one thread needs for one partition. */
struct runner {
    struct nba_replay *replay;
    int32_t partition;
    struct nba_task *task;
    struct nba_side_inputs *side_inputs;
    struct nba_pipeline *pipeline;
    struct nba_decoder *decoder;
    struct nba_arena arena;
    struct nba_outbox outbox;
    size_t catalog_used, control_used; /* records already applied */
    char policy_hash[NBA_SHA256_TEXT_BYTES];
    char release_id[NBA_RELEASE_ID_BYTES];
    size_t input_used;
};

/* ---- the log ---- */

enum nba_status nba_replay_create(const struct nba_replay_options *options,
                                  struct nba_replay **ret_replay, struct nba_error *error)
{
    NBA_ASSERT(options->threads >= 1 && options->sink.take != NULL);
    const struct nba_state_options state = {
        .create = true,
        .block_cache_bytes = (size_t)options->config->state.block_cache_bytes,
        .write_buffer_bytes = (size_t)options->config->state.write_buffer_bytes,
        .hot_bytes = (size_t)options->config->state.cache_bytes,
    };
    struct nba_replay *replay = calloc(1, sizeof(*replay));
    if (replay == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    replay->options = *options;
    nba_arena_init(&replay->memory, LOG_BYTES_MAX);
    (void)pthread_mutex_init(&replay->failure_lock, NULL);
    const enum nba_status status =
        nba_state_store_open(options->state_dir, &state, &replay->store, error);
    if (status != NBA_OK) {
        nba_replay_destroy(replay);
        return status;
    }
    *ret_replay = replay;
    return NBA_OK;
}

void nba_replay_destroy(struct nba_replay *replay)
{
    if (replay == NULL) {
        return;
    }
    for (int32_t p = 0; p < (int32_t)NBA_PARTITIONS_MAX; p++) {
        nba_task_close(replay->tasks[p]);
        free(replay->journal[p].items);
        free(replay->input[p].items);
    }
    free(replay->catalog.items);
    free(replay->control.items);
    nba_state_store_close(replay->store);
    nba_arena_clear(&replay->memory);
    (void)pthread_mutex_destroy(&replay->failure_lock);
    free(replay);
}

static bool append(struct nba_replay *replay, struct records *records,
                   const struct nba_record *record)
{
    if (records->count == records->capacity) {
        const size_t capacity = records->capacity != 0 ? records->capacity * 2 : 64;
        struct nba_record *grown = realloc(records->items, capacity * sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        records->items = grown;
        records->capacity = capacity;
    }
    struct nba_record *copy = &records->items[records->count];
    *copy = *record;
    copy->owner = NULL;
    copy->release = NULL;
    copy->headers = NULL; /* the pipeline reads none of an input's */
    copy->header_count = 0;
    copy->key = nba_arena_copy(&replay->memory, record->key);
    copy->value = nba_arena_copy(&replay->memory, record->value);
    if (copy->key.data == NULL || copy->value.data == NULL) {
        return false;
    }
    records->count++;
    return true;
}

enum nba_status nba_replay_add(struct nba_replay *replay, const struct nba_record *record,
                               struct nba_error *error)
{
    const struct nba_config_topics *topics = &replay->options.config->topics;
    struct records *into = NULL;
    if (record->partition < 0 || record->partition >= (int32_t)NBA_PARTITIONS_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "partition %d is out of range",
                             (int)record->partition);
    }
    const char *topic = NULL;
    if (nba_str_is(record->topic, topics->engagement)) {
        topic = topics->engagement;
        into = &replay->input[record->partition];
        replay->events++;
        if (record->partition >= replay->partition_count) {
            replay->partition_count = record->partition + 1;
        }
    } else if (nba_str_is(record->topic, topics->journal)) {
        topic = topics->journal;
        into = &replay->journal[record->partition];
    } else if (nba_str_is(record->topic, topics->catalog)) {
        topic = topics->catalog;
        into = &replay->catalog;
    } else if (nba_str_is(record->topic, topics->control)) {
        topic = topics->control;
        into = &replay->control;
    } else {
        return NBA_OK;
    }
    struct nba_record named = *record;
    named.topic = nba_str_of(topic);
    return append(replay, into, &named)
               ? NBA_OK
               : nba_error_set(error, NBA_E_NO_MEMORY, "out of memory holding the log");
}

uint64_t nba_replay_events(const struct nba_replay *replay)
{
    return replay->events;
}

/* ---- side inputs ---- */

typedef enum nba_status apply_fn(struct nba_side_inputs *, const struct nba_record *,
                                 struct nba_error *);

/* Applies the records up to what `until` says; a bad one was passed over live, so it is here. */
static enum nba_status apply_side(struct runner *runner, const struct records *records,
                                  size_t *used, apply_fn *apply, int64_t offset_end,
                                  int64_t timestamp_end, struct nba_error *error)
{
    while (*used < records->count && records->items[*used].offset < offset_end &&
           records->items[*used].timestamp_ms <= timestamp_end) {
        const enum nba_status status = apply(runner->side_inputs, &records->items[*used], error);
        if (status != NBA_OK && nba_status_class(status) != NBA_CLASS_SKIP &&
            status != NBA_E_EXISTS) {
            return status;
        }
        *used += 1;
    }
    return NBA_OK;
}

static enum nba_status use_policy(struct runner *runner, struct nba_str hash,
                                  struct nba_error *error)
{
    const struct nba_replay_options *options = &runner->replay->options;
    struct nba_policy *policy = NULL;
    char path[PATH_BYTES_MAX];
    if (hash.bytes != 0 && nba_str_is(hash, runner->policy_hash)) {
        return NBA_OK;
    }
    enum nba_status status = nba_policy_load(options->config->policy_file, &policy, error);
    if (status == NBA_OK && hash.bytes != 0 && !nba_str_equal(nba_policy_hash(policy), hash)) {
        nba_policy_unref(policy);
        policy = NULL;
        status = NBA_E_NOT_FOUND;
    }
    if (status != NBA_OK && hash.bytes != 0) {
        (void)snprintf(path, sizeof(path), "%s/%.*s.yaml", options->policies_dir,
                       NBA_STR_ARG(hash));
        status = nba_policy_load(path, &policy, error);
    }
    if (status != NBA_OK) {
        return nba_error_prefix(error, "policy %.12s of the journal", hash.bytes ? hash.data : "-");
    }
    (void)snprintf(runner->policy_hash, sizeof(runner->policy_hash), "%.*s",
                   NBA_STR_ARG(nba_policy_hash(policy)));
    nba_side_inputs_set_policy(runner->side_inputs, policy);
    nba_policy_unref(policy);
    return NBA_OK;
}

static enum nba_status use_release(struct runner *runner, struct nba_str id,
                                   struct nba_error *error)
{
    const struct nba_config *config = runner->replay->options.config;
    const struct nba_kernels *kernels = nba_kernels_of(config);
    struct nba_release *release = NULL;
    char path[PATH_BYTES_MAX];
    if (nba_str_is(id, runner->release_id)) {
        return NBA_OK;
    }
    if (kernels == NULL) {
        return nba_error_set(error, NBA_E_CONFIG,
                             "score.kernels: this processor has no such instructions");
    }
    (void)snprintf(runner->release_id, sizeof(runner->release_id), "%.*s", NBA_STR_ARG(id));
    if (id.bytes != 0) {
        enum nba_status status =
            nba_shelf_path(config->release_dir, runner->release_id, path, sizeof(path), error);
        if (status == NBA_OK) {
            status = nba_release_load(path, kernels, &release, error);
        }
        if (status != NBA_OK) {
            return nba_error_prefix(error, "release %.12s of the journal", runner->release_id);
        }
    }
    nba_side_inputs_set_release(runner->side_inputs, release);
    nba_release_unref(release);
    return NBA_OK;
}

static enum nba_status use_journal(struct runner *runner, const struct nba_journal *journal,
                                   struct nba_error *error)
{
    struct nba_replay *replay = runner->replay;
    enum nba_status status =
        apply_side(runner, &replay->catalog, &runner->catalog_used, nba_side_inputs_catalog,
                   journal->catalog_next, INT64_MAX, error);
    if (status == NBA_OK) {
        status = apply_side(runner, &replay->control, &runner->control_used,
                            nba_side_inputs_control, journal->control_next, INT64_MAX, error);
    }
    nba_side_inputs_catalog_read(runner->side_inputs, journal->catalog_next);
    nba_side_inputs_control_read(runner->side_inputs, journal->control_next);
    if (status == NBA_OK) {
        status = use_policy(runner, journal->policy_hash, error);
    }
    if (status == NBA_OK) {
        status = use_release(runner, journal->release_champion, error);
    }
    return status;
}

/* ---- running ---- */

static enum nba_status deliver(struct runner *runner, struct nba_error *error)
{
    const struct nba_replay_sink *sink = &runner->replay->options.sink;
    for (size_t i = 0; i < runner->outbox.count; i++) {
        const enum nba_status status = sink->take(sink->context, &runner->outbox.records[i], error);
        if (status != NBA_OK) {
            return status;
        }
    }
    return NBA_OK;
}

static void report(struct runner *runner, size_t events)
{
    struct nba_replay *replay = runner->replay;
    const uint64_t before = atomic_fetch_add(&replay->done, events);
    if (replay->options.progress != NULL &&
        before / PROGRESS_EVERY != (before + events) / PROGRESS_EVERY) {
        replay->options.progress(replay->options.progress_context, before + events, replay->events);
    }
}

/* One transaction over at most `count` records; *ret_done of them are through. */
static enum nba_status run_transaction(struct runner *runner, const struct nba_record *records,
                                       size_t count, int64_t wall_ms, size_t *ret_done,
                                       bool *ret_more, struct nba_error *error)
{
    const struct nba_change *changes = NULL;
    size_t change_count = 0;
    size_t done = 0;
    struct nba_side *side = NULL;
    bool full = false;
    nba_arena_reset(&runner->arena);
    nba_outbox_reset(&runner->outbox);
    enum nba_status status = nba_side_inputs_take(runner->side_inputs, &side, error);
    if (status != NBA_OK) {
        return status;
    }
    status =
        nba_pipeline_begin(runner->pipeline, side, &runner->arena, &runner->outbox, wall_ms, error);
    nba_side_unref(side);
    if (status == NBA_OK) {
        status = nba_pipeline_open_task(runner->pipeline, runner->task, error);
    }
    if (status == NBA_OK) {
        status = nba_pipeline_timers(runner->pipeline, runner->task, &full, error);
    }
    while (status == NBA_OK && !full && done < count) {
        struct nba_pipeline_item items[BATCH_MAX];
        size_t batch = 0;
        size_t batch_done = 0;
        while (batch < BATCH_MAX && done + batch < count) {
            items[batch] = (struct nba_pipeline_item){runner->task, &records[done + batch]};
            batch++;
        }
        status = nba_pipeline_run(runner->pipeline, items, batch, &batch_done, error);
        full = batch_done < batch;
        done += status == NBA_OK ? batch_done : 0;
    }
    if (status == NBA_OK) {
        status = nba_task_seal(runner->task, &changes, &change_count, error);
    }
    if (status == NBA_OK) {
        status = nba_state_store_write(runner->replay->store, &runner->task, 1, error);
    }
    if (status == NBA_OK) {
        status = deliver(runner, error);
    }
    if (status == NBA_OK) {
        report(runner, done);
        *ret_done = done;
        *ret_more = full;
    }
    return status;
}

/* Records up to (not including) input index `end`, under the side inputs in force. */
static enum nba_status run_segment(struct runner *runner, size_t end, int64_t wall_ms,
                                   struct nba_error *error)
{
    const struct records *input = &runner->replay->input[runner->partition];
    const size_t most = runner->replay->options.transaction_events != 0
                            ? runner->replay->options.transaction_events
                            : TRANSACTION_EVENTS;
    bool more = true; /* an empty segment still adopts its side and fires its timers */
    enum nba_status status = NBA_OK;
    while (status == NBA_OK && (more || runner->input_used < end) &&
           !atomic_load(&runner->replay->failed)) {
        size_t count = end - runner->input_used;
        size_t done = 0;
        count = count < most ? count : most;
        status = run_transaction(runner, input->items + runner->input_used, count, wall_ms, &done,
                                 &more, error);
        runner->input_used += done;
    }
    return status;
}

static enum nba_status run_with_journal(struct runner *runner, struct nba_error *error)
{
    const struct records *journal = &runner->replay->journal[runner->partition];
    const struct records *input = &runner->replay->input[runner->partition];
    enum nba_status status = NBA_OK;
    for (size_t j = 0; status == NBA_OK && j < journal->count; j++) {
        struct nba_arena decoded;
        struct nba_journal entry;
        struct nba_journal next = {.input_next = INT64_MAX};
        nba_arena_init(&decoded, (size_t)1 << 20);
        status =
            nba_decode_journal(runner->decoder, journal->items[j].value, &decoded, &entry, error);
        if (status == NBA_OK && j + 1 < journal->count) {
            status = nba_decode_journal(runner->decoder, journal->items[j + 1].value, &decoded,
                                        &next, error);
        }
        if (status == NBA_OK) {
            status = use_journal(runner, &entry, error);
        }
        size_t end = runner->input_used;
        while (end < input->count && input->items[end].offset < next.input_next) {
            end++;
        }
        if (status == NBA_OK) {
            status = run_segment(runner, end, entry.wall_clock_ms, error);
        }
        nba_arena_clear(&decoded);
    }
    return status;
}

static enum nba_status run_without_journal(struct runner *runner, struct nba_error *error)
{
    struct nba_replay *replay = runner->replay;
    const struct records *input = &replay->input[runner->partition];
    char champion[NBA_RELEASE_ID_BYTES] = "";
    enum nba_status status =
        nba_shelf_champion(replay->options.config->release_dir, champion, error);
    if (status == NBA_OK || status == NBA_E_NOT_FOUND) {
        status = use_release(runner, nba_str_of(champion), error);
    }
    if (status == NBA_OK) {
        status = use_policy(runner, nba_str(NULL, 0), error);
    }
    while (status == NBA_OK && runner->input_used < input->count) {
        const int64_t timestamp_ms = input->items[runner->input_used].timestamp_ms;
        status = apply_side(runner, &replay->catalog, &runner->catalog_used,
                            nba_side_inputs_catalog, INT64_MAX, timestamp_ms, error);
        if (status == NBA_OK) {
            status = apply_side(runner, &replay->control, &runner->control_used,
                                nba_side_inputs_control, INT64_MAX, timestamp_ms, error);
        }
        /* The segment ends where the next side record is due. */
        int64_t due_ms = INT64_MAX;
        if (runner->catalog_used < replay->catalog.count) {
            due_ms = replay->catalog.items[runner->catalog_used].timestamp_ms;
        }
        if (runner->control_used < replay->control.count &&
            replay->control.items[runner->control_used].timestamp_ms < due_ms) {
            due_ms = replay->control.items[runner->control_used].timestamp_ms;
        }
        size_t end = runner->input_used;
        while (end < input->count && input->items[end].timestamp_ms < due_ms) {
            end++;
        }
        if (status == NBA_OK) {
            status = run_segment(runner, end, timestamp_ms, error);
        }
    }
    return status;
}

static void runner_clear(struct runner *runner)
{
    nba_pipeline_destroy(runner->pipeline);
    nba_side_inputs_destroy(runner->side_inputs);
    nba_decoder_destroy(runner->decoder);
    nba_outbox_clear(&runner->outbox);
    nba_arena_clear(&runner->arena);
}

static enum nba_status run_partition(struct nba_replay *replay, int32_t partition,
                                     struct nba_error *error)
{
    const struct nba_replay_options *options = &replay->options;
    const struct nba_pipeline_options pipeline = {
        .schemas = options->schemas,
        .config = options->config,
        .wave_max = options->wave_max,
    };
    struct runner runner = {.replay = replay, .partition = partition, .release_id = "-"};
    nba_arena_init(&runner.arena, TRANSACTION_BYTES);
    nba_outbox_init(&runner.outbox, &runner.arena);
    enum nba_status status =
        nba_task_open(replay->store, nba_str_of(options->config->topics.engagement), partition,
                      replay->partition_count, &replay->tasks[partition], error);
    runner.task = replay->tasks[partition];
    if (status == NBA_OK) {
        status = nba_pipeline_create(&pipeline, &runner.pipeline, error);
    }
    if (status == NBA_OK) {
        status = nba_decoder_create(options->schemas, &runner.decoder, error);
    }
    if (status == NBA_OK) {
        status =
            nba_side_inputs_create(options->schemas, options->config, &runner.side_inputs, error);
    }
    if (status == NBA_OK) {
        status = options->journal_ignored || replay->journal[partition].count == 0
                     ? run_without_journal(&runner, error)
                     : run_with_journal(&runner, error);
    }
    runner_clear(&runner);
    return status == NBA_OK ? NBA_OK : nba_error_prefix(error, "partition %d", (int)partition);
}

static void *replay_thread(void *context)
{
    struct nba_replay *replay = context;
    while (!atomic_load(&replay->failed)) {
        struct nba_error error = {0};
        const int32_t partition = atomic_fetch_add(&replay->partition_next, 1);
        if (partition >= replay->partition_count) {
            break;
        }
        if (run_partition(replay, partition, &error) != NBA_OK) {
            (void)pthread_mutex_lock(&replay->failure_lock);
            if (replay->failure.status == NBA_OK) {
                replay->failure = error;
            }
            (void)pthread_mutex_unlock(&replay->failure_lock);
            atomic_store(&replay->failed, true);
        }
    }
    return NULL;
}

enum nba_status nba_replay_run(struct nba_replay *replay, struct nba_error *error)
{
    pthread_t threads[NBA_WORKERS_MAX];
    size_t started = 0;
    const size_t wanted =
        replay->options.threads < NBA_WORKERS_MAX ? replay->options.threads : NBA_WORKERS_MAX;
    while (started + 1 < wanted &&
           pthread_create(&threads[started], NULL, replay_thread, replay) == 0) {
        started++;
    }
    (void)replay_thread(replay); /* the caller's thread is one of them */
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    if (replay->failure.status != NBA_OK) {
        *error = replay->failure;
    }
    return replay->failure.status;
}

enum nba_status nba_replay_state_hash(struct nba_replay *replay,
                                      char ret_text[NBA_SHA256_TEXT_BYTES], struct nba_error *error)
{
    return nba_state_store_hash(replay->store, ret_text, error);
}
