/*
 * What happens: visits that an HCP makes, pushes of the company, and what the channels do with an
 * action of ours.
 *
 *   visit   a content is chosen by taste; by channel it is a page read, an event attended, a call,
 *           or the one thing opened in a digest that came by e-mail
 *   push    a content goes out on a channel; the HCP engages or not (answer)
 *   action  email   sent within minutes of not_before, then as any e-mail, with action_id
 *           rep     shown within hours; accepted and executed, or dismissed; a call that goes well
 *           web     shown at the next visit, clicked or not
 *           event   an invitation, a registration, attendance
 *
 * Visits and pushes plan their next one when they happen, so the queue holds two entries an HCP and
 * what is under way.  A recall that comes before an action is carried out stops it.
 */
#include "nba/base/assert.h"
#include "nba/base/memory.h"
#include "nba/base/time_text.h"
#include "world_internal.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   ((double)NBA_HOUR_MS)
#define DAY_MS    ((double)NBA_DAY_MS)

/* About as many events follow from one visit and from one push of the mix below. */
#define EVENTS_PER_VISIT 2.4
#define EVENTS_PER_PUSH  2.6
#define PUSHES_PER_VISIT 0.8

/* Recalls come soon after: only the newest actions are looked through. */
#define RECALL_DEPTH 100000u

/* ---- the queue: a binary heap by (time, order of planning) ---- */

