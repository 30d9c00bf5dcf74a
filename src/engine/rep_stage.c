/*
 * The rep stage: actions that fall under a capacity rule go through the task of their rep.
 *
 *   HCP's task --request--> rep's task --refused, replaced--> HCP's task
 *              --feedback, erased->
 *
 * The HCP's task keeps such an action open (NBA_OPEN_ACTION_REQUESTED) and says nothing to the
 * world.  The rep's task takes requests in the order of its mailbox: it alone publishes them, and
 * recalls what it has published.  Whatever happens to the action at the HCP's task - an answer, a
 * recall, its expiry - is forwarded, so that places are given back and what the rep has seen is not
 * replaced.  An answer closes the action at the HCP's task, whose slate is written anew, and starts
 * no decision.  A request that is granted needs none: the slate has it since the decision.
 */
#include <string.h>

#include "nba/base/compiler.h"
#include "nba/base/hash.h"
#include "nba/base/str_put.h"
#include "pipeline_internal.h"

/* ---- at the HCP's task ---- */

void nba_send_to_holder(struct nba_pipeline *pipeline, struct nba_origin origin,
                        struct nba_mail *mail)
{
    mail->partition = origin.partition;
    nba_emit_mail(&pipeline->emitter, origin, mail->rep_id,
                  nba_partition_of_key(mail->rep_id, pipeline->partition_count), mail);
}

void nba_rep_request(struct nba_pipeline *pipeline, struct nba_origin origin,
                     const struct nba_action *action)
{
    nba_send_to_holder(pipeline, origin,
                       &(struct nba_mail){.kind = NBA_MAIL_REQUEST,
                                          .id = action->action_id,
                                          .time_ms = action->time_ms,
                                          .hcp_id = action->hcp_id,
                                          .rep_id = action->rep_id,
                                          .action_id = action->action_id,
                                          .action = action});
}

void nba_rep_withdraw(struct nba_pipeline *pipeline, struct nba_origin origin,
                      const struct nba_action *action)
{
    nba_send_to_holder(pipeline, origin,
                       &(struct nba_mail){.kind = NBA_MAIL_FEEDBACK,
                                          .id = origin.src,
                                          .time_ms = action->time_ms,
                                          .hcp_id = action->hcp_id,
                                          .rep_id = action->rep_id,
                                          .action_id = action->action_id,
                                          .action = action,
                                          .reason = action->recall_reason});
}

void nba_rep_expire(struct nba_pipeline *pipeline, struct nba_task *task, const struct nba_hcp *hcp,
                    const struct nba_open_action *open)
{
    const struct nba_str cause = nba_str_of("timer:");
    nba_arena_reset(&pipeline->said);
    char *src = nba_arena_need(&pipeline->said, cause.bytes + open->action_id.bytes);
    const char *end = nba_str_put(nba_str_put(src, cause), open->action_id);
    const struct nba_origin origin = {.src = nba_str(src, (size_t)(end - src)),
                                      .partition = nba_task_partition(task)};
    const int64_t now_ms = nba_task_meta(task)->clock_ms;
    const uint32_t asked = NBA_OPEN_ACTION_REQUESTED | NBA_OPEN_ACTION_WAITING;
    if ((open->flags & asked) == NBA_OPEN_ACTION_REQUESTED) {
        nba_send_to_holder(pipeline, origin,
                           &(struct nba_mail){.kind = NBA_MAIL_FEEDBACK,
                                              .id = origin.src,
                                              .time_ms = now_ms,
                                              .hcp_id = hcp->hcp_id,
                                              .rep_id = open->rep_id,
                                              .action_id = open->action_id,
                                              .reason = NBA_REASON_EXPIRED});
    }
    nba_volume_end(pipeline, origin, hcp->hcp_id, open, now_ms, NBA_REASON_EXPIRED);
}

