/*
 * Two records of one person become one.  Nothing is forgotten that a limit, a consent or a
 * suppression stands on, unless a list is full: then it loses its oldest, as always.
 */
#include <string.h>

#include "hcp_internal.h"

/* Puts an item where its time belongs, behind those of the same time; a full list loses its first
 * one, or doesn't take what is older than all. */
static void insert_by_time(void *items, size_t item_bytes, size_t time_at, uint32_t *count,
                           uint32_t max, const void *item)
{
    unsigned char *list = items;
    int64_t time_ms = 0;
    int64_t other_ms = 0;
    memcpy(&time_ms, (const unsigned char *)item + time_at, sizeof(time_ms));
    if (*count == max) {
        memcpy(&other_ms, list + time_at, sizeof(other_ms));
        if (time_ms < other_ms) {
            return;
        }
        nba_hcp_remove_item(items, item_bytes, count, 0);
    }
    size_t at = *count;
    for (; at > 0; at--) {
        memcpy(&other_ms, list + (at - 1) * item_bytes + time_at, sizeof(other_ms));
        if (other_ms <= time_ms) {
            break;
        }
    }
    memmove(list + (at + 1) * item_bytes, list + at * item_bytes, (*count - at) * item_bytes);
    memcpy(list + at * item_bytes, item, item_bytes);
    *count += 1;
}

#define INSERT(list, count, max, field, item)                                                      \
    insert_by_time(list, sizeof((list)[0]), offsetof(__typeof__((list)[0]), field), &(count), max, \
                   item)

static void add_up(uint32_t *sum, uint32_t more)
{
    *sum = *sum > UINT32_MAX - more ? UINT32_MAX : *sum + more;
}

static void raise_time(int64_t *time_ms, int64_t other_ms)
{
    *time_ms = other_ms > *time_ms ? other_ms : *time_ms; /* NBA_TIME_NONE is the least */
}

static void merge_counters(struct nba_hcp *hcp, const struct nba_hcp *other)
{
    bool full = false;
    hcp->touches += other->touches;
    hcp->pushed += other->pushed;
    if (hcp->first_event_ms == NBA_TIME_NONE ||
        (other->first_event_ms != NBA_TIME_NONE && other->first_event_ms < hcp->first_event_ms)) {
        hcp->first_event_ms = other->first_event_ms;
    }
    raise_time(&hcp->last_event_ms, other->last_event_ms);
    for (uint32_t type = 0; type < NBA_EVENT_TYPE_COUNT; type++) {
        add_up(&hcp->event_count[type], other->event_count[type]);
    }
    for (uint32_t channel = 0; channel < NBA_CHANNEL_COUNT; channel++) {
        struct nba_channel_stats *stats = &hcp->channels[channel];
        const struct nba_channel_stats *more = &other->channels[channel];
        add_up(&stats->sent, more->sent);
        add_up(&stats->seen, more->seen);
        add_up(&stats->engaged, more->engaged);
        add_up(&stats->refused, more->refused);
        raise_time(&stats->last_contact_ms, more->last_contact_ms);
        raise_time(&stats->last_engaged_ms, more->last_engaged_ms);
    }
    for (uint32_t hour = 0; hour < NBA_HCP_WEEK_HOURS; hour++) {
        full = full || hcp->week[hour] + other->week[hour] > UINT8_MAX;
    }
    for (uint32_t hour = 0; hour < NBA_HCP_WEEK_HOURS; hour++) {
        hcp->week[hour] = (uint8_t)((hcp->week[hour] + other->week[hour]) >> full);
    }
}