static bool before(const struct sim_pending *a, const struct sim_pending *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void push(struct nba_world *world, enum sim_step step, int64_t at_ms,
                 const struct sim_record *record)
{
    const struct sim_pending pending = {at_ms, world->order, step, *record};
    world->heap = nba_room(world->heap, world->heap_count, &world->heap_capacity, sizeof(pending));
    world->order++;
    size_t at = world->heap_count++;
    while (at > 0 && before(&pending, &world->heap[(at - 1) / 2])) {
        world->heap[at] = world->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    world->heap[at] = pending;
}

void nba_sim_plan(struct nba_world *world, enum sim_step step, uint32_t hcp, int64_t from_ms,
                  double days)
{
    const struct sim_record record = {.hcp = hcp};
    push(world, step, from_ms + (int64_t)(days * DAY_MS), &record);
}

bool nba_sim_pop(struct nba_world *world, struct sim_pending *ret_pending)
{
    if (world->heap_count == 0) {
        return false;
    }
    *ret_pending = world->heap[0];
    const struct sim_pending *moved = &world->heap[--world->heap_count];
    size_t at = 0;
    for (size_t child = 1; child < world->heap_count; child = 2 * at + 1) {
        if (child + 1 < world->heap_count && before(&world->heap[child + 1], &world->heap[child])) {
            child++;
        }
        if (!before(&world->heap[child], moved)) {
            break;
        }
        world->heap[at] = world->heap[child];
        at = child;
    }
    world->heap[at] = *moved;
    return true;
}

/* ---- saying ---- */

/* Plans the record as an event of this type, so long after; some come late, some twice. */
static void say(struct nba_world *world, const struct sim_record *record, enum nba_event_type type,
                int64_t after_ms)
{
    struct sim_record said = *record;
    said.type = type;
    said.event_ms += after_ms;
    said.serial = world->serial++;
    int64_t at_ms = said.event_ms > world->now_ms ? said.event_ms : world->now_ms;
    if (nba_sim_happens(world, world->options.late_share)) {
        /* Most come within hours, one of eight after days. */
        const double hours = nba_sim_happens(world, 0.125) ? 72.0 : 3.0;
        at_ms += (int64_t)nba_sim_wait(world, hours * HOUR_MS);
    }
    push(world, STEP_EVENT, at_ms, &said);
    if (nba_sim_happens(world, world->options.duplicate_share)) {
        push(world, STEP_EVENT, at_ms + (int64_t)nba_sim_wait(world, 10.0 * MINUTE_MS), &said);
    }
}

/* Too many touches: the channel is refused for a while, or for good. */
static void maybe_opt_out(struct nba_world *world, const struct sim_record *touch, int64_t at_ms)
{
    bool *opted_out = &world->hcps[touch->hcp].opted_out[touch->channel];
    struct sim_record record = {.event_ms = at_ms,
                                .channel = touch->channel,
                                .status = NBA_CONSENT_STATUS_OPT_OUT,
                                .hcp = touch->hcp,
                                .content = UINT32_MAX,
                                .action = UINT32_MAX};
    if (!nba_sim_happens(world, 0.004) || *opted_out) {
        return;
    }
    *opted_out = true;
    say(world, &record, NBA_EVENT_CONSENT_CHANGED, MINUTE_MS);
    if (nba_sim_happens(world, 0.3)) {
        record.status = NBA_CONSENT_STATUS_OPT_IN;
        say(world, &record, NBA_EVENT_CONSENT_CHANGED,
            (int64_t)(nba_sim_wait(world, 20.0) * DAY_MS));
        *opted_out = false;
    }
}

/* The touch, so long after, is answered: engaged or not, opt-out, journey.  Most touches that led
 * to nothing are reported so by their channel, a day after the touch. */
static bool answer(struct nba_world *world, const struct sim_record *touch, int64_t after_ms)
{
    const unsigned by = touch->action != UINT32_MAX ? 1 : 0;
    const double p = nba_world_probability(world, touch->hcp, touch->content, touch->channel);
    const bool engaged = nba_sim_happens(world, p);
    world->tally.touches[by]++;
    world->tally.expected[by] += p;
    world->tally.engaged[by] += engaged ? 1 : 0;
    nba_sim_touch(world, touch->hcp, touch->event_ms + after_ms);
    if (engaged) {
        nba_sim_engage(world, touch->hcp, touch->content);
        return true;
    }
    maybe_opt_out(world, touch, touch->event_ms + after_ms);
    if (nba_sim_happens(world, 0.8)) {
        struct sim_record ignored = *touch;
        ignored.message = 0;
        say(world, &ignored, NBA_EVENT_ACTION_IGNORED, NBA_DAY_MS);
    }
    return false;
}

/* sent, delivered, a machine's opening and clicking, then perhaps the person's */
static void mail(struct nba_world *world, const struct sim_record *touch)
{
    struct sim_record record = *touch;
    record.message = ++world->message;
    say(world, &record, NBA_EVENT_EMAIL_SENT, 0);
    record.event_ms += MINUTE_MS / 2;
    if (nba_sim_happens(world, 0.01)) {
        say(world, &record, NBA_EVENT_EMAIL_BOUNCED, 0);
        return;
    }
    say(world, &record, NBA_EVENT_EMAIL_DELIVERED, 0);
    if (world->hcps[record.hcp].gateway) {
        record.bot = NBA_BOT_GENERIC;
        say(world, &record, NBA_EVENT_EMAIL_OPENED, 1000);
        say(world, &record, NBA_EVENT_EMAIL_CLICKED, 1500);
        record.event_ms += 1500;
        record.bot = NBA_BOT_NONE;
    }
    const int64_t read_ms = (int64_t)nba_sim_wait(world, 5.0 * HOUR_MS);
    if (answer(world, &record, read_ms)) {
        say(world, &record, NBA_EVENT_EMAIL_OPENED, read_ms);
        if (nba_sim_happens(world, 0.5)) {
            say(world, &record, NBA_EVENT_EMAIL_CLICKED, read_ms + 30000);
        }
    }
}

static void attend(struct nba_world *world, const struct sim_record *record, int64_t after_ms,
                   bool comes)
{
    const int64_t later_ms = (int64_t)(nba_sim_wait(world, 3.0) * DAY_MS);
    say(world, record, NBA_EVENT_WEBINAR_REGISTERED, after_ms);
    say(world, record, comes ? NBA_EVENT_WEBINAR_ATTENDED : NBA_EVENT_WEBINAR_NO_SHOW,
        after_ms + later_ms);
}

/* ---- visits and pushes ---- */

static void visit_portal(struct nba_world *world, const struct sim_record *record)
{
    struct sim_record login = *record;
    struct sim_record view = *record;
    login.content = UINT32_MAX;
    view.dwell_s = (float)nba_sim_wait(world, 90.0);
    say(world, &login, NBA_EVENT_PORTAL_LOGIN, 0);
    say(world, &view, NBA_EVENT_PORTAL_CONTENT_VIEWED, MINUTE_MS);
    if (nba_sim_happens(world, 0.15)) {
        say(world, &view, NBA_EVENT_CONTENT_DOWNLOADED, 2 * MINUTE_MS);
    }
    if (nba_sim_happens(world, 0.02)) {
        say(world, record, NBA_EVENT_CONVERSION, 5 * MINUTE_MS);
    }
}

static void visit(struct nba_world *world, uint32_t hcp, int64_t at_ms)
{
    struct sim_record record = {.event_ms = at_ms, .hcp = hcp, .action = UINT32_MAX};
    record.channel = nba_sim_choose_channel(world, hcp);
    record.content = nba_sim_choose(world, hcp);
    if (record.content == UINT32_MAX) {
        return;
    }
    if (record.channel == NBA_CHANNEL_EVENT) {
        const bool comes = nba_sim_happens(world, 0.8);
        attend(world, &record, 0, comes);
    } else if (record.channel == NBA_CHANNEL_REP) {
        say(world, &record, NBA_EVENT_REP_CALL_COMPLETED, 0);
        nba_sim_touch(world, hcp, at_ms);
    } else if (record.channel == NBA_CHANNEL_EMAIL) { /* a digest: the person picks from it */
        record.message = ++world->message;
        say(world, &record, NBA_EVENT_EMAIL_DELIVERED, 0);
        say(world, &record, NBA_EVENT_EMAIL_OPENED, 20 * MINUTE_MS);
        say(world, &record, NBA_EVENT_EMAIL_CLICKED, 20 * MINUTE_MS + 30000);
        nba_sim_touch(world, hcp, at_ms);
    } else {
        visit_portal(world, &record);
    }
    nba_sim_engage(world, hcp, record.content);
}

/* A quarter goes to anyone; the rest to who has the specialty for it. */
static uint32_t choose_push(struct nba_world *world, uint32_t hcp)
{
    const unsigned char *interest = nba_sim_interest[world->hcps[hcp].specialty];
    for (int tries = 0; tries < 50; tries++) {
        const uint32_t content = nba_sim_below(world, world->content_count);
        if (nba_sim_is_available(world, content) &&
            (nba_sim_happens(world, 0.25) || interest[world->contents[content].topic] >= 2)) {
            return content;
        }
    }
    return UINT32_MAX;
}

static void promote(struct nba_world *world, uint32_t hcp, int64_t at_ms)
{
    struct sim_record record = {.event_ms = at_ms, .hcp = hcp, .action = UINT32_MAX};
    record.channel = nba_sim_choose_channel(world, hcp);
    record.content = choose_push(world, hcp);
    if (record.content == UINT32_MAX) {
        return;
    }
    if (record.channel == NBA_CHANNEL_EMAIL) {
        mail(world, &record);
        return;
    }
    if (record.channel == NBA_CHANNEL_EVENT) {
        say(world, &record, NBA_EVENT_WEBINAR_INVITED, 0);
    } else if (record.channel == NBA_CHANNEL_WEB) {
        say(world, &record, NBA_EVENT_AD_IMPRESSION, 0);
    }
    if (!answer(world, &record, 0)) {
        return;
    }
    if (record.channel == NBA_CHANNEL_EVENT) {
        attend(world, &record, NBA_HOUR_MS, true);
    } else {
        say(world, &record,
            record.channel == NBA_CHANNEL_REP ? NBA_EVENT_REP_CALL_COMPLETED : NBA_EVENT_AD_CLICKED,
            MINUTE_MS);
    }
}

/* ---- actions ---- */

static void recall(struct nba_world *world, struct nba_str action_id)
{
    const size_t count = world->action_count;
    for (size_t i = count; i > 0 && count - i < RECALL_DEPTH; i--) {
        struct sim_action *action = &world->actions[i - 1];
        if (nba_str_equal(action->action_id, action_id)) {
            action->recalled = action->recalled || !action->done;
            return;
        }
    }
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
    NBA_ASSERT(world->action_count < UINT32_MAX);
    world->actions = nba_room(world->actions, world->action_count, &world->action_capacity,
                              sizeof(*world->actions));
    const struct sim_record record = {.channel = action->channel,
                                      .hcp = hcp,
                                      .content = content,
                                      .action = (uint32_t)world->action_count};
    world->actions[world->action_count++] =
        (struct sim_action){.action_id = nba_arena_copy(&world->arena, action->action_id)};
    const bool by_hand = action->channel == NBA_CHANNEL_REP || action->channel == NBA_CHANNEL_WEB;
    const int64_t from_ms =
        action->not_before_ms > world->now_ms ? action->not_before_ms : world->now_ms;
    const double mean_ms = by_hand ? 12.0 * HOUR_MS : 5.0 * MINUTE_MS;
    push(world, STEP_ACT, from_ms + (int64_t)nba_sim_wait(world, mean_ms), &record);
    return true;
}

static void act_by_rep(struct nba_world *world, const struct sim_record *shown)
{
    struct sim_record call = *shown;
    say(world, shown, NBA_EVENT_ACTION_SHOWN, 0);
    if (!nba_sim_happens(world, 0.65)) {
        say(world, shown, NBA_EVENT_ACTION_DISMISSED, 10 * MINUTE_MS);
        return;
    }
    call.event_ms += (int64_t)nba_sim_wait(world, 8.0 * HOUR_MS);
    say(world, &call, NBA_EVENT_ACTION_EXECUTED, 0);
    if (answer(world, &call, 0)) {
        say(world, &call, NBA_EVENT_REP_CALL_COMPLETED, 20 * MINUTE_MS);
    }
}

static void act(struct nba_world *world, const struct sim_record *record)
{
    struct sim_action *action = &world->actions[record->action];
    if (action->recalled) {
        return;
    }
    action->done = true;
    if (record->channel == NBA_CHANNEL_EMAIL) {
        mail(world, record);
    } else if (record->channel == NBA_CHANNEL_REP) {
        act_by_rep(world, record);
    } else if (record->channel == NBA_CHANNEL_EVENT) {
        say(world, record, NBA_EVENT_ACTION_SENT, 0);
        if (answer(world, record, 0)) {
            say(world, record, NBA_EVENT_WEBINAR_REGISTERED, 30 * MINUTE_MS);
            say(world, record, NBA_EVENT_WEBINAR_ATTENDED, 2 * NBA_DAY_MS);
        }
    } else { /* the portal shows what has no channel of its own here */
        struct sim_record seen = *record;
        seen.channel = NBA_CHANNEL_WEB;
        say(world, record, NBA_EVENT_ACTION_SHOWN, 0);
        if (answer(world, &seen, 0)) {
            say(world, record, NBA_EVENT_PORTAL_CONTENT_VIEWED, MINUTE_MS);
        }
    }
}

/* Days between two visits of an HCP of mean activity, so that `days` give about `events`. */
static double visit_days(const struct nba_world *world)
{
    const double events_per_hcp = (double)world->options.events / (double)world->options.hcps;
    const double visits = events_per_hcp / (EVENTS_PER_VISIT + PUSHES_PER_VISIT * EVENTS_PER_PUSH);
    return world->options.days / (visits > 0.01 ? visits : 0.01);
}

void nba_sim_step_taken(struct nba_world *world, const struct sim_pending *pending)
{
    struct sim_record record = pending->record;
    record.event_ms = pending->at_ms;
    if (pending->step == STEP_ACT) {
        act(world, &record);
        return;
    }
    double mean_days = visit_days(world);
    if (pending->step == STEP_VISIT) {
        mean_days /= (double)world->hcps[record.hcp].rate;
        visit(world, record.hcp, pending->at_ms);
    } else {
        mean_days /= PUSHES_PER_VISIT;
        promote(world, record.hcp, pending->at_ms);
    }
    nba_sim_plan(world, pending->step, record.hcp, pending->at_ms, nba_sim_wait(world, mean_days));
}
