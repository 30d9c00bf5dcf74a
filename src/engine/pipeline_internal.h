/* What pipeline.c (the order of the stages), decide.c (one decision) and trigger.c share. */
#ifndef NBA_ENGINE_PIPELINE_INTERNAL_H
#define NBA_ENGINE_PIPELINE_INTERNAL_H

#include "emit.h"
#include "nba/engine/pipeline.h"
#include "nba/policy/funnel.h"
#include "nba/policy/volume.h"
#include "nba/state/volume.h"
#include "pipeline_metrics.h"
#include "tally_rows.h"

/* Records of a wave, those without a decision included. */
#define WAVE_ITEMS_MAX 128u
/* One encoded message: a decision with its 50 explained candidates is some 20 KB. */
#define ENCODED_BYTES_MAX (4u << 20)
/* Two waves of scores for the largest catalogue fit many times. */
#define SCRATCH_BYTES_MAX ((size_t)512 << 20)

/* What a trigger's decision has in place of a score job. */
struct nba_fired {
    const struct nba_trigger_due *due;
    struct nba_funnel *funnel; /* of the one candidate */
    struct nba_scores scores;
};

/* One record on its way through a wave, or a trigger that fired. */
struct nba_wave_item {
    struct nba_task *task;
    const struct nba_record *record;
    struct nba_event event;
    struct nba_error why; /* of a dead letter; NBA_OK else */
    struct nba_hcp *hcp;  /* NULL: dead letter, control_tick or of an erased HCP */
    enum nba_arrival arrival;
    struct nba_joined_outcome joined; /* action NULL: the event is no outcome of one */
    bool erased;                      /* the HCP was erased before: nothing of the event is kept */
    bool moves;                       /* to the task of another id (merge.c) */
    int64_t now_ms, watermark_ms;
    struct nba_str cause;      /* trigger_event_id of what is said */
    struct nba_score_job *job; /* NULL: no decision */
    enum nba_role role;        /* whose job it is */
    struct nba_fired *fired;   /* NULL: a record's */
    uint32_t open_before;      /* actions on the HCP's slate before the event; of a record's item */
    struct nba_score_tally tally; /* as of the event, should the slate be owed */
    /* The open action that the event changes, before it was applied; without an id: none. */
    struct nba_open_action told;
};

/* Does the HCP's record go with the item?  The next item has to see it. */
static inline bool nba_wave_ends(const struct nba_wave_item *item)
{
    return item->moves || item->event.type == NBA_EVENT_PROFILE_ERASED;
}

/* What one model has to score for the wave. */
struct nba_lane {
    struct nba_scorer *scorer;
    struct nba_score_job jobs[NBA_SCORE_WAVE];
    size_t count;
};

struct nba_pipeline {
    struct nba_pipeline_options options;
    struct nba_decoder *decoder;
    struct nba_emitter emitter;
    struct nba_pipeline_metrics metrics;

    /* of the present transaction */
    struct nba_side *side;
    struct nba_funnel *funnel; /* of the side's policy, catalogue and control state */
    struct nba_arena *arena;   /* the transaction's: overlays, outbox */
    struct nba_arena scratch;  /* the wave's: events, recurrent states */
    struct nba_arena said;     /* one item's: scores, decision, messages until they are encoded */
    int64_t wall_ms;
    int32_t partition_count;  /* of the input and the mailbox */
    uint32_t timers_fired;    /* and actions recalled by a sweep */
    uint64_t sweep_epoch;     /* sides so far that could recall what the one before let stand */
    int64_t sweep_limit;      /* of a replay: recalls at which the sweep was interrupted; or -1 */
    struct nba_side *waiting; /* the side that nba_pipeline_must_sweep() was asked about last */
    bool waiting_recalls;
    struct nba_tally_rows tally_rows; /* without a release */

    struct nba_wave_item items[WAVE_ITEMS_MAX];
    size_t item_count;
    struct nba_lane lanes[NBA_ROLE_COUNT];
    size_t job_count;      /* of both */
    struct nba_lane alone; /* one job at a time, beside the wave */
    size_t wave_bytes;     /* that the last one sent */
    /* The earliest moment at which an action that this wave may yet propose can expire or be
     * released: its timers are in no record before the wave is emitted. */
    int64_t horizon_ms;
};

