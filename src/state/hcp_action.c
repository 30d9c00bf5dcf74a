/* Open actions and timers.  An action's timers, and what is held of it, come and go with it. */
#include <stddef.h>

#include "hcp_internal.h"
#include "nba/base/assert.h"

#define ACTION_BYTES 80u /* besides the texts and its timer: references, numbers */
#define TIMER_BYTES  20u
#define HELD_BYTES   144u /* of a held action, besides its texts */

#define AT(member) offsetof(struct nba_open_action, member)
static const size_t action_texts[] = {
    AT(action_id), AT(decision_id), AT(content_id), AT(content_version), AT(family_id),
    AT(brand),     AT(campaign_id), AT(topic),      AT(rep_id),          AT(message_id)};
#undef AT

static struct nba_str *text_of(const struct nba_open_action *action, size_t i)
{
    return (struct nba_str *)(void *)((char *)action + action_texts[i]);
}

static size_t action_bytes(const struct nba_open_action *action)
{
    /* action_id and decision_id share most of their text, but need not. */
    size_t bytes = ACTION_BYTES;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(action_texts); i++) {
        bytes += text_of(action, i)->bytes;
    }
    return bytes;
}

/* The one timer of a kind without ids needs no room: there are few kinds. */
static size_t timer_bytes(struct nba_str id, bool shared)
{
    return id.bytes != 0 ? TIMER_BYTES + (shared ? 0 : id.bytes) : 0;
}

static size_t held_action_bytes(const struct nba_held_action *held)
{
    size_t bytes = HELD_BYTES + held->trigger_event_id.bytes + held->model_version.bytes;
    for (uint32_t i = 0; i < held->evidence_count; i++) {
        bytes += held->evidence[i].bytes;
    }
    return bytes;
}

/* Bytes of all actions, of what is held of them, and of timers, at most. */
static size_t held_bytes(const struct nba_hcp *hcp)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < hcp->action_count; i++) {
        bytes += action_bytes(&hcp->actions[i]);
    }
    for (uint32_t i = 0; i < hcp->held_count; i++) {
        bytes += held_action_bytes(&hcp->held[i]);
    }
    for (uint32_t i = 0; i < hcp->timer_count; i++) {
        /* The id of an action's timer is its action's text. */
        const bool shared = nba_hcp_find_action(hcp, hcp->timers[i].id) != NULL;
        bytes += timer_bytes(hcp->timers[i].id, shared);
    }
    return bytes;
}

bool nba_hcp_actions_within_limit(const struct nba_hcp *hcp)
{
    return held_bytes(hcp) <= NBA_HCP_ACTION_BYTES_MAX;
}

/* ---- timers ---- */

static int timer_compare(const struct nba_timer *a, const struct nba_timer *b)
{
    if (a->due_ms != b->due_ms) {
        return a->due_ms < b->due_ms ? -1 : 1;
    }
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    return nba_str_compare(a->id, b->id);
}

/* Puts a timer whose id is already the record's own into its place. */
static void insert_timer(struct nba_hcp *hcp, const struct nba_timer *timer)
{
    uint32_t at = hcp->timer_count;
    while (at > 0 && timer_compare(timer, &hcp->timers[at - 1]) < 0) {
        hcp->timers[at] = hcp->timers[at - 1];
        at--;
    }
    hcp->timers[at] = *timer;
    hcp->timer_count++;
    if (hcp->due_floor != NULL && timer->due_ms < *hcp->due_floor) {
        *hcp->due_floor = timer->due_ms;
    }
}

bool nba_hcp_remove_timer(struct nba_hcp *hcp, enum nba_timer_kind kind, struct nba_str id)
{
    for (uint32_t i = 0; i < hcp->timer_count; i++) {
        if (hcp->timers[i].kind == kind && nba_str_equal(hcp->timers[i].id, id)) {
            NBA_HCP_REMOVE(hcp->timers, hcp->timer_count, i);
            return true;
        }
    }
    return false;
}

bool nba_hcp_add_timer(struct nba_hcp *hcp, const struct nba_timer *timer)
{
    NBA_ASSERT(timer->kind > 0 && timer->kind < NBA_TIMER_KIND_END);
    (void)nba_hcp_remove_timer(hcp, timer->kind, timer->id);
    if (hcp->timer_count == NBA_HCP_TIMERS_MAX || timer->id.bytes > NBA_HCP_ACTION_TEXT_BYTES_MAX ||
        held_bytes(hcp) + timer_bytes(timer->id, false) > NBA_HCP_ACTION_BYTES_MAX) {
        return false;
    }
    struct nba_timer kept = *timer;
    kept.id = nba_hcp_keep(hcp, timer->id, NBA_HCP_ACTION_TEXT_BYTES_MAX);
    insert_timer(hcp, &kept);
    nba_hcp_fit(hcp, TIMER_BYTES + timer->id.bytes);
    return true;
}

