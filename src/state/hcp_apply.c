/*
 * What an event does to the record, one function for each part of it.  Order matters in one place:
 * outcomes and statistics look at the open action an event is about, so its end comes last.
 */
#include "hcp_internal.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"

#define TOUCH_BYTES   100u /* counters and one channel's statistics, all new */
#define OUTCOME_BYTES 32u  /* besides the texts */

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

/* ---- counters ---- */

static bool is_positive(const struct nba_event *event)
{
    return event->bot == NBA_BOT_NONE && nba_event_type_in_ring(event->type) &&
           !(event->type == NBA_EVENT_CLM_SLIDE_VIEWED && event->reaction < 0);
}

static bool is_touch_made(enum nba_event_type type)
{
    return type == NBA_EVENT_EMAIL_SENT || type == NBA_EVENT_ACTION_SENT ||
           type == NBA_EVENT_WEBINAR_INVITED;
}

static bool is_touch_seen(enum nba_event_type type)
{
    return type == NBA_EVENT_EMAIL_DELIVERED || type == NBA_EVENT_ACTION_DELIVERED ||
           type == NBA_EVENT_ACTION_SHOWN || type == NBA_EVENT_AD_IMPRESSION;
}

static bool is_refusal(enum nba_event_type type)
{
    return type == NBA_EVENT_ACTION_IGNORED || type == NBA_EVENT_ACTION_DISMISSED ||
           type == NBA_EVENT_WEBINAR_NO_SHOW;
}

static bool is_contact(enum nba_event_type type)
{
    return is_touch_made(type) || type == NBA_EVENT_EMAIL_DELIVERED ||
           type == NBA_EVENT_REP_CALL_COMPLETED || type == NBA_EVENT_SAMPLE_DISBURSED;
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
    if (is_touch_made(event->type) && !again) {
        count_up(&stats->sent);
    }
    if (is_touch_seen(event->type)) {
        count_up(&stats->seen);
    }
    if (is_refusal(event->type)) {
        count_up(&stats->refused);
    }
    if (is_contact(event->type)) {
        raise_time(&stats->last_contact_ms, event->event_time_ms);
    }
    if (is_positive(event)) {
        count_up(&stats->engaged);
        raise_time(&stats->last_engaged_ms, event->event_time_ms);
    }
    nba_hcp_fit(hcp, TOUCH_BYTES);
}

bool nba_hcp_apply_engagement(struct nba_hcp *hcp, const struct nba_event *event)
{
    if (!nba_event_in_ring(event)) {
        return false;
    }
    nba_hcp_push(hcp, &(struct nba_ring_event){.time_ms = event->event_time_ms,
                                               .content_hash = nba_content_hash(event->content_id),
                                               .type = (uint8_t)event->type,
                                               .channel = (uint8_t)nba_event_channel(event)});
    return true;
}

/* ---- outcomes ---- */

static bool same_reference(const struct nba_outcome_entry *a, const struct nba_outcome_entry *b)
{
    return (a->message_hash != 0 && a->message_hash == b->message_hash) ||
           (a->action_hash != 0 && a->action_hash == b->action_hash);
}

static void remove_outcome(struct nba_hcp *hcp, uint32_t index)
{
    hcp->outcome_count--;
    memmove(&hcp->outcomes[index], &hcp->outcomes[index + 1],
            (hcp->outcome_count - index) * sizeof(hcp->outcomes[0]));
}

/* The oldest by time of those of the same family and outcome, or of all; their number. */
static uint32_t find_oldest(const struct nba_hcp *hcp, const struct nba_outcome_entry *like,
                            uint32_t *ret_index)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < hcp->outcome_count; i++) {
        const struct nba_outcome_entry *entry = &hcp->outcomes[i];
        if (like != NULL && (entry->outcome != like->outcome ||
                             !nba_str_equal(entry->family_id, like->family_id))) {
            continue;
        }
        if (count == 0 || entry->time_ms < hcp->outcomes[*ret_index].time_ms) {
            *ret_index = i;
        }
        count++;
    }
    return count;
}

