/*
 * Record to bytes and back, by one walk over its sections.  What is read is checked: every count
 * against the list it fills, every length against what is left, every word against its list; a
 * section must end where its length says.
 */
#include "hcp_internal.h"
#include "hcp_sections.h"

/* 1 has no sections from 10 on, 2 none from 16 on, 3 none from 17 on, 4 no action that waits for a
 * budget; a record is written in the lowest that has what is in it, from 2 on. */
#define FORMAT       5u
#define HEADER_BYTES 3u /* format byte and total length u16le; tag and length of a section */

/* Flags beside the outcome, in the upper bits of its byte. */
#define OUTCOME_VARIANT 0x20u /* content_id differs from family_id */
#define OUTCOME_MESSAGE 0x40u
#define OUTCOME_ACTION  0x80u
/* Beside the type of a ring's event: its channel isn't the type's own, and follows. */
#define RING_CHANNEL 0x80u

static const uint8_t no_address[NBA_CHANNEL_COUNT];

static void put_header(unsigned char *at, uint32_t tag, size_t bytes)
{
    at[0] = (unsigned char)tag;
    at[1] = (unsigned char)bytes;
    at[2] = (unsigned char)(bytes >> 8);
}

HCP_WALK void walk_counters(struct hcp_walk k, struct nba_hcp *hcp)
{
    bool present[NBA_EVENT_TYPE_COUNT];
    for (uint32_t type = 0; type < NBA_EVENT_TYPE_COUNT; type++) {
        present[type] = hcp->event_count[type] != 0;
    }
    if (k.writing) {
        hcp_put_varint(k.w, hcp->touches);
    } else {
        hcp->touches = hcp_take_varint(k.w);
    }
    hcp_time(k, &hcp->first_event_ms);
    hcp_time(k, &hcp->last_event_ms);
    for (uint32_t type = 0; next_index(k, present, NBA_EVENT_TYPE_COUNT, &type); type++) {
        hcp_count(k, &hcp->event_count[type], UINT32_MAX);
        hcp_check(k.w, hcp->event_count[type] != 0);
    }
    hcp_check(k.w, hcp->touches != 0);
}

HCP_WALK void walk_ring(struct hcp_walk k, struct nba_hcp *hcp)
{
    int64_t times[NBA_RING_EVENTS];
    if (k.writing) {
        hcp_put_varint(k.w, hcp->pushed);
    } else {
        hcp->pushed = hcp_take_varint(k.w);
    }
    hcp_count(k, &hcp->ring_count, NBA_RING_EVENTS);
    unsigned char *hashes = hcp_span(k.w, (size_t)hcp->ring_count * 4);
    if (k.w->failed || hcp->pushed < hcp->ring_count || hcp->pushed == 0) {
        k.w->failed = true;
        return;
    }
    for (uint32_t i = 0; i < hcp->ring_count && k.writing; i++) {
        memcpy(hashes + (size_t)i * 4, &hcp->ring[i].content_hash, 4);
        times[i] = hcp->ring[i].time_ms;
    }
    hcp_times(k, times, hcp->ring_count);
    for (uint32_t i = 0; i < hcp->ring_count; i++) {
        struct nba_ring_event *event = &hcp->ring[i];
        if (k.writing) {
            const bool own = event->channel == (uint8_t)nba_event_type_channel(event->type);
            hcp_put_byte(k.w, event->type | (own ? 0u : RING_CHANNEL));
            if (!own) {
                hcp_put_byte(k.w, event->channel);
            }
            continue;
        }
        const uint32_t code = hcp_take_byte(k.w);
        const uint32_t type = code & ~RING_CHANNEL;
        if (type >= NBA_EVENT_TYPE_COUNT) {
            k.w->failed = true;
            return;
        }
        memcpy(&event->content_hash, hashes + (size_t)i * 4, 4);
        event->time_ms = times[i];
        event->type = (uint8_t)type;
        event->channel = (uint8_t)((code & RING_CHANNEL) == 0
                                       ? (uint32_t)nba_event_type_channel((enum nba_event_type)type)
                                       : hcp_byte(k, 0, NBA_CHANNEL_COUNT - 1));
    }
}

