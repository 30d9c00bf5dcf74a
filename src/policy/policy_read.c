/*
 * The policy file: one table says what every key is, how it is read and into which field.
 *
 * A key's name is its path ("slate.size"); rows stand in the order in which they are read, a map
 * before its keys, and what a row needs (brands, a rule's scope) before the row.  One without a
 * reader is refused as of a later version.  Rules have tables of their own.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/state/hcp.h"
#include "policy_table.h"

#define NBA_X(constant, word) word,
const char *const nba_policy_channels[] = {NBA_CHANNEL_MAP(NBA_X) NULL};
const char *const nba_policy_action_types[] = {NBA_ACTION_TYPE_MAP(NBA_X) NULL};
const char *const nba_policy_classes[] = {NBA_CONTENT_CLASS_MAP(NBA_X) NULL};
static const char *const outcomes[] = {NBA_OUTCOME_MAP(NBA_X) NULL};
static const char *const bots[] = {NBA_BOT_MAP(NBA_X) NULL};
#undef NBA_X
#define NBA_X(constant, word, ring, outcome, channel) word,
const char *const nba_policy_event_types[] = {NBA_EVENT_TYPE_MAP(NBA_X) NULL};
#undef NBA_X

/* ---- readers of one key ---- */

enum nba_status nba_policy_check_brand(struct policy_parse *parse, const struct nba_yaml_node *node)
{
    const struct nba_policy *policy = parse->policy;
    struct nba_str brand = {0};
    const enum nba_status status = nba_yaml_text(node, &brand, parse->error);
    bool known = policy->brand_count == 0;
    for (uint32_t i = 0; i < policy->brand_count; i++) {
        known = known || nba_str_equal(policy->brands[i], brand);
    }
    return status != NBA_OK || known
               ? status
               : nba_yaml_fail(node, parse->error, "unknown brand, expected one of `brands`");
}

enum nba_status nba_read_event_type(const struct place *place)
{
    struct nba_error *error = place->parse->error;
    enum nba_event_type type = NBA_EVENT_UNKNOWN;
    const struct nba_yaml_node *node = place->node;
    const struct nba_str word = node->kind == NBA_YAML_SCALAR ? node->text : nba_str("", 0);
    if (!nba_event_type_of(word, &type) || type == NBA_EVENT_UNKNOWN) {
        const char *near = nba_yaml_nearest(word, nba_policy_event_types + 1);
        return nba_yaml_fail(node, error, "expected an event type%s%s%s",
                             near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                             near != NULL ? "'?" : "");
    }
    if (type == NBA_EVENT_CONTROL_TICK || type == NBA_EVENT_PROFILE_ERASED ||
        type == NBA_EVENT_PROFILE_MERGED) {
        return nba_yaml_fail(node, error, "expected an event that can start a decision");
    }
    *(enum nba_event_type *)place->field = type;
    return NBA_OK;
}

static enum nba_status read_decide_on(const struct place *place)
{
    bool *decide_on = place->parse->policy->decide_on;
    enum nba_event_type type = NBA_EVENT_UNKNOWN;
    const enum nba_status status =
        nba_read_event_type(&(struct place){place->parse, place->node, NULL, NULL, &type});
    if (status == NBA_OK && decide_on[type]) {
        return nba_yaml_fail(place->node, place->parse->error, "expected each event type once");
    }
    decide_on[type] = true;
    return status;
}

/* The row knows which scope its key is of. */
static enum nba_status read_target(const struct place *place)
{
    struct nba_exclusion *exclusion = place->field;
    if (exclusion->target.bytes != 0) {
        return nba_yaml_fail_key(place->node, place->parse->error,
                                 "expected only one of content_id, brand and campaign_id");
    }
    exclusion->scope = (enum nba_exclusion_scope)place->key->first;
    const enum nba_status status =
        nba_yaml_text(place->node, &exclusion->target, place->parse->error);
    return status == NBA_OK && exclusion->scope == NBA_EXCLUDE_BRAND
               ? nba_policy_check_brand(place->parse, place->node)
               : status;
}

