/*
 * The worker: one thread, one member of the group, one transaction after the other.
 *
 *   poll -> begin -> pipeline -> produce -> changelog -> send offsets -> commit -> one WriteBatch
 *
 * COMMIT THE LOG FIRST.  RocksDB never holds what the log didn't commit, so nothing is ever wiped
 * because of a crash: what a crash leaves missing is in the changelog's tail.
 *
 * RETAINED RECORDS.  The records of a transaction are kept until it is decided.  An aborted one is
 * run again from them, without a seek.
 *
 * TWO PRODUCERS in turn: while the broker writes the markers of one's transaction, the other works.
 * Never two transactions open, and nothing is computed on an undecided commit.
 *
 * WHAT AN ERROR MEANS (nba/stream/producer.h has the classes)
 *   TXN_ABORTABLE    abort, drop the overlay, run the retained records again; three in a row:
 *                    back off
 *   TXN_MEMBERSHIP   abort, drop the overlay and the records, poll until assigned anew
 *   TXN_UNKNOWN      the commit may have landed: new producer epoch, restore every owned task's
 *                    tail, drop records below input_next, run the rest; the sixth time in 60 s
 *                    gives up
 *   the store        a read or a write of RocksDB failed, before or after the commit: abort what is
 *                    open, give the partitions back, wait until the store is opened anew, join
 *                    again: restoring brings what the store missed
 *   anything else    stops the instance: the state on disk is that of the last commit
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nba/base/assert.h"
#include "nba/base/kill_point.h"
#include "nba/base/log.h"
#include "worker_internal.h"

#define SIDE_INPUTS_STEPS 1000 /* 5 s, for all partitions of an assignment */

static bool is_mail(const struct nba_worker *worker, struct nba_str topic)
{
    return nba_str_is(topic, worker->engine->options.config->topics.mailbox);
}

/* ---- tasks ---- */

static void close_tasks(struct nba_worker *worker)
{
    for (size_t i = 0; i < worker->owned_count; i++) {
        const int32_t partition = worker->owned[i];
        nba_task_close(worker->tasks[partition].task);
        worker->tasks[partition] = (struct owned_task){0};
        nba_task_table_release(worker->engine, partition);
        nba_gauge_add(worker->engine->tasks_owned, -1);
    }
    worker->owned_count = 0;
}

/* A partition that comes from another instance may know more of the side inputs than this one has
 * read so far.  It doesn't go back, or a stop would be undone.  A topic that never gets there is
 * another one than then. */
static void await_side_inputs(const struct nba_engine *engine, const struct nba_task *task,
                              int *steps_left)
{
    const struct nba_meta *meta = nba_task_committed_meta(task);
    const struct timespec step = {0, 5000000};
    while (!nba_side_inputs_reached(engine->side_inputs, meta->catalog_next, meta->control_next,
                                    meta->capacity_next)) {
        if (atomic_load(&engine->stopping)) {
            return;
        }
        if (*steps_left == 0) {
            nba_log(NBA_LOG_WARN, "side_inputs_behind", "partition=%d",
                    (int)nba_task_partition(task));
            return;
        }
        (void)nanosleep(&step, NULL);
        *steps_left -= 1;
    }
}

static enum nba_status open_task(struct nba_worker *worker, struct nba_assignment *assignment,
                                 int *steps_left, struct nba_error *error)
{
    struct nba_engine *engine = worker->engine;
    const int32_t partition = assignment->partition;
    struct nba_task *task = NULL;
    int64_t input_next = 0;
    if (!nba_task_table_acquire(engine, partition)) {
        return nba_error_set(error, NBA_E_INTERRUPTED, "stopped while waiting for a partition");
    }
    enum nba_status status =
        nba_task_open(engine->store, nba_str_of(engine->options.config->topics.engagement),
                      partition, engine->partition_count, &task, error);
    if (status == NBA_OK) {
        status = nba_restore_task(engine, task, assignment->committed, &input_next, error);
    }
    if (status != NBA_OK) {
        nba_task_close(task);
        nba_task_table_release(engine, partition);
        return nba_error_prefix(error, "partition %d", (int)partition);
    }
    await_side_inputs(engine, task, steps_left);
    assignment->offset = input_next;
    worker->tasks[partition] = (struct owned_task){.task = task, .input = {.reached = input_next}};
    worker->owned[worker->owned_count++] = partition;
    nba_gauge_add(engine->tasks_owned, 1);
    return NBA_OK;
}

