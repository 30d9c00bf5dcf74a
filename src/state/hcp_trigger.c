/*
 * What triggers remember of an HCP: the events of their patterns, and when each may fire again.
 *
 * An event that a pattern counts is pending until its time is up (time + within) or an answer came.
 * One timer, due when the first pending one's time is up, stands for all of them.  Events are kept
 * in the order of their times; those of one trigger never share a time: (trigger, due) is an id.
 */
#include "hcp_internal.h"

#define PATTERN_BYTES  32u /* besides the texts */
#define QUIET_BYTES    24u
#define DELIVERY_BYTES 16u

static bool is_pending(const struct nba_pattern_event *e)
{
    return e->flags == NBA_PATTERN_SEEN;
}

static bool of_group(const struct nba_pattern_event *e, const struct nba_trigger *trigger,
                     struct nba_str brand)
{
    return e->trigger_hash == trigger->hash && (e->flags & NBA_PATTERN_SEEN) != 0 &&
           (!trigger->per_brand || nba_str_equal(e->brand, brand));
}

static int64_t due_of(const struct nba_pattern_event *e, const struct nba_trigger *trigger)
{
    return e->time_ms + trigger->within_ms;
}

/* ---- the timer ---- */

/* The pending event whose time is up first; ties: the order of the triggers.  NULL: none. */
static struct nba_pattern_event *first_pending(struct nba_hcp *hcp,
                                               const struct nba_trigger *triggers, uint32_t count,
                                               uint32_t *ret_trigger)
{
    struct nba_pattern_event *first = NULL;
    int64_t first_due_ms = INT64_MAX;
    for (uint32_t t = 0; t < count; t++) {
        for (uint32_t i = 0; i < hcp->pattern_count; i++) {
            struct nba_pattern_event *e = &hcp->patterns[i];
            if (e->trigger_hash == triggers[t].hash && is_pending(e) &&
                due_of(e, &triggers[t]) < first_due_ms) {
                first = e;
                first_due_ms = due_of(e, &triggers[t]);
                *ret_trigger = t;
            }
        }
    }
    return first;
}

static void arm(struct nba_hcp *hcp, const struct nba_trigger *triggers, uint32_t count)
{
    uint32_t t = 0;
    const struct nba_pattern_event *first = first_pending(hcp, triggers, count, &t);
    const struct nba_str none = nba_str("", 0);
    if (first == NULL) {
        (void)nba_hcp_remove_timer(hcp, NBA_TIMER_TRIGGER, none);
        return;
    }
    const struct nba_timer timer = {due_of(first, &triggers[t]), NBA_TIMER_TRIGGER, none};
    /* Where the list of timers is full it is tried again with the next event of a pattern. */
    (void)!nba_hcp_add_timer(hcp, &timer);
}

/* ---- what is no longer needed ---- */

/* Its own time is up, and so is that of every window it can still be part of. */
static bool is_over(const struct nba_hcp *hcp, uint32_t index, const struct nba_trigger *trigger,
                    int64_t now_ms)
{
    const struct nba_pattern_event *e = &hcp->patterns[index];
    uint32_t later = 0;
    bool awaited = is_pending(e) || due_of(e, trigger) > now_ms;
    for (uint32_t i = index + 1; i < hcp->pattern_count && !awaited; i++) {
        if (of_group(&hcp->patterns[i], trigger, e->brand)) {
            later++;
            awaited = later < trigger->consecutive && is_pending(&hcp->patterns[i]);
        }
    }
    const bool seen = (e->flags & NBA_PATTERN_SEEN) != 0;
    return !awaited && (!seen || later + 1 >= trigger->consecutive);
}