static enum nba_status read_exclusion(const struct place *place)
{
    struct nba_exclusion *exclusion = place->field;
    exclusion->until_ms = NBA_TIME_NONE;
    const enum nba_status status =
        nba_read_table(place->parse, place->key->each, place->node, exclusion);
    return status != NBA_OK || exclusion->target.bytes != 0
               ? status
               : nba_yaml_fail_missing(place->node, "content_id",
                                       "a content_id, a brand or a campaign_id",
                                       place->parse->error);
}

static enum nba_status read_consent_default(const struct place *place)
{
    const struct nba_yaml_node *node = place->node;
    return node->kind == NBA_YAML_SCALAR && nba_str_is(node->text, "deny")
               ? NBA_OK
               : nba_yaml_fail(node, place->parse->error,
                               "expected deny: unknown consent is never consent");
}

static enum nba_status read_market(const struct place *place)
{
    struct policy_parse *parse = place->parse;
    struct policy_market *market = place->field;
    if (nba_yaml_text(place->node->key, &market->market, NULL) != NBA_OK) {
        return nba_yaml_fail_key(place->node, parse->error,
                                 "expected a market code in quotes: other YAML readers take this "
                                 "one for something else");
    }
    enum nba_status status =
        nba_read_by_channel(&(struct place){parse, place->node, place->key, NULL, market->models});
    for (unsigned c = 1; c < NBA_CHANNEL_COUNT && status == NBA_OK; c++) {
        char text[NBA_ID_BYTES_MAX + 32];
        const int bytes = snprintf(text, sizeof(text), "consent.%.*s.%s",
                                   NBA_STR_ARG(market->market), nba_policy_channels[c]);
        NBA_ASSERT(bytes > 0 && (size_t)bytes < sizeof(text));
        market->rule_ids[c] = nba_arena_copy(&parse->policy->arena, nba_str(text, (size_t)bytes));
        if (market->rule_ids[c].data == NULL) {
            status = nba_error_set(parse->error, NBA_E_NO_MEMORY, "policy: out of memory");
        }
    }
    return status;
}

/* How many outcomes: state keeps a few of one content and kind, and all of an HCP up to a limit. */
static enum nba_status read_outcomes(const struct place *place)
{
    struct policy_suppression *rule = place->field;
    const uint32_t max = (rule->scope & SCOPE_CONTENT) != 0 ? NBA_HCP_OUTCOME_REPEATS_MAX : 16;
    const struct key bounds = {.min = 1, .max = max};
    return nba_read_count(&(struct place){place->parse, place->node, &bounds, NULL, &rule->count});
}

/* A list of words that may be empty. */
static enum nba_status read_set(const struct place *place)
{
    *(uint32_t *)place->field = 0;
    const enum nba_status status = nba_yaml_expect(place->node, NBA_YAML_LIST, place->parse->error);
    return status == NBA_OK && place->node->count != 0 ? nba_read_mask(place) : status;
}

/* `name: basis points`; what is left of 10,000 is in no arm. */
static enum nba_status read_arm(const struct place *place)
{
    struct policy_parse *parse = place->parse;
    struct policy_arm *arm = place->field;
    static const struct key share = {.name = "", .min = 1, .max = POLICY_BP_MAX};
    enum nba_status status = nba_yaml_text(place->node->key, &arm->name, parse->error);
    if (status == NBA_OK && nba_str_is(arm->name, "model_control")) {
        status =
            nba_yaml_fail(place->node, parse->error, "expected another name than model_control");
    }
    if (status == NBA_OK) {
        status = nba_read_count(&(struct place){parse, place->node, &share, NULL, &arm->share_bp});
    }
    uint32_t sum = 0;
    for (uint32_t i = 0; i < parse->policy->arm_count && status == NBA_OK; i++) {
        sum += parse->policy->experiments.arms[i].share_bp;
    }
    return status != NBA_OK || sum <= POLICY_BP_MAX
               ? status
               : nba_yaml_fail(place->node, parse->error,
                               "expected at most %u basis points in all arms, got %u",
                               POLICY_BP_MAX, sum);
}

