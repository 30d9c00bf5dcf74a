/* Record to bytes: sections in the order of their tags, each with its length patched in after. */
#include "hcp_internal.h"
#include "hcp_wire.h"

static unsigned char *section_begin(struct hcp_writer *w, enum hcp_section tag)
{
    hcp_put_byte(w, tag);
    unsigned char *length = w->next;
    hcp_put_byte(w, 0);
    hcp_put_byte(w, 0);
    return length;
}

static void section_end(struct hcp_writer *w, unsigned char *length)
{
    if (w->failed) {
        return; /* `length` may lie at the end of the room */
    }
    const size_t bytes = (size_t)(w->next - length) - 2;
    length[0] = (unsigned char)bytes;
    length[1] = (unsigned char)(bytes >> 8);
}

static void put_counters(struct hcp_writer *w, const struct nba_hcp *hcp)
{
    if (hcp->touches == 0) {
        return;
    }
    unsigned char *length = section_begin(w, HCP_COUNTERS);
    hcp_put_varint(w, hcp->touches);
    hcp_put_time(w, hcp->first_event_ms);
    hcp_put_time(w, hcp->last_event_ms);
    for (uint32_t type = 0; type < NBA_EVENT_TYPE_COUNT; type++) {
        if (hcp->event_count[type] != 0) {
            hcp_put_byte(w, type);
            hcp_put_varint(w, hcp->event_count[type]);
        }
    }
    section_end(w, length);
}

static void put_ring(struct hcp_writer *w, const struct nba_hcp *hcp)
{
    if (hcp->pushed == 0) {
        return;
    }
    int64_t times[NBA_RING_EVENTS];
    unsigned char *length = section_begin(w, HCP_RING);
    hcp_put_varint(w, hcp->pushed);
    hcp_put_varint(w, hcp->ring_count);
    for (uint32_t i = 0; i < hcp->ring_count; i++) {
        hcp_put_u32(w, hcp->ring[i].content_hash);
        times[i] = hcp->ring[i].time_ms;
    }
    nba_hcp_wire_put_times(w, times, hcp->ring_count);
    for (uint32_t i = 0; i < hcp->ring_count; i++) {
        const struct nba_ring_event *event = &hcp->ring[i];
        const bool own = event->channel == (uint8_t)nba_event_type_channel(event->type);
        hcp_put_byte(w, event->type | (own ? 0u : 0x80u));
        if (!own) {
            hcp_put_byte(w, event->channel);
        }
    }
    section_end(w, length);
}

static void put_recent(struct hcp_writer *w, const struct nba_hcp *hcp)
{
    if (hcp->recent_count == 0) {
        return;
    }
    int64_t times[NBA_HCP_RECENT_MAX];
    unsigned char *length = section_begin(w, HCP_RECENT);
    hcp_put_varint(w, hcp->recent_count);
    for (uint32_t i = 0; i < hcp->recent_count; i++) {
        hcp_put_u64(w, hcp->recent[i].hash);
        times[i] = hcp->recent[i].watermark_ms;
    }
    nba_hcp_wire_put_times(w, times, hcp->recent_count);
    section_end(w, length);
}

static bool channel_is_blank(const struct nba_channel_stats *stats)
{
    return stats->sent == 0 && stats->seen == 0 && stats->engaged == 0 && stats->refused == 0 &&
           stats->last_contact_ms == NBA_TIME_NONE && stats->last_engaged_ms == NBA_TIME_NONE;
}

static void put_channels(struct hcp_writer *w, const struct nba_hcp *hcp)
{
    unsigned char *length = NULL;
    for (uint32_t channel = 0; channel < NBA_CHANNEL_COUNT; channel++) {
        const struct nba_channel_stats *stats = &hcp->channels[channel];
        if (channel_is_blank(stats)) {
            continue;
        }
        if (length == NULL) {
            length = section_begin(w, HCP_CHANNELS);
        }
        hcp_put_byte(w, channel);
        hcp_put_varint(w, stats->sent);
        hcp_put_varint(w, stats->seen);
        hcp_put_varint(w, stats->engaged);
        hcp_put_varint(w, stats->refused);
        hcp_put_time(w, stats->last_contact_ms);
        hcp_put_time(w, stats->last_engaged_ms);
    }
    if (length != NULL) {
        section_end(w, length);
    }
}