/* Where the mailbox goes on: behind what the state has, or where it begins by now (retention). */
static enum nba_status place_mailbox(struct nba_worker *worker, struct nba_assignment *assignment,
                                     struct nba_error *error)
{
    struct nba_engine *engine = worker->engine;
    struct owned_task *owned = &worker->tasks[assignment->partition];
    int64_t low = 0;
    int64_t high = 0;
    enum nba_status status = NBA_OK;
    if (owned->task == NULL) { /* a moment ago not all knew the topic: passed over until the next */
        return NBA_OK;
    }
    do {
        status =
            nba_stream_watermarks(engine->options.stream, assignment->topic, assignment->partition,
                                  NBA_READ_COMMITTED, &low, &high, error);
    } while (nba_engine_tries_again(engine, status, error));
    const int64_t next = nba_task_committed_meta(owned->task)->mailbox_next;
    assignment->offset = next > low ? next : low;
    owned->mail = (struct reading){assignment->offset, next};
    return status;
}

static enum nba_status on_assign(void *context, struct nba_assignment *partitions, size_t count,
                                 struct nba_error *error)
{
    struct nba_worker *worker = context;
    const int64_t began_us = nba_worker_now_us(worker);
    int steps_left = SIDE_INPUTS_STEPS;
    NBA_ASSERT(worker->owned_count == 0 && !worker->in_transaction);
    for (size_t i = 0; i < count; i++) { /* the input's come first */
        const enum nba_status status = is_mail(worker, nba_str_of(partitions[i].topic))
                                           ? place_mailbox(worker, &partitions[i], error)
                                           : open_task(worker, &partitions[i], &steps_left, error);
        if (status != NBA_OK) {
            close_tasks(worker);
            return status;
        }
    }
    atomic_store(&worker->settled, false);
    atomic_store(&worker->assigned, true);
    nba_log(NBA_LOG_INFO, "assigned", "worker=%zu partitions=%zu ms=%lld", worker->index, count,
            (long long)((nba_worker_now_us(worker) - began_us) / 1000));
    return NBA_OK;
}

static void on_revoke(void *context, const struct nba_assignment *partitions, size_t count,
                      bool lost)
{
    struct nba_worker *worker = context;
    struct nba_error error = {0};
    (void)partitions;
    NBA_KILL_POINT(in_revoke);
    atomic_store(&worker->assigned, false);
    if (worker->in_transaction && !lost) {
        const enum nba_status status = nba_worker_commit(worker, &error);
        if (status != NBA_OK) {
            nba_log(NBA_LOG_WARN, "revoke", "worker=%zu uncommitted=dropped reason=\"%s\"",
                    worker->index, error.message);
        }
    }
    nba_worker_give_up(worker);
    nba_worker_release_records(worker);
    close_tasks(worker);
    nba_log(NBA_LOG_INFO, "revoked", "worker=%zu partitions=%zu lost=%d", worker->index, count,
            lost ? 1 : 0);
}

/* ---- the loop ---- */

static bool timers_due(const struct nba_worker *worker)
{
    const int64_t wall_ms = nba_clock_wall_ms(worker->engine->options.clock);
    if (!nba_pipeline_clock_is_wall(worker->pipeline)) {
        return false;
    }
    for (size_t i = 0; i < worker->owned_count; i++) {
        if (nba_task_next_due_ms(worker->tasks[worker->owned[i]].task) <= wall_ms) {
            return true;
        }
    }
    return false;
}

/* Where a range begins or ends the group's offset stands at its border, with or without a record
 * there: so a restart goes on from it, and everybody sees that the end is reached.  The same at the
 * mailbox's end, which our own transactions' markers move. */
static bool offset_lags(const struct nba_worker *worker)
{
    for (size_t i = 0; i < worker->owned_count; i++) {
        const struct owned_task *owned = &worker->tasks[worker->owned[i]];
        const struct nba_meta *meta = nba_task_committed_meta(owned->task);
        if (meta->input_next < owned->input.reached || meta->mailbox_next < owned->mail.reached ||
            (meta->txn_seq == 0 && owned->input.reached > 0)) {
            return true;
        }
    }
    return false;
}