/* "20:00", in minutes of the day. */
static enum nba_status read_clock(const struct place *place)
{
    struct nba_str text = {0};
    int64_t ms = 0;
    char time[] = "1970-01-01T00:00:00Z";
    const enum nba_status status = nba_yaml_text(place->node, &text, place->parse->error);
    if (status != NBA_OK) {
        return status;
    }
    if (text.bytes == 5) {
        memcpy(time + 11, text.data, 5);
    }
    if (text.bytes != 5 || !nba_time_parse(nba_str_of(time), &ms)) {
        return nba_yaml_fail(place->node, place->parse->error,
                             "expected a time of day in quotes such as \"07:00\"");
    }
    *(uint32_t *)place->field = (uint32_t)(ms / 60000);
    return NBA_OK;
}

static enum nba_status read_fallback(const struct place *place)
{
    place->parse->policy->send_time.has_fallback = true;
    return read_clock(place);
}

static enum nba_status read_quiet_end(const struct place *place)
{
    const struct policy_quiet *rule = place->field;
    const enum nba_status status = read_clock(&(struct place){
        place->parse, place->node, place->key, NULL, &((struct policy_quiet *)place->field)->end});
    return status != NBA_OK || rule->start != rule->end
               ? status
               : nba_yaml_fail(place->node, place->parse->error,
                               "expected another time than start");
}

/* All rules, and whether they leave every channel a minute of the day. */
static enum nba_status read_quiet_hours(const struct place *place)
{
    struct nba_policy *policy = place->parse->policy;
    const enum nba_status status = nba_read_items(place);
    for (unsigned c = 1; c < NBA_CHANNEL_COUNT && status == NBA_OK; c++) {
        int64_t minute = 0;
        for (bool quiet = true; quiet; minute += quiet) {
            quiet = false;
            for (uint32_t i = 0; i < policy->quiet_count && minute < NBA_DAY_MS / 60000; i++) {
                quiet = quiet || ((policy->quiet[i].channels >> c & 1) != 0 &&
                                  nba_policy_is_quiet(&policy->quiet[i], minute * 60000));
            }
        }
        if (minute == NBA_DAY_MS / 60000) {
            return nba_yaml_fail(place->node, place->parse->error,
                                 "expected a time of day that is not quiet on channel %s",
                                 nba_policy_channels[c]);
        }
    }
    return status;
}

/* `brand: zone`. */
static enum nba_status read_brand_zone(const struct place *place)
{
    struct policy_brand_zone *entry = place->field;
    struct nba_str name = {0};
    enum nba_status status = nba_policy_check_brand(place->parse, place->node->key);
    if (status == NBA_OK) {
        entry->brand = place->node->key->text;
        status = nba_yaml_text(place->node, &name, place->parse->error);
    }
    if (status != NBA_OK) {
        return status;
    }
    entry->zone = nba_zone_find(name);
    return entry->zone != NULL ? NBA_OK
                               : nba_yaml_fail(place->node, place->parse->error,
                                               "expected a time zone such as Europe/Zurich");
}

/* A window rolls, or is one of the calendar in the rep's time zone. */
static enum nba_status read_capacity(const struct place *place)
{
    struct policy_capacity *rule = place->field;
    const enum nba_status status =
        nba_read_table(place->parse, place->key->each, place->node, rule);
    const bool calendar = rule->calendar != CAPACITY_ROLLING && rule->tz != 0;
    const bool rolls = (rule->rolling.ms != 0 || rule->rolling.months != 0) && rule->tz == 0;
    return status != NBA_OK || (calendar ? rule->rolling.ms == 0 && rule->rolling.months == 0
                                         : rolls && rule->calendar == CAPACITY_ROLLING)
               ? status
               : nba_yaml_fail(nba_yaml_get(place->node, "window"), place->parse->error,
                               "expected {rolling: P7D} or {calendar: day, tz: rep}");
}