static void put_consents(struct hcp_writer *w, const struct nba_hcp *hcp)
{
    if (hcp->consent_count == 0) {
        return;
    }
    unsigned char *length = section_begin(w, HCP_CONSENTS);
    hcp_put_varint(w, hcp->consent_count);
    for (uint32_t i = 0; i < hcp->consent_count; i++) {
        const struct nba_consent *consent = &hcp->consents[i];
        hcp_put_byte(w, consent->channel);
        hcp_put_byte(w, consent->scope);
        hcp_put_byte(w, consent->status);
        nba_hcp_wire_put_text(w, consent->scope_id);
        hcp_put_zigzag(w, consent->captured_at_ms);
        hcp_put_time(w, consent->expires_at_ms);
        nba_hcp_wire_put_text(w, consent->evidence_event_id);
    }
    section_end(w, length);
}

/* Flags beside the outcome, in the upper bits of its byte. */
#define OUTCOME_VARIANT 0x20u /* content_id differs from family_id */
#define OUTCOME_MESSAGE 0x40u
#define OUTCOME_ACTION  0x80u

static void put_outcomes(struct hcp_writer *w, const struct nba_hcp *hcp)
{
    if (hcp->outcome_count == 0) {
        return;
    }
    int64_t times[NBA_HCP_OUTCOMES_MAX];
    unsigned char *length = section_begin(w, HCP_OUTCOMES);
    hcp_put_varint(w, hcp->outcome_count);
    for (uint32_t i = 0; i < hcp->outcome_count; i++) {
        times[i] = hcp->outcomes[i].time_ms;
    }
    nba_hcp_wire_put_times(w, times, hcp->outcome_count);
    for (uint32_t i = 0; i < hcp->outcome_count; i++) {
        const struct nba_outcome_entry *entry = &hcp->outcomes[i];
        const bool variant = !nba_str_equal(entry->family_id, entry->content_id);
        hcp_put_byte(w, (uint32_t)entry->outcome | (variant ? OUTCOME_VARIANT : 0) |
                            (entry->message_hash != 0 ? OUTCOME_MESSAGE : 0) |
                            (entry->action_hash != 0 ? OUTCOME_ACTION : 0));
        hcp_put_byte(w, entry->channel);
        nba_hcp_wire_put_text(w, entry->family_id);
        if (variant) {
            nba_hcp_wire_put_text(w, entry->content_id);
        }
        nba_hcp_wire_put_text(w, entry->topic);
        nba_hcp_wire_put_text(w, entry->brand);
        nba_hcp_wire_put_text(w, entry->evidence_event_id);
        if (entry->message_hash != 0) {
            hcp_put_u32(w, entry->message_hash);
        }
        if (entry->action_hash != 0) {
            hcp_put_u32(w, entry->action_hash);
        }
    }
    section_end(w, length);
}

static void put_actions(struct hcp_writer *w, const struct nba_hcp *hcp)
{
    if (hcp->action_count == 0) {
        return;
    }
    unsigned char *length = section_begin(w, HCP_ACTIONS);
    hcp_put_varint(w, hcp->action_count);
    for (uint32_t i = 0; i < hcp->action_count; i++) {
        const struct nba_open_action *action = &hcp->actions[i];
        uint64_t priority_bits;
        memcpy(&priority_bits, &action->priority, sizeof(priority_bits));
        nba_hcp_wire_put_text(w, action->decision_id);
        nba_hcp_wire_put_numbered(w, action->action_id);
        nba_hcp_wire_put_text(w, action->content_id);
        nba_hcp_wire_put_text(w, action->content_version);
        nba_hcp_wire_put_text(w, action->family_id);
        nba_hcp_wire_put_text(w, action->brand);
        nba_hcp_wire_put_text(w, action->campaign_id);
        nba_hcp_wire_put_text(w, action->topic);
        nba_hcp_wire_put_text(w, action->rep_id);
        nba_hcp_wire_put_text(w, action->message_id);
        hcp_put_byte(w, action->channel);
        hcp_put_byte(w, action->action_type);
        hcp_put_zigzag(w, action->rank);
        hcp_put_zigzag(w, action->slate_size);
        hcp_put_u64(w, priority_bits);
        hcp_put_zigzag(w, action->proposed_at_ms);
        hcp_put_zigzag(w, action->expires_at_ms);
        hcp_put_varint(w, action->flags);
    }
    section_end(w, length);
}

