/* The file from top to bottom, key by key; rules stand in policy_rules.c and condition.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "policy_internal.h"

const char *const nba_policy_channels[] = {"email", "rep", "web", "event", "sms", NULL};
const unsigned nba_policy_channel_values[] = {NBA_CHANNEL_EMAIL, NBA_CHANNEL_REP, NBA_CHANNEL_WEB,
                                              NBA_CHANNEL_EVENT, NBA_CHANNEL_SMS};

static enum nba_status no_memory(const struct policy_parse *parse)
{
    return nba_error_set(parse->error, NBA_E_NO_MEMORY, "policy: out of memory");
}

enum nba_status nba_policy_read_id(struct policy_parse *parse, const struct nba_yaml_node *map,
                                   struct nba_str *ret_id)
{
    const struct nba_yaml_node *node = nba_yaml_get(map, "id");
    if (node == NULL) {
        return nba_yaml_fail_missing(map, "id", "a name for the rule", parse->error);
    }
    const enum nba_status status = nba_yaml_text(node, ret_id, parse->error);
    if (status != NBA_OK) {
        return status;
    }
    for (uint32_t i = 0; i < parse->id_count; i++) {
        if (nba_str_equal(parse->ids[i]->text, *ret_id)) {
            return nba_yaml_fail(node, parse->error, "expected a new id, line %u has this one",
                                 parse->ids[i]->line);
        }
    }
    if (parse->id_count == parse->id_capacity) {
        const uint32_t capacity = parse->id_capacity != 0 ? 2 * parse->id_capacity : 64;
        const struct nba_yaml_node **wider =
            realloc(parse->ids, capacity * sizeof(const struct nba_yaml_node *));
        if (wider == NULL) {
            return no_memory(parse);
        }
        parse->ids = wider;
        parse->id_capacity = capacity;
    }
    parse->ids[parse->id_count++] = node;
    return NBA_OK;
}

enum nba_status nba_policy_read_mask(struct policy_parse *parse, const struct nba_yaml_node *node,
                                     const char *const *words, const unsigned *value_of,
                                     uint32_t *ret_mask)
{
    size_t index = 0;
    if (node->kind != NBA_YAML_LIST) {
        const enum nba_status status = nba_yaml_word(node, words, &index, parse->error);
        if (status == NBA_OK) {
            *ret_mask = 1u << value_of[index];
        }
        return status;
    }
    if (node->count == 0) {
        return nba_yaml_fail(node, parse->error, "expected at least one word");
    }
    uint32_t mask = 0;
    for (const struct nba_yaml_node *n = node->first; n != NULL; n = n->next) {
        const enum nba_status status = nba_yaml_word(n, words, &index, parse->error);
        if (status != NBA_OK) {
            return status;
        }
        if ((mask & (1u << value_of[index])) != 0) {
            return nba_yaml_fail(n, parse->error, "expected each word once");
        }
        mask |= 1u << value_of[index];
    }
    *ret_mask = mask;
    return NBA_OK;
}

enum nba_status nba_policy_check_brand(struct policy_parse *parse, const struct nba_yaml_node *node)
{
    struct nba_str brand = {0};
    const enum nba_status status = nba_yaml_text(node, &brand, parse->error);
    const struct nba_str_list known = parse->policy->brands;
    if (status != NBA_OK || known.count == 0) {
        return status;
    }
    for (uint32_t i = 0; i < known.count; i++) {
        if (nba_str_equal(known.items[i], brand)) {
            return NBA_OK;
        }
    }
    return nba_yaml_fail(node, parse->error, "unknown brand, expected one of `brands`");
}

static enum nba_status read_brands(struct policy_parse *parse, const struct nba_yaml_node *node)
{
    enum nba_status status = nba_yaml_expect(node, NBA_YAML_LIST, parse->error);
    if (status != NBA_OK) {
        return status;
    }
    if (node->count == 0 || node->count > POLICY_BRANDS_MAX) {
        return nba_yaml_fail(node, parse->error, "expected 1 to %u brands", POLICY_BRANDS_MAX);
    }
    struct nba_str *items = nba_arena_zeros(&parse->policy->arena, node->count, sizeof(*items));
    if (items == NULL) {
        return no_memory(parse);
    }
    for (const struct nba_yaml_node *n = node->first; n != NULL && status == NBA_OK; n = n->next) {
        status = nba_yaml_text(n, &items[n->index], parse->error);
    }
    parse->policy->brands = (struct nba_str_list){items, node->count};
    return status;
}

static enum nba_status read_decide_on(struct policy_parse *parse, const struct nba_yaml_node *node)
{
    const enum nba_status status = nba_yaml_expect(node, NBA_YAML_LIST, parse->error);
    if (status != NBA_OK) {
        return status;
    }
    for (const struct nba_yaml_node *n = node->first; n != NULL; n = n->next) {
        enum nba_event_type type = NBA_EVENT_UNKNOWN;
        const bool known =
            n->kind == NBA_YAML_SCALAR && nba_event_type_of(n->text, &type) && type != 0;
        if (!known) {
            const char *words[NBA_EVENT_TYPE_COUNT];
            for (unsigned i = 1; i < NBA_EVENT_TYPE_COUNT; i++) {
                words[i - 1] = nba_event_type_name((enum nba_event_type)i);
            }
            words[NBA_EVENT_TYPE_COUNT - 1] = NULL;
            const char *near = n->kind == NBA_YAML_SCALAR ? nba_yaml_nearest(n->text, words) : NULL;
            return nba_yaml_fail(n, parse->error, "expected an event type%s%s%s",
                                 near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                                 near != NULL ? "'?" : "");
        }
        if (type == NBA_EVENT_CONTROL_TICK || type == NBA_EVENT_PROFILE_ERASED ||
            type == NBA_EVENT_PROFILE_MERGED) {
            return nba_yaml_fail(n, parse->error, "expected an event that can start a decision");
        }
        if (parse->policy->decide_on[type]) {
            return nba_yaml_fail(n, parse->error, "expected each event type once");
        }
        parse->policy->decide_on[type] = true;
    }
    return NBA_OK;
}

/* Exactly one of content_id, brand, campaign_id. */
static enum nba_status read_target(struct policy_parse *parse, const struct nba_yaml_node *map,
                                   struct nba_exclusion *exclusion)
{
    static const char *const names[] = {"content_id", "brand", "campaign_id"};
    const struct nba_yaml_node *found = NULL;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(names); i++) {
        const struct nba_yaml_node *node = nba_yaml_get(map, names[i]);
        if (node != NULL && found != NULL) {
            return nba_yaml_fail_key(node, parse->error,
                                     "expected only one of content_id, brand "
                                     "and campaign_id");
        }
        if (node != NULL) {
            found = node;
            exclusion->scope = (enum nba_exclusion_scope)i;
        }
    }
    if (found == NULL) {
        return nba_yaml_fail_missing(map, "content_id", "a content_id, a brand or a campaign_id",
                                     parse->error);
    }
    exclusion->target = found->text;
    struct nba_str ignored = {0};
    return exclusion->scope == NBA_EXCLUDE_BRAND ? nba_policy_check_brand(parse, found)
                                                 : nba_yaml_text(found, &ignored, parse->error);
}

