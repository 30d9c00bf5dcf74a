/* What came of the actions: outcomes joined to them until their reward windows end. */
#include "hcp_internal.h"
#include "nba/base/assert.h"

#define AWAITED_BYTES 120u /* besides the texts: times, numbers of every channel */

void nba_hcp_features(const struct nba_hcp *hcp, int64_t watermark_ms,
                      struct nba_hcp_features *ret_features)
{
    ret_features->week_events = nba_hcp_week_events(hcp, watermark_ms);
    ret_features->engagements = hcp->pushed;
    ret_features->touches = hcp->touches;
    for (uint32_t channel = 0; channel < NBA_CHANNEL_COUNT; channel++) {
        ret_features->engaged[channel] = hcp->channels[channel].engaged;
        ret_features->trials[channel] = nba_hcp_channel_trials(hcp, (enum nba_channel)channel);
    }
}

static void drop_ended(struct nba_hcp *hcp, int64_t oldest_ms)
{
    for (uint32_t i = hcp->awaited_count; i > 0; i--) {
        if (hcp->awaited[i - 1].until_ms <= oldest_ms) {
            NBA_HCP_REMOVE(hcp->awaited, hcp->awaited_count, i - 1);
        }
    }
}

void nba_hcp_await(struct nba_hcp *hcp, const struct nba_awaited_action *action, int64_t oldest_ms)
{
    struct nba_awaited_action kept = *action;
    drop_ended(hcp, oldest_ms);
    if (hcp->awaited_count == NBA_HCP_AWAITED_MAX) {
        NBA_HCP_REMOVE(hcp->awaited, hcp->awaited_count, 0);
    }
    kept.action_id = nba_hcp_keep(hcp, action->action_id, NBA_HCP_ACTION_TEXT_BYTES_MAX);
    kept.content_id = nba_hcp_keep(hcp, action->content_id, NBA_ID_BYTES_MAX);
    hcp->awaited[hcp->awaited_count++] = kept;
    nba_hcp_fit(hcp, AWAITED_BYTES + kept.action_id.bytes + kept.content_id.bytes);
}

static struct nba_awaited_action *find(struct nba_hcp *hcp, const struct nba_event *event)
{
    const uint32_t message_hash = nba_hcp_text_hash(event->message_id);
    struct nba_awaited_action *by_message = NULL;
    for (uint32_t i = hcp->awaited_count; i > 0; i--) {
        struct nba_awaited_action *action = &hcp->awaited[i - 1];
        if (event->action_id.bytes != 0 && nba_str_equal(action->action_id, event->action_id)) {
            return action;
        }
        if (message_hash != 0 && action->message_hash == message_hash) {
            by_message = action;
        }
    }
    return by_message;
}

bool nba_hcp_join(struct nba_hcp *hcp, const struct nba_event *event,
                  struct nba_joined_outcome *ret_joined)
{
    const enum nba_outcome outcome = nba_event_type_outcome(event->type);
    struct nba_awaited_action *action = find(hcp, event);
    if (action == NULL || event->event_time_ms >= action->until_ms) {
        return false;
    }
    if (action->message_hash == 0) {
        action->message_hash = nba_hcp_text_hash(event->message_id);
    }
    if (outcome == NBA_OUTCOME_NONE ||
        (event->type == NBA_EVENT_CLM_SLIDE_VIEWED && event->reaction < 0)) {
        return false;
    }
    const uint32_t bit = 1u << (unsigned)outcome;
    *ret_joined = (struct nba_joined_outcome){action, outcome, (action->outcomes & bit) == 0};
    action->outcomes |= bit;
    return true;
}
