/*
 * Sections 10 to 16 of an HCP record: what decisions leave behind in it, each one walk that writes
 * and reads (hcp_wire.h).
 */
#ifndef NBA_STATE_HCP_SECTIONS_H
#define NBA_STATE_HCP_SECTIONS_H

#include "hcp_wire.h"

/* What is there of a contact. */
#define CONTACT_COMMITTED 1u
#define CONTACT_GHOST     2u
#define CONTACT_EXPIRES   4u
#define CONTACT_HASH      8u /* and 16, 32, 64: the four hashes */
#define CONTACT_FLAGS     127u

/*
 * The next index that is there, of a list that names them: writing, the next one from *index on
 * that `present` says, and its byte is put; reading, the one whose byte comes.  False at the end.
 */
HCP_WALK bool next_index(struct hcp_walk k, const bool *present, uint32_t count, uint32_t *index)
{
    if (!k.writing) {
        const uint32_t least = *index;
        if (k.w->next == k.w->end || k.w->failed) {
            return false;
        }
        *index = hcp_byte(k, 0, count - 1);
        hcp_check(k.w, *index >= least);
        return true;
    }
    while (*index < count && !present[*index]) {
        ++*index;
    }
    if (*index < count) {
        hcp_put_byte(k.w, *index);
    }
    return *index < count;
}

/* Needs no libm: all exponent bits set means infinite or NaN. */
static inline bool is_finite(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return (bits >> 52 & 0x7ff) != 0x7ff;
}

HCP_WALK void walk_double(struct hcp_walk k, double *value)
{
    hcp_fixed(k, value, sizeof(*value));
    hcp_check(k.w, k.writing || is_finite(*value));
}

HCP_WALK void walk_triggers(struct hcp_walk k, struct nba_hcp *hcp)
{
    int64_t times[NBA_HCP_PATTERNS_MAX];
    hcp_count(k, &hcp->pattern_count, NBA_HCP_PATTERNS_MAX);
    for (uint32_t i = 0; i < hcp->pattern_count && k.writing; i++) {
        times[i] = hcp->patterns[i].time_ms;
    }
    hcp_times(k, times, hcp->pattern_count);
    for (uint32_t i = 0; i < hcp->pattern_count && !k.w->failed; i++) {
        struct nba_pattern_event *e = &hcp->patterns[i];
        e->time_ms = times[i];
        hcp_fixed(k, &e->trigger_hash, 4);
        hcp_fixed(k, &e->key_hash, 4);
        hcp_text(k, &e->brand);
        hcp_text(k, &e->event_id);
        e->flags = hcp_byte(k, e->flags, NBA_PATTERN_FLAGS);
        hcp_check(k.w, i == 0 || e[-1].time_ms <= e->time_ms);
    }
    hcp_count(k, &hcp->quiet_count, NBA_HCP_QUIET_MAX);
    for (uint32_t i = 0; i < hcp->quiet_count && !k.w->failed; i++) {
        hcp_fixed(k, &hcp->quiet[i].trigger_hash, 4);
        hcp_text(k, &hcp->quiet[i].brand);
        hcp_zigzag(k, &hcp->quiet[i].until_ms);
    }
    hcp_count(k, &hcp->delivery_count, NBA_HCP_DELIVERIES_MAX);
    for (uint32_t i = 0; i < hcp->delivery_count && !k.w->failed; i++) {
        hcp_fixed(k, &hcp->deliveries[i].message_hash, 4);
        hcp_zigzag(k, &hcp->deliveries[i].time_ms);
    }
}