/* Open actions that the side inputs of the moment don't let stand, of whoever's partitions. */
static enum nba_status must_sweep(const struct nba_worker *worker, bool *ret_must,
                                  struct nba_error *error)
{
    struct nba_side *side = NULL;
    *ret_must = false;
    if (worker->owned_count == 0) {
        return NBA_OK;
    }
    const enum nba_status status = nba_side_inputs_take(worker->engine->side_inputs, &side, error);
    for (size_t i = 0; status == NBA_OK && i < worker->owned_count && !*ret_must; i++) {
        *ret_must =
            nba_pipeline_must_sweep(worker->pipeline, side, worker->tasks[worker->owned[i]].task);
    }
    nba_side_unref(side);
    return status;
}

/* A transaction without a record: timers that are due, offsets that lag, actions to recall. */
static enum nba_status join_all(struct nba_worker *worker, struct nba_error *error)
{
    enum nba_status status = nba_worker_begin(worker, error);
    bool full = false;
    for (size_t i = 0; status == NBA_OK && i < worker->owned_count && !full; i++) {
        const struct owned_task *owned = &worker->tasks[worker->owned[i]];
        status = nba_worker_join_transaction(worker, worker->owned[i], &full, error);
        if (status == NBA_OK && nba_task_meta(owned->task)->input_next < owned->input.reached) {
            nba_task_meta(owned->task)->input_next = owned->input.reached;
        }
    }
    return status;
}

/* Is this the end of a partition, or a record of the input beyond the range? */
static bool ends_here(const struct nba_worker *worker, enum nba_poll what, bool mail,
                      const struct nba_record *record, struct reading *reading)
{
    const struct nba_engine_range *range = worker->engine->options.range;
    const int64_t until = range != NULL && !mail ? range->until[record->partition] : INT64_MAX;
    const bool ends = what == NBA_POLL_END || record->offset >= until;
    const int64_t reached = record->offset < until ? record->offset : until;
    if (ends && (range != NULL || mail) && reading->reached < reached) {
        reading->reached = reached;
    }
    return ends;
}

/* Is the record one that its task has yet to take? */
static bool is_wanted(const struct nba_worker *worker, enum nba_poll what, bool mail,
                      const struct nba_record *record, struct owned_task *owned)
{
    struct reading *reading = mail ? &owned->mail : &owned->input;
    if (owned->task == NULL || ends_here(worker, what, mail, record, reading)) {
        return false;
    }
    const struct nba_meta *meta = nba_task_committed_meta(owned->task);
    const int64_t next = mail ? meta->mailbox_next : meta->input_next;
    return record->offset >= reading->taken_next && record->offset >= next; /* else once more */
}

enum nba_status nba_worker_gather(struct nba_worker *worker, int timeout_ms,
                                  struct nba_error *error)
{
    const size_t events_max = (size_t)worker->engine->options.config->commit.events_max;
    const size_t room = events_max > worker->record_count ? events_max - worker->record_count : 0;
    worker->backlog = false;
    for (size_t taken = 0; taken < BATCH_MAX && taken < room; taken++) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record = {0};
        enum nba_status status =
            nba_member_poll(worker->member, taken == 0 ? timeout_ms : 0, &what, &record, error);
        if (nba_status_class(status) == NBA_CLASS_RETRY) {
            nba_engine_pause(worker->engine); /* the broker is away: it will be back */
            return NBA_OK;
        }
        if (status != NBA_OK) {
            return status;
        }
        if (what == NBA_POLL_NONE) {
            return NBA_OK;
        }
        const bool mail = is_mail(worker, record.topic);
        struct owned_task *owned = &worker->tasks[record.partition];
        if (!is_wanted(worker, what, mail, &record, owned)) {
            nba_record_release(&record);
            continue;
        }
        if (mail) {
            owned->mail.taken_next = record.offset + 1;
            nba_worker_retain_mail(worker, &record);
            continue;
        }
        nba_counter_add(worker->engine->events_read, 1);
        status = nba_worker_retain(worker, &record, error);
        if (status != NBA_OK) {
            nba_record_release(&record);
            return status;
        }
        owned->input.taken_next = record.offset + 1;
    }
    worker->backlog = true;
    return NBA_OK;
}

/* The interval runs from the start of the last commit: the commit's own time is part of it, and an
 * event that comes after a quiet interval is committed at once.  With a backlog larger transactions
 * get through more. */
