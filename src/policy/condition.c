/*
 * Conditions of rules: a field, an operator, constants or another field.  All values are texts or
 * lists of texts; a single text is a list of one, an absent one a list of none.
 *
 * Where both sides are known decides when a condition is settled: a candidate against constants
 * when a funnel is made, the event or the HCP against constants once a decision, a candidate
 * against event or HCP (mixed) once a decision and class of candidates.
 */
#include <string.h>

#include "nba/base/assert.h"
#include "nba/catalog/catalog.h"
#include "nba/state/hcp.h"
#include "policy_internal.h"

static const char *const candidate_fields[] = {
    "brand",      "topic",     "channel",    "action_type",   "class",    "campaign_id",
    "content_id", "family_id", "asset_type", "business_unit", "event_id", NULL};
static const char *const event_fields[] = {"type",       "topic",       "brand", "channel",
                                           "content_id", "campaign_id", NULL};
static const char *const hcp_fields[] = {
    "market",      "region",    "language",          "rep_id", "territory_id", "open_complaint",
    "specialties", "interests", "registered_events", NULL};
static const char *const operators[] = {"eq",       "ne",           "in",     "not_in", "any_of",
                                        "contains", "not_contains", "exists", NULL};
static const char *const later_operators[] = {"gt",           "gte",   "lt", "lte",
                                              "count_within", "since", NULL};

static const struct {
    const char *prefix;
    enum value_source source;
    const char *const *fields;
} sources[] = {
    {"candidate.", SOURCE_CANDIDATE, candidate_fields},
    {"event.", SOURCE_EVENT, event_fields},
    {"hcp.", SOURCE_HCP, hcp_fields},
};

static bool find_field(struct nba_str name, const char *const *fields, uint32_t *ret_field)
{
    for (uint32_t i = 0; fields[i] != NULL; i++) {
        if (nba_str_is(name, fields[i])) {
            *ret_field = i;
            return true;
        }
    }
    return false;
}

/* "event.topic" into source and field; false: no such prefix. */
static bool split_field(struct nba_str text, size_t *ret_source, struct nba_str *ret_name)
{
    for (size_t i = 0; i < NBA_ARRAY_COUNT(sources); i++) {
        const size_t bytes = strlen(sources[i].prefix);
        if (text.bytes > bytes && memcmp(text.data, sources[i].prefix, bytes) == 0) {
            *ret_source = i;
            *ret_name = nba_str(text.data + bytes, text.bytes - bytes);
            return true;
        }
    }
    return false;
}

static enum nba_status fail_field(const struct policy_parse *parse,
                                  const struct nba_yaml_node *node, bool at_key,
                                  struct nba_str name, const char *const *fields)
{
    const char *nearest = nba_yaml_nearest(name, fields);
    const char *head = nearest != NULL ? "; did you mean '" : "";
    const char *tail = nearest != NULL ? "'?" : "";
    nearest = nearest != NULL ? nearest : "";
    return at_key
               ? nba_yaml_fail_key(node, parse->error, "unknown field%s%s%s", head, nearest, tail)
               : nba_yaml_fail(node, parse->error, "unknown field%s%s%s", head, nearest, tail);
}

/* The left side: the key of a condition.  Without a prefix it is the candidate's. */
static enum nba_status read_left(struct policy_parse *parse, const struct nba_yaml_node *node,
                                 bool constants_only, struct condition_value *ret_left)
{
    size_t source = 0;
    struct nba_str name = node->key->text;
    const bool prefixed = split_field(node->key->text, &source, &name);
    if (constants_only && prefixed && sources[source].source != SOURCE_CANDIDATE) {
        return nba_yaml_fail_key(node, parse->error, "expected a field of the candidate");
    }
    if (!find_field(name, sources[source].fields, &ret_left->field)) {
        return fail_field(parse, node, true, name, sources[source].fields);
    }
    ret_left->source = sources[source].source;
    return NBA_OK;
}