static void prune(struct nba_hcp *hcp, int64_t now_ms, const struct nba_trigger *triggers,
                  uint32_t count)
{
    for (uint32_t i = hcp->pattern_count; i-- > 0;) {
        uint32_t t = 0;
        while (t < count && triggers[t].hash != hcp->patterns[i].trigger_hash) {
            t++;
        }
        if (t == count || is_over(hcp, i, &triggers[t], now_ms)) {
            NBA_HCP_REMOVE(hcp->patterns, hcp->pattern_count, i);
        }
    }
    for (uint32_t i = hcp->quiet_count; i-- > 0;) {
        if (hcp->quiet[i].until_ms <= now_ms) {
            NBA_HCP_REMOVE(hcp->quiet, hcp->quiet_count, i);
        }
    }
}

/* ---- an event ---- */

/* What of an event says whom it answers; 0: it doesn't say. */
static uint32_t key_of(const struct nba_trigger *trigger, const struct nba_event *event)
{
    return trigger->same == NBA_SAME_MESSAGE   ? nba_hcp_text_hash(event->message_id)
           : trigger->same == NBA_SAME_CONTENT ? nba_hcp_text_hash(event->content_id)
                                               : 0;
}

static struct nba_pattern_event *find(struct nba_hcp *hcp, const struct nba_trigger *trigger,
                                      uint32_t key)
{
    for (uint32_t i = 0; i < hcp->pattern_count; i++) {
        if (hcp->patterns[i].trigger_hash == trigger->hash && hcp->patterns[i].key_hash == key) {
            return &hcp->patterns[i];
        }
    }
    return NULL;
}

static void insert(struct nba_hcp *hcp, const struct nba_pattern_event *event, int64_t now_ms,
                   const struct nba_trigger *triggers, uint32_t count)
{
    struct nba_pattern_event kept = *event;
    if (hcp->pattern_count == NBA_HCP_PATTERNS_MAX) {
        prune(hcp, now_ms, triggers, count);
    }
    if (hcp->pattern_count == NBA_HCP_PATTERNS_MAX) {
        NBA_HCP_REMOVE(hcp->patterns, hcp->pattern_count, 0);
    }
    kept.brand = nba_hcp_keep(hcp, event->brand, NBA_HCP_PATTERN_TEXT_BYTES_MAX);
    kept.event_id = nba_hcp_keep(hcp, event->event_id, NBA_ID_BYTES_MAX);
    for (uint32_t i = 0; i < hcp->pattern_count; i++) {
        const struct nba_pattern_event *e = &hcp->patterns[i];
        kept.time_ms += e->trigger_hash == kept.trigger_hash && e->time_ms == kept.time_ms;
    }
    uint32_t at = hcp->pattern_count++;
    for (; at > 0 && hcp->patterns[at - 1].time_ms > kept.time_ms; at--) {
        hcp->patterns[at] = hcp->patterns[at - 1];
    }
    hcp->patterns[at] = kept;
    nba_hcp_fit(hcp, PATTERN_BYTES + kept.brand.bytes + kept.event_id.bytes);
}

/* An open may come before the delivery of its message does: then it is kept for it. */
static void answer(struct nba_hcp *hcp, const struct nba_trigger *trigger,
                   const struct nba_event *event, struct nba_str brand, int64_t now_ms,
                   const struct nba_trigger *triggers, uint32_t count)
{
    const uint32_t key = key_of(trigger, event);
    bool known = trigger->same != NBA_SAME_MESSAGE || key == 0;
    for (uint32_t i = 0; i < hcp->pattern_count; i++) {
        struct nba_pattern_event *e = &hcp->patterns[i];
        const bool about =
            e->trigger_hash == trigger->hash &&
            (trigger->same != NBA_SAME_ANY
                 ? key != 0 && e->key_hash == key
                 : !trigger->per_brand || brand.bytes == 0 || nba_str_equal(e->brand, brand));
        const bool behind = trigger->same == NBA_SAME_MESSAGE || event->event_time_ms >= e->time_ms;
        if (about && behind && event->event_time_ms < due_of(e, trigger)) {
            e->flags |= NBA_PATTERN_ANSWERED;
        }
        known = known || about;
    }
    if (!known) {
        insert(hcp,
               &(struct nba_pattern_event){.trigger_hash = trigger->hash,
                                           .key_hash = key,
                                           .time_ms = event->event_time_ms,
                                           .flags = NBA_PATTERN_ANSWERED},
               now_ms, triggers, count);
    }
}