static enum nba_status read_exclusion(struct policy_parse *parse, const struct nba_yaml_node *map,
                                      struct nba_exclusion *exclusion)
{
    static const char *const keys[] = {"id",     "content_id", "brand", "campaign_id",
                                       "reason", "by",         "until", NULL};
    *exclusion = (struct nba_exclusion){.until_ms = NBA_TIME_NONE};
    enum nba_status status = nba_yaml_check_keys(map, keys, NULL, parse->error);
    if (status == NBA_OK) {
        status = nba_policy_read_id(parse, map, &exclusion->id);
    }
    if (status == NBA_OK) {
        status = read_target(parse, map, exclusion);
    }
    const struct nba_yaml_node *reason = nba_yaml_get(map, "reason");
    const struct nba_yaml_node *by = nba_yaml_get(map, "by");
    const struct nba_yaml_node *until = nba_yaml_get(map, "until");
    if (status == NBA_OK && reason != NULL) {
        status = nba_yaml_text(reason, &exclusion->reason, parse->error);
    }
    if (status == NBA_OK && by != NULL) {
        status = nba_yaml_text(by, &exclusion->by, parse->error);
    }
    return status == NBA_OK && until != NULL
               ? nba_yaml_time(until, &exclusion->until_ms, parse->error)
               : status;
}

