/* What worker.c (loop, assignment), transaction.c and recovery.c share: one worker. */
#ifndef NBA_ENGINE_WORKER_INTERNAL_H
#define NBA_ENGINE_WORKER_INTERNAL_H

#include "engine_internal.h"
#include "nba/engine/pipeline.h"

#define INIT_MS      30000
#define COMMIT_MS    20000
#define ABORT_MS     10000
#define IDLE_POLL_MS 50
#define CLOSE_MS     5000
#define BATCH_MAX    256u /* records polled before the pipeline runs */
/* A transaction of a backlog lasts so many intervals, if it isn't full before. */
#define BACKLOG_INTERVALS 10
#define REBUILDS_MAX      5u
#define REBUILD_SPAN_US   60000000
#define ABORTS_IN_A_ROW   3u
/* Overlays and outbox of the largest transaction. */
#define ARENA_BYTES_MAX ((size_t)2 << 30)
/* Above this much memory a transaction is closed early. */
#define ARENA_BYTES_SOFT ((size_t)256 << 20)

/* How far a topic of a task was read. */
struct reading {
    int64_t taken_next; /* behind the last record that was retained */
    int64_t reached;    /* no record before this offset is still to come */
};

struct owned_task {
    struct nba_task *task;
    struct reading input, mail;
    bool in_transaction;
    bool touched; /* since its changes went to the log */
};

struct nba_worker {
    struct nba_engine *engine;
    size_t index;
    pthread_t thread;
    bool started;
    _Atomic bool assigned; /* has had an assignment and lost none since */
    _Atomic bool resting;  /* waits for a record, with nothing under way */
    _Atomic uint64_t turns;
    _Atomic bool settled; /* found nothing to do the last time it looked */

    struct nba_member *member;
    char transactional_id[2][128];
    char instance_id[128];
    struct nba_producer *producers[2];
    unsigned turn;

    struct nba_pipeline *pipeline;
    struct nba_arena arena;
    struct nba_outbox outbox;
    size_t produced; /* of the outbox */

    struct owned_task tasks[NBA_PARTITIONS_MAX]; /* by partition; task NULL: not ours */
    int32_t owned[NBA_PARTITIONS_MAX];
    size_t owned_count;

    bool in_transaction;
    bool has_committed;         /* an event, since it was started */
    int64_t commit_began_us;    /* the last one's */
    bool backlog;               /* the last gathering was cut short: there is more */
    struct nba_record *records; /* retained, in the order they came */
    int64_t *arrived_us;
    size_t record_count, record_capacity;
    size_t record_bytes;
    size_t run; /* records the pipeline has done in this transaction */
    /* Of the mailboxes, retained like the others.  A task takes what is there when it joins a
     * transaction; what comes later is for the next one. */
    struct nba_record *mail;
    size_t mail_count, mail_capacity;
    unsigned aborts_in_a_row;
    int64_t rebuild_us[REBUILDS_MAX];
    unsigned rebuild_count;
};

int64_t nba_worker_now_us(const struct nba_worker *worker);
struct nba_producer *nba_worker_producer(const struct nba_worker *worker);

/* ---- worker.c ---- */

/* One turn of the loop: what is there is taken and run, what is due committed, what failed
 * recovered from.  Anything but NBA_OK ends the worker. */
NBA_MUST_USE
enum nba_status nba_worker_turn(struct nba_worker *worker, struct nba_error *error);
/* Takes what is there, as much as the transaction has room for; waits for the first one at most
 * `timeout_ms`.  What the group says is heard here too: another assignment, or being fenced. */
NBA_MUST_USE
enum nba_status nba_worker_gather(struct nba_worker *worker, int timeout_ms,
                                  struct nba_error *error);

/* ---- transaction.c ---- */

/* Keeps a polled record until its transaction is decided. */
NBA_MUST_USE
enum nba_status nba_worker_retain(struct nba_worker *worker, const struct nba_record *record,
                                  struct nba_error *error);
void nba_worker_retain_mail(struct nba_worker *worker, const struct nba_record *record);
/* Mail for a task that isn't in the transaction, or has to wait for one. */
bool nba_worker_has_mail(const struct nba_worker *worker);
void nba_worker_release_records(struct nba_worker *worker);
void nba_worker_drop_done_records(struct nba_worker *worker);
void nba_worker_drop_overlays(struct nba_worker *worker);

NBA_MUST_USE
enum nba_status nba_worker_begin(struct nba_worker *worker, struct nba_error *error);
/* The task takes part from now on: overlay, journal, timers due; *ret_more: close first. */
NBA_MUST_USE
enum nba_status nba_worker_join_transaction(struct nba_worker *worker, int32_t partition,
                                            bool *ret_more, struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_worker_run_records(struct nba_worker *worker, bool *ret_full,
                                       struct nba_error *error);
/* To the log goes what the tasks' states have changed since the last time. */
NBA_MUST_USE
enum nba_status nba_worker_produce_changes(struct nba_worker *worker, struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_worker_commit(struct nba_worker *worker, struct nba_error *error);

/* ---- worker.c ---- */

/* Gives everything back, waits for a failed store and joins the group anew: only an assignment
 * brings partitions again, so no record can be taken whose predecessors were dropped. */
NBA_MUST_USE
enum nba_status nba_worker_rejoin(struct nba_worker *worker, struct nba_error *error);

/* ---- recovery.c ---- */

/* Aborts the open transaction, if there is one, and drops the overlays.  Where the abort fails the
 * producer goes: the next init of its id decides the transaction. */
void nba_worker_give_up(struct nba_worker *worker);

NBA_MUST_USE
enum nba_status nba_worker_make_producer(struct nba_worker *worker, unsigned which,
                                         struct nba_error *error);
/* After a failed call of a transaction: NBA_OK to go on, TXN classes to recover again,
 * else stop. */
NBA_MUST_USE
enum nba_status nba_worker_recover(struct nba_worker *worker, enum nba_status why,
                                   struct nba_error *error);

#endif