static int64_t deadline_us(const struct nba_worker *worker)
{
    const int64_t interval_us = worker->engine->options.config->commit.interval_ms * (int64_t)1000;
    return worker->commit_began_us + interval_us * (worker->backlog ? BACKLOG_INTERVALS : 1);
}

static int poll_timeout_ms(const struct nba_worker *worker)
{
    const int set_ms = worker->engine->options.idle_ms;
    const int idle_ms = set_ms != 0 ? set_ms : IDLE_POLL_MS;
    if (!worker->in_transaction) {
        return worker->run < worker->record_count || worker->mail_count != 0 ? 0 : idle_ms;
    }
    const int64_t left_us = deadline_us(worker) - nba_worker_now_us(worker);
    return left_us <= 0 ? 0 : (int)((left_us + 999) / 1000);
}

/* Those that aren't there.  A transaction of a killed process is decided here, which takes Kafka
 * half a second: so each worker does it on its own thread, while its member joins. */
static enum nba_status make_producers(struct nba_worker *worker, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    for (unsigned i = 0; i < 2 && status == NBA_OK; i++) {
        status = worker->producers[i] == NULL ? nba_worker_make_producer(worker, i, error) : NBA_OK;
    }
    return status;
}

/* Errors are what nba_worker_recover() takes. */
static enum nba_status turn(struct nba_worker *worker, struct nba_error *error)
{
    const struct nba_config *config = worker->engine->options.config;
    bool full = false;
    atomic_store(&worker->resting,
                 !worker->in_transaction && worker->record_count == 0 && worker->mail_count == 0);
    (void)atomic_fetch_add(&worker->turns, 1);
    if (nba_engine_store_failed(worker->engine)) {
        return nba_error_set(error, NBA_E_IO, "the store failed in another worker");
    }
    enum nba_status status = make_producers(worker, error);
    if (status == NBA_OK) {
        status = nba_worker_gather(worker, poll_timeout_ms(worker), error);
    }
    if (status != NBA_OK) {
        return status;
    }
    atomic_store(&worker->resting, false);
    if (worker->run < worker->record_count || nba_worker_has_mail(worker)) {
        atomic_store(&worker->settled, false);
        NBA_KILL_POINT(after_poll);
        if (!worker->in_transaction) {
            status = nba_worker_begin(worker, error);
        }
        if (status == NBA_OK) {
            status = nba_worker_run_records(worker, &full, error);
        }
        /* What is there before the commit doesn't delay it.  With a backlog the commit is far off,
         * and until then a record may change again. */
        if (status == NBA_OK && !worker->backlog) {
            status = nba_worker_produce_changes(worker, error);
        }
    } else if (!worker->in_transaction) {
        status = must_sweep(worker, &full, error);
        full = full || offset_lags(worker);
        atomic_store(&worker->settled, status == NBA_OK && !full);
        full = full || timers_due(worker); /* time goes on: nobody waits for its end */
        if (status == NBA_OK && full) {
            status = join_all(worker, error);
        }
    }
    if (status != NBA_OK || !worker->in_transaction) {
        return status;
    }
    if (full || nba_worker_now_us(worker) >= deadline_us(worker) ||
        worker->record_count >= (size_t)config->commit.events_max ||
        worker->outbox.bytes + worker->record_bytes >= nba_config_commit_bytes(config)) {
        return nba_worker_commit(worker, error);
    }
    return NBA_OK;
}

enum nba_status nba_worker_turn(struct nba_worker *worker, struct nba_error *error)
{
    enum nba_status status = turn(worker, error);
    while (status == NBA_E_TXN_ABORTABLE || status == NBA_E_TXN_MEMBERSHIP ||
           status == NBA_E_TXN_UNKNOWN ||
           (status != NBA_OK && nba_engine_store_failed(worker->engine))) {
        status = nba_worker_recover(worker, status, error);
    }
    return status;
}

static void *worker_main(void *context)
{
    struct nba_worker *worker = context;
    struct nba_error error = {0};
    enum nba_status status = NBA_OK;
    while (status == NBA_OK && !atomic_load(&worker->engine->stopping)) {
        status = nba_worker_turn(worker, &error);
    }
    if (status == NBA_OK && worker->in_transaction) {
        status = nba_worker_commit(worker, &error);
    }
    if (status != NBA_OK && status != NBA_E_INTERRUPTED) {
        nba_engine_fail(worker->engine, &error);
    }
    nba_worker_give_up(worker);
    NBA_KILL_POINT(in_close);
    nba_member_close(worker->member, CLOSE_MS);
    worker->member = NULL;
    nba_worker_release_records(worker);
    close_tasks(worker);
    return NULL;
}

