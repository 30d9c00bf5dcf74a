/*
 * The volume stage: actions that a budget counts (nba/policy/volume.h) need a place in it.
 *
 *   HCP's task --request--> budget's task --granted, refused, replaced--> HCP's task
 *              --feedback->
 *
 * The HCP's task keeps such an action open, waiting (NBA_OPEN_ACTION_WAITING), and says nothing to
 * the world; it asks the budgets one after the other, and when the last one has granted a place the
 * action goes out, or on to the rep's task.  A budget's task decides in the order of its mailbox,
 * by value.  Whatever happens to the action then is fed back, so that places are given back and
 * what was sent isn't replaced.  An action whose place is taken is recalled by its HCP's task, the
 * only one that publishes it; what has been sent by then stays, and counts over the limit.
 */
#include "pipeline_internal.h"

/* The reason for a budget's task when an action ends that nobody was told of. */
#define UNSAID NBA_REASON_VOLUME_LIMIT

/* ---- at the HCP's task ---- */

static struct nba_str next_budget(const struct nba_pipeline *pipeline,
                                  const struct nba_open_action *open, struct nba_str after,
                                  char ret_id[NBA_VOLUME_ID_BYTES_MAX])
{
    const struct nba_volume_subject subject = {
        .channel = open->channel,
        .family_id = open->content_id.bytes != 0 ? open->family_id : nba_str("", 0),
        .brand = open->brand,
        .campaign_id = open->campaign_id,
    };
    return nba_policy_next_volume(pipeline->side->policy, &subject, after, ret_id);
}

bool nba_volume_ask(struct nba_pipeline *pipeline, struct nba_origin origin,
                    const struct nba_open_action *open, struct nba_str after,
                    const struct nba_action *action)
{
    char text[NBA_VOLUME_ID_BYTES_MAX];
    const struct nba_str id = next_budget(pipeline, open, after, text);
    if (id.bytes != 0) {
        nba_send_to_holder(pipeline, origin,
                           &(struct nba_mail){.kind = NBA_MAIL_REQUEST,
                                              .id = action->action_id,
                                              .time_ms = action->time_ms,
                                              .hcp_id = action->hcp_id,
                                              .rep_id = id,
                                              .action_id = action->action_id,
                                              .action = action});
    }
    return id.bytes != 0;
}

/* To every budget that counts the action. */
static void feed_back(struct nba_pipeline *pipeline, struct nba_origin origin, struct nba_mail mail,
                      const struct nba_open_action *open)
{
    const struct nba_action about = {
        .action_id = open->action_id,
        .hcp_id = mail.hcp_id,
        .time_ms = open->proposed_at_ms,
    };
    char text[2][NBA_VOLUME_ID_BYTES_MAX];
    struct nba_str id = next_budget(pipeline, open, nba_str(NULL, 0), text[0]);
    for (unsigned turn = 1; id.bytes != 0; turn++) {
        mail.kind = NBA_MAIL_FEEDBACK;
        mail.id = origin.src;
        mail.action_id = open->action_id;
        mail.rep_id = id;
        mail.action = &about;
        nba_send_to_holder(pipeline, origin, &mail);
        id = next_budget(pipeline, open, id, text[turn % 2]);
    }
}

static bool was_asked(const struct nba_open_action *open)
{
    return (open->flags & (NBA_OPEN_ACTION_HELD | NBA_OPEN_ACTION_GHOST)) == 0;
}

void nba_volume_end(struct nba_pipeline *pipeline, struct nba_origin origin, struct nba_str hcp_id,
                    const struct nba_open_action *open, int64_t time_ms, enum nba_reason reason)
{
    const bool unsaid = (open->flags & NBA_OPEN_ACTION_WAITING) != 0;
    if (was_asked(open)) {
        feed_back(pipeline, origin,
                  (struct nba_mail){
                      .time_ms = time_ms, .hcp_id = hcp_id, .reason = unsaid ? UNSAID : reason},
                  open);
    }
}

void nba_volume_forward(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                        struct nba_origin origin)
{
    if (item->told.action_id.bytes != 0 && was_asked(&item->told)) {
        feed_back(pipeline, origin,
                  (struct nba_mail){.time_ms = item->now_ms,
                                    .hcp_id = item->hcp->hcp_id,
                                    .event = item->record->value},
                  &item->told);
    }
}

/* No place says whose it was any more, but files may: of any budget, since nobody knows which. */
void nba_volume_erase(struct nba_pipeline *pipeline, struct nba_origin origin, int64_t time_ms)
{
    const struct nba_str all = nba_str_of("volume:*");
    const struct nba_mail mail = {
        .kind = NBA_MAIL_ERASED, .id = origin.src, .time_ms = time_ms, .rep_id = all};
    const int32_t count =
        nba_policy_has_volumes(pipeline->side->policy) ? pipeline->partition_count : 0;
    for (int32_t partition = 0; partition < count; partition++) {
        nba_emit_mail(&pipeline->emitter, origin, all, partition, &mail);
    }
}

