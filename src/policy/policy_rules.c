/* Suppressions, engagement policies, weights, thresholds. */
#include "nba/base/assert.h"
#include "nba/state/hcp.h"
#include "policy_internal.h"

static enum nba_status expect_rules(struct policy_parse *parse, const struct nba_yaml_node *node,
                                    uint32_t already)
{
    const enum nba_status status = nba_yaml_expect(node, NBA_YAML_LIST, parse->error);
    if (status == NBA_OK && node->count + already > POLICY_RULES_MAX) {
        return nba_yaml_fail(node, parse->error, "expected at most %u rules of this kind",
                             POLICY_RULES_MAX);
    }
    return status;
}

static enum nba_status read_track(struct policy_parse *parse, const struct nba_yaml_node *map,
                                  uint32_t *ret_track)
{
    const struct nba_yaml_node *node = nba_yaml_get(map, "track");
    if (node == NULL) {
        return nba_yaml_fail_missing(map, "track", "outcomes such as [opened, clicked]",
                                     parse->error);
    }
    const char *words[NBA_OUTCOME_COUNT];
    unsigned values[NBA_OUTCOME_COUNT];
    for (unsigned i = 1; i < NBA_OUTCOME_COUNT; i++) {
        words[i - 1] = nba_outcome_name((enum nba_outcome)i);
        values[i - 1] = i;
    }
    words[NBA_OUTCOME_COUNT - 1] = NULL;
    return nba_policy_read_mask(parse, node, words, values, ret_track);
}

static enum nba_status read_scope(struct policy_parse *parse, const struct nba_yaml_node *map,
                                  uint32_t *ret_scope)
{
    static const char *const words[] = {"content", "topic", "brand", "channel", NULL};
    static const unsigned values[] = {0, 1, 2, 3}; /* bits of enum suppression_scope */
    const struct nba_yaml_node *node = nba_yaml_get(map, "scope");
    if (node == NULL) {
        return nba_yaml_fail_missing(map, "scope", "content, topic, brand or channel",
                                     parse->error);
    }
    return nba_policy_read_mask(parse, node, words, values, ret_scope);
}

static enum nba_status read_window(struct policy_parse *parse, const struct nba_yaml_node *map,
                                   const char *key, const char *expected,
                                   struct nba_duration *ret_duration)
{
    const struct nba_yaml_node *node = nba_yaml_get(map, key);
    if (node == NULL) {
        return nba_yaml_fail_missing(map, key, expected, parse->error);
    }
    return nba_yaml_duration(node, ret_duration, parse->error);
}

/* How many outcomes: state keeps a few of one content and kind, and all of an HCP up to a limit. */
static enum nba_status read_count(struct policy_parse *parse, const struct nba_yaml_node *map,
                                  struct policy_suppression *rule)
{
    const struct nba_yaml_node *node = nba_yaml_get(map, "count");
    const bool by_content = (rule->scope & SCOPE_CONTENT) != 0;
    int64_t count = 1;
    const enum nba_status status =
        node != NULL ? nba_yaml_integer(node, 1, by_content ? NBA_HCP_OUTCOME_REPEATS_MAX : 16,
                                        &count, parse->error)
                     : NBA_OK;
    rule->count = (uint32_t)count;
    return status;
}

static enum nba_status read_suppression(struct policy_parse *parse, const struct nba_yaml_node *map,
                                        struct policy_suppression *rule)
{
    static const char *const keys[] = {"id",    "track",  "scope", "channel",
                                       "count", "within", "hold",  NULL};
    enum nba_status status = nba_yaml_check_keys(map, keys, NULL, parse->error);
    if (status == NBA_OK) {
        status = nba_policy_read_id(parse, map, &rule->id);
    }
    if (status == NBA_OK) {
        status = read_track(parse, map, &rule->track);
    }
    if (status == NBA_OK) {
        status = read_scope(parse, map, &rule->scope);
    }
    const struct nba_yaml_node *channel = nba_yaml_get(map, "channel");
    if (status == NBA_OK && channel != NULL) {
        status = nba_policy_read_mask(parse, channel, nba_policy_channels,
                                      nba_policy_channel_values, &rule->channels);
    }
    if (status == NBA_OK) {
        status = read_count(parse, map, rule);
    }
    if (status == NBA_OK) {
        status = read_window(parse, map, "within", "a duration", &rule->within);
    }
    return status == NBA_OK
               ? read_window(parse, map, "hold", "a duration: a hold without end is not taken",
                             &rule->hold)
               : status;
}