/* Closed word lists are checked here: a misspelt channel would never hold. */
static enum nba_status check_word(struct policy_parse *parse, const struct condition_value *left,
                                  const struct nba_yaml_node *node)
{
    static const char *const action_types[] = {
        "email",        "rep_email",      "rep_call", "rep_call_objective",
        "event_invite", "portal_content", "insight",  NULL};
    static const char *const classes[] = {"promotional", "medical", NULL};
    static const char *const flags[] = {"true", "false", NULL};
    const bool of_candidate = left->source == SOURCE_CANDIDATE;
    const bool of_event = left->source == SOURCE_EVENT;
    size_t index = 0;
    if (of_candidate ? left->field == CANDIDATE_CHANNEL
                     : of_event && left->field == EVENT_CHANNEL) {
        return nba_yaml_word(node, nba_policy_channels, &index, parse->error);
    }
    if (of_candidate && left->field == CANDIDATE_ACTION_TYPE) {
        return nba_yaml_word(node, action_types, &index, parse->error);
    }
    if (of_candidate && left->field == CANDIDATE_CLASS) {
        return nba_yaml_word(node, classes, &index, parse->error);
    }
    if (left->source == SOURCE_HCP && left->field == HCP_OPEN_COMPLAINT) {
        return nba_yaml_word(node, flags, &index, parse->error);
    }
    enum nba_event_type type = NBA_EVENT_UNKNOWN;
    if (of_event && left->field == EVENT_TYPE && !nba_event_type_of(node->text, &type)) {
        return nba_yaml_fail(node, parse->error, "expected an event type, got '%.*s'",
                             NBA_STR_ARG(node->text));
    }
    if ((of_candidate && left->field == CANDIDATE_BRAND) ||
        (of_event && left->field == EVENT_BRAND)) {
        return nba_policy_check_brand(parse, node);
    }
    struct nba_str text = {0};
    return nba_yaml_text(node, &text, parse->error);
}

/* One constant or a list of them. */
static enum nba_status read_constants(struct policy_parse *parse,
                                      const struct condition_value *left,
                                      const struct nba_yaml_node *node, bool list,
                                      struct nba_str_list *ret_list)
{
    enum nba_status status =
        nba_yaml_expect(node, list ? NBA_YAML_LIST : NBA_YAML_SCALAR, parse->error);
    if (status != NBA_OK) {
        return status;
    }
    const uint32_t count = list ? node->count : 1;
    if (count == 0) {
        return nba_yaml_fail(node, parse->error, "expected at least one value");
    }
    struct nba_str *items = nba_arena_zeros(&parse->policy->arena, count, sizeof(*items));
    if (items == NULL) {
        return nba_error_set(parse->error, NBA_E_NO_MEMORY, "policy: out of memory");
    }
    const struct nba_yaml_node *item = list ? node->first : node;
    for (uint32_t i = 0; i < count && status == NBA_OK; i++, item = item->next) {
        status = check_word(parse, left, item);
        items[i] = item->text;
    }
    *ret_list = (struct nba_str_list){items, count};
    return status;
}

/* The right side: `field` of another source, or constants. */
static enum nba_status read_right(struct policy_parse *parse, const struct nba_yaml_node *node,
                                  bool constants_only, struct condition *condition)
{
    const bool wants_list = condition->op == OPERATOR_IN || condition->op == OPERATOR_NOT_IN ||
                            condition->op == OPERATOR_ANY_OF;
    size_t source = 0;
    struct nba_str name = {0};
    if (node->kind == NBA_YAML_SCALAR && !node->quoted && split_field(node->text, &source, &name)) {
        if (constants_only) {
            return nba_yaml_fail(node, parse->error, "expected a constant");
        }
        if (!find_field(name, sources[source].fields, &condition->right.field)) {
            return fail_field(parse, node, false, name, sources[source].fields);
        }
        condition->right.source = sources[source].source;
        return NBA_OK;
    }
    condition->right.source = SOURCE_CONSTANT;
    return read_constants(parse, &condition->left, node, wants_list, &condition->right.list);
}