HCP_WALK void walk_contact(struct hcp_walk k, struct nba_ledger_entry *entry)
{
    uint32_t *const hashes[] = {&entry->action_key, &entry->message_key, &entry->brand_hash,
                                &entry->family_hash};
    uint32_t flags = 0;
    if (k.writing) {
        flags = (entry->committed ? CONTACT_COMMITTED : 0) | (entry->ghost ? CONTACT_GHOST : 0) |
                (entry->expires_at_ms != NBA_TIME_NONE ? CONTACT_EXPIRES : 0);
        for (uint32_t i = 0; i < NBA_ARRAY_COUNT(hashes); i++) {
            flags |= *hashes[i] != 0 ? CONTACT_HASH << i : 0;
        }
    } else {
        *entry =
            (struct nba_ledger_entry){.time_ms = entry->time_ms, .expires_at_ms = NBA_TIME_NONE};
    }
    flags = hcp_byte(k, flags, CONTACT_FLAGS);
    entry->committed = (flags & CONTACT_COMMITTED) != 0;
    entry->ghost = (flags & CONTACT_GHOST) != 0;
    entry->channel = (enum nba_channel)hcp_byte(k, entry->channel, NBA_CHANNEL_COUNT - 1);
    for (uint32_t i = 0; i < NBA_ARRAY_COUNT(hashes); i++) {
        if ((flags & CONTACT_HASH << i) != 0) {
            hcp_fixed(k, hashes[i], sizeof(*hashes[i]));
        }
    }
    if ((flags & CONTACT_EXPIRES) != 0) {
        hcp_zigzag(k, &entry->expires_at_ms);
    }
    hcp_text(k, &entry->evidence_event_id);
}

HCP_WALK void walk_ledger(struct hcp_walk k, struct nba_hcp *hcp)
{
    int64_t times[NBA_HCP_LEDGER_MAX];
    hcp_count(k, &hcp->ledger_count, NBA_HCP_LEDGER_MAX);
    for (uint32_t i = 0; i < hcp->ledger_count && k.writing; i++) {
        times[i] = hcp->ledger[i].time_ms;
    }
    hcp_times(k, times, hcp->ledger_count);
    for (uint32_t i = 0; i < hcp->ledger_count && !k.w->failed; i++) {
        hcp->ledger[i].time_ms = times[i];
        hcp_check(k.w, i == 0 || times[i - 1] <= times[i]);
        walk_contact(k, &hcp->ledger[i]);
    }
}

HCP_WALK void walk_held(struct hcp_walk k, struct nba_hcp *hcp)
{
    hcp_count(k, &hcp->held_count, NBA_HCP_HELD_MAX);
    for (uint32_t i = 0; i < hcp->held_count && !k.w->failed; i++) {
        struct nba_held_action *h = &hcp->held[i];
        double *const factors[] = {&h->propensity,     &h->sampled_propensity,
                                   &h->context_weight, &h->value,
                                   &h->lever_weight,   &h->selection_probability};
        hcp_numbered(k, &h->action_id);
        hcp_zigzag(k, &h->planned_ms);
        h->reason = (enum nba_reason)hcp_byte(k, h->reason, NBA_REASON_NUMBER_MAX);
        for (size_t j = 0; j < NBA_ARRAY_COUNT(factors); j++) {
            walk_double(k, factors[j]);
        }
        hcp_text(k, &h->trigger_event_id);
        hcp_text(k, &h->model_version);
        hcp_count(k, &h->driver_count, NBA_DRIVERS_MAX);
        for (uint32_t j = 0; j < h->driver_count; j++) {
            h->drivers[j] = (enum nba_driver)hcp_byte(k, h->drivers[j], NBA_DRIVER_COUNT - 1);
            walk_double(k, &h->driver_weights[j]);
        }
        hcp_count(k, &h->evidence_count, NBA_HCP_EVIDENCE_MAX);
        for (uint32_t j = 0; j < h->evidence_count; j++) {
            hcp_text(k, &h->evidence[j]);
        }
    }
}

static inline bool find_hours(const struct nba_hcp *hcp, bool present[NBA_HCP_WEEK_HOURS])
{
    bool any = false;
    for (uint32_t hour = 0; hour < NBA_HCP_WEEK_HOURS; hour++) {
        present[hour] = hcp->week[hour] != 0;
        any = any || present[hour];
    }
    return any;
}

HCP_WALK void walk_week(struct hcp_walk k, struct nba_hcp *hcp)
{
    bool present[NBA_HCP_WEEK_HOURS];
    (void)find_hours(hcp, present);
    for (uint32_t hour = 0; next_index(k, present, NBA_HCP_WEEK_HOURS, &hour); hour++) {
        hcp->week[hour] = (uint8_t)hcp_byte(k, hcp->week[hour], UINT8_MAX);
        hcp_check(k.w, hcp->week[hour] != 0);
    }
}