/* ---- open actions ---- */

const struct nba_open_action *nba_hcp_find_action(const struct nba_hcp *hcp,
                                                  struct nba_str action_id)
{
    uint32_t i = 0;
    while (i < hcp->action_count && !nba_str_equal(hcp->actions[i].action_id, action_id)) {
        i++;
    }
    return i < hcp->action_count ? &hcp->actions[i] : NULL;
}

bool nba_open_action_is_open(const struct nba_open_action *action, int64_t now_ms)
{
    return (action->flags & NBA_OPEN_ACTION_SENT) == 0 && now_ms < action->expires_at_ms;
}

static void forget_held(struct nba_hcp *hcp, struct nba_str action_id)
{
    const struct nba_held_action *held = nba_hcp_find_held(hcp, action_id);
    if (held != NULL) {
        (void)nba_hcp_remove_timer(hcp, NBA_TIMER_RELEASE, action_id);
        NBA_HCP_REMOVE(hcp->held, hcp->held_count, (uint32_t)(held - hcp->held));
    }
}

static void remove_action_at(struct nba_hcp *hcp, uint32_t index)
{
    forget_held(hcp, hcp->actions[index].action_id);
    (void)nba_hcp_remove_timer(hcp, NBA_TIMER_EXPIRY, hcp->actions[index].action_id);
    NBA_HCP_REMOVE(hcp->actions, hcp->action_count, index);
}

bool nba_hcp_close_action(struct nba_hcp *hcp, struct nba_str action_id)
{
    const struct nba_open_action *action = nba_hcp_find_action(hcp, action_id);
    if (action != NULL) {
        remove_action_at(hcp, (uint32_t)(action - hcp->actions));
    }
    return action != NULL;
}

/* Lets the oldest action go that has one of these flags: a sent one is kept for joins only, a ghost
 * is nothing that a real one should wait for. */
static bool drop_oldest(struct nba_hcp *hcp, uint32_t flags)
{
    for (uint32_t i = 0; i < hcp->action_count; i++) {
        if ((hcp->actions[i].flags & flags) != 0) {
            remove_action_at(hcp, i);
            return true;
        }
    }
    return false;
}

/* With `timers` timers, and so many bytes besides. */
static bool add_action(struct nba_hcp *hcp, const struct nba_open_action *action, uint32_t timers,
                       size_t more_bytes)
{
    const size_t bytes = action_bytes(action) + timers * TIMER_BYTES + more_bytes;
    NBA_ASSERT(action->action_id.bytes != 0 && action->expires_at_ms != NBA_TIME_NONE);
    NBA_ASSERT((action->flags & ~NBA_OPEN_ACTION_FLAGS) == 0);
    NBA_ASSERT(nba_hcp_find_action(hcp, action->action_id) == NULL);
    const uint32_t ghosts =
        (action->flags & NBA_OPEN_ACTION_GHOST) != 0 ? 0 : NBA_OPEN_ACTION_GHOST;
    while (hcp->action_count == NBA_HCP_ACTIONS_MAX ||
           hcp->timer_count > NBA_HCP_TIMERS_MAX - timers ||
           held_bytes(hcp) + bytes > NBA_HCP_ACTION_BYTES_MAX) {
        if (!drop_oldest(hcp, NBA_OPEN_ACTION_SENT | ghosts)) {
            return false;
        }
    }
    struct nba_open_action kept = *action;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(action_texts); i++) {
        struct nba_str *text = text_of(&kept, i);
        if (text->bytes > NBA_HCP_ACTION_TEXT_BYTES_MAX) {
            return false;
        }
        *text = nba_hcp_keep(hcp, *text, NBA_HCP_ACTION_TEXT_BYTES_MAX);
    }
    hcp->actions[hcp->action_count++] = kept;
    insert_timer(hcp, &(struct nba_timer){.due_ms = kept.expires_at_ms,
                                          .kind = NBA_TIMER_EXPIRY,
                                          .id = kept.action_id});
    nba_hcp_fit(hcp, bytes - more_bytes);
    return true;
}

bool nba_hcp_add_action(struct nba_hcp *hcp, const struct nba_open_action *action)
{
    return add_action(hcp, action, 1, 0);
}

/* ---- held actions ---- */