static bool is_list_field(const struct condition_value *value)
{
    return value->source == SOURCE_HCP && value->field >= HCP_SPECIALTIES;
}

/* Operators for lists go with lists, those for single values with single ones. */
static enum nba_status check_operator(struct policy_parse *parse, const struct nba_yaml_node *node,
                                      const struct condition *condition)
{
    const bool list = is_list_field(&condition->left);
    const bool for_list = condition->op == OPERATOR_ANY_OF || condition->op == OPERATOR_CONTAINS ||
                          condition->op == OPERATOR_NOT_CONTAINS;
    if (condition->op == OPERATOR_EXISTS || list == for_list) {
        return NBA_OK;
    }
    return nba_yaml_fail_key(node, parse->error,
                             list ? "expected any_of, contains, not_contains or exists: this field "
                                    "is a list"
                                  : "expected eq, ne, in, not_in or exists: this field is a single "
                                    "value");
}

/* {eq: value}: exactly one operator. */
static enum nba_status read_operator(struct policy_parse *parse, const struct nba_yaml_node *node,
                                     bool constants_only, struct condition *condition)
{
    enum nba_status status = nba_yaml_check_keys(node, operators, later_operators, parse->error);
    if (status != NBA_OK) {
        return status;
    }
    if (node->count != 1) {
        return nba_yaml_fail(node, parse->error, "expected one operator, got %u", node->count);
    }
    const struct nba_yaml_node *value = node->first;
    uint32_t op = 0;
    const bool found = find_field(value->key->text, operators, &op);
    NBA_ASSERT(found);
    condition->op = (enum condition_operator)op;
    condition->negate = op == OPERATOR_NE || op == OPERATOR_NOT_IN || op == OPERATOR_NOT_CONTAINS;
    status = check_operator(parse, value, condition);
    if (status != NBA_OK) {
        return status;
    }
    if (condition->op == OPERATOR_EXISTS) {
        bool exists = false;
        status = nba_yaml_bool(value, &exists, parse->error);
        condition->negate = !exists;
        return status;
    }
    return read_right(parse, value, constants_only, condition);
}

static enum nba_status read_condition(struct policy_parse *parse, const struct nba_yaml_node *node,
                                      bool constants_only, struct condition *ret_condition)
{
    struct condition condition = {.op = OPERATOR_IN};
    enum nba_status status = read_left(parse, node, constants_only, &condition.left);
    if (status != NBA_OK) {
        return status;
    }
    if (node->kind == NBA_YAML_MAP) {
        status = read_operator(parse, node, constants_only, &condition);
    } else if (is_list_field(&condition.left)) {
        status = nba_yaml_fail(node, parse->error, "expected an operator such as {any_of: [...]}");
    } else {
        condition.right.source = SOURCE_CONSTANT;
        status = read_constants(parse, &condition.left, node, node->kind == NBA_YAML_LIST,
                                &condition.right.list);
    }
    *ret_condition = condition;
    return status;
}

enum nba_status nba_condition_read(struct policy_parse *parse, const struct nba_yaml_node *map,
                                   bool constants_only, struct condition_list *ret_list)
{
    enum nba_status status = nba_yaml_expect(map, NBA_YAML_MAP, parse->error);
    if (status != NBA_OK) {
        return status;
    }
    if (map->count > POLICY_CONDITIONS_MAX) {
        return nba_yaml_fail(map, parse->error, "expected at most %u conditions",
                             POLICY_CONDITIONS_MAX);
    }
    struct condition *items =
        nba_arena_zeros(&parse->policy->arena, map->count + 1, sizeof(*items));
    if (items == NULL) {
        return nba_error_set(parse->error, NBA_E_NO_MEMORY, "policy: out of memory");
    }
    for (const struct nba_yaml_node *n = map->first; n != NULL && status == NBA_OK; n = n->next) {
        status = read_condition(parse, n, constants_only, &items[n->index]);
    }
    *ret_list = (struct condition_list){items, map->count};
    return status;
}

