/* contact_policies.limits and .volumes of the policy file: the tables of one, and what reads their
 * values. */
#include <stddef.h>
#include <string.h>

#include "nba/state/hcp.h"
#include "policy_table.h"

static enum nba_status read_per(const struct place *place)
{
    const enum nba_status status = nba_read_mask(place);
    return status != NBA_OK || (*(const uint32_t *)place->field & PER_HCP) != 0
               ? status
               : nba_yaml_fail(place->node, place->parse->error,
                               "expected hcp among them; what reps can take is "
                               "contact_policies.capacity");
}

/* Months have no length of their own: a window of one could be shorter than one inside it. */
static enum nba_status read_rolling(const struct place *place)
{
    const struct nba_duration *rolling = place->field;
    const enum nba_status status = nba_read_duration(place);
    return status != NBA_OK || rolling->months == 0
               ? status
               : nba_yaml_fail(place->node, place->parse->error,
                               "expected a duration in days or less such as P30D: months are for "
                               "calendar windows");
}

/* NULL: the HCP's own. */
static enum nba_status read_zone(const struct place *place)
{
    struct nba_str name = {0};
    const struct nba_zone **zone = place->field;
    const enum nba_status status = nba_yaml_text(place->node, &name, place->parse->error);
    if (status != NBA_OK || nba_str_is(name, "hcp")) {
        return status;
    }
    *zone = nba_zone_find(nba_str_is(name, "utc") ? nba_str_of("UTC") : name);
    return *zone != NULL ? NBA_OK
                         : nba_yaml_fail(place->node, place->parse->error,
                                         "expected hcp, utc or a time zone such as Europe/Zurich");
}

static enum nba_status read_window(const struct place *place)
{
    const struct nba_yaml_node *node = place->node;
    struct nba_error *error = place->parse->error;
    const enum nba_status status =
        nba_read_table(place->parse, place->key->each, node, place->field);
    const bool rolling = status == NBA_OK && nba_yaml_get(node, "rolling") != NULL;
    const bool calendar = status == NBA_OK && nba_yaml_get(node, "calendar") != NULL;
    if (status == NBA_OK && rolling == calendar) {
        return nba_yaml_fail(node, error, "expected one of rolling and calendar");
    }
    return rolling && nba_yaml_get(node, "tz") != NULL
               ? nba_yaml_fail(nba_yaml_get(node, "tz"), error,
                               "expected with calendar only: a rolling window needs no time zone")
               : status;
}

static const char *const calendars[] = {"day", "week", "month", NULL};
static const char *const pers[] = {"hcp", "brand", "content", NULL};
#define AT(member) offsetof(struct policy_limit, member)
static const struct key window_keys[] = {
    {"rolling", read_rolling, .at = AT(rolling)},
    {"calendar", nba_read_word, .at = AT(calendar), .words = calendars, .first = CALENDAR_DAY},
    {"tz", read_zone, .at = AT(zone)},
    {0},
};
const struct key nba_policy_limit_keys[] = {
    {"id", nba_read_id, .at = AT(id), .needed = "a name for the rule"},
    {"per", read_per, .at = AT(per), .needed = "[hcp] or [hcp, brand]", .words = pers},
    {"channel", nba_read_mask, .at = AT(channels), .words = nba_policy_channels + 1, .first = 1},
    {"max", nba_read_count, .at = AT(max), .needed = "a whole number of contacts, 0 for never",
     .max = NBA_HCP_LEDGER_MAX},
    {"window", read_window, .needed = "{rolling: P7D} or {calendar: month, tz: hcp}",
     .each = window_keys},
    {0},
};
#undef AT

/* ---- volumes ---- */

static const char *const volume_pers[] = {"content", "campaign", "brand", "channel", NULL};
static const char *const fulls[] = {"replace_lowest", "refuse", NULL};

#define ONLY_MAX 100u

/* It is part of the budget's id, which goes on behind a colon. */
static enum nba_status read_volume_id(const struct place *place)
{
    const struct nba_str id = place->node->text;
    const enum nba_status status = nba_read_id(place);
    return status == NBA_OK &&
                   (id.bytes > NBA_VOLUME_RULE_BYTES_MAX || memchr(id.data, ':', id.bytes) != NULL)
               ? nba_yaml_fail(place->node, place->parse->error,
                               "expected a name of at most %u bytes and without a colon",
                               NBA_VOLUME_RULE_BYTES_MAX)
               : status;
}

static enum nba_status read_only(const struct place *place)
{
    struct nba_error *error = place->parse->error;
    struct policy_volume *rule =
        (void *)((char *)place->field - offsetof(struct policy_volume, only));
    enum nba_status status = nba_yaml_expect(place->node, NBA_YAML_LIST, error);
    if (status != NBA_OK) {
        return status;
    }
    if (rule->per == VOLUME_CHANNEL) {
        return nba_yaml_fail(place->node, error,
                             "expected with content, campaign or brand; channels are `channel`");
    }
    const uint32_t count = place->node->count;
    if (count == 0 || count > ONLY_MAX) {
        return nba_yaml_fail(place->node, error, "expected 1 to %u ids", ONLY_MAX);
    }
    struct nba_str *items = nba_arena_zeros(&place->parse->policy->arena, count, sizeof(*items));
    if (items == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "policy: out of memory");
    }
    const struct nba_yaml_node *node = place->node->first;
    for (uint32_t i = 0; i < count && status == NBA_OK; i++, node = node->next) {
        status = rule->per == VOLUME_BRAND ? nba_policy_check_brand(place->parse, node) : NBA_OK;
        if (status == NBA_OK) {
            status = nba_yaml_text(node, &items[i], error);
        }
    }
    rule->only = (struct nba_str_list){items, count};
    return status;
}

/* A budget has no HCP whose clock could count. */
static enum nba_status read_volume_zone(const struct place *place)
{
    struct nba_str name = {0};
    const struct nba_zone **zone = place->field;
    const enum nba_status status = nba_yaml_text(place->node, &name, place->parse->error);
    if (status != NBA_OK) {
        return status;
    }
    *zone = nba_zone_find(nba_str_is(name, "utc") ? nba_str_of("UTC") : name);
    return *zone != NULL ? NBA_OK
                         : nba_yaml_fail(place->node, place->parse->error,
                                         "expected utc or a time zone such as Europe/Zurich");
}

#define AT(member) offsetof(struct policy_volume, member)
const struct key nba_policy_volume_keys[] = {
    {"id", read_volume_id, .at = AT(id), .needed = "a name for the rule"},
    {"per", nba_read_word, .at = AT(per), .needed = "content, campaign, brand or channel",
     .words = volume_pers},
    {"only", read_only, .at = AT(only)},
    {"channel", nba_read_mask, .at = AT(channels), .words = nba_policy_channels + 1, .first = 1},
    {"max", nba_read_count, .at = AT(max), .needed = "a whole number of actions, 0 for never",
     .max = NBA_VOLUME_MAX},
    {"window", nba_read_map, .needed = "{calendar: week, tz: utc}"},
    {"window.calendar", nba_read_word, .at = AT(calendar), .needed = "day, week or month",
     .words = calendars, .first = CALENDAR_DAY},
    {"window.tz", read_volume_zone, .at = AT(zone),
     .needed = "utc or a time zone such as Europe/Zurich"},
    {"when_full", nba_read_word, .at = AT(when_full), .needed = "replace_lowest or refuse",
     .words = fulls},
    {0},
};
#undef AT
