/* Partition by partition: segments between journal records, each run in transactions of its own. */
#include "nba/engine/replay.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "crash_notes.h"
#include "load_release.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "nba/base/log.h"
#include "nba/base/memory.h"
#include "nba/base/zone.h"
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

/* The topics that side inputs come from. */
enum side_topic { CATALOG, CONTROL, CAPACITY, SIDE_TOPIC_COUNT };

static const struct {
    enum nba_status (*apply)(struct nba_side_inputs *inputs, const struct nba_record *record,
                             struct nba_error *error);
    void (*read)(struct nba_side_inputs *inputs, int64_t next);
} side_topics[SIDE_TOPIC_COUNT] = {
    [CATALOG] = {nba_side_inputs_catalog, nba_side_inputs_catalog_read},
    [CONTROL] = {nba_side_inputs_control, nba_side_inputs_control_read},
    [CAPACITY] = {nba_side_inputs_capacity, nba_side_inputs_capacity_read},
};

struct nba_replay {
    struct nba_replay_options options;
    struct nba_arena memory; /* of all records */
    struct records side[SIDE_TOPIC_COUNT];
    struct records journal[NBA_PARTITIONS_MAX];
    struct records input[NBA_PARTITIONS_MAX];
    struct records mail[NBA_PARTITIONS_MAX];
    struct nba_crash_notes crash_notes; /* of the journal */
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
    size_t side_used[SIDE_TOPIC_COUNT];  /* records already applied */
    int64_t side_next[SIDE_TOPIC_COUNT]; /* and the offset that the journal calls it */
    char policy_hash[NBA_SHA256_TEXT_BYTES];
    struct nba_releases_used releases;
    size_t input_used;
    size_t mail_used;     /* records of the mailbox already taken, */
    size_t mail_end;      /* to be taken when the task is opened next, */
    int64_t mailbox_next; /* and the offset that this is */
    bool zones_said;
};

/* ---- the log ---- */

struct nba_replay *nba_replay_create(const struct nba_replay_options *options)
{
    NBA_ASSERT(options->threads >= 1 && options->sink.take != NULL);
    struct nba_replay *replay = nba_zeros(1, sizeof(*replay));
    replay->options = *options;
    nba_arena_init(&replay->memory, LOG_BYTES_MAX);
    (void)pthread_mutex_init(&replay->failure_lock, NULL);
    return replay;
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
        free(replay->mail[p].items);
    }
    nba_crash_notes_clear(&replay->crash_notes);
    free(replay->side[CATALOG].items);
    free(replay->side[CONTROL].items);
    free(replay->side[CAPACITY].items);
    nba_state_store_close(replay->store);
    nba_arena_clear(&replay->memory);
    (void)pthread_mutex_destroy(&replay->failure_lock);
    free(replay);
}

/* A journal record may say that a record was not looked at. */
static void take_crash_loop(struct nba_replay *replay, const struct nba_record *record)
{
    const size_t prefix = strlen(NBA_CRASH_LOOP_SRC);
    for (uint32_t i = 0; i < record->header_count; i++) {
        const struct nba_str src = record->headers[i].value;
        char number[24] = "";
        if (nba_str_is(record->headers[i].name, "src") && src.bytes > prefix &&
            src.bytes - prefix < sizeof(number) &&
            memcmp(src.data, NBA_CRASH_LOOP_SRC, prefix) == 0) {
            memcpy(number, src.data + prefix, src.bytes - prefix);
            for (unsigned times = 0; times < NBA_CRASHES_MAX; times++) {
                nba_crash_notes_add(&replay->crash_notes,
                                    (struct nba_crash_place){.partition = record->partition,
                                                             .offset = strtoll(number, NULL, 10)});
            }
        }
    }
}