enum nba_status nba_policy_read_contact(struct policy_parse *parse, const struct nba_yaml_node *map)
{
    static const char *const keys[] = {"suppressions", NULL};
    static const char *const later[] = {"limits", "capacity", "release_on", NULL};
    struct nba_policy *policy = parse->policy;
    enum nba_status status = nba_yaml_check_keys(map, keys, later, parse->error);
    const struct nba_yaml_node *list = status == NBA_OK ? nba_yaml_get(map, "suppressions") : NULL;
    if (list == NULL) {
        return status;
    }
    status = expect_rules(parse, list, 0);
    const struct nba_yaml_node *first = status == NBA_OK ? list->first : NULL;
    for (const struct nba_yaml_node *n = first; n != NULL && status == NBA_OK; n = n->next) {
        status = read_suppression(parse, n, &policy->suppressions[policy->suppression_count++]);
    }
    return status;
}

/* ---- conditions of a whole list ---- */

/* Counts the conditions that need candidate and event or HCP together. */
static uint32_t mixed_count(const struct condition_list *list)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        count +=
            !nba_condition_is_static(&list->items[i]) && !nba_condition_is_dynamic(&list->items[i]);
    }
    return count;
}

static enum nba_status check_mixed(struct policy_parse *parse, const struct nba_yaml_node *node,
                                   uint32_t count)
{
    return count <= POLICY_MIXED_MAX
               ? NBA_OK
               : nba_yaml_fail(node, parse->error,
                               "expected at most %u conditions that compare a candidate with the "
                               "event or the HCP",
                               POLICY_MIXED_MAX);
}

static enum nba_status read_engagement(struct policy_parse *parse, const struct nba_yaml_node *map,
                                       struct policy_engagement *rule)
{
    static const char *const keys[] = {"id", "applies_to", "require", NULL};
    enum nba_status status = nba_yaml_check_keys(map, keys, NULL, parse->error);
    if (status == NBA_OK) {
        status = nba_policy_read_id(parse, map, &rule->id);
    }
    const struct nba_yaml_node *applies = nba_yaml_get(map, "applies_to");
    const struct nba_yaml_node *require = nba_yaml_get(map, "require");
    if (status == NBA_OK && applies != NULL) {
        status = nba_condition_read(parse, applies, true, &rule->applies_to);
    }
    if (status == NBA_OK && require == NULL) {
        return nba_yaml_fail_missing(map, "require", "a map of conditions", parse->error);
    }
    if (status == NBA_OK) {
        status = nba_condition_read(parse, require, false, &rule->require);
    }
    if (status == NBA_OK && rule->require.count == 0) {
        return nba_yaml_fail(require, parse->error, "expected at least one condition");
    }
    return status;
}

enum nba_status nba_policy_read_engagement(struct policy_parse *parse,
                                           const struct nba_yaml_node *map)
{
    static const char *const keys[] = {"eligibility", "applicability", "suitability", NULL};
    static const enum nba_reason reasons[] = {NBA_REASON_ELIGIBILITY, NBA_REASON_APPLICABILITY,
                                              NBA_REASON_SUITABILITY};
    struct nba_policy *policy = parse->policy;
    uint32_t mixed = 0;
    enum nba_status status = nba_yaml_check_keys(map, keys, NULL, parse->error);
    for (size_t i = 0; keys[i] != NULL && status == NBA_OK; i++) {
        const struct nba_yaml_node *list = nba_yaml_get(map, keys[i]);
        if (list == NULL) {
            continue;
        }
        status = expect_rules(parse, list, policy->engagement_count);
        const struct nba_yaml_node *first = status == NBA_OK ? list->first : NULL;
        for (const struct nba_yaml_node *n = first; n != NULL && status == NBA_OK; n = n->next) {
            struct policy_engagement *rule = &policy->engagements[policy->engagement_count++];
            rule->reason = reasons[i];
            status = read_engagement(parse, n, rule);
            mixed += mixed_count(&rule->require);
            status = status == NBA_OK ? check_mixed(parse, n, mixed) : status;
        }
    }
    return status;
}

