/* What a worker does when a transaction didn't end well; the classes stand at the top
 * of worker.c. */
#include "nba/base/kill_point.h"
#include "nba/base/log.h"
#include "worker_internal.h"

/* ---- producers ---- */

static enum nba_status another_runs(const struct nba_worker *worker, unsigned which,
                                    struct nba_error *error)
{
    return nba_error_set(error, NBA_E_FENCED, "another nba runs as %s (%u producers lost in 60 s)",
                         worker->transactional_id[which], REBUILDS_MAX + 1);
}

/* While the broker is away it is waited for, each time with a new client: one that lost its
 * coordinator in an outage may not find it again.  After a fatal answer too, but not for ever. */
enum nba_status nba_worker_make_producer(struct nba_worker *worker, unsigned which,
                                         struct nba_error *error)
{
    for (unsigned fatal = 0;;) {
        struct nba_producer *producer = NULL;
        enum nba_status status = nba_producer_create(
            worker->engine->options.stream, worker->transactional_id[which], &producer, error);
        if (status == NBA_OK) {
            status = nba_producer_init(producer, INIT_MS, error);
        }
        if (status == NBA_OK) {
            worker->producers[which] = producer;
            return NBA_OK;
        }
        nba_producer_destroy(producer);
        if (status == NBA_E_TXN_UNKNOWN && fatal++ == REBUILDS_MAX) {
            return another_runs(worker, which, error);
        }
        if (!nba_engine_tries_again(worker->engine, status, error)) {
            return status;
        }
    }
}

void nba_worker_give_up(struct nba_worker *worker)
{
    struct nba_error ignored = {0};
    if (worker->in_transaction) {
        const enum nba_status status =
            nba_producer_abort(nba_worker_producer(worker), ABORT_MS, &ignored);
        nba_worker_drop_overlays(worker);
        if (status != NBA_OK) {
            nba_producer_destroy(worker->producers[worker->turn]);
            worker->producers[worker->turn] = NULL;
        }
    }
}

/* ---- recovery ---- */

/* The assign steps for every owned task: the commit may have landed, and then our state is old. */
static enum nba_status restore_owned(struct nba_worker *worker, struct nba_error *error)
{
    struct nba_engine *engine = worker->engine;
    for (size_t i = 0; i < worker->owned_count; i++) {
        const int32_t partition = worker->owned[i];
        int64_t committed = -1;
        int64_t input_next = 0;
        enum nba_status status = NBA_OK;
        do {
            status = nba_stream_group_committed(
                engine->options.stream, engine->options.config->application_id,
                engine->options.config->topics.engagement, partition, &committed, error);
        } while (nba_engine_tries_again(engine, status, error));
        if (status == NBA_OK) {
            status = nba_restore_task(engine, worker->tasks[partition].task, committed, &input_next,
                                      error);
        }
        if (status != NBA_OK) {
            return status;
        }
    }
    nba_worker_drop_done_records(worker);
    return NBA_OK;
}

/* Who lost its producer twice may have been replaced while it stood still, and each producer that
 * it makes fences its successor's.  Its group knows, and says so by the next heartbeat. */
static enum nba_status hear_the_group(struct nba_worker *worker, struct nba_error *error)
{
    nba_engine_pause(worker->engine);
    return nba_worker_gather(worker, 0, error);
}

static enum nba_status rebuild(struct nba_worker *worker, struct nba_error *error)
{
    const int64_t now = nba_worker_now_us(worker);
    const unsigned slot = worker->rebuild_count % REBUILDS_MAX;
    if (worker->rebuild_count >= REBUILDS_MAX && now - worker->rebuild_us[slot] < REBUILD_SPAN_US) {
        return another_runs(worker, worker->turn, error);
    }
    const unsigned last = (worker->rebuild_count + REBUILDS_MAX - 1) % REBUILDS_MAX;
    const bool again =
        worker->rebuild_count != 0 && now - worker->rebuild_us[last] < REBUILD_SPAN_US;
    worker->rebuild_us[slot] = now;
    worker->rebuild_count++;
    nba_counter_add(worker->engine->rebuilds, 1);
    nba_log(NBA_LOG_WARN, "unknown_outcome", "worker=%zu rebuild=%u reason=\"%s\"", worker->index,
            worker->rebuild_count, error->message);
    NBA_KILL_POINT(in_unknown_outcome);
    nba_worker_drop_overlays(worker);
    nba_producer_destroy(worker->producers[worker->turn]);
    worker->producers[worker->turn] = NULL;
    enum nba_status status = again ? hear_the_group(worker, error) : NBA_OK;
    if (status == NBA_OK) {
        status = nba_worker_make_producer(worker, worker->turn, error);
    }
    return status == NBA_OK ? restore_owned(worker, error) : status;
}

static enum nba_status abort_transaction(struct nba_worker *worker, struct nba_error *error)
{
    const enum nba_status status = nba_producer_abort(nba_worker_producer(worker), ABORT_MS, error);
    nba_counter_add(worker->engine->aborts, 1);
    nba_worker_drop_overlays(worker);
    return status == NBA_OK ? NBA_OK : rebuild(worker, error);
}

enum nba_status nba_worker_recover(struct nba_worker *worker, enum nba_status why,
                                   struct nba_error *error)
{
    if (nba_engine_store_failed(worker->engine)) {
        nba_log(NBA_LOG_ERROR, "state_failed", "worker=%zu reason=\"%s\"", worker->index,
                error->message);
        nba_worker_give_up(worker);
        return nba_worker_rejoin(worker, error);
    }
    if (why == NBA_E_TXN_UNKNOWN) {
        return rebuild(worker, error);
    }
    if (why == NBA_E_TXN_MEMBERSHIP) {
        nba_log(NBA_LOG_WARN, "membership", "worker=%zu reason=\"%s\"", worker->index,
                error->message);
        nba_counter_add(worker->engine->aborts, 1);
        nba_worker_give_up(worker);
        const bool lost = worker->producers[worker->turn] == NULL;
        const enum nba_status heard = lost ? hear_the_group(worker, error) : NBA_OK;
        return heard == NBA_OK ? nba_worker_rejoin(worker, error) : heard;
    }
    if (why != NBA_E_TXN_ABORTABLE) {
        return why;
    }
    nba_log(NBA_LOG_WARN, "abort", "worker=%zu in_a_row=%u reason=\"%s\"", worker->index,
            worker->aborts_in_a_row + 1, error->message);
    const enum nba_status status = abort_transaction(worker, error);
    if (status != NBA_OK) {
        return status;
    }
    worker->aborts_in_a_row++;
    if (worker->aborts_in_a_row >= ABORTS_IN_A_ROW) {
        atomic_store(&worker->assigned, false); /* not ready */
        nba_engine_pause(worker->engine);
        atomic_store(&worker->assigned, worker->owned_count != 0);
    }
    return NBA_OK;
}
