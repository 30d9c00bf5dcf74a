/* YAML into sections.  Every name is checked against the table of fields while it is read, so that
 * applying a mapping can only fail by what stands in a row. */
#include "nba/ingest/mapping.h"

#include <stdlib.h>
#include <string.h>

#include "mapping_internal.h"
#include "nba/base/assert.h"

#define ARENA_BYTES_MAX (16u << 20)
#define FIELDS_MAX      64u

struct load {
    struct nba_mapping *mapping;
    struct section *section;
    struct nba_error *error;
};

static const char *const kind_names[] = {
#define NBA_X(constant, word) word,
    NBA_IMPORT_KIND_MAP(NBA_X)
#undef NBA_X
        NULL};

const char *nba_import_kind_name(enum nba_import_kind kind)
{
    NBA_ASSERT(kind < NBA_IMPORT_KIND_COUNT);
    return kind_names[kind];
}

static void *take(struct load *load, size_t count, size_t size)
{
    void *memory = nba_arena_zeros(&load->mapping->arena, count > 0 ? count : 1, size);
    if (memory == NULL) {
        (void)nba_error_set(load->error, NBA_E_NO_MEMORY, "out of memory");
    }
    return memory;
}

/* The index of a column of the section, added when new. */
static enum nba_status use_column(struct load *load, const struct nba_yaml_node *node,
                                  size_t *ret_column)
{
    struct nba_str name;
    struct section *section = load->section;
    const enum nba_status status = nba_yaml_text(node, &name, load->error);
    if (status != NBA_OK) {
        return status;
    }
    for (size_t i = 0; i < section->column_count; i++) {
        if (nba_str_is(name, section->columns[i])) {
            *ret_column = i;
            return NBA_OK;
        }
    }
    if (section->column_count == NBA_ROW_COLUMNS_MAX) {
        return nba_yaml_fail(node, load->error, "more than %u columns", NBA_ROW_COLUMNS_MAX);
    }
    section->columns[section->column_count] = name.data;
    *ret_column = section->column_count;
    section->column_count++;
    return NBA_OK;
}

/* nba_yaml_check_keys with the field names of a table. */
static enum nba_status check_fields(const struct nba_yaml_node *map, const struct field *table,
                                    struct nba_error *error)
{
    const char *names[FIELDS_MAX + 1];
    size_t count = 0;
    for (const struct field *field = table; field->name != NULL; field++) {
        NBA_ASSERT(count < FIELDS_MAX);
        names[count] = field->name;
        count++;
    }
    names[count] = NULL;
    const enum nba_status status = nba_yaml_expect(map, NBA_YAML_MAP, error);
    return status == NBA_OK ? nba_yaml_check_keys(map, names, NULL, error) : status;
}

static enum nba_status load_values(struct load *load, const struct nba_yaml_node *map,
                                   struct assignment *assignment)
{
    enum nba_status status = nba_yaml_expect(map, NBA_YAML_MAP, load->error);
    if (status != NBA_OK) {
        return status;
    }
    struct value_word *values = take(load, map->count, sizeof(*values));
    if (values == NULL) {
        return NBA_E_NO_MEMORY;
    }
    size_t count = 0;
    for (const struct nba_yaml_node *at = map->first; at != NULL && status == NBA_OK;
         at = at->next) {
        values[count].from = at->key->text;
        status = nba_yaml_string(at, &values[count].to, load->error);
        count++;
    }
    assignment->values = values;
    assignment->value_count = count;
    return status;
}

static enum nba_status load_character(const struct nba_yaml_node *node, char *ret_character,
                                      struct nba_error *error)
{
    struct nba_str text;
    const enum nba_status status = nba_yaml_string(node, &text, error);
    if (status == NBA_OK && text.bytes != 1) {
        return nba_yaml_fail(node, error, "expected one character");
    }
    if (status == NBA_OK) {
        *ret_character = text.data[0];
    }
    return status;
}