/* full, counts or top:N. */
static enum nba_status read_audit(const struct place *place)
{
    struct nba_policy *policy = place->parse->policy;
    const struct nba_yaml_node *node = place->node;
    const struct nba_str word = node->kind == NBA_YAML_SCALAR ? node->text : nba_str("", 0);
    const bool top = word.bytes > 4 && word.bytes < 8 && memcmp(word.data, "top:", 4) == 0 &&
                     strspn(word.data + 4, "0123456789") == word.bytes - 4;
    const long number = top ? strtol(word.data + 4, NULL, 10) : 0;
    if (!nba_str_is(word, "full") && !nba_str_is(word, "counts") &&
        !(top && number >= 1 && number <= (long)NBA_EXPLAINED_MAX)) {
        return nba_yaml_fail(node, place->parse->error,
                             "expected full, counts or top:N with N from 1 to %u",
                             NBA_EXPLAINED_MAX);
    }
    policy->audit_packed = nba_str_is(word, "full");
    policy->audit_top = policy->audit_packed ? NBA_EXPLAINED_MAX : (uint32_t)number;
    return NBA_OK;
}

/* ---- the tables ---- */

static const char *const modes[] = {"live", "shadow", "stopped", NULL};
static const char *const clocks[] = {"event", "wall", NULL};
static const char *const consent_models[] = {"opt_in", "opt_out", "implicit", "never", NULL};
static const char *const formulas[] = {"P*C*V*L", NULL};
static const char *const explorations[] = {"none", "epsilon_greedy", "thompson", NULL};
static const char *const periods[] = {"none", "month", NULL};
static const char *const conflicts[] = {"hold", "discard", NULL};
static const char *const missing_zones[] = {"deny", "brand_default", NULL};
static const char *const send_modes[] = {"none", "optimize", NULL};
static const char *const clock_owners[] = {"hcp", NULL};
static const char *const reps[] = {"rep", NULL};
static const char *const calendars[] = {"day", "week", NULL};
static const char *const fulls[] = {"replace_lowest", "refuse", NULL};
static const char *const ends[] = {"not_sent", "bounced", "dropped", "recalled", "expired", NULL};
static const char *const scopes[] = {"content", "topic", "brand", "channel", "rep", NULL};

static const struct key one_model = {"", nba_read_word, sizeof(enum consent_model),
                                     .words = consent_models, .first = CONSENT_MODEL_OPT_IN};
static const struct key one_expiry = {"", nba_read_duration, .at = sizeof(struct nba_duration)};
static const struct key one_threshold = {"", nba_read_number, sizeof(double), .min = 0, .max = 1};

#define AT(member) offsetof(struct nba_exclusion, member)
static const struct key exclusion_keys[] = {
    {"id", nba_read_id, .at = AT(id), .needed = "a name for the rule"},
    {"content_id", read_target, .first = NBA_EXCLUDE_CONTENT},
    {"brand", read_target, .first = NBA_EXCLUDE_BRAND},
    {"campaign_id", read_target, .first = NBA_EXCLUDE_CAMPAIGN},
    {"reason", nba_read_text, .at = AT(reason)},
    {"by", nba_read_text, .at = AT(by)},
    {"until", nba_read_time, .at = AT(until_ms)},
    {0},
};
#undef AT

#define AT(member) offsetof(struct policy_suppression, member)
static const struct key suppression_keys[] = {
    {"id", nba_read_id, .at = AT(id), .needed = "a name for the rule"},
    {"track", nba_read_mask, .at = AT(track), .needed = "outcomes such as [opened, clicked]",
     .words = outcomes + 1, .first = 1},
    {"scope", nba_read_mask, .at = AT(scope), .needed = "content, topic, brand, channel or rep",
     .words = scopes},
    {"channel", nba_read_mask, .at = AT(channels), .words = nba_policy_channels + 1, .first = 1},
    {"count", read_outcomes, .min = 1},
    {"within", nba_read_duration, .at = AT(within), .needed = "a duration"},
    {"hold", nba_read_duration, .at = AT(hold),
     .needed = "a duration: a hold without end is not taken"},
    {0},
};
#undef AT