void nba_rep_erase(struct nba_pipeline *pipeline, struct nba_origin origin,
                   const struct nba_wave_item *item, const struct nba_str *reps, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        nba_send_to_holder(pipeline, origin,
                           &(struct nba_mail){.kind = NBA_MAIL_ERASED,
                                              .id = origin.src,
                                              .time_ms = item->now_ms,
                                              .hcp_id = item->event.hcp_id,
                                              .rep_id = reps[i]});
    }
}

void nba_rep_note(struct nba_wave_item *item)
{
    bool ends = false;
    const struct nba_open_action *about =
        item->arrival == NBA_ARRIVAL_FRESH ? nba_hcp_action_of(item->hcp, &item->event) : NULL;
    const uint32_t flags = nba_hcp_action_effect(item->event.type, &ends);
    if (about != NULL && (ends || flags != 0)) {
        item->told = *about;
    }
}

void nba_rep_forward(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                     struct nba_origin origin)
{
    if (item->told.action_id.bytes != 0 && (item->told.flags & NBA_OPEN_ACTION_REQUESTED) != 0) {
        nba_send_to_holder(pipeline, origin,
                           &(struct nba_mail){.kind = NBA_MAIL_FEEDBACK,
                                              .id = origin.src,
                                              .time_ms = item->now_ms,
                                              .hcp_id = item->hcp->hcp_id,
                                              .rep_id = item->told.rep_id,
                                              .action_id = item->told.action_id,
                                              .event = item->record->value});
    }
    nba_volume_forward(pipeline, item, origin);
}

/* The rep's task has told the world, or nobody was told: the HCP's has nothing to recall. */
static void close_quietly(struct nba_pipeline *pipeline, struct nba_wave_item *item,
                          struct nba_origin origin, const struct nba_mail *mail,
                          struct nba_open_action open)
{
    if (mail->kind == NBA_MAIL_REFUSED) { /* whatever the policy releases on: nobody was told */
        (void)nba_hcp_ledger_release(item->hcp, nba_hcp_text_hash(mail->action_id));
        open.flags |= NBA_OPEN_ACTION_WAITING;
    }
    nba_volume_end(pipeline, origin, item->hcp->hcp_id, &open, item->now_ms, mail->reason);
    nba_wave_close(pipeline, item->hcp, mail->action_id, NBA_CONTACT_RECALLED);
}

enum nba_status nba_rep_take_answer(struct nba_pipeline *pipeline, struct nba_task *task,
                                    struct nba_origin origin, const struct nba_mail *mail,
                                    struct nba_error *error)
{
    struct nba_hcp *hcp = NULL;
    const bool budget = nba_is_volume(mail->rep_id);
    enum nba_status status = nba_task_get(task, mail->hcp_id, &hcp, error);
    const struct nba_open_action *open =
        status == NBA_OK ? nba_hcp_find_action(hcp, mail->action_id) : NULL;
    if (open == NULL || (budget && (open->flags & NBA_OPEN_ACTION_SENT) != 0)) {
        return status; /* it has ended or was sent meanwhile; the other task will hear of that */
    }
    const size_t bytes = mail->id.bytes + 1 + mail->action_id.bytes;
    char *id = nba_arena_need(&pipeline->said, bytes);
    char *end = nba_str_put(id, mail->id);
    *end++ = ':';
    (void)nba_str_put(end, mail->action_id);
    const struct nba_meta *meta = nba_task_meta(task);
    struct nba_wave_item item = {
        .task = task,
        .event = {.source = nba_str_of(budget ? "volume" : "rep"),
                  .event_id = nba_str(id, bytes),
                  .hcp_id = mail->hcp_id},
        .hcp = hcp,
        .now_ms = meta->clock_ms,
        .watermark_ms = meta->watermark_ms,
    };
    const struct nba_closed_action closed = {mail->action_id, mail->reason};
    const struct nba_recall recall = {.open_index = (uint32_t)(open - hcp->actions),
                                      .reason = mail->reason};
    struct nba_decision decision =
        nba_wave_decision(pipeline, &item, NBA_DECISION_LIFECYCLE, NBA_REASON_NONE);
    decision.trigger_event_id = mail->id;
    decision.closed = &closed;
    decision.closed_count = 1;
    if (budget && mail->kind == NBA_MAIL_REPLACED) {
        status = nba_wave_take_back(pipeline, &item, &recall, 1, origin, &decision);
    } else {
        close_quietly(pipeline, &item, origin, mail, *open);
    }
    if (status != NBA_OK) {
        return status;
    }
    nba_emit_decision(&pipeline->emitter, origin, &decision);
    nba_pipeline_metrics_decision(&pipeline->metrics, &decision);
    return nba_wave_say_slate(pipeline, &item, origin, decision.decision_id, error);
}

