/* What engine.c, follower.c, worker.c and restore.c share. */
#ifndef NBA_ENGINE_ENGINE_INTERNAL_H
#define NBA_ENGINE_ENGINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

#include "budget.h"
#include "crash_notes.h"
#include "nba/engine/engine.h"
#include "nba/engine/side_inputs.h"
#include "nba/state/task.h"
#include "nba/stream/member.h"
#include "nba/stream/producer.h"
#include "nba/stream/reader.h"

/* Catalogue, control, capacity (follower.c). */
#define NBA_ENGINE_SIDE_TOPICS 3u

struct nba_worker;

/* Which worker of this process has which partition: one at a time, so that a task's former owner
 * has made its last write before the next one restores it. */
struct nba_task_table {
    pthread_mutex_t lock;
    pthread_cond_t released;
    bool taken[NBA_PARTITIONS_MAX];
};

/* Where workers wait for a failed store to be opened anew (open_store.c). */
struct nba_parking {
    pthread_mutex_t lock; /* guards `parked` until all are there */
    size_t parked;
    _Atomic unsigned round; /* stores opened anew */
    unsigned pauses;        /* before the next attempt */
    int64_t reopened_us;
};

struct nba_engine {
    struct nba_engine_options options;
    char secret[NBA_SHA256_TEXT_BYTES];
    struct nba_state_store *store; /* NULL only while all workers are parked or gone */
    struct nba_side_inputs *side_inputs;
    struct nba_task_table table;
    struct nba_parking parking;
    struct nba_crash_notes crash_notes;
    struct nba_budget budget; /* the follower looks at it */
    int32_t partition_count;  /* of the input topic */
    int64_t changelog_delete_retention_ms;

    pthread_t compactor; /* rewrites files after an erasure */
    bool compactor_started;
    _Atomic bool compacting;
    int64_t compact_next_us; /* not before */

    pthread_t follower;
    bool follower_started;
    struct nba_reader *side_reader;
    int64_t side_high[NBA_ENGINE_SIDE_TOPICS]; /* to be read before the first event */
    struct {
        char seen[NBA_RELEASE_ID_BYTES]; /* taken or refused last; empty: none */
        int64_t again_us;                /* not before: the last one couldn't be read */
    } roles[NBA_ROLE_COUNT];
    struct timespec policy_time; /* of the file, as it was taken or refused last */
    off_t policy_bytes;
    struct nba_counter *side_inputs_refused;

    struct nba_worker *workers[NBA_WORKERS_MAX];
    size_t worker_count;

    _Atomic bool stopping;
    _Atomic bool failed;
    _Atomic uint64_t events;
    _Atomic uint64_t looks; /* rounds of the follower */

    pthread_mutex_t failure_lock;
    struct nba_error failure; /* the first one */

    struct nba_counter *events_read, *events_committed, *transactions, *aborts, *rebuilds, *reopens;
    struct nba_gauge *tasks_restoring, *tasks_owned;
    struct nba_histogram *event_seconds, *commit_seconds;
};

/* Half a second, or less when the instance stops. */
void nba_engine_pause(const struct nba_engine *engine);
/* The broker is away or busy and the instance goes on: true after a pause, ask again; `error` is
 * logged then. */
bool nba_engine_tries_again(const struct nba_engine *engine, enum nba_status status,
                            const struct nba_error *error);

/* Keeps the first failure and makes the instance stop. */
void nba_engine_fail(struct nba_engine *engine, const struct nba_error *error);

/* open_store.c; `damaged`: what is there is set aside first. */
NBA_MUST_USE
enum nba_status nba_engine_open_store(struct nba_engine *engine, bool damaged,
                                      struct nba_error *error);
/* Starts to rewrite the store's files in a thread when an erasure made that due; parking.lock is
 * held.  _wait: until that thread, if there is one, is through. */
void nba_engine_compact_store(struct nba_engine *engine);
void nba_engine_wait_for_compactor(struct nba_engine *engine);
/* False also when the instance stops: then nobody waits for the store. */
bool nba_engine_store_failed(const struct nba_engine *engine);
/* For a worker that has no task and is in no transaction: returns once the store, if it failed, has
 * been opened anew.  NBA_E_INTERRUPTED when the instance stops instead. */
NBA_MUST_USE
enum nba_status nba_engine_mend_store(struct nba_engine *engine, struct nba_error *error);

/* follower.c */
NBA_MUST_USE
enum nba_status nba_follower_start(struct nba_engine *engine, struct nba_error *error);
void nba_follower_stop(struct nba_engine *engine);

/* engine.c: waits until nobody has the partition; false when the engine stops first. */
bool nba_task_table_acquire(struct nba_engine *engine, int32_t partition);
void nba_task_table_release(struct nba_engine *engine, int32_t partition);

/* restore.c: brings an open task up to the changelog's high watermark and says where the input goes
 * on.  `committed` is the group's offset. */
NBA_MUST_USE
enum nba_status nba_restore_task(struct nba_engine *engine, struct nba_task *task,
                                 int64_t committed, int64_t *ret_input_next,
                                 struct nba_error *error);

/* worker.c */
NBA_MUST_USE
enum nba_status nba_worker_create(struct nba_engine *engine, size_t index,
                                  struct nba_worker **ret_worker, struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_worker_start(struct nba_worker *worker, struct nba_error *error);
void nba_worker_join(struct nba_worker *worker);
bool nba_worker_is_ready(const struct nba_worker *worker);
/* *ret_resting: it holds no record and has no transaction open. */
uint64_t nba_worker_turns(const struct nba_worker *worker, bool *ret_resting);
bool nba_worker_is_settled(const struct nba_worker *worker);
void nba_worker_destroy(struct nba_worker *worker);

#endif
