/* Open actions and timers.  An action's expiry timer comes and goes with it. */
#include "hcp_internal.h"
#include "nba/base/assert.h"

#define ACTION_BYTES 80u /* besides the texts: references, numbers, its timer */
#define TIMER_BYTES  20u
/* Of one text of an action; a decision id is made of two ids. */
#define ACTION_TEXT_BYTES_MAX ((size_t)3 * NBA_ID_BYTES_MAX)

static size_t action_bytes(const struct nba_open_action *action)
{
    /* action_id and decision_id share most of their text, but need not. */
    return ACTION_BYTES + action->action_id.bytes + action->decision_id.bytes +
           action->content_id.bytes + action->content_version.bytes + action->family_id.bytes +
           action->brand.bytes + action->campaign_id.bytes + action->topic.bytes +
           action->rep_id.bytes + action->message_id.bytes;
}

/* Bytes of all actions and timers, at most. */
static size_t held_bytes(const struct nba_hcp *hcp)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < hcp->action_count; i++) {
        bytes += action_bytes(&hcp->actions[i]);
    }
    for (uint32_t i = 0; i < hcp->timer_count; i++) {
        /* An expiry timer's id is its action's text. */
        const bool shared = nba_hcp_find_action(hcp, hcp->timers[i].id) != NULL;
        bytes += TIMER_BYTES + (shared ? 0 : hcp->timers[i].id.bytes);
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
            hcp->timer_count--;
            memmove(&hcp->timers[i], &hcp->timers[i + 1],
                    (hcp->timer_count - i) * sizeof(hcp->timers[0]));
            return true;
        }
    }
    return false;
}

bool nba_hcp_add_timer(struct nba_hcp *hcp, const struct nba_timer *timer)
{
    NBA_ASSERT(timer->kind > 0 && timer->kind < NBA_TIMER_KIND_END);
    (void)nba_hcp_remove_timer(hcp, timer->kind, timer->id);
    if (hcp->timer_count == NBA_HCP_TIMERS_MAX || timer->id.bytes > ACTION_TEXT_BYTES_MAX ||
        held_bytes(hcp) + TIMER_BYTES + timer->id.bytes > NBA_HCP_ACTION_BYTES_MAX) {
        return false;
    }
    struct nba_timer kept = *timer;
    kept.id = nba_hcp_keep(hcp, timer->id, ACTION_TEXT_BYTES_MAX);
    insert_timer(hcp, &kept);
    nba_hcp_fit(hcp, TIMER_BYTES + timer->id.bytes);
    return true;
}

/* ---- open actions ---- */

static uint32_t action_index(const struct nba_hcp *hcp, struct nba_str action_id)
{
    uint32_t i = 0;
    while (i < hcp->action_count && !nba_str_equal(hcp->actions[i].action_id, action_id)) {
        i++;
    }
    return i;
}

const struct nba_open_action *nba_hcp_find_action(const struct nba_hcp *hcp,
                                                  struct nba_str action_id)
{
    const uint32_t i = action_index(hcp, action_id);
    return i < hcp->action_count ? &hcp->actions[i] : NULL;
}

bool nba_open_action_is_open(const struct nba_open_action *action, int64_t now_ms)
{
    return (action->flags & NBA_OPEN_ACTION_SENT) == 0 && now_ms < action->expires_at_ms;
}

const struct nba_open_action *nba_hcp_find_candidate(const struct nba_hcp *hcp,
                                                     struct nba_str family_id,
                                                     enum nba_action_type type, int64_t now_ms)
{
    for (uint32_t i = 0; i < hcp->action_count; i++) {
        const struct nba_open_action *action = &hcp->actions[i];
        if (action->action_type == type && nba_open_action_is_open(action, now_ms) &&
            nba_str_equal(action->family_id, family_id)) {
            return action;
        }
    }
    return NULL;
}

static void remove_action_at(struct nba_hcp *hcp, uint32_t index)
{
    (void)nba_hcp_remove_timer(hcp, NBA_TIMER_EXPIRY, hcp->actions[index].action_id);
    hcp->action_count--;
    memmove(&hcp->actions[index], &hcp->actions[index + 1],
            (hcp->action_count - index) * sizeof(hcp->actions[0]));
}

bool nba_hcp_close_action(struct nba_hcp *hcp, struct nba_str action_id)
{
    const uint32_t i = action_index(hcp, action_id);
    if (i == hcp->action_count) {
        return false;
    }
    remove_action_at(hcp, i);
    return true;
}

/* Lets the oldest action go that was sent already: it is kept for joins only. */
static bool drop_oldest_sent(struct nba_hcp *hcp)
{
    for (uint32_t i = 0; i < hcp->action_count; i++) {
        if ((hcp->actions[i].flags & NBA_OPEN_ACTION_SENT) != 0) {
            remove_action_at(hcp, i);
            return true;
        }
    }
    return false;
}

