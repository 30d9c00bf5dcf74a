/*
 * The ledger of contacts: what was sent and what is planned, in the order of its time.  Limits
 * count it (src/policy/funnel_limits.c).
 */
#include "hcp_internal.h"
#include "nba/base/assert.h"

#define CONTACT_BYTES 40u /* besides the evidence */

/* What an event of a type says of the contact it is about. */
enum says {
    TOOK_PLACE = 1,
    ALONE = 2, /* it is one, whether we planned it or not */
};

static const uint8_t says[NBA_EVENT_TYPE_COUNT] = {
    [NBA_EVENT_EMAIL_SENT] = TOOK_PLACE | ALONE,
    [NBA_EVENT_EMAIL_DELIVERED] = TOOK_PLACE | ALONE,
    [NBA_EVENT_EMAIL_OPENED] = TOOK_PLACE,
    [NBA_EVENT_EMAIL_CLICKED] = TOOK_PLACE,
    [NBA_EVENT_REP_CALL_COMPLETED] = TOOK_PLACE | ALONE,
    [NBA_EVENT_ACTION_SENT] = TOOK_PLACE | ALONE,
    [NBA_EVENT_ACTION_DELIVERED] = TOOK_PLACE,
    [NBA_EVENT_ACTION_EXECUTED] = TOOK_PLACE,
    [NBA_EVENT_ACTION_COMPLETED] = TOOK_PLACE,
};

/* Its place; the number of entries when there is none. */
static uint32_t index_of(const struct nba_hcp *hcp, uint32_t key)
{
    uint32_t i = 0;
    while (i < hcp->ledger_count &&
           (key == 0 || (hcp->ledger[i].action_key != key && hcp->ledger[i].message_key != key))) {
        i++;
    }
    return i;
}

const struct nba_ledger_entry *nba_hcp_ledger_find(const struct nba_hcp *hcp, uint32_t key)
{
    const uint32_t i = index_of(hcp, key);
    return i < hcp->ledger_count ? &hcp->ledger[i] : NULL;
}

static struct nba_str message_of(const struct nba_event *event)
{
    return event->message_id.bytes != 0 ? event->message_id : event->call_id;
}

const struct nba_ledger_entry *nba_hcp_ledger_of(const struct nba_hcp *hcp,
                                                 const struct nba_event *event)
{
    const struct nba_ledger_entry *entry =
        nba_hcp_ledger_find(hcp, nba_hcp_text_hash(event->action_id));
    return entry != NULL ? entry : nba_hcp_ledger_find(hcp, nba_hcp_text_hash(message_of(event)));
}

/* Its texts are the record's own. */
static void insert(struct nba_hcp *hcp, const struct nba_ledger_entry *entry)
{
    if (hcp->ledger_count == NBA_HCP_LEDGER_MAX) {
        if (entry->time_ms < hcp->ledger[0].time_ms) {
            return;
        }
        NBA_HCP_REMOVE(hcp->ledger, hcp->ledger_count, 0);
    }
    uint32_t at = hcp->ledger_count++;
    for (; at > 0 && entry->time_ms < hcp->ledger[at - 1].time_ms; at--) {
        hcp->ledger[at] = hcp->ledger[at - 1];
    }
    hcp->ledger[at] = *entry;
}

bool nba_hcp_ledger_release(struct nba_hcp *hcp, uint32_t key)
{
    const uint32_t i = index_of(hcp, key);
    if (i == hcp->ledger_count) {
        return false;
    }
    NBA_HCP_REMOVE(hcp->ledger, hcp->ledger_count, i);
    return true;
}

void nba_hcp_ledger_reserve(struct nba_hcp *hcp, const struct nba_ledger_entry *entry)
{
    struct nba_ledger_entry kept = *entry;
    (void)nba_hcp_ledger_release(hcp, entry->action_key);
    (void)nba_hcp_ledger_release(hcp, entry->message_key);
    kept.evidence_event_id = nba_hcp_keep(hcp, entry->evidence_event_id, NBA_ID_BYTES_MAX);
    insert(hcp, &kept);
    nba_hcp_fit(hcp, CONTACT_BYTES + kept.evidence_event_id.bytes);
}

bool nba_hcp_ledger_commit(struct nba_hcp *hcp, uint32_t key, int64_t time_ms)
{
    const uint32_t i = index_of(hcp, key);
    if (i == hcp->ledger_count) {
        return false;
    }
    struct nba_ledger_entry entry = hcp->ledger[i];
    entry.time_ms = entry.committed && entry.time_ms < time_ms ? entry.time_ms : time_ms;
    entry.committed = true;
    entry.expires_at_ms = NBA_TIME_NONE;
    NBA_HCP_REMOVE(hcp->ledger, hcp->ledger_count, i);
    insert(hcp, &entry);
    nba_hcp_fit(hcp, CONTACT_BYTES);
    return true;
}

bool nba_hcp_ledger_drop_evidence(struct nba_hcp *hcp)
{
    uint32_t i = 0;
    while (i < hcp->ledger_count && hcp->ledger[i].evidence_event_id.bytes == 0) {
        i++;
    }
    if (i < hcp->ledger_count) {
        hcp->ledger[i].evidence_event_id = nba_str(NULL, 0);
    }
    return i < hcp->ledger_count;
}

/* ---- what events say ---- */