static enum nba_status read_exclusions(struct policy_parse *parse, const struct nba_yaml_node *node)
{
    enum nba_status status = nba_yaml_expect(node, NBA_YAML_LIST, parse->error);
    if (status != NBA_OK) {
        return status;
    }
    if (node->count > NBA_EXCLUSIONS_MAX) {
        return nba_yaml_fail(node, parse->error, "expected at most %u exclusions",
                             NBA_EXCLUSIONS_MAX);
    }
    struct nba_policy *policy = parse->policy;
    policy->exclusions =
        nba_arena_zeros(&policy->arena, node->count + 1, sizeof(*policy->exclusions));
    if (policy->exclusions == NULL) {
        return no_memory(parse);
    }
    for (const struct nba_yaml_node *n = node->first; n != NULL && status == NBA_OK; n = n->next) {
        status = nba_yaml_expect(n, NBA_YAML_MAP, parse->error);
        if (status == NBA_OK) {
            status = read_exclusion(parse, n, &policy->exclusions[policy->exclusion_count++]);
        }
    }
    return status;
}

static enum nba_status read_market(struct policy_parse *parse, const struct nba_yaml_node *node,
                                   struct policy_market *market)
{
    static const char *const models[] = {"opt_in", "opt_out", "implicit", "never", NULL};
    struct nba_str code = {0};
    enum nba_status status = nba_yaml_text(node->key, &code, NULL);
    if (status != NBA_OK) {
        return nba_yaml_fail_key(node, parse->error,
                                 "expected a market code in quotes: other YAML readers take this "
                                 "one for something else");
    }
    status = nba_yaml_check_keys(node, nba_policy_channels, NULL, parse->error);
    market->market = code;
    for (const struct nba_yaml_node *n = node->first; n != NULL && status == NBA_OK; n = n->next) {
        size_t channel = 0;
        size_t model = 0;
        while (!nba_str_is(n->key->text, nba_policy_channels[channel])) {
            channel++;
        }
        status = nba_yaml_word(n, models, &model, parse->error);
        market->models[nba_policy_channel_values[channel]] =
            (enum consent_model)(CONSENT_MODEL_OPT_IN + model);
    }
    for (unsigned c = 1; c < NBA_CHANNEL_COUNT && status == NBA_OK; c++) {
        char text[NBA_ID_BYTES_MAX + 32];
        const int bytes = snprintf(text, sizeof(text), "consent.%.*s.%s", NBA_STR_ARG(code),
                                   nba_channel_name((enum nba_channel)c));
        NBA_ASSERT(bytes > 0 && (size_t)bytes < sizeof(text));
        market->rule_ids[c] = nba_arena_copy(&parse->policy->arena, nba_str(text, (size_t)bytes));
        if (market->rule_ids[c].data == NULL) {
            status = no_memory(parse);
        }
    }
    return status;
}

static enum nba_status read_markets(struct policy_parse *parse, const struct nba_yaml_node *node)
{
    struct nba_policy *policy = parse->policy;
    enum nba_status status = nba_yaml_expect(node, NBA_YAML_MAP, parse->error);
    if (status != NBA_OK) {
        return status;
    }
    if (node->count > POLICY_MARKETS_MAX) {
        return nba_yaml_fail(node, parse->error, "expected at most %u markets", POLICY_MARKETS_MAX);
    }
    policy->markets = nba_arena_zeros(&policy->arena, node->count + 1, sizeof(*policy->markets));
    if (policy->markets == NULL) {
        return no_memory(parse);
    }
    for (const struct nba_yaml_node *n = node->first; n != NULL && status == NBA_OK; n = n->next) {
        status = read_market(parse, n, &policy->markets[policy->market_count++]);
    }
    return status;
}