/* ---- at the rep's task ---- */

static const struct nba_zone *zone_of(const struct nba_pipeline *pipeline, struct nba_str rep_id)
{
    const struct nba_rep *rep = nba_catalog_find_rep(pipeline->side->catalog, rep_id);
    return rep != NULL ? nba_zone_find(rep->tz) : NULL;
}

static struct nba_fullness fullness_of(const struct nba_pipeline *pipeline,
                                       const struct nba_rep_state *rep)
{
    struct nba_fullness full;
    full.count = nba_policy_full_windows(pipeline->side->policy, zone_of(pipeline, rep->rep_id),
                                         rep, full.windows);
    return full;
}

/* As far as it matters to HCPs' tasks. */
static bool same_windows(const struct nba_fullness *a, const struct nba_fullness *b)
{
    bool same = a->count == b->count;
    for (uint32_t i = 0; i < a->count && same; i++) {
        const struct nba_capacity_window *x = &a->windows[i];
        const struct nba_capacity_window *y = &b->windows[i];
        same = nba_str_equal(x->rule_id, y->rule_id) && x->end_ms == y->end_ms &&
               x->max == y->max && x->used == y->used && x->replaceable == y->replaceable &&
               memcmp(&x->lowest_priority, &y->lowest_priority, sizeof(x->lowest_priority)) == 0;
    }
    return same;
}

void nba_tell_fullness(struct nba_pipeline *pipeline, struct nba_origin origin, struct nba_str id,
                       int64_t clock_ms, const struct nba_fullness *before,
                       const struct nba_fullness *now, bool anyway)
{
    if (anyway || !same_windows(before, now)) {
        nba_emit_rep_capacity(&pipeline->emitter, origin,
                              &(struct nba_rep_capacity){.rep_id = id,
                                                         .time_ms = clock_ms,
                                                         .windows = now->windows,
                                                         .window_count = now->count});
    }
}

static void tell_fullness(struct nba_pipeline *pipeline, struct nba_origin origin,
                          const struct nba_rep_state *rep, const struct nba_fullness *before,
                          bool anyway)
{
    const struct nba_fullness now = fullness_of(pipeline, rep);
    nba_tell_fullness(pipeline, origin, rep->rep_id, rep->clock_ms, before, &now, anyway);
}

static void answer(struct nba_pipeline *pipeline, struct nba_origin origin, int32_t partition,
                   struct nba_mail mail)
{
    mail.partition = origin.partition;
    nba_emit_mail(&pipeline->emitter, origin, mail.hcp_id, partition, &mail);
}

static void publish(struct nba_pipeline *pipeline, struct nba_origin origin,
                    const struct nba_action *action)
{
    nba_emit_action(&pipeline->emitter, origin, action);
    nba_pipeline_metrics_action(&pipeline->metrics, action);
}

static enum nba_status read_alert(struct nba_pipeline *pipeline, const struct nba_rep_alert *alert,
                                  struct nba_action *ret_action, struct nba_error *error)
{
    return nba_decode_action(pipeline->decoder, alert->message, &pipeline->scratch, ret_action,
                             error) == NBA_OK
               ? NBA_OK
               : nba_error_set(error, NBA_E_CORRUPT, "the rep's record holds no action");
}

