/*
 * The pipeline: the one place that knows the order of the stages.
 *
 *   record -> intake -> state -> score -> funnel -> outbox
 *             codec     state    score    policy    codec
 *
 * A stage returns a value and never calls the next.  The pipeline is a function of (bytes, state,
 * clock, side inputs): it knows no broker, so demo, run, replay and tests use this same code.
 *
 * A TRANSACTION is: nba_pipeline_begin; nba_pipeline_open_task for each task that takes part,
 * before anything of it; nba_pipeline_run and nba_pipeline_timers, any number of times.  What was
 * said lies in the outbox, what was learned in the tasks' overlays; committing or dropping both is
 * the caller's.
 *
 * WAVES.  Decisions of different HCPs are scored side by side.  A wave ends before an HCP would
 * come twice, before a timer fires and at the end of nba_pipeline_run, and is emitted in the order
 * of its records.  So outputs don't depend on how records were batched.
 *
 * MAIL.  What other tasks sent (nba.mailbox.v1, same partition) is taken when the task is opened,
 * before any record of the input; how far is journaled as mailbox_next.  Nothing of it counts as
 * input: a task's mailbox moves neither watermark nor input_next.
 *
 * CONSERVATION.  Every record leaves exactly one record in the decision or the dead-letter topic,
 * with header src = <topic>/<partition>/<offset>.
 *
 * CLOCK.  event: the decision clock is the watermark, and a timer due at d fires with clock d
 * before the record that moves the watermark to d or beyond.  wall: the clock is the later of the
 * last one and the wall time given to nba_pipeline_begin; timers due fire when the task is opened.
 *
 * SWEEP.  When catalogue, control state or policy change so that open actions may no longer stand,
 * each task looks at its open actions before its next record, a bounded number in a transaction,
 * and recalls what has to go: a lifecycle record each.  What is recalled, and in which order, is a
 * function of state and journal: side inputs that change meanwhile leave the number of recalls made
 * so far in their journal record.
 *
 * ERRORS are of class STOP (memory, damaged state, I/O): a bad record is none of them, it becomes a
 * dead letter.  THREADS.  One worker's.
 */
#ifndef NBA_ENGINE_PIPELINE_H
#define NBA_ENGINE_PIPELINE_H

#include "nba/config/config.h"
#include "nba/engine/outbox.h"
#include "nba/engine/side_inputs.h"
#include "nba/event/message.h"
#include "nba/metrics/metrics.h"
#include "nba/state/task.h"

/* Timers that one transaction fires, and actions that a sweep recalls; the rest goes on in the
 * next one. */
#define NBA_TIMERS_PER_TRANSACTION_MAX 1000u

struct nba_crash_notes;

/* Hears actions and decisions as plain data, in the order in which they would be sent.  With a
 * listener no message is encoded, slates and packed reasons aren't made, and nothing but journal
 * and mail is in the outbox.  `segment` is the HCP's first specialty; empty: none, or not at
 * hand. */
struct nba_listener {
    void (*action)(void *context, int32_t partition, struct nba_str segment,
                   const struct nba_action *action);
    void (*decision)(void *context, int32_t partition, struct nba_str segment,
                     const struct nba_decision *decision);
    void *context;
};

struct nba_pipeline_options {
    const struct nba_schemas *schemas; /* must outlive the pipeline, as must config and metrics */
    const struct nba_config *config;
    struct nba_metrics *metrics;               /* NULL: nothing is counted */
    size_t wave_max;                           /* 1..NBA_SCORE_WAVE; 0: 32 */
    size_t outbox_bytes_max;                   /* nba_pipeline_run ends near it; 0: no bound */
    const struct nba_crash_notes *crash_notes; /* records not to be touched; NULL: none */
    const struct nba_listener *listener;       /* NULL: messages are encoded */
};

struct nba_pipeline_item {
    struct nba_task *task;
    const struct nba_record *record;
};

/* What a task takes of its partition of the mailbox in a transaction: all that was read of it. */
struct nba_mailbag {
    const struct nba_record *const *records; /* in the order of their offsets */
    size_t count;
    int64_t next; /* the mailbox was read up to here */
};

struct nba_pipeline;

struct nba_pipeline *nba_pipeline_create(const struct nba_pipeline_options *options);
void nba_pipeline_destroy(struct nba_pipeline *pipeline);

/* Takes a reference on `side`.  `arena` is the transaction's: outbox and overlays live there. */
NBA_MUST_USE
enum nba_status nba_pipeline_begin(struct nba_pipeline *pipeline, struct nba_side *side,
                                   struct nba_arena *arena, struct nba_outbox *outbox,
                                   int64_t wall_ms, struct nba_error *error);

/* Opens the task's overlay and, where side inputs, the mailbox (or, with clock wall, the clock)
 * moved since its last transaction, adopts them and says so in the journal.  Then takes the mail:
 * it comes before the next record of the input, here and in a replay. */
NBA_MUST_USE
enum nba_status nba_pipeline_open_task(struct nba_pipeline *pipeline, struct nba_task *task,
                                       const struct nba_mailbag *mail, struct nba_error *error);

/* Runs records of opened tasks; those of one task in the order of their offsets.  *ret_done <
 * count: the transaction is full (timers); commit and come again with the rest. */
NBA_MUST_USE
enum nba_status nba_pipeline_run(struct nba_pipeline *pipeline,
                                 const struct nba_pipeline_item *items, size_t count,
                                 size_t *ret_done, struct nba_error *error);

/* Before any record of an opened task: sweeps its open actions where the side changed (see SWEEP);
 * clock wall: fires what is due.  *ret_more: the transaction is full, there is more. */
NBA_MUST_USE
enum nba_status nba_pipeline_timers(struct nba_pipeline *pipeline, struct nba_task *task,
                                    bool *ret_more, struct nba_error *error);

/* Is there something to recall, or a bad control message to make a dead letter of, that needn't
 * wait for the task's next record? */
bool nba_pipeline_must_sweep(struct nba_pipeline *pipeline, struct nba_side *side,
                             const struct nba_task *task);
/* Replay: a sweep stops after so many recalls, where the journal says that the next record was
 * written then; -1: it doesn't. */
void nba_pipeline_set_sweep_limit(struct nba_pipeline *pipeline, int64_t recalls);

/* By configuration or policy; true before the first transaction, when the latter isn't known. */
bool nba_pipeline_clock_is_wall(const struct nba_pipeline *pipeline);

#endif