/* ---- asking ---- */

bool nba_condition_is_static(const struct condition *condition)
{
    const bool right_free =
        condition->right.source == SOURCE_CONSTANT || condition->right.source == SOURCE_CANDIDATE;
    return condition->left.source == SOURCE_CANDIDATE && right_free;
}

bool nba_condition_is_dynamic(const struct condition *condition)
{
    return condition->left.source != SOURCE_CANDIDATE &&
           condition->right.source != SOURCE_CANDIDATE;
}

static struct nba_str first_of(struct nba_str_list list)
{
    return list.count != 0 ? list.items[0] : nba_str("", 0);
}

static struct nba_str candidate_text(uint32_t field, const struct nba_catalog *catalog,
                                     uint32_t candidate)
{
    const struct nba_content *content = nba_catalog_content(catalog, candidate);
    const struct nba_treatment *treatment = nba_catalog_treatment(catalog, candidate);
    switch ((enum candidate_field)field) {
    case CANDIDATE_BRAND:
        return content->brand;
    case CANDIDATE_TOPIC:
        return first_of(content->topic_ids);
    case CANDIDATE_CHANNEL:
        return nba_str_of(nba_channel_name(treatment->channel));
    case CANDIDATE_ACTION_TYPE:
        return nba_str_of(nba_action_type_name(treatment->action_type));
    case CANDIDATE_CLASS:
        return nba_str_of(nba_content_class_name(content->content_class));
    case CANDIDATE_CAMPAIGN:
        return first_of(content->campaign_ids);
    case CANDIDATE_CONTENT_ID:
        return content->content_id;
    case CANDIDATE_FAMILY_ID:
        return content->family_id;
    case CANDIDATE_ASSET_TYPE:
        return content->asset_type;
    case CANDIDATE_BUSINESS_UNIT:
        return content->business_unit;
    case CANDIDATE_EVENT_ID:
        return content->event_id;
    case CANDIDATE_FIELD_COUNT:
        break;
    }
    return nba_str("", 0);
}

static struct nba_str event_text(uint32_t field, const struct condition_context *context)
{
    const struct nba_event *event = context->event;
    if (event == NULL) {
        return nba_str("", 0);
    }
    switch ((enum event_field)field) {
    case EVENT_TYPE:
        return nba_str_of(nba_event_type_name(event->type));
    case EVENT_TOPIC:
        return context->event_topic;
    case EVENT_BRAND:
        return context->event_brand;
    case EVENT_CHANNEL:
        return nba_str_of(nba_channel_name(nba_event_channel(event)));
    case EVENT_CONTENT_ID:
        return event->content_id;
    case EVENT_CAMPAIGN:
        return event->campaign_id;
    case EVENT_FIELD_COUNT:
        break;
    }
    return nba_str("", 0);
}

/* Single values of the HCP; lists are handled by texts_of. */
static struct nba_str hcp_text(uint32_t field, const struct nba_hcp_profile *profile)
{
    switch ((enum hcp_field)field) {
    case HCP_MARKET:
        return profile->market;
    case HCP_REGION:
        return profile->region;
    case HCP_LANGUAGE:
        return profile->language;
    case HCP_REP_ID:
        return profile->rep_id;
    case HCP_TERRITORY_ID:
        return profile->territory_id;
    case HCP_OPEN_COMPLAINT:
        return nba_str_of(profile->open_complaint ? "true" : "false");
    case HCP_SPECIALTIES:
    case HCP_INTERESTS:
    case HCP_REGISTERED_EVENTS:
    case HCP_FIELD_COUNT:
        break;
    }
    return nba_str("", 0);
}