enum nba_status nba_replay_add(struct nba_replay *replay, const struct nba_record *record,
                               struct nba_error *error)
{
    const int32_t partition = record->partition;
    if (partition < 0 || partition >= (int32_t)NBA_PARTITIONS_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "partition %d is out of range", (int)partition);
    }
    const struct nba_config_topics *topics = &replay->options.config->topics;
    const struct {
        const char *topic;
        struct records *records;
    } inputs[] = {{topics->engagement, &replay->input[partition]},
                  {topics->journal, &replay->journal[partition]},
                  {topics->mailbox, &replay->mail[partition]},
                  {topics->catalog, &replay->side[CATALOG]},
                  {topics->control, &replay->side[CONTROL]},
                  {topics->rep_capacity, &replay->side[CAPACITY]}};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(inputs); i++) {
        struct records *into = inputs[i].records;
        if (!nba_str_is(record->topic, inputs[i].topic)) {
            continue;
        }
        into->items = nba_room(into->items, into->count, &into->capacity, sizeof(*into->items));
        struct nba_record *copy = &into->items[into->count++];
        *copy = *record;
        copy->topic = nba_str_of(inputs[i].topic);
        copy->owner = NULL;
        copy->release = NULL;
        copy->headers = NULL; /* the pipeline reads none of an input's */
        copy->header_count = 0;
        copy->key = nba_arena_copy(&replay->memory, record->key);
        copy->value = nba_arena_copy(&replay->memory, record->value);
        if (copy->key.data == NULL || copy->value.data == NULL) {
            return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory holding the log");
        }
        if (i == 1) {
            take_crash_loop(replay, record);
        }
        if (i == 0) {
            replay->events++;
            replay->partition_count =
                partition >= replay->partition_count ? partition + 1 : replay->partition_count;
        }
    }
    return NBA_OK;
}

uint64_t nba_replay_events(const struct nba_replay *replay)
{
    return replay->events;
}

/* ---- side inputs ---- */

