/*
 * What an event does to the record, one function for each part of it.  Order matters in one place:
 * outcomes and statistics look at the open action an event is about, so its end comes last.
 */
#include "hcp_internal.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "nba/base/zone.h"

#define TOUCH_BYTES   100u /* counters and one channel's statistics, all new */
#define OUTCOME_BYTES 32u  /* besides the texts */
#define WEEK_BYTES    5u

static void count_up(uint32_t *counter)
{
    *counter += *counter != UINT32_MAX;
}

static void raise_time(int64_t *time_ms, int64_t candidate_ms)
{
    if (*time_ms == NBA_TIME_NONE || candidate_ms > *time_ms) {
        *time_ms = candidate_ms;
    }
}

/* What an event of a type is besides its outcome; the first three are flags of an open action. */
enum effect {
    SENT = NBA_OPEN_ACTION_SENT,
    DELIVERED = NBA_OPEN_ACTION_DELIVERED,
    SHOWN = NBA_OPEN_ACTION_SHOWN,
    MADE = 8,       /* a touch made by us */
    SEEN = 16,      /* a touch seen */
    REFUSED = 32,   /* a touch refused */
    CONTACT = 64,   /* a contact with the HCP */
    ENDS = 128,     /* the action it is about */
    UNREACHED = 256 /* the message never reached anybody */
};

static const uint16_t effects[NBA_EVENT_TYPE_COUNT] = {
    [NBA_EVENT_EMAIL_SENT] = SENT | MADE | CONTACT,
    [NBA_EVENT_EMAIL_DELIVERED] = SENT | DELIVERED | SEEN | CONTACT,
    [NBA_EVENT_EMAIL_OPENED] = SENT | DELIVERED | SHOWN,
    [NBA_EVENT_EMAIL_CLICKED] = SENT | DELIVERED | SHOWN,
    [NBA_EVENT_EMAIL_BOUNCED] = ENDS | UNREACHED,
    [NBA_EVENT_EMAIL_DROPPED] = ENDS | UNREACHED,
    [NBA_EVENT_REP_CALL_COMPLETED] = CONTACT,
    [NBA_EVENT_SAMPLE_DISBURSED] = CONTACT,
    [NBA_EVENT_WEBINAR_INVITED] = MADE | CONTACT,
    [NBA_EVENT_WEBINAR_NO_SHOW] = REFUSED,
    [NBA_EVENT_AD_IMPRESSION] = SEEN,
    [NBA_EVENT_ACTION_SENT] = SENT | MADE | CONTACT,
    [NBA_EVENT_ACTION_NOT_SENT] = ENDS | UNREACHED,
    [NBA_EVENT_ACTION_DELIVERED] = SENT | DELIVERED | SEEN,
    [NBA_EVENT_ACTION_SHOWN] = SHOWN | SEEN,
    [NBA_EVENT_ACTION_ACCEPTED] = ENDS,
    [NBA_EVENT_ACTION_EXECUTED] = ENDS,
    [NBA_EVENT_ACTION_COMPLETED] = ENDS,
    [NBA_EVENT_ACTION_DISMISSED] = ENDS | REFUSED,
    [NBA_EVENT_ACTION_IGNORED] = ENDS | REFUSED,
};

uint32_t nba_hcp_action_effect(enum nba_event_type type, bool *ret_ends)
{
    *ret_ends = (effects[type] & ENDS) != 0;
    return effects[type] & (SENT | DELIVERED | SHOWN);
}

/* ---- counters ---- */

static bool is_positive(const struct nba_event *event)
{
    return event->bot == NBA_BOT_NONE && nba_event_type_in_ring(event->type) &&
           !(event->type == NBA_EVENT_CLM_SLIDE_VIEWED && event->reaction < 0);
}