/* The side inputs in force.  With the event clock, wall time is none: it must not enter journal or
 * state. */
struct nba_journal nba_pipeline_journal(const struct nba_pipeline *pipeline, int64_t input_next);
void nba_pipeline_say_journal(struct nba_pipeline *pipeline, const struct nba_task *task,
                              const char *why, const struct nba_journal *journal);
/* Takes them over into the task, where they differ from what it has. */
NBA_MUST_USE
enum nba_status nba_pipeline_adopt(struct nba_pipeline *pipeline, struct nba_task *task,
                                   int64_t mailbox_next, struct nba_error *error);

/* Are there control messages that the task has yet to make dead letters of? */
bool nba_pipeline_owes_letters(const struct nba_side *side, const struct nba_task *task);

/* The head of the item's decision record. */
struct nba_decision nba_wave_decision(struct nba_pipeline *pipeline,
                                      const struct nba_wave_item *item, enum nba_decision_kind kind,
                                      enum nba_reason reason);
/* An action ends before it was sent: its place in the ledger goes with it where the policy says
 * so. */
void nba_wave_close(struct nba_pipeline *pipeline, struct nba_hcp *hcp, struct nba_str action_id,
                    enum nba_contact_end end);
/* Takes back what may no longer stand: messages out, actions closed, the list for the record. */
NBA_MUST_USE
enum nba_status nba_wave_recall(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                                struct nba_origin origin, struct nba_decision *decision);
/* The same for actions that are given: also those that nothing but the caller's reason ends. */
NBA_MUST_USE
enum nba_status nba_wave_take_back(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                                   const struct nba_recall *recalls, uint32_t count,
                                   struct nba_origin origin, struct nba_decision *decision);
/* And for all actions that are open. */
NBA_MUST_USE
enum nba_status nba_wave_take_back_all(struct nba_pipeline *pipeline,
                                       const struct nba_wave_item *item, enum nba_reason reason,
                                       struct nba_origin origin, struct nba_decision *decision);
/* The event changes the record of its HCP. */
NBA_MUST_USE
enum nba_status nba_wave_apply(struct nba_pipeline *pipeline, struct nba_wave_item *item,
                               struct nba_error *error);
struct nba_str nba_wave_join(struct nba_arena *arena, const struct nba_str *parts, size_t count);
/* release.c: the held actions of this HCP that are due at `due_ms`; no wave is open. */
NBA_MUST_USE
enum nba_status nba_wave_release(struct nba_pipeline *pipeline, struct nba_task *task,
                                 struct nba_hcp *hcp, int64_t due_ms, int64_t now_ms,
                                 int64_t watermark_ms, struct nba_error *error);
/* trigger.c: the patterns of this HCP whose time is up at `due_ms`; no wave is open. */
NBA_MUST_USE
enum nba_status nba_wave_fire(struct nba_pipeline *pipeline, struct nba_task *task,
                              struct nba_hcp *hcp, int64_t due_ms, int64_t watermark_ms,
                              struct nba_error *error);
/* The funnel, and all that it said into the outbox; `head` brings what was closed before. */
NBA_MUST_USE
enum nba_status nba_wave_decide(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                                struct nba_origin origin, const struct nba_decision *head);

/* Slates are published, and read: who listens to decisions alone reads none. */
static inline bool nba_wave_says_slates(const struct nba_pipeline *pipeline)
{
    return pipeline->options.config->slate_publish && pipeline->emitter.listener == NULL;
}
/* The HCP's slate anew, when what is open changed without a decision. */
NBA_MUST_USE
enum nba_status nba_wave_say_slate(struct nba_pipeline *pipeline, struct nba_wave_item *item,
                                   struct nba_origin origin, struct nba_str decision_id,
                                   struct nba_error *error);