static void merge_history(struct nba_hcp *hcp, const struct nba_hcp *other)
{
    for (uint32_t i = 0; i < other->ring_count; i++) {
        INSERT(hcp->ring, hcp->ring_count, NBA_RING_EVENTS, time_ms, &other->ring[i]);
    }
    for (uint32_t i = 0; i < other->recent_count; i++) {
        INSERT(hcp->recent, hcp->recent_count, NBA_HCP_RECENT_MAX, watermark_ms, &other->recent[i]);
    }
    for (uint32_t i = 0; i < other->outcome_count; i++) {
        const struct nba_outcome_entry *entry = &other->outcomes[i];
        uint32_t oldest = 0;
        if (nba_hcp_oldest_outcome(hcp, entry, &oldest) == NBA_HCP_OUTCOME_REPEATS_MAX) {
            if (entry->time_ms < hcp->outcomes[oldest].time_ms) {
                continue;
            }
            NBA_HCP_REMOVE(hcp->outcomes, hcp->outcome_count, oldest);
        }
        INSERT(hcp->outcomes, hcp->outcome_count, NBA_HCP_OUTCOMES_MAX, time_ms, entry);
    }
    for (uint32_t i = 0; i < other->ledger_count; i++) {
        const struct nba_ledger_entry *entry = &other->ledger[i];
        if (nba_hcp_ledger_find(hcp, entry->action_key) == NULL &&
            nba_hcp_ledger_find(hcp, entry->message_key) == NULL) {
            INSERT(hcp->ledger, hcp->ledger_count, NBA_HCP_LEDGER_MAX, time_ms, entry);
        }
    }
}

/* How much a consent permits. */
static int rank_of(enum nba_consent_status status)
{
    return status == NBA_CONSENT_STATUS_OPT_OUT ? 0 : status == NBA_CONSENT_STATUS_OPT_IN ? 2 : 1;
}

static void merge_consents(struct nba_hcp *hcp, const struct nba_hcp *other)
{
    for (uint32_t i = 0; i < other->consent_count; i++) {
        struct nba_consent kept = other->consents[i];
        const struct nba_consent *stored =
            nba_hcp_find_consent(hcp, kept.channel, kept.scope, kept.scope_id);
        if (stored != NULL) {
            const int64_t captured_ms = stored->captured_at_ms > kept.captured_at_ms
                                            ? stored->captured_at_ms
                                            : kept.captured_at_ms;
            const int a = rank_of(stored->status);
            const int b = rank_of(kept.status);
            if (a < b || (a == b && stored->captured_at_ms >= kept.captured_at_ms)) {
                kept = *stored;
            }
            kept.captured_at_ms = captured_ms;
            NBA_HCP_REMOVE(hcp->consents, hcp->consent_count, (uint32_t)(stored - hcp->consents));
        }
        nba_hcp_put_consent(hcp, &kept);
    }
}

static void merge_profile(struct nba_hcp_profile *profile, const struct nba_hcp_profile *other)
{
    const struct {
        struct nba_str *here;
        const struct nba_str *there;
    } facts[] = {
        {&profile->market, &other->market},
        {&profile->region, &other->region},
        {&profile->tz, &other->tz},
        {&profile->language, &other->language},
        {&profile->rep_id, &other->rep_id},
        {&profile->msl_id, &other->msl_id},
        {&profile->npi, &other->npi},
        {&profile->territory_id, &other->territory_id},
        {&profile->onekey_id, &other->onekey_id},
        {&profile->veeva_id, &other->veeva_id},
    };
    profile->known = profile->known || other->known;
    profile->open_complaint = profile->open_complaint || other->open_complaint;
    profile->do_not_contact = profile->do_not_contact || other->do_not_contact;
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        *facts[i].here = facts[i].here->bytes != 0 ? *facts[i].here : *facts[i].there;
    }
    for (uint32_t channel = 0; channel < NBA_CHANNEL_COUNT; channel++) {
        profile->address[channel] =
            profile->address[channel] != 0 ? profile->address[channel] : other->address[channel];
    }
    if (profile->specialty_count == 0) {
        memcpy(profile->specialties, other->specialties, sizeof(profile->specialties));
        profile->specialty_count = other->specialty_count;
    }
    if (profile->interest_count == 0) {
        memcpy(profile->interests, other->interests, sizeof(profile->interests));
        profile->interest_count = other->interest_count;
    }
    for (uint32_t i = 0; i < other->registered_count; i++) {
        uint32_t at = 0;
        while (at < profile->registered_count &&
               !nba_str_equal(profile->registered_events[at], other->registered_events[i])) {
            at++;
        }
        if (at == NBA_HCP_REGISTERED_MAX) {
            NBA_HCP_REMOVE(profile->registered_events, profile->registered_count, 0);
            at--;
        }
        if (at == profile->registered_count) {
            profile->registered_events[profile->registered_count++] = other->registered_events[i];
        }
    }
}

