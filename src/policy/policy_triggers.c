/* The key `triggers` of the policy file, and what the pipeline asks of triggers and filters. */
#include <string.h>

#include "nba/base/assert.h"
#include "policy_table.h"

#define WITHIN_MS_MAX (366 * NBA_DAY_MS)

/* ---- the key ---- */

/* It is part of decision ids, where `release` stands for the release of held actions. */
static enum nba_status read_id(const struct place *place)
{
    const struct nba_str id = place->node->text;
    const enum nba_status status = nba_read_id(place);
    return status == NBA_OK &&
                   (nba_str_is(id, "release") || id.bytes > POLICY_TRIGGER_ID_BYTES_MAX ||
                    memchr(id.data, ':', id.bytes) != NULL)
               ? nba_yaml_fail(place->node, place->parse->error,
                               "expected a name other than release, of at most %u bytes and "
                               "without a colon",
                               POLICY_TRIGGER_ID_BYTES_MAX)
               : status;
}

static enum nba_status read_per(const struct place *place)
{
    const enum nba_status status = nba_read_mask(place);
    return status != NBA_OK || (*(uint32_t *)place->field & PER_HCP) != 0
               ? status
               : nba_yaml_fail(place->node, place->parse->error, "expected [hcp] or [hcp, brand]");
}

/* Of a fixed length: two events of different times are never due at one moment. */
static enum nba_status read_within(const struct place *place)
{
    const struct nba_duration *within = place->field;
    const enum nba_status status = nba_read_duration(place);
    return status != NBA_OK || (within->months == 0 && within->ms <= WITHIN_MS_MAX)
               ? status
               : nba_yaml_fail(place->node, place->parse->error,
                               "expected days, hours, minutes or seconds, at most P366D");
}

/* The channel that an action of this type takes when nothing is said. */
static const enum nba_channel channels[NBA_ACTION_TYPE_COUNT] = {
    [NBA_ACTION_TYPE_EMAIL] = NBA_CHANNEL_EMAIL,
    [NBA_ACTION_TYPE_REP_EMAIL] = NBA_CHANNEL_REP,
    [NBA_ACTION_TYPE_REP_CALL] = NBA_CHANNEL_REP,
    [NBA_ACTION_TYPE_REP_CALL_OBJECTIVE] = NBA_CHANNEL_REP,
    [NBA_ACTION_TYPE_EVENT_INVITE] = NBA_CHANNEL_EVENT,
    [NBA_ACTION_TYPE_PORTAL_CONTENT] = NBA_CHANNEL_WEB,
    [NBA_ACTION_TYPE_INSIGHT] = NBA_CHANNEL_REP,
};

static const char *const pers[] = {"hcp", "brand", NULL};
static const char *const sames[] = {"message_id", "content_id", NULL};
/* OTHER is no driver of ours, and comes last. */
#define NBA_X(constant) NBA_DRIVER_##constant != NBA_DRIVER_OTHER ? #constant : NULL,
static const char *const drivers[] = {NBA_DRIVER_MAP(NBA_X)};
#undef NBA_X

#define AT(member) offsetof(struct policy_trigger, member)
static const struct key keys[] = {
    {"id", read_id, .at = AT(id), .needed = "a name for the trigger"},
    {"pattern", nba_read_map, .needed = "event and without"},
    {"pattern.event", nba_read_event_type, .at = AT(when.event), .needed = "an event type"},
    {"pattern.consecutive", nba_read_count, .at = AT(when.consecutive), .min = 1,
     .max = NBA_TRIGGER_EVENTS_MAX},
    {"pattern.per", read_per, .at = AT(per), .words = pers},
    {"pattern.without", nba_read_map, .needed = "event and within"},
    {"pattern.without.event", nba_read_event_type, .at = AT(when.without),
     .needed = "an event type"},
    {"pattern.without.same", nba_read_word, .at = AT(when.same), .words = sames,
     .first = NBA_SAME_MESSAGE},
    {"pattern.without.within", read_within, .at = AT(within), .needed = "a duration"},
    {"then", nba_read_map, .needed = "action_type and driver"},
    {"then.action_type", nba_read_word, .at = AT(action_type), .needed = "an action type",
     .words = nba_policy_action_types + 1, .first = 1},
    {"then.channel", nba_read_word, .at = AT(channel), .words = nba_policy_channels + 1,
     .first = 1},
    {"then.content_id", nba_read_text, .at = AT(content_id)},
    {"then.driver", nba_read_word, .at = AT(driver), .needed = "a driver code", .words = drivers},
    {"then.topic", nba_read_text, .at = AT(topic)},
    {"once_per", nba_read_duration, .at = AT(once_per)},
    {0},
};
#undef AT