/* Another action takes its place: it is recalled, and its HCP's task told. */
static enum nba_status replace(struct nba_pipeline *pipeline, struct nba_origin origin,
                               const struct nba_rep_alert *alert, const struct nba_mail *mail,
                               struct nba_error *error)
{
    struct nba_action action;
    const enum nba_status status = read_alert(pipeline, alert, &action, error);
    if (status != NBA_OK) {
        return status;
    }
    action.status = NBA_ACTION_RECALLED;
    action.recall_reason = NBA_REASON_SUPERSEDED;
    action.time_ms = mail->time_ms;
    action.trigger_event_id = mail->action->trigger_event_id;
    publish(pipeline, origin, &action);
    answer(pipeline, origin, alert->partition,
           (struct nba_mail){.kind = NBA_MAIL_REPLACED,
                             .id = mail->id,
                             .time_ms = mail->time_ms,
                             .hcp_id = action.hcp_id,
                             .rep_id = mail->rep_id,
                             .action_id = alert->action_id,
                             .reason = NBA_REASON_SUPERSEDED,
                             .superseded_by = mail->action_id});
    return NBA_OK;
}

static enum nba_status accept(struct nba_pipeline *pipeline, struct nba_origin origin,
                              struct nba_rep_state *rep, struct nba_rep_alert *replaced,
                              const struct nba_mail *mail, struct nba_error *error)
{
    struct nba_action action = *mail->action;
    if (replaced != NULL) {
        const enum nba_status status = replace(pipeline, origin, replaced, mail, error);
        if (status != NBA_OK) {
            return status;
        }
        action.supersedes = replaced->action_id;
        nba_rep_remove(rep, replaced);
    }
    publish(pipeline, origin, &action);
    action.driver_count = 0; /* a recall says none */
    nba_buf_reset(&pipeline->emitter.encoded);
    nba_encode_action(pipeline->emitter.schemas, &action, &pipeline->emitter.encoded);
    const struct nba_rep_alert alert = {
        .channel = action.channel,
        .time_ms = rep->clock_ms,
        .open = true,
        .partition = mail->partition,
        .priority = action.priority,
        .expires_at_ms = action.expires_at_ms,
        .action_id = action.action_id,
        .message = nba_buf_str(&pipeline->emitter.encoded),
    };
    return nba_rep_add(rep, &alert) && !rep->failed && !pipeline->emitter.encoded.failed
               ? NBA_OK
               : nba_error_set(error, NBA_E_NO_MEMORY, "no room for a rep's record");
}

enum nba_status nba_rep_take_request(struct nba_pipeline *pipeline, struct nba_task *task,
                                     struct nba_origin origin, const struct nba_mail *mail,
                                     struct nba_error *error)
{
    const struct nba_policy *policy = pipeline->side->policy;
    const struct nba_zone *zone = zone_of(pipeline, mail->rep_id);
    struct nba_rep_state *rep = NULL;
    struct nba_rep_alert *replaced = NULL;
    if (mail->action == NULL) {
        return nba_error_set(error, NBA_E_SCHEMA_INCOMPATIBLE, "a request without an action");
    }
    enum nba_status status = nba_task_get_rep(task, mail->rep_id, &rep, error);
    if (status != NBA_OK) {
        return status;
    }
    const struct nba_fullness before = fullness_of(pipeline, rep);
    rep->clock_ms = mail->time_ms > rep->clock_ms ? mail->time_ms : rep->clock_ms;
    nba_policy_prune_rep(policy, zone, rep);
    const bool admitted = nba_policy_admits(policy, zone, rep, mail->action->channel,
                                            mail->action->priority, &replaced);
    if (admitted) {
        status = accept(pipeline, origin, rep, replaced, mail, error);
    } else {
        answer(pipeline, origin, mail->partition,
               (struct nba_mail){.kind = NBA_MAIL_REFUSED,
                                 .id = mail->id,
                                 .time_ms = mail->time_ms,
                                 .hcp_id = mail->hcp_id,
                                 .rep_id = mail->rep_id,
                                 .action_id = mail->action_id,
                                 .reason = NBA_REASON_REP_CAPACITY});
    }
    tell_fullness(pipeline, origin, rep, &before, !admitted);
    return status;
}

