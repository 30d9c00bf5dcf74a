/* Bytes to record.  Every count is checked against the list it fills, every length against what
 * is left, every word against its list; a section must end where its length says. */
#include "hcp_internal.h"
#include "hcp_wire.h"

/* Needs no libm: all exponent bits set means infinite or NaN. */
static bool is_finite(uint64_t bits)
{
    return (bits >> 52 & 0x7ff) != 0x7ff;
}

static void take_counters(struct hcp_reader *r, struct nba_hcp *hcp)
{
    hcp->touches = hcp_take_varint(r);
    hcp->first_event_ms = hcp_take_time(r);
    hcp->last_event_ms = hcp_take_time(r);
    uint32_t type_next = 0;
    while (r->next != r->end && !r->failed) {
        const uint32_t type = hcp_take_enum(r, NBA_EVENT_TYPE_COUNT - 1);
        const uint32_t count = hcp_take_max(r, UINT32_MAX);
        r->failed = r->failed || type < type_next || count == 0;
        hcp->event_count[type] = count;
        type_next = type + 1;
    }
    r->failed = r->failed || hcp->touches == 0;
}

static void take_ring(struct hcp_reader *r, struct nba_hcp *hcp)
{
    int64_t times[NBA_RING_EVENTS];
    hcp->pushed = hcp_take_varint(r);
    const uint32_t count = hcp_take_max(r, NBA_RING_EVENTS);
    const unsigned char *hashes = hcp_take_bytes(r, (size_t)count * 4);
    if (r->failed || hcp->pushed < count || hcp->pushed == 0) {
        r->failed = true;
        return;
    }
    nba_hcp_wire_take_times(r, times, count);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t code = hcp_take_byte(r);
        const uint32_t type = code & 0x7f;
        if (type >= NBA_EVENT_TYPE_COUNT) {
            r->failed = true;
            return;
        }
        struct nba_ring_event *event = &hcp->ring[i];
        event->time_ms = times[i];
        event->content_hash = hcp_load_u32(hashes + (size_t)i * 4);
        event->type = (uint8_t)type;
        event->channel = (uint8_t)((code & 0x80) == 0 ? (uint32_t)nba_event_type_channel(type)
                                                      : hcp_take_enum(r, NBA_CHANNEL_COUNT - 1));
    }
    hcp->ring_count = count;
}

static void take_recent(struct hcp_reader *r, struct nba_hcp *hcp)
{
    int64_t times[NBA_HCP_RECENT_MAX];
    const uint32_t count = hcp_take_max(r, NBA_HCP_RECENT_MAX);
    const unsigned char *hashes = hcp_take_bytes(r, (size_t)count * 8);
    nba_hcp_wire_take_times(r, times, count);
    if (r->failed) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        hcp->recent[i].hash = hcp_load_u64(hashes + (size_t)i * 8);
        hcp->recent[i].watermark_ms = times[i];
    }
    hcp->recent_count = count;
}

static void take_channels(struct hcp_reader *r, struct nba_hcp *hcp)
{
    uint32_t channel_next = 0;
    while (r->next != r->end && !r->failed) {
        const uint32_t channel = hcp_take_enum(r, NBA_CHANNEL_COUNT - 1);
        struct nba_channel_stats *stats = &hcp->channels[channel];
        r->failed = r->failed || channel < channel_next;
        stats->sent = hcp_take_max(r, UINT32_MAX);
        stats->seen = hcp_take_max(r, UINT32_MAX);
        stats->engaged = hcp_take_max(r, UINT32_MAX);
        stats->refused = hcp_take_max(r, UINT32_MAX);
        stats->last_contact_ms = hcp_take_time(r);
        stats->last_engaged_ms = hcp_take_time(r);
        channel_next = channel + 1;
    }
}

static void take_consents(struct hcp_reader *r, struct nba_hcp *hcp)
{
    const uint32_t count = hcp_take_max(r, NBA_HCP_CONSENTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct nba_consent *consent = &hcp->consents[i];
        consent->channel = (enum nba_channel)hcp_take_enum(r, NBA_CHANNEL_COUNT - 1);
        consent->scope = (enum nba_consent_scope)hcp_take_enum(r, NBA_CONSENT_SCOPE_COUNT - 1);
        consent->status = (enum nba_consent_status)hcp_take_enum(r, NBA_CONSENT_STATUS_COUNT - 1);
        consent->scope_id = nba_hcp_wire_take_text(r);
        consent->captured_at_ms = hcp_take_zigzag(r);
        consent->expires_at_ms = hcp_take_time(r);
        consent->evidence_event_id = nba_hcp_wire_take_text(r);
    }
    hcp->consent_count = count;
}