/* {column: C, values: {...}, default: D, unit: U, split: S} */
static enum nba_status load_column_map(struct load *load, const struct nba_yaml_node *map,
                                       struct assignment *assignment)
{
    static const char *const keys[] = {"column", "values", "default", "unit", "split", NULL};
    static const char *const units[] = {"rfc3339", "ms", "s", NULL};
    enum nba_status status = nba_yaml_check_keys(map, keys, NULL, load->error);
    const struct nba_yaml_node *node = nba_yaml_get(map, "column");
    if (status == NBA_OK && node == NULL) {
        return nba_yaml_fail_missing(map, "column", "the name of a column", load->error);
    }
    if (status == NBA_OK) {
        status = use_column(load, node, &assignment->column);
    }
    node = nba_yaml_get(map, "values");
    if (status == NBA_OK && node != NULL) {
        status = load_values(load, node, assignment);
    }
    node = nba_yaml_get(map, "default");
    if (status == NBA_OK && node != NULL) {
        assignment->has_default = true;
        status = nba_yaml_string(node, &assignment->otherwise, load->error);
    }
    node = nba_yaml_get(map, "unit");
    if (status == NBA_OK && node != NULL) {
        size_t unit = 0;
        status = assignment->field->kind == FIELD_TIME
                     ? nba_yaml_word(node, units, &unit, load->error)
                     : nba_yaml_fail(node, load->error, "only a time has a unit");
        assignment->unit = (enum time_unit)unit;
    }
    node = nba_yaml_get(map, "split");
    if (status == NBA_OK && node != NULL) {
        status = assignment->field->kind == FIELD_LIST
                     ? load_character(node, &assignment->split, load->error)
                     : nba_yaml_fail(node, load->error, "only a list is split");
    }
    return status;
}

/* A constant must be readable as its field; lists are YAML lists or one text. */
static enum nba_status load_constant(struct load *load, const struct nba_yaml_node *node,
                                     struct assignment *assignment)
{
    unsigned char scratch[sizeof(struct profile_target) > sizeof(union target)
                              ? sizeof(struct profile_target)
                              : sizeof(union target)];
    struct nba_error reason = {NBA_OK, ""};
    if (node->kind == NBA_YAML_LIST && assignment->field->kind == FIELD_LIST) {
        struct nba_buf joined;
        enum nba_status status = NBA_OK;
        nba_buf_init(&joined, NBA_YAML_BYTES_MAX);
        for (const struct nba_yaml_node *at = node->first; at != NULL && status == NBA_OK;
             at = at->next) {
            struct nba_str item;
            status = nba_yaml_text(at, &item, load->error);
            nba_buf_printf(&joined, "%s", at == node->first ? "" : "\x1f");
            nba_buf_append_str(&joined, status == NBA_OK ? item : nba_str(NULL, 0));
        }
        assignment->split = '\x1f';
        assignment->constant = nba_arena_copy(&load->mapping->arena, nba_buf_str(&joined));
        nba_buf_clear(&joined);
        return status;
    }
    const enum nba_status status = nba_yaml_string(node, &assignment->constant, load->error);
    if (status != NBA_OK) {
        return status;
    }
    memset(scratch, 0, sizeof(scratch));
    if (nba_field_set(assignment->field, assignment->constant, TIME_RFC3339, '\0',
                      &load->mapping->arena, scratch, &reason) != NBA_OK) {
        return nba_yaml_fail(node, load->error, "%s", reason.message);
    }
    return NBA_OK;
}

/* A map from field names to columns, or to constants. */
static enum nba_status load_assignments(struct load *load, const struct nba_yaml_node *map,
                                        const struct field *table, bool constants,
                                        struct assignments *ret_assignments)
{
    enum nba_status status = check_fields(map, table, load->error);
    if (status != NBA_OK) {
        return status;
    }
    struct assignment *items = take(load, map->count, sizeof(*items));
    if (items == NULL) {
        return NBA_E_NO_MEMORY;
    }
    size_t count = 0;
    for (const struct nba_yaml_node *node = map->first; node != NULL && status == NBA_OK;
         node = node->next) {
        struct assignment *item = &items[count];
        item->field = nba_field_find(table, node->key->text);
        item->column = SIZE_MAX;
        item->unit = TIME_RFC3339;
        if (constants) {
            status = load_constant(load, node, item);
        } else if (node->kind == NBA_YAML_MAP) {
            status = load_column_map(load, node, item);
        } else {
            status = use_column(load, node, &item->column);
        }
        count++;
    }
    *ret_assignments = (struct assignments){items, count};
    return status;
}