/* Applies the records up to what `until` says; a bad one was passed over live, so it is here. */
static enum nba_status apply_side(struct runner *runner, enum side_topic topic, int64_t offset_end,
                                  int64_t timestamp_end, struct nba_error *error)
{
    const struct records *records = &runner->replay->side[topic];
    size_t *used = &runner->side_used[topic];
    while (*used < records->count && records->items[*used].offset < offset_end &&
           records->items[*used].timestamp_ms <= timestamp_end) {
        const enum nba_status status =
            side_topics[topic].apply(runner->side_inputs, &records->items[*used], error);
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
    if (status == NBA_OK && hash.bytes != 0 &&
        !nba_str_equal(nba_policy_head(policy)->hash, hash)) {
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
                   NBA_STR_ARG(nba_policy_head(policy)->hash));
    nba_side_inputs_set_policy(runner->side_inputs, policy);
    nba_policy_unref(policy);
    return NBA_OK;
}

static enum nba_status use_release(struct runner *runner, enum nba_role role, struct nba_str id,
                                   struct nba_error *error)
{
    return nba_use_release(runner->replay->options.config, role, id, &runner->releases,
                           runner->side_inputs, error);
}

/* There is but one database of time zones here: with another one local times may differ. */
static void compare_zones(struct runner *runner, struct nba_str version)
{
    if (version.bytes != 0 && !nba_str_is(version, nba_zone_data_version()) &&
        !runner->zones_said) {
        runner->zones_said = true;
        nba_log(NBA_LOG_WARN, "tzdata_differs", "partition=%d journal=\"%.*s\" here=\"%s\"",
                (int)runner->partition, NBA_STR_ARG(version), nba_zone_data_version());
    }
}

/* From the beginning: a partition's next owner may have read less than the one before. */
static enum nba_status begin_side(struct runner *runner, struct nba_error *error)
{
    const struct nba_replay_options *options = &runner->replay->options;
    nba_side_inputs_destroy(runner->side_inputs);
    runner->side_inputs = NULL;
    memset(runner->side_used, 0, sizeof(runner->side_used));
    memset(runner->side_next, 0, sizeof(runner->side_next));
    runner->policy_hash[0] = '\0';
    runner->releases = (struct nba_releases_used){.ids = {"-", "-"}};
    return nba_side_inputs_create(options->schemas, options->config, &runner->side_inputs, error);
}

static enum nba_status use_journal(struct runner *runner, const struct nba_journal *journal,
                                   struct nba_error *error)
{
    compare_zones(runner, journal->tzdata_version);
    const int64_t next[] = {[CATALOG] = journal->catalog_next,
                            [CONTROL] = journal->control_next,
                            [CAPACITY] = journal->capacity_next};
    bool less = false;
    for (unsigned topic = 0; topic < SIDE_TOPIC_COUNT; topic++) {
        less = less || next[topic] < runner->side_next[topic];
    }
    enum nba_status status = less ? begin_side(runner, error) : NBA_OK;
    for (unsigned topic = 0; topic < SIDE_TOPIC_COUNT && status == NBA_OK; topic++) {
        status = apply_side(runner, topic, next[topic], INT64_MAX, error);
        side_topics[topic].read(runner->side_inputs, next[topic]);
        runner->side_next[topic] = next[topic];
    }
    if (status == NBA_OK) {
        const bool ours = runner->replay->options.policy_ours;
        status = use_policy(runner, ours ? nba_str(NULL, 0) : journal->policy_hash, error);
    }
    const struct records *mail = &runner->replay->mail[runner->partition];
    runner->mailbox_next = journal->mailbox_next;
    while (runner->mail_end < mail->count &&
           mail->items[runner->mail_end].offset < journal->mailbox_next) {
        runner->mail_end++;
    }
    if (status == NBA_OK) {
        status = use_release(runner, NBA_ROLE_CHAMPION, journal->release_champion, error);
    }
    return status == NBA_OK
               ? use_release(runner, NBA_ROLE_CHALLENGER, journal->release_challenger, error)
               : status;
}

/* ---- running ---- */

static void report(struct runner *runner, size_t events)
{
    struct nba_replay *replay = runner->replay;
    const uint64_t before = atomic_fetch_add(&replay->done, events);
    if (replay->options.progress != NULL &&
        before / PROGRESS_EVERY != (before + events) / PROGRESS_EVERY) {
        replay->options.progress(replay->options.progress_context, before + events, replay->events);
    }
}

/* What several tasks write into one partition stands there in no order: it isn't compared. */
static bool goes_to_others(const struct runner *runner, const struct nba_outbox_record *record)
{
    const struct nba_config_topics *topics = &runner->replay->options.config->topics;
    return record->topic == topics->mailbox || record->topic == topics->rep_capacity;
}

/* What the journal said was taken before the next record of the input. */
static struct nba_mailbag take_mailbag(struct runner *runner)
{
    const struct records *mail = &runner->replay->mail[runner->partition];
    const size_t count = runner->mail_end - runner->mail_used;
    const struct nba_record **records =
        nba_arena_need(&runner->arena, (count + 1) * sizeof(*records));
    for (size_t i = 0; i < count; i++) {
        records[i] = &mail->items[runner->mail_used + i];
    }
    runner->mail_used = runner->mail_end;
    return (struct nba_mailbag){records, count, runner->mailbox_next};
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
    const struct nba_mailbag mail = take_mailbag(runner);
    if (status == NBA_OK) {
        status = nba_pipeline_open_task(runner->pipeline, runner->task, &mail, error);
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
    const struct nba_replay_sink *sink = &runner->replay->options.sink;
    for (size_t i = 0; status == NBA_OK && i < runner->outbox.count; i++) {
        const struct nba_outbox_record *record = &runner->outbox.records[i];
        if (!goes_to_others(runner, record)) {
            status = sink->take(sink->context, record, error);
        }
    }
    if (status == NBA_OK) {
        report(runner, done);
        *ret_done = done;
        *ret_more = full;
    }
    return status;
}

/* Records up to (not including) input index `end`, under the side inputs in force.  `sweep_limit`:
 * recalls after which the next journal record interrupts a sweep; NBA_SWEEP_NONE: it doesn't. */
static enum nba_status run_segment(struct runner *runner, size_t end, int64_t wall_ms,
                                   int64_t sweep_limit, struct nba_error *error)
{
    const struct records *input = &runner->replay->input[runner->partition];
    const size_t most = runner->replay->options.transaction_events != 0
                            ? runner->replay->options.transaction_events
                            : TRANSACTION_EVENTS;
    bool more = true; /* an empty segment still adopts its side and fires its timers */
    enum nba_status status = NBA_OK;
    nba_pipeline_set_sweep_limit(runner->pipeline, sweep_limit);
    while (status == NBA_OK && (more || runner->input_used < end) &&
           !atomic_load(&runner->replay->failed)) {
        size_t count = end - runner->input_used;
        size_t done = 0;
        count = count < most ? count : most;
        status = run_transaction(runner, input->items + runner->input_used, count, wall_ms, &done,
                                 &more, error);
        runner->input_used += done;
        if (more && sweep_limit != NBA_SWEEP_NONE &&
            nba_task_committed_meta(runner->task)->sweep_recalls == sweep_limit) {
            break;
        }
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
        struct nba_journal entries[2] = {
            {0}, {.input_next = INT64_MAX, .swept = NBA_SWEEP_NONE}}; /* this and the next */
        size_t end = runner->input_used;
        nba_arena_init(&decoded, (size_t)1 << 20);
        for (size_t i = 0; status == NBA_OK && i < 2 && j + i < journal->count; i++) {
            status = nba_decode_journal(runner->decoder, journal->items[j + i].value, &decoded,
                                        &entries[i], error);
        }
        if (status == NBA_OK) {
            status = use_journal(runner, &entries[0], error);
        }
        if (status == NBA_OK && j == 0) { /* where the instance began */
            nba_task_begin_at(runner->task, entries[0].input_next);
            while (end < input->count && input->items[end].offset < entries[0].input_next) {
                runner->input_used = ++end;
            }
        }
        while (end < input->count && input->items[end].offset < entries[1].input_next) {
            end++;
        }
        if (status == NBA_OK) {
            status = run_segment(runner, end, entries[0].wall_clock_ms, entries[1].swept, error);
        }
        nba_arena_clear(&decoded);
    }
    return status;
}

static enum nba_status run_without_journal(struct runner *runner, struct nba_error *error)
{
    struct nba_replay *replay = runner->replay;
    const struct records *input = &replay->input[runner->partition];
    enum nba_status status =
        nba_use_shelf(replay->options.config, &runner->releases, runner->side_inputs, error);
    if (status == NBA_OK) {
        status = use_policy(runner, nba_str(NULL, 0), error);
    }
    while (status == NBA_OK && runner->input_used < input->count) {
        const int64_t timestamp_ms = input->items[runner->input_used].timestamp_ms;
        int64_t due_ms = INT64_MAX; /* of the next side record: there the segment ends */
        for (unsigned topic = 0; topic < SIDE_TOPIC_COUNT && status == NBA_OK; topic++) {
            const struct records *side = &replay->side[topic];
            status = apply_side(runner, topic, INT64_MAX, timestamp_ms, error);
            if (runner->side_used[topic] < side->count &&
                side->items[runner->side_used[topic]].timestamp_ms < due_ms) {
                due_ms = side->items[runner->side_used[topic]].timestamp_ms;
            }
        }
        size_t end = runner->input_used;
        while (end < input->count && input->items[end].timestamp_ms < due_ms) {
            end++;
        }
        if (status == NBA_OK) {
            status = run_segment(runner, end, timestamp_ms, NBA_SWEEP_NONE, error);
        }
    }
    return status;
}

static enum nba_status run_partition(struct nba_replay *replay, int32_t partition,
                                     struct nba_error *error)
{
    const struct nba_replay_options *options = &replay->options;
    const struct nba_pipeline_options pipeline = {
        .schemas = options->schemas,
        .config = options->config,
        .wave_max = options->wave_max,
        .crash_notes = &replay->crash_notes,
        .listener = options->listener,
    };
    struct runner runner = {.replay = replay, .partition = partition};
    nba_arena_init(&runner.arena, TRANSACTION_BYTES);
    nba_outbox_init(&runner.outbox, &runner.arena);
    enum nba_status status =
        nba_task_open(replay->store, nba_str_of(options->config->topics.engagement), partition,
                      replay->partition_count, &replay->tasks[partition], error);
    runner.task = replay->tasks[partition];
    runner.pipeline = nba_pipeline_create(&pipeline);
    runner.decoder = nba_decoder_create(options->schemas);
    if (status == NBA_OK) {
        status = begin_side(&runner, error);
    }
    if (status == NBA_OK) {
        status = options->journal_ignored || replay->journal[partition].count == 0
                     ? run_without_journal(&runner, error)
                     : run_with_journal(&runner, error);
    }
    nba_pipeline_destroy(runner.pipeline);
    nba_side_inputs_destroy(runner.side_inputs);
    nba_decoder_destroy(runner.decoder);
    nba_outbox_clear(&runner.outbox);
    nba_arena_clear(&runner.arena);
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
    struct nba_state_options state =
        nba_state_options_of(replay->options.config, (uint32_t)replay->partition_count);
    state.unlogged = true;
    state.resident = replay->options.state_unread;
    const enum nba_status status =
        nba_state_store_open(replay->options.state_dir, &state, &replay->store, error);
    if (status != NBA_OK) {
        return status;
    }
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
    NBA_ASSERT(!replay->options.state_unread);
    return nba_state_store_hash(replay->store, ret_text, error);
}
