/*
 * One transaction of a worker: retained records through the pipeline, outputs and changelog to the
 * log, offsets with them, the commit, and only then one WriteBatch.
 */
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/kill_point.h"
#include "nba/base/log.h"
#include "nba/base/memory.h"
#include "worker_internal.h"

int64_t nba_worker_now_us(const struct nba_worker *worker)
{
    return nba_clock_monotonic_us(worker->engine->options.clock);
}

struct nba_producer *nba_worker_producer(const struct nba_worker *worker)
{
    return worker->producers[worker->turn];
}

/* ---- retained records ---- */

enum nba_status nba_worker_retain(struct nba_worker *worker, const struct nba_record *record,
                                  struct nba_error *error)
{
    if (worker->record_count == worker->record_capacity) {
        const size_t capacity = worker->record_capacity != 0 ? worker->record_capacity * 2 : 1024;
        struct nba_record *records = realloc(worker->records, capacity * sizeof(*records));
        if (records != NULL) {
            worker->records = records;
        }
        int64_t *arrived_us = realloc(worker->arrived_us, capacity * sizeof(*arrived_us));
        if (arrived_us != NULL) {
            worker->arrived_us = arrived_us;
        }
        if (records == NULL || arrived_us == NULL) {
            return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory keeping records");
        }
        worker->record_capacity = capacity;
    }
    worker->arrived_us[worker->record_count] = nba_worker_now_us(worker);
    worker->records[worker->record_count++] = *record;
    worker->record_bytes += record->key.bytes + record->value.bytes;
    return NBA_OK;
}

void nba_worker_retain_mail(struct nba_worker *worker, const struct nba_record *record)
{
    worker->mail =
        nba_room(worker->mail, worker->mail_count, &worker->mail_capacity, sizeof(*worker->mail));
    worker->mail[worker->mail_count++] = *record;
}

bool nba_worker_has_mail(const struct nba_worker *worker)
{
    bool has = false;
    for (size_t i = 0; i < worker->mail_count && !has; i++) {
        has = !worker->tasks[worker->mail[i].partition].in_transaction;
    }
    return has;
}

/* Mail that is in the state, or whose task isn't ours any more. */
static void drop_done_mail(struct nba_worker *worker)
{
    size_t kept = 0;
    for (size_t i = 0; i < worker->mail_count; i++) {
        struct nba_record *record = &worker->mail[i];
        const struct nba_task *task = worker->tasks[record->partition].task;
        if (task != NULL && record->offset >= nba_task_committed_meta(task)->mailbox_next) {
            worker->mail[kept++] = *record;
        } else {
            nba_record_release(record);
        }
    }
    worker->mail_count = kept;
}

void nba_worker_release_records(struct nba_worker *worker)
{
    for (size_t i = 0; i < worker->mail_count; i++) {
        nba_record_release(&worker->mail[i]);
    }
    worker->mail_count = 0;
    for (size_t i = 0; i < worker->record_count; i++) {
        nba_record_release(&worker->records[i]);
    }
    worker->record_count = 0;
    worker->record_bytes = 0;
    worker->run = 0;
}

/* Those that are already in the state (a commit had landed), or whose task isn't ours any more. */
void nba_worker_drop_done_records(struct nba_worker *worker)
{
    size_t kept = 0;
    drop_done_mail(worker);
    for (size_t i = 0; i < worker->record_count; i++) {
        struct nba_record *record = &worker->records[i];
        const struct nba_task *task = worker->tasks[record->partition].task;
        if (task != NULL && record->offset >= nba_task_committed_meta(task)->input_next) {
            worker->records[kept] = *record;
            worker->arrived_us[kept++] = worker->arrived_us[i];
        } else {
            worker->record_bytes -= record->key.bytes + record->value.bytes;
            nba_record_release(record);
        }
    }
    worker->record_count = kept;
    worker->run = 0;
}

void nba_worker_drop_overlays(struct nba_worker *worker)
{
    for (size_t i = 0; i < worker->owned_count; i++) {
        struct owned_task *owned = &worker->tasks[worker->owned[i]];
        if (owned->in_transaction) {
            nba_task_drop(owned->task);
            owned->in_transaction = false;
        }
    }
    worker->in_transaction = false;
    worker->run = 0;
}

