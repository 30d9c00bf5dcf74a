/*
 * Conditions of rules: a field, an operator, constants or another field.  All values are texts or
 * lists of texts; a single text is a list of one, an absent one a list of none.
 *
 * Where both sides are known decides when a condition is settled: a candidate against constants
 * when a funnel is made, the event or the HCP against constants once a decision, a candidate
 * against event or HCP (mixed) once a decision and class of candidates.
 */
#include <stddef.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/state/hcp.h"
#include "policy_internal.h"

/* What a field is a part of: the candidate's two parts come first. */
enum part { OF_CONTENT, OF_TREATMENT, OF_EVENT, OF_EVENT_CONTEXT, OF_PROFILE, OF_HCP_CONTEXT };
/* How it is stored. */
enum form {
    FORM_TEXT,
    FORM_FIRST, /* of a list of texts */
    FORM_LIST,  /* an array of texts and its count */
    FORM_WORD,  /* an enum, named by `words` */
    FORM_FLAG,
};

struct condition_field {
    const char *name;
    enum part part;
    enum form form;
    size_t at, count_at;
    const char *const *words; /* of FORM_WORD; the first stands for 0 */
};

static const char *const flags[] = {"true", "false", NULL};
static const char *const saturations[] = {
    "unknown", [NBA_UNDERSATURATED] = "undersaturated", [NBA_ON_TARGET] = "on_target",
    [NBA_SATURATED] = "saturated", NULL};

#define FIELD(in, type, form_, member) \
    .part = in, .form = FORM_##form_, .at = offsetof(struct type, member)
#define CONTENT(form, member)   FIELD(OF_CONTENT, nba_content, form, member)
#define TREATMENT(form, member) FIELD(OF_TREATMENT, nba_treatment, form, member)
#define EVENT(form, member)     FIELD(OF_EVENT, nba_event, form, member)
#define CONTEXT(form, member)   FIELD(OF_EVENT_CONTEXT, condition_context, form, member)
#define PROFILE(form, member)   FIELD(OF_PROFILE, nba_hcp_profile, form, member)

static const struct condition_field candidate_fields[] = {
    {"brand", CONTENT(TEXT, brand)},
    {"topic", CONTENT(FIRST, topic_ids)},
    {"channel", TREATMENT(WORD, channel), .words = nba_policy_channels},
    {"action_type", TREATMENT(WORD, action_type), .words = nba_policy_action_types},
    {"class", CONTENT(WORD, content_class), .words = nba_policy_classes},
    {"campaign_id", CONTENT(FIRST, campaign_ids)},
    {"content_id", CONTENT(TEXT, content_id)},
    {"family_id", CONTENT(TEXT, family_id)},
    {"asset_type", CONTENT(TEXT, asset_type)},
    {"business_unit", CONTENT(TEXT, business_unit)},
    {"event_id", CONTENT(TEXT, event_id)},
    {0},
};
static const struct condition_field event_fields[] = {
    {"type", EVENT(WORD, type), .words = nba_policy_event_types},
    {"topic", CONTEXT(TEXT, event_topic)},
    {"brand", CONTEXT(TEXT, event_brand)},
    {"channel", CONTEXT(WORD, event_channel), .words = nba_policy_channels},
    {"content_id", EVENT(TEXT, content_id)},
    {"campaign_id", EVENT(TEXT, campaign_id)},
    {0},
};
static const struct condition_field hcp_fields[] = {
    {"market", PROFILE(TEXT, market)},
    {"region", PROFILE(TEXT, region)},
    {"language", PROFILE(TEXT, language)},
    {"rep_id", PROFILE(TEXT, rep_id)},
    {"territory_id", PROFILE(TEXT, territory_id)},
    {"open_complaint", PROFILE(FLAG, open_complaint)},
    {"contact_saturation", FIELD(OF_HCP_CONTEXT, condition_context, WORD, contact_saturation),
     .words = saturations},
    {"specialties", PROFILE(LIST, specialties),
     .count_at = offsetof(struct nba_hcp_profile, specialty_count)},
    {"interests", PROFILE(LIST, interests),
     .count_at = offsetof(struct nba_hcp_profile, interest_count)},
    {"registered_events", PROFILE(LIST, registered_events),
     .count_at = offsetof(struct nba_hcp_profile, registered_count)},
    {0},
};

static const struct {
    const char *prefix;
    const struct condition_field *fields;
} sources[] = {{"candidate.", candidate_fields}, {"event.", event_fields}, {"hcp.", hcp_fields}};

/* For single values, for lists, or for both. */
enum operand { SINGLE, LIST, EITHER };

static const struct {
    const char *name;
    enum operand left;
    bool many; /* constants come as a list */
    bool negate;
} operators[] = {
    {"eq", SINGLE, false, false},        {"ne", SINGLE, false, true},
    {"in", SINGLE, true, false},         {"not_in", SINGLE, true, true},
    {"any_of", LIST, true, false},       {"contains", LIST, false, false},
    {"not_contains", LIST, false, true}, {"exists", EITHER, false, false},
};