enum nba_status nba_volume_take_grant(struct nba_pipeline *pipeline, struct nba_task *task,
                                      struct nba_origin origin, const struct nba_mail *mail,
                                      struct nba_error *error)
{
    struct nba_hcp *hcp = NULL;
    if (mail->action == NULL) {
        return nba_error_set(error, NBA_E_SCHEMA_INCOMPATIBLE, "a grant without an action");
    }
    const enum nba_status status = nba_task_get(task, mail->hcp_id, &hcp, error);
    const struct nba_open_action *open =
        status == NBA_OK ? nba_hcp_find_action(hcp, mail->action_id) : NULL;
    if (open == NULL || (open->flags & NBA_OPEN_ACTION_WAITING) == 0) {
        return status; /* it has ended meanwhile; the budget's task will hear of that */
    }
    if (!nba_volume_ask(pipeline, origin, open, mail->rep_id, mail->action)) {
        nba_hcp_set_waiting(hcp, mail->action_id, false);
        nba_wave_say_action(pipeline, origin, open->flags, mail->action);
    }
    return NBA_OK;
}

/* ---- at the budget's task ---- */

static struct nba_fullness fullness_of(const struct nba_volume *volume,
                                       const struct nba_volume_terms *terms)
{
    const struct nba_volume_sum sum = nba_volume_sum(volume);
    struct nba_fullness full = {.count = terms->max != 0 && sum.used >= terms->max};
    full.windows[0] = (struct nba_capacity_window){
        .rule_id = terms->rule_id,
        .start_ms = terms->start_ms,
        .end_ms = nba_volume_end_ms(volume),
        .max = (int32_t)terms->max,
        .used = (int32_t)sum.used,
        .replaceable = terms->replaces && sum.open,
        .lowest_priority = terms->replaces && sum.open ? sum.priority : 0,
    };
    return full;
}

static void answer(struct nba_pipeline *pipeline, struct nba_origin origin,
                   const struct nba_mail *request, struct nba_mail mail)
{
    mail.id = request->id;
    mail.time_ms = request->time_ms;
    mail.rep_id = request->rep_id;
    mail.partition = origin.partition;
    nba_emit_mail(&pipeline->emitter, origin, mail.hcp_id,
                  nba_partition_of_key(mail.hcp_id, pipeline->partition_count), &mail);
}

static void grant(struct nba_pipeline *pipeline, struct nba_origin origin,
                  const struct nba_mail *request, struct nba_str supersedes)
{
    struct nba_action action = *request->action;
    action.supersedes = supersedes.bytes != 0 ? supersedes : action.supersedes;
    answer(pipeline, origin, request,
           (struct nba_mail){.kind = NBA_MAIL_GRANTED,
                             .hcp_id = request->hcp_id,
                             .action_id = request->action_id,
                             .action = &action});
}

/* The place of the least goes to the action, whose priority is higher. */
static enum nba_status replace(struct nba_pipeline *pipeline, struct nba_origin origin,
                               struct nba_volume *volume, const struct nba_mail *request,
                               struct nba_str *ret_replaced, struct nba_error *error)
{
    const struct nba_volume_place *least = NULL;
    enum nba_status status = nba_volume_least(volume, &least, error);
    if (status != NBA_OK || least == NULL) {
        return status != NBA_OK
                   ? status
                   : nba_error_set(error, NBA_E_CORRUPT, "a budget's record has lost a place");
    }
    *ret_replaced = least->action_id;
    answer(pipeline, origin, request,
           (struct nba_mail){.kind = NBA_MAIL_REPLACED,
                             .hcp_id = least->hcp_id,
                             .action_id = least->action_id,
                             .reason = NBA_REASON_SUPERSEDED,
                             .superseded_by = request->action_id});
    return nba_volume_remove(volume, *ret_replaced, error);
}

/* The request's action has no place yet: it gets one, or is refused. */
static enum nba_status judge(struct nba_pipeline *pipeline, struct nba_origin origin,
                             struct nba_volume *volume, const struct nba_volume_terms *terms,
                             const struct nba_mail *request, bool *ret_refused,
                             struct nba_error *error)
{
    const struct nba_volume_sum sum = nba_volume_sum(volume);
    const double priority = request->action->priority;
    const bool free = sum.used < terms->max;
    struct nba_str replaced = {0};
    enum nba_status status = NBA_OK;
    *ret_refused =
        !free && (terms->max == 0 || !terms->replaces || !sum.open || sum.priority >= priority);
    if (*ret_refused) {
        answer(pipeline, origin, request,
               (struct nba_mail){.kind = NBA_MAIL_REFUSED,
                                 .hcp_id = request->hcp_id,
                                 .action_id = request->action_id,
                                 .reason = NBA_REASON_VOLUME_LIMIT});
        return NBA_OK;
    }
    if (!free) {
        status = replace(pipeline, origin, volume, request, &replaced, error);
    }
    if (status == NBA_OK) {
        status = nba_volume_add(volume,
                                &(struct nba_volume_place){.open = true,
                                                           .priority = priority,
                                                           .action_id = request->action_id,
                                                           .hcp_id = request->hcp_id},
                                error);
        grant(pipeline, origin, request, replaced);
    }
    return status;
}