/* What was open has been withdrawn before; what was sent goes on to count, without a name. */
enum nba_status nba_rep_take_erased(struct nba_pipeline *pipeline, struct nba_task *task,
                                    const struct nba_mail *mail, struct nba_error *error)
{
    struct nba_rep_state *rep = NULL;
    enum nba_status status = nba_task_get_rep(task, mail->rep_id, &rep, error);
    for (uint32_t i = 0; status == NBA_OK && i < rep->count; i++) {
        struct nba_action action = {.hcp_id = mail->hcp_id};
        if (rep->alerts[i].open) {
            status = read_alert(pipeline, &rep->alerts[i], &action, error);
        }
        if (status == NBA_OK && nba_str_equal(action.hcp_id, mail->hcp_id)) {
            nba_rep_end(&rep->alerts[i]);
        }
    }
    nba_task_rewrite(task);
    return status;
}

bool nba_gives_back(const struct nba_policy *policy, enum nba_reason reason,
                    enum nba_event_type type)
{
    static const struct {
        enum nba_event_type type;
        enum nba_contact_end why;
    } ends[] = {{NBA_EVENT_ACTION_NOT_SENT, NBA_CONTACT_NOT_SENT},
                {NBA_EVENT_EMAIL_BOUNCED, NBA_CONTACT_BOUNCED},
                {NBA_EVENT_EMAIL_DROPPED, NBA_CONTACT_DROPPED}};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(ends); i++) {
        if (type == ends[i].type) {
            return nba_policy_releases(policy, ends[i].why);
        }
    }
    return reason != NBA_REASON_NONE &&
           nba_policy_releases(policy, reason == NBA_REASON_EXPIRED ? NBA_CONTACT_EXPIRED
                                                                    : NBA_CONTACT_RECALLED);
}

enum nba_status nba_rep_take_feedback(struct nba_pipeline *pipeline, struct nba_task *task,
                                      struct nba_origin origin, const struct nba_mail *mail,
                                      struct nba_error *error)
{
    struct nba_rep_state *rep = NULL;
    struct nba_event event = {.type = NBA_EVENT_UNKNOWN};
    uint32_t flags = 0;
    bool ends = mail->reason != NBA_REASON_NONE;
    enum nba_status status = nba_task_get_rep(task, mail->rep_id, &rep, error);
    if (status == NBA_OK && !ends) {
        status =
            nba_decode_event(pipeline->decoder, mail->event, &pipeline->scratch, &event, error);
        flags = status == NBA_OK ? nba_hcp_action_effect(event.type, &ends) : 0;
    }
    struct nba_rep_alert *alert = status == NBA_OK ? nba_rep_find(rep, mail->action_id) : NULL;
    if (alert == NULL) {
        return status; /* refused or replaced: the answer is under way */
    }
    const struct nba_fullness before = fullness_of(pipeline, rep);
    alert->seen = alert->seen || (flags & (NBA_OPEN_ACTION_SENT | NBA_OPEN_ACTION_SHOWN)) != 0;
    if (ends && mail->action != NULL) {
        publish(pipeline, origin, mail->action); /* the recall */
    }
    if (ends && nba_gives_back(pipeline->side->policy, mail->reason, event.type)) {
        nba_rep_remove(rep, alert);
    } else if (ends) {
        nba_rep_end(alert);
    }
    tell_fullness(pipeline, origin, rep, &before, false);
    return NBA_OK;
}