/* lane.c: what the models of the side have to score for the wave. */
void nba_lanes_create(struct nba_pipeline *pipeline);
void nba_lanes_destroy(struct nba_pipeline *pipeline);
/* The wave is over, or yet to begin. */
void nba_lanes_clear(struct nba_pipeline *pipeline);
/* item->job, for the model of the HCP's arm. */
void nba_lanes_add(struct nba_pipeline *pipeline, struct nba_wave_item *item);
/* The item may yet owe its HCP's slate: what is counted by now is remembered. */
void nba_lanes_note(struct nba_pipeline *pipeline, struct nba_wave_item *item);
/* All jobs' states and member scores, then one item's scores, before anything changes its HCP. */
void nba_lanes_start(struct nba_pipeline *pipeline);
NBA_MUST_USE
enum nba_status nba_lanes_finish(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                                 struct nba_error *error);
/* item->job with its scores, beside the wave. */
NBA_MUST_USE
enum nba_status nba_wave_score(struct nba_pipeline *pipeline, struct nba_wave_item *item,
                               struct nba_error *error);
/* The recurrent state that the scores came from. */
void nba_lanes_keep(struct nba_pipeline *pipeline, const struct nba_wave_item *item);
/* While nothing is trained, popularity is what the partition has seen. */
void nba_lanes_count(struct nba_pipeline *pipeline, struct nba_task *task,
                     const struct nba_hcp *hcp, const struct nba_event *event);
/* Of the HCP's lane; hcp NULL: the champion's. */
const char *nba_lane_model_version(const struct nba_pipeline *pipeline, const struct nba_hcp *hcp,
                                   int64_t now_ms);
/* Empty: none. */
struct nba_str nba_wave_specialty(const struct nba_hcp *hcp);

/* erase.c: is the event one of an erased HCP (item->erased)?  An opt-in captured since then
 * readmits it. */
NBA_MUST_USE
enum nba_status nba_wave_admit(struct nba_wave_item *item, struct nba_error *error);
/* profile_erased leaves: recalls, the slate's tombstone, and the HCP is erased. */
NBA_MUST_USE
enum nba_status nba_wave_erase(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                               struct nba_origin origin, struct nba_decision *decision,
                               struct nba_error *error);
/* A dead letter: is it one of an erased HCP?  Then nothing of the record goes out with it. */
NBA_MUST_USE
enum nba_status nba_wave_admit_letter(struct nba_wave_item *item, struct nba_error *error);
void nba_wave_deadletter(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                         struct nba_origin origin);

/* merge.c: the item's event is profile_merged, or of an id that has ended: it goes to another. */
NBA_MUST_USE
enum nba_status nba_merge_leave(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                                struct nba_origin origin, struct nba_decision *decision,
                                struct nba_error *error);
/* The item's HCP is erased: so are the ids that are linked with it, and what these reps have. */
void nba_merge_erase(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                     struct nba_origin origin, const struct nba_str *reps, uint32_t rep_count);
/* Mail of the above; errors of class SKIP make it a dead letter. */
NBA_MUST_USE
enum nba_status nba_merge_take(struct nba_pipeline *pipeline, struct nba_task *task,
                               struct nba_origin origin, const struct nba_mail *mail,
                               struct nba_error *error);

/* sweep.c: may `after` recall actions that `before` let stand? */
bool nba_side_may_recall(const struct nba_side *before, const struct nba_side *after);
/* Recalls what the side in force doesn't let stand, where the task has a sweep under way.
 * *ret_more: the transaction is full. */
NBA_MUST_USE
enum nba_status nba_pipeline_sweep(struct nba_pipeline *pipeline, struct nba_task *task,
                                   bool *ret_more, struct nba_error *error);

/* An open action goes out, unless budgets are to be asked first. */
void nba_wave_propose(struct nba_pipeline *pipeline, struct nba_origin origin, struct nba_hcp *hcp,
                      const struct nba_action *action);
/* It is emitted, or by its flag requested from its rep's task. */
void nba_wave_say_action(struct nba_pipeline *pipeline, struct nba_origin origin, uint32_t flags,
                         const struct nba_action *action);

/* ---- rep_stage.c: what an HCP's task says to a rep's ---- */

/* To the task of the rep or budget that the mail is about. */
void nba_send_to_holder(struct nba_pipeline *pipeline, struct nba_origin origin,
                        struct nba_mail *mail);