static bool of_candidate(const struct condition_value *value)
{
    return value->field != NULL && value->field->part <= OF_TREATMENT;
}

static bool is_list(const struct condition_value *value)
{
    return value->field->form == FORM_LIST;
}

static enum condition_kind kind_of(const struct condition *condition)
{
    const bool left = of_candidate(&condition->left);
    const bool right = of_candidate(&condition->right);
    if (left && (right || condition->right.field == NULL)) {
        return CONDITION_STATIC;
    }
    return left || right ? CONDITION_MIXED : CONDITION_DYNAMIC;
}

static bool of_event(const struct condition_value *value)
{
    return value->field != NULL &&
           (value->field->part == OF_EVENT || value->field->part == OF_EVENT_CONTEXT);
}

bool nba_condition_asks_event(const struct condition *condition)
{
    return of_event(&condition->left) || of_event(&condition->right);
}

/* ---- reading ---- */

/* "event.topic": its source; without a known prefix the candidate, and *ret_name the whole. */
static const struct condition_field *split(struct nba_str text, struct nba_str *ret_name)
{
    *ret_name = text;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(sources); i++) {
        const size_t bytes = strlen(sources[i].prefix);
        if (text.bytes > bytes && memcmp(text.data, sources[i].prefix, bytes) == 0) {
            *ret_name = nba_str(text.data + bytes, text.bytes - bytes);
            return sources[i].fields;
        }
    }
    return candidate_fields;
}

static enum nba_status find_field(const struct policy_parse *parse,
                                  const struct nba_yaml_node *node, bool at_key,
                                  struct nba_str name, const struct condition_field *fields,
                                  const struct condition_field **ret_field)
{
    const char *names[NBA_ARRAY_COUNT(candidate_fields)] = {NULL};
    for (size_t i = 0; fields[i].name != NULL; i++) {
        names[i] = fields[i].name;
        if (nba_str_is(name, fields[i].name)) {
            *ret_field = &fields[i];
            return NBA_OK;
        }
    }
    const char *near = nba_yaml_nearest(name, names);
    const char *head = near != NULL ? "; did you mean '" : "";
    const char *tail = near != NULL ? "'?" : "";
    near = near != NULL ? near : "";
    return at_key ? nba_yaml_fail_key(node, parse->error, "unknown field%s%s%s", head, near, tail)
                  : nba_yaml_fail(node, parse->error, "unknown field%s%s%s", head, near, tail);
}

/* Closed word lists are checked here: a misspelt channel would never hold. */
static enum nba_status check_word(struct policy_parse *parse, const struct condition_field *field,
                                  const struct nba_yaml_node *node)
{
    enum nba_event_type type = NBA_EVENT_UNKNOWN;
    struct nba_str text = {0};
    size_t index = 0;
    if (field->words == nba_policy_event_types) {
        return nba_event_type_of(node->text, &type)
                   ? NBA_OK
                   : nba_yaml_fail(node, parse->error, "expected an event type, got '%.*s'",
                                   NBA_STR_ARG(node->text));
    }
    if (field->form == FORM_WORD || field->form == FORM_FLAG) {
        return nba_yaml_word(node, field->form == FORM_FLAG ? flags : field->words + 1, &index,
                             parse->error);
    }
    return strcmp(field->name, "brand") == 0 ? nba_policy_check_brand(parse, node)
                                             : nba_yaml_text(node, &text, parse->error);
}

/* One constant or a list of them. */
static enum nba_status read_constants(struct policy_parse *parse, const struct nba_yaml_node *node,
                                      bool list, struct condition *condition)
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
        status = check_word(parse, condition->left.field, item);
        items[i] = item->text;
    }
    condition->right.constants = (struct nba_str_list){items, count};
    return status;
}

/* {eq: value}: exactly one operator, whose value is a constant, a list or another field. */
static enum nba_status read_operator(struct policy_parse *parse, const struct nba_yaml_node *node,
                                     bool constants_only, struct condition *condition)
{
    static const char *const later[] = {"gt", "gte", "lt", "lte", "count_within", "since", NULL};
    const char *names[NBA_ARRAY_COUNT(operators) + 1] = {NULL};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(operators); i++) {
        names[i] = operators[i].name;
    }
    const enum nba_status status = nba_yaml_check_keys(node, names, later, parse->error);
    if (status != NBA_OK) {
        return status;
    }
    if (node->count != 1) {
        return nba_yaml_fail(node, parse->error, "expected one operator, got %u", node->count);
    }
    const struct nba_yaml_node *value = node->first;
    size_t op = 0;
    while (!nba_str_is(value->key->text, operators[op].name)) {
        op++;
    }
    condition->negate = operators[op].negate;
    if (operators[op].left == EITHER) {
        bool exists = false;
        condition->exists = true;
        const enum nba_status read = nba_yaml_bool(value, &exists, parse->error);
        condition->negate = !exists;
        return read;
    }
    if ((operators[op].left == LIST) != is_list(&condition->left)) {
        return nba_yaml_fail_key(
            value, parse->error,
            is_list(&condition->left)
                ? "expected any_of, contains, not_contains or exists: this field is a list"
                : "expected eq, ne, in, not_in or exists: this field is a single value");
    }
    struct nba_str name;
    const struct condition_field *fields = split(value->text, &name);
    if (value->kind != NBA_YAML_SCALAR || value->quoted || name.bytes == value->text.bytes) {
        return read_constants(parse, value, operators[op].many, condition);
    }
    return constants_only ? nba_yaml_fail(value, parse->error, "expected a constant")
                          : find_field(parse, value, false, name, fields, &condition->right.field);
}