HCP_WALK void walk_features(struct hcp_walk k, struct nba_hcp_features *features)
{
    uint64_t *const sums[] = {&features->engagements, &features->touches};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(sums); i++) {
        if (k.writing) {
            hcp_put_varint(k.w, *sums[i]);
        } else {
            *sums[i] = hcp_take_varint(k.w);
        }
    }
    features->engaged[0] = 0;
    features->trials[0] = 0;
    features->week_events = k.writing ? features->week_events : 0; /* section 17 has it */
    for (uint32_t channel = 1; channel < NBA_CHANNEL_COUNT; channel++) {
        hcp_count(k, &features->engaged[channel], UINT32_MAX);
        hcp_count(k, &features->trials[channel], UINT32_MAX);
    }
}

static inline bool find_reps(const struct nba_hcp *hcp, bool present[NBA_HCP_OUTCOMES_MAX])
{
    bool any = false;
    for (uint32_t i = 0; i < hcp->outcome_count; i++) {
        present[i] = hcp->outcomes[i].rep_id.bytes != 0;
        any = any || present[i];
    }
    return any;
}

HCP_WALK void walk_feedback(struct hcp_walk k, struct nba_hcp *hcp)
{
    bool reps[NBA_HCP_OUTCOMES_MAX];
    hcp_count(k, &hcp->awaited_count, NBA_HCP_AWAITED_MAX);
    for (uint32_t i = 0; i < hcp->awaited_count && !k.w->failed; i++) {
        struct nba_awaited_action *a = &hcp->awaited[i];
        hcp_numbered(k, &a->action_id);
        hcp_text(k, &a->content_id);
        a->action_type =
            (enum nba_action_type)hcp_byte(k, a->action_type, NBA_ACTION_TYPE_COUNT - 1);
        a->channel = (enum nba_channel)hcp_byte(k, a->channel, NBA_CHANNEL_COUNT - 1);
        hcp_zigzag(k, &a->decided_ms);
        hcp_zigzag(k, &a->until_ms);
        hcp_fixed(k, &a->message_hash, 4);
        hcp_count(k, &a->outcomes, UINT32_MAX);
        walk_features(k, &a->features);
    }
    (void)find_reps(hcp, reps);
    for (uint32_t i = 0; hcp->outcome_count != 0 && next_index(k, reps, hcp->outcome_count, &i);
         i++) {
        hcp_text(k, &hcp->outcomes[i].rep_id);
        hcp_check(k.w, hcp->outcomes[i].rep_id.bytes != 0);
    }
}

static inline bool has_links(const struct nba_hcp *hcp)
{
    return hcp->merged_into.bytes != 0 || hcp->merged_count != 0;
}

/* Does an awaited action know how busy its HCP was. */
static inline bool has_busy(const struct nba_hcp *hcp)
{
    uint32_t any = 0;
    for (uint32_t i = 0; i < hcp->awaited_count; i++) {
        any |= hcp->awaited[i].features.week_events;
    }
    return any != 0;
}

HCP_WALK void walk_busy(struct hcp_walk k, struct nba_hcp *hcp)
{
    for (uint32_t i = 0; i < hcp->awaited_count && !k.w->failed; i++) {
        uint32_t *week_events = &hcp->awaited[i].features.week_events;
        *week_events = hcp_byte(k, *week_events, NBA_HCP_RECENT_MAX);
    }
    hcp_check(k.w, has_busy(hcp));
}

HCP_WALK void walk_merged(struct hcp_walk k, struct nba_hcp *hcp)
{
    hcp_text(k, &hcp->merged_into);
    hcp_count(k, &hcp->merged_count, NBA_HCP_MERGED_MAX);
    for (uint32_t i = 0; i < hcp->merged_count && !k.w->failed; i++) {
        hcp_text(k, &hcp->merged_from[i]);
        hcp_check(k.w, hcp->merged_from[i].bytes != 0);
    }
}

#endif
