/*
 * The policy file: one table says what every key is, how it is read and into which field.
 *
 * A key's name is its path ("slate.size"); rows stand in the order in which they are read, a map
 * before its keys, and what a row needs (brands, a rule's scope) before the row.  A row without a
 * reader is a key of a later version: it is refused as such.  Rules have tables of their own.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/state/hcp.h"
#include "policy_internal.h"

#define KEYS_MAX      64u /* of one table */
#define KEY_BYTES_MAX 64u

/* A value to be read, and where it goes. */
struct place {
    struct policy_parse *parse;
    const struct nba_yaml_node *node;
    const struct key *key, *table; /* its row, and where the table begins */
    void *field;
};

struct key {
    const char *name;
    enum nba_status (*read)(const struct place *place);
    size_t at;                /* where the field is in what the table fills */
    const char *needed;       /* what is expected there; NULL: may be left out */
    double min, max;          /* of a number; the least number of conditions */
    const char *const *words; /* of a word or a mask, */
    unsigned first;           /* and the value of the first */
    const struct key *each;   /* by channel: how one value is read; its `at` is the value's size */
    const struct items *items;
};

/* A list, or a map with any keys, that is read into an array of the policy behind what is there. */
struct items {
    enum nba_yaml_kind kind;
    const struct key *keys;                             /* of one item, a map; or */
    enum nba_status (*read)(const struct place *place); /* what reads it */
    size_t item_bytes, count_at;
    uint32_t min, max;
    const char *what;
    const void *blank; /* an item before it is read; NULL: zeros */
};

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

/* ---- the reader of a table ---- */

/* Each key of the map must have a row; `path` is the map's own, with a dot behind it. */
static enum nba_status check_keys(const struct place *place, const char *path)
{
    const char *known[KEYS_MAX + 1] = {NULL};
    const char *later[KEYS_MAX + 1] = {NULL};
    const size_t bytes = strlen(path);
    size_t known_count = 0;
    size_t later_count = 0;
    for (const struct key *key = place->table; key->name != NULL; key++) {
        const char *name = key->name + bytes;
        NBA_ASSERT(key < place->table + KEYS_MAX);
        if (strncmp(key->name, path, bytes) != 0 || strchr(name, '.') != NULL) {
            continue; /* of another map */
        }
        if (key->read != NULL) {
            known[known_count++] = name;
        } else {
            later[later_count++] = name;
        }
    }
    return nba_yaml_check_keys(place->node, known, later, place->parse->error);
}