const struct nba_held_action *nba_hcp_find_held(const struct nba_hcp *hcp, struct nba_str action_id)
{
    uint32_t i = 0;
    while (i < hcp->held_count && !nba_str_equal(hcp->held[i].action_id, action_id)) {
        i++;
    }
    return i < hcp->held_count ? &hcp->held[i] : NULL;
}

static void add_release(struct nba_hcp *hcp, const struct nba_held_action *held)
{
    insert_timer(hcp, &(struct nba_timer){.due_ms = held->planned_ms,
                                          .kind = NBA_TIMER_RELEASE,
                                          .id = held->action_id});
}

bool nba_hcp_hold_action(struct nba_hcp *hcp, const struct nba_open_action *action,
                         const struct nba_held_action *held)
{
    struct nba_open_action waiting = *action;
    waiting.flags |= NBA_OPEN_ACTION_HELD;
    NBA_ASSERT(nba_str_equal(held->action_id, action->action_id));
    NBA_ASSERT(held->driver_count <= NBA_DRIVERS_MAX &&
               held->evidence_count <= NBA_HCP_EVIDENCE_MAX);
    if (hcp->held_count == NBA_HCP_HELD_MAX ||
        !add_action(hcp, &waiting, 2, held_action_bytes(held))) {
        return false;
    }
    struct nba_held_action *kept = &hcp->held[hcp->held_count++];
    *kept = *held;
    kept->action_id = hcp->actions[hcp->action_count - 1].action_id;
    kept->trigger_event_id =
        nba_hcp_keep(hcp, held->trigger_event_id, NBA_HCP_ACTION_TEXT_BYTES_MAX);
    kept->model_version = nba_hcp_keep(hcp, held->model_version, NBA_ID_BYTES_MAX);
    for (uint32_t i = 0; i < held->evidence_count; i++) {
        kept->evidence[i] = nba_hcp_keep(hcp, held->evidence[i], NBA_ID_BYTES_MAX);
    }
    add_release(hcp, kept);
    nba_hcp_fit(hcp, held_action_bytes(held));
    return true;
}

void nba_hcp_release_action(struct nba_hcp *hcp, struct nba_str action_id, int64_t now_ms,
                            struct nba_str rep_id)
{
    struct nba_open_action *action = (struct nba_open_action *)nba_hcp_find_action(hcp, action_id);
    NBA_ASSERT(action != NULL && (action->flags & NBA_OPEN_ACTION_HELD) != 0);
    forget_held(hcp, action->action_id);
    action->flags &= ~(uint32_t)NBA_OPEN_ACTION_HELD;
    action->proposed_at_ms = now_ms;
    /* It needs no more room than what was held has left. */
    if (rep_id.bytes <= NBA_HCP_PROFILE_TEXT_BYTES_MAX && !nba_str_equal(action->rep_id, rep_id)) {
        action->rep_id = nba_hcp_keep(hcp, rep_id, NBA_HCP_PROFILE_TEXT_BYTES_MAX);
        nba_hcp_fit(hcp, rep_id.bytes + 4);
    }
}

void nba_hcp_set_waiting(struct nba_hcp *hcp, struct nba_str action_id, bool waiting)
{
    struct nba_open_action *action = (struct nba_open_action *)nba_hcp_find_action(hcp, action_id);
    NBA_ASSERT(action != NULL);
    action->flags &= ~(uint32_t)NBA_OPEN_ACTION_WAITING;
    action->flags |= waiting ? NBA_OPEN_ACTION_WAITING : 0;
}

void nba_hcp_hold_on(struct nba_hcp *hcp, struct nba_str action_id, int64_t planned_ms)
{
    struct nba_held_action *held = (struct nba_held_action *)nba_hcp_find_held(hcp, action_id);
    NBA_ASSERT(held != NULL);
    (void)nba_hcp_remove_timer(hcp, NBA_TIMER_RELEASE, held->action_id);
    held->planned_ms = planned_ms;
    add_release(hcp, held); /* in the place of the timer that fired */
}

/* ---- the one an event is about ---- */

struct nba_open_action *nba_hcp_action_of(struct nba_hcp *hcp, const struct nba_event *event)
{
    const struct nba_open_action *action =
        event->action_id.bytes != 0 ? nba_hcp_find_action(hcp, event->action_id) : NULL;
    if (action != NULL && (action->flags & NBA_OPEN_ACTION_HELD) != 0) {
        return NULL; /* nobody can have sent it yet */
    }
    for (uint32_t i = 0; action == NULL && i < hcp->action_count; i++) {
        if (event->message_id.bytes != 0 &&
            nba_str_equal(hcp->actions[i].message_id, event->message_id)) {
            action = &hcp->actions[i];
        }
    }
    return (struct nba_open_action *)action;
}