static enum nba_status load_condition(struct load *load, const struct nba_yaml_node *node,
                                      struct condition *condition)
{
    enum nba_status status = use_column(load, node->key, &condition->column);
    const size_t count = node->kind == NBA_YAML_LIST ? node->count : 1;
    struct nba_str *words = take(load, count, sizeof(*words));
    if (words == NULL) {
        return NBA_E_NO_MEMORY;
    }
    if (node->kind != NBA_YAML_LIST) {
        status = status == NBA_OK ? nba_yaml_string(node, &words[0], load->error) : status;
    } else {
        size_t k = 0;
        for (const struct nba_yaml_node *at = node->first; at != NULL && status == NBA_OK;
             at = at->next) {
            status = nba_yaml_string(at, &words[k], load->error);
            k++;
        }
    }
    condition->words = words;
    condition->word_count = count;
    return status;
}

static enum nba_status load_when(struct load *load, const struct nba_yaml_node *map,
                                 struct rule *rule, struct nba_buf *text)
{
    enum nba_status status = nba_yaml_expect(map, NBA_YAML_MAP, load->error);
    if (status != NBA_OK) {
        return status;
    }
    rule->conditions = take(load, map->count, sizeof(*rule->conditions));
    if (rule->conditions == NULL) {
        return NBA_E_NO_MEMORY;
    }
    for (const struct nba_yaml_node *node = map->first; node != NULL && status == NBA_OK;
         node = node->next) {
        struct condition *condition = &rule->conditions[rule->condition_count];
        status = load_condition(load, node, condition);
        rule->condition_count++;
        for (size_t i = 0; i < condition->word_count && status == NBA_OK; i++) {
            if (i == 0) {
                nba_buf_printf(text, "%s%.*s=", text->bytes > 0 ? " + " : "",
                               NBA_STR_ARG(node->key->text));
            }
            nba_buf_printf(text, "%s%.*s", i > 0 ? "|" : "", NBA_STR_ARG(condition->words[i]));
        }
    }
    return status;
}

static enum nba_status load_rule(struct load *load, const struct nba_yaml_node *map,
                                 struct rule *rule, struct nba_buf *text)
{
    static const char *const keys[] = {"when", "type", "skip", "set", NULL};
    enum nba_status status = nba_yaml_expect(map, NBA_YAML_MAP, load->error);
    if (status == NBA_OK) {
        status = nba_yaml_check_keys(map, keys, NULL, load->error);
    }
    const struct nba_yaml_node *node = nba_yaml_get(map, "when");
    if (status == NBA_OK && node != NULL) {
        status = load_when(load, node, rule, text);
    }
    node = nba_yaml_get(map, "skip");
    if (status == NBA_OK && node != NULL) {
        status = nba_yaml_bool(node, &rule->skip, load->error);
    }
    node = nba_yaml_get(map, "type");
    if (status == NBA_OK && (node != NULL) == rule->skip) {
        return nba_yaml_fail(map, load->error, "expected either a type or skip: true");
    }
    if (status == NBA_OK && node != NULL) {
        struct nba_str word;
        status = nba_yaml_text(node, &word, load->error);
        if (status == NBA_OK && !nba_event_type_of(word, &rule->type)) {
            return nba_yaml_fail(node, load->error, "expected an event type, got '%.*s'",
                                 NBA_STR_ARG(word));
        }
    }
    node = nba_yaml_get(map, "set");
    if (status == NBA_OK && node != NULL) {
        status = load_assignments(load, node, nba_field_table(NBA_IMPORT_EVENTS), true, &rule->set);
    }
    nba_buf_printf(text, "%s -> %s", text->bytes > 0 ? "" : "any row",
                   rule->skip ? "skipped" : nba_event_type_name(rule->type));
    return status;
}