static void put_timers(struct hcp_writer *w, const struct nba_hcp *hcp)
{
    if (hcp->timer_count == 0) {
        return;
    }
    unsigned char *length = section_begin(w, HCP_TIMERS);
    hcp_put_varint(w, hcp->timer_count);
    for (uint32_t i = 0; i < hcp->timer_count; i++) {
        hcp_put_byte(w, hcp->timers[i].kind);
        hcp_put_zigzag(w, hcp->timers[i].due_ms);
        nba_hcp_wire_put_numbered(w, hcp->timers[i].id);
    }
    section_end(w, length);
}

static void put_text_list(struct hcp_writer *w, const struct nba_str *texts, uint32_t count)
{
    hcp_put_varint(w, count);
    for (uint32_t i = 0; i < count; i++) {
        nba_hcp_wire_put_text(w, texts[i]);
    }
}

static bool profile_is_blank(const struct nba_hcp_profile *profile)
{
    uint32_t addresses = 0;
    for (uint32_t i = 0; i < NBA_CHANNEL_COUNT; i++) {
        addresses |= profile->address[i];
    }
    /* Texts and the other lists come with profile_updated only. */
    return !profile->known && addresses == 0 && profile->registered_count == 0;
}

static void put_profile(struct hcp_writer *w, const struct nba_hcp *hcp)
{
    const struct nba_hcp_profile *profile = &hcp->profile;
    if (profile_is_blank(profile)) {
        return;
    }
    unsigned char *length = section_begin(w, HCP_PROFILE);
    hcp_put_byte(w, (profile->known ? 1u : 0u) | (profile->open_complaint ? 2u : 0u));
    nba_hcp_wire_put_text(w, profile->market);
    nba_hcp_wire_put_text(w, profile->region);
    nba_hcp_wire_put_text(w, profile->tz);
    nba_hcp_wire_put_text(w, profile->language);
    nba_hcp_wire_put_text(w, profile->rep_id);
    nba_hcp_wire_put_text(w, profile->msl_id);
    nba_hcp_wire_put_text(w, profile->territory_id);
    nba_hcp_wire_put_text(w, profile->npi);
    nba_hcp_wire_put_text(w, profile->onekey_id);
    nba_hcp_wire_put_text(w, profile->veeva_id);
    for (uint32_t channel = 0; channel < NBA_CHANNEL_COUNT; channel++) {
        if (profile->address[channel] != NBA_ADDRESS_ABSENT) {
            hcp_put_byte(w, channel + 1);
            hcp_put_byte(w, profile->address[channel]);
        }
    }
    hcp_put_byte(w, 0);
    put_text_list(w, profile->specialties, profile->specialty_count);
    put_text_list(w, profile->interests, profile->interest_count);
    put_text_list(w, profile->registered_events, profile->registered_count);
    section_end(w, length);
}

size_t nba_hcp_encode_into(const struct nba_hcp *hcp, unsigned char *room, size_t room_bytes)
{
    struct hcp_writer w;
    w.next = room;
    w.end = room + room_bytes;
    w.failed = false;
    w.text_count = 0;
    memset(w.slots, 0, sizeof(w.slots));
    hcp_put_byte(&w, HCP_FORMAT);
    hcp_put_byte(&w, 0);
    hcp_put_byte(&w, 0);
    put_counters(&w, hcp);
    put_ring(&w, hcp);
    put_recent(&w, hcp);
    put_channels(&w, hcp);
    put_consents(&w, hcp);
    put_outcomes(&w, hcp);
    put_actions(&w, hcp);
    put_timers(&w, hcp);
    put_profile(&w, hcp);
    if (w.failed) {
        return 0;
    }
    const size_t bytes = (size_t)(w.next - room);
    room[1] = (unsigned char)bytes;
    room[2] = (unsigned char)(bytes >> 8);
    return bytes;
}

enum nba_status nba_hcp_encode(const struct nba_hcp *hcp, struct nba_buf *buf)
{
    unsigned char room[NBA_HCP_BYTES_MAX];
    NBA_ASSERT(hcp != NULL && buf != NULL);
    if (hcp->failed) {
        return NBA_E_NO_MEMORY;
    }
    const size_t bytes = nba_hcp_encode_into(hcp, room, sizeof(room));
    if (bytes == 0) {
        return NBA_E_LIMIT;
    }
    nba_buf_append(buf, room, bytes);
    return buf->failed ? NBA_E_NO_MEMORY : NBA_OK;
}