/* The values of an event's or HCP's field; constants too.  `single` holds a lone one. */
static struct nba_str_list texts_of(const struct condition_value *value,
                                    const struct condition_context *context, struct nba_str *single)
{
    if (value->source == SOURCE_CONSTANT) {
        return value->list;
    }
    const struct nba_hcp_profile *profile = &context->hcp->profile;
    if (is_list_field(value)) {
        switch ((enum hcp_field)value->field) {
        case HCP_SPECIALTIES:
            return (struct nba_str_list){profile->specialties, profile->specialty_count};
        case HCP_INTERESTS:
            return (struct nba_str_list){profile->interests, profile->interest_count};
        case HCP_REGISTERED_EVENTS:
            return (struct nba_str_list){profile->registered_events, profile->registered_count};
        case HCP_MARKET:
        case HCP_REGION:
        case HCP_LANGUAGE:
        case HCP_REP_ID:
        case HCP_TERRITORY_ID:
        case HCP_OPEN_COMPLAINT:
        case HCP_FIELD_COUNT:
            break;
        }
    }
    *single = value->source == SOURCE_EVENT ? event_text(value->field, context)
                                            : hcp_text(value->field, profile);
    return (struct nba_str_list){single, single->bytes != 0};
}

static bool share_one(struct nba_str_list a, struct nba_str_list b)
{
    for (uint32_t i = 0; i < a.count; i++) {
        for (uint32_t j = 0; j < b.count; j++) {
            if (a.items[i].bytes != 0 && nba_str_equal(a.items[i], b.items[j])) {
                return true;
            }
        }
    }
    return false;
}

bool nba_condition_holds_static(const struct condition *condition,
                                const struct nba_catalog *catalog, uint32_t candidate)
{
    NBA_ASSERT(nba_condition_is_static(condition));
    const struct nba_str left = candidate_text(condition->left.field, catalog, candidate);
    if (condition->op == OPERATOR_EXISTS) {
        return (left.bytes != 0) != condition->negate;
    }
    struct nba_str_list right = condition->right.list;
    struct nba_str single = {0};
    if (condition->right.source == SOURCE_CANDIDATE) {
        single = candidate_text(condition->right.field, catalog, candidate);
        right = (struct nba_str_list){&single, 1};
    }
    return share_one((struct nba_str_list){&left, 1}, right) != condition->negate;
}

bool nba_condition_holds_dynamic(const struct condition *condition,
                                 const struct condition_context *context)
{
    NBA_ASSERT(nba_condition_is_dynamic(condition));
    struct nba_str singles[2] = {{0}, {0}};
    const struct nba_str_list left = texts_of(&condition->left, context, &singles[0]);
    if (condition->op == OPERATOR_EXISTS) {
        return (left.count != 0) != condition->negate;
    }
    const struct nba_str_list right = texts_of(&condition->right, context, &singles[1]);
    return share_one(left, right) != condition->negate;
}

struct nba_str nba_condition_candidate_text(const struct condition *condition,
                                            const struct nba_catalog *catalog, uint32_t candidate)
{
    const bool left = condition->left.source == SOURCE_CANDIDATE;
    return candidate_text(left ? condition->left.field : condition->right.field, catalog,
                          candidate);
}

uint32_t nba_condition_other_texts(const struct condition *condition,
                                   const struct condition_context *context,
                                   struct nba_str *ret_texts)
{
    const bool left = condition->left.source == SOURCE_CANDIDATE;
    struct nba_str single = {0};
    const struct nba_str_list list =
        texts_of(left ? &condition->right : &condition->left, context, &single);
    const uint32_t count =
        list.count < NBA_HCP_REGISTERED_MAX ? list.count : NBA_HCP_REGISTERED_MAX;
    for (uint32_t i = 0; i < count; i++) {
        ret_texts[i] = list.items[i];
    }
    return count;
}