HCP_WALK void walk_recent(struct hcp_walk k, struct nba_hcp *hcp)
{
    int64_t times[NBA_HCP_RECENT_MAX];
    hcp_count(k, &hcp->recent_count, NBA_HCP_RECENT_MAX);
    for (uint32_t i = 0; i < hcp->recent_count; i++) {
        hcp_fixed(k, &hcp->recent[i].hash, 8);
        times[i] = k.writing ? hcp->recent[i].watermark_ms : 0;
    }
    hcp_times(k, times, hcp->recent_count);
    for (uint32_t i = 0; i < hcp->recent_count && !k.writing; i++) {
        hcp->recent[i].watermark_ms = times[i];
    }
}

static void find_channels(const struct nba_hcp *hcp, bool present[NBA_CHANNEL_COUNT])
{
    for (uint32_t channel = 0; channel < NBA_CHANNEL_COUNT; channel++) {
        const struct nba_channel_stats *stats = &hcp->channels[channel];
        present[channel] = stats->sent != 0 || stats->seen != 0 || stats->engaged != 0 ||
                           stats->refused != 0 || stats->last_contact_ms != NBA_TIME_NONE ||
                           stats->last_engaged_ms != NBA_TIME_NONE;
    }
}

HCP_WALK void walk_channels(struct hcp_walk k, struct nba_hcp *hcp)
{
    bool present[NBA_CHANNEL_COUNT];
    find_channels(hcp, present);
    for (uint32_t channel = 0; next_index(k, present, NBA_CHANNEL_COUNT, &channel); channel++) {
        struct nba_channel_stats *stats = &hcp->channels[channel];
        hcp_count(k, &stats->sent, UINT32_MAX);
        hcp_count(k, &stats->seen, UINT32_MAX);
        hcp_count(k, &stats->engaged, UINT32_MAX);
        hcp_count(k, &stats->refused, UINT32_MAX);
        hcp_time(k, &stats->last_contact_ms);
        hcp_time(k, &stats->last_engaged_ms);
    }
}

HCP_WALK void walk_consents(struct hcp_walk k, struct nba_hcp *hcp)
{
    hcp_count(k, &hcp->consent_count, NBA_HCP_CONSENTS_MAX);
    for (uint32_t i = 0; i < hcp->consent_count && !k.w->failed; i++) {
        struct nba_consent *c = &hcp->consents[i];
        c->channel = (enum nba_channel)hcp_byte(k, c->channel, NBA_CHANNEL_COUNT - 1);
        c->scope = (enum nba_consent_scope)hcp_byte(k, c->scope, NBA_CONSENT_SCOPE_COUNT - 1);
        c->status = (enum nba_consent_status)hcp_byte(k, c->status, NBA_CONSENT_STATUS_COUNT - 1);
        hcp_text(k, &c->scope_id);
        hcp_zigzag(k, &c->captured_at_ms);
        hcp_time(k, &c->expires_at_ms);
        hcp_text(k, &c->evidence_event_id);
    }
}

HCP_WALK void walk_outcome(struct hcp_walk k, struct nba_outcome_entry *entry)
{
    uint32_t code = 0;
    if (k.writing) {
        code = (uint32_t)entry->outcome |
               (nba_str_equal(entry->family_id, entry->content_id) ? 0 : OUTCOME_VARIANT) |
               (entry->message_hash != 0 ? OUTCOME_MESSAGE : 0) |
               (entry->action_hash != 0 ? OUTCOME_ACTION : 0);
    } else {
        *entry = (struct nba_outcome_entry){.time_ms = entry->time_ms};
    }
    code = hcp_byte(k, code, UINT8_MAX);
    entry->outcome = (enum nba_outcome)(code & (OUTCOME_VARIANT - 1));
    hcp_check(k.w, entry->outcome < NBA_OUTCOME_COUNT);
    entry->channel = (enum nba_channel)hcp_byte(k, entry->channel, NBA_CHANNEL_COUNT - 1);
    hcp_text(k, &entry->family_id);
    if ((code & OUTCOME_VARIANT) != 0) {
        hcp_text(k, &entry->content_id);
    } else if (!k.writing) {
        entry->content_id = entry->family_id;
    }
    hcp_text(k, &entry->topic);
    hcp_text(k, &entry->brand);
    hcp_text(k, &entry->evidence_event_id);
    if ((code & OUTCOME_MESSAGE) != 0) {
        hcp_fixed(k, &entry->message_hash, 4);
    }
    if ((code & OUTCOME_ACTION) != 0) {
        hcp_fixed(k, &entry->action_hash, 4);
    }
}