static enum nba_status read_trigger(const struct place *place)
{
    struct nba_policy *policy = place->parse->policy;
    struct policy_trigger *trigger = place->field;
    const enum nba_status status = nba_read_table(place->parse, keys, place->node, trigger);
    trigger->when.hash = nba_hcp_text_hash(trigger->id);
    trigger->when.per_brand = (trigger->per & PER_BRAND) != 0;
    trigger->when.within_ms = trigger->within.ms;
    if (trigger->channel == NBA_CHANNEL_UNKNOWN) {
        trigger->channel = channels[trigger->action_type];
    }
    for (const struct policy_trigger *t = policy->triggers; t < trigger && status == NBA_OK; t++) {
        if (t->when.hash == trigger->when.hash) {
            return nba_yaml_fail(place->node, place->parse->error,
                                 "expected an id whose hash is not that of '%.*s'",
                                 NBA_STR_ARG(t->id));
        }
    }
    policy->patterns[trigger - policy->triggers] = trigger->when;
    return status;
}

static const struct policy_trigger one_event = {.when = {.consecutive = 1}, .per = PER_HCP};
const struct items nba_policy_triggers = {
    NBA_YAML_LIST,
    NULL,
    read_trigger,
    sizeof(struct policy_trigger),
    offsetof(struct nba_policy, trigger_count),
    0,
    POLICY_TRIGGERS_MAX,
    "triggers",
    &one_event,
};

/* ---- asked by the pipeline ---- */

bool nba_policy_is_too_soon(const struct nba_policy *policy, const struct nba_hcp *hcp,
                            const struct nba_event *event)
{
    if (policy->delivery_seconds_min == 0 ||
        (event->type != NBA_EVENT_EMAIL_OPENED && event->type != NBA_EVENT_EMAIL_CLICKED)) {
        return false;
    }
    const int64_t delivered_ms = nba_hcp_delivered_ms(hcp, event->message_id);
    return delivered_ms != NBA_TIME_NONE &&
           event->event_time_ms < delivered_ms + (int64_t)policy->delivery_seconds_min * 1000;
}

void nba_policy_note(const struct nba_policy *policy, struct nba_hcp *hcp,
                     const struct nba_event *event, const struct nba_content_facts *facts,
                     int64_t now_ms)
{
    if (policy->delivery_seconds_min != 0) {
        nba_hcp_apply_delivery(hcp, event);
    }
    nba_hcp_apply_triggers(hcp, event, facts, now_ms, policy->patterns, policy->trigger_count);
}

bool nba_policy_next_trigger(const struct nba_policy *policy, struct nba_hcp *hcp, int64_t now_ms,
                             struct nba_trigger_due *ret_due)
{
    return nba_hcp_next_trigger(hcp, now_ms, policy->patterns, policy->trigger_count, ret_due);
}

struct nba_str nba_policy_trigger_id(const struct nba_policy *policy, uint32_t trigger)
{
    NBA_ASSERT(trigger < policy->trigger_count);
    return policy->triggers[trigger].id;
}

void nba_policy_trigger_fired(const struct nba_policy *policy, struct nba_hcp *hcp,
                              const struct nba_trigger_due *due, int64_t now_ms)
{
    const struct policy_trigger *trigger = &policy->triggers[due->trigger];
    if (trigger->once_per.months != 0 || trigger->once_per.ms != 0) {
        nba_hcp_quiet_trigger(hcp, &trigger->when, due->brand,
                              nba_duration_add(now_ms, trigger->once_per));
    }
}