/* A map's own row: those of its keys follow. */
static enum nba_status read_map(const struct place *place)
{
    char path[KEY_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%s.", place->key->name);
    return check_keys(place, path);
}

/* The value at a path, NULL if it is absent.  *ret_map: the map it stands in, or should. */
static const struct nba_yaml_node *find(const struct nba_yaml_node *root, const char *path,
                                        const struct nba_yaml_node **ret_map)
{
    const struct nba_yaml_node *node = root;
    for (const char *dot = strchr(path, '.'); dot != NULL && node != NULL;
         dot = strchr(path, '.')) {
        char part[KEY_BYTES_MAX];
        (void)snprintf(part, sizeof(part), "%.*s", (int)(dot - path), path);
        node = nba_yaml_get(node, part);
        path = dot + 1;
    }
    *ret_map = node;
    return node != NULL ? nba_yaml_get(node, path) : NULL;
}

static enum nba_status read_table(struct policy_parse *parse, const struct key *table,
                                  const struct nba_yaml_node *root, void *object)
{
    enum nba_status status = check_keys(&(struct place){parse, root, NULL, table, NULL}, "");
    for (const struct key *key = table; key->name != NULL && status == NBA_OK; key++) {
        const struct nba_yaml_node *map = NULL;
        const struct nba_yaml_node *node = find(root, key->name, &map);
        if (node != NULL) {
            status = key->read(&(struct place){parse, node, key, table, (char *)object + key->at});
        } else if (map != NULL && key->needed != NULL) {
            const char *dot = strrchr(key->name, '.');
            status = nba_yaml_fail_missing(map, dot != NULL ? dot + 1 : key->name, key->needed,
                                           parse->error);
        }
    }
    return status;
}

/* ---- readers of one value ---- */

static enum nba_status read_text(const struct place *place)
{
    return nba_yaml_text(place->node, place->field, place->parse->error);
}

static enum nba_status read_duration(const struct place *place)
{
    return nba_yaml_duration(place->node, place->field, place->parse->error);
}

static enum nba_status read_time(const struct place *place)
{
    return nba_yaml_time(place->node, place->field, place->parse->error);
}

static enum nba_status read_number(const struct place *place)
{
    const struct key *key = place->key;
    return nba_yaml_number(place->node, key->min, key->max, place->field, place->parse->error);
}

static enum nba_status read_count(const struct place *place)
{
    int64_t value = 0;
    const enum nba_status status =
        nba_yaml_integer(place->node, (int64_t)place->key->min, (int64_t)place->key->max, &value,
                         place->parse->error);
    *(uint32_t *)place->field = (uint32_t)value;
    return status;
}

static enum nba_status read_word(const struct place *place)
{
    size_t index = 0;
    const enum nba_status status =
        nba_yaml_word(place->node, place->key->words, &index, place->parse->error);
    *(unsigned *)place->field = (unsigned)index + place->key->first;
    return status;
}

/* One word or a list of words, a bit each. */
static enum nba_status read_mask(const struct place *place)
{
    const bool list = place->node->kind == NBA_YAML_LIST;
    const struct nba_yaml_node *n = list ? place->node->first : place->node;
    uint32_t mask = 0;
    if (n == NULL) {
        return nba_yaml_fail(place->node, place->parse->error, "expected at least one word");
    }
    for (; n != NULL; n = list ? n->next : NULL) {
        size_t index = 0;
        const enum nba_status status =
            nba_yaml_word(n, place->key->words, &index, place->parse->error);
        const uint32_t bit = 1u << (index + place->key->first);
        if (status != NBA_OK) {
            return status;
        }
        if ((mask & bit) != 0) {
            return nba_yaml_fail(n, place->parse->error, "expected each word once");
        }
        mask |= bit;
    }
    *(uint32_t *)place->field = mask;
    return NBA_OK;
}

static enum nba_status read_by_channel(const struct place *place)
{
    const char *const *channels = nba_policy_channels;
    struct place one = {place->parse, NULL, place->key->each, NULL, place->field};
    enum nba_status status =
        nba_yaml_check_keys(place->node, channels + 1, NULL, place->parse->error);
    for (unsigned c = 1; c < NBA_CHANNEL_COUNT && status == NBA_OK; c++) {
        one.node = nba_yaml_get(place->node, channels[c]);
        one.field = (char *)place->field + c * one.key->at;
        status = one.node != NULL ? one.key->read(&one) : NBA_OK;
    }
    return status;
}

static enum nba_status read_items(const struct place *place)
{
    struct policy_parse *parse = place->parse;
    const struct items *items = place->key->items;
    uint32_t *count = (uint32_t *)(void *)((char *)parse->policy + items->count_at);
    enum nba_status status = nba_yaml_expect(place->node, items->kind, parse->error);
    if (status == NBA_OK &&
        (place->node->count < items->min || place->node->count > items->max - *count)) {
        return nba_yaml_fail(place->node, parse->error, "expected %u to %u %s", items->min,
                             items->max, items->what);
    }
    const struct nba_yaml_node *n = status == NBA_OK ? place->node->first : NULL;
    for (; n != NULL && status == NBA_OK; n = n->next) {
        struct place item = {parse, n, place->key, NULL, NULL};
        item.field = (char *)place->field + *count * items->item_bytes;
        if (items->blank != NULL) {
            memcpy(item.field, items->blank, items->item_bytes);
        }
        ++*count;
        status = items->keys != NULL ? read_table(parse, items->keys, n, item.field)
                                     : items->read(&item);
    }
    return status;
}

/* A name for the rule that no other rule has. */
static enum nba_status read_id(const struct place *place)
{
    struct policy_parse *parse = place->parse;
    const enum nba_status status = read_text(place);
    for (uint32_t i = 0; i < parse->id_count && status == NBA_OK; i++) {
        if (nba_str_equal(parse->ids[i]->text, place->node->text)) {
            return nba_yaml_fail(place->node, parse->error,
                                 "expected a new id, line %u has this one", parse->ids[i]->line);
        }
    }
    NBA_ASSERT(parse->id_count < POLICY_IDS_MAX);
    parse->ids[parse->id_count++] = place->node;
    return status;
}

/* The row's `first` is the kind of rule, whose mixed conditions have a limit together. */
static enum nba_status read_conditions(const struct place *place)
{
    struct policy_parse *parse = place->parse;
    struct condition_list *list = place->field;
    uint32_t *mixed = &parse->mixed_count[place->key->first];
    const enum nba_status status = nba_condition_read(parse, place->node, false, list);
    if (status == NBA_OK && list->count < (uint32_t)place->key->min) {
        return nba_yaml_fail(place->node, parse->error, "expected at least one condition");
    }
    for (uint32_t i = 0; i < list->count && status == NBA_OK; i++) {
        *mixed += list->items[i].kind == CONDITION_MIXED;
    }
    return status != NBA_OK || *mixed <= POLICY_MIXED_MAX
               ? status
               : nba_yaml_fail(place->node, parse->error,
                               "expected at most %u conditions that compare a candidate with the "
                               "event or the HCP",
                               POLICY_MIXED_MAX);
}

static enum nba_status read_applies_to(const struct place *place)
{
    return nba_condition_read(place->parse, place->node, true, place->field);
}

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

static enum nba_status read_event_type(const struct place *place)
{
    bool *decide_on = place->parse->policy->decide_on;
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
    if (decide_on[type]) {
        return nba_yaml_fail(node, error, "expected each event type once");
    }
    decide_on[type] = true;
    return NBA_OK;
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
        read_table(place->parse, place->key->each, place->node, exclusion);
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
        read_by_channel(&(struct place){parse, place->node, place->key, NULL, market->models});
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
    return read_count(&(struct place){place->parse, place->node, &bounds, NULL, &rule->count});
}

static enum nba_status read_bots(const struct place *place)
{
    *(uint32_t *)place->field = 0;
    const enum nba_status status = nba_yaml_expect(place->node, NBA_YAML_LIST, place->parse->error);
    return status == NBA_OK && place->node->count != 0 ? read_mask(place) : status;
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
static const char *const scopes[] = {"content", "topic", "brand", "channel", NULL};

static const struct key one_model = {"", read_word, sizeof(enum consent_model),
                                     .words = consent_models, .first = CONSENT_MODEL_OPT_IN};
static const struct key one_expiry = {"", read_duration, .at = sizeof(struct nba_duration)};
static const struct key one_threshold = {"", read_number, sizeof(double), .min = 0, .max = 1};

#define AT(member) offsetof(struct nba_exclusion, member)
static const struct key exclusion_keys[] = {
    {"id", read_id, .at = AT(id), .needed = "a name for the rule"},
    {"content_id", read_target, .first = NBA_EXCLUDE_CONTENT},
    {"brand", read_target, .first = NBA_EXCLUDE_BRAND},
    {"campaign_id", read_target, .first = NBA_EXCLUDE_CAMPAIGN},
    {"reason", read_text, .at = AT(reason)},
    {"by", read_text, .at = AT(by)},
    {"until", read_time, .at = AT(until_ms)},
    {0},
};
#undef AT

#define AT(member) offsetof(struct policy_suppression, member)
static const struct key suppression_keys[] = {
    {"id", read_id, .at = AT(id), .needed = "a name for the rule"},
    {"track", read_mask, .at = AT(track), .needed = "outcomes such as [opened, clicked]",
     .words = outcomes + 1, .first = 1},
    {"scope", read_mask, .at = AT(scope), .needed = "content, topic, brand or channel",
     .words = scopes},
    {"channel", read_mask, .at = AT(channels), .words = nba_policy_channels + 1, .first = 1},
    {"count", read_outcomes, .min = 1},
    {"within", read_duration, .at = AT(within), .needed = "a duration"},
    {"hold", read_duration, .at = AT(hold),
     .needed = "a duration: a hold without end is not taken"},
    {0},
};
#undef AT

#define AT(member) offsetof(struct policy_rule, member)
static const struct key engagement_keys[] = {
    {"id", read_id, .at = AT(id), .needed = "a name for the rule"},
    {"applies_to", read_applies_to, .at = AT(applies_to)},
    {"require", read_conditions, .at = AT(require), .needed = "a map of conditions", .min = 1},
    {0},
};
static const struct key lever_keys[] = {
    {"until", read_time, .at = AT(until_ms)},
    {"id", read_id, .at = AT(id), .needed = "a name for the rule"},
    {"when", read_conditions, .at = AT(require), .needed = "a map of conditions", .first = 1},
    {"add", read_number, .at = AT(add), .needed = "a number of percent", .min = -100, .max = 1000},
    {0},
};
#undef AT

#define AT(member) offsetof(struct nba_policy, member)
static const struct policy_suppression one_outcome = {.count = 1};
static const struct policy_rule blanks[] = {
    {.until_ms = INT64_MAX, .reason = NBA_REASON_ELIGIBILITY},
    {.until_ms = INT64_MAX, .reason = NBA_REASON_APPLICABILITY},
    {.until_ms = INT64_MAX, .reason = NBA_REASON_SUITABILITY},
    {.until_ms = INT64_MAX, .lever = false},
    {.until_ms = INT64_MAX, .lever = true},
};
enum { BRANDS, TYPES, MARKETS, EXCLUSIONS, SUPPRESSIONS, ENGAGEMENTS, WEIGHTS = ENGAGEMENTS + 3 };
#define OF(type, count)     sizeof(type), AT(count)
#define RULES(count, blank) OF(struct policy_rule, count), 0, POLICY_RULES_MAX, "rules", blank
static const struct items items[] = {
    [BRANDS] = {NBA_YAML_LIST, NULL, read_text, OF(struct nba_str, brand_count), 1,
                POLICY_BRANDS_MAX, "brands", NULL},
    [TYPES] = {NBA_YAML_LIST, NULL, read_event_type, 0, AT(decide_on_count), 0,
               NBA_EVENT_TYPE_COUNT, "types", NULL},
    [MARKETS] = {NBA_YAML_MAP, NULL, read_market, OF(struct policy_market, market_count), 0,
                 POLICY_MARKETS_MAX, "markets", NULL},
    [EXCLUSIONS] = {NBA_YAML_LIST, NULL, read_exclusion, OF(struct nba_exclusion, exclusion_count),
                    0, NBA_EXCLUSIONS_MAX, "exclusions", NULL},
    [SUPPRESSIONS] = {NBA_YAML_LIST, suppression_keys, NULL,
                      OF(struct policy_suppression, suppression_count), 0, POLICY_RULES_MAX,
                      "rules", &one_outcome},
    [ENGAGEMENTS] = {NBA_YAML_LIST, engagement_keys, NULL, RULES(engagements.count, &blanks[0])},
    {NBA_YAML_LIST, engagement_keys, NULL, RULES(engagements.count, &blanks[1])},
    {NBA_YAML_LIST, engagement_keys, NULL, RULES(engagements.count, &blanks[2])},
    [WEIGHTS] = {NBA_YAML_LIST, lever_keys + 1, NULL,
                 RULES(weights.count, &blanks[3])}, /* they have no end */
    {NBA_YAML_LIST, lever_keys, NULL, RULES(weights.count, &blanks[4])},
};

static const struct key policy_keys[] = {
    {"policy_version", read_text, .at = AT(head.version), .needed = "a text"},
    {"tenant", read_text, .at = AT(head.tenant), .needed = "the tenant's id"},
    {"mode", read_word, .at = AT(head.mode), .words = modes},
    {"clock", read_word, .at = AT(head.clock), .words = clocks},
    {"allowed_lateness", read_duration, .at = AT(allowed_lateness)},
    {"brands", read_items, .at = AT(brands), .items = &items[BRANDS]},
    {"decide_on", read_items, .needed = "a list of event types", .items = &items[TYPES]},
    {"exclusions", read_items, .at = AT(exclusions), .each = exclusion_keys,
     .items = &items[EXCLUSIONS]},
    {"consent", read_map, .needed = "default, models and max_age"},
    {.name = "consent.default", .read = read_consent_default},
    {"consent.models", read_items, .at = AT(markets), .needed = "a map of markets",
     .each = &one_model, .items = &items[MARKETS]},
    {"consent.max_age", read_duration, .at = AT(consent_max_age)},
    {.name = "engagement_policies", .read = read_map},
    {"engagement_policies.eligibility", read_items, .at = AT(engagements.items),
     .items = &items[ENGAGEMENTS]},
    {"engagement_policies.applicability", read_items, .at = AT(engagements.items),
     .items = &items[ENGAGEMENTS + 1]},
    {"engagement_policies.suitability", read_items, .at = AT(engagements.items),
     .items = &items[ENGAGEMENTS + 2]},
    {.name = "contact_policies", .read = read_map},
    {"contact_policies.suppressions", read_items, .at = AT(suppressions),
     .items = &items[SUPPRESSIONS]},
    {.name = "contact_policies.limits"},
    {.name = "contact_policies.capacity"},
    {.name = "contact_policies.release_on"},
    {.name = "arbitration", .read = read_map},
    {"arbitration.formula", read_word, .at = AT(formula), .words = formulas},
    {"arbitration.context_weights", read_items, .at = AT(weights.items), .items = &items[WEIGHTS]},
    {"arbitration.levers", read_items, .at = AT(weights.items), .items = &items[WEIGHTS + 1]},
    {"arbitration.propensity_threshold", read_by_channel, .at = AT(threshold),
     .each = &one_threshold},
    {.name = "arbitration.exploration"},
    {"slate", read_map, .needed = "size and max_per"},
    {"slate.size", read_count, .at = AT(slate.size), .needed = "a whole number from 1 to 25",
     .min = 1, .max = NBA_SLATE_MAX},
    {.name = "slate.max_per", .read = read_map},
    {"slate.max_per.channel", read_count, .at = AT(slate.max_channel), .min = 1,
     .max = NBA_SLATE_MAX},
    {"slate.max_per.topic", read_count, .at = AT(slate.max_topic), .min = 1, .max = NBA_SLATE_MAX},
    {"slate.max_per.brand", read_count, .at = AT(slate.max_brand), .min = 1, .max = NBA_SLATE_MAX},
    {"slate.max_per.action_type", read_count, .at = AT(slate.max_action_type), .min = 1,
     .max = NBA_SLATE_MAX},
    {.name = "timing", .read = read_map},
    {"timing.expiry", read_by_channel, .at = AT(expiry), .each = &one_expiry},
    {.name = "timing.quiet_hours"},
    {.name = "timing.send_time"},
    {.name = "engagement_filters", .read = read_map},
    {"engagement_filters.ignore_bots", read_bots, .at = AT(ignored_bots), .words = bots + 1,
     .first = 1},
    {.name = "engagement_filters.min_seconds_after_delivery"},
    {.name = "audit", .read = read_map},
    {.name = "audit.candidates", .read = read_audit},
    {"audit.explain_top", read_count, .at = AT(head.explain_top), .min = 0,
     .max = NBA_EXPLAINED_MAX},
    {.name = "missing_timezone"},
    {.name = "experiments"},
    {.name = "triggers"},
    {0},
};
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
    for (unsigned i = 0; i < NBA_CHANNEL_COUNT; i++) {
        policy->expiry[i] = (struct nba_duration){0, POLICY_EXPIRY_DEFAULT_MS};
    }
    return read_table(parse, policy_keys, root, policy);
}