static enum nba_status read_consent(struct policy_parse *parse, const struct nba_yaml_node *node)
{
    static const char *const keys[] = {"default", "models", "max_age", NULL};
    static const char *const defaults[] = {"deny", NULL};
    enum nba_status status = nba_yaml_check_keys(node, keys, NULL, parse->error);
    if (status != NBA_OK) {
        return status;
    }
    const struct nba_yaml_node *fallback = nba_yaml_get(node, "default");
    const struct nba_yaml_node *models = nba_yaml_get(node, "models");
    const struct nba_yaml_node *max_age = nba_yaml_get(node, "max_age");
    size_t index = 0;
    if (fallback != NULL && nba_yaml_word(fallback, defaults, &index, NULL) != NBA_OK) {
        return nba_yaml_fail(fallback, parse->error,
                             "expected deny: unknown consent is never consent");
    }
    if (models == NULL) {
        return nba_yaml_fail_missing(node, "models", "a map of markets", parse->error);
    }
    status = read_markets(parse, models);
    return status == NBA_OK && max_age != NULL
               ? nba_yaml_duration(max_age, &parse->policy->consent_max_age, parse->error)
               : status;
}

static enum nba_status read_limit(struct policy_parse *parse, const struct nba_yaml_node *map,
                                  const char *key, uint32_t *ret_limit)
{
    const struct nba_yaml_node *node = nba_yaml_get(map, key);
    int64_t value = UINT32_MAX;
    const enum nba_status status =
        node != NULL ? nba_yaml_integer(node, 1, NBA_SLATE_MAX, &value, parse->error) : NBA_OK;
    *ret_limit = (uint32_t)value;
    return status;
}

static enum nba_status read_slate(struct policy_parse *parse, const struct nba_yaml_node *node)
{
    static const char *const keys[] = {"size", "max_per", NULL};
    static const char *const dimensions[] = {"channel", "topic", "brand", "action_type", NULL};
    struct policy_slate *slate = &parse->policy->slate;
    enum nba_status status = nba_yaml_check_keys(node, keys, NULL, parse->error);
    if (status != NBA_OK) {
        return status;
    }
    const struct nba_yaml_node *size = nba_yaml_get(node, "size");
    const struct nba_yaml_node *per = nba_yaml_get(node, "max_per");
    int64_t value = 0;
    if (size == NULL) {
        return nba_yaml_fail_missing(node, "size", "a whole number from 1 to 25", parse->error);
    }
    status = nba_yaml_integer(size, 1, NBA_SLATE_MAX, &value, parse->error);
    slate->size = (uint32_t)value;
    if (status != NBA_OK || per == NULL) {
        return status;
    }
    status = nba_yaml_check_keys(per, dimensions, NULL, parse->error);
    uint32_t *const limits[] = {&slate->max_channel, &slate->max_topic, &slate->max_brand,
                                &slate->max_action_type};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(limits) && status == NBA_OK; i++) {
        status = read_limit(parse, per, dimensions[i], limits[i]);
    }
    return status;
}

static enum nba_status read_timing(struct policy_parse *parse, const struct nba_yaml_node *node)
{
    static const char *const keys[] = {"expiry", NULL};
    static const char *const later[] = {"quiet_hours", "send_time", NULL};
    enum nba_status status = nba_yaml_check_keys(node, keys, later, parse->error);
    const struct nba_yaml_node *expiry = status == NBA_OK ? nba_yaml_get(node, "expiry") : NULL;
    if (expiry == NULL) {
        return status;
    }
    status = nba_yaml_check_keys(expiry, nba_policy_channels, NULL, parse->error);
    for (size_t c = 0; nba_policy_channels[c] != NULL && status == NBA_OK; c++) {
        const struct nba_yaml_node *n = nba_yaml_get(expiry, nba_policy_channels[c]);
        if (n != NULL) {
            status = nba_yaml_duration(n, &parse->policy->expiry[nba_policy_channel_values[c]],
                                       parse->error);
        }
    }
    return status;
}

