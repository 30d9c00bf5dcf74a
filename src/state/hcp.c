/* The record itself: an empty one, the ring and its window, and how it is made to fit. */
#include "nba/state/hcp.h"

#include "hcp_internal.h"
#include "nba/base/assert.h"
#include "nba/base/hash.h"

#define RING_EVENT_BYTES   24u /* hash, time, two bytes; and the count's growth */
#define RECENT_EVENT_BYTES 20u

void nba_hcp_blank(struct nba_hcp *hcp)
{
    hcp->failed = false;
    hcp->stored = false;
    hcp->bytes_bound = 0;
    hcp->pushed = 0;
    hcp->ring_count = 0;
    hcp->recent_count = 0;
    memset(hcp->event_count, 0, sizeof(hcp->event_count));
    hcp->touches = 0;
    hcp->first_event_ms = NBA_TIME_NONE;
    hcp->last_event_ms = NBA_TIME_NONE;
    for (uint32_t channel = 0; channel < NBA_CHANNEL_COUNT; channel++) {
        hcp->channels[channel] = (struct nba_channel_stats){.last_contact_ms = NBA_TIME_NONE,
                                                            .last_engaged_ms = NBA_TIME_NONE};
    }
    hcp->consent_count = 0;
    hcp->outcome_count = 0;
    hcp->action_count = 0;
    hcp->timer_count = 0;
    hcp->ledger_count = 0;
    hcp->awaited_count = 0;
    hcp->merged_into = nba_str(NULL, 0);
    hcp->merged_count = 0;
    hcp->pattern_count = 0;
    hcp->quiet_count = 0;
    hcp->delivery_count = 0;
    memset(&hcp->profile, 0, sizeof(hcp->profile));
    hcp->held_count = 0;
    memset(hcp->week, 0, sizeof(hcp->week));
}

void nba_hcp_init(struct nba_hcp *hcp, struct nba_str hcp_id, struct nba_arena *arena)
{
    NBA_ASSERT(hcp != NULL && arena != NULL);
    hcp->arena = arena;
    hcp->due_floor = NULL;
    nba_hcp_blank(hcp);
    hcp->hcp_id = nba_arena_copy(arena, hcp_id);
    hcp->failed = hcp->hcp_id.bytes != hcp_id.bytes;
}

struct nba_str nba_hcp_keep(struct nba_hcp *hcp, struct nba_str text, size_t bytes_max)
{
    if (text.bytes == 0 || text.bytes > bytes_max) {
        return nba_str(NULL, 0);
    }
    const struct nba_str copy = nba_arena_copy(hcp->arena, text);
    hcp->failed = hcp->failed || copy.data == NULL;
    return copy;
}

uint32_t nba_hcp_text_hash(struct nba_str text)
{
    if (text.bytes == 0) {
        return 0;
    }
    const uint32_t hash = (uint32_t)nba_xxh64(text.data, text.bytes);
    return hash != 0 ? hash : 1;
}

void nba_hcp_remove_item(void *items, size_t item_bytes, uint32_t *count, uint32_t index)
{
    char *at = (char *)items + index * item_bytes;
    NBA_ASSERT(index < *count);
    --*count;
    memmove(at, at + item_bytes, (*count - index) * item_bytes);
}