static enum nba_status load_rules(struct load *load, const struct nba_yaml_node *list)
{
    struct section *section = load->section;
    enum nba_status status = nba_yaml_expect(list, NBA_YAML_LIST, load->error);
    if (status == NBA_OK && list->count > NBA_MAPPING_RULES_MAX) {
        return nba_yaml_fail(list, load->error, "more than %u rules", NBA_MAPPING_RULES_MAX);
    }
    if (status != NBA_OK) {
        return status;
    }
    section->rules = take(load, list->count, sizeof(*section->rules));
    if (section->rules == NULL) {
        return NBA_E_NO_MEMORY;
    }
    for (const struct nba_yaml_node *node = list->first; node != NULL && status == NBA_OK;
         node = node->next) {
        struct nba_buf text;
        struct rule *rule = &section->rules[section->rule_count];
        nba_buf_init(&text, 4096);
        status = load_rule(load, node, rule, &text);
        nba_buf_append_byte(&text, '\0');
        if (status == NBA_OK) {
            rule->text = nba_arena_copy(&load->mapping->arena, nba_buf_str(&text)).data;
        }
        nba_buf_clear(&text);
        section->rule_count++;
    }
    return status;
}

/* treatments of contents, consents of profiles: constants, one message part each */
static enum nba_status load_lists(struct load *load, const struct nba_yaml_node *list,
                                  const struct field *table, size_t most)
{
    struct section *section = load->section;
    enum nba_status status = nba_yaml_expect(list, NBA_YAML_LIST, load->error);
    if (status == NBA_OK && list->count > most) {
        return nba_yaml_fail(list, load->error, "more than %zu entries", most);
    }
    if (status != NBA_OK) {
        return status;
    }
    section->lists = take(load, list->count, sizeof(*section->lists));
    if (section->lists == NULL) {
        return NBA_E_NO_MEMORY;
    }
    for (const struct nba_yaml_node *node = list->first; node != NULL && status == NBA_OK;
         node = node->next) {
        status = load_assignments(load, node, table, true, &section->lists[section->list_count]);
        section->list_count++;
    }
    return status;
}

static enum nba_status load_form(struct load *load, const struct nba_yaml_node *map)
{
    static const char *const formats[] = {"by_name", "csv", "tsv", "jsonl", "avro", NULL};
    static const char *const orders[] = {"file", "time", NULL};
    struct section *section = load->section;
    enum nba_status status = NBA_OK;
    size_t index = 0;
    const struct nba_yaml_node *node = nba_yaml_get(map, "format");
    if (node != NULL) {
        status = nba_yaml_word(node, formats, &index, load->error);
        section->format = (enum nba_row_format)index;
    }
    node = nba_yaml_get(map, "delimiter");
    if (status == NBA_OK && node != NULL) {
        status = load_character(node, &section->delimiter, load->error);
    }
    node = nba_yaml_get(map, "order");
    if (status == NBA_OK && node != NULL) {
        status = nba_yaml_word(node, orders, &index, load->error);
        section->sorts = index == 1;
    }
    return status;
}

static enum nba_status load_section(struct load *load, enum nba_import_kind kind,
                                    const struct nba_yaml_node *map)
{
    static const char *const keys[NBA_IMPORT_KIND_COUNT][9] = {
        {"columns", "constants", "rules", "format", "delimiter", "order", NULL},
        {"columns", "constants", "consents", "format", "delimiter", NULL},
        {"columns", "constants", "treatments", "format", "delimiter", NULL},
        {"columns", "constants", "format", "delimiter", NULL},
        {"columns", "constants", "format", "delimiter", NULL},
    };
    const struct nba_yaml_node *node = NULL;
    load->section = &load->mapping->sections[kind];
    load->section->present = true;
    enum nba_status status = nba_yaml_expect(map, NBA_YAML_MAP, load->error);
    if (status == NBA_OK) {
        status = nba_yaml_check_keys(map, keys[kind], NULL, load->error);
    }
    if (status == NBA_OK && nba_yaml_get(map, "columns") == NULL) {
        return nba_yaml_fail_missing(map, "columns", "a map from fields to columns", load->error);
    }
    if (status == NBA_OK) {
        status = load_form(load, map);
    }
    if (status == NBA_OK) {
        status = load_assignments(load, nba_yaml_get(map, "columns"), nba_field_table(kind), false,
                                  &load->section->fields);
    }
    node = nba_yaml_get(map, "constants");
    if (status == NBA_OK && node != NULL) {
        status =
            load_assignments(load, node, nba_field_table(kind), true, &load->section->constants);
    }
    if (status == NBA_OK && (node = nba_yaml_get(map, "rules")) != NULL) {
        status = load_rules(load, node);
    }
    if (status == NBA_OK && (node = nba_yaml_get(map, "treatments")) != NULL) {
        status = load_lists(load, node, nba_field_treatment_table(), NBA_TREATMENTS_MAX);
    }
    if (status == NBA_OK && (node = nba_yaml_get(map, "consents")) != NULL) {
        status = load_lists(load, node, nba_field_consent_table(), NBA_IMPORT_ITEMS_MAX - 1);
    }
    return status;
}