/* Contact number `i` is what the event speaks of; both ids lead to it from now on. */
static void commit_known(struct nba_hcp *hcp, uint32_t i, const struct nba_event *event)
{
    struct nba_ledger_entry *entry = &hcp->ledger[i];
    if (!entry->committed) { /* what was planned is a fact now */
        entry->evidence_event_id = nba_hcp_keep(hcp, event->event_id, NBA_ID_BYTES_MAX);
        nba_hcp_fit(hcp, entry->evidence_event_id.bytes);
    }
    const uint32_t action_key = nba_hcp_text_hash(event->action_id);
    const uint32_t message_key = nba_hcp_text_hash(message_of(event));
    entry->action_key = entry->action_key != 0 ? entry->action_key : action_key;
    entry->message_key = entry->message_key != 0 ? entry->message_key : message_key;
    (void)nba_hcp_ledger_commit(
        hcp, entry->action_key != 0 ? entry->action_key : entry->message_key, event->event_time_ms);
}

static void add_unplanned(struct nba_hcp *hcp, const struct nba_event *event,
                          const struct nba_content_facts *facts)
{
    const struct nba_outcome_entry about = nba_hcp_about(hcp, event, facts);
    struct nba_ledger_entry entry = {
        .action_key = nba_hcp_text_hash(event->action_id),
        .message_key = nba_hcp_text_hash(message_of(event)),
        .brand_hash = nba_hcp_text_hash(about.brand),
        .family_hash = nba_hcp_text_hash(about.family_id),
        .channel = about.channel,
        .committed = true,
        .time_ms = event->event_time_ms,
        .expires_at_ms = NBA_TIME_NONE,
        .evidence_event_id = event->event_id,
    };
    if (entry.action_key == 0 && entry.message_key == 0) {
        entry.message_key = nba_hcp_text_hash(event->event_id);
    }
    if (about.channel != NBA_CHANNEL_UNKNOWN) {
        nba_hcp_ledger_reserve(hcp, &entry);
    }
}

void nba_hcp_apply_contact(struct nba_hcp *hcp, const struct nba_event *event,
                           const struct nba_content_facts *facts)
{
    const uint32_t by_action = index_of(hcp, nba_hcp_text_hash(event->action_id));
    const uint32_t by_message = index_of(hcp, nba_hcp_text_hash(message_of(event)));
    if ((says[event->type] & TOOK_PLACE) == 0) {
        return;
    }
    if (by_action < hcp->ledger_count && by_message < hcp->ledger_count &&
        by_action != by_message) {
        /* The message was noted before we knew whose it is. */
        NBA_HCP_REMOVE(hcp->ledger, hcp->ledger_count, by_message);
        commit_known(hcp, by_action - (by_message < by_action), event);
    } else if (by_action < hcp->ledger_count || by_message < hcp->ledger_count) {
        commit_known(hcp, by_action < hcp->ledger_count ? by_action : by_message, event);
    } else if ((says[event->type] & ALONE) != 0) {
        add_unplanned(hcp, event, facts);
    }
}

void nba_hcp_ledger_restore(struct nba_hcp *hcp)
{
    for (uint32_t i = 0; i < hcp->outcome_count; i++) {
        const struct nba_outcome_entry *sent = &hcp->outcomes[i];
        if (sent->outcome == NBA_OUTCOME_SENT && sent->channel != NBA_CHANNEL_UNKNOWN) {
            insert(hcp, &(struct nba_ledger_entry){
                            .action_key = sent->action_hash,
                            .message_key = sent->message_hash,
                            .brand_hash = nba_hcp_text_hash(sent->brand),
                            .family_hash = nba_hcp_text_hash(sent->family_id),
                            .channel = sent->channel,
                            .committed = true,
                            .time_ms = sent->time_ms,
                            .expires_at_ms = NBA_TIME_NONE,
                            .evidence_event_id = sent->evidence_event_id,
                        });
        }
    }
    for (uint32_t i = 0; i < hcp->action_count; i++) {
        const struct nba_open_action *action = &hcp->actions[i];
        const uint32_t key = nba_hcp_text_hash(action->action_id);
        if (index_of(hcp, key) == hcp->ledger_count) {
            const bool sent = (action->flags & NBA_OPEN_ACTION_SENT) != 0;
            insert(hcp, &(struct nba_ledger_entry){
                            .action_key = key,
                            .message_key = nba_hcp_text_hash(action->message_id),
                            .brand_hash = nba_hcp_text_hash(action->brand),
                            .family_hash = nba_hcp_text_hash(action->family_id),
                            .channel = action->channel,
                            .committed = sent,
                            .time_ms = action->proposed_at_ms,
                            .expires_at_ms = sent ? NBA_TIME_NONE : action->expires_at_ms,
                        });
        }
    }
    nba_hcp_fit(hcp, (size_t)CONTACT_BYTES * hcp->ledger_count);
}

static bool is_recent(int64_t time_ms, int64_t now_ms)
{
    return time_ms <= now_ms && time_ms > now_ms - NBA_SATURATION_MS;
}

enum nba_saturation nba_hcp_saturation(const struct nba_hcp *hcp, int64_t now_ms)
{
    uint64_t contacts = 0;
    uint64_t answers = 0;
    uint64_t engaged = 0;
    uint64_t trials = 0;
    for (uint32_t i = 0; i < hcp->ledger_count; i++) {
        const struct nba_ledger_entry *entry = &hcp->ledger[i];
        contacts += entry->committed && !entry->ghost && is_recent(entry->time_ms, now_ms);
    }
    if (contacts < NBA_SATURATION_HIGH) {
        return contacts < NBA_SATURATION_LOW ? NBA_UNDERSATURATED : NBA_ON_TARGET;
    }
    for (uint32_t i = 0; i < hcp->ring_count; i++) {
        answers += is_recent(hcp->ring[i].time_ms, now_ms);
    }
    for (int channel = 0; channel < NBA_CHANNEL_COUNT; channel++) {
        engaged += hcp->channels[channel].engaged;
        trials += nba_hcp_channel_trials(hcp, (enum nba_channel)channel);
    }
    return 2 * answers * trials < engaged * contacts ? NBA_SATURATED : NBA_ON_TARGET;
}