uint32_t nba_hcp_oldest_outcome(const struct nba_hcp *hcp, const struct nba_outcome_entry *like,
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

/* ---- fitting ---- */

/* Drops the next thing in the order of hcp.h; false when nothing may be dropped any more. */
static bool drop_one(struct nba_hcp *hcp)
{
    struct nba_hcp_profile *profile = &hcp->profile;
    uint32_t oldest = 0;
    if (hcp->awaited_count > 0) {
        NBA_HCP_REMOVE(hcp->awaited, hcp->awaited_count, 0);
    } else if (nba_hcp_oldest_outcome(hcp, NULL, &oldest) > 0) {
        NBA_HCP_REMOVE(hcp->outcomes, hcp->outcome_count, oldest);
    } else if (nba_hcp_ledger_drop_evidence(hcp)) {
        /* the contact still counts */
    } else if (profile->interest_count > 0) {
        profile->interest_count--;
    } else if (profile->registered_count > 0) {
        NBA_HCP_REMOVE(profile->registered_events, profile->registered_count, 0);
    } else if (hcp->pattern_count > 0) {
        NBA_HCP_REMOVE(hcp->patterns, hcp->pattern_count, 0);
    } else if (hcp->ring_count > 0) {
        NBA_HCP_REMOVE(hcp->ring, hcp->ring_count, 0);
    } else if (hcp->recent_count > 0) {
        NBA_HCP_REMOVE(hcp->recent, hcp->recent_count, 0);
    } else if (profile->specialty_count > 0) {
        profile->specialty_count--;
    } else if (hcp->delivery_count > 0) {
        NBA_HCP_REMOVE(hcp->deliveries, hcp->delivery_count, 0);
    } else if (hcp->quiet_count > 0) {
        NBA_HCP_REMOVE(hcp->quiet, hcp->quiet_count, 0);
    } else if (hcp->merged_count > 0) {
        NBA_HCP_REMOVE(hcp->merged_from, hcp->merged_count, 0);
    } else {
        return false;
    }
    return true;
}

void nba_hcp_fit(struct nba_hcp *hcp, size_t added_bytes)
{
    hcp->bytes_bound += added_bytes;
    if (hcp->bytes_bound + HCP_SLACK_BYTES <= NBA_HCP_BYTES_MAX) {
        return;
    }
    unsigned char room[NBA_HCP_BYTES_MAX];
    size_t bytes = nba_hcp_encode_into(hcp, room, sizeof(room));
    while (bytes == 0 && drop_one(hcp)) {
        bytes = nba_hcp_encode_into(hcp, room, sizeof(room));
    }
    NBA_ASSERT(bytes != 0);
    hcp->bytes_bound = bytes;
}

/* ---- duplicates ---- */

bool nba_hcp_is_duplicate(const struct nba_hcp *hcp, uint64_t event_hash, int64_t watermark_ms)
{
    for (uint32_t i = 0; i < hcp->recent_count; i++) {
        const struct nba_recent_event *seen = &hcp->recent[i];
        const int64_t age_ms = (int64_t)((uint64_t)watermark_ms - (uint64_t)seen->watermark_ms);
        if (seen->hash == event_hash && age_ms < NBA_HCP_DUPLICATE_MS) {
            return true;
        }
    }
    return false;
}

uint32_t nba_hcp_week_events(const struct nba_hcp *hcp, int64_t watermark_ms)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < hcp->recent_count; i++) {
        const int64_t seen_ms = hcp->recent[i].watermark_ms;
        count += (int64_t)((uint64_t)watermark_ms - (uint64_t)seen_ms) < NBA_HCP_DUPLICATE_MS;
    }
    return count;
}

void nba_hcp_remember_event(struct nba_hcp *hcp, uint64_t event_hash, int64_t watermark_ms)
{
    if (hcp->recent_count == NBA_HCP_RECENT_MAX) {
        NBA_HCP_REMOVE(hcp->recent, hcp->recent_count, 0);
    }
    hcp->recent[hcp->recent_count++] = (struct nba_recent_event){event_hash, watermark_ms};
    nba_hcp_fit(hcp, RECENT_EVENT_BYTES);
}

/* ---- the ring ---- */

void nba_hcp_push(struct nba_hcp *hcp, const struct nba_ring_event *ring_event)
{
    NBA_ASSERT(ring_event->type < NBA_EVENT_TYPE_COUNT);
    NBA_ASSERT(ring_event->channel < NBA_CHANNEL_COUNT);
    if (hcp->ring_count == NBA_RING_EVENTS) {
        NBA_HCP_REMOVE(hcp->ring, hcp->ring_count, 0);
    }
    hcp->ring[hcp->ring_count++] = *ring_event;
    hcp->pushed++;
    nba_hcp_fit(hcp, RING_EVENT_BYTES);
}

void nba_hcp_window(const struct nba_hcp *hcp, uint32_t window, uint64_t *ret_start,
                    uint32_t *ret_count)
{
    NBA_ASSERT(window > 0 && 2 * window <= NBA_RING_EVENTS);
    const uint64_t blocks = hcp->pushed / window;
    const uint64_t anchored = blocks > 0 ? (blocks - 1) * window : 0;
    const uint64_t held = hcp->pushed - hcp->ring_count;
    *ret_start = anchored > held ? anchored : held;
    *ret_count = (uint32_t)(hcp->pushed - *ret_start);
}

const struct nba_ring_event *nba_hcp_ring_at(const struct nba_hcp *hcp, uint64_t index)
{
    NBA_ASSERT(index < hcp->pushed && hcp->pushed - index <= hcp->ring_count);
    return &hcp->ring[hcp->ring_count - (hcp->pushed - index)];
}

uint32_t nba_hcp_channel_trials(const struct nba_hcp *hcp, enum nba_channel channel)
{
    const struct nba_channel_stats *stats = &hcp->channels[channel];
    const uint64_t answered = (uint64_t)stats->engaged + stats->refused;
    const uint64_t trials = stats->sent > answered ? stats->sent : answered;
    return trials < UINT32_MAX ? (uint32_t)trials : UINT32_MAX;
}

double nba_channel_rate(uint32_t engaged, uint32_t trials)
{
    return ((double)engaged + NBA_CHANNEL_RATE_WEIGHT * NBA_CHANNEL_RATE_PRIOR) /
           ((double)trials + NBA_CHANNEL_RATE_WEIGHT);
}

double nba_hcp_channel_rate(const struct nba_hcp *hcp, enum nba_channel channel)
{
    return nba_channel_rate(hcp->channels[channel].engaged, nba_hcp_channel_trials(hcp, channel));
}
