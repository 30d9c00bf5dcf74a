/* Side inputs as a task takes them over: what its meta record and its journal say. */
#include <stdio.h>

#include "pipeline_internal.h"

bool nba_pipeline_clock_is_wall(const struct nba_pipeline *pipeline)
{
    switch (pipeline->options.config->clock) {
    case NBA_CONFIG_CLOCK_EVENT:
        return false;
    case NBA_CONFIG_CLOCK_WALL:
        return true;
    case NBA_CONFIG_CLOCK_POLICY:
        break;
    }
    return pipeline->side == NULL ||
           nba_policy_head(pipeline->side->policy)->clock == NBA_POLICY_CLOCK_WALL;
}

struct nba_journal nba_pipeline_journal(const struct nba_pipeline *pipeline, int64_t input_next)
{
    return nba_side_journal(pipeline->side, input_next,
                            nba_pipeline_clock_is_wall(pipeline) ? pipeline->wall_ms
                                                                 : NBA_TIME_NONE);
}

void nba_pipeline_say_journal(struct nba_pipeline *pipeline, const struct nba_task *task,
                              const char *why, const struct nba_journal *journal)
{
    char src[64];
    (void)snprintf(src, sizeof(src), "%s%lld", why, (long long)journal->input_next);
    const struct nba_origin origin = {.src = nba_str_of(src),
                                      .partition = nba_task_partition(task)};
    nba_emit_journal(&pipeline->emitter, origin, journal);
}

bool nba_pipeline_owes_letters(const struct nba_side *side, const struct nba_task *task)
{
    return nba_task_partition(task) == 0 && side->refused != NULL &&
           side->refused->record.offset >= nba_task_committed_meta(task)->letters_next;
}

/* Control messages that couldn't be used belong to no partition: the task of the first one makes
 * dead letters of those that its side passes over. */
static void say_refused(struct nba_pipeline *pipeline, const struct nba_task *task)
{
    const int64_t from = nba_task_committed_meta(task)->letters_next;
    size_t count = 0;
    for (const struct nba_refusal *r = pipeline->side->refused;
         r != NULL && r->record.offset >= from; r = r->before) {
        count++;
    }
    const struct nba_refusal **refused =
        nba_arena_need(pipeline->arena, (count + 1) * sizeof(*refused));
    const struct nba_refusal *at = pipeline->side->refused;
    for (size_t i = count; i > 0; i--, at = at->before) {
        refused[i - 1] = at;
    }
    for (size_t i = 0; i < count; i++) {
        char src[NBA_SRC_BYTES];
        struct nba_record record = refused[i]->record;
        record.topic = nba_str_of(pipeline->options.config->topics.control);
        nba_emit_src(&record, src);
        const struct nba_origin origin = {.src = nba_str_of(src),
                                          .partition = nba_task_partition(task)};
        nba_emit_deadletter(&pipeline->emitter, origin, &record, &refused[i]->why);
        nba_pipeline_metrics_deadletter(&pipeline->metrics, refused[i]->why.status);
    }
}

enum nba_status nba_pipeline_adopt(struct nba_pipeline *pipeline, struct nba_task *task,
                                   int64_t mailbox_next, struct nba_error *error)
{
    struct nba_meta *meta = nba_task_meta(task);
    struct nba_journal now = nba_pipeline_journal(pipeline, meta->input_next);
    now.mailbox_next = mailbox_next;
    const bool swept = nba_task_sweep_epoch(task) == pipeline->sweep_epoch;
    now.swept = meta->sweep_recalls;
    nba_task_set_sweep_epoch(task, pipeline->sweep_epoch);
    if (!nba_meta_differs(meta, &now)) {
        return NBA_OK;
    }
    if (!swept && nba_meta_rules_differ(meta, &now)) {
        nba_task_sweep_begin(task);
    }
    const enum nba_status status = nba_meta_adopt(meta, &now, error);
    if (status != NBA_OK) {
        return status;
    }
    if (now.wall_clock_ms != NBA_TIME_NONE && now.wall_clock_ms > meta->clock_ms) {
        meta->clock_ms = now.wall_clock_ms;
    }
    nba_pipeline_say_journal(pipeline, task, "journal:", &now);
    if (nba_pipeline_owes_letters(pipeline->side, task)) {
        say_refused(pipeline, task);
    }
    return pipeline->emitter.outbox->failed
               ? nba_error_set(error, NBA_E_NO_MEMORY, "transaction is too large for its memory")
               : NBA_OK;
}