static void add(struct nba_hcp *hcp, const struct nba_trigger *trigger,
                const struct nba_event *event, struct nba_str brand, int64_t now_ms,
                const struct nba_trigger *triggers, uint32_t count)
{
    const uint32_t key = key_of(trigger, event);
    uint32_t flags = NBA_PATTERN_SEEN;
    if ((trigger->same != NBA_SAME_ANY && key == 0) ||
        (trigger->per_brand &&
         (brand.bytes == 0 || brand.bytes > NBA_HCP_PATTERN_TEXT_BYTES_MAX))) {
        return; /* nobody could say what answers it, or whose it is */
    }
    const struct nba_pattern_event *known =
        trigger->same == NBA_SAME_MESSAGE ? find(hcp, trigger, key) : NULL;
    if (known != NULL && (known->flags & NBA_PATTERN_SEEN) != 0) {
        return; /* said again */
    }
    if (known != NULL) {
        flags |=
            known->time_ms < event->event_time_ms + trigger->within_ms ? NBA_PATTERN_ANSWERED : 0;
        NBA_HCP_REMOVE(hcp->patterns, hcp->pattern_count, (uint32_t)(known - hcp->patterns));
    }
    insert(hcp,
           &(struct nba_pattern_event){.trigger_hash = trigger->hash,
                                       .key_hash = key,
                                       .brand = brand,
                                       .event_id = event->event_id,
                                       .time_ms = event->event_time_ms,
                                       .flags = flags},
           now_ms, triggers, count);
}

/* A message that bounced or was dropped was never there to be opened. */
static void take_back(struct nba_hcp *hcp, const struct nba_trigger *trigger,
                      const struct nba_event *event)
{
    const uint32_t key = nba_hcp_text_hash(event->message_id);
    const struct nba_pattern_event *e = find(hcp, trigger, key);
    if (trigger->same == NBA_SAME_MESSAGE && key != 0 && e != NULL) {
        NBA_HCP_REMOVE(hcp->patterns, hcp->pattern_count, (uint32_t)(e - hcp->patterns));
    }
}

void nba_hcp_apply_triggers(struct nba_hcp *hcp, const struct nba_event *event,
                            const struct nba_content_facts *facts, int64_t now_ms,
                            const struct nba_trigger *triggers, uint32_t count)
{
    const struct nba_str brand = nba_hcp_about(hcp, event, facts).brand;
    const bool unreached =
        event->type == NBA_EVENT_EMAIL_BOUNCED || event->type == NBA_EVENT_EMAIL_DROPPED;
    bool touched = false;
    for (uint32_t t = 0; t < count; t++) {
        const struct nba_trigger *trigger = &triggers[t];
        touched = touched || unreached || event->type == trigger->without ||
                  event->type == trigger->event;
        if (unreached) {
            take_back(hcp, trigger, event);
        }
        if (event->type == trigger->without) {
            answer(hcp, trigger, event, brand, now_ms, triggers, count);
        }
        if (event->type == trigger->event) {
            add(hcp, trigger, event, brand, now_ms, triggers, count);
        }
    }
    if (touched) {
        arm(hcp, triggers, count);
    }
}

/* ---- the time is up ---- */

static bool is_quiet(const struct nba_hcp *hcp, const struct nba_trigger *trigger,
                     struct nba_str brand, int64_t now_ms)
{
    for (uint32_t i = 0; i < hcp->quiet_count; i++) {
        const struct nba_quiet_trigger *quiet = &hcp->quiet[i];
        if (quiet->trigger_hash == trigger->hash && now_ms < quiet->until_ms &&
            (!trigger->per_brand || nba_str_equal(quiet->brand, brand))) {
            return true;
        }
    }
    return false;
}