/* ---- one transaction ---- */

enum nba_status nba_worker_begin(struct nba_worker *worker, struct nba_error *error)
{
    struct nba_engine *engine = worker->engine;
    struct nba_side *side = NULL;
    NBA_ASSERT(!worker->in_transaction);
    if (worker->producers[worker->turn] == NULL) {
        const enum nba_status made = nba_worker_make_producer(worker, worker->turn, error);
        if (made != NBA_OK) {
            return made;
        }
    }
    enum nba_status status = nba_side_inputs_take(engine->side_inputs, &side, error);
    if (status != NBA_OK) {
        return status;
    }
    nba_arena_reset(&worker->arena);
    nba_outbox_reset(&worker->outbox);
    worker->produced = 0;
    worker->run = 0;
    status = nba_producer_begin(nba_worker_producer(worker), error);
    if (status == NBA_OK) {
        worker->in_transaction = true;
        NBA_KILL_POINT(after_begin);
        status = nba_pipeline_begin(worker->pipeline, side, &worker->arena, &worker->outbox,
                                    nba_clock_wall_ms(engine->options.clock), error);
    }
    nba_side_unref(side);
    return status;
}

/* The task's mail that is here, and how far its mailbox was read by that. */
static enum nba_status mail_of(struct nba_worker *worker, int32_t partition,
                               struct nba_mailbag *ret_mail, struct nba_error *error)
{
    const struct owned_task *owned = &worker->tasks[partition];
    const struct nba_record **records =
        nba_arena_take(&worker->arena, (worker->mail_count + 1) * sizeof(*records));
    if (records == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    *ret_mail =
        (struct nba_mailbag){records, 0, nba_task_committed_meta(owned->task)->mailbox_next};
    for (size_t i = 0; i < worker->mail_count; i++) {
        if (worker->mail[i].partition == partition) {
            records[ret_mail->count++] = &worker->mail[i];
            ret_mail->next = worker->mail[i].offset + 1;
        }
    }
    ret_mail->next = owned->mail.reached > ret_mail->next ? owned->mail.reached : ret_mail->next;
    return NBA_OK;
}

enum nba_status nba_worker_join_transaction(struct nba_worker *worker, int32_t partition,
                                            bool *ret_more, struct nba_error *error)
{
    struct owned_task *owned = &worker->tasks[partition];
    struct nba_mailbag mail;
    *ret_more = false;
    owned->touched = true;
    if (owned->in_transaction) {
        return NBA_OK;
    }
    enum nba_status status = mail_of(worker, partition, &mail, error);
    if (status != NBA_OK) {
        return status;
    }
    owned->in_transaction = true; /* before it can fail: its overlay is open then */
    status = nba_pipeline_open_task(worker->pipeline, owned->task, &mail, error);
    return status == NBA_OK ? nba_pipeline_timers(worker->pipeline, owned->task, ret_more, error)
                            : status;
}

/* What the pipeline said since the last time goes to the log, in order. */
static enum nba_status produce_outbox(struct nba_worker *worker, struct nba_error *error)
{
    const struct nba_outbox *outbox = &worker->outbox;
    while (worker->produced < outbox->count) {
        const struct nba_outbox_record *record = &outbox->records[worker->produced];
        const struct nba_outgoing outgoing = {
            .topic = record->topic,
            .partition = record->partition,
            .key = record->key,
            .value = record->value,
            .key_null = record->key_null,
            .value_null = record->value_null,
            .headers = record->headers,
            .header_count = record->header_count,
        };
        enum nba_status status = NBA_E_BUSY;
        for (unsigned tries = 0; status == NBA_E_BUSY && tries < 10; tries++) {
            status = nba_producer_produce(nba_worker_producer(worker), &outgoing, error);
        }
        if (status != NBA_OK) {
            return status == NBA_E_BUSY ? NBA_E_TXN_ABORTABLE : status;
        }
        worker->produced++;
        NBA_KILL_POINT(after_produce);
    }
    return NBA_OK;
}

/* Runs the retained records that this transaction hasn't done; *ret_full: it has to close first. */
enum nba_status nba_worker_run_records(struct nba_worker *worker, bool *ret_full,
                                       struct nba_error *error)
{
    struct nba_pipeline_item items[BATCH_MAX];
    enum nba_status joined = NBA_OK;
    *ret_full = false;
    for (size_t i = 0; i < worker->mail_count && joined == NBA_OK && !*ret_full; i++) {
        const int32_t partition = worker->mail[i].partition;
        joined = worker->tasks[partition].in_transaction
                     ? NBA_OK
                     : nba_worker_join_transaction(worker, partition, ret_full, error);
    }
    if (joined == NBA_OK) {
        joined = produce_outbox(worker, error);
    }
    if (joined != NBA_OK) {
        return joined;
    }
    while (worker->run < worker->record_count && !*ret_full) {
        size_t count = 0;
        size_t done = 0;
        while (count < BATCH_MAX && worker->run + count < worker->record_count) {
            const struct nba_record *record = &worker->records[worker->run + count];
            const enum nba_status status =
                nba_worker_join_transaction(worker, record->partition, ret_full, error);
            if (status != NBA_OK) {
                return status;
            }
            if (*ret_full) {
                break;
            }
            items[count++] =
                (struct nba_pipeline_item){worker->tasks[record->partition].task, record};
        }
        enum nba_status status = nba_pipeline_run(worker->pipeline, items, count, &done, error);
        worker->run += status == NBA_OK ? done : 0;
        *ret_full = *ret_full || done < count || worker->arena.bytes_used > ARENA_BYTES_SOFT;
        if (status == NBA_OK) {
            status = produce_outbox(worker, error);
        }
        if (status != NBA_OK) {
            return status;
        }
    }
    return NBA_OK;
}

static enum nba_status produce_changelog(struct nba_worker *worker, struct nba_task *task,
                                         struct nba_error *error)
{
    const struct nba_change *changes = NULL;
    size_t count = 0;
    enum nba_status status = nba_task_seal(task, &changes, &count, error);
    for (size_t i = 0; status == NBA_OK && i < count; i++) {
        if (changes[i].repeated) {
            continue;
        }
        const struct nba_outgoing outgoing = {
            .topic = worker->engine->options.config->topics.changelog,
            .partition = nba_task_partition(task),
            .key = changes[i].key,
            .value = changes[i].value,
            .value_null = changes[i].deleted,
        };
        status = NBA_E_BUSY;
        for (unsigned tries = 0; status == NBA_E_BUSY && tries < 10; tries++) {
            status = nba_producer_produce(nba_worker_producer(worker), &outgoing, error);
        }
        status = status == NBA_E_BUSY ? NBA_E_TXN_ABORTABLE : status;
    }
    return status;
}

enum nba_status nba_worker_produce_changes(struct nba_worker *worker, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    for (size_t i = 0; status == NBA_OK && i < worker->owned_count; i++) {
        struct owned_task *owned = &worker->tasks[worker->owned[i]];
        if (owned->in_transaction && owned->touched) {
            status = produce_changelog(worker, owned->task, error);
            owned->touched = false;
        }
    }
    return status;
}

/* Offsets of every task that took part, also when only a timer fired: they are the fence.  That of
 * its mailbox goes with it where it has moved: the state knows it, but people look at the group. */
static enum nba_status send_offsets(struct nba_worker *worker, struct nba_error *error)
{
    const struct nba_config_topics *topics = &worker->engine->options.config->topics;
    struct nba_position *positions =
        nba_arena_take(&worker->arena, (2 * worker->owned_count + 1) * sizeof(*positions));
    size_t count = 0;
    if (positions == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < worker->owned_count; i++) {
        const struct owned_task *owned = &worker->tasks[worker->owned[i]];
        if (owned->in_transaction) {
            const struct nba_meta *meta = nba_task_meta(owned->task);
            const struct nba_meta *last = nba_task_committed_meta(owned->task);
            positions[count++] =
                (struct nba_position){topics->engagement, worker->owned[i], meta->input_next};
            if (meta->mailbox_next != last->mailbox_next || last->txn_seq == 0) {
                positions[count++] =
                    (struct nba_position){topics->mailbox, worker->owned[i], meta->mailbox_next};
            }
        }
    }
    NBA_KILL_POINT(before_send_offsets);
    const enum nba_status status = nba_producer_send_offsets(nba_worker_producer(worker), positions,
                                                             count, worker->member, error);
    NBA_KILL_POINT(after_send_offsets);
    return status;
}

static enum nba_status write_store(struct nba_worker *worker, struct nba_error *error)
{
    struct nba_task **tasks =
        nba_arena_take(&worker->arena, (worker->owned_count + 1) * sizeof(*tasks));
    const int64_t wall_ms = nba_clock_wall_ms(worker->engine->options.clock);
    size_t count = 0;
    if (tasks == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < worker->owned_count; i++) {
        struct owned_task *owned = &worker->tasks[worker->owned[i]];
        int64_t next = 0;
        if (!owned->in_transaction) {
            continue;
        }
        if (nba_producer_next_offset(nba_worker_producer(worker),
                                     worker->engine->options.config->topics.changelog,
                                     worker->owned[i], &next)) {
            nba_task_set_changelog_next(owned->task, next, wall_ms);
        }
        tasks[count++] = owned->task;
    }
    NBA_KILL_POINT(before_write);
    const enum nba_status status =
        nba_state_store_write(worker->engine->store, tasks, count, error);
    NBA_KILL_POINT(after_write);
    return status;
}

static void count_committed(struct nba_worker *worker, int64_t began_us)
{
    struct nba_engine *engine = worker->engine;
    const int64_t ended_us = nba_worker_now_us(worker);
    for (size_t i = 0; i < worker->run; i++) {
        nba_histogram_observe_us(engine->event_seconds, ended_us - worker->arrived_us[i]);
    }
    nba_histogram_observe_us(engine->commit_seconds, ended_us - began_us);
    nba_counter_add(engine->events_committed, worker->run);
    nba_counter_add(engine->transactions, 1);
    (void)atomic_fetch_add(&engine->events, worker->run);
    if (!worker->has_committed && worker->run != 0) {
        worker->has_committed = true; /* from here a restart is over */
        nba_log(NBA_LOG_INFO, "first_commit", "worker=%zu events=%zu", worker->index, worker->run);
    }
}

/* Drops the records that are committed; what the pipeline hadn't reached stays for the next one. */
static void release_committed(struct nba_worker *worker)
{
    if (worker->run == 0) { /* timers only, perhaps before any record was kept */
        return;
    }
    for (size_t i = 0; i < worker->run; i++) {
        worker->record_bytes -= worker->records[i].key.bytes + worker->records[i].value.bytes;
        nba_record_release(&worker->records[i]);
    }
    worker->record_count -= worker->run;
    memmove(worker->records, worker->records + worker->run,
            worker->record_count * sizeof(*worker->records));
    memmove(worker->arrived_us, worker->arrived_us + worker->run,
            worker->record_count * sizeof(*worker->arrived_us));
    worker->run = 0;
}

/* NBA_OK: committed and written.  Else recover decides: the transaction is still open, or it is
 * committed and the store has failed. */
enum nba_status nba_worker_commit(struct nba_worker *worker, struct nba_error *error)
{
    const int64_t began_us = nba_worker_now_us(worker);
    worker->commit_began_us = began_us;
    enum nba_status status = produce_outbox(worker, error);
    if (status == NBA_OK) {
        status = nba_worker_produce_changes(worker, error);
    }
    if (status == NBA_OK) {
        status = send_offsets(worker, error);
    }
    if (status == NBA_OK) {
        NBA_KILL_POINT(before_commit);
        status = nba_producer_commit(nba_worker_producer(worker), COMMIT_MS, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    NBA_KILL_POINT(after_commit);
    status = write_store(worker, error);
    if (status != NBA_OK) {
        nba_worker_drop_overlays(worker); /* the log has it: the changelog's tail will bring it */
        worker->turn ^= 1u;
        return nba_error_prefix(error, "committed, but not in the state");
    }
    for (size_t i = 0; i < worker->owned_count; i++) {
        worker->tasks[worker->owned[i]].in_transaction = false;
    }
    worker->in_transaction = false;
    worker->turn ^= 1u;
    worker->aborts_in_a_row = 0;
    count_committed(worker, began_us);
    release_committed(worker);
    drop_done_mail(worker);
    return NBA_OK;
}