void nba_hcp_apply_touch(struct nba_hcp *hcp, const struct nba_event *event)
{
    const struct nba_open_action *action = nba_hcp_action_of(hcp, event);
    enum nba_channel channel = nba_event_channel(event);
    if (channel == NBA_CHANNEL_UNKNOWN && action != NULL) {
        channel = action->channel;
    }
    struct nba_channel_stats *stats = &hcp->channels[channel];
    hcp->touches += hcp->touches != UINT64_MAX;
    count_up(&hcp->event_count[event->type]);
    if (hcp->first_event_ms == NBA_TIME_NONE || event->event_time_ms < hcp->first_event_ms) {
        hcp->first_event_ms = event->event_time_ms;
    }
    raise_time(&hcp->last_event_ms, event->event_time_ms);
    /* email_sent and action_sent of one action are one touch. */
    const bool again = action != NULL && (action->flags & NBA_OPEN_ACTION_SENT) != 0;
    const uint32_t effect = effects[event->type];
    if ((effect & MADE) != 0 && !again) {
        count_up(&stats->sent);
    }
    if ((effect & SEEN) != 0) {
        count_up(&stats->seen);
    }
    if ((effect & REFUSED) != 0) {
        count_up(&stats->refused);
    }
    if ((effect & CONTACT) != 0) {
        raise_time(&stats->last_contact_ms, event->event_time_ms);
    }
    if (is_positive(event)) {
        count_up(&stats->engaged);
        raise_time(&stats->last_engaged_ms, event->event_time_ms);
    }
    nba_hcp_fit(hcp, TOUCH_BYTES);
}

void nba_hcp_apply_engagement(struct nba_hcp *hcp, const struct nba_event *event)
{
    if (nba_event_in_ring(event)) {
        nba_hcp_push(hcp,
                     &(struct nba_ring_event){.time_ms = event->event_time_ms,
                                              .content_hash = nba_content_hash(event->content_id),
                                              .type = (uint8_t)event->type,
                                              .channel = (uint8_t)nba_event_channel(event)});
    }
}

/* ---- outcomes ---- */

static bool same_reference(const struct nba_outcome_entry *a, const struct nba_outcome_entry *b)
{
    return (a->message_hash != 0 && a->message_hash == b->message_hash) ||
           (a->action_hash != 0 && a->action_hash == b->action_hash);
}

/* A bounce or drop: the message never reached anybody. */
static void take_back(struct nba_hcp *hcp, const struct nba_outcome_entry *bounced)
{
    for (uint32_t i = hcp->outcome_count; i > 0; i--) {
        const struct nba_outcome_entry *entry = &hcp->outcomes[i - 1];
        if ((entry->outcome == NBA_OUTCOME_SENT || entry->outcome == NBA_OUTCOME_DELIVERED) &&
            same_reference(entry, bounced)) {
            NBA_HCP_REMOVE(hcp->outcomes, hcp->outcome_count, i - 1);
        }
    }
}

static void add_outcome(struct nba_hcp *hcp, const struct nba_outcome_entry *entry)
{
    uint32_t oldest = 0;
    for (uint32_t i = 0; i < hcp->outcome_count; i++) {
        struct nba_outcome_entry *stored = &hcp->outcomes[i];
        if (stored->outcome == entry->outcome && same_reference(stored, entry)) {
            /* action_sent and email_sent of one action: a bounce may name either id. */
            stored->message_hash =
                stored->message_hash != 0 ? stored->message_hash : entry->message_hash;
            stored->action_hash =
                stored->action_hash != 0 ? stored->action_hash : entry->action_hash;
            nba_hcp_fit(hcp, 8);
            return;
        }
    }
    if (nba_hcp_oldest_outcome(hcp, entry, &oldest) == NBA_HCP_OUTCOME_REPEATS_MAX ||
        nba_hcp_oldest_outcome(hcp, NULL, &oldest) == NBA_HCP_OUTCOMES_MAX) {
        NBA_HCP_REMOVE(hcp->outcomes, hcp->outcome_count, oldest);
    }
    struct nba_outcome_entry kept = *entry;
    kept.family_id = nba_hcp_keep(hcp, entry->family_id, NBA_ID_BYTES_MAX);
    kept.content_id = nba_str_equal(entry->content_id, entry->family_id)
                          ? kept.family_id
                          : nba_hcp_keep(hcp, entry->content_id, NBA_ID_BYTES_MAX);
    kept.topic = nba_hcp_keep(hcp, entry->topic, NBA_ID_BYTES_MAX);
    kept.brand = nba_hcp_keep(hcp, entry->brand, NBA_ID_BYTES_MAX);
    kept.evidence_event_id = nba_hcp_keep(hcp, entry->evidence_event_id, NBA_ID_BYTES_MAX);
    kept.rep_id = nba_hcp_keep(hcp, entry->rep_id, NBA_ID_BYTES_MAX);
    hcp->outcomes[hcp->outcome_count++] = kept;
    nba_hcp_fit(hcp, OUTCOME_BYTES + kept.rep_id.bytes + kept.family_id.bytes +
                         kept.content_id.bytes + kept.topic.bytes + kept.brand.bytes +
                         kept.evidence_event_id.bytes);
}

