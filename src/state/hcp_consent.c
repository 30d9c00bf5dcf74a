/*
 * Consent: which record stays when two speak of the same scope, and what happens when the list is
 * full.  Both err towards "no": an opt-out is replaced by a newer record of its own scope only,
 * and leaves the list only by being widened.
 */
#include "hcp_internal.h"
#include "nba/base/assert.h"

#define CONSENT_BYTES 40u /* besides the texts */

static size_t consent_bytes(const struct nba_consent *consent)
{
    return CONSENT_BYTES + consent->scope_id.bytes + consent->evidence_event_id.bytes;
}

static size_t held_bytes(const struct nba_hcp *hcp)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < hcp->consent_count; i++) {
        bytes += consent_bytes(&hcp->consents[i]);
    }
    return bytes;
}

bool nba_hcp_consents_within_limit(const struct nba_hcp *hcp)
{
    return held_bytes(hcp) <= NBA_HCP_CONSENT_BYTES_MAX;
}

const struct nba_consent *nba_hcp_find_consent(const struct nba_hcp *hcp, enum nba_channel channel,
                                               enum nba_consent_scope scope,
                                               struct nba_str scope_id)
{
    for (uint32_t i = 0; i < hcp->consent_count; i++) {
        const struct nba_consent *consent = &hcp->consents[i];
        if (consent->channel == channel && consent->scope == scope &&
            nba_str_equal(consent->scope_id, scope_id)) {
            return consent;
        }
    }
    return NULL;
}

/* Removes the oldest record that isn't an opt-out; false if there is none. */
static bool drop_oldest_permission(struct nba_hcp *hcp)
{
    uint32_t oldest = hcp->consent_count;
    for (uint32_t i = 0; i < hcp->consent_count; i++) {
        if (hcp->consents[i].status != NBA_CONSENT_STATUS_OPT_OUT &&
            (oldest == hcp->consent_count ||
             hcp->consents[i].captured_at_ms < hcp->consents[oldest].captured_at_ms)) {
            oldest = i;
        }
    }
    if (oldest == hcp->consent_count) {
        return false;
    }
    NBA_HCP_REMOVE(hcp->consents, hcp->consent_count, oldest);
    return true;
}

/* The channel whose opt-outs are to be joined: `wanted` if any of its own aren't yet, else the one
 * with most of them.  False when all are. */
static bool channel_to_widen(const struct nba_hcp *hcp, enum nba_channel wanted,
                             enum nba_channel *ret_channel)
{
    uint32_t counts[NBA_CHANNEL_COUNT] = {0};
    enum nba_channel most = NBA_CHANNEL_UNKNOWN;
    for (uint32_t i = 0; i < hcp->consent_count; i++) {
        counts[hcp->consents[i].channel] +=
            !nba_str_is(hcp->consents[i].scope_id, NBA_CONSENT_WIDENED);
    }
    for (uint32_t channel = 0; channel < NBA_CHANNEL_COUNT; channel++) {
        if (counts[channel] > counts[most]) {
            most = (enum nba_channel)channel;
        }
    }
    *ret_channel = counts[wanted] > 0 ? wanted : most;
    return counts[*ret_channel] > 0;
}

/* Joins all opt-outs of `channel` into one of the whole channel. */
static void widen(struct nba_hcp *hcp, enum nba_channel channel)
{
    struct nba_consent wide = {.channel = channel,
                               .scope = channel == NBA_CHANNEL_UNKNOWN ? NBA_CONSENT_SCOPE_GLOBAL
                                                                       : NBA_CONSENT_SCOPE_CHANNEL,
                               .status = NBA_CONSENT_STATUS_OPT_OUT,
                               .scope_id = nba_str_of(NBA_CONSENT_WIDENED),
                               .captured_at_ms = INT64_MIN,
                               .expires_at_ms = NBA_TIME_NONE};
    for (uint32_t i = hcp->consent_count; i > 0; i--) {
        const struct nba_consent *consent = &hcp->consents[i - 1];
        if (consent->channel != channel) {
            continue;
        }
        if (consent->captured_at_ms >= wide.captured_at_ms) {
            wide.captured_at_ms = consent->captured_at_ms;
            wide.evidence_event_id = consent->evidence_event_id;
        }
        NBA_HCP_REMOVE(hcp->consents, hcp->consent_count, i - 1);
    }
    NBA_ASSERT(hcp->consent_count < NBA_HCP_CONSENTS_MAX);
    hcp->consents[hcp->consent_count++] = wide;
}