static void merge_actions(struct nba_hcp *hcp, const struct nba_hcp *other)
{
    for (uint32_t i = 0; i < other->action_count; i++) {
        const struct nba_open_action *action = &other->actions[i];
        if ((action->flags & NBA_OPEN_ACTION_SENT) != 0 &&
            nba_hcp_find_action(hcp, action->action_id) == NULL &&
            !nba_hcp_add_action(hcp, action)) {
            break; /* full of what is open: answers to it join nothing */
        }
    }
    for (uint32_t i = 0; i < other->awaited_count; i++) {
        INSERT(hcp->awaited, hcp->awaited_count, NBA_HCP_AWAITED_MAX, decided_ms,
               &other->awaited[i]);
    }
}

static bool is_taken(const struct nba_hcp *hcp, const struct nba_pattern_event *event)
{
    bool taken = false;
    for (uint32_t i = 0; i < hcp->pattern_count; i++) {
        taken = taken || (hcp->patterns[i].trigger_hash == event->trigger_hash &&
                          hcp->patterns[i].time_ms == event->time_ms);
    }
    return taken;
}

static void merge_triggers(struct nba_hcp *hcp, const struct nba_hcp *other)
{
    for (uint32_t i = 0; i < other->pattern_count; i++) {
        struct nba_pattern_event event = other->patterns[i];
        while (is_taken(hcp, &event)) {
            event.time_ms++;
        }
        INSERT(hcp->patterns, hcp->pattern_count, NBA_HCP_PATTERNS_MAX, time_ms, &event);
    }
    for (uint32_t i = 0; i < other->quiet_count; i++) {
        INSERT(hcp->quiet, hcp->quiet_count, NBA_HCP_QUIET_MAX, until_ms, &other->quiet[i]);
    }
    for (uint32_t i = 0; i < other->delivery_count; i++) {
        INSERT(hcp->deliveries, hcp->delivery_count, NBA_HCP_DELIVERIES_MAX, time_ms,
               &other->deliveries[i]);
    }
    for (uint32_t i = 0; i < other->timer_count; i++) {
        const struct nba_timer *timer = &other->timers[i];
        if (timer->kind != NBA_TIMER_TRIGGER) {
            continue; /* they came with their actions */
        }
        bool earlier = false;
        for (uint32_t j = 0; j < hcp->timer_count; j++) {
            const struct nba_timer *own = &hcp->timers[j];
            earlier = earlier || (own->kind == NBA_TIMER_TRIGGER && own->due_ms <= timer->due_ms);
        }
        if (!earlier && !nba_hcp_add_timer(hcp, timer)) {
            break; /* no room: the next event that a trigger counts sets it */
        }
    }
}

void nba_hcp_merge(struct nba_hcp *hcp, const struct nba_hcp *other)
{
    hcp->bytes_bound = NBA_HCP_BYTES_MAX; /* both together: to be measured */
    merge_counters(hcp, other);
    merge_profile(&hcp->profile, &other->profile);
    merge_history(hcp, other);
    merge_consents(hcp, other);
    merge_actions(hcp, other);
    merge_triggers(hcp, other);
    hcp->bytes_bound = NBA_HCP_BYTES_MAX;
    nba_hcp_fit(hcp, 0);
}

void nba_hcp_link(struct nba_hcp *hcp, struct nba_str into, const struct nba_str *from,
                  uint32_t count)
{
    hcp->merged_into = nba_hcp_keep(hcp, into, NBA_ID_BYTES_MAX);
    memmove(hcp->merged_from, from, count * sizeof(*from));
    hcp->merged_count = count;
    nba_hcp_fit(hcp, NBA_HCP_BYTES_MAX);
}

void nba_hcp_add_merged(struct nba_hcp *hcp, struct nba_str from)
{
    hcp->merged_into = nba_str(NULL, 0);
    for (uint32_t i = 0; i < hcp->merged_count; i++) {
        if (nba_str_equal(hcp->merged_from[i], from)) {
            return;
        }
    }
    if (hcp->merged_count == NBA_HCP_MERGED_MAX) {
        NBA_HCP_REMOVE(hcp->merged_from, hcp->merged_count, 0);
    }
    hcp->merged_from[hcp->merged_count++] = nba_hcp_keep(hcp, from, NBA_ID_BYTES_MAX);
    nba_hcp_fit(hcp, NBA_ID_BYTES_MAX);
}