/* The content an event is about: its own, else that of its action, else that of an earlier outcome
 * of the same message or action. */
static void find_content(const struct nba_hcp *hcp, const struct nba_event *event,
                         const struct nba_open_action *action,
                         const struct nba_content_facts *facts, struct nba_outcome_entry *entry)
{
    static const struct nba_content_facts none;
    const struct nba_content_facts *known = facts != NULL ? facts : &none;
    struct nba_outcome_entry found = {.channel = NBA_CHANNEL_UNKNOWN};
    if (event->content_id.bytes != 0) {
        found.content_id = event->content_id;
        found.family_id = known->family_id;
        found.topic = known->topic;
        found.brand = known->brand;
    } else if (action != NULL) {
        found.content_id = action->content_id;
        found.family_id = action->family_id;
        found.topic = action->topic;
        found.brand = action->brand;
        found.channel = action->channel;
    } else {
        for (uint32_t i = hcp->outcome_count; i > 0 && found.family_id.bytes == 0; i--) {
            if (same_reference(&hcp->outcomes[i - 1], entry)) {
                found = hcp->outcomes[i - 1];
            }
        }
    }
    entry->content_id = found.content_id;
    entry->family_id = found.family_id.bytes != 0 ? found.family_id : found.content_id;
    entry->topic = event->topic_ids.count > 0 ? event->topic_ids.items[0] : found.topic;
    entry->brand = event->brand.bytes != 0 ? event->brand : found.brand;
    entry->channel = entry->channel != NBA_CHANNEL_UNKNOWN ? entry->channel : found.channel;
}

static struct nba_outcome_entry entry_of(const struct nba_event *event,
                                         const struct nba_open_action *action)
{
    return (struct nba_outcome_entry){
        .outcome = nba_event_type_outcome(event->type),
        .channel = nba_event_channel(event),
        .time_ms = event->event_time_ms,
        .evidence_event_id = event->event_id,
        .message_hash = nba_hcp_text_hash(event->message_id),
        .action_hash = nba_hcp_text_hash(action != NULL ? action->action_id : event->action_id),
    };
}

struct nba_outcome_entry nba_hcp_about(struct nba_hcp *hcp, const struct nba_event *event,
                                       const struct nba_content_facts *facts)
{
    const struct nba_open_action *action = nba_hcp_action_of(hcp, event);
    struct nba_outcome_entry entry = entry_of(event, action);
    find_content(hcp, event, action, facts, &entry);
    return entry;
}

void nba_hcp_apply_outcome(struct nba_hcp *hcp, const struct nba_event *event,
                           const struct nba_content_facts *facts)
{
    const struct nba_open_action *action = nba_hcp_action_of(hcp, event);
    struct nba_outcome_entry entry = entry_of(event, action);
    if ((effects[event->type] & UNREACHED) != 0) {
        take_back(hcp, &entry);
        return;
    }
    if (entry.outcome == NBA_OUTCOME_NONE ||
        (event->type == NBA_EVENT_CLM_SLIDE_VIEWED && event->reaction < 0)) {
        return;
    }
    find_content(hcp, event, action, facts, &entry);
    if ((effects[event->type] & REFUSED) != 0) {
        entry.rep_id = event->rep_id.bytes != 0 ? event->rep_id
                       : action != NULL         ? action->rep_id
                                                : nba_str("", 0);
    }
    if (entry.family_id.bytes != 0 && entry.family_id.bytes <= NBA_ID_BYTES_MAX &&
        entry.content_id.bytes <= NBA_ID_BYTES_MAX) {
        add_outcome(hcp, &entry);
    }
}

/* ---- profile ---- */