/* ---- life ---- */

enum nba_status nba_worker_create(struct nba_engine *engine, size_t index,
                                  struct nba_worker **ret_worker, struct nba_error *error)
{
    const struct nba_config *config = engine->options.config;
    const struct nba_pipeline_options options = {
        .schemas = engine->options.schemas,
        .config = config,
        .metrics = engine->options.metrics,
        .outbox_bytes_max = nba_config_commit_bytes(config),
        .crash_notes = &engine->crash_notes,
    };
    struct nba_worker *worker = calloc(1, sizeof(*worker));
    if (worker == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory creating a worker");
    }
    worker->engine = engine;
    worker->index = index;
    nba_arena_init(&worker->arena, ARENA_BYTES_MAX);
    nba_outbox_init(&worker->outbox, &worker->arena);
    (void)snprintf(worker->instance_id, sizeof(worker->instance_id), "%s-%s-%zu",
                   config->application_id, config->instance, index);
    for (unsigned i = 0; i < 2; i++) {
        (void)snprintf(worker->transactional_id[i], sizeof(worker->transactional_id[i]),
                       "%.100s-%u", worker->instance_id, i);
    }
    worker->pipeline = nba_pipeline_create(&options);
    *ret_worker = worker;
    return NBA_OK;
}

static enum nba_status join_group(struct nba_worker *worker, struct nba_error *error)
{
    const struct nba_config *config = worker->engine->options.config;
    const char *const topics[] = {config->topics.engagement, config->topics.mailbox};
    const struct nba_member_options options = {
        .group_id = config->application_id,
        .instance_id = config->kafka.static_membership ? worker->instance_id : NULL,
        .topics = topics,
        .topic_count = NBA_ARRAY_COUNT(topics),
        .assign = on_assign,
        .revoke = on_revoke,
        .context = worker,
    };
    return nba_member_create(worker->engine->options.stream, &options, &worker->member, error);
}

enum nba_status nba_worker_rejoin(struct nba_worker *worker, struct nba_error *error)
{
    atomic_store(&worker->assigned, false);
    nba_member_close(worker->member, CLOSE_MS);
    worker->member = NULL;
    nba_worker_release_records(worker);
    close_tasks(worker);
    enum nba_status status = nba_engine_mend_store(worker->engine, error);
    if (status == NBA_OK) {
        status = make_producers(worker, error); /* decides what was left open */
    }
    return status == NBA_OK ? join_group(worker, error) : status;
}

enum nba_status nba_worker_start(struct nba_worker *worker, struct nba_error *error)
{
    const enum nba_status status = join_group(worker, error);
    if (status != NBA_OK) {
        return status;
    }
    worker->started = pthread_create(&worker->thread, NULL, worker_main, worker) == 0;
    return worker->started ? NBA_OK
                           : nba_error_set(error, NBA_E_NO_MEMORY, "cannot start a thread");
}

void nba_worker_join(struct nba_worker *worker)
{
    if (worker->started) {
        (void)pthread_join(worker->thread, NULL);
        worker->started = false;
    }
}

uint64_t nba_worker_turns(const struct nba_worker *worker, bool *ret_resting)
{
    *ret_resting = atomic_load(&worker->resting);
    return atomic_load(&worker->turns);
}

bool nba_worker_is_ready(const struct nba_worker *worker)
{
    return atomic_load(&worker->assigned);
}

bool nba_worker_is_settled(const struct nba_worker *worker)
{
    return atomic_load(&worker->settled);
}

void nba_worker_destroy(struct nba_worker *worker)
{
    if (worker != NULL) {
        NBA_ASSERT(!worker->started);
        nba_member_close(worker->member, CLOSE_MS);
        nba_producer_destroy(worker->producers[0]);
        nba_producer_destroy(worker->producers[1]);
        nba_pipeline_destroy(worker->pipeline);
        nba_outbox_clear(&worker->outbox);
        nba_arena_clear(&worker->arena);
        free(worker->records);
        free(worker->mail);
        free(worker->arrived_us);
        free(worker);
    }
}