#define AT(member) offsetof(struct policy_quiet, member)
static const struct key quiet_keys[] = {
    {"channel", nba_read_mask, .at = AT(channels), .needed = "a channel or a list of them",
     .words = nba_policy_channels + 1, .first = 1},
    {"start", read_clock, .at = AT(start), .needed = "a time of day"},
    {"end", read_quiet_end, .needed = "a time of day"},
    {"tz", nba_read_word, .at = AT(tz), .words = clock_owners},
    {"on_conflict", nba_read_word, .at = AT(on_conflict), .words = conflicts},
    {0},
};
#undef AT

#define AT(member) offsetof(struct policy_capacity, member)
static const struct key capacity_keys[] = {
    {"id", nba_read_id, .at = AT(id), .needed = "a name for the rule"},
    {"per", nba_read_mask, .at = AT(per), .needed = "[rep]", .words = reps},
    {"channel", nba_read_mask, .at = AT(channels), .needed = "a channel or a list of them",
     .words = nba_policy_channels + 1, .first = 1},
    {"max", nba_read_count, .at = AT(max), .needed = "a whole number; 0 is never", .min = 0,
     .max = NBA_CAPACITY_MAX},
    {"window", nba_read_map, .needed = "a rolling or a calendar window"},
    {"window.rolling", nba_read_duration, .at = AT(rolling)},
    {"window.calendar", nba_read_word, .at = AT(calendar), .words = calendars,
     .first = CAPACITY_DAY},
    {"window.tz", nba_read_mask, .at = AT(tz), .words = reps},
    {"when_full", nba_read_word, .at = AT(when_full), .needed = "replace_lowest or refuse",
     .words = fulls},
    {0},
};
#undef AT

#define AT(member) offsetof(struct policy_rule, member)
static const struct key engagement_keys[] = {
    {"id", nba_read_id, .at = AT(id), .needed = "a name for the rule"},
    {"applies_to", nba_read_applies_to, .at = AT(applies_to)},
    {"require", nba_read_conditions, .at = AT(require), .needed = "a map of conditions", .min = 1},
    {0},
};
static const struct key lever_keys[] = {
    {"until", nba_read_time, .at = AT(until_ms)},
    {"id", nba_read_id, .at = AT(id), .needed = "a name for the rule"},
    {"when", nba_read_conditions, .at = AT(require), .needed = "a map of conditions", .first = 1},
    {"add", nba_read_number, .at = AT(add), .needed = "a number of percent", .min = -100,
     .max = 1000},
    {0},
};
#undef AT