static void lay_text(struct nba_hcp *hcp, struct nba_str *stored, struct nba_str text)
{
    if (text.bytes != 0) {
        *stored = nba_hcp_keep(hcp, text, NBA_HCP_PROFILE_TEXT_BYTES_MAX);
        nba_hcp_fit(hcp, text.bytes + 4);
    }
}

static void lay_list(struct nba_hcp *hcp, struct nba_str *stored, uint32_t *count,
                     const struct nba_str_list *list, uint32_t max)
{
    size_t bytes = 4;
    *count = 0;
    for (uint32_t i = 0; i < list->count && *count < max; i++) {
        const struct nba_str text =
            nba_hcp_keep(hcp, list->items[i], NBA_HCP_PROFILE_TEXT_BYTES_MAX);
        if (text.bytes != 0) {
            stored[(*count)++] = text;
            bytes += text.bytes + 4;
        }
    }
    nba_hcp_fit(hcp, bytes);
}

static void register_for(struct nba_hcp *hcp, struct nba_str hcp_event_id)
{
    struct nba_hcp_profile *profile = &hcp->profile;
    for (uint32_t i = 0; i < profile->registered_count; i++) {
        if (nba_str_equal(profile->registered_events[i], hcp_event_id)) {
            return;
        }
    }
    const struct nba_str text = nba_hcp_keep(hcp, hcp_event_id, NBA_HCP_PROFILE_TEXT_BYTES_MAX);
    if (text.bytes == 0) {
        return;
    }
    if (profile->registered_count == NBA_HCP_REGISTERED_MAX) {
        NBA_HCP_REMOVE(profile->registered_events, profile->registered_count, 0);
    }
    profile->registered_events[profile->registered_count++] = text;
    nba_hcp_fit(hcp, text.bytes + 8);
}

static void lay_profile(struct nba_hcp *hcp, const struct nba_profile *profile)
{
    struct nba_hcp_profile *stored = &hcp->profile;
    stored->known = true;
    lay_text(hcp, &stored->market, profile->market);
    lay_text(hcp, &stored->region, profile->region);
    lay_text(hcp, &stored->tz, profile->tz);
    lay_text(hcp, &stored->language, profile->language);
    lay_text(hcp, &stored->rep_id, profile->rep_id);
    lay_text(hcp, &stored->msl_id, profile->msl_id);
    lay_text(hcp, &stored->territory_id, profile->territory_id);
    lay_text(hcp, &stored->npi, profile->npi);
    lay_text(hcp, &stored->onekey_id, profile->onekey_id);
    lay_text(hcp, &stored->veeva_id, profile->veeva_id);
    for (uint32_t channel = 0; channel < NBA_CHANNEL_COUNT; channel++) {
        if (profile->address[channel] != NBA_ADDRESS_ABSENT) {
            NBA_ASSERT(profile->address[channel] <= NBA_ADDRESS_NONE);
            stored->address[channel] = profile->address[channel];
        }
    }
    if (profile->has_open_complaint) {
        stored->open_complaint = profile->open_complaint;
    }
    if (profile->has_do_not_contact) {
        stored->do_not_contact = profile->do_not_contact;
    }
    if (profile->has_specialties) {
        lay_list(hcp, stored->specialties, &stored->specialty_count, &profile->specialties,
                 NBA_SPECIALTIES_MAX);
    }
    if (profile->has_interests) {
        lay_list(hcp, stored->interests, &stored->interest_count, &profile->interests,
                 NBA_HCP_INTERESTS_MAX);
    }
    if (profile->has_registered_events) {
        struct nba_str_list newest = profile->registered_events; /* as they do one by one */
        if (newest.count > NBA_HCP_REGISTERED_MAX) {
            newest.items += newest.count - NBA_HCP_REGISTERED_MAX;
            newest.count = NBA_HCP_REGISTERED_MAX;
        }
        lay_list(hcp, stored->registered_events, &stored->registered_count, &newest,
                 NBA_HCP_REGISTERED_MAX);
    }
    nba_hcp_fit(hcp, 32);
}