static void take_outcomes(struct hcp_reader *r, struct nba_hcp *hcp)
{
    int64_t times[NBA_HCP_OUTCOMES_MAX];
    const uint32_t count = hcp_take_max(r, NBA_HCP_OUTCOMES_MAX);
    nba_hcp_wire_take_times(r, times, count);
    for (uint32_t i = 0; i < count; i++) {
        struct nba_outcome_entry *entry = &hcp->outcomes[i];
        const uint32_t code = hcp_take_byte(r);
        r->failed = r->failed || (code & 0x1f) >= NBA_OUTCOME_COUNT;
        entry->outcome = (enum nba_outcome)(code & 0x1f);
        entry->time_ms = times[i];
        entry->channel = (enum nba_channel)hcp_take_enum(r, NBA_CHANNEL_COUNT - 1);
        entry->family_id = nba_hcp_wire_take_text(r);
        entry->content_id = (code & 0x20) != 0 ? nba_hcp_wire_take_text(r) : entry->family_id;
        entry->topic = nba_hcp_wire_take_text(r);
        entry->brand = nba_hcp_wire_take_text(r);
        entry->evidence_event_id = nba_hcp_wire_take_text(r);
        entry->message_hash = (code & 0x40) != 0 ? hcp_take_u32(r) : 0;
        entry->action_hash = (code & 0x80) != 0 ? hcp_take_u32(r) : 0;
    }
    hcp->outcome_count = count;
}

static void take_actions(struct hcp_reader *r, struct nba_hcp *hcp)
{
    const uint32_t count = hcp_take_max(r, NBA_HCP_ACTIONS_MAX);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        struct nba_open_action *action = &hcp->actions[i];
        action->decision_id = nba_hcp_wire_take_text(r);
        action->action_id = nba_hcp_wire_take_numbered(r);
        action->content_id = nba_hcp_wire_take_text(r);
        action->content_version = nba_hcp_wire_take_text(r);
        action->family_id = nba_hcp_wire_take_text(r);
        action->brand = nba_hcp_wire_take_text(r);
        action->campaign_id = nba_hcp_wire_take_text(r);
        action->topic = nba_hcp_wire_take_text(r);
        action->rep_id = nba_hcp_wire_take_text(r);
        action->message_id = nba_hcp_wire_take_text(r);
        action->channel = (enum nba_channel)hcp_take_enum(r, NBA_CHANNEL_COUNT - 1);
        action->action_type = (enum nba_action_type)hcp_take_enum(r, NBA_ACTION_TYPE_COUNT - 1);
        action->rank = hcp_take_int(r);
        action->slate_size = hcp_take_int(r);
        const uint64_t priority_bits = hcp_take_u64(r);
        r->failed = r->failed || !is_finite(priority_bits);
        memcpy(&action->priority, &priority_bits, sizeof(action->priority));
        action->proposed_at_ms = hcp_take_zigzag(r);
        action->expires_at_ms = hcp_take_zigzag(r);
        action->flags = hcp_take_max(r, NBA_OPEN_ACTION_FLAGS);
    }
    hcp->action_count = count;
}

static void take_timers(struct hcp_reader *r, struct nba_hcp *hcp)
{
    const uint32_t count = hcp_take_max(r, NBA_HCP_TIMERS_MAX);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        struct nba_timer *timer = &hcp->timers[i];
        timer->kind = (enum nba_timer_kind)hcp_take_enum(r, NBA_TIMER_KIND_END - 1);
        timer->due_ms = hcp_take_zigzag(r);
        timer->id = nba_hcp_wire_take_numbered(r);
        r->failed =
            r->failed || timer->kind == 0 || (i > 0 && hcp->timers[i - 1].due_ms > timer->due_ms);
    }
    hcp->timer_count = count;
}

static struct nba_str take_profile_text(struct hcp_reader *r)
{
    const struct nba_str text = nba_hcp_wire_take_text(r);
    r->failed = r->failed || text.bytes > NBA_HCP_PROFILE_TEXT_BYTES_MAX;
    return text;
}

static uint32_t take_text_list(struct hcp_reader *r, struct nba_str *ret_texts, uint32_t max)
{
    const uint32_t count = hcp_take_max(r, max);
    for (uint32_t i = 0; i < count; i++) {
        ret_texts[i] = take_profile_text(r);
    }
    return count;
}