static enum nba_status load_tree(struct load *load)
{
    static const char *const keys[] = {"source", "events",    "profiles", "contents",
                                       "reps",   "campaigns", NULL};
    const struct nba_yaml_node *root = nba_yaml_root(load->mapping->tree);
    enum nba_status status = nba_yaml_expect(root, NBA_YAML_MAP, load->error);
    if (status == NBA_OK) {
        status = nba_yaml_check_keys(root, keys, NULL, load->error);
    }
    const struct nba_yaml_node *node = nba_yaml_get(root, "source");
    if (status == NBA_OK && node == NULL) {
        return nba_yaml_fail_missing(root, "source", "a name for the system the rows come from",
                                     load->error);
    }
    if (status == NBA_OK) {
        status = nba_yaml_text(node, &load->mapping->source, load->error);
    }
    for (int kind = 0; kind < NBA_IMPORT_KIND_COUNT && status == NBA_OK; kind++) {
        node = nba_yaml_get(root, kind_names[kind]);
        if (node != NULL) {
            status = load_section(load, (enum nba_import_kind)kind, node);
        }
    }
    return status;
}

enum nba_status nba_mapping_load(const char *path, struct nba_mapping **ret_mapping,
                                 struct nba_error *error)
{
    struct nba_mapping *mapping = calloc(1, sizeof(*mapping));
    if (mapping == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    nba_arena_init(&mapping->arena, ARENA_BYTES_MAX);
    struct load load = {mapping, NULL, error};
    enum nba_status status = nba_yaml_load(path, &mapping->tree, error);
    if (status == NBA_OK) {
        status = load_tree(&load);
    }
    if (status != NBA_OK) {
        nba_mapping_destroy(mapping);
        return status;
    }
    *ret_mapping = mapping;
    return NBA_OK;
}

void nba_mapping_destroy(struct nba_mapping *mapping)
{
    if (mapping != NULL) {
        nba_yaml_destroy(mapping->tree);
        nba_arena_clear(&mapping->arena);
        free(mapping);
    }
}

bool nba_mapping_has(const struct nba_mapping *mapping, enum nba_import_kind kind)
{
    return mapping->sections[kind].present;
}

enum nba_row_format nba_mapping_format(const struct nba_mapping *mapping, enum nba_import_kind kind)
{
    return mapping->sections[kind].format;
}

char nba_mapping_delimiter(const struct nba_mapping *mapping, enum nba_import_kind kind)
{
    return mapping->sections[kind].delimiter;
}

bool nba_mapping_sorts(const struct nba_mapping *mapping, enum nba_import_kind kind)
{
    return mapping->sections[kind].sorts;
}

const char *const *nba_mapping_columns(const struct nba_mapping *mapping, enum nba_import_kind kind,
                                       size_t *ret_count)
{
    *ret_count = mapping->sections[kind].column_count;
    return mapping->sections[kind].columns;
}

size_t nba_mapping_rule_count(const struct nba_mapping *mapping, enum nba_import_kind kind)
{
    const size_t count = mapping->sections[kind].rule_count;
    return count > 0 ? count : 1;
}

const char *nba_mapping_rule_text(const struct nba_mapping *mapping, enum nba_import_kind kind,
                                  size_t rule)
{
    const struct section *section = &mapping->sections[kind];
    return rule < section->rule_count ? section->rules[rule].text : "all rows";
}