static enum nba_status read_filters(struct policy_parse *parse, const struct nba_yaml_node *node)
{
    static const char *const keys[] = {"ignore_bots", NULL};
    static const char *const later[] = {"min_seconds_after_delivery", NULL};
    static const char *const bots[] = {"apple", "gmail", "generic", NULL};
    static const unsigned values[] = {NBA_BOT_APPLE, NBA_BOT_GMAIL, NBA_BOT_GENERIC};
    enum nba_status status = nba_yaml_check_keys(node, keys, later, parse->error);
    const struct nba_yaml_node *list = status == NBA_OK ? nba_yaml_get(node, "ignore_bots") : NULL;
    if (list == NULL) {
        return status;
    }
    uint32_t mask = 0;
    status = nba_yaml_expect(list, NBA_YAML_LIST, parse->error);
    if (status == NBA_OK && list->count != 0) {
        status = nba_policy_read_mask(parse, list, bots, values, &mask);
    }
    for (unsigned i = 0; i < NBA_BOT_COUNT; i++) {
        parse->policy->ignore_bot[i] = (mask & (1u << i)) != 0;
    }
    return status;
}

static enum nba_status read_audit(struct policy_parse *parse, const struct nba_yaml_node *node)
{
    static const char *const keys[] = {"candidates", "explain_top", NULL};
    struct nba_policy *policy = parse->policy;
    enum nba_status status = nba_yaml_check_keys(node, keys, NULL, parse->error);
    if (status != NBA_OK) {
        return status;
    }
    const struct nba_yaml_node *candidates = nba_yaml_get(node, "candidates");
    const struct nba_yaml_node *explain = nba_yaml_get(node, "explain_top");
    if (candidates != NULL) {
        const struct nba_str word =
            candidates->kind == NBA_YAML_SCALAR ? candidates->text : nba_str("", 0);
        const bool top = word.bytes > 4 && word.bytes < 8 && memcmp(word.data, "top:", 4) == 0 &&
                         strspn(word.data + 4, "0123456789") == word.bytes - 4;
        const long number = top ? strtol(word.data + 4, NULL, 10) : 0;
        if (!nba_str_is(word, "full") && !nba_str_is(word, "counts") &&
            !(top && number >= 1 && number <= (long)NBA_EXPLAINED_MAX)) {
            return nba_yaml_fail(candidates, parse->error,
                                 "expected full, counts or top:N with N from 1 to %u",
                                 NBA_EXPLAINED_MAX);
        }
        policy->audit_packed = nba_str_is(word, "full");
        policy->audit_top = policy->audit_packed ? NBA_EXPLAINED_MAX : (uint32_t)number;
    }
    int64_t value = policy->explain_top;
    if (explain != NULL) {
        status = nba_yaml_integer(explain, 0, NBA_EXPLAINED_MAX, &value, parse->error);
    }
    policy->explain_top = (uint32_t)value;
    return status;
}