static bool action_has_room(const struct nba_hcp *hcp, const struct nba_open_action *action)
{
    return hcp->action_count < NBA_HCP_ACTIONS_MAX && hcp->timer_count < NBA_HCP_TIMERS_MAX &&
           held_bytes(hcp) + action_bytes(action) <= NBA_HCP_ACTION_BYTES_MAX;
}

bool nba_hcp_add_action(struct nba_hcp *hcp, const struct nba_open_action *action)
{
    NBA_ASSERT(action->action_id.bytes != 0 && action->expires_at_ms != NBA_TIME_NONE);
    NBA_ASSERT((action->flags & ~NBA_OPEN_ACTION_FLAGS) == 0);
    NBA_ASSERT(action_index(hcp, action->action_id) == hcp->action_count);
    while (!action_has_room(hcp, action)) {
        if (!drop_oldest_sent(hcp)) {
            return false;
        }
    }
    struct nba_open_action kept = *action;
    struct nba_str *texts[] = {&kept.action_id,       &kept.decision_id, &kept.content_id,
                               &kept.content_version, &kept.family_id,   &kept.brand,
                               &kept.campaign_id,     &kept.topic,       &kept.rep_id,
                               &kept.message_id};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(texts); i++) {
        if (texts[i]->bytes > ACTION_TEXT_BYTES_MAX) {
            return false;
        }
        *texts[i] = nba_hcp_keep(hcp, *texts[i], ACTION_TEXT_BYTES_MAX);
    }
    hcp->actions[hcp->action_count++] = kept;
    insert_timer(hcp, &(struct nba_timer){.due_ms = kept.expires_at_ms,
                                          .kind = NBA_TIMER_EXPIRY,
                                          .id = kept.action_id});
    nba_hcp_fit(hcp, action_bytes(&kept));
    return true;
}

/* ---- what events do to them ---- */

struct nba_open_action *nba_hcp_action_of(struct nba_hcp *hcp, const struct nba_event *event)
{
    for (uint32_t i = 0; i < hcp->action_count && event->action_id.bytes != 0; i++) {
        if (nba_str_equal(hcp->actions[i].action_id, event->action_id)) {
            return &hcp->actions[i];
        }
    }
    for (uint32_t i = 0; i < hcp->action_count && event->message_id.bytes != 0; i++) {
        if (nba_str_equal(hcp->actions[i].message_id, event->message_id)) {
            return &hcp->actions[i];
        }
    }
    return NULL;
}

static bool ends_action(enum nba_event_type type)
{
    return type == NBA_EVENT_ACTION_ACCEPTED || type == NBA_EVENT_ACTION_EXECUTED ||
           type == NBA_EVENT_ACTION_COMPLETED || type == NBA_EVENT_ACTION_DISMISSED ||
           type == NBA_EVENT_ACTION_IGNORED || type == NBA_EVENT_ACTION_NOT_SENT ||
           type == NBA_EVENT_EMAIL_BOUNCED || type == NBA_EVENT_EMAIL_DROPPED;
}

static uint32_t flags_of(enum nba_event_type type)
{
    if (type == NBA_EVENT_EMAIL_SENT || type == NBA_EVENT_ACTION_SENT) {
        return NBA_OPEN_ACTION_SENT;
    }
    if (type == NBA_EVENT_EMAIL_DELIVERED || type == NBA_EVENT_ACTION_DELIVERED) {
        return NBA_OPEN_ACTION_SENT | NBA_OPEN_ACTION_DELIVERED;
    }
    if (type == NBA_EVENT_ACTION_SHOWN) {
        return NBA_OPEN_ACTION_SHOWN;
    }
    if (type == NBA_EVENT_EMAIL_OPENED || type == NBA_EVENT_EMAIL_CLICKED) {
        return NBA_OPEN_ACTION_SENT | NBA_OPEN_ACTION_DELIVERED | NBA_OPEN_ACTION_SHOWN;
    }
    return 0;
}

void nba_hcp_apply_lifecycle(struct nba_hcp *hcp, const struct nba_event *event)
{
    struct nba_open_action *action = nba_hcp_action_of(hcp, event);
    if (action == NULL) {
        return;
    }
    if (ends_action(event->type)) {
        remove_action_at(hcp, (uint32_t)(action - hcp->actions));
        return;
    }
    action->flags |= flags_of(event->type);
    const bool learns = (flags_of(event->type) & NBA_OPEN_ACTION_SENT) != 0 &&
                        action->message_id.bytes == 0 && event->message_id.bytes != 0;
    if (learns && held_bytes(hcp) + event->message_id.bytes <= NBA_HCP_ACTION_BYTES_MAX) {
        action->message_id = nba_hcp_keep(hcp, event->message_id, NBA_ID_BYTES_MAX);
        nba_hcp_fit(hcp, event->message_id.bytes + 4);
    }
}
