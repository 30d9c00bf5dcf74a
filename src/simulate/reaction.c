/*
 * What the channels do with an action of ours.
 *
 *   email   sent within minutes of not_before, then as any e-mail, with action_id
 *   rep     shown within hours; accepted and executed, or dismissed; a call that goes well
 *   web     shown at the next visit, clicked or not
 *   event   an invitation, a registration, attendance
 *
 * A recall that comes before it is carried out stops it.
 */
#include <stdlib.h>
#include <string.h>

#include "nba/base/hash.h"
#include "nba/base/time_text.h"
#include "world_internal.h"

#define MINUTE_MS INT64_C(60000)
/* Recalls come soon after: only the newest actions are looked through. */
#define RECALL_DEPTH 100000u

static void recall(struct nba_world *world, struct nba_str action_id)
{
    const uint64_t hash = nba_xxh64(action_id.data, action_id.bytes);
    const size_t count = world->action_count;
    for (size_t i = count; i > 0 && count - i < RECALL_DEPTH; i--) {
        struct sim_action *action = &world->actions[i - 1];
        if (action->hash == hash && nba_str_is(action_id, action->action_id)) {
            action->recalled = action->recalled || !action->done;
            return;
        }
    }
}

static bool add_action(struct nba_world *world, const struct nba_action *action, uint32_t hcp,
                       uint32_t content)
{
    if (world->action_count == world->action_capacity) {
        const size_t capacity = world->action_capacity > 0 ? world->action_capacity * 2 : 1024;
        struct sim_action *grown = realloc(world->actions, capacity * sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        world->actions = grown;
        world->action_capacity = capacity;
    }
    char *id = malloc(action->action_id.bytes + 1);
    if (id == NULL) {
        return false;
    }
    memcpy(id, action->action_id.data, action->action_id.bytes);
    id[action->action_id.bytes] = '\0';
    world->actions[world->action_count] =
        (struct sim_action){id,
                            nba_xxh64(action->action_id.data, action->action_id.bytes),
                            hcp,
                            content,
                            action->channel,
                            false,
                            false};
    world->action_count++;
    return true;
}

bool nba_world_react(struct nba_world *world, const struct nba_action *action)
{
    const uint32_t hcp = nba_world_hcp_of(world, action->hcp_id);
    const uint32_t content = nba_world_content_of(world, action->content_id);
    if (hcp == UINT32_MAX || content == UINT32_MAX) {
        return false;
    }
    if (action->status == NBA_ACTION_RECALLED) {
        recall(world, action->action_id);
        return true;
    }
    if (world->action_count >= UINT32_MAX || !add_action(world, action, hcp, content)) {
        world->failed = true;
        return false;
    }
    int64_t at_ms = action->not_before_ms > world->now_ms ? action->not_before_ms : world->now_ms;
    const bool by_hand = action->channel == NBA_CHANNEL_REP || action->channel == NBA_CHANNEL_WEB;
    at_ms += (int64_t)nba_sim_wait(world, by_hand ? 12.0 * (double)NBA_HOUR_MS : 5.0 * MINUTE_MS);
    nba_sim_push(world, STEP_ACT, at_ms, hcp, (uint32_t)(world->action_count - 1));
    return true;
}

static void say_of_action(struct nba_world *world, uint32_t index, enum nba_event_type type,
                          int64_t at_ms)
{
    const struct sim_action *action = &world->actions[index];
    const struct sim_record record = {.event_ms = at_ms,
                                      .type = type,
                                      .channel = action->channel,
                                      .hcp = action->hcp,
                                      .content = action->content,
                                      .action = index};
    nba_sim_say_record(world, &record);
}

static void act_by_rep(struct nba_world *world, uint32_t index, int64_t at_ms)
{
    const struct sim_action *action = &world->actions[index];
    say_of_action(world, index, NBA_EVENT_ACTION_SHOWN, at_ms);
    if (!nba_sim_happens(world, 0.65)) {
        say_of_action(world, index, NBA_EVENT_ACTION_DISMISSED, at_ms + 10 * MINUTE_MS);
        return;
    }
    const int64_t call_ms = at_ms + (int64_t)nba_sim_wait(world, 8.0 * (double)NBA_HOUR_MS);
    say_of_action(world, index, NBA_EVENT_ACTION_EXECUTED, call_ms);
    if (nba_sim_answer(world, action->hcp, action->content, NBA_CHANNEL_REP, call_ms, 1)) {
        say_of_action(world, index, NBA_EVENT_REP_CALL_COMPLETED, call_ms + 20 * MINUTE_MS);
    } else {
        nba_sim_ignored(world, action->hcp, action->content, NBA_CHANNEL_REP, index, call_ms);
    }
}

void nba_sim_act(struct nba_world *world, uint32_t index, int64_t at_ms)
{
    struct sim_action *action = &world->actions[index];
    if (action->recalled) {
        return;
    }
    action->done = true;
    switch (action->channel) {
    case NBA_CHANNEL_EMAIL:
        nba_sim_mail(world, action->hcp, action->content, index, at_ms, 1);
        return;
    case NBA_CHANNEL_REP:
        act_by_rep(world, index, at_ms);
        return;
    case NBA_CHANNEL_EVENT:
        say_of_action(world, index, NBA_EVENT_ACTION_SENT, at_ms);
        if (nba_sim_answer(world, action->hcp, action->content, NBA_CHANNEL_EVENT, at_ms, 1)) {
            say_of_action(world, index, NBA_EVENT_WEBINAR_REGISTERED, at_ms + 30 * MINUTE_MS);
            say_of_action(world, index, NBA_EVENT_WEBINAR_ATTENDED, at_ms + 2 * NBA_DAY_MS);
        } else {
            nba_sim_ignored(world, action->hcp, action->content, NBA_CHANNEL_EVENT, index, at_ms);
        }
        return;
    case NBA_CHANNEL_WEB:
    case NBA_CHANNEL_SMS:
    case NBA_CHANNEL_UNKNOWN:
    case NBA_CHANNEL_COUNT:
        break;
    }
    say_of_action(world, index, NBA_EVENT_ACTION_SHOWN, at_ms);
    if (nba_sim_answer(world, action->hcp, action->content, NBA_CHANNEL_WEB, at_ms, 1)) {
        say_of_action(world, index, NBA_EVENT_PORTAL_CONTENT_VIEWED, at_ms + MINUTE_MS);
    } else {
        nba_sim_ignored(world, action->hcp, action->content, NBA_CHANNEL_WEB, index, at_ms);
    }
}