HCP_WALK void walk_outcomes(struct hcp_walk k, struct nba_hcp *hcp)
{
    int64_t times[NBA_HCP_OUTCOMES_MAX];
    hcp_count(k, &hcp->outcome_count, NBA_HCP_OUTCOMES_MAX);
    for (uint32_t i = 0; i < hcp->outcome_count && k.writing; i++) {
        times[i] = hcp->outcomes[i].time_ms;
    }
    hcp_times(k, times, hcp->outcome_count);
    for (uint32_t i = 0; i < hcp->outcome_count && !k.w->failed; i++) {
        hcp->outcomes[i].time_ms = times[i];
        walk_outcome(k, &hcp->outcomes[i]);
    }
}

HCP_WALK void walk_actions(struct hcp_walk k, struct nba_hcp *hcp)
{
    hcp_count(k, &hcp->action_count, NBA_HCP_ACTIONS_MAX);
    for (uint32_t i = 0; i < hcp->action_count && !k.w->failed; i++) {
        struct nba_open_action *a = &hcp->actions[i];
        hcp_text(k, &a->decision_id);
        hcp_numbered(k, &a->action_id);
        hcp_text(k, &a->content_id);
        hcp_text(k, &a->content_version);
        hcp_text(k, &a->family_id);
        hcp_text(k, &a->brand);
        hcp_text(k, &a->campaign_id);
        hcp_text(k, &a->topic);
        hcp_text(k, &a->rep_id);
        hcp_text(k, &a->message_id);
        a->channel = (enum nba_channel)hcp_byte(k, a->channel, NBA_CHANNEL_COUNT - 1);
        a->action_type =
            (enum nba_action_type)hcp_byte(k, a->action_type, NBA_ACTION_TYPE_COUNT - 1);
        hcp_int(k, &a->rank);
        hcp_int(k, &a->slate_size);
        walk_double(k, &a->priority);
        hcp_zigzag(k, &a->proposed_at_ms);
        hcp_zigzag(k, &a->expires_at_ms);
        hcp_count(k, &a->flags, NBA_OPEN_ACTION_FLAGS);
    }
}

HCP_WALK void walk_timers(struct hcp_walk k, struct nba_hcp *hcp)
{
    hcp_count(k, &hcp->timer_count, NBA_HCP_TIMERS_MAX);
    for (uint32_t i = 0; i < hcp->timer_count && !k.w->failed; i++) {
        struct nba_timer *timer = &hcp->timers[i];
        timer->kind = (enum nba_timer_kind)hcp_byte(k, timer->kind, NBA_TIMER_KIND_END - 1);
        hcp_zigzag(k, &timer->due_ms);
        hcp_numbered(k, &timer->id);
        hcp_check(k.w, timer->kind != 0 && (i == 0 || timer[-1].due_ms <= timer->due_ms));
    }
}

HCP_WALK void walk_profile_text(struct hcp_walk k, struct nba_str *text)
{
    hcp_text(k, text);
    hcp_check(k.w, text->bytes <= NBA_HCP_PROFILE_TEXT_BYTES_MAX);
}

HCP_WALK void walk_texts(struct hcp_walk k, struct nba_str *texts, uint32_t *count, uint32_t max)
{
    hcp_count(k, count, max);
    for (uint32_t i = 0; i < *count; i++) {
        walk_profile_text(k, &texts[i]);
    }
}