/* A bounce or drop: the message never reached anybody. */
static void take_back(struct nba_hcp *hcp, const struct nba_outcome_entry *bounced)
{
    for (uint32_t i = hcp->outcome_count; i > 0; i--) {
        const struct nba_outcome_entry *entry = &hcp->outcomes[i - 1];
        if ((entry->outcome == NBA_OUTCOME_SENT || entry->outcome == NBA_OUTCOME_DELIVERED) &&
            same_reference(entry, bounced)) {
            remove_outcome(hcp, i - 1);
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
    if (find_oldest(hcp, entry, &oldest) == NBA_HCP_OUTCOME_REPEATS_MAX ||
        find_oldest(hcp, NULL, &oldest) == NBA_HCP_OUTCOMES_MAX) {
        remove_outcome(hcp, oldest);
    }
    struct nba_outcome_entry kept = *entry;
    kept.family_id = nba_hcp_keep(hcp, entry->family_id, NBA_ID_BYTES_MAX);
    kept.content_id = nba_str_equal(entry->content_id, entry->family_id)
                          ? kept.family_id
                          : nba_hcp_keep(hcp, entry->content_id, NBA_ID_BYTES_MAX);
    kept.topic = nba_hcp_keep(hcp, entry->topic, NBA_ID_BYTES_MAX);
    kept.brand = nba_hcp_keep(hcp, entry->brand, NBA_ID_BYTES_MAX);
    kept.evidence_event_id = nba_hcp_keep(hcp, entry->evidence_event_id, NBA_ID_BYTES_MAX);
    hcp->outcomes[hcp->outcome_count++] = kept;
    nba_hcp_fit(hcp, OUTCOME_BYTES + kept.family_id.bytes + kept.content_id.bytes +
                         kept.topic.bytes + kept.brand.bytes + kept.evidence_event_id.bytes);
}

/* Texts of a content that the event doesn't name: of its action, else of an earlier outcome of
 * the same message or action. */
static void join_content(struct nba_hcp *hcp, const struct nba_event *event,
                         struct nba_outcome_entry *entry)
{
    const struct nba_open_action *action = nba_hcp_action_of(hcp, event);
    if (action != NULL) {
        entry->content_id = action->content_id;
        entry->family_id = action->family_id.bytes != 0 ? action->family_id : action->content_id;
        entry->topic = action->topic;
        entry->brand = action->brand;
        entry->channel = entry->channel != NBA_CHANNEL_UNKNOWN ? entry->channel : action->channel;
        return;
    }
    for (uint32_t i = hcp->outcome_count; i > 0; i--) {
        const struct nba_outcome_entry *earlier = &hcp->outcomes[i - 1];
        if (same_reference(earlier, entry)) {
            entry->content_id = earlier->content_id;
            entry->family_id = earlier->family_id;
            entry->topic = earlier->topic;
            entry->brand = earlier->brand;
            entry->channel =
                entry->channel != NBA_CHANNEL_UNKNOWN ? entry->channel : earlier->channel;
            return;
        }
    }
}

static void own_content(const struct nba_event *event, const struct nba_content_facts *facts,
                        struct nba_outcome_entry *entry)
{
    static const struct nba_content_facts none;
    const struct nba_content_facts *known = facts != NULL ? facts : &none;
    entry->content_id = event->content_id;
    entry->family_id = known->family_id.bytes != 0 ? known->family_id : event->content_id;
    entry->topic = known->topic;
    entry->brand = known->brand;
}

void nba_hcp_apply_outcome(struct nba_hcp *hcp, const struct nba_event *event,
                           const struct nba_content_facts *facts)
{
    struct nba_outcome_entry entry = {
        .outcome = nba_event_type_outcome(event->type),
        .channel = nba_event_channel(event),
        .time_ms = event->event_time_ms,
        .evidence_event_id = event->event_id,
        .message_hash = nba_hcp_text_hash(event->message_id),
        .action_hash = nba_hcp_text_hash(event->action_id),
    };
    const struct nba_open_action *action = nba_hcp_action_of(hcp, event);
    if (action != NULL) {
        entry.action_hash = nba_hcp_text_hash(action->action_id);
    }
    if (event->type == NBA_EVENT_EMAIL_BOUNCED || event->type == NBA_EVENT_EMAIL_DROPPED ||
        event->type == NBA_EVENT_ACTION_NOT_SENT) {
        take_back(hcp, &entry);
        return;
    }
    if (entry.outcome == NBA_OUTCOME_NONE ||
        (event->type == NBA_EVENT_CLM_SLIDE_VIEWED && event->reaction < 0)) {
        return;
    }
    if (event->content_id.bytes != 0) {
        own_content(event, facts, &entry);
    } else {
        join_content(hcp, event, &entry);
    }
    if (event->topic_ids.count > 0) {
        entry.topic = event->topic_ids.items[0];
    }
    if (event->brand.bytes != 0) {
        entry.brand = event->brand;
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
        profile->registered_count--;
        memmove(&profile->registered_events[0], &profile->registered_events[1],
                profile->registered_count * sizeof(profile->registered_events[0]));
    }
    profile->registered_events[profile->registered_count++] = text;
    nba_hcp_fit(hcp, text.bytes + 8);
}

/* The newest registrations stay, as they do one by one. */
static void lay_registered(struct nba_hcp *hcp, const struct nba_str_list *list)
{
    struct nba_str_list newest = *list;
    if (newest.count > NBA_HCP_REGISTERED_MAX) {
        newest.items += newest.count - NBA_HCP_REGISTERED_MAX;
        newest.count = NBA_HCP_REGISTERED_MAX;
    }
    lay_list(hcp, hcp->profile.registered_events, &hcp->profile.registered_count, &newest,
             NBA_HCP_REGISTERED_MAX);
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
    if (profile->has_specialties) {
        lay_list(hcp, stored->specialties, &stored->specialty_count, &profile->specialties,
                 NBA_SPECIALTIES_MAX);
    }
    if (profile->has_interests) {
        lay_list(hcp, stored->interests, &stored->interest_count, &profile->interests,
                 NBA_HCP_INTERESTS_MAX);
    }
    if (profile->has_registered_events) {
        lay_registered(hcp, &profile->registered_events);
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
    (void)nba_hcp_apply_engagement(hcp, event);
    nba_hcp_apply_outcome(hcp, event, facts);
    nba_hcp_apply_consent(hcp, event);
    nba_hcp_apply_profile(hcp, event);
    nba_hcp_apply_lifecycle(hcp, event);
}