#define AT(member)  offsetof(struct nba_policy, member)
#define GROUP(name) experiments.groups[GROUP_##name]
static const struct policy_suppression one_outcome = {.count = 1};
static const struct policy_limit any_channel = {.channels = UINT32_MAX};
static const struct policy_volume any_action = {.channels = UINT32_MAX};
static const struct policy_rule blanks[] = {
    {.until_ms = INT64_MAX, .reason = NBA_REASON_ELIGIBILITY},
    {.until_ms = INT64_MAX, .reason = NBA_REASON_APPLICABILITY},
    {.until_ms = INT64_MAX, .reason = NBA_REASON_SUITABILITY},
    {.until_ms = INT64_MAX, .lever = false},
    {.until_ms = INT64_MAX, .lever = true},
};
enum {
    CAPACITY,
    VOLUMES,
    BRANDS,
    TYPES,
    MARKETS,
    ARMS,
    EXCLUSIONS,
    SUPPRESSIONS,
    QUIET,
    ZONES,
    LIMITS,
    ENGAGEMENTS,
    WEIGHTS = ENGAGEMENTS + 3
};
#define OF(type, count)     sizeof(type), AT(count)
#define RULES(count, blank) OF(struct policy_rule, count), 0, POLICY_RULES_MAX, "rules", blank
static const struct items items[] = {
    [BRANDS] = {NBA_YAML_LIST, NULL, nba_read_text, OF(struct nba_str, brand_count), 1,
                POLICY_BRANDS_MAX, "brands", NULL},
    [TYPES] = {NBA_YAML_LIST, NULL, read_decide_on, 0, AT(decide_on_count), 0, NBA_EVENT_TYPE_COUNT,
               "types", NULL},
    [MARKETS] = {NBA_YAML_MAP, NULL, read_market, OF(struct policy_market, market_count), 0,
                 POLICY_MARKETS_MAX, "markets", NULL},
    [CAPACITY] = {NBA_YAML_LIST, NULL, read_capacity, OF(struct policy_capacity, capacity_count), 0,
                  NBA_CAPACITY_RULES_MAX, "rules", NULL},
    [VOLUMES] = {NBA_YAML_LIST, nba_policy_volume_keys, NULL,
                 OF(struct policy_volume, volume_count), 0, NBA_VOLUME_RULES_MAX, "rules",
                 &any_action},
    [ARMS] = {NBA_YAML_MAP, NULL, read_arm, OF(struct policy_arm, arm_count), 1, POLICY_ARMS_MAX,
              "arms", NULL},
    [EXCLUSIONS] = {NBA_YAML_LIST, NULL, read_exclusion, OF(struct nba_exclusion, exclusion_count),
                    0, NBA_EXCLUSIONS_MAX, "exclusions", NULL},
    [SUPPRESSIONS] = {NBA_YAML_LIST, suppression_keys, NULL,
                      OF(struct policy_suppression, suppression_count), 0, POLICY_RULES_MAX,
                      "rules", &one_outcome},
    [LIMITS] = {NBA_YAML_LIST, nba_policy_limit_keys, NULL, OF(struct policy_limit, limit_count), 0,
                POLICY_RULES_MAX, "rules", &any_channel},
    [QUIET] = {NBA_YAML_LIST, quiet_keys, NULL, OF(struct policy_quiet, quiet_count), 0,
               POLICY_QUIET_MAX, "rules", NULL},
    [ZONES] = {NBA_YAML_MAP, NULL, read_brand_zone, OF(struct policy_brand_zone, brand_zone_count),
               0, POLICY_BRANDS_MAX, "brands", NULL},
    [ENGAGEMENTS] = {NBA_YAML_LIST, engagement_keys, NULL, RULES(engagements.count, &blanks[0])},
    {NBA_YAML_LIST, engagement_keys, NULL, RULES(engagements.count, &blanks[1])},
    {NBA_YAML_LIST, engagement_keys, NULL, RULES(engagements.count, &blanks[2])},
    [WEIGHTS] = {NBA_YAML_LIST, lever_keys + 1, NULL,
                 RULES(weights.count, &blanks[3])}, /* they have no end */
    {NBA_YAML_LIST, lever_keys, NULL, RULES(weights.count, &blanks[4])},
};

static const struct nba_duration reward_windows[NBA_CHANNEL_COUNT] = {
    [NBA_CHANNEL_EMAIL] = {0, 7 * NBA_DAY_MS}, [NBA_CHANNEL_REP] = {0, 14 * NBA_DAY_MS},
    [NBA_CHANNEL_WEB] = {0, 2 * NBA_DAY_MS},   [NBA_CHANNEL_EVENT] = {0, 14 * NBA_DAY_MS},
    [NBA_CHANNEL_SMS] = {0, 7 * NBA_DAY_MS},
};