/* ---- arbitration ---- */

static enum nba_status read_weight(struct policy_parse *parse, const struct nba_yaml_node *map,
                                   bool lever, struct policy_weight *weight)
{
    static const char *const weight_keys[] = {"id", "when", "add", NULL};
    static const char *const lever_keys[] = {"id", "when", "add", "until", NULL};
    *weight = (struct policy_weight){.until_ms = INT64_MAX, .lever = lever};
    enum nba_status status =
        nba_yaml_check_keys(map, lever ? lever_keys : weight_keys, NULL, parse->error);
    if (status == NBA_OK) {
        status = nba_policy_read_id(parse, map, &weight->id);
    }
    const struct nba_yaml_node *when = nba_yaml_get(map, "when");
    const struct nba_yaml_node *add = nba_yaml_get(map, "add");
    const struct nba_yaml_node *until = nba_yaml_get(map, "until");
    if (status == NBA_OK && when == NULL) {
        return nba_yaml_fail_missing(map, "when", "a map of conditions", parse->error);
    }
    if (status == NBA_OK) {
        status = nba_condition_read(parse, when, false, &weight->when);
    }
    if (status == NBA_OK && add == NULL) {
        return nba_yaml_fail_missing(map, "add", "a number of percent", parse->error);
    }
    if (status == NBA_OK) {
        status = nba_yaml_number(add, -100, 1000, &weight->add, parse->error);
    }
    return status == NBA_OK && until != NULL ? nba_yaml_time(until, &weight->until_ms, parse->error)
                                             : status;
}

static enum nba_status read_weights(struct policy_parse *parse, const struct nba_yaml_node *list,
                                    bool lever, uint32_t *mixed)
{
    struct nba_policy *policy = parse->policy;
    enum nba_status status = expect_rules(parse, list, policy->weight_count);
    const struct nba_yaml_node *first = status == NBA_OK ? list->first : NULL;
    for (const struct nba_yaml_node *n = first; n != NULL && status == NBA_OK; n = n->next) {
        struct policy_weight *weight = &policy->weights[policy->weight_count++];
        status = read_weight(parse, n, lever, weight);
        *mixed += mixed_count(&weight->when);
        status = status == NBA_OK ? check_mixed(parse, n, *mixed) : status;
    }
    return status;
}

static enum nba_status read_thresholds(struct policy_parse *parse, const struct nba_yaml_node *map)
{
    enum nba_status status = nba_yaml_check_keys(map, nba_policy_channels, NULL, parse->error);
    for (size_t c = 0; nba_policy_channels[c] != NULL && status == NBA_OK; c++) {
        const struct nba_yaml_node *n = nba_yaml_get(map, nba_policy_channels[c]);
        if (n != NULL) {
            status = nba_yaml_number(
                n, 0, 1, &parse->policy->threshold[nba_policy_channel_values[c]], parse->error);
        }
    }
    return status;
}

enum nba_status nba_policy_read_arbitration(struct policy_parse *parse,
                                            const struct nba_yaml_node *map)
{
    static const char *const keys[] = {"formula", "context_weights", "levers",
                                       "propensity_threshold", NULL};
    static const char *const later[] = {"exploration", NULL};
    static const char *const formulas[] = {"P*C*V*L", NULL};
    enum nba_status status = nba_yaml_check_keys(map, keys, later, parse->error);
    if (status != NBA_OK) {
        return status;
    }
    const struct nba_yaml_node *formula = nba_yaml_get(map, "formula");
    const struct nba_yaml_node *weights = nba_yaml_get(map, "context_weights");
    const struct nba_yaml_node *levers = nba_yaml_get(map, "levers");
    const struct nba_yaml_node *thresholds = nba_yaml_get(map, "propensity_threshold");
    size_t index = 0;
    uint32_t mixed = 0;
    if (formula != NULL) {
        status = nba_yaml_word(formula, formulas, &index, parse->error);
    }
    if (status == NBA_OK && weights != NULL) {
        status = read_weights(parse, weights, false, &mixed);
    }
    if (status == NBA_OK && levers != NULL) {
        status = read_weights(parse, levers, true, &mixed);
    }
    return status == NBA_OK && thresholds != NULL ? read_thresholds(parse, thresholds) : status;
}