HCP_WALK void walk_profile(struct hcp_walk k, struct nba_hcp *hcp)
{
    struct nba_hcp_profile *profile = &hcp->profile;
    const uint32_t flags =
        hcp_byte(k,
                 (profile->known ? 1u : 0u) | (profile->open_complaint ? 2u : 0u) |
                     (profile->do_not_contact ? 4u : 0u),
                 7);
    profile->known = (flags & 1) != 0;
    profile->open_complaint = (flags & 2) != 0;
    profile->do_not_contact = (flags & 4) != 0;
    struct nba_str *const texts[] = {&profile->market,       &profile->region, &profile->tz,
                                     &profile->language,     &profile->rep_id, &profile->msl_id,
                                     &profile->territory_id, &profile->npi,    &profile->onekey_id,
                                     &profile->veeva_id};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(texts); i++) {
        walk_profile_text(k, texts[i]);
    }
    /* Addresses by channel + 1, up to a 0. */
    uint32_t next = 1;
    for (uint32_t i = 0; i <= NBA_CHANNEL_COUNT; i++) {
        while (k.writing && next <= NBA_CHANNEL_COUNT && profile->address[next - 1] == 0) {
            next++;
        }
        const uint32_t code = hcp_byte(k, next <= NBA_CHANNEL_COUNT ? next : 0, NBA_CHANNEL_COUNT);
        if (code == 0) {
            break;
        }
        hcp_check(k.w, code >= next);
        profile->address[code - 1] =
            (uint8_t)hcp_byte(k, profile->address[code - 1], NBA_ADDRESS_NONE);
        next = code + 1;
    }
    walk_texts(k, profile->specialties, &profile->specialty_count, NBA_SPECIALTIES_MAX);
    walk_texts(k, profile->interests, &profile->interest_count, NBA_HCP_INTERESTS_MAX);
    walk_texts(k, profile->registered_events, &profile->registered_count, NBA_HCP_REGISTERED_MAX);
}

/* One section, when it is `present` (writing) or the next (reading): tag, length u16le, content. */
HCP_WALK void section(struct hcp_walk k, uint32_t tag, bool present,
                      void (*walk)(struct hcp_walk, struct nba_hcp *), struct nba_hcp *hcp)
{
    struct hcp_wire *w = k.w;
    if (w->failed || (k.writing ? !present : w->next == w->end || *w->next != tag)) {
        return;
    }
    unsigned char *const end = w->end;
    unsigned char *head = hcp_span(w, HEADER_BYTES);
    w->section = tag;
    if (head == NULL) {
        return;
    }
    if (!k.writing) {
        const size_t bytes = head[1] | (size_t)head[2] << 8;
        hcp_check(w, bytes <= (size_t)(end - w->next));
        w->end = w->failed ? w->next : w->next + bytes;
    }
    walk(k, hcp);
    if (k.writing) {
        put_header(head, tag, (size_t)(w->next - head) - HEADER_BYTES);
    } else {
        hcp_check(w, w->next == w->end);
        w->end = end;
    }
}

/* All sections in the order of their tags, which is their order in the bytes. */
HCP_WALK void walk_record(struct hcp_walk k, struct nba_hcp *hcp)
{
    bool channels[NBA_CHANNEL_COUNT];
    bool hours[NBA_HCP_WEEK_HOURS];
    bool reps[NBA_HCP_OUTCOMES_MAX];
    find_channels(hcp, channels);
    /* Texts and the other lists of a profile come with profile_updated only. */
    const bool profile = hcp->profile.known || hcp->profile.registered_count != 0 ||
                         memcmp(hcp->profile.address, no_address, sizeof(no_address)) != 0;
    section(k, 1, hcp->touches != 0, walk_counters, hcp);
    section(k, 2, hcp->pushed != 0, walk_ring, hcp);
    section(k, 3, hcp->recent_count != 0, walk_recent, hcp);
    section(k, 4, memchr(channels, true, sizeof(channels)) != NULL, walk_channels, hcp);
    section(k, 5, hcp->consent_count != 0, walk_consents, hcp);
    section(k, 6, hcp->outcome_count != 0, walk_outcomes, hcp);
    section(k, 7, hcp->action_count != 0, walk_actions, hcp);
    section(k, 8, hcp->timer_count != 0, walk_timers, hcp);
    section(k, 9, profile, walk_profile, hcp);
    section(k, 10, hcp->ledger_count != 0, walk_ledger, hcp);
    section(k, 11, hcp->held_count != 0, walk_held, hcp);
    section(k, 12, find_hours(hcp, hours), walk_week, hcp);
    section(k, 13, hcp->pattern_count != 0 || hcp->quiet_count != 0 || hcp->delivery_count != 0,
            walk_triggers, hcp);
    section(k, 14, find_reps(hcp, reps) || hcp->awaited_count != 0, walk_feedback, hcp);
    section(k, 16, has_links(hcp), walk_merged, hcp);
    section(k, 17, has_busy(hcp), walk_busy, hcp);
}