enum nba_status nba_volume_take_request(struct nba_pipeline *pipeline, struct nba_task *task,
                                        struct nba_origin origin, const struct nba_mail *mail,
                                        struct nba_error *error)
{
    struct nba_volume volume;
    struct nba_volume_terms terms;
    const struct nba_volume_place *place = NULL;
    bool refused = false;
    int64_t now_ms = nba_task_meta(task)->clock_ms;
    if (mail->action == NULL) {
        return nba_error_set(error, NBA_E_SCHEMA_INCOMPATIBLE, "a request without an action");
    }
    enum nba_status status = nba_task_get_volume(task, mail->rep_id, &volume, error);
    if (status != NBA_OK) {
        return status;
    }
    now_ms = mail->time_ms > now_ms ? mail->time_ms : now_ms;
    now_ms = nba_volume_clock_ms(&volume) > now_ms ? nba_volume_clock_ms(&volume) : now_ms;
    if (!nba_policy_volume_terms(pipeline->side->policy, mail->rep_id, now_ms, &terms)) {
        grant(pipeline, origin, mail, nba_str(NULL, 0)); /* there is no limit any more */
        return NBA_OK;
    }
    const struct nba_fullness before = fullness_of(&volume, &terms);
    nba_volume_move(&volume, now_ms, terms.end_ms);
    status = nba_volume_find(&volume, mail->action_id, &place, error);
    if (status == NBA_OK && place != NULL) {
        grant(pipeline, origin, mail, nba_str(NULL, 0)); /* it was before */
    } else if (status == NBA_OK) {
        status = judge(pipeline, origin, &volume, &terms, mail, &refused, error);
    }
    if (status == NBA_OK) {
        const struct nba_fullness now = fullness_of(&volume, &terms);
        nba_tell_fullness(pipeline, origin, mail->rep_id, now_ms, &before, &now, refused);
    }
    return status;
}

/* What becomes of the place by what has happened to its action. */
static enum nba_status settle(struct nba_pipeline *pipeline, struct nba_volume *volume,
                              const struct nba_volume_place *place, const struct nba_mail *mail,
                              enum nba_event_type type, struct nba_error *error)
{
    bool ends = false;
    const uint32_t flags = nba_hcp_action_effect(type, &ends);
    const bool seen = (flags & (NBA_OPEN_ACTION_SENT | NBA_OPEN_ACTION_SHOWN)) != 0;
    const bool closed = mail->reason != NBA_REASON_NONE;
    if (closed && mail->reason == NBA_REASON_EXPIRED && !place->open) {
        return NBA_OK; /* it was used */
    }
    if (mail->reason == UNSAID ||
        ((ends || closed) && nba_gives_back(pipeline->side->policy, mail->reason, type))) {
        return nba_volume_remove(volume, mail->action_id, error);
    }
    return ends || closed || seen ? nba_volume_take(volume, mail->action_id, error) : NBA_OK;
}

enum nba_status nba_volume_take_feedback(struct nba_pipeline *pipeline, struct nba_task *task,
                                         struct nba_origin origin, const struct nba_mail *mail,
                                         struct nba_error *error)
{
    struct nba_volume volume;
    struct nba_volume_terms terms = {.max = 0};
    struct nba_event event = {.type = NBA_EVENT_UNKNOWN};
    const struct nba_volume_place *place = NULL;
    enum nba_status status = nba_task_get_volume(task, mail->rep_id, &volume, error);
    if (status == NBA_OK && mail->reason == NBA_REASON_NONE) {
        status =
            nba_decode_event(pipeline->decoder, mail->event, &pipeline->scratch, &event, error);
    }
    if (status == NBA_OK) {
        status = nba_volume_find(&volume, mail->action_id, &place, error);
    }
    const bool limited = status == NBA_OK && nba_volume_end_ms(&volume) != NBA_TIME_NONE &&
                         nba_policy_volume_terms(pipeline->side->policy, mail->rep_id,
                                                 nba_volume_clock_ms(&volume), &terms);
    if (status != NBA_OK || (place == NULL && !limited)) {
        return status;
    }
    const struct nba_fullness before = fullness_of(&volume, &terms);
    if (place != NULL) {
        status = settle(pipeline, &volume, place, mail, event.type, error);
    } else {
        /* Its place was given away while it was being sent, and it counts all the same. */
        bool ends = false;
        const uint32_t flags = nba_hcp_action_effect(event.type, &ends);
        if ((flags & NBA_OPEN_ACTION_SENT) != 0 && mail->action != NULL &&
            mail->action->time_ms >= terms.start_ms &&
            mail->action->time_ms < nba_volume_end_ms(&volume)) {
            status = nba_volume_add(
                &volume, &(struct nba_volume_place){.action_id = mail->action_id}, error);
        }
    }
    if (status == NBA_OK && limited) {
        const struct nba_fullness now = fullness_of(&volume, &terms);
        nba_tell_fullness(pipeline, origin, mail->rep_id, nba_volume_clock_ms(&volume), &before,
                          &now, false);
    }
    return status;
}