static enum nba_status read_head(struct policy_parse *parse, const struct nba_yaml_node *root)
{
    static const char *const modes[] = {"live", "shadow", "stopped", NULL};
    static const char *const clocks[] = {"event", "wall", NULL};
    struct nba_policy *policy = parse->policy;
    const struct nba_yaml_node *version = nba_yaml_get(root, "policy_version");
    const struct nba_yaml_node *tenant = nba_yaml_get(root, "tenant");
    const struct nba_yaml_node *mode = nba_yaml_get(root, "mode");
    const struct nba_yaml_node *clock = nba_yaml_get(root, "clock");
    const struct nba_yaml_node *lateness = nba_yaml_get(root, "allowed_lateness");
    size_t index = 0;
    if (version == NULL) {
        return nba_yaml_fail_missing(root, "policy_version", "a text", parse->error);
    }
    if (tenant == NULL) {
        return nba_yaml_fail_missing(root, "tenant", "the tenant's id", parse->error);
    }
    enum nba_status status = nba_yaml_text(version, &policy->version, parse->error);
    if (status == NBA_OK) {
        status = nba_yaml_text(tenant, &policy->tenant, parse->error);
    }
    if (status == NBA_OK && mode != NULL) {
        status = nba_yaml_word(mode, modes, &index, parse->error);
        policy->mode = (enum nba_mode)index;
    }
    if (status == NBA_OK && clock != NULL) {
        index = 0;
        status = nba_yaml_word(clock, clocks, &index, parse->error);
        policy->clock = (enum nba_policy_clock)index;
    }
    return status == NBA_OK && lateness != NULL
               ? nba_yaml_duration(lateness, &policy->allowed_lateness, parse->error)
               : status;
}

static void set_defaults(struct nba_policy *policy)
{
    policy->allowed_lateness = (struct nba_duration){0, NBA_DAY_MS};
    policy->slate = (struct policy_slate){1, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    policy->audit_top = NBA_EXPLAINED_MAX;
    policy->audit_packed = true;
    policy->explain_top = 5;
    for (unsigned i = 0; i < NBA_CHANNEL_COUNT; i++) {
        policy->expiry[i] = (struct nba_duration){0, POLICY_EXPIRY_DEFAULT_MS};
    }
    for (unsigned i = 1; i < NBA_BOT_COUNT; i++) {
        policy->ignore_bot[i] = true;
    }
}

/* The parts below the head; those a policy can't do without are marked. */
static enum nba_status read_parts(struct policy_parse *parse, const struct nba_yaml_node *root)
{
    static const struct {
        const char *key;
        enum nba_status (*read)(struct policy_parse *parse, const struct nba_yaml_node *node);
        const char *needed; /* what is expected; NULL: may be left out */
    } parts[] = {
        {"brands", read_brands, NULL},
        {"decide_on", read_decide_on, "a list of event types"},
        {"exclusions", read_exclusions, NULL},
        {"consent", read_consent, "default, models and max_age"},
        {"engagement_policies", nba_policy_read_engagement, NULL},
        {"contact_policies", nba_policy_read_contact, NULL},
        {"arbitration", nba_policy_read_arbitration, NULL},
        {"slate", read_slate, "size and max_per"},
        {"timing", read_timing, NULL},
        {"engagement_filters", read_filters, NULL},
        {"audit", read_audit, NULL},
    };
    for (size_t i = 0; i < NBA_ARRAY_COUNT(parts); i++) {
        const struct nba_yaml_node *node = nba_yaml_get(root, parts[i].key);
        if (node == NULL && parts[i].needed != NULL) {
            return nba_yaml_fail_missing(root, parts[i].key, parts[i].needed, parse->error);
        }
        const enum nba_status status = node != NULL ? parts[i].read(parse, node) : NBA_OK;
        if (status != NBA_OK) {
            return status;
        }
    }
    return NBA_OK;
}

enum nba_status nba_policy_read(struct policy_parse *parse, const struct nba_yaml_node *root)
{
    static const char *const keys[] = {"policy_version",
                                       "tenant",
                                       "mode",
                                       "clock",
                                       "decide_on",
                                       "allowed_lateness",
                                       "exclusions",
                                       "consent",
                                       "engagement_policies",
                                       "contact_policies",
                                       "arbitration",
                                       "slate",
                                       "timing",
                                       "engagement_filters",
                                       "audit",
                                       "brands",
                                       NULL};
    static const char *const later[] = {"missing_timezone", "experiments", "triggers", NULL};
    set_defaults(parse->policy);
    enum nba_status status = nba_yaml_check_keys(root, keys, later, parse->error);
    if (status == NBA_OK) {
        status = read_head(parse, root);
    }
    return status == NBA_OK ? read_parts(parse, root) : status;
}