static void take_profile(struct hcp_reader *r, struct nba_hcp *hcp)
{
    struct nba_hcp_profile *profile = &hcp->profile;
    const uint32_t flags = hcp_take_enum(r, 3);
    profile->known = (flags & 1) != 0;
    profile->open_complaint = (flags & 2) != 0;
    profile->market = take_profile_text(r);
    profile->region = take_profile_text(r);
    profile->tz = take_profile_text(r);
    profile->language = take_profile_text(r);
    profile->rep_id = take_profile_text(r);
    profile->msl_id = take_profile_text(r);
    profile->territory_id = take_profile_text(r);
    profile->npi = take_profile_text(r);
    profile->onekey_id = take_profile_text(r);
    profile->veeva_id = take_profile_text(r);
    uint32_t channel_next = 1;
    for (uint32_t i = 0; i <= NBA_CHANNEL_COUNT; i++) {
        const uint32_t channel = hcp_take_enum(r, NBA_CHANNEL_COUNT);
        if (channel == 0) {
            break;
        }
        r->failed = r->failed || channel < channel_next;
        profile->address[channel - 1] = (uint8_t)hcp_take_enum(r, NBA_ADDRESS_NONE);
        channel_next = channel + 1;
    }
    profile->specialty_count = take_text_list(r, profile->specialties, NBA_SPECIALTIES_MAX);
    profile->interest_count = take_text_list(r, profile->interests, NBA_HCP_INTERESTS_MAX);
    profile->registered_count =
        take_text_list(r, profile->registered_events, NBA_HCP_REGISTERED_MAX);
}

static void take_section(struct hcp_reader *r, uint32_t tag, struct nba_hcp *hcp)
{
    static void (*const takers[])(struct hcp_reader *, struct nba_hcp *) = {
        [HCP_COUNTERS] = take_counters, [HCP_RING] = take_ring,
        [HCP_RECENT] = take_recent,     [HCP_CHANNELS] = take_channels,
        [HCP_CONSENTS] = take_consents, [HCP_OUTCOMES] = take_outcomes,
        [HCP_ACTIONS] = take_actions,   [HCP_TIMERS] = take_timers,
        [HCP_PROFILE] = take_profile,
    };
    const uint32_t length = hcp_take_byte(r) | hcp_take_byte(r) << 8;
    const unsigned char *end = r->end;
    if (r->failed || tag == 0 || tag >= NBA_ARRAY_COUNT(takers) ||
        length > (size_t)(r->end - r->next)) {
        r->failed = true;
        return;
    }
    r->end = r->next + length;
    takers[tag](r, hcp);
    r->failed = r->failed || r->next != r->end;
    r->end = end;
}

enum nba_status nba_hcp_decode(struct nba_str bytes, struct nba_str hcp_id, struct nba_arena *arena,
                               struct nba_hcp *ret_hcp, struct nba_error *error)
{
    struct hcp_reader r;
    const unsigned char *data = (const unsigned char *)bytes.data;
    NBA_ASSERT(ret_hcp != NULL && arena != NULL);
    if (bytes.bytes > 0 && data[0] > HCP_FORMAT) {
        return nba_error_set(error, NBA_E_VERSION, "HCP record has format %u, newest known is %u",
                             (unsigned)data[0], HCP_FORMAT);
    }
    if (bytes.bytes < HCP_HEADER_BYTES || bytes.bytes > NBA_HCP_BYTES_MAX ||
        data[0] != HCP_FORMAT || (data[1] | (uint32_t)data[2] << 8) != bytes.bytes) {
        return nba_error_set(error, NBA_E_CORRUPT, "HCP record of %zu bytes is not whole",
                             bytes.bytes);
    }
    r.next = data + HCP_HEADER_BYTES;
    r.end = data + bytes.bytes;
    r.failed = false;
    r.arena = arena;
    r.arena_full = false;
    r.text_count = 0;
    ret_hcp->arena = arena;
    ret_hcp->hcp_id = hcp_id;
    ret_hcp->due_floor = NULL;
    nba_hcp_blank(ret_hcp);
    uint32_t tag_last = 0;
    while (r.next != r.end && !r.failed) {
        const uint32_t tag = hcp_take_byte(&r);
        r.failed = r.failed || tag <= tag_last;
        tag_last = tag;
        if (!r.failed) {
            take_section(&r, tag, ret_hcp);
        }
    }
    /* What nothing can drop must leave room for the next event. */
    r.failed = r.failed || !nba_hcp_actions_within_limit(ret_hcp) ||
               !nba_hcp_consents_within_limit(ret_hcp);
    if (r.arena_full) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "no room for an HCP record");
    }
    if (r.failed) {
        nba_hcp_blank(ret_hcp);
        return nba_error_set(error, NBA_E_CORRUPT, "HCP record is damaged in section %u", tag_last);
    }
    ret_hcp->stored = true;
    ret_hcp->bytes_bound = bytes.bytes;
    return NBA_OK;
}