static bool has_waiting(const struct nba_hcp *hcp)
{
    uint32_t flags = 0;
    for (uint32_t i = 0; i < hcp->action_count; i++) {
        flags |= hcp->actions[i].flags;
    }
    return (flags & NBA_OPEN_ACTION_WAITING) != 0;
}

size_t nba_hcp_encode_into(const struct nba_hcp *hcp, unsigned char *room, size_t room_bytes)
{
    struct hcp_wire w;
    NBA_ASSERT(room_bytes >= HEADER_BYTES);
    w.failed = false;
    w.next = room + HEADER_BYTES;
    w.end = room + room_bytes;
    w.text_count = 0;
    memset(w.slots, 0, sizeof(w.slots));
    /* Writing changes nothing of the record. */
    walk_record((struct hcp_walk){&w, true}, (struct nba_hcp *)hcp);
    const uint32_t format = has_waiting(hcp) ? FORMAT : has_busy(hcp) ? 4 : has_links(hcp) ? 3 : 2;
    put_header(room, format, (size_t)(w.next - room));
    return w.failed ? 0 : (size_t)(w.next - room);
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

enum nba_status nba_hcp_decode(struct nba_str bytes, struct nba_str hcp_id, struct nba_arena *arena,
                               struct nba_hcp *ret_hcp, struct nba_error *error)
{
    struct hcp_wire w;
    unsigned char *data = (unsigned char *)bytes.data;
    NBA_ASSERT(ret_hcp != NULL && arena != NULL);
    if (bytes.bytes > 0 && data[0] > FORMAT) {
        return nba_error_set(error, NBA_E_VERSION, "HCP record has format %u, newest known is %u",
                             (unsigned)data[0], FORMAT);
    }
    if (bytes.bytes < HEADER_BYTES || bytes.bytes > NBA_HCP_BYTES_MAX || data[0] == 0 ||
        (data[1] | (uint32_t)data[2] << 8) != bytes.bytes) {
        return nba_error_set(error, NBA_E_CORRUPT, "HCP record of %zu bytes is not whole",
                             bytes.bytes);
    }
    w.failed = false;
    w.next = data + HEADER_BYTES;
    w.end = data + bytes.bytes;
    w.arena = arena;
    w.arena_full = false;
    w.text_count = 0;
    w.section = 0;
    ret_hcp->arena = arena;
    ret_hcp->hcp_id = hcp_id;
    ret_hcp->due_floor = NULL;
    nba_hcp_blank(ret_hcp);
    walk_record((struct hcp_walk){&w, false}, ret_hcp);
    hcp_check(&w, w.next == w.end); /* a section of no known tag, or out of order */
    /* What nothing can drop must leave room for the next event. */
    w.failed = w.failed || !nba_hcp_actions_within_limit(ret_hcp) ||
               !nba_hcp_consents_within_limit(ret_hcp);
    if (w.arena_full) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "no room for an HCP record");
    }
    if (w.failed) {
        nba_hcp_blank(ret_hcp);
        return nba_error_set(error, NBA_E_CORRUPT, "HCP record is damaged in or behind section %u",
                             (unsigned)w.section);
    }
    ret_hcp->stored = true;
    ret_hcp->bytes_bound = bytes.bytes;
    if (data[0] == 1) {
        nba_hcp_ledger_restore(ret_hcp);
    }
    return NBA_OK;
}