/* Are this event and the ones before it, as many as the pattern wants, without an answer? */
static bool holds(const struct nba_hcp *hcp, const struct nba_pattern_event *last,
                  const struct nba_trigger *trigger, struct nba_trigger_due *due)
{
    uint32_t left = trigger->consecutive;
    for (const struct nba_pattern_event *e = last + 1; e-- > hcp->patterns && left > 0;) {
        if (of_group(e, trigger, last->brand)) {
            if ((e->flags & NBA_PATTERN_ANSWERED) != 0) {
                return false;
            }
            due->evidence[--left] = e->event_id;
        }
    }
    due->evidence_count = trigger->consecutive;
    return left == 0;
}

bool nba_hcp_next_trigger(struct nba_hcp *hcp, int64_t now_ms, const struct nba_trigger *triggers,
                          uint32_t count, struct nba_trigger_due *ret_due)
{
    uint32_t t = 0;
    struct nba_pattern_event *e = NULL;
    while ((e = first_pending(hcp, triggers, count, &t)) != NULL &&
           due_of(e, &triggers[t]) <= now_ms) {
        struct nba_trigger_due due = {
            .trigger = t, .due_ms = due_of(e, &triggers[t]), .brand = e->brand};
        e->flags |= NBA_PATTERN_JUDGED;
        if (holds(hcp, e, &triggers[t], &due)) {
            due.quiet = is_quiet(hcp, &triggers[t], due.brand, now_ms);
            *ret_due = due;
            return true;
        }
    }
    prune(hcp, now_ms, triggers, count);
    arm(hcp, triggers, count);
    return false;
}

void nba_hcp_quiet_trigger(struct nba_hcp *hcp, const struct nba_trigger *trigger,
                           struct nba_str brand, int64_t until_ms)
{
    if (hcp->quiet_count == NBA_HCP_QUIET_MAX) {
        uint32_t soonest = 0;
        for (uint32_t i = 1; i < hcp->quiet_count; i++) {
            soonest = hcp->quiet[i].until_ms < hcp->quiet[soonest].until_ms ? i : soonest;
        }
        NBA_HCP_REMOVE(hcp->quiet, hcp->quiet_count, soonest);
    }
    const struct nba_str of = trigger->per_brand ? brand : nba_str("", 0);
    hcp->quiet[hcp->quiet_count++] = (struct nba_quiet_trigger){
        trigger->hash, nba_hcp_keep(hcp, of, NBA_HCP_PATTERN_TEXT_BYTES_MAX), until_ms};
    nba_hcp_fit(hcp, QUIET_BYTES + of.bytes);
}

/* ---- deliveries ---- */

void nba_hcp_apply_delivery(struct nba_hcp *hcp, const struct nba_event *event)
{
    const uint32_t hash = nba_hcp_text_hash(event->message_id);
    if (event->type != NBA_EVENT_EMAIL_DELIVERED || hash == 0) {
        return;
    }
    for (uint32_t i = 0; i < hcp->delivery_count; i++) {
        if (hcp->deliveries[i].message_hash == hash) {
            return;
        }
    }
    if (hcp->delivery_count == NBA_HCP_DELIVERIES_MAX) {
        NBA_HCP_REMOVE(hcp->deliveries, hcp->delivery_count, 0);
    }
    hcp->deliveries[hcp->delivery_count++] = (struct nba_delivery){hash, event->event_time_ms};
    nba_hcp_fit(hcp, DELIVERY_BYTES);
}

int64_t nba_hcp_delivered_ms(const struct nba_hcp *hcp, struct nba_str message_id)
{
    const uint32_t hash = nba_hcp_text_hash(message_id);
    for (uint32_t i = 0; i < hcp->delivery_count && hash != 0; i++) {
        if (hcp->deliveries[i].message_hash == hash) {
            return hcp->deliveries[i].time_ms;
        }
    }
    return NBA_TIME_NONE;
}