static enum nba_status read_condition(struct policy_parse *parse, const struct nba_yaml_node *node,
                                      bool constants_only, struct condition *condition)
{
    struct nba_str name;
    const struct condition_field *fields = split(node->key->text, &name);
    if (constants_only && fields != candidate_fields) {
        return nba_yaml_fail_key(node, parse->error, "expected a field of the candidate");
    }
    const enum nba_status status =
        find_field(parse, node, true, name, fields, &condition->left.field);
    if (status != NBA_OK) {
        return status;
    }
    if (node->kind == NBA_YAML_MAP) {
        return read_operator(parse, node, constants_only, condition);
    }
    return is_list(&condition->left)
               ? nba_yaml_fail(node, parse->error, "expected an operator such as {any_of: [...]}")
               : read_constants(parse, node, node->kind == NBA_YAML_LIST, condition);
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
        items[n->index].kind = kind_of(&items[n->index]);
    }
    *ret_list = (struct condition_list){items, map->count};
    return status;
}

/* ---- asking ---- */

const char *nba_condition_field(const struct condition *condition, const char **ret_source)
{
    const struct condition_field *field = condition->left.field;
    if (condition->right.field != NULL || condition->exists || is_list(&condition->left)) {
        return NULL;
    }
    *ret_source = sources[field->part <= OF_TREATMENT ? 0
                          : field->part >= OF_PROFILE ? 2
                                                      : 1]
                      .prefix;
    return field->name;
}

static const char *part_of(const struct condition_context *context, enum part part)
{
    switch (part) {
    case OF_CONTENT:
        return (const char *)context->content;
    case OF_TREATMENT:
        return (const char *)context->treatment;
    case OF_EVENT:
        return (const char *)context->event;
    case OF_EVENT_CONTEXT:
        return context->event != NULL ? (const char *)context : NULL;
    case OF_HCP_CONTEXT:
        return (const char *)context;
    case OF_PROFILE:
        break;
    }
    return (const char *)&context->hcp->profile;
}

static struct nba_str_list texts_of(const struct condition_value *value,
                                    const struct condition_context *context, struct nba_str *single)
{
    const struct condition_field *field = value->field;
    if (field == NULL) {
        return value->constants;
    }
    const char *part = part_of(context, field->part);
    if (part == NULL) {
        return (struct nba_str_list){NULL, 0};
    }
    const void *at = part + field->at;
    const struct nba_str_list *list = at;
    switch (field->form) {
    case FORM_TEXT:
        *single = *(const struct nba_str *)at;
        break;
    case FORM_FIRST:
        *single = list->count != 0 ? list->items[0] : nba_str("", 0);
        break;
    case FORM_LIST:
        return (struct nba_str_list){at, *(const uint32_t *)(const void *)(part + field->count_at)};
    case FORM_WORD:
        *single = nba_str_of(field->words[*(const unsigned *)at]);
        break;
    case FORM_FLAG:
        *single = nba_str_of(flags[*(const bool *)at ? 0 : 1]);
        break;
    }
    return (struct nba_str_list){single, single->bytes != 0};
}

bool nba_condition_holds(const struct condition *condition, const struct condition_context *context)
{
    struct nba_str singles[2];
    const struct nba_str_list left = texts_of(&condition->left, context, &singles[0]);
    if (condition->exists) {
        return (left.count != 0) != condition->negate;
    }
    const struct nba_str_list right = texts_of(&condition->right, context, &singles[1]);
    bool found = false;
    for (uint32_t i = 0; i < left.count && !found; i++) {
        for (uint32_t j = 0; j < right.count && !found; j++) {
            found = left.items[i].bytes != 0 && nba_str_equal(left.items[i], right.items[j]);
        }
    }
    return found != condition->negate;
}

struct nba_str_list nba_condition_texts(const struct condition *condition, bool candidate,
                                        const struct condition_context *context,
                                        struct nba_str *single)
{
    const bool left = of_candidate(&condition->left) == candidate;
    return texts_of(left ? &condition->left : &condition->right, context, single);
}