static const struct key policy_keys[] = {
    {"policy_version", nba_read_text, .at = AT(head.version), .needed = "a text"},
    {"tenant", nba_read_text, .at = AT(head.tenant), .needed = "the tenant's id"},
    {"mode", nba_read_word, .at = AT(head.mode), .words = modes},
    {"clock", nba_read_word, .at = AT(head.clock), .words = clocks},
    {"allowed_lateness", nba_read_duration, .at = AT(allowed_lateness)},
    {"max_trigger_age", nba_read_duration, .at = AT(max_trigger_age)},
    {"brands", nba_read_items, .at = AT(brands), .items = &items[BRANDS]},
    {"decide_on", nba_read_items, .needed = "a list of event types", .items = &items[TYPES]},
    {"exclusions", nba_read_items, .at = AT(exclusions), .each = exclusion_keys,
     .items = &items[EXCLUSIONS]},
    {"consent", nba_read_map, .needed = "default, models and max_age"},
    {.name = "consent.default", .read = read_consent_default},
    {"consent.models", nba_read_items, .at = AT(markets), .needed = "a map of markets",
     .each = &one_model, .items = &items[MARKETS]},
    {"consent.max_age", nba_read_duration, .at = AT(consent_max_age)},
    {.name = "engagement_policies", .read = nba_read_map},
    {"engagement_policies.eligibility", nba_read_items, .at = AT(engagements.items),
     .items = &items[ENGAGEMENTS]},
    {"engagement_policies.applicability", nba_read_items, .at = AT(engagements.items),
     .items = &items[ENGAGEMENTS + 1]},
    {"engagement_policies.suitability", nba_read_items, .at = AT(engagements.items),
     .items = &items[ENGAGEMENTS + 2]},
    {.name = "contact_policies", .read = nba_read_map},
    {"contact_policies.suppressions", nba_read_items, .at = AT(suppressions),
     .items = &items[SUPPRESSIONS]},
    {"contact_policies.limits", nba_read_items, .at = AT(limits), .items = &items[LIMITS]},
    {"contact_policies.capacity", nba_read_items, .at = AT(capacity), .each = capacity_keys,
     .items = &items[CAPACITY]},
    {"contact_policies.volumes", nba_read_items, .at = AT(volumes), .items = &items[VOLUMES]},
    {"contact_policies.release_on", read_set, .at = AT(release_on), .words = ends},
    {.name = "arbitration", .read = nba_read_map},
    {"arbitration.formula", nba_read_word, .at = AT(formula), .words = formulas},
    {"arbitration.context_weights", nba_read_items, .at = AT(weights.items),
     .items = &items[WEIGHTS]},
    {"arbitration.levers", nba_read_items, .at = AT(weights.items), .items = &items[WEIGHTS + 1]},
    {"arbitration.propensity_threshold", nba_read_by_channel, .at = AT(threshold),
     .each = &one_threshold},
    {"arbitration.min_examples", nba_read_count, .at = AT(min_examples), .min = 1, .max = 1000000},
    {.name = "arbitration.exploration", .read = nba_read_map},
    {"arbitration.exploration.type", nba_read_exploration, .at = AT(exploration.type),
     .needed = "none, epsilon_greedy or thompson", .words = explorations},
    {"arbitration.exploration.epsilon", nba_read_explore_number, .at = AT(exploration.epsilon),
     .min = 0, .max = 1, .words = explorations, .first = EXPLORE_EPSILON_GREEDY},
    {"arbitration.exploration.k", nba_read_explore_number, .at = AT(exploration.evidence), .min = 1,
     .max = 1e5, .words = explorations, .first = EXPLORE_THOMPSON},
    {"slate", nba_read_map, .needed = "size and max_per"},
    {"slate.size", nba_read_count, .at = AT(slate.size), .needed = "a whole number from 1 to 25",
     .min = 1, .max = NBA_SLATE_MAX},
    {.name = "slate.max_per", .read = nba_read_map},
    {"slate.max_per.channel", nba_read_count, .at = AT(slate.max_channel), .min = 1,
     .max = NBA_SLATE_MAX},
    {"slate.max_per.topic", nba_read_count, .at = AT(slate.max_topic), .min = 1,
     .max = NBA_SLATE_MAX},
    {"slate.max_per.brand", nba_read_count, .at = AT(slate.max_brand), .min = 1,
     .max = NBA_SLATE_MAX},
    {"slate.max_per.action_type", nba_read_count, .at = AT(slate.max_action_type), .min = 1,
     .max = NBA_SLATE_MAX},
    {.name = "timing", .read = nba_read_map},
    {"timing.expiry", nba_read_by_channel, .at = AT(expiry), .each = &one_expiry},
    {"timing.quiet_hours", read_quiet_hours, .at = AT(quiet), .items = &items[QUIET]},
    {.name = "timing.send_time", .read = nba_read_map},
    {"timing.send_time.channel", nba_read_mask, .at = AT(send_time.channels),
     .needed = "a channel or a list of them", .words = nba_policy_channels + 1, .first = 1},
    {"timing.send_time.mode", nba_read_word, .at = AT(send_time.mode), .words = send_modes},
    {"timing.send_time.fallback", read_fallback, .at = AT(send_time.fallback)},
    {.name = "engagement_filters", .read = nba_read_map},
    {"engagement_filters.ignore_bots", read_set, .at = AT(ignored_bots), .words = bots + 1,
     .first = 1},
    {"engagement_filters.min_seconds_after_delivery", nba_read_count,
     .at = AT(delivery_seconds_min), .min = 0, .max = 3600},
    {.name = "audit", .read = nba_read_map},
    {.name = "audit.candidates", .read = read_audit},
    {"audit.explain_top", nba_read_count, .at = AT(head.explain_top), .min = 0,
     .max = NBA_EXPLAINED_MAX},
    {"missing_timezone", nba_read_word, .at = AT(missing_timezone), .words = missing_zones},
    {"brand_timezones", nba_read_items, .at = AT(brand_zones), .items = &items[ZONES]},
    {.name = "feedback", .read = nba_read_map},
    {"feedback.windows", nba_read_by_channel, .at = AT(reward_window), .each = &one_expiry},
    {.name = "experiments", .read = nba_read_map},
    {.name = "experiments.universal_control", .read = nba_read_group},
    {"experiments.universal_control.share_bp", nba_read_count, .at = AT(GROUP(CONTROL).share_bp),
     .needed = "basis points from 0 to 10000", .min = 0, .max = POLICY_BP_MAX},
    {"experiments.universal_control.period", nba_read_word, .at = AT(GROUP(CONTROL).period),
     .words = periods},
    {.name = "experiments.model_control", .read = nba_read_group, .first = GROUP_MODEL_CONTROL},
    {"experiments.model_control.share_bp", nba_read_count, .at = AT(GROUP(MODEL_CONTROL).share_bp),
     .needed = "basis points from 0 to 10000", .min = 0, .max = POLICY_BP_MAX},
    {"experiments.model_control.period", nba_read_word, .at = AT(GROUP(MODEL_CONTROL).period),
     .words = periods},
    {.name = "experiments.champion_challenger", .read = nba_read_map},
    {"experiments.champion_challenger.id", nba_read_id, .at = AT(experiments.id),
     .needed = "a name for the experiment"},
    {"experiments.champion_challenger.arms", nba_read_items, .at = AT(experiments.arms),
     .needed = "a map of arms and their basis points", .items = &items[ARMS]},
    {"triggers", nba_read_items, .at = AT(triggers), .items = &nba_policy_triggers},
    {0},
};
#undef GROUP
#undef AT