void nba_rep_request(struct nba_pipeline *pipeline, struct nba_origin origin,
                     const struct nba_action *action);
/* The HCP's task has closed it for this reason. */
void nba_rep_withdraw(struct nba_pipeline *pipeline, struct nba_origin origin,
                      const struct nba_action *action);
/* The action ends unanswered: to its rep's task, and to budgets'. */
void nba_rep_expire(struct nba_pipeline *pipeline, struct nba_task *task, const struct nba_hcp *hcp,
                    const struct nba_open_action *open);
/* To each rep who may have something of the HCP: it is erased.  Behind all withdrawals. */
void nba_rep_erase(struct nba_pipeline *pipeline, struct nba_origin origin,
                   const struct nba_wave_item *item, const struct nba_str *reps, uint32_t count);
/* Before the event is applied: does it change an open action; then, in its turn, forward it. */
void nba_rep_note(struct nba_wave_item *item);
void nba_rep_forward(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                     struct nba_origin origin);

/* ---- volume_stage.c: what an HCP's task says to budgets' ---- */

/* Asks the next budget behind `after` (empty: the first); false: there is none. */
bool nba_volume_ask(struct nba_pipeline *pipeline, struct nba_origin origin,
                    const struct nba_open_action *open, struct nba_str after,
                    const struct nba_action *action);
/* To all of its budgets: the HCP's task closes the action for this reason. */
void nba_volume_end(struct nba_pipeline *pipeline, struct nba_origin origin, struct nba_str hcp_id,
                    const struct nba_open_action *open, int64_t time_ms, enum nba_reason reason);
/* To all tasks, behind all withdrawals: files are to forget an erased HCP. */
void nba_volume_erase(struct nba_pipeline *pipeline, struct nba_origin origin, int64_t time_ms);
/* What nba_rep_forward does for a rep's. */
void nba_volume_forward(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                        struct nba_origin origin);

/* mail.c: one record of the task's mailbox. */
NBA_MUST_USE
enum nba_status nba_take_mail(struct nba_pipeline *pipeline, struct nba_task *task,
                              const struct nba_record *record, struct nba_error *error);

/* ---- rep_stage.c: mail; errors of class SKIP make it a dead letter ---- */

NBA_MUST_USE
enum nba_status nba_rep_take_request(struct nba_pipeline *pipeline, struct nba_task *task,
                                     struct nba_origin origin, const struct nba_mail *mail,
                                     struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_rep_take_feedback(struct nba_pipeline *pipeline, struct nba_task *task,
                                      struct nba_origin origin, const struct nba_mail *mail,
                                      struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_rep_take_erased(struct nba_pipeline *pipeline, struct nba_task *task,
                                    const struct nba_mail *mail, struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_rep_take_answer(struct nba_pipeline *pipeline, struct nba_task *task,
                                    struct nba_origin origin, const struct nba_mail *mail,
                                    struct nba_error *error);

/* What of a rep or budget is full. */
struct nba_fullness {
    struct nba_capacity_window windows[NBA_CAPACITY_RULES_MAX];
    uint32_t count;
};
/* The table says it when something changed, or somebody didn't know. */
void nba_tell_fullness(struct nba_pipeline *pipeline, struct nba_origin origin, struct nba_str id,
                       int64_t clock_ms, const struct nba_fullness *before,
                       const struct nba_fullness *now, bool anyway);
/* Whether what ended this way gives its place back: closed for a reason, or by an event. */
bool nba_gives_back(const struct nba_policy *policy, enum nba_reason reason,
                    enum nba_event_type type);

/* ---- volume_stage.c: the same ---- */

NBA_MUST_USE
enum nba_status nba_volume_take_request(struct nba_pipeline *pipeline, struct nba_task *task,
                                        struct nba_origin origin, const struct nba_mail *mail,
                                        struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_volume_take_feedback(struct nba_pipeline *pipeline, struct nba_task *task,
                                         struct nba_origin origin, const struct nba_mail *mail,
                                         struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_volume_take_grant(struct nba_pipeline *pipeline, struct nba_task *task,
                                      struct nba_origin origin, const struct nba_mail *mail,
                                      struct nba_error *error);

#endif