/* Stores a record whose scope isn't in the list. */
static void insert(struct nba_hcp *hcp, const struct nba_consent *consent)
{
    while (hcp->consent_count == NBA_HCP_CONSENTS_MAX ||
           held_bytes(hcp) + consent_bytes(consent) > NBA_HCP_CONSENT_BYTES_MAX) {
        if (drop_oldest_permission(hcp)) {
            continue;
        }
        if (consent->status != NBA_CONSENT_STATUS_OPT_OUT) {
            return; /* nothing but opt-outs: a permission doesn't push one out */
        }
        enum nba_channel channel;
        if (!channel_to_widen(hcp, consent->channel, &channel)) {
            /* Six widened records of 297 bytes at most; five leave room for any other record, so
             * this one's channel is among the six, and closed as a whole already. */
            return;
        }
        widen(hcp, channel);
    }
    hcp->consents[hcp->consent_count++] = *consent;
}

void nba_hcp_put_consent(struct nba_hcp *hcp, const struct nba_consent *consent)
{
    NBA_ASSERT(consent->channel < NBA_CHANNEL_COUNT && consent->status != 0);
    const struct nba_consent *stored =
        nba_hcp_find_consent(hcp, consent->channel, consent->scope, consent->scope_id);
    if (stored != NULL) {
        const bool newer = consent->captured_at_ms > stored->captured_at_ms;
        const bool stricter = consent->captured_at_ms == stored->captured_at_ms &&
                              consent->status == NBA_CONSENT_STATUS_OPT_OUT &&
                              stored->status != NBA_CONSENT_STATUS_OPT_OUT;
        if (!newer && !stricter) {
            return;
        }
        NBA_HCP_REMOVE(hcp->consents, hcp->consent_count, (uint32_t)(stored - hcp->consents));
    }
    struct nba_consent kept = *consent;
    kept.scope_id = nba_hcp_keep(hcp, consent->scope_id, NBA_ID_BYTES_MAX);
    kept.evidence_event_id = nba_hcp_keep(hcp, consent->evidence_event_id, NBA_ID_BYTES_MAX);
    insert(hcp, &kept);
    nba_hcp_fit(hcp, consent_bytes(&kept));
}

/* What an event says about consent, put into the terms of a record; false: nothing usable. */
static bool consent_of(const struct nba_event *event, struct nba_consent *ret_consent)
{
    const bool unsubscribed = event->type == NBA_EVENT_EMAIL_UNSUBSCRIBED;
    struct nba_consent consent = {
        .channel = nba_event_channel(event),
        .scope = event->scope_type,
        .status = unsubscribed ? NBA_CONSENT_STATUS_OPT_OUT : event->status,
        .scope_id = event->scope_id,
        .captured_at_ms = event->captured_at_ms != NBA_TIME_NONE && !unsubscribed
                              ? event->captured_at_ms
                              : event->event_time_ms,
        .expires_at_ms = unsubscribed ? NBA_TIME_NONE : event->expires_at_ms,
        .evidence_event_id = event->event_id,
    };
    if (consent.status == NBA_CONSENT_STATUS_UNKNOWN) {
        return false;
    }
    const bool named =
        consent.scope == NBA_CONSENT_SCOPE_BRAND || consent.scope == NBA_CONSENT_SCOPE_CONTENT_TYPE;
    if (consent.scope == NBA_CONSENT_SCOPE_BRAND && consent.scope_id.bytes == 0) {
        consent.scope_id = event->brand;
    }
    const bool usable =
        named ? consent.scope_id.bytes != 0 && consent.scope_id.bytes <= NBA_ID_BYTES_MAX
              : consent.scope != NBA_CONSENT_SCOPE_UNKNOWN;
    if (!usable) {
        /* An opt-out whose scope can't be told closes the whole channel. */
        if (consent.status != NBA_CONSENT_STATUS_OPT_OUT) {
            return false;
        }
        consent.scope = NBA_CONSENT_SCOPE_CHANNEL;
    }
    if (consent.scope == NBA_CONSENT_SCOPE_CHANNEL && consent.channel == NBA_CHANNEL_UNKNOWN) {
        if (consent.status != NBA_CONSENT_STATUS_OPT_OUT) {
            return false; /* permission for no channel in particular permits nothing */
        }
        consent.scope = NBA_CONSENT_SCOPE_GLOBAL;
    }
    if (consent.scope == NBA_CONSENT_SCOPE_GLOBAL) {
        consent.channel = NBA_CHANNEL_UNKNOWN;
    }
    if ((consent.scope == NBA_CONSENT_SCOPE_GLOBAL || consent.scope == NBA_CONSENT_SCOPE_CHANNEL) &&
        !nba_str_is(consent.scope_id, NBA_CONSENT_WIDENED)) {
        consent.scope_id = nba_str(NULL, 0);
    }
    *ret_consent = consent;
    return true;
}

void nba_hcp_apply_consent(struct nba_hcp *hcp, const struct nba_event *event)
{
    struct nba_consent consent;
    if (event->type != NBA_EVENT_CONSENT_CHANGED && event->type != NBA_EVENT_EMAIL_UNSUBSCRIBED) {
        return;
    }
    if (consent_of(event, &consent)) {
        nba_hcp_put_consent(hcp, &consent);
    }
}