enum nba_status nba_policy_read(struct policy_parse *parse, const struct nba_yaml_node *root)
{
    struct nba_policy *policy = parse->policy;
    policy->allowed_lateness = (struct nba_duration){0, NBA_DAY_MS};
    policy->slate = (struct policy_slate){1, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    policy->audit_top = NBA_EXPLAINED_MAX;
    policy->audit_packed = true;
    policy->head.explain_top = NBA_POLICY_EXPLAIN_TOP;
    policy->ignored_bots = UINT32_MAX & ~1u; /* all but none */
    policy->release_on = UINT32_MAX;
    for (unsigned i = 0; i < NBA_CHANNEL_COUNT; i++) {
        policy->expiry[i] = (struct nba_duration){0, POLICY_EXPIRY_DEFAULT_MS};
    }
    memcpy(policy->reward_window, reward_windows, sizeof(reward_windows));
    const enum nba_status status = nba_read_table(parse, policy_keys, root, policy);
    policy->send_time.channels = policy->send_time.mode != 0 ? policy->send_time.channels : 0;
    policy->zone_channels |= policy->send_time.channels;
    for (uint32_t i = 0; i < policy->quiet_count; i++) {
        policy->zone_channels |= policy->quiet[i].channels;
    }
    for (uint32_t i = 0; i < policy->limit_count; i++) {
        const struct policy_limit *limit = &policy->limits[i];
        const bool asks = limit->calendar != CALENDAR_NONE && limit->zone == NULL;
        policy->zone_channels |= asks ? limit->channels : 0;
    }
    return status;
}