void nba_hcp_apply_profile(struct nba_hcp *hcp, const struct nba_event *event)
{
    if (event->type == NBA_EVENT_PROFILE_UPDATED && event->profile != NULL) {
        lay_profile(hcp, event->profile);
    } else if (event->type == NBA_EVENT_WEBINAR_REGISTERED) {
        register_for(hcp, event->hcp_event_id);
    } else if (event->type == NBA_EVENT_EMAIL_BOUNCED && event->bounce_class == NBA_BOUNCE_HARD) {
        hcp->profile.address[NBA_CHANNEL_EMAIL] = NBA_ADDRESS_BOUNCED;
        nba_hcp_fit(hcp, 40);
    }
}

/* ---- when it was ---- */

void nba_hcp_apply_week(struct nba_hcp *hcp, const struct nba_event *event)
{
    const bool opened =
        event->type == NBA_EVENT_EMAIL_OPENED || event->type == NBA_EVENT_EMAIL_CLICKED;
    if (!opened || event->bot != NBA_BOT_NONE || hcp->profile.tz.bytes == 0) {
        return;
    }
    const struct nba_zone *zone = nba_zone_find(hcp->profile.tz);
    if (zone == NULL) {
        return;
    }
    const struct nba_local local = nba_zone_local(zone, event->event_time_ms);
    uint8_t *count = &hcp->week[local.weekday * 24 + local.hour];
    const uint32_t shift = *count == UINT8_MAX;
    for (uint32_t i = 0; i < NBA_HCP_WEEK_HOURS; i++) {
        hcp->week[i] = (uint8_t)(hcp->week[i] >> shift);
    }
    ++*count;
    nba_hcp_fit(hcp, WEEK_BYTES);
}

/* ---- the action it is about ---- */

void nba_hcp_apply_lifecycle(struct nba_hcp *hcp, const struct nba_event *event)
{
    struct nba_open_action *action = nba_hcp_action_of(hcp, event);
    const uint32_t effect = effects[event->type];
    if (action == NULL) {
        return;
    }
    if ((effect & ENDS) != 0) {
        (void)nba_hcp_close_action(hcp, action->action_id);
        return;
    }
    action->flags |= effect & (SENT | DELIVERED | SHOWN);
    if ((effect & SENT) != 0 && action->message_id.bytes == 0 && event->message_id.bytes != 0) {
        action->message_id = event->message_id;
        action->message_id = nba_hcp_actions_within_limit(hcp)
                                 ? nba_hcp_keep(hcp, event->message_id, NBA_ID_BYTES_MAX)
                                 : nba_str(NULL, 0);
        nba_hcp_fit(hcp, action->message_id.bytes + 4);
    }
}

/* ---- all of it ---- */

enum nba_arrival nba_hcp_arrival(const struct nba_hcp *hcp, const struct nba_event *event,
                                 int64_t watermark_ms, int64_t allowed_lateness_ms)
{
    const uint64_t hash = nba_event_hash(event->source, event->event_id);
    if (nba_hcp_is_duplicate(hcp, hash, watermark_ms)) {
        return NBA_ARRIVAL_DUPLICATE;
    }
    if (event->bot != NBA_BOT_NONE) {
        return NBA_ARRIVAL_BOT;
    }
    return event->event_time_ms < watermark_ms - allowed_lateness_ms ? NBA_ARRIVAL_LATE
                                                                     : NBA_ARRIVAL_FRESH;
}

void nba_hcp_apply_event(struct nba_hcp *hcp, const struct nba_event *event,
                         const struct nba_content_facts *facts, int64_t watermark_ms,
                         enum nba_arrival arrival)
{
    NBA_ASSERT(hcp != NULL && event->type < NBA_EVENT_TYPE_COUNT);
    if (arrival == NBA_ARRIVAL_DUPLICATE) {
        return;
    }
    if (arrival != NBA_ARRIVAL_FRESH) {
        nba_hcp_apply_consent(hcp, event);
        return;
    }
    nba_hcp_remember_event(hcp, nba_event_hash(event->source, event->event_id), watermark_ms);
    nba_hcp_apply_touch(hcp, event);
    nba_hcp_apply_engagement(hcp, event);
    nba_hcp_apply_outcome(hcp, event, facts);
    nba_hcp_apply_contact(hcp, event, facts);
    nba_hcp_apply_consent(hcp, event);
    nba_hcp_apply_profile(hcp, event);
    nba_hcp_apply_week(hcp, event);
    nba_hcp_apply_lifecycle(hcp, event);
}
